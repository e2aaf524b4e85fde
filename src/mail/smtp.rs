//! One letter to one SMTP server, through lettre. No SQL.

use std::time::Duration;

use anyhow::bail;
use lettre::message::Mailbox;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use secrecy::{ExposeSecret, SecretString};

use super::store::Letter;
use crate::config::Mail;

/// The longest that a server may take for one answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// How mail goes out.
#[derive(Debug, Clone)]
pub struct Settings {
    url: SecretString,
    from: Mailbox,
}

/// Why a letter was not sent.
#[derive(Debug, thiserror::Error)]
pub enum SmtpError {
    /// The recipient's or our own address, or the text, cannot be a letter.
    #[error("the letter cannot be written: {0}")]
    Letter(String),
    /// The server said no, for good or for now, or nothing.
    #[error("{words}")]
    Server {
        /// What it said.
        words: String,
        /// Whether asking again brings the same answer.
        last_word: bool,
    },
}

impl SmtpError {
    /// Whether asking again brings the same answer.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Letter(_) => true,
            Self::Server { last_word, .. } => *last_word,
        }
    }
}

impl From<lettre::transport::smtp::Error> for SmtpError {
    fn from(error: lettre::transport::smtp::Error) -> Self {
        Self::Server { words: error.to_string(), last_word: error.is_permanent() }
    }
}

impl Settings {
    /// Reads the settings: an address such as `smtps://user:password@mail.example.org` or
    /// `smtp://user:password@mail.example.org:587?tls=required`, and a sender such as `oTree HR <hr@example.org>`.
    ///
    /// # Errors
    /// What is wrong with the one or the other, without the password.
    pub fn new(mail: &Mail) -> anyhow::Result<Self> {
        let from = mail.from.parse();
        let Ok(from) = from else { bail!("MAIL_FROM must be an address like oTree HR <hr@example.org>") };
        if AsyncSmtpTransport::<Tokio1Executor>::from_url(mail.url.expose_secret()).is_err() {
            bail!("SMTP_URL must be like smtps://user:password@mail.example.org");
        }
        Ok(Self { url: mail.url.clone(), from })
    }
}

/// Sends it. The Message-ID follows from the letter's id and the `host` we are reached at.
///
/// # Errors
/// [`SmtpError`]. After a timeout nobody knows whether it was taken; a repeat has the same Message-ID.
pub(super) async fn send(settings: &Settings, letter: &Letter, host: &str) -> Result<(), SmtpError> {
    let written = |error: &dyn std::fmt::Display| SmtpError::Letter(error.to_string());
    let message = Message::builder()
        .from(settings.from.clone())
        .to(Mailbox::new(None, letter.to.parse().map_err(|error| written(&error))?))
        .subject(&letter.subject)
        .message_id(Some(format!("<{}@{host}>", letter.id)))
        .body(letter.body.clone())
        .map_err(|error| written(&error))?;
    let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(settings.url.expose_secret())?;
    transport.timeout(Some(PATIENCE)).build().send(message).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_checked_at_the_start_and_keep_the_password() {
        let settings = |url: &str, from: &str| Settings::new(&Mail { url: url.into(), from: from.into() });
        let wrong = |url: &str, from: &str| settings(url, from).unwrap_err().to_string();
        let good = "smtps://hr:pass%20word@mail.example.org";
        let shown = format!("{:?}", settings(good, "oTree HR <hr@example.org>").unwrap());
        assert!(!shown.contains("pass"), "{shown}");
        assert!(settings("smtp://localhost:2525", "hr@example.org").is_ok());
        assert!(wrong(good, "nobody").contains("MAIL_FROM"));
        for url in ["mail.example.org", "http://mail.example.org", "smtp://x?tls=maybe"] {
            assert!(wrong(url, "hr@example.org").contains("SMTP_URL"), "{url}");
        }
    }
}
