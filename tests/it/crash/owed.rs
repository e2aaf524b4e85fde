//! What a compensation needs around it.

use std::time::Duration;

use kernel::money::Cents;
use market::engine::assignments::{self, Wanted};
use market::journal::Effect;
use otree_hr::participation::WorkerId;
use otree_hr::payments::compensation;
use otree_hr::studies::Study;
use tokio::time::Instant;

use super::worker::{PATIENCE, Worker};
use crate::support::door::{get, go};
use crate::support::world::{Guest, World};

/// Somebody comes late and is offered a payment, due by the machine's clock, too.
pub async fn late(world: &World, study: &Study, guest: &Guest) -> String {
    let (mut tx, now) = world.market.begin().await.unwrap();
    let late = market::engine::workers::create(&mut tx, now, "Late", "no password").await.unwrap().unwrap();
    tx.commit().await.unwrap();
    get(world.app(), &go(&study.code, &guest.hit, &late.worker_id, "3LATE")).await;
    let id = sqlx::query_scalar("SELECT id FROM worker WHERE external_id = $1").bind(&late.worker_id);
    let worker = WorkerId(id.fetch_one(&world.app().pool).await.unwrap());
    let (now, owner) = (world.lab.clock_now(), world.lab.owner);
    let mut tx = world.app().pool.begin().await.unwrap();
    compensation::order(&mut tx, now, study, owner, worker, Cents(25), "Thank you").await.unwrap();
    tx.commit().await.unwrap();
    hurry(world).await;
    late.worker_id
}

pub async fn hurry(world: &World) {
    for table in ["compensation", "payment_order"] {
        let sql = format!("UPDATE {table} SET next_step_at = now() - interval '1 hour'");
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&world.app().pool).await.unwrap();
    }
}

/// Nothing has to wait for its turn, for longer than anything may take.
pub async fn hurry_on(world: &World) {
    let end = Instant::now() + 2 * PATIENCE;
    while Instant::now() < end {
        hurry(world).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it took too long");
}

pub async fn offered(world: &World, worker: &Worker) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let hit: Option<String> = sqlx::query_scalar(
            "SELECT hit_id FROM compensation WHERE hit_id IS NOT NULL
             AND (told_at IS NOT NULL OR tell_problem IS NOT NULL)",
        )
        .fetch_optional(&world.app().pool)
        .await
        .unwrap();
        if let Some(hit) = hit {
            return hit;
        }
        assert!(Instant::now() < deadline, "not offered:\n{}", worker.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub async fn collect(world: &World, hit: &str, worker: &str) {
    let (mut tx, now) = world.market.begin().await.unwrap();
    let taken =
        assignments::accept(&mut tx, world.market.settings(), now, worker, Wanted::Hit(hit)).await.unwrap();
    let fields = [("compensation".to_owned(), "accepted".to_owned())];
    assignments::submit(&mut tx, now, &taken.assignment_id, Some(worker), &fields).await.unwrap();
    tx.commit().await.unwrap();
}

/// Waits for the end, at which there is one of everything.
pub async fn ended(world: &World, worker: &Worker, point: &str) {
    let deadline = Instant::now() + PATIENCE;
    while world.lab.count("SELECT count(*) FROM compensation WHERE ended_at IS NOT NULL").await == 0 {
        assert!(Instant::now() < deadline, "{point}: not ended:\n{}", worker.log());
        hurry(world).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let done = "SELECT count(*) FROM payment_order WHERE kind = 'compensate' AND state = 'done'";
    assert_eq!(world.lab.count(done).await, 1, "{point}");
    for (effect, times) in [
        (Effect::QualificationTypeCreated, 1),
        (Effect::HitCreated, 2),
        (Effect::Approved, 1),
        (Effect::QualificationTypeDeleted, 1),
    ] {
        assert_eq!(world.journal(effect).await.len(), times, "{point} {effect:?}");
    }
}
