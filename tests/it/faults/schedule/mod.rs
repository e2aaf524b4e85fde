//! One seed: a study, its people and its troubles in a random order, and then everything comes to rest.

mod desk;
mod people;

use std::collections::BTreeMap;

use chrono::Duration;
use kernel::money::Cents;
use otree_hr::studies::draft::Typed;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::json;

use super::checker;
use super::families::{Act, FAULTS, Family, OPERATIONS, crash_points};
use super::proxy::Cut;
use super::rig::Rig;
use super::show::{At, Show, Tab};

/// Things that happen in one schedule.
const STEPS: usize = 30;

/// How often each kind of thing happened: schedules in which nothing happens prove nothing.
pub type Counts = BTreeMap<&'static str, u64>;

/// What came of one seed.
pub struct Report {
    pub rig: Rig,
    pub wrong: Vec<String>,
    pub trace: Vec<String>,
}

struct Schedule {
    show: Show,
    family: Family,
    rng: StdRng,
    /// Tabs that somebody left open.
    tabs: Vec<Tab>,
    published: bool,
    wrong: Vec<String>,
    /// The step at which trouble that lasts is over.
    until: usize,
}

/// Runs a seed in a rig, which is given back.
pub async fn run(rig: Rig, family: Family, seed: u64, counts: &mut Counts) -> Report {
    // Each family its own schedules, also where what may happen is the same.
    let mut rng = StdRng::seed_from_u64(seed ^ ((family as u64) << 48));
    let places = rng.random_range(2..=6);
    let batch: i32 = rng.random_range(1..=3);
    let spares = rng.random_range(0..=2);
    let balance = Cents(if rng.random_bool(0.15) { 500 } else { 100_000 });
    let budget = if rng.random_bool(0.15) { "9.00" } else { "1000" };
    let show = Show::new(rig, balance, |form| Typed {
        places: places.to_string(),
        spares: spares.to_string(),
        batch_size: batch.to_string(),
        budget: budget.into(),
        ..form
    })
    .await;
    let mut schedule =
        Schedule { show, family, rng, tabs: Vec::new(), published: false, wrong: Vec::new(), until: 0 };
    schedule.play(counts).await;
    let Schedule { show, wrong, .. } = schedule;
    Report { rig: show.rig, wrong, trace: show.trace }
}

impl Schedule {
    async fn play(&mut self, counts: &mut Counts) {
        let acts = self.family.acts();
        // Mostly it begins quietly; sometimes trouble is there first.
        if self.rng.random_bool(0.7) {
            self.publish().await;
            let open = "SELECT problem IS NOT NULL OR state = 'open' FROM study WHERE id = $1";
            self.show.rig.until_sql(self.show.study.0, open).await;
            self.early_birds().await;
        }
        for step in 0..STEPS {
            if step >= self.until && self.until > 0 {
                self.relieve().await;
            }
            if step >= 6 && !self.published && !self.show.rig.read_only {
                self.publish().await;
            }
            let act = acts.choose_weighted(&mut self.rng, |(_, weight)| *weight).unwrap().0;
            *counts.entry(name(act)).or_default() += 1;
            self.act(act, step).await;
            let pause = self.rng.random_range(0..30);
            self.show.rig.work(pause).await;
        }
        self.rest(counts).await;
    }

    async fn publish(&mut self) {
        self.published = true;
        self.show.publish().await;
    }

    /// Trouble that lasts is over.
    async fn relieve(&mut self) {
        self.until = 0;
        self.show.rig.otree.set_down(false);
        self.show.rig.set_read_only(false).await;
        self.show.rig.everybody_up().await;
        self.show.note("all is well again");
    }

    async fn act(&mut self, act: Act, step: usize) {
        match act {
            Act::Arrive => self.arrive().await,
            Act::ArriveAgain => self.arrive_again().await,
            Act::SecondPlace => self.second_place().await,
            Act::Stranger => self.stranger().await,
            Act::LinkChecker => self.link_checker().await,
            Act::PlayOn => self.play_on().await,
            Act::Decide => self.decide(1).await,
            Act::DoubleClick => self.decide(3).await,
            Act::StaleTab => self.stale_tab().await,
            Act::Overturn => self.overturn().await,
            Act::Compensate => self.compensate(step).await,
            Act::Collect => {
                self.show.collect().await;
            }
            Act::LoseHours => self.lose_hours().await,
            Act::Seconds => {
                let seconds = self.rng.random_range(1..200);
                self.pass(Duration::seconds(seconds)).await;
            }
            Act::Hours => {
                let hours = *[1, 5, 19, 21, 25].choose(&mut self.rng).unwrap();
                self.pass(Duration::hours(hours)).await;
            }
            Act::AutoApproval => self.pass(Duration::days(4)).await,
            Act::Close if self.published && step > 15 && !self.show.rig.read_only => self.show.close().await,
            Act::Close => {}
            other => self.trouble(other, step).await,
        }
    }

    async fn trouble(&mut self, act: Act, step: usize) {
        let replica = self.rng.random_range(0..2);
        match act {
            Act::Trouble => {
                let operation = *OPERATIONS.choose(&mut self.rng).unwrap();
                let fault = *FAULTS.choose(&mut self.rng).unwrap();
                let times = self.rng.random_range(1..4);
                self.show.note(format!("{times} times {fault:?} at {operation}"));
                self.show.rig.trouble(fault, Some(operation), times).await;
            }
            Act::Page => {
                let operation = *OPERATIONS.choose(&mut self.rng).unwrap();
                let after = self.rng.random_bool(0.5);
                self.show.note(format!("a page instead of {operation}, done: {after}"));
                self.show.rig.front.page(operation, after);
            }
            Act::Kill => {
                self.show.note(format!("kill -9 of {replica}"));
                self.show.rig.replicas[replica].kill();
                self.lasts(step, 4);
            }
            Act::CrashAtPoint | Act::StopAtPoint => {
                let point = crash_points().choose(&mut self.rng).unwrap().clone();
                let order = if act == Act::StopAtPoint { format!("stop {point}") } else { point };
                self.show.note(format!("{replica}: {order}"));
                self.show.rig.replicas[replica].told(&order);
                self.lasts(step, 8);
            }
            Act::Terminate => {
                self.show.note(format!("SIGTERM to {replica}"));
                self.show.rig.replicas[replica].terminate();
                self.lasts(step, 6);
            }
            Act::Freeze => {
                self.show.note(format!("{replica} stands still"));
                self.show.rig.replicas[replica].freeze();
                // Past every lease.
                self.pass(Duration::seconds(130)).await;
                self.lasts(step, 5);
            }
            Act::CutLine => {
                let cut = *Cut::ALL.choose(&mut self.rng).unwrap();
                let times = self.rng.random_range(1..3);
                self.show.note(format!("{replica} is cut {cut:?} {times} times"));
                self.show.rig.replicas[replica].proxy.arm(cut, times);
            }
            Act::ReadOnly => {
                self.show.note("the database takes no writes");
                self.show.rig.set_read_only(true).await;
                self.lasts(step, 3);
            }
            Act::OtreeDown => {
                self.show.note("oTree is down");
                self.show.rig.otree.set_down(true);
                self.lasts(step, 4);
            }
            Act::OtreeForgets => {
                self.show.note("oTree forgets");
                self.show.rig.otree.forget();
            }
            _ => {}
        }
    }

    /// A backup is made, things happen, and the backup is restored: the product knows nothing of them. Nobody new
    /// comes meanwhile: that whoever came in lost hours is lost to us is known, and said in PROMISES.md.
    async fn lose_hours(&mut self) {
        if !self.published {
            return;
        }
        self.show.note("a backup is made");
        let (position, copy) = (self.show.position().await, self.show.rig.back_up().await);
        for _ in 0..self.rng.random_range(1..6) {
            match self.rng.random_range(0..8) {
                0..3 => self.decide(1).await,
                3 => self.overturn().await,
                4 => self.compensate(STEPS).await,
                5 => {
                    self.show.collect().await;
                }
                6 => {
                    let hours = *[1, 21, 25].choose(&mut self.rng).unwrap();
                    self.pass(Duration::hours(hours)).await;
                }
                _ => self.go_on(&[At::Page, At::End]).await,
            }
            let pause = self.rng.random_range(0..200);
            self.show.rig.work(pause).await;
        }
        self.show.restore(copy, position).await;
    }

    fn lasts(&mut self, step: usize, steps: usize) {
        self.until = self.until.max(step + self.rng.random_range(1..=steps));
    }

    async fn pass(&mut self, by: Duration) {
        self.show.note(format!("{} s pass", by.num_seconds()));
        self.show.rig.pass(by).await;
    }

    /// A process that is not frozen; it may be dead.
    fn replica(&mut self) -> usize {
        let which = self.rng.random_range(0..2);
        if self.show.rig.replicas[which].stopped { 1 - which } else { which }
    }

    /// No more trouble. Everybody comes to the end, everything is decided, and everything settles.
    async fn rest(&mut self, counts: &mut Counts) {
        if self.rng.random_bool(0.3) {
            self.wrong.extend(checker::always(&self.show).await);
        }
        self.show.rig.calm().await;
        self.show.rig.market.deposit(&self.show.requester, Cents(100_000)).await.unwrap();
        if !self.published {
            self.publish().await;
        }
        self.finish_people().await;
        self.settle().await;
        let rows = self.show.rows().await;
        for _ in 0..2 {
            // The second changes nothing, and a payoff that is none must be decided by a person.
            self.show.decide("approve_with_bonus", &rows, &[]).await;
            // Who is offered something takes it, at the latest now.
            self.show.collect().await;
            self.settle().await;
            self.show.is_the_same().await;
        }
        if !self.show.lost.is_empty() {
            self.show.compare().await;
        }
        self.settle().await;
        self.wrong.extend(checker::at_rest(&self.show).await);
        *counts.entry("orders").or_default() += self.show.orders().await.len() as u64;
        for entry in self.show.rig.journal(&self.show.requester).await {
            *counts.entry(effect(&entry.effect)).or_default() += 1;
        }
        self.leave().await;
    }

    async fn finish_people(&mut self) {
        for who in 0..self.show.people.len() {
            if self.show.people[who].at == At::Door {
                self.show.knock(who, 0).await;
            }
            if self.show.people[who].at == At::Page {
                self.show.play(who, 1, json!("0.70")).await;
            }
            if self.show.people[who].at == At::End {
                self.show.submit(who).await;
            }
        }
    }

    async fn settle(&mut self) {
        let show = &self.show;
        let quiet = async || checker::is_quiet(show).await;
        if !show.rig.until(Duration::seconds(45), 150, quiet).await {
            let what = checker::unquiet(show).await;
            self.wrong.push(format!("P2: no rest: {what}"));
        }
    }

    /// The study is closed, so that the rig's next seed is alone.
    async fn leave(&mut self) {
        for who in 0..self.show.people.len() {
            if !matches!(self.show.people[who].at, At::Submitted | At::Gone) {
                self.show.give_back(who).await;
            }
        }
        let done = [
            "UPDATE study SET state = 'closed', next_step_at = 'infinity' WHERE id = $1",
            "UPDATE batch SET state = 'done' WHERE study_id = $1 AND state = 'open'",
            "UPDATE otree_session SET state = 'abandoned' WHERE study_id = $1",
            "UPDATE compensation SET ended_at = now() FROM payment_order o
                WHERE o.id = order_id AND o.study_id = $1 AND ended_at IS NULL",
            "UPDATE payment_order SET next_step_at = 'infinity' WHERE study_id = $1",
            "UPDATE comparison SET next_at = 'infinity' FROM study
                WHERE study.id = $1 AND comparison.connection_id = study.connection_id",
        ];
        for sql in done {
            sqlx::query(sql).bind(self.show.study.0).execute(self.show.pool()).await.unwrap();
        }
    }
}

fn name(act: Act) -> &'static str {
    match act {
        Act::Arrive | Act::ArriveAgain | Act::SecondPlace | Act::Stranger | Act::LinkChecker => "arrivals",
        Act::PlayOn => "steps of people",
        Act::Decide | Act::DoubleClick | Act::StaleTab => "decisions",
        Act::Overturn | Act::Compensate | Act::Collect => "overrides and compensations",
        Act::LoseHours => "backups",
        Act::Trouble | Act::Page => "market faults",
        Act::Kill | Act::CrashAtPoint | Act::Terminate => "crashes",
        Act::Freeze | Act::StopAtPoint => "pauses",
        Act::CutLine | Act::ReadOnly => "database faults",
        Act::Seconds | Act::Hours | Act::AutoApproval => "leaps of time",
        Act::OtreeDown | Act::OtreeForgets => "oTree faults",
        Act::Close => "closings",
    }
}

fn effect(effect: &market::journal::Effect) -> &'static str {
    use market::journal::Effect;
    match effect {
        Effect::Approved => "approved",
        Effect::AutoApproved => "auto-approved",
        Effect::Rejected => "rejected",
        Effect::BonusSent => "bonuses",
        Effect::Submitted => "submitted",
        Effect::HitCreated => "HITs",
        _ => "other effects",
    }
}
