//! The real SDK against servers that answer as the service was seen to answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wiremock::matchers::{body_partial_json, header};
use wiremock::{Mock, MockBuilder, MockServer, ResponseTemplate};

use super::*;

fn mturk(endpoint: &str) -> MTurk {
    let account = Account {
        name: format!("test {endpoint}"),
        endpoint: endpoint.parse().unwrap(),
        access_key_id: "AKIAEXAMPLE".into(),
        secret: "very-secret-key".into(),
        pace: Pace::BRISK,
        hurry: 1.0,
    };
    MTurk::new(&account, http_client())
}

fn on(operation: &str) -> MockBuilder {
    Mock::given(header("x-amz-target", format!("MTurkRequesterServiceV20170117.{operation}").as_str()))
}

fn json_answer(status: u16, body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_raw(body.to_string(), "application/x-amz-json-1.1")
}

fn refusal(code: &str, message: &str) -> ResponseTemplate {
    let body = json!({"__type": "RequestError", "Message": message,
        "TurkErrorCode": format!("AWS.MechanicalTurk.{code}")});
    json_answer(400, &body)
}

async fn answering(operation: &str, answer: ResponseTemplate) -> (MockServer, MTurk) {
    let server = MockServer::start().await;
    on(operation).respond_with(answer).mount(&server).await;
    let mturk = mturk(&server.uri());
    (server, mturk)
}

async fn requests(server: &MockServer) -> usize {
    server.received_requests().await.unwrap().len()
}

fn bonus() -> Bonus {
    Bonus {
        worker_id: "A1WORKER".into(),
        assignment_id: "3ASSIGNMENT".into(),
        amount: Cents(125),
        reason: "Payoff [mark]".into(),
        token: "token-1".into(),
    }
}

fn unit() -> Unit {
    Unit {
        offer_id: "3TYPE".into(),
        task: Task::Frame { url: "https://hr.example.org/go/x?a=1&b=2".into(), height: 500 },
        places: 9,
        lifetime_s: 3600,
        mark: "batch-7".into(),
        token: "token-7".into(),
    }
}

fn hit(id: &str, mark: &str) -> Value {
    json!({"HITId": id, "HITGroupId": "3GROUP", "HITStatus": "Assignable", "Expiration": 1_800_000_000.5,
        "RequesterAnnotation": mark})
}

/// Reads each request to its end, writes `answer`, closes; counts.
async fn rude_server(answer: &'static [u8]) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let seen = Arc::new(AtomicUsize::new(0));
    let count = seen.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !is_whole(&request) && stream.read_buf(&mut request).await.unwrap_or(0) > 0 {}
            if is_whole(&request) {
                count.fetch_add(1, Ordering::SeqCst);
            }
            stream.write_all(answer).await.ok();
        }
    });
    (address, seen)
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length =
        head.lines().find_map(|l| l.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    body.len() >= length.unwrap_or(0)
}

#[tokio::test]
async fn a_bonus_goes_out_signed_with_its_token_and_two_decimals() {
    let server = MockServer::start().await;
    let expected = json!({"WorkerId": "A1WORKER", "AssignmentId": "3ASSIGNMENT", "BonusAmount": "1.25",
        "Reason": "Payoff [mark]", "UniqueRequestToken": "token-1"});
    on("SendBonus")
        .and(body_partial_json(expected))
        .respond_with(json_answer(200, &json!({})))
        .expect(1)
        .mount(&server)
        .await;
    assert_eq!(mturk(&server.uri()).bonus(&bonus()).await, Outcome::Done(()));
    let request = &server.received_requests().await.unwrap()[0];
    let signature = request.headers["authorization"].to_str().unwrap();
    assert!(
        signature.contains("AKIAEXAMPLE/") && signature.contains("/us-east-1/mturk-requester/aws4_request")
    );
}

#[tokio::test]
async fn a_dropped_answer_to_a_call_about_money_is_unknown_and_never_sent_again() {
    let (address, seen) = rude_server(b"").await;
    let mturk = mturk(&address);
    assert!(matches!(mturk.bonus(&bonus()).await, Outcome::Unknown(_)));
    assert_eq!(seen.load(Ordering::SeqCst), 1);
    assert!(matches!(mturk.publish(&unit()).await, Outcome::Unknown(_)));
    assert_eq!(seen.load(Ordering::SeqCst), 2);
    assert!(matches!(mturk.approve("3A", "").await, Outcome::Unknown(_)));
    assert_eq!(seen.load(Ordering::SeqCst), 3);
    assert!(matches!(mturk.reject("3A", "no").await, Outcome::Unknown(_)));
    assert_eq!(seen.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn half_an_answer_is_unknown() {
    let (address, seen) = rude_server(b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{").await;
    assert!(matches!(mturk(&address).bonus(&bonus()).await, Outcome::Unknown(_)));
    assert_eq!(seen.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_has_certainly_done_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    assert!(matches!(mturk(&address).bonus(&bonus()).await, Outcome::NotNow(_)));
}

#[tokio::test]
async fn trouble_after_sending_is_unknown_and_sent_once() {
    let fault = json!({"__type": "ServiceFault", "Message": "try later"});
    for answer in [json_answer(500, &fault), ResponseTemplate::new(503).set_body_string("<html>busy</html>")]
    {
        let (server, mturk) = answering("SendBonus", answer).await;
        assert!(matches!(mturk.bonus(&bonus()).await, Outcome::Unknown(_)));
        assert_eq!(requests(&server).await, 1);
    }
}

#[tokio::test]
async fn a_page_in_place_of_an_answer_is_not_success() {
    let page = ResponseTemplate::new(200).set_body_raw("<html>Welcome</html>", "text/html");
    for operation in ["SendBonus", "ApproveAssignment", "CreateHITWithHITType"] {
        let (server, mturk) = answering(operation, page.clone()).await;
        let unknown = match operation {
            "SendBonus" => matches!(mturk.bonus(&bonus()).await, Outcome::Unknown(_)),
            "ApproveAssignment" => matches!(mturk.approve("3A", "").await, Outcome::Unknown(_)),
            _ => matches!(mturk.publish(&unit()).await, Outcome::Unknown(_)),
        };
        assert!(unknown, "{operation}");
        assert_eq!(requests(&server).await, 1, "{operation}");
    }
}

#[tokio::test]
async fn a_throttled_payment_is_certainly_not_done() {
    let throttled = json_answer(400, &json!({"__type": "ThrottlingException", "message": "Rate exceeded"}));
    let (server, mturk) = answering("SendBonus", throttled).await;
    assert!(matches!(mturk.bonus(&bonus()).await, Outcome::NotNow(_)));
    assert_eq!(requests(&server).await, 1);
}

#[tokio::test]
async fn a_throttled_question_is_asked_again() {
    let server = MockServer::start().await;
    let throttled = json_answer(400, &json!({"__type": "ThrottlingException", "message": "Rate exceeded"}));
    on("GetAccountBalance").respond_with(throttled).up_to_n_times(1).mount(&server).await;
    let answer = json_answer(200, &json!({"AvailableBalance": "10000.00"}));
    on("GetAccountBalance").respond_with(answer).mount(&server).await;
    assert_eq!(mturk(&server.uri()).balance().await, Ok(Cents(1_000_000)));
    assert_eq!(requests(&server).await, 2);
}

#[tokio::test]
async fn a_repeated_bonus_token_is_done() {
    let words = "The idempotency token \"token-1\" has already been processed. (1668732342342 s)";
    let (_server, mturk) = answering("SendBonus", refusal("InvalidParameterValue", words)).await;
    assert_eq!(mturk.bonus(&bonus()).await, Outcome::Done(()));
}

#[tokio::test]
async fn a_repeated_publication_finds_the_hit_it_made() {
    let words = "The HIT with ID \"3HIT\" already exists. (1668732342342)";
    let (server, mturk) = answering("CreateHITWithHITType", refusal("HITAlreadyExists", words)).await;
    on("GetHIT")
        .and(body_partial_json(json!({"HITId": "3HIT"})))
        .respond_with(json_answer(200, &json!({"HIT": hit("3HIT", "batch-7")})))
        .mount(&server)
        .await;
    let Outcome::Done(published) = mturk.publish(&unit()).await else { panic!("done") };
    assert_eq!((published.unit_id.as_str(), published.live), ("3HIT", true));
}

#[tokio::test]
async fn a_repeated_publication_without_an_id_is_found_by_its_mark() {
    let words = "The idempotency token \"token-7\" has already been processed.";
    let (server, mturk) = answering("CreateHITWithHITType", refusal("", words)).await;
    let list = json!({"HITs": [hit("3OTHER", "batch-6"), hit("3HIT", "batch-7")]});
    on("ListHITs").respond_with(json_answer(200, &list)).mount(&server).await;
    let Outcome::Done(published) = mturk.publish(&unit()).await else { panic!("done") };
    assert_eq!(published.unit_id, "3HIT");
}

#[tokio::test]
async fn a_publication_carries_mark_token_and_an_escaped_address() {
    let created = json_answer(200, &json!({"HIT": hit("3HIT", "batch-7")}));
    let (server, mturk) = answering("CreateHITWithHITType", created).await;
    let Outcome::Done(published) = mturk.publish(&unit()).await else { panic!("done") };
    assert_eq!(published.expires_at.unwrap().timestamp_millis(), 1_800_000_000_500);
    let body: Value = server.received_requests().await.unwrap()[0].body_json().unwrap();
    assert_eq!(body["UniqueRequestToken"], "token-7");
    assert_eq!(body["RequesterAnnotation"], "batch-7");
    assert_eq!(body["MaxAssignments"], 9);
    assert!(body["Question"].as_str().unwrap().contains("/go/x?a=1&amp;b=2</ExternalURL>"));
}

#[tokio::test]
async fn a_page_too_large_for_the_recruiter_is_refused_before_anything_is_sent() {
    let server = MockServer::start().await;
    let task = Task::Html { html: "x".repeat(QUESTION_LIMIT), height: 0 };
    let outcome = mturk(&server.uri()).publish(&Unit { task, ..unit() }).await;
    assert!(matches!(outcome, Outcome::Refused(Refusal { kind: RefusalKind::Invalid, .. })));
    assert_eq!(requests(&server).await, 0);
}

#[tokio::test]
async fn refusals_keep_their_kind_on_the_way() {
    let table = [
        ("InsufficientFunds", "This Requester has insufficient funds", RefusalKind::Funds),
        ("AssignmentDoesNotExist", "Assignment 3A does not exist.", RefusalKind::Missing),
        ("InvalidAssignmentState", "can be called with a status of: Submitted", RefusalKind::State),
    ];
    for (code, message, kind) in table {
        let (server, mturk) = answering("ApproveAssignment", refusal(code, message)).await;
        let Outcome::Refused(refusal) = mturk.approve("3A", "thanks").await else { panic!("{code}") };
        assert_eq!(refusal.kind, kind, "{code}");
        assert_eq!(requests(&server).await, 1, "{code}");
    }
}

#[tokio::test]
async fn exceptions_that_the_sdk_does_not_know_are_sorted_too() {
    for (status, name, kind) in [
        (400, "ParameterValidationError", RefusalKind::Invalid),
        (400, "ValidationException", RefusalKind::Invalid),
        (403, "com.amazon.coral.service#InvalidSignatureException", RefusalKind::Credentials),
        (400, "UnrecognizedClientException", RefusalKind::Credentials),
    ] {
        let answer = json_answer(status, &json!({"__type": name, "message": "something"}));
        let (_server, mturk) = answering("SendBonus", answer).await;
        let Outcome::Refused(refusal) = mturk.bonus(&bonus()).await else { panic!("{name}") };
        assert_eq!(refusal.kind, kind, "{name}");
    }
}

fn assignment(id: &str) -> Value {
    json!({"AssignmentId": id, "HITId": "3HIT", "WorkerId": "A1", "AssignmentStatus": "Submitted",
        "SubmitTime": 1_700_000_000, "AutoApprovalTime": 1_700_086_400, "Answer":
        "<QuestionFormAnswers><Answer><QuestionIdentifier>code</QuestionIdentifier><FreeText>k7</FreeText></Answer></QuestionFormAnswers>"})
}

#[tokio::test]
async fn a_list_ends_without_a_token_or_with_an_empty_page() {
    for last in [
        json!({"Assignments": [assignment("3B")]}),
        json!({"Assignments": [assignment("3B")], "NextToken": "p3"}),
    ] {
        let server = MockServer::start().await;
        let page = |token: &str, body: &Value| {
            let token = json!({"NextToken": token});
            on("ListAssignmentsForHIT").and(body_partial_json(token)).respond_with(json_answer(200, body))
        };
        page("p3", &json!({"NumResults": 0, "Assignments": []})).mount(&server).await;
        page("p2", &last).mount(&server).await;
        let first = json!({"Assignments": [assignment("3A")], "NextToken": "p2"});
        on("ListAssignmentsForHIT").respond_with(json_answer(200, &first)).mount(&server).await;
        let found = mturk(&server.uri()).submissions("3HIT").await.unwrap();
        let ids: Vec<_> = found.iter().map(|s| s.assignment_id.as_str()).collect();
        assert_eq!(ids, ["3A", "3B"]);
        assert_eq!(found[0].answers, [("code".to_owned(), "k7".to_owned())]);
    }
}

#[tokio::test]
async fn a_list_that_never_ends_is_given_up() {
    let page = json!({"Assignments": [], "NextToken": "same"});
    let (server, mturk) = answering("ListAssignmentsForHIT", json_answer(200, &page)).await;
    assert!(matches!(mturk.submissions("3HIT").await, Err(AskError::Unavailable(_))));
    assert_eq!(requests(&server).await, 2);
}

#[tokio::test]
async fn what_was_not_submitted_yet_is_none() {
    for message in [
        "This operation can be called with a status of: Reviewable,Approved,Rejected (1668732342342 s)",
        "Assignment 3A does not exist.",
    ] {
        let answer = json_answer(400, &json!({"__type": "RequestError", "Message": message}));
        let (_server, mturk) = answering("GetAssignment", answer).await;
        assert_eq!(mturk.submission("3A").await, Ok(None), "{message}");
    }
}

#[tokio::test]
async fn a_unit_that_is_gone_is_none_and_trouble_is_not() {
    let (_server, gone) = answering("GetHIT", refusal("HITDoesNotExist", "Hit 3H does not exist.")).await;
    assert_eq!(gone.unit("3H").await, Ok(None));
    let (_server, funds) = answering("GetHIT", ResponseTemplate::new(404)).await;
    assert!(matches!(funds.unit("3H").await, Err(AskError::Unavailable(_))));
}

#[tokio::test]
async fn expiring_twice_is_done() {
    let words = "The idempotency token \"3HIT-0\" has already been processed.";
    let (server, mturk) = answering("UpdateExpirationForHIT", refusal("", words)).await;
    assert_eq!(mturk.expire("3HIT").await, Outcome::Done(()));
    let body: Value = server.received_requests().await.unwrap()[0].body_json().unwrap();
    assert_eq!(body["ExpireAt"], 0);
}

#[tokio::test]
async fn an_offer_is_registered_with_its_requirements() {
    let (server, mturk) = answering("CreateHITType", json_answer(200, &json!({"HITTypeId": "3TYPE"}))).await;
    let offer = Offer {
        title: "Pick a number".into(),
        description: "Two minutes".into(),
        keywords: String::new(),
        reward: Cents(50),
        duration_s: 1800,
        auto_approve_s: 86_400,
        qualifications: json!([{"QualificationTypeId": "Q", "Comparator": "DoesNotExist"}]),
    };
    assert_eq!(mturk.register(&offer).await, Outcome::Done("3TYPE".into()));
    let body: Value = server.received_requests().await.unwrap()[0].body_json().unwrap();
    assert_eq!((body["Reward"].as_str(), body.get("Keywords")), (Some("0.50"), None));
    assert_eq!(body["QualificationRequirements"][0]["Comparator"], "DoesNotExist");
    let odd = Offer { qualifications: json!({"no": "list"}), ..offer };
    assert!(matches!(mturk.register(&odd).await, Outcome::Refused(_)));
}

#[tokio::test]
async fn bonuses_are_read_with_their_reasons() {
    let payments = json!({"BonusPayments": [{"WorkerId": "A1", "BonusAmount": "1.25", "AssignmentId": "3A",
        "Reason": "Payoff [mark]", "GrantTime": 1_700_000_000}]});
    let (_server, mturk) = answering("ListBonusPayments", json_answer(200, &payments)).await;
    let paid = mturk.bonuses("3A").await.unwrap();
    assert_eq!((paid[0].amount, paid[0].reason.as_str()), (Cents(125), "Payoff [mark]"));
}

#[test]
fn debug_shows_no_secret() {
    let account = Account {
        name: "n".into(),
        endpoint: "http://localhost".parse().unwrap(),
        access_key_id: "AKIA".into(),
        secret: "very-secret-key".into(),
        pace: Pace::CAREFUL,
        hurry: 1.0,
    };
    let adapter = MTurk::new(&account, http_client());
    assert!(!format!("{account:?}{adapter:?}").contains("very-secret-key"));
}
