//! Runs of simulated workers that a requester starts, watches and stops.
//!
//! A run lives in the process that started it and says so in its row every few seconds. What each bot reaches is written
//! into the bot's row at once, so that a run that ended with its process shows how far it came: as stopped.

mod order;
mod store;

use std::time::Duration;

use tokio::sync::mpsc;

use super::plan::BotPlan;
use super::{Pace, browser};
use crate::Market;
use crate::clock::Whose;
use crate::engine::qualifications::grants;
use crate::engine::{Refusal, ids};

pub use order::{ArrivalClock, Grant, OrderError, RunOrder};
pub use store::{BotRow, Run, RunState};

/// How often a run says that it lives, and looks whether it should stop.
const BEAT: Duration = Duration::from_secs(2);
/// Silence after which a run counts as ended with its process.
const SILENT: chrono::Duration = chrono::Duration::seconds(20);
/// Runs of one requester at the same time.
const MOST_RUNS: i64 = 3;

/// Why a run was not started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The order makes no sense.
    #[error(transparent)]
    Order(#[from] OrderError),
    /// Enough is going on.
    #[error("Three runs are going on already; stop one or wait until it ends.")]
    TooMany,
    /// The way out could not be set up.
    #[error("the simulated workers could not be sent out")]
    NoWayOut(String),
    /// Postgres did not do its part.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

/// Starts a run in this process and gives its row.
///
/// # Errors
/// [`StartError`].
pub async fn start(market: &Market, requester_id: &str, order: RunOrder) -> Result<Run, StartError> {
    let plan = order.plan(market.settings().public_url.clone(), requester_id)?;
    let guard = market.settings().bots_reach().map_err(|error| StartError::NoWayOut(error.to_string()))?;
    let visitor = browser::Visitor::within(guard).map_err(|error| StartError::NoWayOut(error.to_string()))?;
    let (run_id, now) = (ids::object(), market.real_now());
    let mut tx = market.pool().begin().await?;
    store::lock_requester(&mut tx, requester_id).await?;
    if store::alive(&mut tx, requester_id, now - SILENT).await? >= MOST_RUNS {
        return Err(StartError::TooMany);
    }
    store::insert(&mut tx, &run_id, requester_id, &order, now).await?;
    store::insert_bots(&mut tx, &run_id, &plan.crew(), now).await?;
    tx.commit().await?;
    let going = Going {
        market: market.clone(),
        requester_id: requester_id.to_owned(),
        run_id: run_id.clone(),
        order,
    };
    tokio::spawn(going.go(plan, visitor));
    find(market, requester_id, &run_id).await?.ok_or(StartError::Database(sqlx::Error::RowNotFound))
}

/// The requester's run, if it is theirs.
///
/// # Errors
/// When Postgres fails.
pub async fn find(market: &Market, requester_id: &str, run_id: &str) -> sqlx::Result<Option<Run>> {
    let mut conn = market.pool().acquire().await?;
    store::find(&mut conn, requester_id, run_id, market.real_now() - SILENT).await
}

/// The requester's runs, newest first, a hundred at most.
///
/// # Errors
/// When Postgres fails.
pub async fn list(market: &Market, requester_id: &str) -> sqlx::Result<Vec<Run>> {
    let mut conn = market.pool().acquire().await?;
    store::list(&mut conn, requester_id, market.real_now() - SILENT).await
}

/// How far the bots of a run came, in their order.
///
/// # Errors
/// When Postgres fails.
pub async fn bots(market: &Market, run_id: &str) -> sqlx::Result<Vec<BotRow>> {
    store::bots(&mut *market.pool().acquire().await?, run_id).await
}

/// Asks a run to stop; its bots stay where they are. Whether it was still going on.
///
/// # Errors
/// When Postgres fails.
pub async fn stop(market: &Market, requester_id: &str, run_id: &str) -> sqlx::Result<bool> {
    store::ask_to_stop(&mut *market.pool().acquire().await?, requester_id, run_id).await
}

/// A run under way.
struct Going {
    market: Market,
    requester_id: String,
    run_id: String,
    order: RunOrder,
}

impl Going {
    /// Until everybody has done their part or somebody asked to stop.
    async fn go(self, plan: BotPlan, visitor: browser::Visitor) {
        let pace = match self.order.arrival_clock {
            ArrivalClock::Real => Pace::Real,
            ArrivalClock::Market => {
                Pace::Market { market: self.market.clone(), requester_id: self.requester_id.clone() }
            }
        };
        let (events, heard) = mpsc::channel(64);
        let all = async {
            tokio::join!(super::run_as(plan, pace, Ok(visitor), events), self.write_down(heard));
        };
        let ended = tokio::select! {
            () = all => RunState::Finished,
            () = self.until_asked_to_stop() => RunState::Stopped,
        };
        if let Err(error) = self.end(ended).await {
            tracing::error!(error = %error, "The end of a run of simulated workers was not written down");
        }
    }

    async fn end(&self, state: RunState) -> sqlx::Result<()> {
        let mut conn = self.market.pool().acquire().await?;
        store::end(&mut conn, &self.run_id, state, self.market.real_now()).await
    }

    /// Says that the run lives until its row says that it should not.
    async fn until_asked_to_stop(&self) {
        loop {
            match self.beat().await {
                Ok(true) => tokio::time::sleep(BEAT).await,
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(error = %error, "A run of simulated workers could not say that it lives");
                    tokio::time::sleep(BEAT).await;
                }
            }
        }
    }

    async fn beat(&self) -> sqlx::Result<bool> {
        let mut conn = self.market.pool().acquire().await?;
        store::beat(&mut conn, &self.run_id, self.market.real_now()).await
    }

    async fn write_down(&self, mut heard: mpsc::Receiver<super::BotEvent>) {
        while let Some(event) = heard.recv().await {
            if let Err(error) = self.note(&event).await {
                tracing::error!(error = %error, "What a simulated worker did was not written down");
            }
        }
    }

    async fn note(&self, event: &super::BotEvent) -> Result<(), sqlx::Error> {
        let (mut tx, now) = self.market.begin_of(Whose::Requester(&self.requester_id)).await?;
        store::note(&mut tx, &self.run_id, event, self.market.real_now()).await?;
        if let super::BotEvent::SignedIn { worker_id, .. } = event {
            for grant in &self.order.grant {
                let (kind, value) = (&grant.qualification_type_id, grant.value);
                match grants::grant(&mut tx, now, &self.requester_id, kind, worker_id, value).await {
                    Err(Refusal::Database(error)) => return Err(error),
                    Err(refusal) => {
                        store::problem(&mut tx, &self.run_id, event.bot(), &refusal.to_string()).await?
                    }
                    Ok(_) => {}
                }
            }
        }
        tx.commit().await
    }
}
