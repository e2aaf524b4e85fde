//! Several people, tabs and processes at the same moment.

use axum::http::StatusCode;
use chrono::Duration;
use futures_util::future::join_all;
use kernel::money::Cents;
use market::journal::Effect;
use otree_hr::connections;
use otree_hr::jobs::{Lease, Reconciler, Step};
use otree_hr::participation::Stage;
use otree_hr::payments::payer::Payer;
use otree_hr::payments::{self, Breach, OrderError, OrderState};
use otree_hr::review::ReviewError;
use otree_hr::studies::State;
use otree_hr::studies::draft::Typed;
use otree_hr::studies::publisher::Publisher;

use super::{approve, patience, reject, with_bonus};
use crate::support::books;
use crate::support::world::{World, carry_out};

/// How many orders a click placed; whoever comes second reads that something has changed.
fn placed(answer: Result<usize, ReviewError>) -> usize {
    match answer {
        Ok(orders) => orders,
        Err(ReviewError::Changed { .. }) => 0,
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_recruiter_that_keeps_everybody_waiting_holds_up_its_own_orders_only() {
    let world = World::new().await;
    let form = Typed { places: "3".into(), batch_size: "3".into(), ..world.lab.form() };
    let study = world.publish(&form).await;
    let guests = world.submitted(&study, 3, "0.70").await;
    world.decide(&study, &guests, &approve()).await;
    let now = world.lab.clock_now();
    let mut conn = world.app().pool.acquire().await.unwrap();
    let mut claims = Vec::new();
    for _ in 0..3 {
        claims.push(payments::store::claim_to_send(&mut conn, now, Lease::from(now)).await.unwrap());
    }
    let taken = claims.iter().map(Option::is_some);
    assert_eq!(taken.collect::<Vec<_>>(), [true, true, false], "two at a time, not all lanes");
    let act = connections::Act { lab: world.lab.id, by: None, at: now };
    let other = connections::create_rehearsal(world.app(), act, "Another").await.unwrap();
    sqlx::query("UPDATE payment_order SET connection_id = $1 WHERE state = 'authorised'")
        .bind(other.0)
        .execute(&mut *conn)
        .await
        .unwrap();
    assert!(payments::store::claim_to_send(&mut conn, now, Lease::from(now)).await.unwrap().is_some());

    // What the two left behind is asked about one at a time.
    let later = now + Duration::minutes(30);
    for expected in [true, true, false] {
        let next = payments::store::claim_to_settle(&mut conn, later, Lease::from(later)).await.unwrap();
        assert_eq!(next.is_some(), expected, "one of each connection");
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
async fn fifty_posts_of_two_forms_pay_once() {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    let guests = world.submitted(&study, 2, "0.70").await;
    let path = format!("{}/studies/{}/review/decide", world.lab.path(), study.id);
    let posts = (0..50).map(|n| {
        let (lab, path) = (&world.lab, &path);
        let ids: Vec<String> = guests.iter().map(|guest| guest.id.to_string()).collect();
        async move {
            let browser = lab.browser(lab.owner).await;
            // One tab shows both people, the other only the first.
            let (shown, ticked) = if n % 2 == 0 { ("4.08", &ids[..]) } else { ("2.04", &ids[..1]) };
            let mut form = vec![("decision", "approve_with_bonus"), ("shown", shown)];
            form.extend(ticked.iter().map(|id| ("id", &**id)));
            browser.post(path, &form).await.status
        }
    });
    let mut good = 0;
    for status in join_all(posts).await {
        match status {
            StatusCode::SEE_OTHER => good += 1,
            StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY => {}
            other => panic!("{other}"),
        }
    }
    assert!(good >= 1);
    world.quiet().await;
    books::settled(&world, &study).await;
    let sent = world.journal(Effect::Approved).await.len();
    assert_eq!(world.journal(Effect::BonusSent).await.len(), sent);
    assert!(sent == 1 || sent == 2, "{sent}");
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_budget_holds_against_decisions_at_the_same_moment() {
    let world = World::new().await;
    // The places come to 4.80 with fees, each bonus to 0.84: the budget allows two.
    let form = Typed { budget: "6.50".into(), ..world.lab.form() };
    let study = world.publish(&form).await;
    let guests = world.submitted(&study, 4, "0.70").await;
    let all = world.plan(&study, &guests, &with_bonus()).await.total();
    let over = world.confirm(&study, &guests, &with_bonus(), all).await.unwrap_err();
    let ReviewError::Order(OrderError::Beyond(Breach::Budget { wanted, left })) = over else {
        panic!("{over}")
    };
    assert_eq!((wanted, left), (Cents(336), Cents(170)));
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

/// A second click holds the person and then meets the order of the first; the payer records the order and then the
/// person. They must take turns, not wait for each other in a circle.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_click_and_a_record_at_the_same_moment_take_turns() {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    let guests = world.submitted(&study, 1, "0.70").await;
    assert_eq!(world.decide(&study, &guests, &approve()).await, 1);
    let (pool, now) = (world.app().pool.clone(), world.lab.clock_now());
    let lease = Lease::from(now);
    let mut conn = pool.acquire().await.unwrap();
    let order = payments::store::claim_to_send(&mut conn, now, lease).await.unwrap().unwrap();

    let mut click = pool.begin().await.unwrap();
    let ids = [guests[0].id.0];
    otree_hr::participation::store::chosen(&mut click, study.lab_id, study.id, &ids).await.unwrap();
    let (record, sent) = (pool.clone(), order.clone());
    let record = tokio::spawn(async move {
        let mut tx = record.begin().await.unwrap();
        let held = payments::store::finish(&mut tx, &sent, lease, now).await.unwrap();
        tx.commit().await.unwrap();
        held
    });
    // The record comes as far as it can: it waits for a row that the click holds.
    let waits = "SELECT count(*) FROM pg_stat_activity
                 WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while world.lab.count(waits).await == 0 {
        assert!(!record.is_finished(), "it took no turn");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let again = payments::NewOrder {
        participation_id: order.participation_id,
        kind: order.kind,
        source: order.source.clone(),
        amount: order.amount,
        fee: order.fee,
        words: String::new(),
        after_approval: false,
    };
    let placed = payments::store::place(&mut click, now, &study, None, &[again]).await.unwrap();
    click.commit().await.unwrap();
    assert_eq!(placed, 0, "there is one already");
    assert!(record.await.unwrap(), "the payer's record stands");
}
