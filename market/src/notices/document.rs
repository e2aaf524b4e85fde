//! What is told: the event document, and the envelope that SNS puts around it.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::outbox::Notice;

/// The document, one event each. `CustomerId` is the requester; members without a value are left out.
pub fn document(notice: &Notice) -> Value {
    let mut event = Map::new();
    let mut put = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            event.insert(name.into(), value.into());
        }
    };
    put("EventType", Some(&notice.event_type));
    put("EventTimestamp", Some(&notice.at.to_rfc3339_opts(SecondsFormat::Secs, true)));
    put("HITTypeId", Some(&notice.hit_type_id));
    put("HITId", notice.hit_id.as_deref());
    put("HITGroupId", notice.hit_group_id.as_deref());
    put("AssignmentId", notice.assignment_id.as_deref());
    put("WorkerId", notice.worker_id.as_deref());
    json!({
        "EventDocVersion": notice.version,
        "EventDocId": notice.doc_id,
        "CustomerId": notice.requester_id,
        "Events": [event],
    })
}

/// A message as SNS posts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Of this posting; a duplicate has another one.
    pub message_id: String,
    /// Names the HIT type in the form of a topic.
    pub topic: String,
    /// The body.
    pub body: String,
}

/// The envelope of a notice that is posted now (machine time).
///
/// `Signature`, `SignatureVersion` and `SigningCertURL` are left out: receivers check them against a certificate of
/// Amazon's, and nothing that we could write there would pass. Who must be sure of the sender puts a secret into the
/// address. There is no subscription to confirm either: with MTurk that was between a topic and its subscribers,
/// and here the requester names the receiver itself.
pub fn envelope(notice: &Notice, now: DateTime<Utc>) -> Envelope {
    let message_id = Uuid::new_v4().to_string();
    let topic = format!("arn:aws:sns:us-east-1:000000000000:{}", notice.hit_type_id);
    let body = json!({
        "Type": "Notification",
        "MessageId": message_id,
        "TopicArn": topic,
        "Message": document(notice).to_string(),
        "Timestamp": now.to_rfc3339_opts(SecondsFormat::Millis, true),
    });
    Envelope { message_id, topic, body: body.to_string() }
}
