//! Making an account, freely or by invitation.
//!
//! The answer is the same whether the address was new or not, so nobody is logged in here: one proves
//! with the password that the account is one's own.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect};
use serde::Deserialize;

use super::address::ClientAddress;
use super::error::{Error, WebResult, log_in_address};
use super::forms::Form;
use super::page::{Layout, show, show_as, show_invalid};
use super::session::{self, Tone};
use super::visit::Visit;
use crate::accounts::{Email, NewPassword, attempts};
use crate::app::App;
use crate::labs::{self, Newcomer, SignUpError, invitations::Invitation};

#[derive(Template)]
#[template(path = "signup.html")]
struct SignUpPage {
    layout: Layout,
    form: Form,
    invitation: Option<Invitation>,
}

#[derive(Template)]
#[template(path = "signup_refused.html")]
struct Refused {
    layout: Layout,
    words: String,
}

/// The link's token.
#[derive(Debug, Default, Deserialize)]
pub struct Link {
    /// Empty without an invitation.
    #[serde(default)]
    invitation: String,
}

fn given(token: &str) -> Option<&str> {
    (!token.is_empty()).then_some(token)
}

/// `GET /signup`
///
/// # Errors
/// When the database does not answer.
pub async fn page(State(app): State<App>, visit: Visit, Query(link): Query<Link>) -> WebResult {
    let form = Form::new().with("invitation", &link.invitation);
    match invited(&app, &link.invitation).await {
        Ok(invitation) => {
            let layout = Layout::public(&visit, "Make an account").await?;
            show(&SignUpPage { layout, form, invitation })
        }
        Err(error) => refuse(&visit, error).await,
    }
}

async fn invited(app: &App, token: &str) -> Result<Option<Invitation>, SignUpError> {
    let mut conn = app.pool.acquire().await?;
    labs::may_sign_up(&mut conn, app.clock.now(), app.config.sign_up, given(token)).await
}

/// `POST /signup`
///
/// # Errors
/// When the database does not answer.
pub async fn submit(
    State(app): State<App>,
    visit: Visit,
    address: ClientAddress,
    mut form: Form,
) -> WebResult {
    let token = form.value("invitation").to_owned();
    let invitation = match invited(&app, &token).await {
        Ok(invitation) => invitation,
        Err(error) => return refuse(&visit, error).await,
    };
    let Some((name, email, password)) = read(&mut form) else {
        let layout = Layout::public(&visit, "Make an account").await?;
        return show_invalid(&SignUpPage { layout, form, invitation });
    };
    let mut conn = app.pool.acquire().await?;
    if !attempts::allowed(&mut conn, app.clock.now(), attempts::SIGN_UP, &address.network()).await? {
        return Err(Error::TooMany);
    }
    drop(conn);
    let newcomer = Newcomer { email, name, password_hash: password.hash().await? };
    match make(&app, newcomer, &token).await {
        Ok(()) => welcome(&visit, invitation, &token).await,
        Err(error) => refuse(&visit, error).await,
    }
}

fn read(form: &mut Form) -> Option<(String, Email, NewPassword)> {
    let name = form.text("name", 1..=80);
    let email = form.parsed::<Email>("email");
    let password =
        NewPassword::parse(form.secret("password")).map_err(|error| form.fail("password", error)).ok();
    form.is_valid().then_some((name, email?, password?))
}

async fn make(app: &App, newcomer: Newcomer, token: &str) -> Result<(), SignUpError> {
    let mut tx = app.pool.begin().await?;
    labs::sign_up(&mut tx, app.clock.now(), app.config.sign_up, newcomer, given(token)).await?;
    Ok(tx.commit().await?)
}

async fn welcome(visit: &Visit, invitation: Option<Invitation>, token: &str) -> WebResult {
    let words =
        "Your account is ready, if this address had none before. Log in with the address and its password.";
    session::flash(&visit.session, Tone::Good, words).await?;
    let next = match invitation.and_then(|invitation| invitation.place) {
        Some(_) => log_in_address(&format!("/invitations/{token}")),
        None => "/login".to_owned(),
    };
    Ok(Redirect::to(&next).into_response())
}

async fn refuse(visit: &Visit, error: SignUpError) -> WebResult {
    if let SignUpError::Database(error) = error {
        return Err(error.into());
    }
    let layout = Layout::public(visit, "Make an account").await?;
    show_as(StatusCode::FORBIDDEN, &Refused { layout, words: error.to_string() })
}
