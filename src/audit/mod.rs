//! Who did what, when: a list that only grows.
//!
//! Record in the transaction that does the thing, so that neither exists without the other. Details
//! hold no secret and no WorkerId.

mod words;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

pub use words::describe;

/// One thing that was done. Ids are bare, because every domain records here and this one knows none.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The lab it was done in; none for what concerns a person or the server.
    pub lab: Option<Uuid>,
    /// Who did it; none for the server itself.
    pub account: Option<Uuid>,
    /// Such as `study.publish`.
    pub action: &'static str,
    /// The row it was done to.
    pub subject: Option<Uuid>,
    /// What else matters: names and numbers as they were then.
    pub detail: Value,
}

impl Entry {
    /// Something a person did in a lab.
    pub fn new(lab: Uuid, account: Uuid, action: &'static str) -> Self {
        Self {
            lab: Some(lab),
            account: Some(account),
            action,
            subject: None,
            detail: Value::Object(Default::default()),
        }
    }

    /// Something a person did outside of any lab.
    pub fn personal(account: Uuid, action: &'static str) -> Self {
        Self { lab: None, ..Self::new(Uuid::nil(), account, action) }
    }

    /// Something the server did by itself in a lab.
    pub fn by_itself(lab: Uuid, action: &'static str) -> Self {
        Self { account: None, ..Self::new(lab, Uuid::nil(), action) }
    }

    /// The same, done to this row.
    #[must_use]
    pub fn about(mut self, subject: Uuid) -> Self {
        self.subject = Some(subject);
        self
    }

    /// The same, with details.
    #[must_use]
    pub fn with(mut self, detail: Value) -> Self {
        self.detail = detail;
        self
    }
}

/// Writes it down.
///
/// # Errors
/// When the database does not answer.
pub async fn record(conn: &mut PgConnection, now: DateTime<Utc>, entry: Entry) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO audit_event (lab_id, account_id, action, subject, detail, at) VALUES ($1, $2, $3, $4, $5, $6)",
        entry.lab,
        entry.account,
        entry.action,
        entry.subject,
        entry.detail,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// One line of the list.
#[derive(Debug, Clone)]
pub struct Event {
    /// Its place in the list.
    pub id: i64,
    /// When, UTC.
    pub at: DateTime<Utc>,
    /// The name of who did it; none for the server or somebody who left.
    pub who: Option<String>,
    /// Such as `study.publish`.
    pub action: String,
    /// See [`Entry::detail`].
    pub detail: Value,
}

/// What happened in a lab before the event `before` (or lately), newest first.
///
/// # Errors
/// When the database does not answer.
pub async fn recent(
    conn: &mut PgConnection,
    lab: Uuid,
    before: Option<i64>,
    most: i64,
) -> sqlx::Result<Vec<Event>> {
    sqlx::query_as!(
        Event,
        "SELECT event.id, event.at, account.name AS \"who?\", event.action, event.detail
         FROM audit_event event LEFT JOIN account ON account.id = event.account_id
         WHERE event.lab_id = $1 AND event.id < $2 ORDER BY event.id DESC LIMIT $3",
        lab,
        before.unwrap_or(i64::MAX),
        most,
    )
    .fetch_all(conn)
    .await
}
