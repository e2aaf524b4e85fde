//! The second person's amount cannot be split, and holds for rules, too.

use chrono::Duration;
use kernel::money::Cents;
use market::journal::Effect;
use otree_hr::participation::Stage;
use otree_hr::payments::OrderState;
use otree_hr::payments::confirm::{self, ConfirmError};
use otree_hr::review::Decision;
use otree_hr::review::rules::RuleSet;
use otree_hr::review::verdicts::{self, NewRules, State};
use otree_hr::studies::Study;

use super::guards::{answer, second_person, waiting};
use super::{approve, auto_approve, patience, stages};
use crate::support::books;
use crate::support::ledger;
use crate::support::world::{Guest, World};

/// One bonus beside the payoff's.
fn extra(cents: i64, what: &str) -> Decision {
    Decision::Extra { amount: Cents(cents), words: what.into(), source: what.into() }
}

#[tokio::test]
async fn several_decisions_for_one_worker_count_together() {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    let guests = world.submitted(&study, 2, "0.70").await;
    // The approval costs 1.20; each bonus of 0.50 costs 0.60.
    let second = second_person(&world, 240).await;
    world.decide(&study, &guests, &approve()).await;
    assert_eq!(waiting(&world).await.len(), 0, "2.40 is not above 2.40");
    patience(&world).await;
    let ada = &guests[..1];
    world.decide(&study, ada, &extra(50, "first")).await;
    world.decide(&study, ada, &extra(50, "second")).await;
    assert_eq!(waiting(&world).await.len(), 0, "1.20 and twice 0.60");
    world.decide(&study, ada, &extra(1, "third")).await;
    let one = waiting(&world).await.remove(0);
    assert_eq!((one.orders, one.total), (1, Cents(2)), "only what is new waits");
    world.decide(&study, &guests[1..], &extra(50, "first")).await;
    assert_eq!(waiting(&world).await.len(), 1, "somebody else's sum is another");
    patience(&world).await;
    assert_eq!(world.journal(Effect::BonusSent).await.len(), 3);

    // What a second person has seen does not count again.
    answer(&world, &one, second, true).await.unwrap();
    patience(&world).await;
    assert_eq!(world.journal(Effect::BonusSent).await.len(), 4);
    ledger::settled(&world).await;
}

#[tokio::test]
async fn what_the_recruiter_approved_by_itself_is_nobodys_decision() {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    let guests = world.submitted(&study, 1, "0.70").await;
    second_person(&world, 100).await;
    auto_approve(&world).await;
    patience(&world).await;
    assert_eq!(stages(&world, &guests).await, [Stage::Approved]);
    world.decide(&study, &guests, &extra(50, "thanks")).await;
    assert_eq!(waiting(&world).await.len(), 0, "0.60, beside the 1.20 that nobody ordered");
}

#[tokio::test]
async fn what_was_refused_does_not_count() {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    let guests = world.submitted(&study, 1, "0.70").await;
    second_person(&world, 200).await;
    world.decide(&study, &guests, &approve()).await;
    patience(&world).await;
    world.decide(&study, &guests, &extra(100, "too much")).await;
    let one = waiting(&world).await.remove(0);
    answer(&world, &one, world.lab.owner, false).await.unwrap();
    world.decide(&study, &guests, &extra(50, "less")).await;
    assert_eq!(waiting(&world).await.len(), 0, "1.20 and 0.60");
}

/// A study whose rules approve at once, with people who have handed in.
async fn by_rule(above: i64, people: usize) -> (World, Study, Vec<Guest>, otree_hr::accounts::AccountId) {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    let second = second_person(&world, above).await;
    let rules = RuleSet { finished: true, pays_payoff: true, ..RuleSet::default() };
    let new = NewRules { active: true, rules, undo_s: 0, digest_s: 0 };
    let guests = world.submitted(&study, people, "0.70").await;
    let mut tx = world.app().pool.begin().await.unwrap();
    verdicts::save(&mut tx, world.lab.clock_now(), &study, world.lab.owner, &new).await.unwrap();
    tx.commit().await.unwrap();
    for _ in 0..3 {
        world.later(Duration::minutes(1)).await;
    }
    (world, study, guests, second)
}

#[tokio::test]
async fn what_a_rule_orders_waits_for_somebody_else_than_its_author() {
    let (world, study, guests, second) = by_rule(203, 1).await;
    let one = waiting(&world).await.remove(0);
    assert_eq!((one.orders, one.total, one.asked_by), (2, Cents(204), None));
    patience(&world).await;
    assert_eq!(world.journal(Effect::Approved).await.len(), 0, "nothing was sent");
    assert_eq!(waiting(&world).await.len(), 1, "asked once");
    let mut conn = world.app().pool.acquire().await.unwrap();
    assert_eq!(confirm::count(&mut conn, study.id).await.unwrap(), 1);
    drop(conn);
    let page =
        world.lab.browser(world.lab.owner).await.get(&format!("{}/money", world.lab.path())).await.body;
    assert!(page.contains("decided by a rule") && page.contains("value=\"confirm\""), "{page}");
    // Whoever wrote the rule is its first person.
    assert!(matches!(answer(&world, &one, world.lab.owner, true).await, Err(ConfirmError::Same)));
    answer(&world, &one, second, true).await.unwrap();
    patience(&world).await;
    assert_eq!(stages(&world, &guests).await, [Stage::Paid]);
    books::settled(&world, &study).await;
}

#[tokio::test]
async fn what_a_rule_ordered_and_a_person_declined_is_for_people_from_then_on() {
    let (world, study, guests, second) = by_rule(100, 1).await;
    let one = waiting(&world).await.remove(0);
    answer(&world, &one, second, false).await.unwrap();
    assert!(matches!(answer(&world, &one, second, true).await, Err(ConfirmError::Gone)));
    patience(&world).await;
    assert_eq!(waiting(&world).await.len(), 0, "the rule does not ask again");
    assert!(world.orders(&study).await.iter().all(|order| order.state == OrderState::Refused));
    assert_eq!(stages(&world, &guests).await, [Stage::Submitted]);
    let mut conn = world.app().pool.acquire().await.unwrap();
    let said = verdicts::of_study(&mut conn, study.id).await.unwrap().remove(&guests[0].id).unwrap();
    drop(conn);
    assert_eq!(said.state, State::Stopped, "for a person");
    assert!(said.problem.unwrap().contains("declined"));
    assert_eq!(ledger::amounts(ledger::of(&world, &study).await), [360, 120, 0, 0, 0]);
    // A person's own decision is another, and needs its own second person.
    world.decide(&study, &guests, &approve()).await;
    let own = waiting(&world).await.remove(0);
    assert_eq!(own.asked_by, Some(world.lab.owner));
    answer(&world, &own, second, true).await.unwrap();
    patience(&world).await;
    assert_eq!(world.journal(Effect::Approved).await.len(), 1);
}

#[tokio::test]
async fn a_rules_small_order_does_not_wait() {
    let (world, study, guests, _) = by_rule(204, 1).await;
    assert_eq!(waiting(&world).await.len(), 0);
    let mut conn = world.app().pool.acquire().await.unwrap();
    assert_eq!(confirm::count(&mut conn, study.id).await.unwrap(), 0);
    drop(conn);
    patience(&world).await;
    assert_eq!(stages(&world, &guests).await, [Stage::Paid]);
    books::settled(&world, &study).await;
}

#[tokio::test]
async fn small_orders_of_a_rule_that_come_together_are_one_large_decision() {
    let (world, _, guests, second) = by_rule(300, 2).await;
    let waiting = waiting(&world).await;
    assert_eq!(waiting.len(), 1, "204 each, and 408 together");
    assert_eq!((waiting[0].orders, waiting[0].total), (4, Cents(408)));
    answer(&world, &waiting[0], second, true).await.unwrap();
    patience(&world).await;
    assert_eq!(stages(&world, &guests).await, [Stage::Paid; 2]);
}
