//! Leaving: a lab, or the whole server.
//!
//! A lab that its last member leaves is deleted with everything in it, but not while something is still
//! going on in it: somebody must be there to pay the people who work.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::members::{self, MemberError};
use super::{Lab, store};
use crate::accounts::{self, AccountId};

/// Why somebody cannot leave yet.
#[derive(Debug, thiserror::Error)]
pub enum DepartError {
    /// Others would be left without an owner.
    #[error("You are the only owner of “{0}”. Make another member owner first.")]
    OnlyOwner(String),
    /// Workers would be left unpaid.
    #[error("“{0}” still has a study that is open, or payments on their way. Close and settle them first.")]
    StillBusy(String),
    /// Nobody could look after the server any more.
    #[error("You are the only operator of this server. Make somebody else operator first.")]
    OnlyOperator,
    /// Ours to mend.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Leaves one lab. Returns whether the lab is gone with its last member.
///
/// # Errors
/// See [`DepartError`].
pub async fn leave(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    lab: &Lab,
    account: AccountId,
) -> Result<bool, DepartError> {
    store::lock(conn, lab.id).await?;
    let others = store::people(conn, lab.id).await?.iter().any(|person| person.id != account);
    if others {
        return match members::remove(conn, now, lab.id, account, account).await {
            Ok(()) | Err(MemberError::NoMember) => Ok(false),
            Err(MemberError::LastOwner) => Err(DepartError::OnlyOwner(lab.name.clone())),
            Err(MemberError::Database(error)) => Err(error.into()),
        };
    }
    if store::is_busy(conn, lab.id).await? {
        return Err(DepartError::StillBusy(lab.name.clone()));
    }
    store::delete(conn, lab.id).await?;
    Ok(true)
}

/// Deletes an account, after leaving every lab of it. The caller has asked for the password, owns the
/// transaction, and rolls it back on errors.
///
/// # Errors
/// See [`DepartError`].
pub async fn delete_account(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    account: AccountId,
) -> Result<(), DepartError> {
    if accounts::find(conn, account).await?.is_some_and(|account| account.operator)
        && !accounts::store::can_do_without(conn, account).await?
    {
        return Err(DepartError::OnlyOperator);
    }
    for membership in store::memberships(conn, account).await? {
        leave(conn, now, &membership.lab, account).await?;
    }
    accounts::store::delete(conn, account).await?;
    Ok(())
}
