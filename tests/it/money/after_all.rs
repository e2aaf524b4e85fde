//! A compensation and the work itself: nobody is paid for both, and nothing that the recruiter pays is overlooked.

use chrono::Duration;
use kernel::money::Cents;
use market::engine::assignments::{self, Wanted};
use market::journal::Effect;
use otree_hr::participation::Stage;
use otree_hr::payments::report::{self, Filter};
use otree_hr::payments::{Kind, OrderState, compensation::CompensateError};
use otree_hr::studies::{Study, batches};

use super::compensated::{collect, money, only, order, unsubmitted, worker_of};
use super::{auto_approve, patience};
use crate::support::door::{get, go};
use crate::support::ledger;
use crate::support::world::{Guest, World};

/// The HIT of the study that this person has not taken.
async fn other_hit(world: &World, study: &Study, guest: &Guest) -> String {
    let mut conn = world.app().pool.acquire().await.unwrap();
    let all = batches::of_study(&mut conn, study.id).await.unwrap();
    all.into_iter().filter_map(|batch| batch.hit_id).find(|hit| *hit != guest.hit).unwrap()
}

/// Accepts it and hands it in at the marketplace, past our door.
async fn hand_in(world: &World, hit: &str, guest: &Guest) -> String {
    let (mut tx, now) = world.market.begin().await.unwrap();
    let taken = assignments::accept(&mut tx, world.market.settings(), now, &guest.worker, Wanted::Hit(hit));
    let assignment = taken.await.unwrap().assignment_id;
    let fields = [("completion_code".to_owned(), "none".to_owned())];
    assignments::submit(&mut tx, now, &assignment, Some(&guest.worker), &fields).await.unwrap();
    tx.commit().await.unwrap();
    assignment
}

#[tokio::test]
async fn who_is_being_compensated_is_not_admitted_to_the_same_work_again() {
    for ordered in [false, true] {
        let (world, study, guest) = unsubmitted().await;
        if ordered {
            order(&world, &study, worker_of(&world, &guest.worker).await, 100).await.unwrap();
            world.quiet().await;
        }
        let hit = other_hit(&world, &study, &guest).await;
        let page = get(world.app(), &go(&study.code, &hit, &guest.worker, "3AGAIN")).await;
        assert_eq!(page.body.contains("paid for this study another way"), ordered, "{}", page.body);
        let back = world.participation(&guest).await.stage != Stage::FinishedUnsubmitted;
        assert_eq!(back, !ordered);
    }
}

#[tokio::test]
async fn who_hands_in_after_all_is_decided_in_review_and_the_compensation_is_taken_back() {
    let (world, study, guest) = unsubmitted().await;
    order(&world, &study, worker_of(&world, &guest.worker).await, 100).await.unwrap();
    world.quiet().await;
    let hit = other_hit(&world, &study, &guest).await;
    let assignment = hand_in(&world, &hit, &guest).await;
    patience(&world).await;
    let row = world.participation(&guest).await;
    assert_eq!((row.stage, row.assignment_id), (Stage::Submitted, assignment), "it is theirs");
    assert!(!row.compensated);
    let it = only(&world, &study).await;
    assert_eq!(it.state, OrderState::Refused);
    assert!(it.order_problem.unwrap().contains("after all"));
    assert_eq!(world.journal(Effect::Approved).await.len(), 0);
    ledger::check(&world).await;
}

#[tokio::test]
async fn whoever_collected_it_and_hands_in_too_is_put_up_for_a_person() {
    let (world, study, guest) = unsubmitted().await;
    order(&world, &study, worker_of(&world, &guest.worker).await, 100).await.unwrap();
    world.quiet().await;
    collect(&world, &study, &guest.worker).await;
    patience(&world).await;
    assert_eq!(money(&world, &study).await, (Cents(120), Cents(0)));
    hand_in(&world, &other_hit(&world, &study, &guest).await, &guest).await;
    patience(&world).await;
    let row = world.participation(&guest).await;
    assert_eq!((row.stage, row.compensated), (Stage::Submitted, true));
    let review = format!("{}/studies/{}/review", world.lab.path(), study.id);
    let page = world.lab.browser(world.lab.owner).await.get(&review).await;
    assert!(page.body.contains("compensated"), "{}", page.body);
}

#[tokio::test]
async fn one_that_was_refused_here_and_paid_there_is_booked_and_not_offered_again() {
    let (world, study, guest) = unsubmitted().await;
    let worker = worker_of(&world, &guest.worker).await;
    order(&world, &study, worker, 100).await.unwrap();
    world.quiet().await;
    collect(&world, &study, &guest.worker).await;
    // As after a call that the recruiter refused for good, or a person who gave it up.
    let refused = "UPDATE payment_order SET state = 'refused', problem = 'refused' WHERE kind = 'compensate'";
    sqlx::query(refused).execute(&world.app().pool).await.unwrap();
    world.later(Duration::minutes(2)).await;
    assert!(only(&world, &study).await.ended_at.is_none(), "the worker has handed it in");
    let again = order(&world, &study, worker, 100).await;
    assert!(matches!(again, Err(CompensateError::Lingers)), "{again:?}");

    auto_approve(&world).await;
    patience(&world).await;
    assert_eq!(world.journal(Effect::AutoApproved).await.len(), 1);
    let it = only(&world, &study).await;
    assert_eq!((it.state, it.ended_at.is_some()), (OrderState::Done, true));
    assert_eq!(money(&world, &study).await, (Cents(120), Cents(0)));
    assert!(matches!(order(&world, &study, worker, 100).await, Err(CompensateError::Already)));
    ledger::settled(&world).await;

    let mut conn = world.app().pool.acquire().await.unwrap();
    let listed = report::payments(&mut conn, world.lab.id, &Filter::default(), (0, 9)).await.unwrap();
    assert_eq!((listed.len(), listed[0].kind), (1, Kind::Compensate));
    assert_ne!(listed[0].assignment_id, guest.assignment, "the compensation's own");
}
