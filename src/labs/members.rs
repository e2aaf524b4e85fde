//! Who belongs to a lab, and the rule that somebody always owns it.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{LabId, Role, store};
use crate::accounts::AccountId;
use crate::audit::{self, Entry};

/// A person of a lab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The account.
    pub id: AccountId,
    /// As others see them.
    pub name: String,
    /// To reach them.
    pub email: String,
    /// In this lab.
    pub role: Role,
    /// Since when, UTC.
    pub joined_at: DateTime<Utc>,
}

/// Why a membership stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum MemberError {
    /// A lab without an owner could not be helped by anybody.
    #[error("A lab needs an owner. Make somebody else owner first.")]
    LastOwner,
    /// They left, or never belonged to it.
    #[error("This person does not belong to the lab.")]
    NoMember,
    /// Ours to mend.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// The people of a lab, owners first.
///
/// # Errors
/// When the database does not answer.
pub async fn people(conn: &mut PgConnection, lab: LabId) -> sqlx::Result<Vec<Person>> {
    store::people(conn, lab).await
}

/// Gives a member another role.
///
/// # Errors
/// See [`MemberError`].
pub async fn change_role(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    lab: LabId,
    by: AccountId,
    of: AccountId,
    role: Role,
) -> Result<(), MemberError> {
    let person = locked(conn, lab, of).await?;
    if person.role == role {
        return Ok(());
    }
    unless_last_owner(conn, lab, &person).await?;
    store::set_role(conn, lab, of, role).await?;
    let detail = serde_json::json!({ "name": person.name, "role": role.as_str() });
    audit::record(conn, now, Entry::new(lab.0, by.0, "member.role").about(of.0).with(detail)).await?;
    Ok(())
}

/// Takes a member out of the lab; `by` may be the member.
///
/// # Errors
/// See [`MemberError`].
pub async fn remove(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    lab: LabId,
    by: AccountId,
    of: AccountId,
) -> Result<(), MemberError> {
    let person = locked(conn, lab, of).await?;
    unless_last_owner(conn, lab, &person).await?;
    store::remove_member(conn, lab, of).await?;
    let action = if by == of { "member.leave" } else { "member.remove" };
    let detail = serde_json::json!({ "name": person.name });
    audit::record(conn, now, Entry::new(lab.0, by.0, action).about(of.0).with(detail)).await?;
    Ok(())
}

/// The person, once nobody else is changing this lab's members.
async fn locked(conn: &mut PgConnection, lab: LabId, of: AccountId) -> Result<Person, MemberError> {
    store::lock(conn, lab).await?;
    let people = store::people(conn, lab).await?;
    people.into_iter().find(|person| person.id == of).ok_or(MemberError::NoMember)
}

async fn unless_last_owner(conn: &mut PgConnection, lab: LabId, person: &Person) -> Result<(), MemberError> {
    if person.role == Role::Owner && !store::has_other_owner(conn, lab, person.id).await? {
        return Err(MemberError::LastOwner);
    }
    Ok(())
}
