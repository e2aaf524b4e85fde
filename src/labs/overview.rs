//! What a lab has so far, for its front page: what is there, and what to do next.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{LabId, store};

/// One study in the list.
#[derive(Debug, Clone)]
pub struct StudyLine {
    /// The row.
    pub id: Uuid,
    /// As the lab calls it.
    pub name: String,
    /// `draft`, `publishing`, `open` or `closed`.
    pub state: String,
    /// Where it was or will be published.
    pub environment: String,
    /// How many people it wants.
    pub places: i32,
    /// How many were admitted.
    pub admitted: i64,
    /// How many the recruiter lists as submitted.
    pub submitted: i64,
    /// How many are paid in full.
    pub paid: i64,
    /// Why publishing does not move on.
    pub problem: Option<String>,
    /// UTC.
    pub created_at: DateTime<Utc>,
}

impl StudyLine {
    /// The badge's colour: see `app.css`.
    pub fn tone(&self) -> &'static str {
        match (self.problem.is_some(), self.state.as_str()) {
            (true, _) => "bad",
            (_, "open") => "good",
            (_, "publishing") => "note",
            _ => "still",
        }
    }
}

/// The front page of a lab.
#[derive(Debug, Clone)]
pub struct Overview {
    /// Newest first.
    pub studies: Vec<StudyLine>,
    /// How many oTree servers are registered.
    pub sites: i64,
    /// How many connections there are.
    pub connections: i64,
}

/// What this lab has so far.
///
/// # Errors
/// When the database does not answer.
pub async fn overview(conn: &mut PgConnection, lab: LabId) -> sqlx::Result<Overview> {
    let (sites, connections) = store::counts(conn, lab).await?;
    Ok(Overview { studies: store::studies(conn, lab).await?, sites, connections })
}
