//! Opening an invitation link and joining the lab behind it.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect};

use super::error::{Error, WebResult, log_in_address};
use super::guard::CurrentAccount;
use super::page::{Layout, show, show_as};
use super::session::{self, Tone};
use super::visit::Visit;
use crate::app::App;
use crate::labs::invitations::{self, JoinError, Place};

#[derive(Template)]
#[template(path = "invitation.html")]
struct InvitationPage {
    layout: Layout,
    place: Option<Place>,
    token: String,
    log_in: String,
}

/// `GET /invitations/{token}`
///
/// # Errors
/// When the database does not answer.
pub async fn page(State(app): State<App>, visit: Visit, Path(token): Path<String>) -> WebResult {
    let mut conn = app.pool.acquire().await?;
    if let Some(account) = &visit.account
        && let Some(lab) = invitations::joined(&mut conn, account.id, &token).await?
    {
        return Ok(Redirect::to(&format!("/labs/{lab}")).into_response());
    }
    let invitation = invitations::find(&mut conn, app.clock.now(), &token).await?;
    let layout = Layout::public(&visit, "Invitation").await?;
    let log_in = log_in_address(&format!("/invitations/{token}"));
    match invitation {
        Some(invitation) if invitation.place.is_none() => {
            Ok(Redirect::to(&format!("/signup?invitation={token}")).into_response())
        }
        Some(invitation) => show(&InvitationPage { layout, place: invitation.place, token, log_in }),
        None => show_as(StatusCode::NOT_FOUND, &InvitationPage { layout, place: None, token, log_in }),
    }
}

/// `POST /invitations/{token}`
///
/// # Errors
/// When the database does not answer.
pub async fn join(State(app): State<App>, person: CurrentAccount, Path(token): Path<String>) -> WebResult {
    let mut tx = app.pool.begin().await?;
    let (lab, words) = match invitations::join(&mut tx, app.clock.now(), person.account.id, &token).await {
        Ok(lab) => (lab, "Welcome to the lab."),
        Err(JoinError::Member(lab)) => (lab, "You belong to this lab already; the link was not used up."),
        Err(JoinError::Database(error)) => return Err(error.into()),
        Err(error) => return Err(Error::Conflict(error.to_string())),
    };
    tx.commit().await?;
    session::flash(&person.session, Tone::Good, words).await?;
    Ok(Redirect::to(&format!("/labs/{lab}")).into_response())
}
