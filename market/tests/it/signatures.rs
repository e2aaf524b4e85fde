//! Who is let in, and what each mistake is told.

use chrono::Duration;
use kernel::clock::TestClock;
use kernel::money::Cents;
use kernel::secret::Keyring;
use market::{MIGRATOR, Market, Settings};
use secrecy::{ExposeSecret, SecretString};

use crate::harness::{Place, Refused, client, http, refused};

#[tokio::test]
async fn an_unknown_key_and_a_wrong_secret_are_told_apart() {
    let place = Place::open().await;
    let secret = place.keys.secret_access_key.expose_secret();
    let unknown = client(&place.url, "AKIAUNKNOWN", secret, 1);
    refused(unknown.get_account_balance().send().await).is(
        "UnrecognizedClientException",
        "",
        "security token",
    );
    let wrong = client(&place.url, &place.keys.access_key_id, "wrong", 1);
    refused(wrong.get_account_balance().send().await).is("InvalidSignatureException", "", "does not match");
}

#[tokio::test]
async fn another_region_is_out_of_scope() {
    let place = Place::open().await;
    let secret = place.keys.secret_access_key.expose_secret();
    let config = client(&place.url, &place.keys.access_key_id, secret, 1).config().to_builder();
    let region = aws_sdk_mturk::config::Region::new("eu-central-1");
    let elsewhere = aws_sdk_mturk::Client::from_conf(config.region(region).build());
    refused(elsewhere.get_account_balance().send().await).is("InvalidSignatureException", "", "eu-central-1");
}

/// The refusal of a client whose clock differs from the server's.
async fn with_skew(server_ahead: Duration) -> Result<(), Refused> {
    let pool = kernel::testing::database(&[&MIGRATOR]).await;
    let clock = TestClock::starting_now();
    clock.advance(server_ahead);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let keyring = Keyring::new(&SecretString::from("k".repeat(32)), &[]).unwrap();
    let market = Market::new(pool, clock, keyring, Settings::new(url.parse().unwrap()));
    let keys = market.create_requester("A lab", Cents(100)).await.unwrap();
    let server = tokio::spawn(axum::serve(listener, market.router()).into_future());
    let client = client(&url, &keys.access_key_id, keys.secret_access_key.expose_secret(), 1);
    let answer = client.get_account_balance().send().await;
    server.abort();
    if answer.is_ok() { Ok(()) } else { Err(refused(answer)) }
}

#[tokio::test]
async fn a_clock_more_than_five_minutes_off_is_refused() {
    let late = with_skew(Duration::minutes(6)).await.unwrap_err();
    late.is("InvalidSignatureException", "", "Signature expired");
    let early = with_skew(-Duration::minutes(6)).await.unwrap_err();
    early.is("InvalidSignatureException", "", "Signature not yet current");
    with_skew(Duration::minutes(4)).await.unwrap();
}

#[tokio::test]
async fn unsigned_and_unknown_calls_are_refused_in_the_protocols_shape() {
    let place = Place::open().await;
    let post = || http().post(&place.url).header("x-amz-target", "MTurkRequesterServiceV20170117.GetHIT");
    let answer = post().body("{}").send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "application/x-amz-json-1.1");
    assert!(answer.headers().contains_key("x-amzn-requestid"));
    assert_eq!(answer.status(), 400);
    let body: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(body["__type"], "MissingAuthenticationTokenException");
}

#[tokio::test]
async fn an_operation_that_is_not_there_is_said_to_be_unknown() {
    let place = Place::open().await;
    let answer = place.client.list_worker_blocks().send().await;
    if market::protocol::operations().any(|name| name == "ListWorkerBlocks") {
        answer.unwrap();
    } else {
        refused(answer).is("UnknownOperationException", "", "ListWorkerBlocks");
    }
}

#[tokio::test]
async fn a_marketplace_under_a_path_verifies_what_was_signed() {
    let place = Place::open().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let router = axum::Router::new().nest("/market", place.market.router());
    let server = tokio::spawn(axum::serve(listener, router).into_future());
    let url = format!("{origin}/market/requester");
    let secret = place.keys.secret_access_key.expose_secret();
    let client = client(&url, &place.keys.access_key_id, secret, 1);
    let balance = client.get_account_balance().send().await.unwrap();
    assert_eq!(balance.available_balance(), Some("1000.00"));
    server.abort();
}
