//! The accepted HIT in its frame or as a form, handing in such a form, returning it, and "my work".

use std::collections::HashMap;

use askama::Template;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{DateTime, Utc};
use kernel::money::Cents;
use serde::Deserialize;
use sqlx::PgConnection;

use super::browse::question_of;
use super::frame::{Task, Viewer};
use super::pages::{Here, PageError, Shell, page};
use super::questions::{Posted, ShownForm};
use super::session::SignedIn;
use super::{Site, words};
use crate::clock::{self, Whose};
use crate::engine::assignments::{self, Assignment, AssignmentState, FormError, WorkError};
use crate::engine::hits::{self, Hit};
use crate::engine::question::Question;
use crate::engine::work::{self, BonusReceived, Sums, WorkItem};
use crate::engine::workers::Worker;

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
    hit_id: String,
    task: Task,
    deadline: String,
    deadline_iso: String,
    left: String,
    seconds_left: i64,
    rate: f64,
    /// What it means to return it.
    returning: &'static str,
}

/// What a worker has in hand.
struct Held {
    assignment: Assignment,
    hit: Hit,
    question: Question,
    now: DateTime<Utc>,
    rate: f64,
    returning: &'static str,
}

impl Held {
    /// `None` once it was handed in, given back or taken away.
    async fn find(
        site: &Site,
        conn: &mut PgConnection,
        worker: &Worker,
        assignment_id: &str,
    ) -> Result<Option<Self>, PageError> {
        let found = assignments::find(conn, assignment_id).await?;
        let assignment =
            found.filter(|assignment| assignment.worker_id == worker.worker_id).ok_or_else(not_yours)?;
        if assignment.state != AssignmentState::Accepted {
            return Ok(None);
        }
        let hit = hits::find(conn, &assignment.hit_id).await?.ok_or_else(not_yours)?;
        let real = site.market.real_now();
        let timing = clock::timing_of(conn, real, &hit.requester_id).await?;
        let now = timing.at(real);
        if assignment.deadline < now {
            return Err(WorkError::TooLate.into());
        }
        let returning = returning(site, conn, &hit.requester_id).await?;
        let question = question_of(site, &hit)?;
        Ok(Some(Self { assignment, hit, question, now, rate: timing.rate, returning }))
    }

    fn page(self, site: &Site, worker: Worker, task: Task) -> WorkPage {
        let seconds_left = (self.assignment.deadline - self.now).num_seconds();
        WorkPage {
            shell: Shell::new(&site.links, Some(worker), Here::Queue),
            title: self.hit.title,
            reward: self.hit.reward,
            practice: self.hit.practice,
            hit_id: self.hit.hit_id,
            task,
            deadline: words::time(&self.assignment.deadline),
            deadline_iso: self.assignment.deadline.to_rfc3339(),
            assignment_id: self.assignment.assignment_id,
            left: words::duration(seconds_left),
            seconds_left,
            rate: self.rate,
            returning: self.returning,
        }
    }
}

pub(super) async fn show(
    State(site): State<Site>,
    SignedIn(worker): SignedIn,
    Path(assignment_id): Path<String>,
) -> Result<Response, PageError> {
    let mut conn = site.market.pool().acquire().await?;
    let Some(held) = Held::find(&site, &mut conn, &worker, &assignment_id).await? else {
        return Ok(to_my_work(&site, ""));
    };
    let viewer = Viewer::Holder { assignment_id: &assignment_id, worker_id: &worker.worker_id };
    let task = Task::new(&held.question, &held.hit.hit_id, viewer, &site.links);
    page(StatusCode::OK, &held.page(&site, worker, task))
}

/// Hands in the answers to a HIT that comes as a form, or shows it again with what is wrong and all that was typed.
pub(super) async fn hand_in(
    State(site): State<Site>,
    SignedIn(worker): SignedIn,
    Path(assignment_id): Path<String>,
    body: Bytes,
) -> Result<Response, PageError> {
    let posted = Posted::read(&body);
    let (mut tx, now) = site.market.begin_of(Whose::Assignment(&assignment_id)).await?;
    let Some(held) = Held::find(&site, &mut tx, &worker, &assignment_id).await? else {
        return Ok(to_my_work(&site, ""));
    };
    let Question::Form(form) = &held.question else { return Err(no_form()) };
    let given = posted.answers(form);
    match assignments::answer(&mut tx, now, &assignment_id, &worker.worker_id, form, &given).await {
        Ok(_) => {
            tx.commit().await?;
            Ok(to_my_work(&site, "?handed_in=yes"))
        }
        Err(FormError::Unfit(unfit)) => {
            drop(tx);
            let task = Task::Form(ShownForm::again(form, &given, &unfit));
            page(StatusCode::UNPROCESSABLE_ENTITY, &held.page(&site, worker, task))
        }
        Err(FormError::Work(error)) => Err(error.into()),
    }
}

fn to_my_work(site: &Site, query: &str) -> Response {
    Redirect::to(&site.links.to(&format!("/work{query}"))).into_response()
}

fn no_form() -> PageError {
    let text =
        "This HIT is handed in from the task itself, inside its frame. Go back and use the button there.";
    PageError::Notice { status: StatusCode::BAD_REQUEST, title: "Not submitted", text: text.into() }
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
    /// Whether a form was handed in a moment ago.
    handed_in: bool,
    /// Whether these are not the newest.
    further: bool,
    /// Where the next page begins.
    older: Option<i64>,
}

/// The query of "my work": where the page begins, and whether to say that something was handed in.
#[derive(Debug, Deserialize)]
pub(super) struct From {
    before: Option<i64>,
    handed_in: Option<String>,
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
        handed_in: from.handed_in.is_some(),
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
