//! One's own account: name, password, labs, and the end of it.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect};

use super::error::{Error, WebResult};
use super::forms::Form;
use super::guard::CurrentAccount;
use super::page::{Layout, show, show_invalid};
use super::session::{self, Tone};
use crate::accounts::{self, LogInError, NewPassword};
use crate::app::App;
use crate::labs::{self, DepartError};

/// Every form of the page, so that one can be shown again beside the others.
#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage {
    layout: Layout,
    name: Form,
    password: Form,
    lab: Form,
    leaving: Form,
}

impl AccountPage {
    async fn new(person: &CurrentAccount) -> WebResult<Self> {
        Ok(Self {
            layout: Layout::of(person, "Account").await?,
            name: Form::new().with("name", &person.account.name),
            password: Form::new(),
            lab: Form::new(),
            leaving: Form::new(),
        })
    }
}

fn back() -> WebResult {
    Ok(Redirect::to("/account").into_response())
}

/// `GET /account`
///
/// # Errors
/// When the database does not answer.
pub async fn page(person: CurrentAccount) -> WebResult {
    show(&AccountPage::new(&person).await?)
}

/// `POST /account/name`
///
/// # Errors
/// When the database does not answer.
pub async fn rename(State(app): State<App>, person: CurrentAccount, mut form: Form) -> WebResult {
    let name = form.text("name", 1..=80);
    if !form.is_valid() {
        return show_invalid(&AccountPage { name: form, ..AccountPage::new(&person).await? });
    }
    let mut conn = app.pool.acquire().await?;
    accounts::rename(&mut conn, person.account.id, &name).await?;
    session::flash(&person.session, Tone::Good, "Your name was changed.").await?;
    back()
}

/// `POST /account/password`
///
/// # Errors
/// When the database does not answer.
pub async fn change_password(State(app): State<App>, person: CurrentAccount, mut form: Form) -> WebResult {
    let id = person.account.id;
    let old = form.secret("old_password");
    let new =
        NewPassword::parse(form.secret("new_password")).map_err(|error| form.fail("new_password", error));
    if let Ok(new) = new {
        match accounts::change_password(&app.pool, &app.clock, id, old, new).await {
            Ok(()) => {
                session::begin(&person.session, id).await?;
                let words = "Your password was changed. Every other browser was logged out.";
                session::flash(&person.session, Tone::Good, words).await?;
                return back();
            }
            Err(error) => form.fail("old_password", doubt(error)?),
        }
    }
    show_invalid(&AccountPage { password: form, ..AccountPage::new(&person).await? })
}

/// What to say when somebody who is logged in gives a wrong password.
fn doubt(error: LogInError) -> WebResult<String> {
    match error {
        LogInError::Internal(error) => Err(Error::Internal(error)),
        LogInError::Wrong => Ok("This is not your password.".to_owned()),
        LogInError::TooMany => Ok(error.to_string()),
    }
}

/// `POST /account/delete`
///
/// # Errors
/// When the database does not answer.
pub async fn delete(State(app): State<App>, person: CurrentAccount, mut form: Form) -> WebResult {
    let id = person.account.id;
    if let Err(error) = accounts::confirm(&app.pool, &app.clock, id, form.secret("your_password")).await {
        form.fail("your_password", doubt(error)?);
        return show_invalid(&AccountPage { leaving: form, ..AccountPage::new(&person).await? });
    }
    let mut tx = app.pool.begin().await?;
    match labs::delete_account(&mut tx, app.clock.now(), id).await {
        Ok(()) => tx.commit().await?,
        Err(DepartError::Database(error)) => return Err(error.into()),
        Err(error) => {
            tx.rollback().await?;
            form.fail("your_password", error);
            return show_invalid(&AccountPage { leaving: form, ..AccountPage::new(&person).await? });
        }
    }
    session::end(&person.session).await?;
    session::flash(&person.session, Tone::Note, "Your account was deleted.").await?;
    Ok(Redirect::to("/").into_response())
}

/// `POST /labs`
///
/// # Errors
/// When the database does not answer.
pub async fn found_lab(State(app): State<App>, person: CurrentAccount, mut form: Form) -> WebResult {
    let name = form.text("lab_name", 1..=80);
    if !form.is_valid() {
        return show_invalid(&AccountPage { lab: form, ..AccountPage::new(&person).await? });
    }
    let mut tx = app.pool.begin().await?;
    let lab = labs::found(&mut tx, app.clock.now(), person.account.id, &name).await?;
    tx.commit().await?;
    session::flash(&person.session, Tone::Good, "The lab is ready.").await?;
    Ok(Redirect::to(&format!("/labs/{lab}")).into_response())
}
