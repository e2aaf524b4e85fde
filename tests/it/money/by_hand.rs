//! A person settles an order whose outcome nobody knows.

use axum::http::StatusCode;
use chrono::Duration;
use market::faults::FaultKind;
use market::journal::Effect;
use otree_hr::jobs::{Reconciler, Step};
use otree_hr::labs::Role;
use otree_hr::payments::payer::Payer;
use otree_hr::payments::{Kind, Order, OrderState};
use otree_hr::studies::Study;

use super::with_bonus;
use crate::support::books;
use crate::support::client::Answer;
use crate::support::world::World;

/// A bonus that was sent without an answer, at a recruiter that did not tell what became of it.
async fn unknown(fault: FaultKind) -> (World, Study, Order) {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    let guests = world.submitted(&study, 1, "0.70").await;
    world.trouble(fault, "SendBonus", 1).await;
    world.decide(&study, &guests, &with_bonus()).await;
    let payer = Payer(world.app().clone());
    while payer.step().await.unwrap() == Step::Worked {}
    // The three attempts of the settler's question. The payer's own, before it sent, was answered.
    world.trouble(FaultKind::FailBefore, "ListBonusPayments", 3).await;
    world.quiet().await;
    let order = bonus(&world, &study).await;
    assert_eq!(order.state, OrderState::Unknown, "{order:?}");
    (world, study, order)
}

async fn bonus(world: &World, study: &Study) -> Order {
    world.orders(study).await.into_iter().find(|order| order.kind == Kind::Bonus).unwrap()
}

async fn press(world: &World, order: &Order, choice: &str, confirm: &str) -> Answer {
    let browser = world.lab.browser(world.lab.owner).await;
    let attempt = order.attempt.to_string();
    let path = format!("{}/orders/{}", world.lab.path(), order.id);
    browser.post(&path, &[("choice", choice), ("confirm", confirm), ("attempt", &attempt)]).await
}

#[tokio::test]
async fn the_page_shows_what_was_sent_and_what_the_recruiter_says() {
    let (world, study, order) = unknown(FaultKind::DropAfter).await;
    let browser = world.lab.browser(world.lab.owner).await;
    let list = browser.get(&format!("{}/studies/{}/orders", world.lab.path(), study.id)).await;
    assert!(list.body.contains(&format!("/orders/{}", order.id)), "{}", list.body);
    let page = browser.get(&format!("{}/orders/{}", world.lab.path(), order.id)).await;
    assert_eq!(page.status, StatusCode::OK);
    for fact in [order.token.as_str(), "It lists this bonus: $0.70 paid.", "Settle it", &order.mark()] {
        assert!(page.body.contains(fact), "{fact} in {}", page.body);
    }
    let viewer = world.lab.member(Role::Viewer).await;
    let looked = viewer.get(&format!("{}/orders/{}", world.lab.path(), order.id)).await;
    assert!(!looked.body.contains("name=\"confirm\""), "a viewer settles nothing");
}

#[tokio::test]
async fn one_that_was_paid_is_booked_once() {
    let (world, study, order) = unknown(FaultKind::DropAfter).await;
    assert_eq!(press(&world, &order, "book it", "book it").await.status, StatusCode::SEE_OTHER);
    let again = press(&world, &order, "book it", "book it").await;
    assert_eq!(again.status, StatusCode::CONFLICT, "a second tab");
    world.quiet().await;
    books::settled(&world, &study).await;
    assert_eq!(world.journal(Effect::BonusSent).await.len(), 1);
    let told = world.lab.count("SELECT count(*) FROM audit_event WHERE action = 'order.settle'").await;
    assert_eq!(told, 1);
}

#[tokio::test]
async fn one_that_was_not_paid_goes_out_again_under_the_token_that_the_recruiter_remembers() {
    let (world, study, order) = unknown(FaultKind::DropBefore).await;
    assert_eq!(press(&world, &order, "send again", "send again").await.status, StatusCode::SEE_OTHER);
    world.quiet().await;
    books::settled(&world, &study).await;
    let sent = world.journal(Effect::BonusSent).await;
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].token, Some(order.id.to_string()));
}

#[tokio::test]
async fn after_the_tokens_life_a_person_sends_it_under_another() {
    let (world, study, order) = unknown(FaultKind::DropBefore).await;
    // The clock alone: the settler has not asked since.
    world.lab.clock.advance(Duration::hours(21));
    assert_eq!(press(&world, &order, "send again", "send again").await.status, StatusCode::SEE_OTHER);
    world.quiet().await;
    books::settled(&world, &study).await;
    let sent = world.journal(Effect::BonusSent).await;
    assert_eq!(sent.len(), 1);
    assert_ne!(sent[0].token, Some(order.id.to_string()));
    assert_eq!(sent[0].token, Some(bonus(&world, &study).await.token));
}

#[tokio::test]
async fn somebody_who_is_wrong_pays_nobody_twice_while_the_recruiter_remembers() {
    let (world, study, order) = unknown(FaultKind::DropAfter).await;
    // The page gets no answer from the recruiter, so nothing speaks against the choice.
    world.trouble(FaultKind::FailBefore, "ListBonusPayments", 3).await;
    let pressed = press(&world, &order, "send again", "send again").await;
    assert_eq!(pressed.status, StatusCode::SEE_OTHER, "{}", pressed.body);
    super::patience(&world).await;
    books::settled(&world, &study).await;
    assert_eq!(world.journal(Effect::BonusSent).await.len(), 1);
}

#[tokio::test]
async fn one_that_is_given_up_frees_its_money_and_can_be_decided_again() {
    let (world, study, order) = unknown(FaultKind::DropBefore).await;
    assert_eq!(press(&world, &order, "give up", "give up").await.status, StatusCode::SEE_OTHER);
    world.later(Duration::hours(1)).await;
    let order = bonus(&world, &study).await;
    assert_eq!(order.state, OrderState::Refused);
    assert!(order.problem.unwrap().contains("Given up"));
    assert_eq!(world.journal(Effect::BonusSent).await.len(), 0);
    assert_eq!(world.lab.count("SELECT count(*) FROM participation WHERE bonus_cents IS NULL").await, 1);
}

#[tokio::test]
async fn what_the_recruiter_denies_is_not_done() {
    let (world, study, order) = unknown(FaultKind::DropAfter).await;
    for choice in ["send again", "give up"] {
        let refused = press(&world, &order, choice, choice).await;
        assert_eq!(refused.status, StatusCode::CONFLICT, "{choice}");
        assert!(refused.body.contains("The recruiter says otherwise"), "{}", refused.body);
    }
    assert_eq!(bonus(&world, &study).await.state, OrderState::Unknown);
    assert_eq!(world.journal(Effect::BonusSent).await.len(), 1);
}

#[tokio::test]
async fn a_page_from_before_is_refused_and_so_is_a_choice_without_its_words() {
    let (world, study, order) = unknown(FaultKind::DropBefore).await;
    let unsure = press(&world, &order, "send again", "yes").await;
    assert_eq!(unsure.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(unsure.body.contains("id=\"confirm-error\""), "{}", unsure.body);
    // Meanwhile the settler gets its answer and the payer sends it.
    super::patience(&world).await;
    let late = press(&world, &order, "book it", "book it").await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    assert!(late.body.contains("moved on"), "{}", late.body);
    books::settled(&world, &study).await;
    assert_eq!(world.journal(Effect::BonusSent).await.len(), 1);
}
