//! Follows people: where they are in oTree, and what they submitted at the recruiter.
//!
//! Two reconcilers, because the two servers fail separately. Both poll only what is open, ever less
//! often while nothing happens, and at once when somebody on a page waits for the answer.

mod sessions;
mod strangers;
mod submissions;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::app::App;
use crate::jobs;
use crate::studies::{self, StudyId};

pub use strangers::take_in;

/// The names, for wake-ups.
pub(crate) const SESSIONS: &str = "session-tracker";
pub(crate) const SUBMISSIONS: &str = "submission-tracker";

/// Follows open oTree sessions.
#[derive(Debug)]
pub struct SessionTracker(pub App);

/// Follows open batches at the recruiter.
#[derive(Debug)]
pub struct SubmissionTracker(pub App);

/// Asks both trackers to look at the study now: somebody is waiting for the news.
///
/// # Errors
/// When the database does not answer.
pub async fn look_now(conn: &mut PgConnection, study: StudyId, now: DateTime<Utc>) -> sqlx::Result<()> {
    // Many wait at once: only who changes something wakes everybody.
    if studies::sessions::poll_soon(conn, study, now).await? {
        jobs::wake(conn, SESSIONS).await?;
    }
    if studies::batches::poll_soon(conn, study, now).await? {
        jobs::wake(conn, SUBMISSIONS).await?;
    }
    Ok(())
}
