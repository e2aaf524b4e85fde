//! One seed: a study, its people and its troubles in a random order, and then everything comes to rest.

use std::collections::BTreeMap;

use chrono::Duration;
use kernel::money::Cents;
use otree_hr::studies::draft::Typed;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

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

    async fn arrive(&mut self) {
        let replica = self.replica();
        if let Some(who) = self.show.accept().await {
            let reply = self.show.knock(who, replica).await;
            self.judge(reply.map(|reply| reply.status.as_u16()));
        }
    }

    /// Reloads and second tabs, at both processes.
    async fn arrive_again(&mut self) {
        let Some(who) = self.somebody(&[At::Page, At::End, At::Door]) else { return };
        let door = self.show.door(&self.show.people[who]);
        self.show.note(format!("person {who} knocks twice"));
        tokio::join!(self.show.get(0, &door), self.show.get(1, &door));
    }

    /// The same worker takes a place of another batch.
    async fn second_place(&mut self) {
        let Some(who) = self.somebody(&[At::Page, At::End, At::Submitted]) else { return };
        let worker = self.show.people[who].worker.clone();
        if let Some(second) = self.show.accept_as(&worker).await {
            let (replica, rest) = (self.replica(), self.show.people.len());
            self.show.knock(second, replica).await;
            assert_eq!(rest, self.show.people.len());
            let page = self.show.people[second].page.clone();
            if page.is_some() && page != self.show.people[who].page {
                self.wrong.push(format!("P5: person {who} was let in twice"));
            }
            self.show.give_back(second).await;
            self.show.people[second].page = None;
        }
    }

    /// Somebody opens a link with another's assignment under their own name.
    async fn stranger(&mut self) {
        let Some(who) = self.somebody(&[At::Page, At::End]) else { return };
        let replica = self.replica();
        let worker = self.show.new_worker().await;
        let person = super::show::Person { worker, ..self.show.people[who].clone() };
        self.show.note(format!("a stranger shows person {who}'s assignment"));
        self.show.get(replica, &self.show.door(&person)).await;
    }

    /// Previews and link checkers take no seat.
    async fn link_checker(&mut self) {
        let replica = self.replica();
        let before = self.show.rows().await.len();
        let code = self.show.code.clone();
        let preview = format!("/go/{code}?assignmentId=ASSIGNMENT_ID_NOT_AVAILABLE&hitId=H&workerId=AX");
        self.show.get(replica, &preview).await;
        self.show.get(replica, &format!("/go/{code}")).await;
        if self.show.rows().await.len() != before {
            self.wrong.push("P5: a preview took a seat".into());
        }
    }

    fn somebody(&mut self, at: &[At]) -> Option<usize> {
        let able: Vec<usize> =
            (0..self.show.people.len()).filter(|who| at.contains(&self.show.people[*who].at)).collect();
        able.choose(&mut self.rng).copied()
    }

    /// Somebody does what comes next for them, or gives up.
    async fn play_on(&mut self) {
        let Some(who) = self.somebody(&[At::Door, At::Page, At::End]) else { return };
        let replica = self.replica();
        if self.rng.random_bool(0.08) {
            return self.show.give_back(who).await;
        }
        match self.show.people[who].at {
            At::Door => {
                self.show.knock(who, replica).await;
            }
            At::Page => {
                let payoff = self.payoff();
                self.show.play(who, replica, payoff).await;
            }
            _ => {
                self.show.submit(who).await;
            }
        }
    }

    /// What oTree says somebody earned; sometimes what nobody can be paid.
    fn payoff(&mut self) -> Value {
        match self.rng.random_range(0..12) {
            0 if self.family == Family::Otree => json!("NaN"),
            1 if self.family == Family::Otree => json!("1000000000"),
            2 if self.family == Family::Otree => Value::Null,
            _ => json!(Cents(self.rng.random_range(-50..600)).to_string()),
        }
    }

    /// Somebody looks at some of the people and decides; so many clicks at once.
    async fn decide(&mut self, clicks: usize) {
        let Some(tab) = self.open_tab().await else { return };
        if self.rng.random_bool(0.3) {
            self.tabs.push(tab.clone());
        }
        let replicas: Vec<usize> = (0..clicks).map(|_| self.replica()).collect();
        for reply in self.show.press(&tab, &replicas).await {
            self.judge(reply.map(|reply| reply.status.as_u16()));
        }
    }

    async fn open_tab(&mut self) -> Option<Tab> {
        let mut rows = self.show.rows().await;
        rows.shuffle(&mut self.rng);
        rows.truncate(self.rng.random_range(1..=6));
        let amount = Cents(self.rng.random_range(1..300)).to_string();
        let other_amount = self.rng.random_bool(0.3);
        let (decision, more): (&str, Vec<(&str, &str)>) = match self.rng.random_range(0..10) {
            0 => ("reject", vec![("words", "Not done")]),
            1 => ("approve", vec![]),
            2..4 if other_amount => ("bonus", vec![("amount", &amount)]),
            2..4 => ("bonus", vec![]),
            _ if other_amount => ("approve_with_bonus", vec![("amount", &amount)]),
            _ => ("approve_with_bonus", vec![]),
        };
        let replica = self.replica();
        self.show.open_tab(replica, decision, &rows, &more).await
    }

    /// An old tab's button is pressed again, beside a new one.
    async fn stale_tab(&mut self) {
        let fresh = self.open_tab().await;
        let stale = self.tabs.choose(&mut self.rng).cloned();
        for tab in [stale, fresh.clone()].into_iter().flatten() {
            let replica = self.replica();
            for reply in self.show.press(&tab, &[replica]).await {
                self.judge(reply.map(|reply| reply.status.as_u16()));
            }
        }
        self.tabs.extend(fresh);
    }

    /// A page that fails although nothing behind it does is a mistake of ours.
    fn judge(&mut self, status: Option<u16>) {
        if status == Some(500) && !self.family.pages_may_fail() {
            self.wrong.push(format!("a page failed: {status:?}\n{}", self.show.rig.logs()));
        }
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
            self.settle().await;
        }
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
