//! Whole studies under random schedules: people, decisions, faults and two processes in any order.
//!
//! A schedule is its seed. `SCHEDULES` says how many run (`SCHEDULES=500` before a change to the way of
//! money), `SCHEDULE_SEED` which is the first.

use std::sync::Arc;

use chrono::Duration;
use kernel::money::Cents;
use market::engine::assignments::{self, Wanted};
use market::engine::workers;
use market::faults::FaultKind;
use market::journal::Effect;
use otree_hr::jobs::Reconciler;
use otree_hr::participation::Stage;
use otree_hr::review::{Decision, ReviewError};
use otree_hr::studies::draft::Typed;
use otree_hr::studies::{State, Study};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::json;

use super::patience;
use crate::support::books;
use crate::support::door::{get, go};
use crate::support::world::{Guest, World};

const STEPS: usize = 80;

/// Calls that may be struck.
const OPERATIONS: [&str; 10] = [
    "CreateHITType",
    "CreateHITWithHITType",
    "GetHIT",
    "ListHITs",
    "ListAssignmentsForHIT",
    "GetAssignment",
    "ApproveAssignment",
    "RejectAssignment",
    "SendBonus",
    "ListBonusPayments",
];

const FAULTS: [FaultKind; 5] = [
    FaultKind::FailBefore,
    FaultKind::FailAfter,
    FaultKind::DropBefore,
    FaultKind::DropAfter,
    FaultKind::Throttle,
];

/// Where one of the study's people is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Door,
    End,
    Submitted,
    Gone,
}

struct Schedule {
    world: World,
    study: Study,
    rng: StdRng,
    /// The reconcilers of two processes.
    hands: Vec<Arc<dyn Reconciler>>,
    people: Vec<(Guest, At)>,
    /// How many ever came to the marketplace.
    came: usize,
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_schedule_pays_twice_or_forgets_anybody() {
    let first = number("SCHEDULE_SEED", 1);
    let mut paid = 0;
    for seed in first..first + number("SCHEDULES", 3) {
        // The seed is the last thing said before a failure.
        println!("schedule {seed}");
        let mut schedule = Schedule::begin(seed).await;
        for _ in 0..STEPS {
            schedule.step().await;
        }
        schedule.last_round().await;
        paid += schedule.end().await;
    }
    println!("{paid} bonuses paid");
    assert!(paid > 0, "schedules in which nobody is paid prove nothing");
}

impl Schedule {
    async fn begin(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let balance = Cents(if rng.random_bool(0.2) { 900 } else { 100_000 });
        let world = World::with_balance(balance).await;
        // Time is turned at the product alone, so nobody's may run out.
        let form = Typed {
            places: "6".into(),
            spares: "2".into(),
            batch_size: "3".into(),
            minutes: "1200".into(),
            ..world.lab.form()
        };
        let study = world.press_publish(&form).await;
        if rng.random_bool(0.7) {
            world.quiet().await;
        }
        let mut hands = world.app().reconcilers();
        hands.extend(world.lab.another_process().await.reconcilers());
        Self { world, study, rng, hands, people: Vec::new(), came: 0 }
    }

    async fn step(&mut self) {
        match self.rng.random_range(0..100) {
            0..8 => self.world.quiet().await,
            8..40 => self.reconcile().await,
            40..52 => self.world.lab.clock.advance(Duration::seconds(self.rng.random_range(1..300))),
            52..62 => self.trouble().await,
            62..74 => self.arrive().await,
            74..88 => self.act().await,
            _ => self.decide().await,
        }
        books::check(&self.world, &self.study).await;
    }

    /// Some of the reconcilers of both processes take steps at the same time.
    async fn reconcile(&mut self) {
        let some: Vec<_> = (0..12).filter_map(|_| self.hands.choose(&mut self.rng).cloned()).collect();
        for outcome in futures_util::future::join_all(some.iter().map(|one| one.step())).await {
            outcome.unwrap();
        }
    }

    async fn trouble(&mut self) {
        let operation = OPERATIONS.choose(&mut self.rng).unwrap();
        let fault = *FAULTS.choose(&mut self.rng).unwrap();
        self.world.trouble(fault, operation, self.rng.random_range(1..3)).await;
    }

    /// A worker accepts a place, if there is one, and opens it.
    async fn arrive(&mut self) {
        self.study = self.world.lab.study(self.study.id).await;
        let Some(group) = self.study.hit_type_id.clone() else { return };
        let (mut tx, now) = self.world.market.begin().await.unwrap();
        self.came += 1;
        let name = format!("Worker {}", self.came);
        let worker = workers::create(&mut tx, now, &name, "no password").await.unwrap().unwrap().worker_id;
        let Ok(taken) =
            assignments::accept(&mut tx, self.world.market.settings(), now, &worker, Wanted::Group(&group))
                .await
        else {
            return;
        };
        tx.commit().await.unwrap();
        let address = go(&self.study.code, &taken.hit_id, &worker, &taken.assignment_id);
        let page = get(self.world.app(), &address).await.location();
        if page.starts_with("/w/") {
            let id = self.world.participation_of(&taken.assignment_id).await;
            let guest = Guest { page, id, worker, assignment: taken.assignment_id, hit: taken.hit_id };
            self.people.push((guest, At::Door));
        } else {
            // The batch is not known here yet, or the seats are gone: they return the HIT, as the page asks.
            self.give_back(&worker, &taken.assignment_id).await;
        }
    }

    async fn give_back(&self, worker: &str, assignment: &str) {
        let (mut tx, now) = self.world.market.begin().await.unwrap();
        assignments::give_back(&mut tx, now, worker, assignment).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// One of the people does what comes next for them, or gives up.
    async fn act(&mut self) {
        if self.people.is_empty() {
            return;
        }
        let which = self.rng.random_range(0..self.people.len());
        let (guest, at) = self.people[which].clone();
        let gives_up = self.rng.random_bool(0.1);
        let next = match at {
            At::Door | At::End if gives_up => {
                self.give_back(&guest.worker, &guest.assignment).await;
                At::Gone
            }
            At::Door => {
                let cents: i64 = self.rng.random_range(-50..600);
                self.world.play(&guest, json!(format!("{}", Cents(cents)))).await;
                At::End
            }
            At::End => {
                self.world.submit(&guest).await;
                At::Submitted
            }
            settled => settled,
        };
        self.people[which].1 = next;
    }

    /// Somebody looks at some of the people and decides, twice now and then.
    async fn decide(&mut self) {
        let chosen: Vec<Guest> = self
            .people
            .iter()
            .filter(|_| self.rng.random_bool(0.6))
            .map(|(guest, _)| guest.clone())
            .collect();
        let amount = self.rng.random_bool(0.3).then(|| Cents(self.rng.random_range(1..300)));
        let decision = match self.rng.random_range(0..10) {
            0 => Decision::Reject { reason: "Not done".into() },
            1..3 => Decision::Approve { feedback: String::new() },
            3..5 => Decision::Bonus { amount, words: "For your patience".into() },
            _ => Decision::ApproveWithBonus { feedback: "Thank you".into(), amount },
        };
        let shown = self.world.plan(&self.study, &chosen, &decision).await.total();
        let clicks = if self.rng.random_bool(0.3) { 2 } else { 1 };
        let each = (0..clicks).map(|_| self.world.confirm(&self.study, &chosen, &decision, shown));
        for answer in futures_util::future::join_all(each).await {
            assert!(matches!(answer, Ok(_) | Err(ReviewError::Changed { .. })), "{answer:?}");
        }
    }

    /// Whoever is still there comes to the end and is decided about, among faults as before.
    async fn last_round(&mut self) {
        for _ in 0..4 * self.people.len() {
            self.act().await;
        }
        for _ in 0..4 {
            self.trouble().await;
            self.world.lab.clock.advance(Duration::minutes(1));
            self.reconcile().await;
            self.world.quiet().await;
            self.decide().await;
            self.reconcile().await;
            books::check(&self.world, &self.study).await;
        }
    }

    /// The faults are over, money is there: everything settles. Returns how many bonuses were paid.
    async fn end(mut self) -> usize {
        sqlx::query("DELETE FROM market.fault").execute(self.world.market.pool()).await.unwrap();
        self.world.market.deposit(&self.world.requester, Cents(100_000)).await.unwrap();
        patience(&self.world).await;
        books::settled(&self.world, &self.study).await;
        self.study = self.world.lab.study(self.study.id).await;
        assert_eq!(self.study.state, State::Open, "{:?}", self.study.problem);
        assert_eq!(self.world.journal(Effect::HitCreated).await.len(), 2);
        for (guest, at) in &self.people {
            let found = self.world.participation(guest).await;
            let submitted = found.submitted_at.is_some();
            assert_eq!(submitted, *at == At::Submitted, "{found:?}");
            assert!(found.stage != Stage::Paid || submitted, "{found:?}");
            if let (Some(bonus), Stage::Approved | Stage::Paid) = (found.bonus, found.stage) {
                let paid = self.bonus_of(guest).await;
                assert_eq!(paid, bonus, "{found:?}");
            }
        }
        self.world.journal(Effect::BonusSent).await.len()
    }

    async fn bonus_of(&self, guest: &Guest) -> Cents {
        let all = self.world.journal(Effect::BonusSent).await;
        let theirs = all.iter().filter(|entry| entry.assignment_id.as_ref() == Some(&guest.assignment));
        theirs.filter_map(|entry| entry.amount).sum()
    }
}
