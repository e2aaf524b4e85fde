//! The built-in marketplace: a server that speaks the MTurk requester protocol, and a site for its workers.

pub mod workers;
