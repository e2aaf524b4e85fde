//! The requester's decision on work that was handed in, and the market's when there is none.

use chrono::{DateTime, Duration, Utc};
use kernel::money::Cents;
use sqlx::{Connection, PgConnection};

use super::assignments::{self, Assignment, AssignmentState};
use super::hits::Hit;
use super::money::{self, About, Kind};
use super::{Outcome, Refusal};
use crate::journal::{self, Effect, Note};

/// How long after the submission a rejection can be taken back.
const OVERRIDE_DAYS: i64 = 30;

/// Pays the reward and the fee. `over_rejection` also takes a rejection back.
///
/// # Errors
/// [`Refusal::NoSuchAssignment`], [`Refusal::AssignmentState`], [`Refusal::TooLateToOverride`] or
/// [`Refusal::InsufficientFunds`].
pub async fn approve(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    requester_id: &str,
    assignment_id: &str,
    feedback: Option<&str>,
    over_rejection: bool,
) -> Outcome<()> {
    let (hit, assignment) = owned(conn, requester_id, assignment_id).await?;
    match assignment.state {
        AssignmentState::Rejected if over_rejection => {
            take_back(conn, now, &hit, &assignment, feedback).await
        }
        _ => {
            must_be_submitted(&assignment)?;
            pay(conn, now, &hit, &assignment, feedback, Effect::Approved).await
        }
    }
}

/// Approves what nobody reviewed in time; does nothing if somebody did after all, or while there is no money for it.
///
/// # Errors
/// When Postgres fails.
pub async fn approve_automatically(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    assignment_id: &str,
) -> Outcome<bool> {
    let Some((hit, assignment)) = assignments::with_locked_hit(conn, assignment_id).await? else {
        return Ok(false);
    };
    let due = assignment.auto_approval_at.is_some_and(|at| at <= now);
    if assignment.state != AssignmentState::Submitted || !due {
        return Ok(false);
    }
    let mut attempt = conn.begin().await?;
    match pay(&mut attempt, now, &hit, &assignment, None, Effect::AutoApproved).await {
        Err(Refusal::InsufficientFunds) => Ok(false),
        paid => {
            paid?;
            attempt.commit().await?;
            Ok(true)
        }
    }
}

/// Pays nothing; the place is not opened again.
///
/// # Errors
/// [`Refusal::NoSuchAssignment`] or [`Refusal::AssignmentState`].
pub async fn reject(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    requester_id: &str,
    assignment_id: &str,
    feedback: &str,
) -> Outcome<()> {
    let (hit, assignment) = owned(conn, requester_id, assignment_id).await?;
    must_be_submitted(&assignment)?;
    let change = sqlx::query!(
        "update market.assignment set state = 'rejected', rejected_at = $2, feedback = $3
          where seq = $1 and state = 'submitted'",
        assignment.seq,
        now,
        feedback,
    );
    change.execute(&mut *conn).await?;
    sqlx::query!(
        "update market.hit set submitted = submitted - 1, rejected = rejected + 1 where hit_id = $1",
        hit.hit_id
    )
    .execute(&mut *conn)
    .await?;
    money::release(conn, now, &hit, 1).await?;
    record(conn, now, Effect::Rejected, &hit, &assignment, false).await
}

async fn pay(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    hit: &Hit,
    assignment: &Assignment,
    feedback: Option<&str>,
    effect: Effect,
) -> Outcome<()> {
    mark_approved(conn, now, assignment, feedback).await?;
    sqlx::query!(
        "update market.hit set submitted = submitted - 1, approved = approved + 1 where hit_id = $1",
        hit.hit_id
    )
    .execute(&mut *conn)
    .await?;
    money::pay_reward(conn, now, hit, &assignment.assignment_id).await?;
    record(conn, now, effect, hit, assignment, true).await
}

async fn take_back(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    hit: &Hit,
    assignment: &Assignment,
    feedback: Option<&str>,
) -> Outcome<()> {
    if assignment.submitted_at.is_none_or(|at| at + Duration::days(OVERRIDE_DAYS) < now) {
        return Err(Refusal::TooLateToOverride);
    }
    mark_approved(conn, now, assignment, feedback).await?;
    sqlx::query!(
        "update market.hit set rejected = rejected - 1, approved = approved + 1 where hit_id = $1",
        hit.hit_id
    )
    .execute(&mut *conn)
    .await?;
    let about = About { hit_id: Some(&hit.hit_id), assignment_id: Some(&assignment.assignment_id) };
    let requester = &hit.requester_id;
    money::transfer(conn, now, requester, Kind::Reward, -hit.reward, Cents::ZERO, about).await?;
    money::transfer(conn, now, requester, Kind::Fee, -hit.fee, Cents::ZERO, about).await?;
    record(conn, now, Effect::Approved, hit, assignment, true).await
}

async fn mark_approved(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    assignment: &Assignment,
    feedback: Option<&str>,
) -> Outcome<()> {
    sqlx::query!(
        "update market.assignment set state = 'approved', approved_at = $2, feedback = coalesce($3, feedback)
          where seq = $1 and state in ('submitted', 'rejected')",
        assignment.seq,
        now,
        feedback,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The requester's own assignment that was not given up, of a HIT that was not deleted; the HIT is locked.
async fn owned(
    conn: &mut PgConnection,
    requester_id: &str,
    assignment_id: &str,
) -> Outcome<(Hit, Assignment)> {
    let found = assignments::with_locked_hit(conn, assignment_id).await?;
    found
        .filter(|(hit, _)| hit.requester_id == requester_id && hit.disposed_at.is_none())
        .ok_or_else(|| Refusal::NoSuchAssignment(assignment_id.into()))
}

fn must_be_submitted(assignment: &Assignment) -> Outcome<()> {
    match assignment.state {
        AssignmentState::Submitted => Ok(()),
        AssignmentState::Approved | AssignmentState::Rejected => Err(Refusal::AssignmentState("Submitted")),
        // The real service says null here: work that was accepted and not handed in has no status to it.
        _ => Err(Refusal::AssignmentState("null")),
    }
}

async fn record(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    effect: Effect,
    hit: &Hit,
    assignment: &Assignment,
    paid: bool,
) -> Outcome<()> {
    let note = Note {
        hit_type_id: Some(&hit.hit_type_id),
        hit_id: Some(&hit.hit_id),
        assignment_id: Some(&assignment.assignment_id),
        worker_id: Some(&assignment.worker_id),
        amount: paid.then_some(hit.reward),
        fee: paid.then_some(hit.fee),
        ..Note::default()
    };
    Ok(journal::record(conn, now, effect, &hit.requester_id, note).await?)
}
