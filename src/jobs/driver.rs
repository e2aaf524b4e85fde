//! Calls the reconcilers: on a wake, and every period.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use kernel::clock::SharedClock;
use sqlx::PgPool;
use sqlx::postgres::PgListener;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Board, Reconciler, Step};

/// A step that takes longer than this has hung; the lease outlives it.
const STEP_LIMIT: Duration = Duration::from_secs(100);

type Bells = HashMap<&'static str, Arc<Notify>>;

/// Runs all of them until `stop`, then lets the steps under way finish.
pub async fn run(
    all: Vec<Arc<dyn Reconciler>>,
    pool: PgPool,
    clock: SharedClock,
    board: Board,
    stop: CancellationToken,
) {
    let bells: Bells = all.iter().map(|one| (one.name(), Arc::new(Notify::new()))).collect();
    let tasks = TaskTracker::new();
    tasks.spawn(listen(pool, clock.clone(), bells.clone(), stop.clone()));
    for one in all {
        for _ in 0..one.lanes() {
            let bell = bells[one.name()].clone();
            tasks.spawn(lane(one.clone(), bell, clock.clone(), board.clone(), stop.clone()));
        }
    }
    tasks.close();
    tasks.wait().await;
}

async fn lane(
    one: Arc<dyn Reconciler>,
    bell: Arc<Notify>,
    clock: SharedClock,
    board: Board,
    stop: CancellationToken,
) {
    while !stop.is_cancelled() {
        let woken = bell.notified();
        let outcome = step(one.as_ref(), clock.pace()).await;
        board.note(one.name(), clock.now(), &outcome);
        if let Err(error) = &outcome {
            tracing::warn!(reconciler = one.name(), "step failed: {error:#}");
        }
        if !matches!(outcome, Ok(Step::Worked)) {
            tokio::select! {
                () = stop.cancelled() => {}
                () = woken => {}
                // By the machine's clock, also where time runs faster: whoever puts time forward wakes whom it concerns.
                () = tokio::time::sleep(one.period()) => {}
            }
        }
    }
}

async fn step(one: &dyn Reconciler, pace: f64) -> anyhow::Result<Step> {
    match tokio::time::timeout(STEP_LIMIT.div_f64(pace), one.step()).await {
        Ok(outcome) => outcome,
        Err(_) => anyhow::bail!("a step took longer than {} seconds", STEP_LIMIT.as_secs()),
    }
}

/// Rings the bells that Postgres hears; when the connection breaks, polling carries on alone.
async fn listen(pool: PgPool, clock: SharedClock, bells: Bells, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let heard = tokio::select! {
            () = stop.cancelled() => return,
            heard = listen_once(&pool, &bells) => heard,
        };
        if let Err(error) = heard {
            tracing::warn!("cannot listen for wake-ups, polling meanwhile: {error}");
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(Duration::from_secs(5).div_f64(clock.pace())) => {}
        }
    }
}

async fn listen_once(pool: &PgPool, bells: &Bells) -> sqlx::Result<()> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen("otree_hr").await?;
    loop {
        let heard = listener.recv().await?;
        if let Some(bell) = bells.get(heard.payload()) {
            bell.notify_waiters();
        }
    }
}

/// Runs the real steps in turn until none finds anything to do: how tests wait for quiet.
///
/// # Errors
/// The first error of a step, or when there is no end to the work.
pub async fn run_until_quiet(all: &[Arc<dyn Reconciler>]) -> anyhow::Result<()> {
    for _ in 0..10_000 {
        let mut quiet = true;
        for one in all {
            quiet &= step(one.as_ref(), 1.0).await? == Step::Idle;
        }
        if quiet {
            return Ok(());
        }
    }
    anyhow::bail!("the reconcilers found no end")
}
