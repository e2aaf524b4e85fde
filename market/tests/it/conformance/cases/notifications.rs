//! What requesters want to be told of their HITs.

use serde_json::{Value, json};

use crate::conformance::case::{Case, Refusal, fails, invalid, parameter, request, works};
use crate::conformance::world::{World, with};

const UNKNOWN: Refusal = request("HITTypeDoesNotExist", "HIT type * does not exist.");
const ENDPOINT: Refusal = parameter("InvalidTransportEndpoint", "*");

pub(super) fn cases() -> Vec<Case> {
    let mut cases = settings();
    cases.extend(tests());
    cases
}

fn specification(changes: Value) -> Value {
    let base = json!({ "Transport": "SNS", "Destination": "https://lab.example/told", "Version": "2014-08-15",
        "EventTypes": ["HITReviewable", "AssignmentSubmitted"] });
    with(base, changes)
}

async fn hit_type(world: &World) -> String {
    let call = world.client.create_hit_type().title("A game").description("Play it").reward("1");
    call.assignment_duration_in_seconds(60).send().await.unwrap().hit_type_id.unwrap()
}

fn settings() -> Vec<Case> {
    let operation = "UpdateNotificationSettings";
    let say = |situation, refusal, changes: fn() -> Value| {
        fails(
            operation,
            situation,
            refusal,
            async move |world: &World| json!({ "HITTypeId": hit_type(world).await, "Notification": specification(changes()) }),
        )
    };
    vec![
        works(
            operation,
            "a HIT type of one's own",
            async |world: &World| json!({ "HITTypeId": hit_type(world).await, "Notification": specification(json!({})), "Active": true }),
        ),
        works(operation, "switching off what was set", async |world: &World| {
            let id = hit_type(world).await;
            let told = aws_sdk_mturk::types::NotificationSpecification::builder()
                .transport(aws_sdk_mturk::types::NotificationTransport::Sns)
                .destination("https://lab.example/told")
                .version("2014-08-15")
                .event_types(aws_sdk_mturk::types::EventType::Ping)
                .build()
                .unwrap();
            let call = world.client.update_notification_settings().hit_type_id(&id).notification(told);
            call.send().await.unwrap();
            json!({ "HITTypeId": id, "Active": false })
        }),
        fails(
            operation,
            "an unknown HIT type",
            UNKNOWN,
            async |_: &World| json!({ "HITTypeId": "3UNKNOWN", "Notification": specification(json!({})) }),
        ),
        fails(
            operation,
            "switching on what was never set",
            invalid("*no notification specification*"),
            async |world: &World| json!({ "HITTypeId": hit_type(world).await, "Active": true }),
        ),
        fails(
            operation,
            "nothing to set",
            invalid("Either Notification or Active*"),
            async |world: &World| json!({ "HITTypeId": hit_type(world).await }),
        ),
        say("e-mail", ENDPOINT, || json!({ "Transport": "Email", "Destination": "a@lab.example" })),
        say(
            "a queue elsewhere",
            ENDPOINT,
            || json!({ "Transport": "SQS", "Destination": "https://sqs.us-east-1.amazonaws.com/1/q" }),
        ),
        say("a topic of Amazon's", ENDPOINT, || json!({ "Destination": "arn:aws:sns:us-east-1:1:t" })),
        say("another version", invalid("*Version*"), || json!({ "Version": "2012-01-01" })),
        say("no event", invalid("*at least one event*"), || json!({ "EventTypes": [] })),
    ]
}

fn tests() -> Vec<Case> {
    let operation = "SendTestEventNotification";
    let say = |situation, refusal, changes: fn() -> Value| {
        fails(
            operation,
            situation,
            refusal,
            async move |_: &World| json!({ "Notification": specification(changes()), "TestEventType": "Ping" }),
        )
    };
    vec![
        works(
            operation,
            "an event that is not on the list",
            async |_: &World| json!({ "Notification": specification(json!({})), "TestEventType": "Ping" }),
        ),
        say(
            "a queue elsewhere",
            ENDPOINT,
            || json!({ "Transport": "SQS", "Destination": "https://q.example/q" }),
        ),
        say("another version", invalid("*Version*"), || json!({ "Version": "1" })),
    ]
}
