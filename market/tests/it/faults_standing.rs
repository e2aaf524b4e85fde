//! Faults that stand, delay, throttle or hide, and the log of what they struck: as AWS's own client meets them.

use std::time::Duration;

use aws_sdk_mturk::config::timeout::TimeoutConfig;
use chrono::Duration as Span;
use market::faults::{self, FaultKind, Strike, Target};
use market::journal::{Effect, Filter};

use crate::harness::{Client, Place, refused};

/// Orders a fault against the place's own calls; its number.
async fn order(place: &Place, kind: FaultKind, operation: &str, times: Option<u32>) -> i64 {
    let requester_id = Some(place.keys.requester_id.clone());
    let target = Target { operation: Some(operation.into()), requester_id };
    let mut conn = place.market.pool().acquire().await.unwrap();
    faults::order(&mut conn, place.market.real_now(), kind, &target, times).await.unwrap()
}

async fn strikes(place: &Place) -> Vec<Strike> {
    let mut conn = place.market.pool().acquire().await.unwrap();
    faults::strikes(&mut conn, &place.keys.requester_id, 0, 100).await.unwrap()
}

fn attempts(strikes: &[Strike]) -> Vec<i32> {
    strikes.iter().map(|strike| strike.attempt.unwrap()).collect()
}

async fn effects(place: &Place, effect: Effect) -> usize {
    let filter = Filter { effect: Some(effect), ..Filter::default() };
    place.market.journal(&filter).await.unwrap().len()
}

/// Three attempts, none of which waits longer than three seconds: enough for an answer that is not held back.
fn hasty(place: &Place) -> Client {
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_secs(3)).build();
    Client::from_conf(place.patient(3).config().to_builder().timeout_config(timeouts).build())
}

#[tokio::test]
async fn an_order_without_a_count_strikes_every_attempt_until_it_is_lifted() {
    let place = Place::open().await;
    let id = order(&place, FaultKind::FailBefore, "ListHITs", None).await;
    refused(place.patient(3).list_hits().send().await).is(
        "ServiceFault",
        "AWS.ServiceUnavailable",
        "temporarily",
    );
    let log = strikes(&place).await;
    assert_eq!(attempts(&log), [1, 2, 3]);
    assert!(log[0].invocation.is_some(), "{log:?}");
    assert!(log.iter().all(|strike| strike.invocation == log[0].invocation), "one call: {log:?}");
    assert!(log.iter().all(|strike| strike.fault == id && strike.kind == "fail_before"), "{log:?}");
    assert_eq!(log[0].at, place.own_now().await);
    let mut conn = place.market.pool().acquire().await.unwrap();
    let (real, own) = (place.market.real_now(), &place.keys.requester_id);
    let standing = faults::orders(&mut conn, own).await.unwrap();
    assert_eq!((standing[0].seq, standing[0].struck, standing[0].remaining), (id, 3, None));
    assert!(faults::lift(&mut conn, real, own, id).await.unwrap());
    assert!(!faults::lift(&mut conn, real, own, id).await.unwrap(), "once");
    assert!(faults::orders(&mut conn, own).await.unwrap().is_empty());
    place.client.list_hits().send().await.unwrap();
}

#[tokio::test]
async fn the_log_tells_which_attempt_of_a_bonus_paid_without_an_answer() {
    let place = Place::open().await;
    let hit_id = place.hit(1).await;
    let (worker_id, assignment_id) = place.work("one", &hit_id).await;
    order(&place, FaultKind::HtmlAfter, "SendBonus", Some(2)).await;
    let call = place.patient(3).send_bonus().worker_id(&worker_id).assignment_id(&assignment_id);
    call.bonus_amount("1.00").reason("x").send().await.unwrap();
    assert_eq!(attempts(&strikes(&place).await), [1, 2]);
    assert_eq!(
        effects(&place, Effect::BonusSent).await,
        3,
        "each attempt paid, and one success was reported"
    );
}

#[tokio::test]
async fn a_page_of_html_is_retried_and_then_given_to_the_caller() {
    let place = Place::open().await;
    order(&place, FaultKind::HtmlBefore, "ListHITs", Some(4)).await;
    let error = place.patient(3).list_hits().send().await.unwrap_err();
    let response = error.raw_response().unwrap();
    assert_eq!(response.status().as_u16(), 503);
    assert!(response.headers().get("content-type").unwrap().starts_with("text/html"));
    assert!(response.body().bytes().unwrap().starts_with(b"<html>"));
    assert_eq!(attempts(&strikes(&place).await), [1, 2, 3]);
}

#[tokio::test]
async fn a_slow_answer_makes_the_client_publish_twice_unless_it_has_a_token() {
    let place = Place::open().await;
    let hasty = hasty(&place);
    let publish = || {
        let call = hasty.create_hit().title("t").description("d").reward("1.00").lifetime_in_seconds(3600);
        call.assignment_duration_in_seconds(600).question(crate::harness::QUESTION)
    };
    order(&place, FaultKind::DelayAfter(10_000), "CreateHIT", Some(1)).await;
    publish().send().await.unwrap();
    assert_eq!(attempts(&strikes(&place).await), [1]);
    assert_eq!(effects(&place, Effect::HitCreated).await, 2, "one was asked for");
    order(&place, FaultKind::DelayAfter(10_000), "CreateHIT", Some(1)).await;
    let repeated = publish().unique_request_token("once").send().await;
    refused(repeated).is("RequestError", "HITAlreadyExists", "already exists");
    assert_eq!(effects(&place, Effect::HitCreated).await, 3);
}

#[tokio::test]
async fn a_client_that_hangs_up_does_not_undo_what_it_asked_for() {
    let place = Place::open().await;
    order(&place, FaultKind::DelayBefore(10_000), "CreateHITType", None).await;
    let call = hasty(&place).create_hit_type().title("t").description("d").reward("1.00");
    call.assignment_duration_in_seconds(60).send().await.unwrap_err();
    assert_eq!(attempts(&strikes(&place).await), [1, 2, 3]);
    for _ in 0..600 {
        if effects(&place, Effect::HitTypeCreated).await > 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("nobody made the type");
}

#[tokio::test]
async fn a_throttle_refuses_what_is_too_fast_and_the_client_comes_again() {
    let place = Place::open().await;
    order(&place, FaultKind::ThrottleTo(1), "GetAccountBalance", None).await;
    // Its waits are drawn from ever longer spans: eight attempts do not all fall into one second.
    let client = place.patient(8);
    client.get_account_balance().send().await.unwrap();
    assert!(strikes(&place).await.is_empty(), "the first passes");
    client.get_account_balance().send().await.unwrap();
    let log = strikes(&place).await;
    let struck = i32::try_from(log.len()).unwrap();
    assert_eq!(attempts(&log), (1..=struck).collect::<Vec<_>>(), "until a second was over");
    assert!((1..8).contains(&struck), "{log:?}");
    assert!(log.iter().all(|strike| strike.kind == "throttle_to"), "{log:?}");
    let throttled = refused(place.client.get_account_balance().send().await);
    throttled.is("ThrottlingException", "", "Rate exceeded");
    place.client.list_hits().send().await.unwrap();
}

#[tokio::test]
async fn new_hits_and_submissions_stay_unseen_for_a_while_of_market_time() {
    let place = Place::open().await;
    let other = place.beside().await;
    order(&place, FaultKind::Hide(60), "GetHIT", None).await;
    order(&place, FaultKind::Hide(60), "ListHITs", None).await;
    order(&place, FaultKind::Hide(60), "ListAssignmentsForHIT", None).await;
    let hit_id = place.hit(2).await;
    other.hit(1).await;
    let missing = place.patient(3).get_hit().hit_id(&hit_id).send().await;
    refused(missing).is("RequestError", "HITDoesNotExist", &hit_id);
    assert_eq!(attempts(&strikes(&place).await), [1], "what does not exist is not asked for again");
    assert!(place.client.list_hits().send().await.unwrap().hits().is_empty());
    assert_eq!(other.client.list_hits().send().await.unwrap().hits().len(), 1);
    place.turn(market::clock::Turn::Step(Span::seconds(60))).await;
    assert_eq!(place.client.list_hits().send().await.unwrap().hits().len(), 1);
    place.work("one", &hit_id).await;
    let submissions = || place.client.list_assignments_for_hit().hit_id(&hit_id).send();
    assert!(submissions().await.unwrap().assignments().is_empty());
    place.turn(market::clock::Turn::Step(Span::seconds(60))).await;
    assert_eq!(submissions().await.unwrap().assignments().len(), 1);
}

#[tokio::test]
async fn a_page_of_unseen_rows_is_short_and_still_leads_on() {
    let place = Place::open().await;
    for _ in 0..3 {
        place.hit(1).await;
    }
    place.turn(market::clock::Turn::Step(Span::seconds(60))).await;
    place.hit(1).await;
    order(&place, FaultKind::Hide(30), "ListHITs", None).await;
    let first = place.client.list_hits().max_results(3).send().await.unwrap();
    assert_eq!((first.num_results, first.hits().len()), (Some(3), 3));
    let next = first.next_token.expect("more may come");
    let second = place.client.list_hits().max_results(3).next_token(next).send().await.unwrap();
    assert_eq!((second.num_results, second.next_token), (Some(0), None));
}

#[tokio::test]
async fn a_new_bonus_and_a_new_grant_stay_unseen_as_well() {
    let place = Place::open().await;
    let hit_id = place.hit(1).await;
    let (worker_id, assignment_id) = place.work("one", &hit_id).await;
    let pay = place.client.send_bonus().worker_id(&worker_id).assignment_id(&assignment_id);
    pay.bonus_amount("1.00").reason("x").send().await.unwrap();
    let kind = place.qualification("Took part").await;
    place.turn(market::clock::Turn::Step(Span::seconds(60))).await;
    place.grant(&kind, &worker_id, 1).await;
    order(&place, FaultKind::Hide(30), "GetQualificationScore", Some(1)).await;
    let score = || place.client.get_qualification_score().qualification_type_id(&kind).worker_id(&worker_id);
    refused(score().send().await).is("RequestError", "QualificationDoesNotExist", &worker_id);
    score().send().await.unwrap();
    order(&place, FaultKind::Hide(61), "ListBonusPayments", Some(1)).await;
    let paid = || place.client.list_bonus_payments().assignment_id(&assignment_id);
    assert_eq!(paid().send().await.unwrap().num_results, Some(0));
    assert_eq!(paid().send().await.unwrap().num_results, Some(1));
}

#[tokio::test]
async fn concurrent_calls_use_an_order_up_exactly() {
    let place = Place::open().await;
    order(&place, FaultKind::FailBefore, "GetAccountBalance", Some(5)).await;
    let calls = (0..12).map(|_| place.client.get_account_balance().send());
    let answers = futures_util::future::join_all(calls).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_err()).count(), 5);
    assert_eq!(strikes(&place).await.len(), 5);
}

/// The kinds in a row; each is named here, so that a new one must come in.
fn next(kind: &FaultKind) -> Option<FaultKind> {
    Some(match kind {
        FaultKind::FailBefore => FaultKind::FailAfter,
        FaultKind::FailAfter => FaultKind::DropBefore,
        FaultKind::DropBefore => FaultKind::DropAfter,
        FaultKind::DropAfter => FaultKind::ResetBefore,
        FaultKind::ResetBefore => FaultKind::ResetAfter,
        FaultKind::ResetAfter => FaultKind::HtmlBefore,
        FaultKind::HtmlBefore => FaultKind::HtmlAfter,
        FaultKind::HtmlAfter => FaultKind::Deny,
        FaultKind::Deny => FaultKind::Unlink,
        FaultKind::Unlink => FaultKind::Throttle,
        FaultKind::Throttle => FaultKind::ThrottleTo(1),
        FaultKind::ThrottleTo(_) => FaultKind::DelayBefore(10_000),
        FaultKind::DelayBefore(_) => FaultKind::DelayAfter(10_000),
        FaultKind::DelayAfter(_) => FaultKind::Hide(3600),
        FaultKind::Hide(_) => return None,
    })
}

#[tokio::test]
async fn the_clients_own_retry_meets_every_kind_of_fault() {
    let place = Place::open().await;
    let hit_id = place.hit(1).await;
    for kind in std::iter::successors(Some(FaultKind::FailBefore), next) {
        order(&place, kind, "GetHIT", Some(1)).await;
        if let FaultKind::ThrottleTo(_) = kind {
            place.client.get_hit().hit_id(&hit_id).send().await.expect("a throttle lets the first call pass");
        }
        // A delay that nobody notices writes down every attempt that arrives.
        let witness = if let FaultKind::DelayBefore(_) = kind {
            FaultKind::DelayAfter(1)
        } else {
            FaultKind::DelayBefore(1)
        };
        let witness = order(&place, witness, "GetHIT", None).await;
        let answer = hasty(&place).get_hit().hit_id(&hit_id).send().await;
        let mut log = strikes(&place).await;
        log.retain(|strike| strike.fault == witness);
        let plain = match kind {
            FaultKind::Hide(_) => Some(("RequestError", "HITDoesNotExist", hit_id.as_str())),
            FaultKind::Deny => Some(("AccessDeniedException", "", "mechanicalturk:GetHIT")),
            FaultKind::Unlink => Some(("RequestError", "", "must be linked")),
            _ => None,
        };
        if let Some((error, code, message)) = plain {
            refused(answer).is(error, code, message);
            assert_eq!(attempts(&log), [1], "{kind:?} is told plainly, and nobody asks again");
        } else {
            assert_eq!(answer.unwrap().hit.unwrap().hit_id.as_ref(), Some(&hit_id), "{kind:?}");
            assert_eq!(attempts(&log), [1, 2], "{kind:?}");
        }
        let mut conn = place.market.pool().acquire().await.unwrap();
        faults::lift_all(&mut conn, place.market.real_now(), &place.keys.requester_id).await.unwrap();
    }
}
