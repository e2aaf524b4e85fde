//! What every part of oTree HR stands on, and what knows nothing of oTree HR.
//!
//! | module | one idea |
//! | --- | --- |
//! | [`clock`] | time is asked of a [`clock::Clock`] that is passed in |
//! | [`ids`] | typed ids, so that a study's id cannot stand where a lab's belongs |
//! | [`money`] | integer cents and the currency they are in |
//! | [`secret`] | sealing at rest, random tokens, signed links, pseudonyms |
//! | [`env`] | settings read from the environment, once, with errors that name the variable |
//! | [`db`] | the pool, the private Postgres cluster, migrations |
//! | [`outbound`] | the one HTTP client for addresses that users typed |
//! | [`process`] | a child process and everything it starts, ended as one |
//! | [`telemetry`] | the log |

pub mod clock;
pub mod db;
pub mod env;
pub mod ids;
pub mod money;
pub mod outbound;
pub mod process;
pub mod secret;
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
