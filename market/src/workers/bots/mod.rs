//! Simulated workers: ordinary HTTP clients of the worker site who really play oTree.
//!
//! | module | one idea |
//! | --- | --- |
//! | [`browser`] | cookies, redirects, forms; no script |
//! | [`forms`] | what a page's form asks |
//! | [`answers`] | what a simulated person answers, also when the page refuses |
//! | [`player`] | an oTree participant, from the first page to the last |
//! | `visit` | one worker: sign up, accept, open the study, play, submit |
//!
//! They use nothing that a person could not use. They open whatever addresses the HITs contain, so
//! run them where you would run a browser.

pub mod answers;
pub mod browser;
pub mod forms;
pub mod player;
mod reading;
mod visit;

use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::mpsc;
use url::Url;

/// Who comes, and what they look for.
#[derive(Debug, Clone)]
pub struct BotPlan {
    /// The worker site, with its path prefix if it has one.
    pub site_url: Url,
    /// How many workers; each does one HIT.
    pub workers: usize,
    /// Only HITs with this title.
    pub group_title: Option<String>,
    /// Only HITs of this requester.
    pub requester: Option<String>,
    /// The same seed gives the same answers to the same pages.
    pub seed: u64,
    /// How many play at the same time; a group that waits for each other needs at least its size.
    pub parallel: usize,
    /// Longest wait for a HIT to appear, on one wait page, and for the submit button.
    pub wait_limit: Duration,
    /// Time between two looks while waiting.
    pub look_every: Duration,
}

impl BotPlan {
    /// `workers` bots, ten at a time, who take any HIT and wait at most two minutes.
    pub fn new(site_url: Url, workers: usize) -> Self {
        Self {
            site_url,
            workers,
            group_title: None,
            requester: None,
            seed: 1,
            parallel: 10,
            wait_limit: Duration::from_secs(120),
            look_every: Duration::from_millis(500),
        }
    }
}

/// A stage one bot has reached; `bot` counts from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BotEvent {
    /// Has an account and is signed in.
    SignedIn {
        /// Which bot.
        bot: usize,
        /// Its id at the marketplace.
        worker_id: String,
    },
    /// Holds an assignment.
    Accepted {
        /// Which bot.
        bot: usize,
        /// The HIT.
        hit_id: String,
        /// The assignment.
        assignment_id: String,
    },
    /// Is on the first page of the experiment.
    Opened {
        /// Which bot.
        bot: usize,
        /// oTree's code of the participant.
        participant_code: String,
    },
    /// Saw the last page of the experiment.
    Finished {
        /// Which bot.
        bot: usize,
        /// Pages answered.
        pages: usize,
    },
    /// Handed the HIT in, and the worker site lists it as submitted.
    Submitted {
        /// Which bot.
        bot: usize,
    },
    /// Could not go on.
    Failed {
        /// Which bot.
        bot: usize,
        /// Why, in words.
        why: String,
    },
}

impl std::fmt::Display for BotEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::SignedIn { bot, worker_id } => write!(f, "bot {bot} signed in as {worker_id}"),
            Self::Accepted { bot, hit_id, .. } => write!(f, "bot {bot} accepted a place of HIT {hit_id}"),
            Self::Opened { bot, participant_code } => {
                write!(f, "bot {bot} opened oTree as {participant_code}")
            }
            Self::Finished { bot, pages } => write!(f, "bot {bot} finished after {pages} pages"),
            Self::Submitted { bot } => write!(f, "bot {bot} submitted"),
            Self::Failed { bot, why } => write!(f, "bot {bot} failed: {why}"),
        }
    }
}

/// How far one bot came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BotReport {
    /// Which bot, counted from 1.
    pub bot: usize,
    /// Its id at the marketplace, once it had one.
    pub worker_id: Option<String>,
    /// The HIT it accepted.
    pub hit_id: Option<String>,
    /// The assignment it held.
    pub assignment_id: Option<String>,
    /// oTree's code of the participant.
    pub participant_code: Option<String>,
    /// Submitted, or why not, in words.
    pub outcome: Result<(), String>,
}

/// Sends all workers and waits until each has submitted or failed. Reports are in the bots' order.
///
/// `events` gets one event for every stage a bot reaches; nobody has to listen.
pub async fn run(plan: BotPlan, events: mpsc::Sender<BotEvent>) -> Vec<BotReport> {
    let http = browser::client().map_err(|error| error.to_string());
    let visits = (1..=plan.workers).map(|bot| visit::visit(&plan, bot, http.clone(), events.clone()));
    let mut reports: Vec<BotReport> =
        futures_util::stream::iter(visits).buffer_unordered(plan.parallel.max(1)).collect().await;
    reports.sort_by_key(|report| report.bot);
    reports
}
