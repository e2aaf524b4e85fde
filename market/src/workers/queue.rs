//! The HITs that a worker has accepted and not handed in yet, the most urgent first.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, Utc};

use super::pages::{Here, PageError, Shell, page};
use super::session::SignedIn;
use super::{Site, browse, words};
use crate::engine::groups::WorkItem;

/// One accepted HIT.
struct Line {
    item: WorkItem,
    left: String,
    deadline: String,
}

#[derive(Template)]
#[template(path = "workers/queue.html")]
struct QueuePage {
    shell: Shell,
    lines: Vec<Line>,
}

pub(super) async fn show(
    State(site): State<Site>,
    SignedIn(worker): SignedIn,
) -> Result<Response, PageError> {
    let (mut tx, now) = site.market.begin().await?;
    let held = browse::held(&mut tx, &worker.worker_id).await?;
    let shell = Shell::new(&site.links, Some(worker), Here::Queue);
    page(StatusCode::OK, &QueuePage { shell, lines: lines(held, now) })
}

/// Those in time, by deadline. What is late is taken back in a moment and cannot be handed in.
fn lines(mut held: Vec<WorkItem>, now: DateTime<Utc>) -> Vec<Line> {
    held.retain(|item| item.deadline >= now);
    held.sort_by_key(|item| item.deadline);
    let line = |item: WorkItem| Line {
        left: words::duration((item.deadline - now).num_seconds()),
        deadline: words::time(&item.deadline),
        item,
    };
    held.into_iter().map(line).collect()
}
