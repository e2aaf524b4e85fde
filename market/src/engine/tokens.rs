//! Request tokens: a repeated call is recognised for 24 hours of market time.

use chrono::{DateTime, Duration, Utc};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;

/// How long a token is remembered.
const HOURS: i64 = 24;

/// A call that carries a token.
#[derive(Debug, Clone, Copy)]
pub struct Use<'a> {
    /// Whose token.
    pub requester_id: &'a str,
    /// Of which operation; the same text may serve another operation.
    pub operation: &'a str,
    /// The token.
    pub token: &'a str,
    /// Everything else the call said.
    pub parameters: &'a str,
}

/// What is known of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// Nothing; it is taken now, and the transaction that took it must say what came of it.
    Fresh,
    /// The same call was done before, with this result.
    Done(String),
    /// Another call was done with it, with this result.
    Other(String),
}

/// Takes the token for this call; a concurrent call with the same token waits for this transaction.
///
/// # Errors
/// When Postgres fails.
pub async fn take(conn: &mut PgConnection, now: DateTime<Utc>, call: Use<'_>) -> sqlx::Result<Seen> {
    let parameters = Sha256::digest(call.parameters).to_vec();
    let taken = sqlx::query!(
        "insert into market.request_token as t (requester_id, operation, token, parameters, result, used_at)
         values ($1, $2, $3, $4, '', $5)
         on conflict (requester_id, operation, token) do update
            set parameters = excluded.parameters, result = '', used_at = excluded.used_at
          where t.used_at <= $6",
        call.requester_id,
        call.operation,
        call.token,
        parameters,
        now,
        now - Duration::hours(HOURS),
    )
    .execute(&mut *conn)
    .await?;
    if taken.rows_affected() == 1 {
        return Ok(Seen::Fresh);
    }
    let before = sqlx::query!(
        "select parameters, result from market.request_token
          where requester_id = $1 and operation = $2 and token = $3",
        call.requester_id,
        call.operation,
        call.token,
    )
    .fetch_one(conn)
    .await?;
    Ok(if before.parameters == parameters { Seen::Done(before.result) } else { Seen::Other(before.result) })
}

/// Notes what came of the call that took the token.
///
/// # Errors
/// When Postgres fails.
pub async fn settle(conn: &mut PgConnection, call: Use<'_>, result: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "update market.request_token set result = $4
          where requester_id = $1 and operation = $2 and token = $3",
        call.requester_id,
        call.operation,
        call.token,
        result,
    )
    .execute(conn)
    .await?;
    Ok(())
}
