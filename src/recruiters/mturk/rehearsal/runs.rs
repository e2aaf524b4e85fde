//! Simulated workers: sent, watched, stopped.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use kernel::outbound::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{ControlError, Controls};

/// What one simulated person does with a HIT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// Plays to the end and submits.
    Complete,
    /// The same, some time after accepting.
    SlowStarter,
    /// Opens the study and gives the HIT back.
    Return,
    /// Opens the study and goes away.
    Abandon,
    /// Submits without playing.
    SubmitUnfinished,
    /// Plays to the end and never submits.
    NeverSubmit,
    /// Takes two HITs of the study.
    DoubleAccept,
    /// One person with two accounts.
    TwoAccounts,
}

impl Behaviour {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Complete,
        Self::SlowStarter,
        Self::Return,
        Self::Abandon,
        Self::SubmitUnfinished,
        Self::NeverSubmit,
        Self::DoubleAccept,
        Self::TwoAccounts,
    ];

    /// As the controls name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::SlowStarter => "slow_starter",
            Self::Return => "return",
            Self::Abandon => "abandon",
            Self::SubmitUnfinished => "submit_unfinished",
            Self::NeverSubmit => "never_submit",
            Self::DoubleAccept => "double_accept",
            Self::TwoAccounts => "two_accounts",
        }
    }
}

/// An order for simulated workers.
#[derive(Debug, Clone, PartialEq)]
pub struct RunOrder {
    /// How many people come.
    pub workers: u32,
    /// Only HITs with this title.
    pub title: Option<String>,
    /// Arrivals per minute; all at once when left out.
    pub arrivals_per_minute: Option<f64>,
    /// Arrivals go by the machine's clock and not by the market's.
    pub by_machine_clock: bool,
    /// How often each behaviour occurs, relative to the others.
    pub shares: Vec<(Behaviour, u32)>,
}

impl RunOrder {
    fn body(&self) -> Value {
        let shares: Map<_, _> =
            self.shares.iter().map(|(one, share)| (one.name().to_owned(), (*share).into())).collect();
        json!({
            "workers": self.workers,
            "title": self.title,
            "arrivals_per_minute": self.arrivals_per_minute,
            "arrival_clock": if self.by_machine_clock { "real" } else { "market" },
            "shares": shares,
        })
    }
}

/// One run.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Run {
    /// Names it.
    #[serde(rename = "run_id")]
    pub id: String,
    /// `running`, `stopping`, `stopped` or `finished`.
    pub state: String,
    /// When it began, machine time, UTC.
    pub started_at: DateTime<Utc>,
    /// How many people were asked for, and whatever else was.
    pub plan: Plan,
}

impl Run {
    /// Whether it goes on, so that it can be stopped.
    pub fn goes_on(&self) -> bool {
        self.state == "running"
    }
}

/// What was asked for, as far as pages tell it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Plan {
    /// How many people.
    pub workers: u32,
}

/// How far a run came.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Report {
    /// The run.
    pub run: Run,
    /// How many people stand where.
    pub stages: BTreeMap<String, u64>,
    /// The pages that could not be filled or broke.
    pub unfilled_pages: Vec<Unfilled>,
    /// Each of them.
    pub bots: Vec<Bot>,
}

impl Report {
    /// Those who could not go on without it being a page's fault.
    pub fn others_in_trouble(&self) -> impl Iterator<Item = (i32, &str)> {
        self.bots
            .iter()
            .filter(|bot| bot.problem_page.is_none())
            .filter_map(|bot| Some((bot.number, bot.problem.as_deref()?)))
    }
}

/// A page that nobody could fill, or that did not work.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Unfilled {
    /// The page's path, the same for everybody.
    pub page: String,
    /// Why, in words.
    pub why: Option<String>,
    /// Who met it.
    pub bots: Vec<i32>,
}

/// One simulated person.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Bot {
    /// Counts from 1.
    pub number: i32,
    /// Why it could not go on.
    pub problem: Option<String>,
    /// The page that was to blame.
    pub problem_page: Option<String>,
}

#[derive(Deserialize)]
struct Runs {
    runs: Vec<Run>,
}

impl Controls {
    /// The requester's runs, newest first.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn runs(&self) -> Result<Vec<Run>, ControlError> {
        let runs: Runs = self.ask(&["bots"]).await?;
        Ok(runs.runs)
    }

    /// Sends simulated workers.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn send_workers(&self, order: &RunOrder) -> Result<Run, ControlError> {
        self.act(Method::POST, &["bots"], Some(order.body())).await
    }

    /// How far a run came.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn report(&self, run: &str) -> Result<Report, ControlError> {
        self.ask(&["bots", run]).await
    }

    /// Stops a run; its people stay where they are.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn stop_workers(&self, run: &str) -> Result<Run, ControlError> {
        self.act(Method::DELETE, &["bots", run], None).await
    }
}
