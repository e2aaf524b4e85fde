//! One worker's hold on one place of a HIT: accept, return, abandon, submit.

use chrono::{DateTime, Duration, Utc};
use sqlx::{Connection, PgConnection};

use super::hits::{self, Hit};
use super::{Refusal, answers, ids, money};
use crate::journal::{self, Effect, Note};

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
    /// Not at work on this: unknown, somebody else's, given up or handed in.
    #[error("You are not working on this HIT.")]
    NotHeld,
    /// The time for it is over.
    #[error("The time allotted for this HIT is over.")]
    TooLate,
    /// Nothing but reserved names was sent.
    #[error("The form must contain assignmentId and at least one other field.")]
    NoAnswer,
    /// Postgres did not do its part.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    /// The money did not fit, which only broken books can cause.
    #[error("the requester's books do not fit")]
    Books(#[source] Refusal),
}

/// The checked query of whole assignments with the given end.
macro_rules! select_assignments {
    ($tail:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            Assignment,
            r#"select seq, assignment_id, hit_id, worker_id, state as "state: AssignmentState", accepted_at, deadline,
                      submitted_at, auto_approval_at, approved_at, rejected_at, answer, feedback
                 from market.assignment "# + $tail,
            $($argument),*
        )
    };
}

/// The assignment that goes by this id now; given-up ones are found by no id.
///
/// # Errors
/// When Postgres fails.
pub async fn find(conn: &mut PgConnection, assignment_id: &str) -> sqlx::Result<Option<Assignment>> {
    select_assignments!("where assignment_id = $1 and state not in ('returned', 'abandoned')", assignment_id)
        .fetch_optional(conn)
        .await
}

/// The worker's assignment of this HIT that still counts.
///
/// # Errors
/// When Postgres fails.
pub async fn of_worker(
    conn: &mut PgConnection,
    hit_id: &str,
    worker_id: &str,
) -> sqlx::Result<Option<Assignment>> {
    select_assignments!(
        "where hit_id = $1 and worker_id = $2 and state not in ('returned', 'abandoned')",
        hit_id,
        worker_id,
    )
    .fetch_optional(conn)
    .await
}

/// What was handed in of a HIT, in that order, after the position `(submitted_at, seq)`.
///
/// # Errors
/// When Postgres fails.
pub async fn page(
    conn: &mut PgConnection,
    hit_id: &str,
    states: &[AssignmentState],
    after: (DateTime<Utc>, i64),
    limit: i64,
) -> sqlx::Result<Vec<Assignment>> {
    select_assignments!(
        "where hit_id = $1 and state = any($2) and (submitted_at, seq) > ($3, $4)
         order by submitted_at, seq limit $5",
        hit_id,
        states as &[AssignmentState],
        after.0,
        after.1,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// The assignment and its HIT, the HIT's row locked; the assignment is read under that lock.
///
/// # Errors
/// When Postgres fails.
pub async fn with_locked_hit(
    conn: &mut PgConnection,
    assignment_id: &str,
) -> sqlx::Result<Option<(Hit, Assignment)>> {
    let Some(seen) = find(conn, assignment_id).await? else { return Ok(None) };
    let Some(hit) = hits::lock(conn, &seen.hit_id).await? else { return Ok(None) };
    let current = find(conn, assignment_id).await?.filter(|current| current.seq == seen.seq);
    Ok(current.map(|assignment| (hit, assignment)))
}

/// Gives the worker a place. One worker has at most one assignment of a HIT that counts, for ever;
/// after a return or a missed deadline they may come again, under a new id.
///
/// # Errors
/// [`WorkError::NothingLeft`], [`WorkError::AlreadyHeld`] or [`WorkError::AlreadyDone`].
pub async fn accept(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    worker_id: &str,
    wanted: Wanted<'_>,
) -> Result<Assignment, WorkError> {
    match wanted {
        Wanted::Hit(hit_id) => {
            let hit = hits::lock(conn, hit_id).await?.ok_or(WorkError::NothingLeft)?;
            take(conn, now, worker_id, &hit).await
        }
        Wanted::Group(hit_type_id) => take_next(conn, now, worker_id, hit_type_id).await,
    }
}

/// Takes the first HIT of the group that still has a place once it is locked. Between choosing and locking somebody
/// else may have taken the last place: then the lock is let go, so that locks do not pile up, and another is chosen.
async fn take_next(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    worker_id: &str,
    hit_type_id: &str,
) -> Result<Assignment, WorkError> {
    loop {
        let hit_id = next_of_group(conn, now, worker_id, hit_type_id).await?.ok_or(WorkError::NothingLeft)?;
        let mut attempt = conn.begin().await?;
        let Some(hit) = hits::lock(&mut attempt, &hit_id).await? else { continue };
        match take(&mut attempt, now, worker_id, &hit).await {
            Err(WorkError::NothingLeft | WorkError::AlreadyHeld { .. } | WorkError::AlreadyDone) => {
                attempt.rollback().await?;
            }
            taken => {
                attempt.commit().await?;
                return taken;
            }
        }
    }
}

/// The oldest HIT of the group with a place for this worker.
///
/// # Errors
/// When Postgres fails.
pub async fn next_of_group(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    worker_id: &str,
    hit_type_id: &str,
) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        "select h.hit_id from market.hit h
          where h.hit_type_id = $1 and h.disposed_at is null and h.expiration > $2
            and h.pending + h.submitted + h.approved + h.rejected < h.max_assignments
            and not exists (select from market.assignment a
                             where a.hit_id = h.hit_id and a.worker_id = $3
                               and a.state not in ('returned', 'abandoned'))
          order by h.seq limit 1",
        hit_type_id,
        now,
        worker_id,
    )
    .fetch_optional(conn)
    .await
}

async fn take(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    worker_id: &str,
    hit: &Hit,
) -> Result<Assignment, WorkError> {
    if let Some(held) = of_worker(conn, &hit.hit_id, worker_id).await? {
        return Err(match held.state {
            AssignmentState::Accepted => WorkError::AlreadyHeld { assignment_id: held.assignment_id },
            _ => WorkError::AlreadyDone,
        });
    }
    if hit.available(now) < 1 {
        return Err(WorkError::NothingLeft);
    }
    let assignment_id = insert(conn, now, worker_id, hit).await?;
    sqlx::query!("update market.hit set pending = pending + 1 where hit_id = $1", hit.hit_id)
        .execute(&mut *conn)
        .await?;
    record(conn, now, Effect::Accepted, hit, &assignment_id, worker_id).await?;
    find(conn, &assignment_id).await?.ok_or(WorkError::NothingLeft)
}

async fn insert(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    worker_id: &str,
    hit: &Hit,
) -> sqlx::Result<String> {
    sqlx::query_scalar!(
        "insert into market.assignment (assignment_id, hit_id, worker_id, accepted_at, deadline)
         values ($1, $2, $3, $4, $5) returning assignment_id",
        ids::object(),
        hit.hit_id,
        worker_id,
        now,
        now + Duration::seconds(hit.assignment_duration),
    )
    .fetch_one(conn)
    .await
}

/// The worker gives the place back.
///
/// # Errors
/// [`WorkError::NotHeld`].
pub async fn give_back(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    worker_id: &str,
    assignment_id: &str,
) -> Result<(), WorkError> {
    let (hit, assignment) = held(conn, assignment_id, Some(worker_id)).await?;
    give_up(conn, now, &hit, &assignment, AssignmentState::Returned).await
}

/// Takes the place from a worker whose deadline has passed; does nothing if they finished after all.
///
/// # Errors
/// When Postgres fails.
pub async fn abandon(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    assignment_id: &str,
) -> Result<bool, WorkError> {
    match held(conn, assignment_id, None).await {
        Ok((hit, assignment)) if assignment.deadline < now => {
            give_up(conn, now, &hit, &assignment, AssignmentState::Abandoned).await?;
            Ok(true)
        }
        Ok(_) | Err(WorkError::NotHeld) => Ok(false),
        Err(error) => Err(error),
    }
}

async fn give_up(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    hit: &Hit,
    assignment: &Assignment,
    state: AssignmentState,
) -> Result<(), WorkError> {
    sqlx::query!(
        "update market.assignment set state = $2, given_up_at = $3 where seq = $1 and state = 'accepted'",
        assignment.seq,
        state as AssignmentState,
        now,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!("update market.hit set pending = pending - 1 where hit_id = $1", hit.hit_id)
        .execute(&mut *conn)
        .await?;
    if hit.closed_at.is_some() {
        money::release(conn, now, hit, 1).await.map_err(WorkError::Books)?;
    }
    let effect = if state == AssignmentState::Returned { Effect::Returned } else { Effect::Abandoned };
    Ok(record(conn, now, effect, hit, &assignment.assignment_id, &assignment.worker_id).await?)
}

/// The worker hands in. Reserved names are dropped from `fields` (name and value), and of a name that comes twice
/// the first one stays. `worker_id` restricts to one worker where the caller knows who is asking.
///
/// # Errors
/// [`WorkError::NoAnswer`], [`WorkError::NotHeld`] or [`WorkError::TooLate`].
pub async fn submit(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    assignment_id: &str,
    worker_id: Option<&str>,
    fields: &[(String, String)],
) -> Result<Assignment, WorkError> {
    let answer = answers::document(fields).ok_or(WorkError::NoAnswer)?;
    let (hit, mut assignment) = held(conn, assignment_id, worker_id).await?;
    if assignment.deadline < now {
        return Err(WorkError::TooLate);
    }
    let auto_approval_at = now + Duration::seconds(hit.auto_approval_delay);
    sqlx::query!(
        "update market.assignment set state = 'submitted', submitted_at = $2, auto_approval_at = $3, answer = $4
          where seq = $1 and state = 'accepted'",
        assignment.seq,
        now,
        auto_approval_at,
        answer,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "update market.hit set pending = pending - 1, submitted = submitted + 1 where hit_id = $1",
        hit.hit_id
    )
    .execute(&mut *conn)
    .await?;
    record(conn, now, Effect::Submitted, &hit, &assignment.assignment_id, &assignment.worker_id).await?;
    assignment.state = AssignmentState::Submitted;
    assignment.submitted_at = Some(now);
    assignment.auto_approval_at = Some(auto_approval_at);
    assignment.answer = Some(answer);
    Ok(assignment)
}

async fn held(
    conn: &mut PgConnection,
    assignment_id: &str,
    worker_id: Option<&str>,
) -> Result<(Hit, Assignment), WorkError> {
    let found = with_locked_hit(conn, assignment_id).await?;
    found
        .filter(|(_, a)| a.state == AssignmentState::Accepted && worker_id.is_none_or(|w| w == a.worker_id))
        .ok_or(WorkError::NotHeld)
}

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
