//! A compensation that a person wants back: its money is free once nobody can collect it, and not before.

use axum::http::StatusCode;
use chrono::Duration;
use kernel::money::Cents;
use market::engine::assignments::{self, Wanted};
use market::faults::FaultKind;
use market::journal::Effect;
use otree_hr::payments::{OrderState, confirm};
use otree_hr::studies::Study;

use super::compensated::{collect, money, only, order, unsubmitted, worker_of};
use super::guards::{second_person, waiting};
use super::patience;
use crate::support::client::Answer;
use crate::support::door::get;
use crate::support::ledger;
use crate::support::world::World;

const NOTHING: (Cents, Cents) = (Cents(0), Cents(0));

async fn press(world: &World, study: &Study) -> Answer {
    let browser = world.lab.browser(world.lab.owner).await;
    let list = format!("{}/studies/{}/compensations", world.lab.path(), study.id);
    let id = only(world, study).await.order_id.to_string();
    let answer = browser.post(&list, &[("order", &id)]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    browser.get(&list).await
}

/// Nothing was paid, the money is free, nothing is left at the recruiter, and the person can be offered it again.
async fn free(world: &World, study: &Study) {
    let it = only(world, study).await;
    assert_eq!(it.state, OrderState::Refused);
    assert!(it.order_problem.as_deref().unwrap().contains("Withdrawn"), "{it:?}");
    let page = get(world.app(), &format!("/owed/{}", it.code)).await;
    assert!(page.body.contains("was withdrawn"), "nobody is told that it was paid: {}", page.body);
    assert!(it.ended_at.is_some());
    assert_eq!(money(world, study).await, NOTHING);
    assert_eq!(world.journal(Effect::Approved).await.len(), 0);
    let left =
        "SELECT count(*) FROM market.qualification_type WHERE deleted_at IS NULL AND name LIKE 'Thank you%'";
    assert_eq!(world.lab.count(left).await, 0);
    ledger::settled(world).await;
}

#[tokio::test]
async fn one_that_was_not_offered_yet_is_withdrawn_at_once() {
    let (world, study, guest) = unsubmitted().await;
    order(&world, &study, worker_of(&world, &guest.worker).await, 100).await.unwrap();
    let shown = press(&world, &study).await;
    assert!(shown.body.contains("being withdrawn") && !shown.body.contains(">Withdraw<"), "{}", shown.body);
    world.quiet().await;
    free(&world, &study).await;
    assert_eq!(world.journal(Effect::HitCreated).await.len(), 2, "the study's own");
    let worker = worker_of(&world, &guest.worker).await;
    order(&world, &study, worker, 100).await.unwrap();
}

#[tokio::test]
async fn an_offered_one_leaves_the_list_and_is_free_once_nobody_holds_it() {
    let (world, study, guest) = unsubmitted().await;
    order(&world, &study, worker_of(&world, &guest.worker).await, 100).await.unwrap();
    world.quiet().await;
    press(&world, &study).await;
    world.quiet().await;
    assert_eq!(money(&world, &study).await, (Cents(0), Cents(120)), "a list may lag");
    let hit = only(&world, &study).await.hit_id.unwrap();
    let (mut tx, now) = world.market.begin().await.unwrap();
    assert!(
        assignments::accept(&mut tx, world.market.settings(), now, &guest.worker, Wanted::Hit(&hit))
            .await
            .is_err(),
        "off the list"
    );
    drop(tx);
    patience(&world).await;
    free(&world, &study).await;
}

#[tokio::test]
async fn who_submits_before_it_is_gone_is_paid() {
    let (world, study, guest) = unsubmitted().await;
    order(&world, &study, worker_of(&world, &guest.worker).await, 100).await.unwrap();
    world.quiet().await;
    collect(&world, &study, &guest.worker).await;
    press(&world, &study).await;
    patience(&world).await;
    assert_eq!(only(&world, &study).await.state, OrderState::Done);
    assert_eq!(money(&world, &study).await, (Cents(120), Cents(0)));
    assert_eq!(world.journal(Effect::Approved).await.len(), 1);
    let late = press(&world, &study).await;
    assert!(late.body.contains("It cannot be withdrawn any more"), "{}", late.body);
    assert_eq!(world.journal(Effect::Approved).await.len(), 1);
}

#[tokio::test]
async fn who_holds_it_may_still_hand_it_in() {
    let (world, study, guest) = unsubmitted().await;
    order(&world, &study, worker_of(&world, &guest.worker).await, 100).await.unwrap();
    world.quiet().await;
    let hit = only(&world, &study).await.hit_id.unwrap();
    let (mut tx, now) = world.market.begin().await.unwrap();
    let taken = assignments::accept(&mut tx, world.market.settings(), now, &guest.worker, Wanted::Hit(&hit))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    press(&world, &study).await;
    patience(&world).await;
    assert_eq!(money(&world, &study).await, (Cents(0), Cents(120)), "the worker holds it");
    let (mut tx, now) = world.market.begin().await.unwrap();
    let fields = [("compensation".to_owned(), "accepted".to_owned())];
    assignments::submit(&mut tx, now, &taken.assignment_id, Some(&guest.worker), &fields).await.unwrap();
    tx.commit().await.unwrap();
    patience(&world).await;
    assert_eq!(money(&world, &study).await, (Cents(120), Cents(0)));
}

#[tokio::test]
async fn one_whose_offer_was_lost_on_the_way_is_looked_for_and_not_sent_again() {
    for (fault, hits) in [(FaultKind::DropAfter, 3), (FaultKind::DropBefore, 2)] {
        let (world, study, guest) = unsubmitted().await;
        world.trouble(fault, "CreateHITWithHITType", 1).await;
        order(&world, &study, worker_of(&world, &guest.worker).await, 100).await.unwrap();
        world.quiet().await;
        press(&world, &study).await;
        for _ in 0..3 {
            patience(&world).await;
        }
        free(&world, &study).await;
        assert_eq!(world.journal(Effect::HitCreated).await.len(), hits, "{fault:?}");
    }
}

#[tokio::test]
async fn one_that_waits_for_a_second_person_waits_no_more() {
    let (world, study, guest) = unsubmitted().await;
    let second = second_person(&world, 0).await;
    let browser = world.lab.browser(world.lab.owner).await;
    let worker = worker_of(&world, &guest.worker).await.to_string();
    let path = format!("{}/studies/{}", world.lab.path(), study.id);
    let fields = [("worker", worker.as_str()), ("amount", "1.00"), ("message", "For your time")];
    browser.post(&format!("{path}/compensate"), &fields).await;
    let said = browser.get(&format!("{path}/compensations")).await.body;
    assert!(said.contains("$1.00 waits for a second person") && !said.contains("on its way"), "{said}");
    let one = waiting(&world).await.remove(0);
    press(&world, &study).await;
    assert_eq!(waiting(&world).await.len(), 0, "nobody is asked for what will not be");
    let mut tx = world.app().pool.begin().await.unwrap();
    let late = confirm::decide(&mut tx, world.lab.clock_now(), world.lab.id, one.id, second, true).await;
    assert!(matches!(late, Err(confirm::ConfirmError::Gone)));
    drop(tx);
    world.later(Duration::minutes(1)).await;
    free(&world, &study).await;
}

#[tokio::test]
async fn another_studys_page_withdraws_nothing() {
    let (world, study, guest) = unsubmitted().await;
    order(&world, &study, worker_of(&world, &guest.worker).await, 100).await.unwrap();
    let other = world.lab.draft(&world.lab.form()).await;
    let browser = world.lab.browser(world.lab.owner).await;
    let id = only(&world, &study).await.order_id.to_string();
    let path = format!("{}/studies/{}/compensations", world.lab.path(), other.id);
    browser.post(&path, &[("order", &id)]).await;
    assert_eq!(browser.post(&path, &[("order", "x")]).await.status, StatusCode::BAD_REQUEST);
    assert!(only(&world, &study).await.withdrawn_at.is_none());
}
