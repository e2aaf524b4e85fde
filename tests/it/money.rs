//! Money moves once, whatever goes wrong between us and the marketplace. Its journal is the truth.

use chrono::Duration;
use futures_util::future::join_all;
use kernel::money::Cents;
use market::clock::Turn;
use market::faults::FaultKind;
use market::journal::Effect;
use otree_hr::jobs::{Lease, Reconciler, Step};
use otree_hr::participation::Stage;
use otree_hr::payments::payer::Payer;
use otree_hr::payments::{self, Kind, OrderError, OrderState};
use otree_hr::review::{Decision, ReviewError};
use otree_hr::studies::draft::Typed;
use otree_hr::studies::{State, publisher::Publisher};

use crate::support::books;
use crate::support::world::{Guest, World, carry_out};

const ALL_FAULTS: [FaultKind; 5] = [
    FaultKind::FailBefore,
    FaultKind::FailAfter,
    FaultKind::DropBefore,
    FaultKind::DropAfter,
    FaultKind::Throttle,
];

fn with_bonus() -> Decision {
    Decision::ApproveWithBonus { feedback: "Thank you".into(), amount: None }
}

fn approve() -> Decision {
    Decision::Approve { feedback: String::new() }
}

fn reject() -> Decision {
    Decision::Reject { reason: "The answers are random.".into() }
}

/// Time enough for every back-off, step by step.
async fn patience(world: &World) {
    for _ in 0..8 {
        world.later(Duration::minutes(6)).await;
    }
}

#[tokio::test]
async fn a_publication_whose_answer_is_lost_leaves_one_hit_for_each_batch() {
    for fault in ALL_FAULTS {
        let world = World::new().await;
        world.trouble(fault, "CreateHITWithHITType", 2).await;
        let study = world.press_publish(&world.lab.form()).await;
        world.quiet().await;
        books::check(&world, &study).await;
        patience(&world).await;
        books::settled(&world, &study).await;
        assert_eq!(world.journal(Effect::HitCreated).await.len(), 2, "{fault:?}");
        assert_eq!(world.lab.study(study.id).await.state, State::Open, "{fault:?}");
    }
}

#[tokio::test]
async fn payments_whose_answer_is_lost_are_made_once() {
    for fault in ALL_FAULTS {
        let world = World::new().await;
        let study = world.publish(&world.lab.form()).await;
        let guests = world.submitted(&study, 3, "0.70").await;
        world.trouble(fault, "ApproveAssignment", 2).await;
        world.trouble(fault, "SendBonus", 2).await;
        assert_eq!(world.decide(&study, &guests, &with_bonus()).await, 6);
        world.quiet().await;
        books::check(&world, &study).await;
        patience(&world).await;
        books::settled(&world, &study).await;
        assert_eq!(world.journal(Effect::Approved).await.len(), 3, "{fault:?}");
        assert_eq!(world.journal(Effect::BonusSent).await.len(), 3, "{fault:?}");
        assert_eq!(stages(&world, &guests).await, [Stage::Paid; 3], "{fault:?}");
    }
}

#[tokio::test]
async fn rejections_whose_answer_is_lost_are_made_once() {
    for fault in ALL_FAULTS {
        let world = World::new().await;
        let study = world.publish(&world.lab.form()).await;
        let guests = world.submitted(&study, 2, "0.70").await;
        world.trouble(fault, "RejectAssignment", 1).await;
        assert_eq!(world.decide(&study, &guests, &reject()).await, 2);
        patience(&world).await;
        books::settled(&world, &study).await;
        assert_eq!(world.journal(Effect::Rejected).await.len(), 2, "{fault:?}");
        assert_eq!(stages(&world, &guests).await, [Stage::Rejected; 2], "{fault:?}");
    }
}

async fn stages(world: &World, guests: &[Guest]) -> Vec<Stage> {
    let mut stages = Vec::new();
    for guest in guests {
        stages.push(world.participation(guest).await.stage);
    }
    stages
}

/// How many orders a click placed; whoever comes second reads that something has changed.
fn placed(answer: Result<usize, ReviewError>) -> usize {
    match answer {
        Ok(orders) => orders,
        Err(ReviewError::Changed { .. }) => 0,
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_clicks_at_once_pay_once() {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    let guests = world.submitted(&study, 2, "0.70").await;
    let shown = world.plan(&study, &guests, &with_bonus()).await.total();
    let other = world.lab.another_process().await;
    let ids: Vec<_> = guests.iter().map(|guest| guest.id.0).collect();
    let clicks = (0..50).map(|n| {
        let app = if n % 2 == 0 { world.app().clone() } else { other.clone() };
        let (study, owner, ids) = (study.clone(), world.lab.owner, ids.clone());
        tokio::spawn(async move { carry_out(&app, &study, owner, &ids, &with_bonus(), shown).await })
    });
    let answers = join_all(clicks).await.into_iter().map(Result::unwrap);
    assert_eq!(answers.map(placed).sum::<usize>(), 4);
    world.quiet().await;
    books::settled(&world, &study).await;
    assert_eq!(world.journal(Effect::Approved).await.len(), 2);
    assert_eq!(world.journal(Effect::BonusSent).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_of_two_decisions_stands() {
    let world = World::new().await;
    let study =
        world.publish(&Typed { places: "9".into(), batch_size: "9".into(), ..world.lab.form() }).await;
    let guests = world.submitted(&study, 8, "0.70").await;
    let all = [approve(), with_bonus(), reject()];
    for (n, guest) in guests.iter().enumerate() {
        let one = std::slice::from_ref(guest);
        let (a, b) = (all[n % 3].clone(), all[(n + 1 + n / 4) % 3].clone());
        let shown_a = world.plan(&study, one, &a).await.total();
        let shown_b = world.plan(&study, one, &b).await.total();
        let (first, second) =
            tokio::join!(world.confirm(&study, one, &a, shown_a), world.confirm(&study, one, &b, shown_b),);
        let both = [placed(first), placed(second)];
        assert!(both[0] == 0 || both[1] == 0, "{a:?} and {b:?} were both ordered: {both:?}");
        assert!(both[0] + both[1] > 0, "neither {a:?} nor {b:?} was ordered");
    }
    patience(&world).await;
    books::settled(&world, &study).await;
    for guest in &guests {
        let found = world.participation(guest).await;
        assert!(matches!(found.stage, Stage::Paid | Stage::Rejected), "{found:?}");
        assert!(found.stage != Stage::Rejected || found.bonus.is_none(), "{found:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_payers_send_each_order_once() {
    let world = World::new().await;
    let study =
        world.publish(&Typed { places: "9".into(), batch_size: "9".into(), ..world.lab.form() }).await;
    let guests = world.submitted(&study, 9, "0.70").await;
    world.decide(&study, &guests, &with_bonus()).await;
    let payers = [Payer(world.app().clone()), Payer(world.lab.another_process().await)];
    let run = |payer| async move { while step(payer).await == Step::Worked {} };
    tokio::join!(run(&payers[0]), run(&payers[1]), run(&payers[0]), run(&payers[1]));
    world.quiet().await;
    books::settled(&world, &study).await;
    assert_eq!(world.journal(Effect::Approved).await.len(), 9);
    assert_eq!(world.journal(Effect::BonusSent).await.len(), 9);
    let tries = world.orders(&study).await.iter().map(|order| order.attempt).max();
    assert_eq!(tries, Some(1), "no order was sent twice");
}

async fn step(reconciler: &dyn Reconciler) -> Step {
    reconciler.step().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_publishers_publish_each_batch_once() {
    let world = World::new().await;
    let form = Typed { places: "40".into(), batch_size: "9".into(), ..world.lab.form() };
    let study = world.press_publish(&form).await;
    let publishers = [Publisher(world.app().clone()), Publisher(world.lab.another_process().await)];
    let run = |one| async move { while step(one).await == Step::Worked {} };
    tokio::join!(run(&publishers[0]), run(&publishers[1]), run(&publishers[0]), run(&publishers[1]));
    world.quiet().await;
    books::settled(&world, &study).await;
    assert_eq!(world.journal(Effect::HitCreated).await.len(), 5);
    assert_eq!(world.otree.sessions().len(), 1);
    assert_eq!(world.lab.study(study.id).await.state, State::Open);
}

#[tokio::test]
async fn whoever_overslept_records_nothing() {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    let guests = world.submitted(&study, 1, "0.70").await;
    world.decide(&study, &guests, &approve()).await;
    let mut conn = world.app().pool.acquire().await.unwrap();
    let asleep = Lease::from(world.lab.clock_now());
    let order =
        payments::store::claim_to_send(&mut conn, world.lab.clock_now(), asleep).await.unwrap().unwrap();
    // Another process finds the lease lapsed, asks, sends and records.
    world.later(Duration::seconds(130)).await;
    world.later(Duration::minutes(6)).await;
    books::settled(&world, &study).await;
    let now = world.lab.clock_now();
    let at = now + Duration::minutes(1);
    assert!(!payments::store::finish(&mut conn, &order, asleep, now).await.unwrap());
    let refused = OrderState::Refused;
    let moved = payments::store::move_on(&mut conn, order.id, asleep, refused, Some("no"), at).await.unwrap();
    assert!(!moved);
    drop(conn);
    books::settled(&world, &study).await;
    assert_eq!(world.journal(Effect::Approved).await.len(), 1);
}

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

/// The marketplace approves by itself what is submitted and not decided.
async fn auto_approve(world: &World) {
    world.market.set_clock(Turn::Step(Duration::days(8))).await.unwrap();
    world.market.tick().await.unwrap();
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
    assert_eq!((orders.len(), orders[0].state), (1, OrderState::Refused));
    assert!(orders[0].problem.as_deref().unwrap().contains("already approved"));
    assert_eq!(stages(&world, &guests).await, [Stage::Approved]);
    assert_eq!(world.journal(Effect::BonusSent).await.len(), 0, "no bonus on a guess");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_budget_holds_against_decisions_at_the_same_moment() {
    let world = World::new().await;
    // Each comes to 2.04 with fees: the budget allows two.
    let form = Typed { budget: "5.00".into(), ..world.lab.form() };
    let study = world.publish(&form).await;
    let guests = world.submitted(&study, 4, "0.70").await;
    let all = world.plan(&study, &guests, &with_bonus()).await.total();
    let over = world.confirm(&study, &guests, &with_bonus(), all).await.unwrap_err();
    let ReviewError::Order(OrderError::OverBudget { wanted, left }) = over else { panic!("{over}") };
    assert_eq!((wanted, left), (Cents(816), Cents(500)));
    assert_eq!(world.orders(&study).await.len(), 0, "nothing was ordered");

    let each = guests.iter().map(|guest| async {
        world.confirm(&study, std::slice::from_ref(guest), &with_bonus(), Cents(204)).await
    });
    let ordered = join_all(each).await.into_iter().filter(Result::is_ok).count();
    assert_eq!(ordered, 2);
    world.quiet().await;
    books::settled(&world, &study).await;
    assert_eq!(world.journal(Effect::BonusSent).await.len(), 2);
    let again = world.confirm(&study, &guests[..0], &with_bonus(), Cents::ZERO).await.unwrap();
    assert_eq!(again, 0);
}

#[tokio::test]
async fn a_batch_that_was_sent_yesterday_is_looked_for_and_not_sent_again() {
    for (fault, found) in [(FaultKind::DropAfter, true), (FaultKind::DropBefore, false)] {
        let world = World::new().await;
        let form = Typed { places: "2".into(), ..world.lab.form() };
        // The answer is lost, and nothing can be asked until the next day.
        world.trouble(fault, "CreateHITWithHITType", 1).await;
        world.trouble(FaultKind::FailBefore, "ListHITs", 3).await;
        let study = world.press_publish(&form).await;
        world.quiet().await;
        world.lab.clock.advance(Duration::hours(25));
        patience(&world).await;
        books::check(&world, &study).await;
        assert_eq!(world.journal(Effect::HitCreated).await.len(), usize::from(found), "{fault:?}");
        let now = world.lab.study(study.id).await;
        if found {
            assert_eq!(now.state, State::Open);
        } else {
            assert_eq!(now.state, State::Publishing);
            assert!(now.problem.unwrap().contains("not sent again"), "the researcher reads why");
        }
    }
}

#[tokio::test]
async fn a_bonus_that_was_sent_yesterday_is_left_to_a_person() {
    for (fault, found) in [(FaultKind::DropAfter, true), (FaultKind::DropBefore, false)] {
        let world = World::new().await;
        let study = world.publish(&world.lab.form()).await;
        let guests = world.submitted(&study, 1, "0.70").await;
        world.trouble(fault, "SendBonus", 1).await;
        world.trouble(FaultKind::FailBefore, "ListBonusPayments", 3).await;
        world.decide(&study, &guests, &with_bonus()).await;
        world.quiet().await;
        world.lab.clock.advance(Duration::hours(25));
        patience(&world).await;
        books::check(&world, &study).await;
        assert_eq!(world.journal(Effect::BonusSent).await.len(), usize::from(found), "{fault:?}");
        let orders = world.orders(&study).await;
        let bonus = orders.iter().find(|order| order.kind == Kind::Bonus).unwrap();
        if found {
            assert_eq!(bonus.state, OrderState::Done);
        } else {
            assert_eq!(bonus.state, OrderState::Unknown);
            assert!(bonus.problem.as_deref().unwrap().contains("decide"), "{:?}", bonus.problem);
        }
    }
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
