//! Who has qualifications, and who asks for them.

use serde_json::{Value, json};

use super::lists::pages;
use super::qualification_types::UNKNOWN;
use crate::conformance::case::{Case, Refusal, fails, invalid, request, works};
use crate::conformance::world::{World, with};

const NEVER: Refusal = request("QualificationDoesNotExist", "*does not have the Qualification*");
const REVOKED: Refusal =
    request("InvalidQualificationState", "*This operation can be called with a status of: Granted");

pub(super) fn cases() -> Vec<Case> {
    let mut cases = granting();
    cases.extend(holding("DisassociateQualificationFromWorker", json!({ "Reason": "Enough" })));
    cases.extend(holding("GetQualificationScore", json!({})));
    cases.extend(holders());
    cases.extend(requests());
    cases.extend(deciding("AcceptQualificationRequest", json!({ "IntegerValue": 5 })));
    cases.extend(deciding("RejectQualificationRequest", json!({ "Reason": "Not yet" })));
    cases
}

fn pair(kind: &str, worker_id: &str) -> Value {
    json!({ "QualificationTypeId": kind, "WorkerId": worker_id })
}

async fn revoked(world: &World, kind: &str) -> String {
    let worker_id = world.holder(kind).await;
    let call = world.client.disassociate_qualification_from_worker().qualification_type_id(kind);
    call.worker_id(&worker_id).send().await.unwrap();
    worker_id
}

fn granting() -> Vec<Case> {
    let operation = "AssociateQualificationWithWorker";
    vec![
        works(operation, "a worker gets it, unnoticed", async |world: &World| {
            let input = pair(&world.kind().await, &world.anybody().await);
            with(input, json!({ "IntegerValue": 7, "SendNotification": false }))
        }),
        works(operation, "a worker gets it and is told", async |world: &World| {
            pair(&world.kind().await, &world.anybody().await)
        }),
        works(operation, "a worker gets it again", async |world: &World| {
            let kind = world.kind().await;
            let worker_id = revoked(world, &kind).await;
            pair(&kind, &worker_id)
        }),
        fails(operation, "an unknown kind", UNKNOWN, async |world: &World| {
            pair("3UNKNOWN", &world.anybody().await)
        }),
        fails(operation, "another requester's kind", UNKNOWN, async |world: &World| {
            pair(&world.foreign_kind().await, &world.anybody().await)
        }),
        fails(operation, "an unknown worker", invalid("*\"AUNKNOWN\"*WorkerId*"), async |world: &World| {
            pair(&world.kind().await, "AUNKNOWN")
        }),
    ]
}

/// Operations on what a worker has.
fn holding(operation: &'static str, more: Value) -> Vec<Case> {
    let score = operation == "GetQualificationScore";
    let first = works(operation, "a worker who has it", async move |world: &World| {
        let kind = world.kind().await;
        with(pair(&kind, &world.holder(&kind).await), more.clone())
    });
    let first = if score {
        first.gives("/Qualification/IntegerValue", 7).gives("/Qualification/Status", "Granted")
    } else {
        first
    };
    vec![
        first,
        fails(operation, "a worker who never had it", NEVER, async |world: &World| {
            pair(&world.kind().await, &world.anybody().await)
        }),
        fails(operation, "a worker who lost it", REVOKED, async |world: &World| {
            let kind = world.kind().await;
            let worker_id = revoked(world, &kind).await;
            pair(&kind, &worker_id)
        }),
        fails(operation, "an unknown kind", UNKNOWN, async |world: &World| {
            pair("3UNKNOWN", &world.anybody().await)
        }),
        fails(operation, "another requester's kind", UNKNOWN, async |world: &World| {
            pair(&world.foreign_kind().await, &world.anybody().await)
        }),
        fails(operation, "an unknown worker", invalid("*\"AUNKNOWN\"*WorkerId*"), async |world: &World| {
            pair(&world.kind().await, "AUNKNOWN")
        }),
    ]
}

fn holders() -> Vec<Case> {
    let operation = "ListWorkersWithQualificationType";
    let mut cases = vec![
        works(operation, "those who have it", async |world: &World| {
            let kind = world.kind().await;
            world.holder(&kind).await;
            revoked(world, &kind).await;
            json!({ "QualificationTypeId": kind })
        })
        .gives("/NumResults", 1)
        .gives("/Qualifications/0/Status", "Granted"),
        works(operation, "those who lost it", async |world: &World| {
            let kind = world.kind().await;
            revoked(world, &kind).await;
            json!({ "QualificationTypeId": kind, "Status": "Revoked" })
        })
        .gives("/Qualifications/0/Status", "Revoked"),
        fails(
            operation,
            "an unknown kind",
            UNKNOWN,
            async |_: &World| json!({ "QualificationTypeId": "3UNKNOWN" }),
        ),
        fails(
            operation,
            "another requester's kind",
            UNKNOWN,
            async |world: &World| json!({ "QualificationTypeId": world.foreign_kind().await }),
        ),
    ];
    cases.extend(pages(operation, async |world: &World| {
        let kind = world.kind().await;
        world.holder(&kind).await;
        world.holder(&kind).await;
        json!({ "QualificationTypeId": kind })
    }));
    cases
}

fn requests() -> Vec<Case> {
    let operation = "ListQualificationRequests";
    let mut cases = vec![
        works(operation, "of every kind of one's own", async |world: &World| {
            world.asked(&world.kind().await).await;
            json!({})
        })
        .gives("/NumResults", 1),
        works(operation, "of one kind", async |world: &World| {
            world.asked(&world.kind().await).await;
            json!({ "QualificationTypeId": world.qualification("Another").await })
        })
        .gives("/NumResults", 0),
        fails(
            operation,
            "an unknown kind",
            UNKNOWN,
            async |_: &World| json!({ "QualificationTypeId": "3UNKNOWN" }),
        ),
        fails(
            operation,
            "another requester's kind",
            UNKNOWN,
            async |world: &World| json!({ "QualificationTypeId": world.foreign_kind().await }),
        ),
    ];
    cases.extend(pages(operation, async |world: &World| {
        let kind = world.kind().await;
        world.asked(&kind).await;
        world.asked(&kind).await;
        json!({ "QualificationTypeId": kind })
    }));
    cases
}

/// Operations that decide a request.
fn deciding(operation: &'static str, more: Value) -> Vec<Case> {
    let missing = request("QualificationRequestDoesNotExist", "QualificationRequest * does not exist.");
    let decided = request(
        "InvalidQualificationRequestState",
        "*This operation can be called with a status of: Submitted",
    );
    let input = |id: &str| json!({ "QualificationRequestId": id });
    vec![
        works(operation, "a request that waits", async move |world: &World| {
            with(input(&world.asked(&world.kind().await).await), more.clone())
        }),
        fails(operation, "an unknown request", missing, async move |_: &World| input("3UNKNOWN")),
        fails(operation, "a request to another requester", missing, async move |world: &World| {
            let other = World(world.beside().await);
            input(&other.asked(&other.kind().await).await)
        }),
        fails(operation, "a request that was decided", decided, async move |world: &World| {
            let id = world.asked(&world.kind().await).await;
            world.client.accept_qualification_request().qualification_request_id(&id).send().await.unwrap();
            input(&id)
        }),
    ]
}
