//! Logging in and out.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect};
use serde::Deserialize;
use tower_sessions::Session;

use super::address::ClientAddress;
use super::error::{Error, WebResult};
use super::forms::Form;
use super::guard::safe_next;
use super::page::{Layout, show, show_as};
use super::session::{self, Tone};
use super::visit::Visit;
use crate::accounts::{self, LogInError};
use crate::app::App;
use crate::config::SignUp;

#[derive(Template)]
#[template(path = "login.html")]
struct LogIn {
    layout: Layout,
    form: Form,
    open: bool,
}

/// Where to go afterwards.
#[derive(Debug, Default, Deserialize)]
pub struct Way {
    /// A path of ours.
    #[serde(default)]
    next: String,
}

impl LogIn {
    async fn new(app: &App, visit: &Visit, form: Form) -> WebResult<Self> {
        let layout = Layout::public(visit, "Log in").await?;
        Ok(Self { layout, form, open: app.config.sign_up == SignUp::Open })
    }
}

/// `GET /login`
///
/// # Errors
/// When the database does not answer.
pub async fn page(State(app): State<App>, visit: Visit, Query(way): Query<Way>) -> WebResult {
    if visit.account.is_some() {
        return Ok(Redirect::to(safe_next(&way.next)).into_response());
    }
    show(&LogIn::new(&app, &visit, Form::new().with("next", way.next)).await?)
}

/// `POST /login`
///
/// # Errors
/// When the database does not answer.
pub async fn submit(
    State(app): State<App>,
    visit: Visit,
    address: ClientAddress,
    mut form: Form,
) -> WebResult {
    let next = safe_next(form.value("next")).to_owned();
    let email = form.value("email").to_owned();
    let password = form.secret("password");
    match accounts::log_in(&app.pool, &app.clock, &email, password, &address.network()).await {
        Ok(account) => {
            session::begin(&visit.session, account).await?;
            Ok(Redirect::to(&next).into_response())
        }
        Err(LogInError::Internal(error)) => Err(Error::Internal(error)),
        Err(error) => {
            let status = match error {
                LogInError::TooMany => StatusCode::TOO_MANY_REQUESTS,
                _ => StatusCode::UNPROCESSABLE_ENTITY,
            };
            form.fail("", error);
            show_as(status, &LogIn::new(&app, &visit, form).await?)
        }
    }
}

/// `POST /logout`
///
/// # Errors
/// When the database does not answer.
pub async fn log_out(session: Session) -> WebResult<Redirect> {
    session::end(&session).await?;
    session::flash(&session, Tone::Note, "You are logged out.").await?;
    Ok(Redirect::to("/login"))
}
