//! Submissions of people who never came to our door: each gets a participation without a seat.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, query, query_scalar};
use uuid::Uuid;

use crate::participation::ParticipationId;
use crate::recruiters::Submission;
use crate::studies::BatchId;

/// Takes in those of the submissions whose workers the study does not know. Who takes part through another batch
/// is left out: nobody is twice in a study. Returns whether there was anybody.
///
/// # Errors
/// When the database does not answer.
pub async fn take_in(
    conn: &mut PgConnection,
    batch: BatchId,
    found: &[Submission],
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let unknown = unknown(conn, batch, found).await?;
    let mut news = false;
    for submission in found.iter().filter(|submission| unknown.contains(&submission.assignment_id)) {
        news |= insert(conn, batch, submission, now).await?;
    }
    Ok(news)
}

/// The assignments whose workers the study does not know. One that somebody else has submitted is theirs: it is
/// paid once.
async fn unknown(conn: &mut PgConnection, batch: BatchId, found: &[Submission]) -> sqlx::Result<Vec<String>> {
    let workers: Vec<String> = found.iter().map(|submission| submission.worker_id.clone()).collect();
    let assignments: Vec<String> = found.iter().map(|submission| submission.assignment_id.clone()).collect();
    query_scalar!(
        r#"SELECT told.assignment AS "assignment!" FROM unnest($2::text[], $3::text[]) AS told (worker, assignment)
        WHERE NOT EXISTS (
            SELECT FROM batch b JOIN participation p ON p.study_id = b.study_id
            JOIN worker w ON w.id = p.worker_id WHERE b.id = $1 AND (w.external_id = told.worker
                OR p.batch_id = b.id AND p.assignment_id = told.assignment AND p.submitted_at IS NOT NULL))"#,
        batch.0,
        &workers,
        &assignments
    )
    .fetch_all(conn)
    .await
}

async fn insert(
    conn: &mut PgConnection,
    batch: BatchId,
    submission: &Submission,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    query!(
        "INSERT INTO worker (id, lab_id, realm, external_id, pseudonym, created_at)
         SELECT $2, study.lab_id, CASE study.environment WHEN 'custom'
                THEN 'mturk:' || study.connection_id ELSE 'mturk:' || study.environment END, $3, $4, $5
         FROM batch JOIN study ON study.id = batch.study_id WHERE batch.id = $1
         ON CONFLICT (lab_id, realm, external_id) DO NOTHING",
        batch.0,
        Uuid::now_v7(),
        submission.worker_id,
        kernel::secret::code(12),
        now
    )
    .execute(&mut *conn)
    .await?;
    let made = query!(
        "INSERT INTO participation (id, lab_id, study_id, batch_id, worker_id, code, assignment_id, admitted_at, uninvited)
         SELECT $2, b.lab_id, b.study_id, b.id, w.id, $4, $5, $6, true
         FROM batch b JOIN study ON study.id = b.study_id
         JOIN worker w ON w.lab_id = b.lab_id AND w.external_id = $3 AND w.realm =
            CASE study.environment WHEN 'custom'
                THEN 'mturk:' || study.connection_id ELSE 'mturk:' || study.environment END
         WHERE b.id = $1 ON CONFLICT DO NOTHING",
        batch.0,
        ParticipationId::new().0,
        submission.worker_id,
        kernel::secret::code(10),
        submission.assignment_id,
        submission.submitted_at.unwrap_or(now)
    )
    .execute(conn)
    .await?;
    Ok(made.rows_affected() == 1)
}
