//! Where one participant is, learned from the redirect of their start link: no key, no change to the experiment.

use kernel::outbound::header::LOCATION;
use kernel::outbound::{Method, Reply, StatusCode};

use super::client::{Call, Client};
use super::links;
use super::problem::{self, ReadError};

/// Where a participant is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Where {
    /// On a page (a wait page too).
    Page {
        /// The app's name in the address.
        app: String,
        /// The page's class name.
        page: String,
        /// The page's number over all apps and rounds, from 1.
        index: u32,
    },
    /// Pressed the last page's button: nothing is left.
    PastTheEnd,
    /// oTree does not know this participant any more.
    Gone,
}

impl Client {
    /// Asks the start link where it leads, without following it. Only for participants who have entered: asking
    /// marks somebody who has not as started.
    ///
    /// # Errors
    /// [`ReadError`]; never [`ReadError::NotFound`], which is [`Where::Gone`].
    pub async fn probe(&self, participant_code: &str) -> Result<Where, ReadError> {
        let reply = self.ask_where(&["InitializeParticipant", participant_code]).await?;
        // 3.4 wants a slash at the end, and says so.
        let reply = match reply.status {
            StatusCode::MOVED_PERMANENTLY => {
                self.ask_where(&["InitializeParticipant", participant_code, ""]).await?
            }
            _ => reply,
        };
        whereabouts(&reply, participant_code)
    }

    async fn ask_where(&self, path: &[&str]) -> Result<Reply, ReadError> {
        let call = Call { with_key: false, ..Call::new(Method::GET, path, None) };
        Ok(self.send(call).await?)
    }
}

fn whereabouts(reply: &Reply, code: &str) -> Result<Where, ReadError> {
    match reply.status {
        StatusCode::FOUND | StatusCode::TEMPORARY_REDIRECT => {
            let target = reply.header(LOCATION).and_then(links::path_of).unwrap_or_default();
            page(&target, code).ok_or_else(|| problem::redirect(reply))
        }
        _ => match problem::understand(reply) {
            Err(ReadError::NotFound) => Ok(Where::Gone),
            Err(other) => Err(other),
            Ok(_) => Err(ReadError::Odd("The server answered, but not as oTree does.".into())),
        },
    }
}

/// Reads `/p/<code>/<app>/<page>/<index>` or `/OutOfRangeNotification/<code>`.
fn page(path: &str, code: &str) -> Option<Where> {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    match parts[..] {
        ["OutOfRangeNotification", who] if who == code => Some(Where::PastTheEnd),
        ["p", who, app, page, index] if who == code => {
            Some(Where::Page { app: app.into(), page: page.into(), index: index.parse().ok()? })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_redirect_of_a_start_link_tells_the_page() {
        let on =
            |app: &str, page: &str, index| Some(Where::Page { app: app.into(), page: page.into(), index });
        for (path, expected) in [
            ("/p/bjx7br4s/solo_task/Decide/1", on("solo_task", "Decide", 1)),
            ("/p/bjx7br4s/pair_wait/WaitForOther/12/", on("pair_wait", "WaitForOther", 12)),
            ("/OutOfRangeNotification/bjx7br4s", Some(Where::PastTheEnd)),
            ("/OutOfRangeNotification/another1", None),
            ("/p/another1/solo_task/Decide/1", None),
            ("/p/bjx7br4s/solo_task/Decide/last", None),
            ("/accounts/login/", None),
            ("", None),
        ] {
            assert_eq!(page(path, "bjx7br4s"), expected, "{path}");
        }
    }
}
