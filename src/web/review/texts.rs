//! The lab's saved texts.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::app::App;
use crate::labs::LabId;
use crate::review::templates::{self, Saved, TextId};
use crate::review::words::{self, LONGEST, PLACEHOLDERS};
use crate::web::error::WebResult;
use crate::web::forms::Form;
use crate::web::guard::{Editor, Member, Owned, Row, Viewer};
use crate::web::page::{Layout, Nav, show, show_invalid};

impl Owned for Saved {
    const PARAM: &'static str = "text";

    async fn load(conn: &mut PgConnection, lab: LabId, id: Uuid) -> sqlx::Result<Option<Self>> {
        templates::find(conn, lab, TextId(id)).await
    }
}

#[derive(Template)]
#[template(path = "review/texts.html")]
struct TextsPage {
    layout: Layout,
    lab: LabId,
    form: Form,
    saved: Vec<Saved>,
    may_edit: bool,
}

/// The form with the chosen text in the place of its words; without a choice it stays as it is.
pub(super) async fn insert(app: &App, lab: LabId, form: Form) -> WebResult<Form> {
    let Ok(id) = form.value("insert").parse() else { return Ok(form) };
    let found = templates::find(&mut *app.pool.acquire().await?, lab, id).await?;
    Ok(found.map_or(form.clone(), |text| form.with("words", text.body)))
}

async fn texts(app: &App, member: &Member, form: Form) -> WebResult<TextsPage> {
    Ok(TextsPage {
        layout: Layout::in_lab(member, Nav::Studies, "Saved texts").await?,
        lab: member.lab.id,
        saved: templates::of_lab(&mut *app.pool.acquire().await?, member.lab.id).await?,
        may_edit: member.may_edit(),
        form,
    })
}

/// `GET /labs/{lab}/texts`
///
/// # Errors
/// When the database does not answer.
pub async fn page(State(app): State<App>, viewer: Viewer) -> WebResult {
    show(&texts(&app, &viewer, Form::new()).await?)
}

/// `POST /labs/{lab}/texts`: keeps a text; one of the same name is replaced.
///
/// # Errors
/// When the database does not answer.
pub async fn keep(State(app): State<App>, editor: Editor, mut form: Form) -> WebResult {
    let (name, body) = (form.text("name", 1..=80), form.text("body", 1..=LONGEST));
    if let Err(error) = words::check(&body) {
        form.fail("body", error);
    }
    if !form.is_valid() {
        return show_invalid(&texts(&app, &editor, form).await?);
    }
    templates::keep(&mut *app.pool.acquire().await?, editor.lab.id, app.clock.now(), &name, &body).await?;
    back(editor.lab.id)
}

/// `POST /labs/{lab}/texts/{text}/delete`
///
/// # Errors
/// When the database does not answer.
pub async fn delete(State(app): State<App>, Row(editor, text): Row<Editor, Saved>) -> WebResult {
    templates::delete(&mut *app.pool.acquire().await?, editor.lab.id, text.id).await?;
    back(editor.lab.id)
}

fn back(lab: LabId) -> WebResult {
    Ok(Redirect::to(&format!("/labs/{lab}/texts")).into_response())
}
