//! Simulated workers on the real worker site, with a stand-in for the study's door and for oTree.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use market::engine::assignments;
use market::engine::qualifications::grants;
use market::workers::bots::{BotEvent, BotPlan, Shares, run};
use serde_json::json;
use tokio::sync::mpsc;

use crate::tests::{KEY, tested};
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
async fn bots_fill_hits_that_come_as_a_form_until_the_site_takes_it() {
    let world = world().await;
    let (hit_id, _) = world.publish("Pick a number", crate::tests::FORM, 6).await;
    let (events, _stages) = mpsc::channel(100);
    let reports = run(plan(&world, 4), events).await;
    for report in &reports {
        assert_eq!((&report.outcome, &report.hit_id), (&Ok(()), &Some(hit_id.clone())), "{report:?}");
    }
    let mut conn = world.market.pool().acquire().await.unwrap();
    for report in &reports {
        let id = report.assignment_id.as_ref().unwrap();
        let answer = assignments::find(&mut conn, id).await.unwrap().unwrap().answer.unwrap();
        assert!(answer.contains("<QuestionIdentifier>payoff</QuestionIdentifier><SelectionIdentifier>"));
        assert!(answer.contains("<QuestionIdentifier>players</QuestionIdentifier><SelectionIdentifier>"));
    }
    let (returns, unfinished) = (
        Shares { give_back: 1.0, ..Shares::default() },
        Shares { submit_unfinished: 1.0, ..Shares::default() },
    );
    for (shares, ends_well) in [(returns, true), (unfinished, false)] {
        let (events, _stages) = mpsc::channel(100);
        let report = run(BotPlan { shares, ..plan(&world, 1) }, events).await.remove(0);
        assert_eq!(report.outcome.is_ok(), ends_well, "{report:?}");
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

#[tokio::test]
async fn a_bot_takes_the_test_that_a_hit_wants_and_plays() {
    let world = world().await;
    let (base, _) = study().await;
    let id = tested(&world, Some(KEY), None).await;
    let wanted = json!([{ "QualificationTypeId": id, "Comparator": "Exists" }]);
    world.publish_for("Pick a number", &external(&format!("{base}go/1")), 3, wanted).await;
    let (events, _) = mpsc::channel(100);
    for report in run(plan(&world, 3), events).await {
        assert_eq!(report.outcome, Ok(()), "{report:?}");
        let mut conn = world.market.pool().acquire().await.unwrap();
        let held = grants::of_worker(&mut conn, report.worker_id.as_deref().unwrap()).await.unwrap();
        let held: Vec<_> = held.into_iter().map(|held| held.qualification_type_id).collect();
        assert_eq!(held, std::slice::from_ref(&id));
    }
    let mut conn = world.market.pool().acquire().await.unwrap();
    let answers: Vec<String> = sqlx::query_scalar("select answer from market.qualification_request")
        .fetch_all(&mut *conn)
        .await
        .unwrap();
    for answer in &answers {
        // The rules of the form's three questions: one of a list, one or two boxes, a number from 18 to 99.
        assert!(answer.matches("<SelectionIdentifier>").count() >= 2, "{answer}");
        let age = answer.split("<FreeText>").nth(1).unwrap().split('<').next().unwrap();
        assert!((18..=99).contains(&age.parse().unwrap()), "{answer}");
    }
    assert_eq!(answers.len(), 3);
}

#[tokio::test]
async fn a_bot_that_is_not_let_in_says_what_it_lacks() {
    let world = world().await;
    let decided = tested(&world, None, None).await;
    let wants = async |title: &str, requirement: serde_json::Value| {
        world.publish_for(title, &external("https://hr.example/go/1"), 1, json!([requirement])).await;
        let (events, _) = mpsc::channel(100);
        let plan = BotPlan {
            group_title: Some(title.into()),
            wait_limit: Duration::from_millis(300),
            ..plan(&world, 1)
        };
        run(plan, events).await.remove(0).outcome.unwrap_err()
    };
    let home = json!({ "QualificationTypeId": "00000000000000000071", "Comparator": "In",
        "LocaleValues": [{ "Country": "DK" }] });
    let why = wants("At home", home).await;
    assert!(why.contains("could be taken in time: ") && why.contains("Worker_Locale must be DK"), "{why}");
    // It handed in the test; whoever should decide has not.
    let guarded = json!({ "QualificationTypeId": decided, "Comparator": "Exists",
        "ActionsGuarded": "PreviewAndAccept" });
    let why = wants("For the chosen", guarded).await;
    assert!(why.contains("Rules None is needed"), "{why}");
    let asked: i64 = sqlx::query_scalar("select count(*) from market.qualification_request")
        .fetch_one(world.market.pool())
        .await
        .unwrap();
    assert_eq!(asked, 1, "asked once, however often it looked");
}

#[tokio::test]
async fn every_crowd_element_is_filled_or_reported() {
    let world = world().await;
    let fields = "<crowd-radio-group><crowd-radio-button name=dove>Dove</crowd-radio-button>
         <crowd-radio-button name=hawk>Hawk</crowd-radio-button></crowd-radio-group>
         <crowd-checkbox name=sure required></crowd-checkbox><crowd-slider name=risk min=3 max=7></crowd-slider>
         <crowd-text-area name=why minlength=40></crowd-text-area>";
    let submits = async |title: &str, fields: &str| {
        let question = html_question(&format!("<crowd-form>{fields}</crowd-form>"));
        world.publish(title, &question, 1).await;
        let (events, _) = mpsc::channel(100);
        let plan = BotPlan { group_title: Some(title.into()), ..plan(&world, 1) };
        run(plan, events).await.remove(0)
    };
    let report = submits("Birds", fields).await;
    assert_eq!(report.outcome, Ok(()));
    let mut conn = world.market.pool().acquire().await.unwrap();
    let assignment = report.assignment_id.unwrap();
    let answer =
        market::engine::assignments::find(&mut conn, &assignment).await.unwrap().unwrap().answer.unwrap();
    let said = answer.split("<FreeText>").nth(1).unwrap().split("</FreeText>").next().unwrap();
    let said: serde_json::Value = serde_json::from_str(&said.replace("&quot;", "\"")).unwrap();
    let said = &said[0];
    assert_ne!(said["dove"]["on"], said["hawk"]["on"], "{said}");
    assert_eq!(said["sure"]["on"], true);
    assert!((3..=7).contains(&said["risk"].as_str().unwrap().parse().unwrap()), "{said}");
    assert!(said["why"].as_str().unwrap().len() >= 40, "{said}");

    let report =
        submits("Pictures", &format!("{fields}<crowd-bounding-box name=box></crowd-bounding-box>")).await;
    let why = report.outcome.unwrap_err();
    assert!(why.contains("the field box asks for what a <crowd-bounding-box> takes"), "{why}");
    assert!(report.unfilled_page.is_some());
}
