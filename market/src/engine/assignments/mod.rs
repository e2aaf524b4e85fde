//! One worker's hold on one place of a HIT: accept, return, abandon, submit.

mod ending;
mod store;
mod taking;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::Refusal;
use super::hits::Hit;
use crate::journal::{self, Effect, Note};

pub use ending::{FormError, abandon, answer, give_back, submit};
pub use store::{find, of_worker, page, with_locked_hit};
pub use taking::{accept, next_of_group};

/// Where an assignment stands; the protocol shows only the last three.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum AssignmentState {
    /// At work.
    Accepted,
    /// Given back.
    Returned,
    /// The deadline passed.
    Abandoned,
    /// Handed in.
    Submitted,
    /// Paid.
    Approved,
    /// Not paid.
    Rejected,
}

/// One worker's hold on one place of a HIT.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// The row's own number.
    pub seq: i64,
    /// The id that everybody knows.
    pub assignment_id: String,
    /// The HIT.
    pub hit_id: String,
    /// Who holds it.
    pub worker_id: String,
    /// Where it stands.
    pub state: AssignmentState,
    /// When they took it.
    pub accepted_at: DateTime<Utc>,
    /// When it must be handed in.
    pub deadline: DateTime<Utc>,
    /// When it was handed in.
    pub submitted_at: Option<DateTime<Utc>>,
    /// When it will be, or would have been, approved without a review.
    pub auto_approval_at: Option<DateTime<Utc>>,
    /// When it was approved.
    pub approved_at: Option<DateTime<Utc>>,
    /// When it was rejected.
    pub rejected_at: Option<DateTime<Utc>>,
    /// What was handed in, a QuestionFormAnswers document.
    pub answer: Option<String>,
    /// The requester's last words to the worker.
    pub feedback: Option<String>,
}

/// What a worker wants to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted<'a> {
    /// This HIT.
    Hit(&'a str),
    /// The next free HIT of this type.
    Group(&'a str),
}

/// Why a worker cannot take, hand back or hand in.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// No such HIT, or nothing of this group can be taken.
    #[error("There is no such HIT, or nothing of it is left.")]
    NothingLeft,
    /// This worker is at work on this HIT already.
    #[error("You are already working on this HIT.")]
    AlreadyHeld {
        /// The assignment they hold.
        assignment_id: String,
    },
    /// This worker handed this HIT in before.
    #[error("You have done this HIT already.")]
    AlreadyDone,
    /// This worker gave this HIT up before, and here that is for good.
    #[error("You returned this HIT or ran out of time before, and cannot take it again.")]
    GaveUp,
    /// The requester blocks this worker.
    #[error("This requester does not let you accept their HITs.")]
    Blocked,
    /// The HIT's requirements keep this worker from accepting it.
    #[error("You do not qualify for this HIT: {0}.")]
    NotQualified(String),
    /// Not at work on this: unknown, somebody else's, given up or handed in.
    #[error("You are not working on this HIT.")]
    NotHeld,
    /// The time for it is over.
    #[error("The time allotted for this HIT is over.")]
    TooLate,
    /// Nothing but reserved names was sent.
    #[error("The form must contain assignmentId and at least one other field.")]
    NoAnswer,
    /// The HIT's questions are asked on a page of this site, which checks the answers.
    #[error("This HIT is handed in with the form on its own page. You find it in your queue.")]
    OwnForm,
    /// Postgres did not do its part.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    /// The money did not fit, which only broken books can cause.
    #[error("the requester's books do not fit")]
    Books(#[source] Refusal),
}

/// Writes down what a worker did.
async fn record(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    effect: Effect,
    hit: &Hit,
    assignment_id: &str,
    worker_id: &str,
) -> sqlx::Result<()> {
    let note = Note {
        hit_type_id: Some(&hit.hit_type_id),
        hit_id: Some(&hit.hit_id),
        assignment_id: Some(assignment_id),
        worker_id: Some(worker_id),
        ..Note::default()
    };
    journal::record(conn, now, effect, &hit.requester_id, note).await
}
