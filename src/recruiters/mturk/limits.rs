//! How fast one account may be called: a token bucket each for reading and for changing things, and
//! few calls at once. Waiting is bounded, so that a caller's lease is never slept away here.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::sync::{Semaphore, SemaphorePermit};

/// Calls of one account under way at the same time.
const IN_FLIGHT: usize = 4;
/// The longest wait for a turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// Calls per second that an account may make, for each lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Sustained calls a second.
    pub per_second: NonZeroU32,
    /// Calls that may go out at once after a rest.
    pub burst: NonZeroU32,
}

impl Pace {
    /// What public clients report as steady at AWS, which publishes no number.
    pub const CAREFUL: Self = Self { per_second: non_zero(3), burst: non_zero(6) };
    /// For a marketplace of one's own.
    pub const BRISK: Self = Self { per_second: non_zero(100), burst: non_zero(100) };
}

const fn non_zero(number: u32) -> NonZeroU32 {
    match NonZeroU32::new(number) {
        Some(number) => number,
        None => NonZeroU32::MIN,
    }
}

/// Questions and changes do not wait for each other: payments pass while polling queues.
#[derive(Debug, Clone, Copy)]
pub(super) enum Lane {
    /// Questions.
    Read,
    /// Whatever changes something.
    Write,
}

/// The limits of one account.
#[derive(Debug)]
pub(super) struct Limits {
    reads: DefaultDirectRateLimiter,
    writes: DefaultDirectRateLimiter,
    slots: Semaphore,
    patience: Duration,
}

impl Limits {
    pub(super) fn new(pace: Pace) -> Self {
        let bucket = || RateLimiter::direct(Quota::per_second(pace.per_second).allow_burst(pace.burst));
        Self { reads: bucket(), writes: bucket(), slots: Semaphore::new(IN_FLIGHT), patience: PATIENCE }
    }

    /// Waits for a turn; `None` when none came in time.
    pub(super) async fn turn(&self, lane: Lane) -> Option<SemaphorePermit<'_>> {
        let bucket = match lane {
            Lane::Read => &self.reads,
            Lane::Write => &self.writes,
        };
        let turn = async {
            bucket.until_ready().await;
            self.slots.acquire().await.ok()
        };
        tokio::time::timeout(self.patience, turn).await.ok().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(per_second: u32, burst: u32) -> Pace {
        Pace { per_second: non_zero(per_second), burst: non_zero(burst) }
    }

    #[tokio::test]
    async fn an_empty_lane_leaves_the_other_free() {
        let limits = Limits::new(pace(1, 1));
        drop(limits.turn(Lane::Read).await);
        assert!(limits.reads.check().is_err());
        assert!(limits.writes.check().is_ok());
    }

    #[tokio::test]
    async fn a_turn_that_does_not_come_is_given_up() {
        let limits = Limits { patience: Duration::from_millis(20), ..Limits::new(pace(100, 100)) };
        let mut held = Vec::new();
        for _ in 0..IN_FLIGHT {
            held.push(limits.turn(Lane::Write).await.unwrap());
        }
        assert!(limits.turn(Lane::Write).await.is_none());
        held.pop();
        assert!(limits.turn(Lane::Write).await.is_some());
    }
}
