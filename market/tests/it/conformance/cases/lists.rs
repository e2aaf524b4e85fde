//! Lists of HITs and assignments, and what every list has: pages, both endings, forged tokens.

use serde_json::{Value, json};

use crate::conformance::case::{Case, Refusal, fails, invalid, request, works};
use crate::conformance::world::World;

const NO_HIT: Refusal = request("HITDoesNotExist", "Hit * does not exist.");

pub(super) fn cases() -> Vec<Case> {
    let mut cases = hits();
    cases.extend(assignments());
    cases.extend(review_policies());
    cases.extend(pages("ListHITs", async |world: &World| {
        world.hit(1).await;
        world.hit(1).await;
        json!({})
    }));
    cases.extend(pages("ListReviewableHITs", async |world: &World| {
        world.handed_in().await;
        world.handed_in().await;
        json!({})
    }));
    cases.extend(pages("ListAssignmentsForHIT", two_handed_in));
    cases
}

/// A HIT that two people handed in.
async fn two_handed_in(world: &World) -> Value {
    let hit_id = world.hit(2).await;
    for _ in 0..2 {
        let taken =
            world.accept(&world.anybody().await, market::engine::assignments::Wanted::Hit(&hit_id)).await;
        world.submit(&taken.unwrap().assignment_id).await.unwrap();
    }
    json!({ "HITId": hit_id })
}

/// What every list has; the list must have two rows.
pub(super) fn pages(
    operation: &'static str,
    two_rows: impl AsyncFn(&World) -> Value + Copy + 'static,
) -> Vec<Case> {
    let page = async move |world: &World, changes: Value| {
        crate::conformance::world::with(two_rows(world).await, changes)
    };
    vec![
        works(operation, "the first of two pages", async move |world: &World| {
            page(world, json!({ "MaxResults": 1 })).await
        })
        .gives("/NumResults", 1)
        .gives("/NextToken", "*"),
        works(operation, "the second of two pages", async move |world: &World| {
            let input = page(world, json!({ "MaxResults": 1 })).await;
            world.next_page(operation, input).await
        })
        .gives("/NumResults", 1)
        .gives("/NextToken", Value::Null),
        works(operation, "a full last page with a token (a setting)", async move |world: &World| {
            page(world, json!({ "MaxResults": 2 })).await
        })
        .with(|settings| settings.quirks.empty_last_page = true)
        .gives("/NumResults", 2)
        .gives("/NextToken", "*"),
        works(operation, "the empty page after it (a setting)", async move |world: &World| {
            let input = page(world, json!({ "MaxResults": 2 })).await;
            world.next_page(operation, input).await
        })
        .with(|settings| settings.quirks.empty_last_page = true)
        .gives("/NumResults", 0)
        .gives("/NextToken", Value::Null),
        fails(operation, "a forged token", invalid("*NextToken*"), async move |world: &World| {
            page(world, json!({ "NextToken": "5.forged" })).await
        }),
    ]
}

fn hits() -> Vec<Case> {
    vec![
        works("ListHITs", "nothing published", async |_: &World| json!({})).gives("/NumResults", 0),
        works("ListHITs", "HITs in several states, without the deleted", async |world: &World| {
            world.deleted().await;
            world.taken().await;
            world.hit(1).await;
            json!({ "MaxResults": 100 })
        })
        .gives("/NumResults", 2)
        .gives("/HITs/0/HITStatus", "Unassignable")
        .gives("/HITs/1/HITStatus", "Assignable"),
        works("ListReviewableHITs", "HITs that are over, of any type", async |world: &World| {
            world.handed_in().await;
            world.hit(1).await;
            json!({})
        })
        .gives("/NumResults", 1)
        .gives("/HITs/0/HITStatus", "Reviewable"),
        works("ListReviewableHITs", "HITs of one type that are labelled", async |world: &World| {
            let hit_id = world.handed_in().await.hit_id;
            world.client.update_hit_review_status().hit_id(&hit_id).send().await.unwrap();
            json!({ "HITTypeId": world.look(&hit_id).await.hit_type_id, "Status": "Reviewing" })
        })
        .gives("/HITs/0/HITStatus", "Reviewing"),
    ]
}

fn assignments() -> Vec<Case> {
    let operation = "ListAssignmentsForHIT";
    vec![
        works(operation, "work that was handed in", async |world: &World| {
            json!({ "HITId": world.handed_in().await.hit_id })
        })
        .gives("/Assignments/0/AssignmentStatus", "Submitted")
        .gives("/Assignments/0/Answer", "*QuestionFormAnswers*done*"),
        works(operation, "work that is under way is not shown", async |world: &World| {
            json!({ "HITId": world.taken().await.hit_id })
        })
        .gives("/NumResults", 0),
        works(operation, "one status of three", async |world: &World| {
            json!({ "HITId": world.rejected().await.hit_id, "AssignmentStatuses": ["Rejected"] })
        })
        .gives("/Assignments/0/AssignmentStatus", "Rejected")
        .gives("/Assignments/0/RequesterFeedback", "no"),
        works(operation, "none of the status asked for", async |world: &World| {
            json!({ "HITId": world.rejected().await.hit_id, "AssignmentStatuses": ["Approved", "Submitted"] })
        })
        .gives("/NumResults", 0),
        fails(operation, "an unknown HIT", NO_HIT, async |_: &World| json!({ "HITId": "3UNKNOWN" })),
        fails(operation, "another requester's HIT", NO_HIT, async |world: &World| {
            json!({ "HITId": world.elsewhere().await.hit_id })
        }),
        fails(operation, "a deleted HIT", NO_HIT, async |world: &World| {
            json!({ "HITId": world.deleted().await.hit_id })
        }),
    ]
}

fn review_policies() -> Vec<Case> {
    let operation = "ListReviewPolicyResultsForHIT";
    vec![
        works(operation, "a report of nothing: there are no review policies", async |world: &World| {
            json!({ "HITId": world.hit(1).await, "PolicyLevels": ["Assignment", "HIT"], "RetrieveActions": true,
                    "RetrieveResults": true, "MaxResults": 10 })
        })
        .gives("/HITId", "3*"),
        fails(operation, "a token, which nobody got", invalid("*NextToken*"), async |world: &World| {
            json!({ "HITId": world.hit(1).await, "NextToken": "5.forged" })
        }),
        fails(operation, "an unknown HIT", NO_HIT, async |_: &World| json!({ "HITId": "3UNKNOWN" })),
        fails(operation, "another requester's HIT", NO_HIT, async |world: &World| {
            json!({ "HITId": world.elsewhere().await.hit_id })
        }),
        fails(operation, "a deleted HIT", NO_HIT, async |world: &World| {
            json!({ "HITId": world.deleted().await.hit_id })
        }),
    ]
}
