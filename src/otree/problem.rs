//! What an answer that is no answer means. oTree's errors are plain text or HTML, and 403 has many meanings.

use kernel::outbound::header::LOCATION;
use kernel::outbound::{OutboundError, Reply, StatusCode};
use serde_json::Value;

use super::json;

/// What is wrong with the REST key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyProblem {
    /// The site wants a key and got none.
    #[error("this site needs its REST key (the server's OTREE_REST_KEY)")]
    Missing,
    /// The site knows another key.
    #[error("the REST key is not the one that this site has in OTREE_REST_KEY")]
    Incorrect,
    /// The site has no key to compare with.
    #[error("this site has no REST key yet: set OTREE_REST_KEY on the oTree server and restart it")]
    NotSetOnServer,
}

/// Why a question to a site has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// oTree says that there is no such session or participant: deleted, or the database was reset.
    #[error("oTree does not know this session or participant; it was deleted, or the database was reset")]
    NotFound,
    /// The REST key.
    #[error(transparent)]
    Key(#[from] KeyProblem),
    /// No answer now; a later one is likely.
    #[error("{0}")]
    Unavailable(String),
    /// oTree from before version 5, whose API cannot be asked.
    #[error("this looks like oTree 3 or older, whose API can only be used through links")]
    Old,
    /// An answer that oTree would not give, or whose meaning we do not know.
    #[error("{0}")]
    Odd(String),
}

impl From<OutboundError> for ReadError {
    fn from(error: OutboundError) -> Self {
        Self::Unavailable(sentence(&error.to_string()))
    }
}

/// The JSON of a good answer, or what the other kind of answer means.
pub(super) fn understand(reply: &Reply) -> Result<Value, ReadError> {
    match reply.status {
        status if status.is_success() => json::parse(&reply.body)
            .ok_or_else(|| ReadError::Odd("The server answered, but not as oTree does.".into())),
        status if status.is_redirection() => Err(redirect(reply)),
        StatusCode::FORBIDDEN => Err(forbidden(&reply.text())),
        StatusCode::NOT_FOUND => Err(not_found(&reply.text())),
        status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
            Err(ReadError::Unavailable(format!(
                "The server answered with an error (status {}).",
                status.as_u16()
            )))
        }
        status => Err(ReadError::Odd(format!("The server refused the call (status {}).", status.as_u16()))),
    }
}

/// Whether the server has no such call at all, as against no such session.
pub(super) fn no_such_call(reply: &Reply) -> bool {
    match reply.status {
        StatusCode::NOT_FOUND => reply.text().trim() == "Not Found",
        status => status == StatusCode::METHOD_NOT_ALLOWED,
    }
}

fn not_found(text: &str) -> ReadError {
    if text.starts_with("Not found") && (text.contains("Session") || text.contains("Participant")) {
        ReadError::NotFound
    } else {
        ReadError::Odd("There is no oTree API of version 5 or later at this address.".into())
    }
}

fn forbidden(text: &str) -> ReadError {
    if text.contains("otree-rest-key is missing") {
        KeyProblem::Missing.into()
    } else if text.contains("otree-rest-key is incorrect") {
        KeyProblem::Incorrect.into()
    } else if text.contains("OTREE_REST_KEY must be defined") {
        KeyProblem::NotSetOnServer.into()
    } else if text.contains("not JSON serializable") {
        ReadError::Odd(
            "A session config on this site holds a value that is not JSON, so oTree cannot tell it.".into(),
        )
    } else {
        ReadError::Odd("The server refused the call (status 403).".into())
    }
}

/// A redirect is never followed: the key would travel with it.
pub(super) fn redirect(reply: &Reply) -> ReadError {
    let target = reply.header(LOCATION).unwrap_or_default();
    if target.contains("/accounts/login") {
        return ReadError::Old;
    }
    match target.parse::<url::Url>() {
        Ok(url) if url.has_host() => ReadError::Odd(format!(
            "The server sends calls on to {}. If that is your site, register that address.",
            url.origin().ascii_serialization()
        )),
        _ => ReadError::Odd("The server sends calls on to another page instead of answering.".into()),
    }
}

/// Words made a sentence.
pub(super) fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let head: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{head}{}.", letters.as_str().trim_end_matches('.'))
}
