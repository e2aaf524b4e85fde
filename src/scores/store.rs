//! Scales and scores in Postgres. The caller owns the transaction.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, query, query_scalar};
use uuid::Uuid;

use super::Scale;
use crate::accounts::AccountId;
use crate::jobs;
use crate::labs::LabId;
use crate::participation::WorkerId;

/// Pieces of news taken in one transaction.
const AT_ONCE: i64 = 200;

/// A lab's scale and whether scores are kept; `None` when nobody ever set it.
///
/// # Errors
/// When the database does not answer.
pub async fn scale(conn: &mut PgConnection, lab: LabId) -> sqlx::Result<Option<(bool, Scale)>> {
    let row =
        query!("SELECT active, start, up, down, lowest, highest FROM score_scale WHERE lab_id = $1", lab.0)
            .fetch_optional(conn)
            .await?;
    Ok(row.map(|row| {
        let (start, lowest, highest) = (row.start, row.lowest, row.highest);
        (row.active, Scale { start, up: row.up, down: row.down, lowest, highest })
    }))
}

/// Sets it. Everybody's score is made again from all decisions so far.
///
/// # Errors
/// When the database does not answer.
pub async fn set_scale(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    lab: LabId,
    by: AccountId,
    active: bool,
    scale: &Scale,
) -> sqlx::Result<()> {
    // Against `held_scale`: news that is taken meanwhile is taken before, and seen below, or judged by this scale.
    query!("SELECT FROM lab WHERE id = $1 FOR NO KEY UPDATE", lab.0).fetch_optional(&mut *conn).await?;
    query!(
        "INSERT INTO score_scale (lab_id, active, start, up, down, lowest, highest, updated_by, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (lab_id) DO UPDATE SET active = $2, start = $3, up = $4, down = $5, lowest = $6,
            highest = $7, updated_by = $8, updated_at = $9",
        lab.0,
        active,
        scale.start,
        scale.up,
        scale.down,
        scale.lowest,
        scale.highest,
        by.0,
        now
    )
    .execute(&mut *conn)
    .await?;
    query!(
        "INSERT INTO score_news (lab_id, worker_id)
         SELECT DISTINCT $1::uuid, worker_id FROM participation
         WHERE lab_id = $1 AND (approved_at IS NOT NULL OR rejected_at IS NOT NULL)",
        lab.0
    )
    .execute(&mut *conn)
    .await?;
    jobs::wake(conn, super::NAME).await
}

/// The scale of a lab that keeps scores; it stays what it is until the transaction ends.
pub(super) async fn held_scale(conn: &mut PgConnection, lab: LabId) -> sqlx::Result<Option<Scale>> {
    query!("SELECT FROM lab WHERE id = $1 FOR SHARE", lab.0).fetch_optional(&mut *conn).await?;
    Ok(scale(conn, lab).await?.filter(|(active, _)| *active).map(|(_, scale)| scale))
}

/// Takes some news away: whose scores are to be made again.
pub(super) async fn take_news(conn: &mut PgConnection) -> sqlx::Result<Vec<(LabId, WorkerId)>> {
    let rows = query!(
        r#"DELETE FROM score_news WHERE id IN (
            SELECT id FROM score_news ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED)
        RETURNING lab_id AS "lab: LabId", worker_id AS "worker: WorkerId""#,
        AT_ONCE
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.lab, row.worker)).collect())
}

/// Makes a worker's score from all decisions about them.
pub(super) async fn make(
    conn: &mut PgConnection,
    lab: LabId,
    worker: WorkerId,
    scale: &Scale,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    query!(
        "INSERT INTO worker_score (worker_id, lab_id, score, approved, rejected, made_at)
         VALUES ($1, $2, $3, 0, 0, $4) ON CONFLICT (worker_id) DO NOTHING",
        worker.0,
        lab.0,
        scale.start,
        now
    )
    .execute(&mut *conn)
    .await?;
    // Whoever comes second waits here, and then reads what the first has read, and more.
    query!("SELECT FROM worker_score WHERE worker_id = $1 FOR UPDATE", worker.0)
        .fetch_one(&mut *conn)
        .await?;
    let decisions = query_scalar!(
        r#"SELECT rejected_at IS NULL AS "approved!" FROM participation
        WHERE worker_id = $1 AND (approved_at IS NOT NULL OR rejected_at IS NOT NULL)
        ORDER BY coalesce(rejected_at, approved_at), id"#,
        worker.0
    )
    .fetch_all(&mut *conn)
    .await?;
    query!(
        "UPDATE worker_score SET score = $2, approved = $3, rejected = $4, made_at = $5 WHERE worker_id = $1",
        worker.0,
        scale.score(decisions.iter().copied()),
        count(&decisions, true),
        count(&decisions, false),
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

fn count(decisions: &[bool], which: bool) -> i32 {
    i32::try_from(decisions.iter().filter(|one| **one == which).count()).unwrap_or(i32::MAX)
}

/// Scores of a lab's workers, for whoever asks for many.
#[derive(Debug, Clone, Default)]
pub struct Scores {
    /// Of who was never decided about; `None` when the lab keeps no scores.
    start: Option<i32>,
    made: HashMap<Uuid, i32>,
}

impl Scores {
    /// This worker's; `None` when the lab keeps no scores.
    pub fn of(&self, worker: WorkerId) -> Option<i32> {
        self.start.map(|start| self.made.get(&worker.0).copied().unwrap_or(start))
    }

    /// Whether the lab keeps scores.
    pub fn are_kept(&self) -> bool {
        self.start.is_some()
    }
}

/// The scores of these workers.
///
/// # Errors
/// When the database does not answer.
pub async fn of_workers(conn: &mut PgConnection, lab: LabId, workers: &[Uuid]) -> sqlx::Result<Scores> {
    let Some((true, scale)) = scale(conn, lab).await? else { return Ok(Scores::default()) };
    let rows = query!(
        "SELECT worker_id, score FROM worker_score WHERE lab_id = $1 AND worker_id = ANY($2)",
        lab.0,
        workers
    )
    .fetch_all(conn)
    .await?;
    let made = rows.into_iter().map(|row| (row.worker_id, row.score)).collect();
    Ok(Scores { start: Some(scale.start), made })
}
