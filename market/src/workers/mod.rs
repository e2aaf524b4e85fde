//! The pages where people find, accept and submit work, and simulated workers who use them.

pub mod bots;
