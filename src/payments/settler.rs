//! Finds out what became of an order whose answer was lost. Asks first, and sends again only under the
//! same token, only while the recruiter still remembers it.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::amnesia::{self, Known, Look};
use super::{Kind, Order, OrderState, books, budget, payer, store};
use crate::app::App;
use crate::connections;
use crate::jobs::{self, Lease, Reconciler, Step, back_off};
use crate::recruiters::{AskError, Recruiter, SubmissionStatus};
use crate::studies;

/// The settler's name, for wake-ups.
pub const NAME: &str = "settler";

/// An order that the recruiter refuses again and again for its state goes to a person after so many attempts.
const CIRCLES: i32 = 12;

/// Settles unknown orders.
#[derive(Debug)]
pub struct Settler(pub App);

#[async_trait]
impl Reconciler for Settler {
    fn name(&self) -> &'static str {
        NAME
    }

    fn lanes(&self) -> usize {
        4
    }

    async fn step(&self) -> anyhow::Result<Step> {
        let now = self.0.clock.now();
        let lease = Lease::from(now);
        let mut tx = self.0.pool.begin().await?;
        let claimed = store::claim_to_settle(&mut tx, now, lease).await?;
        tx.commit().await?;
        let Some(order) = claimed else { return self.complete_the_books().await };
        crate::crash::point("settler.claimed");
        let finding = match connections::recruiter(&self.0, order.connection_id).await {
            Ok(recruiter) => {
                let known = amnesia::known(&mut *self.0.pool.acquire().await?, &order).await?;
                ask(recruiter.as_ref(), &order, &known, now).await
            }
            Err(error) => Finding::Silent(error.to_string()),
        };
        crate::crash::point("settler.asked");
        self.record(&order, lease, finding).await?;
        Ok(Step::Worked)
    }
}

/// What the recruiter says about an order.
#[derive(Debug, PartialEq, Eq)]
enum Finding {
    /// It happened.
    Happened,
    /// It did not, and sending it again is safe.
    SendAgain,
    /// It did not and cannot any more.
    Overtaken(&'static str),
    /// It cannot be seen, and the token is too old to be sent again: for a person.
    ForAPerson(&'static str),
    /// So many payments are listed that no order here accounts for: for a person.
    Held { count: i32, words: String },
    /// No answer yet.
    Silent(String),
}

async fn ask(recruiter: &dyn Recruiter, order: &Order, known: &Known, now: DateTime<Utc>) -> Finding {
    let answer = match order.kind {
        Kind::Approve | Kind::Override | Kind::Compensate | Kind::Extra | Kind::Reject => {
            recruiter.submission(&order.assignment_id).await.map(|found| match found {
                Some(submission) => going_on(order, decision(order.kind, submission.status), now),
                None => Finding::Silent("The recruiter does not show this submission.".into()),
            })
        }
        Kind::Bonus => recruiter.bonuses(&order.assignment_id).await.map(|paid| {
            match amnesia::look(order, known, &paid) {
                Look::Paid => Finding::Happened,
                Look::Others { count, sum } => Finding::Held { count, words: amnesia::words(sum) },
                Look::Clear if order.token_alive(now) => Finding::SendAgain,
                Look::Clear => Finding::ForAPerson(
                    "The recruiter lists no such bonus, and it was first sent too long ago to be repeated safely. \
                     Check the recruiter's own records, then decide.",
                ),
            }
        }),
    };
    answer.unwrap_or_else(|error| match error {
        AskError::Refused(refusal) => Finding::Silent(refusal.words),
        AskError::Unavailable(words) => Finding::Silent(words),
    })
}

/// Nothing goes in a circle for ever: what is refused although it seems possible is for a person once the attempts
/// are many and the first is long ago.
fn going_on(order: &Order, finding: Finding, now: DateTime<Utc>) -> Finding {
    if finding == Finding::SendAgain && order.attempt >= CIRCLES && !order.token_alive(now) {
        return Finding::ForAPerson(
            "The recruiter refuses this again and again, and says nothing that would explain it. Give it up, or send \
             it again.",
        );
    }
    finding
}

fn decision(wanted: Kind, status: SubmissionStatus) -> Finding {
    match (wanted, status) {
        (kind, SubmissionStatus::Approved) if kind.approves() => Finding::Happened,
        (Kind::Reject, SubmissionStatus::Rejected) => Finding::Happened,
        (_, SubmissionStatus::Submitted) | (Kind::Override, SubmissionStatus::Rejected) => Finding::SendAgain,
        (_, SubmissionStatus::Approved) => {
            Finding::Overtaken("It was already approved at the recruiter, by hand or by the clock.")
        }
        (_, SubmissionStatus::Rejected) => Finding::Overtaken("It was already rejected at the recruiter."),
    }
}

impl Settler {
    async fn complete_the_books(&self) -> anyhow::Result<Step> {
        let mut tx = self.0.pool.begin().await?;
        let Some(study) = books::incomplete(&mut tx).await? else { return Ok(Step::Idle) };
        budget::of(&mut tx, study, true).await?;
        let study = studies::store::get(&mut tx, study).await?;
        books::complete(&mut tx, &study, self.0.clock.now()).await?;
        tx.commit().await?;
        Ok(Step::Worked)
    }

    async fn record(&self, order: &Order, lease: Lease, finding: Finding) -> anyhow::Result<()> {
        let now = self.0.clock.now();
        let mut tx = self.0.pool.begin().await?;
        let (to, words, at) = match &finding {
            Finding::Happened => {
                if store::finish(&mut tx, order, lease, now).await? {
                    tx.commit().await?;
                }
                return Ok(());
            }
            Finding::SendAgain => {
                jobs::wake(&mut tx, payer::NAME).await?;
                // Twice at once; whoever goes in circles does so ever more slowly.
                let wait = if order.attempt < 3 { chrono::Duration::zero() } else { back_off(order.attempt) };
                (OrderState::Authorised, order.problem.as_deref(), now + wait)
            }
            Finding::Overtaken(words) => (OrderState::Refused, Some(*words), now),
            Finding::ForAPerson(words) => {
                (OrderState::Unknown, Some(*words), now + chrono::Duration::hours(6))
            }
            Finding::Held { count, words } => {
                amnesia::found(&mut tx, order.id, *count).await?;
                (OrderState::Unknown, Some(words.as_str()), now + chrono::Duration::hours(6))
            }
            Finding::Silent(words) => {
                (OrderState::Unknown, Some(words.as_str()), now + back_off(order.attempt + 3))
            }
        };
        if store::move_on(&mut tx, order.id, lease, to, words, at).await? {
            crate::crash::point("settler.recording");
            tx.commit().await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::*;
    use crate::payments::example::tried;

    #[test]
    fn what_the_recruiter_says_of_a_submission_decides_about_the_order() {
        use SubmissionStatus::{Approved, Rejected, Submitted};
        for kind in [Kind::Approve, Kind::Compensate, Kind::Extra] {
            assert_eq!(decision(kind, Approved), Finding::Happened, "{kind:?}");
            assert_eq!(decision(kind, Submitted), Finding::SendAgain, "{kind:?}");
            assert!(matches!(decision(kind, Rejected), Finding::Overtaken(_)), "{kind:?}");
        }
        assert_eq!(decision(Kind::Override, Approved), Finding::Happened);
        assert_eq!(decision(Kind::Override, Rejected), Finding::SendAgain);
        assert_eq!(decision(Kind::Reject, Rejected), Finding::Happened);
        assert_eq!(decision(Kind::Reject, Submitted), Finding::SendAgain);
        assert!(matches!(decision(Kind::Reject, Approved), Finding::Overtaken(_)));
    }

    #[test]
    fn a_circle_ends_with_a_person_after_many_attempts_and_a_long_time() {
        let first = DateTime::UNIX_EPOCH;
        let (soon, late) = (first + Duration::hours(1), first + Duration::hours(21));
        for (attempt, now, person) in [
            (CIRCLES, late, true),
            (CIRCLES + 5, late, true),
            (CIRCLES - 1, late, false),
            (CIRCLES, soon, false),
        ] {
            let order = tried(Kind::Override, attempt, Some(first), "why");
            let found = going_on(&order, Finding::SendAgain, now);
            assert_eq!(matches!(found, Finding::ForAPerson(_)), person, "{attempt} at {now}");
            assert_eq!(going_on(&order, Finding::Happened, now), Finding::Happened);
        }
    }
}
