//! The only sender: takes one order, commits that it is being sent, sends it, records what came of it.

use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::amnesia::{self, Known, Look};
use super::{Kind, Order, OrderState, standstill, store};
use crate::app::App;
use crate::connections;
use crate::jobs::{self, Lease, Reconciler, Step, back_off};
use crate::recruiters::{AskError, Bonus, Outcome, Recruiter, Refusal, RefusalKind};

/// The payer's name, for wake-ups.
pub const NAME: &str = "payer";

/// How often an assignment that the recruiter does not show yet is tried before it counts as refused.
const MISSING_TRIES: i32 = 8;
/// How long an order waits for money or keys to be mended, between tries.
const MEND_WAIT: chrono::Duration = chrono::Duration::minutes(5);

/// Why an order goes to the settler unsent.
const TOO_LATE: &str = "It was first sent too long ago to be repeated safely.";

/// Sends authorised orders.
#[derive(Debug)]
pub struct Payer(pub App);

#[async_trait]
impl Reconciler for Payer {
    fn name(&self) -> &'static str {
        NAME
    }

    fn period(&self) -> Duration {
        Duration::from_secs(2)
    }

    fn lanes(&self) -> usize {
        8
    }

    async fn step(&self) -> anyhow::Result<Step> {
        let lease = Lease::from(self.0.clock.now());
        let Some(order) = self.claim(lease).await? else { return Ok(Step::Idle) };
        crate::crash::point("payer.claimed");
        let Some(outcome) = self.attempt(&order, lease).await? else {
            tracing::warn!(order = %order.id, "an order was not sent: its lease lapsed before the call");
            return Ok(Step::Worked);
        };
        crate::crash::point("payer.sent");
        self.record(&order, lease, outcome).await?;
        Ok(Step::Worked)
    }
}

impl Payer {
    /// Sends the order if it may be sent. `None`: this process overslept its lease. Then the settler has the order,
    /// and may have had it sent so long ago that the recruiter forgets the token before this call arrives.
    async fn attempt(&self, order: &Order, lease: Lease) -> anyhow::Result<Option<Outcome<()>>> {
        let recruiter = match connections::recruiter(&self.0, order.connection_id).await {
            Ok(recruiter) => recruiter,
            Err(error) => return Ok(Some(Outcome::NotNow(error.to_string()))),
        };
        if order.kind == Kind::Bonus {
            // It waited too long after an attempt that may have come about: not again without a look.
            if !order.token_alive(self.0.clock.now()) {
                return Ok(Some(Outcome::Unknown(TOO_LATE.into())));
            }
            let known = amnesia::known(&mut *self.0.pool.acquire().await?, order).await?;
            if let Some(outcome) = paid_before(recruiter.as_ref(), order, &known).await {
                return Ok(Some(outcome));
            }
        }
        if lease.lapsed(self.0.clock.now()) {
            return Ok(None);
        }
        Ok(Some(send(recruiter.as_ref(), order).await))
    }

    async fn claim(&self, lease: Lease) -> anyhow::Result<Option<Order>> {
        let mut tx = self.0.pool.begin().await?;
        let order = store::claim_to_send(&mut tx, self.0.clock.now(), lease).await?;
        if order.is_some() {
            crate::crash::point("payer.claiming");
        }
        tx.commit().await.context("an order could not be marked as being sent")?;
        Ok(order)
    }

    async fn record(&self, order: &Order, lease: Lease, outcome: Outcome<()>) -> anyhow::Result<()> {
        let now = self.0.clock.now();
        let sign = standstill::sign(&outcome);
        let mut tx = self.0.pool.begin().await?;
        let held = match verdict(order, outcome, now) {
            Verdict::Done => store::finish(&mut tx, order, lease, now).await?,
            Verdict::Move { to, words, at } => {
                if to == OrderState::Unknown {
                    jobs::wake(&mut tx, super::settler::NAME).await?;
                }
                store::move_on(&mut tx, order.id, lease, to, Some(&words), at).await?
            }
        };
        if !held {
            tracing::warn!(order = %order.id, "an order was taken over by another process; nothing recorded");
            return Ok(());
        }
        standstill::note(&mut tx, order, sign, now).await?;
        crate::crash::point("payer.recording");
        tx.commit().await?;
        crate::crash::point("payer.recorded");
        Ok(())
    }
}

/// Looks before a bonus is sent. `None`: send it; otherwise what takes the place of sending it.
async fn paid_before(recruiter: &dyn Recruiter, order: &Order, known: &Known) -> Option<Outcome<()>> {
    let list = match recruiter.bonuses(&order.assignment_id).await {
        Ok(list) => list,
        Err(AskError::Refused(refusal)) => return Some(Outcome::Refused(refusal)),
        Err(AskError::Unavailable(words)) => return Some(Outcome::NotNow(words)),
    };
    crate::crash::point("payer.looked");
    match amnesia::look(order, known, &list) {
        Look::Clear => None,
        Look::Paid => Some(Outcome::Done(())),
        // The settler looks again and holds it.
        Look::Others { sum, .. } => Some(Outcome::Unknown(amnesia::words(sum))),
    }
}

/// Makes the call that the order stands for.
async fn send(recruiter: &dyn Recruiter, order: &Order) -> Outcome<()> {
    match order.kind {
        Kind::Approve | Kind::Compensate | Kind::Extra => {
            recruiter.approve(&order.assignment_id, &order.words).await
        }
        Kind::Override => recruiter.override_rejection(&order.assignment_id, &order.words).await,
        Kind::Reject => recruiter.reject(&order.assignment_id, &order.words).await,
        Kind::Bonus => recruiter.bonus(&bonus(order)).await,
    }
}

fn bonus(order: &Order) -> Bonus {
    Bonus {
        worker_id: order.worker.clone(),
        assignment_id: order.assignment_id.clone(),
        amount: order.amount,
        reason: format!("{} {}", order.words, order.mark()),
        token: order.token.clone(),
    }
}

/// What follows for the order from what came of the call.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Done,
    Move { to: OrderState, words: String, at: DateTime<Utc> },
}

fn verdict(order: &Order, outcome: Outcome<()>, now: DateTime<Utc>) -> Verdict {
    let later = now + back_off(order.attempt);
    match outcome {
        Outcome::Done(()) => Verdict::Done,
        Outcome::NotNow(words) => Verdict::Move { to: OrderState::Authorised, words, at: later },
        Outcome::Unknown(words) => Verdict::Move { to: OrderState::Unknown, words, at: now },
        Outcome::Refused(Refusal { kind, words }) => {
            let (to, at) = match kind {
                RefusalKind::Funds | RefusalKind::Credentials => (OrderState::Authorised, now + MEND_WAIT),
                // The first time never decides, however many attempts there were for other reasons.
                RefusalKind::Missing
                    if order.attempt < MISSING_TRIES || order.problem.as_deref() != Some(words.as_str()) =>
                {
                    (OrderState::Authorised, later)
                }
                // Somebody or the clock was faster: look before deciding.
                RefusalKind::State => (OrderState::Unknown, now),
                RefusalKind::Missing | RefusalKind::Invalid => (OrderState::Refused, now),
            };
            Verdict::Move { to, words, at }
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::*;
    use crate::payments::example::tried;

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn refused(kind: RefusalKind) -> Outcome<()> {
        Outcome::Refused(Refusal { kind, words: "why".into() })
    }

    /// What follows: the state, and after how long.
    fn follows(attempt: i32, before: &str, outcome: Outcome<()>) -> (OrderState, Duration) {
        match verdict(&tried(Kind::Approve, attempt, None, before), outcome, NOW) {
            Verdict::Done => (OrderState::Done, Duration::zero()),
            Verdict::Move { to, words, at } => {
                assert_eq!(words, "why");
                (to, at - NOW)
            }
        }
    }

    #[test]
    fn what_follows_from_an_answer() {
        let (none, mend) = (Duration::zero(), MEND_WAIT);
        for (outcome, expected) in [
            (Outcome::Done(()), (OrderState::Done, none)),
            (Outcome::NotNow("why".into()), (OrderState::Authorised, back_off(2))),
            (Outcome::Unknown("why".into()), (OrderState::Unknown, none)),
            (refused(RefusalKind::Funds), (OrderState::Authorised, mend)),
            (refused(RefusalKind::Credentials), (OrderState::Authorised, mend)),
            (refused(RefusalKind::State), (OrderState::Unknown, none)),
            (refused(RefusalKind::Invalid), (OrderState::Refused, none)),
            (refused(RefusalKind::Missing), (OrderState::Authorised, back_off(2))),
        ] {
            assert_eq!(follows(2, "why", outcome), expected);
        }
    }

    #[test]
    fn what_is_not_there_is_refused_after_eight_looks_and_never_at_the_first() {
        let after = |attempt, before| follows(attempt, before, refused(RefusalKind::Missing));
        assert_eq!(after(MISSING_TRIES - 1, "why"), (OrderState::Authorised, back_off(MISSING_TRIES - 1)));
        assert_eq!(after(MISSING_TRIES, "why"), (OrderState::Refused, Duration::zero()));
        let fresh = after(MISSING_TRIES + 20, "There is not enough money.");
        assert_eq!(fresh, (OrderState::Authorised, back_off(MISSING_TRIES + 20)));
    }

    #[test]
    fn a_bonus_is_sent_with_its_mark_and_under_its_token() {
        let order = crate::payments::example::order(super::super::OrderId::new());
        let sent = bonus(&order);
        assert_eq!(sent.reason, format!("Thank you {}", order.mark()));
        assert_eq!((sent.token, sent.amount), (order.token, order.amount));
    }
}
