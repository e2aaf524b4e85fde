//! Accounts in the database.

use sqlx::PgConnection;

use super::{Account, AccountId};

/// The account, unless it was deleted.
pub async fn find(conn: &mut PgConnection, id: AccountId) -> sqlx::Result<Option<Account>> {
    sqlx::query_as!(
        Account,
        "SELECT id AS \"id: AccountId\", email, name, operator FROM account WHERE id = $1",
        id.0,
    )
    .fetch_optional(conn)
    .await
}
