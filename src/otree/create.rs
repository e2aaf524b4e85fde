//! Creating a session: not repeatable by itself, so an unclear outcome is said to be unclear.
//!
//! oTree stops serving everybody while it creates, may finish after we gave up, and may leave a broken session
//! behind an error. An unused session costs nothing. So after an unclear outcome the caller makes another one under a
//! fresh label and never adopts the first.

use std::time::Duration;

use kernel::outbound::{Method, OutboundError, Reply};
use serde_json::{Map, Value, json};

use super::client::{Call, Client};
use super::links;
use super::problem::{self, ReadError};

/// oTree needs seconds for thousands of participants, or for the researcher's own preparations.
const LIMIT: Duration = Duration::from_secs(75);

/// What to ask oTree for.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// A session config's name.
    pub config: String,
    /// How many participants; a multiple of the group size.
    pub participants: u32,
    /// Stored with the session: a fresh id for every attempt.
    pub label: String,
    /// Changed or added fields of the config.
    pub changes: Map<String, Value>,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CreateOutcome {
    /// It is there.
    Created {
        /// The session's code.
        code: String,
        /// The path of its session-wide link.
        join_path: String,
    },
    /// oTree said no, and will say no again.
    Refused {
        /// Why, for the researcher.
        words: String,
        /// The group size, when the number of participants is not a multiple of it.
        group_size: Option<u32>,
    },
    /// It may or may not be there. Try again with a fresh label; never adopt what may have come of this one.
    Unclear(String),
}

impl Client {
    /// Creates a session, once.
    pub async fn create(&self, new: &NewSession) -> CreateOutcome {
        if new.participants == 0 {
            return refused("A session needs at least one participant.");
        }
        let body = json!({
            "session_config_name": new.config,
            "num_participants": new.participants,
            "label": new.label,
            "modified_session_config_fields": new.changes,
        });
        let call = Call::new(Method::POST, &["api", "sessions"], Some(body));
        outcome(self.send(Call { limit: LIMIT, ..call }).await)
    }
}

fn refused(words: impl Into<String>) -> CreateOutcome {
    CreateOutcome::Refused { words: words.into(), group_size: None }
}

fn outcome(sent: Result<Reply, OutboundError>) -> CreateOutcome {
    let reply = match sent {
        Ok(reply) => reply,
        Err(error @ OutboundError::NotAllowed) => return refused(problem::sentence(&error.to_string())),
        Err(error) => return CreateOutcome::Unclear(problem::sentence(&error.to_string())),
    };
    if let Some(no) = refusal(&reply) {
        return no;
    }
    match problem::understand(&reply) {
        Ok(answer) => created(&answer),
        Err(ReadError::Unavailable(words)) => CreateOutcome::Unclear(words),
        Err(_) if reply.status.is_success() => {
            CreateOutcome::Unclear("The server answered, but not as oTree does.".into())
        }
        Err(error) => refused(problem::sentence(&error.to_string())),
    }
}

fn created(answer: &Value) -> CreateOutcome {
    let join_path = answer["session_wide_url"].as_str().and_then(links::path_of);
    match (answer["code"].as_str(), join_path) {
        (Some(code), Some(join_path)) if !code.is_empty() => {
            CreateOutcome::Created { code: code.into(), join_path }
        }
        _ => CreateOutcome::Unclear("The server answered, but not as oTree does.".into()),
    }
}

/// What oTree says in plain text about wrong arguments.
fn refusal(reply: &Reply) -> Option<CreateOutcome> {
    let said = reply.text();
    let said = said.trim();
    if let Some(size) = group_size(said) {
        let words =
            format!("The number of participants must be a multiple of the group size, which is {size}.");
        return Some(CreateOutcome::Refused { words, group_size: Some(size) });
    }
    let plain =
        matches!(reply.status.as_u16(), 400 | 403) && !said.contains('<') && !said.contains("rest-key");
    let known =
        said.starts_with("Session config ") || said.starts_with("The following session config fields");
    match plain {
        true if known => Some(refused(format!("oTree refused: {}", problem::sentence(&short(said))))),
        // A TypeError anywhere in the creation, the researcher's own code included, comes as a 403.
        true if reply.status.as_u16() == 403 && !said.contains("REST_KEY") => Some(refused(format!(
            "Creating the session failed on the oTree server: {}",
            problem::sentence(&short(said))
        ))),
        _ => None,
    }
}

fn short(said: &str) -> String {
    said.chars().filter(|c| !c.is_control()).take(200).collect()
}

/// The number in "… is not a multiple of group size (2)".
fn group_size(said: &str) -> Option<u32> {
    let (_, rest) = said.split_once("not a multiple of group size (")?;
    rest.split_once(')')?.0.parse().ok().filter(|size| *size > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_an_answer_a_session_may_or_may_not_be_there() {
        use OutboundError::*;
        for error in [DnsFailed, Refused, Tls, Timeout, TooLarge, Broken] {
            assert!(matches!(outcome(Err(error)), CreateOutcome::Unclear(_)), "{error}");
        }
        assert!(matches!(outcome(Err(NotAllowed)), CreateOutcome::Refused { .. }));
    }

    #[test]
    fn the_group_size_is_found_in_the_words_only() {
        let said = |n: &str| format!("Number of participants (3) is not a multiple of group size ({n})");
        assert_eq!(group_size(&said("4")), Some(4));
        for odd in ["0", "", "x", "-2", "99999999999"] {
            assert_eq!(group_size(&said(odd)), None, "{odd}");
        }
        assert_eq!(group_size("Not Found"), None);
    }
}
