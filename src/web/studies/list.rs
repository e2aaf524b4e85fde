//! A lab's front page: its studies, and what to do next when there are none.

use askama::Template;
use axum::extract::State;

use super::bar::{self, Bar};
use super::words;
use crate::app::App;
use crate::labs::{self, LabId};
use crate::studies::overview::{self, Line};
use crate::web::error::WebResult;
use crate::web::guard::Viewer;
use crate::web::page::{Layout, Nav, show};

#[derive(Template)]
#[template(path = "studies/list.html")]
struct ListPage {
    layout: Layout,
    lab: LabId,
    may_edit: bool,
    sites: i64,
    connections: i64,
    cards: Vec<Card>,
}

struct Card {
    line: Line,
    bar: Bar,
    made: String,
    /// What waits for somebody: a tone and a few words.
    attention: Vec<(&'static str, String)>,
}

/// `GET /labs/{lab}`
///
/// # Errors
/// When the database does not answer.
pub async fn page(State(app): State<App>, viewer: Viewer) -> WebResult {
    let mut conn = app.pool.acquire().await?;
    let (sites, connections) = labs::counts(&mut conn, viewer.lab.id).await?;
    let lines = overview::of_lab(&mut conn, viewer.lab.id, None).await?;
    drop(conn);
    let now = app.clock.now();
    let cards = lines.into_iter().map(|line| Card {
        bar: bar::places(&line),
        made: words::away(line.created_at, now),
        attention: attention(&line),
        line,
    });
    show(&ListPage {
        layout: Layout::in_lab(&viewer, Nav::Studies, "Studies").await?,
        lab: viewer.lab.id,
        may_edit: viewer.may_edit(),
        sites,
        connections,
        cards: cards.collect(),
    })
}

fn attention(line: &Line) -> Vec<(&'static str, String)> {
    let mut list = Vec::new();
    if line.problem.is_some() || line.held_batches > 0 {
        list.push(("bad", "publishing is held up".to_owned()));
    }
    if line.unknown_orders > 0 {
        list.push(("bad", words::count(line.unknown_orders, "payment unclear", "payments unclear")));
    }
    if line.refused_orders > 0 {
        list.push(("bad", words::count(line.refused_orders, "payment refused", "payments refused")));
    }
    if line.undecided() > 0 {
        list.push(("note", format!("{} to review", line.undecided())));
    }
    list
}
