//! Which rejections can be overturned, and until when. Pure.
//!
//! MTurk approves a rejected assignment after all if it was submitted within the last 30 days and its HIT is not
//! deleted (ApproveAssignment, OverrideRejection, in the service model).

use chrono::{DateTime, Duration, Utc};

use super::Decision;
use crate::participation::{Participation, Stage};
use crate::studies::batches::Batch;

/// How long after the submission a rejection can be overturned.
pub const WINDOW: Duration = Duration::days(30);

/// When it will be too late; `None` when there is nothing to overturn.
pub fn until(participation: &Participation) -> Option<DateTime<Utc>> {
    (participation.stage == Stage::Rejected).then_some(participation.submitted_at?).map(|at| at + WINDOW)
}

/// Whether this decision can overturn the rejection; every other decision passes.
///
/// # Errors
/// Why not, in a sentence.
pub(super) fn check(
    decision: &Decision,
    participation: &Participation,
    batch: Option<&Batch>,
) -> Result<(), String> {
    let Decision::Override { at, .. } = decision else { return Ok(()) };
    let Some(until) = until(participation) else { return Err("Is not rejected.".into()) };
    allowed(until, batch.is_some_and(|batch| batch.gone_at.is_some()), *at)
}

fn allowed(until: DateTime<Utc>, deleted: bool, now: DateTime<Utc>) -> Result<(), String> {
    if deleted {
        return Err("Its HIT was deleted at the recruiter. Compensate this person instead.".into());
    }
    if now >= until {
        return Err("Was submitted more than 30 days ago, so the recruiter does not overturn it any more. \
                    Compensate this person instead."
            .into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rejection_can_be_overturned_for_thirty_days_while_its_hit_exists() {
        let until = DateTime::UNIX_EPOCH + WINDOW;
        assert_eq!(allowed(until, false, until - Duration::seconds(1)), Ok(()));
        assert!(allowed(until, false, until).unwrap_err().contains("30 days"));
        assert!(allowed(until, true, DateTime::UNIX_EPOCH).unwrap_err().contains("deleted"));
    }
}
