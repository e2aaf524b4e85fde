//! Who gets a seat: one each, the same one again, never two in a study.
//!
//! A whole group of arrivals, of any number of studies, is decided in one short transaction. The
//! studies' rows are locked in order, so that groups of several processes take turns; the unique
//! constraints of `participation` would refuse what a mistake here let through.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, query, query_scalar};
use uuid::Uuid;

use super::ParticipationId;
use crate::labs::LabId;
use crate::studies::{BatchId, StudyId};

/// An accepted assignment whose worker stands at the door.
#[derive(Debug, Clone)]
pub struct Arrival {
    pub lab_id: LabId,
    pub study_id: StudyId,
    pub batch_id: BatchId,
    /// Recruiter and environment in which the worker's id means somebody.
    pub realm: String,
    pub worker: String,
    pub assignment_id: String,
    /// Where the recruiter wants the submission, already checked.
    pub submit_to: Option<String>,
    /// Participant variables from the link's allowed parameters.
    pub variables: serde_json::Value,
    /// Marks by which the same network and browser are known again within the study; not the things themselves.
    pub network_mark: Option<String>,
    pub browser_mark: Option<String>,
}

/// What the door does with somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// A new participation with a seat.
    Admitted(ParticipationId),
    /// Has been here before: the same participation, and the same seat unless it was given back unused.
    Again(ParticipationId),
    /// Takes part already, through another batch.
    OtherBatch,
    /// Is being paid for their work another way, or was: it is not paid twice.
    Compensated,
    /// No seat left, or the study takes nobody any more.
    Full,
}

impl Admission {
    fn word(self) -> &'static str {
        match self {
            Self::Admitted(_) => "admitted",
            Self::Again(_) => "again",
            Self::OtherBatch => "other_batch",
            Self::Compensated => "compensated",
            Self::Full => "full",
        }
    }

    fn participation(self) -> Option<Uuid> {
        match self {
            Self::Admitted(id) | Self::Again(id) => Some(id.0),
            Self::OtherBatch | Self::Compensated | Self::Full => None,
        }
    }
}

/// Decides a group of arrivals, in their order. The caller commits before anybody is told.
///
/// # Errors
/// When the database does not answer; then nobody was admitted.
pub async fn admit(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    group: &[Arrival],
) -> sqlx::Result<Vec<Admission>> {
    let columns = Columns::of(group);
    lock_studies(conn, &columns).await?;
    know_workers(conn, now, &columns).await?;
    take_seats(conn, now, &columns).await?;
    let mut admissions = outcomes(conn, &columns).await?;
    for (arrival, admission) in group.iter().zip(&mut admissions) {
        if let Admission::Again(id) = *admission {
            *admission = welcome_back(conn, id, arrival).await?;
        }
    }
    note(conn, now, &columns, &admissions).await?;
    Ok(admissions)
}

/// The group as the arrays that one statement takes.
struct Columns {
    ids: Vec<Uuid>,
    labs: Vec<Uuid>,
    studies: Vec<Uuid>,
    batches: Vec<Uuid>,
    realms: Vec<String>,
    workers: Vec<String>,
    assignments: Vec<String>,
    submit_to: Vec<Option<String>>,
    variables: Vec<serde_json::Value>,
    codes: Vec<String>,
    network_marks: Vec<Option<String>>,
    browser_marks: Vec<Option<String>>,
}

impl Columns {
    fn of(group: &[Arrival]) -> Self {
        Self {
            ids: group.iter().map(|_| ParticipationId::new().0).collect(),
            labs: group.iter().map(|a| a.lab_id.0).collect(),
            studies: group.iter().map(|a| a.study_id.0).collect(),
            batches: group.iter().map(|a| a.batch_id.0).collect(),
            realms: group.iter().map(|a| a.realm.clone()).collect(),
            workers: group.iter().map(|a| a.worker.clone()).collect(),
            assignments: group.iter().map(|a| a.assignment_id.clone()).collect(),
            submit_to: group.iter().map(|a| a.submit_to.clone()).collect(),
            variables: group.iter().map(|a| a.variables.clone()).collect(),
            codes: group.iter().map(|_| kernel::secret::code(10)).collect(),
            network_marks: group.iter().map(|a| a.network_mark.clone()).collect(),
            browser_marks: group.iter().map(|a| a.browser_mark.clone()).collect(),
        }
    }
}

async fn lock_studies(conn: &mut PgConnection, columns: &Columns) -> sqlx::Result<()> {
    query!("SELECT id FROM study WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE", &columns.studies)
        .fetch_all(conn)
        .await?;
    Ok(())
}

async fn know_workers(conn: &mut PgConnection, now: DateTime<Utc>, columns: &Columns) -> sqlx::Result<()> {
    let ids: Vec<Uuid> = columns.ids.iter().map(|_| Uuid::now_v7()).collect();
    let pseudonyms: Vec<String> = columns.ids.iter().map(|_| kernel::secret::code(12)).collect();
    query!(
        "INSERT INTO worker (id, lab_id, realm, external_id, pseudonym, created_at)
         SELECT a.id, a.lab, a.realm, a.worker, a.pseudonym, $6
         FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[])
              AS a(id, lab, realm, worker, pseudonym)
         ORDER BY a.lab, a.realm, a.worker
         ON CONFLICT (lab_id, realm, external_id) DO NOTHING",
        &ids,
        &columns.labs,
        &columns.realms,
        &columns.workers,
        &pseudonyms,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Everyone who is new to their study gets the next free seat, while there are any.
async fn take_seats(conn: &mut PgConnection, now: DateTime<Utc>, columns: &Columns) -> sqlx::Result<()> {
    query!(
        "WITH asked AS (
            SELECT DISTINCT ON (a.study, w.id) a.*, w.id AS worker_id
            FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[],
                        $7::text[], $8::text[], $9::jsonb[], $10::text[])
                 WITH ORDINALITY AS a(id, lab, study, batch, realm, worker, assignment, submit_to,
                                      variables, code, nr)
            JOIN worker w ON w.lab_id = a.lab AND w.realm = a.realm AND w.external_id = a.worker
            JOIN study ON study.id = a.study AND study.state IN ('publishing', 'open')
            WHERE NOT EXISTS (
                SELECT 1 FROM participation p WHERE p.study_id = a.study AND p.worker_id = w.id)
            ORDER BY a.study, w.id, a.nr
        ), queue AS (
            SELECT *, row_number() OVER (PARTITION BY study ORDER BY nr) AS turn FROM asked
        ), free AS (
            SELECT q.study, s.number, row_number() OVER (PARTITION BY q.study ORDER BY s.number) AS turn
            FROM (SELECT study, count(*) AS wanted FROM queue GROUP BY study) q
            CROSS JOIN LATERAL (
                SELECT number FROM seat
                WHERE study_id = q.study AND participation_id IS NULL
                ORDER BY number LIMIT q.wanted) s
        ), placed AS (
            INSERT INTO participation (id, lab_id, study_id, batch_id, worker_id, seat_number, code,
                                       assignment_id, submit_to, variables, admitted_at)
            SELECT q.id, q.lab, q.study, q.batch, q.worker_id, free.number, q.code,
                   q.assignment, q.submit_to, q.variables, $11
            FROM queue q JOIN free USING (study, turn)
            RETURNING id, study_id, seat_number
        )
        UPDATE seat SET participation_id = placed.id
        FROM placed WHERE seat.study_id = placed.study_id AND seat.number = placed.seat_number",
        &columns.ids,
        &columns.labs,
        &columns.studies,
        &columns.batches,
        &columns.realms,
        &columns.workers,
        &columns.assignments,
        &columns.submit_to as &[Option<String>],
        &columns.variables,
        &columns.codes,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

async fn outcomes(conn: &mut PgConnection, columns: &Columns) -> sqlx::Result<Vec<Admission>> {
    let rows = query!(
        r#"SELECT a.id AS "asked!", p.id AS "found?",
            (p.batch_id = a.batch OR (p.returned_at IS NOT NULL AND p.submitted_at IS NULL)) AS "theirs?",
            p.opened_at IS NOT NULL AND p.submitted_at IS NULL AND EXISTS (SELECT FROM payment_order o
                WHERE o.participation_id = p.id AND o.kind = 'compensate' AND o.state <> 'refused')
                AS "compensated!"
        FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[])
             WITH ORDINALITY AS a(id, lab, study, batch, realm, worker, nr)
        JOIN worker w ON w.lab_id = a.lab AND w.realm = a.realm AND w.external_id = a.worker
        LEFT JOIN participation p ON p.study_id = a.study AND p.worker_id = w.id
        ORDER BY a.nr"#,
        &columns.ids,
        &columns.labs,
        &columns.studies,
        &columns.batches,
        &columns.realms,
        &columns.workers,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| match (row.found, row.theirs) {
            (Some(_), _) if row.compensated => Admission::Compensated,
            (Some(id), _) if id == row.asked => Admission::Admitted(ParticipationId(id)),
            (Some(id), Some(true)) => Admission::Again(ParticipationId(id)),
            (Some(_), _) => Admission::OtherBatch,
            (None, _) => Admission::Full,
        })
        .collect())
}

/// Somebody who has been here: we learn a new assignment id. Who had returned it comes back, perhaps through
/// another batch, and gets a seat again when the old one was given back unused.
async fn welcome_back(
    conn: &mut PgConnection,
    id: ParticipationId,
    arrival: &Arrival,
) -> sqlx::Result<Admission> {
    query!(
        "UPDATE participation SET assignment_id = $2, submit_to = coalesce($3, submit_to), batch_id = $4,
            returned_at = CASE WHEN assignment_id = $2 OR seat_number IS NULL THEN returned_at END
         WHERE id = $1 AND submitted_at IS NULL",
        id.0,
        arrival.assignment_id,
        arrival.submit_to,
        arrival.batch_id.0,
    )
    .execute(&mut *conn)
    .await?;
    let unseated = query_scalar!(
        r#"SELECT seat_number IS NULL AND submitted_at IS NULL AS "yes!" FROM participation WHERE id = $1"#,
        id.0
    )
    .fetch_one(&mut *conn)
    .await?;
    if unseated && !seat_again(conn, id).await? {
        return Ok(Admission::Full);
    }
    Ok(Admission::Again(id))
}

async fn seat_again(conn: &mut PgConnection, id: ParticipationId) -> sqlx::Result<bool> {
    let seated = query!(
        "WITH free AS (
            SELECT s.study_id, s.number FROM seat s
            JOIN participation p ON p.study_id = s.study_id AND p.id = $1
            JOIN study ON study.id = s.study_id AND study.state IN ('publishing', 'open')
            WHERE s.participation_id IS NULL ORDER BY s.number LIMIT 1
        ), taken AS (
            UPDATE seat SET participation_id = $1 FROM free
            WHERE seat.study_id = free.study_id AND seat.number = free.number RETURNING seat.number
        )
        UPDATE participation SET seat_number = taken.number, returned_at = NULL
        FROM taken WHERE id = $1",
        id.0
    )
    .execute(conn)
    .await?;
    Ok(seated.rows_affected() == 1)
}

async fn note(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    columns: &Columns,
    admissions: &[Admission],
) -> sqlx::Result<()> {
    let participations: Vec<Option<Uuid>> = admissions.iter().map(|a| a.participation()).collect();
    let words: Vec<String> = admissions.iter().map(|a| a.word().to_owned()).collect();
    query!(
        "INSERT INTO arrival (study_id, participation_id, batch_id, assignment_id, outcome, at, network_mark,
            browser_mark, worker_id)
         SELECT a.study, a.participation, a.batch, a.assignment, a.outcome, $6, a.network, a.browser, w.id
         FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $7::text[], $8::text[],
                     $9::uuid[], $10::text[], $11::text[])
              AS a(study, participation, batch, assignment, outcome, network, browser, lab, realm, worker)
         JOIN worker w ON w.lab_id = a.lab AND w.realm = a.realm AND w.external_id = a.worker",
        &columns.studies,
        &participations as &[Option<Uuid>],
        &columns.batches,
        &columns.assignments,
        &words,
        now,
        &columns.network_marks as &[Option<String>],
        &columns.browser_marks as &[Option<String>],
        &columns.labs,
        &columns.realms,
        &columns.workers,
    )
    .execute(conn)
    .await?;
    Ok(())
}
