//! Queues, read with the calls of SQS as AWS's signer signs them.

use std::time::{Instant, SystemTime};

use aws_credential_types::Credentials;
use aws_sdk_mturk::types::{EventType, NotificationSpecification, NotificationTransport};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use chrono::Duration;
use kernel::clock::TestClock;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::harness::Place;

/// A requester who calls SQS.
struct Reader {
    url: String,
    credentials: Credentials,
}

impl Reader {
    fn of(place: &Place) -> Self {
        kernel::outbound::install_tls();
        let secret = place.keys.secret_access_key.expose_secret();
        let credentials = Credentials::new(&place.keys.access_key_id, secret, None, None, "test");
        Self { url: place.url.clone(), credentials }
    }

    /// The answer's status and body.
    async fn try_call(&self, name: &str, input: Value) -> (u16, Value) {
        let target = format!("AmazonSQS.{name}");
        let body = input.to_string();
        let headers = [("x-amz-target", target.as_str()), ("content-type", "application/x-amz-json-1.0")];
        let identity = self.credentials.clone().into();
        #[expect(clippy::disallowed_methods, reason = "signatures carry the machine's time")]
        let time = SystemTime::now();
        let params = SigningParams::builder().identity(&identity).region("us-east-1").name("sqs").time(time);
        let params = params.settings(SigningSettings::default()).build().unwrap().into();
        let signable = SignableBody::Bytes(body.as_bytes());
        let signable = SignableRequest::new("POST", &self.url, headers.into_iter(), signable).unwrap();
        let (signed, _) = sign(signable, &params).unwrap().into_parts();
        let mut request = reqwest::Client::new().post(&self.url).body(body.clone());
        for (name, value) in headers.into_iter().chain(signed.headers()) {
            request = request.header(name, value);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["content-type"], "application/x-amz-json-1.0");
        (response.status().as_u16(), response.json().await.unwrap())
    }

    async fn call(&self, name: &str, input: Value) -> Value {
        let (status, answer) = self.try_call(name, input).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    async fn queue(&self, name: &str) -> String {
        let made = self.call("CreateQueue", json!({ "QueueName": name })).await;
        made["QueueUrl"].as_str().unwrap().to_owned()
    }

    async fn receive(&self, queue: &str, more: Value) -> Vec<Value> {
        let mut input = json!({ "QueueUrl": queue });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let answer = self.call("ReceiveMessage", input).await;
        answer["Messages"].as_array().cloned().unwrap_or_default()
    }
}

/// Queues a test notification for the queue and delivers it.
async fn tell(place: &Place, queue: &str, event: EventType) {
    let specification = NotificationSpecification::builder()
        .transport(NotificationTransport::Sqs)
        .destination(queue)
        .version("2014-08-15")
        .event_types(EventType::Ping)
        .build()
        .unwrap();
    let call = place.client.send_test_event_notification().notification(specification);
    call.test_event_type(event).send().await.unwrap();
    place.market.deliver().await.unwrap();
}

fn event(message: &Value) -> String {
    let document: Value = serde_json::from_str(message["Body"].as_str().unwrap()).unwrap();
    document["Events"][0]["EventType"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_queue_is_made_once_and_found_by_name() {
    let place = Place::open().await;
    let reader = Reader::of(&place);
    let url = reader.queue("hits").await;
    assert!(url.ends_with(&format!("/sqs/{}/hits", place.keys.requester_id)), "{url}");
    assert_eq!(reader.queue("hits").await, url);
    assert_eq!(reader.call("GetQueueUrl", json!({"QueueName": "hits"})).await["QueueUrl"], url.as_str());
    let (status, answer) = reader.try_call("GetQueueUrl", json!({"QueueName": "other"})).await;
    assert_eq!((status, &answer["__type"]), (400, &json!("com.amazonaws.sqs#QueueDoesNotExist")));
    let (status, answer) = reader.try_call("CreateQueue", json!({"QueueName": "no blanks"})).await;
    assert_eq!(
        (status, &answer["__type"]),
        (400, &json!("com.amazonaws.sqs#InvalidParameterValueException"))
    );
    reader.call("DeleteQueue", json!({"QueueUrl": url})).await;
    assert_eq!(reader.try_call("GetQueueUrl", json!({"QueueName": "hits"})).await.0, 400);
    assert_eq!(reader.try_call("PurgeQueue", json!({"QueueUrl": url})).await.0, 400);
}

#[tokio::test]
async fn a_received_message_is_hidden_comes_back_and_goes_when_deleted() {
    let clock = TestClock::starting_now();
    let place = Place::at(clock.clone(), |_| {}).await;
    let reader = Reader::of(&place);
    let queue = reader.queue("hits").await;
    tell(&place, &queue, EventType::HitCreated).await;
    tell(&place, &queue, EventType::HitExpired).await;
    let first = reader.receive(&queue, json!({})).await;
    assert_eq!(first.iter().map(event).collect::<Vec<_>>(), ["HITCreated"]);
    let digest = {
        use md5::Digest;
        let digest = md5::Md5::digest(first[0]["Body"].as_str().unwrap());
        digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    assert_eq!(first[0]["MD5OfBody"], digest.as_str());
    let rest = reader.receive(&queue, json!({"MaxNumberOfMessages": 10, "VisibilityTimeout": 60})).await;
    assert_eq!(rest.iter().map(event).collect::<Vec<_>>(), ["HITExpired"]);
    assert!(reader.receive(&queue, json!({})).await.is_empty());

    clock.advance(Duration::seconds(31));
    let again = reader.receive(&queue, json!({"MaxNumberOfMessages": 10})).await;
    assert_eq!(again.iter().map(event).collect::<Vec<_>>(), ["HITCreated"]);
    assert_eq!(again[0]["Attributes"]["ApproximateReceiveCount"], "2");
    let delete = |handle: &Value| {
        let input = json!({"QueueUrl": queue, "ReceiptHandle": handle});
        reader.call("DeleteMessage", input)
    };
    delete(&first[0]["ReceiptHandle"]).await;
    let show = json!({"QueueUrl": queue, "ReceiptHandle": again[0]["ReceiptHandle"], "VisibilityTimeout": 0});
    reader.call("ChangeMessageVisibility", show).await;
    let back = reader.receive(&queue, json!({})).await;
    assert_eq!(back.len(), 1, "a handle of an earlier receive deletes nothing");
    delete(&back[0]["ReceiptHandle"]).await;
    clock.advance(Duration::seconds(120));
    let left = reader.receive(&queue, json!({"MaxNumberOfMessages": 10})).await;
    assert_eq!(left.iter().map(event).collect::<Vec<_>>(), ["HITExpired"]);
}

#[tokio::test]
async fn a_long_poll_returns_as_soon_as_something_comes() {
    let place = Place::open().await;
    let reader = Reader::of(&place);
    let queue = reader.queue("hits").await;
    let begun = Instant::now();
    assert!(reader.receive(&queue, json!({"WaitTimeSeconds": 1})).await.is_empty());
    assert!(begun.elapsed().as_secs_f64() >= 1.0);
    let waiting = reader.receive(&queue, json!({"WaitTimeSeconds": 20}));
    let (received, ()) = tokio::join!(waiting, tell(&place, &queue, EventType::Ping));
    assert_eq!(received.iter().map(event).collect::<Vec<_>>(), ["Ping"]);
    for bad in [json!({"WaitTimeSeconds": 21}), json!({"MaxNumberOfMessages": 11}), json!({"QueueUrl": 5})] {
        let mut input = json!({"QueueUrl": queue});
        input.as_object_mut().unwrap().extend(bad.as_object().unwrap().clone());
        assert_eq!(reader.try_call("ReceiveMessage", input).await.0, 400, "{bad}");
    }
}

#[tokio::test]
async fn a_queue_is_its_requesters_alone() {
    let place = Place::open().await;
    let reader = Reader::of(&place);
    let queue = reader.queue("hits").await;
    let keys = place.market.create_requester("Another lab", kernel::money::Cents(0)).await.unwrap();
    let secret = keys.secret_access_key.expose_secret();
    let other = Credentials::new(&keys.access_key_id, secret, None, None, "test");
    let stranger = Reader { url: place.url.clone(), credentials: other };
    for name in ["ReceiveMessage", "DeleteQueue"] {
        let (status, answer) = stranger.try_call(name, json!({"QueueUrl": queue})).await;
        assert_eq!(
            (status, &answer["__type"]),
            (400, &json!("com.amazonaws.sqs#QueueDoesNotExist")),
            "{name}"
        );
    }
    let forged = Credentials::new(&place.keys.access_key_id, "wrong", None, None, "test");
    let forger = Reader { url: place.url.clone(), credentials: forged };
    let (_, answer) = forger.try_call("ReceiveMessage", json!({"QueueUrl": queue})).await;
    assert_eq!(answer["__type"], "InvalidSignatureException");
}
