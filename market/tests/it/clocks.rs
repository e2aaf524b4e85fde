//! Two requesters in one marketplace, each at a time of their own.

use aws_sdk_mturk::types::AssignmentStatus;
use chrono::{DateTime, Duration, Utc};
use market::clock::{ClockError, Turn};
use market::engine::assignments::{Wanted, WorkError};
use market::engine::groups;
use market::engine::tick::Report;
use market::journal::{Effect, Filter};

use crate::harness::{Place, refused};

async fn status(place: &Place, assignment_id: &str) -> AssignmentStatus {
    let answer = place.client.get_assignment().assignment_id(assignment_id).send().await.unwrap();
    answer.assignment.unwrap().assignment_status.unwrap()
}

/// When the latest effect of this kind happened to the place's requester.
async fn at(place: &Place, effect: Effect) -> DateTime<Utc> {
    let requester_id = Some(place.keys.requester_id.clone());
    let filter = Filter { requester_id, effect: Some(effect), ..Filter::default() };
    place.market.journal(&filter).await.unwrap().last().unwrap().at
}

#[tokio::test]
async fn a_requester_who_never_turned_their_clock_follows_the_markets() {
    let place = Place::open().await;
    let other = place.beside().await;
    let start = place.now().await;
    place.step(Duration::days(1)).await;
    assert_eq!(place.own_now().await, start + Duration::days(1));
    place.turn(Turn::Step(Duration::hours(2))).await;
    assert_eq!(place.own_now().await, start + Duration::hours(26), "their own starts from the market's");
    assert_eq!(other.own_now().await, start + Duration::days(1));
    assert_eq!(place.now().await, start + Duration::days(1));
    place.step(Duration::days(30)).await;
    assert_eq!(place.own_now().await, start + Duration::hours(26), "and no longer follows it");
    assert_eq!(other.own_now().await, start + Duration::days(31));
}

#[tokio::test]
async fn automatic_approval_comes_at_each_requesters_time() {
    let place = Place::open().await;
    let other = place.beside().await;
    let (mine, theirs) = (place.hit(1).await, other.hit(1).await);
    let (_, mine) = place.work("one", &mine).await;
    let (_, theirs) = other.work("two", &theirs).await;
    place.turn(Turn::Step(Duration::days(1))).await;
    let report = place.market.tick().await.unwrap();
    assert_eq!(report, Report { approved: 1, expired: 1, ..Report::default() });
    assert_eq!(status(&place, &mine).await, AssignmentStatus::Approved);
    assert_eq!(status(&other, &theirs).await, AssignmentStatus::Submitted);
    assert_eq!(at(&place, Effect::AutoApproved).await, place.own_now().await);
    let statement = place.market.statement(&place.keys.requester_id).await.unwrap();
    assert_eq!(statement.last().unwrap().at, place.own_now().await);
    assert_eq!(place.market.tick().await.unwrap(), Report::default());
    other.turn(Turn::Step(Duration::days(1))).await;
    assert_eq!(place.market.tick().await.unwrap().approved, 1);
    assert_eq!(status(&other, &theirs).await, AssignmentStatus::Approved);
}

#[tokio::test]
async fn a_worker_is_held_to_the_deadline_of_the_hits_own_requester() {
    let place = Place::open().await;
    let other = place.beside().await;
    let (mine, theirs) = (place.hit(1).await, other.hit(1).await);
    let worker_id = place.worker("one").await;
    let here = place.accept(&worker_id, Wanted::Hit(&mine)).await.unwrap();
    let there = other.accept(&worker_id, Wanted::Hit(&theirs)).await.unwrap();
    place.turn(Turn::Step(Duration::seconds(601))).await;
    assert!(matches!(place.submit(&here.assignment_id).await, Err(WorkError::TooLate)));
    assert_eq!(place.market.tick().await.unwrap(), Report { abandoned: 1, ..Report::default() });
    let handed_in = other.submit(&there.assignment_id).await.unwrap();
    assert_eq!(handed_in.submitted_at, Some(other.own_now().await));
    assert_eq!(at(&place, Effect::Abandoned).await, place.own_now().await);
}

#[tokio::test]
async fn workers_see_what_has_not_expired_at_its_requesters_time() {
    let place = Place::open().await;
    let other = place.beside().await;
    place.hit(1).await;
    let theirs = other.hit(1).await;
    place.turn(Turn::Step(Duration::hours(1))).await;
    let mut conn = place.market.pool().acquire().await.unwrap();
    let seen =
        groups::groups(&mut conn, place.market.settings(), place.market.real_now(), None).await.unwrap();
    let names: Vec<_> = seen.iter().map(|group| group.requester.as_str()).collect();
    assert_eq!(names, ["Another lab"]);
    let worker_id = place.worker("one").await;
    other.accept(&worker_id, Wanted::Hit(&theirs)).await.unwrap();
}

#[tokio::test]
async fn a_token_is_good_for_a_day_of_its_own_requester() {
    let place = Place::open().await;
    let other = place.beside().await;
    for place in [&place, &other] {
        place.publish(1).unique_request_token("once").send().await.unwrap();
    }
    place.turn(Turn::Step(Duration::hours(24))).await;
    place.publish(1).unique_request_token("once").send().await.unwrap();
    let repeated = other.publish(1).unique_request_token("once").send().await;
    refused(repeated).is("RequestError", "HITAlreadyExists", "already exists");
}

#[tokio::test]
async fn a_clock_runs_many_times_as_fast_and_stands_when_frozen() {
    let place = Place::open().await;
    let before = (place.market.real_now(), place.own_now().await);
    place.turn(Turn::Run(100_000.0)).await;
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    place.turn(Turn::Freeze).await;
    let after = (place.own_now().await, place.market.real_now());
    let ran = (after.0 - before.1).num_milliseconds();
    let most = (after.1 - before.0).num_milliseconds() * 100_000;
    assert!((20 * 100_000..=most + 100_000).contains(&ran), "{ran} of at most {most}");
    assert_eq!(place.own_now().await, after.0, "frozen");
}

#[tokio::test]
async fn the_database_does_the_same_sum_as_the_program() {
    let place = Place::open().await;
    let mut conn = place.market.pool().acquire().await.unwrap();
    for rate in [0.0, 0.1, 1.0, 7.3, 99_999.5, 1_000_000.0] {
        place.turn(Turn::Run(rate)).await;
        let (timing, _) = place.market.clock_of(&place.keys.requester_id).await.unwrap();
        for microseconds in [0, 1, 1_234_567, 86_400_000_001, 31_536_000_000_007, 900_000_000_000_000] {
            let machine = timing.anchor_real + Duration::microseconds(microseconds);
            let sum: DateTime<Utc> =
                sqlx::query_scalar("select now from market.times($1) where requester_id = $2")
                    .bind(machine)
                    .bind(&place.keys.requester_id)
                    .fetch_one(&mut *conn)
                    .await
                    .unwrap();
            assert_eq!(sum, timing.at(machine), "{microseconds} at {rate}");
        }
    }
}

#[tokio::test]
async fn steps_at_the_same_time_add_up() {
    let place = Place::open().await;
    place.turn(Turn::Freeze).await;
    let start = place.own_now().await;
    let steps = (0..8).map(|_| place.turn(Turn::Step(Duration::minutes(1))));
    futures_util::future::join_all(steps).await;
    assert_eq!(place.own_now().await, start + Duration::minutes(8));
}

#[tokio::test]
async fn nobodys_clock_and_other_centuries_are_refused() {
    let place = Place::open().await;
    let nobody = place.market.set_clock_of("ANOBODY", Turn::Freeze).await;
    assert!(matches!(nobody, Err(ClockError::NobodysClock)), "{nobody:?}");
    let own = &place.keys.requester_id;
    for turn in
        [Turn::Step(Duration::days(80_000)), Turn::Step(Duration::MAX), Turn::To(DateTime::<Utc>::MAX_UTC)]
    {
        let far = place.market.set_clock_of(own, turn).await;
        assert!(matches!(far, Err(ClockError::TooFar)), "{far:?}");
    }
}

/// Ten thousand people at work and as many submissions, for forty requesters with clocks of their own, none due.
async fn crowd(place: &Place) {
    let hit = place.hit(1).await;
    let sql = format!(
        "insert into market.requester (requester_id, name, created_at)
             select 'lab' || n, 'Lab ' || n, now() from generate_series(1, 40) n;
         insert into market.requester_clock
             select requester_id, now(), now(), 0 from market.requester where requester_id like 'lab%';
         insert into market.hit_type select 'T' || r.requester_id, 'G' || r.requester_id, r.requester_id, title, description,
                keywords, reward, assignment_duration, auto_approval_delay, qualification_requirements, fingerprint, created_at
             from market.hit_type cross join (select requester_id from market.requester where requester_id like 'lab%') r;
         insert into market.worker (worker_id, name, password_hash, created_at) 
             values ('AW1', 'one', 'x', now()), ('AW2', 'two', 'x', now());
         insert into market.hit (hit_id, requester_id, hit_type_id, question, max_assignments, created_with, reward, fee,
                                 created_at, expiration, pending)
             select 'H' || n, 'lab' || (1 + n % 40), 'Tlab' || (1 + n % 40), question, 9, 9, 1, 1, created_at,
                    now() + interval '1 hour', 1
               from market.hit cross join generate_series(1, 10000) n where hit_id = '{hit}';
         insert into market.assignment (assignment_id, hit_id, requester_id, worker_id, state, accepted_at, deadline, auto_approval_at)
             select hit_id || worker, hit_id, requester_id, worker, state, created_at, expiration, expiration
               from market.hit cross join (values ('AW1', 'accepted'), ('AW2', 'submitted')) v(worker, state) where hit_id like 'H%' and requester_id like 'lab%';
         analyze"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(place.market.pool()).await.unwrap();
}

#[tokio::test]
async fn what_is_due_is_found_by_index_for_each_requester() {
    let place = Place::open().await;
    crowd(&place).await;
    for (table, column, state) in [
        ("assignment", "deadline", "state = 'accepted'"),
        ("assignment", "auto_approval_at", "state = 'submitted'"),
        ("hit", "expiration", "closed_at is null and disposed_at is null"),
    ] {
        let sql = format!(
            "explain (costs off) select 1 from market.times(now()) time cross join lateral (
                 select {column} from market.{table} where requester_id = time.requester_id and {state}
                    and {column} < time.now order by {column} limit 1000) due order by due.{column} limit 1000"
        );
        let lines: Vec<String> =
            sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_all(place.market.pool()).await.unwrap();
        let plan = lines.join("\n");
        assert!(!plan.contains(&format!("Seq Scan on {table}")), "{plan}");
        assert!(plan.contains("Index Cond: ((requester_id = "), "{plan}");
        assert!(!plan.contains("Function Scan"), "the function is seen through: {plan}");
    }
}
