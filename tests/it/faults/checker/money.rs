//! What happened to money: nothing twice, nothing beyond the budget, nothing unexplained, and the same in both books.

use std::collections::{BTreeMap, BTreeSet};

use kernel::money::Cents;
use market::journal::{Effect, JournalEntry};
use otree_hr::payments::{Kind, Order, OrderState};

use super::super::show::Show;
use super::{Histories, Ours, waits_for_a_person};

/// What pays a reward.
const APPROVALS: [Effect; 2] = [Effect::Approved, Effect::AutoApproved];

/// P1: nothing happens twice, and nothing that we did not order.
pub(super) fn double_pay(show: &Show, all: &Histories, wrong: &mut Vec<String>) {
    for effects in [&APPROVALS[..], &[Effect::Rejected], &[Effect::BonusSent]] {
        for (assignment, times) in all.tally(effects) {
            if times > 1 {
                wrong.push(format!("P1: {assignment} had this {times} times: {effects:?}"));
            }
        }
    }
    for bonus in all.effects(Effect::BonusSent) {
        wrong.extend(unordered_bonus(all, bonus).filter(|_| !show.is_lost(bonus)));
    }
    for entry in all.effects(Effect::Approved).chain(all.effects(Effect::Rejected)) {
        let assignment = entry.assignment_id.clone().unwrap_or_default();
        let approves = entry.effect == Effect::Approved;
        let sent = |o: &&Order| {
            let kind = if approves { o.kind.approves() } else { o.kind == Kind::Reject };
            kind && o.assignment_id == assignment && o.first_sent_at.is_some()
        };
        if !all.orders.iter().any(|order| sent(&order)) && !show.is_lost(entry) {
            wrong.push(format!("P4: {assignment} was {:?} without an order of ours", entry.effect));
        }
    }
    compensated_twice(all, wrong);
}

/// Why a bonus is not one that we ordered; `None` when it is.
fn unordered_bonus(all: &Histories, bonus: &JournalEntry) -> Option<String> {
    let token = bonus.token.clone().unwrap_or_default();
    let Some(order) = all.orders.iter().find(|order| order.id.to_string() == token) else {
        return Some(format!("P4: a bonus of {:?} has no order of ours ({token})", bonus.amount));
    };
    if Some(order.amount) != bonus.amount {
        return Some(format!("P1: {:?} was sent for an order of {}", bonus.amount, order.amount));
    }
    (order.worker != bonus.worker_id.clone().unwrap_or_default())
        .then(|| "P1: a bonus went to somebody else".to_owned())
}

/// Nobody is compensated twice in a study, whatever happened to the rows.
fn compensated_twice(all: &Histories, wrong: &mut Vec<String>) {
    let mut workers = BTreeSet::new();
    for paid in all.journal.iter().filter(|entry| APPROVALS.contains(&entry.effect) && !all.is_work(entry)) {
        if !workers.insert(&paid.worker_id) {
            wrong.push(format!("P1: {:?} was compensated twice", paid.worker_id));
        }
    }
}

/// P3: what was promised and what really left stay within the budget.
pub(super) fn overspend(show: &Show, all: &Histories, wrong: &mut Vec<String>) {
    if !show.lost.is_empty() {
        // What left in hours that nobody here knows of cannot count against the budget.
        return;
    }
    let by_itself: Cents = all.effects(Effect::AutoApproved).map(cost).sum();
    if all.budget.left() + by_itself < Cents::ZERO {
        wrong.push(format!("P3: {:?}", all.budget));
    }
    let ours: Cents = all.effects(Effect::Approved).chain(all.effects(Effect::BonusSent)).map(cost).sum();
    if ours > all.budget.limit {
        wrong.push(format!("P3: {ours} left, the budget is {}", all.budget.limit));
    }
}

fn amount(entry: &JournalEntry) -> Cents {
    entry.amount.unwrap_or(Cents::ZERO)
}

fn cost(entry: &JournalEntry) -> Cents {
    amount(entry) + entry.fee.unwrap_or(Cents::ZERO)
}

/// P2: every order has ended, or says why not; what ended as it did is the truth.
pub(super) fn silent_non_pay(show: &Show, all: &Histories, wrong: &mut Vec<String>) {
    for order in &all.orders {
        let happened = happened(show, all, order);
        let good = match order.state {
            OrderState::Done => happened,
            OrderState::Refused => order.problem.is_some() && (!happened || all.done_otherwise(order)),
            OrderState::Unknown => waits_for_a_person(order),
            // A compensation that is held for a person.
            OrderState::Planned => {
                all.compensations.iter().any(|it| it.order_id == order.id && all.waits(it))
            }
            OrderState::Authorised | OrderState::Sending => false,
        };
        if !good {
            wrong.push(format!("P2: {order:?}, and it happened: {happened}"));
        }
    }
}

/// Whether the marketplace did what the order asks for.
fn happened(show: &Show, all: &Histories, order: &Order) -> bool {
    let about = |effects: &[Effect]| all.tally(effects).contains_key(&*order.assignment_id);
    match order.kind {
        Kind::Reject => about(&[Effect::Rejected]),
        // In lost hours it may have been paid under another order's token.
        Kind::Bonus if !show.lost.is_empty() => about(&[Effect::BonusSent]),
        Kind::Bonus => {
            all.effects(Effect::BonusSent).any(|b| b.token.as_deref() == Some(&*order.id.to_string()))
        }
        _ => about(&APPROVALS),
    }
}

/// P9: our figures are the marketplace's.
pub(super) fn books(show: &Show, all: &Histories, wrong: &mut Vec<String>) {
    let open = all.orders.iter().any(|o| o.kind == Kind::Bonus && o.state == OrderState::Unknown);
    // What was paid for people whom nobody here knows, or in lost hours, is a difference on a page, not in the books.
    let known: BTreeSet<&str> = all.orders.iter().map(|o| &*o.assignment_id).collect();
    let strangers = all.tally(&APPROVALS).keys().any(|assignment| !known.contains(assignment));
    if !open && !strangers && show.lost.is_empty() {
        sums(all, wrong);
    }
    for person in &all.people {
        facts(all, person, open, wrong);
    }
}

fn sums(all: &Histories, wrong: &mut Vec<String>) {
    let mut same = |what: &str, ours: Cents, theirs: Cents| {
        if ours != theirs {
            wrong.push(format!("P9: {what} of {ours} in our books, {theirs} at the marketplace"));
        }
    };
    let bonuses: Cents = all.effects(Effect::BonusSent).map(amount).sum();
    same("bonuses", all.done(|kind| kind == Kind::Bonus).map(|order| order.amount).sum(), bonuses);
    let rewards = || APPROVALS.into_iter().flat_map(|effect| all.effects(effect));
    same("rewards", all.done(Kind::approves).map(|order| order.amount).sum(), rewards().map(amount).sum());
    let spent = all.effects(Effect::BonusSent).chain(rewards()).map(cost).sum();
    same("payments with fees", all.budget.paid, spent);
    let most: Cents = all.done(Kind::approves).map(|order| order.amount + order.fee).sum();
    let charged: Cents = rewards().map(cost).sum();
    if most < charged {
        wrong.push(format!("P9: {charged} with fees left, we count {most}"));
    }
}

/// What we say of somebody's own work is what the marketplace says.
fn facts(all: &Histories, person: &Ours, open: bool, wrong: &mut Vec<String>) {
    let work = all.journal.iter().filter(|e| e.worker_id.as_ref() == Some(&person.worker) && all.is_work(e));
    let mut last = BTreeMap::new();
    for entry in work {
        let about = if entry.effect == Effect::BonusSent { "bonus" } else { "decision" };
        if APPROVALS.contains(&entry.effect) || [Effect::Rejected, Effect::BonusSent].contains(&entry.effect)
        {
            last.insert(about, entry.effect);
        }
    }
    let approved = last.get("decision").is_some_and(|effect| APPROVALS.contains(effect));
    let rejected = last.get("decision") == Some(&Effect::Rejected);
    let mut same = |name: &str, ours: bool, theirs: bool| {
        if ours != theirs {
            wrong
                .push(format!("P9: {} is {name}: {ours}, at the marketplace {theirs}", person.assignment_id));
        }
    };
    same("approved", person.approved, approved);
    same("rejected", person.rejected, rejected);
    if !open && !all.differs(&person.assignment_id) {
        same("paid a bonus", person.bonus_paid, last.contains_key("bonus"));
    }
}

/// P9: every entry of the ledger sums to zero.
pub(super) async fn ledger(show: &Show) -> Vec<String> {
    let sql = "SELECT entry FROM ledger_posting GROUP BY entry HAVING sum(cents) <> 0";
    let off: Vec<i64> = sqlx::query_scalar(sql).fetch_all(show.pool()).await.unwrap();
    off.into_iter().map(|entry| format!("P9: ledger entry {entry} does not sum to zero")).collect()
}
