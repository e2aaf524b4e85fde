//! What happened in a lab.

use askama::Template;
use axum::extract::{Query, State};
use serde::Deserialize;

use super::error::WebResult;
use super::guard::Viewer;
use super::page::{Layout, Nav, show};
use crate::app::App;
use crate::audit::{self, Event};

/// So many lines on one page.
const PAGE: i64 = 100;

#[derive(Template)]
#[template(path = "activity.html")]
struct ActivityPage {
    layout: Layout,
    events: Vec<Event>,
    /// Where older ones begin, if there may be any.
    older: Option<i64>,
}

/// Which part of the list.
#[derive(Debug, Default, Deserialize)]
pub struct Part {
    /// Only events before this one.
    before: Option<i64>,
}

/// `GET /labs/{lab}/activity`
///
/// # Errors
/// When the database does not answer.
pub async fn page(State(app): State<App>, viewer: Viewer, Query(part): Query<Part>) -> WebResult {
    let mut conn = app.pool.acquire().await?;
    let events = audit::recent(&mut conn, viewer.lab.id.0, part.before, PAGE).await?;
    let full = i64::try_from(events.len()).is_ok_and(|shown| shown == PAGE);
    let older = events.last().filter(|_| full).map(|event| event.id);
    show(&ActivityPage { layout: Layout::in_lab(&viewer, Nav::Activity, "Activity").await?, events, older })
}
