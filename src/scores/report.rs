//! Who stands where: scores of one realm, which is a recruiter's environment. Play and earnest are never mixed.

use sqlx::{PgConnection, query_as, query_scalar};

use crate::labs::LabId;

/// How many workers have one score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    pub score: i32,
    pub workers: i64,
}

/// A worker in the list.
#[derive(Debug, Clone)]
pub struct Person {
    pub pseudonym: String,
    /// The recruiter's id, for those who decide; never logged.
    pub external_id: String,
    pub score: i32,
    /// The decisions in it.
    pub approved: i32,
    pub rejected: i32,
    /// Accounts that do not know it yet, and why.
    pub untold: i64,
    pub problem: Option<String>,
}

/// One of the lab's accounts at a recruiter.
#[derive(Debug, Clone)]
pub struct Place {
    pub name: String,
    pub environment: String,
    /// The qualification; `None` until the first score was told.
    pub qualification_id: Option<String>,
    /// Scores that it knows, and those it does not know yet.
    pub told: i64,
    pub untold: i64,
    pub problem: Option<String>,
}

/// The realms in which somebody of the lab has a score, by name.
///
/// # Errors
/// When the database does not answer.
pub async fn realms(conn: &mut PgConnection, lab: LabId) -> sqlx::Result<Vec<String>> {
    query_scalar!(
        "SELECT DISTINCT w.realm FROM worker_score s JOIN worker w ON w.id = s.worker_id
         WHERE s.lab_id = $1 ORDER BY w.realm",
        lab.0
    )
    .fetch_all(conn)
    .await
}

/// How many workers have which score, from the lowest.
///
/// # Errors
/// When the database does not answer.
pub async fn distribution(conn: &mut PgConnection, lab: LabId, realm: &str) -> sqlx::Result<Vec<Step>> {
    query_as!(
        Step,
        r#"SELECT s.score, count(*) AS "workers!" FROM worker_score s JOIN worker w ON w.id = s.worker_id
        WHERE s.lab_id = $1 AND w.realm = $2 GROUP BY s.score ORDER BY s.score"#,
        lab.0,
        realm
    )
    .fetch_all(conn)
    .await
}

/// The workers, lowest score first, `limit` of them from `offset` on; with `worker` only the one of this
/// recruiter's id or pseudonym.
///
/// # Errors
/// When the database does not answer.
pub async fn people(
    conn: &mut PgConnection,
    lab: LabId,
    realm: &str,
    worker: Option<&str>,
    (offset, limit): (i64, i64),
) -> sqlx::Result<Vec<Person>> {
    query_as!(
        Person,
        r#"SELECT w.pseudonym, w.external_id, s.score, s.approved, s.rejected,
            coalesce(t.untold, 0) AS "untold!", t.problem
        FROM worker_score s JOIN worker w ON w.id = s.worker_id
        LEFT JOIN LATERAL (
            SELECT count(*) FILTER (WHERE told IS DISTINCT FROM score) AS untold, max(problem) AS problem
            FROM score_telling WHERE worker_id = s.worker_id) t ON true
        WHERE s.lab_id = $1 AND w.realm = $2
          AND ($3::text IS NULL OR lower(w.external_id) = lower($3) OR lower(w.pseudonym) = lower($3))
        ORDER BY s.score, w.pseudonym OFFSET $4 LIMIT $5"#,
        lab.0,
        realm,
        worker,
        offset,
        limit
    )
    .fetch_all(conn)
    .await
}

/// The lab's accounts of one realm, by name.
///
/// # Errors
/// When the database does not answer.
pub async fn places(conn: &mut PgConnection, lab: LabId, realm: &str) -> sqlx::Result<Vec<Place>> {
    query_as!(
        Place,
        r#"SELECT c.name, c.environment, q.qualification_id AS "qualification_id?",
            count(t.worker_id) FILTER (WHERE t.told = t.score) AS "told!",
            count(t.worker_id) FILTER (WHERE t.told IS DISTINCT FROM t.score) AS "untold!", max(t.problem) AS problem
        FROM connection c LEFT JOIN score_qualification q ON q.connection_id = c.id
        LEFT JOIN score_telling t ON t.connection_id = c.id
        WHERE c.lab_id = $1
          AND c.recruiter || ':' || CASE c.environment WHEN 'custom' THEN c.id::text ELSE c.environment END = $2
        GROUP BY c.id, q.qualification_id ORDER BY lower(c.name)"#,
        lab.0,
        realm
    )
    .fetch_all(conn)
    .await
}
