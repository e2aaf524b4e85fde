//! The worker site's own rows: sessions and failed sign-ins. Machine time, UTC.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::engine::workers::Worker;

/// Remembers a signed-in worker.
pub async fn open_session(
    conn: &mut PgConnection,
    token_hash: &[u8],
    worker_id: &str,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!("delete from market.worker_session where expires_at <= $1", now).execute(&mut *conn).await?;
    sqlx::query!(
        "insert into market.worker_session (token_hash, worker_id, created_at, expires_at) values ($1, $2, $3, $4)",
        token_hash,
        worker_id,
        now,
        expires_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The worker whose session this is.
pub async fn session_worker(
    conn: &mut PgConnection,
    token_hash: &[u8],
    now: DateTime<Utc>,
) -> sqlx::Result<Option<Worker>> {
    sqlx::query_as!(
        Worker,
        "select w.worker_id, w.name, w.password_hash, w.created_at
           from market.worker_session s join market.worker w using (worker_id)
          where s.token_hash = $1 and s.expires_at > $2",
        token_hash,
        now,
    )
    .fetch_optional(conn)
    .await
}

/// Ends one session.
pub async fn close_session(conn: &mut PgConnection, token_hash: &[u8]) -> sqlx::Result<()> {
    sqlx::query!("delete from market.worker_session where token_hash = $1", token_hash).execute(conn).await?;
    Ok(())
}

/// Sets a new password and ends every session of the worker.
pub async fn change_password(
    conn: &mut PgConnection,
    worker_id: &str,
    password_hash: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update market.worker set password_hash = $2 where worker_id = $1",
        worker_id,
        password_hash
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!("delete from market.worker_session where worker_id = $1", worker_id).execute(conn).await?;
    Ok(())
}

/// Stands for the attempts with one name among the database's advisory locks.
const LOCK: i32 = 0x5349_474e;

/// Counts an attempt with this name as failed until [`take_back`] says otherwise, unless `most` count already; then
/// says so and counts nothing. Attempts that are made at the same time are counted one after the other.
pub async fn note_attempt(
    conn: &mut PgConnection,
    name_hash: &[u8],
    now: DateTime<Utc>,
    since: DateTime<Utc>,
    most: i64,
) -> sqlx::Result<bool> {
    sqlx::query!("select pg_advisory_xact_lock($1, hashtext(encode($2, 'hex')))", LOCK, name_hash)
        .execute(&mut *conn)
        .await?;
    if failures(conn, name_hash, since).await? >= most {
        return Ok(false);
    }
    note_failure(conn, name_hash, now, since).await?;
    Ok(true)
}

/// Takes one attempt of that moment back: the password was right.
pub async fn take_back(conn: &mut PgConnection, name_hash: &[u8], at: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "delete from market.worker_sign_in_failure
          where ctid = (select ctid from market.worker_sign_in_failure where name_hash = $1 and at = $2 limit 1)",
        name_hash,
        at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Failed sign-ins with this name since then.
async fn failures(conn: &mut PgConnection, name_hash: &[u8], since: DateTime<Utc>) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from market.worker_sign_in_failure where name_hash = $1 and at > $2"#,
        name_hash,
        since,
    )
    .fetch_one(conn)
    .await
}

/// Notes a failed sign-in, and forgets those before `forget`.
async fn note_failure(
    conn: &mut PgConnection,
    name_hash: &[u8],
    now: DateTime<Utc>,
    forget: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!("delete from market.worker_sign_in_failure where at <= $1", forget)
        .execute(&mut *conn)
        .await?;
    sqlx::query!("insert into market.worker_sign_in_failure (name_hash, at) values ($1, $2)", name_hash, now)
        .execute(conn)
        .await?;
    Ok(())
}
