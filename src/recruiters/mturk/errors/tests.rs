//! Each kind of answer that was seen, and what it must mean.

use super::*;

fn answer(name: &str, code: &str, message: &str) -> Answer {
    Answer { status: 400, name: name.into(), code: code.into(), message: message.into() }
}

fn kind(name: &str, code: &str, message: &str) -> RefusalKind {
    match sort(&answer(name, code, message)) {
        Verdict::No(refusal) => refusal.kind,
        other => panic!("{name} {code} {message}: {other:?}"),
    }
}

#[test]
fn a_refusal_is_sorted_by_code_then_message_then_name() {
    use RefusalKind::*;
    let table = [
        ("RequestError", "InsufficientFunds", "", Funds),
        ("RequestError", "", "This Requester has insufficient funds in their account", Funds),
        ("RequestError", "HITDoesNotExist", "", Missing),
        ("RequestError", "AssignmentDoesNotExist", "", Missing),
        ("RequestError", "", "Hit 3ABC does not exist.", Missing),
        ("RequestError", "InvalidAssignmentState", "can be called with a status of: Submitted", State),
        ("RequestError", "InvalidAssignmentState", "can be called with a status of: null", Missing),
        ("RequestError", "", "This operation can be called with a status of: Submitted", State),
        ("RequestError", "InvalidHITState", "", State),
        ("RequestError", "QualificationTypeAlreadyExists", "", State),
        ("RequestError", "InvalidMaximumAssignmentsIncrease", "", Invalid),
        ("RequestError", "InvalidParameterValue", "", Invalid),
        ("RequestError", "XMLParseError", "", Invalid),
        ("RequestError", "PermissionDeniedException", "", Credentials),
        ("RequestError", "", "Your AWS account must be linked to your requester account", Credentials),
        ("RequestError", "SomethingNew", "a surprise", Invalid),
        ("ParameterValidationError", "", "value is not valid for the parameter Question", Invalid),
        ("ValidationException", "", "1 validation error detected", Invalid),
        ("InvalidParameterCombinationError", "", "ActionsGuarded and RequiredToPreview", Invalid),
        ("InvalidSignatureException", "", "The request signature we calculated", Credentials),
        ("UnrecognizedClientException", "", "The security token", Credentials),
        ("AccessDeniedException", "", "User is not authorized to perform", Credentials),
    ];
    for (name, code, message, expected) in table {
        assert_eq!(kind(name, code, message), expected, "{name} {code} {message}");
    }
}

#[test]
fn a_repeated_token_is_done_whatever_code_comes_with_it() {
    let bonus = answer(
        "RequestError",
        "InvalidParameterValue",
        "The idempotency token \"abc\" has already been processed.",
    );
    assert_eq!(sort(&bonus), Verdict::Already(None));
    let hit = answer("RequestError", "HITAlreadyExists", "The HIT with ID \"3XYZ\" already exists.");
    assert_eq!(sort(&hit), Verdict::Already(Some("3XYZ".into())));
}

#[test]
fn words_quoted_inside_another_message_are_no_repeated_token() {
    let quoted = "1 validation error detected: Value 'The idempotency token has already been processed'";
    assert_eq!(kind("ValidationException", "", quoted), RefusalKind::Invalid);
}

#[test]
fn throttling_is_certainly_not_done() {
    for (status, name) in [(400, "ThrottlingException"), (503, "Throttling"), (429, "")] {
        let answer = Answer { status, name: name.into(), ..Answer::default() };
        assert_eq!(sort(&answer), Verdict::NotNow(THROTTLED.into()), "{status} {name}");
    }
}

#[test]
fn trouble_and_what_cannot_be_read_are_unknown() {
    for (status, name) in [
        (500, "ServiceFault"),
        (500, "RequestError"),
        (503, ""),
        (200, ""),
        (404, ""),
        (302, ""),
        (400, "RequestTimeout"),
    ] {
        let answer = Answer { status, name: name.into(), ..Answer::default() };
        assert!(matches!(sort(&answer), Verdict::Unknown(_)), "{status} {name}");
    }
}

#[test]
fn a_wrong_clock_is_told_from_a_wrong_secret() {
    let words = |message| match sort(&answer("InvalidSignatureException", "", message)) {
        Verdict::No(refusal) => refusal.words,
        other => panic!("{other:?}"),
    };
    assert!(words("Signature expired: 20261121T000000Z is now earlier than").contains("clock"));
    assert!(words("Signature not yet current: 20271121T000000Z").contains("clock"));
    assert!(words("The request signature we calculated does not match").contains("secret key"));
}

#[test]
fn the_time_stamp_at_the_end_is_cut() {
    assert_eq!(without_stamp("Hit 3A does not exist. (1668732342342 s)"), "Hit 3A does not exist.");
    assert_eq!(without_stamp("Hit 3A does not exist. (1668732342342)"), "Hit 3A does not exist.");
    assert_eq!(without_stamp("Wrong (see the guide)"), "Wrong (see the guide)");
}

#[test]
fn no_message_carries_a_workers_id() {
    let said = answer("ParameterValidationError", "", "value \"A2B4C6D8E0F1G3\" is not valid for WorkerId");
    let Verdict::No(refusal) = sort(&said) else { panic!("a refusal") };
    assert!(!refusal.words.contains("A2B4C6D8E0F1G3"), "{}", refusal.words);
    assert!(refusal.words.contains("is not valid for WorkerId"));
    assert_eq!(scrub("ASSIGNMENT Approved 3ABCDEFGH12"), "ASSIGNMENT Approved 3ABCDEFGH12");
}
