//! People and how they prove who they are: passwords, browser sessions, limits on guessing.
//!
//! What they may do follows from their membership in a lab, which is the business of [`crate::labs`];
//! so is making and deleting accounts, because a lab comes and goes with them.

pub mod attempts;
mod email;
mod first_run;
mod log_in;
mod password;
mod rescue;
mod session_store;
pub(crate) mod store;
mod tidy;

pub use email::{Email, EmailError};
pub use first_run::first_run_link;
pub use log_in::{LogInError, change_password, confirm, log_in};
pub use password::{NewPassword, PasswordError, warm_up};
pub use rescue::{appoint, reset_password};
pub use session_store::{ACCOUNT_KEY, Sessions};
pub use tidy::Tidy;

use crate::audit::{self, Entry};

kernel::typed_id!(
    /// Names one account.
    AccountId
);

/// A person's login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The row.
    pub id: AccountId,
    /// Lower case.
    pub email: String,
    /// As the person wrote it.
    pub name: String,
    /// May see the server's own pages.
    pub operator: bool,
}

/// The account, unless it was deleted.
///
/// # Errors
/// When the database does not answer.
pub async fn find(conn: &mut sqlx::PgConnection, id: AccountId) -> sqlx::Result<Option<Account>> {
    store::find(conn, id).await
}

/// Gives an account another name.
///
/// # Errors
/// When the database does not answer.
pub async fn rename(conn: &mut sqlx::PgConnection, id: AccountId, name: &str) -> sqlx::Result<()> {
    store::set_name(conn, id, name).await
}

/// Makes somebody an operator, or an operator nobody special. False when nobody would be left to look
/// after the server.
///
/// # Errors
/// When the database does not answer.
pub async fn set_operator(
    conn: &mut sqlx::PgConnection,
    now: chrono::DateTime<chrono::Utc>,
    by: AccountId,
    of: AccountId,
    operator: bool,
) -> sqlx::Result<bool> {
    if !store::set_operator(conn, of, operator).await? {
        return Ok(false);
    }
    let action = if operator { "operator.add" } else { "operator.remove" };
    audit::record(conn, now, Entry::personal(by.0, action).about(of.0)).await?;
    Ok(true)
}

/// Every account of this server, oldest first.
///
/// # Errors
/// When the database does not answer.
pub async fn all(conn: &mut sqlx::PgConnection) -> sqlx::Result<Vec<Account>> {
    store::all(conn).await
}
