//! The pages for oTree sites, against a server that answers as oTree does.

use axum::http::StatusCode;
use kernel::money::Cents;
use otree_hr::accounts::AccountId;
use otree_hr::connections::{self, Environment, Keys, NewConnection};
use otree_hr::labs::LabId;
use otree_hr::studies::{self, draft};
use wiremock::matchers::{any, header, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::client::{Browser, Site};

const KEY: &str = "canary-rest-key-5";

async fn house() -> Site {
    Site::with(|config| config.allow_private = vec!["127.0.0.0/8".parse().unwrap()]).await
}

/// An oTree that knows [`KEY`]; without a key it says that one is missing.
async fn otree() -> MockServer {
    let server = MockServer::start().await;
    let configs = r#"[{"name": "solo", "display_name": "Solo <task>", "participation_fee": 1.5,
        "app_sequence": ["intro", "solo_task"], "mturk_hit_settings": {"title": "Pick a number"}}]"#;
    for (place, text) in
        [("/api/otree_version", r#"{"version": "6.0.15"}"#), ("/api/session_configs", configs)]
    {
        let asked = Mock::given(path(place)).and(header("otree-rest-key", KEY));
        asked
            .respond_with(ResponseTemplate::new(200).set_body_string(text))
            .with_priority(1)
            .mount(&server)
            .await;
    }
    let missing = ResponseTemplate::new(403).set_body_string("HTTP Request Header otree-rest-key is missing");
    Mock::given(any()).respond_with(missing).with_priority(9).mount(&server).await;
    server
}

/// Registers a site and gives its page's path.
async fn registered(browser: &Browser, lab: &str, address: &str, key: &str) -> String {
    let fields = [("name", "Lab server"), ("address", address), ("rest_key", key)];
    let answer = browser.post(&format!("{lab}/sites"), &fields).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    answer.location()
}

#[tokio::test]
async fn an_empty_lab_is_told_what_to_do() {
    let house = house().await;
    let (ada, lab) = house.person("Ada").await;
    let page = ada.get(&format!("{lab}/sites")).await;
    assert!(page.body.contains("No oTree site yet") && page.body.contains(&format!("{lab}/sites/new")));
    assert_eq!(ada.get(&format!("{lab}/sites/new")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_wrong_address_is_explained_beside_the_field_and_nothing_typed_is_lost() {
    let house = house().await;
    let (ada, lab) = house.person("Ada").await;
    for (address, words) in [
        ("otree.example.org", "write the whole address"),
        ("http://169.254.169.254", "private or reserved network"),
        ("ftp://otree.example.org", "must start with https"),
        ("https://me:pw@otree.example.org", "user name and password"),
    ] {
        let fields = [("name", "My & site"), ("address", address), ("rest_key", KEY)];
        let page = ada.post(&format!("{lab}/sites"), &fields).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        let error = page.between("id=\"address-error\">", "</small>").to_lowercase();
        assert!(error.contains(words), "{address}: {error}");
        assert!(page.body.contains("value=\"My &#38; site\""), "{}", page.body);
        assert!(page.body.contains(&format!("value=\"{address}\"")));
        assert!(page.body.contains("Enter the key once more") && !page.body.contains(KEY));
    }
    assert!(ada.get(&format!("{lab}/sites")).await.body.contains("No oTree site yet"));
}

#[tokio::test]
async fn a_registered_site_shows_at_once_what_the_check_found() {
    let (house, server) = (house().await, otree().await);
    let (ada, lab) = house.person("Ada").await;
    let page = registered(&ada, &lab, &format!("{}/demo?x=1", server.uri()), &format!(" {KEY}\n")).await;
    let page = ada.get(&page).await;
    assert!(page.body.contains("Lab server is registered."));
    for part in ["works", "6.0.15", "Solo &#60;task&#62;", "intro, solo_task", "1.50", "Pick a number"] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    assert!(!page.body.contains(KEY));
    let list = ada.get(&format!("{lab}/sites")).await;
    assert!(list.body.contains(&server.uri()) && !list.body.contains("/demo"), "{}", list.body);
    assert!(ada.get(&format!("{lab}/activity")).await.body.contains("registered the site “Lab server”"));
}

#[tokio::test]
async fn one_address_is_registered_once() {
    let (house, server) = (house().await, otree().await);
    let (ada, lab) = house.person("Ada").await;
    registered(&ada, &lab, &server.uri(), KEY).await;
    let fields = [("name", "Again"), ("address", &server.uri()), ("rest_key", "")];
    let page = ada.post(&format!("{lab}/sites"), &fields).await;
    assert!(page.between("id=\"address-error\">", "</small>").contains("already registered"));
}

#[tokio::test]
async fn a_missing_key_is_asked_for_and_can_be_added() {
    let (house, server) = (house().await, otree().await);
    let (ada, lab) = house.person("Ada").await;
    let site = registered(&ada, &lab, &server.uri(), "").await;
    assert!(ada.get(&site).await.body.contains("This site needs its REST key"));
    let edit = format!("{site}/edit");
    let page = ada.post(&edit, &[("name", "Ours"), ("rest_key", "with space")]).await;
    assert!(page.between("id=\"rest_key-error\">", "</small>").contains("without spaces"));
    assert_eq!(ada.post(&edit, &[("name", "Ours"), ("rest_key", KEY)]).await.location(), site);
    let page = ada.get(&site).await;
    assert!(
        page.body.contains("<h1>Ours</h1>") && !page.body.contains("needs its REST key"),
        "{}",
        page.body
    );
}

#[tokio::test]
async fn an_empty_field_keeps_the_key_and_a_tick_removes_it() {
    let (house, server) = (house().await, otree().await);
    let (ada, lab) = house.person("Ada").await;
    let site = registered(&ada, &lab, &server.uri(), KEY).await;
    let edit = format!("{site}/edit");
    ada.post(&edit, &[("name", "Ours"), ("rest_key", "")]).await;
    assert!(!ada.get(&site).await.body.contains("needs its REST key"));
    let both = ada.post(&edit, &[("name", "Ours"), ("rest_key", KEY), ("remove", "on")]).await;
    assert!(both.between("id=\"remove-error\">", "</small>").contains("Either"));
    ada.post(&edit, &[("name", "Ours"), ("remove", "on")]).await;
    assert!(ada.get(&site).await.body.contains("needs its REST key"));
}

#[tokio::test]
async fn a_check_on_demand_tells_what_has_changed() {
    let (house, server) = (house().await, otree().await);
    let (ada, lab) = house.person("Ada").await;
    let site = registered(&ada, &lab, &server.uri(), KEY).await;
    server.reset().await;
    assert_eq!(ada.post(&format!("{site}/check"), &[]).await.location(), site);
    let page = ada.get(&site).await;
    assert!(
        page.body.contains("There is no oTree API") && page.body.contains("As of the last check that worked")
    );
    let fragment = ada.get(&format!("{site}/status")).await;
    assert!(fragment.body.contains("There is no oTree API") && !fragment.body.contains("<html"));
}

#[tokio::test]
async fn an_unused_site_is_deleted_and_a_used_one_stays() {
    let (house, server) = (house().await, otree().await);
    let (ada, lab) = house.person("Ada").await;
    let site = registered(&ada, &lab, &server.uri(), KEY).await;
    let gone = registered(&ada, &lab, "http://127.0.0.1:9000", "").await;
    use_in_a_study(&house, &lab, &site).await;
    assert_eq!(ada.post(&format!("{site}/delete"), &[]).await.location(), site);
    assert!(ada.get(&site).await.body.contains("used by a study"));
    assert_eq!(ada.post(&format!("{gone}/delete"), &[]).await.location(), format!("{lab}/sites"));
    assert_eq!(ada.get(&gone).await.status, StatusCode::NOT_FOUND);
}

async fn use_in_a_study(house: &Site, lab: &str, site: &str) {
    let id = |path: &str| path.rsplit('/').next().unwrap().parse::<uuid::Uuid>().unwrap();
    let (mut conn, lab, now) =
        (house.app.pool.acquire().await.unwrap(), LabId(id(lab)), house.app.clock.now());
    let keys = Keys { access_key_id: "AKIDEXAMPLE".into(), secret: "secret".into() };
    let new = NewConnection { name: "AWS".into(), environment: Environment::Sandbox, custom: None, keys };
    let keyring = &house.app.config.keyring;
    let act = connections::Act { lab, by: None, at: now };
    let connection = connections::create(&mut conn, keyring, act, &new).await.unwrap();
    let typed = draft::Typed {
        name: "Pilot".into(),
        site: id(site).to_string(),
        connection: connection.to_string(),
        config: "solo".into(),
        places: "4".into(),
        reward: "1.00".into(),
        max_bonus: "5.00".into(),
        title: "Pick a number".into(),
        description: "Two minutes".into(),
        minutes: "30".into(),
        ..draft::Typed::default()
    };
    let draft = draft::parse(&typed).unwrap();
    let by: uuid::Uuid = sqlx::query_scalar("SELECT id FROM account").fetch_one(&mut *conn).await.unwrap();
    let budget = Cents(100_000);
    studies::store::insert(&mut conn, now, lab, AccountId(by), "sandbox", &draft, budget).await.unwrap();
}
