//! What requesters are told, when, and what goes wrong with it on demand.

use aws_sdk_mturk::types::{EventType, NotificationSpecification, NotificationTransport};
use chrono::Duration;
use kernel::clock::TestClock;
use kernel::outbound::Outbound;
use market::Settings;
use market::engine::assignments::Wanted;
use market::notices::Trouble;
use serde_json::Value;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::harness::{Place, QUESTION, refused};

const ALL: [&str; 11] = [
    "AssignmentAccepted",
    "AssignmentAbandoned",
    "AssignmentReturned",
    "AssignmentSubmitted",
    "AssignmentRejected",
    "AssignmentApproved",
    "HITCreated",
    "HITExpired",
    "HITReviewable",
    "HITExtended",
    "HITDisposed",
];

/// Lets notifications go to this machine.
fn open_to_loopback(settings: &mut Settings) {
    settings.outbound = Some(Outbound::new(vec!["127.0.0.0/8".parse().unwrap()]).unwrap());
}

async fn with_trouble(trouble: Trouble) -> Place {
    Place::with(|settings| {
        open_to_loopback(settings);
        settings.quirks.notices = trouble;
    })
    .await
}

async fn receiver() -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).mount(&server).await;
    server
}

fn specification(transport: &str, destination: &str, events: &[&str]) -> NotificationSpecification {
    NotificationSpecification::builder()
        .transport(NotificationTransport::from(transport))
        .destination(destination)
        .version("2014-08-15")
        .set_event_types(Some(events.iter().map(|event| EventType::from(*event)).collect()))
        .build()
        .unwrap()
}

/// A HIT type whose events the server is told.
async fn told_type(place: &Place, server: &MockServer, events: &[&str]) -> String {
    let call = place.client.create_hit_type().title("A decision task").description("Play a short game");
    let call = call.reward("1.00").assignment_duration_in_seconds(600).auto_approval_delay_in_seconds(86_400);
    let id = call.send().await.unwrap().hit_type_id.unwrap();
    let call = place.client.update_notification_settings().hit_type_id(&id);
    call.notification(specification("SNS", &server.uri(), events)).send().await.unwrap();
    id
}

async fn publish(place: &Place, hit_type_id: &str, places: i32) -> String {
    let call = place.client.create_hit_with_hit_type().hit_type_id(hit_type_id).question(QUESTION);
    let call = call.max_assignments(places).lifetime_in_seconds(3600);
    call.send().await.unwrap().hit.unwrap().hit_id.unwrap()
}

/// The event documents that arrived, in that order.
async fn documents(server: &MockServer) -> Vec<Value> {
    let requests = server.received_requests().await.unwrap();
    let envelope = |body: &[u8]| serde_json::from_slice::<Value>(body).unwrap();
    let document = |envelope: Value| serde_json::from_str(envelope["Message"].as_str().unwrap()).unwrap();
    requests.iter().map(|request| document(envelope(&request.body))).collect()
}

async fn told(server: &MockServer) -> Vec<String> {
    let documents = documents(server).await;
    documents.iter().map(|doc| doc["Events"][0]["EventType"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_hits_whole_life_is_told_in_order() {
    let place = Place::with(open_to_loopback).await;
    let server = receiver().await;
    let hit_type_id = told_type(&place, &server, &ALL).await;
    let hit_id = publish(&place, &hit_type_id, 2).await;
    let worker_id = place.worker("one").await;
    let taken = place.accept(&worker_id, Wanted::Hit(&hit_id)).await.unwrap();
    place.give_back(&worker_id, &taken.assignment_id).await.unwrap();
    let (_, first) = place.work("two", &hit_id).await;
    place.client.approve_assignment().assignment_id(&first).send().await.unwrap();
    let (_, second) = place.work("three", &hit_id).await;
    let reject = place.client.reject_assignment().assignment_id(&second).requester_feedback("no");
    reject.send().await.unwrap();
    let extend = place.client.create_additional_assignments_for_hit().hit_id(&hit_id);
    extend.number_of_additional_assignments(1).send().await.unwrap();
    place.accept(&worker_id, Wanted::Hit(&hit_id)).await.unwrap();
    place.step(Duration::seconds(601)).await;
    place.market.tick().await.unwrap();
    place.step(Duration::hours(1)).await;
    place.market.tick().await.unwrap();
    place.client.delete_hit().hit_id(&hit_id).send().await.unwrap();

    assert_eq!(told(&server).await, [""; 0], "nothing leaves before it is delivered");
    place.market.deliver().await.unwrap();
    let expected = [
        "HITCreated",
        "AssignmentAccepted",
        "AssignmentReturned",
        "AssignmentAccepted",
        "AssignmentSubmitted",
        "AssignmentApproved",
        "AssignmentAccepted",
        "AssignmentSubmitted",
        "HITReviewable",
        "AssignmentRejected",
        "HITExtended",
        "AssignmentAccepted",
        "AssignmentAbandoned",
        "HITExpired",
        "HITReviewable",
        "HITDisposed",
    ];
    assert_eq!(told(&server).await, expected);
    assert_eq!(place.market.deliver().await.unwrap(), 0, "each is told once");
}

#[tokio::test]
async fn only_more_time_is_an_extension() {
    let place = Place::with(open_to_loopback).await;
    let server = receiver().await;
    let hit_type_id = told_type(&place, &server, &["HITExtended"]).await;
    let hit_id = publish(&place, &hit_type_id, 1).await;
    let end = place.look(&hit_id).await.expiration.unwrap().secs();
    for (to, so_far) in [(end, 0), (end - 600, 0), (end, 1), (end + 600, 2), (0, 2), (end, 3)] {
        let call = place.client.update_expiration_for_hit().hit_id(&hit_id);
        call.expire_at(aws_sdk_mturk::primitives::DateTime::from_secs(to)).send().await.unwrap();
        place.market.deliver().await.unwrap();
        assert_eq!(told(&server).await.len(), so_far, "{} s from the first end", to - end);
    }
}

#[tokio::test]
async fn the_envelope_is_that_of_sns_and_the_document_names_everything() {
    let place = Place::with(open_to_loopback).await;
    let server = receiver().await;
    let hit_type_id = told_type(&place, &server, &["AssignmentSubmitted", "HITCreated"]).await;
    let hit_id = publish(&place, &hit_type_id, 1).await;
    let (worker_id, assignment_id) = place.work("one", &hit_id).await;
    place.market.deliver().await.unwrap();

    let requests = server.received_requests().await.unwrap();
    let envelope: Value = serde_json::from_slice(&requests[0].body).unwrap();
    let header = |name: &str| requests[0].headers.get(name).unwrap().to_str().unwrap().to_owned();
    assert_eq!(envelope["Type"], "Notification");
    assert_eq!(header("x-amz-sns-message-type"), "Notification");
    assert_eq!(envelope["MessageId"], header("x-amz-sns-message-id"));
    assert_eq!(envelope["TopicArn"], header("x-amz-sns-topic-arn"));
    assert_eq!(header("content-type"), "text/plain; charset=UTF-8");

    let documents = documents(&server).await;
    assert_ne!(documents[0]["EventDocId"], documents[1]["EventDocId"]);
    assert_eq!(documents[1]["CustomerId"], place.keys.requester_id.as_str());
    assert_eq!(documents[1]["EventDocVersion"], "2014-08-15");
    let (created, submitted) = (&documents[0]["Events"][0], &documents[1]["Events"][0]);
    let hit = place.look(&hit_id).await;
    for event in [created, submitted] {
        assert_eq!(event["HITTypeId"], hit_type_id.as_str());
        assert_eq!(event["HITId"], hit_id.as_str());
        assert_eq!(event["HITGroupId"], hit.hit_group_id().unwrap());
        let at = place.now().await.format("%Y-%m-%dT%H:%M:%SZ").to_string();
        assert_eq!(event["EventTimestamp"], at.as_str());
    }
    assert_eq!(submitted["AssignmentId"], assignment_id.as_str());
    assert_eq!(submitted["WorkerId"], worker_id.as_str());
    assert!(created.get("AssignmentId").is_none() && created.get("WorkerId").is_none());
}

#[tokio::test]
async fn a_new_setting_replaces_the_old_one_and_can_be_switched_off_and_on() {
    let place = Place::with(open_to_loopback).await;
    let (first, second) = (receiver().await, receiver().await);
    let hit_type_id = told_type(&place, &first, &["HITCreated"]).await;
    let update = || place.client.update_notification_settings().hit_type_id(&hit_type_id);
    let deliver = async |expected: (usize, usize)| {
        publish(&place, &hit_type_id, 1).await;
        place.market.deliver().await.unwrap();
        assert_eq!((told(&first).await.len(), told(&second).await.len()), expected);
    };
    deliver((1, 0)).await;
    update().notification(specification("SNS", &second.uri(), &["HITCreated"])).send().await.unwrap();
    deliver((1, 1)).await;
    update().active(false).send().await.unwrap();
    deliver((1, 1)).await;
    let again = update().notification(specification("SNS", &first.uri(), &["HITCreated"]));
    again.send().await.unwrap();
    deliver((1, 1)).await;
    update().active(true).send().await.unwrap();
    deliver((2, 1)).await;
}

#[tokio::test]
async fn what_cannot_be_set_is_told() {
    let place = Place::open().await;
    let server = receiver().await;
    let good = || specification("SNS", &server.uri(), &["Ping"]);
    let hit_type_id = told_type(&place, &server, &["Ping"]).await;
    let set = |id: &str, specification: NotificationSpecification| {
        place.client.update_notification_settings().hit_type_id(id).notification(specification).send()
    };
    let missing = "RequestError";
    refused(set("3UNKNOWN", good()).await).is(missing, "HITTypeDoesNotExist", "does not exist");
    let stranger = place.stranger().await;
    let foreign = stranger.update_notification_settings().hit_type_id(&hit_type_id).active(true).send();
    refused(foreign.await).is(missing, "HITTypeDoesNotExist", "does not exist");

    let wrong = "ParameterValidationError";
    for (transport, destination) in [
        ("Email", "a@lab.example"),
        ("SQS", "https://sqs.us-east-1.amazonaws.com/1/q"),
        ("SQS", "no address"),
        ("SNS", "arn:aws:sns:us-east-1:1:topic"),
        ("SNS", "ftp://lab.example/"),
    ] {
        let answer = set(&hit_type_id, specification(transport, destination, &["Ping"])).await;
        refused(answer).is(wrong, "InvalidTransportEndpoint", destination);
    }
    let mut old = good();
    old.version = "2012-01-01".into();
    refused(set(&hit_type_id, old).await).is(wrong, "InvalidParameterValue", "Version");
    let mut nameless = good();
    nameless.version = String::new();
    refused(set(&hit_type_id, nameless).await).is(wrong, "InvalidParameterValue", "Version");
    let aimless = specification("", &server.uri(), &["Ping"]);
    refused(set(&hit_type_id, aimless).await).is("ValidationException", "", "notification.transport");
    let blank = specification("SNS", &server.uri(), &["Ping", ""]);
    refused(set(&hit_type_id, blank).await).is("ValidationException", "", "notification.eventTypes");
    let nowhere = specification("SNS", "", &["Ping"]);
    refused(set(&hit_type_id, nowhere).await).is(wrong, "InvalidTransportEndpoint", "\"\"");
    let none = specification("SNS", &server.uri(), &[]);
    refused(set(&hit_type_id, none).await).is(wrong, "InvalidParameterValue", "at least one event");
    let odd = specification("SNS", &server.uri(), &["HITForgotten"]);
    refused(set(&hit_type_id, odd).await).is("ValidationException", "", "notification.eventTypes");
    let pigeon = specification("Pigeon", &server.uri(), &["Ping"]);
    refused(set(&hit_type_id, pigeon).await).is("ValidationException", "", "[Email, SQS, SNS]");

    let neither = place.client.update_notification_settings().hit_type_id(&hit_type_id).send().await;
    refused(neither).is(wrong, "InvalidParameterValue", "Either Notification or Active");
    let plain = place.client.create_hit_type().title("x").description("y").reward("1");
    let plain = plain.assignment_duration_in_seconds(60).send().await.unwrap().hit_type_id.unwrap();
    let nothing = place.client.update_notification_settings().hit_type_id(plain).active(false).send().await;
    refused(nothing).is(wrong, "InvalidParameterValue", "no notification specification");
}

#[tokio::test]
async fn a_test_arrives_whatever_the_specification_lists() {
    let place = Place::with(open_to_loopback).await;
    let server = receiver().await;
    let test = |specification| {
        let call = place.client.send_test_event_notification().notification(specification);
        call.test_event_type(EventType::AssignmentReturned).send()
    };
    test(specification("SNS", &server.uri(), &["Ping"])).await.unwrap();
    place.market.deliver().await.unwrap();
    assert_eq!(told(&server).await, ["AssignmentReturned"]);
    let bad = test(specification("SQS", "https://queue.example/q", &["Ping"])).await;
    refused(bad).is("ParameterValidationError", "InvalidTransportEndpoint", "queue.example");
}

#[tokio::test]
async fn what_did_not_happen_is_not_told() {
    let place = Place::with(open_to_loopback).await;
    let server = receiver().await;
    let hit_type_id = told_type(&place, &server, &ALL).await;
    let hit_id = publish(&place, &hit_type_id, 1).await;
    let worker_id = place.worker("one").await;
    let (mut tx, now) = place.market.begin().await.unwrap();
    let wanted = Wanted::Hit(&hit_id);
    market::engine::assignments::accept(&mut tx, place.market.settings(), now, &worker_id, wanted)
        .await
        .unwrap();
    drop(tx);
    place.market.deliver().await.unwrap();
    assert_eq!(told(&server).await, ["HITCreated"]);
}

#[tokio::test]
async fn a_receiver_that_fails_is_tried_again_and_the_order_stays() {
    let clock = TestClock::starting_now();
    let place = Place::at(clock.clone(), open_to_loopback).await;
    let server = MockServer::start().await;
    let failing = ResponseTemplate::new(503);
    Mock::given(any()).respond_with(failing).up_to_n_times(2).mount(&server).await;
    Mock::given(any()).respond_with(ResponseTemplate::new(204)).mount(&server).await;
    let hit_type_id = told_type(&place, &server, &["HITCreated", "AssignmentAccepted"]).await;
    let hit_id = publish(&place, &hit_type_id, 1).await;
    let worker_id = place.worker("one").await;
    place.accept(&worker_id, Wanted::Hit(&hit_id)).await.unwrap();
    for (wait, sent) in [(0, 0), (0, 0), (1, 0), (1, 0), (1, 2)] {
        clock.advance(Duration::seconds(wait));
        assert_eq!(place.market.deliver().await.unwrap(), sent, "after {wait} more seconds");
    }
    let expected = ["HITCreated", "HITCreated", "HITCreated", "AssignmentAccepted"];
    assert_eq!(told(&server).await, expected);
    let ids: Vec<_> = documents(&server).await.iter().map(|doc| doc["EventDocId"].clone()).collect();
    assert!(ids[0] == ids[1] && ids[1] == ids[2] && ids[2] != ids[3]);
}

#[tokio::test]
async fn without_the_operators_word_nothing_is_posted_to_this_machine() {
    for outbound in [None, Some(Outbound::new(Vec::new()).unwrap())] {
        let place = Place::with(|settings| settings.outbound = outbound).await;
        let server = receiver().await;
        let hit_type_id = told_type(&place, &server, &["HITCreated"]).await;
        publish(&place, &hit_type_id, 1).await;
        assert_eq!(place.market.deliver().await.unwrap(), 0);
        assert_eq!(told(&server).await, [""; 0]);
    }
}

#[tokio::test]
async fn notifications_are_lost_all_or_the_next_ones() {
    for (drop, expected) in [(1.0, 0), (0.0, 3)] {
        let place = with_trouble(Trouble { drop, ..Trouble::default() }).await;
        let server = receiver().await;
        let hit_type_id = told_type(&place, &server, &["HITCreated"]).await;
        for _ in 0..3 {
            publish(&place, &hit_type_id, 1).await;
        }
        place.market.deliver().await.unwrap();
        assert_eq!(told(&server).await.len(), expected, "drop {drop}");
    }
    let place = Place::with(open_to_loopback).await;
    let server = receiver().await;
    let hit_type_id =
        told_type(&place, &server, &["HITCreated", "AssignmentAccepted", "AssignmentSubmitted"]).await;
    place.market.lose_notices(&place.keys.requester_id, 2).await.unwrap();
    let hit_id = publish(&place, &hit_type_id, 1).await;
    place.work("one", &hit_id).await;
    place.market.deliver().await.unwrap();
    assert_eq!(told(&server).await, ["AssignmentSubmitted"]);
}

#[tokio::test]
async fn duplicates_have_the_same_document_id() {
    let place = with_trouble(Trouble { duplicate: 1.0, ..Trouble::default() }).await;
    let server = receiver().await;
    let hit_type_id = told_type(&place, &server, &["HITCreated"]).await;
    publish(&place, &hit_type_id, 1).await;
    assert_eq!(place.market.deliver().await.unwrap(), 2);
    let documents = documents(&server).await;
    assert_eq!(documents.len(), 2);
    assert_eq!(documents[0], documents[1]);
}

#[tokio::test]
async fn those_that_leave_together_leave_in_reverse_with_the_switch() {
    for (reorder, expected) in
        [(false, ["HITCreated", "AssignmentAccepted"]), (true, ["AssignmentAccepted", "HITCreated"])]
    {
        let place = with_trouble(Trouble { reorder, ..Trouble::default() }).await;
        let server = receiver().await;
        let hit_type_id = told_type(&place, &server, &["HITCreated", "AssignmentAccepted"]).await;
        let hit_id = publish(&place, &hit_type_id, 1).await;
        let worker_id = place.worker("one").await;
        place.accept(&worker_id, Wanted::Hit(&hit_id)).await.unwrap();
        place.market.deliver().await.unwrap();
        assert_eq!(told(&server).await, expected);
    }
}

#[tokio::test]
async fn a_delay_is_market_time() {
    let place = with_trouble(Trouble { delay: 60, ..Trouble::default() }).await;
    let server = receiver().await;
    let hit_type_id = told_type(&place, &server, &["HITCreated"]).await;
    publish(&place, &hit_type_id, 1).await;
    for (step, sent) in [(0, 0), (59, 0), (1, 1)] {
        place.step(Duration::seconds(step)).await;
        assert_eq!(place.market.deliver().await.unwrap(), sent, "{step} s later");
    }
}

#[tokio::test]
async fn after_expiry_assignments_are_told_of_unless_the_switch_says_otherwise() {
    for (stop_after_expiry, last) in [(false, "AssignmentSubmitted"), (true, "HITExpired")] {
        let place = with_trouble(Trouble { stop_after_expiry, ..Trouble::default() }).await;
        let server = receiver().await;
        let events = ["AssignmentSubmitted", "AssignmentAccepted", "HITExpired"];
        let hit_type_id = told_type(&place, &server, &events).await;
        let hit_id = publish(&place, &hit_type_id, 2).await;
        let worker_id = place.worker("one").await;
        let taken = place.accept(&worker_id, Wanted::Hit(&hit_id)).await.unwrap();
        let expire = place.client.update_expiration_for_hit().hit_id(&hit_id);
        expire.expire_at(aws_sdk_mturk::primitives::DateTime::from_secs(0)).send().await.unwrap();
        place.submit(&taken.assignment_id).await.unwrap();
        place.market.deliver().await.unwrap();
        let told = told(&server).await;
        assert_eq!(told[0], "AssignmentAccepted");
        assert_eq!(told.last().unwrap(), last);
    }
}
