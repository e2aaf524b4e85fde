//! Accounts in the database.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Account, AccountId, Email};

/// The account, unless it was deleted.
pub async fn find(conn: &mut PgConnection, id: AccountId) -> sqlx::Result<Option<Account>> {
    sqlx::query_as!(
        Account,
        "SELECT id AS \"id: AccountId\", email, name, operator FROM account WHERE id = $1",
        id.0,
    )
    .fetch_optional(conn)
    .await
}

/// Every account, newest last.
pub async fn all(conn: &mut PgConnection) -> sqlx::Result<Vec<Account>> {
    sqlx::query_as!(Account, "SELECT id AS \"id: AccountId\", email, name, operator FROM account ORDER BY id")
        .fetch_all(conn)
        .await
}

/// Whether there is any account.
pub async fn any(conn: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!("SELECT EXISTS (SELECT FROM account) AS \"any!\"").fetch_one(conn).await
}

/// What a login is checked against.
pub async fn credentials(
    conn: &mut PgConnection,
    email: &Email,
) -> sqlx::Result<Option<(AccountId, String)>> {
    let row = sqlx::query!(
        "SELECT id AS \"id: AccountId\", password_hash FROM account WHERE email = $1",
        email.as_str()
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| (row.id, row.password_hash)))
}

/// The stored hash of an account.
pub async fn password_hash(conn: &mut PgConnection, id: AccountId) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!("SELECT password_hash FROM account WHERE id = $1", id.0).fetch_optional(conn).await
}

/// Puts a better hash of the same password in place of `old`, unless the password was changed meanwhile.
pub async fn replace_hash(conn: &mut PgConnection, id: AccountId, old: &str, new: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE account SET password_hash = $3 WHERE id = $1 AND password_hash = $2",
        id.0,
        old,
        new
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Stores the hash of a new password.
pub async fn set_hash(
    conn: &mut PgConnection,
    id: AccountId,
    hash: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE account SET password_hash = $2, password_changed_at = $3 WHERE id = $1",
        id.0,
        hash,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Stores another name.
pub async fn set_name(conn: &mut PgConnection, id: AccountId, name: &str) -> sqlx::Result<()> {
    sqlx::query!("UPDATE account SET name = $2 WHERE id = $1", id.0, name).execute(conn).await?;
    Ok(())
}

/// Logs the account out everywhere.
pub async fn end_sessions(conn: &mut PgConnection, id: AccountId) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM web_session WHERE account_id = $1", id.0).execute(conn).await?;
    Ok(())
}

/// Makes an account, unless the address has one already.
pub async fn insert(
    conn: &mut PgConnection,
    account: &Account,
    hash: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let made = sqlx::query!(
        "INSERT INTO account (id, email, name, password_hash, operator, created_at, password_changed_at)
         VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT (email) DO NOTHING",
        account.id.0,
        account.email,
        account.name,
        hash,
        account.operator,
        now,
    )
    .execute(conn)
    .await?;
    Ok(made.rows_affected() == 1)
}

/// Removes an account; its memberships and sessions go with it.
pub async fn delete(conn: &mut PgConnection, id: AccountId) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM account WHERE id = $1", id.0).execute(conn).await?;
    Ok(())
}

/// Whether anybody else runs this server, or there is nobody else whom it could matter to.
pub async fn can_do_without(conn: &mut PgConnection, id: AccountId) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        "SELECT EXISTS (SELECT FROM account WHERE id <> $1 AND operator)
             OR NOT EXISTS (SELECT FROM account WHERE id <> $1) AS \"fine!\"",
        id.0,
    )
    .fetch_one(conn)
    .await
}

/// Sets or takes the operator's mark; false when there is no such account or it is the last operator's.
pub async fn set_operator(conn: &mut PgConnection, id: AccountId, operator: bool) -> sqlx::Result<bool> {
    // All operators' rows are locked in one order, so that two cannot remove each other at once.
    let operators = sqlx::query_scalar!("SELECT id FROM account WHERE operator ORDER BY id FOR UPDATE")
        .fetch_all(&mut *conn)
        .await?;
    if !operator && operators.iter().all(|one| *one == id.0) {
        return Ok(false);
    }
    let changed =
        sqlx::query!("UPDATE account SET operator = $2 WHERE id = $1", id.0, operator).execute(conn).await?;
    Ok(changed.rows_affected() == 1)
}

/// An invitation whose account becomes the operator's.
pub async fn insert_operator_invitation(
    conn: &mut PgConnection,
    token_hash: &[u8],
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO invitation (id, makes_operator, token_hash, created_at, expires_at)
         VALUES ($1, true, $2, $3, $4)",
        Uuid::now_v7(),
        token_hash,
        now,
        expires_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Removes what has run out: sessions, and attempts older than every window.
pub async fn tidy(conn: &mut PgConnection, now: DateTime<Utc>) -> sqlx::Result<u64> {
    let sessions = sqlx::query!("DELETE FROM web_session WHERE least(expires_at, ends_at) <= $1", now)
        .execute(&mut *conn)
        .await?;
    let attempts =
        sqlx::query!("DELETE FROM attempt WHERE window_start < $1", now - chrono::Duration::hours(2))
            .execute(conn)
            .await?;
    Ok(sessions.rows_affected() + attempts.rows_affected())
}
