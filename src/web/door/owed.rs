//! `/owed/<code>`: what the one-place HIT of a compensation shows. No seat, no cookie: accept it, press Submit.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse};
use serde::Deserialize;

use super::{Notice, frame};
use crate::app::App;
use crate::connections;
use crate::participation::redirect;
use crate::payments::OrderState;
use crate::payments::compensation::{Compensation, store};
use crate::web::error::WebResult;

/// What MTurk puts in place of the id until the HIT is accepted.
const PREVIEW: &str = "ASSIGNMENT_ID_NOT_AVAILABLE";

/// The recruiter's parameters that matter here.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Parameters {
    assignment_id: String,
    turk_submit_to: String,
}

#[derive(Template)]
#[template(path = "worker/owed.html")]
struct Page<'a> {
    it: &'a Compensation,
    /// The accepted assignment and where its form goes.
    accepted: Option<(&'a str, String)>,
    over: Option<&'static str>,
}

/// `GET /owed/{code}`
///
/// # Errors
/// When the database does not answer.
pub async fn page(
    State(app): State<App>,
    Path(code): Path<String>,
    Query(parameters): Query<Parameters>,
) -> WebResult {
    let mut conn = app.pool.acquire().await?;
    let found = store::by_code(&mut conn, &code).await?;
    drop(conn);
    let Some(it) = found else { return Notice::UNKNOWN.show(StatusCode::NOT_FOUND) };
    let place = connections::place(&app, it.connection_id).await?;
    let assignment = parameters.assignment_id.as_str();
    let plain = (1..=64).contains(&assignment.len()) && assignment.bytes().all(|b| b.is_ascii_alphanumeric());
    let told = parameters.turk_submit_to.as_str();
    let action = place.submit_sites.iter().find_map(|site| redirect::submit_action(told, site));
    let accepted = action.filter(|_| plain && assignment != PREVIEW).map(|action| (assignment, action));
    let over = over(it.state);
    let html = Page { it: &it, accepted, over }.render()?;
    Ok(frame::allow(&app, it.connection_id, Html(html).into_response()).await?)
}

/// What is said once there is nothing to press any more.
fn over(state: OrderState) -> Option<&'static str> {
    match state {
        OrderState::Planned => None,
        OrderState::Done => Some("This payment was made. There is nothing more to do."),
        OrderState::Refused => {
            Some("This payment was withdrawn. Please return this HIT; that does you no harm.")
        }
        _ => Some("You have handed it in, and it is being paid. There is nothing more to do."),
    }
}
