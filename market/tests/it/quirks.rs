//! Each quirk in both positions.

use aws_sdk_mturk::primitives::DateTime;
use aws_sdk_mturk::types::QualificationTypeStatus;
use chrono::Duration;
use market::Quirks;
use market::engine::assignments::AssignmentState;

use crate::harness::{Place, QUESTION, refused};

async fn with(quirks: Quirks) -> Place {
    Place::with(|settings| settings.quirks = quirks).await
}

#[tokio::test]
async fn a_fresh_hit_refuses_changes_while_it_is_locked() {
    for (modification_lock, refuses) in [(0, false), (5, true)] {
        let place = with(Quirks { modification_lock, ..Quirks::default() }).await;
        let hit_id = place.hit(1).await;
        let other = place.client.create_hit_type().title("x").description("y").reward("1");
        let other = other.assignment_duration_in_seconds(60).send().await.unwrap().hit_type_id.unwrap();
        let later = DateTime::from_secs((place.now().await + Duration::days(9)).timestamp());
        let grow = || {
            let call = place.client.create_additional_assignments_for_hit().hit_id(&hit_id);
            call.number_of_additional_assignments(1).send()
        };
        let extend = || place.client.update_expiration_for_hit().hit_id(&hit_id).expire_at(later).send();
        let retype = || place.client.update_hit_type_of_hit().hit_id(&hit_id).hit_type_id(&other).send();
        if refuses {
            let message = "created a moment ago";
            refused(grow().await).is("RequestError", "InvalidHITState", message);
            refused(extend().await).is("RequestError", "InvalidHITState", message);
            refused(retype().await).is("RequestError", "InvalidHITState", message);
            let now = place.client.update_expiration_for_hit().hit_id(place.hit(1).await);
            now.expire_at(DateTime::from_secs(0)).send().await.unwrap();
            place.step(Duration::seconds(5)).await;
        }
        grow().await.unwrap();
        extend().await.unwrap();
        retype().await.unwrap();
    }
}

#[tokio::test]
async fn a_lifetime_ends_at_the_documented_year_or_where_one_client_met_a_cap() {
    let year = 31_536_000;
    for (longest_lifetime_days, longest) in [(0, year), (14, 1_209_600), (400, year)] {
        let place = with(Quirks { longest_lifetime_days, ..Quirks::default() }).await;
        let kind = place.client.create_hit_type().title("x").description("y").reward("1");
        let kind = kind.assignment_duration_in_seconds(60).send().await.unwrap().hit_type_id.unwrap();
        let new = |seconds| place.publish(1).lifetime_in_seconds(seconds).unique_request_token("t").send();
        let of_type = |seconds| {
            let call = place.client.create_hit_with_hit_type().hit_type_id(&kind).question(QUESTION);
            call.lifetime_in_seconds(seconds).unique_request_token("t").send()
        };
        let told = format!("must be between 30 and {longest}.");
        for seconds in [longest + 1, year + 1] {
            let told = if seconds > year { format!("must be between 30 and {year}.") } else { told.clone() };
            let told = told.as_str();
            refused(new(seconds).await).is("ParameterValidationError", "AWS.ParameterOutOfRange", told);
            refused(of_type(seconds).await).is("ParameterValidationError", "AWS.ParameterOutOfRange", told);
        }
        let hit = new(longest).await.unwrap().hit.unwrap();
        of_type(longest).await.expect("a refused call uses no token up");
        let later = DateTime::from_secs((place.now().await + Duration::days(300)).timestamp());
        let longer = place.client.update_expiration_for_hit().hit_id(hit.hit_id.unwrap()).expire_at(later);
        longer.send().await.expect("the cap is on what a HIT is published with");
    }
}

#[tokio::test]
async fn an_expiration_can_be_made_sooner_unless_it_only_grows() {
    for expiration_only_grows in [false, true] {
        let place = with(Quirks { expiration_only_grows, ..Quirks::default() }).await;
        let hit_id = place.hit(1).await;
        let set = |at: chrono::DateTime<chrono::Utc>| {
            let at = DateTime::from_secs(at.timestamp());
            place.client.update_expiration_for_hit().hit_id(&hit_id).expire_at(at).send()
        };
        let now = place.now().await;
        let sooner = set(now + Duration::minutes(30)).await;
        if expiration_only_grows {
            refused(sooner).is("RequestError", "InvalidHITState", "made later");
        } else {
            sooner.unwrap();
        }
        set(now + Duration::hours(2)).await.unwrap();
        set(now - Duration::hours(2)).await.unwrap();
    }
}

async fn bonus(
    place: &Place,
    (worker_id, assignment_id): &(String, String),
    amount: &str,
) -> Option<crate::harness::Refused> {
    let call = place.client.send_bonus().worker_id(worker_id).assignment_id(assignment_id);
    let answer = call.bonus_amount(amount).reason("Well played").send().await;
    answer.is_err().then(|| refused(answer))
}

#[tokio::test]
async fn bonuses_have_a_largest_one_and_a_window() {
    for (largest_bonus, days, refuses) in [(0, 0, false), (500, 183, true)] {
        let place = with(Quirks { largest_bonus, bonus_window_days: days, ..Quirks::default() }).await;
        let hit_id = place.hit(1).await;
        let work = place.work("one", &hit_id).await;
        assert!(bonus(&place, &work, "5.00").await.is_none());
        let large = bonus(&place, &work, "5.01").await;
        place.step(Duration::days(183)).await;
        assert!(bonus(&place, &work, "1.00").await.is_none());
        place.step(Duration::seconds(1)).await;
        let late = bonus(&place, &work, "1.00").await;
        assert_eq!((large.is_some(), late.is_some()), (refuses, refuses));
        if let (Some(large), Some(late)) = (large, late) {
            large.is("ParameterValidationError", "InvalidParameterValue", "BonusAmount");
            late.is("RequestError", "InvalidAssignmentState", "time in which a bonus");
        }
    }
}

#[tokio::test]
async fn there_is_room_for_so_many_blocks() {
    for (most_blocks, refuses) in [(100_000, false), (1, true)] {
        let place = with(Quirks { most_blocks, ..Quirks::default() }).await;
        let (one, two) = (place.worker("one").await, place.worker("two").await);
        let block = |id: &str| place.client.create_worker_block().worker_id(id).reason("x").send();
        block(&one).await.unwrap();
        block(&one).await.unwrap();
        let second = block(&two).await;
        assert_eq!(second.is_err(), refuses);
        if refuses {
            refused(second).is("ParameterValidationError", "AWS.ParameterOutOfRange", "as many workers");
        }
    }
}

#[tokio::test]
async fn a_review_status_set_twice_is_refused_or_not() {
    for repeated_review_status in [false, true] {
        let place = with(Quirks { repeated_review_status, ..Quirks::default() }).await;
        let hit_id = place.hit(1).await;
        place.work("one", &hit_id).await;
        let set = |revert| place.client.update_hit_review_status().hit_id(&hit_id).revert(revert).send();
        set(false).await.unwrap();
        assert_eq!(set(false).await.is_ok(), repeated_review_status);
        set(true).await.unwrap();
        assert_eq!(set(true).await.is_ok(), repeated_review_status);
    }
}

#[tokio::test]
async fn without_a_status_the_revoked_are_left_out_or_not() {
    for (revoked_listed_too, count) in [(false, 1), (true, 2)] {
        let place = with(Quirks { revoked_listed_too, ..Quirks::default() }).await;
        let id = place.qualification("Danish").await;
        let (one, two) = (place.worker("one").await, place.worker("two").await);
        place.grant(&id, &one, 1).await;
        place.grant(&id, &two, 1).await;
        let revoke = place.client.disassociate_qualification_from_worker().qualification_type_id(&id);
        revoke.worker_id(&two).send().await.unwrap();
        let page = place.client.list_workers_with_qualification_type().qualification_type_id(&id);
        assert_eq!(page.send().await.unwrap().qualifications().len(), count);
    }
}

#[tokio::test]
async fn failures_to_notify_are_hard_or_soft() {
    for (soft_failures, word) in [(false, "HardFailure"), (true, "SoftFailure")] {
        let place = with(Quirks { soft_failures, ..Quirks::default() }).await;
        let call = place.client.notify_workers().subject("s").message_text("t").worker_ids("AUNKNOWN");
        let answer = call.send().await.unwrap();
        let failure = &answer.notify_workers_failure_statuses()[0];
        assert_eq!(failure.notify_workers_failure_code().unwrap().as_str(), word);
    }
}

#[tokio::test]
async fn new_types_are_found_after_the_lag_and_names_are_free_after_the_hours() {
    for (search_lag, name_kept_hours, slow) in [(0, 0, false), (60, 48, true)] {
        let place = with(Quirks { search_lag, name_kept_hours, ..Quirks::default() }).await;
        let id = place.qualification("Danish").await;
        let found = async || {
            let call = place.client.list_qualification_types().must_be_requestable(true).query("Danish");
            call.send().await.unwrap().qualification_types().len()
        };
        assert_eq!(found().await, usize::from(!slow));
        place.step(Duration::seconds(60)).await;
        assert_eq!(found().await, 1);
        place.client.delete_qualification_type().qualification_type_id(&id).send().await.unwrap();
        let make = || {
            let call = place.client.create_qualification_type().name("Danish").description("x");
            call.qualification_type_status(QualificationTypeStatus::Active).send()
        };
        if slow {
            let taken = make().await;
            refused(taken).is("RequestError", "QualificationTypeAlreadyExists", "with this name");
            place.step(Duration::hours(48)).await;
        }
        make().await.unwrap();
    }
}

#[tokio::test]
async fn the_sandbox_always_has_ten_thousand_dollars() {
    for (constant_balance, shown) in [(false, ("998.80", "1.20")), (true, ("10000.00", "0.00"))] {
        let place = with(Quirks { constant_balance, ..Quirks::default() }).await;
        place.hit(1).await;
        let (available, on_hold) = place.balance().await;
        assert_eq!((available.as_str(), on_hold.as_str()), shown);
    }
}

#[tokio::test]
async fn work_is_approved_at_once_or_when_the_job_runs() {
    for (auto_approval_period, late) in [(0, false), (3600, true)] {
        let place = with(Quirks { auto_approval_period, ..Quirks::default() }).await;
        let now = place.now().await;
        let into_the_hour = now.timestamp().rem_euclid(3600);
        // Ten minutes past a full hour, so that the job does not run when the delay is over.
        place.step(Duration::seconds(3600 - into_the_hour + 600)).await;
        let hit_id = place.hit(1).await;
        let (_, assignment_id) = place.work("one", &hit_id).await;
        let state = async || {
            place.market.tick().await.unwrap();
            let mut conn = place.market.pool().acquire().await.unwrap();
            let found = market::engine::assignments::find(&mut conn, &assignment_id).await.unwrap();
            found.unwrap().state
        };
        place.step(Duration::days(1)).await;
        assert_eq!(state().await, if late { AssignmentState::Submitted } else { AssignmentState::Approved });
        place.step(Duration::minutes(50)).await;
        assert_eq!(state().await, AssignmentState::Approved);
    }
}

/// What the page says of a name: its default.
fn told_default(page: &str, name: &str) -> String {
    let row = page.lines().find(|line| line.starts_with("| ") && line.contains(&format!("`{name}`")));
    let row = row.unwrap_or_else(|| panic!("docs/MARKET_SETTINGS.md does not tell of {name}"));
    row.split('|').nth(2).unwrap().trim().to_owned()
}

#[test]
fn the_page_of_settings_tells_every_switch_and_its_default() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/MARKET_SETTINGS.md");
    let page = std::fs::read_to_string(page).unwrap();
    let mut switches = serde_json::to_value(Quirks::default()).unwrap();
    let notices = switches.as_object_mut().unwrap().remove("notices").unwrap();
    let named = |prefix: &'static str, values: serde_json::Value| {
        let values = values.as_object().unwrap().clone().into_iter();
        values.map(move |(name, value)| (format!("{prefix}{name}"), value))
    };
    for (name, value) in named("", switches).chain(named("notices.", notices)) {
        let expected = match &value {
            serde_json::Value::Bool(on) => (if *on { "on" } else { "off" }).to_owned(),
            serde_json::Value::String(word) => format!("`{word}`"),
            number => number.to_string().trim_end_matches(".0").to_owned(),
        };
        let told = told_default(&page, &name);
        assert!(
            told.split([' ', ',']).next() == Some(&expected),
            "{name} is {expected}; the page says {told}"
        );
    }
}
