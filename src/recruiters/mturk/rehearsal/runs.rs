//! Simulated workers: sent, watched, stopped.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use kernel::outbound::Method;
use serde::{Deserialize, Serialize};
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
    /// Seconds between accepting and opening the study for who starts late; a minute when left out.
    pub late: Option<u32>,
    /// Where they live; each draws one, and nobody tells when there is none.
    pub homes: Vec<Home>,
    /// The same seed repeats people, order and answers.
    pub seed: Option<u32>,
    /// How many are there at the same time; twenty when left out.
    pub at_once: Option<u32>,
    /// Real seconds for which each waits for a HIT, on a wait page and for the submit button; two minutes when left out.
    pub patience: Option<u32>,
    /// Qualification types that everybody asks for on the worker site.
    pub ask_for: Vec<String>,
    /// Own qualifications that everybody is given.
    pub grant: Vec<Grant>,
}

/// A qualification that simulated people are given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Grant {
    /// The type.
    pub qualification_type_id: String,
    /// Its value.
    pub value: u32,
}

/// Where a simulated person lives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Home {
    /// Two letters, like `US`.
    pub country: String,
    /// Two letters, like `CA`.
    pub subdivision: Option<String>,
}

impl RunOrder {
    fn body(&self) -> Value {
        let shares: Map<_, _> =
            self.shares.iter().map(|(one, share)| (one.name().to_owned(), (*share).into())).collect();
        let mut body = json!({
            "workers": self.workers,
            "title": self.title,
            "arrivals_per_minute": self.arrivals_per_minute,
            "arrival_clock": if self.by_machine_clock { "real" } else { "market" },
            "shares": shares,
            "homes": self.homes,
            "ask_for": self.ask_for,
            "grant": self.grant,
        });
        for (name, number) in [
            ("slow_start_seconds", self.late),
            ("seed", self.seed),
            ("at_once", self.at_once),
            ("wait_limit_seconds", self.patience),
        ] {
            if let Some(number) = number {
                body[name] = number.into();
            }
        }
        body
    }
}

/// One run.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
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

    /// Whether nothing more will come of it.
    pub fn is_over(&self) -> bool {
        matches!(self.state.as_str(), "stopped" | "finished")
    }
}

/// What was asked for, as far as pages tell it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Plan {
    /// How many people.
    pub workers: u32,
}

/// How far a run came.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Report {
    /// The run.
    pub run: Run,
    /// Each of its people.
    pub bots: Vec<Bot>,
    unfilled_pages: Vec<Unfilled>,
}

impl Report {
    /// What kept people from going on: pages first, then everything else, each reason once.
    pub fn troubles(&self) -> Vec<Trouble> {
        let pages = self.unfilled_pages.iter().map(|one| Trouble {
            why: one.why.clone().unwrap_or_default(),
            page: Some(one.page.clone()),
            bots: one.bots.clone(),
        });
        let mut others: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
        for bot in self.bots.iter().filter(|bot| bot.problem_page.is_none()) {
            if let Some(why) = &bot.problem {
                others.entry(why).or_default().push(bot.number);
            }
        }
        let others = others.into_iter().map(|(why, bots)| Trouble { why: why.into(), page: None, bots });
        pages.chain(others).collect()
    }
}

/// Why some could not go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// In words.
    pub why: String,
    /// The page that nobody could fill, or that did not work: its path, the same for everybody.
    pub page: Option<String>,
    /// Who met it.
    pub bots: Vec<i32>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Unfilled {
    page: String,
    why: Option<String>,
    bots: Vec<i32>,
}

/// One simulated person.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Bot {
    /// Counts from 1.
    pub number: i32,
    /// See [`Behaviour::name`].
    pub behaviour: String,
    /// `waiting`, `signed_in`, `accepted`, `opened`, `finished`, `submitted`, `returned`, `left` or `failed`.
    pub stage: String,
    /// Why it could not go on.
    problem: Option<String>,
    /// The page that was to blame.
    problem_page: Option<String>,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_trouble_is_told_once_with_everybody_who_met_it() {
        let bot = |number: i32, problem: Option<&str>, page: Option<&str>| {
            json!({ "number": number, "behaviour": "complete", "stage": "failed",
                    "problem": problem, "problem_page": page })
        };
        let report: Report = serde_json::from_value(json!({
            "run": { "run_id": "R", "state": "finished", "started_at": "2026-11-21T15:00:00Z", "plan": { "workers": 4 } },
            "unfilled_pages": [{ "page": "/p/*/app/Upload/3", "why": "asks for a file", "bots": [2] }],
            "bots": [
                bot(1, Some("no HIT"), None),
                bot(2, Some("asks for a file"), Some("/p/abc/app/Upload/3")),
                bot(3, Some("no HIT"), None),
                bot(4, None, None),
            ],
        }))
        .unwrap();
        let told: Vec<_> = report.troubles().into_iter().map(|one| (one.why, one.page, one.bots)).collect();
        let page = ("asks for a file".to_owned(), Some("/p/*/app/Upload/3".to_owned()), vec![2]);
        assert_eq!(told, [page, ("no HIT".to_owned(), None, vec![1, 3])]);
    }

    #[test]
    fn what_was_left_out_is_left_to_the_marketplace() {
        let mut order = RunOrder {
            workers: 3,
            title: None,
            arrivals_per_minute: Some(6.0),
            by_machine_clock: false,
            shares: vec![(Behaviour::Return, 2)],
            late: None,
            homes: vec![Home { country: "US".into(), subdivision: Some("CA".into()) }],
            seed: None,
            at_once: None,
            patience: None,
            ask_for: vec!["3ASK".into()],
            grant: vec![Grant { qualification_type_id: "3GIVE".into(), value: 7 }],
        };
        let body = order.body();
        assert_eq!((&body["shares"], &body["arrival_clock"]), (&json!({ "return": 2 }), &json!("market")));
        assert_eq!(body["homes"], json!([{ "country": "US", "subdivision": "CA" }]));
        assert_eq!(body["ask_for"], json!(["3ASK"]));
        assert_eq!(body["grant"], json!([{ "qualification_type_id": "3GIVE", "value": 7 }]));
        for name in ["seed", "slow_start_seconds", "at_once", "wait_limit_seconds"] {
            assert!(body.get(name).is_none(), "{name}");
        }
        (order.at_once, order.patience) = (Some(3), Some(9));
        assert_eq!((&order.body()["at_once"], &order.body()["wait_limit_seconds"]), (&json!(3), &json!(9)));
        (order.late, order.seed) = (Some(5), Some(7));
        assert_eq!((&order.body()["slow_start_seconds"], &order.body()["seed"]), (&json!(5), &json!(7)));
    }
}
