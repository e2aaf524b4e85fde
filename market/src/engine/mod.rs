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
pub mod qualifications;
pub mod question;
mod refusal;
pub mod requesters;
pub mod review;
pub mod review_policies;
pub mod tick;
pub mod tokens;
pub mod workers;
pub mod xml;

pub use refusal::{Outcome, Refusal};
