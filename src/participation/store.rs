//! Participations in Postgres. The caller owns the transaction.
//!
//! Facts are added by guarded updates: a fact that is there already stays as it is.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use kernel::money::Cents;
use sqlx::{PgConnection, query, query_as, query_scalar};
use uuid::Uuid;

use super::{Participation, ParticipationId, Stage};
use crate::labs::LabId;
use crate::recruiters::{Submission, SubmissionStatus};
use crate::studies::{BatchId, Completion, SessionId, StudyId};

macro_rules! participations {
    ($tail:literal $(, $arg:expr)* $(,)?) => {
        query_as!(
            Participation,
            r#"SELECT p.id AS "id: _", p.lab_id AS "lab_id: _", p.study_id AS "study_id: _",
                p.batch_id AS "batch_id: _", p.worker_id AS "worker_id: _", p.seat_number, p.code,
                p.assignment_id, p.submit_to, p.admitted_at, p.opened_at, p.page, p.page_index,
                p.finished_at, p.finished_by AS "finished_by: _", p.payoff_cents AS "payoff: _",
                p.payoff_problem, p.submitted_at, p.auto_approve_at, p.answers, p.returned_at,
                p.approved_at, p.rejected_at, p.feedback, p.bonus_cents AS "bonus: _", p.bonus_paid_at,
                EXISTS (SELECT FROM payment_order o WHERE o.participation_id = p.id AND o.kind = 'compensate'
                    AND o.state <> 'refused') AS "compensated!",
                p.uninvited, p.otree_vars, p.otree_read_at, p.stage AS "stage: _", w.pseudonym,
                b.position AS batch_position,
                s.participant_code AS "participant_code?"
            FROM participation p
            JOIN worker w ON w.id = p.worker_id
            JOIN batch b ON b.id = p.batch_id
            LEFT JOIN seat s ON s.study_id = p.study_id AND s.number = p.seat_number "# + $tail
            $(, $arg)*
        )
    };
}

/// One participation, for work that runs by itself and for the worker's signed links.
///
/// # Errors
/// When the database does not answer.
pub async fn get(conn: &mut PgConnection, id: ParticipationId) -> sqlx::Result<Option<Participation>> {
    participations!("WHERE p.id = $1", id.0).fetch_optional(conn).await
}

/// The study's participations, in the order of their seats; of one stage only when given.
///
/// # Errors
/// When the database does not answer.
pub async fn of_study(
    conn: &mut PgConnection,
    lab: LabId,
    study: StudyId,
    stage: Option<Stage>,
) -> sqlx::Result<Vec<Participation>> {
    participations!(
        "WHERE p.lab_id = $1 AND p.study_id = $2 AND ($3::text IS NULL OR p.stage = $3)
         ORDER BY p.admitted_at, p.id",
        lab.0,
        study.0,
        stage.map(Stage::as_str),
    )
    .fetch_all(conn)
    .await
}

/// The recruiter's own ids of the study's people, for those who decide about them. Never logged.
///
/// # Errors
/// When the database does not answer.
pub async fn external_ids(
    conn: &mut PgConnection,
    lab: LabId,
    study: StudyId,
) -> sqlx::Result<HashMap<ParticipationId, String>> {
    let rows = query!(
        r#"SELECT p.id AS "id: ParticipationId", w.external_id FROM participation p
        JOIN worker w ON w.id = p.worker_id WHERE p.lab_id = $1 AND p.study_id = $2"#,
        lab.0,
        study.0
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.external_id)).collect())
}

/// Those of the given ids that belong to the study, locked until the transaction ends.
///
/// # Errors
/// When the database does not answer.
pub async fn chosen(
    conn: &mut PgConnection,
    lab: LabId,
    study: StudyId,
    ids: &[Uuid],
) -> sqlx::Result<Vec<Participation>> {
    participations!(
        "WHERE p.lab_id = $1 AND p.study_id = $2 AND p.id = ANY($3) ORDER BY p.admitted_at, p.id FOR UPDATE OF p",
        lab.0,
        study.0,
        ids,
    )
    .fetch_all(conn)
    .await
}

/// How many participations of the study are at each stage.
///
/// # Errors
/// When the database does not answer.
pub async fn counts(conn: &mut PgConnection, study: StudyId) -> sqlx::Result<HashMap<Stage, i64>> {
    let rows = query!(
        r#"SELECT stage AS "stage: Stage", count(*) AS "n!" FROM participation
        WHERE study_id = $1 GROUP BY stage"#,
        study.0
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.stage, row.n)).collect())
}

/// Arrivals admitted to the study, for the chart.
///
/// # Errors
/// When the database does not answer.
pub async fn admissions(conn: &mut PgConnection, study: StudyId) -> sqlx::Result<Vec<DateTime<Utc>>> {
    query_scalar!("SELECT at FROM arrival WHERE study_id = $1 AND outcome = 'admitted' ORDER BY at", study.0)
        .fetch_all(conn)
        .await
}

/// How many people found no seat.
///
/// # Errors
/// When the database does not answer.
pub async fn turned_away(conn: &mut PgConnection, study: StudyId) -> sqlx::Result<i64> {
    query_scalar!(r#"SELECT count(*) AS "n!" FROM arrival WHERE study_id = $1 AND outcome = 'full'"#, study.0)
        .fetch_one(conn)
        .await
}

/// Notes that the worker was sent on to oTree, the first time.
///
/// # Errors
/// When the database does not answer.
pub async fn opened(conn: &mut PgConnection, id: ParticipationId, now: DateTime<Utc>) -> sqlx::Result<()> {
    query!("UPDATE participation SET opened_at = $2 WHERE id = $1 AND opened_at IS NULL", id.0, now)
        .execute(conn)
        .await?;
    Ok(())
}

/// Notes that the worker's browser came through the exit door.
///
/// # Errors
/// When the database does not answer.
pub async fn exited(
    conn: &mut PgConnection,
    study: StudyId,
    seat: i32,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<ParticipationId>> {
    query_scalar!(
        r#"UPDATE participation SET exited_at = coalesce(exited_at, $3)
        WHERE study_id = $1 AND seat_number = $2 RETURNING id AS "id: ParticipationId""#,
        study.0,
        seat,
        now
    )
    .fetch_optional(conn)
    .await
}

/// Somebody whom the tracker follows in oTree.
#[derive(Debug, Clone)]
pub struct Followed {
    pub id: ParticipationId,
    pub participant_code: String,
    /// oTree knows the participant under this label once they entered.
    pub pseudonym: String,
    /// Whether they can have come through the start link: who submitted must have, also when a restored backup does
    /// not remember it.
    pub opened: bool,
    pub exited: bool,
    pub finished: bool,
    pub page: Option<String>,
    pub page_index: Option<i32>,
    pub variables: serde_json::Value,
    pub variables_set: bool,
    /// When oTree last said where they are.
    pub seen_at: Option<DateTime<Utc>>,
}

/// The participations of an oTree session that are not settled yet; not for ever, when nobody settles them.
/// [`crate::studies::sessions::claim_poll`] asks for the same.
///
/// # Errors
/// When the database does not answer.
pub async fn followed(
    conn: &mut PgConnection,
    session: SessionId,
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<Followed>> {
    query_as!(
        Followed,
        r#"SELECT p.id AS "id: _", s.participant_code, w.pseudonym,
            p.opened_at IS NOT NULL OR p.submitted_at IS NOT NULL AS "opened!",
            p.exited_at IS NOT NULL AS "exited!", p.finished_at IS NOT NULL AS "finished!", p.page,
            p.page_index, p.variables, p.variables_set_at IS NOT NULL AS "variables_set!", p.seen_at
        FROM seat s JOIN participation p ON p.id = s.participation_id JOIN worker w ON w.id = p.worker_id
        WHERE s.session_id = $1
          AND (p.bonus_cents IS NULL AND p.rejected_at IS NULL
            OR p.finished_at IS NULL AND p.submitted_at > $2::timestamptz - interval '7 days')
          AND (p.returned_at IS NULL OR p.finished_at IS NULL AND p.returned_at > $2::timestamptz - interval '1 day')
          AND (p.approved_at IS NULL OR p.approved_at > $2::timestamptz - interval '7 days')
        ORDER BY p.seen_at NULLS FIRST, s.number"#,
        session.0,
        now
    )
    .fetch_all(conn)
    .await
}

/// Notes that oTree took the participant variables.
///
/// # Errors
/// When the database does not answer.
pub async fn variables_set(
    conn: &mut PgConnection,
    id: ParticipationId,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    query!("UPDATE participation SET variables_set_at = $2 WHERE id = $1", id.0, now).execute(conn).await?;
    Ok(())
}

/// Notes where oTree says the worker is.
///
/// # Errors
/// When the database does not answer.
pub async fn progress(
    conn: &mut PgConnection,
    id: ParticipationId,
    page: &str,
    index: i32,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    query!(
        "UPDATE participation SET page = $2, page_index = $3, seen_at = $4 WHERE id = $1",
        id.0,
        page,
        index,
        now
    )
    .execute(&mut *conn)
    .await?;
    query!(
        "INSERT INTO page_visit (participation_id, page_index, page, seen_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT DO NOTHING",
        id.0,
        index,
        page,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes that the worker finished. Returns whether that is news.
///
/// # Errors
/// When the database does not answer.
pub async fn finished(
    conn: &mut PgConnection,
    id: ParticipationId,
    by: Completion,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let news = query!(
        "UPDATE participation SET finished_at = $3, finished_by = $2, opened_at = coalesce(opened_at, $3)
         WHERE id = $1 AND finished_at IS NULL",
        id.0,
        by.as_str(),
        now
    )
    .execute(conn)
    .await?;
    Ok(news.rows_affected() == 1)
}

/// Keeps what oTree told of the variables that rules name. Written when it is news, and once after the end, so
/// that it is known to have been read since.
///
/// # Errors
/// When the database does not answer.
pub async fn told(
    conn: &mut PgConnection,
    id: ParticipationId,
    vars: &serde_json::Value,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    query!(
        "UPDATE participation SET otree_vars = $2, otree_read_at = $3
         WHERE id = $1 AND (otree_vars IS DISTINCT FROM $2 OR otree_read_at IS NULL OR otree_read_at <= coalesce(finished_at, submitted_at))",
        id.0,
        vars,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Keeps oTree's payoff as of now, or why it cannot be one; nothing changes once a bonus was decided.
///
/// # Errors
/// When the database does not answer.
pub async fn payoff(
    conn: &mut PgConnection,
    id: ParticipationId,
    payoff: Result<Cents, String>,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    let (cents, problem) = match payoff {
        Ok(cents) => (Some(cents.0), None),
        Err(words) => (None, Some(words)),
    };
    query!(
        "UPDATE participation SET payoff_cents = $2, payoff_problem = $3, payoff_at = $4
         WHERE id = $1 AND bonus_cents IS NULL
           AND (payoff_cents IS DISTINCT FROM $2 OR payoff_problem IS DISTINCT FROM $3)",
        id.0,
        cents,
        problem,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes over what the recruiter says about a submission. Matches by batch and worker, whatever
/// assignment id the link showed: the recruiter knows whose it is. Who returned one batch and hands in through
/// another takes part through that one. An approval is final, so a list that was read before a
/// rejection was overturned does not bring it back. Returns whether anything is new.
///
/// # Errors
/// When the database does not answer.
pub async fn submission(
    conn: &mut PgConnection,
    batch: BatchId,
    said: &Submission,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let answers = serde_json::to_value(&said.answers).unwrap_or_default();
    let approved = (said.status == SubmissionStatus::Approved).then(|| said.approved_at.unwrap_or(now));
    let rejected = (said.status == SubmissionStatus::Rejected).then(|| said.rejected_at.unwrap_or(now));
    let news = query!(
        "UPDATE participation p SET batch_id = b.id, assignment_id = $3, submitted_at = coalesce(p.submitted_at, $4),
            auto_approve_at = $5, answers = coalesce(p.answers, $6),
            approved_at = coalesce($7, p.approved_at),
            rejected_at = CASE WHEN coalesce($7::timestamptz, p.approved_at) IS NOT NULL THEN NULL
                ELSE coalesce($8, p.rejected_at) END,
            returned_at = NULL
         FROM worker w, batch b
         WHERE b.id = $1 AND w.id = p.worker_id AND w.external_id = $2
           AND (p.batch_id = b.id
                OR p.study_id = b.study_id AND p.returned_at IS NOT NULL AND p.submitted_at IS NULL)
           AND (p.submitted_at IS NULL OR p.assignment_id <> $3
                OR ($7::timestamptz IS NOT NULL AND p.approved_at IS NULL)
                OR ($8::timestamptz IS NOT NULL AND p.rejected_at IS NULL AND p.approved_at IS NULL))",
        batch.0,
        said.worker_id,
        said.assignment_id,
        said.submitted_at.unwrap_or(now),
        said.auto_approve_at,
        answers,
        approved,
        rejected,
    )
    .execute(conn)
    .await?;
    Ok(news.rows_affected() == 1)
}

/// Those of a batch who can no longer submit: the time for their assignment is over (or the batch is,
/// with nobody working), and the recruiter lists no submission. The time counts from when they last came with
/// it. Unopened seats become free again. Returns how many.
///
/// # Errors
/// When the database does not answer.
pub async fn returned(
    conn: &mut PgConnection,
    batch: BatchId,
    everyone: bool,
    now: DateTime<Utc>,
) -> sqlx::Result<u64> {
    let gone = query!(
        "UPDATE participation p SET returned_at = $2
         FROM study
         WHERE p.batch_id = $1 AND study.id = p.study_id AND p.submitted_at IS NULL AND p.returned_at IS NULL
           AND ($3 OR greatest(p.admitted_at, (
                SELECT max(at) FROM arrival a
                WHERE a.assignment_id = p.assignment_id AND a.participation_id = p.id))
                + make_interval(secs => study.duration_s + 120) < $2)",
        batch.0,
        now,
        everyone,
    )
    .execute(&mut *conn)
    .await?;
    query!(
        "WITH unused AS (
            UPDATE participation SET seat_number = NULL
            WHERE batch_id = $1 AND returned_at IS NOT NULL AND opened_at IS NULL AND seat_number IS NOT NULL
            RETURNING id)
         UPDATE seat SET participation_id = NULL FROM unused WHERE seat.participation_id = unused.id",
        batch.0
    )
    .execute(conn)
    .await?;
    Ok(gone.rows_affected())
}

/// How many participations of the batch are submitted.
///
/// # Errors
/// When the database does not answer.
pub async fn submitted(conn: &mut PgConnection, batch: BatchId) -> sqlx::Result<i64> {
    query_scalar!(
        r#"SELECT count(*) AS "n!" FROM participation WHERE batch_id = $1 AND submitted_at IS NOT NULL"#,
        batch.0
    )
    .fetch_one(conn)
    .await
}

/// Whether this worker takes part in the study already.
///
/// # Errors
/// When the database does not answer.
pub async fn is_in(conn: &mut PgConnection, study: StudyId, realm: &str, worker: &str) -> sqlx::Result<bool> {
    query_scalar!(
        r#"SELECT EXISTS (
            SELECT 1 FROM participation p JOIN worker w ON w.id = p.worker_id
            WHERE p.study_id = $1 AND w.realm = $2 AND w.external_id = $3) AS "yes!""#,
        study.0,
        realm,
        worker
    )
    .fetch_one(conn)
    .await
}
