//! What HITs, assignments and money do.
//!
//! Free functions on a connection; the caller owns the transaction and commits it only when the function
//! succeeded. Time comes in as an argument (market time, UTC). Whoever changes a HIT or one of its assignments
//! locks the HIT's row first and the requester's row after it, so that counters, places and money always agree.

pub mod answers;
pub mod assignments;
pub mod blocks;
pub mod bonuses;
pub mod counters;
pub mod fees;
pub mod groups;
pub mod hit_types;
pub mod hits;
pub mod ids;
pub mod labels;
pub mod lifetimes;
pub mod messages;
pub mod money;
pub mod previews;
pub mod qualifications;
pub mod question;
mod refusal;
pub mod requesters;
pub mod review;
pub mod review_policies;
pub mod tick;
pub mod tokens;
pub mod work;
pub mod workers;
pub mod xml;

pub use refusal::{Outcome, Refusal};

use chrono::{DateTime, Duration, Utc};

/// `seconds` after `at`, or the last moment there is. Requesters choose the number.
pub fn later(at: DateTime<Utc>, seconds: i64) -> DateTime<Utc> {
    let by = Duration::try_seconds(seconds);
    by.and_then(|by| at.checked_add_signed(by)).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// `seconds` before `at`, or the first moment that Postgres knows. The operator chooses the number.
pub fn earlier(at: DateTime<Utc>, seconds: i64) -> DateTime<Utc> {
    let by = Duration::try_seconds(seconds);
    by.and_then(|by| at.checked_sub_signed(by)).map_or(FIRST, |at| at.max(FIRST))
}

/// The year 1, well after Postgres' first (4713 BC).
const FIRST: DateTime<Utc> = match DateTime::from_timestamp(-62_135_596_800, 0) {
    Some(first) => first,
    None => DateTime::<Utc>::UNIX_EPOCH,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_ends_instead_of_overflowing() {
        let at = DateTime::<Utc>::UNIX_EPOCH;
        assert_eq!(later(at, 60).timestamp(), 60);
        assert_eq!(earlier(at, 60).timestamp(), -60);
        for many in [i64::MAX, i64::MAX / 1000, i64::from(u32::MAX) * 86_400 * 183] {
            assert!(later(at, many) > at + Duration::days(100_000));
            assert_eq!(earlier(at, many), FIRST);
        }
    }
}
