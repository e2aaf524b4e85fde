//! Signing up: an account, its own lab, and the lab it was invited to.
//!
//! Whoever signs up with an address that has an account already gets the same answer as everybody else,
//! because the answer would otherwise tell who has one: see `docs/decisions/accounts.md`.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::invitations::{self, Invitation};
use super::{LabId, Role, store};
use crate::accounts::{self, Account, AccountId, Email};
use crate::audit::{self, Entry};
use crate::config::SignUp;

/// Somebody who wants an account.
#[derive(Debug, Clone)]
pub struct Newcomer {
    /// Who they say they are.
    pub email: Email,
    /// As others see them.
    pub name: String,
    /// Made from an accepted password.
    pub password_hash: String,
}

/// Why nobody can sign up just now.
#[derive(Debug, thiserror::Error)]
pub enum SignUpError {
    /// By the operator's setting.
    #[error("New accounts cannot be made on this server.")]
    Closed,
    /// By the operator's setting.
    #[error("On this server one needs an invitation link to make an account.")]
    InvitationNeeded,
    /// Unknown, used, revoked or too old.
    #[error("This invitation link is not valid any more. Ask for another one.")]
    InvitationSpent,
    /// Ours to mend.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// What came of it. A visitor must not be able to tell the two apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignedUp {
    /// The account and its own lab.
    New(AccountId, LabId),
    /// The address has an account; nothing was changed and no invitation used.
    Known,
}

/// Whether `token` (if any) lets somebody sign up under this setting.
///
/// # Errors
/// See [`SignUpError`].
pub async fn may_sign_up(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    setting: SignUp,
    token: Option<&str>,
) -> Result<Option<Invitation>, SignUpError> {
    let Some(token) = token else {
        return match setting {
            SignUp::Open => Ok(None),
            SignUp::Invite => Err(SignUpError::InvitationNeeded),
            SignUp::Closed => Err(SignUpError::Closed),
        };
    };
    let invitation = invitations::find(conn, now, token).await?.ok_or(SignUpError::InvitationSpent)?;
    // The first run's link works whatever the setting: without it a closed server could not be used.
    if setting == SignUp::Closed && !invitation.makes_operator {
        return Err(SignUpError::Closed);
    }
    if invitation.makes_operator && accounts::store::any(conn).await? {
        return Err(SignUpError::InvitationSpent);
    }
    Ok(Some(invitation))
}

/// Makes the account, a lab of its own, and the membership that the invitation gives. The caller owns
/// the transaction and rolls it back on errors.
///
/// # Errors
/// See [`SignUpError`].
pub async fn sign_up(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    setting: SignUp,
    newcomer: Newcomer,
    token: Option<&str>,
) -> Result<SignedUp, SignUpError> {
    let invitation = may_sign_up(conn, now, setting, token).await?;
    let account = Account {
        id: AccountId::new(),
        email: newcomer.email.as_str().to_owned(),
        name: newcomer.name,
        operator: invitation.as_ref().is_some_and(|invitation| invitation.makes_operator),
    };
    if !accounts::store::insert(conn, &account, &newcomer.password_hash, now).await? {
        return Ok(SignedUp::Known);
    }
    let lab = found(conn, now, account.id, &format!("{}’s lab", account.name)).await?;
    if let Some(invitation) = invitation
        && !invitations::spend(conn, now, &invitation, account.id).await?
    {
        return Err(SignUpError::InvitationSpent);
    }
    Ok(SignedUp::New(account.id, lab))
}

/// Founds a lab with this account as its owner.
///
/// # Errors
/// When the database does not answer.
pub async fn found(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    owner: AccountId,
    name: &str,
) -> sqlx::Result<LabId> {
    let lab = LabId::new();
    store::insert(conn, lab, name, now).await?;
    store::add_member(conn, lab, owner, Role::Owner, now).await?;
    let entry = Entry::new(lab.0, owner.0, "lab.found").with(serde_json::json!({ "name": name }));
    audit::record(conn, now, entry).await?;
    Ok(lab)
}
