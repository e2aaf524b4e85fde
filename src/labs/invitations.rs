//! Links that let one person join a lab, or (without a lab) make an account.
//!
//! A link's token is the invitation's id with our signature, so owners can be shown it again; the table
//! holds its hash only.

use chrono::{DateTime, Duration, Utc};
use kernel::secret::Keyring;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{LabId, Role, store};
use crate::accounts::AccountId;
use crate::audit::{self, Entry};

/// How long a link is good.
pub const GOOD_FOR: Duration = Duration::days(7);
/// What our signature is for.
const PURPOSE: &str = "invitation";

kernel::typed_id!(
    /// Names one invitation.
    InvitationId
);

/// An invitation that can still be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// The row.
    pub id: InvitationId,
    /// What it lets one join; none: it is for an account alone.
    pub place: Option<Place>,
    /// The first run's link.
    pub makes_operator: bool,
    /// When it runs out, UTC.
    pub expires_at: DateTime<Utc>,
}

/// A lab, and the role there that an invitation gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Which lab.
    pub lab: LabId,
    /// Its name.
    pub lab_name: String,
    /// The role.
    pub role: Role,
}

/// Why a link does not let one join.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// Unknown, used, revoked or too old.
    #[error("This invitation link is not valid any more. Ask for another one.")]
    Spent,
    /// It is for somebody who has no account yet.
    #[error("This link is for making an account, and you have one.")]
    ForNewcomers,
    /// Nothing was changed.
    #[error("You belong to this lab already.")]
    Member(LabId),
    /// Ours to mend.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Makes an invitation and gives its token.
///
/// # Errors
/// When the database does not answer.
pub async fn invite(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    keyring: &Keyring,
    by: AccountId,
    place: Option<(LabId, Role)>,
) -> sqlx::Result<String> {
    let id = InvitationId::new();
    let token = token(keyring, id);
    let hash = kernel::secret::token_hash(&token);
    store::insert_invitation(conn, id, place, &hash, by, now, now + GOOD_FOR).await?;
    if let Some((lab, role)) = place {
        let entry = Entry::new(lab.0, by.0, "member.invite").about(id.0);
        audit::record(conn, now, entry.with(serde_json::json!({ "role": role.as_str() }))).await?;
    }
    Ok(token)
}

/// The token of an invitation that this keyring made.
pub fn token(keyring: &Keyring, id: InvitationId) -> String {
    keyring.sign(PURPOSE, &id.0.simple().to_string())
}

/// The invitation behind a token, if it can still be used.
///
/// # Errors
/// When the database does not answer.
pub async fn find(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    token: &str,
) -> sqlx::Result<Option<Invitation>> {
    store::invitation(conn, &kernel::secret::token_hash(token), now).await
}

/// Lets somebody who has an account join the lab.
///
/// # Errors
/// See [`JoinError`].
pub async fn join(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    account: AccountId,
    token: &str,
) -> Result<LabId, JoinError> {
    let invitation = find(conn, now, token).await?.ok_or(JoinError::Spent)?;
    let Some(place) = &invitation.place else { return Err(JoinError::ForNewcomers) };
    if store::role_of(conn, place.lab, account).await?.is_some() {
        return Err(JoinError::Member(place.lab));
    }
    if !spend(conn, now, &invitation, account).await? {
        return Err(JoinError::Spent);
    }
    Ok(place.lab)
}

/// Uses the invitation up and does what it promises; false when somebody else was quicker.
pub(super) async fn spend(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    invitation: &Invitation,
    account: AccountId,
) -> sqlx::Result<bool> {
    if !store::use_invitation(conn, invitation.id, account, now).await? {
        return Ok(false);
    }
    if let Some(Place { lab, role, .. }) = invitation.place {
        store::add_member(conn, lab, account, role, now).await?;
        let entry = Entry::new(lab.0, account.0, "member.join");
        audit::record(conn, now, entry.with(serde_json::json!({ "role": role.as_str() }))).await?;
    }
    Ok(true)
}

/// Takes an invitation of this lab back; false when there is none that could be used.
///
/// # Errors
/// When the database does not answer.
pub async fn revoke(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    lab: LabId,
    by: AccountId,
    id: Uuid,
) -> sqlx::Result<bool> {
    let Some(role) = store::delete_invitation(conn, lab, id).await? else { return Ok(false) };
    let entry = Entry::new(lab.0, by.0, "member.revoke").about(id);
    audit::record(conn, now, entry.with(serde_json::json!({ "role": role }))).await?;
    Ok(true)
}

/// The lab that this account joined by this link.
///
/// # Errors
/// When the database does not answer.
pub async fn joined(conn: &mut PgConnection, account: AccountId, token: &str) -> sqlx::Result<Option<LabId>> {
    store::joined(conn, &kernel::secret::token_hash(token), account).await
}

/// The invitations that can still be used: into a lab, or for an account alone.
///
/// # Errors
/// When the database does not answer.
pub async fn pending(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    lab: Option<LabId>,
) -> sqlx::Result<Vec<Invitation>> {
    store::pending_invitations(conn, lab, now).await
}
