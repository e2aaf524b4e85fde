//! What requesters write to workers.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::workers;
use crate::journal::{self, Effect, Note};

/// A message as its worker reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Position in the order of sending.
    pub seq: i64,
    /// Who wrote, by name.
    pub requester: String,
    /// Subject.
    pub subject: String,
    /// Text.
    pub body: String,
    /// When.
    pub sent_at: DateTime<Utc>,
}

/// Why a message did not reach a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Undelivered {
    /// Nobody here has this id.
    #[error("There is no such worker.")]
    Unknown,
    /// This requester has reviewed none of their work.
    #[error("Messages go only to workers whose work you have approved or rejected.")]
    NeverReviewed,
}

/// Writes to a worker whose work the requester has reviewed before.
///
/// # Errors
/// When Postgres fails; the inner result says whether the message was delivered.
pub async fn notify(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    requester_id: &str,
    worker_id: &str,
    subject: &str,
    body: &str,
) -> sqlx::Result<Result<(), Undelivered>> {
    if workers::find(conn, worker_id).await?.is_none() {
        return Ok(Err(Undelivered::Unknown));
    }
    if !reviewed(conn, requester_id, worker_id).await? {
        return Ok(Err(Undelivered::NeverReviewed));
    }
    deliver(conn, now, requester_id, worker_id, subject, body).await?;
    let note = Note { worker_id: Some(worker_id), ..Note::default() };
    journal::record(conn, now, Effect::WorkerNotified, requester_id, note).await?;
    Ok(Ok(()))
}

async fn reviewed(conn: &mut PgConnection, requester_id: &str, worker_id: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select from market.assignment a join market.hit h using (hit_id)
                           where a.worker_id = $2 and h.requester_id = $1
                             and a.state in ('approved', 'rejected')) as "reviewed!""#,
        requester_id,
        worker_id,
    )
    .fetch_one(conn)
    .await
}

/// Puts a message into the inbox of a worker who exists.
///
/// # Errors
/// When Postgres fails.
pub async fn deliver(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    requester_id: &str,
    worker_id: &str,
    subject: &str,
    body: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into market.message (worker_id, requester_id, subject, body, sent_at) values ($1, $2, $3, $4, $5)",
        worker_id,
        requester_id,
        subject,
        body,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The worker's messages, newest first, at most `limit`.
///
/// # Errors
/// When Postgres fails.
pub async fn inbox(conn: &mut PgConnection, worker_id: &str, limit: i64) -> sqlx::Result<Vec<Message>> {
    sqlx::query_as!(
        Message,
        "select m.seq, r.name as requester, m.subject, m.body, m.sent_at
           from market.message m join market.requester r using (requester_id)
          where m.worker_id = $1 order by m.seq desc limit $2",
        worker_id,
        limit,
    )
    .fetch_all(conn)
    .await
}
