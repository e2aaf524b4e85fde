//! Browser sessions in Postgres.
//!
//! Only a hash of the cookie's id is stored, so that a stolen table opens no session. The row knows
//! whose session it is, so that all of a person's sessions can be ended at once; and a session that was
//! ended stays so, because saving never makes a row. When a session ends is decided here, by our clock:
//! after twelve hours without use, and after a week in any case.

use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use kernel::clock::SharedClock;
use sha2::{Digest, Sha256};
use sqlx::PgPool;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result, SessionStore};
use uuid::Uuid;

/// Under this key a session's data holds whose it is.
pub const ACCOUNT_KEY: &str = "account";
/// Without use for so long, a session ends.
const IDLE: Duration = Duration::hours(12);
/// A session ends so long after it began.
const LONGEST: Duration = Duration::days(7);
/// Use is written down this often at most, so that reading a page rarely writes.
const GRAIN: Duration = Duration::minutes(10);

/// The table of sessions.
#[derive(Debug, Clone)]
pub struct Sessions {
    pool: PgPool,
    clock: SharedClock,
}

impl Sessions {
    /// How long a browser keeps the cookie; the server's own limits are shorter or the same.
    pub const COOKIE_AGE: time::Duration = time::Duration::days(7);

    /// Sessions in `pool` that end by `clock`.
    pub fn new(pool: PgPool, clock: SharedClock) -> Self {
        Self { pool, clock }
    }

    async fn insert(&self, record: &Record) -> Result<bool> {
        let now = self.clock.now();
        let made = sqlx::query!(
            "INSERT INTO web_session (id_hash, account_id, data, expires_at, ends_at)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
            hash(&record.id),
            account(record),
            encode(record)?,
            now + IDLE,
            now + LONGEST,
        )
        .execute(&self.pool)
        .await
        .map_err(backend)?;
        Ok(made.rows_affected() == 1)
    }

    async fn touch(&self, id: &Id, expires_at: DateTime<Utc>) -> Result<()> {
        let now = self.clock.now();
        if expires_at - now > IDLE - GRAIN {
            return Ok(());
        }
        sqlx::query!(
            "UPDATE web_session SET expires_at = $2 WHERE id_hash = $1 AND expires_at > $3",
            hash(id),
            now + IDLE,
            now,
        )
        .execute(&self.pool)
        .await
        .map_err(backend)?;
        Ok(())
    }
}

#[async_trait]
impl SessionStore for Sessions {
    async fn create(&self, record: &mut Record) -> Result<()> {
        while !self.insert(record).await? {
            record.id = Id::default();
        }
        Ok(())
    }

    async fn save(&self, record: &Record) -> Result<()> {
        sqlx::query!(
            "UPDATE web_session SET data = $2, account_id = $3 WHERE id_hash = $1",
            hash(&record.id),
            encode(record)?,
            account(record),
        )
        .execute(&self.pool)
        .await
        .map_err(backend)?;
        Ok(())
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let row = sqlx::query!(
            "SELECT data, expires_at, ends_at FROM web_session
             WHERE id_hash = $1 AND expires_at > $2 AND ends_at > $2",
            hash(id),
            self.clock.now(),
        )
        .fetch_optional(&self.pool)
        .await
        .map_err(backend)?;
        let Some(row) = row else { return Ok(None) };
        self.touch(id, row.expires_at).await?;
        let data = serde_json::from_value(row.data).map_err(|error| Error::Decode(error.to_string()))?;
        let expiry_date = time::OffsetDateTime::from_unix_timestamp(row.ends_at.timestamp())
            .map_err(|error| Error::Decode(error.to_string()))?;
        Ok(Some(Record { id: *id, data, expiry_date }))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        sqlx::query!("DELETE FROM web_session WHERE id_hash = $1", hash(id))
            .execute(&self.pool)
            .await
            .map_err(backend)?;
        Ok(())
    }
}

fn hash(id: &Id) -> Vec<u8> {
    Sha256::digest(id.0.to_be_bytes()).to_vec()
}

fn account(record: &Record) -> Option<Uuid> {
    record.data.get(ACCOUNT_KEY)?.as_str()?.parse().ok()
}

fn encode(record: &Record) -> Result<serde_json::Value> {
    serde_json::to_value(&record.data).map_err(|error| Error::Encode(error.to_string()))
}

fn backend(error: sqlx::Error) -> Error {
    Error::Backend(error.to_string())
}
