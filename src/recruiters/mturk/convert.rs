//! The SDK's types into ours. What a record needs and lacks makes it unreadable, never a guess.

use aws_sdk_mturk::primitives::DateTime as SdkTime;
use aws_sdk_mturk::types::{Assignment, AssignmentStatus, BonusPayment, Hit, HitStatus};
use aws_smithy_types_convert::date_time::DateTimeExt;
use chrono::{DateTime, Utc};
use kernel::money::Cents;

use super::xml;
use crate::recruiters::{BonusPaid, Listed, Published, Submission, SubmissionStatus};

pub(super) fn published(hit: &Hit) -> Option<Published> {
    Some(Published {
        unit_id: hit.hit_id()?.to_owned(),
        group_id: hit.hit_group_id().map(str::to_owned),
        expires_at: time(hit.expiration()),
        live: matches!(hit.hit_status(), Some(HitStatus::Assignable | HitStatus::Unassignable) | None),
    })
}

/// `None` for a HIT without an id.
pub(super) fn listed(hit: &Hit) -> Option<Listed> {
    let published = published(hit)?;
    Some(Listed {
        unit_id: published.unit_id,
        offer_id: hit.hit_type_id().map(str::to_owned),
        mark: hit.requester_annotation().map(str::to_owned),
        title: hit.title().unwrap_or_default().to_owned(),
        places: hit.max_assignments().unwrap_or_default(),
        made_at: time(hit.creation_time()),
        reward: hit.reward().and_then(dollars),
        live: published.live,
    })
}

pub(super) fn submission(assignment: &Assignment) -> Option<Submission> {
    Some(Submission {
        assignment_id: assignment.assignment_id()?.to_owned(),
        unit_id: assignment.hit_id()?.to_owned(),
        worker_id: assignment.worker_id()?.to_owned(),
        status: status(assignment.assignment_status()?)?,
        submitted_at: time(assignment.submit_time()),
        auto_approve_at: time(assignment.auto_approval_time()),
        approved_at: time(assignment.approval_time()),
        rejected_at: time(assignment.rejection_time()),
        answers: answers(assignment),
    })
}

/// A form that cannot be read must not keep anybody from being paid.
fn answers(assignment: &Assignment) -> Vec<(String, String)> {
    xml::answers(assignment.answer().unwrap_or_default()).unwrap_or_else(|problem| {
        // Its HIT, not the assignment, which names a worker.
        let hit = assignment.hit_id();
        tracing::warn!(hit, %problem, "The answers of a submission are not well-formed");
        Vec::new()
    })
}

fn status(status: &AssignmentStatus) -> Option<SubmissionStatus> {
    match status {
        AssignmentStatus::Submitted => Some(SubmissionStatus::Submitted),
        AssignmentStatus::Approved => Some(SubmissionStatus::Approved),
        AssignmentStatus::Rejected => Some(SubmissionStatus::Rejected),
        _ => None,
    }
}

pub(super) fn bonus_paid(payment: &BonusPayment) -> Option<BonusPaid> {
    Some(BonusPaid {
        assignment_id: payment.assignment_id()?.to_owned(),
        worker_id: payment.worker_id()?.to_owned(),
        amount: dollars(payment.bonus_amount()?)?,
        reason: payment.reason().unwrap_or_default().to_owned(),
    })
}

/// A balance may be below zero; no other amount is.
pub(super) fn dollars(text: &str) -> Option<Cents> {
    match text.strip_prefix('-') {
        Some(debt) => debt.parse().ok().map(|cents: Cents| -cents),
        None => text.parse().ok(),
    }
}

fn time(time: Option<&SdkTime>) -> Option<DateTime<Utc>> {
    time.and_then(|time| time.to_chrono_utc().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assignment() -> aws_sdk_mturk::types::builders::AssignmentBuilder {
        Assignment::builder()
            .assignment_id("3A")
            .hit_id("3H")
            .worker_id("A1")
            .assignment_status(AssignmentStatus::Submitted)
    }

    #[test]
    fn a_submission_without_its_worker_or_status_is_unreadable() {
        assert!(submission(&assignment().build()).is_some());
        assert_eq!(submission(&assignment().set_worker_id(None).build()), None);
        assert_eq!(submission(&assignment().assignment_status("Paused".into()).build()), None);
    }

    #[test]
    fn broken_answers_do_not_hide_the_submission() {
        let broken = assignment().answer("<Answer></Nothing>").build();
        assert_eq!(submission(&broken).unwrap().answers, []);
    }

    #[test]
    fn only_a_hit_that_workers_may_hold_is_live() {
        for (status, live) in [
            (HitStatus::Assignable, true),
            (HitStatus::Unassignable, true),
            (HitStatus::Reviewable, false),
            (HitStatus::Reviewing, false),
            (HitStatus::Disposed, false),
        ] {
            let hit = Hit::builder().hit_id("3H").hit_status(status.clone()).build();
            assert_eq!(published(&hit).unwrap().live, live, "{status}");
        }
    }

    #[test]
    fn dollars_are_read_to_the_cent() {
        for (text, cents) in
            [("10000.00", Some(1_000_000)), ("0.5", Some(50)), ("-1.20", Some(-120)), ("abc", None)]
        {
            assert_eq!(dollars(text), cents.map(Cents), "{text}");
        }
    }
}
