//! Making a connection: a rehearsal in one click, or with keys that the lab brings.

use askama::Template;
use axum::extract::State;

use super::{NAME, act, ask_again, beside, keys, tell, to};
use crate::app::App;
use crate::connections::{self, ConnectionId, Custom, Environment, NewConnection};
use crate::labs::LabId;
use crate::web::error::{Error, WebResult};
use crate::web::forms::Form;
use crate::web::guard::{Editor, Member, Owner};
use crate::web::page::{Layout, Nav, show, show_invalid};
use crate::web::sites::capital;

/// Where keys lead, as the form offers it.
const PLACES: [(&str, &str, &str); 3] = [
    ("sandbox", "Mechanical Turk sandbox", "Amazon's test site: play money, no workers but yourself."),
    ("production", "Mechanical Turk", "Real workers, real money."),
    ("custom", "Another server", "One that speaks the same protocol, such as another lab's marketplace."),
];

#[derive(Template)]
#[template(path = "connections/new.html")]
struct NewPage {
    layout: Layout,
    lab: LabId,
    is_owner: bool,
    places: [(&'static str, &'static str, &'static str); 3],
    rehearsal: Form,
    keys: Form,
}

impl NewPage {
    async fn new(member: &Member) -> WebResult<Self> {
        Ok(Self {
            layout: Layout::in_lab(member, Nav::Connections, "New connection").await?,
            lab: member.lab.id,
            is_owner: member.is_owner(),
            places: PLACES,
            rehearsal: Form::new().with("rehearsal_name", "Rehearsal"),
            keys: Form::new().with("environment", Environment::Sandbox),
        })
    }
}

/// `GET /labs/{lab}/connections/new`
///
/// # Errors
/// When the database does not answer.
pub async fn page(editor: Editor) -> WebResult {
    show(&NewPage::new(&editor).await?)
}

/// `POST /labs/{lab}/connections/rehearsal`
///
/// # Errors
/// When the marketplace or the database does not answer.
pub async fn rehearse(State(app): State<App>, editor: Editor, mut form: Form) -> WebResult {
    let name = form.text("rehearsal_name", NAME);
    if form.is_valid() {
        let made = connections::create_rehearsal(&app, act(&app, &editor), &name).await;
        if let Some(id) = beside(&mut form, "rehearsal_name", made)? {
            return tried(&app, &editor, id).await;
        }
    }
    show_invalid(&NewPage { rehearsal: form, ..NewPage::new(&editor).await? })
}

/// `POST /labs/{lab}/connections`
///
/// # Errors
/// When the database does not answer.
pub async fn create(State(app): State<App>, owner: Owner, mut form: Form) -> WebResult {
    if let Some(new) = read(&app, &mut form) {
        let mut tx = app.pool.begin().await?;
        let made = connections::create(&mut tx, &app.config.keyring, act(&app, &owner), &new).await;
        if let Some(id) = beside(&mut form, "name", made)? {
            tx.commit().await?;
            return tried(&app, &owner, id).await;
        }
    }
    ask_again(&mut form);
    show_invalid(&NewPage { keys: form, ..NewPage::new(&owner).await? })
}

/// Tests the new connection and shows it.
async fn tried(app: &App, member: &Member, id: ConnectionId) -> WebResult {
    let mut conn = app.pool.acquire().await?;
    let connection = connections::find(&mut conn, member.lab.id, id).await?.ok_or(Error::NotFound)?;
    drop(conn);
    tell(member, &connections::test(app, &connection).await?).await?;
    to(member.lab.id, id)
}

/// What was typed, if all of it can be used.
fn read(app: &App, form: &mut Form) -> Option<NewConnection> {
    let environment = form.parsed::<Environment>("environment");
    if environment == Some(Environment::Rehearsal) {
        form.fail("environment", "A rehearsal needs no keys: use the button above.");
    }
    let name = form.text("name", NAME);
    let keys = keys(form);
    let custom = match environment {
        Some(Environment::Custom) => Some(addresses(app, form)),
        _ => None,
    };
    let new = NewConnection { name, environment: environment?, custom: custom.flatten(), keys: keys? };
    form.is_valid().then_some(new)
}

/// The two addresses of another server.
fn addresses(app: &App, form: &mut Form) -> Option<Custom> {
    let mut address = |field: &str| {
        let typed = form.text(field, 1..=500);
        if typed.is_empty() {
            return None;
        }
        connections::address(&app.outbound, &typed)
            .map_err(|problem| form.fail(field, capital(&problem.to_string())))
            .ok()
    };
    let (endpoint, worker_site) = (address("endpoint"), address("worker_site"));
    Some(Custom { endpoint: endpoint?, worker_site: worker_site? })
}
