//! The accepted HIT in its frame, returning it, and "my work".

use std::collections::HashMap;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{DateTime, Utc};
use kernel::money::Cents;
use serde::Deserialize;
use sqlx::PgConnection;

use super::browse::question_of;
use super::frame::{TaskFrame, Viewer};
use super::pages::{Here, PageError, Shell, page};
use super::session::SignedIn;
use super::{Site, words};
use crate::clock::{self, Whose};
use crate::engine::assignments::{self, Assignment, AssignmentState};
use crate::engine::hits::{self, Hit};
use crate::engine::work::{self, BonusReceived, Sums, WorkItem};

/// Assignments on one page of "my work".
const SHOWN: i64 = 50;

#[derive(Template)]
#[template(path = "workers/work.html")]
struct WorkPage {
    shell: Shell,
    title: String,
    reward: Cents,
    practice: bool,
    assignment_id: String,
    frame: TaskFrame,
    deadline: String,
    deadline_iso: String,
    left: String,
    seconds_left: i64,
    rate: f64,
    /// What it means to return it.
    returning: &'static str,
}

pub(super) async fn show(
    State(site): State<Site>,
    SignedIn(worker): SignedIn,
    Path(assignment_id): Path<String>,
) -> Result<Response, PageError> {
    let mut conn = site.market.pool().acquire().await?;
    let found = assignments::find(&mut conn, &assignment_id).await?;
    let assignment =
        found.filter(|assignment| assignment.worker_id == worker.worker_id).ok_or_else(not_yours)?;
    if assignment.state != AssignmentState::Accepted {
        return Ok(Redirect::to(&site.links.to("/work")).into_response());
    }
    let hit = hits::find(&mut conn, &assignment.hit_id).await?.ok_or_else(not_yours)?;
    let real = site.market.real_now();
    let timing = clock::timing_of(&mut conn, real, &hit.requester_id).await?;
    let now = timing.at(real);
    if assignment.deadline < now {
        return Err(assignments::WorkError::TooLate.into());
    }
    let returning = returning(&site, &mut conn, &hit.requester_id).await?;
    let shell = Shell::new(&site.links, Some(worker), Here::Queue);
    page(StatusCode::OK, &work_page(&site, shell, hit, &assignment, now, timing.rate, returning)?)
}

fn work_page(
    site: &Site,
    shell: Shell,
    hit: Hit,
    assignment: &Assignment,
    now: DateTime<Utc>,
    rate: f64,
    returning: &'static str,
) -> Result<WorkPage, PageError> {
    let viewer =
        Viewer::Holder { assignment_id: &assignment.assignment_id, worker_id: &assignment.worker_id };
    let seconds_left = (assignment.deadline - now).num_seconds();
    Ok(WorkPage {
        frame: TaskFrame::new(&question_of(site, &hit)?, &hit.hit_id, viewer, &site.links),
        shell,
        title: hit.title,
        reward: hit.reward,
        practice: hit.practice,
        assignment_id: assignment.assignment_id.clone(),
        deadline: words::time(&assignment.deadline),
        deadline_iso: assignment.deadline.to_rfc3339(),
        left: words::duration(seconds_left),
        seconds_left,
        rate,
        returning,
    })
}

/// What returning a HIT of this requester means.
pub(super) async fn returning(
    site: &Site,
    conn: &mut PgConnection,
    requester_id: &str,
) -> sqlx::Result<&'static str> {
    let is_final = site.market.quirks_of(conn, requester_id).await?.giving_up_is_final;
    Ok(words::returning(site.market.settings().approval_rate.given_up_counts, is_final))
}

pub(super) async fn give_back(
    State(site): State<Site>,
    SignedIn(worker): SignedIn,
    Path(assignment_id): Path<String>,
) -> Result<Response, PageError> {
    let (mut tx, now) = site.market.begin_of(Whose::Assignment(&assignment_id)).await?;
    assignments::give_back(&mut tx, now, &worker.worker_id, &assignment_id).await?;
    tx.commit().await?;
    Ok(Redirect::to(site.links.home()).into_response())
}

/// One line of "my work".
struct Line {
    item: WorkItem,
    state: &'static str,
    state_key: &'static str,
    when: String,
    bonuses: Vec<BonusReceived>,
}

#[derive(Template)]
#[template(path = "workers/mine.html")]
struct MinePage {
    shell: Shell,
    lines: Vec<Line>,
    sums: Sums,
    practice: Sums,
    /// Whether these are not the newest.
    further: bool,
    /// Where the next page begins.
    older: Option<i64>,
}

/// The query of "my work": where the page begins.
#[derive(Debug, Deserialize)]
pub(super) struct From {
    before: Option<i64>,
}

pub(super) async fn mine(
    State(site): State<Site>,
    SignedIn(worker): SignedIn,
    Query(from): Query<From>,
) -> Result<Response, PageError> {
    let mut conn = site.market.pool().acquire().await?;
    let mut items = work::page(&mut conn, &worker.worker_id, from.before, SHOWN + 1).await?;
    let older = usize::try_from(SHOWN).ok().filter(|shown| items.len() > *shown);
    items.truncate(older.unwrap_or(items.len()));
    let ids: Vec<_> = items.iter().map(|item| item.assignment_id.clone()).collect();
    let received = work::bonuses(&mut conn, &worker.worker_id, &ids).await?;
    let shown = MinePage {
        sums: work::sums(&mut conn, &worker.worker_id, false).await?,
        practice: work::sums(&mut conn, &worker.worker_id, true).await?,
        shell: Shell::new(&site.links, Some(worker), Here::Work),
        further: from.before.is_some(),
        older: items.last().filter(|_| older.is_some()).map(|item| item.seq),
        lines: lines(items, received),
    };
    page(StatusCode::OK, &shown)
}

fn lines(items: Vec<WorkItem>, received: Vec<BonusReceived>) -> Vec<Line> {
    let mut by_assignment: HashMap<String, Vec<BonusReceived>> = HashMap::new();
    for bonus in received {
        by_assignment.entry(bonus.assignment_id.clone()).or_default().push(bonus);
    }
    let line = |item: WorkItem| Line {
        state: words::state(item.state),
        state_key: words::state_key(item.state),
        when: when(&item),
        bonuses: by_assignment.remove(&item.assignment_id).unwrap_or_default(),
        item,
    };
    items.into_iter().map(line).collect()
}

/// The date that matters in this state.
fn when(item: &WorkItem) -> String {
    match item.state {
        AssignmentState::Submitted => match &item.auto_approval_at {
            Some(at) => format!("approved by itself on {} unless reviewed before", words::time(at)),
            None => String::new(),
        },
        AssignmentState::Approved | AssignmentState::Rejected => {
            item.reviewed_at.as_ref().map(words::time).unwrap_or_default()
        }
        _ => format!("hand in by {}", words::time(&item.deadline)),
    }
}

fn not_yours() -> PageError {
    PageError::not_found("You are not working on this HIT. It may have been returned, or its time is over.")
}
