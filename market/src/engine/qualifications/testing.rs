//! Taking a qualification's test: opening it starts its time, handing it in is the request.
//!
//! A test that runs out counts as an attempt: it can be opened again when a request could be repeated. What the real
//! service did then was never written down.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::form::QuestionForm;
use super::given::{self, Given, Unfit};
use super::key::AnswerKey;
use super::requests::{self, AskError, Asked};
use super::types::QualificationType;
use crate::engine::later;
use crate::engine::xml::XmlError;

/// A test that a worker has open.
#[derive(Debug, Clone)]
pub struct Run {
    /// What it is for.
    pub kind: QualificationType,
    /// What is asked.
    pub form: QuestionForm,
    /// When it must be handed in.
    pub deadline: DateTime<Utc>,
}

/// Why a test is not handed in.
#[derive(Debug, thiserror::Error)]
pub enum HandInError {
    /// No test is open, or nothing can be asked for.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// Answers that will not do, by the question's identifier; the test stays open.
    #[error("Some answers need another look.")]
    Unfit(Vec<(String, Unfit)>),
}

impl From<sqlx::Error> for HandInError {
    fn from(error: sqlx::Error) -> Self {
        Self::Ask(error.into())
    }
}

/// Opens the test, or goes on with the one that is open.
///
/// # Errors
/// Why not.
pub async fn open(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    worker_id: &str,
    id: &str,
) -> Result<Run, AskError> {
    let kind = requests::offered(conn, now, worker_id, id).await?;
    let seconds = kind.test_duration.ok_or(AskError::NoTest)?;
    if let Some((started_at, deadline)) = find(conn, worker_id, id).await? {
        if deadline > now {
            return run(kind, deadline);
        }
        match kind.retry_delay {
            None => return Err(AskError::OnlyOnce),
            Some(delay) if later(started_at, delay) > now => return Err(AskError::TooSoon),
            Some(_) => {}
        }
    }
    let deadline = later(now, seconds);
    sqlx::query!(
        "insert into market.qualification_test_run (qualification_type_id, worker_id, started_at, deadline)
         values ($1, $2, $3, $4)
         on conflict (qualification_type_id, worker_id)
            do update set started_at = excluded.started_at, deadline = excluded.deadline",
        id,
        worker_id,
        now,
        deadline,
    )
    .execute(conn)
    .await?;
    run(kind, deadline)
}

/// The test that the worker has open.
///
/// # Errors
/// [`AskError::NotOpen`], [`AskError::TestOver`], or why nothing can be asked for.
pub async fn current(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    worker_id: &str,
    id: &str,
) -> Result<Run, AskError> {
    let kind = requests::offered(conn, now, worker_id, id).await?;
    let (_, deadline) = find(conn, worker_id, id).await?.ok_or(AskError::NotOpen)?;
    if deadline < now { Err(AskError::TestOver) } else { run(kind, deadline) }
}

/// Hands the test in: granted at once with what its key says, or left to the requester.
///
/// # Errors
/// [`HandInError`].
pub async fn hand_in(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    worker_id: &str,
    id: &str,
    given: &[Given],
) -> Result<Asked, HandInError> {
    let Run { kind, form, .. } = current(conn, now, worker_id, id).await?;
    let unfit = given::unfit_in(&form, given);
    if !unfit.is_empty() {
        return Err(HandInError::Unfit(unfit));
    }
    let key = kind.answer_key.as_deref().map(|key| AnswerKey::parse(key, &form)).transpose();
    let value = key.map_err(broken)?.map(|key| key.value(given));
    sqlx::query!(
        "delete from market.qualification_test_run where qualification_type_id = $1 and worker_id = $2",
        id,
        worker_id
    )
    .execute(&mut *conn)
    .await?;
    let answer = given::document(&form, given);
    Ok(requests::put(conn, now, worker_id, &kind, Some(&answer), value).await?)
}

async fn find(
    conn: &mut PgConnection,
    worker_id: &str,
    id: &str,
) -> sqlx::Result<Option<(DateTime<Utc>, DateTime<Utc>)>> {
    let found = sqlx::query!(
        "select started_at, deadline from market.qualification_test_run
          where worker_id = $1 and qualification_type_id = $2",
        worker_id,
        id,
    );
    Ok(found.fetch_optional(conn).await?.map(|found| (found.started_at, found.deadline)))
}

fn run(kind: QualificationType, deadline: DateTime<Utc>) -> Result<Run, AskError> {
    let form = QuestionForm::parse(kind.test.as_deref().ok_or(AskError::NoTest)?).map_err(broken)?;
    Ok(Run { kind, form, deadline })
}

/// Documents were checked when they were set.
fn broken(error: XmlError) -> AskError {
    AskError::Database(sqlx::Error::Decode(error.into()))
}
