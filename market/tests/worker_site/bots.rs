//! Simulated workers on the real worker site, with a stand-in for the study's door and for oTree.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use market::workers::bots::{BotEvent, BotPlan, run};
use tokio::sync::mpsc;

use crate::world::{World, external, html_question, world};

/// Which participants came to the end.
pub type Finished = Arc<Mutex<HashMap<String, bool>>>;
type Params = Query<HashMap<String, String>>;

/// The status page in the frame: a link, and a button that is enabled once the participant is done.
async fn door(State(finished): State<Finished>, Query(given): Params) -> Html<String> {
    let (assignment, submit_to) = (&given["assignmentId"], &given["turkSubmitTo"]);
    let done = finished.lock().unwrap().contains_key(&code_of(assignment));
    let disabled = if done { "" } else { "disabled" };
    Html(format!(
        "<a target=_blank href='/open?assignmentId={assignment}'>Open</a>
         <form method=post action='{submit_to}/mturk/externalSubmit'>
         <input type=hidden name=assignmentId value='{assignment}'><input type=hidden name=participation value=p1>
         <button {disabled}>Submit</button></form>"
    ))
}

async fn open(Query(given): Params) -> Redirect {
    Redirect::to(&format!("/p/{}/app/Decide/1", code_of(&given["assignmentId"])))
}

/// A participant code for an assignment: eight characters of its end.
fn code_of(assignment: &str) -> String {
    assignment[assignment.len() - 8..].to_lowercase()
}

async fn shown(State(finished): State<Finished>, Path((code, page)): Path<(String, String)>) -> Response {
    let form = |body: &str| Html(format!("<form method=post>{body}</form>")).into_response();
    match page.as_str() {
        "Decide" => {
            form("<input type=number name=n min=0 max=10 required><button class=otree-btn-next>Next</button>")
        }
        "Crash" => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        "Picture" => {
            form("<input type=file name=picture required><button class=otree-btn-next>Next</button>")
        }
        _ => {
            finished.lock().unwrap().insert(code, true);
            form("<p>Done</p>")
        }
    }
}

pub async fn study() -> (url::Url, Finished) {
    let finished = Finished::default();
    let decided = |next: &'static str| move || async move { Redirect::to(next) };
    let app = Router::new()
        .route("/go/1", get(door))
        .route("/open", get(open))
        .route("/picture", get(|| async { Redirect::to("/p/abcd1234/app/Picture/1") }))
        .route("/crash", get(|| async { Redirect::to("/p/abcd1234/app/Crash/1") }))
        .route("/p/{code}/app/{page}/1", get(shown).post(decided("../Done/1")))
        .with_state(finished.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    (base, finished)
}

pub fn plan(world: &World, workers: usize) -> BotPlan {
    BotPlan {
        group_title: Some("Pick a number".into()),
        wait_limit: Duration::from_secs(10),
        look_every: Duration::from_millis(20),
        ..BotPlan::new(world.at(""), workers)
    }
}

#[tokio::test]
async fn bots_of_two_batches_play_and_submit() {
    let world = world().await;
    let (base, finished) = study().await;
    world.publish("Something else", &external("https://elsewhere.example/"), 9).await;
    for _ in 0..2 {
        world.publish("Pick a number", &external(&format!("{base}go/1?study=7")), 2).await;
    }
    let (events, mut stages) = mpsc::channel(100);
    let reports = run(plan(&world, 4), events).await;
    for report in &reports {
        assert_eq!(report.outcome, Ok(()), "{report:?}");
        assert!(finished.lock().unwrap().contains_key(report.participant_code.as_ref().unwrap()));
    }
    let mut hits: Vec<_> = reports.iter().filter_map(|report| report.hit_id.clone()).collect();
    hits.sort();
    hits.dedup();
    assert_eq!(hits.len(), 2);
    let mut submitted = 0;
    while let Ok(event) = stages.try_recv() {
        submitted += usize::from(matches!(event, BotEvent::Submitted { .. }));
    }
    assert_eq!(submitted, 4);
}

#[tokio::test]
async fn a_bot_pastes_the_completion_code_into_a_crowd_form() {
    let world = world().await;
    let (base, _) = study().await;
    let content = format!(
        "<crowd-form><a class='otree-link' href='{base}open'>Open</a>
         <crowd-input name='completion_code' required></crowd-input></crowd-form>"
    );
    world.publish("Pick a number", &html_question(&content), 1).await;
    let (events, _) = mpsc::channel(100);
    let report = run(plan(&world, 1), events).await.remove(0);
    assert_eq!(report.outcome, Ok(()));
    let mut conn = world.market.pool().acquire().await.unwrap();
    let assignment =
        market::engine::assignments::find(&mut conn, &report.assignment_id.unwrap()).await.unwrap();
    assert!(assignment.unwrap().answer.unwrap().contains(&report.participant_code.unwrap()));
}

#[tokio::test]
async fn what_a_bot_cannot_do_is_in_its_report() {
    let world = world().await;
    let (base, _) = study().await;
    world.publish("Pick a number", &external(&format!("{base}crash")), 1).await;
    let (events, mut stages) = mpsc::channel(100);
    let report = run(plan(&world, 1), events).await.remove(0);
    let why = report.outcome.unwrap_err();
    assert!(why.contains("/p/abcd1234/app/Crash/1") && why.contains("500"), "{why}");
    assert!(report.assignment_id.is_some());
    let mut failed = false;
    while let Ok(event) = stages.try_recv() {
        failed |= matches!(event, BotEvent::Failed { bot: 1, .. });
    }
    assert!(failed);
}
