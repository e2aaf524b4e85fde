//! Nobody's backlog keeps others waiting.

use std::time::Duration as StdDuration;

use aws_sdk_mturk::types::{EventType, NotificationSpecification, NotificationTransport};
use chrono::Duration;
use kernel::outbound::Outbound;
use market::Settings;
use market::engine::assignments::AssignmentState;
use market::notices::queues;
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::harness::{Place, QUESTION};

/// Work of a requester who has nothing left to pay it with, due before everything else.
async fn owe(place: &Place, works: i64) {
    let (pool, requester_id, now) = (place.market.pool(), &place.keys.requester_id, place.now().await);
    let kind: String = sqlx::query_scalar("select hit_type_id from market.hit_type where requester_id = $1")
        .bind(requester_id)
        .fetch_one(pool)
        .await
        .unwrap();
    sqlx::query("update market.requester set available = 0 where requester_id = $1")
        .bind(requester_id)
        .execute(pool)
        .await
        .unwrap();
    sqlx::query("insert into market.hit (hit_id, requester_id, hit_type_id, question, max_assignments, created_with, reward,
                                         fee, created_at, expiration, submitted, holds)
                 values ('3OWED', $1, $2, $3, $4, $4, 100, 20, $5, $5 + interval '1 hour', $4, false)")
        .bind(requester_id).bind(kind).bind(QUESTION).bind(works).bind(now).execute(pool).await.unwrap();
    sqlx::query(
        "insert into market.worker (worker_id, name, password_hash, created_at)
                 select 'AOWED' || n, 'owed ' || n, '', $1 from generate_series(1, $2) n",
    )
    .bind(now)
    .bind(works)
    .execute(pool)
    .await
    .unwrap();
    sqlx::query("insert into market.assignment (assignment_id, hit_id, worker_id, requester_id, state, accepted_at, deadline,
                                                submitted_at, auto_approval_at)
                 select '3OWED' || n, '3OWED', 'AOWED' || n, $1, 'submitted', $2, $2, $2, $2 from generate_series(1, $3) n")
        .bind(requester_id).bind(now).bind(works).execute(pool).await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_paid_keeps_nobody_elses_work_waiting_nor_what_was_set_aside() {
    let place = Place::open().await;
    let other = place.beside().await;
    let (own, others) = (place.hit(1).await, other.hit(1).await);
    let ((_, held), (_, theirs)) = (place.work("one", &own).await, other.work("two", &others).await);
    owe(&place, 1001).await;
    place.step(Duration::days(1)).await;
    assert_eq!(place.market.tick().await.unwrap().approved, 2, "both that can be paid, in the first step");
    let mut conn = place.market.pool().acquire().await.unwrap();
    for assignment_id in [held, theirs] {
        let found = market::engine::assignments::find(&mut conn, &assignment_id).await.unwrap().unwrap();
        assert_eq!(found.state, AssignmentState::Approved);
    }
}

#[tokio::test]
async fn a_backlog_that_can_be_paid_is_worked_off_step_by_step() {
    let place = Place::open().await;
    place.hit(1).await;
    owe(&place, 250).await;
    place.market.deposit(&place.keys.requester_id, kernel::money::Cents(248 * 120)).await.unwrap();
    // What the HIT of its own held is free again a day later, and pays for one more.
    place.step(Duration::days(1)).await;
    let steps = [place.market.tick().await.unwrap().approved, place.market.tick().await.unwrap().approved];
    assert_eq!(steps, [200, 49], "two hundred of a requester in a step, and one is left that nothing pays");
    assert_eq!(place.market.tick().await.unwrap().approved, 0);
}

fn open_to_loopback(settings: &mut Settings) {
    settings.outbound = Some(Outbound::new(vec!["127.0.0.0/8".parse().unwrap()]).unwrap());
}

async fn receiver(takes: StdDuration) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200).set_delay(takes)).mount(&server).await;
    server
}

/// Sends so many test notifications there.
async fn tell(place: &Place, transport: &str, destination: &str, times: usize) {
    let specification = NotificationSpecification::builder()
        .transport(NotificationTransport::from(transport))
        .destination(destination)
        .version("2014-08-15")
        .event_types(EventType::Ping)
        .build()
        .unwrap();
    for _ in 0..times {
        let call = place.client.send_test_event_notification().notification(specification.clone());
        call.test_event_type(EventType::Ping).send().await.unwrap();
    }
}

/// A queue of this place's requester; its address.
async fn queue(place: &Place) -> String {
    let mut conn = place.market.pool().acquire().await.unwrap();
    let (real, id) = (place.market.real_now(), &place.keys.requester_id);
    queues::create(&mut conn, real, id, "events", 30).await.unwrap();
    queues::address(&place.market.settings().public_url, id, "events")
}

async fn messages(place: &Place) -> i64 {
    sqlx::query_scalar("select count(*) from market.queue_message")
        .fetch_one(place.market.pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn a_receiver_that_does_not_answer_delays_nobody_but_itself() {
    let place = Place::with(open_to_loopback).await;
    let other = place.beside().await;
    let silent = receiver(StdDuration::from_secs(60)).await;
    let (own, theirs) = (queue(&place).await, queue(&other).await);
    tell(&place, "SNS", &silent.uri(), 3).await;
    let (stop, market) = (CancellationToken::new(), place.market.clone());
    let until = stop.clone();
    let running = tokio::spawn(async move { market.run(until).await });
    while silent.received_requests().await.unwrap().is_empty() {
        tokio::time::sleep(StdDuration::from_millis(20)).await;
    }
    // The slow receiver's first attempt ends after ten seconds.
    let told = Instant::now();
    tell(&place, "SQS", &own, 1).await;
    tell(&other, "SQS", &theirs, 1).await;
    while messages(&place).await < 2 {
        assert!(told.elapsed() < StdDuration::from_secs(8), "they wait for somebody else's receiver");
        tokio::time::sleep(StdDuration::from_millis(50)).await;
    }
    assert_eq!(silent.received_requests().await.unwrap().len(), 1, "and nobody else is on the slow lane");
    stop.cancel();
    running.abort();
}

#[tokio::test]
async fn what_a_slow_lane_does_not_come_to_is_handed_back_and_sent_once() {
    let place = Place::with(open_to_loopback).await;
    let slow = receiver(StdDuration::from_millis(300)).await;
    tell(&place, "SNS", &slow.uri(), 4).await;
    let sent = place.market.deliver_for(StdDuration::from_millis(200)).await.unwrap();
    assert_eq!(sent, 1, "the second is not begun");
    assert_eq!(place.market.deliver().await.unwrap(), 3, "the others are not claimed any more");
    let ids = slow.received_requests().await.unwrap().into_iter().map(|request| {
        let envelope: Value = serde_json::from_slice(&request.body).unwrap();
        let document: Value = serde_json::from_str(envelope["Message"].as_str().unwrap()).unwrap();
        document["EventDocId"].as_str().unwrap().to_owned()
    });
    let ids: Vec<_> = ids.collect();
    let all: Vec<String> = sqlx::query_scalar("select doc_id from market.notice order by seq")
        .fetch_all(place.market.pool())
        .await
        .unwrap();
    assert_eq!(ids, all, "each once, in order");
    let attempts: Vec<i64> = sqlx::query_scalar("select attempts from market.notice order by seq")
        .fetch_all(place.market.pool())
        .await
        .unwrap();
    assert_eq!(attempts, [1; 4], "handing back is no attempt");
}
