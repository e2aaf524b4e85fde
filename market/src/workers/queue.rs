//! The HITs that a worker has accepted and not handed in yet, the most urgent first.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::Duration;

use super::pages::{Here, PageError, Shell, page};
use super::session::SignedIn;
use super::{Site, browse, words};
use crate::clock::Whose;
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
    let mut conn = site.market.pool().acquire().await?;
    let mut timed = Vec::new();
    for item in browse::held(&mut conn, &worker.worker_id).await? {
        // Each requester's HITs run by their own clock.
        let now = site.market.now_of(&mut conn, Whose::Assignment(&item.assignment_id)).await?;
        timed.push((item.deadline - now, item));
    }
    let shell = Shell::new(&site.links, Some(worker), Here::Queue);
    page(StatusCode::OK, &QueuePage { shell, lines: lines(timed) })
}

/// Those in time, the most urgent first. What is late is taken back in a moment and cannot be handed in.
fn lines(mut timed: Vec<(Duration, WorkItem)>) -> Vec<Line> {
    timed.retain(|(left, _)| *left >= Duration::zero());
    timed.sort_by_key(|(left, _)| *left);
    let line = |(left, item): (Duration, WorkItem)| Line {
        left: words::duration(left.num_seconds()),
        deadline: words::time(&item.deadline),
        item,
    };
    timed.into_iter().map(line).collect()
}
