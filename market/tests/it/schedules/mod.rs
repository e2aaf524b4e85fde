//! Random schedules: whatever people do in whatever order, one after the other or at the same moment, places and money
//! add up. `PROPTEST_CASES` says how many schedules of each kind are tried.
//!
//! | module | one idea |
//! | --- | --- |
//! | `deeds` | what people do, and doing it |
//! | `rules` | what must hold afterwards |

mod deeds;
mod rules;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Duration, Utc};
use futures_util::future::join_all;
use kernel::money::Cents;
use market::Quirks;
use proptest::prelude::*;

use crate::harness::Place;
use deeds::{Deed, Done, Outcome, deed, moment, quirks};

/// What a schedule has brought about so far, in a marketplace with two requesters and five workers.
struct Scene {
    places: Vec<Place>,
    quirks: Quirks,
    workers: Vec<String>,
    /// Whose, and which.
    hits: Vec<(usize, String)>,
    /// Of whose HIT, worker and assignment.
    work: Vec<(usize, String, String)>,
    /// When a call with this token last acted.
    tokens: HashMap<String, DateTime<Utc>>,
    other_types: Vec<String>,
}

impl Scene {
    async fn open(quirks: Quirks) -> Self {
        let place = Place::with(|settings| settings.quirks = quirks).await;
        let mut workers = Vec::new();
        for n in 0..5 {
            workers.push(place.worker(&format!("worker {n}")).await);
        }
        // One of them is soon short of money.
        let places = vec![place.beside_with(Cents(2_500)).await, place];
        let mut other_types = Vec::new();
        for place in &places {
            let other =
                place.client.create_hit_type().title("Another task").description("Play a longer game");
            let other = other.reward("2.35").assignment_duration_in_seconds(600).send().await.unwrap();
            other_types.push(other.hit_type_id.unwrap());
        }
        let (hits, work, tokens) = (Vec::new(), Vec::new(), HashMap::new());
        let mut scene = Self { places, quirks, workers, hits, work, tokens, other_types };
        for requester in [0, 1] {
            scene.moment(&[Deed::Publish { requester, places: 3, token: 0 }]).await;
        }
        scene
    }

    async fn now(&self) -> DateTime<Utc> {
        self.places[0].now().await
    }

    fn hit(&self, number: usize) -> (usize, &str) {
        let found = self.hits.get(number % self.hits.len().max(1));
        found.map_or((0, "3NONE"), |(requester, hit_id)| (*requester, hit_id))
    }

    fn work(&self, number: usize) -> (usize, &str, &str) {
        let found = self.work.get(number % self.work.len().max(1));
        found.map_or((0, "A0", "3NONE"), |(requester, worker, work)| (*requester, worker, work))
    }

    /// Does all of these at once, and remembers what came of them.
    async fn moment(&mut self, deeds: &[Deed]) {
        let now = self.now().await;
        let outcomes = join_all(deeds.iter().map(|deed| self.act(deed))).await;
        self.judge_tokens(now, &outcomes);
        for outcome in outcomes {
            match outcome.done {
                Done::Published { requester, hit_id } => self.hits.push((requester, hit_id)),
                Done::Took { requester, worker_id, assignment_id } => {
                    self.work.push((requester, worker_id, assignment_id));
                }
                Done::Nothing => {}
            }
        }
        if deeds.iter().any(|deed| matches!(deed, Deed::Tick)) && deeds.len() == 1 {
            self.hold_to_the_days().await;
        }
        self.hold_to_the_rules().await;
        self.hold_to_the_switches().await;
        self.hold_the_counters().await;
    }

    /// A token acts when it did not act within the last 24 hours, once however many calls carry it, and is refused as
    /// used only when it acted.
    fn judge_tokens(&mut self, now: DateTime<Utc>, outcomes: &[Outcome]) {
        let calls = || outcomes.iter().filter_map(|outcome| outcome.token.as_ref());
        let mut acted = HashSet::new();
        for (token, _) in calls().filter(|(_, said)| said.is_ok()) {
            let recent = self.tokens.get(token).is_some_and(|at| now - *at < Duration::hours(24));
            assert!(!recent, "{token} acted twice within a day");
            assert!(acted.insert(token.clone()), "{token} acted twice at once");
        }
        self.tokens.extend(acted.into_iter().map(|token| (token, now)));
        for (token, said) in calls() {
            let Err(why) = said else { continue };
            let recent = self.tokens.get(token).is_some_and(|at| now - *at < Duration::hours(24));
            let used = ["already been processed", "already exists"].iter().any(|words| why.contains(words));
            assert!(!used || recent, "{token} is refused as used: {why}");
            // Whoever came first at the same moment may have been refused for another reason.
            let alone = outcomes.len() == 1;
            assert!(!alone || used == recent, "{token}: {why}");
        }
    }
}

/// Schedules of each kind, unless the environment says otherwise: what fits into a run of all tests.
const CASES: u32 = 8;

fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CASES)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn places_and_money_add_up_after_every_deed(quirks in quirks(), deeds in prop::collection::vec(deed(), 20..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut scene = Scene::open(quirks).await;
            for deed in deeds {
                scene.moment(&[deed]).await;
            }
        });
    }

    #[test]
    fn places_and_money_add_up_when_things_happen_at_once(
        quirks in quirks(),
        moments in prop::collection::vec(moment(), 8..20),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let mut scene = Scene::open(quirks).await;
            for deeds in &moments {
                scene.moment(deeds).await;
            }
        });
    }
}
