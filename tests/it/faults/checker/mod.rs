//! Compares three histories: our tables, the marketplace's journal, and who entered oTree where.
//!
//! Each function returns what it found wrong, in words that begin with the promise that was broken.

mod money;
mod people;

use std::collections::BTreeMap;

use market::journal::{Effect, JournalEntry};
use otree_hr::participation::Stage;
use otree_hr::payments::compensation::Compensation;
use otree_hr::payments::{Kind, Order, OrderState, budget};
use otree_hr::studies::State;
use otree_hr::studies::batches::{self, Batch};

use super::show::{At, Person, Show};

/// All that is compared.
struct Histories {
    orders: Vec<Order>,
    batches: Vec<Batch>,
    journal: Vec<JournalEntry>,
    /// HITs at the marketplace: id and annotation.
    hits: Vec<(String, Option<String>)>,
    people: Vec<Ours>,
    compensations: Vec<Compensation>,
    /// HITs that are shown to a person as unknown.
    strays: Vec<String>,
    /// What differences that are shown to a person are about.
    differences: Vec<String>,
    budget: budget::Budget,
}

/// A participation as the checker needs it.
#[derive(Debug, sqlx::FromRow)]
struct Ours {
    worker: String,
    pseudonym: String,
    assignment_id: String,
    seat_number: Option<i32>,
    stage: Stage,
    finished: bool,
    submitted: bool,
    approved: bool,
    rejected: bool,
    bonus_paid: bool,
}

async fn histories(show: &Show) -> Histories {
    let mut conn = show.pool().acquire().await.unwrap();
    let people = sqlx::query_as(
        "SELECT w.external_id AS worker, w.pseudonym, p.assignment_id, p.seat_number, p.stage,
            p.finished_at IS NOT NULL AS finished, p.submitted_at IS NOT NULL AS submitted,
            p.approved_at IS NOT NULL AS approved,
            p.rejected_at IS NOT NULL AS rejected, p.bonus_paid_at IS NOT NULL AS bonus_paid
         FROM participation p JOIN worker w ON w.id = p.worker_id WHERE p.study_id = $1",
    )
    .bind(show.study.0)
    .fetch_all(&mut *conn)
    .await
    .unwrap();
    let hits = sqlx::query_as("SELECT hit_id, requester_annotation FROM market.hit WHERE requester_id = $1")
        .bind(&show.requester)
        .fetch_all(show.rig.market.pool())
        .await
        .unwrap();
    let strays = sqlx::query_scalar("SELECT unit_id FROM stray WHERE lab_id = $1")
        .bind(show.lab.id.0)
        .fetch_all(&mut *conn)
        .await
        .unwrap();
    let differences =
        sqlx::query_scalar("SELECT subject FROM difference WHERE lab_id = $1 AND resolved_at IS NULL")
            .bind(show.lab.id.0)
            .fetch_all(&mut *conn)
            .await
            .unwrap();
    Histories {
        orders: show.orders().await,
        batches: batches::of_study(&mut conn, show.study).await.unwrap(),
        journal: show.rig.journal(&show.requester).await,
        hits,
        people,
        compensations: show.compensations().await,
        strays,
        differences,
        budget: budget::of(&mut conn, show.study, false).await.unwrap(),
    }
}

impl Histories {
    fn effects(&self, effect: Effect) -> impl Iterator<Item = &JournalEntry> {
        self.journal.iter().filter(move |entry| entry.effect == effect)
    }

    /// How often each assignment had one of these effects.
    fn tally(&self, effects: &[Effect]) -> BTreeMap<&str, usize> {
        let mut tally = BTreeMap::new();
        for entry in self.journal.iter().filter(|entry| effects.contains(&entry.effect)) {
            *tally.entry(entry.assignment_id.as_deref().unwrap_or_default()).or_default() += 1;
        }
        tally
    }

    /// Whether we must know that somebody reached the end in oTree: while they held the assignment, and oTree
    /// remembered it.
    fn must_be_finished(&self, show: &Show, person: &Person) -> bool {
        let given_up = self.tally(&[Effect::Returned, Effect::Abandoned]).contains_key(&*person.assignment);
        let ended = matches!(person.at, At::End | At::Submitted);
        ended && !show.forgotten() && (person.at == At::Submitted || !given_up)
    }

    fn done(&self, kind: impl Fn(Kind) -> bool) -> impl Iterator<Item = &Order> {
        self.orders.iter().filter(move |order| kind(order.kind) && order.state == OrderState::Done)
    }

    /// Whether another order did what this one did not.
    fn done_otherwise(&self, order: &Order) -> bool {
        let like = |kind: Kind| kind == order.kind || kind.approves() && order.kind.approves();
        self.done(like).any(|other| other.assignment_id == order.assignment_id)
    }

    /// Whether the entry is about the study's own HITs, not about a compensation.
    fn is_work(&self, entry: &JournalEntry) -> bool {
        self.batches.iter().any(|batch| batch.hit_id == entry.hit_id)
    }

    /// Whether a person is shown that something about this assignment differs.
    fn differs(&self, assignment: &str) -> bool {
        self.differences.iter().any(|subject| subject.starts_with(assignment))
    }

    /// Whether a compensation waits for its worker or for a person.
    fn waits(&self, it: &Compensation) -> bool {
        let held =
            it.problem.as_deref().is_some_and(|p| p.contains("not sent again") || p.contains("under Money"));
        let told = it.told_at.is_some() || it.tell_problem.is_some();
        let taken =
            self.effects(Effect::Submitted).any(|entry| entry.hit_id.is_some() && entry.hit_id == it.hit_id);
        it.state == OrderState::Planned && (held || it.hit_id.is_some() && told && !taken)
    }
}

/// What must hold at every moment.
pub async fn always(show: &Show) -> Vec<String> {
    let all = histories(show).await;
    let mut wrong = Vec::new();
    money::double_pay(show, &all, &mut wrong);
    money::overspend(show, &all, &mut wrong);
    people::orphans(show, &all, &mut wrong);
    people::seats(show, &all, &mut wrong);
    wrong
}

/// What must hold besides when everything has come to rest.
pub async fn at_rest(show: &Show) -> Vec<String> {
    let all = histories(show).await;
    let mut wrong = always(show).await;
    money::silent_non_pay(show, &all, &mut wrong);
    people::lost_workers(show, &all, &mut wrong);
    money::books(show, &all, &mut wrong);
    wrong.extend(money::ledger(show).await);
    wrong
}

/// Whether nothing is under way any more.
pub async fn is_quiet(show: &Show) -> bool {
    unquiet(show).await.is_empty()
}

/// What is still under way, in words; empty at rest.
pub async fn unquiet(show: &Show) -> String {
    let all = histories(show).await;
    let study = show.study().await;
    let mut open: Vec<String> = all
        .orders
        .iter()
        .filter(|order| match order.state {
            OrderState::Done | OrderState::Refused => false,
            OrderState::Unknown => !waits_for_a_person(order),
            // Its way tells how far it is.
            OrderState::Planned if order.kind == Kind::Compensate => false,
            OrderState::Planned | OrderState::Authorised | OrderState::Sending => true,
        })
        .map(|order| format!("{order:?}"))
        .collect();
    // What only a person can mend is said on the study's page.
    let stuck = study.problem.as_deref().is_some_and(|problem| {
        problem.contains("not sent again") || show.forgotten() && problem.contains("reset")
    });
    if study.state == State::Publishing && !stuck {
        open.push(format!("the study is being published: {:?}", study.problem));
    }
    let under_way = all.compensations.iter().filter(|it| it.ended_at.is_none() && !all.waits(it));
    open.extend(under_way.map(|it| format!("{it:?}")));
    open.extend(untold(show, &all));
    open.extend(unseen(show, &all));
    open.extend(unbooked(&all));
    if show.compares {
        open.extend(unexplained(show, &all));
    }
    open.join("; ")
}

/// Whether the order's words ask a person to settle it.
fn waits_for_a_person(order: &Order) -> bool {
    order.problem.as_deref().is_some_and(|words| words.contains("decide") || words.contains("is held"))
}

/// Rewards that the marketplace paid and our books do not have as yet.
fn unbooked(all: &Histories) -> Vec<String> {
    let paid = all.tally(&[Effect::Approved, Effect::AutoApproved]);
    let ours =
        all.people.iter().filter(|person| person.approved && paid.contains_key(&*person.assignment_id));
    let booked =
        |person: &&Ours| all.done(Kind::approves).any(|order| order.assignment_id == person.assignment_id);
    ours.filter(|person| !booked(person)).map(|person| format!("not booked: {person:?}")).collect()
}

/// Bonuses of lost hours of which neither our rows nor a page says anything.
fn unexplained(show: &Show, all: &Histories) -> Vec<String> {
    let lost = all.effects(Effect::BonusSent).filter(|entry| show.is_lost(entry));
    let unknown = lost.filter(|entry| {
        let assignment = entry.assignment_id.clone().unwrap_or_default();
        let ordered =
            all.orders.iter().any(|order| order.kind == Kind::Bonus && order.assignment_id == assignment);
        !ordered && !all.differs(&assignment)
    });
    unknown.map(|entry| format!("nobody is shown the bonus of {:?}", entry.assignment_id)).collect()
}

/// HITs of lost hours that nobody is shown.
fn unseen(show: &Show, all: &Histories) -> Vec<String> {
    let lost = all.effects(Effect::HitCreated).filter(|entry| show.is_lost(entry) && !all.is_work(entry));
    let unknown = lost.filter(|entry| !all.compensations.iter().any(|it| it.hit_id == entry.hit_id));
    let unseen = unknown.filter(|entry| !entry.hit_id.as_ref().is_some_and(|hit| all.strays.contains(hit)));
    unseen.map(|entry| format!("nobody is shown the HIT {:?}", entry.hit_id)).collect()
}

/// Where the marketplace knows more than we do.
fn untold(show: &Show, all: &Histories) -> Vec<String> {
    let decided = all.tally(&[Effect::Approved, Effect::AutoApproved, Effect::Rejected]);
    let late = |(number, person): (usize, &Person)| {
        let ours = all.people.iter().find(|ours| ours.worker == person.worker)?;
        let known =
            ours.submitted && (ours.approved || ours.rejected) == decided.contains_key(&*person.assignment);
        let told = person.at != At::Submitted || known;
        let finished = ours.finished || !all.must_be_finished(show, person);
        (!told || !finished).then(|| format!("person {number} is {ours:?}"))
    };
    show.people.iter().enumerate().filter(|(_, person)| person.page.is_some()).filter_map(late).collect()
}
