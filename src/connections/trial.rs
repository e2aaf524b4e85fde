//! The test of a connection: one question that costs nothing, and its answer in plain words.

use std::time::Duration;

use chrono::{DateTime, Utc};
use kernel::money::Cents;
use kernel::outbound::AddressError;
use kernel::secret::SecretError;

use super::{Connection, Environment, recruiter, store};
use crate::app::App;
use crate::recruiters::{AskError, Recruiter};

/// How long a person waits for a test.
const PATIENCE: Duration = Duration::from_secs(15);

/// What a test found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// When, UTC.
    pub checked_at: DateTime<Utc>,
    /// What is wrong, in words; `None` after a good test.
    pub problem: Option<String>,
    /// The money available, in dollars; kept from the last good test.
    pub balance: Option<Cents>,
}

/// Asks the recruiter for the balance, and stores what came of it.
///
/// # Errors
/// When the connection is gone, its secret cannot be opened, or the database does not answer.
pub async fn test(app: &App, connection: &Connection) -> anyhow::Result<Trial> {
    let answer = match recruiter(app, connection.id).await {
        Ok(recruiter) => ask(recruiter.as_ref(), connection.environment).await,
        Err(error) => Err(unusable(&error).ok_or(error)?),
    };
    let kept = connection.trial.as_ref().and_then(|trial| trial.balance);
    let (problem, balance) = match answer {
        Ok(balance) => (None, Some(balance)),
        Err(problem) => (Some(problem), kept),
    };
    let trial = Trial { checked_at: app.clock.now(), problem, balance };
    let mut conn = app.pool.acquire().await?;
    store::record(&mut conn, connection, &trial).await?;
    Ok(trial)
}

async fn ask(recruiter: &dyn Recruiter, environment: Environment) -> Result<Cents, String> {
    let silence = || Err(AskError::Unavailable("The recruiter did not answer in time.".into()));
    let answer = tokio::time::timeout(PATIENCE, recruiter.balance()).await.unwrap_or_else(|_| silence());
    answer.map_err(|error| words(&error, environment))
}

/// What is stored and cannot be used, in words; `None` for trouble that the lab cannot mend.
pub(super) fn unusable(error: &anyhow::Error) -> Option<String> {
    if error.is::<SecretError>() {
        return Some(
            "The stored keys cannot be opened with this server's secret key. Enter them again.".into(),
        );
    }
    let problem = error.downcast_ref::<AddressError>()?;
    Some(format!("The address of the server cannot be used: {problem}."))
}

/// The recruiter's own words, and what else may explain a silence.
fn words(error: &AskError, environment: Environment) -> String {
    match error {
        AskError::Unavailable(words) if environment.is_amazon() => format!(
            "{words} Amazon announced that it closes Mechanical Turk on 30 September 2026, so it may no longer \
             exist. If other sites cannot be reached either, check this server's network."
        ),
        AskError::Unavailable(words) if environment == Environment::Custom => {
            format!("{words} Check the address of the server.")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recruiters::{Refusal, RefusalKind};

    #[test]
    fn only_amazons_silence_is_explained_by_amazons_end() {
        let silent = AskError::Unavailable("Nobody answers.".into());
        for (environment, amazon) in [
            (Environment::Production, true),
            (Environment::Sandbox, true),
            (Environment::Rehearsal, false),
            (Environment::Custom, false),
        ] {
            assert_eq!(words(&silent, environment).contains("Amazon"), amazon, "{environment}");
        }
        let refusal = Refusal { kind: RefusalKind::Credentials, words: "Wrong key.".into() };
        assert_eq!(words(&AskError::Refused(refusal), Environment::Production), "Wrong key.");
    }
}
