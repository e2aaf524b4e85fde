//! What nobody knows of counters, places that come back, disposal, tokens and review policies: both positions of each.

use aws_sdk_mturk::types::{PolicyParameter, ReviewPolicy};
use chrono::{DateTime, Duration};
use market::behaviour::{self, Overrides};
use market::engine::assignments::{Wanted, WorkError};
use market::journal::{Effect, Filter};
use market::{DisposalSince, Quirks, TokenCode};

use crate::harness::{Place, refused};

async fn with(quirks: Quirks) -> Place {
    Place::with(|settings| settings.quirks = quirks).await
}

/// Pending, available and completed, as GetHIT and ListHITs tell alike.
async fn counters(place: &Place, hit_id: &str) -> [i32; 3] {
    let hit = place.look(hit_id).await;
    let listed = place.client.list_hits().send().await.unwrap().hits.unwrap();
    assert_eq!(listed, std::slice::from_ref(&hit));
    [
        hit.number_of_assignments_pending().unwrap(),
        hit.number_of_assignments_available().unwrap(),
        hit.number_of_assignments_completed().unwrap(),
    ]
}

#[tokio::test]
async fn counters_are_told_as_they_are_or_as_they_were() {
    for counter_lag in [0, 60] {
        let place = with(Quirks { counter_lag, ..Quirks::default() }).await;
        let told = |now: [i32; 3], before: [i32; 3]| if counter_lag == 0 { now } else { before };
        let hit_id = place.hit(3).await;
        let (one, two) = (place.worker("one").await, place.worker("two").await);
        let taken = place.accept(&one, Wanted::Hit(&hit_id)).await.unwrap();
        let given_up = place.accept(&two, Wanted::Hit(&hit_id)).await.unwrap();
        assert_eq!(counters(&place, &hit_id).await, told([2, 1, 0], [0, 3, 0]));
        place.step(Duration::seconds(60)).await;
        assert_eq!(counters(&place, &hit_id).await, [2, 1, 0]);

        place.give_back(&two, &given_up.assignment_id).await.unwrap();
        place.submit(&taken.assignment_id).await.unwrap();
        let grow = place.client.create_additional_assignments_for_hit().hit_id(&hit_id);
        grow.number_of_additional_assignments(2).send().await.unwrap();
        assert_eq!(counters(&place, &hit_id).await, told([0, 4, 0], [2, 1, 0]));
        place.step(Duration::seconds(60)).await;
        place.client.approve_assignment().assignment_id(&taken.assignment_id).send().await.unwrap();
        assert_eq!(counters(&place, &hit_id).await, told([0, 4, 1], [0, 4, 0]));
        place.step(Duration::seconds(3500)).await;
        assert_eq!(counters(&place, &hit_id).await, told([0, 0, 1], [0, 4, 1]));
        place.step(Duration::seconds(60)).await;
        assert_eq!(counters(&place, &hit_id).await, [0, 0, 1]);
    }
}

/// Who held the assignment of this id, in order, and how it ended for them.
async fn holders(place: &Place, assignment_id: &str) -> Vec<(String, String)> {
    let rows = sqlx::query_as(
        "select worker_id, state from market.assignment where assignment_id = $1 order by seq",
    );
    rows.bind(assignment_id).fetch_all(place.market.pool()).await.unwrap()
}

#[tokio::test]
async fn a_place_that_was_given_up_comes_back_under_a_new_id_or_the_old_one() {
    for reuse_assignment_ids in [false, true] {
        let place = with(Quirks { reuse_assignment_ids, ..Quirks::default() }).await;
        let hit_id = place.hit(1).await;
        let (one, two) = (place.worker("one").await, place.worker("two").await);
        let first = place.accept(&one, Wanted::Hit(&hit_id)).await.unwrap().assignment_id;
        place.give_back(&one, &first).await.unwrap();
        let second = place.accept(&two, Wanted::Hit(&hit_id)).await.unwrap().assignment_id;
        assert_eq!(first == second, reuse_assignment_ids);

        assert!(matches!(place.give_back(&one, &second).await, Err(WorkError::NotHeld)));
        assert_eq!(place.submit(&second).await.unwrap().worker_id, two);
        let shown = place.client.get_assignment().assignment_id(&second).send().await.unwrap();
        assert_eq!(shown.assignment.unwrap().worker_id.unwrap(), two);
        let bonus = |worker: &str| {
            let call = place.client.send_bonus().assignment_id(&second).worker_id(worker);
            call.bonus_amount("1.00").reason("x").send()
        };
        refused(bonus(&one).await).is("RequestError", "InvalidParameterValue", "does not belong");
        bonus(&two).await.unwrap();

        let held = |worker: &String, state: &str| (worker.clone(), state.to_owned());
        let (gave_up, handed_in) = (held(&one, "returned"), held(&two, "submitted"));
        if reuse_assignment_ids {
            assert_eq!(holders(&place, &first).await, [gave_up, handed_in]);
        } else {
            assert_eq!(holders(&place, &first).await, [gave_up]);
            assert_eq!(holders(&place, &second).await, [handed_in]);
        }
        let filter = Filter { worker_id: Some(one), ..Filter::default() };
        let history = place.market.journal(&filter).await.unwrap();
        let history: Vec<_> =
            history.iter().map(|entry| (entry.effect, entry.assignment_id.as_deref())).collect();
        let first = Some(first.as_str());
        assert_eq!(history, [(Effect::Accepted, first), (Effect::Returned, first)]);
    }
}

#[tokio::test]
async fn ids_come_back_in_the_order_in_which_they_were_left_and_to_one_person_at_a_time() {
    let place = with(Quirks { reuse_assignment_ids: true, ..Quirks::default() }).await;
    let hit_id = place.hit(3).await;
    let mut left = Vec::new();
    for name in ["one", "two"] {
        let worker_id = place.worker(name).await;
        left.push((place.accept(&worker_id, Wanted::Hit(&hit_id)).await.unwrap().assignment_id, worker_id));
    }
    place.step(Duration::seconds(1)).await;
    place.give_back(&left[1].1, &left[1].0).await.unwrap();
    place.step(Duration::seconds(600)).await;
    assert_eq!(place.market.tick().await.unwrap().abandoned, 1);
    let mut taken = Vec::new();
    for name in ["three", "four", "five"] {
        let worker_id = place.worker(name).await;
        taken.push(place.accept(&worker_id, Wanted::Hit(&hit_id)).await.unwrap().assignment_id);
    }
    assert_eq!(taken[..2], [left[1].0.clone(), left[0].0.clone()], "returned first, abandoned later");
    assert!(!taken[..2].contains(&taken[2]));
    place.give_back(&worker_of(&place, &taken[0]).await, &taken[0]).await.unwrap();
    let six = place.worker("six").await;
    assert_eq!(
        place.accept(&six, Wanted::Hit(&hit_id)).await.unwrap().assignment_id,
        taken[0],
        "a third time"
    );
}

async fn worker_of(place: &Place, assignment_id: &str) -> String {
    holders(place, assignment_id).await.pop().unwrap().0
}

#[tokio::test]
async fn who_gave_a_hit_up_can_take_it_again_or_not() {
    for giving_up_is_final in [false, true] {
        let place = with(Quirks { giving_up_is_final, ..Quirks::default() }).await;
        let hit_id = place.hit(1).await;
        let hit_type_id = place.look(&hit_id).await.hit_type_id.unwrap();
        let (one, two) = (place.worker("one").await, place.worker("two").await);
        for wanted in [Wanted::Hit(&hit_id), Wanted::Group(&hit_type_id)] {
            let again = place.accept(&one, wanted).await;
            match (giving_up_is_final, wanted) {
                (true, Wanted::Group(_)) => {
                    assert!(matches!(again, Err(WorkError::NothingLeft)), "{again:?}")
                }
                _ => place.give_back(&one, &again.unwrap().assignment_id).await.unwrap(),
            }
        }
        let again = place.accept(&one, Wanted::Hit(&hit_id)).await;
        if giving_up_is_final {
            assert!(matches!(again, Err(WorkError::GaveUp)), "{again:?}");
            place.accept(&two, Wanted::Group(&hit_type_id)).await.unwrap();
        } else {
            again.unwrap();
        }
    }
}

async fn gone(place: &Place, hit_id: &str) -> bool {
    let answer = place.client.get_hit().hit_id(hit_id).send().await;
    if answer.is_err() {
        refused(answer).is("RequestError", "HITDoesNotExist", &format!("Hit {hit_id} does not exist."));
        return true;
    }
    false
}

#[tokio::test]
async fn old_hits_are_disposed_of_counted_from_either_end_or_never() {
    use DisposalSince::{Creation, Reviewable};
    // What is gone after 120 days, after nine more, and after a year: work of the ninth day, and a HIT nobody took.
    for (disposal_days, disposal_since, day_120, day_129, day_400) in [
        (120, Reviewable, [false, false], [true, true], [true, true]),
        (120, Creation, [true, true], [true, true], [true, true]),
        (0, Creation, [false, false], [false, false], [false, false]),
    ] {
        let place = with(Quirks { disposal_days, disposal_since, ..Quirks::default() }).await;
        let year = 31_536_000;
        let open =
            place.publish(2).lifetime_in_seconds(year).send().await.unwrap().hit.unwrap().hit_id.unwrap();
        let late =
            place.publish(1).lifetime_in_seconds(year).send().await.unwrap().hit.unwrap().hit_id.unwrap();
        let untouched = place.hit(1).await;
        place.step(Duration::days(9)).await;
        place.work("one", &late).await;
        place.work("two", &open).await;
        for (days, expected) in [(111, day_120), (9, day_129)] {
            place.step(Duration::days(days)).await;
            place.market.tick().await.unwrap();
            assert_eq!(
                [gone(&place, &late).await, gone(&place, &untouched).await],
                expected,
                "{disposal_since:?}"
            );
            assert!(!gone(&place, &open).await, "somebody can still take it");
        }
        place.step(Duration::days(271)).await;
        place.market.tick().await.unwrap();
        assert_eq!([gone(&place, &late).await, gone(&place, &untouched).await], day_400);
        // It was over after a year: counted from its creation it goes at once, else 120 days later.
        assert_eq!(gone(&place, &open).await, disposal_days > 0 && disposal_since == Creation);
        place.step(Duration::days(86)).await;
        place.market.tick().await.unwrap();
        assert_eq!(gone(&place, &open).await, disposal_days > 0);
        let filter = Filter { effect: Some(Effect::HitDisposed), ..Filter::default() };
        assert_eq!(place.market.journal(&filter).await.unwrap().len(), if disposal_days > 0 { 3 } else { 0 });
        assert_eq!(place.market.tick().await.unwrap().disposed, 0);
        assert_eq!(place.balance().await.1, "0.00");
    }
}

#[tokio::test]
async fn each_requester_has_their_own_days_until_disposal() {
    let place = Place::open().await;
    let other = place.beside().await;
    let (mine, theirs) = (place.hit(1).await, other.hit(1).await);
    let own = serde_json::json!({ "disposal_days": 1, "disposal_since": "creation" });
    let own = Overrides::parse(own.as_object().unwrap().clone()).unwrap();
    let mut conn = place.market.pool().acquire().await.unwrap();
    behaviour::set(&mut conn, DateTime::UNIX_EPOCH, &place.keys.requester_id, &own).await.unwrap();
    place.step(Duration::days(1)).await;
    assert_eq!(place.market.tick().await.unwrap().disposed, 1);
    assert_eq!((gone(&place, &mine).await, gone(&other, &theirs).await), (true, false));
}

#[tokio::test]
async fn a_repeated_token_has_the_code_that_was_chosen() {
    for (token_code, reference_spelling, of_others, of_hits) in [
        (TokenCode::None, false, None, "AWS.MechanicalTurk.HITAlreadyExists"),
        (
            TokenCode::InvalidParameterValue,
            true,
            Some("AWS.MechanicalTurk.InvalidParameterValue"),
            "AWS.MechanicalTurk.HitAlreadyExists",
        ),
        (
            TokenCode::HitAlreadyExists,
            false,
            Some("AWS.MechanicalTurk.HITAlreadyExists"),
            "AWS.MechanicalTurk.HITAlreadyExists",
        ),
        (
            TokenCode::HitAlreadyExists,
            true,
            Some("AWS.MechanicalTurk.HitAlreadyExists"),
            "AWS.MechanicalTurk.HitAlreadyExists",
        ),
    ] {
        let place = with(Quirks { token_code, reference_spelling, ..Quirks::default() }).await;
        let publish = || place.publish(1).unique_request_token("t").send();
        let hit_id = publish().await.unwrap().hit.unwrap().hit_id.unwrap();
        let again = refused(publish().await);
        assert_eq!((again.kind.as_str(), again.code.as_deref()), ("RequestError", Some(of_hits)));
        let grow = || {
            let call = place.client.create_additional_assignments_for_hit().hit_id(&hit_id);
            call.number_of_additional_assignments(1).unique_request_token("t").send()
        };
        grow().await.unwrap();
        let (worker_id, assignment_id) = place.work("one", &hit_id).await;
        let pay = || {
            let call = place.client.send_bonus().worker_id(&worker_id).assignment_id(&assignment_id);
            call.bonus_amount("1.00").reason("x").unique_request_token("t").send()
        };
        pay().await.unwrap();
        for again in [refused(grow().await), refused(pay().await)] {
            assert_eq!((again.kind.as_str(), again.code.as_deref()), ("RequestError", of_others));
            assert!(again.message.contains("\"t\" has already been processed"), "{again:?}");
        }
    }
}

fn policy(name: &str) -> ReviewPolicy {
    let answer = PolicyParameter::builder().key("AnswerKey").values("a").build();
    ReviewPolicy::builder().policy_name(name).parameters(answer).build().unwrap()
}

#[tokio::test]
async fn review_policies_are_refused_or_kept_without_effect() {
    let (known, plurality) = ("ScoreMyKnownAnswers/2011-09-01", "SimplePlurality/2011-09-01");
    for accept_review_policies in [false, true] {
        let place = with(Quirks { accept_review_policies, ..Quirks::default() }).await;
        let unknown = place.publish(1).hit_review_policy(policy("SimplePlurality/2020-01-01")).send().await;
        refused(unknown).is(
            "ParameterValidationError",
            "InvalidParameterValue",
            "HITReviewPolicy.PolicyName",
        );
        let call =
            place.publish(1).assignment_review_policy(policy(known)).hit_review_policy(policy(plurality));
        let made = call.send().await;
        if !accept_review_policies {
            refused(made).is("ParameterValidationError", "InvalidParameterValue", "not offered");
            assert_eq!(place.balance().await.1, "0.00");
            continue;
        }
        let hit_id = made.unwrap().hit.unwrap().hit_id.unwrap();
        place.work("one", &hit_id).await;
        let results = || place.client.list_review_policy_results_for_hit().hit_id(&hit_id);
        let both = results().send().await.unwrap();
        assert_eq!(both.assignment_review_policy(), Some(&policy(known)));
        assert_eq!(both.hit_review_policy(), Some(&policy(plurality)));
        let report = both.assignment_review_report().unwrap();
        assert!(report.review_results().is_empty() && report.review_actions().is_empty());
        let one = results().policy_levels("HIT".into()).send().await.unwrap();
        assert!(one.assignment_review_policy().is_none() && one.assignment_review_report().is_none());
        assert!(one.hit_review_policy().is_some() && one.hit_review_report().is_some());
    }
}
