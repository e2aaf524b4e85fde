//! The requester's own label on a HIT that is over: under review, or not.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::hits::{self, HitStatus};
use super::{Outcome, Refusal};
use crate::journal::{self, Effect, Note};

/// Labels a HIT as under review, or takes the label off.
///
/// # Errors
/// [`Refusal::NoSuchHit`], or [`Refusal::HitState`] when the HIT is not over or has that label already.
pub async fn set_reviewing(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    requester_id: &str,
    hit_id: &str,
    reviewing: bool,
) -> Outcome<()> {
    let hit = hits::owned_locked(conn, requester_id, hit_id).await?;
    let from = if reviewing { HitStatus::Reviewable } else { HitStatus::Reviewing };
    if hit.status(now) != from {
        return Err(Refusal::HitState { state: hit.status(now).as_str(), allowed: from.as_str() });
    }
    sqlx::query!("update market.hit set reviewing = $2 where hit_id = $1", hit_id, reviewing)
        .execute(&mut *conn)
        .await?;
    let effect = if reviewing { Effect::HitReviewing } else { Effect::HitReviewable };
    let note = Note { hit_type_id: Some(&hit.hit_type_id), hit_id: Some(hit_id), ..Note::default() };
    Ok(journal::record(conn, now, effect, requester_id, note).await?)
}
