//! Queues that are read with the calls of SQS. Times are the machine's: whoever reads a queue lives in them.

use chrono::{DateTime, Duration, Utc};
use sqlx::PgConnection;
use url::Url;
use uuid::Uuid;

/// Days after which a message that nobody deleted is gone.
const KEPT_DAYS: i64 = 4;

/// One queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// The row's own number.
    pub queue_id: i64,
    /// One requester has no two of the same name.
    pub name: String,
    /// Seconds a received message stays hidden unless the receiver says otherwise.
    pub visibility_timeout: i64,
}

/// A message as it is received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its id.
    pub message_id: String,
    /// What deletes it.
    pub receipt: String,
    /// Its text.
    pub body: String,
    /// When it was sent.
    pub sent_at: DateTime<Utc>,
    /// How often it was received, this time included.
    pub receives: i64,
    /// When it was received first.
    pub first_received_at: DateTime<Utc>,
}

/// The address of a queue.
pub fn address(public_url: &Url, requester_id: &str, name: &str) -> String {
    format!("{}/sqs/{requester_id}/{name}", public_url.as_str().trim_end_matches('/'))
}

/// Makes a queue, or gives the one of this name.
///
/// # Errors
/// When Postgres fails.
pub async fn create(
    conn: &mut PgConnection,
    real: DateTime<Utc>,
    requester_id: &str,
    name: &str,
    visibility_timeout: i64,
) -> sqlx::Result<Queue> {
    sqlx::query!(
        "insert into market.queue (requester_id, name, visibility_timeout, created_at) values ($1, $2, $3, $4)
         on conflict (requester_id, name) do nothing",
        requester_id,
        name,
        visibility_timeout,
        real,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query_as!(
        Queue,
        "select queue_id, name, visibility_timeout from market.queue where requester_id = $1 and name = $2",
        requester_id,
        name,
    )
    .fetch_one(conn)
    .await
}

/// Deletes the requester's own queue and all in it; says whether there was one.
///
/// # Errors
/// When Postgres fails.
pub async fn delete(conn: &mut PgConnection, requester_id: &str, name: &str) -> sqlx::Result<bool> {
    let deleted =
        sqlx::query!("delete from market.queue where requester_id = $1 and name = $2", requester_id, name);
    Ok(deleted.execute(conn).await?.rows_affected() == 1)
}

/// The requester's own queue of this name.
///
/// # Errors
/// When Postgres fails.
pub async fn by_name(conn: &mut PgConnection, requester_id: &str, name: &str) -> sqlx::Result<Option<Queue>> {
    sqlx::query_as!(
        Queue,
        "select queue_id, name, visibility_timeout from market.queue where requester_id = $1 and name = $2",
        requester_id,
        name,
    )
    .fetch_optional(conn)
    .await
}

/// The requester's own queue at this address. Only the path counts: the host may be known by several names.
///
/// # Errors
/// When Postgres fails.
pub async fn by_url(
    conn: &mut PgConnection,
    requester_id: &str,
    address: &str,
) -> sqlx::Result<Option<Queue>> {
    let Ok(url) = Url::parse(address) else { return Ok(None) };
    let mut parts = url.path().rsplit('/');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(name), Some(owner), Some("sqs")) if owner == requester_id => {
            by_name(conn, requester_id, name).await
        }
        _ => Ok(None),
    }
}

/// Puts a message at the end.
///
/// # Errors
/// When Postgres fails.
pub async fn put(
    conn: &mut PgConnection,
    real: DateTime<Utc>,
    queue: &Queue,
    body: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into market.queue_message (queue_id, message_id, body, sent_at, visible_at)
         values ($1, $2, $3, $4, $4)",
        queue.queue_id,
        Uuid::new_v4().to_string(),
        body,
        real,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes up to `limit` messages that nobody else is looking at, the oldest first, and hides them for `hidden`.
///
/// # Errors
/// When Postgres fails.
pub async fn receive(
    conn: &mut PgConnection,
    real: DateTime<Utc>,
    queue: &Queue,
    limit: i64,
    hidden: Duration,
) -> sqlx::Result<Vec<Message>> {
    let found = sqlx::query_scalar!(
        "select seq from market.queue_message where queue_id = $1 and visible_at <= $2 and sent_at > $3
          order by seq limit $4 for update skip locked",
        queue.queue_id,
        real,
        real - Duration::days(KEPT_DAYS),
        limit,
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut messages = Vec::new();
    for seq in found {
        messages.push(take(conn, real, seq, real + hidden).await?);
    }
    Ok(messages)
}

async fn take(
    conn: &mut PgConnection,
    real: DateTime<Utc>,
    seq: i64,
    visible_at: DateTime<Utc>,
) -> sqlx::Result<Message> {
    sqlx::query_as!(
        Message,
        r#"update market.queue_message
              set visible_at = $2, receipt = $3, receives = receives + 1,
                  first_received_at = coalesce(first_received_at, $4)
            where seq = $1
        returning message_id, receipt as "receipt!", body, sent_at, receives,
                  first_received_at as "first_received_at!""#,
        seq,
        visible_at,
        Uuid::new_v4().to_string(),
        real,
    )
    .fetch_one(conn)
    .await
}

/// Deletes the message that was received with this handle; an older handle deletes nothing.
///
/// # Errors
/// When Postgres fails.
pub async fn remove(conn: &mut PgConnection, queue: &Queue, receipt: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "delete from market.queue_message where queue_id = $1 and receipt = $2",
        queue.queue_id,
        receipt
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Hides the message that was received with this handle until then; says whether there is one.
///
/// # Errors
/// When Postgres fails.
pub async fn hide(
    conn: &mut PgConnection,
    queue: &Queue,
    receipt: &str,
    until: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let hidden = sqlx::query!(
        "update market.queue_message set visible_at = $3 where queue_id = $1 and receipt = $2",
        queue.queue_id,
        receipt,
        until,
    );
    Ok(hidden.execute(conn).await?.rows_affected() == 1)
}

/// How many messages wait in a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Could be received now.
    pub visible: i64,
    /// Were received and not deleted.
    pub hidden: i64,
}

/// Counts the queue's messages.
///
/// # Errors
/// When Postgres fails.
pub async fn count(conn: &mut PgConnection, real: DateTime<Utc>, queue: &Queue) -> sqlx::Result<Counts> {
    sqlx::query_as!(
        Counts,
        r#"select count(*) filter (where visible_at <= $2) as "visible!",
                  count(*) filter (where visible_at > $2) as "hidden!"
             from market.queue_message where queue_id = $1 and sent_at > $3"#,
        queue.queue_id,
        real,
        real - Duration::days(KEPT_DAYS),
    )
    .fetch_one(conn)
    .await
}

/// Forgets messages that were kept long enough.
///
/// # Errors
/// When Postgres fails.
pub async fn tidy(conn: &mut PgConnection, real: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!("delete from market.queue_message where sent_at <= $1", real - Duration::days(KEPT_DAYS))
        .execute(conn)
        .await?;
    Ok(())
}
