//! Which oTree this is, and what its API can do.

use std::fmt;

use kernel::outbound::{Method, Reply};
use serde_json::{Value, json};

use super::client::{Call, Client};
use super::problem::{self, ReadError};

/// A version as the server says it; sorts as versions do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    numbers: [u32; 3],
    text: String,
}

impl Version {
    /// Reads `6.0.15`, `5.10.0b1`, `5.1`; `None` when it does not start with two numbers.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.').map(leading_number);
        let (major, minor) = (parts.next()??, parts.next()??);
        let patch = parts.next().flatten().unwrap_or(0);
        (text.len() <= 40).then(|| Self { numbers: [major, minor, patch], text: text.to_owned() })
    }

    /// Whether sessions can be created, read and followed: 5.1 and later. Older ones get links only.
    pub fn has_full_api(&self) -> bool {
        self.numbers >= [5, 1, 0]
    }

    /// Whether single variables of participants and sessions can be read: 5.10 and later.
    pub fn reads_vars(&self) -> bool {
        self.numbers >= [5, 10, 0]
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn leading_number(part: &str) -> Option<u32> {
    let digits = part.len() - part.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    part[..digits].parse().ok()
}

impl Client {
    /// Asks for oTree's version; without the key this should fail with [`super::KeyProblem::Missing`].
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn version(&self, with_key: bool) -> Result<Version, ReadError> {
        let mut reply = self.ask_version(with_key, None).await?;
        if reply.status.is_server_error() {
            // oTree 3 wants a body even here and breaks without one; some proxies refuse a GET that has one.
            reply = self.ask_version(with_key, Some(json!({}))).await?;
        }
        let answer = problem::understand(&reply)?;
        answer["version"]
            .as_str()
            .and_then(Version::parse)
            .ok_or_else(|| ReadError::Odd("The server answered, but not as oTree does.".into()))
    }

    async fn ask_version(&self, with_key: bool, body: Option<Value>) -> Result<Reply, ReadError> {
        let call = Call::new(Method::GET, &["api", "otree_version"], body);
        Ok(self.send(Call { with_key, ..call }).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_sorted() {
        let sorted = ["3.4.0", "5.0.8", "5.1.0", "5.9.8", "5.10.0b1", "5.11.5", "6.0.15"]
            .map(|t| Version::parse(t).unwrap());
        assert!(sorted.is_sorted());
        assert_eq!(sorted.iter().filter(|v| v.has_full_api()).count(), 5);
        assert_eq!(sorted.iter().filter(|v| v.reads_vars()).count(), 3);
        assert_eq!(sorted[4].to_string(), "5.10.0b1");
    }

    #[test]
    fn what_is_no_version_is_refused() {
        for text in ["", "six", "6", "6.", ".0", "v6.0"] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
    }
}
