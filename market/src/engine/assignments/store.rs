//! How assignments are found.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{Assignment, AssignmentState};
use crate::engine::hits::{self, Hit};

/// The checked query of whole assignments with the given end.
macro_rules! select_assignments {
    ($tail:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            Assignment,
            r#"select seq, assignment_id, hit_id, worker_id, state as "state: AssignmentState", accepted_at, deadline,
                      submitted_at, auto_approval_at, approved_at, rejected_at, answer, feedback
                 from market.assignment "# + $tail,
            $($argument),*
        )
    };
}

/// The assignment that goes by this id now; given-up ones are found by no id.
///
/// # Errors
/// When Postgres fails.
pub async fn find(conn: &mut PgConnection, assignment_id: &str) -> sqlx::Result<Option<Assignment>> {
    select_assignments!("where assignment_id = $1 and state not in ('returned', 'abandoned')", assignment_id)
        .fetch_optional(conn)
        .await
}

/// The worker's assignment of this HIT that still counts.
///
/// # Errors
/// When Postgres fails.
pub async fn of_worker(
    conn: &mut PgConnection,
    hit_id: &str,
    worker_id: &str,
) -> sqlx::Result<Option<Assignment>> {
    select_assignments!(
        "where hit_id = $1 and worker_id = $2 and state not in ('returned', 'abandoned')",
        hit_id,
        worker_id,
    )
    .fetch_optional(conn)
    .await
}

/// What was handed in of a HIT, in that order, after the position `(submitted_at, seq)`.
///
/// # Errors
/// When Postgres fails.
pub async fn page(
    conn: &mut PgConnection,
    hit_id: &str,
    states: &[AssignmentState],
    after: (DateTime<Utc>, i64),
    limit: i64,
) -> sqlx::Result<Vec<Assignment>> {
    select_assignments!(
        "where hit_id = $1 and state = any($2) and (submitted_at, seq) > ($3, $4)
         order by submitted_at, seq limit $5",
        hit_id,
        states as &[AssignmentState],
        after.0,
        after.1,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// The assignment and its HIT, the HIT's row locked; the assignment is read under that lock.
///
/// # Errors
/// When Postgres fails.
pub async fn with_locked_hit(
    conn: &mut PgConnection,
    assignment_id: &str,
) -> sqlx::Result<Option<(Hit, Assignment)>> {
    let Some(seen) = find(conn, assignment_id).await? else { return Ok(None) };
    let Some(hit) = hits::lock(conn, &seen.hit_id).await? else { return Ok(None) };
    let current = find(conn, assignment_id).await?.filter(|current| current.seq == seen.seq);
    Ok(current.map(|assignment| (hit, assignment)))
}
