//! How a HIT comes, grows, ends and goes.

use chrono::{DateTime, Duration, Utc};
use kernel::money::Cents;
use sqlx::PgConnection;

use super::fees::LARGE;
use super::hits::{self, Hit, HitStatus};
use super::{Outcome, Refusal, counters, hit_types, ids, later, money};
use crate::journal::{self, Effect, Note};
use crate::settings::Fees;

/// More places than this no HIT has.
const MOST_PLACES: i64 = 1_000_000_000;

/// What to publish beside the type.
#[derive(Debug, Clone)]
pub struct NewHit {
    /// The question document, checked.
    pub question: String,
    /// Places.
    pub places: i64,
    /// How long it can be accepted.
    pub lifetime: Duration,
    /// The requester's own note.
    pub requester_annotation: Option<String>,
    /// The request token, for the journal.
    pub token: Option<String>,
}

/// Publishes a HIT of the requester's own type and sets its cost aside.
///
/// # Errors
/// [`Refusal::NoSuchHitType`] or [`Refusal::InsufficientFunds`].
pub async fn create(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    requester_id: &str,
    fees: &Fees,
    hit_type_id: &str,
    new: &NewHit,
) -> Outcome<Hit> {
    let properties = hit_types::owned(conn, requester_id, hit_type_id).await?;
    let fee = fees.of_hit(&properties, new.places);
    publish(conn, now, requester_id, hit_type_id, new, Price { reward: properties.reward, fee, holds: true })
        .await
}

/// What each approved assignment of a HIT costs, and whether that is set aside.
#[derive(Debug, Clone, Copy)]
struct Price {
    reward: Cents,
    fee: Cents,
    holds: bool,
}

/// The same without setting anything aside: approval takes the money from what is free then.
///
/// # Errors
/// [`Refusal::NoSuchHitType`].
pub async fn create_unheld(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    requester_id: &str,
    fees: &Fees,
    hit_type_id: &str,
    new: &NewHit,
) -> Outcome<Hit> {
    let properties = hit_types::owned(conn, requester_id, hit_type_id).await?;
    let fee = fees.of_hit(&properties, new.places);
    publish(conn, now, requester_id, hit_type_id, new, Price { reward: properties.reward, fee, holds: false })
        .await
}

async fn publish(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    requester_id: &str,
    hit_type_id: &str,
    new: &NewHit,
    price: Price,
) -> Outcome<Hit> {
    let hit_id = insert(conn, now, requester_id, hit_type_id, new, price).await?;
    let hit = hits::owned(conn, requester_id, &hit_id).await?;
    money::hold(conn, now, &hit, new.places).await?;
    record(conn, now, Effect::HitCreated, &hit, new.places, new.token.as_deref()).await?;
    Ok(hit)
}

async fn insert(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    requester_id: &str,
    hit_type_id: &str,
    new: &NewHit,
    price: Price,
) -> sqlx::Result<String> {
    sqlx::query_scalar!(
        "insert into market.hit (hit_id, requester_id, hit_type_id, question, requester_annotation, max_assignments,
                                 created_with, reward, fee, holds, created_at, expiration, practice)
         values ($1, $2, $3, $4, $5, $6, $6, $7, $8, $9, $10, $11,
                 (select rehearsal from market.requester where requester_id = $2))
         returning hit_id",
        ids::object(),
        requester_id,
        hit_type_id,
        new.question,
        new.requester_annotation,
        new.places,
        price.reward.0,
        price.fee.0,
        price.holds,
        now,
        now + new.lifetime,
    )
    .fetch_one(conn)
    .await
}

/// Whether the HIT is old enough to be changed: `lock` seconds.
///
/// # Errors
/// [`Refusal::NoSuchHit`] or [`Refusal::TooFresh`].
pub async fn unlocked(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    requester_id: &str,
    hit_id: &str,
    lock: u32,
) -> Outcome<Hit> {
    let hit = hits::owned(conn, requester_id, hit_id).await?;
    if now < later(hit.created_at, lock.into()) { Err(Refusal::TooFresh(hit_id.into())) } else { Ok(hit) }
}

/// Adds places. A HIT created with fewer than ten assignments stays under ten.
///
/// # Errors
/// [`Refusal::NoSuchHit`], [`Refusal::Wall`], [`Refusal::TooManyAssignments`] or [`Refusal::InsufficientFunds`].
pub async fn extend(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    requester_id: &str,
    hit_id: &str,
    places: i64,
    token: Option<&str>,
) -> Outcome<()> {
    let hit = hits::owned_locked(conn, requester_id, hit_id).await?;
    let grown = hit.max_assignments.saturating_add(places);
    if hit.created_with < LARGE && grown >= LARGE {
        return Err(Refusal::Wall);
    }
    if grown > MOST_PLACES {
        return Err(Refusal::TooManyAssignments);
    }
    let grow = sqlx::query!(
        "update market.hit set max_assignments = $2, reviewing = false where hit_id = $1",
        hit_id,
        grown
    );
    grow.execute(&mut *conn).await?;
    counters::note_extension(conn, now, hit_id, places).await?;
    if hit.closed_at.is_none() {
        money::hold(conn, now, &hit, places).await?;
    }
    Ok(record(conn, now, Effect::HitExtended, &hit, places, token).await?)
}

/// Moves the end of accepting: not after `now` ends it now, later extends or reopens it.
///
/// # Errors
/// [`Refusal::NoSuchHit`], or [`Refusal::InsufficientFunds`] when a HIT that was closed cannot be afforded again.
pub async fn set_expiration(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    requester_id: &str,
    hit_id: &str,
    expiration: DateTime<Utc>,
) -> Outcome<()> {
    let mut hit = hits::owned_locked(conn, requester_id, hit_id).await?;
    let more_time = expiration > now && expiration > hit.expiration;
    hit.expiration = if expiration > now { expiration } else { hit.expiration.min(now) };
    sqlx::query!(
        "update market.hit set expiration = $2, reviewing = reviewing and not $3 where hit_id = $1",
        hit_id,
        hit.expiration,
        hit.expiration > now,
    )
    .execute(&mut *conn)
    .await?;
    let note = Note { more_time, ..note(&hit, 0, None) };
    journal::record(conn, now, Effect::HitExpirationSet, requester_id, note).await?;
    if hit.expiration <= now { close(conn, now, &hit).await.map(drop) } else { reopen(conn, now, &hit).await }
}

/// Books the end of a HIT's lifetime: what its free places held is free again. Says whether it was not booked yet.
///
/// # Errors
/// When Postgres fails.
pub async fn close(conn: &mut PgConnection, now: DateTime<Utc>, hit: &Hit) -> Outcome<bool> {
    let closed = sqlx::query!(
        "update market.hit set closed_at = $2 where hit_id = $1 and closed_at is null and disposed_at is null
            and expiration <= $2",
        hit.hit_id,
        now,
    )
    .execute(&mut *conn)
    .await?;
    if closed.rows_affected() == 1 {
        money::release(conn, now, hit, hit.untaken()).await?;
        record(conn, now, Effect::HitExpired, hit, hit.untaken(), None).await?;
    }
    Ok(closed.rows_affected() == 1)
}

async fn reopen(conn: &mut PgConnection, now: DateTime<Utc>, hit: &Hit) -> Outcome<()> {
    if hit.closed_at.is_some() {
        sqlx::query!("update market.hit set closed_at = null where hit_id = $1", hit.hit_id)
            .execute(&mut *conn)
            .await?;
        money::hold(conn, now, hit, hit.untaken()).await?;
    }
    Ok(())
}

/// Deletes a HIT that is over and reviewed.
///
/// # Errors
/// [`Refusal::NoSuchHit`], [`Refusal::HitState`] or [`Refusal::UnreviewedWork`].
pub async fn dispose(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    requester_id: &str,
    hit_id: &str,
) -> Outcome<()> {
    let hit = hits::lock(conn, hit_id).await?.filter(|hit| hit.requester_id == requester_id);
    let hit = hit.ok_or_else(|| Refusal::NoSuchHit(hit_id.into()))?;
    let status = hit.status(now);
    if !matches!(status, HitStatus::Reviewable | HitStatus::Reviewing) {
        return Err(Refusal::HitState { state: status.as_str(), allowed: "Reviewing, Reviewable" });
    }
    if hit.submitted > 0 {
        return Err(Refusal::UnreviewedWork(hit.submitted));
    }
    put_away(conn, now, &hit).await
}

/// Disposes of a HIT because it is old, unless it came back to life or work waits for a review. Says whether it did.
///
/// # Errors
/// When Postgres fails.
pub async fn dispose_of_old(conn: &mut PgConnection, now: DateTime<Utc>, hit_id: &str) -> Outcome<bool> {
    let Some(hit) = hits::lock(conn, hit_id).await? else { return Ok(false) };
    if hit.submitted > 0 || !matches!(hit.status(now), HitStatus::Reviewable | HitStatus::Reviewing) {
        return Ok(false);
    }
    put_away(conn, now, &hit).await.map(|()| true)
}

async fn put_away(conn: &mut PgConnection, now: DateTime<Utc>, hit: &Hit) -> Outcome<()> {
    close(conn, now, hit).await?;
    sqlx::query!("update market.hit set disposed_at = $2 where hit_id = $1", hit.hit_id, now)
        .execute(&mut *conn)
        .await?;
    Ok(record(conn, now, Effect::HitDisposed, hit, 0, None).await?)
}

/// Gives a HIT that nobody has ever accepted another type of the requester's own, and sets its cost aside anew.
///
/// # Errors
/// [`Refusal::NoSuchHit`], [`Refusal::NoSuchHitType`], [`Refusal::Accepted`] or [`Refusal::InsufficientFunds`].
pub async fn change_type(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    requester_id: &str,
    fees: &Fees,
    hit_id: &str,
    hit_type_id: &str,
) -> Outcome<()> {
    let hit = hits::owned_locked(conn, requester_id, hit_id).await?;
    let properties = hit_types::owned(conn, requester_id, hit_type_id).await?;
    if ever_accepted(conn, hit_id).await? {
        return Err(Refusal::Accepted(hit_id.into()));
    }
    let held = if hit.closed_at.is_none() { hit.max_assignments } else { 0 };
    money::release(conn, now, &hit, held).await?;
    sqlx::query!(
        "update market.hit set hit_type_id = $2, reward = $3, fee = $4 where hit_id = $1",
        hit_id,
        hit_type_id,
        properties.reward.0,
        fees.of_hit(&properties, hit.created_with).0,
    )
    .execute(&mut *conn)
    .await?;
    let changed = hits::owned(conn, requester_id, hit_id).await?;
    money::hold(conn, now, &changed, held).await?;
    Ok(record(conn, now, Effect::HitTypeChanged, &changed, held, None).await?)
}

async fn ever_accepted(conn: &mut PgConnection, hit_id: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select from market.assignment where hit_id = $1) as "taken!""#,
        hit_id
    )
    .fetch_one(conn)
    .await
}

/// Writes the effect down with what `places` places cost.
async fn record(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    effect: Effect,
    hit: &Hit,
    places: i64,
    token: Option<&str>,
) -> sqlx::Result<()> {
    journal::record(conn, now, effect, &hit.requester_id, note(hit, places, token)).await
}

fn note<'a>(hit: &'a Hit, places: i64, token: Option<&'a str>) -> Note<'a> {
    Note {
        hit_type_id: Some(&hit.hit_type_id),
        hit_id: Some(&hit.hit_id),
        amount: hit.reward.times(places),
        fee: hit.fee.times(places),
        token,
        ..Note::default()
    }
}
