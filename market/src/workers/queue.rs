//! The HITs that a worker has accepted and not handed in yet, the most urgent first.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::Duration;

use super::pages::{Here, PageError, Shell, page};
use super::session::SignedIn;
use super::{Site, words, work};
use crate::clock::Whose;
use crate::engine::hits;
use crate::engine::work::{self as engine_work, WorkItem};

/// One accepted HIT.
struct Line {
    item: WorkItem,
    left: String,
    deadline: String,
    /// What it means to return it.
    returning: &'static str,
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
    for item in engine_work::held(&mut conn, &worker.worker_id).await? {
        // Each requester's HITs run by their own clock.
        let now = site.market.now_of(&mut conn, Whose::Assignment(&item.assignment_id)).await?;
        let hit = hits::find(&mut conn, &item.hit_id).await?;
        let requester_id = hit.map(|hit| hit.requester_id).unwrap_or_default();
        let returning = work::returning(&site, &mut conn, &requester_id).await?;
        timed.push((item.deadline - now, item, returning));
    }
    let shell = Shell::new(&site.links, Some(worker), Here::Queue);
    page(StatusCode::OK, &QueuePage { shell, lines: lines(timed) })
}

/// Those in time, the most urgent first. What is late is taken back in a moment and cannot be handed in.
fn lines(mut timed: Vec<(Duration, WorkItem, &'static str)>) -> Vec<Line> {
    timed.retain(|(left, ..)| *left >= Duration::zero());
    timed.sort_by_key(|(left, ..)| *left);
    let line = |(left, item, returning): (Duration, WorkItem, &'static str)| Line {
        left: words::duration(left.num_seconds()),
        deadline: words::time(&item.deadline),
        returning,
        item,
    };
    timed.into_iter().map(line).collect()
}
