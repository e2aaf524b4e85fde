//! What a person may type for a connection (pure).

use kernel::outbound::{AddressError, Outbound};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// The public half of a key pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessKeyId(String);

/// Why a text is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not the shape of an access key id.
    #[error("An access key id has 16 to 128 letters and digits.")]
    AccessKeyId,
    /// Empty, cut, or with spaces inside.
    #[error("A secret access key has at least 16 characters and no spaces.")]
    Secret,
}

impl AccessKeyId {
    /// All of it; pages show [`AccessKeyId::hint`] instead.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last four characters.
    pub fn hint(&self) -> String {
        hint(&self.0)
    }
}

/// The last four characters of an access key id.
pub fn hint(access_key_id: &str) -> String {
    let start = access_key_id.char_indices().rev().nth(3).map_or(0, |(at, _)| at);
    format!("…{}", &access_key_id[start..])
}

impl std::str::FromStr for AccessKeyId {
    type Err = KeyError;
    fn from_str(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        let fits =
            (16..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if fits { Ok(Self(text.to_owned())) } else { Err(KeyError::AccessKeyId) }
    }
}

/// A secret access key, without the spaces that copying brings along.
///
/// # Errors
/// [`KeyError::Secret`].
pub fn secret(typed: &SecretString) -> Result<SecretString, KeyError> {
    let text = typed.expose_secret().trim();
    let fits = (16..=256).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    if fits { Ok(text.into()) } else { Err(KeyError::Secret) }
}

/// The address of a server that the person chose, with its path.
///
/// # Errors
/// [`AddressError`], in words for the person.
pub fn address(outbound: &Outbound, typed: &str) -> Result<Url, AddressError> {
    let mut url = outbound.check_url(typed)?;
    let typed: Url = typed.trim().parse().map_err(|_| AddressError::Malformed)?;
    url.set_path(typed.path().trim_end_matches('/'));
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_access_key_id_is_read_without_the_spaces_around_it() {
        let key: AccessKeyId = " AKIAIOSFODNN7EXAMPLE\n".parse().unwrap();
        assert_eq!((key.as_str(), key.hint().as_str()), ("AKIAIOSFODNN7EXAMPLE", "…MPLE"));
        for wrong in ["", "AKIA", "AKIA IOSF ODNN 7EXAMPLE", "AKIAIOSFODNN7EXÄMPLE", &"A".repeat(129)] {
            assert_eq!(wrong.parse::<AccessKeyId>(), Err(KeyError::AccessKeyId), "{wrong}");
        }
    }

    #[test]
    fn a_secret_keeps_its_slashes_and_loses_the_spaces_around_it() {
        let typed = SecretString::from(" wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\r\n");
        assert_eq!(secret(&typed).unwrap().expose_secret(), "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
        for wrong in ["", "short", "wJalrXUtnFEMI K7MDENG bPxRfiCY"] {
            assert!(secret(&wrong.into()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_short_hint_is_no_panic() {
        assert_eq!((hint("ab"), hint("")), ("…ab".to_owned(), "…".to_owned()));
    }

    #[test]
    fn an_address_keeps_its_path_and_must_not_be_private() {
        let outbound = Outbound::new(Vec::new()).unwrap();
        let url = address(&outbound, " https://hr.example.org/market/?a=1#b ").unwrap();
        assert_eq!(url.as_str(), "https://hr.example.org/market");
        assert_eq!(address(&outbound, "http://169.254.169.254/latest"), Err(AddressError::Private));
        assert_eq!(address(&outbound, "ftp://hr.example.org"), Err(AddressError::Scheme));
    }
}
