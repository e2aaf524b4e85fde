//! `/w/<signed>`: the worker's page in the recruiter's frame, and the way on to oTree.

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use url::Url;

use super::{Notice, frame, visitor};
use crate::app::App;
use crate::otree::links;
use crate::participation::view::{self, WorkerView};
use crate::participation::{ParticipationId, Stage, redirect, store, tracker};
use crate::studies::Play;
use crate::web::error::WebResult;

#[derive(Template)]
#[template(path = "worker/seat.html")]
struct Page<'a> {
    view: &'a WorkerView,
    path: &'a str,
    step: Step,
}

#[derive(Template)]
#[template(path = "worker/status.html")]
struct Status<'a> {
    view: &'a WorkerView,
    path: &'a str,
    step: Step,
}

/// What the worker has to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Open,
    Play,
    Checking,
    Submit,
    /// Take the code to the researcher's own page, which has the form.
    Code,
    Thanks,
    Over,
}

impl Step {
    fn of(view: &WorkerView) -> Self {
        match view.stage {
            Stage::Admitted | Stage::Returned => Self::Open,
            Stage::Working | Stage::WorkedThenReturned if view.exited => Self::Checking,
            Stage::Working | Stage::WorkedThenReturned => Self::Play,
            Stage::Finished | Stage::FinishedUnsubmitted if view.play == Play::Template => Self::Code,
            Stage::Finished | Stage::FinishedUnsubmitted => Self::Submit,
            Stage::Submitted | Stage::SubmittedUnfinished => Self::Thanks,
            Stage::Approved | Stage::Paid | Stage::Rejected => Self::Over,
        }
    }
}

impl Step {
    /// The word for scripts and tests.
    fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Play => "play",
            Self::Checking => "checking",
            Self::Submit => "submit",
            Self::Code => "code",
            Self::Thanks => "thanks",
            Self::Over => "over",
        }
    }

    /// Whether something may still change by itself.
    fn is_live(self) -> bool {
        matches!(self, Self::Open | Self::Play | Self::Checking)
    }

    fn may_submit(self) -> bool {
        self == Self::Submit
    }

    fn will_submit(self) -> bool {
        self.is_live()
    }

    /// The CSS class of the `nth` of the three steps.
    fn mark(self, nth: u8) -> &'static str {
        let at = match self {
            Self::Open => 1,
            Self::Play | Self::Checking => 2,
            Self::Submit | Self::Code => 3,
            Self::Thanks | Self::Over => 4,
        };
        match nth {
            n if n < at => "done",
            n if n == at => "current",
            _ => "todo",
        }
    }
}

/// `GET /w/{signed}`
///
/// # Errors
/// When the database does not answer.
pub async fn page(State(app): State<App>, Path(signed): Path<String>) -> WebResult {
    let Some(view) = view(&app, &signed).await? else { return Notice::UNKNOWN.show(StatusCode::NOT_FOUND) };
    let path = redirect::page_path(&app.config.keyring, view.id);
    let html = Page { view: &view, path: &path, step: Step::of(&view) }.render()?;
    Ok(frame::allow(&app, view.connection_id, Html(html).into_response()).await?)
}

/// `GET /w/{signed}/status`: the part of the page that changes.
///
/// # Errors
/// When the database does not answer.
pub async fn status(State(app): State<App>, Path(signed): Path<String>) -> WebResult {
    let Some(view) = view(&app, &signed).await? else { return Notice::UNKNOWN.show(StatusCode::NOT_FOUND) };
    let step = Step::of(&view);
    if matches!(step, Step::Play | Step::Checking) {
        look_now(&app, &view).await?;
    }
    let path = redirect::page_path(&app.config.keyring, view.id);
    let html = Status { view: &view, path: &path, step }.render()?;
    Ok(frame::allow(&app, view.connection_id, Html(html).into_response()).await?)
}

/// `POST /w/{signed}/check`: the worker says that they have finished; we look now.
///
/// # Errors
/// When the database does not answer.
pub async fn check(State(app): State<App>, Path(signed): Path<String>) -> WebResult {
    let Some(view) = view(&app, &signed).await? else { return Notice::UNKNOWN.show(StatusCode::NOT_FOUND) };
    look_now(&app, &view).await?;
    Ok(Redirect::to(&redirect::page_path(&app.config.keyring, view.id)).into_response())
}

/// `GET /w/{signed}/open`: on to oTree. Who has finished comes to our page and its code or Submit instead,
/// unless they want to see the last page `again`.
///
/// # Errors
/// When the database does not answer.
pub async fn open(
    State(app): State<App>,
    Path(signed): Path<String>,
    RawQuery(query): RawQuery,
    method: Method,
    headers: HeaderMap,
) -> WebResult {
    let Some(view) = view(&app, &signed).await? else { return Notice::UNKNOWN.show(StatusCode::NOT_FOUND) };
    let again = query.as_deref() == Some("again");
    let answer = if ends_with_us(&view) && !again {
        Redirect::to(&redirect::page_path(&app.config.keyring, view.id)).into_response()
    } else {
        on(&app, &view, visitor::is_person(&method, &headers)).await?
    };
    Ok(frame::allow(&app, view.connection_id, answer).await?)
}

/// Whether somebody who has finished needs our page: to submit in the frame, or to read the code that the
/// researcher's own page asks for.
fn ends_with_us(view: &WorkerView) -> bool {
    match view.play {
        Play::InFrame => matches!(Step::of(view), Step::Submit | Step::Thanks | Step::Over),
        Play::Template => Step::of(view) == Step::Code,
        Play::NewTab => false,
    }
}

async fn on(app: &App, view: &WorkerView, person: bool) -> WebResult<Response> {
    // First of all: whoever has finished in the frame can submit, whatever became of the server.
    if view.play == Play::InFrame && matches!(Step::of(view), Step::Submit | Step::Thanks | Step::Over) {
        return Ok(Redirect::to(&redirect::page_path(&app.config.keyring, view.id)).into_response());
    }
    if view.session_state.as_deref() == Some("lost") {
        return Notice::LOST.show(StatusCode::OK);
    }
    let Some(participant) = &view.participant_code else {
        return Notice::GIVEN_BACK.show(StatusCode::OK);
    };
    if view.site_state == "failed" {
        return Notice::SITE_DOWN.show(StatusCode::SERVICE_UNAVAILABLE);
    }
    if view.waits_for_variables {
        look_now(app, view).await?;
        return Notice::PREPARING.show(StatusCode::OK);
    }
    if person {
        let mut conn = app.pool.acquire().await?;
        store::opened(&mut conn, view.id, app.clock.now()).await?;
    }
    let base: Url = view.site_url.parse()?;
    Ok(Redirect::to(links::start(&base, participant, Some(&view.label)).as_str()).into_response())
}

/// The participation that a signed link names; `None` for any other text.
pub(super) async fn view(app: &App, signed: &str) -> WebResult<Option<WorkerView>> {
    match redirect::read_page(&app.config.keyring, signed) {
        Some(id) => of(app, id).await,
        None => Ok(None),
    }
}

pub(super) async fn of(app: &App, id: ParticipationId) -> WebResult<Option<WorkerView>> {
    let mut conn = app.pool.acquire().await?;
    Ok(view::for_worker(&mut conn, id).await?)
}

pub(super) async fn look_now(app: &App, view: &WorkerView) -> WebResult<()> {
    let mut conn = app.pool.acquire().await?;
    tracker::look_now(&mut conn, view.study_id, app.clock.now()).await?;
    Ok(())
}
