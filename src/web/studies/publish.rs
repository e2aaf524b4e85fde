//! Publishing, closing, the budget, throwing a draft away: what editors do with a study.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use kernel::money::Cents;
use serde_json::{Value, json};

use super::cost::Cost;
use super::page::{self, around, layout};
use super::{path, words};
use crate::app::App;
use crate::audit;
use crate::connections::Connection;
use crate::payments::budget;
use crate::review::{self, verdicts};
use crate::scores::store as scores;
use crate::sites::Site;
use crate::studies::advice::{self, Advice, Circumstances};
use crate::studies::cost::Figures;
use crate::studies::{self, State as Stage, Study, checkup, store};
use crate::web::error::{Error, WebResult};
use crate::web::forms::Form;
use crate::web::guard::{Editor, Row};
use crate::web::page::show;
use crate::web::review::rules;
use crate::web::session::{self, Tone};

#[derive(Template)]
#[template(path = "studies/publish.html")]
struct PublishPage {
    layout: crate::web::page::Layout,
    path: String,
    study: Study,
    /// What the click agrees to beside the sum.
    seen: String,
    site: Site,
    connection: Connection,
    cost: Cost,
    advice: Vec<Advice>,
    blocked: bool,
}

/// What has to be known before publishing.
pub(super) struct Ready {
    pub(super) site: Site,
    pub(super) connection: Connection,
    pub(super) advice: Vec<Advice>,
}

/// Reads the surroundings, asks oTree what it can tell, and weighs it all.
pub(super) async fn ready(app: &App, study: &Study) -> WebResult<Ready> {
    let mut conn = app.pool.acquire().await?;
    let (site, connection) = around(&mut conn, study).await?;
    drop(conn);
    let reporting = checkup::reporting(app, study).await?;
    let secure = app.config.secure();
    let around = Circumstances { site: &site, connection: &connection, secure, reporting };
    let mut advice = advice::on(study, around);
    let mut conn = app.pool.acquire().await?;
    if let Some(rules) = verdicts::rules_of(&mut conn, study.id).await? {
        let kept = rules::form::stored(rules);
        let scored = scores::scale(&mut conn, study.lab_id).await?.is_some_and(|(active, _)| active);
        advice.extend(review::advice::on(study, &kept, site.version.as_deref(), scored));
        advice.sort_by_key(|advice| advice.weight);
    }
    drop(conn);
    Ok(Ready { site, connection, advice })
}

/// `GET /labs/{lab}/studies/{study}/publish`
///
/// # Errors
/// When it is no draft any more, or the database does not answer.
pub async fn confirm(State(app): State<App>, Row(editor, study): Row<Editor, Study>) -> WebResult {
    if study.state != Stage::Draft {
        return Ok(Redirect::to(&path(&study)).into_response());
    }
    let Ready { site, connection, advice } = ready(&app, &study).await?;
    show(&PublishPage {
        layout: layout(&editor, &study, format!("Publish {}", study.name)).await?,
        path: path(&study),
        cost: Cost::of_figures(&app, Figures::of(&study), Some(&connection)),
        seen: seen(&study),
        blocked: advice::blocks(&advice),
        study,
        site,
        connection,
        advice,
    })
}

/// What somebody agrees to beside the sum: which experiment, and where it goes.
fn seen(study: &Study) -> String {
    format!("{} {} {} {}", study.site_id, study.config_name, study.connection_id, study.environment)
}

/// `POST /labs/{lab}/studies/{study}/publish`
///
/// # Errors
/// When it changed since the page was shown, something stands in the way, or the database does not answer.
pub async fn publish(
    State(app): State<App>,
    Row(editor, study): Row<Editor, Study>,
    form: Form,
) -> WebResult {
    if advice::blocks(&ready(&app, &study).await?.advice) {
        return Ok(Redirect::to(&format!("{}/publish", path(&study))).into_response());
    }
    let now = app.clock.now();
    let mut tx = app.pool.begin().await?;
    // As it stands now and stays: somebody may have changed the draft since the page was shown.
    studies::store::hold(&mut tx, study.id).await?;
    let study = studies::store::get(&mut tx, study.id).await?;
    let total = Figures::of(&study).estimate().cost.total;
    let changed = |what: &str| {
        Err(Error::Conflict(format!("The study changed since the page was shown: {what}. Look at it again.")))
    };
    if form.value("total") != total.to_string() {
        return changed(&format!("it comes to {} now", words::money(total)));
    }
    if form.value("seen") != seen(&study) {
        return changed("it is another experiment, or would be published elsewhere");
    }
    if !studies::publish(&mut tx, &study, now).await? {
        return Err(Error::Conflict("This study is published already.".into()));
    }
    note(&mut tx, &app, &editor, &study, "study.publish", json!({ "total": total.to_string() })).await?;
    tx.commit().await?;
    let words = "Publishing has started. This page shows how far it is, by itself.";
    on(&editor, &study, Tone::Good, words).await
}

/// `POST /labs/{lab}/studies/{study}/close`
///
/// # Errors
/// When the database does not answer.
pub async fn close(State(app): State<App>, Row(editor, study): Row<Editor, Study>) -> WebResult {
    let mut tx = app.pool.begin().await?;
    if !studies::close(&mut tx, &study, app.clock.now()).await? {
        return on(&editor, &study, Tone::Note, "This study was closed already.").await;
    }
    note(&mut tx, &app, &editor, &study, "study.close", json!({})).await?;
    tx.commit().await?;
    let words = "The study is closed. Its batches come off the list; whoever is in may finish.";
    on(&editor, &study, Tone::Good, words).await
}

/// `POST /labs/{lab}/studies/{study}/delete`
///
/// # Errors
/// When it is no draft any more, or the database does not answer.
pub async fn delete(State(app): State<App>, Row(editor, study): Row<Editor, Study>) -> WebResult {
    let mut tx = app.pool.begin().await?;
    if !store::delete_draft(&mut tx, study.lab_id, study.id).await? {
        return Err(Error::Conflict("Only drafts can be deleted, and this study is published.".into()));
    }
    note(&mut tx, &app, &editor, &study, "study.delete", json!({})).await?;
    tx.commit().await?;
    session::flash(&editor.session, Tone::Note, "The draft was deleted.").await?;
    Ok(Redirect::to(&format!("/labs/{}", editor.lab.id)).into_response())
}

/// `POST /labs/{lab}/studies/{study}/budget`
///
/// # Errors
/// When the database does not answer.
pub async fn set_budget(
    State(app): State<App>,
    Row(editor, study): Row<Editor, Study>,
    mut form: Form,
) -> WebResult {
    let typed = form.value("budget").trim().trim_start_matches('$').to_owned();
    let limit: Cents = match typed.parse() {
        Ok(limit) => limit,
        Err(error) => {
            form.fail("budget", format!("Not changed: {error}."));
            return page::show_again(&app, &editor, study, form).await;
        }
    };
    let mut tx = app.pool.begin().await?;
    let budget = budget::of(&mut tx, study.id, true).await?;
    let bound = budget.bound();
    if limit < bound {
        tx.rollback().await?;
        let bound = words::money(bound);
        form.fail(
            "budget",
            format!("Not changed: {bound} are paid, ordered or set aside for open places already, and it cannot be less."),
        );
        return page::show_again(&app, &editor, study, form).await;
    }
    store::set_budget(&mut tx, study.lab_id, study.id, limit).await?;
    let detail = json!({ "from": study.budget.to_string(), "to": limit.to_string() });
    note(&mut tx, &app, &editor, &study, "study.budget", detail).await?;
    tx.commit().await?;
    on(&editor, &study, Tone::Good, &format!("The budget is {} now.", words::money(limit))).await
}

async fn on(editor: &Editor, study: &Study, tone: Tone, words: &str) -> WebResult<Response> {
    session::flash(&editor.session, tone, words).await?;
    Ok(Redirect::to(&path(study)).into_response())
}

async fn note(
    conn: &mut sqlx::PgConnection,
    app: &App,
    editor: &Editor,
    study: &Study,
    action: &'static str,
    mut detail: Value,
) -> sqlx::Result<()> {
    detail["name"] = study.name.clone().into();
    let entry = audit::Entry::new(editor.lab.id.0, editor.account.id.0, action).about(study.id.0);
    audit::record(conn, app.clock.now(), entry.with(detail)).await
}
