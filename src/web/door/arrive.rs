//! `/go/<code>`: what a HIT's frame opens. A preview shows the study; an accepted assignment gets a seat.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::header::USER_AGENT;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde_json::{Map, Value};

use super::{Notice, frame, visitor};
use crate::app::App;
use crate::connections;
use crate::participation::admit::{Admission, Arrival};
use crate::participation::{ParticipationId, redirect};
use crate::studies::{self, Play, State as Stage, Study, batches};
use crate::web::address::ClientAddress;
use crate::web::error::WebResult;

/// What MTurk puts in place of the id until the HIT is accepted.
const PREVIEW: &str = "ASSIGNMENT_ID_NOT_AVAILABLE";
/// Longest value of a participant variable taken from a link.
const LONGEST_VALUE: usize = 1000;

type Parameters = BTreeMap<String, String>;

#[derive(Template)]
#[template(path = "worker/preview.html")]
struct Preview<'a> {
    study: &'a Study,
    in_frame: bool,
}

/// `GET /go/{code}`
///
/// # Errors
/// When the database does not answer.
pub async fn go(
    State(app): State<App>,
    Path(code): Path<String>,
    Query(parameters): Query<Parameters>,
    method: Method,
    address: ClientAddress,
    headers: HeaderMap,
) -> WebResult {
    match arrive(&app, &code, &parameters, &method, address, &headers).await {
        Err(error) if error.is_crowd() => {
            tracing::warn!("an arrival has to come again: the database has no connection free");
            Ok(frame::anywhere(Notice::CROWDED.show(StatusCode::SERVICE_UNAVAILABLE)?))
        }
        answer => answer,
    }
}

async fn arrive(
    app: &App,
    code: &str,
    parameters: &Parameters,
    method: &Method,
    address: ClientAddress,
    headers: &HeaderMap,
) -> WebResult {
    let mut conn = app.pool.acquire().await?;
    let study = studies::store::by_code(&mut conn, code).await?;
    drop(conn);
    let Some(study) = study else { return Notice::UNKNOWN.show(StatusCode::NOT_FOUND) };
    let answer = match accepted(parameters).filter(|_| visitor::is_person(method, headers)) {
        Some(accepted) => {
            let marks = Marks::of(app, &study, address, headers);
            enter(app, &study, &accepted, parameters, marks).await?
        }
        None if study.state == Stage::Closed => Notice::CLOSED.show(StatusCode::OK)?,
        None => {
            Html(Preview { study: &study, in_frame: study.play == Play::InFrame }.render()?).into_response()
        }
    };
    Ok(frame::allow(app, study.connection_id, answer).await?)
}

/// The ids of an accepted assignment.
struct Accepted<'a> {
    assignment: &'a str,
    hit: &'a str,
    worker: &'a str,
}

fn accepted(parameters: &Parameters) -> Option<Accepted<'_>> {
    let id = |name: &str| {
        let text = parameters.get(name)?.as_str();
        let plain = (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric());
        (plain && text != PREVIEW).then_some(text)
    };
    Some(Accepted { assignment: id("assignmentId")?, hit: id("hitId")?, worker: id("workerId")? })
}

/// By what a visitor is known again within one study; neither the address nor the browser's name is kept.
struct Marks {
    network: String,
    browser: String,
}

impl Marks {
    fn of(app: &App, study: &Study, address: ClientAddress, headers: &HeaderMap) -> Self {
        let browser = headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let mark = |what: &str, payload: &str| {
            app.config.keyring.mark(&format!("{what} of an arrival in {}", study.id), payload)
        };
        Self { network: mark("network", &address.network()), browser: mark("browser", browser) }
    }
}

async fn enter(
    app: &App,
    study: &Study,
    accepted: &Accepted<'_>,
    parameters: &Parameters,
    marks: Marks,
) -> WebResult<Response> {
    if study.state == Stage::Draft {
        return Notice::NOT_YET.show(StatusCode::OK);
    }
    let mut conn = app.pool.acquire().await?;
    let batch = batches::by_hit(&mut conn, study.id, accepted.hit).await?;
    let site_state = studies::store::site_state(&mut conn, study.id).await?;
    drop(conn);
    let Some(batch) = batch else {
        let being_published = study.state == Stage::Publishing;
        let notice = if being_published { Notice::NOT_YET } else { Notice::UNKNOWN };
        return notice.show(StatusCode::OK);
    };
    if site_state == "failed" && !known(app, study, accepted.worker).await? {
        return Notice::SITE_DOWN.show(StatusCode::SERVICE_UNAVAILABLE);
    }
    let place = connections::place(app, study.connection_id).await?;
    let arrival = Arrival {
        lab_id: study.lab_id,
        study_id: study.id,
        batch_id: batch.id,
        realm: study.realm(),
        worker: accepted.worker.to_owned(),
        assignment_id: accepted.assignment.to_owned(),
        submit_to: submit_to(parameters, &place.submit_sites),
        variables: Value::Object(variables(study, parameters)),
        network_mark: Some(marks.network),
        browser_mark: Some(marks.browser),
    };
    match app.desk.ask(arrival).await {
        Ok(Admission::Admitted(id) | Admission::Again(id)) => Ok(on(app, study, id)),
        Ok(Admission::Compensated) => Notice::COMPENSATED.show(StatusCode::OK),
        Ok(Admission::OtherBatch) => Notice::OTHER_BATCH.show(StatusCode::OK),
        Ok(Admission::Full) if study.state == Stage::Closed => Notice::CLOSED.show(StatusCode::OK),
        Ok(Admission::Full) => Notice::FULL.show(StatusCode::OK),
        Err(error) => {
            tracing::warn!(study = %study.id, "an arrival has to come again: {error}");
            Notice::CROWDED.show(StatusCode::SERVICE_UNAVAILABLE)
        }
    }
}

async fn known(app: &App, study: &Study, worker: &str) -> sqlx::Result<bool> {
    let mut conn = app.pool.acquire().await?;
    crate::participation::store::is_in(&mut conn, study.id, &study.realm(), worker).await
}

/// To an address without the worker's id: our page, or straight on to oTree.
fn on(app: &App, study: &Study, id: ParticipationId) -> Response {
    let page = redirect::page_path(&app.config.keyring, id);
    match study.play {
        Play::NewTab => Redirect::to(&page).into_response(),
        Play::InFrame | Play::Template => Redirect::to(&format!("{page}/open")).into_response(),
    }
}

fn submit_to(parameters: &Parameters, sites: &[String]) -> Option<String> {
    let told = parameters.get("turkSubmitTo")?;
    sites.iter().find_map(|site| redirect::submit_action(told, site))
}

/// The allowed parameters of the link, as text.
fn variables(study: &Study, parameters: &Parameters) -> Map<String, Value> {
    study
        .variable_names
        .iter()
        .filter_map(|name| Some((name.clone(), parameters.get(name)?)))
        .map(|(name, value)| (name, Value::String(storable(value).take(LONGEST_VALUE).collect())))
        .collect()
}

/// Without the one character that Postgres cannot store: it would fail the whole group of arrivals.
fn storable(value: &str) -> impl Iterator<Item = char> {
    value.chars().filter(|letter| *letter != '\0')
}
