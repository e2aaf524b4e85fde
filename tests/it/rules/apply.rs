//! What rules order, when, and what stops them. Real marketplace, stand-in for oTree.

use chrono::Duration;
use kernel::money::Cents;
use market::journal::Effect;
use otree_hr::app::App;
use otree_hr::jobs::Reconciler;
use otree_hr::participation::Stage;
use otree_hr::payments::Kind;
use otree_hr::payments::budget;
use otree_hr::review::auto::Reviewer;
use otree_hr::review::verdicts::{NewRules, Outcome, State};
use otree_hr::review::{Decision, Stop, stop_rules};
use otree_hr::studies::Study;
use serde_json::json;

use super::{agreement, at_least, finished, handed_in, outcome, save, verdict};
use crate::support::books;
use crate::support::world::{Guest, World};

async fn stop(world: &World, study: &Study, which: Stop<'_>) -> u64 {
    let mut tx = world.app().pool.begin().await.unwrap();
    let stopped = stop_rules(&mut tx, study, which, world.lab.owner, world.lab.clock_now()).await.unwrap();
    tx.commit().await.unwrap();
    stopped
}

async fn step(app: &App) {
    Reviewer(app.clone()).step().await.unwrap();
}

fn approvals(orders: &[otree_hr::payments::Order]) -> usize {
    orders.iter().filter(|order| order.kind == Kind::Approve).count()
}

#[tokio::test]
async fn who_meets_every_rule_is_approved_once_the_time_to_stop_it_is_over() {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    save(&world, &study, &finished()).await;
    let guest = handed_in(&world, &study, "Anna", json!({})).await;
    let due = verdict(&world, &study, &guest).await.unwrap().due_at.unwrap();
    let left = due - world.lab.clock_now();
    assert!(left > Duration::minutes(29) && left <= Duration::minutes(30), "{left}");

    world.later(left - Duration::seconds(1)).await;
    assert!(world.orders(&study).await.is_empty(), "a second before");
    world.later(Duration::seconds(1)).await;
    let orders = world.orders(&study).await;
    assert_eq!(orders.len(), 2, "approval and bonus");
    assert!(orders.iter().any(|order| order.kind == Kind::Approve && order.words == "Thank you"));
    world.later(Duration::minutes(1)).await;
    books::settled(&world, &study).await;
    let paid = world.participation(&guest).await;
    assert_eq!((paid.stage, paid.bonus), (Stage::Paid, Some(Cents(70))));
    assert_eq!(verdict(&world, &study, &guest).await.unwrap().state, State::Done);
    assert_eq!(world.lab.count("SELECT count(*) FROM audit_event WHERE action = 'review.by_rule'").await, 1);
}

#[tokio::test]
async fn what_does_not_hold_waits_for_a_person_and_is_never_rejected() {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    save(&world, &study, &NewRules { undo_s: 0, ..at_least("attention", "2") }).await;
    let good = handed_in(&world, &study, "Anna", json!({ "attention": 2 })).await;
    let bad = handed_in(&world, &study, "Bert", json!({ "attention": 1 })).await;
    let none = handed_in(&world, &study, "Carl", json!({})).await;
    world.later(Duration::hours(20)).await;
    books::settled(&world, &study).await;
    assert_eq!(world.participation(&good).await.stage, Stage::Paid);
    for (guest, words) in [(&bad, "it is “1”"), (&none, "participant.attention is not set")] {
        assert_eq!(world.participation(guest).await.stage, Stage::Submitted);
        let stored = verdict(&world, &study, guest).await.unwrap();
        assert_eq!(stored.outcome, Outcome::Review);
        assert!(stored.reasons[0].contains(words), "{:?}", stored.reasons);
    }
    assert_eq!(world.journal(Effect::Rejected).await.len(), 0);
    assert_eq!(world.orders(&study).await.len(), 2, "for the one who passed");
}

#[tokio::test]
async fn a_person_stops_one_approval_or_all() {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    save(&world, &study, &finished()).await;
    let mut guests = Vec::new();
    for name in ["Anna", "Bert", "Carl"] {
        guests.push(handed_in(&world, &study, name, json!({})).await);
    }
    assert_eq!(stop(&world, &study, Stop::These(&[guests[0].id.0])).await, 1);
    assert_eq!(stop(&world, &study, Stop::These(&[guests[0].id.0])).await, 0, "once");
    assert_eq!(stop(&world, &study, Stop::All).await, 2);
    world.later(Duration::hours(20)).await;
    assert!(world.orders(&study).await.is_empty());
    assert_eq!(world.lab.count("SELECT count(*) FROM audit_event WHERE action = 'review.stop'").await, 2);
    // A person may still approve them.
    let decision = Decision::Approve { feedback: String::new() };
    assert_eq!(world.decide(&study, &guests, &decision).await, 3);
    world.quiet().await;
    books::settled(&world, &study).await;
    assert_eq!(stop(&world, &study, Stop::All).await, 0, "nothing is left to stop");
}

#[tokio::test]
async fn a_restart_and_a_second_process_change_neither_the_time_nor_the_sum() {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    save(&world, &study, &finished()).await;
    let mut guests = Vec::new();
    for name in ["Anna", "Bert", "Carl", "Dora"] {
        guests.push(handed_in(&world, &study, name, json!({})).await);
    }
    let due = verdict(&world, &study, &guests[0]).await.unwrap().due_at;
    let (one, two) = (world.lab.another_process().await, world.lab.another_process().await);
    world.lab.clock.advance(Duration::seconds(20));
    step(&one).await;
    assert_eq!(verdict(&world, &study, &guests[0]).await.unwrap().due_at, due);
    world.lab.clock.advance(Duration::minutes(40));
    tokio::join!(step(&one), step(&two), step(&one), step(&two));
    assert_eq!(approvals(&world.orders(&study).await), 4);
    world.later(Duration::minutes(1)).await;
    books::settled(&world, &study).await;
}

#[tokio::test]
async fn a_step_that_breaks_off_orders_nothing_and_the_next_one_orders_it() {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    save(&world, &study, &finished()).await;
    let guest = handed_in(&world, &study, "Anna", json!({})).await;
    world.lab.clock.advance(Duration::minutes(40));
    // The process dies before the commit: the database refuses the step's last write.
    sqlx::query("ALTER TABLE audit_event ADD CONSTRAINT dies CHECK (action <> 'review.by_rule')")
        .execute(&world.app().pool)
        .await
        .unwrap();
    assert!(Reviewer(world.app().clone()).step().await.is_err());
    assert!(world.orders(&study).await.is_empty());
    assert_eq!(verdict(&world, &study, &guest).await.unwrap().state, State::Standing);
    sqlx::query("ALTER TABLE audit_event DROP CONSTRAINT dies").execute(&world.app().pool).await.unwrap();
    world.later(Duration::minutes(1)).await;
    assert_eq!(approvals(&world.orders(&study).await), 1);
    books::settled(&world, &study).await;
}

#[tokio::test]
async fn a_person_and_a_rule_that_decide_at_once_decide_once() {
    for decision in
        [Decision::Reject { reason: "No.".into() }, Decision::Approve { feedback: "By hand".into() }]
    {
        let world = World::new().await;
        let study = world.publish(&world.lab.form()).await;
        save(&world, &study, &finished()).await;
        let guest = handed_in(&world, &study, "Anna", json!({})).await;
        let guests = std::slice::from_ref(&guest);
        let shown = world.plan(&study, guests, &decision).await.total();
        world.lab.clock.advance(Duration::minutes(40));
        let other = world.lab.another_process().await;
        let (_, by_hand) = tokio::join!(step(&other), world.confirm(&study, guests, &decision, shown));
        let orders = world.orders(&study).await;
        let decided = orders.iter().filter(|order| order.kind != Kind::Bonus).count();
        assert_eq!(decided, 1, "{by_hand:?} {orders:?}");
        world.later(Duration::minutes(1)).await;
        books::settled(&world, &study).await;
    }
}

#[tokio::test]
async fn what_a_person_decided_before_is_left_alone() {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    save(&world, &study, &finished()).await;
    let guest = handed_in(&world, &study, "Anna", json!({})).await;
    let decision = Decision::Reject { reason: "Both checks were wrong.".into() };
    assert_eq!(world.decide(&study, std::slice::from_ref(&guest), &decision).await, 1);
    world.later(Duration::hours(2)).await;
    books::settled(&world, &study).await;
    assert_eq!(world.participation(&guest).await.stage, Stage::Rejected);
    assert_eq!(approvals(&world.orders(&study).await), 0);
}

#[tokio::test]
async fn changed_rules_look_again_at_the_undecided_and_rules_that_are_off_do_nothing() {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    save(&world, &study, &finished()).await;
    let guest = handed_in(&world, &study, "Anna", json!({ "attention": 1 })).await;
    let first = verdict(&world, &study, &guest).await.unwrap();
    world.later(Duration::minutes(20)).await;
    // The same rules under a new version: the time to stop starts anew.
    save(&world, &study, &finished()).await;
    world.later(Duration::seconds(1)).await;
    assert!(verdict(&world, &study, &guest).await.unwrap().due_at > first.due_at);
    save(&world, &study, &at_least("attention", "2")).await;
    world.later(Duration::minutes(1)).await;
    assert_eq!(outcome(&world, &study, &guest).await, Some(Outcome::Review));
    save(&world, &study, &at_least("attention", "1")).await;
    world.later(Duration::minutes(1)).await;
    assert_eq!(outcome(&world, &study, &guest).await, Some(Outcome::Approve));
    save(&world, &study, &NewRules { active: false, ..finished() }).await;
    world.later(Duration::hours(2)).await;
    assert_eq!(outcome(&world, &study, &guest).await, None);
    assert!(world.orders(&study).await.is_empty());
}

#[tokio::test]
async fn an_order_that_the_budget_does_not_allow_is_told_and_tried_again() {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    save(&world, &study, &NewRules { undo_s: 0, ..finished() }).await;
    sqlx::query("UPDATE study SET budget_cents = 150").execute(&world.app().pool).await.unwrap();
    let guest = handed_in(&world, &study, "Anna", json!({})).await;
    world.later(Duration::minutes(1)).await;
    let held = verdict(&world, &study, &guest).await.unwrap();
    assert!(held.problem.as_ref().is_some_and(|why| why.contains("budget")), "{held:?}");
    assert!(world.orders(&study).await.is_empty());
    sqlx::query("UPDATE study SET budget_cents = 100000").execute(&world.app().pool).await.unwrap();
    world.later(Duration::minutes(11)).await;
    world.later(Duration::minutes(1)).await;
    assert_eq!(world.participation(&guest).await.stage, Stage::Paid);
    books::settled(&world, &study).await;
}

#[tokio::test]
async fn where_a_budget_has_room_for_one_of_two_one_is_approved_and_the_other_told() {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    let guests = [
        handed_in(&world, &study, "Anna", json!({})).await,
        handed_in(&world, &study, "Ben", json!({})).await,
    ];
    // Room for one bonus with its fee, which is 84, beside what is promised.
    let mut conn = world.app().pool.acquire().await.unwrap();
    let promised = budget::of(&mut conn, study.id, false).await.unwrap().bound();
    sqlx::query("UPDATE study SET budget_cents = $1")
        .bind(promised.0 + 100)
        .execute(&mut *conn)
        .await
        .unwrap();
    drop(conn);
    save(&world, &study, &NewRules { undo_s: 0, ..finished() }).await;
    world.later(Duration::minutes(1)).await;
    world.later(Duration::minutes(1)).await;
    let mut held = 0;
    for guest in &guests {
        let said = verdict(&world, &study, guest).await.unwrap();
        held += usize::from(said.problem.is_some_and(|why| why.contains("budget")));
    }
    assert_eq!((held, world.orders(&study).await.len()), (1, 2));
}

#[tokio::test]
async fn a_person_whose_own_limit_is_reached_holds_up_nobody_else() {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    let guests = [
        handed_in(&world, &study, "Anna", json!({})).await,
        handed_in(&world, &study, "Ben", json!({})).await,
    ];
    let before = "INSERT INTO payment_order (id, lab_id, study_id, participation_id, connection_id, kind, source,
            amount_cents, fee_cents, currency, state, next_step_at, created_at, settled_at)
        SELECT gen_random_uuid(), lab_id, study_id, id, $2, 'bonus', 'lottery', 500, 100, 'USD', 'done', now(), now(), now()
        FROM participation WHERE id = $1";
    let bonus = sqlx::query(before).bind(guests[0].id.0).bind(world.lab.connection.0);
    bonus.execute(&world.app().pool).await.unwrap();
    save(&world, &study, &NewRules { undo_s: 0, ..finished() }).await;
    world.later(Duration::minutes(1)).await;
    world.later(Duration::minutes(1)).await;
    let held = verdict(&world, &study, &guests[0]).await.unwrap();
    assert!(held.problem.as_ref().is_some_and(|why| why.contains("5.70")), "{held:?}");
    assert_eq!(verdict(&world, &study, &guests[1]).await.unwrap().state, State::Done);
    assert_eq!(world.participation(&guests[1]).await.stage, Stage::Paid);
    let noted = "SELECT sum((detail ->> 'people')::int) FROM audit_event WHERE action = 'review.by_rule'";
    assert_eq!(world.lab.count(noted).await, 1);
}

#[tokio::test]
async fn two_of_three_settle_an_item_and_the_third_is_put_up_with_feedback() {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    save(&world, &study, &NewRules { undo_s: 60, ..agreement() }).await;
    let say = |label: &str| json!({ "picture": "p1", "label": label });
    let first = handed_in(&world, &study, "Anna", say("cat")).await;
    let waiting = verdict(&world, &study, &first).await.unwrap();
    assert_eq!(waiting.outcome, Outcome::Wait);
    assert_eq!(waiting.reasons, ["waiting for other answers to the same item: 1 of 3"]);
    let second = handed_in(&world, &study, "Bert", say("dog")).await;
    assert_eq!(outcome(&world, &study, &second).await, Some(Outcome::Wait));
    let third = handed_in(&world, &study, "Carl", say("cat")).await;
    world.later(Duration::seconds(30)).await;
    let outside = verdict(&world, &study, &second).await.unwrap();
    assert_eq!(outside.reasons, ["answered “dog”, while 2 of 3 answered “cat”"]);
    assert_eq!(outside.feedback, "Most others saw something else.");
    world.later(Duration::minutes(5)).await;
    let stage = async |guest: &Guest| world.participation(guest).await.stage;
    assert_eq!([stage(&first).await, stage(&third).await], [Stage::Paid; 2]);
    assert_eq!(stage(&second).await, Stage::Submitted);
    // Those who were approved still count for a fourth.
    let fourth = handed_in(&world, &study, "Dora", say("cat")).await;
    world.later(Duration::minutes(5)).await;
    assert_eq!(stage(&fourth).await, Stage::Paid);
    books::settled(&world, &study).await;
}

#[tokio::test]
async fn what_otree_never_tells_is_put_up_for_a_person_after_a_while() {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    let guest = handed_in(&world, &study, "Anna", json!({ "attention": 3 })).await;
    world.otree.set_down(true);
    save(&world, &study, &at_least("attention", "2")).await;
    world.later(Duration::minutes(1)).await;
    assert_eq!(outcome(&world, &study, &guest).await, Some(Outcome::Wait));
    world.later(Duration::minutes(16)).await;
    assert_eq!(outcome(&world, &study, &guest).await, Some(Outcome::Review));
    world.otree.set_down(false);
    world.later(Duration::minutes(10)).await;
    world.later(Duration::minutes(1)).await;
    assert_eq!(outcome(&world, &study, &guest).await, Some(Outcome::Approve), "once it is told, it counts");
}
