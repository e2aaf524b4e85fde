//! Which worker has which qualification, with what value.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{record, types};
use crate::engine::{Outcome, Refusal, workers};
use crate::journal::Effect;

/// A worker's qualification, perhaps revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Position in the order of first granting.
    pub seq: i64,
    /// Which.
    pub qualification_type_id: String,
    /// Whose.
    pub worker_id: String,
    /// Its value.
    pub value: i64,
    /// When it was last granted.
    pub granted_at: DateTime<Utc>,
    /// When it was taken away.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// Gives a worker the requester's own qualification, or another value of it. Waiting requests stay as they are.
///
/// # Errors
/// [`Refusal::NoSuchQualificationType`] or [`Refusal::NoSuchWorker`].
pub async fn grant(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    requester_id: &str,
    id: &str,
    worker_id: &str,
    value: i64,
) -> Outcome<()> {
    check(conn, requester_id, id, worker_id).await?;
    Ok(put(conn, now, requester_id, id, worker_id, value).await?)
}

/// Whether the requester's own type is active.
///
/// # Errors
/// [`Refusal::NoSuchQualificationType`], [`Refusal::NoSuchWorker`] or [`Refusal::QualificationTypeState`].
pub async fn open(conn: &mut PgConnection, requester_id: &str, id: &str, worker_id: &str) -> Outcome<()> {
    check(conn, requester_id, id, worker_id).await?;
    if types::owned(conn, requester_id, id).await?.active {
        Ok(())
    } else {
        Err(Refusal::QualificationTypeState)
    }
}

/// Whether the worker does not have the requester's own qualification.
///
/// # Errors
/// [`Refusal::NoSuchQualificationType`], [`Refusal::NoSuchWorker`] or [`Refusal::QualificationExists`].
pub async fn missing(conn: &mut PgConnection, requester_id: &str, id: &str, worker_id: &str) -> Outcome<()> {
    check(conn, requester_id, id, worker_id).await?;
    match find(conn, id, worker_id).await? {
        Some(grant) if grant.revoked_at.is_none() => Err(Refusal::QualificationExists {
            qualification_type_id: id.into(),
            worker_id: worker_id.into(),
        }),
        _ => Ok(()),
    }
}

/// Gives it without looking who asks.
pub(super) async fn put(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    requester_id: &str,
    id: &str,
    worker_id: &str,
    value: i64,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into market.qualification (qualification_type_id, worker_id, value, granted_at)
         values ($1, $2, $3, $4)
         on conflict (qualification_type_id, worker_id)
            do update set value = excluded.value, granted_at = excluded.granted_at, revoked_at = null",
        id,
        worker_id,
        value,
        now,
    )
    .execute(&mut *conn)
    .await?;
    record(conn, now, Effect::QualificationGranted, requester_id, id, Some(worker_id)).await
}

/// Takes the requester's own qualification from a worker.
///
/// # Errors
/// [`Refusal::NoSuchQualificationType`], [`Refusal::NoSuchWorker`], [`Refusal::NoSuchQualification`] or
/// [`Refusal::QualificationState`] when it was taken before.
pub async fn revoke(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    requester_id: &str,
    id: &str,
    worker_id: &str,
) -> Outcome<()> {
    granted(conn, requester_id, id, worker_id).await?;
    let revoked = sqlx::query!(
        "update market.qualification set revoked_at = $3
          where qualification_type_id = $1 and worker_id = $2 and revoked_at is null",
        id,
        worker_id,
        now,
    )
    .execute(&mut *conn)
    .await?;
    if revoked.rows_affected() != 1 {
        return Err(Refusal::QualificationState);
    }
    Ok(record(conn, now, Effect::QualificationRevoked, requester_id, id, Some(worker_id)).await?)
}

/// The worker's qualification of the requester's own type.
///
/// # Errors
/// [`Refusal::NoSuchQualificationType`], [`Refusal::NoSuchWorker`], [`Refusal::NoSuchQualification`] or
/// [`Refusal::QualificationState`] when it was taken away.
pub async fn granted(
    conn: &mut PgConnection,
    requester_id: &str,
    id: &str,
    worker_id: &str,
) -> Outcome<Grant> {
    check(conn, requester_id, id, worker_id).await?;
    let missing =
        || Refusal::NoSuchQualification { qualification_type_id: id.into(), worker_id: worker_id.into() };
    let grant = find(conn, id, worker_id).await?.ok_or_else(missing)?;
    if grant.revoked_at.is_some() { Err(Refusal::QualificationState) } else { Ok(grant) }
}

async fn check(conn: &mut PgConnection, requester_id: &str, id: &str, worker_id: &str) -> Outcome<()> {
    types::owned(conn, requester_id, id).await?;
    let worker = workers::find(conn, worker_id).await?;
    worker.map(drop).ok_or_else(|| Refusal::NoSuchWorker(worker_id.into()))
}

/// The worker's qualification of this type, revoked or not.
///
/// # Errors
/// When Postgres fails.
pub async fn find(conn: &mut PgConnection, id: &str, worker_id: &str) -> sqlx::Result<Option<Grant>> {
    sqlx::query_as!(
        Grant,
        "select seq, qualification_type_id, worker_id, value, granted_at, revoked_at
           from market.qualification where qualification_type_id = $1 and worker_id = $2",
        id,
        worker_id,
    )
    .fetch_optional(conn)
    .await
}

/// A qualification as its worker sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Which.
    pub qualification_type_id: String,
    /// Its name.
    pub name: String,
    /// Who gave it, by name.
    pub requester: String,
    /// Its value.
    pub value: i64,
}

/// What the worker has from requesters, newest first.
///
/// # Errors
/// When Postgres fails.
pub async fn of_worker(conn: &mut PgConnection, worker_id: &str) -> sqlx::Result<Vec<Held>> {
    sqlx::query_as!(
        Held,
        "select q.qualification_type_id, t.name, r.name as requester, q.value
           from market.qualification q
           join market.qualification_type t using (qualification_type_id)
           join market.requester r on r.requester_id = t.requester_id
          where q.worker_id = $1 and q.revoked_at is null and t.deleted_at is null
          order by q.granted_at desc, q.seq desc",
        worker_id,
    )
    .fetch_all(conn)
    .await
}

/// Who has this type, had it, or both, in the order of first granting, after position `after`.
///
/// # Errors
/// When Postgres fails.
pub async fn page(
    conn: &mut PgConnection,
    id: &str,
    revoked: Option<bool>,
    after: i64,
    limit: i64,
) -> sqlx::Result<Vec<Grant>> {
    sqlx::query_as!(
        Grant,
        "select seq, qualification_type_id, worker_id, value, granted_at, revoked_at
           from market.qualification
          where qualification_type_id = $1 and seq > $3 and ($2::bool is null or (revoked_at is not null) = $2)
          order by seq limit $4",
        id,
        revoked,
        after,
        limit,
    )
    .fetch_all(conn)
    .await
}
