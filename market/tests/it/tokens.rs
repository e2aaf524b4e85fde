//! Repeated calls: a request token acts once in 24 hours of market time.

use aws_sdk_mturk::primitives::DateTime;
use chrono::Duration;
use market::journal::{Effect, Filter};

use crate::harness::{Place, refused};

async fn count(place: &Place, effect: Effect) -> usize {
    let filter = Filter { effect: Some(effect), ..Filter::default() };
    place.market.journal(&filter).await.unwrap().len()
}

#[tokio::test]
async fn a_repeated_publication_names_the_hit_it_made() {
    let place = Place::open().await;
    let publish = || place.publish(1).unique_request_token("batch-1").send();
    let made = publish().await.unwrap().hit.unwrap().hit_id.unwrap();
    let message = format!("The HIT with ID \"{made}\" already exists.");
    refused(publish().await).is("RequestError", "HITAlreadyExists", &message);
    let hit_type_id = place.look(&made).await.hit_type_id.unwrap();
    let with_type = || {
        let call = place.client.create_hit_with_hit_type().hit_type_id(&hit_type_id).lifetime_in_seconds(60);
        call.question(crate::harness::QUESTION).unique_request_token("batch-1").send()
    };
    let other = with_type().await.unwrap().hit.unwrap().hit_id.unwrap();
    let message = format!("The HIT with ID \"{other}\" already exists.");
    refused(with_type().await).is("RequestError", "HITAlreadyExists", &message);
    assert_eq!(count(&place, Effect::HitCreated).await, 2);
}

#[tokio::test]
async fn a_token_that_comes_back_with_other_parameters_did_its_work_or_is_told_apart() {
    for (tokens_compare, code, message) in [
        (false, "HITAlreadyExists", "already exists"),
        (true, "InvalidParameterValue", "different parameters"),
    ] {
        let place = Place::with(|settings| settings.quirks.tokens_compare = tokens_compare).await;
        place.publish(1).unique_request_token("t").send().await.unwrap();
        refused(place.publish(2).unique_request_token("t").send().await).is("RequestError", code, message);
        assert_eq!(count(&place, Effect::HitCreated).await, 1);
    }
}

#[tokio::test]
async fn a_token_is_forgotten_after_a_day_of_market_time() {
    let place = Place::open().await;
    let hit_id = place.hit(1).await;
    let (worker_id, assignment_id) = place.work("one", &hit_id).await;
    let send = || {
        let call = place.client.send_bonus().worker_id(&worker_id).assignment_id(&assignment_id);
        call.bonus_amount("1.00").reason("x").unique_request_token("order-1").send()
    };
    send().await.unwrap();
    let message = "The idempotency token \"order-1\" has already been processed.";
    refused(send().await).is("RequestError", "", message);
    place.step(Duration::hours(24) - Duration::seconds(1)).await;
    refused(send().await).is("RequestError", "", message);
    assert_eq!(count(&place, Effect::BonusSent).await, 1);
    place.step(Duration::seconds(1)).await;
    send().await.unwrap();
    assert_eq!(count(&place, Effect::BonusSent).await, 2);
}

#[tokio::test]
async fn a_refused_call_leaves_its_token_free() {
    let place = Place::open().await;
    let publish = |reward: &str| place.publish(1).reward(reward).unique_request_token("t").send();
    refused(publish("5000.00").await).is("RequestError", "InsufficientFunds", "");
    publish("5.00").await.unwrap();
}

#[tokio::test]
async fn twenty_simultaneous_calls_with_one_token_pay_once() {
    let place = Place::open().await;
    let hit_id = place.hit(1).await;
    let (worker_id, assignment_id) = place.work("one", &hit_id).await;
    let calls = (0..20).map(|_| {
        let call = place.client.send_bonus().worker_id(&worker_id).assignment_id(&assignment_id);
        tokio::spawn(call.bonus_amount("1.00").reason("x").unique_request_token("order-1").send())
    });
    let mut paid = 0;
    for call in calls.collect::<Vec<_>>() {
        match call.await.unwrap() {
            Ok(_) => paid += 1,
            refusal => refused(refusal).is("RequestError", "", "has already been processed"),
        }
    }
    assert_eq!(paid, 1);
    assert_eq!(count(&place, Effect::BonusSent).await, 1);
}

#[tokio::test]
async fn a_repeated_extension_adds_once() {
    let place = Place::open().await;
    let hit_id = place.hit(1).await;
    let grow = || {
        let call = place.client.create_additional_assignments_for_hit().hit_id(&hit_id);
        call.number_of_additional_assignments(2).unique_request_token("grow").send()
    };
    grow().await.unwrap();
    refused(grow().await).is("RequestError", "", "has already been processed");
    assert_eq!(place.look(&hit_id).await.max_assignments, Some(3));
}

#[tokio::test]
async fn setting_one_expiration_twice_can_be_a_repetition() {
    for quirk in [false, true] {
        let place = Place::with(|settings| settings.quirks.expiration_makes_a_token = quirk).await;
        let hit_id = place.hit(1).await;
        let at = DateTime::from_secs(place.now().await.timestamp() + 7200);
        let set = || place.client.update_expiration_for_hit().hit_id(&hit_id).expire_at(at).send();
        set().await.unwrap();
        let again = set().await;
        if quirk {
            refused(again).is("RequestError", "", "has already been processed");
        } else {
            again.unwrap();
        }
    }
}
