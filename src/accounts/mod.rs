//! People and how they prove who they are: passwords, browser sessions, limits on guessing.
//!
//! What they may do follows from their membership in a lab, which is the business of [`crate::labs`].

mod email;
mod session_store;
pub(crate) mod store;

pub use email::{Email, EmailError};
pub use session_store::{ACCOUNT_KEY, Sessions};

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
