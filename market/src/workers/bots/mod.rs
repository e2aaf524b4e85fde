//! Simulated workers: ordinary HTTP clients of the worker site who really play oTree.
//!
//! | module | one idea |
//! | --- | --- |
//! | [`plan`] | who comes, when, and how they behave |
//! | [`pace`] | by which clock they come |
//! | [`browser`] | cookies, redirects, forms; no script |
//! | [`forms`] | what a page's form asks |
//! | [`answers`] | what a simulated person answers, also when the page refuses |
//! | [`player`] | an oTree participant, from the first page to the last |
//! | `visit` | the steps of one person: sign up, accept, open the study, play, submit |
//! | `qualify` | asking for qualifications |
//! | `questions` | filling the site's own forms: tests, and HITs that come as a form |
//! | `course` | which steps a behaviour takes |
//! | [`runs`] | runs that a requester starts, watches and stops; their rows |
//!
//! They use nothing that a person could not use. They open whatever addresses the HITs contain, so
//! run them where you would run a browser, or give them a client that goes to allowed places only.

pub mod answers;
pub mod browser;
mod course;
pub mod forms;
pub mod pace;
pub mod plan;
pub mod player;
mod qualify;
mod questions;
mod reading;
pub mod runs;
mod visit;

use futures_util::StreamExt;
use tokio::sync::mpsc;

pub use pace::Pace;
pub use plan::{Behaviour, BotPlan, Home, Shares};

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
    /// Gave the HIT back.
    Returned {
        /// Which bot.
        bot: usize,
    },
    /// Went away without handing in, as it was meant to.
    Left {
        /// Which bot.
        bot: usize,
    },
    /// Could not go on.
    Failed {
        /// Which bot.
        bot: usize,
        /// Why, in words.
        why: String,
        /// The page of the experiment that it could not fill or that did not work, if it was one.
        page: Option<String>,
    },
}

impl BotEvent {
    /// Which bot.
    pub fn bot(&self) -> usize {
        match self {
            Self::SignedIn { bot, .. }
            | Self::Accepted { bot, .. }
            | Self::Opened { bot, .. }
            | Self::Finished { bot, .. }
            | Self::Submitted { bot }
            | Self::Returned { bot }
            | Self::Left { bot }
            | Self::Failed { bot, .. } => *bot,
        }
    }
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
            Self::Returned { bot } => write!(f, "bot {bot} returned the HIT"),
            Self::Left { bot } => write!(f, "bot {bot} went away"),
            Self::Failed { bot, why, .. } => write!(f, "bot {bot} failed: {why}"),
        }
    }
}

/// How far one bot came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BotReport {
    /// Which bot, counted from 1.
    pub bot: usize,
    /// What it was meant to do.
    pub behaviour: Behaviour,
    /// Its id at the marketplace, once it had one; with two accounts the second one's.
    pub worker_id: Option<String>,
    /// The HIT it accepted last.
    pub hit_id: Option<String>,
    /// The assignment it held last.
    pub assignment_id: Option<String>,
    /// oTree's code of the participant.
    pub participant_code: Option<String>,
    /// The page of the experiment that it could not fill or that did not work.
    pub unfilled_page: Option<String>,
    /// Did what it was meant to, or why not, in words.
    pub outcome: Result<(), String>,
}

/// Sends all workers by the machine's time and waits until each has done its part or failed. Reports are in the bots'
/// order.
///
/// `events` gets one event for every stage a bot reaches; nobody has to listen.
pub async fn run(plan: BotPlan, events: mpsc::Sender<BotEvent>) -> Vec<BotReport> {
    let visitor = browser::client().map(browser::Visitor::anywhere).map_err(|error| error.to_string());
    run_as(plan, Pace::Real, visitor, events).await
}

/// The same by another pace, with another way out.
async fn run_as(
    plan: BotPlan,
    pace: Pace,
    visitor: Result<browser::Visitor, String>,
    events: mpsc::Sender<BotEvent>,
) -> Vec<BotReport> {
    let start = pace.now().await.map_err(|error| error.to_string());
    let visits = plan.crew().into_iter().map(|member| {
        let ready = visitor.clone().and_then(|visitor| Ok((visitor, start.clone()?)));
        visit::visit(&plan, &pace, member, ready, events.clone())
    });
    let mut reports: Vec<BotReport> =
        futures_util::stream::iter(visits).buffer_unordered(plan.parallel.max(1)).collect().await;
    reports.sort_by_key(|report| report.bot);
    reports
}
