//! One marketplace on a port of its own, a requester with money, and workers.

use aws_sdk_mturk::config::retry::RetryConfig;
use aws_sdk_mturk::config::{BehaviorVersion, Credentials, Region, SharedHttpClient};
use aws_sdk_mturk::error::SdkError;
use aws_sdk_mturk::operation::create_hit::builders::CreateHITFluentBuilder;
use aws_sdk_mturk::types::Hit;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use chrono::{DateTime, Duration, Utc};
use kernel::clock::{SharedClock, SystemClock};
use kernel::money::Cents;
use kernel::secret::Keyring;
use market::clock::{Turn, Whose};
use market::engine::assignments::{self, Assignment, Wanted, WorkError};
use market::engine::workers;
use market::workers::bots::browser::{self, Browser};
use market::{MIGRATOR, Market, RequesterKeys, Settings, connections};
use secrecy::{ExposeSecret, SecretString};
use std::sync::{Arc, LazyLock};
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;

pub use aws_sdk_mturk::Client;

/// Building one reads the machine's root certificates; all tests share it.
static HTTP: LazyLock<SharedHttpClient> = LazyLock::new(|| {
    aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
});

pub const QUESTION: &str = "<ExternalQuestion xmlns=\"http://mechanicalturk.amazonaws.com/\
    AWSMechanicalTurkDataSchemas/2006-07-14/ExternalQuestion.xsd\"><ExternalURL>https://study.example/go?a=1&amp;b=2\
    </ExternalURL><FrameHeight>0</FrameHeight></ExternalQuestion>";

pub struct Place {
    pub market: Market,
    pub url: String,
    pub keys: RequesterKeys,
    pub client: Client,
    _server: Arc<DropGuard>,
}

impl Place {
    /// A marketplace whose clock stands still, and a requester with 1000 dollars.
    pub async fn open() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::at(Arc::new(SystemClock), change).await
    }

    /// … whose machine tells another time.
    pub async fn at(clock: SharedClock, change: impl FnOnce(&mut Settings)) -> Self {
        let pool = kernel::testing::database(&[&MIGRATOR]).await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let mut settings = Settings::new(url.parse().unwrap());
        change(&mut settings);
        let keyring = Keyring::new(&SecretString::from("k".repeat(32)), &[]).unwrap();
        let market = Market::new(pool, clock, keyring, settings);
        market.set_clock(Turn::Freeze).await.unwrap();
        let keys = market.create_requester("A lab", Cents(100_000)).await.unwrap();
        let stop = CancellationToken::new();
        let serve = axum::serve(connections::listen(listener), connections::service(market.router()))
            .with_graceful_shutdown(stop.clone().cancelled_owned());
        tokio::spawn(serve.into_future());
        let client = client(&url, &keys.access_key_id, keys.secret_access_key.expose_secret(), 1);
        Self { market, url, keys, client, _server: Arc::new(stop.drop_guard()) }
    }

    /// The same marketplace as another requester with 1000 dollars sees it.
    pub async fn beside(&self) -> Self {
        self.beside_with(Cents(100_000)).await
    }

    /// … with so much money.
    pub async fn beside_with(&self, balance: Cents) -> Self {
        let keys = self.market.create_requester("Another lab", balance).await.unwrap();
        let client = client(&self.url, &keys.access_key_id, keys.secret_access_key.expose_secret(), 1);
        let (market, url) = (self.market.clone(), self.url.clone());
        Self { market, url, keys, client, _server: Arc::clone(&self._server) }
    }

    /// A client that tries up to `attempts` times, as AWS's default does.
    pub fn patient(&self, attempts: u32) -> Client {
        client(&self.url, &self.keys.access_key_id, self.keys.secret_access_key.expose_secret(), attempts)
    }

    /// Another requester with 1000 dollars.
    pub async fn stranger(&self) -> Client {
        self.beside().await.client
    }

    pub async fn now(&self) -> DateTime<Utc> {
        self.market.clock().await.unwrap().1
    }

    pub async fn step(&self, by: Duration) {
        self.market.set_clock(Turn::Step(by)).await.unwrap();
    }

    /// The time of this place's requester.
    pub async fn own_now(&self) -> DateTime<Utc> {
        self.market.clock_of(&self.keys.requester_id).await.unwrap().1
    }

    /// Turns the clock of this place's requester only.
    pub async fn turn(&self, turn: Turn) {
        self.market.set_clock_of(&self.keys.requester_id, turn).await.unwrap();
    }

    pub async fn worker(&self, name: &str) -> String {
        let (mut tx, now) = self.market.begin().await.unwrap();
        let worker = workers::create(&mut tx, now, name, "no password").await.unwrap().unwrap();
        tx.commit().await.unwrap();
        worker.worker_id
    }

    /// Somebody with a browser who signed up on the worker site, and their id.
    pub async fn signed_up(&self, name: &str) -> (Browser, String) {
        let mut browser = Browser::new(browser::client().unwrap());
        let form = [("name", name), ("password", "a long enough password")];
        let form = form.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let page = browser.post(&self.page("sign-up"), &form).await.unwrap();
        let (_, rest) = page.body.split_once("data-worker-id=\"").expect("signed in");
        (browser, rest.split('"').next().unwrap().to_owned())
    }

    /// An address of the worker site.
    pub fn page(&self, path: &str) -> Url {
        format!("{}{path}", self.url).parse().unwrap()
    }

    pub async fn accept(&self, worker_id: &str, wanted: Wanted<'_>) -> Result<Assignment, WorkError> {
        let whose = match wanted {
            Wanted::Hit(id) => Whose::Hit(id),
            Wanted::Group(id) => Whose::HitType(id),
        };
        let (mut tx, now) = self.market.begin_of(whose).await?;
        let taken = assignments::accept(&mut tx, self.market.settings(), now, worker_id, wanted).await?;
        tx.commit().await?;
        Ok(taken)
    }

    pub async fn give_back(&self, worker_id: &str, assignment_id: &str) -> Result<(), WorkError> {
        let (mut tx, now) = self.market.begin_of(Whose::Assignment(assignment_id)).await?;
        assignments::give_back(&mut tx, now, worker_id, assignment_id).await?;
        Ok(tx.commit().await?)
    }

    pub async fn submit(&self, assignment_id: &str) -> Result<Assignment, WorkError> {
        let fields = [("assignmentId".into(), assignment_id.into()), ("code".into(), "done".into())];
        let (mut tx, now) = self.market.begin_of(Whose::Assignment(assignment_id)).await?;
        let handed_in = assignments::submit(&mut tx, now, assignment_id, None, &fields).await?;
        tx.commit().await?;
        Ok(handed_in)
    }

    /// A fresh worker who accepts and hands in; their id and the assignment's.
    pub async fn work(&self, name: &str, hit_id: &str) -> (String, String) {
        let worker_id = self.worker(name).await;
        let taken = self.accept(&worker_id, Wanted::Hit(hit_id)).await.unwrap();
        self.submit(&taken.assignment_id).await.unwrap();
        (worker_id, taken.assignment_id)
    }

    /// A call that publishes one dollar's work: an hour to accept, ten minutes to do.
    pub fn publish(&self, places: i32) -> CreateHITFluentBuilder {
        self.client
            .create_hit()
            .title("A decision task")
            .description("Play a short game")
            .keywords("game, study")
            .reward("1.00")
            .max_assignments(places)
            .lifetime_in_seconds(3600)
            .assignment_duration_in_seconds(600)
            .auto_approval_delay_in_seconds(86_400)
            .question(QUESTION)
    }

    pub async fn hit(&self, places: i32) -> String {
        self.publish(places).send().await.unwrap().hit.unwrap().hit_id.unwrap()
    }

    /// A kind of qualification; its id.
    pub async fn qualification(&self, name: &str) -> String {
        let active = aws_sdk_mturk::types::QualificationTypeStatus::Active;
        let call = self.client.create_qualification_type().name(name).description("What it means");
        let made = call.qualification_type_status(active).send().await.unwrap();
        made.qualification_type.unwrap().qualification_type_id.unwrap()
    }

    pub async fn grant(&self, id: &str, worker_id: &str, value: i32) {
        let call = self.client.associate_qualification_with_worker().qualification_type_id(id);
        let call = call.worker_id(worker_id).integer_value(value).send_notification(false);
        call.send().await.unwrap();
    }

    pub async fn look(&self, hit_id: &str) -> Hit {
        self.client.get_hit().hit_id(hit_id).send().await.unwrap().hit.unwrap()
    }

    /// What GetAccountBalance says: free and on hold.
    pub async fn balance(&self) -> (String, String) {
        let balance = self.client.get_account_balance().send().await.unwrap();
        (balance.available_balance.unwrap(), balance.on_hold_balance.unwrap())
    }
}

pub fn client(url: &str, access_key_id: &str, secret: &str, attempts: u32) -> Client {
    let config = aws_sdk_mturk::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .endpoint_url(url)
        .http_client(HTTP.clone())
        .retry_config(RetryConfig::standard().with_max_attempts(attempts))
        .credentials_provider(Credentials::new(access_key_id, secret, None, None, "test"));
    Client::from_conf(config.build())
}

/// A plain HTTP client.
pub fn http() -> reqwest::Client {
    // Another test may have installed it already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// An error answer as it came over the wire.
#[derive(Debug)]
pub struct Refused {
    pub status: u16,
    pub kind: String,
    pub message: String,
    pub code: Option<String>,
}

/// The error answer of a call that must have been refused.
pub fn refused<T: std::fmt::Debug, E: std::fmt::Debug>(result: Result<T, SdkError<E>>) -> Refused {
    let error = result.expect_err("a refusal");
    let response = error.raw_response().unwrap_or_else(|| panic!("no answer came: {error:?}"));
    let body: serde_json::Value = serde_json::from_slice(response.body().bytes().unwrap()).unwrap();
    let text = |name: &str| body.get(name).and_then(|value| value.as_str()).map(str::to_owned);
    Refused {
        status: response.status().as_u16(),
        kind: text("__type").unwrap(),
        message: text("Message").unwrap(),
        code: text("TurkErrorCode"),
    }
}

impl Refused {
    /// Holds the refusal against what was expected; `code` without its common prefix.
    #[track_caller]
    pub fn is(&self, kind: &str, code: &str, message: &str) {
        assert_eq!(self.kind, kind, "{self:?}");
        let found = self.code.as_deref().unwrap_or_default();
        assert_eq!(found.strip_prefix("AWS.MechanicalTurk.").unwrap_or(found), code, "{self:?}");
        assert!(self.message.contains(message), "{self:?}");
    }
}
