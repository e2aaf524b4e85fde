//! The built-in marketplace: a server that speaks the MTurk requester protocol, and a site for its workers.
//!
//! | module | one idea |
//! | --- | --- |
//! | [`engine`] | what HITs, assignments and money do; SQL in the caller's transaction, time as an argument |
//! | [`protocol`] | requests in, answers out: signatures, one registry of operations, error shapes |
//! | [`workers`] | the pages where people find, accept and submit work |
//! | [`clock`] | the market's own time and each requester's, which can be frozen, stepped and sped up |
//! | [`connections`] | connections that a fault can reset |
//! | [`behaviour`] | the quirks that a requester switched for themselves |
//! | [`control`] | the JSON controls of a rehearsal: clock, faults, journal, money, quirks |
//! | [`journal`] | what happened, append-only: the truth that tests compare others with |
//! | [`notices`] | telling requesters what happens to their HITs |
//! | [`faults`] | trouble on demand |
//!
//! The crate knows the kernel and nothing of the product; everything lives in the schema `market`.

pub mod behaviour;
pub mod clock;
pub mod connections;
pub mod control;
pub mod engine;
pub mod faults;
pub mod journal;
mod market;
mod migrations;
pub mod notices;
mod panics;
pub mod protocol;
mod quirks;
mod settings;
pub mod workers;

pub use market::{Market, RequesterKeys};
pub use migrations::{MIGRATOR, migrate};
pub use quirks::{DisposalSince, Quirks, TokenCode};
pub use settings::{ApprovalRate, Fees, PercentRounding, Rounding, Settings};
