//! Proving who one is: logging in, and giving the password once more before something that matters.
//!
//! A wrong password and an unknown address are the same error after the same work, and count against
//! the same limits.

use kernel::clock::SharedClock;
use secrecy::SecretString;
use sqlx::PgPool;

use super::attempts::{self, Limit};
use super::password::{self, NewPassword};
use super::{AccountId, Email, store};
use crate::audit::{self, Entry};

/// Why somebody is not let in.
#[derive(Debug, thiserror::Error)]
pub enum LogInError {
    /// Which of the two is not said.
    #[error("This e-mail address and password do not belong together.")]
    Wrong,
    /// Counted alike for addresses that have an account and those that do not.
    #[error("There were too many attempts. Wait a quarter of an hour, then try again.")]
    TooMany,
    /// Ours to mend.
    #[error(transparent)]
    Internal(#[from] anyhow::Error),
}

impl From<sqlx::Error> for LogInError {
    fn from(error: sqlx::Error) -> Self {
        Self::Internal(error.into())
    }
}

/// The account with this address and password. `network` is where the request came from.
///
/// # Errors
/// See [`LogInError`].
pub async fn log_in(
    pool: &PgPool,
    clock: &SharedClock,
    email: &str,
    password: SecretString,
    network: &str,
) -> Result<AccountId, LogInError> {
    let email = email.trim().to_lowercase();
    let pair = format!("{email} {network}");
    let limits =
        [(attempts::NETWORK, network), (attempts::ACCOUNT, email.as_str()), (attempts::PAIR, pair.as_str())];
    count(pool, clock, &limits).await?;
    let known = match email.parse::<Email>() {
        Ok(email) => store::credentials(&mut *pool.acquire().await?, &email).await?,
        Err(_) => None,
    };
    let (id, stored) = known.unzip();
    let right = password::verify(password.clone(), stored.clone()).await?;
    let (Some(id), Some(stored), true) = (id, stored, right) else { return Err(LogInError::Wrong) };
    let mut conn = pool.acquire().await?;
    attempts::forgive(&mut conn, attempts::PAIR, &pair).await?;
    if password::is_outdated(&stored) {
        let fresh = password::hash(password).await?;
        store::replace_hash(&mut conn, id, &stored, &fresh).await?;
    }
    audit::record(&mut conn, clock.now(), Entry::personal(id.0, "account.log_in")).await?;
    Ok(id)
}

/// Whether this is the password of somebody who is logged in already.
///
/// # Errors
/// See [`LogInError`].
pub async fn confirm(
    pool: &PgPool,
    clock: &SharedClock,
    account: AccountId,
    password: SecretString,
) -> Result<(), LogInError> {
    let subject = account.to_string();
    count(pool, clock, &[(attempts::AGAIN, &subject)]).await?;
    let stored = store::password_hash(&mut *pool.acquire().await?, account).await?;
    if !password::verify(password, stored).await? {
        return Err(LogInError::Wrong);
    }
    attempts::forgive(&mut *pool.acquire().await?, attempts::AGAIN, &subject).await?;
    Ok(())
}

/// Changes the password and ends every session of the account, this browser's too: the caller begins
/// a new one.
///
/// # Errors
/// See [`LogInError`].
pub async fn change_password(
    pool: &PgPool,
    clock: &SharedClock,
    account: AccountId,
    old: SecretString,
    new: NewPassword,
) -> Result<(), LogInError> {
    confirm(pool, clock, account, old).await?;
    let hash = new.hash().await?;
    let mut tx = pool.begin().await?;
    store::set_hash(&mut tx, account, &hash, clock.now()).await?;
    store::end_sessions(&mut tx, account).await?;
    audit::record(&mut tx, clock.now(), Entry::personal(account.0, "account.change_password")).await?;
    tx.commit().await?;
    Ok(())
}

async fn count(pool: &PgPool, clock: &SharedClock, limits: &[(Limit, &str)]) -> Result<(), LogInError> {
    let mut conn = pool.acquire().await?;
    let mut within = true;
    for (limit, subject) in limits {
        within &= attempts::allowed(&mut conn, clock.now(), *limit, subject).await?;
    }
    if within { Ok(()) } else { Err(LogInError::TooMany) }
}
