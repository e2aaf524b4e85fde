//! Ordered trouble, met by the AWS client's own retries.

use std::io::ErrorKind;
use std::time::Duration;

use market::faults::{FaultKind, Target};
use market::journal::{Effect, Filter};

use crate::harness::{Place, refused};

/// The call is done, and the caller does not learn of it.
const AFTER: [FaultKind; 4] =
    [FaultKind::FailAfter, FaultKind::DropAfter, FaultKind::ResetAfter, FaultKind::HtmlAfter];

async fn order(place: &Place, kind: FaultKind, operation: &str, times: u32) {
    let target = Target { operation: Some(operation.into()), requester_id: None };
    place.market.order_fault(kind, &target, times).await.unwrap();
}

async fn bonuses(place: &Place) -> usize {
    let filter = Filter { effect: Some(Effect::BonusSent), ..Filter::default() };
    place.market.journal(&filter).await.unwrap().len()
}

#[tokio::test]
async fn before_the_effect_nothing_is_done_and_a_retry_succeeds() {
    let place = Place::open().await;
    for kind in [
        FaultKind::FailBefore,
        FaultKind::Throttle,
        FaultKind::DropBefore,
        FaultKind::ResetBefore,
        FaultKind::HtmlBefore,
    ] {
        let made = place.client.list_hits().send().await.unwrap().num_results.unwrap();
        order(&place, kind, "CreateHIT", 1).await;
        assert!(place.publish(1).send().await.is_err(), "{kind:?}");
        let listed = place.client.list_hits().send().await.unwrap();
        assert_eq!(listed.num_results, Some(made), "{kind:?}");
        order(&place, kind, "ListHITs", 1).await;
        place.patient(3).list_hits().send().await.unwrap();
        place.publish(1).send().await.unwrap();
    }
}

#[tokio::test]
async fn after_the_effect_a_retry_without_a_token_pays_twice() {
    let place = Place::open().await;
    let hit_id = place.hit(1).await;
    let (worker_id, assignment_id) = place.work("one", &hit_id).await;
    for (n, kind) in AFTER.into_iter().enumerate() {
        order(&place, kind, "SendBonus", 1).await;
        let call = place.patient(3).send_bonus().worker_id(&worker_id).assignment_id(&assignment_id);
        call.bonus_amount("1.00").reason("x").send().await.unwrap();
        assert_eq!(bonuses(&place).await, 2 * (n + 1), "{kind:?}");
    }
}

#[tokio::test]
async fn after_the_effect_a_token_keeps_the_retry_from_paying_again() {
    let place = Place::open().await;
    let hit_id = place.hit(1).await;
    let (worker_id, assignment_id) = place.work("one", &hit_id).await;
    for (n, kind) in AFTER.into_iter().enumerate() {
        order(&place, kind, "SendBonus", 1).await;
        let call = place.patient(3).send_bonus().worker_id(&worker_id).assignment_id(&assignment_id);
        let token = format!("order-{n}");
        let call = call.bonus_amount("1.00").reason("x").unique_request_token(token).send();
        refused(call.await).is("RequestError", "", "has already been processed");
        assert_eq!(bonuses(&place).await, n + 1, "{kind:?}");
    }
}

#[tokio::test]
async fn a_dropped_call_gets_no_answer_at_all() {
    let place = Place::open().await;
    order(&place, FaultKind::DropAfter, "GetAccountBalance", 1).await;
    let call = place.client.get_account_balance().send();
    let error = tokio::time::timeout(Duration::from_secs(10), call).await.unwrap().unwrap_err();
    assert!(error.raw_response().is_none(), "{error:?}");
}

/// Whether the operating system said that the other side reset the connection.
fn was_reset(error: &(dyn std::error::Error + 'static)) -> bool {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|cause| cause.kind() == ErrorKind::ConnectionReset)
}

#[tokio::test]
async fn a_reset_is_one_for_the_operating_system_and_a_drop_is_not() {
    let place = Place::open().await;
    for (kind, expected) in [
        (FaultKind::ResetBefore, true),
        (FaultKind::ResetAfter, true),
        (FaultKind::DropBefore, false),
        (FaultKind::DropAfter, false),
    ] {
        order(&place, kind, "GetAccountBalance", 1).await;
        let error = place.client.get_account_balance().send().await.unwrap_err();
        assert!(error.raw_response().is_none(), "{kind:?}: {error:?}");
        assert_eq!(was_reset(&error), expected, "{kind:?}: {error:?}");
        place.client.get_account_balance().send().await.expect("the next connection is none the worse");
    }
}

#[tokio::test]
async fn errors_have_the_shape_of_the_real_ones() {
    let place = Place::open().await;
    order(&place, FaultKind::FailBefore, "GetAccountBalance", 1).await;
    let fault = refused(place.client.get_account_balance().send().await);
    assert_eq!(fault.status, 500);
    fault.is("ServiceFault", "AWS.ServiceUnavailable", "temporarily");
    order(&place, FaultKind::Throttle, "GetAccountBalance", 1).await;
    let throttled = refused(place.client.get_account_balance().send().await);
    assert_eq!(throttled.status, 400);
    throttled.is("ThrottlingException", "", "Rate exceeded");
}

#[tokio::test]
async fn a_fault_strikes_only_whom_it_was_ordered_for() {
    let place = Place::open().await;
    let other = place.stranger().await;
    let requester_id = Some(place.keys.requester_id.clone());
    let target = Target { requester_id, operation: None };
    place.market.order_fault(FaultKind::FailBefore, &target, 2).await.unwrap();
    other.get_account_balance().send().await.unwrap();
    assert!(place.client.get_account_balance().send().await.is_err());
    assert!(place.client.list_hits().send().await.is_err());
    place.client.get_account_balance().send().await.unwrap();
}
