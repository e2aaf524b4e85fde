//! What stops money: limits, a second person, a pause.

use futures_util::future::join_all;
use kernel::money::Cents;
use market::journal::Effect;
use otree_hr::ledger::{caps, pause};
use otree_hr::participation::Stage;
use otree_hr::payments::confirm::{self, ConfirmError};
use otree_hr::payments::{Breach, OrderError, OrderState};
use otree_hr::review::ReviewError;
use otree_hr::studies::draft::Typed;
use otree_hr::studies::{self, State, Study};

use super::{approve, auto_approve, patience, stages, with_bonus};
use crate::support::books;
use crate::support::lab::account;
use crate::support::ledger;
use crate::support::world::{Guest, World};

async fn cap(world: &World, limit: Option<i64>) {
    let mut conn = world.app().pool.acquire().await.unwrap();
    caps::set(&mut conn, world.lab.id.0, "rehearsal", "USD", limit.map(Cents)).await.unwrap();
}

fn refused(answer: Result<usize, ReviewError>) -> OrderError {
    match answer {
        Err(ReviewError::Order(error)) => error,
        other => panic!("{other:?}"),
    }
}

async fn published(world: &World) -> usize {
    world.journal(Effect::HitCreated).await.len()
}

#[tokio::test]
async fn publishing_stops_at_the_labs_limit_and_goes_on_when_it_is_raised() {
    let world = World::new().await;
    // Each of the two batches sets 2.40 aside.
    cap(&world, Some(300)).await;
    let study = world.press_publish(&world.lab.form()).await;
    patience(&world).await;
    assert_eq!(published(&world).await, 1);
    let waiting = world.lab.study(study.id).await;
    assert_eq!(waiting.state, State::Publishing);
    let words = waiting.problem.unwrap();
    assert!(words.contains("2.40") && words.contains("0.60") && words.contains("rehearsal"), "{words}");
    assert_eq!(ledger::amounts(ledger::of(&world, &study).await)[0], 240);
    // The limit of another environment is another matter.
    let mut conn = world.app().pool.acquire().await.unwrap();
    caps::set(&mut conn, world.lab.id.0, "production", "USD", Some(Cents(1))).await.unwrap();
    drop(conn);
    cap(&world, Some(480)).await;
    patience(&world).await;
    assert_eq!(published(&world).await, 2);
    assert_eq!(world.lab.study(study.id).await.state, State::Open);
}

#[tokio::test]
async fn publishing_stops_at_the_budget_and_says_what_to_do() {
    let world = World::new().await;
    let study = world.press_publish(&Typed { budget: "3.00".into(), ..world.lab.form() }).await;
    patience(&world).await;
    assert_eq!(published(&world).await, 1);
    let words = world.lab.study(study.id).await.problem.unwrap();
    assert!(words.contains("Raise the budget first, or close the study"), "{words}");
    let mut tx = world.app().pool.begin().await.unwrap();
    studies::store::set_budget(&mut tx, world.lab.id, study.id, Cents(480)).await.unwrap();
    tx.commit().await.unwrap();
    patience(&world).await;
    assert_eq!(published(&world).await, 2);
    books::settled(&world, &study).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_studies_at_the_same_moment_keep_within_the_labs_limit() {
    let world = World::new().await;
    let other = Typed { title: "Pick a letter".into(), ..world.lab.form() };
    let studies = [world.publish(&world.lab.form()).await, world.publish(&other).await];
    let mut guests: Vec<(&Study, Guest)> = Vec::new();
    for (study, name) in studies.iter().flat_map(|study| ["One", "Two"].map(|name| (study, name))) {
        let guest = world.arrive(study, &format!("{name} of {}", study.title)).await;
        world.play(&guest, serde_json::json!("0.70")).await;
        world.submit(&guest).await;
        guests.push((study, guest));
    }
    world.later(chrono::Duration::seconds(30)).await;
    // 9.60 are set aside and owed; of four bonuses of 0.84 three have room.
    cap(&world, Some(960 + 3 * 84)).await;
    let decision = with_bonus();
    let each = guests
        .iter()
        .map(|(study, guest)| world.confirm(study, std::slice::from_ref(guest), &decision, Cents(204)));
    let (placed, stopped): (Vec<_>, Vec<_>) = join_all(each).await.into_iter().partition(Result::is_ok);
    assert_eq!(placed.len(), 3);
    for answer in stopped {
        let OrderError::Beyond(Breach::Lab { wanted, left, .. }) = refused(answer) else { panic!() };
        assert_eq!((wanted, left), (Cents(84), Cents(0)));
    }
    // Payments already earned do not stop, however low the limit is now.
    cap(&world, Some(0)).await;
    patience(&world).await;
    assert_eq!(world.journal(Effect::BonusSent).await.len(), 3);
    for (study, guest) in &guests {
        let one = std::slice::from_ref(guest);
        if world.participation(guest).await.stage == Stage::Submitted {
            assert_eq!(world.decide(study, one, &approve()).await, 1);
        }
    }
    patience(&world).await;
    assert_eq!(world.journal(Effect::Approved).await.len(), 4);
    ledger::settled(&world).await;
}

#[tokio::test]
async fn nobody_gets_more_in_bonuses_than_the_study_allows_whatever_they_are_for() {
    let world = World::new().await;
    let study = world.publish(&Typed { max_bonus: "1.00".into(), ..world.lab.form() }).await;
    let guests = world.submitted(&study, 1, "0.70").await;
    world.decide(&study, &guests, &with_bonus()).await;
    patience(&world).await;
    let another = |cents| otree_hr::payments::NewOrder {
        participation_id: guests[0].id,
        kind: otree_hr::payments::Kind::Bonus,
        source: "thanks".into(),
        amount: Cents(cents),
        fee: Cents(20),
        words: "Thanks".into(),
        after_approval: false,
    };
    let place = async |cents| {
        let mut tx = world.app().pool.begin().await.unwrap();
        let now = world.lab.clock_now();
        let placed = otree_hr::payments::store::place(&mut tx, now, &study, None, &[another(cents)]).await?;
        tx.commit().await.unwrap();
        Ok::<usize, OrderError>(placed)
    };
    let Err(OrderError::TooMuchForOne { wanted, most, .. }) = place(31).await else { panic!() };
    assert_eq!((wanted, most), (Cents(101), Cents(100)));
    assert_eq!(place(30).await.unwrap(), 1);
    patience(&world).await;
    ledger::settled(&world).await;
}

#[tokio::test]
async fn while_money_is_paused_nothing_is_sent_and_everything_else_goes_on() {
    for whole_server in [false, true] {
        let world = World::new().await;
        let lab = (!whole_server).then_some(world.lab.id.0);
        let study = world.publish(&world.lab.form()).await;
        let mut guests = world.submitted(&study, 1, "0.70").await;
        let mut conn = world.app().pool.acquire().await.unwrap();
        let (now, owner) = (world.lab.clock_now(), world.lab.owner.0);
        assert!(pause::begin(&mut conn, now, lab, owner, "Something is odd").await.unwrap());
        assert!(!pause::begin(&mut conn, now, lab, owner, "").await.unwrap(), "paused already");
        assert_eq!(
            pause::in_force(&mut conn, Some(world.lab.id.0)).await.unwrap()[0].words,
            "Something is odd"
        );
        drop(conn);
        // People come and submit, the researcher decides.
        let late = world.arrive(&study, "Late").await;
        world.play(&late, serde_json::json!("0.30")).await;
        world.submit(&late).await;
        world.later(chrono::Duration::minutes(6)).await;
        guests.push(late);
        world.decide(&study, &guests, &with_bonus()).await;
        let second = world.press_publish(&world.lab.form()).await;
        patience(&world).await;
        assert_eq!(world.journal(Effect::Approved).await.len(), 0);
        assert_eq!(published(&world).await, 2, "no batch of the second study");
        assert!(world.lab.study(second.id).await.problem.unwrap().contains("paused"));
        assert!(world.orders(&study).await.iter().all(|order| order.attempt == 0));

        let mut conn = world.app().pool.acquire().await.unwrap();
        assert!(pause::end(&mut conn, lab).await.unwrap());
        assert!(!pause::end(&mut conn, lab).await.unwrap());
        drop(conn);
        patience(&world).await;
        assert_eq!(stages(&world, &guests).await, [Stage::Paid; 2]);
        assert_eq!(published(&world).await, 4);
        ledger::settled(&world).await;
    }
}

#[tokio::test]
async fn a_pause_of_one_lab_is_no_other_labs() {
    let world = World::new().await;
    let other = world.lab.neighbour("second").await;
    let mut conn = world.app().pool.acquire().await.unwrap();
    pause::begin(&mut conn, world.lab.clock_now(), Some(other.id.0), other.owner.0, "").await.unwrap();
    let no_study = uuid::Uuid::nil();
    assert!(pause::holds(&mut conn, other.id.0, no_study).await.unwrap());
    assert!(!pause::holds(&mut conn, world.lab.id.0, no_study).await.unwrap());
}

pub(super) async fn second_person(world: &World, above: i64) -> otree_hr::accounts::AccountId {
    let mut conn = world.app().pool.acquire().await.unwrap();
    confirm::set_threshold(&mut conn, world.lab.id, Some(Cents(above))).await.unwrap();
    drop(conn);
    account(world.app(), "second@example.org").await
}

pub(super) async fn waiting(world: &World) -> Vec<confirm::Waiting> {
    confirm::waiting(&mut world.app().pool.acquire().await.unwrap(), world.lab.id).await.unwrap()
}

pub(super) async fn answer(
    world: &World,
    one: &confirm::Waiting,
    by: otree_hr::accounts::AccountId,
    yes: bool,
) -> Result<(), ConfirmError> {
    let mut tx = world.app().pool.begin().await.unwrap();
    confirm::decide(&mut tx, world.lab.clock_now(), world.lab.id, one.id, by, yes).await?;
    tx.commit().await.unwrap();
    Ok(())
}

#[tokio::test]
async fn a_large_decision_waits_for_another_person() {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    let guests = world.submitted(&study, 3, "0.70").await;
    let second = second_person(&world, 204).await;
    world.decide(&study, &guests[..1], &with_bonus()).await;
    assert_eq!(waiting(&world).await.len(), 0, "2.04 is not above 2.04");
    world.decide(&study, &guests[1..], &with_bonus()).await;
    let one = waiting(&world).await.remove(0);
    assert_eq!((one.orders, one.total, one.asked_by), (4, Cents(408), Some(world.lab.owner)));
    patience(&world).await;
    assert_eq!(world.journal(Effect::Approved).await.len(), 1, "the small one only");
    books::check(&world, &study).await;

    let same = answer(&world, &one, world.lab.owner, true).await;
    assert!(matches!(same, Err(ConfirmError::Same)));
    answer(&world, &one, second, true).await.unwrap();
    assert!(matches!(answer(&world, &one, second, true).await, Err(ConfirmError::Gone)));
    patience(&world).await;
    assert_eq!(stages(&world, &guests).await, [Stage::Paid; 3]);
    books::settled(&world, &study).await;
}

#[tokio::test]
async fn the_database_itself_lets_nobody_confirm_their_own_decision() {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    let guests = world.submitted(&study, 1, "0.70").await;
    second_person(&world, 0).await;
    world.decide(&study, &guests, &with_bonus()).await;
    let own = "UPDATE confirmation SET state = 'confirmed', decided_by = asked_by, decided_at = now()";
    let error = sqlx::query(own).execute(&world.app().pool).await.unwrap_err();
    assert!(error.to_string().contains("confirmation_check"), "{error}");
}

#[tokio::test]
async fn a_declined_decision_can_be_made_again() {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    let guests = world.submitted(&study, 1, "0.70").await;
    let second = second_person(&world, 100).await;
    world.decide(&study, &guests, &with_bonus()).await;
    let one = waiting(&world).await.remove(0);
    answer(&world, &one, world.lab.owner, false).await.unwrap();
    assert!(world.orders(&study).await.iter().all(|order| order.state == OrderState::Refused));
    assert_eq!(world.participation(&guests[0]).await.bonus, None);
    assert_eq!(
        ledger::amounts(ledger::of(&world, &study).await),
        [360, 120, 0, 0, 0],
        "the bonus is not owed"
    );
    world.decide(&study, &guests, &with_bonus()).await;
    let one = waiting(&world).await.remove(0);
    answer(&world, &one, second, true).await.unwrap();
    patience(&world).await;
    assert_eq!(stages(&world, &guests).await, [Stage::Paid]);
    books::settled(&world, &study).await;
}

#[tokio::test]
async fn an_approval_by_the_clock_does_not_let_a_waiting_bonus_go() {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    let guests = world.submitted(&study, 1, "0.70").await;
    let second = second_person(&world, 100).await;
    world.decide(&study, &guests, &with_bonus()).await;
    auto_approve(&world).await;
    patience(&world).await;
    assert_eq!(world.journal(Effect::BonusSent).await.len(), 0);
    let one = waiting(&world).await.remove(0);
    answer(&world, &one, second, true).await.unwrap();
    patience(&world).await;
    assert_eq!(world.journal(Effect::BonusSent).await.len(), 1);
    books::settled(&world, &study).await;
}
