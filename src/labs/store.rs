//! Labs and their members in the database.

use sqlx::PgConnection;

use super::{Lab, LabId, Membership, Role, RoleError};
use crate::accounts::AccountId;

/// The role of a row; the table allows no other words.
fn role(text: &str) -> sqlx::Result<Role> {
    text.parse().map_err(|error: RoleError| sqlx::Error::Decode(error.into()))
}

/// The labs of one account, by name.
pub async fn memberships(conn: &mut PgConnection, account: AccountId) -> sqlx::Result<Vec<Membership>> {
    let rows = sqlx::query!(
        "SELECT lab.id AS \"id: LabId\", lab.name, membership.role
         FROM membership JOIN lab ON lab.id = membership.lab_id
         WHERE membership.account_id = $1 ORDER BY lower(lab.name), lab.id",
        account.0,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| Ok(Membership { lab: Lab { id: row.id, name: row.name }, role: role(&row.role)? }))
        .collect()
}
