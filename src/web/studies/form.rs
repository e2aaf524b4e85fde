//! The form of a study: chosen from what the lab has, filled from what the experiment says, kept as typed.
//!
//! Two steps, so that it works without scripts: `new` asks for experiment and connection in an address
//! that can be shared; the second step is the whole form, which also edits drafts.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::choices::{self, Choices};
use super::cost::Cost;
use super::{fields, path, prefill};
use crate::app::App;
use crate::audit;
use crate::connections::Connection;
use crate::otree::SessionConfig;
use crate::studies::cost::Figures;
use crate::studies::draft::{self, Draft, Typed};
use crate::studies::{Completion, Play, State as Stage, Study, StudyId, store};
use crate::web::error::{Error, WebResult};
use crate::web::forms::Form;
use crate::web::guard::{Editor, Member, Row};
use crate::web::page::{Layout, Nav, show, show_invalid};
use crate::web::session::{self, Tone};

#[derive(Template)]
#[template(path = "studies/choose.html")]
struct ChoosePage {
    layout: Layout,
    lab: crate::labs::LabId,
    choices: Choices,
    form: Form,
}

#[derive(Template)]
#[template(path = "studies/form.html")]
struct FormPage {
    layout: Layout,
    lab: crate::labs::LabId,
    /// Where the form goes.
    action: String,
    /// Where “cancel” leads.
    back: String,
    choices: Choices,
    form: Form,
    cost: Cost,
    /// The path of the researcher's template in the oTree project, which the config names.
    template_name: Option<String>,
    fields: fields::Fields,
    /// Somebody asked for a check, and nothing is wrong.
    checked: bool,
}

/// The first step's answers.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Chosen {
    pick: String,
    connection: String,
    adopt: String,
}

/// `GET /labs/{lab}/studies/new`
///
/// # Errors
/// When the database does not answer.
pub async fn new(State(app): State<App>, editor: Editor, Query(chosen): Query<Chosen>) -> WebResult {
    let mut conn = app.pool.acquire().await?;
    let choices = Choices::load(&mut conn, editor.lab.id).await?;
    drop(conn);
    let mut form = Form::new().with("pick", &chosen.pick).with("connection", &chosen.connection);
    form = form.with("adopt", &chosen.adopt);
    let mut typed = read(&form);
    // What an unmarked choice means, shown as marked.
    (typed.play, typed.completion) = (Play::NewTab.as_str().into(), Completion::Reported.as_str().into());
    match fill(&app, &choices, &mut typed).await {
        Ok(()) => show(&page(&app, &editor, choices, to_form(&typed), None).await?),
        Err(wrong) => {
            if !chosen.pick.is_empty() {
                form.fail(wrong.0, wrong.1);
            }
            choose(&editor, choices, form).await
        }
    }
}

async fn choose(editor: &Editor, choices: Choices, form: Form) -> WebResult {
    let layout = Layout::in_lab(editor, Nav::Studies, "New study").await?;
    let page = ChoosePage { layout, lab: editor.lab.id, choices, form };
    if page.form.is_valid() { show(&page) } else { show_invalid(&page) }
}

/// Fills the form from the chosen config or session; else says which choice is wrong.
async fn fill(app: &App, choices: &Choices, typed: &mut Typed) -> Result<(), (&'static str, String)> {
    let pick = format!("{}:{}", typed.site, typed.config);
    let site = choices.site(&pick).ok_or(("pick", "Choose an experiment.".to_owned()))?;
    choices.connection(&typed.connection).ok_or(("connection", "Choose a connection.".to_owned()))?;
    if !typed.adopt.trim().is_empty() {
        let existing = prefill::existing(app, site, typed.adopt.trim()).await.map_err(|e| ("adopt", e))?;
        prefill::from_existing(typed, &existing);
        return Ok(());
    }
    let config = choices.config(&pick);
    let config = config.ok_or(("pick", "Choose an experiment, or write a session's code.".to_owned()))?;
    prefill::from_config(typed, config);
    if typed.template_html.is_empty() && config.mturk.as_ref().is_some_and(|mturk| mturk.template.is_some()) {
        typed.template_html = prefill::template(app, site, &config.name).await.unwrap_or_default();
    }
    Ok(())
}

/// `POST /labs/{lab}/studies`
///
/// # Errors
/// When the database does not answer.
pub async fn create(State(app): State<App>, editor: Editor, form: Form) -> WebResult {
    submit(&app, &editor, None, form).await
}

/// `GET /labs/{lab}/studies/{study}/edit`
///
/// # Errors
/// When it is published, or the database does not answer.
pub async fn edit(State(app): State<App>, Row(editor, study): Row<Editor, Study>) -> WebResult {
    if study.state != Stage::Draft {
        return Err(published());
    }
    let mut conn = app.pool.acquire().await?;
    let choices = Choices::load(&mut conn, editor.lab.id).await?;
    drop(conn);
    let form = to_form(&Typed::of(&study));
    show(&page(&app, &editor, choices, form, Some(&study)).await?)
}

/// `POST /labs/{lab}/studies/{study}/edit`
///
/// # Errors
/// When it is published meanwhile, or the database does not answer.
pub async fn update(State(app): State<App>, Row(editor, study): Row<Editor, Study>, form: Form) -> WebResult {
    submit(&app, &editor, Some(&study), form).await
}

fn published() -> Error {
    Error::Conflict("This study is published, so it cannot be changed any more.".into())
}

async fn submit(app: &App, editor: &Editor, study: Option<&Study>, mut form: Form) -> WebResult {
    let mut conn = app.pool.acquire().await?;
    let choices = Choices::load(&mut conn, editor.lab.id).await?;
    drop(conn);
    let mut typed = read(&form);
    if form.value("do") == "fill" {
        let outcome = fill(app, &choices, &mut typed).await;
        let mut form = to_form(&typed);
        if let Err((field, words)) = outcome {
            form.fail(field, words);
        }
        return show(&page(app, editor, choices, form, study).await?);
    }
    let draft = check(&choices, &typed, &mut form);
    match draft {
        Some((draft, connection)) if form.value("do") != "check" => {
            let saved = save(app, editor, study, &draft, connection).await?;
            session::flash(&editor.session, Tone::Good, "The draft is saved.").await?;
            Ok(Redirect::to(&format!("/labs/{}/studies/{saved}", editor.lab.id)).into_response())
        }
        _ => {
            let checked = form.is_valid();
            let page = FormPage { checked, ..page(app, editor, choices, form, study).await? };
            if checked { show(&page) } else { show_invalid(&page) }
        }
    }
}

/// The form as a draft, if nothing is wrong with it; what is wrong is noted in it.
fn check<'a>(choices: &'a Choices, typed: &Typed, form: &mut Form) -> Option<(Draft, &'a Connection)> {
    let draft = draft::parse(typed);
    for (field, words) in draft.as_ref().err().into_iter().flatten() {
        let field = if matches!(*field, "site" | "config") { "pick" } else { field };
        form.fail(field, words);
    }
    let pick = form.value("pick").to_owned();
    if choices.site(&pick).is_none() {
        form.fail("pick", "Choose an experiment.");
    }
    if typed.adopt.trim().is_empty() && choices.is_unlisted(&pick) {
        form.fail("pick", "The site does not list this session config (any more). Choose another one.");
    }
    let connection = choices.connection(&typed.connection);
    if connection.is_none() {
        form.fail("connection", "Choose a connection.");
    }
    if !form.is_valid() {
        form.fail("", "Something is not right yet; it is marked below.");
        return None;
    }
    Some((draft.ok()?, connection?))
}

async fn save(
    app: &App,
    editor: &Editor,
    study: Option<&Study>,
    draft: &Draft,
    connection: &Connection,
) -> WebResult<StudyId> {
    let (lab, now) = (editor.lab.id, app.clock.now());
    let environment = connection.environment.as_str();
    let budget = draft.budget.unwrap_or_else(|| Figures::of_draft(draft).estimate().cost.total);
    let mut tx = app.pool.begin().await?;
    let (id, action) = match study {
        None => {
            let by = editor.account.id;
            (store::insert(&mut tx, now, lab, by, environment, draft, budget).await?, "study.create")
        }
        Some(study) => {
            if !store::update(&mut tx, lab, study.id, environment, draft, budget).await? {
                return Err(published());
            }
            (study.id, "study.edit")
        }
    };
    let entry = audit::Entry::new(lab.0, editor.account.id.0, action).about(id.0);
    audit::record(&mut tx, now, entry.with(json!({ "name": draft.name }))).await?;
    tx.commit().await?;
    Ok(id)
}

async fn page(
    app: &App,
    member: &Member,
    choices: Choices,
    form: Form,
    study: Option<&Study>,
) -> WebResult<FormPage> {
    let typed = read(&form);
    let connection = choices.connection(&typed.connection);
    let title = if study.is_some() { "Edit the draft" } else { "New study" };
    let mut layout = Layout::in_lab(member, Nav::Studies, title).await?;
    layout.environment = connection.map(|one| one.environment.as_str().to_owned());
    let home = format!("/labs/{}", member.lab.id);
    let template = |config: &SessionConfig| config.mturk.as_ref()?.template.clone();
    Ok(FormPage {
        layout,
        lab: member.lab.id,
        action: study.map_or_else(|| format!("{home}/studies"), |study| format!("{}/edit", path(study))),
        back: study.map_or(home, path),
        cost: Cost::of_form(app, &typed, connection),
        template_name: choices.config(form.value("pick")).and_then(template),
        choices,
        form,
        fields: fields::Fields,
        checked: false,
    })
}

/// The posted fields by the names of [`Typed`].
pub fn read(form: &Form) -> Typed {
    let known = serde_json::to_value(Typed::default()).unwrap_or_default();
    let names = known.as_object().map(|map| map.keys().cloned().collect::<Vec<_>>()).unwrap_or_default();
    let values: Map<String, Value> =
        names.into_iter().map(|name| (name.clone(), form.value(&name).into())).collect();
    let mut typed: Typed = serde_json::from_value(Value::Object(values)).unwrap_or_default();
    let (site, config) = choices::split(form.value("pick"));
    (typed.site, typed.config) = (site.to_owned(), config.to_owned());
    typed
}

/// The form with these values.
fn to_form(typed: &Typed) -> Form {
    let values = serde_json::to_value(typed).unwrap_or_default();
    let mut form = Form::new();
    for (name, value) in values.as_object().into_iter().flatten() {
        form = form.with(name, value.as_str().unwrap_or_default());
    }
    form.with("pick", format!("{}:{}", typed.site, typed.config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_reads_back_as_it_was_written() {
        let typed = Typed {
            site: "1".into(),
            config: "a:b".into(),
            places: " 12 ".into(),
            send_worker_id: "on".into(),
            template_html: "<p>\n</p>".into(),
            ..Typed::default()
        };
        let again = read(&to_form(&typed));
        assert_eq!(serde_json::to_value(again).unwrap(), serde_json::to_value(typed).unwrap());
    }
}
