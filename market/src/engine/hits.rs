//! HITs: what they are, the state they are in, and how they are found.

use chrono::{DateTime, Utc};
use kernel::money::Cents;
use serde_json::Value;
use sqlx::PgConnection;

use super::{Outcome, Refusal};

/// A HIT with what its type says about it.
#[derive(Debug, Clone)]
pub struct Hit {
    /// Position in the order of creation.
    pub seq: i64,
    /// Its id.
    pub hit_id: String,
    /// Who published it.
    pub requester_id: String,
    /// Its type.
    pub hit_type_id: String,
    /// What workers see as one entry.
    pub hit_group_id: String,
    /// Title, from the type.
    pub title: String,
    /// Description, from the type.
    pub description: String,
    /// Keywords, from the type.
    pub keywords: Option<String>,
    /// Cents per approved assignment.
    pub reward: Cents,
    /// Cents of fee per approved assignment.
    pub fee: Cents,
    /// Whether both were set aside for every place.
    pub holds: bool,
    /// Seconds from accept to deadline.
    pub assignment_duration: i64,
    /// Seconds from submit to automatic approval.
    pub auto_approval_delay: i64,
    /// As the requester sent them.
    pub qualification_requirements: Value,
    /// The question document.
    pub question: String,
    /// The requester's own note.
    pub requester_annotation: Option<String>,
    /// Places.
    pub max_assignments: i64,
    /// Places at creation.
    pub created_with: i64,
    /// When it was published.
    pub created_at: DateTime<Utc>,
    /// When accepting ends.
    pub expiration: DateTime<Utc>,
    /// When expiry was booked; free places hold no money since.
    pub closed_at: Option<DateTime<Utc>>,
    /// Labelled by the requester as under review.
    pub reviewing: bool,
    /// Whether it pays with play money.
    pub practice: bool,
    /// When it was deleted.
    pub disposed_at: Option<DateTime<Utc>>,
    /// Accepted, not finished.
    pub pending: i64,
    /// Handed in, not reviewed.
    pub submitted: i64,
    /// Approved.
    pub approved: i64,
    /// Rejected.
    pub rejected: i64,
}

/// Where a HIT stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HitStatus {
    /// Somebody can accept it.
    Assignable,
    /// Nobody can accept it and somebody is still at work.
    Unassignable,
    /// Nothing free and nobody at work.
    Reviewable,
    /// The same, labelled by the requester.
    Reviewing,
    /// Deleted.
    Disposed,
}

impl HitStatus {
    /// The protocol's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Assignable => "Assignable",
            Self::Unassignable => "Unassignable",
            Self::Reviewable => "Reviewable",
            Self::Reviewing => "Reviewing",
            Self::Disposed => "Disposed",
        }
    }
}

impl Hit {
    /// Places that nobody has taken, expired or not.
    pub fn untaken(&self) -> i64 {
        self.max_assignments - self.pending - self.submitted - self.approved - self.rejected
    }

    /// Places that a worker could take at `now`.
    pub fn available(&self, now: DateTime<Utc>) -> i64 {
        if self.expiration > now && self.disposed_at.is_none() { self.untaken() } else { 0 }
    }

    /// Places that were reviewed.
    pub fn completed(&self) -> i64 {
        self.approved + self.rejected
    }

    /// Where it stands at `now`.
    pub fn status(&self, now: DateTime<Utc>) -> HitStatus {
        if self.disposed_at.is_some() {
            HitStatus::Disposed
        } else if self.available(now) > 0 {
            HitStatus::Assignable
        } else if self.pending > 0 {
            HitStatus::Unassignable
        } else if self.reviewing {
            HitStatus::Reviewing
        } else {
            HitStatus::Reviewable
        }
    }
}

/// The checked query of whole HITs with the given end: `where`, order, locks.
macro_rules! select_hits {
    ($tail:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            Hit,
            r#"select h.seq, h.hit_id, h.requester_id, h.hit_type_id, t.hit_group_id, t.title, t.description, t.keywords,
                      h.reward as "reward: Cents", h.fee as "fee: Cents", h.holds, t.assignment_duration, t.auto_approval_delay,
                      t.qualification_requirements, h.question, h.requester_annotation, h.max_assignments,
                      h.created_with, h.created_at, h.expiration, h.closed_at, h.reviewing, h.practice, h.disposed_at,
                      h.pending, h.submitted, h.approved, h.rejected
                 from market.hit h join market.hit_type t using (hit_type_id) "# + $tail,
            $($argument),*
        )
    };
}

/// The HIT, whoever owns it and in whatever state.
///
/// # Errors
/// When Postgres fails.
pub async fn find(conn: &mut PgConnection, hit_id: &str) -> sqlx::Result<Option<Hit>> {
    select_hits!("where h.hit_id = $1", hit_id).fetch_optional(conn).await
}

/// The HIT, its row locked until the transaction ends.
///
/// # Errors
/// When Postgres fails.
pub async fn lock(conn: &mut PgConnection, hit_id: &str) -> sqlx::Result<Option<Hit>> {
    select_hits!("where h.hit_id = $1 for update of h", hit_id).fetch_optional(conn).await
}

/// The requester's own HIT unless it was deleted.
///
/// # Errors
/// [`Refusal::NoSuchHit`].
pub async fn owned(conn: &mut PgConnection, requester_id: &str, hit_id: &str) -> Outcome<Hit> {
    let hit = find(conn, hit_id).await?;
    hit.filter(|hit| hit.requester_id == requester_id && hit.disposed_at.is_none())
        .ok_or_else(|| Refusal::NoSuchHit(hit_id.into()))
}

/// The requester's own HIT unless it was deleted, its row locked until the transaction ends.
///
/// # Errors
/// [`Refusal::NoSuchHit`].
pub async fn owned_locked(conn: &mut PgConnection, requester_id: &str, hit_id: &str) -> Outcome<Hit> {
    let hit = lock(conn, hit_id).await?;
    hit.filter(|hit| hit.requester_id == requester_id && hit.disposed_at.is_none())
        .ok_or_else(|| Refusal::NoSuchHit(hit_id.into()))
}

/// The requester's HITs after position `after`, in order of creation; deleted ones are left out.
///
/// # Errors
/// When Postgres fails.
pub async fn page(
    conn: &mut PgConnection,
    requester_id: &str,
    after: i64,
    limit: i64,
) -> sqlx::Result<Vec<Hit>> {
    select_hits!(
        "where h.requester_id = $1 and h.seq > $2 and h.disposed_at is null order by h.seq limit $3",
        requester_id,
        after,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// The requester's HITs whose type requires this qualification, in order of creation, after position `after`.
///
/// # Errors
/// When Postgres fails.
pub async fn page_requiring(
    conn: &mut PgConnection,
    requester_id: &str,
    qualification_type_id: &str,
    after: i64,
    limit: i64,
) -> sqlx::Result<Vec<Hit>> {
    let requiring = serde_json::json!([{ "QualificationTypeId": qualification_type_id }]);
    select_hits!(
        "where h.requester_id = $1 and h.seq > $2 and h.disposed_at is null and t.qualification_requirements @> $3
         order by h.seq limit $4",
        requester_id,
        after,
        requiring,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// The requester's HITs with nothing free and nobody at work, of one type if one is given.
///
/// # Errors
/// When Postgres fails.
pub async fn page_reviewable(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    requester_id: &str,
    hit_type_id: Option<&str>,
    reviewing: bool,
    after: i64,
    limit: i64,
) -> sqlx::Result<Vec<Hit>> {
    select_hits!(
        "where h.requester_id = $1 and h.seq > $2 and h.disposed_at is null
           and ($3::text is null or h.hit_type_id = $3) and h.reviewing = $4 and h.pending = 0
           and (h.expiration <= $5 or h.submitted + h.approved + h.rejected = h.max_assignments)
         order by h.seq limit $6",
        requester_id,
        after,
        hit_type_id,
        reviewing,
        now,
        limit,
    )
    .fetch_all(conn)
    .await
}
