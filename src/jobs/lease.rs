//! A row held for a while by one process.

use chrono::{DateTime, Duration, Utc};
use uuid::Uuid;

/// How long a row is held; every step ends before.
const HELD: Duration = Duration::seconds(120);

/// The holder's token and when it lapses. Recording demands the token: who overslept changes nothing.
#[derive(Debug, Clone, Copy)]
pub struct Lease {
    /// Written on the row when it is claimed.
    pub token: Uuid,
    /// When somebody else may claim the row.
    pub until: DateTime<Utc>,
}

impl Lease {
    /// A fresh lease from `now`.
    pub fn from(now: DateTime<Utc>) -> Self {
        Self { token: Uuid::new_v4(), until: now + HELD }
    }

    /// Whether somebody else may hold the row by now.
    pub fn lapsed(&self, now: DateTime<Utc>) -> bool {
        self.until <= now
    }
}

/// Seconds to wait after `failures` in a row: 2, 4, 8 … up to five minutes.
pub fn back_off(failures: i32) -> Duration {
    Duration::seconds(2i64.pow(failures.clamp(0, 8).unsigned_abs() + 1).min(300))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_off_doubles_up_to_five_minutes() {
        let seconds: Vec<i64> = [-1, 0, 1, 2, 7, 8, 99].map(|n| back_off(n).num_seconds()).into();
        assert_eq!(seconds, [2, 2, 4, 8, 256, 300, 300]);
    }
}
