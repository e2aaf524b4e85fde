//! Connections against a real database, and their recruiters against a server on this machine.

use kernel::clock::TestClock;
use secrecy::ExposeSecret;
use serde_json::json;
use sqlx::PgPool;
use wiremock::matchers::{header_regex, method};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::config::{Config, SignUp};
use crate::recruiters::AskError;

/// An app whose marketplace is at `market`; users may reach the networks in `allow`.
async fn app(market: &str, allow: &[&str]) -> App {
    let pool = kernel::testing::database(&[&crate::MIGRATOR, &market::MIGRATOR]).await;
    let config = Config {
        database_url: None,
        database_connections: 5,
        data: "data".into(),
        listen: ([127, 0, 0, 1], 0).into(),
        public_url: "http://localhost:8000".parse().unwrap(),
        market_listen: None,
        market_frame: crate::config::FrameOrigin::Sandboxed,
        market_url: market.parse().unwrap(),
        market_words: std::collections::BTreeMap::new(),
        keyring: Keyring::new(&"0123456789abcdef0123456789abcdef".into(), &[]).unwrap(),
        sign_up: SignUp::Open,
        allow_private: allow.iter().map(|net| net.parse().unwrap()).collect(),
        mail: None,
        trust_proxy: false,
    };
    App::new(config, pool, TestClock::starting_now()).unwrap()
}

async fn lab(pool: &PgPool) -> LabId {
    let lab = LabId::new();
    sqlx::query("INSERT INTO lab (id, name, created_at) VALUES ($1, 'A lab', now())")
        .bind(lab)
        .execute(pool)
        .await
        .unwrap();
    lab
}

fn keys() -> Keys {
    Keys { access_key_id: "AKIAIOSFODNN7EXAMPLE".into(), secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCY".into() }
}

fn named(name: &str) -> NewConnection {
    NewConnection { name: name.into(), environment: Environment::Sandbox, custom: None, keys: keys() }
}

fn custom(endpoint: &str) -> NewConnection {
    let custom = Custom {
        endpoint: endpoint.parse().unwrap(),
        worker_site: "https://work.example.org".parse().unwrap(),
    };
    NewConnection { environment: Environment::Custom, custom: Some(custom), ..named("Custom") }
}

fn act(app: &App, lab: LabId) -> Act {
    Act { lab, by: None, at: app.clock.now() }
}

async fn made(app: &App, lab: LabId, new: &NewConnection) -> Result<ConnectionId, ConnectionError> {
    let mut conn = app.pool.acquire().await?;
    create(&mut conn, &app.config.keyring, act(app, lab), new).await
}

async fn found(app: &App, lab: LabId, id: ConnectionId) -> Option<Connection> {
    find(&mut app.pool.acquire().await.unwrap(), lab, id).await.unwrap()
}

async fn marketplace() -> MockServer {
    let server = MockServer::start().await;
    answer(&server, ResponseTemplate::new(200).set_body_json(json!({"AvailableBalance": "123.45"}))).await;
    server
}

async fn answer(server: &MockServer, answer: ResponseTemplate) {
    Mock::given(method("POST")).respond_with(answer).mount(server).await;
}

const NOWHERE: &str = "http://127.0.0.1:9";

#[tokio::test]
async fn a_stored_secret_is_sealed_and_opens_for_its_row_only() {
    let app = app(NOWHERE, &[]).await;
    let lab = lab(&app.pool).await;
    let (one, two) =
        (made(&app, lab, &named("One")).await.unwrap(), made(&app, lab, &named("Two")).await.unwrap());
    let mut conn = app.pool.acquire().await.unwrap();
    let stored = store::credentials(&mut conn, one).await.unwrap().unwrap();
    assert!(!String::from_utf8_lossy(&stored.secret_sealed).contains("wJalr"));
    let opened = app.config.keyring.open(&secret_place(lab, one), &stored.secret_sealed).unwrap();
    assert_eq!(opened.expose_secret(), keys().secret.expose_secret());
    assert!(app.config.keyring.open(&secret_place(lab, two), &stored.secret_sealed).is_err());
}

#[tokio::test]
async fn pages_learn_the_end_of_the_key_only() {
    let app = app(NOWHERE, &[]).await;
    let lab = lab(&app.pool).await;
    let id = made(&app, lab, &named("One")).await.unwrap();
    let shown = format!("{:?}", found(&app, lab, id).await.unwrap());
    assert!(shown.contains("…MPLE") && !shown.contains("AKIA") && !shown.contains("wJalr"), "{shown}");
}

#[tokio::test]
async fn another_lab_finds_changes_and_removes_nothing() {
    let app = app(NOWHERE, &[]).await;
    let (ours, theirs) = (lab(&app.pool).await, lab(&app.pool).await);
    let id = made(&app, ours, &named("One")).await.unwrap();
    let mut conn = app.pool.acquire().await.unwrap();
    assert_eq!(find(&mut conn, theirs, id).await.unwrap(), None);
    assert!(list(&mut conn, theirs).await.unwrap().is_empty());
    assert!(matches!(rename(&mut conn, act(&app, theirs), id, "Mine").await, Err(ConnectionError::Missing)));
    let replaced = replace_keys(&mut conn, &app.config.keyring, act(&app, theirs), id, &keys()).await;
    assert!(matches!(replaced, Err(ConnectionError::Missing)));
    assert!(matches!(remove(&mut conn, act(&app, theirs), id).await, Err(ConnectionError::Missing)));
    assert_eq!(found(&app, ours, id).await.unwrap().name, "One");
}

#[tokio::test]
async fn a_name_is_used_once_in_a_lab() {
    let app = app(NOWHERE, &[]).await;
    let (ours, theirs) = (lab(&app.pool).await, lab(&app.pool).await);
    made(&app, ours, &named("One")).await.unwrap();
    assert!(matches!(made(&app, ours, &named("One")).await, Err(ConnectionError::NameTaken)));
    assert!(made(&app, theirs, &named("One")).await.is_ok());
    let two = made(&app, ours, &named("Two")).await.unwrap();
    let mut conn = app.pool.acquire().await.unwrap();
    assert!(matches!(rename(&mut conn, act(&app, ours), two, "One").await, Err(ConnectionError::NameTaken)));
    rename(&mut conn, act(&app, ours), two, "Three").await.unwrap();
    let names: Vec<_> = list(&mut conn, ours).await.unwrap().into_iter().map(|c| c.name).collect();
    assert_eq!(names, ["One", "Three"]);
}

#[tokio::test]
async fn an_unused_connection_can_be_removed() {
    let app = app(NOWHERE, &[]).await;
    let lab = lab(&app.pool).await;
    let id = made(&app, lab, &named("One")).await.unwrap();
    remove(&mut app.pool.acquire().await.unwrap(), act(&app, lab), id).await.unwrap();
    assert_eq!(found(&app, lab, id).await, None);
    assert!(recruiter(&app, id).await.is_err());
}

#[tokio::test]
async fn a_good_test_stores_the_balance_and_other_keys_forget_it() {
    let server = marketplace().await;
    let app = app(&server.uri(), &[]).await;
    let lab = lab(&app.pool).await;
    let id = create_rehearsal(&app, act(&app, lab), "Rehearsal").await.unwrap();
    let connection = found(&app, lab, id).await.unwrap();
    assert_eq!(connection.trial, None);
    let trial = test(&app, &connection).await.unwrap();
    assert_eq!((trial.problem.clone(), trial.balance), (None, Some(Cents(12_345))));
    assert_eq!(found(&app, lab, id).await.unwrap().trial, Some(trial));

    let mut conn = app.pool.acquire().await.unwrap();
    replace_keys(&mut conn, &app.config.keyring, act(&app, lab), id, &keys()).await.unwrap();
    assert_eq!(found(&app, lab, id).await.unwrap().trial, None);
}

#[tokio::test]
async fn a_failed_test_says_why_and_keeps_the_last_balance() {
    let server = marketplace().await;
    let app = app(&server.uri(), &[]).await;
    let lab = lab(&app.pool).await;
    let id = create_rehearsal(&app, act(&app, lab), "Rehearsal").await.unwrap();
    test(&app, &found(&app, lab, id).await.unwrap()).await.unwrap();
    server.reset().await;
    let body = json!({"__type": "UnrecognizedClientException", "message": "The security token is invalid."});
    answer(&server, ResponseTemplate::new(400).set_body_json(body)).await;
    let trial = test(&app, &found(&app, lab, id).await.unwrap()).await.unwrap();
    assert!(trial.problem.unwrap().contains("does not know this access key"));
    assert_eq!(trial.balance, Some(Cents(12_345)));
}

#[tokio::test]
async fn one_click_makes_a_requester_of_the_marketplace_with_money_to_spend() {
    let app = app(NOWHERE, &[]).await;
    let lab = lab(&app.pool).await;
    let id = create_rehearsal(&app, act(&app, lab), "Rehearsal").await.unwrap();
    let connection = found(&app, lab, id).await.unwrap();
    assert_eq!(connection.environment, Environment::Rehearsal);
    let requesters: i64 =
        sqlx::query_scalar("SELECT count(*) FROM market.requester").fetch_one(&app.pool).await.unwrap();
    assert_eq!(requesters, 1);
    assert!(matches!(
        create_rehearsal(&app, act(&app, lab), "Rehearsal").await,
        Err(ConnectionError::NameTaken)
    ));
    let requesters: i64 =
        sqlx::query_scalar("SELECT count(*) FROM market.requester").fetch_one(&app.pool).await.unwrap();
    assert_eq!(requesters, 1, "a name that is taken makes no second requester");
}

#[tokio::test]
async fn calls_of_one_connection_share_a_recruiter_until_its_keys_change() {
    let app = app(NOWHERE, &[]).await;
    let lab = lab(&app.pool).await;
    let id = made(&app, lab, &named("One")).await.unwrap();
    let (first, again) = (recruiter(&app, id).await.unwrap(), recruiter(&app, id).await.unwrap());
    assert!(Arc::ptr_eq(&first, &again));
    let mut conn = app.pool.acquire().await.unwrap();
    replace_keys(&mut conn, &app.config.keyring, act(&app, lab), id, &keys()).await.unwrap();
    assert!(!Arc::ptr_eq(&first, &recruiter(&app, id).await.unwrap()));
}

#[tokio::test]
async fn a_users_server_in_a_private_network_is_reached_only_if_the_operator_allows_it() {
    let server = marketplace().await;
    let by_name = server.uri().replace("127.0.0.1", "localhost");
    for (allow, endpoint, reached) in [
        (&[][..], server.uri(), false),
        (&[][..], by_name.clone(), false),
        (&["127.0.0.0/8", "::1/128"][..], by_name, true),
    ] {
        let app = app(NOWHERE, allow).await;
        let lab = lab(&app.pool).await;
        let id = made(&app, lab, &custom(&endpoint)).await.unwrap();
        let answer = match recruiter(&app, id).await {
            Ok(recruiter) => recruiter.balance().await,
            Err(_) => Err(AskError::Unavailable("not opened".into())),
        };
        assert_eq!(answer.is_ok(), reached, "{endpoint} with {allow:?}: {answer:?}");
    }
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn requests_are_signed_with_the_stored_keys() {
    let server = MockServer::start().await;
    Mock::given(header_regex("authorization", "Credential=AKIAIOSFODNN7EXAMPLE/"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"AvailableBalance": "1.00"})))
        .mount(&server)
        .await;
    let app = app(NOWHERE, &["127.0.0.0/8"]).await;
    let lab = lab(&app.pool).await;
    let id = made(&app, lab, &custom(&server.uri())).await.unwrap();
    assert_eq!(recruiter(&app, id).await.unwrap().balance().await, Ok(Cents(100)));
}

/// A study of `lab` on the connection, with as little as the table allows.
async fn study_on(pool: &PgPool, lab: LabId, connection: ConnectionId) {
    sqlx::query(
        "WITH place AS (
             INSERT INTO site (id, lab_id, name, base_url, next_check_at, created_at)
             VALUES (gen_random_uuid(), $1, 'Site', 'https://otree.example.org', now(), now()) RETURNING id)
         INSERT INTO study (id, lab_id, code, name, site_id, connection_id, environment, state, config_name,
             places, spare_seats, group_size, batch_size, reward_cents, max_bonus_cents, budget_cents, title,
             description, keywords, duration_s, lifetime_s, auto_approve_s, frame_height, play, completion,
             next_step_at, created_at)
         SELECT gen_random_uuid(), $1, 'code', 'Study', id, $2, 'sandbox', 'draft', 'solo',
             9, 0, 1, 9, 100, 0, 1080, 't', 'd', '', 600, 3600, 86400, 0, 'new_tab', 'reported', now(), now()
         FROM place",
    )
    .bind(lab)
    .bind(connection)
    .execute(pool)
    .await
    .unwrap();
}

#[tokio::test]
async fn a_connection_that_a_study_uses_stays() {
    let app = app(NOWHERE, &[]).await;
    let lab = lab(&app.pool).await;
    let id = made(&app, lab, &named("One")).await.unwrap();
    study_on(&app.pool, lab, id).await;
    let refused = remove(&mut app.pool.acquire().await.unwrap(), act(&app, lab), id).await;
    assert!(matches!(refused, Err(ConnectionError::InUse)));
    assert_eq!(found(&app, lab, id).await.unwrap().studies, 1);
}

#[tokio::test]
async fn what_is_done_to_a_connection_is_written_down() {
    let app = app(NOWHERE, &[]).await;
    let lab = lab(&app.pool).await;
    let id = made(&app, lab, &named("One")).await.unwrap();
    let mut conn = app.pool.acquire().await.unwrap();
    rename(&mut conn, act(&app, lab), id, "Two").await.unwrap();
    replace_keys(&mut conn, &app.config.keyring, act(&app, lab), id, &keys()).await.unwrap();
    remove(&mut conn, act(&app, lab), id).await.unwrap();
    let events = audit::recent(&mut conn, lab.0, None, 10).await.unwrap();
    let done: Vec<_> = events.iter().rev().map(audit::describe).collect();
    let expected = [
        "made the connection “One”",
        "renamed a connection to “Two”",
        "replaced the keys of the connection “Two”",
        "removed the connection “Two”",
    ];
    assert_eq!(done, expected);
}

#[tokio::test]
async fn keys_and_addresses_that_cannot_be_used_any_more_are_explained() {
    let app = app(NOWHERE, &[]).await;
    let lab = lab(&app.pool).await;
    let sealed = made(&app, lab, &named("Sealed elsewhere")).await.unwrap();
    sqlx::query("UPDATE connection SET secret_sealed = '\\x00' WHERE id = $1")
        .bind(sealed)
        .execute(&app.pool)
        .await
        .unwrap();
    let private = made(&app, lab, &custom("http://127.0.0.1:9999")).await.unwrap();
    for (id, words) in [(sealed, "Enter them again"), (private, "private or reserved network")] {
        let trial = test(&app, &found(&app, lab, id).await.unwrap()).await.unwrap();
        assert!(trial.problem.as_ref().unwrap().contains(words), "{trial:?}");
    }
}
