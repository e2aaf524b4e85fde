//! Connections in the database.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use url::Url;

use super::{
    Connection, ConnectionError, ConnectionId, Custom, Environment, NewConnection, Place, Trial, trial, typed,
};
use crate::labs::LabId;

/// What it takes to call a recruiter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    pub id: ConnectionId,
    pub lab_id: LabId,
    pub environment: Environment,
    pub custom: Option<Custom>,
    pub access_key_id: String,
    pub secret_sealed: Vec<u8>,
}

impl Credentials {
    pub fn place(&self, market: &Url) -> Option<Place> {
        Place::of(self.environment, self.custom.as_ref(), market)
    }
}

struct Record {
    id: ConnectionId,
    lab_id: LabId,
    name: String,
    environment: String,
    endpoint: Option<String>,
    worker_site: Option<String>,
    access_key_id: String,
    checked_at: Option<DateTime<Utc>>,
    problem: Option<String>,
    balance_cents: Option<i64>,
    created_at: DateTime<Utc>,
    studies: i64,
}

impl TryFrom<Record> for Connection {
    type Error = sqlx::Error;

    fn try_from(record: Record) -> sqlx::Result<Self> {
        Ok(Self {
            id: record.id,
            lab_id: record.lab_id,
            name: record.name,
            environment: environment(&record.environment)?,
            custom: custom(record.endpoint, record.worker_site)?,
            key_hint: typed::hint(&record.access_key_id),
            trial: trial(record.checked_at, record.problem, record.balance_cents),
            studies: record.studies,
            created_at: record.created_at,
        })
    }
}

fn decode(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> sqlx::Error {
    sqlx::Error::Decode(error.into())
}

fn environment(text: &str) -> sqlx::Result<Environment> {
    text.parse().map_err(|error: super::EnvironmentError| decode(error))
}

fn custom(endpoint: Option<String>, worker_site: Option<String>) -> sqlx::Result<Option<Custom>> {
    let (Some(endpoint), Some(worker_site)) = (endpoint, worker_site) else { return Ok(None) };
    let url = |text: String| text.parse::<Url>().map_err(decode);
    Ok(Some(Custom { endpoint: url(endpoint)?, worker_site: url(worker_site)? }))
}

pub async fn insert(
    conn: &mut PgConnection,
    id: ConnectionId,
    lab: LabId,
    new: &NewConnection,
    sealed: &[u8],
    now: DateTime<Utc>,
) -> Result<(), ConnectionError> {
    let inserted = sqlx::query!(
        "INSERT INTO connection (id, lab_id, name, recruiter, environment, endpoint, worker_site,
                                 access_key_id, secret_sealed, created_at)
         VALUES ($1, $2, $3, 'mturk', $4, $5, $6, $7, $8, $9)
         ON CONFLICT (lab_id, name) DO NOTHING",
        id.0,
        lab.0,
        new.name,
        new.environment.as_str(),
        new.custom.as_ref().map(|custom| custom.endpoint.as_str()),
        new.custom.as_ref().map(|custom| custom.worker_site.as_str()),
        new.keys.access_key_id,
        sealed,
        now,
    )
    .execute(conn)
    .await?;
    one(inserted.rows_affected(), ConnectionError::NameTaken)
}

fn one(rows: u64, otherwise: ConnectionError) -> Result<(), ConnectionError> {
    if rows == 1 { Ok(()) } else { Err(otherwise) }
}

pub async fn name_taken(conn: &mut PgConnection, lab: LabId, name: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT 1 FROM connection WHERE lab_id = $1 AND name = $2) AS "taken!""#,
        lab.0,
        name,
    )
    .fetch_one(conn)
    .await
}

pub async fn list(conn: &mut PgConnection, lab: LabId) -> sqlx::Result<Vec<Connection>> {
    let rows = sqlx::query_as!(
        Record,
        r#"SELECT id AS "id: _", lab_id AS "lab_id: _", name, environment, endpoint, worker_site,
                  access_key_id, checked_at, problem, balance_cents, created_at,
                  (SELECT count(*) FROM study WHERE connection_id = connection.id) AS "studies!"
           FROM connection WHERE lab_id = $1 ORDER BY lower(name), id"#,
        lab.0,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Connection::try_from).collect()
}

pub async fn find(conn: &mut PgConnection, lab: LabId, id: ConnectionId) -> sqlx::Result<Option<Connection>> {
    sqlx::query_as!(
        Record,
        r#"SELECT id AS "id: _", lab_id AS "lab_id: _", name, environment, endpoint, worker_site,
                  access_key_id, checked_at, problem, balance_cents, created_at,
                  (SELECT count(*) FROM study WHERE connection_id = connection.id) AS "studies!"
           FROM connection WHERE lab_id = $1 AND id = $2"#,
        lab.0,
        id.0,
    )
    .fetch_optional(conn)
    .await?
    .map(Connection::try_from)
    .transpose()
}

pub async fn credentials(conn: &mut PgConnection, id: ConnectionId) -> sqlx::Result<Option<Credentials>> {
    let row = sqlx::query!(
        r#"SELECT lab_id AS "lab_id: LabId", environment, endpoint, worker_site, access_key_id, secret_sealed
           FROM connection WHERE id = $1"#,
        id.0,
    )
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Credentials {
        id,
        lab_id: row.lab_id,
        environment: environment(&row.environment)?,
        custom: custom(row.endpoint, row.worker_site)?,
        access_key_id: row.access_key_id,
        secret_sealed: row.secret_sealed,
    }))
}

pub async fn rename(
    conn: &mut PgConnection,
    lab: LabId,
    id: ConnectionId,
    name: &str,
) -> Result<(), ConnectionError> {
    let renamed =
        sqlx::query!("UPDATE connection SET name = $3 WHERE lab_id = $1 AND id = $2", lab.0, id.0, name)
            .execute(conn)
            .await;
    match renamed {
        Ok(done) => one(done.rows_affected(), ConnectionError::Missing),
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Err(ConnectionError::NameTaken),
        Err(error) => Err(error.into()),
    }
}

/// Returns the name.
pub async fn replace_keys(
    conn: &mut PgConnection,
    lab: LabId,
    id: ConnectionId,
    access_key_id: &str,
    sealed: &[u8],
) -> Result<String, ConnectionError> {
    let replaced = sqlx::query_scalar!(
        "UPDATE connection SET access_key_id = $3, secret_sealed = $4,
                checked_at = NULL, problem = NULL, balance_cents = NULL
         WHERE lab_id = $1 AND id = $2 RETURNING name",
        lab.0,
        id.0,
        access_key_id,
        sealed,
    )
    .fetch_optional(conn)
    .await?;
    replaced.ok_or(ConnectionError::Missing)
}

/// Returns the name that it had.
pub async fn remove(
    conn: &mut PgConnection,
    lab: LabId,
    id: ConnectionId,
) -> Result<String, ConnectionError> {
    let removed = sqlx::query_scalar!(
        "DELETE FROM connection WHERE lab_id = $1 AND id = $2 RETURNING name",
        lab.0,
        id.0
    )
    .fetch_optional(conn)
    .await;
    match removed {
        Ok(name) => name.ok_or(ConnectionError::Missing),
        Err(sqlx::Error::Database(error)) if error.is_foreign_key_violation() => Err(ConnectionError::InUse),
        Err(error) => Err(error.into()),
    }
}

/// Stores a test. A connection that was removed meanwhile is no error: there is nothing left to tell.
pub async fn record(conn: &mut PgConnection, connection: &Connection, trial: &Trial) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE connection SET checked_at = $3, problem = $4, balance_cents = $5
         WHERE lab_id = $1 AND id = $2",
        connection.lab_id.0,
        connection.id.0,
        trial.checked_at,
        trial.problem,
        trial.balance.map(|balance| balance.0),
    )
    .execute(conn)
    .await?;
    Ok(())
}
