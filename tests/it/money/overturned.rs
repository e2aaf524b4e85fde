//! Rejections that are overturned: by an order of ours, or by hand at the recruiter.

use chrono::Duration;
use kernel::money::Cents;
use market::clock::Turn;
use market::faults::FaultKind;
use market::journal::Effect;
use otree_hr::ledger::pause;
use otree_hr::participation::{self, Stage};
use otree_hr::payments::{Kind, OrderState, budget};
use otree_hr::recruiters::{Submission, SubmissionStatus};
use otree_hr::review::Decision;
use otree_hr::studies::draft::Typed;
use otree_hr::studies::{BatchId, Study};

use super::{patience, reject, stages};
use crate::support::world::{Guest, World};

fn overturn(world: &World) -> Decision {
    Decision::Override { feedback: "We were wrong.".into(), at: world.lab.clock_now() }
}

/// A study of one place, whose only worker is rejected.
async fn rejected() -> (World, Study, [Guest; 1]) {
    let world = World::new().await;
    let form = Typed { places: "1".into(), batch_size: "1".into(), ..world.lab.form() };
    let study = world.publish(&form).await;
    let guests: [Guest; 1] = world.submitted(&study, 1, "0.70").await.try_into().unwrap();
    world.decide(&study, &guests, &reject()).await;
    world.quiet().await;
    assert_eq!(stages(&world, &guests).await, [Stage::Rejected]);
    (world, study, guests)
}

async fn pause(world: &World, on: bool) {
    let mut conn = world.app().pool.acquire().await.unwrap();
    let lab = Some(world.lab.id.0);
    let changed = match on {
        true => pause::begin(&mut conn, world.lab.clock_now(), lab, world.lab.owner.0, "").await,
        false => pause::end(&mut conn, lab).await,
    };
    assert!(changed.unwrap());
}

async fn paid(world: &World, study: &Study) -> Cents {
    let mut conn = world.app().pool.acquire().await.unwrap();
    budget::of(&mut conn, study.id, false).await.unwrap().paid
}

#[tokio::test]
async fn a_rejection_is_overturned_once_whatever_becomes_of_the_answer() {
    for fault in [FaultKind::DropBefore, FaultKind::DropAfter, FaultKind::FailAfter, FaultKind::Throttle] {
        let (world, study, guests) = rejected().await;
        world.trouble(fault, "ApproveAssignment", 1).await;
        assert_eq!(world.decide(&study, &guests, &overturn(&world)).await, 1, "{fault:?}");
        assert_eq!(world.decide(&study, &guests, &overturn(&world)).await, 0, "{fault:?}: once");
        patience(&world).await;
        assert_eq!(stages(&world, &guests).await, [Stage::Approved], "{fault:?}");
        assert_eq!(world.journal(Effect::Approved).await.len(), 1, "{fault:?}");
        assert_eq!(paid(&world, &study).await, Cents(120), "{fault:?}");
        let orders = world.orders(&study).await;
        assert!(orders.iter().all(|order| order.state == OrderState::Done), "{orders:?}");
    }
}

#[tokio::test]
async fn after_thirty_days_a_rejection_stays() {
    let (world, study, guests) = rejected().await;
    world.lab.clock.advance(Duration::days(31));
    let plan = world.plan(&study, &guests, &overturn(&world)).await;
    assert!(plan.lines[0].orders.as_ref().unwrap_err().contains("30 days"));
    assert_eq!(world.decide(&study, &guests, &overturn(&world)).await, 0);
}

#[tokio::test]
async fn only_a_rejection_is_overturned() {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    let guests = world.submitted(&study, 1, "0.70").await;
    assert_eq!(world.plan(&study, &guests, &overturn(&world)).await.able(), 0);
}

#[tokio::test]
async fn one_that_is_overturned_by_hand_enters_the_books_though_nobody_polls_its_batch() {
    let (world, study, guests) = rejected().await;
    patience(&world).await;
    assert_eq!(world.lab.count("SELECT count(*) FROM batch WHERE state = 'done'").await, 1);
    let (mut tx, now) = world.market.begin().await.unwrap();
    let assignment = &guests[0].assignment;
    market::engine::review::approve(&mut tx, now, &world.requester, assignment, None, true).await.unwrap();
    tx.commit().await.unwrap();
    world.later(Duration::minutes(6)).await;
    assert_eq!(stages(&world, &guests).await, [Stage::Approved]);
    let orders = world.orders(&study).await;
    assert_eq!(orders.len(), 2, "{orders:?}");
    assert_eq!((orders[1].kind, orders[1].state), (Kind::Override, OrderState::Done));
    assert_eq!(paid(&world, &study).await, Cents(120));
}

#[tokio::test]
async fn a_list_that_was_read_before_does_not_bring_the_rejection_back() {
    let (world, study, guests) = rejected().await;
    assert_eq!(world.decide(&study, &guests, &overturn(&world)).await, 1);
    world.quiet().await;
    assert_eq!(stages(&world, &guests).await, [Stage::Approved]);
    let now = world.lab.clock_now();
    let read_before = Submission {
        assignment_id: guests[0].assignment.clone(),
        unit_id: guests[0].hit.clone(),
        worker_id: guests[0].worker.clone(),
        status: SubmissionStatus::Rejected,
        submitted_at: Some(now),
        auto_approve_at: None,
        approved_at: None,
        rejected_at: Some(now),
        answers: Vec::new(),
    };
    let mut conn = world.app().pool.acquire().await.unwrap();
    let batch = sqlx::query_scalar("SELECT id FROM batch").fetch_one(&mut *conn).await.unwrap();
    participation::store::submission(&mut conn, BatchId(batch), &read_before, now).await.unwrap();
    assert_eq!(stages(&world, &guests).await, [Stage::Approved]);
}

#[tokio::test]
async fn one_that_the_recruiter_refuses_for_ever_is_put_before_a_person() {
    let (world, study, guests) = rejected().await;
    pause(&world, true).await;
    assert_eq!(world.decide(&study, &guests, &overturn(&world)).await, 1);
    world.market.set_clock(Turn::Step(Duration::days(31))).await.unwrap();
    pause(&world, false).await;
    for _ in 0..24 {
        world.later(Duration::hours(1)).await;
    }
    let order = world.orders(&study).await.into_iter().find(|order| order.kind == Kind::Override).unwrap();
    assert_eq!(order.state, OrderState::Unknown, "{order:?}");
    assert!(order.problem.unwrap().contains("again and again"));
    assert_eq!(stages(&world, &guests).await, [Stage::Rejected]);
}
