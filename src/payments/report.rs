//! Who was paid what: every order that is done and moved money, filtered and added up.

use chrono::{DateTime, NaiveDate, Utc};
use kernel::money::Cents;
use sqlx::{PgConnection, query_as};
use uuid::Uuid;

use super::Kind;
use crate::labs::LabId;
use crate::studies::StudyId;

/// Which payments; `None` does not restrict.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub study: Option<StudyId>,
    /// A recruiter's id of a worker, or a pseudonym; capitals do not matter.
    pub worker: Option<String>,
    /// The first day of the month, UTC.
    pub month: Option<NaiveDate>,
}

/// One payment.
#[derive(Debug, Clone)]
pub struct Payment {
    /// When it was known to have happened, UTC.
    pub at: DateTime<Utc>,
    pub study_id: StudyId,
    pub study: String,
    pub environment: String,
    pub pseudonym: String,
    /// The recruiter's id; never logged.
    pub worker: String,
    pub assignment_id: String,
    pub kind: Kind,
    pub currency: String,
    pub amount: Cents,
    /// The recruiter's fee, at most.
    pub fee: Cents,
    pub words: String,
}

/// What payments are added up by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum By {
    #[default]
    Study,
    Worker,
    Month,
}

impl By {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Study, Self::Worker, Self::Month];

    /// In addresses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Study => "study",
            Self::Worker => "worker",
            Self::Month => "month",
        }
    }

    /// The one of this name, else by study.
    pub fn parse(word: &str) -> Self {
        Self::ALL.into_iter().find(|by| by.as_str() == word).unwrap_or_default()
    }
}

/// Payments of one study, worker or month, in one environment and currency.
#[derive(Debug, Clone)]
pub struct Sum {
    /// The study's name, the pseudonym, or the month as `2026-11`.
    pub name: String,
    /// The study's or worker's id, or the month, to filter by.
    pub key: String,
    pub environment: String,
    pub currency: String,
    pub people: i64,
    pub rewards: Cents,
    pub bonuses: Cents,
    pub fees: Cents,
}

impl Sum {
    /// Everything together.
    pub fn total(&self) -> Cents {
        self.rewards + self.bonuses + self.fees
    }
}

/// The payments, newest first, `limit` of them from `offset` on.
///
/// # Errors
/// When the database does not answer.
pub async fn payments(
    conn: &mut PgConnection,
    lab: LabId,
    filter: &Filter,
    (offset, limit): (i64, i64),
) -> sqlx::Result<Vec<Payment>> {
    query_as!(
        Payment,
        r#"SELECT o.settled_at AS "at!", o.study_id AS "study_id: _", study.name AS study, study.environment,
            w.pseudonym, w.external_id AS worker,
            coalesce(o.assignment_id, p.assignment_id) AS "assignment_id!", o.kind AS "kind: _", o.currency,
            o.amount_cents AS "amount: _", o.fee_cents AS "fee: _", o.words
        FROM payment_order o
        JOIN study ON study.id = o.study_id
        JOIN participation p ON p.id = o.participation_id
        JOIN worker w ON w.id = p.worker_id
        WHERE o.lab_id = $1 AND o.state = 'done' AND o.settled_at IS NOT NULL AND o.amount_cents + o.fee_cents > 0
          AND ($2::uuid IS NULL OR o.study_id = $2)
          AND ($3::text IS NULL OR lower(w.external_id) = lower($3) OR lower(w.pseudonym) = lower($3))
          AND ($4::date IS NULL OR date_trunc('month', o.settled_at AT TIME ZONE 'UTC')::date = $4)
        ORDER BY o.settled_at DESC, o.id DESC OFFSET $5 LIMIT $6"#,
        lab.0,
        filter.study.map(|study| study.0),
        filter.worker,
        filter.month,
        offset,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// The same payments added up, the largest first; months by time.
///
/// # Errors
/// When the database does not answer.
pub async fn sums(conn: &mut PgConnection, lab: LabId, filter: &Filter, by: By) -> sqlx::Result<Vec<Sum>> {
    query_as!(
        Sum,
        r#"SELECT
            CASE $5 WHEN 'study' THEN study.name WHEN 'worker' THEN w.pseudonym
                ELSE to_char(o.settled_at AT TIME ZONE 'UTC', 'YYYY-MM') END AS "name!",
            CASE $5 WHEN 'study' THEN study.id::text WHEN 'worker' THEN w.pseudonym
                ELSE to_char(o.settled_at AT TIME ZONE 'UTC', 'YYYY-MM') END AS "key!",
            study.environment, o.currency, count(DISTINCT w.id) AS "people!",
            coalesce(sum(o.amount_cents) FILTER (WHERE o.kind <> 'bonus'), 0)::bigint AS "rewards!: Cents",
            coalesce(sum(o.amount_cents) FILTER (WHERE o.kind = 'bonus'), 0)::bigint AS "bonuses!: Cents",
            sum(o.fee_cents)::bigint AS "fees!: Cents"
        FROM payment_order o
        JOIN study ON study.id = o.study_id
        JOIN participation p ON p.id = o.participation_id
        JOIN worker w ON w.id = p.worker_id
        WHERE o.lab_id = $1 AND o.state = 'done' AND o.settled_at IS NOT NULL AND o.amount_cents + o.fee_cents > 0
          AND ($2::uuid IS NULL OR o.study_id = $2)
          AND ($3::text IS NULL OR lower(w.external_id) = lower($3) OR lower(w.pseudonym) = lower($3))
          AND ($4::date IS NULL OR date_trunc('month', o.settled_at AT TIME ZONE 'UTC')::date = $4)
        GROUP BY 1, 2, study.environment, o.currency
        ORDER BY CASE WHEN $5 = 'month' THEN 0 ELSE sum(o.amount_cents + o.fee_cents) END DESC, 2 DESC"#,
        lab.0,
        filter.study.map(|study| study.0),
        filter.worker,
        filter.month,
        by.as_str(),
    )
    .fetch_all(conn)
    .await
}

/// The lab's studies that have orders, newest first: what can be filtered by.
///
/// # Errors
/// When the database does not answer.
pub async fn studies(conn: &mut PgConnection, lab: LabId) -> sqlx::Result<Vec<(Uuid, String)>> {
    let rows = sqlx::query!(
        "SELECT id, name FROM study WHERE lab_id = $1
            AND EXISTS (SELECT FROM payment_order o WHERE o.study_id = study.id)
         ORDER BY created_at DESC",
        lab.0
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.name)).collect())
}
