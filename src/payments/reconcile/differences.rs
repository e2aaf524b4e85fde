//! The rows of what differs. Figures that agree again resolve a row by themselves; figures that change after
//! somebody acknowledged them make a new one, so that nothing is hidden by an old note.

use chrono::{DateTime, Utc};
use kernel::money::Cents;
use sqlx::{PgConnection, query, query_as, query_scalar};
use uuid::Uuid;

use super::Comparison;
use super::compare::{DifferenceKind, Found};
use crate::accounts::AccountId;
use crate::connections::ConnectionId;
use crate::labs::LabId;
use crate::studies::StudyId;

/// One difference as stored. Times are UTC.
#[derive(Debug, Clone)]
pub struct Difference {
    pub id: Uuid,
    pub lab_id: LabId,
    pub study_id: Option<StudyId>,
    /// The study's name; of the account, the connection's.
    pub place: String,
    pub kind: DifferenceKind,
    /// What it is about at the recruiter; for those who may decide.
    pub subject: String,
    pub ours: String,
    pub theirs: String,
    /// Money at the recruiter that our books do not have.
    pub cents: Option<Cents>,
    pub first_seen_at: DateTime<Utc>,
    pub last_seen_at: DateTime<Utc>,
    pub acknowledged_at: Option<DateTime<Utc>>,
    /// Who acknowledged it.
    pub who: Option<String>,
    pub note: Option<String>,
    pub resolved_at: Option<DateTime<Utc>>,
}

impl Difference {
    /// Whether somebody should look at it.
    pub fn open(&self) -> bool {
        self.acknowledged_at.is_none() && self.resolved_at.is_none()
    }

    /// What the ledger counts as written off once it is acknowledged (`ledger_write_off` in SQL).
    pub fn writes_off(&self) -> Option<Cents> {
        use DifferenceKind::{BonusElsewhere, BonusOther, BonusTwice, BonusUnexpected};
        let bonus = matches!(self.kind, BonusElsewhere | BonusOther | BonusTwice | BonusUnexpected);
        self.cents.filter(|_| bonus && self.study_id.is_some())
    }
}

/// What one look covered: what was not found there any more is resolved.
#[derive(Debug, Clone)]
pub struct Scope {
    lab: LabId,
    connection: ConnectionId,
    study: Option<StudyId>,
    batches: Vec<Uuid>,
}

impl Scope {
    /// Some batches of a study.
    pub fn batches(due: &Comparison, batches: Vec<Uuid>) -> Self {
        Self { lab: due.lab_id, connection: due.connection_id, study: due.study_id, batches }
    }

    /// An account as a whole.
    pub fn account(due: &Comparison) -> Self {
        Self::batches(due, Vec::new())
    }
}

/// Keeps what one look found.
pub(super) async fn keep(
    conn: &mut PgConnection,
    scope: &Scope,
    found: &[Found],
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    for one in found {
        see(conn, scope, one, now).await?;
    }
    resolve(conn, scope, found, now).await
}

async fn see(conn: &mut PgConnection, scope: &Scope, found: &Found, now: DateTime<Utc>) -> sqlx::Result<()> {
    // Acknowledged with other figures: that note was about something else.
    query!(
        "UPDATE difference SET resolved_at = $7
         WHERE connection_id = $1 AND study_id IS NOT DISTINCT FROM $2 AND kind = $3 AND subject = $4
           AND resolved_at IS NULL AND acknowledged_at IS NOT NULL AND (ours, theirs) IS DISTINCT FROM ($5, $6)",
        scope.connection.0,
        scope.study.map(|study| study.0),
        found.kind.as_str(),
        found.subject,
        found.ours,
        found.theirs,
        now
    )
    .execute(&mut *conn)
    .await?;
    query!(
        "INSERT INTO difference (id, lab_id, connection_id, study_id, batch_id, kind, subject, ours, theirs, cents,
            first_seen_at, last_seen_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)
         ON CONFLICT (connection_id, study_id, kind, subject) WHERE resolved_at IS NULL
         DO UPDATE SET ours = excluded.ours, theirs = excluded.theirs, cents = excluded.cents,
            last_seen_at = excluded.last_seen_at",
        Uuid::now_v7(),
        scope.lab.0,
        scope.connection.0,
        scope.study.map(|study| study.0),
        found.batch.map(|batch| batch.0),
        found.kind.as_str(),
        found.subject,
        found.ours,
        found.theirs,
        found.cents.map(|cents| cents.0),
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

async fn resolve(
    conn: &mut PgConnection,
    scope: &Scope,
    found: &[Found],
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    let kinds: Vec<String> = found.iter().map(|one| one.kind.as_str().to_owned()).collect();
    let subjects: Vec<String> = found.iter().map(|one| one.subject.clone()).collect();
    query!(
        "UPDATE difference d SET resolved_at = $6
         WHERE d.connection_id = $1 AND d.study_id IS NOT DISTINCT FROM $2 AND d.resolved_at IS NULL
           AND (d.batch_id = ANY($3) OR d.batch_id IS NULL) AND d.kind <> 'balance'
           AND NOT EXISTS (SELECT FROM unnest($4::text[], $5::text[]) AS f(kind, subject)
                WHERE f.kind = d.kind AND f.subject = d.subject)",
        scope.connection.0,
        scope.study.map(|study| study.0),
        &scope.batches,
        &kinds,
        &subjects,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

macro_rules! differences {
    ($tail:literal $(, $arg:expr)* $(,)?) => {
        query_as!(
            Difference,
            r#"SELECT d.id, d.lab_id AS "lab_id: _", d.study_id AS "study_id: _",
                coalesce(study.name, connection.name) AS "place!", d.kind AS "kind: _", d.subject, d.ours, d.theirs,
                d.cents AS "cents: _", d.first_seen_at, d.last_seen_at, d.acknowledged_at,
                account.name AS "who?", d.note, d.resolved_at
            FROM difference d JOIN connection ON connection.id = d.connection_id
            LEFT JOIN study ON study.id = d.study_id
            LEFT JOIN account ON account.id = d.acknowledged_by "# + $tail
            $(, $arg)*
        )
    };
}

/// The lab's differences, those first that wait for somebody; only one study's when asked for. At most 500.
///
/// # Errors
/// When the database does not answer.
pub async fn list(
    conn: &mut PgConnection,
    lab: LabId,
    study: Option<StudyId>,
) -> sqlx::Result<Vec<Difference>> {
    differences!(
        "WHERE d.lab_id = $1 AND ($2::uuid IS NULL OR d.study_id = $2)
         ORDER BY d.resolved_at IS NOT NULL OR d.acknowledged_at IS NOT NULL, d.first_seen_at DESC LIMIT 500",
        lab.0,
        study.map(|study| study.0)
    )
    .fetch_all(conn)
    .await
}

/// One difference of this lab.
///
/// # Errors
/// When the database does not answer.
pub async fn find(conn: &mut PgConnection, lab: LabId, id: Uuid) -> sqlx::Result<Option<Difference>> {
    differences!("WHERE d.lab_id = $1 AND d.id = $2", lab.0, id).fetch_optional(conn).await
}

/// How many wait for somebody, of a study.
///
/// # Errors
/// When the database does not answer.
pub async fn open_of(conn: &mut PgConnection, study: StudyId) -> sqlx::Result<i64> {
    query_scalar!(
        r#"SELECT count(*) AS "n!" FROM difference
        WHERE study_id = $1 AND resolved_at IS NULL AND acknowledged_at IS NULL"#,
        study.0
    )
    .fetch_one(conn)
    .await
}

/// A person has looked at it. Returns whether it was open, with the figures that the person saw.
///
/// # Errors
/// When the database does not answer.
pub async fn acknowledge(
    conn: &mut PgConnection,
    difference: &Difference,
    by: AccountId,
    note: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let done = query!(
        "UPDATE difference SET acknowledged_at = $3, acknowledged_by = $4, note = $5
         WHERE id = $1 AND lab_id = $2 AND acknowledged_at IS NULL AND resolved_at IS NULL
           AND (ours, theirs) = ($6, $7)",
        difference.id,
        difference.lab_id.0,
        now,
        by.0,
        note,
        difference.ours,
        difference.theirs
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}
