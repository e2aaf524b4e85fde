//! Rules and what they say, in Postgres. The caller owns the transaction.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::types::Json;
use sqlx::{PgConnection, query, query_as, query_scalar};
use uuid::Uuid;

use super::policy::judge::Verdict;
use super::rules::RuleSet;
use crate::accounts::AccountId;
use crate::jobs;
use crate::labs::LabId;
use crate::participation::{ParticipationId, tracker};
use crate::studies::store::Watched;
use crate::studies::{self, Study, StudyId};

/// A study's rules as stored.
#[derive(Debug, Clone)]
pub struct Rules {
    pub active: bool,
    pub rules: Json<RuleSet>,
    /// Between a verdict and its order, in seconds: the time in which a person can stop it.
    pub undo_s: i32,
    /// Least time between two digests, in seconds; 0: none.
    pub digest_s: i32,
    /// Rises with every change.
    pub version: i32,
    pub digest_at: Option<DateTime<Utc>>,
}

/// What somebody saves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRules {
    pub active: bool,
    pub rules: RuleSet,
    pub undo_s: i32,
    pub digest_s: i32,
}

/// How a verdict goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum State {
    /// Is made again whenever something changes.
    Standing,
    /// A person stopped it: only people decide now.
    Stopped,
    /// Was ordered.
    Done,
}

/// What the rules say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Outcome {
    /// Will be approved.
    Approve,
    /// A person must look.
    Review,
    /// Is waited for.
    Wait,
}

/// A verdict as stored.
#[derive(Debug, Clone)]
pub struct Stored {
    pub participation_id: ParticipationId,
    pub outcome: Outcome,
    pub state: State,
    /// Why a person must look, or what is waited for.
    pub reasons: Vec<String>,
    /// Proposed to whoever decides.
    pub feedback: String,
    pub version: i32,
    pub first_at: DateTime<Utc>,
    /// When it is ordered, unless it is stopped before.
    pub due_at: Option<DateTime<Utc>>,
    /// Why it could not be ordered.
    pub problem: Option<String>,
}

/// A study's rules, if somebody made any.
///
/// # Errors
/// When the database does not answer.
pub async fn rules_of(conn: &mut PgConnection, study: StudyId) -> sqlx::Result<Option<Rules>> {
    query_as!(
        Rules,
        r#"SELECT active, rules AS "rules: _", undo_s, digest_s, version, digest_at
        FROM review_rules WHERE study_id = $1"#,
        study.0
    )
    .fetch_optional(conn)
    .await
}

/// Keeps rules. They apply to everybody who is not decided about; what was ordered stays. The variables that
/// they name are asked for from now on.
///
/// # Errors
/// When the database does not answer.
pub async fn save(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    study: &Study,
    by: AccountId,
    new: &NewRules,
) -> sqlx::Result<()> {
    query!(
        "INSERT INTO review_rules (study_id, lab_id, active, rules, undo_s, digest_s, version, next_look_at,
            updated_by, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8, $7)
         ON CONFLICT (study_id) DO UPDATE SET active = $3, rules = $4, undo_s = $5, digest_s = $6,
            version = review_rules.version + 1, next_look_at = $7, updated_by = $8, updated_at = $7",
        study.id.0,
        study.lab_id.0,
        new.active,
        Json(&new.rules) as _,
        new.undo_s,
        new.digest_s,
        now,
        by.0
    )
    .execute(&mut *conn)
    .await?;
    if !new.active {
        query!("DELETE FROM review_verdict WHERE study_id = $1 AND state = 'standing'", study.id.0)
            .execute(&mut *conn)
            .await?;
    }
    let watched = match new.active {
        true => Watched { participant: new.rules.participant_vars(), session: new.rules.session_vars() },
        false => Watched::default(),
    };
    studies::store::watch(conn, study.id, &watched).await?;
    tracker::look_now(conn, study.id, now).await?;
    jobs::wake(conn, super::auto::NAME).await
}

/// Holds the rules of a study in which somebody waits for a decision and was never looked at, or is to be looked
/// at again, until the transaction ends.
///
/// # Errors
/// When the database does not answer.
pub async fn claim_due(conn: &mut PgConnection, now: DateTime<Utc>) -> sqlx::Result<Option<StudyId>> {
    query_scalar!(
        r#"SELECT study_id AS "id: StudyId" FROM review_rules r
        WHERE active AND EXISTS (
            SELECT FROM participation p
            WHERE p.study_id = r.study_id AND p.stage IN ('submitted', 'submitted_unfinished')
              AND (r.next_look_at <= $1 OR NOT EXISTS (
                SELECT FROM review_verdict v WHERE v.participation_id = p.id
                UNION ALL SELECT FROM payment_order o WHERE o.participation_id = p.id
                  AND o.kind IN ('approve', 'reject') AND o.state <> 'refused')))
        ORDER BY next_look_at LIMIT 1 FOR UPDATE SKIP LOCKED"#,
        now
    )
    .fetch_optional(conn)
    .await
}

/// When the rules look again.
///
/// # Errors
/// When the database does not answer.
pub async fn look_again(conn: &mut PgConnection, study: StudyId, at: DateTime<Utc>) -> sqlx::Result<()> {
    query!("UPDATE review_rules SET next_look_at = $2 WHERE study_id = $1", study.0, at)
        .execute(conn)
        .await?;
    Ok(())
}

/// What the rules said so far.
///
/// # Errors
/// When the database does not answer.
pub async fn of_study(
    conn: &mut PgConnection,
    study: StudyId,
) -> sqlx::Result<HashMap<ParticipationId, Stored>> {
    let rows = query_as!(
        Stored,
        r#"SELECT participation_id AS "participation_id: _", outcome AS "outcome: _", state AS "state: _",
            reasons, feedback, version, first_at, due_at, problem
        FROM review_verdict WHERE study_id = $1"#,
        study.0
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.participation_id, row)).collect())
}

/// Keeps what the rules say of a person, unless a person stopped it or it was ordered. Who needs a look anew is
/// told of in the next digest.
///
/// # Errors
/// When the database does not answer.
pub async fn put(
    conn: &mut PgConnection,
    study: &Study,
    id: ParticipationId,
    verdict: &Verdict,
    version: i32,
    due_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    let (outcome, reasons, feedback): (_, &[String], _) = match verdict {
        Verdict::Approve => ("approve", &[], ""),
        Verdict::Review { reasons, feedback } => ("review", reasons, feedback.as_str()),
        Verdict::Wait(reasons) => ("wait", reasons, ""),
    };
    query!(
        "INSERT INTO review_verdict AS v (participation_id, lab_id, study_id, outcome, state, reasons, feedback,
            version, first_at, due_at)
         VALUES ($1, $2, $3, $4, 'standing', $5, $6, $7, $8, $9)
         ON CONFLICT (participation_id) DO UPDATE SET outcome = $4, reasons = $5, feedback = $6, version = $7,
            due_at = $9, told_at = CASE WHEN v.outcome = $4 THEN v.told_at END,
            problem = CASE WHEN v.outcome = $4 THEN v.problem END
         WHERE v.state = 'standing'",
        id.0,
        study.lab_id.0,
        study.id.0,
        outcome,
        reasons,
        feedback,
        version,
        now,
        due_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Ends a verdict as ordered, if nobody stopped it. Returns whether it still stood.
///
/// # Errors
/// When the database does not answer.
pub async fn done(conn: &mut PgConnection, id: ParticipationId, now: DateTime<Utc>) -> sqlx::Result<bool> {
    let moved = query!(
        "UPDATE review_verdict SET state = 'done', done_at = $2, problem = NULL
         WHERE participation_id = $1 AND state = 'standing' AND outcome = 'approve' AND due_at <= $2",
        id.0,
        now
    )
    .execute(conn)
    .await?;
    Ok(moved.rows_affected() == 1)
}

/// It stands again: this person's could not be ordered, and why; tried again then.
///
/// # Errors
/// When the database does not answer.
pub async fn stand_again(
    conn: &mut PgConnection,
    id: ParticipationId,
    problem: &str,
    until: DateTime<Utc>,
) -> sqlx::Result<()> {
    query!(
        "UPDATE review_verdict SET state = 'standing', done_at = NULL WHERE participation_id = $1 AND state = 'done'",
        id.0
    )
    .execute(&mut *conn)
    .await?;
    hold(conn, id, problem, until).await
}

/// Notes why it could not be ordered, and when it is tried again.
///
/// # Errors
/// When the database does not answer.
pub async fn hold(
    conn: &mut PgConnection,
    id: ParticipationId,
    problem: &str,
    until: DateTime<Utc>,
) -> sqlx::Result<()> {
    query!(
        "UPDATE review_verdict SET problem = $2, due_at = $3
         WHERE participation_id = $1 AND state = 'standing' AND outcome = 'approve'",
        id.0,
        problem,
        until
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Stops what the rules would approve: these people, or everybody. Returns how many were stopped; what was
/// ordered before is not among them.
///
/// # Errors
/// When the database does not answer.
pub async fn stop(
    conn: &mut PgConnection,
    lab: LabId,
    study: StudyId,
    who: Option<&[Uuid]>,
    by: AccountId,
    now: DateTime<Utc>,
) -> sqlx::Result<u64> {
    let stopped = query!(
        "UPDATE review_verdict SET state = 'stopped', stopped_by = $4, stopped_at = $5
         WHERE lab_id = $1 AND study_id = $2 AND state = 'standing' AND outcome = 'approve'
           AND ($3::uuid[] IS NULL OR participation_id = ANY($3))",
        lab.0,
        study.0,
        who,
        by.0,
        now
    )
    .execute(conn)
    .await?;
    Ok(stopped.rows_affected())
}

/// What the rules of a study come to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Will be approved.
    pub approving: i64,
    /// When the first of them.
    pub next_at: Option<DateTime<Utc>>,
    /// Would be approved, but the order could not be placed.
    pub held: i64,
    /// Must be looked at by a person, stopped ones included.
    pub review: i64,
    /// Are waited for.
    pub waiting: i64,
}

/// Counts what is undecided.
///
/// # Errors
/// When the database does not answer.
pub async fn tally(conn: &mut PgConnection, study: StudyId) -> sqlx::Result<Tally> {
    query_as!(
        Tally,
        r#"SELECT count(*) FILTER (WHERE v.state = 'standing' AND outcome = 'approve' AND problem IS NULL) AS "approving!",
            min(due_at) FILTER (WHERE v.state = 'standing' AND problem IS NULL) AS next_at,
            count(*) FILTER (WHERE v.state = 'standing' AND problem IS NOT NULL) AS "held!",
            count(*) FILTER (WHERE v.state = 'stopped' OR outcome = 'review') AS "review!",
            count(*) FILTER (WHERE v.state = 'standing' AND outcome = 'wait') AS "waiting!"
        FROM review_verdict v JOIN participation p ON p.id = v.participation_id
        WHERE v.study_id = $1 AND v.state <> 'done' AND p.stage IN ('submitted', 'submitted_unfinished')
          AND NOT EXISTS (
            SELECT FROM payment_order o WHERE o.participation_id = p.id AND o.kind IN ('approve', 'reject')
              AND o.state <> 'refused')"#,
        study.0
    )
    .fetch_one(conn)
    .await
}

/// Participant variables that the rules name and that are set for nobody who has finished, though oTree was
/// asked: perhaps they are spelled otherwise there.
///
/// # Errors
/// When the database does not answer.
pub async fn unset(conn: &mut PgConnection, study: StudyId) -> sqlx::Result<Vec<String>> {
    query_scalar!(
        r#"SELECT named AS "named!" FROM study
        CROSS JOIN unnest(watched_participant_vars) AS named
        JOIN participation p ON p.study_id = study.id AND p.finished_at IS NOT NULL AND p.otree_vars ? named
        WHERE study.id = $1 GROUP BY named HAVING count(p.otree_vars ->> named) = 0 ORDER BY named"#,
        study.0
    )
    .fetch_all(conn)
    .await
}

/// The feedback that the rules propose for these people of the study, if it is the same for all of them.
///
/// # Errors
/// When the database does not answer.
pub async fn proposed(conn: &mut PgConnection, study: StudyId, who: &[Uuid]) -> sqlx::Result<Option<String>> {
    let all = query_scalar!(
        "SELECT coalesce(v.feedback, '') AS \"feedback!\" FROM unnest($1::uuid[]) AS id
         LEFT JOIN review_verdict v ON v.participation_id = id AND v.outcome = 'review' AND v.study_id = $2
         GROUP BY 1",
        who,
        study.0
    )
    .fetch_all(conn)
    .await?;
    Ok(<[String; 1]>::try_from(all).ok().map(|[only]| only).filter(|words| !words.is_empty()))
}

/// Somebody whom no digest told of yet.
#[derive(Debug, Clone)]
pub struct Untold {
    pub pseudonym: String,
    pub reasons: Vec<String>,
    pub problem: Option<String>,
}

impl Untold {
    /// What a digest says.
    pub fn why(&self) -> String {
        let problem = self.problem.as_deref().map(|why| format!("could not be ordered: {why}"));
        problem.unwrap_or_else(|| self.reasons.join("; "))
    }
}

/// Holds the rules of a study whose owners are to be told of somebody, until the transaction ends.
///
/// # Errors
/// When the database does not answer.
pub async fn claim_digest(conn: &mut PgConnection, now: DateTime<Utc>) -> sqlx::Result<Option<StudyId>> {
    query_scalar!(
        r#"SELECT r.study_id AS "id: StudyId" FROM review_rules r
        WHERE r.active AND r.digest_s > 0
          AND (r.digest_at IS NULL OR r.digest_at + make_interval(secs => r.digest_s) <= $1)
          AND EXISTS (
            SELECT FROM review_verdict v JOIN participation p ON p.id = v.participation_id
            WHERE v.study_id = r.study_id AND v.told_at IS NULL
              AND (v.state = 'standing' AND v.outcome = 'review'
                OR v.state IN ('standing', 'stopped') AND v.problem IS NOT NULL)
              AND p.stage IN ('submitted', 'submitted_unfinished')
              AND NOT EXISTS (
                SELECT FROM payment_order o WHERE o.participation_id = p.id AND o.kind IN ('approve', 'reject')
                  AND o.state <> 'refused'))
        LIMIT 1 FOR UPDATE OF r SKIP LOCKED"#,
        now
    )
    .fetch_optional(conn)
    .await
}

/// Everybody who is to be told of; they count as told once the caller commits.
///
/// # Errors
/// When the database does not answer.
pub async fn tell(conn: &mut PgConnection, study: StudyId, now: DateTime<Utc>) -> sqlx::Result<Vec<Untold>> {
    query!("UPDATE review_rules SET digest_at = $2 WHERE study_id = $1", study.0, now)
        .execute(&mut *conn)
        .await?;
    query_as!(
        Untold,
        r#"WITH told AS (
            UPDATE review_verdict v SET told_at = $2 FROM participation p
            WHERE p.id = v.participation_id AND v.study_id = $1 AND v.told_at IS NULL
              AND (v.state = 'standing' AND v.outcome = 'review'
                OR v.state IN ('standing', 'stopped') AND v.problem IS NOT NULL)
              AND p.stage IN ('submitted', 'submitted_unfinished')
              AND NOT EXISTS (
                SELECT FROM payment_order o WHERE o.participation_id = p.id AND o.kind IN ('approve', 'reject')
                  AND o.state <> 'refused')
            RETURNING p.worker_id, p.admitted_at, v.reasons, v.problem)
        SELECT w.pseudonym, told.reasons AS "reasons!", told.problem FROM told JOIN worker w ON w.id = told.worker_id
        ORDER BY told.admitted_at, w.pseudonym"#,
        study.0,
        now
    )
    .fetch_all(conn)
    .await
}
