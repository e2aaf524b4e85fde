//! Writing to workers and blocking them.

use serde_json::{Value, json};

use super::lists::pages;
use crate::conformance::case::{Case, fails, invalid, range, works};
use crate::conformance::world::{World, with};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = messages();
    cases.extend(blocks());
    cases.extend(pages("ListWorkerBlocks", async |world: &World| {
        block(world).await;
        block(world).await;
        json!({})
    }));
    cases
}

fn messages() -> Vec<Case> {
    let operation = "NotifyWorkers";
    let say = |situation, refusal, changes: fn() -> Value| {
        fails(operation, situation, refusal, async move |world: &World| {
            with(message(&[world.approved().await.worker_id]), changes())
        })
    };
    vec![
        works(operation, "a worker whose work was approved", async |world: &World| {
            message(&[world.approved().await.worker_id])
        })
        .gives("/NotifyWorkersFailureStatuses", json!([])),
        works(operation, "failures inside the success", async |world: &World| {
            message(&["AUNKNOWN".into(), world.anybody().await])
        })
        .gives("/NotifyWorkersFailureStatuses/0/NotifyWorkersFailureCode", "*Failure")
        .gives("/NotifyWorkersFailureStatuses/0/WorkerId", "AUNKNOWN")
        .gives("/NotifyWorkersFailureStatuses/1/NotifyWorkersFailureMessage", "*approved or rejected*"),
        say("a subject of 201 characters", range("*Subject*"), || json!({ "Subject": "x".repeat(201) })),
        say(
            "a text of 4097 characters",
            range("*MessageText*"),
            || json!({ "MessageText": "x".repeat(4097) }),
        ),
        say(
            "101 workers",
            range("*WorkerIds*"),
            || json!({ "WorkerIds": (0..101).map(|n| format!("A{n}")).collect::<Vec<_>>() }),
        ),
        say("no worker", range("*WorkerIds*"), || json!({ "WorkerIds": [] })),
    ]
}

fn message(worker_ids: &[String]) -> Value {
    json!({ "Subject": "Thank you", "MessageText": "There will be another game.", "WorkerIds": worker_ids })
}

async fn block(world: &World) -> String {
    let worker_id = world.anybody().await;
    world.client.create_worker_block().worker_id(&worker_id).reason("Two accounts").send().await.unwrap();
    worker_id
}

fn blocks() -> Vec<Case> {
    vec![
        works(
            "CreateWorkerBlock",
            "a worker",
            async |world: &World| json!({ "WorkerId": world.anybody().await, "Reason": "Two accounts" }),
        ),
        works(
            "CreateWorkerBlock",
            "a worker who is blocked",
            async |world: &World| json!({ "WorkerId": block(world).await, "Reason": "Another reason" }),
        ),
        fails(
            "CreateWorkerBlock",
            "an unknown worker",
            invalid("*\"AUNKNOWN\"*WorkerId*"),
            async |_: &World| json!({ "WorkerId": "AUNKNOWN", "Reason": "x" }),
        ),
        works(
            "DeleteWorkerBlock",
            "a worker who is blocked",
            async |world: &World| json!({ "WorkerId": block(world).await, "Reason": "A mistake" }),
        ),
        works(
            "DeleteWorkerBlock",
            "a worker who is not blocked",
            async |world: &World| json!({ "WorkerId": world.anybody().await }),
        ),
        fails(
            "DeleteWorkerBlock",
            "an unknown worker",
            invalid("*\"AUNKNOWN\"*WorkerId*"),
            async |_: &World| json!({ "WorkerId": "AUNKNOWN" }),
        ),
        works("ListWorkerBlocks", "a blocked worker", async |world: &World| {
            block(world).await;
            json!({})
        })
        .gives("/NumResults", 1)
        .gives("/WorkerBlocks/0/Reason", "Two accounts"),
    ]
}
