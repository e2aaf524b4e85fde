//! What a requester asks for when they send simulated workers.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use url::Url;

use super::super::plan::{BotPlan, Home, Shares};

/// People in one run at most.
const MOST_WORKERS: usize = 500;
/// People there at the same time at most.
const MOST_AT_ONCE: usize = 100;
/// Longest wait of one step and longest slow start, in seconds.
const LONGEST: u64 = 86_400;

/// By which clock people arrive and slow starters wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArrivalClock {
    /// The market's: runs at its pace, and stands while it is frozen.
    #[default]
    Market,
    /// The machine's.
    Real,
}

/// A qualification of the requester's own that every bot is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// The type.
    pub qualification_type_id: String,
    /// Its value.
    #[serde(default = "one")]
    pub value: i64,
}

fn one() -> i64 {
    1
}

/// An order for simulated workers. Only HITs of the requester who gives it are taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunOrder {
    /// How many people come, 1 to 500.
    pub workers: usize,
    /// Draws everything random; the same seed repeats it.
    #[serde(default = "first_seed")]
    pub seed: u64,
    /// Only HITs with this title.
    #[serde(default)]
    pub title: Option<String>,
    /// How people behave.
    #[serde(default = "Shares::all_complete")]
    pub shares: Shares,
    /// Arrivals per minute; left out, all come at once.
    #[serde(default)]
    pub arrivals_per_minute: Option<f64>,
    /// By which clock.
    #[serde(default)]
    pub arrival_clock: ArrivalClock,
    /// How long slow starters wait after accepting, in seconds of that clock.
    #[serde(default = "a_minute")]
    pub slow_start_seconds: u64,
    /// Longest wait for a HIT, on a wait page and for the submit button, in real seconds.
    #[serde(default = "two_minutes")]
    pub wait_limit_seconds: u64,
    /// How many are there at the same time, 1 to 100.
    #[serde(default = "twenty")]
    pub at_once: usize,
    /// Where people live; each draws one.
    #[serde(default)]
    pub homes: Vec<Home>,
    /// Qualification types that everybody asks for on the worker site.
    #[serde(default)]
    pub ask_for: Vec<String>,
    /// The requester's own qualifications that everybody is given after signing up.
    #[serde(default)]
    pub grant: Vec<Grant>,
}

fn first_seed() -> u64 {
    1
}

fn a_minute() -> u64 {
    60
}

fn two_minutes() -> u64 {
    120
}

fn twenty() -> usize {
    20
}

/// What is wrong with an order, in words for who gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// Nobody or too many.
    #[error("workers must be between 1 and 500")]
    Workers,
    /// Nobody or too many at once.
    #[error("at_once must be between 1 and 100")]
    AtOnce,
    /// Shares that do not add up to anything.
    #[error("shares must be zero or more, and one of them more")]
    Shares,
    /// A rate that is no rate.
    #[error("arrivals_per_minute must be more than 0 and at most 10000")]
    Rate,
    /// A wait too long.
    #[error("slow_start_seconds and wait_limit_seconds must be at most 86400")]
    Wait,
    /// A place without a code.
    #[error(
        "homes need a country of two letters, like US, and at most a subdivision of two letters, like CA"
    )]
    Home,
}

impl RunOrder {
    /// The plan of this order on the market's own pages, for the HITs of this requester.
    ///
    /// # Errors
    /// [`OrderError`].
    pub fn plan(&self, site_url: Url, requester_id: &str) -> Result<BotPlan, OrderError> {
        self.check()?;
        Ok(BotPlan {
            group_title: self.title.clone(),
            requester_id: Some(requester_id.to_owned()),
            seed: self.seed,
            parallel: self.at_once,
            wait_limit: Duration::from_secs(self.wait_limit_seconds),
            shares: self.shares.clone(),
            arrivals_per_minute: self.arrivals_per_minute,
            slow_start: Duration::from_secs(self.slow_start_seconds),
            homes: self.homes.clone(),
            ask_for: self.ask_for.clone(),
            granted: self.grant.iter().map(|grant| grant.qualification_type_id.clone()).collect(),
            ..BotPlan::new(site_url, self.workers)
        })
    }

    fn check(&self) -> Result<(), OrderError> {
        let rule = |right: bool, error| if right { Ok(()) } else { Err(error) };
        rule((1..=MOST_WORKERS).contains(&self.workers), OrderError::Workers)?;
        rule((1..=MOST_AT_ONCE).contains(&self.at_once), OrderError::AtOnce)?;
        rule(self.shares.make_sense(), OrderError::Shares)?;
        rule(self.arrivals_per_minute.is_none_or(|rate| rate > 0.0 && rate <= 10_000.0), OrderError::Rate)?;
        rule(self.slow_start_seconds.max(self.wait_limit_seconds) <= LONGEST, OrderError::Wait)?;
        let home = |home: &Home| letters(&home.country) && home.subdivision.as_deref().is_none_or(letters);
        rule(self.homes.iter().all(home), OrderError::Home)
    }
}

fn letters(code: &str) -> bool {
    code.len() == 2 && code.bytes().all(|b| b.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(json: serde_json::Value) -> Result<BotPlan, String> {
        let order: RunOrder = serde_json::from_value(json).map_err(|error| error.to_string())?;
        order.plan("https://m.example/".parse().unwrap(), "R1").map_err(|error| error.to_string())
    }

    #[test]
    fn the_number_of_people_is_enough() {
        let plan = order(serde_json::json!({ "workers": 3 })).unwrap();
        assert_eq!((plan.workers, plan.shares), (3, Shares::all_complete()));
        assert_eq!(plan.requester_id.as_deref(), Some("R1"));
    }

    #[test]
    fn what_makes_no_sense_is_refused_in_words() {
        for (json, word) in [
            (serde_json::json!({ "workers": 0 }), "workers"),
            (serde_json::json!({ "workers": 501 }), "workers"),
            (serde_json::json!({ "workers": 1, "at_once": 0 }), "at_once"),
            (serde_json::json!({ "workers": 1, "shares": {} }), "shares"),
            (serde_json::json!({ "workers": 1, "shares": { "complete": -1 } }), "shares"),
            (serde_json::json!({ "workers": 1, "shares": { "sleep": 1 } }), "sleep"),
            (serde_json::json!({ "workers": 1, "arrivals_per_minute": 0 }), "arrivals_per_minute"),
            (serde_json::json!({ "workers": 1, "wait_limit_seconds": 100_000 }), "wait_limit_seconds"),
            (serde_json::json!({ "workers": 1, "homes": [{ "country": "USA" }] }), "two letters"),
            (serde_json::json!({ "workers": 1, "hom": [] }), "hom"),
        ] {
            let why = order(json.clone()).unwrap_err();
            assert!(why.contains(word), "{json}: {why}");
        }
    }
}
