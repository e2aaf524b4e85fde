//! What workers ask for, and the requester's decision.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::types::{self, QualificationType};
use super::{grants, record};
use crate::engine::{Outcome, Refusal, ids, later};
use crate::journal::Effect;

/// A request that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Position in the order of asking.
    pub seq: i64,
    /// Its id.
    pub request_id: String,
    /// For what.
    pub qualification_type_id: String,
    /// Who asks.
    pub worker_id: String,
    /// Since when.
    pub submitted_at: DateTime<Utc>,
    /// The type's test as it is now.
    pub test: Option<String>,
    /// What was handed in, a QuestionFormAnswers document.
    pub answer: Option<String>,
}

/// What became of asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// Granted at once.
    Granted,
    /// The requester decides.
    Waiting,
}

/// Why a worker cannot ask.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Unknown, inactive, or not to be asked for.
    #[error("This qualification cannot be asked for.")]
    NotOffered,
    /// The way to it is its test.
    #[error("This qualification is got by taking its test.")]
    TestFirst,
    /// There is no test to take.
    #[error("This qualification has no test.")]
    NoTest,
    /// Not opened yet.
    #[error("Open the test first.")]
    NotOpen,
    /// Opened too long ago.
    #[error("The time for this test is over.")]
    TestOver,
    /// They have it.
    #[error("You have this qualification already.")]
    AlreadyHeld,
    /// They wait for the requester.
    #[error("You asked for this qualification before; the requester has not decided yet.")]
    AlreadyAsked,
    /// One request only.
    #[error("This qualification can be asked for only once.")]
    OnlyOnce,
    /// Not yet again.
    #[error("You can ask for this qualification again later.")]
    TooSoon,
    /// Postgres did not do its part.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

/// The type, when this worker may ask for it now; one of their requests at a time.
///
/// # Errors
/// Why not.
pub(super) async fn offered(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    worker_id: &str,
    id: &str,
) -> Result<QualificationType, AskError> {
    // One request of a worker at a time.
    sqlx::query!("select worker_id from market.worker where worker_id = $1 for update", worker_id)
        .fetch_optional(&mut *conn)
        .await?;
    let kind = types::find(conn, id).await?.filter(|kind| kind.active && kind.requestable);
    let kind = kind.ok_or(AskError::NotOffered)?;
    may_ask(conn, now, worker_id, &kind).await?;
    Ok(kind)
}

/// Asks for a qualification that has no test.
///
/// # Errors
/// Why not.
pub async fn ask(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    worker_id: &str,
    id: &str,
) -> Result<Asked, AskError> {
    let kind = offered(conn, now, worker_id, id).await?;
    if kind.test.is_some() {
        return Err(AskError::TestFirst);
    }
    let value = kind.auto_granted.then_some(kind.auto_granted_value);
    Ok(put(conn, now, worker_id, &kind, None, value).await?)
}

/// Writes the request down; with a value it is granted at once.
pub(super) async fn put(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    worker_id: &str,
    kind: &QualificationType,
    answer: Option<&str>,
    value: Option<i64>,
) -> sqlx::Result<Asked> {
    let requester_id = kind.requester_id.as_deref().unwrap_or_default();
    let id = &kind.qualification_type_id;
    let request_id = insert(conn, now, worker_id, id, answer).await?;
    record(conn, now, Effect::QualificationRequested, requester_id, id, Some(worker_id)).await?;
    let Some(value) = value else { return Ok(Asked::Waiting) };
    decide(conn, now, &request_id, "granted", None).await?;
    grants::put(conn, now, requester_id, id, worker_id, value).await?;
    Ok(Asked::Granted)
}

async fn may_ask(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    worker_id: &str,
    kind: &QualificationType,
) -> Result<(), AskError> {
    let id = &kind.qualification_type_id;
    if grants::find(conn, id, worker_id).await?.is_some_and(|grant| grant.revoked_at.is_none()) {
        return Err(AskError::AlreadyHeld);
    }
    let last = sqlx::query!(
        "select state, submitted_at from market.qualification_request
          where worker_id = $1 and qualification_type_id = $2 order by seq desc limit 1",
        worker_id,
        id,
    )
    .fetch_optional(conn)
    .await?;
    match (last, kind.retry_delay) {
        (None, _) => Ok(()),
        (Some(last), _) if last.state == "pending" => Err(AskError::AlreadyAsked),
        (Some(_), None) => Err(AskError::OnlyOnce),
        (Some(last), Some(delay)) if later(last.submitted_at, delay) > now => Err(AskError::TooSoon),
        (Some(_), Some(_)) => Ok(()),
    }
}

async fn insert(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    worker_id: &str,
    id: &str,
    answer: Option<&str>,
) -> sqlx::Result<String> {
    sqlx::query_scalar!(
        "insert into market.qualification_request
            (request_id, qualification_type_id, worker_id, submitted_at, answer)
         values ($1, $2, $3, $4, $5) returning request_id",
        ids::object(),
        id,
        worker_id,
        now,
        answer,
    )
    .fetch_one(conn)
    .await
}

/// Ids of the types that the worker asked for and waits for.
///
/// # Errors
/// When Postgres fails.
pub async fn waiting_of(conn: &mut PgConnection, worker_id: &str) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        "select qualification_type_id from market.qualification_request
          where worker_id = $1 and state = 'pending'",
        worker_id
    )
    .fetch_all(conn)
    .await
}

/// Grants a request for the requester's own type, with this value.
///
/// # Errors
/// [`Refusal::NoSuchQualificationRequest`], or [`Refusal::QualificationRequestState`] when it was decided before.
pub async fn accept(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    requester_id: &str,
    request_id: &str,
    value: i64,
) -> Outcome<()> {
    let (id, worker_id) = owned(conn, requester_id, request_id).await?;
    if !decide(conn, now, request_id, "granted", None).await? {
        return Err(Refusal::QualificationRequestState);
    }
    Ok(grants::put(conn, now, requester_id, &id, &worker_id, value).await?)
}

/// Refuses a request for the requester's own type.
///
/// # Errors
/// [`Refusal::NoSuchQualificationRequest`], or [`Refusal::QualificationRequestState`] when it was decided before.
pub async fn reject(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    requester_id: &str,
    request_id: &str,
    reason: Option<&str>,
) -> Outcome<()> {
    let (id, worker_id) = owned(conn, requester_id, request_id).await?;
    if !decide(conn, now, request_id, "rejected", reason).await? {
        return Err(Refusal::QualificationRequestState);
    }
    let effect = Effect::QualificationRequestRejected;
    Ok(record(conn, now, effect, requester_id, &id, Some(&worker_id)).await?)
}

/// What the request is for, and whose it is.
async fn owned(conn: &mut PgConnection, requester_id: &str, request_id: &str) -> Outcome<(String, String)> {
    let found = sqlx::query!(
        "select q.qualification_type_id, q.worker_id from market.qualification_request q
           join market.qualification_type t using (qualification_type_id)
          where q.request_id = $1 and t.requester_id = $2 and t.deleted_at is null",
        request_id,
        requester_id,
    )
    .fetch_optional(conn)
    .await?;
    found
        .map(|found| (found.qualification_type_id, found.worker_id))
        .ok_or_else(|| Refusal::NoSuchQualificationRequest(request_id.into()))
}

/// Says whether it was waiting until now.
async fn decide(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    request_id: &str,
    state: &str,
    reason: Option<&str>,
) -> sqlx::Result<bool> {
    let decided = sqlx::query!(
        "update market.qualification_request set state = $2, decided_at = $3, reason = $4
          where request_id = $1 and state = 'pending'",
        request_id,
        state,
        now,
        reason,
    )
    .execute(conn)
    .await?;
    Ok(decided.rows_affected() == 1)
}

/// Requests for the requester's types that wait, of one type if one is given, oldest first, after `after`.
///
/// # Errors
/// When Postgres fails.
pub async fn page(
    conn: &mut PgConnection,
    requester_id: &str,
    id: Option<&str>,
    after: i64,
    limit: i64,
) -> sqlx::Result<Vec<Request>> {
    sqlx::query_as!(
        Request,
        "select q.seq, q.request_id, q.qualification_type_id, q.worker_id, q.submitted_at, t.test, q.answer
           from market.qualification_request q join market.qualification_type t using (qualification_type_id)
          where t.requester_id = $1 and t.deleted_at is null and q.state = 'pending' and q.seq > $3
            and ($2::text is null or q.qualification_type_id = $2)
          order by q.seq limit $4",
        requester_id,
        id,
        after,
        limit,
    )
    .fetch_all(conn)
    .await
}
