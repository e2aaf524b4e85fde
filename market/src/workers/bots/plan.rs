//! Who comes, when, and how they behave. Everything random is drawn from the plan's seed.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};
use url::Url;

/// What one simulated person does with a HIT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Behaviour {
    /// Accepts, plays to the end, submits.
    Complete,
    /// The same, but opens the study only some time after accepting.
    SlowStarter,
    /// Accepts, opens the study, gives the HIT back.
    Return,
    /// Accepts, opens the study, goes away.
    Abandon,
    /// Accepts, opens the study, submits without playing it.
    SubmitUnfinished,
    /// Plays to the end and never submits.
    NeverSubmit,
    /// Accepts two HITs of the group; does one, then tries the other.
    DoubleAccept,
    /// One person with two accounts, who takes a place with each.
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
}

/// How often each behaviour occurs, relative to the others; what is not named does not occur.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Shares {
    /// Of [`Behaviour::Complete`].
    pub complete: f64,
    /// Of [`Behaviour::SlowStarter`].
    pub slow_starter: f64,
    /// Of [`Behaviour::Return`].
    #[serde(rename = "return")]
    pub give_back: f64,
    /// Of [`Behaviour::Abandon`].
    pub abandon: f64,
    /// Of [`Behaviour::SubmitUnfinished`].
    pub submit_unfinished: f64,
    /// Of [`Behaviour::NeverSubmit`].
    pub never_submit: f64,
    /// Of [`Behaviour::DoubleAccept`].
    pub double_accept: f64,
    /// Of [`Behaviour::TwoAccounts`].
    pub two_accounts: f64,
}

impl Default for Shares {
    /// Nobody; a plan names who comes.
    fn default() -> Self {
        Self {
            complete: 0.0,
            slow_starter: 0.0,
            give_back: 0.0,
            abandon: 0.0,
            submit_unfinished: 0.0,
            never_submit: 0.0,
            double_accept: 0.0,
            two_accounts: 0.0,
        }
    }
}

impl Shares {
    /// Everybody accepts and completes.
    pub fn all_complete() -> Self {
        Self { complete: 1.0, ..Self::default() }
    }

    fn weights(&self) -> [(Behaviour, f64); 8] {
        [
            (Behaviour::Complete, self.complete),
            (Behaviour::SlowStarter, self.slow_starter),
            (Behaviour::Return, self.give_back),
            (Behaviour::Abandon, self.abandon),
            (Behaviour::SubmitUnfinished, self.submit_unfinished),
            (Behaviour::NeverSubmit, self.never_submit),
            (Behaviour::DoubleAccept, self.double_accept),
            (Behaviour::TwoAccounts, self.two_accounts),
        ]
    }

    /// Whether all are finite, none is negative and at least one is positive.
    pub fn make_sense(&self) -> bool {
        let weights = self.weights();
        weights.iter().all(|(_, weight)| weight.is_finite() && *weight >= 0.0)
            && weights.iter().any(|(_, weight)| *weight > 0.0)
    }

    /// As many of each as the shares say (largest remainder), in an order drawn from `rng`.
    fn allot(&self, workers: usize, rng: &mut StdRng) -> Vec<Behaviour> {
        let weights = self.weights();
        let total: f64 = weights.iter().map(|(_, weight)| weight).sum();
        let quota = |weight: f64| if total > 0.0 { workers as f64 * weight / total } else { 0.0 };
        let mut all = Vec::with_capacity(workers);
        for (behaviour, weight) in weights {
            all.extend(std::iter::repeat_n(behaviour, quota(weight).floor() as usize));
        }
        let mut rest: Vec<_> =
            weights.iter().map(|(behaviour, weight)| (quota(*weight).fract(), *behaviour)).collect();
        rest.sort_by(|one, other| other.0.total_cmp(&one.0));
        let missing = workers.saturating_sub(all.len());
        all.extend(rest.iter().map(|(_, behaviour)| *behaviour).cycle().take(missing));
        all.shuffle(rng);
        all
    }
}

/// What workers say of where they live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Home {
    /// Two letters, like `US`.
    pub country: String,
    /// Two letters, like `CA`.
    #[serde(default)]
    pub subdivision: Option<String>,
}

/// Who comes, and what they look for.
#[derive(Debug, Clone)]
pub struct BotPlan {
    /// The worker site, with its path prefix if it has one.
    pub site_url: Url,
    /// How many people.
    pub workers: usize,
    /// Only HITs with this title.
    pub group_title: Option<String>,
    /// Only HITs of the requester with this id.
    pub requester_id: Option<String>,
    /// The same seed gives the same people, who arrive in the same order and give the same answers to the same pages.
    pub seed: u64,
    /// How many are there at the same time; a group that waits for each other needs at least its size.
    pub parallel: usize,
    /// Longest wait for a HIT to appear, on one wait page, and for the submit button, in real time.
    pub wait_limit: Duration,
    /// Time between two looks while waiting, in real time.
    pub look_every: Duration,
    /// How people behave.
    pub shares: Shares,
    /// People per minute of the pace's time, with random gaps; `None` lets all come at once.
    pub arrivals_per_minute: Option<f64>,
    /// How long slow starters wait, in the pace's time.
    pub slow_start: Duration,
    /// Where people live; each draws one. Empty: nobody tells.
    pub homes: Vec<Home>,
    /// Qualification types that everybody asks for first.
    pub ask_for: Vec<String>,
    /// Qualification types that everybody will be given, so that nobody asks for them.
    pub granted: Vec<String>,
}

impl BotPlan {
    /// `workers` bots, ten at a time, who take any HIT, complete it and wait at most two minutes.
    pub fn new(site_url: Url, workers: usize) -> Self {
        Self {
            site_url,
            workers,
            group_title: None,
            requester_id: None,
            seed: 1,
            parallel: 10,
            wait_limit: Duration::from_secs(120),
            look_every: Duration::from_millis(500),
            shares: Shares::all_complete(),
            arrivals_per_minute: None,
            slow_start: Duration::from_secs(60),
            homes: Vec::new(),
            ask_for: Vec::new(),
            granted: Vec::new(),
        }
    }

    /// Everybody who comes, in the order of their coming.
    pub fn crew(&self) -> Vec<Member> {
        let mut rng = StdRng::seed_from_u64(self.seed);
        let behaviours = self.shares.allot(self.workers, &mut rng);
        let mut comes = Duration::ZERO;
        let mut member = |(n, behaviour): (usize, Behaviour)| {
            if let Some(rate) = self.arrivals_per_minute.filter(|rate| *rate > 0.0) {
                // Gaps of a Poisson process.
                let gap = -(1.0 - rng.random::<f64>()).ln() * 60.0 / rate;
                comes += Duration::from_secs_f64(gap.min(86_400.0));
            }
            let home =
                (!self.homes.is_empty()).then(|| self.homes[rng.random_range(0..self.homes.len())].clone());
            Member { bot: n + 1, behaviour, comes, home, seed: rng.random() }
        };
        behaviours.into_iter().enumerate().map(&mut member).collect()
    }
}

/// One person of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Counts from 1.
    pub bot: usize,
    /// What they do.
    pub behaviour: Behaviour,
    /// When they come, after the start, in the pace's time.
    pub comes: Duration,
    /// Where they say they live.
    pub home: Option<Home>,
    /// What their answers are drawn from.
    pub seed: u64,
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn plan(workers: usize, shares: Shares) -> BotPlan {
        BotPlan { shares, ..BotPlan::new("http://m.example/".parse().unwrap(), workers) }
    }

    fn counts(plan: &BotPlan) -> HashMap<Behaviour, usize> {
        let mut counts = HashMap::new();
        for member in plan.crew() {
            *counts.entry(member.behaviour).or_default() += 1;
        }
        counts
    }

    #[test]
    fn each_behaviour_gets_its_share_and_nobody_is_lost_to_rounding() {
        let shares = Shares { complete: 0.7, give_back: 0.2, abandon: 0.1, ..Shares::default() };
        let ten = counts(&plan(10, shares.clone()));
        assert_eq!(
            ten,
            HashMap::from([(Behaviour::Complete, 7), (Behaviour::Return, 2), (Behaviour::Abandon, 1)])
        );
        for workers in 0..30 {
            assert_eq!(plan(workers, shares.clone()).crew().len(), workers);
        }
        let none = counts(&plan(7, Shares { complete: 1.0, ..Shares::default() }));
        assert_eq!(none, HashMap::from([(Behaviour::Complete, 7)]));
    }

    #[test]
    fn the_same_seed_brings_the_same_people() {
        let shares = Shares { complete: 1.0, give_back: 1.0, ..Shares::default() };
        let one = BotPlan { arrivals_per_minute: Some(6.0), ..plan(20, shares) };
        assert_eq!(one.crew(), one.crew());
        assert_ne!(one.crew(), BotPlan { seed: 2, ..one.clone() }.crew());
    }

    #[test]
    fn people_come_one_after_the_other_at_the_rate_asked_for() {
        let plan = BotPlan { arrivals_per_minute: Some(60.0), ..plan(2000, Shares::all_complete()) };
        let crew = plan.crew();
        assert!(crew.windows(2).all(|pair| pair[0].comes <= pair[1].comes));
        let last = crew.last().unwrap().comes.as_secs_f64();
        assert!((1800.0..2200.0).contains(&last), "2000 people at one a second took {last} s");
    }

    #[test]
    fn shares_that_say_nothing_are_seen() {
        assert!(!Shares::default().make_sense());
        assert!(!Shares { complete: -1.0, abandon: 2.0, ..Shares::default() }.make_sense());
        assert!(!Shares { complete: f64::NAN, ..Shares::default() }.make_sense());
        assert!(Shares::all_complete().make_sense());
    }
}
