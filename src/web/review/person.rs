//! One participation in words. Pure.

use chrono::{DateTime, Utc};
use kernel::money::Cents;

use crate::participation::{Participation, Stage};
use crate::payments::{Kind, Order, OrderState};
use crate::review::{self, CodeCheck, overturn, policy};
use crate::studies::Study;
use crate::web::studies::words::{away, money};

/// A row of the table.
#[derive(Debug, Clone)]
pub struct Person {
    pub row: Participation,
    /// The recruiter's id, for those who may decide.
    pub worker: Option<String>,
    /// The badge's colour.
    pub tone: &'static str,
    /// What happened last and when they came.
    pub times: Vec<String>,
    /// Where oTree last said they were.
    pub page: Option<String>,
    /// The bonus decided or proposed, or why there is none.
    pub bonus: Bonus,
    /// What became of the completion code.
    pub code: CodeCheck,
    /// When it is approved by itself.
    pub countdown: Option<String>,
    /// Until when the rejection can be overturned.
    pub overturn: Option<String>,
    /// Orders that are under way or went wrong, in words with a tone.
    pub orders: Vec<(&'static str, String)>,
    /// Whether something can be decided here now.
    pub open: bool,
}

/// The bonus as the table shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bonus {
    /// Nothing to say yet.
    None,
    /// Would be paid.
    Proposed(String),
    /// Was decided.
    Decided(String),
    /// Cannot be proposed, and why.
    Refused(String),
}

impl Person {
    /// The row with everything around it. `orders` are those of this participation.
    pub fn of(
        study: &Study,
        row: Participation,
        worker: Option<String>,
        orders: &[&Order],
        now: DateTime<Utc>,
    ) -> Self {
        let deciding = under_way(orders);
        let decidable = policy::may_decide(row.stage).is_ok();
        let payable = policy::may_pay_bonus(row.stage, row.bonus).is_ok();
        Self {
            worker,
            tone: tone(row.stage),
            times: times(&row, now),
            page: page(&row),
            bonus: bonus(study, &row),
            code: review::code_check(study, &row),
            countdown: row.auto_approve_at.filter(|_| decidable && !deciding).map(|at| away(at, now)),
            overturn: overturn::until(&row).map(|until| overturn_words(until, now)),
            orders: orders.iter().filter_map(|order| order_words(order)).collect(),
            open: (decidable && !deciding) || payable || may_overturn(&row, orders, now),
            row,
        }
    }
}

/// Whether a decision about this participation has been ordered and may still come about.
pub fn under_way(orders: &[&Order]) -> bool {
    orders
        .iter()
        .any(|order| matches!(order.kind, Kind::Approve | Kind::Reject) && order.state != OrderState::Refused)
}

/// Whether this rejection can still be overturned and nobody is doing so.
fn may_overturn(row: &Participation, orders: &[&Order], now: DateTime<Utc>) -> bool {
    let under_way =
        orders.iter().any(|order| order.kind == Kind::Override && order.state != OrderState::Refused);
    overturn::until(row).is_some_and(|until| now < until) && !under_way
}

fn tone(stage: Stage) -> &'static str {
    match stage {
        Stage::Paid | Stage::Approved => "good",
        Stage::Submitted => "note",
        Stage::SubmittedUnfinished | Stage::FinishedUnsubmitted => "warn",
        Stage::Rejected => "bad",
        _ => "still",
    }
}

fn times(row: &Participation, now: DateTime<Utc>) -> Vec<String> {
    let decided = row.rejected_at.map(|at| ("rejected", at)).or(row.approved_at.map(|at| ("approved", at)));
    let all = [
        decided,
        row.submitted_at.map(|at| ("submitted", at)),
        row.returned_at.filter(|_| row.submitted_at.is_none()).map(|at| ("gone", at)),
        row.finished_at.map(|at| ("finished", at)),
        Some(("came", row.admitted_at)),
    ];
    let mut said: Vec<String> =
        all.into_iter().flatten().map(|(word, at)| format!("{word} {}", away(at, now))).collect();
    let later = said.len().saturating_sub(1);
    said.drain(1.min(later)..later);
    said
}

/// Until when a rejection can be overridden, or since when it is final.
pub(super) fn overturn_words(until: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let day = until.format("%-d %b");
    if now < until { format!("can be approved after all until {day}") } else { format!("final since {day}") }
}

fn page(row: &Participation) -> Option<String> {
    let page = row.page.as_deref()?;
    Some(row.page_index.map_or_else(|| page.to_owned(), |index| format!("{page} ({index})")))
}

fn bonus(study: &Study, row: &Participation) -> Bonus {
    if let Some(decided) = row.bonus {
        return Bonus::Decided(money(decided));
    }
    let nothing_told = row.payoff.is_none_or(|payoff| payoff == Cents::ZERO) && row.payoff_problem.is_none();
    if row.submitted_at.is_none() && nothing_told {
        return Bonus::None;
    }
    match review::proposed_bonus(study, row) {
        Ok(amount) => Bonus::Proposed(money(amount)),
        Err(why) => Bonus::Refused(why),
    }
}

fn order_words(order: &Order) -> Option<(&'static str, String)> {
    let what = order.kind.noun();
    let problem = order.problem.as_deref().map(|problem| format!(": {problem}")).unwrap_or_default();
    match order.state {
        OrderState::Done => None,
        OrderState::Refused => Some(("bad", format!("{what} refused{problem}"))),
        OrderState::Unknown => Some(("warn", format!("{what} unclear{problem}"))),
        _ => Some(("note", format!("{what} {}{problem}", state_words(order.kind, order.state)))),
    }
}

/// An order's state as people say it.
pub fn state_words(kind: Kind, state: OrderState) -> &'static str {
    match state {
        OrderState::Planned if kind == Kind::Compensate => {
            "waits for the worker to submit, or for a second person"
        }
        OrderState::Planned => "waits for the approval, or for a second person",
        OrderState::Authorised => "is about to be sent",
        OrderState::Sending => "is being sent",
        OrderState::Done => "done",
        OrderState::Refused => "refused",
        OrderState::Unknown => "unclear: the answer was lost, and oTree HR is asking",
    }
}
