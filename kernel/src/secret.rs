//! Sealing at rest, random tokens, signed links.
//!
//! Everything hangs on one master secret (and former ones while a rotation is
//! under way). Each purpose gets its own key derived from it, so a link's
//! signature says nothing about the key that seals credentials.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Bytes of a sealed value before its ciphertext: format, key id, nonce.
const FORMAT: u8 = 1;
const KEY_ID: usize = 8;
const NONCE: usize = 24;
/// Characters of a signature in a link: 128 bits.
const SIGNATURE: usize = 22;

/// Why a sealed value or the master secret cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// The master secret is shorter than 32 characters.
    #[error("the secret key must have at least 32 characters")]
    TooShort,
    /// Sealed under a key that this process was not given.
    #[error("a stored secret was sealed with a key that is not configured")]
    UnknownKey,
    /// Changed, cut, or moved to another row.
    #[error("a stored secret cannot be opened")]
    Damaged,
}

/// The master secret and its predecessors; seals, opens and signs.
#[derive(Clone)]
pub struct Keyring {
    keys: Vec<Keys>,
}

#[derive(Clone)]
struct Keys {
    id: [u8; KEY_ID],
    seal: [u8; 32],
    sign: [u8; 32],
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keyring({} keys)", self.keys.len())
    }
}

impl Keyring {
    /// `current` seals and signs; `former` only open and verify.
    ///
    /// # Errors
    /// [`SecretError::TooShort`] for a secret under 32 characters.
    pub fn new(current: &SecretString, former: &[SecretString]) -> Result<Self, SecretError> {
        let keys = std::iter::once(current)
            .chain(former)
            .map(|secret| Keys::derive(secret.expose_secret()))
            .collect::<Result<_, _>>()?;
        Ok(Self { keys })
    }

    /// Encrypts `plain` so that it opens only with the same `place`: lab, row and column,
    /// which a moved ciphertext would not match.
    pub fn seal(&self, place: &str, plain: &SecretString) -> Vec<u8> {
        let keys = &self.keys[0];
        let nonce: [u8; NONCE] = rand::random();
        let payload = Payload { msg: plain.expose_secret().as_bytes(), aad: place.as_bytes() };
        #[expect(clippy::expect_used, reason = "XChaCha20 fails only beyond 256 GiB")]
        let sealed = XChaCha20Poly1305::new(&keys.seal.into())
            .encrypt(&XNonce::from(nonce), payload)
            .expect("a secret fits in memory");
        [&[FORMAT][..], &keys.id, &nonce, &sealed].concat()
    }

    /// Opens what [`Keyring::seal`] made for the same `place`.
    ///
    /// # Errors
    /// [`SecretError::UnknownKey`] or [`SecretError::Damaged`].
    pub fn open(&self, place: &str, sealed: &[u8]) -> Result<SecretString, SecretError> {
        let (head, text) = sealed.split_at_checked(1 + KEY_ID + NONCE).ok_or(SecretError::Damaged)?;
        let (id, nonce) = head[1..].split_at(KEY_ID);
        let keys = self.keys.iter().find(|k| k.id == id).ok_or(SecretError::UnknownKey)?;
        let nonce: [u8; NONCE] = nonce.try_into().map_err(|_| SecretError::Damaged)?;
        let plain = XChaCha20Poly1305::new(&keys.seal.into())
            .decrypt(&XNonce::from(nonce), Payload { msg: text, aad: place.as_bytes() })
            .map_err(|_| SecretError::Damaged)?;
        String::from_utf8(plain).map(SecretString::from).map_err(|_| SecretError::Damaged)
    }

    /// `payload.signature` for a link that only we can have made, for one `purpose`.
    pub fn sign(&self, purpose: &str, payload: &str) -> String {
        format!("{payload}.{}", signature(&self.keys[0].sign, purpose, payload))
    }

    /// A mark by which the same `payload` is known again for one `purpose`, and from which it cannot be read. Another
    /// master secret gives other marks.
    pub fn mark(&self, purpose: &str, payload: &str) -> String {
        signature(&self.keys[0].sign, purpose, payload)
    }

    /// The payload of a link that [`Keyring::sign`] made for this `purpose`; `None` for any other.
    pub fn verify<'a>(&self, purpose: &str, signed: &'a str) -> Option<&'a str> {
        let (payload, given) = signed.rsplit_once('.')?;
        self.keys.iter().any(|keys| same(given, &signature(&keys.sign, purpose, payload))).then_some(payload)
    }
}

impl Keys {
    fn derive(secret: &str) -> Result<Self, SecretError> {
        if secret.len() < 32 {
            return Err(SecretError::TooShort);
        }
        let derive = |purpose| mac(secret.as_bytes(), &[purpose]);
        let mut id = [0; KEY_ID];
        id.copy_from_slice(&derive("key id")[..KEY_ID]);
        Ok(Self { id, seal: derive("seal"), sign: derive("sign") })
    }
}

fn signature(key: &[u8; 32], purpose: &str, payload: &str) -> String {
    let mut text = URL_SAFE_NO_PAD.encode(mac(key, &[purpose, payload]));
    text.truncate(SIGNATURE);
    text
}

fn mac(key: &[u8], parts: &[&str]) -> [u8; 32] {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key).expect("any key fits");
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part.as_bytes());
    }
    mac.finalize().into_bytes().into()
}

/// Compares two texts in time that does not depend on where they differ.
pub fn same(a: &str, b: &str) -> bool {
    a.as_bytes().ct_eq(b.as_bytes()).into()
}

/// A token nobody can guess: 192 random bits, safe in a URL.
pub fn token() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 24]>())
}

/// What to store of a [`token`]: its SHA-256, so that a stolen table opens nothing.
pub fn token_hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}

/// `length` random characters from an alphabet without look-alikes, for codes that people read or type.
pub fn code(length: usize) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";
    let random: Vec<u8> = (0..length).map(|_| rand::random::<u8>()).collect();
    random.iter().map(|byte| ALPHABET[usize::from(byte % 32)] as char).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(secret: &str, former: &[&str]) -> Keyring {
        let former: Vec<_> = former.iter().map(|s| SecretString::from(*s)).collect();
        Keyring::new(&SecretString::from(secret), &former).unwrap()
    }

    const ONE: &str = "0123456789abcdef0123456789abcdef";
    const TWO: &str = "fedcba9876543210fedcba9876543210";

    #[test]
    fn a_sealed_secret_opens_only_in_its_place() {
        let ring = ring(ONE, &[]);
        let sealed = ring.seal("lab/row/column", &"wJalr".into());
        assert_eq!(ring.open("lab/row/column", &sealed).unwrap().expose_secret(), "wJalr");
        assert_eq!(ring.open("other/row/column", &sealed).unwrap_err(), SecretError::Damaged);
    }

    #[test]
    fn a_changed_or_cut_secret_does_not_open() {
        let ring = ring(ONE, &[]);
        let mut sealed = ring.seal("p", &"secret".into());
        assert_eq!(ring.open("p", &sealed[..20]).unwrap_err(), SecretError::Damaged);
        *sealed.last_mut().unwrap() ^= 1;
        assert_eq!(ring.open("p", &sealed).unwrap_err(), SecretError::Damaged);
    }

    #[test]
    fn a_former_key_still_opens_and_verifies() {
        let old = ring(ONE, &[]);
        let sealed = old.seal("p", &"secret".into());
        let link = old.sign("door", "abc");
        let new = ring(TWO, &[ONE]);
        assert!(new.open("p", &sealed).is_ok());
        assert_eq!(new.verify("door", &link), Some("abc"));
        assert_eq!(ring(TWO, &[]).open("p", &sealed).unwrap_err(), SecretError::UnknownKey);
    }

    #[test]
    fn a_link_is_good_for_one_purpose_and_one_payload() {
        let ring = ring(ONE, &[]);
        let link = ring.sign("door", "abc");
        assert_eq!(ring.verify("door", &link), Some("abc"));
        assert_eq!(ring.verify("exit", &link), None);
        assert_eq!(ring.verify("door", &link.replace("abc", "abd")), None);
        assert_eq!(ring.verify("door", "abc"), None);
    }

    #[test]
    fn a_mark_tells_the_same_from_another_for_one_purpose() {
        let ring = ring(ONE, &[]);
        let mark = ring.mark("study 1", "198.51.100.7");
        assert_eq!(mark, ring.mark("study 1", "198.51.100.7"));
        assert!(!mark.contains("198"));
        for other in [ring.mark("study 2", "198.51.100.7"), ring.mark("study 1", "198.51.100.8")] {
            assert_ne!(mark, other);
        }
    }

    #[test]
    fn a_short_master_secret_is_refused() {
        assert!(Keyring::new(&SecretString::from("short"), &[]).is_err());
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", ring(ONE, &[])), "Keyring(1 keys)");
    }
}
