//! The big red button: while a lab or the whole server is paused, nothing is sent that moves money and no
//! batch is published. Arrivals, work and review go on.
//!
//! Whoever sends asks inside the claim that commits the sending (`money_waits` in SQL), so that nothing is
//! taken after the pause is committed. A call that is under way at that moment ends.
//!
//! Money also waits after the database was restored or moved, until the recruiter's figures were compared:
//! `payments/reconcile/moved.rs`.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, query, query_as, query_scalar};
use uuid::Uuid;

/// A pause that holds. Times are UTC.
#[derive(Debug, Clone)]
pub struct Pause {
    /// The lab; none for the whole server.
    pub lab: Option<Uuid>,
    pub since: DateTime<Utc>,
    /// Who paused, unless the account is gone.
    pub by: Option<String>,
    /// Why, for the others.
    pub words: String,
}

/// The pauses that hold for a lab, or with `None` the server's: the server's first.
///
/// # Errors
/// When the database does not answer.
pub async fn in_force(conn: &mut PgConnection, lab: Option<Uuid>) -> sqlx::Result<Vec<Pause>> {
    query_as!(
        Pause,
        r#"SELECT p.lab_id AS lab, p.since, a.name AS "by?", p.words
        FROM money_pause p LEFT JOIN account a ON a.id = p.by_account
        WHERE p.lab_id IS NULL OR p.lab_id = $1 ORDER BY p.lab_id NULLS FIRST"#,
        lab
    )
    .fetch_all(conn)
    .await
}

/// Whether this study's money waits: for the end of a pause, or for comparisons.
///
/// # Errors
/// When the database does not answer.
pub async fn holds(conn: &mut PgConnection, lab: Uuid, study: Uuid) -> sqlx::Result<bool> {
    query_scalar!(r#"SELECT database_moved() OR money_waits($1, $2) AS "yes!""#, lab, study)
        .fetch_one(conn)
        .await
}

/// Pauses a lab, or with `None` the whole server. Returns whether it was not paused before.
///
/// # Errors
/// When the database does not answer.
pub async fn begin(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    lab: Option<Uuid>,
    by: Uuid,
    words: &str,
) -> sqlx::Result<bool> {
    let begun = query!(
        "INSERT INTO money_pause (id, lab_id, since, by_account, words) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT DO NOTHING",
        Uuid::now_v7(),
        lab,
        now,
        by,
        words
    )
    .execute(conn)
    .await?;
    Ok(begun.rows_affected() == 1)
}

/// Ends the pause of a lab, or with `None` of the whole server. Returns whether there was one.
///
/// # Errors
/// When the database does not answer.
pub async fn end(conn: &mut PgConnection, lab: Option<Uuid>) -> sqlx::Result<bool> {
    let ended =
        query!("DELETE FROM money_pause WHERE lab_id IS NOT DISTINCT FROM $1", lab).execute(conn).await?;
    Ok(ended.rows_affected() == 1)
}
