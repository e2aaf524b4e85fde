//! What an answer must be.

use serde_json::Value;

use super::case::{Expected, Refusal};
use super::heard::Heard;

/// Everything that is wrong with the answer.
pub(super) fn problems(heard: &Heard, expected: &Expected) -> Vec<String> {
    let mut problems = envelope(heard);
    let body: Value = serde_json::from_str(&heard.body).unwrap_or_default();
    match expected {
        Expected::Success(members) => {
            let told = heard.error.as_ref().map(|told| format!("the client tells an error: {told:?}"));
            problems.extend(told);
            problems.extend(heard.lost.iter().map(|lost| format!("the client lost {lost}")));
            problems.extend(members.iter().filter_map(|(pointer, value)| member(&body, pointer, value)));
        }
        Expected::Refusal(refusal) => problems.extend(refused(heard, &body, *refusal)),
    }
    problems
}

fn envelope(heard: &Heard) -> Vec<String> {
    let mut problems = Vec::new();
    if heard.content_type.as_deref() != Some("application/x-amz-json-1.1") {
        problems.push(format!("the content type is {:?}", heard.content_type));
    }
    if heard.request_id.as_deref().unwrap_or_default().is_empty() {
        problems.push("there is no request id".into());
    }
    problems
}

/// Null stands for a member that must not be there; in texts a star stands for anything.
fn member(body: &Value, pointer: &str, expected: &Value) -> Option<String> {
    let found = body.pointer(pointer);
    let right = match (found, expected) {
        (None, Value::Null) => true,
        (Some(Value::String(found)), Value::String(pattern)) => matches(pattern, found),
        (found, expected) => found == Some(expected),
    };
    (!right).then(|| format!("{pointer} is {found:?} instead of {expected}"))
}

fn refused(heard: &Heard, body: &Value, refusal: Refusal) -> Vec<String> {
    let text = |name: &str| body[name].as_str().unwrap_or_default();
    let (kind, message) = (text("__type"), text("Message"));
    let code = text("TurkErrorCode");
    let status = if refusal.kind == "ServiceFault" { 500 } else { 400 };
    let modelled = matches!(refusal.kind, "RequestError" | "ServiceFault");
    let told = heard.error.clone();
    let checks = [
        ("the status", heard.status == status),
        ("__type", kind == refusal.kind),
        ("TurkErrorCode", code.strip_prefix("AWS.MechanicalTurk.").unwrap_or(code) == refusal.code),
        (
            "the message",
            unstamped(refusal.kind, message).is_some_and(|message| matches(refusal.says, message)),
        ),
        ("the kind that the client tells", told.as_ref().is_some_and(|told| told.kind == kind)),
        ("the message that the client tells", told.as_ref().is_some_and(|told| told.message == message)),
        (
            "the code that the client tells",
            told.as_ref().is_some_and(|told| told.code.as_deref().is_none_or(|told| told == code)),
        ),
        (
            "the client's own type",
            told.as_ref().is_some_and(|told| told.modelled.starts_with(refusal.kind) == modelled),
        ),
    ];
    let wrong: Vec<_> = checks.into_iter().filter(|(_, right)| !right).map(|(what, _)| what).collect();
    let line = || format!("{} wrong in {} {} ({told:?})", wrong.join(", "), heard.status, heard.body);
    if wrong.is_empty() { Vec::new() } else { vec![line()] }
}

/// The service's own kinds of errors end with its epoch milliseconds; the others do not. `None` breaks that.
fn unstamped<'a>(kind: &str, message: &'a str) -> Option<&'a str> {
    let stamped = matches!(kind, "RequestError" | "ParameterValidationError" | "ServiceFault");
    if !stamped {
        return Some(message);
    }
    let (rest, stamp) = message.strip_suffix(')')?.rsplit_once(" (")?;
    let millis = stamp.strip_suffix(" s").unwrap_or(stamp);
    (millis.len() == 13 && millis.bytes().all(|b| b.is_ascii_digit())).then_some(rest)
}

/// Whether the text is as the pattern says; a star stands for any text.
fn matches(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let pieces: Vec<_> = pieces.collect();
    let Some((last, middle)) = pieces.split_last() else { return rest.is_empty() };
    for piece in middle {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[test]
fn a_star_stands_for_anything() {
    assert!(matches("Hit * does not exist.", "Hit 3A does not exist."));
    assert!(matches("*a*b*", "xaxbx") && matches("same", "same") && matches("*", ""));
    assert!(!matches("Hit * does not exist.", "Hit 3A does not exist. (1)"));
    assert!(!matches("a*b", "xab") && !matches("same", "same!") && !matches("*a*a*", "a"));
}

#[test]
fn kinds_of_the_service_must_be_stamped() {
    assert_eq!(unstamped("RequestError", "No. (1790000000000 s)"), Some("No."));
    assert_eq!(unstamped("RequestError", "No."), None);
    assert_eq!(unstamped("ValidationException", "No."), Some("No."));
}
