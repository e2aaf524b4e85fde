//! What several tests share.

pub mod books;
pub mod browser;
pub mod client;
pub mod door;
pub mod lab;
pub mod ledger;
pub mod otree;
pub mod smtp;
pub mod stage;
pub mod stand_in;
pub mod world;
