//! What each account at the recruiter is to know of each worker, and what it has confirmed. The caller owns the
//! transaction.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, query, query_as};

use crate::connections::ConnectionId;
use crate::jobs::Lease;
use crate::labs::LabId;
use crate::participation::WorkerId;

/// New pairs of worker and account in one transaction.
const AT_ONCE: i64 = 500;

/// A score that an account is to be told.
#[derive(Debug, Clone)]
pub struct Telling {
    pub worker_id: WorkerId,
    pub connection_id: ConnectionId,
    pub lab_id: LabId,
    pub score: i32,
    /// Failed in a row.
    pub failures: i32,
    /// The recruiter's id of the worker; never logged.
    pub worker: String,
    /// The lab's qualification in this account, once it is known.
    pub qualification_id: Option<String>,
}

/// Wants a worker's score told to every account of the lab where the recruiter knows this worker.
pub(super) async fn ask(conn: &mut PgConnection, worker: WorkerId, now: DateTime<Utc>) -> sqlx::Result<()> {
    query!(
        "INSERT INTO score_telling (worker_id, connection_id, lab_id, score, next_step_at)
         SELECT s.worker_id, c.id, s.lab_id, s.score, $2
         FROM worker_score s JOIN worker w ON w.id = s.worker_id JOIN connection c ON c.lab_id = s.lab_id
          AND w.realm = c.recruiter || ':' || CASE c.environment WHEN 'custom' THEN c.id::text ELSE c.environment END
         WHERE s.worker_id = $1
         ON CONFLICT (worker_id, connection_id) DO UPDATE SET score = excluded.score, next_step_at = $2, failures = 0
         WHERE score_telling.score <> excluded.score",
        worker.0,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Wants scores told to accounts that were added later. Returns how many.
pub(super) async fn ask_new_accounts(conn: &mut PgConnection, now: DateTime<Utc>) -> sqlx::Result<u64> {
    let asked = query!(
        "INSERT INTO score_telling (worker_id, connection_id, lab_id, score, next_step_at)
         SELECT s.worker_id, c.id, s.lab_id, s.score, $1
         FROM score_scale scale JOIN worker_score s ON s.lab_id = scale.lab_id JOIN worker w ON w.id = s.worker_id
         JOIN connection c ON c.lab_id = s.lab_id
          AND w.realm = c.recruiter || ':' || CASE c.environment WHEN 'custom' THEN c.id::text ELSE c.environment END
         WHERE scale.active AND NOT EXISTS (
            SELECT FROM score_telling t WHERE t.worker_id = s.worker_id AND t.connection_id = c.id)
         LIMIT $2 ON CONFLICT DO NOTHING",
        now,
        AT_ONCE
    )
    .execute(conn)
    .await?;
    Ok(asked.rows_affected())
}

/// Holds the next one that is due, of a lab that keeps scores.
pub(super) async fn claim(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    lease: Lease,
) -> sqlx::Result<Option<Telling>> {
    query_as!(
        Telling,
        r#"UPDATE score_telling t SET lease_token = $2, lease_until = $3 FROM worker w
        WHERE w.id = t.worker_id AND (t.worker_id, t.connection_id) = (
            SELECT x.worker_id, x.connection_id FROM score_telling x
            JOIN score_scale s ON s.lab_id = x.lab_id AND s.active
            WHERE x.told IS DISTINCT FROM x.score AND x.next_step_at <= $1
              AND (x.lease_until IS NULL OR x.lease_until <= $1)
            ORDER BY x.next_step_at, x.worker_id LIMIT 1 FOR UPDATE OF x SKIP LOCKED)
        RETURNING t.worker_id AS "worker_id: _", t.connection_id AS "connection_id: _", t.lab_id AS "lab_id: _",
            t.score, t.failures, w.external_id AS worker,
            (SELECT q.qualification_id FROM score_qualification q WHERE q.connection_id = t.connection_id)
                AS qualification_id"#,
        now,
        lease.token,
        lease.until
    )
    .fetch_optional(conn)
    .await
}

/// The account has confirmed it. Whoever overslept may have overwritten a newer number there, so it is told again.
pub(super) async fn told(
    conn: &mut PgConnection,
    it: &Telling,
    lease: Lease,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    let told = query!(
        "UPDATE score_telling SET told = $4, told_at = $5, problem = NULL, failures = 0,
            lease_token = NULL, lease_until = NULL
         WHERE worker_id = $1 AND connection_id = $2 AND lease_token = $3",
        it.worker_id.0,
        it.connection_id.0,
        lease.token,
        it.score,
        now
    )
    .execute(&mut *conn)
    .await?;
    if told.rows_affected() == 0 {
        query!(
            "UPDATE score_telling SET told = NULL, next_step_at = $3, lease_token = NULL, lease_until = NULL
             WHERE worker_id = $1 AND connection_id = $2",
            it.worker_id.0,
            it.connection_id.0,
            now
        )
        .execute(conn)
        .await?;
    }
    Ok(())
}

/// Nobody knows whether it was told, or it was not; again later.
pub(super) async fn failed(
    conn: &mut PgConnection,
    it: &Telling,
    lease: Lease,
    problem: &str,
    again: DateTime<Utc>,
) -> sqlx::Result<()> {
    query!(
        "UPDATE score_telling SET told = NULL, problem = $4, failures = failures + 1, next_step_at = $5,
            lease_token = NULL, lease_until = NULL
         WHERE worker_id = $1 AND connection_id = $2 AND lease_token = $3",
        it.worker_id.0,
        it.connection_id.0,
        lease.token,
        problem,
        again
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Keeps the id of the account's qualification.
pub(super) async fn keep(conn: &mut PgConnection, it: &Telling, qualification: &str) -> sqlx::Result<()> {
    query!(
        "INSERT INTO score_qualification (connection_id, lab_id, qualification_id) VALUES ($1, $2, $3)
         ON CONFLICT (connection_id) DO UPDATE SET qualification_id = $3",
        it.connection_id.0,
        it.lab_id.0,
        qualification
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The account has it no more: it is looked for, or made again, and everybody's score is told again.
pub(super) async fn forget(conn: &mut PgConnection, it: &Telling, qualification: &str) -> sqlx::Result<()> {
    let gone = query!(
        "DELETE FROM score_qualification WHERE connection_id = $1 AND qualification_id = $2",
        it.connection_id.0,
        qualification
    )
    .execute(&mut *conn)
    .await?;
    if gone.rows_affected() > 0 {
        query!("UPDATE score_telling SET told = NULL WHERE connection_id = $1", it.connection_id.0)
            .execute(conn)
            .await?;
    }
    Ok(())
}
