//! Sites in Postgres. The caller owns the transaction.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::types::Json;
use sqlx::{PgConnection, query, query_as};
use url::Url;

use super::verdict::Verdict;
use super::{Access, NewSite, Site, SiteId, SiteState};
use crate::jobs::Lease;
use crate::labs::LabId;
use crate::otree::SessionConfig;

/// The row as it lies in the table.
struct Stored {
    id: SiteId,
    lab_id: LabId,
    name: String,
    base_url: String,
    has_key: bool,
    state: SiteState,
    version: Option<String>,
    problem: Option<String>,
    warnings: Json<Vec<String>>,
    session_configs: Value,
    checked_at: Option<DateTime<Utc>>,
    good_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
}

macro_rules! sites {
    ($tail:literal, $($arg:expr),+) => {
        query_as!(
            Stored,
            r#"SELECT id AS "id: _", lab_id AS "lab_id: _", name, base_url,
                rest_key_sealed IS NOT NULL AS "has_key!", state AS "state: _", version, problem,
                warnings AS "warnings: _", session_configs, checked_at, good_at, created_at
            FROM site "# + $tail,
            $($arg),+
        )
    };
}

impl Stored {
    fn into_site(self) -> sqlx::Result<Site> {
        Ok(Site {
            base_url: url(&self.base_url)?,
            configs: SessionConfig::parse_all(&self.session_configs),
            warnings: self.warnings.0,
            id: self.id,
            lab_id: self.lab_id,
            name: self.name,
            has_key: self.has_key,
            state: self.state,
            version: self.version,
            problem: self.problem,
            checked_at: self.checked_at,
            good_at: self.good_at,
            created_at: self.created_at,
        })
    }
}

fn url(stored: &str) -> sqlx::Result<Url> {
    stored.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

pub(super) async fn insert(
    conn: &mut PgConnection,
    id: SiteId,
    lab: LabId,
    new: &NewSite,
    sealed: Option<Vec<u8>>,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    query!(
        "INSERT INTO site (id, lab_id, name, base_url, rest_key_sealed, next_check_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $6)",
        id.0,
        lab.0,
        new.name,
        new.base_url.as_str(),
        sealed,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn update(
    conn: &mut PgConnection,
    site: &Site,
    name: &str,
    keep_key: bool,
    sealed: Option<Vec<u8>>,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let changed = query!(
        "UPDATE site SET name = $3, next_check_at = $6, lease_token = NULL, lease_until = NULL,
            rest_key_sealed = CASE WHEN $4 THEN rest_key_sealed ELSE $5 END
         WHERE lab_id = $1 AND id = $2",
        site.lab_id.0,
        site.id.0,
        name,
        keep_key,
        sealed,
        now
    )
    .execute(conn)
    .await?;
    Ok(changed.rows_affected() == 1)
}

pub(super) async fn delete(conn: &mut PgConnection, site: &Site) -> sqlx::Result<()> {
    query!("DELETE FROM site WHERE lab_id = $1 AND id = $2", site.lab_id.0, site.id.0).execute(conn).await?;
    Ok(())
}

pub(super) async fn list(conn: &mut PgConnection, lab: LabId) -> sqlx::Result<Vec<Site>> {
    let rows = sites!("WHERE lab_id = $1 ORDER BY lower(name), id", lab.0).fetch_all(conn).await?;
    rows.into_iter().map(Stored::into_site).collect()
}

pub(super) async fn find(conn: &mut PgConnection, lab: LabId, id: SiteId) -> sqlx::Result<Option<Site>> {
    let row = sites!("WHERE lab_id = $1 AND id = $2", lab.0, id.0).fetch_optional(conn).await?;
    row.map(Stored::into_site).transpose()
}

pub(super) async fn access(conn: &mut PgConnection, id: SiteId) -> sqlx::Result<Option<Access>> {
    let row = query!("SELECT lab_id, base_url, rest_key_sealed FROM site WHERE id = $1", id.0)
        .fetch_optional(conn)
        .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Access {
        id,
        lab_id: LabId(row.lab_id),
        base_url: url(&row.base_url)?,
        key: row.rest_key_sealed,
    }))
}

/// Takes a site whose check is due and that nobody holds.
pub(super) async fn claim_due(
    conn: &mut PgConnection,
    lease: Lease,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<SiteId>> {
    let row = query!(
        "UPDATE site SET lease_token = $1, lease_until = $2
         WHERE id = (SELECT id FROM site
            WHERE next_check_at <= $3 AND (lease_until IS NULL OR lease_until <= $3)
            ORDER BY next_check_at LIMIT 1 FOR UPDATE SKIP LOCKED)
         RETURNING id",
        lease.token,
        lease.until,
        now
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| SiteId(row.id)))
}

/// Takes this site whoever holds it: a person asked for a check now.
pub(super) async fn claim(conn: &mut PgConnection, id: SiteId, lease: Lease) -> sqlx::Result<bool> {
    let taken = query!(
        "UPDATE site SET lease_token = $2, lease_until = $3 WHERE id = $1",
        id.0,
        lease.token,
        lease.until
    )
    .execute(conn)
    .await?;
    Ok(taken.rows_affected() == 1)
}

/// Writes down what a check found. Returns whether the lease was still the caller's.
pub(super) async fn record(
    conn: &mut PgConnection,
    id: SiteId,
    lease: Lease,
    verdict: &Verdict,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let configs = verdict.configs.as_ref().map(|all| Value::from_iter(all.iter().map(|one| one.raw.clone())));
    let changed = query!(
        "UPDATE site SET state = $3, version = coalesce($4, version), problem = $5, warnings = $6,
            session_configs = coalesce($7, session_configs), checked_at = $8,
            good_at = CASE WHEN $3 = 'failed' THEN good_at ELSE $8 END,
            next_check_at = $8 + CASE WHEN $3 = 'failed'
                THEN greatest(interval '1 minute', least(interval '1 hour', ($8 - coalesce(good_at, created_at)) / 4))
                ELSE interval '5 minutes' END,
            lease_token = NULL, lease_until = NULL
         WHERE id = $1 AND lease_token = $2",
        id.0,
        lease.token,
        verdict.state as SiteState,
        verdict.version,
        verdict.problem,
        Json(&verdict.warnings) as _,
        configs,
        now
    )
    .execute(conn)
    .await?;
    Ok(changed.rows_affected() == 1)
}

/// Lets go of a site without having learned anything.
pub(super) async fn release(conn: &mut PgConnection, id: SiteId, lease: Lease) -> sqlx::Result<()> {
    query!(
        "UPDATE site SET lease_token = NULL, lease_until = NULL WHERE id = $1 AND lease_token = $2",
        id.0,
        lease.token
    )
    .execute(conn)
    .await?;
    Ok(())
}
