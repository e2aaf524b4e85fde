//! What requesters want to be told of a HIT type, and trying it out.

use serde_json::{Map, Value, json};

use super::{Call, Operation};
use crate::notices::settings::{self, Specification};
use crate::notices::{EVENT_TYPES, Transport, outbox};
use crate::protocol::failure::Failure;
use crate::protocol::fields::Fields;

/// The guide names the first, the reference the second; documents carry whichever was asked for.
const VERSIONS: [&str; 2] = ["2014-08-15", "2006-05-05"];
const TRANSPORTS: [&str; 3] = ["Email", "SQS", "SNS"];

pub(crate) struct UpdateNotificationSettings {
    hit_type_id: String,
    specification: Option<Specification>,
    active: Option<bool>,
}

impl Operation for UpdateNotificationSettings {
    const NAME: &'static str = "UpdateNotificationSettings";

    fn read(fields: &mut Fields) -> Self {
        let (specification, active) = (specification(fields), fields.optional_flag("Active"));
        if fields.value("Notification").is_none() && fields.value("Active").is_none() {
            let message = "Either Notification or Active is needed.";
            fields.wrong(Failure::parameter("AWS.MechanicalTurk.InvalidParameterValue", message));
        }
        Self { hit_type_id: fields.required_id("HITTypeId"), specification, active }
    }

    async fn run(self, call: &mut Call<'_>) -> Result<Value, Failure> {
        let specification = self.specification.as_ref();
        settings::update(call.conn, call.requester_id, &self.hit_type_id, specification, self.active).await?;
        Ok(json!({}))
    }
}

pub(crate) struct SendTestEventNotification {
    specification: Option<Specification>,
    event_type: String,
}

impl Operation for SendTestEventNotification {
    const NAME: &'static str = "SendTestEventNotification";

    fn read(fields: &mut Fields) -> Self {
        let specification = specification(fields);
        if fields.value("Notification").is_none() {
            fields.broken("notification", None, "Member must not be null");
        }
        Self { specification, event_type: fields.required_choice("TestEventType", &EVENT_TYPES) }
    }

    /// The specification's own list of events does not filter a test.
    async fn run(self, call: &mut Call<'_>) -> Result<Value, Failure> {
        let Some(specification) = &self.specification else { return Err(Failure::service()) };
        settings::reachable(call.conn, call.requester_id, specification).await?;
        outbox::queue_test(call.conn, call.now, call.requester_id, specification, &self.event_type).await?;
        Ok(json!({}))
    }
}

/// Reads the member `Notification`; `None` when it is missing or broken.
fn specification(fields: &mut Fields) -> Option<Specification> {
    let members = match fields.value("Notification")? {
        Value::Object(members) => members,
        _ => {
            fields.misshapen("Notification", "an object");
            return None;
        }
    };
    let destination = text(fields, &members, "Destination");
    let transport = text(fields, &members, "Transport");
    let version = text(fields, &members, "Version");
    let event_types = event_types(fields, &members);
    if let Some(version) = version.as_deref().filter(|version| !VERSIONS.contains(version)) {
        fields.wrong(Failure::invalid("Notification.Version", version));
    }
    Some(Specification {
        transport: by_name(fields, &transport?, destination.as_deref().unwrap_or_default())?,
        destination: destination?,
        version: version?,
        event_types,
    })
}

/// The protocol's third transport is known and refused: this marketplace has no way to send mail.
fn by_name(fields: &mut Fields, transport: &str, destination: &str) -> Option<Transport> {
    match transport {
        "SNS" => Some(Transport::Sns),
        "SQS" => Some(Transport::Sqs),
        "Email" => {
            let message = format!("Notifications are not sent by e-mail, also not to \"{destination}\".");
            fields.wrong(Failure::parameter("AWS.MechanicalTurk.InvalidTransportEndpoint", message));
            None
        }
        other => {
            fields.check_choice("notification.transport", other, &TRANSPORTS);
            None
        }
    }
}

fn text(fields: &mut Fields, members: &Map<String, Value>, name: &str) -> Option<String> {
    match members.get(name).filter(|value| !value.is_null()) {
        Some(Value::String(text)) => return Some(text.clone()),
        Some(_) => fields.misshapen(&format!("Notification.{name}"), "a string"),
        None => {
            let place = format!("notification.{}", name.to_lowercase());
            fields.broken(&place, None, "Member must not be null");
        }
    }
    None
}

fn event_types(fields: &mut Fields, members: &Map<String, Value>) -> Vec<String> {
    let place = "notification.eventTypes";
    let items = match members.get("EventTypes").filter(|value| !value.is_null()) {
        Some(Value::Array(items)) => items.as_slice(),
        Some(_) => {
            fields.misshapen("Notification.EventTypes", "a list");
            return Vec::new();
        }
        None => {
            fields.broken(place, None, "Member must not be null");
            return Vec::new();
        }
    };
    if items.is_empty() {
        let message = "EventTypes must name at least one event.";
        fields.wrong(Failure::parameter("AWS.MechanicalTurk.InvalidParameterValue", message));
    }
    let mut words = Vec::new();
    for item in items {
        match item.as_str() {
            Some(word) => {
                fields.check_choice(place, word, &EVENT_TYPES);
                words.push(word.to_owned());
            }
            None => fields.misshapen("Notification.EventTypes", "a list of strings"),
        }
    }
    words
}
