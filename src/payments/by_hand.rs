//! A person settles an order whose outcome nobody knows, with what the recruiter says before them.
//!
//! Pressing the button asks the recruiter once more and takes the order as a process would, so that neither a
//! stale page nor a settler that is asking at this moment can decide beside them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, query};

use super::{Kind, Order, OrderId, OrderState, payer, store};
use crate::app::App;
use crate::connections;
use crate::jobs::{self, Lease};
use crate::recruiters::{BonusPaid, Recruiter, SubmissionStatus};

/// How long a page waits for the recruiter.
const PATIENCE: Duration = Duration::from_secs(8);

/// What the recruiter says about an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// When it was asked, UTC.
    pub at: DateTime<Utc>,
    /// Its answer, for people.
    pub words: String,
    /// Whether the order came about; `None` when the answer leaves that open.
    pub happened: Option<bool>,
}

/// What a person decides about an unknown order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// It came about: book it.
    Happened,
    /// It did not: send it again; under another token once the recruiter has forgotten the first.
    Again,
    /// It did not, and shall not.
    GiveUp,
}

impl Choice {
    /// All of them, in the order of the page.
    pub const ALL: [Self; 3] = [Self::Happened, Self::Again, Self::GiveUp];

    /// In forms, in the audit, and what has to be typed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Happened => "book it",
            Self::Again => "send again",
            Self::GiveUp => "give up",
        }
    }
}

/// Why it was not settled.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    /// Somebody or something else was quicker.
    #[error(
        "This order has moved on since the page was loaded, so nothing was done. Look at it as it is now."
    )]
    Stale,
    /// The recruiter says something else.
    #[error("The recruiter says otherwise, so nothing was done: {0}")]
    Contradicted(String),
    /// The database did not answer.
    #[error("the database did not answer")]
    Database(#[from] sqlx::Error),
}

/// Asks the recruiter about an order; a page's worth of patience.
pub async fn look(app: &App, order: &Order) -> Look {
    let asked = async {
        let recruiter = connections::recruiter(app, order.connection_id).await;
        match recruiter {
            Ok(recruiter) => ask(recruiter.as_ref(), order).await,
            Err(error) => {
                tracing::warn!(order = %order.id, "its recruiter cannot be asked: {error:#}");
                (
                    "The recruiter cannot be asked with this connection; its own page says more.".to_owned(),
                    None,
                )
            }
        }
    };
    let silent = || ("The recruiter did not answer in time.".to_owned(), None);
    let (words, happened) = tokio::time::timeout(PATIENCE, asked).await.unwrap_or_else(|_| silent());
    Look { at: app.clock.now(), words, happened }
}

async fn ask(recruiter: &dyn Recruiter, order: &Order) -> (String, Option<bool>) {
    let answer = match order.kind {
        Kind::Bonus => recruiter.bonuses(&order.assignment_id).await.map(|paid| listed(order, &paid)),
        kind => recruiter.submission(&order.assignment_id).await.map(|found| match found {
            Some(submission) => status(kind, submission.status),
            None => ("It does not show this submission.".to_owned(), None),
        }),
    };
    answer.unwrap_or_else(|error| (error.to_string(), None))
}

/// That a bonus is not listed proves nothing: lists lag.
fn listed(order: &Order, paid: &[BonusPaid]) -> (String, Option<bool>) {
    match paid.iter().find(|bonus| bonus.reason.contains(&order.mark())) {
        Some(bonus) => (format!("It lists this bonus: ${} paid.", bonus.amount), Some(true)),
        None if paid.is_empty() => ("It lists no bonus for this work.".to_owned(), None),
        None => {
            let others = format!("It lists {} other bonuses for this work, but not this one.", paid.len());
            (others, None)
        }
    }
}

fn status(kind: Kind, status: SubmissionStatus) -> (String, Option<bool>) {
    let (word, happened) = match status {
        SubmissionStatus::Submitted => ("submitted, and neither approved nor rejected", false),
        SubmissionStatus::Approved => ("approved", kind.approves()),
        SubmissionStatus::Rejected => ("rejected", kind == Kind::Reject),
    };
    (format!("It says that the work is {word}."), Some(happened))
}

/// Whether what the recruiter says allows the choice. That a bonus is not listed proves nothing.
///
/// # Errors
/// [`SettleError::Contradicted`].
pub fn allowed(choice: Choice, look: &Look) -> Result<(), SettleError> {
    match (choice, look.happened) {
        (Choice::Happened, Some(false)) | (Choice::Again | Choice::GiveUp, Some(true)) => {
            Err(SettleError::Contradicted(look.words.clone()))
        }
        _ => Ok(()),
    }
}

/// Carries out the choice if the order still stands as the page showed it: unknown, after `attempt` attempts, and
/// nobody asking about it right now. The caller asked the recruiter before this transaction began.
///
/// # Errors
/// See [`SettleError`]; then nothing was changed.
pub async fn settle(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    order: &Order,
    attempt: i32,
    choice: Choice,
) -> Result<(), SettleError> {
    let lease = Lease::from(now);
    store::hold_person(conn, order.id).await?;
    if !hold(conn, order.id, attempt, lease, now).await? {
        return Err(SettleError::Stale);
    }
    let done = match choice {
        Choice::Happened => store::finish(conn, order, lease, now).await?,
        Choice::GiveUp => {
            let words = "Given up by a person: it did not come about at the recruiter.";
            store::move_on(conn, order.id, lease, OrderState::Refused, Some(words), now).await?
        }
        Choice::Again => {
            if !order.token_alive(now) {
                fresh_token(conn, order.id, lease).await?;
            }
            jobs::wake(conn, payer::NAME).await?;
            store::move_on(conn, order.id, lease, OrderState::Authorised, None, now).await?
        }
    };
    if done { Ok(()) } else { Err(SettleError::Stale) }
}

async fn hold(
    conn: &mut PgConnection,
    id: OrderId,
    attempt: i32,
    lease: Lease,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let held = query!(
        "UPDATE payment_order SET lease_token = $3, lease_until = $4
         WHERE id = $1 AND state = 'unknown' AND attempt = $2 AND (lease_until IS NULL OR lease_until <= $5)",
        id.0,
        attempt,
        lease.token,
        lease.until,
        now
    )
    .execute(conn)
    .await?;
    Ok(held.rows_affected() == 1)
}

/// The recruiter has forgotten the old token, and a person said that it brought nothing. While it still remembers,
/// the same token is kept: then even a person who is wrong pays nobody twice.
async fn fresh_token(conn: &mut PgConnection, id: OrderId, lease: Lease) -> sqlx::Result<()> {
    query!(
        "UPDATE payment_order SET token = $3, first_sent_at = NULL WHERE id = $1 AND lease_token = $2",
        id.0,
        lease.token,
        OrderId::new().to_string()
    )
    .execute(conn)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(happened: Option<bool>) -> Look {
        Look { at: DateTime::UNIX_EPOCH, words: "It says so.".into(), happened }
    }

    #[test]
    fn only_what_the_recruiter_positively_denies_is_refused() {
        use Choice::{Again, GiveUp, Happened};
        let cases = [
            (Happened, Some(true), true),
            (Happened, None, true),
            (Happened, Some(false), false),
            (Again, Some(true), false),
            (Again, None, true),
            (Again, Some(false), true),
            (GiveUp, Some(true), false),
            (GiveUp, None, true),
            (GiveUp, Some(false), true),
        ];
        for (choice, happened, fits) in cases {
            assert_eq!(allowed(choice, &look(happened)).is_ok(), fits, "{choice:?} {happened:?}");
        }
    }

    #[test]
    fn a_bonus_is_known_by_its_mark_among_others() {
        let order = super::super::example::order(OrderId::new());
        let paid = |reason: String| BonusPaid {
            assignment_id: order.assignment_id.clone(),
            worker_id: order.worker.clone(),
            amount: order.amount,
            reason,
        };
        let (ours, other) = (paid(format!("Thanks {}", order.mark())), paid("Thanks".into()));
        assert_eq!(listed(&order, &[]), ("It lists no bonus for this work.".into(), None));
        let (words, happened) = listed(&order, &[other.clone(), other.clone()]);
        assert!(words.starts_with("It lists 2 other bonuses") && happened.is_none(), "{words}");
        let (words, happened) = listed(&order, &[other, ours]);
        assert_eq!((words.as_str(), happened), ("It lists this bonus: $0.70 paid.", Some(true)));
    }

    #[test]
    fn each_kind_of_order_has_its_own_success() {
        use SubmissionStatus::{Approved, Rejected, Submitted};
        for (kind, said, happened) in [
            (Kind::Approve, Approved, true),
            (Kind::Approve, Rejected, false),
            (Kind::Override, Approved, true),
            (Kind::Override, Rejected, false),
            (Kind::Compensate, Approved, true),
            (Kind::Reject, Rejected, true),
            (Kind::Reject, Approved, false),
            (Kind::Reject, Submitted, false),
        ] {
            assert_eq!(status(kind, said).1, Some(happened), "{kind:?} {said:?}");
        }
    }
}
