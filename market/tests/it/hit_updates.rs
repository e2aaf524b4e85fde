//! Changing a HIT's type and its review label.

use aws_sdk_mturk::primitives::DateTime;
use aws_sdk_mturk::types::{HitStatus, ReviewableHitStatus};
use market::engine::assignments::Wanted;
use market::journal::{Effect, Filter};

use crate::harness::{Place, refused};

/// A registered type of the given reward.
async fn hit_type(place: &Place, reward: &str) -> String {
    let call =
        place.client.create_hit_type().title("Another title").description("Another text").reward(reward);
    call.assignment_duration_in_seconds(300).send().await.unwrap().hit_type_id.unwrap()
}

#[tokio::test]
async fn a_hit_nobody_accepted_takes_another_type_with_its_price() {
    let place = Place::open().await;
    let hit_id = place.hit(2).await;
    assert_eq!(place.balance().await, ("997.60".into(), "2.40".into()));
    let dearer = hit_type(&place, "3.00").await;
    let update =
        |hit_type_id: &str| place.client.update_hit_type_of_hit().hit_id(&hit_id).hit_type_id(hit_type_id);
    update(&dearer).send().await.unwrap();
    let hit = place.look(&hit_id).await;
    assert_eq!(
        (hit.hit_type_id(), hit.title(), hit.reward()),
        (Some(&*dearer), Some("Another title"), Some("3.00"))
    );
    assert_eq!(place.balance().await, ("992.80".into(), "7.20".into()));
    let filter = Filter { effect: Some(Effect::HitTypeChanged), ..Filter::default() };
    assert_eq!(place.market.journal(&filter).await.unwrap().len(), 1);
    let missing = update("3UNKNOWN").send().await;
    refused(missing).is("RequestError", "HITTypeDoesNotExist", "3UNKNOWN");
    let unaffordable = hit_type(&place, "500.00").await;
    refused(update(&unaffordable).send().await).is("RequestError", "InsufficientFunds", "insufficient funds");
    assert_eq!(place.balance().await, ("992.80".into(), "7.20".into()));
}

#[tokio::test]
async fn the_type_is_fixed_once_somebody_accepted_even_if_they_returned() {
    let place = Place::open().await;
    let hit_id = place.hit(2).await;
    let other = hit_type(&place, "1.00").await;
    let worker_id = place.worker("one").await;
    let held = place.accept(&worker_id, Wanted::Hit(&hit_id)).await.unwrap();
    let update = || place.client.update_hit_type_of_hit().hit_id(&hit_id).hit_type_id(&other).send();
    refused(update().await).is("RequestError", "InvalidHITState", "accepted");
    place.give_back(&worker_id, &held.assignment_id).await.unwrap();
    refused(update().await).is("RequestError", "InvalidHITState", "accepted");
    let stranger = place.stranger().await;
    let foreign = stranger.update_hit_type_of_hit().hit_id(&hit_id).hit_type_id(&other).send().await;
    refused(foreign).is("RequestError", "HITDoesNotExist", "does not exist");
}

#[tokio::test]
async fn an_expired_hit_holds_no_money_for_its_new_type_until_it_reopens() {
    let place = Place::open().await;
    let hit_id = place.hit(1).await;
    let expire =
        |at| place.client.update_expiration_for_hit().hit_id(&hit_id).expire_at(DateTime::from_secs(at));
    expire(0).send().await.unwrap();
    let dearer = hit_type(&place, "2.00").await;
    place.client.update_hit_type_of_hit().hit_id(&hit_id).hit_type_id(&dearer).send().await.unwrap();
    assert_eq!(place.balance().await, ("1000.00".into(), "0.00".into()));
    expire(place.now().await.timestamp() + 600).send().await.unwrap();
    assert_eq!(place.balance().await, ("997.60".into(), "2.40".into()));
}

#[tokio::test]
async fn the_review_label_goes_on_and_off() {
    let place = Place::open().await;
    let hit_id = place.hit(1).await;
    let label = |revert| place.client.update_hit_review_status().hit_id(&hit_id).revert(revert).send();
    let needed = "This operation can be called with a status of: Reviewable";
    refused(label(false).await).is("RequestError", "InvalidHITState", needed);
    place.work("one", &hit_id).await;
    refused(label(true).await).is("RequestError", "InvalidHITState", "in the state 'Reviewable'");
    label(false).await.unwrap();
    assert_eq!(place.look(&hit_id).await.hit_status, Some(HitStatus::Reviewing));
    let list = |status| place.client.list_reviewable_hits().status(status).send();
    assert_eq!(list(ReviewableHitStatus::Reviewing).await.unwrap().num_results, Some(1));
    assert_eq!(list(ReviewableHitStatus::Reviewable).await.unwrap().num_results, Some(0));
    refused(label(false).await).is("RequestError", "InvalidHITState", needed);
    label(true).await.unwrap();
    assert_eq!(place.look(&hit_id).await.hit_status, Some(HitStatus::Reviewable));
}
