//! HITs from publishing to deletion: types, counters, states, lists.

use aws_sdk_mturk::primitives::DateTime;
use aws_sdk_mturk::types::HitStatus;
use chrono::Duration;
use market::engine::assignments::Wanted;

use crate::harness::{Place, QUESTION, refused};

/// Status, and places available, pending, completed.
async fn standing(place: &Place, hit_id: &str) -> (HitStatus, [i32; 3]) {
    let hit = place.look(hit_id).await;
    let counters = [
        hit.number_of_assignments_available.unwrap(),
        hit.number_of_assignments_pending.unwrap(),
        hit.number_of_assignments_completed.unwrap(),
    ];
    (hit.hit_status.unwrap(), counters)
}

async fn expire_at(place: &Place, hit_id: &str, seconds: i64) {
    let at = DateTime::from_secs(seconds);
    place.client.update_expiration_for_hit().hit_id(hit_id).expire_at(at).send().await.unwrap();
}

#[tokio::test]
async fn a_published_hit_reads_back_as_it_was_written() {
    let place = Place::open().await;
    let made = place.publish(3).requester_annotation("batch 7").send().await.unwrap().hit.unwrap();
    let hit = place.look(made.hit_id().unwrap()).await;
    assert_eq!(hit, made);
    assert_eq!(hit.title(), Some("A decision task"));
    assert_eq!(hit.question(), Some(QUESTION));
    assert_eq!(hit.requester_annotation(), Some("batch 7"));
    assert_eq!(hit.reward(), Some("1.00"));
    assert_eq!(hit.max_assignments(), Some(3));
    assert_eq!(hit.expiration().unwrap().secs() - hit.creation_time().unwrap().secs(), 3600);
    assert_eq!(hit.creation_time().unwrap().secs(), place.now().await.timestamp());
    assert_eq!(hit.hit_status(), Some(&HitStatus::Assignable));
}

#[tokio::test]
async fn the_same_properties_give_the_same_type_and_group() {
    let place = Place::open().await;
    let one = place.publish(1).send().await.unwrap().hit.unwrap();
    let other = place.publish(9).requester_annotation("x").send().await.unwrap().hit.unwrap();
    let dearer = place.publish(1).reward("1.01").send().await.unwrap().hit.unwrap();
    assert_eq!(one.hit_type_id, other.hit_type_id);
    assert_eq!(one.hit_group_id, other.hit_group_id);
    assert_ne!(one.hit_type_id, dearer.hit_type_id);
    let registered = place
        .client
        .create_hit_type()
        .title("A decision task")
        .description("Play a short game")
        .keywords("game, study")
        .reward("1")
        .assignment_duration_in_seconds(600)
        .auto_approval_delay_in_seconds(86_400)
        .send()
        .await
        .unwrap();
    assert_eq!(registered.hit_type_id, one.hit_type_id);
}

#[tokio::test]
async fn counters_and_states_follow_the_guides_example() {
    use HitStatus::{Assignable, Reviewable, Unassignable};
    let place = Place::open().await;
    let hit_id = place.hit(5).await;
    assert_eq!(standing(&place, &hit_id).await, (Assignable, [5, 0, 0]));
    let mut taken = Vec::new();
    for n in 0..5 {
        let worker_id = place.worker(&format!("worker {n}")).await;
        let assignment = place.accept(&worker_id, Wanted::Hit(&hit_id)).await.unwrap();
        taken.push((worker_id, assignment.assignment_id));
        if n == 2 {
            assert_eq!(standing(&place, &hit_id).await, (Assignable, [2, 3, 0]));
        }
    }
    place.submit(&taken[0].1).await.unwrap();
    place.submit(&taken[1].1).await.unwrap();
    assert_eq!(standing(&place, &hit_id).await, (Unassignable, [0, 3, 0]));
    place.give_back(&taken[2].0, &taken[2].1).await.unwrap();
    assert_eq!(standing(&place, &hit_id).await, (Assignable, [1, 2, 0]));
    let late = place.worker("late").await;
    let last = place.accept(&late, Wanted::Hit(&hit_id)).await.unwrap().assignment_id;
    for id in [&taken[3].1, &taken[4].1, &last] {
        place.submit(id).await.unwrap();
    }
    assert_eq!(standing(&place, &hit_id).await, (Reviewable, [0, 0, 0]));
    place.client.approve_assignment().assignment_id(&last).send().await.unwrap();
    assert_eq!(standing(&place, &hit_id).await, (Reviewable, [0, 0, 1]));
}

#[tokio::test]
async fn expiry_leaves_work_in_progress_alone_and_an_extension_reopens() {
    use HitStatus::{Assignable, Reviewable, Unassignable};
    let place = Place::open().await;
    let hit_id = place.hit(2).await;
    let worker_id = place.worker("one").await;
    let taken = place.accept(&worker_id, Wanted::Hit(&hit_id)).await.unwrap();
    expire_at(&place, &hit_id, 0).await;
    assert_eq!(standing(&place, &hit_id).await, (Unassignable, [0, 1, 0]));
    let late = place.worker("late").await;
    assert!(place.accept(&late, Wanted::Hit(&hit_id)).await.is_err());
    place.submit(&taken.assignment_id).await.unwrap();
    assert_eq!(standing(&place, &hit_id).await, (Reviewable, [0, 0, 0]));
    expire_at(&place, &hit_id, place.now().await.timestamp() + 600).await;
    assert_eq!(standing(&place, &hit_id).await, (Assignable, [1, 0, 0]));
    place.accept(&late, Wanted::Hit(&hit_id)).await.unwrap();
}

#[tokio::test]
async fn a_lifetime_ends_by_itself() {
    let place = Place::open().await;
    let hit_id = place.hit(2).await;
    place.step(Duration::seconds(3600)).await;
    assert_eq!(standing(&place, &hit_id).await, (HitStatus::Reviewable, [0, 0, 0]));
    assert_eq!(place.market.tick().await.unwrap().expired, 1);
    assert_eq!(place.market.tick().await.unwrap().expired, 0);
}

#[tokio::test]
async fn a_hit_grows_up_to_the_wall() {
    let place = Place::open().await;
    let grow = |hit_id: &str, by| {
        let call = place.client.create_additional_assignments_for_hit().hit_id(hit_id);
        call.number_of_additional_assignments(by).send()
    };
    let small = place.hit(5).await;
    grow(&small, 4).await.unwrap();
    assert_eq!(place.look(&small).await.max_assignments, Some(9));
    refused(grow(&small, 1).await).is(
        "RequestError",
        "InvalidMaximumAssignmentsIncrease",
        "fewer than 10 assignments",
    );
    let large = place.hit(10).await;
    grow(&large, 100).await.unwrap();
    assert_eq!(place.look(&large).await.max_assignments, Some(110));
    refused(grow(&large, 1_000_000_000).await).is("ParameterValidationError", "AWS.ParameterOutOfRange", "");
}

#[tokio::test]
async fn only_what_is_over_and_reviewed_can_be_deleted() {
    let place = Place::open().await;
    let hit_id = place.hit(1).await;
    let delete = || place.client.delete_hit().hit_id(&hit_id).send();
    let allowed = "This operation can be called with a status of: Reviewing, Reviewable";
    refused(delete().await).is("RequestError", "InvalidHITState", "in the state 'Assignable'");
    let (_, assignment_id) = place.work("one", &hit_id).await;
    refused(delete().await).is("RequestError", "InvalidHITState", "not reviewed");
    place.client.approve_assignment().assignment_id(&assignment_id).send().await.unwrap();
    delete().await.unwrap();
    let again = refused(delete().await);
    again.is("RequestError", "InvalidHITState", "in the state 'Disposed'");
    assert!(again.message.contains(allowed), "{again:?}");
    let gone = refused(place.client.get_hit().hit_id(&hit_id).send().await);
    gone.is("RequestError", "HITDoesNotExist", &format!("Hit {hit_id} does not exist. ("));
    let gone = refused(place.client.get_assignment().assignment_id(&assignment_id).send().await);
    gone.is("RequestError", "AssignmentDoesNotExist", "does not exist");
}

#[tokio::test]
async fn strangers_hits_do_not_exist() {
    let place = Place::open().await;
    let hit_id = place.hit(1).await;
    let hit_type_id = place.look(&hit_id).await.hit_type_id.unwrap();
    let (worker_id, assignment_id) = place.work("one", &hit_id).await;
    let other = place.stranger().await;
    let no_hit = [
        refused(other.get_hit().hit_id(&hit_id).send().await),
        refused(other.delete_hit().hit_id(&hit_id).send().await),
        refused(other.list_assignments_for_hit().hit_id(&hit_id).send().await),
        refused(other.list_bonus_payments().hit_id(&hit_id).send().await),
        refused(
            other.update_expiration_for_hit().hit_id(&hit_id).expire_at(DateTime::from_secs(0)).send().await,
        ),
        refused(
            other
                .create_additional_assignments_for_hit()
                .hit_id(&hit_id)
                .number_of_additional_assignments(1)
                .send()
                .await,
        ),
    ];
    for refusal in no_hit {
        refusal.is("RequestError", "HITDoesNotExist", "does not exist");
    }
    let no_assignment = [
        refused(other.get_assignment().assignment_id(&assignment_id).send().await),
        refused(other.approve_assignment().assignment_id(&assignment_id).send().await),
        refused(other.reject_assignment().assignment_id(&assignment_id).requester_feedback("").send().await),
        refused(other.list_bonus_payments().assignment_id(&assignment_id).send().await),
        refused(
            other
                .send_bonus()
                .worker_id(&worker_id)
                .assignment_id(&assignment_id)
                .bonus_amount("1.00")
                .reason("x")
                .send()
                .await,
        ),
    ];
    for refusal in no_assignment {
        refusal.is("RequestError", "AssignmentDoesNotExist", "does not exist");
    }
    let call = other.create_hit_with_hit_type().hit_type_id(&hit_type_id).lifetime_in_seconds(60);
    refused(call.question(QUESTION).send().await).is("RequestError", "HITTypeDoesNotExist", "does not exist");
    assert_eq!(other.list_hits().send().await.unwrap().num_results, Some(0));
}

#[tokio::test]
async fn lists_end_with_no_token_or_with_an_empty_page() {
    for empty_last_page in [false, true] {
        let place = Place::with(|settings| settings.quirks.empty_last_page = empty_last_page).await;
        let mut made = Vec::new();
        for _ in 0..4 {
            made.push(place.hit(1).await);
        }
        let (mut seen, mut sizes, mut token) = (Vec::new(), Vec::new(), None);
        loop {
            let page = place.client.list_hits().max_results(2).set_next_token(token).send().await.unwrap();
            sizes.push(page.num_results.unwrap());
            seen.extend(page.hits().iter().map(|hit| hit.hit_id().unwrap().to_owned()));
            token = page.next_token;
            if token.is_none() {
                break;
            }
        }
        assert_eq!(seen, made);
        assert_eq!(sizes, if empty_last_page { vec![2, 2, 0] } else { vec![2, 2] });
    }
}

#[tokio::test]
async fn reviewable_hits_are_listed_by_type_and_label() {
    let place = Place::open().await;
    let open = place.hit(1).await;
    let done = place.hit(1).await;
    place.work("one", &done).await;
    let ended = place.publish(1).reward("2.00").send().await.unwrap().hit.unwrap();
    expire_at(&place, ended.hit_id().unwrap(), 0).await;
    let list = || place.client.list_reviewable_hits();
    let ids = |page: aws_sdk_mturk::operation::list_reviewable_hits::ListReviewableHiTsOutput| {
        page.hits().iter().map(|hit| hit.hit_id().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(list().send().await.unwrap()), [done.clone(), ended.hit_id().unwrap().into()]);
    let type_id = place.look(&open).await.hit_type_id.unwrap();
    assert_eq!(ids(list().hit_type_id(type_id).send().await.unwrap()), [done]);
    let reviewing = aws_sdk_mturk::types::ReviewableHitStatus::Reviewing;
    assert_eq!(ids(list().status(reviewing).send().await.unwrap()), Vec::<String>::new());
}
