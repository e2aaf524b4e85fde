//! Orders, and the only sender of money.
//!
//! An order is a row, committed before anything is sent; its id is the token that makes a repeat
//! harmless at the recruiter for a day. [`payer`] sends, [`settler`] finds out what became of an order
//! whose answer was lost. No other part of the product calls approve, reject or bonus.
//!
//! `planned` waits for another order (a bonus for its approval), `authorised` may be sent, `sending`
//! was committed before the call, `unknown` leaves only by asking the recruiter, by the same token
//! within [`TOKEN_LIFE`], or by a person.

pub mod amnesia;
pub mod books;
pub mod budget;
pub mod by_hand;
pub mod compensation;
pub mod confirm;
#[cfg(test)]
mod example;
mod limit;
pub mod payer;
pub mod reconcile;
pub mod report;
pub mod settler;
pub mod standstill;
pub mod store;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use kernel::money::Cents;

use crate::app::App;
use crate::connections::ConnectionId;
use crate::jobs::Reconciler;
use crate::labs::LabId;
pub use crate::ledger::caps::Breach;
use crate::participation::ParticipationId;
pub use crate::recruiters::TOKEN_LIFE;
use crate::studies::StudyId;

kernel::typed_id!(
    /// Names one order; also the request token at the recruiter.
    OrderId
);

/// The source of the bonus that answers to oTree's payoff; others are paid beside it.
pub const PAYOFF: &str = "payoff";

impl OrderId {
    /// What stands in a bonus's reason, by which it is found again.
    pub fn mark(self) -> String {
        let id = self.0.simple().to_string();
        format!("(ref {})", &id[id.len() - 12..])
    }
}

/// What an order makes the recruiter do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Kind {
    /// Approve the assignment, which pays the reward.
    Approve,
    /// Reject it; nothing is paid.
    Reject,
    /// Pay a bonus.
    Bonus,
    /// Approve what was rejected, which pays the reward after all.
    Override,
    /// Pay somebody who worked but cannot be approved: see [`compensation`].
    Compensate,
    /// A further submission of the same person, approved by the recruiter: a line in the books, never sent.
    Extra,
}

impl Kind {
    /// The word for people and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Bonus => "bonus",
            Self::Override => "override",
            Self::Compensate => "compensate",
            Self::Extra => "extra",
        }
    }

    /// Whether it is carried out by approving an assignment.
    pub fn approves(self) -> bool {
        matches!(self, Self::Approve | Self::Override | Self::Compensate | Self::Extra)
    }

    /// What it is, for people.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Approve => "approval",
            Self::Reject => "rejection",
            Self::Bonus => "bonus",
            Self::Override => "approval after rejection",
            Self::Compensate => "compensation",
            Self::Extra => "second submission",
        }
    }
}

/// How far an order is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum OrderState {
    Planned,
    Authorised,
    Sending,
    Done,
    Refused,
    Unknown,
}

impl OrderState {
    /// The word for people and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Authorised => "authorised",
            Self::Sending => "sending",
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        }
    }
}

/// An order as stored.
#[derive(Debug, Clone)]
pub struct Order {
    pub id: OrderId,
    pub lab_id: LabId,
    pub study_id: StudyId,
    pub participation_id: ParticipationId,
    pub connection_id: ConnectionId,
    pub kind: Kind,
    /// What it answers to; [`PAYOFF`] for the bonus that the experiment decided.
    pub source: String,
    pub amount: Cents,
    pub fee: Cents,
    /// Feedback, or the bonus's reason, as the worker reads it.
    pub words: String,
    pub state: OrderState,
    pub attempt: i32,
    pub first_sent_at: Option<DateTime<Utc>>,
    /// When it was last sent, UTC.
    pub sent_at: Option<DateTime<Utc>>,
    pub problem: Option<String>,
    /// Makes a repeat harmless at the recruiter, while it remembers: the id, until a person orders a fresh attempt later.
    pub token: String,
    /// What it is about at the recruiter; empty for a compensation that nobody has submitted as yet.
    pub assignment_id: String,
    /// The recruiter's id of the worker; never logged.
    pub worker: String,
}

impl Order {
    /// What finds a bonus again in the recruiter's list: the token is not in it, the reason is.
    pub fn mark(&self) -> String {
        self.id.mark()
    }

    /// Whether the same token still makes a repeat harmless.
    pub fn token_alive(&self, now: DateTime<Utc>) -> bool {
        self.first_sent_at.is_none_or(|first| now - first < TOKEN_LIFE)
    }
}

/// What somebody wants ordered.
#[derive(Debug, Clone)]
pub struct NewOrder {
    pub participation_id: ParticipationId,
    pub kind: Kind,
    /// What it answers to: one live bonus per source and participation.
    pub source: String,
    pub amount: Cents,
    /// The recruiter's fee, at most.
    pub fee: Cents,
    pub words: String,
    /// Whether it waits for the approval that is ordered with it.
    pub after_approval: bool,
}

/// Why nothing was ordered.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// The study's budget or the lab's limit does not allow it.
    #[error("{0}; nothing was ordered.")]
    Beyond(#[from] Breach),
    /// Somebody would get more than the study's largest bonus, all bonuses together.
    #[error(
        "{pseudonym} would get {wanted} in bonuses of this study, which allows {most} for each person; \
         nothing was ordered."
    )]
    TooMuchForOne {
        /// What oTree sees as the participant's label.
        pseudonym: String,
        /// All bonuses of the person, with these.
        wanted: Cents,
        /// What the study allows.
        most: Cents,
    },
    /// The database did not answer.
    #[error("the database did not answer")]
    Database(#[from] sqlx::Error),
}

/// What keeps orders going.
pub fn reconcilers(app: &App) -> Vec<Arc<dyn Reconciler>> {
    vec![
        Arc::new(payer::Payer(app.clone())),
        Arc::new(settler::Settler(app.clone())),
        Arc::new(reconcile::Comparer(app.clone())),
        Arc::new(compensation::walk::Compensator(app.clone())),
        Arc::new(standstill::Alarm(app.clone())),
    ]
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::*;

    #[test]
    fn an_order_is_found_again_by_its_own_mark() {
        let (one, other) = (example::order(OrderId::new()), example::order(OrderId::new()));
        assert_eq!(one.mark(), one.id.mark());
        assert_ne!(one.mark(), other.mark());
        assert!(one.mark().len() > 8, "{}", one.mark());
    }

    #[test]
    fn a_token_lives_until_twenty_hours_after_the_first_attempt() {
        let first = DateTime::UNIX_EPOCH;
        let sent = example::tried(Kind::Bonus, 1, Some(first), "");
        for (hours, seconds, alive) in [(0, 0, true), (19, 3599, true), (20, 0, false), (30, 0, false)] {
            let now = first + Duration::hours(hours) + Duration::seconds(seconds);
            assert_eq!(sent.token_alive(now), alive, "{hours} h {seconds} s");
        }
        assert!(example::order(OrderId::new()).token_alive(first), "never sent");
    }
}
