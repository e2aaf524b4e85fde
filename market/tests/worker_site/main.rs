//! The worker site over HTTP, as people and simulated workers use it.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where it cannot go on")]

mod accounts;
mod behaviours;
mod bots;
mod control;
mod finding;
mod frames;
mod inbox;
mod practice;
mod qualifications;
mod taking;
mod tests;
mod world;
