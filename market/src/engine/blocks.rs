//! Workers whom a requester lets take nothing.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{Outcome, Refusal, messages, workers};
use crate::journal::{self, Effect, Note};

/// One block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Position in the order of first blocking.
    pub seq: i64,
    /// Who is blocked.
    pub worker_id: String,
    /// Why, for the requester.
    pub reason: String,
}

/// Blocks a worker, or gives a new reason; the worker learns that they are blocked, not why.
///
/// # Errors
/// [`Refusal::NoSuchWorker`].
pub async fn block(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    requester_id: &str,
    worker_id: &str,
    reason: &str,
) -> Outcome<()> {
    known(conn, worker_id).await?;
    let fresh = !blocked(conn, requester_id, worker_id).await?;
    sqlx::query!(
        "insert into market.worker_block (requester_id, worker_id, reason, created_at) values ($1, $2, $3, $4)
         on conflict (requester_id, worker_id) do update set reason = excluded.reason",
        requester_id,
        worker_id,
        reason,
        now,
    )
    .execute(&mut *conn)
    .await?;
    if fresh {
        let (subject, body) = ("You were blocked", "You can no longer accept this requester's HITs.");
        messages::deliver(conn, now, requester_id, worker_id, subject, body).await?;
        record(conn, now, Effect::WorkerBlocked, requester_id, worker_id).await?;
    }
    Ok(())
}

/// Whether the requester may block another worker; who is blocked already needs no room.
///
/// # Errors
/// [`Refusal::TooManyBlocks`].
pub async fn room(conn: &mut PgConnection, requester_id: &str, worker_id: &str, most: u32) -> Outcome<()> {
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from market.worker_block where requester_id = $1 and worker_id <> $2"#,
        requester_id,
        worker_id,
    );
    if count.fetch_one(conn).await? >= i64::from(most) { Err(Refusal::TooManyBlocks) } else { Ok(()) }
}

/// Takes a block away; does nothing when there is none.
///
/// # Errors
/// [`Refusal::NoSuchWorker`].
pub async fn unblock(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    requester_id: &str,
    worker_id: &str,
) -> Outcome<()> {
    known(conn, worker_id).await?;
    let gone = sqlx::query!(
        "delete from market.worker_block where requester_id = $1 and worker_id = $2",
        requester_id,
        worker_id,
    )
    .execute(&mut *conn)
    .await?;
    if gone.rows_affected() == 1 {
        record(conn, now, Effect::WorkerUnblocked, requester_id, worker_id).await?;
    }
    Ok(())
}

/// Whether this requester blocks this worker.
///
/// # Errors
/// When Postgres fails.
pub async fn blocked(conn: &mut PgConnection, requester_id: &str, worker_id: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select from market.worker_block where requester_id = $1 and worker_id = $2) as "blocked!""#,
        requester_id,
        worker_id,
    )
    .fetch_one(conn)
    .await
}

/// The requester's blocks in order, after position `after`.
///
/// # Errors
/// When Postgres fails.
pub async fn page(
    conn: &mut PgConnection,
    requester_id: &str,
    after: i64,
    limit: i64,
) -> sqlx::Result<Vec<Block>> {
    sqlx::query_as!(
        Block,
        "select seq, worker_id, reason from market.worker_block
          where requester_id = $1 and seq > $2 order by seq limit $3",
        requester_id,
        after,
        limit,
    )
    .fetch_all(conn)
    .await
}

async fn known(conn: &mut PgConnection, worker_id: &str) -> Outcome<()> {
    let worker = workers::find(conn, worker_id).await?;
    worker.map(drop).ok_or_else(|| Refusal::NoSuchWorker(worker_id.into()))
}

async fn record(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    effect: Effect,
    requester_id: &str,
    worker_id: &str,
) -> sqlx::Result<()> {
    let note = Note { worker_id: Some(worker_id), ..Note::default() };
    journal::record(conn, now, effect, requester_id, note).await
}
