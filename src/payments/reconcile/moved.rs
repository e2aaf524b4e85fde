//! Notices that the database was restored, copied or failed over, and lets money wait until the recruiter's
//! figures were compared with ours.
//!
//! A restored database does not know that it is old, but it lives elsewhere: in another cluster or on another
//! timeline, as another database, or in other tables (`database_home()` in SQL). Whoever sends money asks inside
//! the claim (`database_moved()`, `money_waits()`), so that nothing leaves before it is noticed here.
//! `docs/decisions/amnesia.md` says what is looked for besides, each time, without any such sign.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, query, query_as};

use crate::labs::LabId;

/// A lab whose money waits for comparisons. Times are UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatchingUp {
    /// When it was noticed that the database had moved.
    pub since: DateTime<Utc>,
    /// Studies and accounts that were compared since, and all of them.
    pub done: i64,
    pub all: i64,
    /// Those that the recruiter does not answer: their own money waits until it does.
    pub unanswered: i64,
}

/// Writes down where the database lives. If that was elsewhere, every study and account is compared from its
/// beginning, at once. Whoever compares at this moment records nothing.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn notice(conn: &mut PgConnection, now: DateTime<Utc>) -> sqlx::Result<()> {
    query!("INSERT INTO whereabouts (home) VALUES (database_home()) ON CONFLICT DO NOTHING")
        .execute(&mut *conn)
        .await?;
    let moved = query!(
        "UPDATE whereabouts SET home = database_home(), moved_at = $1 WHERE home <> database_home()",
        now
    )
    .execute(&mut *conn)
    .await?;
    if moved.rows_affected() == 0 {
        return Ok(());
    }
    tracing::warn!(
        "the database was restored or moved: money waits until the recruiters' figures were compared"
    );
    expect_all(conn, now).await
}

async fn expect_all(conn: &mut PgConnection, now: DateTime<Utc>) -> sqlx::Result<()> {
    // What was published in the lost hours may be a draft here: every account with studies is compared, and the
    // lookout lists the HITs of every other one.
    query!(
        "INSERT INTO comparison (id, lab_id, connection_id, study_id, next_at)
         SELECT DISTINCT ON (connection_id) gen_random_uuid(), lab_id, connection_id, NULL::uuid, $1::timestamptz
         FROM study ON CONFLICT DO NOTHING",
        now
    )
    .execute(&mut *conn)
    .await?;
    query!("UPDATE connection SET looked_at = $1::timestamptz - interval '1 day'", now)
        .execute(&mut *conn)
        .await?;
    query!(
        "UPDATE comparison SET caught_up = false, cursor = 0, failures = 0, problem = NULL, next_at = $1,
            lease_token = NULL, lease_until = NULL",
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// How far the comparisons of a lab are. `None`: its money does not wait for them.
///
/// # Errors
/// When the database does not answer.
pub async fn of_lab(conn: &mut PgConnection, lab: LabId) -> sqlx::Result<Option<CatchingUp>> {
    query_as!(
        CatchingUp,
        r#"SELECT w.moved_at AS "since!", count(*) FILTER (WHERE c.caught_up) AS "done!", count(*) AS "all!",
            count(*) FILTER (WHERE NOT c.caught_up AND c.failures > 0) AS "unanswered!"
        FROM comparison c CROSS JOIN whereabouts w WHERE c.lab_id = $1 AND w.moved_at IS NOT NULL
        GROUP BY w.moved_at HAVING NOT bool_and(c.caught_up)"#,
        lab.0
    )
    .fetch_optional(conn)
    .await
}
