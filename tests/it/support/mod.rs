//! What several tests share.

pub mod client;
pub mod door;
pub mod lab;
pub mod otree;
pub mod stage;
