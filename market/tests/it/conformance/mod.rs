//! Conformance: every operation, its success and each documented failure, through two clients that know nothing of
//! each other: aws-sdk-mturk, and boto3 in a process of its own. Both run one list of cases.
//!
//! | module | one idea |
//! | --- | --- |
//! | `case`, `cases` | the list: operation, situation, input, expected answer |
//! | `world` | what a case finds when it begins |
//! | `client`, `boto` | the two clients; `driver.py` is the other end of the second |
//! | `access` | what every operation answers to whom it does not let in |
//! | `verdict` | what an answer must be beside what the case expects |
//! | `documented` | which errors an operation documents |
//! | `run`, `table` | everything once, and docs/CONFORMANCE.md |
//! | `queue` | notifications, read with boto3's own SQS client |
//!
//! Answers are held against botocore's own service model (`model.py`), and inputs that break it are made from it.

mod access;
mod boto;
mod case;
mod cases;
mod client;
mod documented;
mod heard;
mod queue;
mod run;
mod table;
mod verdict;
mod world;

use std::collections::BTreeSet;

use market::protocol::operations;

/// Operations whose feature is gone, so that nothing they are asked can succeed.
const GONE: [&str; 1] = ["GetFileUploadURL"];

#[test]
fn every_operation_has_cases_for_success_and_each_documented_error() {
    let cases = cases::all();
    let documented: Vec<_> = documented::ERRORS.iter().map(|(operation, _)| *operation).collect();
    let mut registered: Vec<_> = operations().collect();
    registered.sort_unstable();
    assert_eq!(documented, registered, "the list of documented errors names each operation, in order");
    for (operation, errors) in documented::ERRORS {
        let own = cases.iter().filter(|case| case.operation == *operation);
        let succeeds = own.clone().any(|case| case.refusal().is_none());
        assert_eq!(succeeds, !GONE.contains(operation), "{operation} has a case that succeeds");
        let met: BTreeSet<_> = own.filter_map(|case| case.refusal()).map(documented::name).collect();
        let expected: BTreeSet<_> = errors.iter().map(|error| (*error).to_owned()).collect();
        assert_eq!(
            met, expected,
            "the errors of {operation}: those with a case, and those that are documented"
        );
        assert!(client::knows(operation), "the Rust client calls {operation}");
    }
}

#[test]
fn every_error_code_that_the_server_knows_is_met() {
    let met: BTreeSet<_> = documented::ERRORS.iter().flat_map(|(_, errors)| errors.iter()).collect();
    let general: BTreeSet<_> = access::ALL.iter().map(|trouble| documented::name(trouble.refusal)).collect();
    for code in documented::codes_in_the_source() {
        let short = code.strip_prefix("AWS.MechanicalTurk.").unwrap_or(&code);
        let found = met.iter().any(|error| error.ends_with(&format!(" {short}")))
            || general.iter().any(|error| error.ends_with(&format!(" {short}")));
        assert!(found, "no case meets {code}");
    }
}

#[tokio::test]
async fn both_clients_get_what_the_model_and_the_facts_say() {
    let rows = run::everything().await;
    let failures: Vec<_> = rows.iter().flat_map(run::Row::failures).collect();
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
    table::hold_or_write(&rows);
}

/// The validator itself: answers that depart from the model in one thing each, and one that does not.
#[tokio::test]
async fn an_answer_that_departs_from_the_model_is_noticed() {
    let mut boto = boto::Boto::start();
    let hit = |member: &str, value: serde_json::Value| {
        let mut hit = serde_json::json!({ "HITId": "3A", "Reward": "1.00", "HITStatus": "Assignable",
            "MaxAssignments": 1, "CreationTime": 1_790_000_000, "QualificationRequirements":
            [{ "QualificationTypeId": "3B", "Comparator": "Exists" }] });
        hit[member] = value;
        serde_json::json!({ "HIT": hit }).to_string()
    };
    let good = heard::Heard { status: 200, body: hit("HITId", "3A".into()), ..heard::Heard::default() };
    assert_eq!(boto.departures("GetHIT", &good).await, Vec::<String>::new());
    for (member, value) in [
        ("HITId", serde_json::json!("not an id")),
        ("HITId", serde_json::json!("A".repeat(65))),
        ("Reward", serde_json::json!("1.005")),
        ("Reward", serde_json::json!(1)),
        ("HITStatus", serde_json::json!("Open")),
        ("MaxAssignments", serde_json::json!("1")),
        ("MaxAssignments", serde_json::json!(3_000_000_000_u64)),
        ("CreationTime", serde_json::json!("2026-11-21T12:00:00Z")),
        ("QualificationRequirements", serde_json::json!([{ "Comparator": "Exists" }])),
        ("Colour", serde_json::json!("red")),
        ("Keywords", serde_json::json!(null)),
    ] {
        let answer = heard::Heard { body: hit(member, value.clone()), ..good.clone() };
        assert_eq!(boto.departures("GetHIT", &answer).await.len(), 1, "{member} {value}");
    }
    let body = serde_json::json!({ "__type": "RequestError", "message": "no", "Reason": "x" }).to_string();
    let error = heard::Heard { status: 400, body, ..heard::Heard::default() };
    assert_eq!(boto.departures("GetHIT", &error).await.len(), 2);
}
