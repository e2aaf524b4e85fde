//! Entering a session by its own link, in every version since 3.4: no key, no cookie. The redirect names the
//! participant; it is not followed, so the experiment does not start for them.

use kernel::outbound::header::LOCATION;
use kernel::outbound::{Method, Reply, StatusCode};

use super::client::{Call, Client};
use super::links;
use super::problem::{self, ReadError};

/// What a session's link answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Joined {
    /// This participant belongs to the label from now on; the same label gets the same one again.
    Participant(String),
    /// Every participant of the session is taken.
    Full,
}

impl Client {
    /// Takes the next participant of the session whose link ends in `join_code`, for this label. A repeat is
    /// harmless; a label that is never used again leaves its participant unused.
    ///
    /// # Errors
    /// [`ReadError`]; [`ReadError::NotFound`] when there is no such session.
    pub async fn join(&self, join_code: &str, label: &str) -> Result<Joined, ReadError> {
        let reply = self.ask_to_join(&["join", join_code], label).await?;
        // 3.4 wants a slash at the end, and says so.
        let reply = match reply.status {
            StatusCode::MOVED_PERMANENTLY => self.ask_to_join(&["join", join_code, ""], label).await?,
            _ => reply,
        };
        joined(&reply)
    }

    async fn ask_to_join(&self, path: &[&str], label: &str) -> Result<Reply, ReadError> {
        let query = [("participant_label", label)];
        let call = Call { with_key: false, query: &query, ..Call::new(Method::GET, path, None) };
        Ok(self.send(call).await?)
    }
}

fn joined(reply: &Reply) -> Result<Joined, ReadError> {
    match reply.status {
        StatusCode::FOUND | StatusCode::TEMPORARY_REDIRECT => {
            let target = reply.header(LOCATION).and_then(links::path_of).unwrap_or_default();
            participant(&target).ok_or_else(|| problem::redirect(reply))
        }
        StatusCode::NOT_FOUND if reply.text().contains("Session is full") => Ok(Joined::Full),
        StatusCode::NOT_FOUND => Err(ReadError::NotFound),
        _ => match problem::understand(reply) {
            Err(error) => Err(error),
            Ok(_) => Err(ReadError::Odd("The server answered, but not as oTree does.".into())),
        },
    }
}

/// Reads `/InitializeParticipant/<code>`.
fn participant(path: &str) -> Option<Joined> {
    match path.trim_matches('/').split('/').collect::<Vec<_>>()[..] {
        ["InitializeParticipant", code] if code.bytes().all(|b| b.is_ascii_alphanumeric()) => {
            Some(Joined::Participant(code.to_owned()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_redirect_names_the_participant() {
        let seat = |code: &str| Some(Joined::Participant(code.into()));
        for (path, expected) in [
            ("/InitializeParticipant/bjx7br4s", seat("bjx7br4s")),
            ("/InitializeParticipant/bjx7br4s/", seat("bjx7br4s")),
            ("/accounts/login/", None),
            ("/InitializeParticipant/", None),
            ("", None),
        ] {
            assert_eq!(participant(path), expected, "{path}");
        }
    }
}
