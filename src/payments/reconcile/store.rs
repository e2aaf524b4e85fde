//! What is compared next, and our side of it, in Postgres. The caller owns the transaction.

use std::collections::HashMap;

use chrono::{DateTime, Duration, Utc};
use kernel::money::Cents;
use serde::Deserialize;
use sqlx::{PgConnection, query, query_as, query_scalar};
use uuid::Uuid;

use super::compare::{Booked, Ours, Person};
use crate::connections::ConnectionId;
use crate::jobs::Lease;
use crate::labs::LabId;
use crate::payments;
use crate::recruiters::Listed;
use crate::studies::batches::{self, Batch};
use crate::studies::{State, Study, StudyId};

/// The first look at a study or an account comes so long after it is there, in seconds.
const FIRST: f64 = 300.0;
/// An account is looked at so often.
const ACCOUNT: Duration = Duration::minutes(10);

/// What is compared: a study, or the account as a whole.
#[derive(Debug, Clone)]
pub struct Comparison {
    pub id: Uuid,
    pub lab_id: LabId,
    pub connection_id: ConnectionId,
    /// `None`: the account.
    pub study_id: Option<StudyId>,
    /// What the recruiter last said of each batch, in numbers.
    pub figures: serde_json::Value,
    /// The batch where the round goes on.
    pub cursor: i32,
    /// An account: what was available at the last look.
    pub balance: Option<Cents>,
    /// When a round was last answered from end to end, UTC.
    pub compared_at: Option<DateTime<Utc>>,
    /// Why the last look was not answered.
    pub problem: Option<String>,
    pub failures: i32,
}

/// Numbers of a study at one side.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct Figures {
    pub submissions: i64,
    pub approved: i64,
    pub rejected: i64,
    pub bonuses: i64,
    pub bonus_cents: i64,
}

impl Comparison {
    /// What the recruiter said of all batches together.
    pub fn theirs(&self) -> Figures {
        let batches: HashMap<String, Figures> =
            serde_json::from_value(self.figures.clone()).unwrap_or_default();
        batches.values().fold(Figures::default(), |sum, one| Figures {
            submissions: sum.submissions + one.submissions,
            approved: sum.approved + one.approved,
            rejected: sum.rejected + one.rejected,
            bonuses: sum.bonuses + one.bonuses,
            bonus_cents: sum.bonus_cents + one.bonus_cents,
        })
    }
}

macro_rules! comparisons {
    ($tail:literal $(, $arg:expr)* $(,)?) => {
        query_as!(
            Comparison,
            r#"SELECT id, lab_id AS "lab_id: _", connection_id AS "connection_id: _", study_id AS "study_id: _",
                figures, cursor, balance_cents AS "balance: _", compared_at, problem, failures
            FROM comparison "# + $tail
            $(, $arg)*
        )
    };
}

/// Holds the next comparison that is due.
pub(super) async fn claim(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    lease: Lease,
) -> sqlx::Result<Option<Comparison>> {
    begin(conn, now).await?;
    super::moved::notice(conn, now).await?;
    let claimed = query_scalar!(
        // A token that is still there: whoever held it last never told how it ended.
        "UPDATE comparison SET failures = failures + (lease_token IS NOT NULL)::int, lease_token = $2, lease_until = $3
         WHERE id = (
            SELECT id FROM comparison WHERE next_at <= $1 AND (lease_until IS NULL OR lease_until <= $1)
            ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED)
         RETURNING id",
        now,
        lease.token,
        lease.until
    )
    .fetch_optional(&mut *conn)
    .await?;
    match claimed {
        Some(id) => comparisons!("WHERE id = $1", id).fetch_optional(conn).await,
        None => Ok(None),
    }
}

/// Studies with something at a recruiter, and their accounts, are compared from now on.
async fn begin(conn: &mut PgConnection, now: DateTime<Utc>) -> sqlx::Result<()> {
    query!(
        "INSERT INTO comparison (id, lab_id, connection_id, study_id, next_at)
         SELECT gen_random_uuid(), lab_id, connection_id, id, $1::timestamptz + make_interval(secs => $2)
         FROM study WHERE state <> 'draft' AND NOT EXISTS (
            SELECT FROM comparison c WHERE c.study_id = study.id)
         UNION ALL
         SELECT DISTINCT ON (connection_id) gen_random_uuid(), lab_id, connection_id, NULL::uuid,
            $1::timestamptz + make_interval(secs => $2)
         FROM study WHERE state <> 'draft' AND NOT EXISTS (
            SELECT FROM comparison c WHERE c.connection_id = study.connection_id AND c.study_id IS NULL)
         ON CONFLICT DO NOTHING",
        now,
        FIRST
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The study's batches at the recruiter after the one at `after`, at most `most`.
pub(super) async fn next_batches(
    conn: &mut PgConnection,
    study: StudyId,
    after: i32,
    most: i64,
) -> sqlx::Result<Vec<Batch>> {
    let all = batches::of_study(conn, study).await?;
    let later = all.into_iter().filter(|batch| batch.position > after && batch.hit_id.is_some());
    Ok(later.take(usize::try_from(most).unwrap_or(1)).collect())
}

/// Our side.
pub(super) async fn ours(conn: &mut PgConnection, study: StudyId) -> sqlx::Result<Ours> {
    let people = query_as!(
        Person,
        r#"SELECT p.id AS "id: _", p.batch_id AS "batch_id: _", p.assignment_id, w.external_id AS worker,
            p.uninvited, p.submitted_at, p.approved_at, p.rejected_at
        FROM participation p JOIN worker w ON w.id = p.worker_id WHERE p.study_id = $1"#,
        study.0
    )
    .fetch_all(&mut *conn)
    .await?;
    let settled = query!("SELECT id, settled_at FROM payment_order WHERE study_id = $1", study.0)
        .fetch_all(&mut *conn)
        .await?;
    let settled: HashMap<Uuid, Option<DateTime<Utc>>> =
        settled.into_iter().map(|row| (row.id, row.settled_at)).collect();
    let orders = payments::store::of_study(conn, study).await?;
    let orders = orders.into_iter().map(|order| {
        let settled_at = settled.get(&order.id.0).copied().flatten();
        Booked { order, settled_at }
    });
    let orders = orders.collect();
    let batches = query_scalar!(
        r#"SELECT count(*) AS "n!" FROM batch WHERE study_id = $1 AND hit_id IS NOT NULL"#,
        study.0
    )
    .fetch_one(conn)
    .await?;
    Ok(Ours { people, orders, batches })
}

/// How long until the next round: minutes while people come, hours while a rejection can be overturned, then a
/// day; more for studies of many batches.
pub(super) fn pause(study: &Study, batches: i64, now: DateTime<Utc>) -> Duration {
    let closed = study.closed_at.filter(|_| study.state == State::Closed).map(|at| now - at);
    let least = match closed {
        Some(since) if since > Duration::days(40) => Duration::days(1),
        Some(since) if since > Duration::days(1) => Duration::hours(1),
        _ => Duration::minutes(5),
    };
    least.max(Duration::seconds(batches * 10))
}

/// Writes down a step of a round, if this process still holds it.
pub(super) async fn compared(
    conn: &mut PgConnection,
    id: Uuid,
    lease: Lease,
    figures: &serde_json::Value,
    cursor: i32,
    complete: Option<DateTime<Utc>>,
    next: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let kept = query!(
        "UPDATE comparison SET figures = figures || $3, cursor = $4, compared_at = coalesce($5, compared_at),
            caught_up = caught_up OR $5 IS NOT NULL, problem = NULL, failures = 0, next_at = $6, lease_token = NULL, lease_until = NULL
         WHERE id = $1 AND lease_token = $2",
        id,
        lease.token,
        figures,
        cursor,
        complete,
        next
    )
    .execute(conn)
    .await?;
    Ok(kept.rows_affected() == 1)
}

/// The same for an account.
pub(super) async fn account_compared(
    conn: &mut PgConnection,
    id: Uuid,
    lease: Lease,
    balance: Cents,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let kept = query!(
        "UPDATE comparison SET balance_cents = $3, compared_at = $4, caught_up = true, problem = NULL, failures = 0, next_at = $5,
            lease_token = NULL, lease_until = NULL
         WHERE id = $1 AND lease_token = $2",
        id,
        lease.token,
        balance.0,
        now,
        now + ACCOUNT
    )
    .execute(conn)
    .await?;
    Ok(kept.rows_affected() == 1)
}

/// The recruiter did not answer: later again, with the reason on the page.
pub(super) async fn failed(
    conn: &mut PgConnection,
    id: Uuid,
    lease: Lease,
    words: &str,
    next: DateTime<Utc>,
) -> sqlx::Result<()> {
    query!(
        "UPDATE comparison SET problem = $3, failures = failures + 1, next_at = $4,
            lease_token = NULL, lease_until = NULL
         WHERE id = $1 AND lease_token = $2",
        id,
        lease.token,
        words,
        next
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Those marks of the units that are ours, of any lab, with the unit that we know.
pub(super) async fn known_marks(
    conn: &mut PgConnection,
    units: &[Listed],
) -> sqlx::Result<HashMap<Uuid, Option<String>>> {
    let marks: Vec<Uuid> = units.iter().filter_map(|one| one.mark.as_deref()?.parse().ok()).collect();
    let rows = query!(
        r#"SELECT id AS "id!", hit_id FROM batch WHERE id = ANY($1)
        UNION ALL SELECT order_id, hit_id FROM compensation WHERE order_id = ANY($1)"#,
        &marks
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.hit_id)).collect())
}

/// At most what our orders and publications took from the account since then: see
/// [`super::account::balance`].
pub(super) async fn spent_since(
    conn: &mut PgConnection,
    connection: ConnectionId,
    since: DateTime<Utc>,
) -> sqlx::Result<Cents> {
    query_scalar!(
        r#"SELECT (
            coalesce((SELECT sum(amount_cents + fee_cents) FROM payment_order
                WHERE connection_id = $1 AND (state IN ('sending', 'unknown')
                    OR sent_at >= $2::timestamptz - interval '1 minute'
                    OR settled_at >= $2::timestamptz - interval '1 minute'
                    OR created_at >= $2::timestamptz - interval '1 minute')), 0)
            + coalesce((SELECT sum(b.places * (study.reward_cents + greatest(1, ceil(study.reward_cents * 0.45))))
                FROM batch b JOIN study ON study.id = b.study_id
                WHERE study.connection_id = $1 AND (b.state = 'sending'
                    OR b.opened_at >= $2::timestamptz - interval '1 minute')), 0)
        )::bigint AS "spent!: Cents""#,
        connection.0,
        since
    )
    .fetch_one(conn)
    .await
}

/// The comparison of a study.
///
/// # Errors
/// When the database does not answer.
pub async fn of_study(
    conn: &mut PgConnection,
    lab: LabId,
    study: StudyId,
) -> sqlx::Result<Option<Comparison>> {
    comparisons!("WHERE lab_id = $1 AND study_id = $2", lab.0, study.0).fetch_optional(conn).await
}

/// The comparisons of a lab's accounts.
///
/// # Errors
/// When the database does not answer.
pub async fn accounts(conn: &mut PgConnection, lab: LabId) -> sqlx::Result<Vec<Comparison>> {
    comparisons!("WHERE lab_id = $1 AND study_id IS NULL ORDER BY connection_id", lab.0).fetch_all(conn).await
}

/// Our numbers of a study.
///
/// # Errors
/// When the database does not answer.
pub async fn our_figures(conn: &mut PgConnection, study: StudyId) -> sqlx::Result<Figures> {
    query_as!(
        Figures,
        r#"SELECT p.submissions AS "submissions!", p.approved AS "approved!", p.rejected AS "rejected!",
            o.bonuses AS "bonuses!", o.bonus_cents AS "bonus_cents!"
        FROM (SELECT count(*) FILTER (WHERE submitted_at IS NOT NULL) AS submissions,
                count(*) FILTER (WHERE approved_at IS NOT NULL AND submitted_at IS NOT NULL) AS approved,
                count(*) FILTER (WHERE rejected_at IS NOT NULL) AS rejected
            FROM participation WHERE study_id = $1) p,
        (SELECT count(*) AS bonuses, coalesce(sum(amount_cents), 0)::bigint AS bonus_cents
            FROM payment_order WHERE study_id = $1 AND kind = 'bonus' AND state = 'done') o"#,
        study.0
    )
    .fetch_one(conn)
    .await
}
