//! The account, bonuses and payments.

use serde_json::{Value, json};

use super::lists::pages;
use crate::conformance::case::{Case, combination, fails, invalid, request, works};
use crate::conformance::world::{Work, World, with};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        works("GetAccountBalance", "nothing spent", async |_: &World| json!({}))
            .gives("/AvailableBalance", "1000.00")
            .gives("/OnHoldBalance", "0.00"),
        works("GetAccountBalance", "work published and paid", async |world: &World| {
            world.approved().await;
            world.hit(9).await;
            json!({})
        })
        .gives("/AvailableBalance", "988.00")
        .gives("/OnHoldBalance", "10.80"),
    ];
    cases.extend(bonuses());
    cases.extend(payments());
    cases.extend(pages("ListBonusPayments", async |world: &World| {
        let work = world.handed_in().await;
        send(world, &work, "1").await;
        send(world, &work, "2").await;
        json!({ "AssignmentId": work.assignment_id })
    }));
    cases
}

async fn send(world: &World, work: &Work, token: &str) {
    let call = world.client.send_bonus().worker_id(&work.worker_id).assignment_id(&work.assignment_id);
    call.bonus_amount("0.50").reason("Played well").unique_request_token(token).send().await.unwrap();
}

fn bonus(work: &Work, changes: Value) -> Value {
    let base = json!({ "WorkerId": work.worker_id, "AssignmentId": work.assignment_id, "BonusAmount": "0.50",
                       "Reason": "Played well", "UniqueRequestToken": "bonus" });
    with(base, changes)
}

fn bonuses() -> Vec<Case> {
    let operation = "SendBonus";
    let no_work = request("AssignmentDoesNotExist", "Assignment * does not exist.");
    vec![
        works(operation, "work that was handed in", async |world: &World| {
            bonus(&world.handed_in().await, json!({}))
        }),
        works(operation, "work that was rejected, without a token", async |world: &World| {
            bonus(&world.rejected().await, json!({ "UniqueRequestToken": null }))
        }),
        works(operation, "a token that is a day old", async |world: &World| {
            let work = world.handed_in().await;
            send(world, &work, "bonus").await;
            world.step(chrono::Duration::hours(24)).await;
            bonus(&work, json!({}))
        })
        .alone(),
        fails(
            operation,
            "a repeated token",
            request("", "The idempotency token \"bonus\" has already been processed."),
            async |world: &World| {
                let work = world.handed_in().await;
                send(world, &work, "bonus").await;
                bonus(&work, json!({}))
            },
        ),
        fails(
            operation,
            "a token of another call",
            request("", "The idempotency token \"bonus\" has already been processed."),
            async |world: &World| {
                let work = world.handed_in().await;
                send(world, &work, "bonus").await;
                bonus(&work, json!({ "BonusAmount": "0.51" }))
            },
        ),
        fails(operation, "an unknown assignment", no_work, async |world: &World| {
            bonus(&world.handed_in().await, json!({ "AssignmentId": "3UNKNOWN" }))
        }),
        fails(operation, "another requester's assignment", no_work, async |world: &World| {
            bonus(&world.elsewhere().await, json!({}))
        }),
        fails(operation, "work that is under way", no_work, async |world: &World| {
            bonus(&world.taken().await, json!({}))
        }),
        fails(
            operation,
            "a worker who does not hold the assignment",
            request("InvalidParameterValue", "*does not belong to the worker*"),
            async |world: &World| {
                bonus(&world.handed_in().await, json!({ "WorkerId": world.anybody().await }))
            },
        ),
        fails(operation, "an unknown worker", invalid("*\"AUNKNOWN\"*WorkerId*"), async |world: &World| {
            bonus(&world.handed_in().await, json!({ "WorkerId": "AUNKNOWN" }))
        }),
        fails(operation, "no money", invalid("*BonusAmount*"), async |world: &World| {
            bonus(&world.handed_in().await, json!({ "BonusAmount": "0.00" }))
        }),
        fails(
            operation,
            "more than the account has",
            request("InsufficientFunds", "This Requester has insufficient funds*"),
            async |world: &World| bonus(&world.handed_in().await, json!({ "BonusAmount": "900.00" })),
        ),
    ]
}

fn payments() -> Vec<Case> {
    let operation = "ListBonusPayments";
    let no_hit = request("HITDoesNotExist", "Hit * does not exist.");
    let no_work = request("AssignmentDoesNotExist", "Assignment * does not exist.");
    vec![
        works(operation, "of one HIT", async |world: &World| {
            let work = world.handed_in().await;
            send(world, &work, "1").await;
            json!({ "HITId": work.hit_id })
        })
        .gives("/NumResults", 1)
        .gives("/BonusPayments/0/BonusAmount", "0.50")
        .gives("/BonusPayments/0/Reason", "Played well"),
        works(operation, "of one assignment", async |world: &World| {
            let work = world.handed_in().await;
            send(world, &work, "1").await;
            json!({ "AssignmentId": work.assignment_id })
        })
        .gives("/NumResults", 1),
        fails(
            operation,
            "both a HIT and an assignment",
            combination("*HITId*AssignmentId*"),
            async |world: &World| {
                let work = world.handed_in().await;
                json!({ "HITId": work.hit_id, "AssignmentId": work.assignment_id })
            },
        ),
        fails(operation, "neither HIT nor assignment", invalid("*HITId*AssignmentId*"), async |_: &World| {
            json!({})
        }),
        fails(operation, "an unknown HIT", no_hit, async |_: &World| json!({ "HITId": "3UNKNOWN" })),
        fails(
            operation,
            "another requester's HIT",
            no_hit,
            async |world: &World| json!({ "HITId": world.elsewhere().await.hit_id }),
        ),
        fails(
            operation,
            "an unknown assignment",
            no_work,
            async |_: &World| json!({ "AssignmentId": "3UNKNOWN" }),
        ),
        fails(
            operation,
            "another requester's assignment",
            no_work,
            async |world: &World| json!({ "AssignmentId": world.elsewhere().await.assignment_id }),
        ),
    ]
}
