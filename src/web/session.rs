//! The browser session: which cookie it has, who is logged in, and one message for the next page.
//!
//! A session holds nothing else: its data is last-write-wins, so it must not matter who writes last.

use serde::{Deserialize, Serialize};
use tower_sessions::cookie::SameSite;
use tower_sessions::{Expiry, Session, SessionManagerLayer};

use super::error::WebResult;
use crate::accounts::{ACCOUNT_KEY, AccountId, Sessions};
use crate::app::App;

const FLASH_KEY: &str = "flash";

/// The cookie: out of scripts' reach, sent along with links from elsewhere but not with their forms.
pub fn layer(app: &App) -> SessionManagerLayer<Sessions> {
    let secure = app.config.secure();
    // The prefix makes browsers insist on TLS and on this very host; over plain http they would refuse it.
    let name = if secure { "__Host-session" } else { "session" };
    SessionManagerLayer::new(Sessions::new(app.pool.clone(), app.clock.clone()))
        .with_name(name)
        .with_secure(secure)
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_expiry(Expiry::OnInactivity(Sessions::COOKIE_AGE))
}

/// What kind of message it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tone {
    /// It worked.
    Good,
    /// It did not.
    Bad,
    /// Neither.
    Note,
}

impl Tone {
    /// The CSS class.
    pub fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Note => "note",
        }
    }

    /// The icon beside the words, so that colour is not the only sign.
    pub fn icon(self) -> &'static str {
        match self {
            Self::Good => "circle-check",
            Self::Bad => "triangle-alert",
            Self::Note => "info",
        }
    }
}

/// A message that the next page shows, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flash {
    /// What kind.
    pub tone: Tone,
    /// One or two sentences.
    pub words: String,
}

/// Leaves a message for the next page.
///
/// # Errors
/// When the database does not answer.
pub async fn flash(session: &Session, tone: Tone, words: impl Into<String>) -> WebResult<()> {
    session.insert(FLASH_KEY, Flash { tone, words: words.into() }).await?;
    Ok(())
}

/// Takes the message that was left.
///
/// # Errors
/// When the database does not answer.
pub async fn take_flash(session: &Session) -> WebResult<Option<Flash>> {
    // Asked first, so that a page without a message does not write the session.
    match session.get::<Flash>(FLASH_KEY).await? {
        Some(_) => Ok(session.remove(FLASH_KEY).await?),
        None => Ok(None),
    }
}

/// Who is logged in.
///
/// # Errors
/// When the database does not answer.
pub async fn who(session: &Session) -> WebResult<Option<AccountId>> {
    Ok(session.get(ACCOUNT_KEY).await?)
}

/// Logs somebody in under a session id that nobody can have known before, with no data of the old one.
///
/// # Errors
/// When the database does not answer.
pub async fn begin(session: &Session, account: AccountId) -> WebResult<()> {
    // Not `flush`: after it the session would be made again under the id it had.
    session.clear().await;
    session.cycle_id().await?;
    session.insert(ACCOUNT_KEY, account).await?;
    session.save().await?;
    Ok(())
}

/// Logs out: the row goes, so that the cookie opens nothing any more.
///
/// # Errors
/// When the database does not answer.
pub async fn end(session: &Session) -> WebResult<()> {
    session.clear().await;
    session.cycle_id().await?;
    Ok(())
}
