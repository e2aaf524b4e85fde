//! The connections of a lab: list, one connection, and what can be done to it.

pub mod new;
pub mod rehearsal;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect};
use secrecy::ExposeSecret;
use sqlx::PgConnection;
use uuid::Uuid;

use super::error::{Error, WebResult};
use super::forms::Form;
use super::guard::{Editor, Member, Owned, Owner, Row, Viewer};
use super::page::{Layout, Nav, show, show_invalid};
use super::session::{self, Tone};
use crate::app::App;
use crate::connections::{
    self, AccessKeyId, Act, Connection, ConnectionError, ConnectionId, Environment, Keys, Place, Trial,
};
use crate::labs::LabId;

impl Owned for Connection {
    const PARAM: &'static str = "connection";

    async fn load(conn: &mut PgConnection, lab: LabId, id: Uuid) -> sqlx::Result<Option<Self>> {
        connections::find(conn, lab, ConnectionId(id)).await
    }
}

#[derive(Template)]
#[template(path = "connections/list.html")]
struct ListPage {
    layout: Layout,
    lab: LabId,
    may_edit: bool,
    connections: Vec<Connection>,
}

/// `GET /labs/{lab}/connections`
///
/// # Errors
/// When the database does not answer.
pub async fn list(State(app): State<App>, viewer: Viewer) -> WebResult {
    let mut conn = app.pool.acquire().await?;
    show(&ListPage {
        layout: Layout::in_lab(&viewer, Nav::Connections, "Connections").await?,
        lab: viewer.lab.id,
        may_edit: viewer.may_edit(),
        connections: connections::list(&mut conn, viewer.lab.id).await?,
    })
}

#[derive(Template)]
#[template(path = "connections/one.html")]
struct OnePage {
    layout: Layout,
    lab: LabId,
    may_edit: bool,
    is_owner: bool,
    connection: Connection,
    place: Option<Place>,
    name: Form,
    keys: Form,
}

impl OnePage {
    async fn new(app: &App, member: &Member, connection: Connection) -> WebResult<Self> {
        let layout = Layout::in_lab(member, Nav::Connections, &connection.name).await?;
        Ok(Self {
            layout: layout.environment(connection.environment.as_str()),
            lab: member.lab.id,
            may_edit: member.may_edit(),
            is_owner: member.is_owner(),
            place: connection.place(&app.config.market_url),
            name: Form::new().with("name", &connection.name),
            keys: Form::new(),
            connection,
        })
    }
}

/// `GET /labs/{lab}/connections/{connection}`
///
/// # Errors
/// Not found unless it is this lab's.
pub async fn one(State(app): State<App>, Row(viewer, connection): Row<Viewer, Connection>) -> WebResult {
    show(&OnePage::new(&app, &viewer, connection).await?)
}

/// `POST /labs/{lab}/connections/{connection}/test`
///
/// # Errors
/// Not found unless it is this lab's.
pub async fn test(State(app): State<App>, Row(editor, connection): Row<Editor, Connection>) -> WebResult {
    let trial = connections::test(&app, &connection).await?;
    tell(&editor, &trial).await?;
    to(connection.lab_id, connection.id)
}

/// `POST /labs/{lab}/connections/{connection}/name`
///
/// # Errors
/// Not found unless it is this lab's.
pub async fn rename(
    State(app): State<App>,
    Row(editor, connection): Row<Editor, Connection>,
    mut form: Form,
) -> WebResult {
    let name = form.text("name", NAME);
    let mut tx = app.pool.begin().await?;
    if form.is_valid() {
        let renamed = connections::rename(&mut tx, act(&app, &editor), connection.id, &name).await;
        beside(&mut form, "name", renamed)?;
    }
    if !form.is_valid() {
        drop(tx);
        return show_invalid(&OnePage { name: form, ..OnePage::new(&app, &editor, connection).await? });
    }
    tx.commit().await?;
    to(connection.lab_id, connection.id)
}

/// `POST /labs/{lab}/connections/{connection}/keys`
///
/// # Errors
/// Not found unless it is this lab's.
pub async fn replace_keys(
    State(app): State<App>,
    Row(owner, connection): Row<Owner, Connection>,
    mut form: Form,
) -> WebResult {
    let Some(keys) = keys(&mut form) else {
        ask_again(&mut form);
        return show_invalid(&OnePage { keys: form, ..OnePage::new(&app, &owner, connection).await? });
    };
    let mut tx = app.pool.begin().await?;
    let act = act(&app, &owner);
    connections::replace_keys(&mut tx, &app.config.keyring, act, connection.id, &keys)
        .await
        .map_err(as_error)?;
    tx.commit().await?;
    tell(&owner, &connections::test(&app, &connection).await?).await?;
    to(connection.lab_id, connection.id)
}

/// `POST /labs/{lab}/connections/{connection}/remove`
///
/// # Errors
/// Not found unless it is this lab's; a conflict when a study uses it.
pub async fn remove(State(app): State<App>, Row(owner, connection): Row<Owner, Connection>) -> WebResult {
    let mut tx = app.pool.begin().await?;
    connections::remove(&mut tx, act(&app, &owner), connection.id).await.map_err(as_error)?;
    tx.commit().await?;
    session::flash(&owner.session, Tone::Good, format!("“{}” is removed.", connection.name)).await?;
    Ok(Redirect::to(&format!("/labs/{}/connections", connection.lab_id)).into_response())
}

/// How long a name may be.
const NAME: std::ops::RangeInclusive<usize> = 1..=80;

fn act(app: &App, member: &Member) -> Act {
    Act { lab: member.lab.id, by: Some(member.account.id), at: app.clock.now() }
}

fn to(lab: LabId, id: ConnectionId) -> WebResult {
    Ok(Redirect::to(&format!("/labs/{lab}/connections/{id}")).into_response())
}

/// The two halves of a key pair, as typed.
fn keys(form: &mut Form) -> Option<Keys> {
    let access_key_id = form.parsed::<AccessKeyId>("access_key_id");
    let secret = connections::secret(&form.secret("secret_access_key"));
    if let Err(problem) = secret {
        form.fail("secret_access_key", problem);
    }
    Some(Keys { access_key_id: access_key_id?.as_str().to_owned(), secret: secret.ok()? })
}

/// A secret that was typed does not come back with the page.
fn ask_again(form: &mut Form) {
    if !form.secret("secret_access_key").expose_secret().is_empty() {
        form.fail("secret_access_key", "Enter the secret key once more; pages never show it.");
    }
}

/// Puts a refusal that the person can mend beside its field.
fn beside<T>(form: &mut Form, field: &str, result: Result<T, ConnectionError>) -> WebResult<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(problem @ ConnectionError::NameTaken) => {
            form.fail(field, problem);
            Ok(None)
        }
        Err(other) => Err(as_error(other)),
    }
}

fn as_error(error: ConnectionError) -> Error {
    match error {
        ConnectionError::Missing => Error::NotFound,
        ConnectionError::NameTaken | ConnectionError::InUse => Error::Conflict(error.to_string()),
        ConnectionError::Database(_) | ConnectionError::Rehearsal(_) => Error::Internal(error.into()),
    }
}

/// A good test as the message of the next page; what is wrong stands on the page itself.
async fn tell(member: &Member, trial: &Trial) -> WebResult<()> {
    match (&trial.problem, trial.balance) {
        (None, Some(balance)) => {
            let words = format!("The connection works: ${balance} available.");
            session::flash(&member.session, Tone::Good, words).await
        }
        _ => Ok(()),
    }
}
