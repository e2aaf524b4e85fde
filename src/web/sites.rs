//! The lab's oTree servers: registering, looking at what the checks found, changing, deleting.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use super::error::{Error, WebResult};
use super::forms::Form;
use super::guard::{Editor, Member, Owned, Row, Viewer};
use super::moment;
use super::page::{Layout, Nav, show, show_invalid};
use super::session::{self, Tone};
use crate::app::App;
use crate::audit::{self, Entry};
use crate::labs::LabId;
use crate::otree::{SessionConfig, money};
use crate::sites::{self, DeleteError, KeyChange, NewSite, RegisterError, Site, SiteId, SiteState};

impl Owned for Site {
    const PARAM: &'static str = "site";

    async fn load(conn: &mut PgConnection, lab: LabId, id: Uuid) -> sqlx::Result<Option<Self>> {
        sites::find(conn, lab, SiteId(id)).await
    }
}

#[derive(Template)]
#[template(path = "sites/list.html")]
struct ListPage {
    layout: Layout,
    lab: LabId,
    may_edit: bool,
    now: DateTime<Utc>,
    sites: Vec<Site>,
}

#[derive(Template)]
#[template(path = "sites/new.html")]
struct NewPage {
    layout: Layout,
    lab: LabId,
    form: Form,
}

#[derive(Template)]
#[template(path = "sites/site.html")]
struct SitePage {
    layout: Layout,
    may_edit: bool,
    now: DateTime<Utc>,
    site: Site,
}

#[derive(Template)]
#[template(path = "sites/status.html")]
struct StatusFragment {
    now: DateTime<Utc>,
    site: Site,
}

#[derive(Template)]
#[template(path = "sites/edit.html")]
struct EditPage {
    layout: Layout,
    site: Site,
    form: Form,
}

/// The badge's class, icon and words.
fn badge(site: &Site) -> (&'static str, &'static str, &'static str) {
    let words = site.state.words();
    match site.state {
        SiteState::Unchecked => ("still", "hourglass", words),
        SiteState::Ok if site.warnings.is_empty() => ("good", "circle-check", words),
        SiteState::Ok => ("warn", "triangle-alert", "works, with warnings"),
        SiteState::LinksOnly => ("warn", "link", words),
        SiteState::Failed => ("bad", "circle-x", words),
    }
}

/// The participation fee as money when it is written as a number, else as it is.
fn fee(config: &SessionConfig) -> Option<String> {
    let written = config.participation_fee.as_ref()?;
    Some(money::cents(written).map_or_else(|_| written.clone(), |cents| cents.to_string()))
}

/// The apps of a config, in order.
fn apps(config: &SessionConfig) -> String {
    let names = config.raw.get("app_sequence").and_then(|apps| apps.as_array());
    names.into_iter().flatten().filter_map(|name| name.as_str()).collect::<Vec<_>>().join(", ")
}

/// `GET /labs/{lab}/sites`
///
/// # Errors
/// When the database does not answer.
pub async fn list(State(app): State<App>, viewer: Viewer) -> WebResult {
    let sites = sites::list(&mut *app.pool.acquire().await?, viewer.lab.id).await?;
    show(&ListPage {
        layout: Layout::in_lab(&viewer, Nav::Sites, "Sites").await?,
        lab: viewer.lab.id,
        may_edit: viewer.may_edit(),
        now: app.clock.now(),
        sites,
    })
}

/// `GET /labs/{lab}/sites/new`
///
/// # Errors
/// When the database does not answer.
pub async fn new(editor: Editor) -> WebResult {
    show(&new_page(&editor, Form::new()).await?)
}

async fn new_page(member: &Member, form: Form) -> WebResult<NewPage> {
    let layout = Layout::in_lab(member, Nav::Sites, "Register a site").await?;
    Ok(NewPage { layout, lab: member.lab.id, form })
}

/// `POST /labs/{lab}/sites`: stores the site, then looks at it while the person waits a little.
///
/// # Errors
/// When the database does not answer.
pub async fn register(State(app): State<App>, editor: Editor, mut form: Form) -> WebResult {
    let Some(new) = read_new(&app, &mut form) else {
        ask_again(&mut form);
        return show_invalid(&new_page(&editor, form).await?);
    };
    let (lab, now) = (editor.lab.id, app.clock.now());
    let mut tx = app.pool.begin().await?;
    let id = match sites::register(&mut tx, &app.config.keyring, lab, &new, now).await {
        Ok(id) => id,
        Err(taken @ RegisterError::AddressTaken) => {
            form.fail("address", taken);
            ask_again(&mut form);
            return show_invalid(&new_page(&editor, form).await?);
        }
        Err(RegisterError::Database(error)) => return Err(error.into()),
    };
    note(&mut tx, &app, &editor, "site.register", id, &new.name).await?;
    tx.commit().await?;
    sites::check_now(&app, id).await?;
    session::flash(&editor.session, Tone::Good, format!("{} is registered.", new.name)).await?;
    to_site(lab, id)
}

fn read_new(app: &App, form: &mut Form) -> Option<NewSite> {
    let name = form.text("name", 1..=80);
    let typed = form.text("address", 1..=300);
    let key = read_key(form);
    let base_url = (!typed.is_empty()).then(|| app.outbound.check_url(&typed));
    match base_url {
        Some(Ok(base_url)) if form.is_valid() => Some(NewSite { name, base_url, key }),
        Some(Err(error)) => {
            form.fail("address", capital(&error.to_string()));
            None
        }
        _ => None,
    }
}

/// A key that was typed does not come back with the page.
fn ask_again(form: &mut Form) {
    if !form.secret("rest_key").expose_secret().is_empty() {
        form.fail("rest_key", "Enter the key once more; pages never show it.");
    }
}

/// An error's words as a sentence of their own.
pub(super) fn capital(words: &str) -> String {
    let (head, rest) = words.split_at(words.chars().next().map_or(0, char::len_utf8));
    format!("{}{rest}.", head.to_uppercase())
}

/// The key without the spaces that come along when one copies it; none when the field is empty.
fn read_key(form: &mut Form) -> Option<SecretString> {
    let typed = form.secret("rest_key");
    let key = typed.expose_secret().trim();
    if key.len() > 500 || !key.chars().all(|c| c.is_ascii_graphic()) {
        form.fail("rest_key", "A REST key has only letters, digits and signs, without spaces.");
    }
    (!key.is_empty()).then(|| key.into())
}

/// Writes down what this person did to a site.
async fn note(
    conn: &mut PgConnection,
    app: &App,
    by: &Member,
    action: &'static str,
    site: SiteId,
    name: &str,
) -> sqlx::Result<()> {
    let entry = Entry::new(by.lab.id.0, by.account.id.0, action).about(site.0);
    audit::record(conn, app.clock.now(), entry.with(json!({ "name": name }))).await
}

fn to_site(lab: LabId, site: SiteId) -> WebResult {
    Ok(Redirect::to(&format!("/labs/{lab}/sites/{site}")).into_response())
}

/// `GET /labs/{lab}/sites/{site}`
///
/// # Errors
/// When the database does not answer.
pub async fn page(State(app): State<App>, Row(viewer, site): Row<Viewer, Site>) -> WebResult {
    let layout = Layout::in_lab(&viewer, Nav::Sites, &site.name).await?;
    show(&SitePage { layout, may_edit: viewer.may_edit(), now: app.clock.now(), site })
}

/// `GET /labs/{lab}/sites/{site}/status`: the part of the page that changes when a check ends.
///
/// # Errors
/// When the database does not answer.
pub async fn status(State(app): State<App>, Row(_, site): Row<Viewer, Site>) -> WebResult {
    show(&StatusFragment { now: app.clock.now(), site })
}

/// `GET /labs/{lab}/sites/{site}/edit`
///
/// # Errors
/// When the database does not answer.
pub async fn edit_form(Row(editor, site): Row<Editor, Site>) -> WebResult {
    let form = Form::new().with("name", &site.name);
    show(&edit_page(&editor, site, form).await?)
}

async fn edit_page(member: &Member, site: Site, form: Form) -> WebResult<EditPage> {
    let layout = Layout::in_lab(member, Nav::Sites, format!("Edit {}", site.name)).await?;
    Ok(EditPage { layout, site, form })
}

/// `POST /labs/{lab}/sites/{site}/edit`
///
/// # Errors
/// When the database does not answer.
pub async fn edit(State(app): State<App>, Row(editor, site): Row<Editor, Site>, mut form: Form) -> WebResult {
    let name = form.text("name", 1..=80);
    let change = match (read_key(&mut form), form.checked("remove")) {
        (Some(_), true) => {
            form.fail("remove", "Either enter another key or remove it.");
            KeyChange::Keep
        }
        (Some(key), false) => KeyChange::Replace(key),
        (None, true) => KeyChange::Remove,
        (None, false) => KeyChange::Keep,
    };
    if !form.is_valid() {
        return show_invalid(&edit_page(&editor, site, form).await?);
    }
    let mut tx = app.pool.begin().await?;
    if !sites::edit(&mut tx, &app.config.keyring, &site, &name, &change, app.clock.now()).await? {
        return Err(Error::NotFound);
    }
    note(&mut tx, &app, &editor, "site.edit", site.id, &name).await?;
    tx.commit().await?;
    sites::check_now(&app, site.id).await?;
    session::flash(&editor.session, Tone::Good, "Saved.").await?;
    to_site(editor.lab.id, site.id)
}

/// `POST /labs/{lab}/sites/{site}/check`
///
/// # Errors
/// When the database does not answer.
pub async fn check(State(app): State<App>, Row(editor, site): Row<Editor, Site>) -> WebResult {
    if !sites::check_now(&app, site.id).await? {
        let words = "The site takes long to answer. The check goes on and this page will show what it finds.";
        session::flash(&editor.session, Tone::Note, words).await?;
    }
    to_site(editor.lab.id, site.id)
}

/// `POST /labs/{lab}/sites/{site}/delete`
///
/// # Errors
/// When the database does not answer.
pub async fn delete(State(app): State<App>, Row(editor, site): Row<Editor, Site>) -> WebResult {
    let mut tx = app.pool.begin().await?;
    match sites::delete(&mut tx, &site).await {
        Ok(()) => {}
        Err(in_use @ DeleteError::InUse) => {
            session::flash(&editor.session, Tone::Bad, in_use.to_string()).await?;
            return to_site(editor.lab.id, site.id);
        }
        Err(DeleteError::Database(error)) => return Err(error.into()),
    }
    note(&mut tx, &app, &editor, "site.delete", site.id, &site.name).await?;
    tx.commit().await?;
    session::flash(&editor.session, Tone::Good, format!("{} is deleted.", site.name)).await?;
    Ok(Redirect::to(&format!("/labs/{}/sites", editor.lab.id)).into_response())
}
