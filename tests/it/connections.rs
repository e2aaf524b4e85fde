//! The pages for connections, against a marketplace that answers as it is told.

use axum::http::StatusCode;
use serde_json::json;
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::client::{Answer, Browser, Site};

const SECRET: &str = "canary/secret+key/0123456789";
const KEY: &str = "AKIAIOSFODNN7EXAMPLE";

/// A site whose users may reach this machine, and a marketplace with that answer.
async fn world(status: u16, body: serde_json::Value) -> (Site, MockServer) {
    let market = MockServer::start().await;
    let answer = ResponseTemplate::new(status).set_body_json(body);
    Mock::given(method("POST")).respond_with(answer).mount(&market).await;
    let site = Site::with(|config| config.allow_private = vec!["127.0.0.0/8".parse().unwrap()]).await;
    (site, market)
}

async fn healthy() -> (Site, MockServer) {
    world(200, json!({"AvailableBalance": "123.45"})).await
}

async fn post_keys(browser: &Browser, lab: &str, changed: &[(&str, &str)]) -> Answer {
    let mut fields = vec![
        ("environment", "custom"),
        ("name", "Our & server"),
        ("access_key_id", KEY),
        ("secret_access_key", SECRET),
        ("endpoint", "http://127.0.0.1:9999"),
        ("worker_site", "http://127.0.0.1:9999"),
    ];
    for (name, value) in changed {
        fields.retain(|(other, _)| other != name);
        fields.push((name, value));
    }
    browser.post(&format!("{lab}/connections"), &fields).await
}

/// Makes a connection to the marketplace and gives its page's path.
async fn connected(browser: &Browser, lab: &str, market: &MockServer) -> String {
    let answer = post_keys(browser, lab, &[("endpoint", &market.uri())]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    answer.location()
}

#[tokio::test]
async fn an_empty_lab_is_offered_a_rehearsal() {
    let (site, _market) = healthy().await;
    let (ada, lab) = site.person("Ada").await;
    let page = ada.get(&format!("{lab}/connections")).await;
    assert!(page.body.contains("No connection yet") && page.body.contains("/connections/rehearsal"));
    let page = ada.get(&format!("{lab}/connections/new")).await;
    assert!(
        page.body.contains("30 September 2026"),
        "the end of Amazon's service is said before keys are typed"
    );
}

#[tokio::test]
async fn keys_are_saved_tested_and_shown_by_their_end_only() {
    let (site, market) = healthy().await;
    let (ada, lab) = site.person("Ada").await;
    let path = connected(&ada, &lab, &market).await;
    let page = ada.get(&path).await;
    assert!(page.body.contains("The connection works: $123.45 available."), "{}", page.body);
    assert!(page.body.contains("class=\"env-custom\"") && page.body.contains("…MPLE"));
    let list = ada.get(&format!("{lab}/connections")).await;
    assert!(list.body.contains("Our &#38; server") && list.body.contains("$123.45"));
    for page in [page, list] {
        assert!(!page.body.contains(KEY) && !page.body.contains(SECRET));
    }
}

#[tokio::test]
async fn a_mistake_is_named_beside_its_field_and_only_the_secret_is_lost() {
    let (site, _market) = healthy().await;
    let (ada, lab) = site.person("Ada").await;
    for (field, typed, words) in [
        ("name", "", "Please fill this in"),
        ("access_key_id", "AKIA", "16 to 128 letters"),
        ("secret_access_key", "short", "at least 16 characters"),
        ("endpoint", "", "Please fill this in"),
        ("endpoint", "http://169.254.169.254/latest", "private or reserved network"),
        ("worker_site", "ftp://work.example.org", "must start with https"),
        ("environment", "moon", "Choose where the connection leads"),
        ("environment", "rehearsal", "needs no keys"),
    ] {
        let page = post_keys(&ada, &lab, &[(field, typed)]).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{field}: {typed}");
        let error = page.between(&format!("id=\"{field}-error\">"), "</small>");
        assert!(error.contains(words), "{field}: {error}");
        assert!(page.body.contains(if field == "name" { KEY } else { "value=\"Our &#38; server\"" }));
        assert!(!page.body.contains(SECRET));
        assert!(field == "secret_access_key" || page.body.contains("Enter the secret key once more"));
    }
    assert!(ada.get(&format!("{lab}/connections")).await.body.contains("No connection yet"));
}

#[tokio::test]
async fn a_name_is_taken_once() {
    let (site, market) = healthy().await;
    let (ada, lab) = site.person("Ada").await;
    connected(&ada, &lab, &market).await;
    let page = post_keys(&ada, &lab, &[]).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.between("id=\"name-error\">", "</small>").contains("already has a connection of this name"));
}

#[tokio::test]
async fn a_failed_test_is_explained_on_the_page_until_it_succeeds() {
    let refusal =
        json!({"__type": "UnrecognizedClientException", "message": "The security token is invalid."});
    let (site, market) = world(400, refusal).await;
    let (ada, lab) = site.person("Ada").await;
    let path = connected(&ada, &lab, &market).await;
    let page = ada.get(&path).await;
    assert!(page.body.contains("does not know this access key") && page.body.contains("does not work"));

    market.reset().await;
    let answer = ResponseTemplate::new(200).set_body_json(json!({"AvailableBalance": "5.00"}));
    Mock::given(method("POST")).respond_with(answer).mount(&market).await;
    let fields = [("access_key_id", KEY), ("secret_access_key", SECRET)];
    assert_eq!(ada.post(&format!("{path}/keys"), &fields).await.location(), path);
    let page = ada.get(&path).await;
    assert!(page.body.contains("$5.00 available") && !page.body.contains("does not work"));
}

#[tokio::test]
async fn a_connection_is_renamed_tested_and_removed() {
    let (site, market) = healthy().await;
    let (ada, lab) = site.person("Ada").await;
    let path = connected(&ada, &lab, &market).await;
    let refused = ada.post(&format!("{path}/name"), &[("name", " ")]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(ada.post(&format!("{path}/name"), &[("name", "Grant 7")]).await.location(), path);
    assert_eq!(ada.post(&format!("{path}/test"), &[]).await.location(), path);
    assert!(ada.get(&path).await.body.contains("<h1>Grant 7</h1>"));
    assert_eq!(ada.post(&format!("{path}/remove"), &[]).await.location(), format!("{lab}/connections"));
    assert_eq!(ada.get(&path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(market.received_requests().await.unwrap().len(), 2, "one test at the start, one on demand");
}
