//! People who worked or came for nothing, what they were offered, and how far that is.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect};
use chrono::{DateTime, Utc};
use kernel::money::Cents;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::decide;
use crate::app::App;
use crate::audit;
use crate::participation::WorkerId;
use crate::payments::compensation::{self, Candidate, CompensateError, Compensation, Reason, store, walk};
use crate::payments::{OrderError, OrderId, OrderState, budget, confirm};
use crate::studies::Study;
use crate::web::error::{Error, WebResult};
use crate::web::forms::Form;
use crate::web::guard::{Editor, Member, Row, Viewer};
use crate::web::page::{Layout, show, show_as};
use crate::web::session::{self, Tone};
use crate::web::studies::{page::layout, path, words};

#[derive(Template)]
#[template(path = "review/compensations.html")]
struct ListPage {
    layout: Layout,
    path: String,
    candidates: Vec<Candidate>,
    lines: Vec<Line>,
    may_edit: bool,
    now: DateTime<Utc>,
}

/// A compensation in words.
struct Line {
    it: Compensation,
    tone: &'static str,
    state: &'static str,
    /// To pass on, while the worker has not submitted.
    link: Option<String>,
    /// Whether it can be withdrawn.
    open: bool,
}

impl Line {
    fn of(it: Compensation, link: Option<String>) -> Self {
        let (tone, state) = state(&it);
        let open = it.state == OrderState::Planned && it.withdrawn_at.is_none();
        let link = link.filter(|_| it.hit_id.is_some() && open);
        Self { tone, state, link, open, it }
    }
}

/// How far it is: created, offered, told, submitted, paid, or over.
fn state(it: &Compensation) -> (&'static str, &'static str) {
    match it.state {
        OrderState::Done => ("good", "paid"),
        OrderState::Refused => ("bad", "not paid"),
        OrderState::Planned if it.withdrawn_at.is_some() => ("still", "being withdrawn"),
        OrderState::Planned if it.told_at.is_some() => ("note", "offered, and the worker was told"),
        OrderState::Planned if it.tell_problem.is_some() => ("warn", "offered, but the worker was not told"),
        OrderState::Planned if it.hit_id.is_some() => ("note", "offered"),
        OrderState::Planned => ("still", "being prepared"),
        OrderState::Unknown => ("warn", "submitted; the payment is unclear"),
        _ => ("note", "submitted, and being paid"),
    }
}

impl ListPage {
    fn away(&self, at: &DateTime<Utc>) -> String {
        words::away(*at, self.now)
    }
}

/// `GET /labs/{lab}/studies/{study}/compensations`
///
/// # Errors
/// When the database does not answer.
pub async fn list(State(app): State<App>, Row(viewer, study): Row<Viewer, Study>) -> WebResult {
    let now = app.clock.now();
    let mut conn = app.pool.acquire().await?;
    let mut candidates = store::candidates(&mut conn, study.id, now).await?;
    let all = store::of_study(&mut conn, study.id).await?;
    drop(conn);
    candidates.retain(|candidate| candidate.order.is_none());
    let mut lines = Vec::new();
    for it in all {
        let link = if viewer.may_edit() { walk::link(&app, &it).await.ok() } else { None };
        lines.push(Line::of(it, link));
    }
    show(&ListPage {
        layout: layout(&viewer, &study, format!("Compensations of {}", study.name)).await?,
        path: path(&study),
        candidates,
        lines,
        may_edit: viewer.may_edit(),
        now,
    })
}

#[derive(Template)]
#[template(path = "review/compensate.html")]
struct FormPage {
    layout: Layout,
    path: String,
    candidate: Candidate,
    form: Form,
    most: Cents,
    left: Cents,
}

/// Whom the form is about.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Whom {
    worker: String,
}

/// `GET /labs/{lab}/studies/{study}/compensate?worker=…`: amount and message.
///
/// # Errors
/// When nobody of this study is named, or the database does not answer.
pub async fn form(
    State(app): State<App>,
    Row(editor, study): Row<Editor, Study>,
    Query(whom): Query<Whom>,
) -> WebResult {
    let Some(candidate) = candidate(&app, &study, &whom.worker).await? else {
        return Ok(Redirect::to(&format!("{}/compensations", path(&study))).into_response());
    };
    let (amount, message) = proposal(&study, candidate.reason);
    let form = Form::new().with("amount", amount).with("message", message);
    show(&page(&app, &editor, &study, candidate, form).await?)
}

/// What the form begins with.
fn proposal(study: &Study, reason: Reason) -> (Cents, String) {
    let (amount, why) = match reason {
        Reason::FinishedUnsubmitted => (study.reward, "You finished our study but could not submit it."),
        Reason::WorkedThenReturned => (study.reward, "You worked on our study but could not complete it."),
        Reason::TurnedAway => {
            (Cents((study.reward.0 / 4).max(1)), "You came to our study when all places were taken.")
        }
        Reason::Rejected => (study.reward, "We have looked at your work again."),
    };
    (amount, format!("{why} This pays you for your time. Thank you!"))
}

async fn candidate(app: &App, study: &Study, worker: &str) -> WebResult<Option<Candidate>> {
    let Ok(id) = worker.parse::<Uuid>() else { return Ok(None) };
    let mut conn = app.pool.acquire().await?;
    Ok(store::candidate(&mut conn, study, WorkerId(id), app.clock.now()).await?)
}

async fn page(
    app: &App,
    member: &Member,
    study: &Study,
    candidate: Candidate,
    form: Form,
) -> WebResult<FormPage> {
    let mut conn = app.pool.acquire().await?;
    let left = budget::of(&mut conn, study.id, false).await?.left();
    drop(conn);
    Ok(FormPage {
        layout: layout(member, study, "Compensate".to_owned()).await?,
        path: path(study),
        most: compensation::most(study),
        candidate,
        form,
        left,
    })
}

/// `POST /labs/{lab}/studies/{study}/compensate`: orders it.
///
/// # Errors
/// When nobody of this study is named, or the database does not answer.
pub async fn order(
    State(app): State<App>,
    Row(editor, study): Row<Editor, Study>,
    mut form: Form,
) -> WebResult {
    let candidate = candidate(&app, &study, form.value("worker")).await?;
    let candidate =
        candidate.ok_or(Error::BadRequest("Nobody of this study who can be compensated is named."))?;
    let typed = form.value("amount").trim().trim_start_matches('$').to_owned();
    let amount: Option<Cents> =
        typed.parse().map_err(|why: kernel::money::AmountError| form.fail("amount", format!("{why}."))).ok();
    let message = form.text("message", 1..=compensation::LONGEST);
    let (Some(amount), true) = (amount, form.is_valid()) else {
        let page = page(&app, &editor, &study, candidate, form).await?;
        return show_as(StatusCode::UNPROCESSABLE_ENTITY, &page);
    };
    let status = match place(&app, &editor, &study, &candidate, amount, &message).await {
        Ok(waits) => {
            let words = match waits {
                true => decide::waits_words(amount),
                false => format!("{} is on its way. It is followed below.", words::money(amount)),
            };
            session::flash(&editor.session, Tone::Good, words).await?;
            return Ok(Redirect::to(&format!("{}/compensations", path(&study))).into_response());
        }
        Err(CompensateError::Order(OrderError::Database(error))) => return Err(error.into()),
        Err(error @ CompensateError::Amount(_)) => {
            form.fail("amount", error);
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Err(error) => {
            form.fail("", error);
            StatusCode::CONFLICT
        }
    };
    show_as(status, &page(&app, &editor, &study, candidate, form).await?)
}

async fn place(
    app: &App,
    editor: &Editor,
    study: &Study,
    candidate: &Candidate,
    amount: Cents,
    message: &str,
) -> Result<bool, CompensateError> {
    let (now, by) = (app.clock.now(), editor.account.id);
    let mut tx = app.pool.begin().await?;
    let waited = confirm::count(&mut tx, study.id).await?;
    let id = compensation::order(&mut tx, now, study, by, candidate.worker_id, amount, message).await?;
    let entry = audit::Entry::new(study.lab_id.0, by.0, "compensation.order").about(id.0);
    let detail = json!({ "name": study.name, "person": candidate.pseudonym, "amount": amount.to_string() });
    audit::record(&mut tx, now, entry.with(detail)).await?;
    let waits = confirm::count(&mut tx, study.id).await? > waited;
    tx.commit().await?;
    Ok(waits)
}

/// `POST /labs/{lab}/studies/{study}/compensations`: wants one back.
///
/// # Errors
/// When none is named, or the database does not answer.
pub async fn withdraw(
    State(app): State<App>,
    Row(editor, study): Row<Editor, Study>,
    form: Form,
) -> WebResult {
    let order: OrderId =
        form.value("order").parse().map_err(|_| Error::BadRequest("No compensation is named."))?;
    let (now, by) = (app.clock.now(), editor.account.id);
    let mut tx = app.pool.begin().await?;
    let withdrawn = compensation::withdraw(&mut tx, now, &study, by, order).await?;
    if withdrawn {
        let entry = audit::Entry::new(study.lab_id.0, by.0, "compensation.withdraw").about(order.0);
        audit::record(&mut tx, now, entry.with(json!({ "name": study.name }))).await?;
    }
    tx.commit().await?;
    let (tone, said) = match withdrawn {
        true => (
            Tone::Good,
            "It is being withdrawn: its HIT leaves the list, and the money is free once nobody can collect it. \
             Should the worker submit before that, they are paid.",
        ),
        false => (Tone::Note, "It cannot be withdrawn any more: see its state below."),
    };
    session::flash(&editor.session, tone, said).await?;
    Ok(Redirect::to(&format!("{}/compensations", path(&study))).into_response())
}
