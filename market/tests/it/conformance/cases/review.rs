//! Looking at single assignments, approving and rejecting them.

use chrono::Duration;
use serde_json::{Value, json};

use crate::conformance::case::{Case, Refusal, fails, invalid, range, request, works};
use crate::conformance::world::{World, with};

const STATUS: Refusal =
    request("InvalidAssignmentState", "*This operation can be called with a status of: Submitted");
const NOT_SUBMITTED: Refusal =
    request("InvalidAssignmentState", "*This operation can be called with a status of: null");

pub(super) fn cases() -> Vec<Case> {
    let mut cases = looking();
    cases.extend(approving());
    cases.extend(rejecting());
    cases.extend(missing("GetAssignment", json!({})));
    cases.extend(missing("ApproveAssignment", json!({})));
    cases.extend(missing("RejectAssignment", json!({ "RequesterFeedback": "no" })));
    cases.extend(missing("GetFileUploadURL", json!({ "QuestionIdentifier": "q" })));
    cases
}

fn missing(operation: &'static str, more: Value) -> Vec<Case> {
    let missing = request("AssignmentDoesNotExist", "Assignment * does not exist.");
    let input = move |id: &str| with(more.clone(), json!({ "AssignmentId": id }));
    let (unknown, foreign, returned, deleted) = (input.clone(), input.clone(), input.clone(), input);
    vec![
        fails(operation, "an unknown assignment", missing, async move |_: &World| unknown("3UNKNOWN")),
        fails(operation, "another requester's assignment", missing, async move |world: &World| {
            foreign(&world.elsewhere().await.assignment_id)
        }),
        fails(operation, "an assignment that was given back", missing, async move |world: &World| {
            let work = world.taken().await;
            world.give_back(&work.worker_id, &work.assignment_id).await.unwrap();
            returned(&work.assignment_id)
        }),
        fails(operation, "an assignment of a deleted HIT", missing, async move |world: &World| {
            deleted(&world.deleted().await.assignment_id)
        }),
    ]
}

fn looking() -> Vec<Case> {
    let operation = "GetAssignment";
    let id = |id: String| json!({ "AssignmentId": id });
    vec![
        works(operation, "work that was handed in", async move |world: &World| {
            id(world.handed_in().await.assignment_id)
        })
        .gives("/Assignment/AssignmentStatus", "Submitted")
        .gives("/Assignment/Answer", "*QuestionFormAnswers*")
        .gives("/HIT/HITStatus", "Reviewable"),
        works(operation, "answers to a QuestionForm", async move |world: &World| {
            id(world.answered().await.assignment_id)
        })
        .gives("/Assignment/AssignmentStatus", "Submitted")
        .gives(
            "/Assignment/Answer",
            "*<Answer><QuestionIdentifier>q</QuestionIdentifier><FreeText>a &lt; b</FreeText></Answer>*",
        ),
        works(operation, "work that was approved", async move |world: &World| {
            id(world.approved().await.assignment_id)
        })
        .gives("/Assignment/AssignmentStatus", "Approved"),
        works(operation, "work that was rejected", async move |world: &World| {
            id(world.rejected().await.assignment_id)
        })
        .gives("/Assignment/AssignmentStatus", "Rejected")
        .gives("/Assignment/RequesterFeedback", "no"),
        fails(
            operation,
            "work that is under way",
            request("InvalidAssignmentState", "*with a status of: Reviewable,Approved,Rejected"),
            async move |world: &World| id(world.taken().await.assignment_id),
        ),
        fails(
            "GetFileUploadURL",
            "work that was handed in: uploads are no longer supported",
            request("InvalidParameterValue", "*no longer supported*"),
            async |world: &World| json!({ "AssignmentId": world.handed_in().await.assignment_id, "QuestionIdentifier": "q" }),
        ),
    ]
}

fn approving() -> Vec<Case> {
    let operation = "ApproveAssignment";
    let id = |id: &str| json!({ "AssignmentId": id });
    let over =
        |id: &str| json!({ "AssignmentId": id, "OverrideRejection": true, "RequesterFeedback": "After all" });
    let mut cases = vec![
        works(operation, "work that was handed in", async move |world: &World| {
            id(&world.handed_in().await.assignment_id)
        }),
        works(operation, "a rejection is taken back", async move |world: &World| {
            over(&world.rejected().await.assignment_id)
        }),
        fails(operation, "work that was approved", STATUS, async move |world: &World| {
            id(&world.approved().await.assignment_id)
        }),
        fails(operation, "work that was rejected", STATUS, async move |world: &World| {
            id(&world.rejected().await.assignment_id)
        }),
        fails(operation, "work that is under way", NOT_SUBMITTED, async move |world: &World| {
            id(&world.taken().await.assignment_id)
        }),
        fails(
            operation,
            "a rejection after more than 30 days",
            request("InvalidAssignmentState", "*within 30 days*"),
            async move |world: &World| {
                let work = world.rejected().await;
                world.step(Duration::days(30) + Duration::seconds(1)).await;
                over(&work.assignment_id)
            },
        )
        .alone(),
        fails(
            operation,
            "a rejection taken back without the money",
            request("InsufficientFunds", "This Requester has insufficient funds*"),
            async move |world: &World| {
                let work = world.rejected().await;
                world.ruin().await;
                over(&work.assignment_id)
            },
        ),
    ];
    cases.extend(feedback(operation));
    cases
}

fn rejecting() -> Vec<Case> {
    let operation = "RejectAssignment";
    let input = |id: &str, words: &str| json!({ "AssignmentId": id, "RequesterFeedback": words });
    let mut cases = vec![
        works(operation, "work that was handed in", async move |world: &World| {
            input(&world.handed_in().await.assignment_id, "no\tanswer\r\n")
        }),
        works(operation, "empty words", async move |world: &World| {
            input(&world.handed_in().await.assignment_id, "")
        }),
        fails(operation, "work that was approved", STATUS, async move |world: &World| {
            input(&world.approved().await.assignment_id, "no")
        }),
        fails(operation, "work that was rejected", STATUS, async move |world: &World| {
            input(&world.rejected().await.assignment_id, "no")
        }),
        fails(operation, "work that is under way", NOT_SUBMITTED, async move |world: &World| {
            input(&world.taken().await.assignment_id, "no")
        }),
    ];
    cases.extend(feedback(operation));
    cases
}

fn feedback(operation: &'static str) -> Vec<Case> {
    let input = async |world: &World, words: String| json!({ "AssignmentId": world.handed_in().await.assignment_id, "RequesterFeedback": words });
    vec![
        fails(
            operation,
            "feedback of 1025 characters",
            range("*RequesterFeedback*"),
            async move |world: &World| input(world, "x".repeat(1025)).await,
        ),
        fails(
            operation,
            "feedback with a control character",
            invalid("*RequesterFeedback*"),
            async move |world: &World| input(world, "no\u{7}".into()).await,
        ),
    ]
}
