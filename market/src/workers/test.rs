//! The test of a qualification: opening it, its page, handing it in.

use askama::Template;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{DateTime, Utc};

use super::pages::{Here, PageError, Shell, page};
use super::qualifications::back;
use super::questions::{Posted, ShownForm};
use super::session::SignedIn;
use super::{Site, words};
use crate::clock::Whose;
use crate::engine::qualifications::requests::Asked;
use crate::engine::qualifications::testing::{self, HandInError, Run};
use crate::engine::workers::Worker;

#[derive(Template)]
#[template(path = "workers/test.html")]
struct TestPage {
    shell: Shell,
    id: String,
    name: String,
    form: ShownForm,
    deadline: String,
    deadline_iso: String,
    left: String,
    seconds_left: i64,
    rate: f64,
}

pub(super) async fn open(
    State(site): State<Site>,
    SignedIn(worker): SignedIn,
    Path(id): Path<String>,
) -> Result<Response, PageError> {
    let (mut tx, now) = site.market.begin_of(Whose::QualificationType(&id)).await?;
    testing::open(&mut tx, now, &worker.worker_id, &id).await?;
    tx.commit().await?;
    Ok(Redirect::to(&site.links.to(&format!("/qualifications/{id}/test"))).into_response())
}

pub(super) async fn show(
    State(site): State<Site>,
    SignedIn(worker): SignedIn,
    Path(id): Path<String>,
) -> Result<Response, PageError> {
    let (mut tx, now) = site.market.begin_of(Whose::QualificationType(&id)).await?;
    let run = testing::current(&mut tx, now, &worker.worker_id, &id).await?;
    tx.commit().await?;
    render(&site, worker, StatusCode::OK, now, &run, ShownForm::empty(&run.form)).await
}

pub(super) async fn hand_in(
    State(site): State<Site>,
    SignedIn(worker): SignedIn,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, PageError> {
    let posted = Posted::read(&body);
    let (mut tx, now) = site.market.begin_of(Whose::QualificationType(&id)).await?;
    let run = testing::current(&mut tx, now, &worker.worker_id, &id).await?;
    let given = posted.answers(&run.form);
    match testing::hand_in(&mut tx, now, &worker.worker_id, &id, &given).await {
        Ok(asked) => {
            tx.commit().await?;
            Ok(back(&site, if asked == Asked::Granted { "granted" } else { "waiting" }))
        }
        Err(HandInError::Unfit(unfit)) => {
            drop(tx);
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            render(&site, worker, status, now, &run, ShownForm::again(&run.form, &given, &unfit)).await
        }
        Err(HandInError::Ask(error)) => Err(error.into()),
    }
}

async fn render(
    site: &Site,
    worker: Worker,
    status: StatusCode,
    now: DateTime<Utc>,
    run: &Run,
    form: ShownForm,
) -> Result<Response, PageError> {
    let requester_id = run.kind.requester_id.as_deref().unwrap_or_default();
    let (timing, _) = site.market.clock_of(requester_id).await?;
    let seconds_left = (run.deadline - now).num_seconds();
    let shown = TestPage {
        shell: Shell::new(&site.links, Some(worker), Here::Qualifications),
        id: run.kind.qualification_type_id.clone(),
        name: run.kind.name.clone(),
        form,
        deadline: words::time(&run.deadline),
        deadline_iso: run.deadline.to_rfc3339(),
        left: words::duration(seconds_left),
        seconds_left,
        rate: timing.rate,
    };
    page(status, &shown)
}
