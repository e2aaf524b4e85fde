//! The calls of SQS that read notifications, as current AWS SDKs send them (JSON 1.0), with the requester's own keys.
//!
//! Clients send them to the endpoint or to the queue's own address; both are answered. Each call is a short
//! transaction; a long poll holds none while it waits.

use std::collections::HashSet;
use std::time::Duration as StdDuration;

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Duration, Utc};
use md5::{Digest, Md5};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

use super::failure::Failure;
use super::fields::has_nul;
use super::sigv4::Request;
use super::wire;
use crate::Market;
use crate::notices::queues::{self, Counts, Message, Queue};

const CONTENT_TYPE: &str = "application/x-amz-json-1.0";
const TARGET_PREFIX: &str = "AmazonSQS.";
/// The service in the scope of signatures.
const SERVICE: &str = "sqs";
/// Seconds that a received message stays hidden when neither queue nor call says otherwise; SQS's default.
const HIDDEN: i64 = 30;
const LONGEST_HIDDEN: i64 = 43_200;
const LONGEST_POLL: i64 = 20;
const LARGEST_BATCH: i64 = 10;
/// How often a long poll looks.
const LOOK: StdDuration = StdDuration::from_millis(250);

/// The call's name when it is one of SQS.
pub(super) fn call(headers: &HeaderMap) -> Option<&str> {
    headers.get("x-amz-target")?.to_str().ok()?.strip_prefix(TARGET_PREFIX)
}

/// Why a call is not done.
#[derive(Debug)]
enum Trouble {
    /// Signature or our own trouble, in the shape of the requester protocol.
    Failure(Failure),
    /// No such queue of this requester.
    NoSuchQueue,
    /// A member is missing, of the wrong type or out of range.
    Invalid(String),
    /// Something is wrong with a batch as a whole: the error's name, and why.
    Batch(&'static str, &'static str),
    /// Not one of the calls that are offered.
    Unsupported,
}

impl From<sqlx::Error> for Trouble {
    fn from(error: sqlx::Error) -> Self {
        Self::Failure(error.into())
    }
}

/// Answers one call.
pub(super) async fn handle(market: &Market, name: &str, request: Request<'_>) -> Response {
    let (status, body, legacy) = match answer(market, name, request).await {
        Ok(value) => (StatusCode::OK, value, None),
        Err(Trouble::Failure(Failure::Silence | Failure::Reset)) => return wire::silence(),
        Err(Trouble::Failure(Failure::Page)) => return wire::page(),
        Err(Trouble::Failure(Failure::Answer(answer))) => {
            (answer.status, answer.body(market.real_now()), None)
        }
        Err(Trouble::NoSuchQueue) => refusal(
            "QueueDoesNotExist",
            "The specified queue does not exist.",
            Some("AWS.SimpleQueueService.NonExistentQueue;Sender".into()),
        ),
        Err(Trouble::Batch(kind, why)) => {
            refusal(kind, why, Some(format!("AWS.SimpleQueueService.{kind};Sender")))
        }
        Err(Trouble::Invalid(why)) => refusal("InvalidParameterValueException", &why, None),
        Err(Trouble::Unsupported) => {
            refusal("UnsupportedOperation", "This marketplace does not answer this call.", None)
        }
    };
    let request_id = Uuid::new_v4().to_string();
    let headers = [(header::CONTENT_TYPE.as_str(), CONTENT_TYPE), ("x-amzn-requestid", &request_id)];
    let mut response = (status, headers, body.to_string()).into_response();
    // The error's older name, which boto3 shows as its code.
    if let Some(code) = legacy.and_then(|code| header::HeaderValue::try_from(code).ok()) {
        response.headers_mut().insert("x-amzn-query-error", code);
    }
    response
}

fn refusal(kind: &str, message: &str, legacy: Option<String>) -> (StatusCode, Value, Option<String>) {
    let body = json!({ "__type": format!("com.amazonaws.sqs#{kind}"), "message": message });
    (StatusCode::BAD_REQUEST, body, legacy)
}

async fn answer(market: &Market, name: &str, request: Request<'_>) -> Result<Value, Trouble> {
    let requester_id = wire::authenticate(market, request, SERVICE).await.map_err(Trouble::Failure)?;
    let body = if request.body.is_empty() { b"{}" } else { request.body };
    let asker = Asker { market, requester_id, body };
    match name {
        "CreateQueue" => asker.create().await,
        "DeleteQueue" => asker.delete().await,
        "GetQueueUrl" => asker.find().await,
        "ReceiveMessage" => asker.receive().await,
        "DeleteMessage" => asker.remove().await,
        "DeleteMessageBatch" => asker.remove_all().await,
        "GetQueueAttributes" => asker.count().await,
        "ChangeMessageVisibility" => asker.hide().await,
        _ => Err(Trouble::Unsupported),
    }
}

/// Who calls, and what they sent.
struct Asker<'a> {
    market: &'a Market,
    requester_id: String,
    body: &'a [u8],
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Naming {
    queue_name: String,
    attributes: Option<Attributes>,
}

/// Attribute values travel as text.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attributes {
    visibility_timeout: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AtQueue {
    queue_url: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Receiving {
    queue_url: String,
    max_number_of_messages: Option<i64>,
    visibility_timeout: Option<i64>,
    wait_time_seconds: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Received {
    queue_url: String,
    receipt_handle: String,
    visibility_timeout: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Batch {
    queue_url: String,
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    id: String,
    receipt_handle: String,
}

impl Batch {
    fn check(&self) -> Result<(), Trouble> {
        let distinct: HashSet<_> = self.entries.iter().map(|entry| &entry.id).collect();
        match self.entries.len() {
            0 => Err(Trouble::Batch("EmptyBatchRequest", "There should be at least one entry.")),
            11.. => Err(Trouble::Batch("TooManyEntriesInBatchRequest", "A batch has at most ten entries.")),
            length if length > distinct.len() => {
                Err(Trouble::Batch("BatchEntryIdsNotDistinct", "Two entries have the same Id."))
            }
            _ => Ok(()),
        }
    }
}

impl Asker<'_> {
    fn read<T: DeserializeOwned>(&self) -> Result<T, Trouble> {
        let invalid = |error: serde_json::Error| Trouble::Invalid(error.to_string());
        let value: Value = serde_json::from_slice(self.body).map_err(invalid)?;
        if has_nul(&value) {
            return Err(Trouble::Invalid("Texts cannot have NUL characters.".into()));
        }
        serde_json::from_value(value).map_err(invalid)
    }

    async fn create(&self) -> Result<Value, Trouble> {
        let naming: Naming = self.read()?;
        let name = naming.queue_name;
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if name.is_empty() || name.len() > 80 || !name.chars().all(fits) {
            let why = "A queue's name has 1 to 80 letters, digits, hyphens and underscores.";
            return Err(Trouble::Invalid(why.into()));
        }
        let timeout = naming.attributes.and_then(|attributes| attributes.visibility_timeout);
        let timeout = match timeout.as_deref().map(str::parse::<i64>) {
            None => HIDDEN,
            Some(Ok(seconds)) => within("VisibilityTimeout", seconds, 0, LONGEST_HIDDEN)?,
            Some(Err(_)) => return Err(Trouble::Invalid("VisibilityTimeout is not a number.".into())),
        };
        let mut conn = self.market.pool().acquire().await?;
        let real = self.market.real_now();
        let queue = queues::create(&mut conn, real, &self.requester_id, &name, timeout).await?;
        Ok(self.url(&queue))
    }

    fn url(&self, queue: &Queue) -> Value {
        let public_url = &self.market.settings().public_url;
        json!({ "QueueUrl": queues::address(public_url, &self.requester_id, &queue.name) })
    }

    async fn delete(&self) -> Result<Value, Trouble> {
        let at: AtQueue = self.read()?;
        let queue = self.queue(&at.queue_url).await?;
        let mut conn = self.market.pool().acquire().await?;
        queues::delete(&mut conn, &self.requester_id, &queue.name).await?;
        Ok(json!({}))
    }

    async fn find(&self) -> Result<Value, Trouble> {
        let naming: Naming = self.read()?;
        let mut conn = self.market.pool().acquire().await?;
        let found = queues::by_name(&mut conn, &self.requester_id, &naming.queue_name).await?;
        Ok(self.url(&found.ok_or(Trouble::NoSuchQueue)?))
    }

    async fn queue(&self, url: &str) -> Result<Queue, Trouble> {
        let mut conn = self.market.pool().acquire().await?;
        queues::by_url(&mut conn, &self.requester_id, url).await?.ok_or(Trouble::NoSuchQueue)
    }

    async fn receive(&self) -> Result<Value, Trouble> {
        let asked: Receiving = self.read()?;
        let queue = self.queue(&asked.queue_url).await?;
        let limit =
            within("MaxNumberOfMessages", asked.max_number_of_messages.unwrap_or(1), 1, LARGEST_BATCH)?;
        let hidden = asked.visibility_timeout.unwrap_or(queue.visibility_timeout);
        let hidden = Duration::seconds(within("VisibilityTimeout", hidden, 0, LONGEST_HIDDEN)?);
        let wait = within("WaitTimeSeconds", asked.wait_time_seconds.unwrap_or(0), 0, LONGEST_POLL)?;
        let until = tokio::time::Instant::now() + StdDuration::from_secs(wait.unsigned_abs());
        loop {
            let mut tx = self.market.pool().begin().await?;
            let real = self.market.real_now();
            let messages = queues::receive(&mut tx, real, &queue, limit, hidden).await?;
            tx.commit().await?;
            if !messages.is_empty() {
                return Ok(json!({ "Messages": messages.iter().map(shape).collect::<Vec<_>>() }));
            }
            if tokio::time::Instant::now() >= until {
                return Ok(json!({}));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn remove(&self) -> Result<Value, Trouble> {
        let received: Received = self.read()?;
        let queue = self.queue(&received.queue_url).await?;
        let mut conn = self.market.pool().acquire().await?;
        queues::remove(&mut conn, &queue, &received.receipt_handle).await?;
        Ok(json!({}))
    }

    async fn remove_all(&self) -> Result<Value, Trouble> {
        let batch: Batch = self.read()?;
        let queue = self.queue(&batch.queue_url).await?;
        batch.check()?;
        let mut tx = self.market.pool().begin().await?;
        for entry in &batch.entries {
            queues::remove(&mut tx, &queue, &entry.receipt_handle).await?;
        }
        tx.commit().await?;
        let done: Vec<_> = batch.entries.iter().map(|entry| json!({ "Id": entry.id })).collect();
        Ok(json!({ "Successful": done, "Failed": [] }))
    }

    /// All attributes there are, whichever were asked for; attribute values travel as text.
    async fn count(&self) -> Result<Value, Trouble> {
        let at: AtQueue = self.read()?;
        let queue = self.queue(&at.queue_url).await?;
        let mut conn = self.market.pool().acquire().await?;
        let Counts { visible, hidden } = queues::count(&mut conn, self.market.real_now(), &queue).await?;
        Ok(json!({ "Attributes": {
            "ApproximateNumberOfMessages": visible.to_string(),
            "ApproximateNumberOfMessagesNotVisible": hidden.to_string(),
            "VisibilityTimeout": queue.visibility_timeout.to_string(),
        } }))
    }

    async fn hide(&self) -> Result<Value, Trouble> {
        let received: Received = self.read()?;
        let queue = self.queue(&received.queue_url).await?;
        let seconds = received.visibility_timeout.unwrap_or(-1);
        let hidden = Duration::seconds(within("VisibilityTimeout", seconds, 0, LONGEST_HIDDEN)?);
        let mut conn = self.market.pool().acquire().await?;
        let until = self.market.real_now() + hidden;
        if queues::hide(&mut conn, &queue, &received.receipt_handle, until).await? {
            Ok(json!({}))
        } else {
            Err(Trouble::Invalid("No message was received with this ReceiptHandle last.".into()))
        }
    }
}

fn within(name: &str, value: i64, least: i64, most: i64) -> Result<i64, Trouble> {
    if (least..=most).contains(&value) {
        return Ok(value);
    }
    Err(Trouble::Invalid(format!(
        "Value {value} for parameter {name} is invalid: it must be {least} to {most}."
    )))
}

/// All system attributes are told, asked for or not; clients take those they know.
fn shape(message: &Message) -> Value {
    let millis = |at: DateTime<Utc>| at.timestamp_millis().to_string();
    let digest = Md5::digest(message.body.as_bytes());
    json!({
        "MessageId": message.message_id,
        "ReceiptHandle": message.receipt,
        "MD5OfBody": digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
        "Body": message.body,
        "Attributes": {
            "SentTimestamp": millis(message.sent_at),
            "ApproximateReceiveCount": message.receives.to_string(),
            "ApproximateFirstReceiveTimestamp": millis(message.first_received_at),
        },
    })
}
