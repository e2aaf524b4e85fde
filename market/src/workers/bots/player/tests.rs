//! The player against a small stand-in that answers as oTree 6 does.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{Html as Markup, IntoResponse, Redirect, Response};
use axum::routing::get;
use rand::SeedableRng;

use super::*;
use crate::workers::bots::browser;

/// What happened at the stand-in.
#[derive(Default)]
struct Seen {
    posts: AtomicUsize,
    waits: AtomicUsize,
}

type Shared = Arc<Seen>;

fn page(body: &str) -> Response {
    Markup(format!("<html><body><form id=form method=post>{body}</form></body></html>")).into_response()
}

const NEXT: &str = "<button class='otree-btn-next btn btn-primary'>Next</button>";

fn decide(error: &str) -> Response {
    page(&format!(
        "<div class='mb-3 _formfield'><div class=controls><input type=number name=number min=0 max=10 required></div>
         <div class=form-control-errors>{error}</div></div>{NEXT}"
    ))
}

async fn show(State(seen): State<Shared>, Path((_, name, _)): Path<(String, String, u32)>) -> Response {
    match name.as_str() {
        "Decide" => decide(""),
        "Wait" if seen.waits.fetch_add(1, Ordering::SeqCst) < 2 => {
            ([("oTree-Wait-Page", "1")], "").into_response()
        }
        "Wait" => Redirect::to("../Done/3").into_response(),
        "Forever" => ([("oTree-Wait-Page", "1")], "").into_response(),
        "Upload" => page(&format!("<input type=file name=photo required>{NEXT}")),
        "Crash" => (StatusCode::INTERNAL_SERVER_ERROR, Markup("<h1>Server error (500)</h1>")).into_response(),
        "Never" | "Trials" => page(&format!("<div>trials</div>{NEXT}")),
        _ => page("<p>Done</p><a id=exit-link href='https://hr.example/exit/1'>Return</a>"),
    }
}

/// Accepts only 7 on Decide, and nothing at all on Never.
async fn take(
    State(seen): State<Shared>,
    Path((_, name, _)): Path<(String, String, u32)>,
    body: String,
) -> Response {
    seen.posts.fetch_add(1, Ordering::SeqCst);
    let marker = |body: Response| ([("oTree-Redisplay-With-Errors", "1")], body).into_response();
    match (name.as_str(), body.as_str()) {
        ("Decide", "number=7") => Redirect::to("../Wait/2").into_response(),
        ("Decide", _) => marker(decide("Another one, please.")),
        ("Trials", _) => page(NEXT),
        _ => marker(page(&format!("<div class=otree-form-errors>No.</div>{NEXT}"))),
    }
}

async fn site() -> (Url, Shared) {
    let seen = Shared::default();
    let app = Router::new()
        .route("/InitializeParticipant/{code}", get(|| async { Redirect::temporary("/p/abcd1234/Decide/1") }))
        .route("/p/{code}/{name}/{n}", get(show).post(take))
        .with_state(seen.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    (base, seen)
}

async fn played(from: &str) -> (Result<Played, PlayError>, Shared) {
    let (base, seen) = site().await;
    let mut browser = Browser::new(browser::client().unwrap());
    let mut manner = Manner {
        rng: StdRng::seed_from_u64(6),
        wait_limit: Duration::from_millis(200),
        look_every: Duration::from_millis(5),
        known: HashMap::new(),
    };
    (play(&mut browser, &base.join(from).unwrap(), &mut manner).await, seen)
}

#[tokio::test]
async fn a_participant_is_played_through_refusals_and_a_wait_page_to_the_end() {
    let (played, seen) = played("/InitializeParticipant/abcd1234").await;
    let played = played.unwrap();
    assert_eq!((played.participant_code.as_str(), played.answered), ("abcd1234", 1));
    assert!(played.end.url.path().ends_with("/Done/3"));
    assert!(seen.posts.load(Ordering::SeqCst) > 1, "7 was not the first guess of this seed");
    assert_eq!(seen.waits.load(Ordering::SeqCst), 3);
    let door = "https://hr.example/go/1".parse().unwrap();
    assert_eq!(exit(&played.end, &door).unwrap().as_str(), "https://hr.example/exit/1");
}

#[tokio::test]
async fn a_page_that_accepts_nothing_is_reported_with_its_words() {
    let (played, _) = played("/p/abcd1234/Never/1").await;
    assert!(
        matches!(played, Err(PlayError::Refused { tries: MOST_TRIES, complaint, .. }) if complaint == "No.")
    );
    let (refused, seen) = self::played("/p/abcd1234/Trials/1").await;
    assert!(matches!(refused, Err(PlayError::Unfillable { why, .. }) if why.contains("script")));
    assert_eq!(seen.posts.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_wait_page_that_does_not_move_is_reported() {
    let (played, _) = played("/p/abcd1234/Forever/2").await;
    assert!(matches!(played, Err(PlayError::Stuck { path, .. }) if path == "/p/abcd1234/Forever/2"));
}

#[tokio::test]
async fn an_upload_is_reported_not_skipped() {
    let (played, seen) = played("/p/abcd1234/Upload/2").await;
    assert!(matches!(played, Err(PlayError::Unfillable { .. })));
    assert_eq!(seen.posts.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_server_error_is_reported_with_its_text() {
    let (played, _) = played("/p/abcd1234/Crash/2").await;
    let error = played.unwrap_err().to_string();
    assert!(error.contains("500") && error.contains("Server error (500)"), "{error}");
}

#[test]
fn the_exit_is_found_in_what_the_script_was_given() {
    let body =
        r#"<script>var js_vars = {"a": 1, "exit_url": "http://hr.example/exit/2"};</script><form></form>"#;
    let url: Url = "http://otree.example/p/abcd1234/app/Done/2".parse().unwrap();
    let end = Page { url, status: StatusCode::OK, headers: Default::default(), body: body.into() };
    let back = |to: &str| exit(&end, &to.parse().unwrap()).map(String::from);
    assert_eq!(back("http://hr.example/go").as_deref(), Some("http://hr.example/exit/2"));
    assert_eq!(back("http://elsewhere.example/"), None);
}

#[test]
fn participant_codes_are_read_from_every_kind_of_address() {
    for (path, code) in [
        ("/p/abcd1234/app/Decide/1", Some("abcd1234")),
        ("/lab/InitializeParticipant/abcd1234?participant_label=x", Some("abcd1234")),
        ("/OutOfRangeNotification/abcd1234", Some("abcd1234")),
        ("/go/abcd1234", None),
    ] {
        let url = Url::parse("http://o.example").unwrap().join(path).unwrap();
        assert_eq!(participant_code(&url).as_deref(), code, "{path}");
    }
}
