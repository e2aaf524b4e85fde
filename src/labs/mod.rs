//! The tenants: labs, who belongs to them, and with which role.

mod depart;
pub mod invitations;
mod members;
mod sign_up;
pub(crate) mod store;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::accounts::AccountId;
use crate::audit::{self, Entry};

pub use depart::{DepartError, delete_account, leave};
pub use members::{MemberError, Person, change_role, people, remove};
pub use sign_up::{Newcomer, SignUpError, SignedUp, found, may_sign_up, sign_up};

kernel::typed_id!(
    /// Names one lab.
    LabId
);

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lab {
    /// The row.
    pub id: LabId,
    /// As its members wrote it.
    pub name: String,
    /// Whether nothing is sent that moves its money, or anybody's on this server.
    pub money_paused: bool,
    /// Whether it waits, for that or until the recruiters' figures were compared after the database moved.
    pub money_waits: bool,
}

/// What a member may do; each role may do what the one before may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Sees everything of the lab.
    Viewer,
    /// Registers sites, makes studies, reviews.
    Editor,
    /// Decides about members and credentials as well.
    Owner,
}

impl Role {
    /// All of them, least first.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Editor, Self::Owner];

    /// As it is stored and posted.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Editor => "editor",
            Self::Owner => "owner",
        }
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Choose owner, editor or viewer.")]
pub struct RoleError;

impl std::str::FromStr for Role {
    type Err = RoleError;
    fn from_str(text: &str) -> Result<Self, RoleError> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(RoleError)
    }
}

impl TryFrom<String> for Role {
    type Error = RoleError;
    fn try_from(text: String) -> Result<Self, RoleError> {
        text.parse()
    }
}

/// One lab of a person, and what the person may do there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The lab.
    pub lab: Lab,
    /// In that lab.
    pub role: Role,
}

/// The labs a person belongs to, by name.
///
/// # Errors
/// When the database does not answer.
pub async fn of_account(conn: &mut PgConnection, account: AccountId) -> sqlx::Result<Vec<Membership>> {
    store::memberships(conn, account).await
}

/// Gives a lab another name.
///
/// # Errors
/// When the database does not answer.
pub async fn rename(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    lab: LabId,
    by: AccountId,
    name: &str,
) -> sqlx::Result<()> {
    store::set_name(conn, lab, name).await?;
    let entry = Entry::new(lab.0, by.0, "lab.rename").about(lab.0);
    audit::record(conn, now, entry.with(serde_json::json!({ "name": name }))).await
}

/// How many oTree sites and how many connections a lab has.
///
/// # Errors
/// When the database does not answer.
pub async fn counts(conn: &mut sqlx::PgConnection, lab: LabId) -> sqlx::Result<(i64, i64)> {
    store::counts(conn, lab).await
}
