//! The end of a compensation's way: what only it needed is taken away again.
//!
//! One that was refused leaves the list first, and waits while the recruiter may still pay it by itself.

use chrono::{DateTime, Duration, Utc};

use super::store::Compensation;
use super::walk::Moved;
use crate::payments::OrderState;
use crate::recruiters::{AskError, Outcome, Recruiter, Refusal, RefusalKind, SubmissionStatus};

/// How often one that waits is looked at.
const AGAIN: Duration = Duration::minutes(10);
/// The recruiter's clock has paid by then: twice the day after which it approves.
const SURELY_PAID: Duration = Duration::days(2);

/// Takes away what only this compensation needed.
pub(super) async fn clean_up(recruiter: &dyn Recruiter, it: Compensation, now: DateTime<Utc>) -> Moved {
    let refused = it.hit_id.clone().filter(|_| it.state == OrderState::Refused);
    match refused {
        Some(hit) => match off_the_list(recruiter, &it, &hit, now).await {
            None => tidy(recruiter, it, now).await,
            Some(Left::Waits(at)) => Moved::Rest(it, at),
            Some(Left::Paid(assignment)) => Moved::PaidAfterAll(it, assignment),
            Some(Left::Silent(words)) => Moved::Held(it, words),
        },
        None => tidy(recruiter, it, now).await,
    }
}

/// What keeps a refused compensation from its end.
enum Left {
    /// The worker has handed it in: the recruiter's clock approves it within a day.
    Waits(DateTime<Utc>),
    /// The recruiter has paid this assignment.
    Paid(String),
    /// It does not answer.
    Silent(String),
}

/// Nobody shall accept what would not be paid; one that is gone is off the list, too. Who has handed it in is paid by
/// the recruiter whatever we decided, and that belongs into the books.
async fn off_the_list(
    recruiter: &dyn Recruiter,
    it: &Compensation,
    hit: &str,
    now: DateTime<Utc>,
) -> Option<Left> {
    if let Outcome::NotNow(words) | Outcome::Unknown(words) = recruiter.expire(hit).await {
        return Some(Left::Silent(words));
    }
    let list = match recruiter.submissions(hit).await {
        Ok(list) => list,
        Err(AskError::Refused(Refusal { kind: RefusalKind::Missing, .. })) => return None,
        Err(error) => return Some(Left::Silent(error.to_string())),
    };
    let theirs = list.into_iter().find(|one| one.worker_id == it.worker);
    match theirs.map(|one| (one.status, one.assignment_id)) {
        Some((SubmissionStatus::Approved, assignment)) => Some(Left::Paid(assignment)),
        Some((SubmissionStatus::Submitted, _)) => Some(Left::Waits(now + AGAIN)),
        // Seen before, and perhaps only not listed now.
        None if it.submitted_at.is_some_and(|at| now - at < SURELY_PAID) => Some(Left::Waits(now + AGAIN)),
        Some((SubmissionStatus::Rejected, _)) | None => None,
    }
}

async fn tidy(recruiter: &dyn Recruiter, it: Compensation, now: DateTime<Utc>) -> Moved {
    let outcome = match &it.qualification_id {
        Some(id) => recruiter.delete_qualification(id).await,
        None => Outcome::Done(()),
    };
    crate::crash::point("compensate.end");
    match outcome {
        // A type that is refused to be deleted harms nobody.
        Outcome::Done(()) | Outcome::Refused(_) => {
            Moved::Rest(Compensation { ended_at: Some(now), ..it }, now)
        }
        Outcome::NotNow(words) | Outcome::Unknown(words) => Moved::Held(it, words),
    }
}
