//! All that a list of studies shows, read in one query: how far everybody is and what needs somebody.

use chrono::{DateTime, Utc};
use kernel::money::Cents;
use sqlx::{PgConnection, query_as};

use super::{State, StudyId};
use crate::labs::LabId;

/// One study with its counts. Each participation counts in exactly one of the stages.
#[derive(Debug, Clone)]
pub struct Line {
    pub id: StudyId,
    pub name: String,
    pub state: State,
    pub environment: String,
    pub places: i32,
    pub created_at: DateTime<Utc>,
    /// Why publishing does not move on.
    pub problem: Option<String>,
    pub admitted: i64,
    pub working: i64,
    pub finished: i64,
    pub finished_unsubmitted: i64,
    /// Those of them to whom no compensation was offered.
    pub uncompensated: i64,
    pub submitted: i64,
    pub submitted_unfinished: i64,
    pub approved: i64,
    pub paid: i64,
    pub rejected: i64,
    pub returned: i64,
    pub worked_then_returned: i64,
    /// Submitted, but an order for the decision is under way.
    pub deciding: i64,
    /// Payoffs that cannot be a bonus as they stand.
    pub odd_payoffs: i64,
    /// When the first undecided submission is approved by itself, UTC.
    pub first_auto_approval: Option<DateTime<Utc>>,
    /// Batches that are refused or held up.
    pub held_batches: i64,
    /// Orders whose outcome is not known.
    pub unknown_orders: i64,
    /// Orders that were tried and wait for something to be mended, money or keys for example.
    pub held_orders: i64,
    /// Orders that the recruiter refused and that nothing has replaced.
    pub refused_orders: i64,
    /// Confirmed payments, fees included.
    pub spent: Cents,
    pub budget: Cents,
}

impl Line {
    /// Submissions that wait for somebody's decision.
    pub fn undecided(&self) -> i64 {
        self.submitted + self.submitted_unfinished - self.deciding
    }

    /// Everybody who ever took part.
    pub fn people(&self) -> i64 {
        self.admitted
            + self.working
            + self.finished
            + self.finished_unsubmitted
            + self.submitted
            + self.submitted_unfinished
            + self.approved
            + self.paid
            + self.rejected
            + self.returned
            + self.worked_then_returned
    }
}

/// The lab's studies, newest first; only one of them when asked for.
///
/// # Errors
/// When the database does not answer.
pub async fn of_lab(conn: &mut PgConnection, lab: LabId, only: Option<StudyId>) -> sqlx::Result<Vec<Line>> {
    query_as!(
        Line,
        r#"SELECT study.id AS "id: _", study.name, study.state AS "state: _", study.environment, study.places,
            study.created_at, study.problem, study.budget_cents AS "budget: _",
            p.admitted AS "admitted!", p.working AS "working!", p.finished AS "finished!",
            p.finished_unsubmitted AS "finished_unsubmitted!", p.uncompensated AS "uncompensated!", p.submitted AS "submitted!",
            p.submitted_unfinished AS "submitted_unfinished!", p.approved AS "approved!", p.paid AS "paid!",
            p.rejected AS "rejected!", p.returned AS "returned!",
            p.worked_then_returned AS "worked_then_returned!", p.odd_payoffs AS "odd_payoffs!",
            p.first_auto_approval, b.held AS "held_batches!", o.deciding AS "deciding!",
            o.unknown AS "unknown_orders!", o.held AS "held_orders!", o.refused AS "refused_orders!", l.spent AS "spent!: _"
        FROM study
        CROSS JOIN LATERAL (
            SELECT count(*) FILTER (WHERE stage = 'admitted') AS admitted,
                count(*) FILTER (WHERE stage = 'working') AS working,
                count(*) FILTER (WHERE stage = 'finished') AS finished,
                count(*) FILTER (WHERE stage = 'finished_unsubmitted') AS finished_unsubmitted,
                count(*) FILTER (WHERE stage = 'finished_unsubmitted' AND NOT EXISTS (
                    SELECT FROM payment_order c WHERE c.participation_id = participation.id
                        AND c.kind = 'compensate' AND c.state <> 'refused')) AS uncompensated,
                count(*) FILTER (WHERE stage = 'submitted') AS submitted,
                count(*) FILTER (WHERE stage = 'submitted_unfinished') AS submitted_unfinished,
                count(*) FILTER (WHERE stage = 'approved') AS approved,
                count(*) FILTER (WHERE stage = 'paid') AS paid,
                count(*) FILTER (WHERE stage = 'rejected') AS rejected,
                count(*) FILTER (WHERE stage = 'returned') AS returned,
                count(*) FILTER (WHERE stage = 'worked_then_returned') AS worked_then_returned,
                count(*) FILTER (WHERE payoff_problem IS NOT NULL AND bonus_cents IS NULL
                    AND finished_at IS NOT NULL) AS odd_payoffs,
                min(auto_approve_at) FILTER (WHERE stage IN ('submitted', 'submitted_unfinished'))
                    AS first_auto_approval
            FROM participation WHERE participation.study_id = study.id) p
        CROSS JOIN LATERAL (
            SELECT count(*) FILTER (WHERE state = 'refused' AND study.state <> 'closed'
                OR problem IS NOT NULL AND state IN ('planned', 'sending', 'open')) AS held
            FROM batch WHERE batch.study_id = study.id) b
        CROSS JOIN LATERAL (
            SELECT count(DISTINCT o.participation_id) FILTER (
                    WHERE o.kind IN ('approve', 'reject') AND q.stage IN ('submitted', 'submitted_unfinished')
                    AND o.state <> 'refused') AS deciding,
                count(*) FILTER (WHERE o.state = 'unknown') AS unknown,
                count(*) FILTER (WHERE o.state = 'authorised' AND o.problem IS NOT NULL) AS held,
                count(*) FILTER (WHERE o.state = 'refused' AND o.kind <> 'compensate' AND NOT EXISTS (
                    SELECT 1 FROM payment_order later WHERE later.participation_id = o.participation_id
                    AND later.kind = o.kind AND later.state <> 'refused')) AS refused
            FROM payment_order o JOIN participation q ON q.id = o.participation_id
            WHERE o.study_id = study.id) o
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(l.cents), 0)::bigint AS spent
            FROM ledger_entry e JOIN ledger_posting l ON l.entry = e.id
            WHERE e.study = study.id AND l.account IN ('paid', 'fees', 'written_off')) l
        WHERE study.lab_id = $1 AND ($2::uuid IS NULL OR study.id = $2)
        ORDER BY study.id DESC"#,
        lab.0,
        only.map(|study| study.0),
    )
    .fetch_all(conn)
    .await
}

/// One study of the lab with its counts.
///
/// # Errors
/// When there is none, or the database does not answer.
pub async fn of_study(conn: &mut PgConnection, lab: LabId, study: StudyId) -> sqlx::Result<Line> {
    of_lab(conn, lab, Some(study)).await?.into_iter().next().ok_or(sqlx::Error::RowNotFound)
}
