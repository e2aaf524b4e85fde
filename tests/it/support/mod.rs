//! What several tests share.

pub mod client;
pub mod otree;
