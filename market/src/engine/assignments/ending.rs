//! Giving a place back, losing it, or handing in.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::store::with_locked_hit;
use super::{Assignment, AssignmentState, WorkError, record};
use crate::engine::hits::Hit;
use crate::engine::qualifications::form::QuestionForm;
use crate::engine::qualifications::given::{self, Given, Unfit};
use crate::engine::{answers, later, money, question};
use crate::journal::Effect;

/// Why answers to a HIT's own form are not handed in.
#[derive(Debug, thiserror::Error)]
pub enum FormError {
    /// Not their work, or not in time.
    #[error(transparent)]
    Work(#[from] WorkError),
    /// Answers that will not do, by the question's identifier; the worker still holds the HIT.
    #[error("Some answers need another look.")]
    Unfit(Vec<(String, Unfit)>),
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
/// [`WorkError::NoAnswer`], [`WorkError::NotHeld`], [`WorkError::TooLate`] or [`WorkError::OwnForm`].
pub async fn submit(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    assignment_id: &str,
    worker_id: Option<&str>,
    fields: &[(String, String)],
) -> Result<Assignment, WorkError> {
    let answer = answers::document(fields).ok_or(WorkError::NoAnswer)?;
    let (hit, assignment) = held(conn, assignment_id, worker_id).await?;
    if question::is_form(&hit.question) {
        return Err(WorkError::OwnForm);
    }
    hand_in(conn, now, &hit, assignment, answer).await
}

/// The worker hands in their answers to the HIT's own form.
///
/// # Errors
/// [`FormError`].
pub async fn answer(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    assignment_id: &str,
    worker_id: &str,
    form: &QuestionForm,
    given: &[Given],
) -> Result<Assignment, FormError> {
    let unfit = given::unfit_in(form, given);
    if !unfit.is_empty() {
        return Err(FormError::Unfit(unfit));
    }
    let (hit, assignment) = held(conn, assignment_id, Some(worker_id)).await?;
    Ok(hand_in(conn, now, &hit, assignment, given::document(form, given)).await?)
}

async fn hand_in(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    hit: &Hit,
    mut assignment: Assignment,
    answer: String,
) -> Result<Assignment, WorkError> {
    if assignment.deadline < now {
        return Err(WorkError::TooLate);
    }
    let auto_approval_at = later(now, hit.auto_approval_delay);
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
    record(conn, now, Effect::Submitted, hit, &assignment.assignment_id, &assignment.worker_id).await?;
    assignment.state = AssignmentState::Submitted;
    assignment.submitted_at = Some(now);
    assignment.auto_approval_at = Some(auto_approval_at);
    assignment.answer = Some(answer);
    Ok(assignment)
}

/// What the worker is at work on, its HIT locked.
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
