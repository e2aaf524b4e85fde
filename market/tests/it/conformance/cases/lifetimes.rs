//! Growing, ending, relabelling and deleting HITs.

use chrono::Duration;
use market::engine::assignments::Wanted;
use serde_json::{Value, json};

use crate::conformance::case::{Case, Refusal, fails, range, request, works};
use crate::conformance::world::World;

const FUNDS: Refusal = request(
    "InsufficientFunds",
    "This Requester has insufficient funds in their account to complete this transaction.",
);

/// The message names the state the HIT is in, and those that would do.
macro_rules! state {
    ($is:literal, $allowed:literal) => {
        request(
            "InvalidHITState",
            concat!(
                "This HIT is currently in the state '",
                $is,
                "'. This operation can be called with a status of: ",
                $allowed,
            ),
        )
    };
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (operation, more) in [
        ("GetHIT", json!({})),
        ("DeleteHIT", json!({})),
        ("UpdateHITReviewStatus", json!({})),
        ("UpdateExpirationForHIT", json!({ "ExpireAt": 0 })),
        ("CreateAdditionalAssignmentsForHIT", json!({ "NumberOfAdditionalAssignments": 1 })),
        ("UpdateHITTypeOfHIT", json!({ "HITTypeId": "3ABC" })),
    ] {
        cases.extend(missing(operation, more));
    }
    [looking(), growing(), ending(), labelling(), retyping(), deleting()]
        .into_iter()
        .flatten()
        .chain(cases)
        .collect()
}

/// The HITs that are not there for this requester.
fn missing(operation: &'static str, more: Value) -> Vec<Case> {
    let missing = request("HITDoesNotExist", "Hit * does not exist.");
    let input = move |hit_id: &str| {
        let mut input = more.clone();
        input["HITId"] = hit_id.into();
        input
    };
    let (unknown, foreign, deleted) = (input.clone(), input.clone(), input);
    let mut cases = vec![
        fails(operation, "an unknown HIT", missing, async move |_: &World| unknown("3UNKNOWN")),
        fails(operation, "another requester's HIT", missing, async move |world: &World| {
            foreign(&world.elsewhere().await.hit_id)
        }),
    ];
    if operation != "DeleteHIT" {
        let case = fails(operation, "a deleted HIT", missing, async move |world: &World| {
            deleted(&world.deleted().await.hit_id)
        });
        cases.push(case);
    }
    cases
}

fn looking() -> Vec<Case> {
    vec![
        works(
            "GetHIT",
            "a HIT that nobody took",
            async |world: &World| json!({ "HITId": world.hit(3).await }),
        )
        .gives("/HIT/HITStatus", "Assignable")
        .gives("/HIT/NumberOfAssignmentsAvailable", 3),
        works(
            "GetHIT",
            "a HIT that somebody is at work on",
            async |world: &World| json!({ "HITId": world.taken().await.hit_id }),
        )
        .gives("/HIT/HITStatus", "Unassignable")
        .gives("/HIT/NumberOfAssignmentsPending", 1),
        works(
            "GetHIT",
            "a HIT whose work was handed in",
            async |world: &World| json!({ "HITId": world.handed_in().await.hit_id }),
        )
        .gives("/HIT/HITStatus", "Reviewable")
        .gives("/HIT/NumberOfAssignmentsCompleted", 0),
        works(
            "GetHIT",
            "a HIT whose work was reviewed",
            async |world: &World| json!({ "HITId": world.approved().await.hit_id }),
        )
        .gives("/HIT/HITStatus", "Reviewable")
        .gives("/HIT/NumberOfAssignmentsCompleted", 1),
    ]
}

fn growing() -> Vec<Case> {
    let operation = "CreateAdditionalAssignmentsForHIT";
    let more =
        |hit_id: &str, places: i64| json!({ "HITId": hit_id, "NumberOfAdditionalAssignments": places });
    vec![
        works(operation, "a HIT of one place grows to nine", async move |world: &World| {
            more(&world.hit(1).await, 8)
        }),
        works(operation, "a HIT of ten places grows", async move |world: &World| {
            more(&world.hit(10).await, 100)
        }),
        fails(
            operation,
            "a HIT of nine places would get ten",
            request("InvalidMaximumAssignmentsIncrease", "*fewer than 10 assignments*"),
            async move |world: &World| more(&world.hit(9).await, 1),
        ),
        fails(
            operation,
            "a repeated token",
            request("", "The idempotency token \"grow\" has already been processed."),
            async move |world: &World| {
                let hit_id = world.hit(1).await;
                let call = world.client.create_additional_assignments_for_hit().hit_id(&hit_id);
                call.number_of_additional_assignments(1).unique_request_token("grow").send().await.unwrap();
                json!({ "HITId": hit_id, "NumberOfAdditionalAssignments": 1, "UniqueRequestToken": "grow" })
            },
        ),
        fails(operation, "more than the account can pay", FUNDS, async move |world: &World| {
            more(&world.hit(10).await, 1000)
        }),
        fails(operation, "no place", range("*NumberOfAdditionalAssignments*"), async move |world: &World| {
            more(&world.hit(1).await, 0)
        }),
        fails(
            operation,
            "more places than a HIT can have",
            range("*1000000000*"),
            async move |world: &World| more(&world.hit(10).await, 1_000_000_000),
        ),
    ]
}

fn ending() -> Vec<Case> {
    let operation = "UpdateExpirationForHIT";
    let at = |hit_id: &str, at: i64| json!({ "HITId": hit_id, "ExpireAt": at });
    let later = async |world: &World, hours| (world.now().await + Duration::hours(hours)).timestamp();
    vec![
        works(operation, "a HIT ends now", async move |world: &World| at(&world.hit(1).await, 0)),
        works(operation, "a HIT gets more time", async move |world: &World| {
            at(&world.hit(1).await, later(world, 48).await)
        }),
        works(operation, "a HIT that is over is opened again", async move |world: &World| {
            let hit_id = over(world).await;
            at(&hit_id, later(world, 1).await)
        }),
        fails(operation, "a HIT that cannot be paid again", FUNDS, async move |world: &World| {
            let hit_id = over(world).await;
            world.ruin().await;
            at(&hit_id, later(world, 1).await)
        }),
        fails(
            operation,
            "the same time again (a setting)",
            request("", "The idempotency token \"*\" has already been processed."),
            async move |world: &World| {
                let (hit_id, at_time) = (world.hit(1).await, later(world, 2).await);
                let time = aws_sdk_mturk::primitives::DateTime::from_secs(at_time);
                world
                    .client
                    .update_expiration_for_hit()
                    .hit_id(&hit_id)
                    .expire_at(time)
                    .send()
                    .await
                    .unwrap();
                at(&hit_id, at_time)
            },
        )
        .with(|settings| settings.quirks.expiration_makes_a_token = true),
    ]
}

/// A HIT that was ended before anybody took it.
async fn over(world: &World) -> String {
    let hit_id = world.hit(1).await;
    let never = aws_sdk_mturk::primitives::DateTime::from_secs(0);
    world.client.update_expiration_for_hit().hit_id(&hit_id).expire_at(never).send().await.unwrap();
    hit_id
}

fn labelling() -> Vec<Case> {
    let operation = "UpdateHITReviewStatus";
    let label = async |world: &World, hit_id: &str| {
        world.client.update_hit_review_status().hit_id(hit_id).send().await.unwrap();
    };
    vec![
        works(
            operation,
            "a HIT is labelled as under review",
            async |world: &World| json!({ "HITId": world.handed_in().await.hit_id }),
        ),
        works(operation, "the label is taken off", async move |world: &World| {
            let hit_id = world.handed_in().await.hit_id;
            label(world, &hit_id).await;
            json!({ "HITId": hit_id, "Revert": true })
        }),
        fails(
            operation,
            "a HIT that can be taken",
            state!("Assignable", "Reviewable"),
            async |world: &World| json!({ "HITId": world.hit(1).await }),
        ),
        fails(
            operation,
            "a HIT that is labelled",
            state!("Reviewing", "Reviewable"),
            async move |world: &World| {
                let hit_id = world.handed_in().await.hit_id;
                label(world, &hit_id).await;
                json!({ "HITId": hit_id })
            },
        ),
        fails(
            operation,
            "a label that is not there",
            state!("Reviewable", "Reviewing"),
            async |world: &World| json!({ "HITId": world.handed_in().await.hit_id, "Revert": true }),
        ),
    ]
}

fn retyping() -> Vec<Case> {
    let operation = "UpdateHITTypeOfHIT";
    let input = |hit_id: &str, hit_type_id: &str| json!({ "HITId": hit_id, "HITTypeId": hit_type_id });
    let missing = request("HITTypeDoesNotExist", "*HIT*type*does not exist.");
    vec![
        works(operation, "a HIT that nobody took", async move |world: &World| {
            input(&world.hit(1).await, &world.hit_type().await)
        }),
        fails(operation, "an unknown type", missing, async move |world: &World| {
            input(&world.hit(1).await, "3UNKNOWN")
        }),
        fails(operation, "another requester's type", missing, async move |world: &World| {
            let other = World(world.beside().await);
            input(&world.hit(1).await, &other.hit_type().await)
        }),
        fails(
            operation,
            "a HIT that somebody accepted",
            request("InvalidHITState", "*a worker has accepted it*"),
            async move |world: &World| input(&world.taken().await.hit_id, &world.hit_type().await),
        ),
        fails(operation, "a type that cannot be paid", FUNDS, async move |world: &World| {
            input(&world.hit(1).await, &world.hit_type_paying("900.00").await)
        }),
    ]
}

fn deleting() -> Vec<Case> {
    let operation = "DeleteHIT";
    vec![
        works(
            operation,
            "a HIT that is over and reviewed",
            async |world: &World| json!({ "HITId": world.approved().await.hit_id }),
        ),
        works(
            operation,
            "a HIT that ended before anybody took it",
            async |world: &World| json!({ "HITId": over(world).await }),
        ),
        fails(
            operation,
            "a HIT that can be taken",
            state!("Assignable", "Reviewing, Reviewable"),
            async |world: &World| json!({ "HITId": world.hit(1).await }),
        ),
        fails(
            operation,
            "a HIT that somebody is at work on",
            state!("Unassignable", "Reviewing, Reviewable"),
            async |world: &World| json!({ "HITId": world.taken().await.hit_id }),
        ),
        fails(
            operation,
            "a HIT that was deleted before",
            state!("Disposed", "Reviewing, Reviewable"),
            async |world: &World| json!({ "HITId": world.deleted().await.hit_id }),
        ),
        fails(
            operation,
            "a HIT with work to review",
            request("InvalidHITState", "*not reviewed*"),
            async |world: &World| json!({ "HITId": world.handed_in().await.hit_id }),
        ),
        works("UpdateExpirationForHIT", "a HIT with work in progress ends", async |world: &World| {
            let (hit_id, worker_id) = (world.hit(2).await, world.anybody().await);
            world.accept(&worker_id, Wanted::Hit(&hit_id)).await.unwrap();
            json!({ "HITId": hit_id, "ExpireAt": 0 })
        }),
    ]
}
