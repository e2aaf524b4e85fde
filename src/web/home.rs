//! The front page: a few words for strangers, the lab for those who have one.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect};

use super::error::WebResult;
use super::page::{Layout, show};
use super::visit::Visit;
use crate::app::App;
use crate::config::SignUp;

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    layout: Layout,
    open: bool,
}

/// `GET /`
///
/// # Errors
/// When the database does not answer.
pub async fn show_front(State(app): State<App>, visit: Visit) -> WebResult {
    if let Some(first) = visit.memberships.first() {
        return Ok(Redirect::to(&format!("/labs/{}", first.lab.id)).into_response());
    }
    let layout = Layout::public(&visit, "Participants for oTree").await?;
    show(&Home { layout, open: app.config.sign_up == SignUp::Open })
}
