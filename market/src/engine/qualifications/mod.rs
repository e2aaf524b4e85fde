//! What workers have and what HITs ask for.
//!
//! | module | one idea |
//! | --- | --- |
//! | [`types`] | kinds of qualifications, made by requesters or the market's own |
//! | [`grants`] | which worker has which, with what value |
//! | [`requests`] | what workers ask for, and the requester's decision |
//! | [`form`], [`given`], [`key`] | tests: what is asked, what was answered, what that is worth |
//! | `showable` | whether a page leaves out nothing of a new form |
//! | `formatted` | the words of formatted content |
//! | [`testing`] | taking a test |
//! | [`requirements`] | whether a worker may discover, preview or accept, as a pure rule |
//! | [`standing`] | everything the rule needs to know about one worker |

pub mod form;
mod formatted;
pub mod given;
pub mod grants;
pub mod key;
pub mod requests;
pub mod requirements;
mod showable;
pub mod standing;
pub mod testing;
pub mod types;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::journal::{self, Effect, Note};

/// Worker_NumberHITsApproved: how many assignments were approved.
pub const APPROVED: &str = "00000000000000000040";
/// Worker_Locale: where the worker lives.
pub const LOCALE: &str = "00000000000000000071";
/// Worker_Adult: 1 when the worker agreed to adult content.
pub const ADULT: &str = "00000000000000000060";
/// Worker_PercentAssignmentsApproved: 0 to 100.
pub const APPROVAL_RATE: &str = "000000000000000000L0";

/// Writes down what happened to a qualification.
async fn record(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    effect: Effect,
    requester_id: &str,
    qualification_type_id: &str,
    worker_id: Option<&str>,
) -> sqlx::Result<()> {
    let note = Note { qualification_type_id: Some(qualification_type_id), worker_id, ..Note::default() };
    journal::record(conn, now, effect, requester_id, note).await
}
