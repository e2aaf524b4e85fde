//! What each reconciler last did, for the operator's page.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};

use super::Step;

/// One reconciler's latest news in this process.
#[derive(Debug, Clone, Default)]
pub struct Status {
    /// When it last ran, UTC.
    pub ran_at: Option<DateTime<Utc>>,
    /// When it last found something to do, UTC.
    pub worked_at: Option<DateTime<Utc>>,
    /// Steps that did something since the start.
    pub steps: u64,
    /// The latest error, if the latest step ended in one.
    pub error: Option<String>,
}

/// The news of all reconcilers of this process.
#[derive(Debug, Clone, Default)]
pub struct Board(Arc<Mutex<BTreeMap<&'static str, Status>>>);

impl Board {
    /// Notes the outcome of one step.
    pub fn note(&self, name: &'static str, now: DateTime<Utc>, outcome: &anyhow::Result<Step>) {
        let mut all = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let status = all.entry(name).or_default();
        status.ran_at = Some(now);
        status.error = outcome.as_ref().err().map(|error| format!("{error:#}"));
        if matches!(outcome, Ok(Step::Worked)) {
            status.worked_at = Some(now);
            status.steps += 1;
        }
    }

    /// A copy of everything, by name.
    pub fn all(&self) -> BTreeMap<&'static str, Status> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }
}
