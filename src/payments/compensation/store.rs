//! Compensations in Postgres, and who may get one. The caller owns the transaction.

use chrono::{DateTime, Utc};
use kernel::money::Cents;
use sqlx::{PgConnection, query, query_as, query_scalar};

use crate::accounts::AccountId;
use crate::connections::ConnectionId;
use crate::jobs::{self, Lease};
use crate::labs::LabId;
use crate::participation::{ParticipationId, WorkerId};
use crate::payments::{OrderId, OrderState, payer};
use crate::studies::{Study, StudyId};

/// Why somebody may be compensated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Reason {
    /// Finished in oTree and did not submit in time.
    FinishedUnsubmitted,
    /// Worked and gave the assignment back, or ran out of time.
    WorkedThenReturned,
    /// Came when no seat was free.
    TurnedAway,
    /// Was rejected, and the recruiter overturns it no more.
    Rejected,
}

impl Reason {
    /// For people.
    pub fn label(self) -> &'static str {
        match self {
            Self::FinishedUnsubmitted => "finished, never submitted",
            Self::WorkedThenReturned => "worked, then returned",
            Self::TurnedAway => "came when the study was full",
            Self::Rejected => "rejected",
        }
    }
}

/// Somebody who may be compensated, or is.
#[derive(Debug, Clone)]
pub struct Candidate {
    pub worker_id: WorkerId,
    pub participation_id: Option<ParticipationId>,
    pub pseudonym: String,
    /// The recruiter's id, for those who decide; never logged.
    pub external_id: String,
    pub reason: Reason,
    /// When they last came, UTC.
    pub at: DateTime<Utc>,
    /// The compensation that is under way or done.
    pub order: Option<OrderId>,
}

/// A compensation on its way. Times are UTC.
#[derive(Debug, Clone)]
pub struct Compensation {
    pub order_id: OrderId,
    pub lab_id: LabId,
    pub study_id: StudyId,
    pub connection_id: ConnectionId,
    pub environment: String,
    /// In the address of the page that the HIT shows.
    pub code: String,
    /// The study's, as the worker knows it.
    pub title: String,
    pub pseudonym: String,
    /// The recruiter's id of the worker; never logged.
    pub worker: String,
    pub amount: Cents,
    pub words: String,
    pub state: OrderState,
    /// What stands in the way of the payment.
    pub order_problem: Option<String>,
    pub qualification_id: Option<String>,
    pub granted_at: Option<DateTime<Utc>>,
    pub offer_id: Option<String>,
    pub first_sent_at: Option<DateTime<Utc>>,
    pub hit_id: Option<String>,
    pub hit_group_id: Option<String>,
    pub expires_at: Option<DateTime<Utc>>,
    pub telling_at: Option<DateTime<Utc>>,
    pub told_at: Option<DateTime<Utc>>,
    pub tell_problem: Option<String>,
    pub submitted_at: Option<DateTime<Utc>>,
    pub ended_at: Option<DateTime<Utc>>,
    /// When a person wanted it back.
    pub withdrawn_at: Option<DateTime<Utc>>,
    /// The worker handed in the study's own work since, which is decided in Review.
    pub submitted_after_all: bool,
    pub problem: Option<String>,
    pub failures: i32,
}

macro_rules! candidates {
    ($tail:literal $(, $arg:expr)* $(,)?) => {
        query_as!(
            Candidate,
            r#"SELECT w.id AS "worker_id!: WorkerId", p.id AS "participation_id?: ParticipationId", w.pseudonym AS "pseudonym!",
                w.external_id AS "external_id!", c.reason AS "reason!: Reason", c.at AS "at!", o.id AS "order?: OrderId"
            FROM (
                SELECT worker_id, study_id, CASE stage WHEN 'finished_unsubmitted' THEN 'finished_unsubmitted'
                    WHEN 'rejected' THEN 'rejected' ELSE 'worked_then_returned' END AS reason,
                    coalesce(finished_at, returned_at, admitted_at) AS at
                FROM participation WHERE study_id = $1 AND (stage IN ('finished_unsubmitted', 'worked_then_returned')
                    OR stage = 'rejected' AND submitted_at <= $2::timestamptz - interval '30 days')
                UNION ALL
                SELECT worker_id, study_id, 'turned_away', max(at) FROM arrival a
                WHERE study_id = $1 AND outcome = 'full' AND worker_id IS NOT NULL AND NOT EXISTS (
                    SELECT FROM participation q WHERE q.study_id = a.study_id AND q.worker_id = a.worker_id
                    AND q.stage <> 'returned')
                GROUP BY worker_id, study_id) c
            JOIN worker w ON w.id = c.worker_id
            LEFT JOIN participation p ON p.study_id = c.study_id AND p.worker_id = c.worker_id
            LEFT JOIN payment_order o ON o.participation_id = p.id AND o.kind = 'compensate' AND o.state <> 'refused' "#
                + $tail
            $(, $arg)*
        )
    };
}

/// Everybody of the study who may be compensated, the latest first.
///
/// # Errors
/// When the database does not answer.
pub async fn candidates(
    conn: &mut PgConnection,
    study: StudyId,
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<Candidate>> {
    candidates!("ORDER BY c.at DESC, w.id", study.0, now).fetch_all(conn).await
}

/// This worker, if they may be compensated in this study.
///
/// # Errors
/// When the database does not answer.
pub async fn candidate(
    conn: &mut PgConnection,
    study: &Study,
    worker: WorkerId,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<Candidate>> {
    candidates!("WHERE w.id = $3 AND w.lab_id = $4 LIMIT 1", study.id.0, now, worker.0, study.lab_id.0)
        .fetch_optional(conn)
        .await
}

/// Who was turned away gets a participation without a seat, so that whoever is paid is a person of the study. It
/// counts as returned; should a place become free, they can still take it.
pub(super) async fn turned_away(
    conn: &mut PgConnection,
    study: &Study,
    worker: WorkerId,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<ParticipationId>> {
    query_scalar!(
        r#"INSERT INTO participation (id, lab_id, study_id, batch_id, worker_id, code, assignment_id, admitted_at, returned_at)
        SELECT $1, $2, a.study_id, a.batch_id, a.worker_id, $5, a.assignment_id, a.at, $6
        FROM arrival a WHERE a.study_id = $3 AND a.worker_id = $4 AND a.outcome = 'full' AND a.batch_id IS NOT NULL
        ORDER BY a.at DESC LIMIT 1
        RETURNING id AS "id: ParticipationId""#,
        ParticipationId::new().0,
        study.lab_id.0,
        study.id.0,
        worker.0,
        kernel::secret::code(10),
        now
    )
    .fetch_optional(conn)
    .await
}

/// The way of an order that was just placed begins.
pub(super) async fn begin(
    conn: &mut PgConnection,
    study: &Study,
    participation: ParticipationId,
    now: DateTime<Utc>,
) -> sqlx::Result<OrderId> {
    query_scalar!(
        r#"INSERT INTO compensation (order_id, lab_id, code, next_step_at)
        SELECT id, $2, $3, $4 FROM payment_order
        WHERE participation_id = $1 AND kind = 'compensate' AND state <> 'refused'
        RETURNING order_id AS "id: OrderId""#,
        participation.0,
        study.lab_id.0,
        kernel::secret::code(24),
        now
    )
    .fetch_one(conn)
    .await
}

macro_rules! compensations {
    ($tail:literal $(, $arg:expr)* $(,)?) => {
        query_as!(
            Compensation,
            r#"SELECT c.order_id AS "order_id: _", c.lab_id AS "lab_id: _", o.study_id AS "study_id: _",
                o.connection_id AS "connection_id: _", study.environment, c.code, study.title, w.pseudonym,
                w.external_id AS worker, o.amount_cents AS "amount: _", o.words, o.state AS "state: _",
                o.problem AS order_problem, c.qualification_id, c.granted_at, c.offer_id, c.first_sent_at, c.hit_id,
                c.hit_group_id, c.expires_at, c.telling_at, c.told_at, c.tell_problem, c.submitted_at, c.ended_at,
                c.withdrawn_at, p.submitted_at IS NOT NULL AND p.rejected_at IS NULL AS "submitted_after_all!", c.problem,
                c.failures
            FROM compensation c JOIN payment_order o ON o.id = c.order_id JOIN study ON study.id = o.study_id
            JOIN participation p ON p.id = o.participation_id JOIN worker w ON w.id = p.worker_id "# + $tail
            $(, $arg)*
        )
    };
}

/// The study's compensations, the latest first.
///
/// # Errors
/// When the database does not answer.
pub async fn of_study(conn: &mut PgConnection, study: StudyId) -> sqlx::Result<Vec<Compensation>> {
    compensations!("WHERE o.study_id = $1 ORDER BY c.order_id DESC", study.0).fetch_all(conn).await
}

/// The compensation whose HIT shows the page with this code.
///
/// # Errors
/// When the database does not answer.
pub async fn by_code(conn: &mut PgConnection, code: &str) -> sqlx::Result<Option<Compensation>> {
    compensations!("WHERE c.code = $1", code).fetch_optional(conn).await
}

/// Holds the next compensation that is due. None is offered while it waits for a second person, or money is paused.
pub(super) async fn claim(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    lease: Lease,
) -> sqlx::Result<Option<Compensation>> {
    let claimed = query_scalar!(
        "UPDATE compensation SET lease_token = $2, lease_until = $3
         WHERE order_id = (
            SELECT c.order_id FROM compensation c JOIN payment_order o ON o.id = c.order_id
            WHERE c.ended_at IS NULL AND c.next_step_at <= $1 AND (c.lease_until IS NULL OR c.lease_until <= $1)
              AND (c.hit_id IS NOT NULL OR c.withdrawn_at IS NOT NULL OR o.state = 'refused' OR NOT (SELECT database_moved())
                AND NOT money_waits(c.lab_id, o.study_id) AND NOT EXISTS (
                SELECT FROM confirmation w WHERE w.id = o.confirmation_id AND w.state = 'waiting'))
            ORDER BY c.next_step_at LIMIT 1 FOR UPDATE OF c SKIP LOCKED)
         RETURNING order_id",
        now,
        lease.token,
        lease.until
    )
    .fetch_optional(&mut *conn)
    .await?;
    match claimed {
        Some(id) => compensations!("WHERE c.order_id = $1", id).fetch_optional(conn).await,
        None => Ok(None),
    }
}

/// Writes down how far it is, if this process still holds it; with `next` it is let go until then.
pub(super) async fn save(
    conn: &mut PgConnection,
    it: &Compensation,
    lease: Lease,
    next: Option<DateTime<Utc>>,
) -> sqlx::Result<bool> {
    let saved = query!(
        "UPDATE compensation SET qualification_id = $3, granted_at = $4, offer_id = $5, first_sent_at = $6,
            hit_id = $7, hit_group_id = $8, expires_at = $9, telling_at = $10, told_at = $11, tell_problem = $12,
            submitted_at = $13, ended_at = $14, problem = $15, failures = $16,
            next_step_at = coalesce($17, next_step_at),
            lease_token = CASE WHEN $17::timestamptz IS NULL THEN lease_token END,
            lease_until = CASE WHEN $17::timestamptz IS NULL THEN lease_until END
         WHERE order_id = $1 AND lease_token = $2",
        it.order_id.0,
        lease.token,
        it.qualification_id,
        it.granted_at,
        it.offer_id,
        it.first_sent_at,
        it.hit_id,
        it.hit_group_id,
        it.expires_at,
        it.telling_at,
        it.told_at,
        it.tell_problem,
        it.submitted_at,
        it.ended_at,
        it.problem,
        it.failures,
        next
    )
    .execute(conn)
    .await?;
    Ok(saved.rows_affected() == 1)
}

/// Wants a compensation of this study back that nobody has collected; one that waits for a second person does not
/// wait any more. Returns whether it was to be had.
pub(super) async fn withdraw(
    conn: &mut PgConnection,
    study: &Study,
    order: OrderId,
    by: AccountId,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let withdrawn = query!(
        "UPDATE compensation c SET withdrawn_at = $4, withdrawn_by = $3, next_step_at = $4, failures = 0
         FROM payment_order o WHERE c.order_id = $1 AND o.id = c.order_id AND o.study_id = $2
           AND o.state = 'planned' AND c.withdrawn_at IS NULL",
        order.0,
        study.id.0,
        by.0,
        now
    )
    .execute(&mut *conn)
    .await?;
    if withdrawn.rows_affected() == 0 {
        return Ok(false);
    }
    query!(
        "UPDATE confirmation SET state = 'declined', decided_by = $2, decided_at = $3
         WHERE state = 'waiting' AND id = (SELECT confirmation_id FROM payment_order WHERE id = $1)",
        order.0,
        by.0,
        now
    )
    .execute(conn)
    .await?;
    Ok(true)
}

/// The worker has submitted: the payer may send the order.
pub(super) async fn pay(
    conn: &mut PgConnection,
    order: OrderId,
    assignment: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    query!(
        "UPDATE payment_order SET state = 'authorised', assignment_id = $2, next_step_at = $3
         WHERE id = $1 AND kind = 'compensate' AND state = 'planned'",
        order.0,
        assignment,
        now
    )
    .execute(&mut *conn)
    .await?;
    jobs::wake(conn, payer::NAME).await
}

/// Refused here, and paid by the recruiter after all: it is booked.
pub(super) async fn paid_after_all(
    conn: &mut PgConnection,
    order: OrderId,
    assignment: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    query!(
        "UPDATE payment_order SET state = 'done', assignment_id = $2, settled_at = $3,
            problem = 'Refused here, and approved at the recruiter after all.'
         WHERE id = $1 AND kind = 'compensate' AND state = 'refused'",
        order.0,
        assignment,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether a compensation of this person that was refused may still be paid by the recruiter.
pub(super) async fn lingers(conn: &mut PgConnection, participation: ParticipationId) -> sqlx::Result<bool> {
    query_scalar!(
        r#"SELECT EXISTS (SELECT FROM compensation c JOIN payment_order o ON o.id = c.order_id
            WHERE o.participation_id = $1 AND c.ended_at IS NULL) AS "yes!""#,
        participation.0
    )
    .fetch_one(conn)
    .await
}

/// It does not come about: the money is free again.
pub(super) async fn refuse(conn: &mut PgConnection, order: OrderId, words: &str) -> sqlx::Result<()> {
    query!(
        "UPDATE payment_order SET state = 'refused', problem = $2
         WHERE id = $1 AND kind = 'compensate' AND state = 'planned'",
        order.0,
        words
    )
    .execute(conn)
    .await?;
    Ok(())
}
