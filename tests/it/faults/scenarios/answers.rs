//! Answers that are lost, late, or not answers at all.

use chrono::Duration;
use market::faults::FaultKind;
use market::journal::Effect;
use otree_hr::ledger::pause;
use otree_hr::payments::OrderState;
use otree_hr::studies::State;
use otree_hr::studies::draft::Typed;

use super::super::checker;
use super::super::show::Show;
use super::{PAY, count, paid, settled, struck};

const CREATE: &str = "CreateHITWithHITType";

fn one_batch(form: Typed) -> Typed {
    Typed { places: "3".into(), batch_size: "3".into(), ..form }
}

/// The answer is lost in the first attempt, in two, in five; and the process dies while it waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f01_a_hit_whose_answer_is_lost_exists_once() {
    for times in [1, 2, 5] {
        let mut show = Show::alone(one_batch).await;
        show.rig.trouble(FaultKind::DropAfter, Some(CREATE), times).await;
        show.publish().await;
        show.open().await;
        settled(&mut show).await;
        assert_eq!(count(&show, Effect::HitCreated).await, 1, "{times}");
    }
    let mut show = Show::alone(one_batch).await;
    show.rig.trouble(FaultKind::DropAfter, Some(CREATE), 1).await;
    show.rig.replicas[1].kill();
    show.rig.replicas[0].told("publish.batch.call");
    show.publish().await;
    show.rig.replicas[0].ended().await;
    settled(&mut show).await;
    assert_eq!(count(&show, Effect::HitCreated).await, 1);
    assert_eq!(show.study().await.state, State::Open);
}

/// The same is noticed only on the next day: it is looked for, and not sent again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f02_a_hit_that_was_sent_yesterday_is_not_sent_again() {
    for (point, found) in [("publish.batch.call", true), ("publish.batch.row", false)] {
        let mut show = Show::alone(one_batch).await;
        show.rig.replicas[1].kill();
        show.rig.replicas[0].told(point);
        show.publish().await;
        show.rig.replicas[0].ended().await;
        show.rig.pass(Duration::hours(25)).await;
        show.rig.everybody_up().await;
        let known = "SELECT state = 'open' OR problem LIKE '%not sent again%' FROM study WHERE id = $1";
        show.rig.until_sql(show.study.0, known).await;
        settled(&mut show).await;
        assert_eq!(count(&show, Effect::HitCreated).await, usize::from(found), "{point}");
        assert_eq!(show.study().await.state == State::Open, found, "{point}");
    }
}

/// One lab's calls are throttled; its work ends, and another lab does not notice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f07_who_is_throttled_comes_through_and_holds_up_nobody() {
    let mut other = Show::alone(one_batch).await.opened().await;
    other.submitted(3, "0.70").await;
    let (rig, other) = other.pause();
    let mut show = Show::new(rig, kernel::money::Cents(100_000), one_batch).await.opened().await;
    show.submitted(3, "0.70").await;
    let only = market::faults::Target { requester_id: Some(show.requester.clone()), ..Default::default() };
    show.rig.market.order_fault(FaultKind::Throttle, &only, 100).await.unwrap();
    let rows = show.rows().await;
    show.decide(PAY, &rows, &[]).await;
    let (rig, show) = show.pause();

    let mut other = other(rig);
    let rows = other.rows().await;
    other.decide(PAY, &rows, &[]).await;
    let all = "SELECT count(*) = 6 AND bool_and(state = 'done') FROM payment_order WHERE study_id = $1";
    other.rig.until_sql(other.study.0, all).await;
    let (rig, _) = other.pause();

    let mut show = show(rig);
    assert_eq!(count(&show, Effect::BonusSent).await, 0, "the other lab was not held up by this one");
    struck(&show).await;
    paid(&mut show, 3).await;
    // Whoever is told to slow down does.
    let most = show.orders().await.iter().map(|order| order.attempt).max().unwrap();
    assert!(most <= 20, "{most} attempts at one order");
}

/// The marketplace's clock is ten minutes off, so every signature is refused: said so, and nothing is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f08_a_wrong_clock_is_named_and_costs_nothing() {
    let mut show = Show::alone(one_batch).await.opened().await;
    show.submitted(2, "0.70").await;
    show.rig.market_clock.advance(Duration::minutes(10)).unwrap();
    let rows = show.rows().await;
    show.decide(PAY, &rows, &[]).await;
    let told = "SELECT bool_or(problem LIKE '%clock%') FROM payment_order WHERE study_id = $1";
    show.rig.until_sql(show.study.0, told).await;
    assert_eq!(count(&show, Effect::Approved).await, 0);
    show.rig.market_clock.advance(Duration::minutes(-10)).unwrap();
    // Our own clock leaps to and fro: no job runs twice.
    for leap in [10, -10, 60, -60] {
        show.rig.clock.advance(Duration::minutes(leap)).unwrap();
        show.rig.work(80).await;
        assert!(checker::always(&show).await.is_empty());
    }
    paid(&mut show, 2).await;
}

/// New HITs, submissions and bonuses do not show for a while, and answers are lost meanwhile: nothing is concluded
/// from what is not shown.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f09_what_the_recruiter_does_not_show_yet_is_waited_for() {
    let show = Show::alone(one_batch).await;
    show.rig.trouble(FaultKind::Hide(60), None, 60).await;
    show.rig.trouble(FaultKind::DropAfter, Some(CREATE), 1).await;
    let mut show = show.opened().await;
    assert_eq!(count(&show, Effect::HitCreated).await, 1);
    show.submitted(3, "0.70").await;
    show.rig.trouble(FaultKind::Hide(60), None, 60).await;
    show.rig.trouble(FaultKind::DropAfter, Some("ApproveAssignment"), 2).await;
    show.rig.trouble(FaultKind::DropAfter, Some("SendBonus"), 2).await;
    let rows = show.rows().await;
    show.decide(PAY, &rows, &[]).await;
    struck(&show).await;
    paid(&mut show, 3).await;
    assert!(
        show.orders().await.iter().all(|order| order.state == OrderState::Done),
        "nothing is failed for good"
    );
}

/// Payoffs that are none: too much, not a number, missing, in another currency.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f13_an_odd_payoff_is_never_paid() {
    let mut show =
        Show::alone(|form| Typed { places: "5".into(), batch_size: "5".into(), ..form }).await.opened().await;
    for payoff in ["NaN", "1000000000", "-3.00", "70.00", ""] {
        let who = show.accept().await.unwrap();
        show.knock(who, 0).await;
        assert!(show.play(who, 1, payoff.into()).await);
        assert!(show.submit(who).await);
    }
    let known = "SELECT count(submitted_at) = 5 AND bool_and(payoff_at IS NOT NULL) FROM participation
        WHERE study_id = $1";
    show.rig.until_sql(show.study.0, known).await;
    let rows = show.rows().await;
    show.decide(PAY, &rows, &[]).await;
    settled(&mut show).await;
    assert_eq!(count(&show, Effect::BonusSent).await, 0);
    assert_eq!(count(&show, Effect::Approved).await, 1, "who lost money gets the reward and no bonus");

    show.rig.otree.count_in("EUR");
    let mut show = {
        let (rig, _) = show.pause();
        Show::new(rig, kernel::money::Cents(100_000), one_batch).await.opened().await
    };
    show.submitted(1, "0.70").await;
    let rows = show.rows().await;
    show.decide(PAY, &rows, &[]).await;
    settled(&mut show).await;
    assert_eq!(count(&show, Effect::BonusSent).await, 0, "euros are not dollars");
}

/// Somebody's units are wrong by a hundred: above the study's maximum nothing is paid, and the page says why.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f26_a_bonus_a_hundred_times_too_large_is_refused_before_paying() {
    let mut show = Show::alone(one_batch).await.opened().await;
    show.submitted(2, "70").await;
    let rows = show.rows().await;
    for more in [&[][..], &[("amount", "70")]] {
        let said = show.ask(0, PAY, &rows, more).await.unwrap();
        assert!(said.body.contains("maximum of"), "{}", said.body);
        show.decide(PAY, &rows, more).await;
    }
    settled(&mut show).await;
    assert!(show.orders().await.is_empty());
    assert_eq!(count(&show, Effect::BonusSent).await, 0);
}

/// A captive proxy answers every money call with a page and 200, whether or not the call went through.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f31_a_web_page_is_not_taken_for_success() {
    for after in [false, true] {
        let show = Show::alone(one_batch).await;
        for operation in [CREATE, "ApproveAssignment", "SendBonus", "GetAssignment", "ListBonusPayments"] {
            show.rig.front.page(operation, after);
        }
        let mut show = show.opened().await;
        show.submitted(3, "0.70").await;
        let rows = show.rows().await;
        show.decide(PAY, &rows, &[]).await;
        struck(&show).await;
        paid(&mut show, 3).await;
        assert_eq!(count(&show, Effect::HitCreated).await, 1, "done: {after}");
        let unsure = show.orders().await.iter().filter(|order| order.attempt > 1).count();
        assert!(after || unsure > 0, "a page instead of a payment must have been tried again");
    }
}

/// Some of a bulk approval fail: what happened to each is recorded, with a reason.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f27_of_a_bulk_approval_each_ones_fate_is_recorded() {
    let mut show = Show::alone(|form| Typed { places: "20".into(), batch_size: "20".into(), ..form })
        .await
        .opened()
        .await;
    show.submitted(20, "0.70").await;
    // Ordered before anybody can know that three of them are rejected by hand.
    let mut conn = show.pool().acquire().await.unwrap();
    let (lab, owner) = (show.lab.id.0, show.lab.owner.0);
    assert!(pause::begin(&mut conn, show.rig.now(), Some(lab), owner, "").await.unwrap());
    let rows = show.rows().await;
    show.decide(PAY, &rows, &[]).await;
    assert_eq!(show.orders().await.len(), 40);
    for who in 0..3 {
        let (mut tx, now) = show.rig.market.begin().await.unwrap();
        let assignment = show.people[who].assignment.clone();
        market::engine::review::reject(&mut tx, now, &show.requester, &assignment, "By hand").await.unwrap();
        tx.commit().await.unwrap();
    }
    show.rig.trouble(FaultKind::FailBefore, Some("ApproveAssignment"), 3).await;
    assert!(pause::end(&mut conn, Some(lab)).await.unwrap());
    drop(conn);
    let ended = "SELECT bool_and(state IN ('done', 'refused')) FROM payment_order WHERE study_id = $1";
    show.rig.until_sql(show.study.0, ended).await;
    struck(&show).await;
    assert_eq!(count(&show, Effect::Approved).await, 17);
    assert_eq!(count(&show, Effect::BonusSent).await, 17);
    for order in show.orders().await {
        let by_hand = show.people[..3].iter().any(|person| person.assignment == order.assignment_id);
        assert_eq!(order.state == OrderState::Refused, by_hand, "{order:?}");
        assert_eq!(order.problem.is_some(), by_hand, "{order:?}");
    }
}
