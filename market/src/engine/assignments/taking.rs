//! Taking a place.

use chrono::{DateTime, Utc};
use sqlx::{Connection, PgConnection};

use super::store::{find, of_worker};
use super::{Assignment, AssignmentState, Wanted, WorkError, record};
use crate::behaviour;
use crate::engine::blocks;
use crate::engine::hits::{self, Hit};
use crate::engine::qualifications::requirements::Action;
use crate::engine::qualifications::standing;
use crate::engine::{ids, later};
use crate::journal::Effect;
use crate::settings::Settings;

/// Gives the worker a place. One worker has at most one assignment of a HIT that counts, for ever;
/// after a return or a missed deadline they may come again, unless the requester's switches say otherwise.
///
/// # Errors
/// [`WorkError::NothingLeft`], [`WorkError::AlreadyHeld`], [`WorkError::AlreadyDone`], [`WorkError::GaveUp`],
/// [`WorkError::Blocked`] or [`WorkError::NotQualified`].
pub async fn accept(
    conn: &mut PgConnection,
    settings: &Settings,
    now: DateTime<Utc>,
    worker_id: &str,
    wanted: Wanted<'_>,
) -> Result<Assignment, WorkError> {
    match wanted {
        Wanted::Hit(hit_id) => {
            let hit = hits::lock(conn, hit_id).await?.ok_or(WorkError::NothingLeft)?;
            take(conn, settings, now, worker_id, &hit).await
        }
        Wanted::Group(hit_type_id) => take_next(conn, settings, now, worker_id, hit_type_id).await,
    }
}

/// Takes the first HIT of the group that still has a place once it is locked. Between choosing and locking somebody
/// else may have taken the last place: then the lock is let go, so that locks do not pile up, and another is chosen.
async fn take_next(
    conn: &mut PgConnection,
    settings: &Settings,
    now: DateTime<Utc>,
    worker_id: &str,
    hit_type_id: &str,
) -> Result<Assignment, WorkError> {
    loop {
        let hit_id = next_of_group(conn, settings, now, worker_id, hit_type_id).await?;
        let hit_id = hit_id.ok_or(WorkError::NothingLeft)?;
        let mut attempt = conn.begin().await?;
        let Some(hit) = hits::lock(&mut attempt, &hit_id).await? else { continue };
        match take(&mut attempt, settings, now, worker_id, &hit).await {
            Err(WorkError::NothingLeft | WorkError::AlreadyHeld { .. } | WorkError::AlreadyDone) => {
                attempt.rollback().await?;
            }
            taken => {
                attempt.commit().await?;
                return taken;
            }
        }
    }
}

/// The oldest HIT of the group with a place for this worker.
///
/// # Errors
/// When Postgres fails.
pub async fn next_of_group(
    conn: &mut PgConnection,
    settings: &Settings,
    now: DateTime<Utc>,
    worker_id: &str,
    hit_type_id: &str,
) -> sqlx::Result<Option<String>> {
    let owner =
        sqlx::query_scalar!("select requester_id from market.hit_type where hit_type_id = $1", hit_type_id);
    let Some(owner) = owner.fetch_optional(&mut *conn).await? else { return Ok(None) };
    let quirks = behaviour::of(conn, settings.quirks, &owner).await?;
    sqlx::query_scalar!(
        "select h.hit_id from market.hit h
          where h.hit_type_id = $1 and h.disposed_at is null and h.closed_at is null and h.expiration > $2
            and h.pending + h.submitted + h.approved + h.rejected < h.max_assignments
            and not exists (select from market.assignment a
                             where a.hit_id = h.hit_id and a.worker_id = $3
                               and ($4 or a.state not in ('returned', 'abandoned')))
          order by h.seq limit 1",
        hit_type_id,
        now,
        worker_id,
        quirks.giving_up_is_final,
    )
    .fetch_optional(conn)
    .await
}

async fn take(
    conn: &mut PgConnection,
    settings: &Settings,
    now: DateTime<Utc>,
    worker_id: &str,
    hit: &Hit,
) -> Result<Assignment, WorkError> {
    if let Some(held) = of_worker(conn, &hit.hit_id, worker_id).await? {
        return Err(match held.state {
            AssignmentState::Accepted => WorkError::AlreadyHeld { assignment_id: held.assignment_id },
            _ => WorkError::AlreadyDone,
        });
    }
    let quirks = behaviour::of(conn, settings.quirks, &hit.requester_id).await?;
    if quirks.giving_up_is_final && gave_up(conn, worker_id, &hit.hit_id).await? {
        return Err(WorkError::GaveUp);
    }
    if blocks::blocked(conn, &hit.requester_id, worker_id).await? {
        return Err(WorkError::Blocked);
    }
    let requirements = &hit.qualification_requirements;
    let (practice, action) = (hit.practice, Action::Accept);
    let obstacle = standing::obstacle(conn, settings, worker_id, requirements, practice, action).await?;
    if let Some(why) = obstacle {
        return Err(WorkError::NotQualified(why));
    }
    if hit.available(now) < 1 {
        return Err(WorkError::NothingLeft);
    }
    let left_behind = if quirks.reuse_assignment_ids { left_behind(conn, &hit.hit_id).await? } else { None };
    let assignment_id = insert(conn, now, worker_id, hit, left_behind.unwrap_or_else(ids::object)).await?;
    sqlx::query!("update market.hit set pending = pending + 1 where hit_id = $1", hit.hit_id)
        .execute(&mut *conn)
        .await?;
    record(conn, now, Effect::Accepted, hit, &assignment_id, worker_id).await?;
    find(conn, &assignment_id).await?.ok_or(WorkError::NothingLeft)
}

async fn gave_up(conn: &mut PgConnection, worker_id: &str, hit_id: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select from market.assignment
                           where hit_id = $1 and worker_id = $2 and state in ('returned', 'abandoned')) as "gave_up!""#,
        hit_id,
        worker_id,
    )
    .fetch_one(conn)
    .await
}

/// The id of the place that was given up first and that nobody took since. The HIT is locked, so nobody else takes it.
async fn left_behind(conn: &mut PgConnection, hit_id: &str) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        "select assignment_id from market.assignment
          where hit_id = $1 group by assignment_id
         having bool_and(state in ('returned', 'abandoned')) order by max(given_up_at), max(seq) limit 1",
        hit_id,
    )
    .fetch_optional(conn)
    .await
}

async fn insert(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    worker_id: &str,
    hit: &Hit,
    assignment_id: String,
) -> sqlx::Result<String> {
    sqlx::query_scalar!(
        "insert into market.assignment (assignment_id, hit_id, requester_id, worker_id, accepted_at, deadline, practice)
         values ($1, $2, $3, $4, $5, $6, (select practice from market.hit where hit_id = $2)) returning assignment_id",
        assignment_id,
        hit.hit_id,
        hit.requester_id,
        worker_id,
        now,
        later(now, hit.assignment_duration),
    )
    .fetch_one(conn)
    .await
}
