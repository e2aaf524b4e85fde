//! Events waiting to be told: written in the transaction that makes them.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::Transport;
use super::settings::Specification;
use crate::journal::{Effect, Note};

/// HIT type and HIT of a test notification, which concerns no real ones.
const TEST_IDS: [&str; 2] = ["09876543210987654321", "12345678901234567890"];

/// One event to tell somebody.
#[derive(Debug, Clone)]
pub struct Notice {
    /// Position in the order of events.
    pub seq: i64,
    /// Whose HIT.
    pub requester_id: String,
    /// The protocol's word for the event.
    pub event_type: String,
    /// Market time of the event.
    pub at: DateTime<Utc>,
    /// The HIT's type.
    pub hit_type_id: String,
    /// The HIT's group.
    pub hit_group_id: Option<String>,
    /// The HIT.
    pub hit_id: Option<String>,
    /// The assignment.
    pub assignment_id: Option<String>,
    /// The worker.
    pub worker_id: Option<String>,
    /// Whether the HIT's lifetime was over.
    pub after_expiry: bool,
    /// How it travels.
    pub transport: Transport,
    /// Where to.
    pub destination: String,
    /// `EventDocVersion`.
    pub version: String,
    /// `EventDocId`.
    pub doc_id: String,
    /// Attempts so far, this one included.
    pub attempts: i64,
}

/// Queues what the journal's effect means to those who asked to be told.
///
/// # Errors
/// When Postgres fails.
pub async fn queue(
    conn: &mut PgConnection,
    at: DateTime<Utc>,
    effect: Effect,
    note: &Note<'_>,
) -> sqlx::Result<()> {
    let Some(hit_id) = note.hit_id else { return Ok(()) };
    for event_type in events(effect, note.more_time) {
        insert(conn, at, effect, event_type, hit_id, note).await?;
    }
    Ok(())
}

/// What an effect may mean in the protocol's words; the HIT's row decides about [`HITReviewable`].
fn events(effect: Effect, more_time: bool) -> &'static [&'static str] {
    match effect {
        Effect::HitCreated => &["HITCreated"],
        Effect::HitExtended => &["HITExtended"],
        // An expiration that stays or comes sooner extends nothing.
        Effect::HitExpirationSet if more_time => &["HITExtended"],
        Effect::HitExpired => &["HITExpired", "HITReviewable"],
        Effect::HitDisposed => &["HITDisposed"],
        Effect::Accepted => &["AssignmentAccepted"],
        Effect::Returned => &["AssignmentReturned", "HITReviewable"],
        Effect::Abandoned => &["AssignmentAbandoned", "HITReviewable"],
        Effect::Submitted => &["AssignmentSubmitted", "HITReviewable"],
        Effect::Approved | Effect::AutoApproved => &["AssignmentApproved"],
        Effect::Rejected => &["AssignmentRejected"],
        _ => &[],
    }
}

/// A HIT becomes reviewable when its last worker is done and it is full or over, or when its lifetime ends with
/// places left and nobody at work.
async fn insert(
    conn: &mut PgConnection,
    at: DateTime<Utc>,
    effect: Effect,
    event_type: &str,
    hit_id: &str,
    note: &Note<'_>,
) -> sqlx::Result<()> {
    let of_assignment = event_type.starts_with("Assignment");
    sqlx::query!(
        "insert into market.notice
            (requester_id, event_type, at, hit_type_id, hit_group_id, hit_id, assignment_id, worker_id, after_expiry,
             transport, destination, version, doc_id, try_at)
         select h.requester_id, $2, $3, h.hit_type_id, t.hit_group_id, h.hit_id, $4, $5, h.expiration <= $3,
                n.transport, n.destination, n.version, $6, '-infinity'
           from market.hit h
           join market.hit_type t using (hit_type_id)
           join market.notification n using (hit_type_id)
          where h.hit_id = $1 and n.active and $2 = any(n.event_types)
            and ($2 <> 'HITReviewable'
                 or (h.pending = 0 and h.disposed_at is null
                     and case when h.submitted + h.approved + h.rejected = h.max_assignments then not $7
                              else h.closed_at is not null end))",
        hit_id,
        event_type,
        at,
        note.assignment_id.filter(|_| of_assignment),
        note.worker_id.filter(|_| of_assignment),
        Uuid::new_v4().to_string(),
        effect == Effect::HitExpired,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Queues a test notification: made-up ids, whatever the specification says it wants.
///
/// # Errors
/// When Postgres fails.
pub async fn queue_test(
    conn: &mut PgConnection,
    at: DateTime<Utc>,
    requester_id: &str,
    specification: &Specification,
    event_type: &str,
) -> sqlx::Result<()> {
    let [hit_type_id, hit_id] = TEST_IDS;
    sqlx::query!(
        "insert into market.notice (requester_id, event_type, at, hit_type_id, hit_id, after_expiry, transport,
                                    destination, version, doc_id, try_at)
         values ($1, $2, $3, $4, $5, false, $6, $7, $8, $9, '-infinity')",
        requester_id,
        event_type,
        at,
        hit_type_id,
        hit_id,
        specification.transport as Transport,
        specification.destination,
        specification.version,
        Uuid::new_v4().to_string(),
    )
    .execute(conn)
    .await?;
    Ok(())
}
