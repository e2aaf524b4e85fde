//! What whoever holds the server's console can do for people who cannot log in.

use kernel::clock::SharedClock;
use secrecy::SecretString;
use sqlx::PgPool;

use super::{Email, password, store};
use crate::audit::{self, Entry};

/// Gives an account a random password, ends its sessions, and returns the password. `None` without such
/// an account.
///
/// # Errors
/// When the database does not answer.
pub async fn reset_password(
    pool: &PgPool,
    clock: &SharedClock,
    email: &Email,
) -> anyhow::Result<Option<String>> {
    let fresh = kernel::secret::code(20);
    let hash = password::hash(SecretString::from(fresh.as_str())).await?;
    let mut tx = pool.begin().await?;
    let Some((id, _)) = store::credentials(&mut tx, email).await? else { return Ok(None) };
    store::set_hash(&mut tx, id, &hash, clock.now()).await?;
    store::end_sessions(&mut tx, id).await?;
    audit::record(&mut tx, clock.now(), Entry::personal(id.0, "account.reset_password")).await?;
    tx.commit().await?;
    Ok(Some(fresh))
}

/// Makes somebody an operator; false without such an account.
///
/// # Errors
/// When the database does not answer.
pub async fn appoint(pool: &PgPool, clock: &SharedClock, email: &Email) -> anyhow::Result<bool> {
    let mut tx = pool.begin().await?;
    let Some((id, _)) = store::credentials(&mut tx, email).await? else { return Ok(false) };
    super::set_operator(&mut tx, clock.now(), id, id, true).await?;
    tx.commit().await?;
    Ok(true)
}
