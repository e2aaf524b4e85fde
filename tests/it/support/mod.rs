//! What several tests share.

pub mod otree;
