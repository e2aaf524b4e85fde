//! HITs and assignments as the protocol shows them.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use crate::engine::assignments::{Assignment, AssignmentState};
use crate::engine::counters::Then;
use crate::engine::hits::Hit;

/// Whole seconds since the epoch: the real service tells no fractions.
pub(crate) fn time(at: DateTime<Utc>) -> Value {
    json!(at.timestamp())
}

/// Members without a value are left out.
pub(crate) fn object<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    let present = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(present.collect::<Map<_, _>>())
}

/// The HIT at `now`, its counters as they were `then`.
pub(crate) fn hit(hit: &Hit, now: DateTime<Utc>, then: &Then) -> Value {
    let counters = then.of(hit, now);
    object([
        ("HITId", Some(json!(hit.hit_id))),
        ("HITTypeId", Some(json!(hit.hit_type_id))),
        ("HITGroupId", Some(json!(hit.hit_group_id))),
        ("CreationTime", Some(time(hit.created_at))),
        ("Title", Some(json!(hit.title))),
        ("Description", Some(json!(hit.description))),
        ("Question", Some(json!(hit.question))),
        ("Keywords", hit.keywords.as_ref().map(|keywords| json!(keywords))),
        ("HITStatus", Some(json!(hit.status(now).as_str()))),
        ("MaxAssignments", Some(json!(hit.max_assignments))),
        ("Reward", Some(json!(hit.reward.to_string()))),
        ("AutoApprovalDelayInSeconds", Some(json!(hit.auto_approval_delay))),
        ("Expiration", Some(time(hit.expiration))),
        ("AssignmentDurationInSeconds", Some(json!(hit.assignment_duration))),
        ("RequesterAnnotation", hit.requester_annotation.as_ref().map(|note| json!(note))),
        ("QualificationRequirements", Some(hit.qualification_requirements.clone())),
        ("HITReviewStatus", Some(json!("NotReviewed"))),
        ("NumberOfAssignmentsPending", Some(json!(counters.pending))),
        ("NumberOfAssignmentsAvailable", Some(json!(counters.available))),
        ("NumberOfAssignmentsCompleted", Some(json!(counters.completed))),
    ])
}

/// The protocol's word for a state; `None` for states it does not show.
pub(crate) fn assignment_status(state: AssignmentState) -> Option<&'static str> {
    match state {
        AssignmentState::Submitted => Some("Submitted"),
        AssignmentState::Approved => Some("Approved"),
        AssignmentState::Rejected => Some("Rejected"),
        AssignmentState::Accepted | AssignmentState::Returned | AssignmentState::Abandoned => None,
    }
}

/// An assignment that was handed in.
pub(crate) fn assignment(assignment: &Assignment) -> Value {
    object([
        ("AssignmentId", Some(json!(assignment.assignment_id))),
        ("WorkerId", Some(json!(assignment.worker_id))),
        ("HITId", Some(json!(assignment.hit_id))),
        ("AssignmentStatus", assignment_status(assignment.state).map(|status| json!(status))),
        ("AutoApprovalTime", assignment.auto_approval_at.map(time)),
        ("AcceptTime", Some(time(assignment.accepted_at))),
        ("SubmitTime", assignment.submitted_at.map(time)),
        ("ApprovalTime", assignment.approved_at.map(time)),
        ("RejectionTime", assignment.rejected_at.map(time)),
        ("Deadline", Some(time(assignment.deadline))),
        ("Answer", assignment.answer.as_ref().map(|answer| json!(answer))),
        ("RequesterFeedback", assignment.feedback.as_ref().map(|feedback| json!(feedback))),
    ])
}
