//! Paying somebody who did the work but could not submit it, or who came when the study was full.
//!
//! The money is an order like any other: its row holds the amount against the budget from the first moment, waits
//! as `planned` until the worker has submitted, and is then sent by the payer; until then it can be withdrawn. What
//! leads there is a row beside it: a qualification that only this worker has, a HIT with one place, a message.
//! [`walk`] goes that way step by step, [`back`] the way back, [`end`] takes
//! away what is not needed any more.

mod back;
mod end;
pub mod store;
pub mod walk;

use chrono::{DateTime, Utc};
use kernel::money::Cents;
use sqlx::PgConnection;

use super::{Kind, NewOrder, OrderError, OrderId, budget, store as orders};
use crate::accounts::AccountId;
use crate::jobs;
use crate::participation::WorkerId;
use crate::recruiters::mturk::fees;
use crate::studies::Study;

pub use store::{Candidate, Compensation, Reason};

/// The longest message: it is the feedback of the approval, too, of which the recruiter takes 1024 characters.
pub const LONGEST: usize = 1000;

/// Why nobody is compensated.
#[derive(Debug, thiserror::Error)]
pub enum CompensateError {
    /// Not somebody of this study who worked or was turned away.
    #[error("This person cannot be compensated here: either they can be paid in Review, or they never came.")]
    Nobody,
    /// Offered before.
    #[error("This person is being compensated already, or was.")]
    Already,
    /// An earlier one was refused, and is not off the recruiter's list yet.
    #[error(
        "An earlier compensation of this person is still being taken off the list. Try again in some minutes."
    )]
    Lingers,
    /// More than the work could have brought.
    #[error("Between $0.01 and ${0}, the reward and the largest bonus together.")]
    Amount(Cents),
    /// The message is missing or too long.
    #[error("Write a message of at most {LONGEST} characters.")]
    Message,
    /// A limit, or the database.
    #[error(transparent)]
    Order(#[from] OrderError),
}

impl From<sqlx::Error> for CompensateError {
    fn from(error: sqlx::Error) -> Self {
        Self::Order(error.into())
    }
}

/// The most that one person may get.
pub fn most(study: &Study) -> Cents {
    study.reward + study.max_bonus
}

/// The fee on a compensation, at most: it is a HIT of one place.
pub fn fee(amount: Cents) -> Cents {
    fees::fee(amount, 1, false)
}

/// Orders the compensation of a worker of this study. Once each: a second click finds the first.
///
/// # Errors
/// See [`CompensateError`]; then nothing was ordered.
pub async fn order(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    study: &Study,
    by: AccountId,
    worker: WorkerId,
    amount: Cents,
    message: &str,
) -> Result<OrderId, CompensateError> {
    // The study first, as everybody does: two clicks take turns.
    budget::of(conn, study.id, true).await?;
    if !amount.is_positive() || amount > most(study) {
        return Err(CompensateError::Amount(most(study)));
    }
    if message.trim().is_empty() || message.chars().count() > LONGEST {
        return Err(CompensateError::Message);
    }
    let candidate = store::candidate(conn, study, worker, now).await?.ok_or(CompensateError::Nobody)?;
    if candidate.order.is_some() {
        return Err(CompensateError::Already);
    }
    let participation_id = match candidate.participation_id {
        Some(id) => id,
        None => store::turned_away(conn, study, worker, now).await?.ok_or(CompensateError::Nobody)?,
    };
    if store::lingers(conn, participation_id).await? {
        return Err(CompensateError::Lingers);
    }
    let wanted = NewOrder {
        participation_id,
        kind: Kind::Compensate,
        source: "compensation".into(),
        amount,
        fee: fee(amount),
        words: message.trim().to_owned(),
        after_approval: true,
    };
    if orders::place(conn, now, study, Some(by), std::slice::from_ref(&wanted)).await? == 0 {
        return Err(CompensateError::Already);
    }
    let id = store::begin(conn, study, participation_id, now).await?;
    jobs::wake(conn, walk::NAME).await?;
    Ok(id)
}

/// Wants a compensation of this study back. Its money is free once nobody can collect it any more; whoever submits
/// before is paid. Returns whether it was to be had: not when it is paid, being paid, or withdrawn already.
///
/// # Errors
/// When the database does not answer.
pub async fn withdraw(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    study: &Study,
    by: AccountId,
    order: OrderId,
) -> sqlx::Result<bool> {
    budget::of(conn, study.id, true).await?;
    let withdrawn = store::withdraw(conn, study, order, by, now).await?;
    if withdrawn {
        jobs::wake(conn, walk::NAME).await?;
    }
    Ok(withdrawn)
}
