//! Texts that a lab uses again: feedback, reasons, messages.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, query, query_as};

use crate::labs::LabId;

kernel::typed_id!(
    /// Names one saved text.
    TextId
);

/// A saved text.
#[derive(Debug, Clone)]
pub struct Saved {
    pub id: TextId,
    pub name: String,
    /// With placeholders.
    pub body: String,
}

/// The lab's texts, by name.
///
/// # Errors
/// When the database does not answer.
pub async fn of_lab(conn: &mut PgConnection, lab: LabId) -> sqlx::Result<Vec<Saved>> {
    query_as!(
        Saved,
        r#"SELECT id AS "id: _", name, body FROM saved_text WHERE lab_id = $1 ORDER BY lower(name)"#,
        lab.0
    )
    .fetch_all(conn)
    .await
}

/// A text of this lab.
///
/// # Errors
/// When the database does not answer.
pub async fn find(conn: &mut PgConnection, lab: LabId, id: TextId) -> sqlx::Result<Option<Saved>> {
    query_as!(
        Saved,
        r#"SELECT id AS "id: _", name, body FROM saved_text WHERE lab_id = $1 AND id = $2"#,
        lab.0,
        id.0
    )
    .fetch_optional(conn)
    .await
}

/// Keeps a text; one of the same name is replaced.
///
/// # Errors
/// When the database does not answer.
pub async fn keep(
    conn: &mut PgConnection,
    lab: LabId,
    now: DateTime<Utc>,
    name: &str,
    body: &str,
) -> sqlx::Result<()> {
    query!(
        "INSERT INTO saved_text (id, lab_id, name, body, created_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (lab_id, lower(name)) DO UPDATE SET name = excluded.name, body = excluded.body",
        TextId::new().0,
        lab.0,
        name,
        body,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes a text of this lab.
///
/// # Errors
/// When the database does not answer.
pub async fn delete(conn: &mut PgConnection, lab: LabId, id: TextId) -> sqlx::Result<()> {
    query!("DELETE FROM saved_text WHERE lab_id = $1 AND id = $2", lab.0, id.0).execute(conn).await?;
    Ok(())
}
