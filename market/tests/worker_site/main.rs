//! The worker site over HTTP, as people and simulated workers use it.

mod accounts;
mod bots;
mod taking;
mod world;
