//! What the recruiter refuses: for want of money, for wrong keys, because somebody was faster.

use chrono::Duration;
use kernel::money::Cents;
use market::journal::Effect;
use otree_hr::connections::{self, Keys};
use otree_hr::participation::Stage;
use otree_hr::payments::{Kind, OrderError, OrderState, budget};
use otree_hr::review::{Decision, ReviewError};
use otree_hr::studies::State;
use otree_hr::studies::draft::Typed;

use super::{auto_approve, patience, reject, stages, with_bonus};
use crate::support::books;
use crate::support::world::World;

#[tokio::test]
async fn without_enough_money_the_rest_waits_for_a_deposit() {
    // Three rewards with fees are 3.60; what is left pays two bonuses of 0.70 with their fees.
    let world = World::with_balance(Cents(360 + 2 * 84)).await;
    let form = Typed { places: "3".into(), batch_size: "3".into(), ..world.lab.form() };
    let study = world.publish(&form).await;
    let guests = world.submitted(&study, 3, "0.70").await;
    world.decide(&study, &guests, &with_bonus()).await;
    world.quiet().await;
    books::check(&world, &study).await;
    assert_eq!(world.journal(Effect::Approved).await.len(), 3);
    assert_eq!(world.journal(Effect::BonusSent).await.len(), 2);
    let waiting: Vec<_> =
        world.orders(&study).await.into_iter().filter(|order| order.state != OrderState::Done).collect();
    assert_eq!(waiting.len(), 1);
    assert_eq!(waiting[0].state, OrderState::Authorised);
    assert!(waiting[0].problem.is_some(), "the researcher reads why");

    world.market.deposit(&world.requester, Cents(1000)).await.unwrap();
    patience(&world).await;
    books::settled(&world, &study).await;
    assert_eq!(stages(&world, &guests).await, [Stage::Paid; 3]);
}

#[tokio::test]
async fn without_enough_money_a_publication_waits_for_a_deposit() {
    let world = World::with_balance(Cents(240)).await;
    let study = world.press_publish(&world.lab.form()).await;
    world.quiet().await;
    let waiting = world.lab.study(study.id).await;
    assert_eq!(waiting.state, State::Publishing);
    assert!(waiting.problem.is_some());
    assert_eq!(world.journal(Effect::HitCreated).await.len(), 1);
    world.market.deposit(&world.requester, Cents(1000)).await.unwrap();
    patience(&world).await;
    books::settled(&world, &study).await;
    assert_eq!(world.lab.study(study.id).await.state, State::Open);
    assert_eq!(world.journal(Effect::HitCreated).await.len(), 2);
}

#[tokio::test]
async fn when_the_clock_approves_first_the_bonus_is_still_paid_once() {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    let guests = world.submitted(&study, 2, "0.70").await;
    world.decide(&study, &guests, &with_bonus()).await;
    auto_approve(&world).await;
    world.quiet().await;
    patience(&world).await;
    books::settled(&world, &study).await;
    assert_eq!(world.journal(Effect::AutoApproved).await.len(), 2);
    assert_eq!(world.journal(Effect::Approved).await.len(), 0);
    assert_eq!(stages(&world, &guests).await, [Stage::Paid; 2]);
}

#[tokio::test]
async fn what_the_clock_approved_can_get_its_bonus_later() {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    let guests = world.submitted(&study, 1, "0.70").await;
    auto_approve(&world).await;
    world.later(Duration::minutes(10)).await;
    assert_eq!(stages(&world, &guests).await, [Stage::Approved]);
    let bonus = Decision::Bonus { amount: None, words: String::new() };
    assert_eq!(world.decide(&study, &guests, &bonus).await, 1);
    assert_eq!(world.decide(&study, &guests, &bonus).await, 0, "once");
    world.quiet().await;
    books::settled(&world, &study).await;
    assert_eq!(stages(&world, &guests).await, [Stage::Paid]);
}

#[tokio::test]
async fn a_rejection_that_comes_too_late_follows_the_marketplace() {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    let guests = world.submitted(&study, 1, "0.70").await;
    world.decide(&study, &guests, &reject()).await;
    auto_approve(&world).await;
    world.quiet().await;
    patience(&world).await;
    books::settled(&world, &study).await;
    let orders = world.orders(&study).await;
    assert_eq!((orders.len(), orders[0].state), (2, OrderState::Refused));
    assert_eq!(
        (orders[1].kind, orders[1].state),
        (Kind::Approve, OrderState::Done),
        "the clock's, in our books"
    );
    assert!(orders[0].problem.as_deref().unwrap().contains("already approved"));
    assert_eq!(stages(&world, &guests).await, [Stage::Approved]);
    assert_eq!(world.journal(Effect::BonusSent).await.len(), 0, "no bonus on a guess");
}

#[tokio::test]
async fn of_three_approvals_the_one_that_cannot_be_is_refused_with_its_bonus() {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    let guests = world.submitted(&study, 3, "0.70").await;
    world.decide(&study, &guests, &with_bonus()).await;
    // Somebody rejects one of them on the recruiter's own site.
    let (mut tx, now) = world.market.begin().await.unwrap();
    let assignment = &guests[1].assignment;
    market::engine::review::reject(&mut tx, now, &world.requester, assignment, "By hand").await.unwrap();
    tx.commit().await.unwrap();
    patience(&world).await;
    assert_eq!(stages(&world, &guests).await, [Stage::Paid, Stage::Rejected, Stage::Paid]);
    assert_eq!(world.journal(Effect::BonusSent).await.len(), 2);
    let orders = world.orders(&study).await;
    let refused: Vec<_> = orders.iter().filter(|order| order.state == OrderState::Refused).collect();
    assert_eq!(refused.len(), 2, "the approval and the bonus that waited for it");
    assert!(refused.iter().all(|order| order.problem.is_some() && order.participation_id == guests[1].id));
    assert!(orders.iter().all(|o| matches!(o.state, OrderState::Refused | OrderState::Done)), "{orders:?}");
}

#[tokio::test]
async fn a_refused_bonus_can_be_decided_again() {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    let guests = world.submitted(&study, 1, "0.70").await;
    auto_approve(&world).await;
    world.later(Duration::minutes(10)).await;
    rename_worker(&world, &guests[0].worker, "NOBODY").await;
    let bonus = Decision::Bonus { amount: Some(Cents(50)), words: String::new() };
    assert_eq!(world.decide(&study, &guests, &bonus).await, 1);
    patience(&world).await;
    let orders = world.orders(&study).await;
    let order = orders.iter().find(|order| order.kind == Kind::Bonus).unwrap();
    assert_eq!(order.state, OrderState::Refused, "{order:?}");
    assert_eq!(world.participation(&guests[0]).await.bonus, None);

    rename_worker(&world, "NOBODY", &guests[0].worker).await;
    let bonus = Decision::Bonus { amount: Some(Cents(70)), words: String::new() };
    assert_eq!(world.decide(&study, &guests, &bonus).await, 1);
    patience(&world).await;
    books::settled(&world, &study).await;
    assert_eq!(world.journal(Effect::BonusSent).await.len(), 1);
    assert_eq!(world.participation(&guests[0]).await.bonus, Some(Cents(70)));
}

async fn rename_worker(world: &World, from: &str, to: &str) {
    sqlx::query("UPDATE worker SET external_id = $2 WHERE external_id = $1")
        .bind(from)
        .bind(to)
        .execute(&world.app().pool)
        .await
        .unwrap();
}

#[tokio::test]
async fn while_the_keys_are_wrong_payments_wait() {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    let guests = world.submitted(&study, 2, "0.70").await;
    let stored: (String, Vec<u8>) = sqlx::query_as("SELECT access_key_id, secret_sealed FROM connection")
        .fetch_one(&world.app().pool)
        .await
        .unwrap();
    let act = connections::Act { lab: world.lab.id, by: None, at: world.lab.clock_now() };
    let wrong = Keys { access_key_id: stored.0.clone(), secret: "not the secret".into() };
    let (keyring, connection) = (&world.app().config.keyring, world.lab.connection);
    let mut conn = world.app().pool.acquire().await.unwrap();
    connections::replace_keys(&mut conn, keyring, act, connection, &wrong).await.unwrap();
    drop(conn);
    world.decide(&study, &guests, &with_bonus()).await;
    patience(&world).await;
    books::check(&world, &study).await;
    assert_eq!(world.journal(Effect::Approved).await.len(), 0);
    let orders = world.orders(&study).await;
    let approvals: Vec<_> = orders.iter().filter(|order| order.kind == Kind::Approve).collect();
    assert!(approvals.iter().all(|order| order.state == OrderState::Authorised && order.problem.is_some()));

    sqlx::query("UPDATE connection SET secret_sealed = $1")
        .bind(&stored.1)
        .execute(&world.app().pool)
        .await
        .unwrap();
    patience(&world).await;
    books::settled(&world, &study).await;
    assert_eq!(stages(&world, &guests).await, [Stage::Paid; 2]);
}

#[tokio::test]
async fn a_decision_whose_sum_has_changed_is_shown_again() {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    let guests = world.submitted(&study, 1, "0.70").await;
    let refused = world.confirm(&study, &guests, &with_bonus(), Cents(1)).await.unwrap_err();
    assert!(matches!(refused, ReviewError::Changed { shown: Cents(1), now: Cents(204) }), "{refused}");
    let silent = Decision::Reject { reason: String::new() };
    let refused = world.confirm(&study, &guests, &silent, Cents::ZERO).await.unwrap_err();
    assert!(matches!(refused, ReviewError::NoReason));
    assert_eq!(world.orders(&study).await.len(), 0);
}

#[tokio::test]
async fn what_the_clock_approved_counts_against_the_budget() {
    let world = World::new().await;
    // The reward with its fee is 1.20, and there are four places; what nobody took is free again at the end.
    let study = world.publish(&Typed { budget: "4.90".into(), ..world.lab.form() }).await;
    let guests = world.submitted(&study, 1, "0.70").await;
    auto_approve(&world).await;
    world.later(Duration::minutes(10)).await;
    books::settled(&world, &study).await;
    let budget = budget::of(&mut world.app().pool.acquire().await.unwrap(), study.id, false).await.unwrap();
    assert_eq!((budget.paid, budget.held, budget.left()), (Cents(120), Cents::ZERO, Cents(370)));
    let bonus = |cents| Decision::Bonus { amount: Some(Cents(cents)), words: String::new() };
    let refused = world.confirm(&study, &guests, &bonus(309), Cents(371)).await.unwrap_err();
    assert!(matches!(refused, ReviewError::Order(OrderError::Beyond(_))), "{refused}");
    assert_eq!(world.decide(&study, &guests, &bonus(308)).await, 1);
    world.quiet().await;
    books::settled(&world, &study).await;
}
