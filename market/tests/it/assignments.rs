//! What the requester sees of work, and what they decide.

use aws_sdk_mturk::types::AssignmentStatus;
use chrono::Duration;
use market::engine::assignments::Wanted;
use market::journal::{Effect, Filter};

use crate::harness::{Place, refused};

async fn status(place: &Place, assignment_id: &str) -> AssignmentStatus {
    let answer = place.client.get_assignment().assignment_id(assignment_id).send().await.unwrap();
    answer.assignment.unwrap().assignment_status.unwrap()
}

#[tokio::test]
async fn what_was_handed_in_reads_back() {
    let place = Place::open().await;
    let hit_id = place.hit(1).await;
    let worker_id = place.worker("one").await;
    let taken = place.accept(&worker_id, Wanted::Hit(&hit_id)).await.unwrap();
    place.step(Duration::seconds(60)).await;
    place.submit(&taken.assignment_id).await.unwrap();
    let answer = place.client.get_assignment().assignment_id(&taken.assignment_id).send().await.unwrap();
    let assignment = answer.assignment.unwrap();
    assert_eq!(answer.hit.unwrap().hit_id.as_deref(), Some(hit_id.as_str()));
    assert_eq!(assignment.worker_id(), Some(worker_id.as_str()));
    let accepted = assignment.accept_time.unwrap().secs();
    assert_eq!(assignment.submit_time.unwrap().secs() - accepted, 60);
    assert_eq!(assignment.deadline.unwrap().secs() - accepted, 600);
    assert_eq!(assignment.auto_approval_time.unwrap().secs() - accepted, 60 + 86_400);
    let xml = assignment.answer.unwrap();
    assert!(xml.contains("<QuestionIdentifier>code</QuestionIdentifier><FreeText>done</FreeText>"), "{xml}");
    assert!(!xml.contains("assignmentId"), "{xml}");
}

#[tokio::test]
async fn work_in_progress_is_shown_by_no_list_and_reviewed_by_nobody() {
    let place = Place::open().await;
    let hit_id = place.hit(2).await;
    let worker_id = place.worker("one").await;
    let id = place.accept(&worker_id, Wanted::Hit(&hit_id)).await.unwrap().assignment_id;
    let listed = place.client.list_assignments_for_hit().hit_id(&hit_id).send().await.unwrap();
    assert_eq!(listed.num_results, Some(0));
    let client = &place.client;
    refused(client.get_assignment().assignment_id(&id).send().await).is(
        "RequestError",
        "InvalidAssignmentState",
        "with a status of: Reviewable,Approved,Rejected",
    );
    refused(client.approve_assignment().assignment_id(&id).send().await).is(
        "RequestError",
        "InvalidAssignmentState",
        "with a status of: null",
    );
    let bonus = client.send_bonus().worker_id(&worker_id).assignment_id(&id).bonus_amount("1.00").reason("x");
    refused(bonus.send().await).is("RequestError", "AssignmentDoesNotExist", "does not exist");
    place.give_back(&worker_id, &id).await.unwrap();
    refused(client.get_assignment().assignment_id(&id).send().await).is(
        "RequestError",
        "AssignmentDoesNotExist",
        "does not exist",
    );
}

#[tokio::test]
async fn lists_filter_by_status_and_go_on_from_page_to_page() {
    let place = Place::open().await;
    let hit_id = place.hit(5).await;
    let mut ids = Vec::new();
    for n in 0..5 {
        ids.push(place.work(&format!("worker {n}"), &hit_id).await.1);
    }
    place.client.approve_assignment().assignment_id(&ids[1]).send().await.unwrap();
    place.client.reject_assignment().assignment_id(&ids[3]).requester_feedback("empty").send().await.unwrap();
    let list = || place.client.list_assignments_for_hit().hit_id(&hit_id);
    let pages = list().max_results(2).into_paginator().send();
    let pages = pages.collect::<Result<Vec<_>, _>>().await.unwrap();
    let all = pages.into_iter().flat_map(|page| page.assignments.unwrap());
    let all: Vec<_> = all.map(|assignment| assignment.assignment_id.unwrap()).collect();
    assert_eq!(all, ids);
    let waiting = list().assignment_statuses(AssignmentStatus::Submitted).send().await.unwrap();
    assert_eq!(waiting.num_results, Some(3));
    let reviewed = list()
        .assignment_statuses(AssignmentStatus::Approved)
        .assignment_statuses(AssignmentStatus::Rejected)
        .send()
        .await
        .unwrap();
    assert_eq!(reviewed.num_results, Some(2));
}

#[tokio::test]
async fn a_decision_is_taken_once() {
    let place = Place::open().await;
    let hit_id = place.hit(2).await;
    let (_, approved) = place.work("one", &hit_id).await;
    let (_, rejected) = place.work("two", &hit_id).await;
    let approve = |id: &str| place.client.approve_assignment().assignment_id(id);
    let reject =
        |id: &str| place.client.reject_assignment().assignment_id(id).requester_feedback("no").send();
    approve(&approved).requester_feedback("well done").send().await.unwrap();
    reject(&rejected).await.unwrap();
    let again = [
        refused(approve(&approved).send().await),
        refused(approve(&approved).override_rejection(true).send().await),
        refused(reject(&approved).await),
        refused(reject(&rejected).await),
        refused(approve(&rejected).send().await),
    ];
    for refusal in again {
        refusal.is("RequestError", "InvalidAssignmentState", "with a status of: Submitted");
    }
    assert_eq!(status(&place, &approved).await, AssignmentStatus::Approved);
    assert_eq!(status(&place, &rejected).await, AssignmentStatus::Rejected);
}

#[tokio::test]
async fn a_rejection_can_be_overridden_for_thirty_days() {
    let place = Place::open().await;
    let hit_id = place.hit(2).await;
    let (_, early) = place.work("one", &hit_id).await;
    let (_, late) = place.work("two", &hit_id).await;
    for id in [&early, &late] {
        place.client.reject_assignment().assignment_id(id).requester_feedback("no").send().await.unwrap();
    }
    let override_it =
        |id: &str| place.client.approve_assignment().assignment_id(id).override_rejection(true).send();
    place.step(Duration::days(30)).await;
    override_it(&early).await.unwrap();
    assert_eq!(status(&place, &early).await, AssignmentStatus::Approved);
    place.step(Duration::seconds(1)).await;
    refused(override_it(&late).await).is("RequestError", "InvalidAssignmentState", "within 30 days");
}

#[tokio::test]
async fn work_that_nobody_reviews_is_approved_when_its_time_comes() {
    let place = Place::open().await;
    let hit_id = place.hit(2).await;
    let (_, waiting) = place.work("one", &hit_id).await;
    let (_, rejected) = place.work("two", &hit_id).await;
    place.client.reject_assignment().assignment_id(&rejected).requester_feedback("no").send().await.unwrap();
    place.step(Duration::seconds(86_399)).await;
    assert_eq!(place.market.tick().await.unwrap().approved, 0);
    place.step(Duration::seconds(1)).await;
    assert_eq!(place.market.tick().await.unwrap().approved, 1);
    assert_eq!(status(&place, &waiting).await, AssignmentStatus::Approved);
    assert_eq!(status(&place, &rejected).await, AssignmentStatus::Rejected);
    let entries = place.market.journal(&Filter { assignment_id: Some(waiting), ..Filter::default() }).await;
    let effects: Vec<_> = entries.unwrap().iter().map(|entry| entry.effect).collect();
    assert_eq!(effects, [Effect::Accepted, Effect::Submitted, Effect::AutoApproved]);
}
