//! Setting variables of participants and sessions (5.1 and later).

use kernel::outbound::Method;
use serde_json::{Map, Value, json};

use super::client::{Call, Client};
use super::problem::{self, ReadError};

impl Client {
    /// Adds these to `participant.vars`; others stay.
    ///
    /// # Errors
    /// [`ReadError`]; the call may be repeated.
    pub async fn set_participant_vars(
        &self,
        participant_code: &str,
        vars: Map<String, Value>,
    ) -> Result<(), ReadError> {
        self.set_vars(&["api", "participant_vars", participant_code], vars).await
    }

    /// Adds these to `session.vars`; others stay.
    ///
    /// # Errors
    /// [`ReadError`]; the call may be repeated.
    pub async fn set_session_vars(
        &self,
        session_code: &str,
        vars: Map<String, Value>,
    ) -> Result<(), ReadError> {
        self.set_vars(&["api", "session_vars", session_code], vars).await
    }

    async fn set_vars(&self, path: &[&str], vars: Map<String, Value>) -> Result<(), ReadError> {
        let reply = self.send(Call::new(Method::POST, path, Some(json!({ "vars": vars })))).await?;
        problem::understand(&reply).map(|_| ())
    }
}
