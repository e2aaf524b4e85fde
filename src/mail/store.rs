//! Letters in Postgres. The caller owns the transaction.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, query, query_as, query_scalar};

use super::LetterId;
use crate::accounts::AccountId;
use crate::jobs::{self, Lease};
use crate::labs::LabId;

/// What somebody is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLetter {
    pub lab: LabId,
    /// To whom; the address is theirs at the time of sending.
    pub to: AccountId,
    pub subject: String,
    pub body: String,
}

/// A letter as it goes out.
#[derive(Debug, Clone)]
pub struct Letter {
    pub id: LetterId,
    pub to: String,
    pub subject: String,
    pub body: String,
    /// How often it was tried before.
    pub attempts: i32,
    pub created_at: DateTime<Utc>,
}

/// Puts a letter into the box.
///
/// # Errors
/// When the database does not answer.
pub async fn post(conn: &mut PgConnection, new: &NewLetter, now: DateTime<Utc>) -> sqlx::Result<()> {
    query!(
        "INSERT INTO mail (id, lab_id, account_id, subject, body, state, next_step_at, created_at)
         VALUES ($1, $2, $3, $4, $5, 'waiting', $6, $6)",
        LetterId::new().0,
        new.lab.0,
        new.to.0,
        new.subject,
        new.body,
        now
    )
    .execute(&mut *conn)
    .await?;
    jobs::wake(conn, super::NAME).await
}

/// Holds the next letter that is due.
///
/// # Errors
/// When the database does not answer.
pub async fn claim(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    lease: Lease,
) -> sqlx::Result<Option<Letter>> {
    query_as!(
        Letter,
        r#"UPDATE mail SET lease_token = $2, lease_until = $3, attempts = attempts + 1
        FROM account WHERE account.id = mail.account_id AND mail.id = (
            SELECT id FROM mail WHERE state = 'waiting' AND next_step_at <= $1
              AND (lease_until IS NULL OR lease_until <= $1)
            ORDER BY next_step_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
        RETURNING mail.id AS "id: _", account.email AS "to", subject, body, attempts - 1 AS "attempts!",
            mail.created_at"#,
        now,
        lease.token,
        lease.until
    )
    .fetch_optional(conn)
    .await
}

/// Ends a letter as sent, if this process still holds it.
///
/// # Errors
/// When the database does not answer.
pub async fn sent(
    conn: &mut PgConnection,
    id: LetterId,
    lease: Lease,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    query!(
        "UPDATE mail SET state = 'sent', sent_at = $3, problem = NULL, lease_token = NULL, lease_until = NULL
         WHERE id = $1 AND lease_token = $2 AND state = 'waiting'",
        id.0,
        lease.token,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes why it was not sent, and when it is tried again; never, when there is no such time.
///
/// # Errors
/// When the database does not answer.
pub async fn failed(
    conn: &mut PgConnection,
    id: LetterId,
    lease: Lease,
    problem: &str,
    again: Option<DateTime<Utc>>,
) -> sqlx::Result<()> {
    query!(
        "UPDATE mail SET problem = $3, next_step_at = coalesce($4, next_step_at),
            state = CASE WHEN $4::timestamptz IS NULL THEN 'given_up' ELSE state END,
            lease_token = NULL, lease_until = NULL
         WHERE id = $1 AND lease_token = $2 AND state = 'waiting'",
        id.0,
        lease.token,
        problem,
        again
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Why the lab's latest letter was not sent, if so.
///
/// # Errors
/// When the database does not answer.
pub async fn trouble(conn: &mut PgConnection, lab: LabId) -> sqlx::Result<Option<String>> {
    let latest = query_scalar!("SELECT problem FROM mail WHERE lab_id = $1 ORDER BY id DESC LIMIT 1", lab.0)
        .fetch_optional(conn)
        .await?;
    Ok(latest.flatten())
}
