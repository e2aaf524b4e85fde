//! Passwords: argon2id, a few at a time, never on the threads that serve requests.

use std::sync::LazyLock;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

/// Each takes 19 MB and some twenty milliseconds of a core.
static AT_ONCE: Semaphore = Semaphore::const_new(4);
/// Checked when nobody has the name, so that it takes as long as when somebody has.
static NOBODY: LazyLock<Option<String>> = LazyLock::new(|| hash_now(&SecretString::from("nobody")).ok());

/// Hashing did not work.
#[derive(Debug, thiserror::Error)]
#[error("a password could not be hashed: {0}")]
pub struct HashError(String);

/// Reads a password field of a form.
///
/// # Errors
/// When it is not text.
pub fn typed<'de, D: serde::Deserializer<'de>>(field: D) -> Result<SecretString, D::Error> {
    <String as serde::Deserialize>::deserialize(field).map(SecretString::from)
}

/// The hash to store, in PHC form.
///
/// # Errors
/// When the machine gives no randomness or stops the work.
pub async fn hash(password: SecretString) -> Result<String, HashError> {
    off_thread(move || hash_now(&password)).await?
}

/// Whether the password is right; `stored` is `None` when nobody has the name, which takes as long.
///
/// # Errors
/// When the machine stops the work.
pub async fn verify(password: SecretString, stored: Option<String>) -> Result<bool, HashError> {
    off_thread(move || {
        let known = stored.is_some();
        let against = stored.or_else(|| NOBODY.clone()).unwrap_or_default();
        let right = PasswordHash::new(&against).is_ok_and(|hash| {
            Argon2::default().verify_password(password.expose_secret().as_bytes(), &hash).is_ok()
        });
        known && right
    })
    .await
}

fn hash_now(password: &SecretString) -> Result<String, HashError> {
    let hash = Argon2::default().hash_password(password.expose_secret().as_bytes());
    hash.map(|hash| hash.to_string()).map_err(|error| HashError(error.to_string()))
}

async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, HashError> {
    let stopped = |error: &dyn std::fmt::Display| HashError(error.to_string());
    let _permit = AT_ONCE.acquire().await.map_err(|error| stopped(&error))?;
    tokio::task::spawn_blocking(work).await.map_err(|error| stopped(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_of_somebody_known_is_right() {
        let hash = hash("correct horse".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$"));
        assert!(verify("correct horse".into(), Some(hash.clone())).await.unwrap());
        assert!(!verify("wrong horse".into(), Some(hash)).await.unwrap());
        assert!(!verify("nobody".into(), None).await.unwrap());
    }
}
