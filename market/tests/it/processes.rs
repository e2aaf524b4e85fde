//! Several processes on one database: each notification leaves once, and each destination hears them in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_sdk_mturk::types::{EventType, NotificationSpecification, NotificationTransport};
use kernel::clock::SystemClock;
use kernel::outbound::Outbound;
use kernel::secret::Keyring;
use market::notices::queues;
use market::{Market, Settings};
use secrecy::SecretString;
use serde_json::Value;
use sqlx::postgres::PgPoolOptions;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::harness::{Place, QUESTION};

/// HITs of each type that are there before anybody delivers; more than one claim takes.
const BEFORE: usize = 60;
/// HITs of each type that are published meanwhile.
const MEANWHILE: usize = 20;

fn open_to_loopback(settings: &mut Settings) {
    settings.outbound = Some(Outbound::new(vec!["127.0.0.0/8".parse().unwrap()]).unwrap());
}

/// The same marketplace in what might be another process: connections of its own, nothing in memory shared.
async fn another_process(place: &Place) -> Market {
    let pool = PgPoolOptions::new().max_connections(4);
    let pool = pool.connect_with((*place.market.pool().connect_options()).clone()).await.unwrap();
    let keyring = Keyring::new(&SecretString::from("k".repeat(32)), &[]).unwrap();
    Market::new(pool, Arc::new(SystemClock), keyring, place.market.settings().clone())
}

/// A HIT type that tells this destination of each HIT.
async fn told(place: &Place, title: &str, transport: NotificationTransport, destination: &str) -> String {
    let kind = place.client.create_hit_type().title(title).description("y").reward("0.10");
    let kind = kind.assignment_duration_in_seconds(60).send().await.unwrap().hit_type_id.unwrap();
    let to = NotificationSpecification::builder().transport(transport).destination(destination);
    let to = to.version("2014-08-15").event_types(EventType::HitCreated).build().unwrap();
    let call = place.client.update_notification_settings().hit_type_id(&kind);
    call.notification(to).send().await.unwrap();
    kind
}

async fn publish(place: &Place, hit_type_id: &str) -> String {
    let call = place.client.create_hit_with_hit_type().hit_type_id(hit_type_id).question(QUESTION);
    call.lifetime_in_seconds(3600).send().await.unwrap().hit.unwrap().hit_id.unwrap()
}

/// Delivers again and again until the last was told of.
async fn keep_delivering(market: &Market, over: &AtomicBool) -> usize {
    let mut sent = 0;
    loop {
        let last = over.load(Ordering::SeqCst);
        let now = market.deliver_for(Duration::from_millis(200)).await.unwrap();
        sent += now;
        let waiting =
            sqlx::query_scalar::<_, i64>("select count(*) from market.notice where state <> 'sent'");
        if last && waiting.fetch_one(market.pool()).await.unwrap() == 0 {
            return sent;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn hit_of(document: &str) -> String {
    let document: Value = serde_json::from_str(document).unwrap();
    document["Events"][0]["HITId"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn two_processes_tell_everything_once_and_in_order() {
    let place = Place::with(open_to_loopback).await;
    let server = MockServer::start().await;
    let slowly = ResponseTemplate::new(200).set_delay(Duration::from_millis(5));
    Mock::given(any()).respond_with(slowly).mount(&server).await;
    let (real, id) = (place.market.real_now(), place.keys.requester_id.as_str());
    let mut conn = place.market.pool().acquire().await.unwrap();
    let queue = queues::create(&mut conn, real, id, "hits", 30).await.unwrap();
    let address = queues::address(&place.market.settings().public_url, id, "hits");
    let web = told(&place, "By web", NotificationTransport::Sns, &server.uri()).await;
    let queued = told(&place, "By queue", NotificationTransport::Sqs, &address).await;

    let (other, over) = (another_process(&place).await, AtomicBool::new(false));
    let (mut by_web, mut by_queue) = (Vec::new(), Vec::new());
    let mut publish = async |count| {
        for _ in 0..count {
            by_web.push(publish(&place, &web).await);
            by_queue.push(publish(&place, &queued).await);
        }
    };
    publish(BEFORE).await;
    let publishing = async {
        publish(MEANWHILE).await;
        over.store(true, Ordering::SeqCst);
    };
    let ((), one, two) =
        tokio::join!(publishing, keep_delivering(&place.market, &over), keep_delivering(&other, &over));

    assert_eq!(one + two, 2 * (BEFORE + MEANWHILE));
    assert!(one > 0 && two > 0, "both took part: {one} and {two}");
    let arrived = server.received_requests().await.unwrap();
    let arrived = arrived.iter().map(|request| serde_json::from_slice::<Value>(&request.body).unwrap());
    let arrived: Vec<_> = arrived.map(|envelope| hit_of(envelope["Message"].as_str().unwrap())).collect();
    assert_eq!(arrived, by_web);
    let bodies = "select body from market.queue_message where queue_id = $1 order by seq";
    let bodies: Vec<String> =
        sqlx::query_scalar(bodies).bind(queue.queue_id).fetch_all(&mut *conn).await.unwrap();
    assert_eq!(bodies.iter().map(|body| hit_of(body)).collect::<Vec<_>>(), by_queue);
}
