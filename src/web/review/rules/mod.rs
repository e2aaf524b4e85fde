//! The rules of a study: what they say now, the form, stopping what they would approve.

pub mod form;

use std::fmt::Write as _;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::app::App;
use crate::review::policy::judge::Verdict;
use crate::review::rules::{Source, Test};
use crate::review::trial::{self, Trial};
use crate::review::verdicts::{self, NewRules, Tally};
use crate::review::{Stop, advice, stop_rules};
use crate::scores::{report, store as scores};
use crate::sites;
use crate::studies::Study;
use crate::studies::advice::Advice;
use crate::web::error::{Error, WebResult};
use crate::web::forms::Form;
use crate::web::guard::{Editor, Member, Row, Viewer};
use crate::web::page::{Layout, show, show_invalid};
use crate::web::scores::chart::Chart;
use crate::web::session::{self, Tone};
use crate::web::studies::{page::layout, path, words};
use crate::{audit, mail};

#[derive(Template)]
#[template(path = "review/rules.html")]
struct RulesPage {
    layout: Layout,
    path: String,
    study: Study,
    form: Form,
    /// Whether rules are kept and switched on.
    active: bool,
    may_edit: bool,
    advice: Vec<Advice>,
    tally: Tally,
    /// What the typed rules would say.
    trial: Option<Trial>,
    /// Where the workers of this realm stand; `None` when the lab keeps no scores.
    chart: Option<Chart>,
    mail_is_off: bool,
    mail_trouble: Option<String>,
    now: chrono::DateTime<chrono::Utc>,
}

/// `GET /labs/{lab}/studies/{study}/rules`
///
/// # Errors
/// When the database does not answer.
pub async fn page(State(app): State<App>, Row(viewer, study): Row<Viewer, Study>) -> WebResult {
    let mut conn = app.pool.acquire().await?;
    let stored = verdicts::rules_of(&mut conn, study.id).await?;
    drop(conn);
    let new = stored.map_or_else(form::fresh, form::stored);
    let filled = form::fill(&new);
    show(&shown(&app, &viewer, study, filled, Some(&new), None).await?)
}

/// `POST /labs/{lab}/studies/{study}/rules`: shows what the rules would say, keeps them, or switches them off.
///
/// # Errors
/// When no such thing is asked for, or the database does not answer.
pub async fn save(
    State(app): State<App>,
    Row(editor, study): Row<Editor, Study>,
    mut form: Form,
) -> WebResult {
    let wish = form.value("do").to_owned();
    if wish == "off" {
        return switch_off(&app, &editor, &study).await;
    }
    let Some(new) = form::read(&mut form) else {
        form.fail("", "Something is not right yet; it is marked below.");
        return show_invalid(&shown(&app, &editor, study, form, None, None).await?);
    };
    match wish.as_str() {
        "try" => {
            let trial = trial::of(&app, &study, &new.rules, app.clock.now()).await?;
            show(&shown(&app, &editor, study, form, Some(&new), Some(trial)).await?)
        }
        "save" => {
            keep(&app, &editor, &study, &new, "review.rules").await?;
            let said = "The rules are kept. They look at everybody who is not decided about.";
            session::flash(&editor.session, Tone::Good, said).await?;
            Ok(Redirect::to(&format!("{}/rules", path(&study))).into_response())
        }
        _ => Err(Error::BadRequest("Try the rules, keep them, or switch them off.")),
    }
}

async fn switch_off(app: &App, editor: &Member, study: &Study) -> WebResult {
    let mut conn = app.pool.acquire().await?;
    let stored = verdicts::rules_of(&mut conn, study.id).await?;
    drop(conn);
    if let Some(rules) = stored {
        let off = NewRules { active: false, ..form::stored(rules) };
        keep(app, editor, study, &off, "review.rules_off").await?;
    }
    session::flash(&editor.session, Tone::Note, "The rules are off: only people decide now.").await?;
    Ok(Redirect::to(&format!("{}/rules", path(study))).into_response())
}

async fn keep(
    app: &App,
    editor: &Member,
    study: &Study,
    new: &NewRules,
    action: &'static str,
) -> WebResult<()> {
    let (now, by) = (app.clock.now(), editor.account.id);
    let mut tx = app.pool.begin().await?;
    verdicts::save(&mut tx, now, study, by, new).await?;
    let entry = audit::Entry::new(study.lab_id.0, by.0, action).about(study.id.0);
    audit::record(&mut tx, now, entry.with(json!({ "name": study.name, "rules": new.rules }))).await?;
    tx.commit().await?;
    Ok(())
}

/// `POST /labs/{lab}/studies/{study}/rules/stop`: stops one approval, those ticked, or all.
///
/// # Errors
/// When the database does not answer.
pub async fn stop(State(app): State<App>, Row(editor, study): Row<Editor, Study>, form: Form) -> WebResult {
    let who: Vec<Uuid> = form.all("stop").iter().filter_map(|id| id.parse().ok()).collect();
    let stop = if form.chosen("stop", "all") { Stop::All } else { Stop::These(&who) };
    let (now, by) = (app.clock.now(), editor.account.id);
    let mut tx = app.pool.begin().await?;
    let stopped = stop_rules(&mut tx, &study, stop, by, now).await?;
    tx.commit().await?;
    let said = match stopped {
        0 => "Nothing was stopped: it was ordered already, or nothing was to be approved.".to_owned(),
        _ => {
            let count = i64::try_from(stopped).unwrap_or(i64::MAX);
            format!(
                "{} stopped. Only people decide about them now.",
                words::count(count, "approval", "approvals")
            )
        }
    };
    session::flash(&editor.session, if stopped == 0 { Tone::Note } else { Tone::Good }, said).await?;
    Ok(Redirect::to(&format!("{}/review?stage=review", path(&study))).into_response())
}

async fn shown(
    app: &App,
    member: &Member,
    study: Study,
    form: Form,
    new: Option<&NewRules>,
    trial: Option<Trial>,
) -> WebResult<RulesPage> {
    let mut conn = app.pool.acquire().await?;
    let active = verdicts::rules_of(&mut conn, study.id).await?.is_some_and(|rules| rules.active);
    let tally = verdicts::tally(&mut conn, study.id).await?;
    let mail_trouble = mail::store::trouble(&mut conn, study.lab_id).await?;
    let version = sites::find(&mut conn, study.lab_id, study.site_id).await?.and_then(|site| site.version);
    let least = form.value("least_score").trim().parse().ok();
    let chart = chart(&mut conn, &study, least).await?;
    drop(conn);
    Ok(RulesPage {
        layout: layout(member, &study, format!("Review rules of {}", study.name)).await?,
        path: path(&study),
        advice: new
            .map(|new| advice::on(&study, new, version.as_deref(), chart.is_some()))
            .unwrap_or_default(),
        chart,
        may_edit: member.may_edit(),
        mail_trouble,
        mail_is_off: app.post.is_none(),
        now: app.clock.now(),
        study,
        form,
        active,
        tally,
        trial,
    })
}

async fn chart(conn: &mut PgConnection, study: &Study, least: Option<i32>) -> WebResult<Option<Chart>> {
    let Some((true, scale)) = scores::scale(conn, study.lab_id).await? else { return Ok(None) };
    let found = report::distribution(conn, study.lab_id, &study.realm()).await?;
    Ok(Some(Chart::of(&scale, &found, least)))
}

impl RulesPage {
    /// The rows of conditions: number and, where something is wrong, what.
    fn rows(&self) -> Vec<(usize, String)> {
        let problem = |row: usize| {
            let mut said = String::new();
            for field in ["name", "value"] {
                if let Some(error) = self.form.error(&format!("{field}{row}")) {
                    let _ = write!(said, "{}{error}", if said.is_empty() { "" } else { " " });
                }
            }
            said
        };
        (1..=form::rows(&self.form)).map(|row| (row, problem(row))).collect()
    }

    fn typed(&self, field: &str, row: &usize) -> &str {
        self.form.value(&format!("{field}{row}"))
    }

    fn chosen(&self, field: &str, row: &usize, value: &str) -> bool {
        self.typed(field, row) == value
    }

    fn wrong(&self, field: &str, row: &usize) -> bool {
        self.form.error(&format!("{field}{row}")).is_some()
    }

    fn sources(&self) -> [(&'static str, &'static str); 3] {
        Source::ALL.map(|source| {
            let words = match source {
                Source::Participant => "participant variable",
                Source::Session => "session variable",
                Source::Payoff => "payoff",
            };
            (source.as_str(), words)
        })
    }

    fn tests(&self) -> [(&'static str, &'static str); 7] {
        Test::ALL.map(|test| (test.as_str(), test.words()))
    }
}

/// For the template: the badge's colour, what would happen, and why.
fn verdict_words(verdict: &Verdict) -> (&'static str, &'static str, String) {
    match verdict {
        Verdict::Approve => ("good", "approve", String::new()),
        Verdict::Review { reasons, .. } => ("warn", "needs your look", reasons.join("; ")),
        Verdict::Wait(reasons) => ("still", "wait", reasons.join("; ")),
    }
}
