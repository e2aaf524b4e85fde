//! Batches in Postgres: one published unit each. The caller owns the transaction.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, query, query_as, query_scalar};

use super::{BatchId, Study, StudyId, plan};
use crate::jobs::{Lease, back_off};
use crate::recruiters::Published;

/// A batch as stored. Times are UTC.
#[derive(Debug, Clone)]
pub struct Batch {
    pub id: BatchId,
    pub study_id: StudyId,
    /// Its number in the study, from 1.
    pub position: i32,
    pub places: i32,
    pub state: String,
    /// Makes its publication harmless to repeat.
    pub request_token: String,
    pub first_sent_at: Option<DateTime<Utc>>,
    pub hit_id: Option<String>,
    pub hit_group_id: Option<String>,
    pub expires_at: Option<DateTime<Utc>>,
    pub problem: Option<String>,
    pub expired_at: Option<DateTime<Utc>>,
    /// The HIT was deleted at the recruiter, and not by us.
    pub gone_at: Option<DateTime<Utc>>,
    /// The HIT was taken off the list at the recruiter, and not by us.
    pub cut_short_at: Option<DateTime<Utc>>,
    pub quiet_polls: i32,
}

macro_rules! batches {
    ($tail:literal $(, $arg:expr)* $(,)?) => {
        query_as!(
            Batch,
            r#"SELECT id AS "id: _", study_id AS "study_id: _", position, places, state, request_token,
                first_sent_at, hit_id, hit_group_id, expires_at, problem, expired_at, gone_at, cut_short_at,
                quiet_polls
            FROM batch "# + $tail
            $(, $arg)*
        )
    };
}

/// Writes down the study's batches; publishing them comes later.
///
/// # Errors
/// When the database does not answer.
pub async fn plan(conn: &mut PgConnection, study: &Study, now: DateTime<Utc>) -> sqlx::Result<()> {
    for (position, places) in (1..).zip(plan::batches(study.places, study.batch_size)) {
        let id = BatchId::new();
        query!(
            "INSERT INTO batch (id, lab_id, study_id, position, places, state, request_token, next_poll_at)
             VALUES ($1, $2, $3, $4, $5, 'planned', $6, $7)",
            id.0,
            study.lab_id.0,
            study.id.0,
            position,
            places,
            id.0.simple().to_string(),
            now,
        )
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

/// The study's batches in order.
///
/// # Errors
/// When the database does not answer.
pub async fn of_study(conn: &mut PgConnection, study: StudyId) -> sqlx::Result<Vec<Batch>> {
    batches!("WHERE study_id = $1 ORDER BY position", study.0).fetch_all(conn).await
}

/// The batch that a worker's link names by its HIT.
///
/// # Errors
/// When the database does not answer.
pub async fn by_hit(conn: &mut PgConnection, study: StudyId, hit: &str) -> sqlx::Result<Option<Batch>> {
    batches!("WHERE study_id = $1 AND hit_id = $2", study.0, hit).fetch_optional(conn).await
}

/// Commits (when the caller does) that the batch is about to be sent. Returns whether it is still wanted: a
/// study may be closed at any moment.
///
/// # Errors
/// When the database does not answer.
pub async fn sending(conn: &mut PgConnection, batch: BatchId, now: DateTime<Utc>) -> sqlx::Result<bool> {
    let marked = query!(
        "UPDATE batch SET state = 'sending', first_sent_at = coalesce(first_sent_at, $2)
         WHERE id = $1 AND state IN ('planned', 'sending')
           AND EXISTS (SELECT FROM study WHERE study.id = study_id AND study.state <> 'closed')",
        batch.0,
        now
    )
    .execute(conn)
    .await?;
    Ok(marked.rows_affected() == 1)
}

/// The recruiter has it. Returns whether that is news.
///
/// # Errors
/// When the database does not answer.
pub async fn opened(
    conn: &mut PgConnection,
    batch: BatchId,
    published: &Published,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let opened = query!(
        "UPDATE batch SET state = 'open', hit_id = $2, hit_group_id = $3, expires_at = $4, opened_at = $5,
            problem = NULL, next_poll_at = $5
         WHERE id = $1 AND state = 'sending'",
        batch.0,
        published.unit_id,
        published.group_id,
        published.expires_at,
        now
    )
    .execute(conn)
    .await?;
    Ok(opened.rows_affected() == 1)
}

/// It was not published: certainly not (`planned`, to be sent again, its token's age counting from then; or
/// `refused`), or perhaps (`sending`, to be looked for).
///
/// # Errors
/// When the database does not answer.
pub async fn held_up(
    conn: &mut PgConnection,
    batch: BatchId,
    state: &'static str,
    problem: &str,
) -> sqlx::Result<()> {
    query!(
        "UPDATE batch SET state = $2, problem = $3,
            first_sent_at = CASE WHEN $2 = 'planned' THEN NULL ELSE first_sent_at END
         WHERE id = $1 AND state = 'sending'",
        batch.0,
        state,
        problem
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// We took it off the list early.
///
/// # Errors
/// When the database does not answer.
pub async fn expired(conn: &mut PgConnection, batch: BatchId, now: DateTime<Utc>) -> sqlx::Result<()> {
    query!("UPDATE batch SET expired_at = $2 WHERE id = $1 AND expired_at IS NULL", batch.0, now)
        .execute(conn)
        .await?;
    Ok(())
}

/// The recruiter does not show the HIT. Returns since when.
///
/// # Errors
/// When the database does not answer.
pub async fn missing(
    conn: &mut PgConnection,
    batch: BatchId,
    now: DateTime<Utc>,
) -> sqlx::Result<DateTime<Utc>> {
    query_scalar!(
        r#"UPDATE batch SET missing_since = coalesce(missing_since, $2) WHERE id = $1
        RETURNING missing_since AS "since!""#,
        batch.0,
        now
    )
    .fetch_one(conn)
    .await
}

/// The HIT was deleted at the recruiter: it is off the list, and nobody can submit to it any more.
///
/// # Errors
/// When the database does not answer.
pub async fn gone(conn: &mut PgConnection, batch: BatchId, now: DateTime<Utc>) -> sqlx::Result<()> {
    query!(
        "UPDATE batch SET gone_at = coalesce(gone_at, $2), expired_at = coalesce(expired_at, $2) WHERE id = $1",
        batch.0,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The recruiter shows the HIT. One that leaves the list more than a minute before we wanted, while the study
/// is open, was taken off there.
///
/// # Errors
/// When the database does not answer.
pub async fn shown(
    conn: &mut PgConnection,
    batch: BatchId,
    expires_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    query!("UPDATE batch SET missing_since = NULL WHERE id = $1 AND missing_since IS NOT NULL", batch.0)
        .execute(&mut *conn)
        .await?;
    query!(
        "UPDATE batch SET cut_short_at = $3, expired_at = $3, expires_at = $2
         FROM study WHERE batch.id = $1 AND study.id = batch.study_id AND study.state <> 'closed'
           AND batch.expired_at IS NULL AND $2::timestamptz + interval '1 minute' < batch.expires_at",
        batch.0,
        expires_at,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Batches that were never sent are not wanted any more.
///
/// # Errors
/// When the database does not answer.
pub async fn cancel_planned(conn: &mut PgConnection, study: StudyId) -> sqlx::Result<()> {
    query!(
        "UPDATE batch SET state = 'refused', problem = 'The study was closed before this batch went out.'
         WHERE study_id = $1 AND state = 'planned'",
        study.0
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Holds the next open batch whose submissions should be read.
///
/// # Errors
/// When the database does not answer.
pub async fn claim_poll(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    lease: Lease,
) -> sqlx::Result<Option<Batch>> {
    let claimed = query_scalar!(
        r#"UPDATE batch SET lease_token = $2, lease_until = $3
        WHERE id = (
            SELECT id FROM batch WHERE state = 'open' AND next_poll_at <= $1
              AND (lease_until IS NULL OR lease_until <= $1)
            ORDER BY next_poll_at LIMIT 1 FOR UPDATE SKIP LOCKED)
        RETURNING id AS "id: BatchId""#,
        now,
        lease.token,
        lease.until
    )
    .fetch_optional(&mut *conn)
    .await?;
    match claimed {
        Some(id) => batches!("WHERE id = $1", id.0).fetch_optional(conn).await,
        None => Ok(None),
    }
}

/// Lets a batch go after a poll; quiet ones are polled less and less often. Returns whether this
/// process still held it.
///
/// # Errors
/// When the database does not answer.
pub async fn polled(
    conn: &mut PgConnection,
    batch: &Batch,
    lease: Lease,
    now: DateTime<Utc>,
    news: bool,
    done: bool,
) -> sqlx::Result<bool> {
    let quiet = if news { 0 } else { batch.quiet_polls + 1 };
    let released = query!(
        "UPDATE batch SET lease_token = NULL, lease_until = NULL, polled_at = $3, next_poll_at = $4,
            quiet_polls = $5, state = CASE WHEN $6 THEN 'done' ELSE state END
         WHERE id = $1 AND lease_token = $2",
        batch.id.0,
        lease.token,
        now,
        now + back_off((quiet / 3).min(5)),
        quiet,
        done
    )
    .execute(conn)
    .await?;
    Ok(released.rows_affected() == 1)
}

/// Nobody works on it or can accept it any more: the places that nobody used are not set aside any longer.
///
/// # Errors
/// When the database does not answer.
pub async fn over(conn: &mut PgConnection, batch: BatchId, now: DateTime<Utc>) -> sqlx::Result<()> {
    query!("UPDATE batch SET over_at = $2 WHERE id = $1 AND over_at IS NULL", batch.0, now)
        .execute(conn)
        .await?;
    Ok(())
}

/// Asks for a poll of the study's open batches now, unless one has just been or is due. Returns whether that
/// changes anything.
///
/// # Errors
/// When the database does not answer.
pub async fn poll_soon(conn: &mut PgConnection, study: StudyId, now: DateTime<Utc>) -> sqlx::Result<bool> {
    let hastened = query!(
        "UPDATE batch SET next_poll_at = least(next_poll_at, $2::timestamptz), quiet_polls = 0
         WHERE study_id = $1 AND state = 'open' AND next_poll_at > $2::timestamptz
           AND (polled_at IS NULL OR polled_at < $2::timestamptz - interval '2 seconds')",
        study.0,
        now
    )
    .execute(conn)
    .await?;
    Ok(hastened.rows_affected() > 0)
}

/// Shows what a poll found wrong, or that nothing is.
///
/// # Errors
/// When the database does not answer.
pub async fn note_problem(
    conn: &mut PgConnection,
    batch: BatchId,
    problem: Option<&str>,
) -> sqlx::Result<()> {
    query!("UPDATE batch SET problem = $2 WHERE id = $1 AND problem IS DISTINCT FROM $2", batch.0, problem)
        .execute(conn)
        .await?;
    Ok(())
}
