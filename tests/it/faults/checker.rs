//! Compares three histories: our tables, the marketplace's journal, and who entered oTree where.
//!
//! Each function returns what it found wrong, in words that begin with the promise that was broken.

use std::collections::{BTreeMap, BTreeSet};

use kernel::money::Cents;
use market::journal::{Effect, JournalEntry};
use otree_hr::participation::Stage;
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
    Histories {
        orders: show.orders().await,
        batches: batches::of_study(&mut conn, show.study).await.unwrap(),
        journal: show.rig.journal(&show.requester).await,
        hits,
        people,
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

    fn done(&self, kind: Kind) -> impl Iterator<Item = &Order> {
        self.orders.iter().filter(move |order| order.kind == kind && order.state == OrderState::Done)
    }
}

/// What must hold at every moment.
pub async fn always(show: &Show) -> Vec<String> {
    let all = histories(show).await;
    let mut wrong = Vec::new();
    double_pay(&all, &mut wrong);
    overspend(&all, &mut wrong);
    orphans(&all, &mut wrong);
    seats(show, &all, &mut wrong);
    wrong
}

/// What must hold besides when everything has come to rest.
pub async fn at_rest(show: &Show) -> Vec<String> {
    let all = histories(show).await;
    let mut wrong = always(show).await;
    silent_non_pay(&all, &mut wrong);
    lost_workers(show, &all, &mut wrong);
    books(&all, &mut wrong);
    wrong.extend(ledger(show).await);
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
    open.extend(untold(show, &all));
    open.join("; ")
}

/// Whether the order's words ask a person to settle it.
fn waits_for_a_person(order: &Order) -> bool {
    order.problem.as_deref().is_some_and(|words| words.contains("decide") || words.contains("is held"))
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

/// P1: nothing happens twice, and nothing that we did not order.
fn double_pay(all: &Histories, wrong: &mut Vec<String>) {
    for effects in [&[Effect::Approved, Effect::AutoApproved][..], &[Effect::Rejected]] {
        for (assignment, times) in all.tally(effects) {
            if times > 1 {
                wrong.push(format!("P1: {assignment} was decided {times} times: {effects:?}"));
            }
        }
    }
    let mut tokens = BTreeSet::new();
    for bonus in all.effects(Effect::BonusSent) {
        let token = bonus.token.clone().unwrap_or_default();
        let order = all.orders.iter().find(|order| order.id.to_string() == token);
        match order {
            None => wrong.push(format!("P4: a bonus of {:?} has no order of ours ({token})", bonus.amount)),
            Some(order) if Some(order.amount) != bonus.amount => {
                wrong.push(format!("P1: {:?} was sent for an order of {}", bonus.amount, order.amount));
            }
            Some(order) if order.worker != bonus.worker_id.clone().unwrap_or_default() => {
                wrong.push("P1: a bonus went to somebody else".into());
            }
            Some(_) => {}
        }
        if !tokens.insert(token.clone()) {
            wrong.push(format!("P1: the order {token} was paid twice"));
        }
    }
    for (assignment, times) in all.tally(&[Effect::BonusSent]) {
        let ordered = all.orders.iter().filter(|o| {
            o.assignment_id == assignment && o.kind == Kind::Bonus && o.state != OrderState::Refused
        });
        if times > ordered.count() {
            wrong.push(format!("P1: {assignment} got {times} bonuses, more than are ordered"));
        }
    }
    for effect in [Effect::Approved, Effect::Rejected] {
        for assignment in all.tally(&[effect]).keys() {
            let kind = if effect == Effect::Approved { Kind::Approve } else { Kind::Reject };
            let sent =
                |o: &&Order| o.assignment_id == *assignment && o.kind == kind && o.first_sent_at.is_some();
            if all.orders.iter().find(sent).is_none() {
                wrong.push(format!("P4: {assignment} had {effect:?} without an order of ours"));
            }
        }
    }
}

/// P3: what was promised and what really left stay within the budget.
fn overspend(all: &Histories, wrong: &mut Vec<String>) {
    let by_itself: Cents = all.effects(Effect::AutoApproved).map(cost).sum();
    if all.budget.left() + by_itself < Cents::ZERO {
        wrong.push(format!("P3: {:?}", all.budget));
    }
    let ours: Cents = all.effects(Effect::Approved).chain(all.effects(Effect::BonusSent)).map(cost).sum();
    if ours > all.budget.limit {
        wrong.push(format!("P3: {ours} left, the budget is {}", all.budget.limit));
    }
}

fn cost(entry: &JournalEntry) -> Cents {
    entry.amount.unwrap_or(Cents::ZERO) + entry.fee.unwrap_or(Cents::ZERO)
}

/// P4: every HIT is one batch of ours, and every batch one HIT.
fn orphans(all: &Histories, wrong: &mut Vec<String>) {
    for batch in &all.batches {
        let mark = batch.id.to_string();
        let theirs: Vec<_> = all.hits.iter().filter(|(_, mark_of)| mark_of.as_ref() == Some(&mark)).collect();
        if theirs.len() > 1 {
            wrong.push(format!("P4: batch {} was published {} times", batch.position, theirs.len()));
        }
        if let Some(ours) = &batch.hit_id
            && !theirs.iter().any(|(hit, _)| hit == ours)
        {
            wrong.push(format!("P4: batch {} names a HIT that is not its own", batch.position));
        }
    }
    let marks: BTreeSet<String> = all.batches.iter().map(|batch| batch.id.to_string()).collect();
    for (hit, mark) in &all.hits {
        if mark.as_ref().is_none_or(|mark| !marks.contains(mark)) {
            wrong.push(format!("P4: nobody knows HIT {hit}"));
        }
    }
}

/// P5: one person, one seat, one entry.
fn seats(show: &Show, all: &Histories, wrong: &mut Vec<String>) {
    let mut workers = BTreeSet::new();
    let mut seats = BTreeSet::new();
    for person in &all.people {
        if !workers.insert(&person.worker) {
            wrong.push("P5: somebody takes part twice".into());
        }
        if person.seat_number.is_some_and(|seat| !seats.insert(seat)) {
            wrong.push(format!("P5: seat {:?} is shared", person.seat_number));
        }
    }
    let ours: BTreeSet<&str> = all.people.iter().map(|person| &*person.pseudonym).collect();
    let entries: BTreeSet<(String, String)> =
        show.rig.otree.entries().into_iter().filter(|(_, label)| ours.contains(&**label)).collect();
    let codes: BTreeSet<&String> = entries.iter().map(|(code, _)| code).collect();
    let labels: BTreeSet<&String> = entries.iter().map(|(_, label)| label).collect();
    if codes.len() != entries.len() || labels.len() != entries.len() {
        wrong.push(format!("P5: people and seats in oTree do not match one to one: {entries:?}"));
    }
}

/// P2: every order has ended, or says why not; what ended as it did is the truth.
fn silent_non_pay(all: &Histories, wrong: &mut Vec<String>) {
    let approved = all.tally(&[Effect::Approved, Effect::AutoApproved]);
    let rejected = all.tally(&[Effect::Rejected]);
    for order in &all.orders {
        let happened = match order.kind {
            Kind::Reject => rejected.contains_key(&*order.assignment_id),
            Kind::Bonus => {
                all.effects(Effect::BonusSent).any(|b| b.token.as_deref() == Some(&*order.id.to_string()))
            }
            _ => approved.contains_key(&*order.assignment_id),
        };
        let good = match order.state {
            OrderState::Done => happened,
            OrderState::Refused => {
                order.problem.is_some()
                    && (!happened
                        || all.done(order.kind).any(|other| other.assignment_id == order.assignment_id))
            }
            OrderState::Unknown => waits_for_a_person(order),
            OrderState::Planned | OrderState::Authorised | OrderState::Sending => false,
        };
        if !good {
            wrong.push(format!("P2: {order:?}, and it happened: {happened}"));
        }
    }
}

/// P6: who finished in oTree and who submitted at the marketplace is known as such.
fn lost_workers(show: &Show, all: &Histories, wrong: &mut Vec<String>) {
    for (number, person) in show.people.iter().enumerate().filter(|(_, person)| person.page.is_some()) {
        let Some(ours) = all.people.iter().find(|ours| ours.worker == person.worker) else {
            wrong.push(format!("P6: person {number} was let in and is not known"));
            continue;
        };
        let decided = matches!(ours.stage, Stage::Approved | Stage::Paid | Stage::Rejected);
        let listed = matches!(ours.stage, Stage::Submitted | Stage::SubmittedUnfinished) || decided;
        if person.at == At::Submitted && !listed {
            wrong.push(format!("P6: person {number} submitted and counts as {}", ours.stage));
        }
        if person.at != At::Submitted && listed && ours.assignment_id == person.assignment {
            wrong.push(format!("P6: person {number} never submitted and counts as {}", ours.stage));
        }
        if all.must_be_finished(show, person) && !ours.finished {
            wrong.push(format!("P6: person {number} finished and counts as {}", ours.stage));
        }
    }
}

/// A fact of ours, and the effects that make it one: its name, how to read it, what must have happened.
type Fact = (&'static str, fn(&Ours) -> bool, &'static [Effect]);

/// P9: our figures are the marketplace's.
fn books(all: &Histories, wrong: &mut Vec<String>) {
    let amount = |entry: &JournalEntry| entry.amount.unwrap_or(Cents::ZERO);
    let theirs: Cents = all.effects(Effect::BonusSent).map(amount).sum();
    let ours: Cents = all.done(Kind::Bonus).map(|order| order.amount).sum();
    let open = all.orders.iter().any(|o| o.kind == Kind::Bonus && o.state == OrderState::Unknown);
    if ours != theirs && !open {
        wrong.push(format!("P9: bonuses of {ours} in our books, {theirs} at the marketplace"));
    }
    let rewards = all.effects(Effect::Approved).chain(all.effects(Effect::AutoApproved));
    let (theirs, theirs_with_fees) = rewards
        .fold((Cents::ZERO, Cents::ZERO), |(sum, with), entry| (sum + amount(entry), with + cost(entry)));
    let ours: Cents = all.done(Kind::Approve).map(|order| order.amount).sum();
    let known: BTreeSet<&str> = all.people.iter().map(|p| &*p.assignment_id).collect();
    let strangers = all.tally(&[Effect::Approved, Effect::AutoApproved]).keys().any(|a| !known.contains(a));
    if ours != theirs && !strangers {
        wrong.push(format!("P9: rewards of {ours} in our books, {theirs} at the marketplace"));
    }
    let fees: Cents = all.done(Kind::Approve).map(|order| order.amount + order.fee).sum();
    if fees < theirs_with_fees && !strangers {
        wrong.push(format!("P9: {theirs_with_fees} with fees left, we count {fees}"));
    }
    let spent: Cents = all.effects(Effect::BonusSent).map(cost).sum::<Cents>() + theirs_with_fees;
    if all.budget.paid != spent && !strangers && !open {
        wrong.push(format!("P9: the ledger says {} were paid, the marketplace {spent}", all.budget.paid));
    }
    let facts: [Fact; 3] = [
        ("approved", |p| p.approved, &[Effect::Approved, Effect::AutoApproved]),
        ("rejected", |p| p.rejected, &[Effect::Rejected]),
        ("bonus paid", |p| p.bonus_paid, &[Effect::BonusSent]),
    ];
    for (name, fact, effects) in facts {
        for person in &all.people {
            let theirs = |entry: &JournalEntry| {
                effects.contains(&entry.effect) && entry.worker_id.as_ref() == Some(&person.worker)
            };
            if fact(person) != all.journal.iter().any(theirs) && !open {
                wrong.push(format!("P9: {} is {name}: {}", person.assignment_id, fact(person)));
            }
        }
    }
}

/// P9: every entry of the ledger sums to zero.
async fn ledger(show: &Show) -> Vec<String> {
    let sql = "SELECT entry FROM ledger_posting GROUP BY entry HAVING sum(cents) <> 0";
    let off: Vec<i64> = sqlx::query_scalar(sql).fetch_all(show.pool()).await.unwrap();
    off.into_iter().map(|entry| format!("P9: ledger entry {entry} does not sum to zero")).collect()
}
