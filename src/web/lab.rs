//! The lab itself: its name, and leaving it.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect};

use super::error::{Error, WebResult};
use super::forms::Form;
use super::guard::{Owner, Viewer};
use super::session::{self, Tone};
use crate::app::App;
use crate::labs::{self, DepartError};

/// `POST /labs/{lab}/name`
///
/// # Errors
/// When the database does not answer.
pub async fn rename(State(app): State<App>, owner: Owner, mut form: Form) -> WebResult {
    let name = form.text("lab_name", 1..=80);
    if !form.is_valid() {
        return super::members::show_again(&app, &owner, form).await;
    }
    let mut tx = app.pool.begin().await?;
    labs::rename(&mut tx, app.clock.now(), owner.lab.id, owner.account.id, &name).await?;
    tx.commit().await?;
    session::flash(&owner.session, Tone::Good, "The lab was renamed.").await?;
    Ok(Redirect::to(&format!("/labs/{}/members", owner.lab.id)).into_response())
}

/// `POST /labs/{lab}/leave`
///
/// # Errors
/// When the database does not answer.
pub async fn leave(State(app): State<App>, viewer: Viewer) -> WebResult {
    let mut tx = app.pool.begin().await?;
    match labs::leave(&mut tx, app.clock.now(), &viewer.lab, viewer.account.id).await {
        Ok(gone) => {
            tx.commit().await?;
            let words = if gone { "The lab was deleted." } else { "You left the lab." };
            session::flash(&viewer.session, Tone::Note, words).await?;
            Ok(Redirect::to("/account").into_response())
        }
        Err(DepartError::Database(error)) => Err(error.into()),
        Err(error) => Err(Error::Conflict(error.to_string())),
    }
}
