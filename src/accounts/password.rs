//! Passwords: what is accepted, how they are hashed, how they are checked.
//!
//! Hashing takes tens of milliseconds and 19 MiB on purpose, so it runs off the async threads and only a
//! few at a time: a storm of logins must not eat the memory.

use std::collections::HashSet;
use std::sync::LazyLock;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

/// Characters, not bytes.
const SHORTEST: usize = 10;
const LONGEST: usize = 200;
/// Memory in KiB, passes, lanes: raise them here and stored hashes follow at the next login.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// How many may be hashed at once in one process: 4 × 19 MiB.
static HASHING: Semaphore = Semaphore::const_new(4);
/// Words that people take when they must think of a password; digits and signs around them do not help.
static COMMON: LazyLock<HashSet<&str>> =
    LazyLock::new(|| include_str!("common_passwords.txt").lines().collect());

/// Why a password is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Fewer than ten characters.
    #[error("A password has at least {SHORTEST} characters.")]
    TooShort,
    /// More than two hundred.
    #[error("A password has at most {LONGEST} characters.")]
    TooLong,
    /// One of the first that somebody would try.
    #[error("This password is among the first that others would guess. Four random words make a good one.")]
    TooCommon,
}

/// A password that was accepted, exactly as typed.
#[derive(Debug, Clone)]
pub struct NewPassword(SecretString);

impl NewPassword {
    /// Accepts any characters in any mixture, but not a short or a common password.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(password: SecretString) -> Result<Self, PasswordError> {
        let text = password.expose_secret();
        match text.chars().count() {
            n if n < SHORTEST => Err(PasswordError::TooShort),
            n if n > LONGEST => Err(PasswordError::TooLong),
            _ if is_common(text) => Err(PasswordError::TooCommon),
            _ => Ok(Self(password)),
        }
    }

    /// The hash to store.
    ///
    /// # Errors
    /// Ours to mend.
    pub async fn hash(&self) -> anyhow::Result<String> {
        hash(self.0.clone()).await
    }
}

/// Whether the password is little more than one common word, one short pattern, or a run of keys.
fn is_common(password: &str) -> bool {
    let lower = password.to_lowercase();
    let letters: String = lower.chars().filter(|c| c.is_alphabetic()).collect();
    let distinct = lower.chars().collect::<HashSet<_>>().len();
    let repeated = (1..=lower.len() / 2)
        .filter(|length| lower.len().is_multiple_of(*length) && lower.is_char_boundary(*length))
        .any(|length| {
            lower[..length].repeat(lower.len() / length) == lower && is_weak_unit(&lower[..length])
        });
    letters.is_empty() && is_run(&lower) || distinct < 4 || repeated || COMMON.contains(letters.as_str())
}

/// A part that makes a weak password however often it is repeated.
fn is_weak_unit(unit: &str) -> bool {
    unit.chars().count() <= 4 || COMMON.contains(unit) || is_run(unit)
}

/// Digits counting up, down, or both: 1234567890, 0987654321.
fn is_run(text: &str) -> bool {
    let digits: Vec<i32> =
        text.chars().filter_map(|c| c.to_digit(10)).filter_map(|d| d.try_into().ok()).collect();
    digits.len() == text.chars().count()
        && digits.windows(2).all(|pair| matches!((pair[1] - pair[0]).rem_euclid(10), 0 | 1 | 9))
}

fn hasher() -> Argon2<'static> {
    #[expect(clippy::expect_used, reason = "constants; a test hashes with them")]
    let params =
        Params::new(MEMORY_KIB, PASSES, LANES, None).expect("the parameters are within argon2's bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// The hash of a password that was accepted before.
pub(super) async fn hash(password: SecretString) -> anyhow::Result<String> {
    let _permit = HASHING.acquire().await?;
    let hashed = tokio::task::spawn_blocking(move || {
        hasher().hash_password(password.expose_secret().as_bytes()).map(|hash| hash.to_string())
    });
    hashed.await?.map_err(|error| anyhow::anyhow!("hashing a password: {error}"))
}

/// Whether this is the password that `stored` was made from. Without a stored hash the same work is
/// done for nothing, so that an unknown address takes as long as a wrong password.
///
/// # Errors
/// When a stored hash is damaged.
pub(super) async fn verify(password: SecretString, stored: Option<String>) -> anyhow::Result<bool> {
    let known = stored.is_some();
    let stored = match stored {
        Some(stored) => stored,
        None => decoy().await?,
    };
    let _permit = HASHING.acquire().await?;
    let same = tokio::task::spawn_blocking(move || -> anyhow::Result<bool> {
        let parsed =
            PasswordHash::new(&stored).map_err(|error| anyhow::anyhow!("a stored password hash: {error}"))?;
        Ok(hasher().verify_password(password.expose_secret().as_bytes(), &parsed).is_ok())
    });
    Ok(same.await?? && known)
}

/// A hash of something nobody knows, made once.
async fn decoy() -> anyhow::Result<String> {
    static DECOY: tokio::sync::OnceCell<String> = tokio::sync::OnceCell::const_new();
    DECOY.get_or_try_init(|| hash(SecretString::from(kernel::secret::token()))).await.cloned()
}

/// Makes the decoy before the first visitor comes, who would otherwise wait twice as long.
///
/// # Errors
/// Ours to mend.
pub async fn warm_up() -> anyhow::Result<()> {
    decoy().await.map(|_| ())
}

/// Whether `stored` was made with other parameters than today's.
pub(super) fn is_outdated(stored: &str) -> bool {
    !stored.starts_with(&format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}$"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<(), PasswordError> {
        NewPassword::parse(text.into()).map(|_| ())
    }

    #[test]
    fn length_is_counted_in_characters_and_nothing_else_is_demanded() {
        assert_eq!(parse("fluffy cat"), Ok(()));
        assert_eq!(parse("fluffycat"), Err(PasswordError::TooShort));
        assert_eq!(parse("ħëłłø wørłđ"), Ok(()));
        assert_eq!(parse("🦊🐢🐙🦉🐝🦋🐌🦀🐳🦆"), Ok(()));
        let long: String = "correct horse battery staple ".chars().cycle().take(200).collect();
        assert_eq!(parse(&long), Ok(()));
        assert_eq!(parse(&format!("{long}x")), Err(PasswordError::TooLong));
    }

    #[test]
    fn the_first_guesses_are_refused() {
        for text in [
            "1234567890",
            "0987654321",
            "1111111111",
            "password123",
            "Password2024!",
            "qwertyuiop",
            "passwordpassword",
            "iloveyou!!",
            "abcabcabcabc",
            "oTree-HR-2026",
            "letmein12345",
            "aaaaaaaaaaaa",
            "1212121212",
        ] {
            assert_eq!(parse(text), Err(PasswordError::TooCommon), "{text}");
        }
    }

    #[tokio::test]
    async fn a_hash_says_how_it_was_made_and_is_checked_exactly_as_typed() {
        let hash = NewPassword::parse("fluffy cat ".into()).unwrap().hash().await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(!is_outdated(&hash));
        assert!(is_outdated(&hash.replace("m=19456", "m=4096")));
        assert!(verify("fluffy cat ".into(), Some(hash.clone())).await.unwrap());
        for wrong in ["fluffy cat", "Fluffy cat ", ""] {
            assert!(!verify(wrong.into(), Some(hash.clone())).await.unwrap());
        }
    }

    #[tokio::test]
    async fn nobody_has_the_decoy_s_password_and_a_damaged_hash_opens_nothing() {
        assert!(!verify("".into(), None).await.unwrap());
        assert!(!is_outdated(&decoy().await.unwrap()), "the decoy takes as long as a real one");
        assert!(verify("anything".into(), Some("not a hash".into())).await.is_err());
    }
}
