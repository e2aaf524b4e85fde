//! Studies in Postgres. The caller owns the transaction.

use chrono::{DateTime, Utc};
use kernel::money::Cents;
use sqlx::{PgConnection, query, query_as, query_scalar};

use super::draft::Draft;
use super::{Study, StudyId};
use crate::accounts::AccountId;
use crate::jobs::Lease;
use crate::labs::LabId;

/// All columns of a study, for the rows that the tail chooses.
macro_rules! studies {
    ($tail:literal $(, $arg:expr)* $(,)?) => {
        query_as!(
            Study,
            r#"SELECT id AS "id: _", lab_id AS "lab_id: _", code, name,
                site_id AS "site_id: _", connection_id AS "connection_id: _", environment,
                state AS "state: _", config_name, config_changes AS "config_changes: _",
                adopt_code, places, spare_seats, group_size, batch_size, currency,
                reward_cents AS "reward: _", max_bonus_cents AS "max_bonus: _",
                budget_cents AS "budget: _", title, description, keywords, duration_s, lifetime_s,
                auto_approve_s, frame_height, qualifications, play AS "play: _", template_html,
                completion AS "completion: _", last_page, send_worker_id, variable_names,
                hit_type_id, problem, created_at, published_at, closed_at
            FROM study "# + $tail
            $(, $arg)*
        )
    };
}

/// One study of this lab.
///
/// # Errors
/// When the database does not answer.
pub async fn find(conn: &mut PgConnection, lab: LabId, study: StudyId) -> sqlx::Result<Option<Study>> {
    studies!("WHERE lab_id = $1 AND id = $2", lab.0, study.0).fetch_optional(conn).await
}

/// The lab's studies, newest first.
///
/// # Errors
/// When the database does not answer.
pub async fn all(conn: &mut PgConnection, lab: LabId) -> sqlx::Result<Vec<Study>> {
    studies!("WHERE lab_id = $1 ORDER BY id DESC", lab.0).fetch_all(conn).await
}

/// The study that a worker's link names.
///
/// # Errors
/// When the database does not answer.
pub async fn by_code(conn: &mut PgConnection, code: &str) -> sqlx::Result<Option<Study>> {
    studies!("WHERE code = $1", code).fetch_optional(conn).await
}

/// Locks the study until the transaction ends.
///
/// # Errors
/// When the database does not answer.
pub async fn hold(conn: &mut PgConnection, id: StudyId) -> sqlx::Result<()> {
    query!("SELECT id FROM study WHERE id = $1 FOR NO KEY UPDATE", id.0).fetch_optional(conn).await?;
    Ok(())
}

/// The study by id alone, for work that runs by itself.
///
/// # Errors
/// When there is none, or the database does not answer.
pub async fn get(conn: &mut PgConnection, study: StudyId) -> sqlx::Result<Study> {
    studies!("WHERE id = $1", study.0).fetch_one(conn).await
}

/// Writes a new draft and returns its id.
///
/// # Errors
/// When the database does not answer, or the site or connection is gone.
pub async fn insert(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    lab: LabId,
    by: AccountId,
    environment: &str,
    draft: &Draft,
    budget: Cents,
) -> sqlx::Result<StudyId> {
    let id = StudyId::new();
    query!(
        "INSERT INTO study (id, lab_id, code, name, site_id, connection_id, environment, state, config_name,
            places, spare_seats, group_size, batch_size, reward_cents, max_bonus_cents, budget_cents, title,
            description, keywords, duration_s, lifetime_s, auto_approve_s, frame_height, play, completion,
            next_step_at, created_by, created_at)
         VALUES ($1, $2, $3, '', $4, $5, $6, 'draft', '', 1, 0, 1, 1, 0, 0, 0, '', '', '', 30, 30, 0, 0,
            'new_tab', 'reported', $7, $8, $7)",
        id.0,
        lab.0,
        kernel::secret::code(10),
        draft.site_id.0,
        draft.connection_id.0,
        environment,
        now,
        by.0,
    )
    .execute(&mut *conn)
    .await?;
    update(conn, lab, id, environment, draft, budget).await?;
    Ok(id)
}

/// Rewrites a draft; a published study is left alone. Returns whether it was a draft.
///
/// # Errors
/// When the database does not answer.
pub async fn update(
    conn: &mut PgConnection,
    lab: LabId,
    study: StudyId,
    environment: &str,
    draft: &Draft,
    budget: Cents,
) -> sqlx::Result<bool> {
    let done = query!(
        "UPDATE study SET name = $3, site_id = $4, connection_id = $5, environment = $6, config_name = $7,
            config_changes = $8, adopt_code = $9, places = $10, spare_seats = $11, group_size = $12,
            batch_size = $13, reward_cents = $14, max_bonus_cents = $15, budget_cents = $16, title = $17,
            description = $18, keywords = $19, duration_s = $20, lifetime_s = $21, auto_approve_s = $22,
            frame_height = $23, qualifications = $24, play = $25, template_html = $26, completion = $27,
            last_page = $28, send_worker_id = $29, variable_names = $30
         WHERE lab_id = $1 AND id = $2 AND state = 'draft'",
        lab.0,
        study.0,
        draft.name,
        draft.site_id.0,
        draft.connection_id.0,
        environment,
        draft.config_name,
        serde_json::Value::Object(draft.config_changes.clone()),
        draft.adopt_code,
        draft.places,
        draft.spare_seats,
        draft.group_size,
        draft.batch_size,
        draft.reward.0,
        draft.max_bonus.0,
        budget.0,
        draft.title,
        draft.description,
        draft.keywords,
        draft.duration_s,
        draft.lifetime_s,
        draft.auto_approve_s,
        draft.frame_height,
        draft.qualifications,
        draft.play.as_str(),
        draft.template_html,
        draft.completion.as_str(),
        draft.last_page,
        draft.send_worker_id,
        &draft.variable_names,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes a draft. Returns whether it was one.
///
/// # Errors
/// When the database does not answer.
pub async fn delete_draft(conn: &mut PgConnection, lab: LabId, study: StudyId) -> sqlx::Result<bool> {
    let gone = query!("DELETE FROM study WHERE lab_id = $1 AND id = $2 AND state = 'draft'", lab.0, study.0)
        .execute(conn)
        .await?;
    Ok(gone.rows_affected() == 1)
}

/// Changes what the study may cost. The caller has checked it against what is paid and ordered, with the
/// study's row locked.
///
/// # Errors
/// When the database does not answer.
pub async fn set_budget(
    conn: &mut PgConnection,
    lab: LabId,
    study: StudyId,
    budget: Cents,
) -> sqlx::Result<()> {
    query!("UPDATE study SET budget_cents = $3 WHERE lab_id = $1 AND id = $2", lab.0, study.0, budget.0)
        .execute(conn)
        .await?;
    Ok(())
}

/// Moves a draft to publishing. Returns whether it was a draft.
///
/// # Errors
/// When the database does not answer.
pub async fn start_publishing(
    conn: &mut PgConnection,
    study: StudyId,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let started = query!(
        "UPDATE study SET state = 'publishing', published_at = $2, next_step_at = $2, problem = NULL
         WHERE id = $1 AND state = 'draft'",
        study.0,
        now
    )
    .execute(conn)
    .await?;
    Ok(started.rows_affected() == 1)
}

/// Moves a publishing study to open, if this process holds it.
///
/// # Errors
/// When the database does not answer.
pub async fn opened(conn: &mut PgConnection, study: StudyId, lease: Lease) -> sqlx::Result<bool> {
    let opened = query!(
        "UPDATE study SET state = 'open', problem = NULL, attempts = 0
         WHERE id = $1 AND state = 'publishing' AND lease_token = $2",
        study.0,
        lease.token
    )
    .execute(conn)
    .await?;
    Ok(opened.rows_affected() == 1)
}

/// Closes a study to new people. Returns whether it was open or being published.
///
/// # Errors
/// When the database does not answer.
pub async fn close(
    conn: &mut PgConnection,
    lab: LabId,
    study: StudyId,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let closed = query!(
        "UPDATE study SET state = 'closed', closed_at = $3, next_step_at = $3, problem = NULL
         WHERE lab_id = $1 AND id = $2 AND state IN ('publishing', 'open')",
        lab.0,
        study.0,
        now
    )
    .execute(conn)
    .await?;
    Ok(closed.rows_affected() == 1)
}

/// Holds the next study that has something to publish, or whose batches must come off the list.
///
/// # Errors
/// When the database does not answer.
pub async fn claim(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    lease: Lease,
) -> sqlx::Result<Option<StudyId>> {
    query_scalar!(
        r#"UPDATE study SET lease_token = $2, lease_until = $3
        WHERE id = (
            SELECT id FROM study
            WHERE next_step_at <= $1 AND (lease_until IS NULL OR lease_until <= $1)
              AND (state = 'publishing' OR (state = 'closed' AND EXISTS (
                  SELECT 1 FROM batch WHERE batch.study_id = study.id
                  AND batch.state IN ('sending', 'open') AND batch.expired_at IS NULL)))
            ORDER BY next_step_at LIMIT 1 FOR UPDATE SKIP LOCKED)
        RETURNING id AS "id: StudyId""#,
        now,
        lease.token,
        lease.until
    )
    .fetch_optional(conn)
    .await
}

/// Lets a study go: to be looked at again at `next`, with what stands in the way. A lost session stays on
/// view.
///
/// # Errors
/// When the database does not answer.
pub async fn release(
    conn: &mut PgConnection,
    study: StudyId,
    lease: Lease,
    next: DateTime<Utc>,
    problem: Option<&str>,
) -> sqlx::Result<()> {
    query!(
        "UPDATE study SET lease_token = NULL, lease_until = NULL, next_step_at = $3,
            problem = coalesce($4, (SELECT problem FROM otree_session
                WHERE study_id = study.id AND state = 'lost' ORDER BY id DESC LIMIT 1)),
            attempts = CASE WHEN $4::text IS NULL THEN 0 ELSE attempts + 1 END
         WHERE id = $1 AND lease_token = $2",
        study.0,
        lease.token,
        next,
        problem
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Remembers the offer's id at the recruiter.
///
/// # Errors
/// When the database does not answer.
pub async fn registered(conn: &mut PgConnection, study: StudyId, offer: &str) -> sqlx::Result<()> {
    query!("UPDATE study SET hit_type_id = $2 WHERE id = $1", study.0, offer).execute(conn).await?;
    Ok(())
}

/// How often in a row the publisher had to give up on this study.
///
/// # Errors
/// When the database does not answer.
pub async fn attempts(conn: &mut PgConnection, study: StudyId) -> sqlx::Result<i32> {
    query_scalar!("SELECT attempts FROM study WHERE id = $1", study.0).fetch_one(conn).await
}

/// Shows the researcher what is wrong with a study.
///
/// # Errors
/// When the database does not answer.
pub async fn set_problem(conn: &mut PgConnection, study: StudyId, problem: &str) -> sqlx::Result<()> {
    query!("UPDATE study SET problem = $2 WHERE id = $1", study.0, problem).execute(conn).await?;
    Ok(())
}

/// What the last check of the study's site found.
///
/// # Errors
/// When the database does not answer.
pub async fn site_state(conn: &mut PgConnection, study: StudyId) -> sqlx::Result<String> {
    query_scalar!(
        "SELECT site.state FROM study JOIN site ON site.id = study.site_id WHERE study.id = $1",
        study.0
    )
    .fetch_one(conn)
    .await
}

/// The variables that a study's rules name: asked for whenever its session is read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Watched {
    pub participant: Vec<String>,
    pub session: Vec<String>,
}

/// What is asked of oTree besides what every study needs.
///
/// # Errors
/// When there is no such study, or the database does not answer.
pub async fn watched(conn: &mut PgConnection, study: StudyId) -> sqlx::Result<Watched> {
    query_as!(
        Watched,
        "SELECT watched_participant_vars AS participant, watched_session_vars AS session
         FROM study WHERE id = $1",
        study.0
    )
    .fetch_one(conn)
    .await
}

/// Has these variables asked for from now on.
///
/// # Errors
/// When the database does not answer.
pub async fn watch(conn: &mut PgConnection, study: StudyId, watched: &Watched) -> sqlx::Result<()> {
    query!(
        "UPDATE study SET watched_participant_vars = $2, watched_session_vars = $3 WHERE id = $1",
        study.0,
        &watched.participant,
        &watched.session
    )
    .execute(conn)
    .await?;
    Ok(())
}
