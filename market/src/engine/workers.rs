//! The people who take work.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::ids;

/// One person's account at the marketplace.
#[derive(Debug, Clone)]
pub struct Worker {
    /// Begins with A.
    pub worker_id: String,
    /// The name they sign in with.
    pub name: String,
    /// Argon2 in PHC form.
    pub password_hash: String,
    /// When they signed up.
    pub created_at: DateTime<Utc>,
}

/// Makes an account; `None` when the name is taken, in whatever case.
///
/// # Errors
/// When Postgres fails.
pub async fn create(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    name: &str,
    password_hash: &str,
) -> sqlx::Result<Option<Worker>> {
    sqlx::query_as!(
        Worker,
        "insert into market.worker (worker_id, name, password_hash, created_at) values ($1, $2, $3, $4)
         on conflict do nothing returning worker_id, name, password_hash, created_at",
        ids::person(),
        name,
        password_hash,
        now,
    )
    .fetch_optional(conn)
    .await
}

/// The worker who signs in with this name, in whatever case.
///
/// # Errors
/// When Postgres fails.
pub async fn by_name(conn: &mut PgConnection, name: &str) -> sqlx::Result<Option<Worker>> {
    sqlx::query_as!(
        Worker,
        "select worker_id, name, password_hash, created_at from market.worker where lower(name) = lower($1)",
        name,
    )
    .fetch_optional(conn)
    .await
}

/// The worker with this id.
///
/// # Errors
/// When Postgres fails.
pub async fn find(conn: &mut PgConnection, worker_id: &str) -> sqlx::Result<Option<Worker>> {
    sqlx::query_as!(
        Worker,
        "select worker_id, name, password_hash, created_at from market.worker where worker_id = $1",
        worker_id,
    )
    .fetch_optional(conn)
    .await
}

/// Password hash of workers who are spoken for: no password has it.
const NO_PASSWORD: &str = "none";

/// Makes a worker for whom this requester speaks, and who cannot sign in.
///
/// # Errors
/// When Postgres fails.
pub async fn create_for(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    requester_id: &str,
) -> sqlx::Result<Worker> {
    sqlx::query_as!(
        Worker,
        "insert into market.worker (worker_id, name, password_hash, created_at, made_by) values ($1, $2, $3, $4, $5)
         returning worker_id, name, password_hash, created_at",
        ids::person(),
        format!("Scripted {}", ids::object()),
        NO_PASSWORD,
        now,
        requester_id,
    )
    .fetch_one(conn)
    .await
}

/// The workers for whom this requester speaks, oldest first.
///
/// # Errors
/// When Postgres fails.
pub async fn made_by(conn: &mut PgConnection, requester_id: &str) -> sqlx::Result<Vec<Worker>> {
    sqlx::query_as!(
        Worker,
        "select worker_id, name, password_hash, created_at from market.worker where made_by = $1
          order by created_at, worker_id",
        requester_id,
    )
    .fetch_all(conn)
    .await
}

/// How many workers this requester speaks for.
///
/// # Errors
/// When Postgres fails.
pub async fn count_made_by(conn: &mut PgConnection, requester_id: &str) -> sqlx::Result<i64> {
    sqlx::query_scalar!(r#"select count(*) as "count!" from market.worker where made_by = $1"#, requester_id)
        .fetch_one(conn)
        .await
}

/// Whether this requester made this worker.
///
/// # Errors
/// When Postgres fails.
pub async fn is_made_by(conn: &mut PgConnection, worker_id: &str, requester_id: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select from market.worker where worker_id = $1 and made_by = $2) as "made!""#,
        worker_id,
        requester_id,
    )
    .fetch_one(conn)
    .await
}
