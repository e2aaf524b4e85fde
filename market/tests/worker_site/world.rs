//! A marketplace behind a real port, below a path prefix, with a requester who publishes.

use std::sync::Arc;

use axum::Router;
use chrono::Duration;
use kernel::clock::TestClock;
use kernel::money::Cents;
use kernel::secret::Keyring;
use market::engine::hit_types::{self, Properties};
use market::engine::lifetimes::{self, NewHit};
use market::workers::bots::browser::{Browser, Page, client};
use market::{Market, RequesterKeys, Settings};
use scraper::{Html, Selector};
use url::Url;

pub const PASSWORD: &str = "a long enough password";

pub struct World {
    pub market: Market,
    pub clock: Arc<TestClock>,
    pub requester_id: String,
    pub keys: RequesterKeys,
    base: Url,
}

/// Starts a marketplace of its own.
pub async fn world() -> World {
    world_with(|_| {}).await
}

/// … whose operator decided otherwise.
pub async fn world_with(change: impl FnOnce(&mut Settings)) -> World {
    let pool = kernel::testing::database(&[&market::MIGRATOR]).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base: Url = format!("http://{}/market/", listener.local_addr().unwrap()).parse().unwrap();
    let clock = TestClock::starting_now();
    let keyring = Keyring::new(&"0123456789abcdef0123456789abcdef".into(), &[]).unwrap();
    let mut settings = Settings { allow_http_questions: true, ..Settings::new(base.clone()) };
    change(&mut settings);
    let market = Market::new(pool, clock.clone(), keyring, settings);
    let app = Router::new().nest("/market", market.router());
    tokio::spawn(async move { axum::serve(listener, app).await });
    let keys = market.create_requester("Choice Lab", Cents(100_000)).await.unwrap();
    World { market, clock, requester_id: keys.requester_id.clone(), keys, base }
}

impl World {
    /// An address below the prefix.
    pub fn at(&self, path: &str) -> Url {
        self.base.join(if path.is_empty() { "../market" } else { path }).unwrap()
    }

    /// From now on the requester publishes HITs that pay real money.
    pub async fn pay_really(&self) {
        assert!(self.market.set_rehearsal(&self.requester_id, false).await.unwrap());
    }

    /// Publishes one HIT of the group with this title; its id and its group's.
    pub async fn publish(&self, title: &str, question: &str, places: i64) -> (String, String) {
        self.publish_for(title, question, places, serde_json::json!([])).await
    }

    /// The same for workers who meet the requirements.
    pub async fn publish_for(
        &self,
        title: &str,
        question: &str,
        places: i64,
        requirements: serde_json::Value,
    ) -> (String, String) {
        let (mut tx, now) = self.market.begin().await.unwrap();
        let properties = Properties {
            title: title.into(),
            description: "Two decisions, about two minutes.".into(),
            keywords: Some("bonus, study".into()),
            reward: Cents(150),
            assignment_duration: 1800,
            auto_approval_delay: 86_400 * 3,
            qualification_requirements: requirements,
        };
        let hit_type = hit_types::register(&mut tx, now, &self.requester_id, &properties).await.unwrap();
        let new = NewHit {
            question: question.into(),
            places,
            lifetime: Duration::days(1),
            requester_annotation: None,
            token: None,
        };
        let fees = &self.market.settings().fees;
        let hit = lifetimes::create(&mut tx, now, &self.requester_id, fees, &hit_type, &new).await.unwrap();
        tx.commit().await.unwrap();
        (hit.hit_id, hit_type)
    }

    /// A browser in which a new worker has signed up; their id.
    pub async fn worker(&self, name: &str) -> (Browser, String) {
        let mut browser = browser();
        let page = browser
            .post(&self.at("sign-up"), &form(&[("name", name), ("password", PASSWORD)]))
            .await
            .unwrap();
        let id = attribute(&page, "[data-worker-id]", "data-worker-id").expect("signed in");
        (browser, id)
    }

    /// Accepts a HIT of the group; the work page.
    pub async fn accept(&self, browser: &mut Browser, hit_type_id: &str) -> Page {
        browser.post(&self.at(&format!("groups/{hit_type_id}/accept")), &[]).await.unwrap()
    }
}

pub fn browser() -> Browser {
    Browser::new(client().unwrap())
}

pub fn form(fields: &[(&str, &str)]) -> Vec<(String, String)> {
    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The attribute of the first element that matches.
pub fn attribute(page: &Page, selector: &str, name: &str) -> Option<String> {
    let html = Html::parse_document(&page.body);
    html.select(&Selector::parse(selector).unwrap()).next()?.attr(name).map(str::to_owned)
}

/// The assignment of a work page.
pub fn assignment(page: &Page) -> String {
    attribute(page, "[data-assignment]", "data-assignment").expect("a work page")
}

pub fn external(url: &str) -> String {
    let url = url.replace('&', "&amp;");
    let schema =
        "http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2006-07-14/ExternalQuestion.xsd";
    format!(
        "<ExternalQuestion xmlns=\"{schema}\"><ExternalURL>{url}</ExternalURL><FrameHeight>600</FrameHeight></ExternalQuestion>"
    )
}

pub fn html_question(content: &str) -> String {
    let schema =
        "http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2011-11-11/HTMLQuestion.xsd";
    format!(
        "<HTMLQuestion xmlns=\"{schema}\"><HTMLContent><![CDATA[{content}]]></HTMLContent><FrameHeight>0</FrameHeight></HTMLQuestion>"
    )
}
