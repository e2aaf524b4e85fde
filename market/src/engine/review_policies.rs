//! Review policies: kept with the HIT they came with, for those who ask; nothing here reviews by them.

use serde_json::Value;
use sqlx::PgConnection;

/// What came with a HIT, as the requester sent it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReviewPolicies {
    /// How each assignment was to be reviewed.
    pub assignment: Option<Value>,
    /// How all assignments together were.
    pub hit: Option<Value>,
}

impl ReviewPolicies {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.assignment.is_none() && self.hit.is_none()
    }
}

/// Keeps the policies with the HIT.
///
/// # Errors
/// When Postgres fails.
pub async fn keep(conn: &mut PgConnection, hit_id: &str, policies: &ReviewPolicies) -> sqlx::Result<()> {
    sqlx::query!(
        "update market.hit set assignment_review_policy = $2, hit_review_policy = $3 where hit_id = $1",
        hit_id,
        policies.assignment,
        policies.hit,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The policies that came with the HIT.
///
/// # Errors
/// When Postgres fails.
pub async fn of_hit(conn: &mut PgConnection, hit_id: &str) -> sqlx::Result<ReviewPolicies> {
    sqlx::query_as!(
        ReviewPolicies,
        "select assignment_review_policy as assignment, hit_review_policy as hit from market.hit where hit_id = $1",
        hit_id,
    )
    .fetch_one(conn)
    .await
}
