//! oTree's REST API and links: every dialect from 5.1 to 6.0, without SQL and without axum.
//!
//! | file | one idea |
//! | --- | --- |
//! | [`connector`](Connector) | one per process: makes clients, limits calls per site |
//! | [`client`](Client) | how a call is sent: key, no redirects, time limits |
//! | `problem` | what an answer that is no answer means, in words |
//! | `version`, `config`, `create`, `session`, `vars`, `probe`, `join` | one call each, and its types |
//! | [`links`], [`money`], `json` | pure |
//!
//! An oTree server does one thing at a time for all its participants. So calls are few, small and at most
//! two at once per site.

mod client;
mod config;
mod connector;
mod create;
mod join;
mod json;
pub mod links;
pub mod money;
mod probe;
mod problem;
mod session;
mod vars;
mod version;

pub use client::Client;
pub use config::{MturkSettings, SessionConfig};
pub use connector::Connector;
pub use create::{CreateOutcome, NewSession};
pub use join::Joined;
pub use money::PayoffProblem;
pub use probe::Where;
pub use problem::{KeyProblem, ReadError};
pub use session::{ParticipantInfo, Payoff, SessionInfo, SessionQuery};
pub use version::Version;

#[cfg(test)]
mod tests;
