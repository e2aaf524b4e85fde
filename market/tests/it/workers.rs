//! Messages to workers, and blocks.

use aws_sdk_mturk::types::NotifyWorkersFailureCode;
use market::engine::assignments::{Wanted, WorkError};
use market::engine::{groups, messages};

use crate::harness::{Place, refused};

/// Subjects in the worker's inbox, newest first.
async fn inbox(place: &Place, worker_id: &str) -> Vec<String> {
    let mut conn = place.market.pool().acquire().await.unwrap();
    let messages = messages::inbox(&mut conn, worker_id, 100).await.unwrap();
    messages.into_iter().map(|message| message.subject).collect()
}

#[tokio::test]
async fn messages_reach_those_whose_work_was_reviewed_and_say_who_was_missed() {
    let place = Place::open().await;
    let hit_id = place.hit(3).await;
    let (approved, first) = place.work("approved", &hit_id).await;
    let (rejected, second) = place.work("rejected", &hit_id).await;
    let (waiting, _) = place.work("waiting", &hit_id).await;
    place.client.approve_assignment().assignment_id(first).send().await.unwrap();
    let reject = place.client.reject_assignment().assignment_id(second).requester_feedback("no");
    reject.send().await.unwrap();
    let notify = place.client.notify_workers().subject("Come back").message_text("Part two is open");
    let ids = [&approved, &rejected, &waiting].map(String::clone);
    let call = notify.set_worker_ids(Some([&ids[..], &["A0UNKNOWN".into(), approved.clone()]].concat()));
    let answer = call.send().await.unwrap();
    let failures: Vec<_> = answer.notify_workers_failure_statuses().iter().collect();
    let missed: Vec<_> = failures.iter().map(|failure| failure.worker_id().unwrap()).collect();
    assert_eq!(missed, [waiting.as_str(), "A0UNKNOWN"]);
    let hard = Some(&NotifyWorkersFailureCode::HardFailure);
    assert!(failures.iter().all(|failure| failure.notify_workers_failure_code() == hard));
    assert!(failures[1].notify_workers_failure_message().unwrap().contains("no such worker"));
    assert_eq!(inbox(&place, &approved).await, ["Come back"]);
    assert_eq!(inbox(&place, &rejected).await, ["Come back"]);
    assert!(inbox(&place, &waiting).await.is_empty());
    let stranger = place.stranger().await;
    let foreign = stranger.notify_workers().subject("Hi").message_text("x").worker_ids(&approved);
    assert_eq!(foreign.send().await.unwrap().notify_workers_failure_statuses().len(), 1);
}

#[tokio::test]
async fn messages_have_limits() {
    let place = Place::open().await;
    let notify = || place.client.notify_workers().subject("x").message_text("x").worker_ids("A1");
    let (parameter, range) = ("ParameterValidationError", "AWS.ParameterOutOfRange");
    refused(notify().subject("x".repeat(201)).send().await).is(parameter, range, "Subject");
    refused(notify().message_text("x".repeat(4097)).send().await).is(parameter, range, "MessageText");
    let many = Some((0..101).map(|n| format!("A{n}")).collect());
    refused(notify().set_worker_ids(many).send().await).is(parameter, range, "WorkerIds");
    refused(notify().set_worker_ids(None).send().await).is(
        "ValidationException",
        "",
        "Value null at 'workerIds'",
    );
    refused(notify().worker_ids("bob").send().await).is("ValidationException", "", "'bob' at 'workerIds'");
    refused(notify().set_subject(None).send().await).is("ValidationException", "", "'subject'");
}

#[tokio::test]
async fn who_is_blocked_takes_nothing_more_of_this_requester() {
    let place = Place::open().await;
    let hit_id = place.hit(3).await;
    let worker_id = place.worker("one").await;
    let block = |reason: &str| place.client.create_worker_block().worker_id(&worker_id).reason(reason).send();
    block("spam").await.unwrap();
    block("more spam").await.unwrap();
    assert_eq!(inbox(&place, &worker_id).await, ["You were blocked"], "told once");
    let refusal = place.accept(&worker_id, Wanted::Hit(&hit_id)).await;
    assert!(matches!(refusal, Err(WorkError::Blocked)), "{refusal:?}");
    let mut conn = place.market.pool().acquire().await.unwrap();
    let now = place.market.real_now();
    assert!(
        groups::groups(&mut conn, place.market.settings(), now, Some(&worker_id)).await.unwrap().is_empty()
    );
    let blocks = place.client.list_worker_blocks().send().await.unwrap();
    assert_eq!(blocks.worker_blocks().len(), 1);
    assert_eq!(blocks.worker_blocks()[0].worker_id(), Some(worker_id.as_str()));
    assert_eq!(blocks.worker_blocks()[0].reason(), Some("more spam"));
    let stranger = place.stranger().await;
    assert_eq!(stranger.list_worker_blocks().send().await.unwrap().num_results, Some(0));
    let lift = || place.client.delete_worker_block().worker_id(&worker_id).reason("sorry").send();
    lift().await.unwrap();
    lift().await.unwrap();
    assert_eq!(
        groups::groups(&mut conn, place.market.settings(), now, Some(&worker_id)).await.unwrap().len(),
        1
    );
    place.accept(&worker_id, Wanted::Hit(&hit_id)).await.unwrap();
}

#[tokio::test]
async fn blocks_are_for_known_workers_with_a_reason() {
    let place = Place::open().await;
    let block = || place.client.create_worker_block().worker_id("A0UNKNOWN").reason("x");
    let (kind, code) = ("ParameterValidationError", "InvalidParameterValue");
    refused(block().send().await).is(kind, code, "A0UNKNOWN");
    refused(block().set_reason(None).send().await).is("ValidationException", "", "'reason'");
    refused(place.client.delete_worker_block().worker_id("A0UNKNOWN").send().await).is(
        kind,
        code,
        "A0UNKNOWN",
    );
}

#[tokio::test]
async fn a_grant_is_told_unless_it_is_silent_and_a_revocation_with_its_reason() {
    let place = Place::open().await;
    let id = place.qualification("Danish").await;
    let worker_id = place.worker("one").await;
    place.grant(&id, &worker_id, 1).await;
    assert!(inbox(&place, &worker_id).await.is_empty());
    let call = place.client.associate_qualification_with_worker().qualification_type_id(&id);
    call.worker_id(&worker_id).send().await.unwrap();
    let call = place.client.disassociate_qualification_from_worker().qualification_type_id(&id);
    call.worker_id(&worker_id).reason("It was a test").send().await.unwrap();
    let told = ["You no longer have a qualification: Danish", "You have a qualification: Danish"];
    assert_eq!(inbox(&place, &worker_id).await, told);
    let mut conn = place.market.pool().acquire().await.unwrap();
    assert_eq!(messages::inbox(&mut conn, &worker_id, 1).await.unwrap()[0].body, "It was a test");
}
