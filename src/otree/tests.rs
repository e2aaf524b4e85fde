//! The adapter against answers as real servers of several versions give them.

use std::time::Duration;

use kernel::outbound::Outbound;
use serde_json::{Value, json};
use wiremock::matchers::{body_json, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;

const KEY: &str = "restkey1";

fn client(server: &MockServer) -> Client {
    let outbound = Outbound::new(vec!["127.0.0.0/8".parse().unwrap()]).unwrap();
    Connector::new(outbound).client(server.uri().parse().unwrap(), Some(KEY.into()))
}

/// A server that gives the same answer to everything.
async fn always(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(wiremock::matchers::any()).respond_with(answer).mount(&server).await;
    server
}

fn says(status: u16, text: &str) -> ResponseTemplate {
    // Like oTree's own errors: text without a content type.
    ResponseTemplate::new(status).set_body_bytes(text.as_bytes())
}

fn redirects(status: u16, to: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).insert_header("location", to)
}

const HTML_500: &str = "<!DOCTYPE html><html><h1>Server Error (500)</h1><p>rest-key</p></html>";

#[tokio::test]
async fn the_version_is_asked_with_and_without_the_key() {
    let server = MockServer::start().await;
    let asked = || Mock::given(method("GET")).and(path("/api/otree_version")).and(no_body);
    asked()
        .and(header("otree-rest-key", KEY))
        .respond_with(says(200, "{\"version\":\"6.0.15\"}"))
        .with_priority(1)
        .mount(&server)
        .await;
    asked().respond_with(says(403, "HTTP Request Header otree-rest-key is missing")).mount(&server).await;
    let client = client(&server);
    assert_eq!(client.version(true).await.unwrap().to_string(), "6.0.15");
    assert_eq!(client.version(false).await, Err(KeyProblem::Missing.into()));
}

fn no_body(request: &wiremock::Request) -> bool {
    request.body.is_empty()
}

#[tokio::test]
async fn an_otree_that_breaks_without_a_body_is_asked_with_one() {
    let server = MockServer::start().await;
    Mock::given(no_body).respond_with(says(500, HTML_500)).expect(1).mount(&server).await;
    let three = says(200, "{\"version\":\"3.4.0\"}");
    Mock::given(body_json(json!({}))).respond_with(three).expect(1).mount(&server).await;
    let version = client(&server).version(true).await.unwrap();
    assert!(!version.has_full_api());
}

#[tokio::test]
async fn every_kind_of_failure_has_its_own_meaning() {
    let odd = |part: &str| ("odd", part.to_owned());
    let unavailable = |part: &str| ("unavailable", part.to_owned());
    let cases: Vec<(ResponseTemplate, (&str, String))> = vec![
        (says(403, "HTTP Request Header otree-rest-key is missing"), ("key", "needs its REST key".into())),
        (says(403, "HTTP Request Header otree-rest-key is incorrect"), ("key", "not the one".into())),
        (
            says(403, "Env var OTREE_REST_KEY must be defined to use REST API"),
            ("key", "no REST key yet".into()),
        ),
        (says(403, "Object of type set is not JSON serializable"), odd("not JSON")),
        (says(403, "<h1>Forbidden by the firewall</h1>"), odd("403")),
        (says(404, "Not Found"), odd("no oTree API")),
        (says(404, "<html>No such app</html>"), odd("no oTree API")),
        (redirects(302, "/accounts/login/?next=/api/otree_version"), ("old", "oTree 3".into())),
        (redirects(301, "https://otree.example.org/api/otree_version"), odd("https://otree.example.org.")),
        (redirects(302, "/login"), odd("another page")),
        (says(200, "<html>Welcome</html>"), odd("not as oTree does")),
        (says(200, "{\"version\":\"latest\"}"), odd("not as oTree does")),
        (says(200, ""), odd("not as oTree does")),
        (says(500, HTML_500), unavailable("500")),
        (says(503, "Application error"), unavailable("503")),
        (says(429, "slow down"), unavailable("429")),
        (says(418, "teapot"), odd("418")),
    ];
    for (answer, (kind, part)) in cases {
        let server = always(answer).await;
        let error = client(&server).version(true).await.unwrap_err();
        let found = match &error {
            ReadError::Key(_) => "key",
            ReadError::Old => "old",
            ReadError::Odd(_) => "odd",
            ReadError::Unavailable(_) => "unavailable",
            ReadError::NotFound => "not found",
        };
        assert_eq!(found, kind, "{error}");
        assert!(error.to_string().contains(&part), "{error:?} does not say {part}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable_in_words() {
    let outbound = Outbound::new(vec!["127.0.0.0/8".parse().unwrap()]).unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client = Connector::new(outbound).client(base.parse().unwrap(), None);
    let error = client.version(false).await.unwrap_err();
    assert_eq!(error, ReadError::Unavailable("Nothing answers at this address.".into()));
}

fn new_session() -> NewSession {
    let changes = json!({"participation_fee": 2.25}).as_object().unwrap().clone();
    NewSession { config: "solo".into(), participants: 3, label: "attempt-1".into(), changes }
}

#[tokio::test]
async fn a_created_session_keeps_only_the_path_of_its_link() {
    let server = MockServer::start().await;
    let expected = json!({
        "session_config_name": "solo", "num_participants": 3, "label": "attempt-1",
        "modified_session_config_fields": {"participation_fee": 2.25},
    });
    let answer = json!({
        "code": "9eotnq0b", "session_wide_url": "http://internal:8000/join/ratogase",
        "admin_url": "http://internal:8000/SessionStartLinks/9eotnq0b",
    });
    Mock::given(method("POST"))
        .and(path("/api/sessions"))
        .and(header("otree-rest-key", KEY))
        .and(body_json(expected))
        .respond_with(says(200, &answer.to_string()))
        .expect(1)
        .mount(&server)
        .await;
    let created = CreateOutcome::Created { code: "9eotnq0b".into(), join_path: "/join/ratogase".into() };
    assert_eq!(client(&server).create(&new_session()).await, created);
}

#[tokio::test]
async fn a_refused_creation_says_why() {
    for (status, said, words, group) in [
        (
            400,
            "Session Config pair: Number of participants (3) is not a multiple of group size (2)",
            "which is 2",
            Some(2),
        ),
        (400, "Session config \"nope\" not found in settings.SESSION_CONFIGS.", "\"nope\" not found", None),
        (400, "The following session config fields are not editable: {'app_sequence'}", "app_sequence", None),
        (403, "unsupported operand type(s) for +: 'int' and 'str'", "failed on the oTree server", None),
        (403, "HTTP Request Header otree-rest-key is incorrect", "not the one", None),
        (403, "Env var OTREE_REST_KEY must be defined to use REST API", "no REST key yet", None),
        (404, "Not Found", "no oTree API", None),
        (405, "Method not allowed", "405", None),
    ] {
        let server = always(says(status, said)).await;
        match client(&server).create(&new_session()).await {
            CreateOutcome::Refused { words: found, group_size } => {
                assert!(found.contains(words), "{found}");
                assert_eq!(group_size, group, "{said}");
            }
            other => panic!("{said}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_redirected_creation_is_refused_and_the_key_stays_home() {
    let server = always(redirects(307, "http://127.0.0.1:9/api/sessions")).await;
    let outcome = client(&server).create(&new_session()).await;
    assert!(matches!(outcome, CreateOutcome::Refused { .. }), "{outcome:?}");
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_unclear_creation_is_never_taken_for_a_session() {
    let valid = json!({"code": "9eotnq0b", "session_wide_url": "http://x/join/ratogase"}).to_string();
    for (status, said) in [
        (500, HTML_500),
        (500, valid.as_str()),
        (502, ""),
        (503, "busy"),
        (504, ""),
        (200, "<html>"),
        (200, "{}"),
    ] {
        let server = always(says(status, said)).await;
        let outcome = client(&server).create(&new_session()).await;
        assert!(matches!(outcome, CreateOutcome::Unclear(_)), "{status} {said}: {outcome:?}");
    }
}

#[tokio::test]
async fn nobody_is_asked_for_a_session_without_participants() {
    let server = always(says(200, "{}")).await;
    let outcome = client(&server).create(&NewSession { participants: 0, ..new_session() }).await;
    assert!(matches!(outcome, CreateOutcome::Refused { .. }));
    assert!(server.received_requests().await.unwrap().is_empty());
}

/// What 6.0.15 says of a session.
fn six() -> Value {
    json!({
        "code": "ttv9yvne", "num_participants": 3, "created_at": 1795219395.51, "label": "L",
        "config_name": "solo", "config": {"name": "solo", "participation_fee": 1.50},
        "REAL_WORLD_CURRENCY_CODE": "USD", "session_wide_url": "http://internal/join/repamaso",
        "participants": [
            {"id_in_session": 1, "code": "7bhaqphv", "label": "A1", "payoff_in_real_world_currency": 0.4,
             "status": "late", "finished": true, "n": 5},
            {"id_in_session": 2, "code": "li1uuoom", "label": null, "payoff_in_real_world_currency": -1.25,
             "status": "", "finished": 0},
        ],
        "mturk_template_html": "<p><a class=\"otree-link\">open</a></p>", "a": [1],
    })
}

#[tokio::test]
async fn a_session_is_read_in_the_new_dialect() {
    let server = MockServer::start().await;
    let body =
        json!({"participant_labels": ["A1"], "participant_vars": ["n", "finished"], "session_vars": ["a"]});
    Mock::given(method("POST"))
        .and(path("/api/get_session/ttv9yvne"))
        .and(body_json(body))
        .respond_with(says(200, &six().to_string()))
        .expect(1)
        .mount(&server)
        .await;
    let query = SessionQuery {
        labels: Some(vec!["A1".into()]),
        participant_vars: vec!["n".into()],
        session_vars: vec!["a".into()],
    };
    let session = client(&server).session("ttv9yvne", &query).await.unwrap();
    assert_eq!((session.config_name.as_str(), session.num_participants), ("solo", 3));
    assert_eq!(session.join_path.as_deref(), Some("/join/repamaso"));
    assert_eq!(session.vars["a"], json!([1]));
    assert!(session.template_html.unwrap().contains("otree-link"));
    let [first, second] = &session.participants[..] else { panic!("two participants") };
    assert_eq!(
        (first.finished, first.status.as_deref(), &first.vars["n"]),
        (Some(true), Some("late"), &json!(5))
    );
    assert_eq!(
        (second.finished, second.label.as_deref(), second.status.as_deref()),
        (Some(false), None, None)
    );
    assert_eq!(second.payoff.as_ref().unwrap().cents("USD").unwrap().0, -125);
    let euros = first.payoff.as_ref().unwrap().cents("EUR");
    assert_eq!(euros, Err(PayoffProblem::OtherCurrency("EUR".into())));
}

#[tokio::test]
async fn the_middle_dialect_is_found_once_and_remembered() {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(says(404, "Not Found")).expect(1).mount(&server).await;
    let mut answer = six();
    for missing in ["code", "label", "config_name", "created_at"] {
        answer.as_object_mut().unwrap().remove(missing);
    }
    for one in answer["participants"].as_array_mut().unwrap() {
        one.as_object_mut().unwrap().remove("finished");
    }
    Mock::given(method("GET"))
        .and(path("/api/sessions/ttv9yvne"))
        .respond_with(says(200, &answer.to_string()))
        .expect(2)
        .mount(&server)
        .await;
    let client = client(&server);
    for _ in 0..2 {
        let session = client.session("ttv9yvne", &SessionQuery::default()).await.unwrap();
        assert_eq!((session.code.as_str(), session.config_name.as_str()), ("ttv9yvne", "solo"));
        assert_eq!(session.participants[0].finished, None, "an experiment that reports nothing");
    }
}

#[tokio::test]
async fn a_lost_session_is_told_from_a_server_that_is_none() {
    for (status, said, lost) in [
        (404, "Not found (maybe the session was deleted): Session, {'code': 'ttv9yvne'}", true),
        (404, "Not found: Session, {'code': 'ttv9yvne'}", true),
        (404, "Not Found", false),
        (404, "<html>There is nothing here yet</html>", false),
        (405, "Method not allowed", false),
        (500, "Not found: Session", false),
    ] {
        let server = always(says(status, said)).await;
        let error = client(&server).session("ttv9yvne", &SessionQuery::default()).await.unwrap_err();
        assert_eq!(error == ReadError::NotFound, lost, "{said}: {error:?}");
    }
}

#[tokio::test]
async fn a_variable_that_is_not_a_number_does_not_hide_the_session() {
    let text = six().to_string().replace("-1.25", "NaN");
    let server = always(says(200, &text)).await;
    let session = client(&server).session("ttv9yvne", &SessionQuery::default()).await.unwrap();
    assert_eq!(session.participants[1].payoff.as_ref().unwrap().cents("USD"), Err(PayoffProblem::NotANumber));
    assert_eq!(session.participants[0].payoff.as_ref().unwrap().cents("USD").unwrap().0, 40);
}

#[tokio::test]
async fn a_session_with_broken_participants_is_odd_rather_than_empty() {
    for broken in [json!({}), json!({"config": {}, "participants": [{"id_in_session": 1}]}), json!([])] {
        let server = always(says(200, &broken.to_string())).await;
        let read = client(&server).session("ttv9yvne", &SessionQuery::default()).await;
        assert!(matches!(read, Err(ReadError::Odd(_))), "{broken}");
    }
}

#[tokio::test]
async fn variables_are_wrapped_and_sent_to_the_right_one() {
    let server = MockServer::start().await;
    let exit = json!({"exit_url": "https://hr.example/p1"});
    for place in ["/api/participant_vars/7bhaqphv", "/api/session_vars/ttv9yvne"] {
        Mock::given(method("POST"))
            .and(path(place))
            .and(body_json(json!({ "vars": exit })))
            .respond_with(says(200, "{}"))
            .expect(1)
            .mount(&server)
            .await;
    }
    let client = client(&server);
    let vars = exit.as_object().unwrap().clone();
    client.set_participant_vars("7bhaqphv", vars.clone()).await.unwrap();
    client.set_session_vars("ttv9yvne", vars).await.unwrap();
}

#[tokio::test]
async fn the_probe_reads_the_redirect_and_sends_no_key() {
    for (answer, expected) in [
        (
            redirects(307, "/p/bjx7br4s/solo_task/Decide/1"),
            Ok(Where::Page { app: "solo_task".into(), page: "Decide".into(), index: 1 }),
        ),
        (redirects(302, "/OutOfRangeNotification/bjx7br4s/"), Ok(Where::PastTheEnd)),
        (
            says(404, "Not found (maybe the session was deleted): Participant, {'code': 'bjx7br4s'}"),
            Ok(Where::Gone),
        ),
        (says(404, "Not Found"), Err("odd")),
        (redirects(302, "https://elsewhere.example/welcome"), Err("odd")),
        (says(200, "<html>"), Err("odd")),
        (says(500, HTML_500), Err("unavailable")),
    ] {
        let server = always(answer).await;
        let found = client(&server).probe("bjx7br4s").await.map_err(|error| match error {
            ReadError::Unavailable(_) => "unavailable",
            _ => "odd",
        });
        assert_eq!(found, expected);
        let asked = server.received_requests().await.unwrap();
        assert!(asked.iter().all(|request| !request.headers.contains_key("otree-rest-key")));
    }
}

#[tokio::test]
async fn a_site_is_asked_by_at_most_two_at_once() {
    let server = always(says(200, "{\"version\":\"6.0.15\"}").set_delay(Duration::from_millis(50))).await;
    let outbound = Outbound::new(vec!["127.0.0.0/8".parse().unwrap()]).unwrap();
    let connector = Connector::new(outbound);
    let begin = tokio::time::Instant::now();
    let calls = (0..6).map(|_| {
        let client = connector.client(server.uri().parse().unwrap(), None);
        async move { client.version(false).await }
    });
    let all = futures_util::future::join_all(calls).await;
    assert!(all.iter().all(Result::is_ok));
    assert!(begin.elapsed() >= Duration::from_millis(150), "six calls of 50 ms, two at a time");
}
