//! Labs, their members and their invitations in the database.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::invitations::{Invitation, InvitationId, Place};
use super::{Lab, LabId, Membership, Person, Role, RoleError};
use crate::accounts::AccountId;

/// The role of a row; the table allows no other words.
fn role(text: &str) -> sqlx::Result<Role> {
    text.parse().map_err(|error: RoleError| sqlx::Error::Decode(error.into()))
}

/// The labs of one account, by name.
pub async fn memberships(conn: &mut PgConnection, account: AccountId) -> sqlx::Result<Vec<Membership>> {
    let rows = sqlx::query!(
        "SELECT lab.id AS \"id: LabId\", lab.name, membership.role, money_paused(lab.id) AS \"paused!\",
            money_waits(lab.id, NULL) AS \"waits!\"
         FROM membership JOIN lab ON lab.id = membership.lab_id
         WHERE membership.account_id = $1 ORDER BY lower(lab.name), lab.id",
        account.0,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let lab = Lab { id: row.id, name: row.name, money_paused: row.paused, money_waits: row.waits };
            Ok(Membership { lab, role: role(&row.role)? })
        })
        .collect()
}

/// A new lab, without members.
pub async fn insert(conn: &mut PgConnection, lab: LabId, name: &str, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!("INSERT INTO lab (id, name, created_at) VALUES ($1, $2, $3)", lab.0, name, now)
        .execute(conn)
        .await?;
    Ok(())
}

/// Another name.
pub async fn set_name(conn: &mut PgConnection, lab: LabId, name: &str) -> sqlx::Result<()> {
    sqlx::query!("UPDATE lab SET name = $2 WHERE id = $1", lab.0, name).execute(conn).await?;
    Ok(())
}

/// The lab and everything in it.
pub async fn delete(conn: &mut PgConnection, lab: LabId) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM lab WHERE id = $1", lab.0).execute(conn).await?;
    Ok(())
}

/// Until the transaction ends nobody else changes this lab's members.
pub async fn lock(conn: &mut PgConnection, lab: LabId) -> sqlx::Result<()> {
    sqlx::query!("SELECT id FROM lab WHERE id = $1 FOR UPDATE", lab.0).fetch_optional(conn).await?;
    Ok(())
}

/// Adds a member who is none yet.
pub async fn add_member(
    conn: &mut PgConnection,
    lab: LabId,
    account: AccountId,
    role: Role,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO membership (lab_id, account_id, role, joined_at) VALUES ($1, $2, $3, $4)",
        lab.0,
        account.0,
        role.as_str(),
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The role of a member.
pub async fn role_of(conn: &mut PgConnection, lab: LabId, account: AccountId) -> sqlx::Result<Option<Role>> {
    let text = sqlx::query_scalar!(
        "SELECT role FROM membership WHERE lab_id = $1 AND account_id = $2",
        lab.0,
        account.0
    )
    .fetch_optional(conn)
    .await?;
    text.map(|text| role(&text)).transpose()
}

/// The members, owners first, then by name.
pub async fn people(conn: &mut PgConnection, lab: LabId) -> sqlx::Result<Vec<Person>> {
    let rows = sqlx::query!(
        "SELECT account.id AS \"id: AccountId\", account.name, account.email, m.role, m.joined_at
         FROM membership m JOIN account ON account.id = m.account_id WHERE m.lab_id = $1
         ORDER BY array_position(ARRAY['owner', 'editor', 'viewer'], m.role), lower(account.name), account.id",
        lab.0,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let role = role(&row.role)?;
            Ok(Person { id: row.id, name: row.name, email: row.email, role, joined_at: row.joined_at })
        })
        .collect()
}

/// Whether somebody else owns the lab too.
pub async fn has_other_owner(conn: &mut PgConnection, lab: LabId, than: AccountId) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        "SELECT EXISTS (SELECT FROM membership WHERE lab_id = $1 AND account_id <> $2 AND role = 'owner')
             AS \"other!\"",
        lab.0,
        than.0,
    )
    .fetch_one(conn)
    .await
}

/// Another role.
pub async fn set_role(
    conn: &mut PgConnection,
    lab: LabId,
    account: AccountId,
    role: Role,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE membership SET role = $3 WHERE lab_id = $1 AND account_id = $2",
        lab.0,
        account.0,
        role.as_str(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes a member out.
pub async fn remove_member(conn: &mut PgConnection, lab: LabId, account: AccountId) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM membership WHERE lab_id = $1 AND account_id = $2", lab.0, account.0)
        .execute(conn)
        .await?;
    Ok(())
}

/// Whether people are working for this lab or waiting for its money.
pub async fn is_busy(conn: &mut PgConnection, lab: LabId) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        "SELECT EXISTS (SELECT FROM study WHERE lab_id = $1 AND state IN ('publishing', 'open'))
             OR EXISTS (SELECT FROM payment_order WHERE lab_id = $1
                        AND state IN ('planned', 'authorised', 'sending', 'unknown'))
             OR EXISTS (SELECT FROM participation WHERE lab_id = $1
                        AND stage IN ('submitted', 'submitted_unfinished', 'approved')) AS \"busy!\"",
        lab.0,
    )
    .fetch_one(conn)
    .await
}

/// A new invitation.
pub async fn insert_invitation(
    conn: &mut PgConnection,
    id: InvitationId,
    place: Option<(LabId, Role)>,
    token_hash: &[u8],
    by: AccountId,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO invitation (id, lab_id, role, token_hash, created_by, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        id.0,
        place.map(|(lab, _)| lab.0),
        place.map(|(_, role)| role.as_str()),
        token_hash,
        by.0,
        now,
        expires_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A row of the table as it comes.
struct InvitationRow {
    id: Uuid,
    lab_id: Option<Uuid>,
    lab_name: Option<String>,
    role: Option<String>,
    makes_operator: bool,
    expires_at: DateTime<Utc>,
}

impl TryFrom<InvitationRow> for Invitation {
    type Error = sqlx::Error;
    fn try_from(row: InvitationRow) -> sqlx::Result<Self> {
        let place = match (row.lab_id, row.lab_name, row.role) {
            (Some(lab), Some(lab_name), Some(text)) => {
                Some(Place { lab: LabId(lab), lab_name, role: role(&text)? })
            }
            _ => None,
        };
        let InvitationRow { id, makes_operator, expires_at, .. } = row;
        Ok(Self { id: InvitationId(id), place, makes_operator, expires_at })
    }
}

/// The invitation with this token, if it can still be used.
pub async fn invitation(
    conn: &mut PgConnection,
    token_hash: &[u8],
    now: DateTime<Utc>,
) -> sqlx::Result<Option<Invitation>> {
    let row = sqlx::query_as!(
        InvitationRow,
        "SELECT i.id, i.lab_id, lab.name AS \"lab_name?\", i.role, i.makes_operator, i.expires_at
         FROM invitation i LEFT JOIN lab ON lab.id = i.lab_id
         WHERE i.token_hash = $1 AND i.used_at IS NULL AND i.expires_at > $2",
        token_hash,
        now,
    )
    .fetch_optional(conn)
    .await?;
    row.map(Invitation::try_from).transpose()
}

/// The lab of an invitation that this account used.
pub async fn joined(
    conn: &mut PgConnection,
    token_hash: &[u8],
    account: AccountId,
) -> sqlx::Result<Option<LabId>> {
    let lab = sqlx::query_scalar!(
        "SELECT lab_id AS \"lab_id: LabId\" FROM invitation WHERE token_hash = $1 AND used_by = $2",
        token_hash,
        account.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(lab.flatten())
}

/// The invitations that can still be used, newest first: of a lab, or those without a lab.
pub async fn pending_invitations(
    conn: &mut PgConnection,
    lab: Option<LabId>,
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<Invitation>> {
    let rows = sqlx::query_as!(
        InvitationRow,
        "SELECT i.id, i.lab_id, lab.name AS \"lab_name?\", i.role, i.makes_operator, i.expires_at
         FROM invitation i LEFT JOIN lab ON lab.id = i.lab_id
         WHERE i.lab_id IS NOT DISTINCT FROM $1 AND NOT i.makes_operator
             AND i.used_at IS NULL AND i.expires_at > $2 ORDER BY i.id DESC",
        lab.map(|lab| lab.0),
        now,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Invitation::try_from).collect()
}

/// Uses an invitation up; false when it is used or too old.
pub async fn use_invitation(
    conn: &mut PgConnection,
    id: InvitationId,
    by: AccountId,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let used = sqlx::query!(
        "UPDATE invitation SET used_at = $3, used_by = $2
         WHERE id = $1 AND used_at IS NULL AND expires_at > $3",
        id.0,
        by.0,
        now,
    )
    .execute(conn)
    .await?;
    Ok(used.rows_affected() == 1)
}

/// Removes an unused invitation of this lab and gives the role it had.
pub async fn delete_invitation(
    conn: &mut PgConnection,
    lab: LabId,
    id: Uuid,
) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        "DELETE FROM invitation WHERE id = $1 AND lab_id = $2 AND used_at IS NULL RETURNING role AS \"role!\"",
        id,
        lab.0,
    )
    .fetch_optional(conn)
    .await
}

/// How many sites and connections a lab has.
pub async fn counts(conn: &mut PgConnection, lab: LabId) -> sqlx::Result<(i64, i64)> {
    let row = sqlx::query!(
        "SELECT (SELECT count(*) FROM site WHERE lab_id = $1) AS \"sites!\",
                (SELECT count(*) FROM connection WHERE lab_id = $1) AS \"connections!\"",
        lab.0,
    )
    .fetch_one(conn)
    .await?;
    Ok((row.sites, row.connections))
}
