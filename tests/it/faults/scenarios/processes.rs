//! Processes that die, stand still or end; lines and databases that fail; backups.

use chrono::Duration;
use market::journal::Effect;
use otree_hr::payments::OrderState;
use otree_hr::studies::draft::Typed;

use super::super::checker;
use super::super::families::crash_points;
use super::super::proxy::Cut;
use super::super::show::Show;
use super::{PAY, count, paid, settled};

async fn submitted(people: usize) -> Show {
    let places = people.to_string();
    let mut show =
        Show::alone(|form| Typed { places: places.clone(), batch_size: places, ..form }).await.opened().await;
    show.submitted(people, "0.70").await;
    show
}

/// kill -9 at every named point of the way of money and of publishing, one after the other in one study each.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f04_a_crash_at_any_point_pays_once() {
    let mut rig = Some(super::super::rig::Rig::start().await);
    let ours = |point: &String| ["payer.", "settler.", "publish."].iter().any(|part| point.starts_with(part));
    for point in crash_points().into_iter().filter(ours) {
        let mut show = Show::new(rig.take().unwrap(), kernel::money::Cents(100_000), |form| Typed {
            places: "1".into(),
            batch_size: "1".into(),
            ..form
        })
        .await;
        // Only one process is there, so that it is the one that comes to the point.
        show.rig.replicas[1].kill();
        show.rig.replicas[0].told(&point);
        if point.starts_with("settler.") {
            show.rig.trouble(market::faults::FaultKind::FailBefore, Some("ApproveAssignment"), 1).await;
        }
        show.publish().await;
        if point.starts_with("publish.") {
            show.rig.replicas[0].ended().await;
            show.rig.everybody_up().await;
        }
        show.open().await;
        show.submitted(1, "0.70").await;
        let rows = show.rows().await;
        show.decide(PAY, &rows, &[]).await;
        if !point.starts_with("publish.") {
            show.rig.replicas[0].ended().await;
        }
        assert!(checker::always(&show).await.is_empty(), "{point}");
        paid(&mut show, 1).await;
        assert_eq!(count(&show, Effect::HitCreated).await, 1, "{point}");
        rig = Some(show.pause().0);
    }
}

/// kill -9 at every named point of the way of a compensation.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f04_a_crash_on_the_way_of_a_compensation_pays_once() {
    let mut rig = Some(super::super::rig::Rig::start().await);
    for point in crash_points().into_iter().filter(|point| point.starts_with("compensate.")) {
        let mut show = Show::new(rig.take().unwrap(), kernel::money::Cents(100_000), |form| form).await;
        show = show.opened().await;
        let who = show.accept().await.unwrap();
        show.knock(who, 0).await;
        assert!(show.play(who, 1, "0.70".into()).await);
        show.rig.pass(Duration::hours(22)).await;
        let owed = "SELECT bool_and(stage = 'finished_unsubmitted') FROM participation WHERE study_id = $1";
        show.rig.until_sql(show.study.0, owed).await;
        show.rig.replicas[1].kill();
        show.rig.replicas[0].told(&point);
        let whom = show.owed().await.pop().unwrap();
        show.press(&show.compensation_tab(&whom, "1.00"), &[0]).await;
        if point != "compensate.end" {
            show.rig.replicas[0].ended().await;
            settled(&mut show).await;
        }
        let offered = "SELECT bool_and(c.hit_id IS NOT NULL) FROM compensation c
            JOIN payment_order o ON o.id = c.order_id WHERE o.study_id = $1";
        show.rig.until_sql(show.study.0, offered).await;
        assert_eq!(show.collect().await, 1, "{point}");
        if point == "compensate.end" {
            let paid = "SELECT bool_and(state = 'done') FROM payment_order WHERE study_id = $1";
            show.rig.until_sql(show.study.0, paid).await;
            show.rig.pass(Duration::minutes(2)).await;
            show.rig.replicas[0].ended().await;
        }
        settled(&mut show).await;
        assert_eq!(count(&show, Effect::Approved).await, 1, "{point}");
        assert_eq!(show.orders().await[0].state, OrderState::Done, "{point}");
        rig = Some(show.pause().0);
    }
}

/// One process stands still before or after its call until its lease has long lapsed; the other does the work.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f05_a_process_that_overslept_changes_nothing() {
    for point in ["payer.claimed", "payer.looked", "payer.sent", "payer.recording"] {
        let mut show = submitted(2).await;
        show.rig.replicas[1].kill();
        show.rig.replicas[0].told(&format!("stop {point}"));
        let rows = show.rows().await;
        show.decide(PAY, &rows, &[]).await;
        show.rig.replicas[0].stands(point).await;
        show.rig.pass(Duration::minutes(3)).await;
        show.rig.revive().await;
        let done = "SELECT count(*) FILTER (WHERE state = 'done') = 4 FROM payment_order WHERE study_id = $1";
        show.rig.until_sql(show.study.0, done).await;
        // A day later the marketplace has forgotten the tokens; then the sleeper wakes.
        show.rig.pass(Duration::hours(25)).await;
        show.rig.replicas[0].proceed();
        show.rig.work(300).await;
        paid(&mut show, 2).await;
    }
}

/// The same of a batch that is about to be published: when its sender wakes, the marketplace has forgotten its token.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f05_a_publisher_that_overslept_publishes_nothing() {
    let mut show = Show::alone(|form| Typed { places: "2".into(), batch_size: "2".into(), ..form }).await;
    show.rig.replicas[1].kill();
    // Its row says that it may have gone out, so it is looked for, not found, and sent again: by somebody who falls
    // asleep between the look and the call.
    show.rig.replicas[0].told("publish.batch.row");
    show.publish().await;
    show.rig.replicas[0].ended().await;
    show.rig.restart(0).await;
    show.rig.replicas[0].told("stop publish.batch.row");
    show.rig.pass(Duration::minutes(3)).await;
    show.rig.replicas[0].stands("publish.batch.row").await;
    show.rig.restart(1).await;
    show.rig.pass(Duration::minutes(3)).await;
    show.open().await;
    show.rig.pass(Duration::hours(25)).await;
    show.rig.replicas[0].proceed();
    show.rig.work(1000).await;
    settled(&mut show).await;
    assert_eq!(count(&show, Effect::HitCreated).await, 1);
}

/// The line to Postgres breaks at COMMIT, after and before it was carried out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f06_a_commit_whose_outcome_is_unknown_loses_and_doubles_nothing() {
    for cut in Cut::ALL {
        let mut show = submitted(2).await;
        let rows = show.rows().await;
        let tab = show.open_tab(0, PAY, &rows, &[]).await.unwrap();
        show.rig.replicas[0].proxy.arm(cut, 2);
        show.press(&tab, &[0]).await;
        // The person does not know either, and presses again.
        show.press(&tab, &[1]).await;
        for replica in &show.rig.replicas {
            replica.proxy.arm(cut, 3);
        }
        show.rig.work(200).await;
        show.decide(PAY, &rows, &[]).await;
        let cuts: u32 = show.rig.replicas.iter().map(|replica| replica.proxy.cuts()).sum();
        assert!(cuts > 0, "{cut:?}");
        show.rig.calm().await;
        show.decide(PAY, &rows, &[]).await;
        paid(&mut show, 2).await;
    }
}

/// SIGTERM at ever later moments of a pay run; whoever comes next goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f30_a_deployment_during_a_pay_run_loses_nothing() {
    let mut show = submitted(30).await;
    let rows = show.rows().await;
    show.rig.replicas[1].kill();
    show.decide(PAY, &rows, &[]).await;
    for moment in 0..12 {
        show.rig.work(15 * moment).await;
        show.rig.replicas[0].terminate();
        show.rig.replicas[0].ended().await;
        assert!(checker::always(&show).await.is_empty());
        show.rig.everybody_up().await;
        show.rig.replicas[1].kill();
    }
    paid(&mut show, 30).await;
}

/// The database takes no writes: no call leaves, and the pages say so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f32_without_a_durable_intent_no_money_call_is_made() {
    let mut show = submitted(3).await;
    let rows = show.rows().await;
    let tab = show.open_tab(0, PAY, &rows, &[]).await.unwrap();
    let early = show.open_tab(0, "approve", &rows[..1], &[]).await.unwrap();
    let cookie = show.log_in().await.unwrap();
    // Ordered and not sent: somebody stands still while taking it, until the database is gone.
    show.rig.replicas.iter_mut().for_each(|replica| replica.told("stop payer.claiming"));
    show.press(&early, &[0]).await;
    for _ in 0..12_000 {
        if show.rig.replicas.iter_mut().any(|replica| replica.stands_at("payer.claiming")) {
            break;
        }
        show.rig.work(5).await;
    }
    assert!(show.rig.replicas.iter().any(|replica| replica.stopped));
    // Nobody takes it up between the end of one connection and of the next.
    show.rig.replicas.iter_mut().for_each(|replica| replica.freeze());
    show.rig.set_read_only(true).await;
    show.rig.replicas.iter_mut().for_each(|replica| replica.proceed());
    let before = count(&show, Effect::Approved).await;
    assert_eq!(before, 0, "{}", show.rig.logs());
    for reply in show.press_as(&cookie, &tab, &[0, 1]).await {
        let status = reply.expect("both answer").status;
        assert!(status.is_server_error(), "{status}");
    }
    show.rig.pass(Duration::minutes(5)).await;
    show.rig.work(500).await;
    assert_eq!(count(&show, Effect::Approved).await, before, "nothing is sent without a row");
    assert_eq!(count(&show, Effect::BonusSent).await, 0);
    show.rig.calm().await;
    show.decide(PAY, &rows[1..], &[]).await;
    settled(&mut show).await;
    assert_eq!(count(&show, Effect::Approved).await, 3);
    assert_eq!(count(&show, Effect::BonusSent).await, 2);
}
