//! Everybody of a study, with what is known of them and what waits for a decision.

use std::collections::HashMap;

use askama::Template;
use axum::extract::{Query, State};
use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::by_rule::{self, ByRule};
use super::filter::{self, Tab};
use super::person::{Bonus, Person};
use crate::app::App;
use crate::participation::{ParticipationId, store, tracker};
use crate::payments::{self, Order};
use crate::review::verdicts::{self, Stored};
use crate::review::{self, CodeCheck};
use crate::scores::store::{self as scores, Scores};
use crate::studies::overview::{self, Line};
use crate::studies::{Play, State as Stage, Study};
use crate::web::error::WebResult;
use crate::web::guard::{Row, Viewer};
use crate::web::page::{Layout, show};
use crate::web::studies::{page::layout, path};

/// Rows on one page of the table.
const PAGE: usize = 200;

#[derive(Template)]
#[template(path = "review/table.html")]
struct TablePage {
    layout: Layout,
    path: String,
    study: Study,
    tabs: Vec<Tab>,
    people: Vec<Person>,
    /// Quality scores, where the lab keeps them.
    scores: Scores,
    /// What the study's rules say of them.
    verdicts: HashMap<ParticipationId, Stored>,
    now: DateTime<Utc>,
    may_edit: bool,
    /// Whether the study runs on the researcher's own page.
    own_template: bool,
    /// Undecided submissions whose completion code needs a look.
    odd_codes: i64,
    ticked: bool,
    chosen: String,
    seen: String,
    /// This page's number and how many there are, from 1.
    number: usize,
    pages: usize,
}

/// What the address asks for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    stage: String,
    page: usize,
    /// Ticks all rows that can be decided, for those without scripts.
    tick: String,
}

/// `GET /labs/{lab}/studies/{study}/review`
///
/// # Errors
/// When the database does not answer.
pub async fn page(
    State(app): State<App>,
    Row(viewer, study): Row<Viewer, Study>,
    Query(asked): Query<Asked>,
) -> WebResult {
    let now = app.clock.now();
    let mut conn = app.pool.acquire().await?;
    if study.state != Stage::Draft {
        tracker::look_now(&mut conn, study.id, now).await?;
    }
    let line = overview::of_study(&mut conn, study.lab_id, study.id).await?;
    let stages = filter::stages(&asked.stage);
    let mut rows = store::of_study(&mut conn, study.lab_id, study.id, None).await?;
    let odd_codes = review::odd_codes(&study, &rows);
    rows.retain(|row| stages.contains(&row.stage));
    let pages = rows.len().div_ceil(PAGE).max(1);
    let number = asked.page.clamp(1, pages);
    let orders = payments::store::of_study(&mut conn, study.id).await?;
    let verdicts = verdicts::of_study(&mut conn, study.id).await?;
    let mut workers = match viewer.may_edit() {
        true => store::external_ids(&mut conn, study.lab_id, study.id).await?,
        false => HashMap::new(),
    };
    let who: Vec<uuid::Uuid> = rows.iter().map(|row| row.worker_id.0).collect();
    let scores = scores::of_workers(&mut conn, study.lab_id, &who).await?;
    drop(conn);
    let by_person = group(&orders);
    let people = rows.into_iter().skip((number - 1) * PAGE).take(PAGE).map(|row| {
        let (worker, orders) = (workers.remove(&row.id), by_person.get(&row.id));
        Person::of(&study, row, worker, orders.map_or(&[], Vec::as_slice), now)
    });
    show(&TablePage {
        people: people.collect(),
        scores,
        verdicts,
        now,
        layout: layout(&viewer, &study, format!("Review {}", study.name)).await?,
        path: path(&study),
        tabs: filter::tabs(&line, &asked.stage),
        seen: fingerprint(&line),
        may_edit: viewer.may_edit(),
        own_template: study.play == Play::Template,
        odd_codes,
        ticked: asked.tick == "all",
        chosen: asked.stage,
        study,
        number,
        pages,
    })
}

impl TablePage {
    /// What the rules say of somebody who can still be decided about.
    fn by_rule(&self, person: &Person) -> Option<ByRule> {
        let stored = self.verdicts.get(&person.row.id)?;
        by_rule::words(stored, self.now).filter(|_| person.open && person.row.approved_at.is_none())
    }
}

/// Each participation's orders.
pub(super) fn group(orders: &[Order]) -> HashMap<ParticipationId, Vec<&Order>> {
    let mut map: HashMap<_, Vec<&Order>> = HashMap::new();
    for order in orders {
        map.entry(order.participation_id).or_default().push(order);
    }
    map
}

/// What an open table was made from, in a few numbers: another value means that it is out of date.
fn fingerprint(line: &Line) -> String {
    let undecided = line.submitted + line.submitted_unfinished;
    let done = line.approved + line.paid + line.rejected;
    let gone = line.returned + line.worked_then_returned + line.finished_unsubmitted;
    let trouble = line.unknown_orders + line.refused_orders + line.odd_payoffs;
    let numbers = [
        line.people(),
        line.finished,
        undecided,
        line.deciding,
        done,
        line.paid,
        gone,
        trouble,
        line.spent.0,
    ];
    numbers.map(|number| number.to_string()).join("-")
}

#[derive(Template)]
#[template(path = "review/news.html")]
struct News {
    path: String,
    stage: String,
}

/// What somebody has before them.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Seen {
    seen: String,
    stage: String,
}

/// `GET /labs/{lab}/studies/{study}/review/news`: whether an open table is out of date. It is not changed by
/// itself, because somebody may be ticking rows.
///
/// # Errors
/// When the database does not answer.
pub async fn news(
    State(app): State<App>,
    Row(_, study): Row<Viewer, Study>,
    Query(seen): Query<Seen>,
) -> WebResult {
    let mut conn = app.pool.acquire().await?;
    let line = overview::of_study(&mut conn, study.lab_id, study.id).await?;
    drop(conn);
    if fingerprint(&line) == seen.seen {
        return Ok(axum::response::IntoResponse::into_response(axum::http::StatusCode::NO_CONTENT));
    }
    show(&News { path: path(&study), stage: seen.stage })
}
