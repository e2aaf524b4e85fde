//! What runs by itself: mechanism only, no domain.
//!
//! A [`Reconciler`] compares what should be with what is and does one piece of what is missing. It
//! takes no input: the tables say what is due, so no message can be lost. The [`driver`] calls it when
//! somebody wakes it and, as a net, every period. Rows are leased so that two processes do not do the
//! same work at once; the lease saves work, correctness comes from guarded updates.

mod board;
mod driver;
mod lease;

use std::time::Duration;

use async_trait::async_trait;
use sqlx::PgConnection;

pub use board::{Board, Status};
pub use driver::{run, run_until_quiet};
pub use lease::{Lease, back_off};

/// What one step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It did something; there may be more.
    Worked,
    /// Nothing is due.
    Idle,
}

/// Work that keeps itself going.
#[async_trait]
pub trait Reconciler: Send + Sync + 'static {
    /// Its name: in the log, on the operator's page, and to [`wake`] it.
    fn name(&self) -> &'static str;

    /// How long to wait when nothing is due and nobody wakes it.
    fn period(&self) -> Duration {
        Duration::from_secs(5)
    }

    /// How many steps may run side by side in one process.
    fn lanes(&self) -> usize {
        1
    }

    /// Does one due piece of work, whole, within the lease.
    ///
    /// # Errors
    /// Something that is ours to mend; what the outside world does is recorded on the row instead.
    async fn step(&self) -> anyhow::Result<Step>;
}

/// Wakes the reconciler of that name in every process, when the caller's transaction commits.
///
/// # Errors
/// When the database does not answer.
pub async fn wake(conn: &mut PgConnection, name: &str) -> sqlx::Result<()> {
    sqlx::query!("SELECT pg_notify('otree_hr', $1)", name).execute(conn).await?;
    Ok(())
}
