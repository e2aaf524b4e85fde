//! A study's oTree session and its seats in Postgres. The caller owns the transaction.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, query, query_as, query_scalar};

use super::{SessionId, Study, StudyId};
use crate::jobs::{Lease, back_off};

/// One attempt to have an oTree session.
#[derive(Debug, Clone)]
pub struct Session {
    pub id: SessionId,
    pub study_id: StudyId,
    /// The attempt's id, sent to oTree as the label.
    pub label: String,
    pub size: i32,
    pub state: String,
    pub code: Option<String>,
    /// An oTree that tells nothing about sessions; the code is that of the session's link.
    pub links_only: bool,
    pub currency: Option<String>,
    pub problem: Option<String>,
    pub vars_set_at: Option<DateTime<Utc>>,
    pub quiet_polls: i32,
}

macro_rules! sessions {
    ($tail:literal $(, $arg:expr)* $(,)?) => {
        query_as!(
            Session,
            r#"SELECT id AS "id: _", study_id AS "study_id: _", label, size, state, code, links_only, currency, problem,
                vars_set_at, quiet_polls
            FROM otree_session "# + $tail
            $(, $arg)*
        )
    };
}

/// The attempt that counts: planned, under way or ready.
///
/// # Errors
/// When the database does not answer.
pub async fn current(conn: &mut PgConnection, study: StudyId) -> sqlx::Result<Option<Session>> {
    sessions!("WHERE study_id = $1 AND state IN ('planned', 'creating', 'ready')", study.0)
        .fetch_optional(conn)
        .await
}

/// The latest attempt, whatever became of it.
///
/// # Errors
/// When the database does not answer.
pub async fn latest(conn: &mut PgConnection, study: StudyId) -> sqlx::Result<Option<Session>> {
    sessions!("WHERE study_id = $1 ORDER BY id DESC LIMIT 1", study.0).fetch_optional(conn).await
}

/// Plans a fresh attempt under a label of its own.
///
/// # Errors
/// When the database does not answer.
pub async fn plan(conn: &mut PgConnection, study: &Study, now: DateTime<Utc>) -> sqlx::Result<()> {
    let id = SessionId::new();
    query!(
        "INSERT INTO otree_session (id, lab_id, study_id, label, size, state, created_at, next_poll_at)
         VALUES ($1, $2, $3, $4, $5, 'planned', $6, $6)",
        id.0,
        study.lab_id.0,
        study.id.0,
        format!("{} {}", study.code, id.0.simple()),
        study.seats(),
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Commits (when the caller does) that the creation is about to be asked for. Returns whether it was
/// still planned.
///
/// # Errors
/// When the database does not answer.
pub async fn creating(conn: &mut PgConnection, session: SessionId) -> sqlx::Result<bool> {
    let moved =
        query!("UPDATE otree_session SET state = 'creating' WHERE id = $1 AND state = 'planned'", session.0)
            .execute(conn)
            .await?;
    Ok(moved.rows_affected() == 1)
}

/// Gives an attempt up: refused, or nobody knows. An unused session costs nothing.
///
/// # Errors
/// When the database does not answer.
pub async fn abandon(conn: &mut PgConnection, session: SessionId, problem: &str) -> sqlx::Result<()> {
    query!(
        "UPDATE otree_session SET state = 'abandoned', problem = $2
         WHERE id = $1 AND state IN ('planned', 'creating')",
        session.0,
        problem
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The session exists: its code, and a seat for every participant, in order.
///
/// # Errors
/// When the database does not answer.
pub async fn ready(
    conn: &mut PgConnection,
    session: &Session,
    code: &str,
    currency: Option<&str>,
    participants: &[String],
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    let moved = query!(
        "UPDATE otree_session SET state = 'ready', code = $2, currency = $3, ready_at = $4, problem = NULL
         WHERE id = $1 AND state IN ('planned', 'creating')",
        session.id.0,
        code,
        currency,
        now
    )
    .execute(&mut *conn)
    .await?;
    if moved.rows_affected() == 1 {
        query!(
            "INSERT INTO seat (study_id, number, session_id, participant_code)
             SELECT $1, p.nr, $2, p.code FROM unnest($3::text[]) WITH ORDINALITY AS p(code, nr)",
            session.study_id.0,
            session.id.0,
            participants
        )
        .execute(conn)
        .await?;
    }
    Ok(())
}

/// Marks a session about which oTree tells nothing: its seats are known from its link.
///
/// # Errors
/// When the database does not answer.
pub async fn mark_links_only(conn: &mut PgConnection, session: SessionId) -> sqlx::Result<()> {
    query!("UPDATE otree_session SET links_only = true WHERE id = $1", session.0).execute(conn).await?;
    Ok(())
}

/// Whether another study of the same site gives out this oTree session's seats. Whoever asks in a transaction
/// waits for others who take in a session of the site.
///
/// # Errors
/// When the database does not answer.
pub async fn taken_elsewhere(conn: &mut PgConnection, study: &Study, code: &str) -> sqlx::Result<bool> {
    query!("SELECT id FROM site WHERE id = $1 FOR NO KEY UPDATE", study.site_id.0)
        .fetch_one(&mut *conn)
        .await?;
    query_scalar!(
        r#"SELECT EXISTS (
            SELECT 1 FROM otree_session s JOIN study ON study.id = s.study_id
            WHERE study.site_id = $1 AND study.id <> $2 AND s.code = $3) AS "yes!""#,
        study.site_id.0,
        study.id.0,
        code
    )
    .fetch_one(conn)
    .await
}

/// oTree took the session variables.
///
/// # Errors
/// When the database does not answer.
pub async fn vars_set(conn: &mut PgConnection, session: SessionId, now: DateTime<Utc>) -> sqlx::Result<()> {
    query!("UPDATE otree_session SET vars_set_at = $2 WHERE id = $1", session.0, now).execute(conn).await?;
    Ok(())
}

/// Seats that oTree has not been told the exit door's address for: number and participant code.
///
/// # Errors
/// When the database does not answer.
pub async fn seats_without_exit(
    conn: &mut PgConnection,
    session: SessionId,
    at_most: i64,
) -> sqlx::Result<Vec<(i32, String)>> {
    let rows = query!(
        "SELECT number, participant_code FROM seat WHERE session_id = $1 AND exit_set_at IS NULL
         ORDER BY number LIMIT $2",
        session.0,
        at_most
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.number, row.participant_code)).collect())
}

/// oTree took the exit door's address for these seats.
///
/// # Errors
/// When the database does not answer.
pub async fn exits_set(
    conn: &mut PgConnection,
    study: StudyId,
    numbers: &[i32],
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    query!(
        "UPDATE seat SET exit_set_at = $3 WHERE study_id = $1 AND number = ANY($2)",
        study.0,
        numbers,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// How many seats there are and how many are taken.
///
/// # Errors
/// When the database does not answer.
pub async fn seat_count(conn: &mut PgConnection, study: StudyId) -> sqlx::Result<(i64, i64)> {
    let row = query!(
        r#"SELECT count(*) AS "all!", count(participation_id) AS "taken!" FROM seat WHERE study_id = $1"#,
        study.0
    )
    .fetch_one(conn)
    .await?;
    Ok((row.all, row.taken))
}

/// oTree does not know the session any more: everything it had told us stays.
///
/// # Errors
/// When the database does not answer.
pub async fn lost(conn: &mut PgConnection, session: SessionId, problem: &str) -> sqlx::Result<()> {
    query!(
        "UPDATE otree_session SET state = 'lost', problem = $2 WHERE id = $1 AND state = 'ready'",
        session.0,
        problem
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Holds the next ready session in which somebody is to be followed.
///
/// # Errors
/// When the database does not answer.
pub async fn claim_poll(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    lease: Lease,
) -> sqlx::Result<Option<Session>> {
    let claimed = query_scalar!(
        r#"UPDATE otree_session SET lease_token = $2, lease_until = $3
        WHERE id = (
            SELECT s.id FROM otree_session s WHERE s.state = 'ready' AND s.next_poll_at <= $1
              AND (s.lease_until IS NULL OR s.lease_until <= $1)
              AND EXISTS (
                SELECT 1 FROM seat JOIN participation p ON p.id = seat.participation_id
                WHERE seat.session_id = s.id
                  AND (p.bonus_cents IS NULL AND p.rejected_at IS NULL
                    OR p.finished_at IS NULL AND p.submitted_at > $1 - interval '7 days')
                  AND (p.returned_at IS NULL OR p.finished_at IS NULL AND p.returned_at > $1 - interval '1 day')
                  AND (p.approved_at IS NULL OR p.approved_at > $1 - interval '7 days'))
            ORDER BY s.next_poll_at LIMIT 1 FOR UPDATE SKIP LOCKED)
        RETURNING id AS "id: SessionId""#,
        now,
        lease.token,
        lease.until
    )
    .fetch_optional(&mut *conn)
    .await?;
    match claimed {
        Some(id) => sessions!("WHERE id = $1", id.0).fetch_optional(conn).await,
        None => Ok(None),
    }
}

/// Lets a session go after a poll; quiet ones are polled less and less often. Returns whether this
/// process still held it.
///
/// # Errors
/// When the database does not answer.
pub async fn polled(
    conn: &mut PgConnection,
    session: &Session,
    lease: Lease,
    now: DateTime<Utc>,
    news: bool,
    problem: Option<&str>,
) -> sqlx::Result<bool> {
    let quiet = if news { 0 } else { session.quiet_polls + 1 };
    let released = query!(
        "UPDATE otree_session SET lease_token = NULL, lease_until = NULL, polled_at = $3, next_poll_at = $4,
            quiet_polls = $5, problem = $6
         WHERE id = $1 AND lease_token = $2",
        session.id.0,
        lease.token,
        now,
        now + back_off((quiet / 3).min(4)),
        quiet,
        problem
    )
    .execute(conn)
    .await?;
    Ok(released.rows_affected() == 1)
}

/// Asks for a poll of the study's session now, unless one has just been or is due. Returns whether that
/// changes anything.
///
/// # Errors
/// When the database does not answer.
pub async fn poll_soon(conn: &mut PgConnection, study: StudyId, now: DateTime<Utc>) -> sqlx::Result<bool> {
    let hastened = query!(
        "UPDATE otree_session SET next_poll_at = least(next_poll_at, $2::timestamptz), quiet_polls = 0
         WHERE study_id = $1 AND state = 'ready' AND next_poll_at > $2::timestamptz
           AND (polled_at IS NULL OR polled_at < $2::timestamptz - interval '2 seconds')",
        study.0,
        now
    )
    .execute(conn)
    .await?;
    Ok(hastened.rows_affected() > 0)
}

/// Keeps what oTree told of the session variables that rules name; null is not set.
///
/// # Errors
/// When the database does not answer.
pub async fn told(conn: &mut PgConnection, session: SessionId, vars: &serde_json::Value) -> sqlx::Result<()> {
    query!(
        "UPDATE otree_session SET read_vars = $2 WHERE id = $1 AND read_vars IS DISTINCT FROM $2",
        session.0,
        vars
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What [`told`] kept, of the attempt that counts or the latest one.
///
/// # Errors
/// When the database does not answer.
pub async fn told_vars(conn: &mut PgConnection, study: StudyId) -> sqlx::Result<Option<serde_json::Value>> {
    let row = query_scalar!(
        "SELECT read_vars FROM otree_session WHERE study_id = $1 ORDER BY id DESC LIMIT 1",
        study.0
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.flatten())
}
