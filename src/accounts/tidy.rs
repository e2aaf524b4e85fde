//! Sweeps out sessions and attempts that have run out.

use std::time::Duration;

use async_trait::async_trait;
use kernel::clock::SharedClock;
use sqlx::PgPool;

use super::store;
use crate::jobs::{Reconciler, Step};

/// The reconciler that does it.
#[derive(Debug, Clone)]
pub struct Tidy {
    /// Where the rows are.
    pub pool: PgPool,
    /// Says what has run out.
    pub clock: SharedClock,
}

#[async_trait]
impl Reconciler for Tidy {
    fn name(&self) -> &'static str {
        "tidy"
    }

    fn period(&self) -> Duration {
        Duration::from_secs(600)
    }

    async fn step(&self) -> anyhow::Result<Step> {
        store::tidy(&mut *self.pool.acquire().await?, self.clock.now()).await?;
        Ok(Step::Idle)
    }
}

#[cfg(test)]
mod tests {
    use kernel::clock::{Clock, TestClock};
    use tower_sessions::session::Record;
    use tower_sessions::session_store::SessionStore;

    use super::*;
    use crate::accounts::Sessions;

    #[tokio::test]
    async fn what_has_run_out_is_removed_and_nothing_else() {
        let pool = kernel::testing::database(&[&crate::MIGRATOR]).await;
        let clock = TestClock::starting_now();
        let sessions = Sessions::new(pool.clone(), clock.clone());
        let record = || Record {
            id: Default::default(),
            data: Default::default(),
            expiry_date: time::OffsetDateTime::UNIX_EPOCH,
        };
        let (mut old, mut young) = (record(), record());
        sessions.create(&mut old).await.unwrap();
        clock.advance(chrono::Duration::hours(13));
        sessions.create(&mut young).await.unwrap();
        let removed = store::tidy(&mut pool.acquire().await.unwrap(), clock.now()).await.unwrap();
        assert_eq!(removed, 1);
        assert!(sessions.load(&old.id).await.unwrap().is_none());
        assert!(sessions.load(&young.id).await.unwrap().is_some());
    }
}
