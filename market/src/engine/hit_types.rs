//! HIT types: the tuple that decides which HITs workers see as one group.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use kernel::money::Cents;
use serde_json::Value;
use sha2::{Digest, Sha256};
use sqlx::PgConnection;

use super::{Outcome, Refusal, ids};
use crate::journal::{self, Effect, Note};

/// The system qualification types that mean Masters, in production and in the sandbox.
pub const MASTERS: [&str; 2] = ["2F1QJWKUDD8XADTFD2Q0G6UTO95ALH", "2ARFPLSP75KLA8M8DH1HTEQVJT3SY6"];

/// What a HIT type consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Properties {
    /// What workers read first.
    pub title: String,
    /// What the work is.
    pub description: String,
    /// Words to search by, with commas.
    pub keywords: Option<String>,
    /// Cents per approved assignment.
    pub reward: Cents,
    /// Seconds from accept to deadline.
    pub assignment_duration: i64,
    /// Seconds from submit to automatic approval.
    pub auto_approval_delay: i64,
    /// As the requester sent them.
    pub qualification_requirements: Value,
}

impl Properties {
    /// Whether only Masters may work on it.
    pub fn masters(&self) -> bool {
        self.required().into_iter().any(|id| MASTERS.contains(&id))
    }

    /// The qualification types that the requirements name, each once.
    pub fn required(&self) -> BTreeSet<&str> {
        let requirements = self.qualification_requirements.as_array().into_iter().flatten();
        requirements.filter_map(|requirement| requirement.get("QualificationTypeId")?.as_str()).collect()
    }

    fn fingerprint(&self) -> Vec<u8> {
        let tuple = serde_json::json!([
            self.title,
            self.description,
            self.keywords,
            self.reward,
            self.assignment_duration,
            self.auto_approval_delay,
            self.qualification_requirements,
        ]);
        Sha256::digest(tuple.to_string()).to_vec()
    }
}

/// The id of the requester's HIT type with exactly these properties; made if there is none.
///
/// # Errors
/// When Postgres fails.
pub async fn register(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    requester_id: &str,
    properties: &Properties,
) -> Outcome<String> {
    let fingerprint = properties.fingerprint();
    if let Some(made) = insert(conn, now, requester_id, properties, &fingerprint).await? {
        let note = Note { hit_type_id: Some(&made), amount: Some(properties.reward), ..Note::default() };
        journal::record(conn, now, Effect::HitTypeCreated, requester_id, note).await?;
        return Ok(made);
    }
    let existing = sqlx::query_scalar!(
        "select hit_type_id from market.hit_type where requester_id = $1 and fingerprint = $2",
        requester_id,
        fingerprint,
    );
    Ok(existing.fetch_one(conn).await?)
}

async fn insert(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    requester_id: &str,
    properties: &Properties,
    fingerprint: &[u8],
) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        "insert into market.hit_type
            (hit_type_id, hit_group_id, requester_id, title, description, keywords, reward, assignment_duration,
             auto_approval_delay, qualification_requirements, fingerprint, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         on conflict (requester_id, fingerprint) do nothing returning hit_type_id",
        ids::object(),
        ids::object(),
        requester_id,
        properties.title,
        properties.description,
        properties.keywords,
        properties.reward.0,
        properties.assignment_duration,
        properties.auto_approval_delay,
        properties.qualification_requirements,
        fingerprint,
        now,
    )
    .fetch_optional(conn)
    .await
}

/// The properties of the requester's own HIT type.
///
/// # Errors
/// [`Refusal::NoSuchHitType`].
pub async fn owned(conn: &mut PgConnection, requester_id: &str, hit_type_id: &str) -> Outcome<Properties> {
    sqlx::query_as!(
        Properties,
        r#"select title, description, keywords, reward as "reward: Cents", assignment_duration, auto_approval_delay,
                  qualification_requirements
             from market.hit_type where hit_type_id = $1 and requester_id = $2"#,
        hit_type_id,
        requester_id,
    )
    .fetch_optional(conn)
    .await?
    .ok_or_else(|| Refusal::NoSuchHitType(hit_type_id.into()))
}

/// Whether the type is this requester's.
///
/// # Errors
/// When Postgres fails.
pub async fn is_of(conn: &mut PgConnection, hit_type_id: &str, requester_id: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select from market.hit_type where hit_type_id = $1 and requester_id = $2) as "own!""#,
        hit_type_id,
        requester_id,
    )
    .fetch_one(conn)
    .await
}
