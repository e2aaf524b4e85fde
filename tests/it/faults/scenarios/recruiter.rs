//! The recruiter: slow to show things, faster than we are, out of money, with keys that no longer open anything.

use chrono::Duration;
use kernel::money::Cents;
use market::clock::Turn;
use market::engine::{assignments, lifetimes, review};
use market::journal::Effect;
use otree_hr::connections::{self, Keys};
use otree_hr::payments::{Kind, OrderState};
use otree_hr::studies::draft::Typed;

use super::super::rig::Rig;
use super::super::show::Show;
use super::{PAY, count, paid, settled};

fn one_batch(form: Typed) -> Typed {
    Typed { places: "4".into(), batch_size: "4".into(), ..form }
}

/// A rejection just before, at and after the moment at which the marketplace approves by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f20_who_is_rejected_while_the_clock_approves_ends_as_the_marketplace_says() {
    for seconds in [-40, -1, 0, 1, 40] {
        let mut show = Show::alone(one_batch).await.opened().await;
        show.submitted(2, "0.70").await;
        let rows = show.rows().await;
        let tab = show.open_tab(0, "reject", &rows, &[("words", "Not done")]).await.unwrap();
        let (mut tx, _) = show.rig.market.begin().await.unwrap();
        let assignment = assignments::find(&mut tx, &show.people[1].assignment).await.unwrap().unwrap();
        tx.commit().await.unwrap();
        let moment = assignment.auto_approval_at.unwrap() + Duration::seconds(seconds);
        let before = show.rig.market.clock().await.unwrap().1;
        show.rig.market.set_clock(Turn::To(moment)).await.unwrap();
        show.rig.clock.advance(moment - before).unwrap();
        let market = show.rig.market.clone();
        if seconds > 0 {
            // Who comes too late comes after it.
            market.tick().await.unwrap();
        }
        let (_, ticked) = tokio::join!(show.press(&tab, &[0, 1]), market.tick());
        ticked.unwrap();
        settled(&mut show).await;
        let by_hand = count(&show, Effect::Rejected).await;
        assert_eq!(by_hand + count(&show, Effect::AutoApproved).await, 2, "{seconds} s");
        assert_eq!(count(&show, Effect::BonusSent).await, 0, "no bonus on a guess");
        let rejected: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM participation WHERE study_id = $1 AND stage = 'rejected'",
        )
        .bind(show.study.0)
        .fetch_one(show.pool())
        .await
        .unwrap();
        assert_eq!(rejected, i64::try_from(by_hand).unwrap(), "{seconds} s");
        assert!(seconds < 1 || by_hand == 0);
    }
}

/// Keys that stop working in the middle of a run: spending stops, nothing is given up, and with new keys it goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f22_with_revoked_keys_payments_wait() {
    let mut show = Show::alone(one_batch).await.opened().await;
    show.submitted(4, "0.70").await;
    let stored: (String, Vec<u8>) =
        sqlx::query_as("SELECT access_key_id, secret_sealed FROM connection WHERE id = $1")
            .bind(show.lab.connection.0)
            .fetch_one(show.pool())
            .await
            .unwrap();
    let rows = show.rows().await;
    show.decide(PAY, &rows[..2], &[]).await;
    let act = connections::Act { lab: show.lab.id, by: None, at: show.rig.now() };
    let wrong = Keys { access_key_id: stored.0.clone(), secret: "not the secret".into() };
    let mut conn = show.pool().acquire().await.unwrap();
    let keyring = &show.rig.app.config.keyring;
    connections::replace_keys(&mut conn, keyring, act, show.lab.connection, &wrong).await.unwrap();
    drop(conn);
    show.decide(PAY, &rows[2..], &[]).await;
    for _ in 0..10 {
        show.rig.work(40).await;
        show.rig.pass(Duration::minutes(3)).await;
    }
    let given_up = show.orders().await.into_iter().filter(|order| order.state == OrderState::Refused).count();
    assert_eq!(given_up, 0, "nothing is failed for good");
    assert!(count(&show, Effect::Approved).await <= 2);
    let told = "SELECT bool_and(problem IS NOT NULL) FROM payment_order
        WHERE study_id = $1 AND state NOT IN ('done', 'planned')";
    show.rig.until_sql(show.study.0, told).await;
    let standing = "SELECT count(*) FROM standstill WHERE over_at IS NULL";
    assert_eq!(sqlx::query_scalar::<_, i64>(standing).fetch_one(show.pool()).await.unwrap(), 1);
    sqlx::query("UPDATE connection SET secret_sealed = $1 WHERE id = $2")
        .bind(&stored.1)
        .bind(show.lab.connection.0)
        .execute(show.pool())
        .await
        .unwrap();
    paid(&mut show, 4).await;
    assert_eq!(sqlx::query_scalar::<_, i64>(standing).fetch_one(show.pool()).await.unwrap(), 0);
}

/// Money for two of four bonuses: the rest waits, with the reason, and goes on after a deposit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f23_without_money_the_rest_waits_for_it() {
    // Four rewards with fees are 4.80; what is left pays two bonuses of 0.70 with their fees.
    let mut show = Show::new(Rig::start().await, Cents(480 + 2 * 84), one_batch).await.opened().await;
    show.submitted(4, "0.70").await;
    let rows = show.rows().await;
    show.decide(PAY, &rows, &[]).await;
    let waits = "SELECT count(*) FILTER (WHERE state = 'done') = 6
        AND bool_and(problem IS NOT NULL) FILTER (WHERE state <> 'done') FROM payment_order WHERE study_id = $1";
    show.rig.until_sql(show.study.0, waits).await;
    assert_eq!(count(&show, Effect::BonusSent).await, 2);
    show.rig.market.deposit(&show.requester, Cents(1000)).await.unwrap();
    paid(&mut show, 4).await;
}

/// HITs that end or are deleted on the recruiter's own site: noticed, said, and nobody is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f29_a_hit_that_ends_behind_our_back_is_noticed() {
    let mut show = Show::alone(one_batch).await.opened().await;
    show.submitted(1, "0.70").await;
    let who = show.accept().await.unwrap();
    show.knock(who, 0).await;
    show.give_back(who).await;
    let hit = show.people[0].hit.clone();
    let (mut tx, now) = show.rig.market.begin().await.unwrap();
    lifetimes::set_expiration(&mut tx, now, &show.requester, &hit, now).await.unwrap();
    let assignment = show.people[0].assignment.clone();
    review::approve(&mut tx, now, &show.requester, &assignment, None, false).await.unwrap();
    tx.commit().await.unwrap();
    let noticed = "SELECT bool_or(returned_at IS NOT NULL) AND bool_or(approved_at IS NOT NULL)
        FROM participation WHERE study_id = $1";
    show.rig.until_sql(show.study.0, noticed).await;
    let written =
        "SELECT count(*) = 1 FROM payment_order WHERE study_id = $1 AND kind = 'approve' AND state = 'done'";
    show.rig.until_sql(show.study.0, written).await;
    let released = "SELECT sum(cents) = 0 FROM ledger_posting l JOIN ledger_entry e ON e.id = l.entry
        WHERE e.study = $1 AND l.account = 'reserved'";
    show.rig.until_sql(show.study.0, released).await;

    let mut show = {
        let (rig, _) = show.pause();
        Show::new(rig, Cents(100_000), one_batch).await.opened().await
    };
    show.submitted(1, "0.70").await;
    let hit = show.people[0].hit.clone();
    let assignment = show.people[0].assignment.clone();
    let (mut tx, now) = show.rig.market.begin().await.unwrap();
    lifetimes::set_expiration(&mut tx, now, &show.requester, &hit, now).await.unwrap();
    review::approve(&mut tx, now, &show.requester, &assignment, None, false).await.unwrap();
    tx.commit().await.unwrap();
    show.rig.market.tick().await.unwrap();
    let (mut tx, now) = show.rig.market.begin().await.unwrap();
    lifetimes::dispose(&mut tx, now, &show.requester, &hit).await.unwrap();
    tx.commit().await.unwrap();
    let said = "SELECT bool_or(problem LIKE '%deleted%') FROM batch WHERE study_id = $1";
    show.rig.until_sql(show.study.0, said).await;
}

async fn bonuses_ordered(show: &Show) -> usize {
    show.orders().await.iter().filter(|order| order.kind == Kind::Bonus).count()
}

/// Yesterday's backup is restored after people were paid, and the same decisions are made again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f34_after_a_restored_backup_nobody_is_paid_again() {
    let mut show = Show::alone(one_batch).await.opened().await;
    show.submitted(3, "0.70").await;
    let (position, copy) = (show.position().await, show.rig.back_up().await);
    let rows = show.rows().await;
    show.decide(PAY, &rows, &[]).await;
    paid(&mut show, 3).await;
    show.rig.pass(Duration::hours(26)).await;
    show.restore(copy, position).await;
    for _ in 0..60 {
        show.decide(PAY, &rows, &[]).await;
        show.decide("bonus", &rows, &[]).await;
        if bonuses_ordered(&show).await == 3 {
            break;
        }
        show.rig.work(100).await;
        show.rig.pass(Duration::minutes(2)).await;
    }
    settled(&mut show).await;
    assert_eq!(count(&show, Effect::Approved).await, 3);
    assert_eq!(count(&show, Effect::BonusSent).await, 3, "{}", show.trace.join("\n"));
    assert_eq!(bonuses_ordered(&show).await, 3, "they were ordered again");
}

/// The same of a compensation: ordered, collected and paid since the backup, and then ordered again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f34_after_a_restored_backup_nobody_is_compensated_again() {
    for collected in [true, false] {
        let mut show = Show::alone(one_batch).await.opened().await;
        let who = show.accept().await.unwrap();
        show.knock(who, 0).await;
        assert!(show.play(who, 1, "0.70".into()).await);
        show.rig.pass(Duration::hours(22)).await;
        let owed = "SELECT bool_and(stage = 'finished_unsubmitted') FROM participation WHERE study_id = $1";
        show.rig.until_sql(show.study.0, owed).await;
        let (position, copy) = (show.position().await, show.rig.back_up().await);
        let whom = show.owed().await.pop().unwrap();
        let tab = show.compensation_tab(&whom, "1.00");
        show.press(&tab, &[0, 1]).await;
        settled(&mut show).await;
        if collected {
            assert_eq!(show.collect().await, 1);
            settled(&mut show).await;
            assert_eq!(count(&show, Effect::Approved).await, 1);
        }
        show.restore(copy, position).await;
        show.press(&tab, &[1]).await;
        settled(&mut show).await;
        assert_eq!(show.collect().await, 0, "no second offer");
        settled(&mut show).await;
        assert_eq!(count(&show, Effect::Approved).await, usize::from(collected));
        let state = if collected { OrderState::Refused } else { OrderState::Planned };
        assert_eq!(show.orders().await[0].state, state, "for a person while nobody has collected it");
    }
}
