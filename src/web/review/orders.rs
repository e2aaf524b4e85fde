//! Every order of a study: what it does, how far it is, what is wrong.

use std::collections::HashMap;

use askama::Template;
use axum::extract::State;

use super::person::state_words;
use crate::app::App;
use crate::participation::store;
use crate::payments::budget::{self, Budget};
use crate::payments::{self, Order, OrderState};
use crate::studies::Study;
use crate::web::error::WebResult;
use crate::web::guard::{Row, Viewer};
use crate::web::page::{Layout, show};
use crate::web::studies::{page::layout, path};

#[derive(Template)]
#[template(path = "review/orders.html")]
struct OrdersPage {
    layout: Layout,
    path: String,
    lines: Vec<OrderLine>,
    budget: Budget,
}

struct OrderLine {
    order: Order,
    pseudonym: String,
    what: &'static str,
    tone: &'static str,
    state: &'static str,
}

impl OrderLine {
    fn of(order: Order, pseudonym: String) -> Self {
        Self {
            pseudonym,
            what: order.kind.noun(),
            tone: match order.state {
                OrderState::Done => "good",
                OrderState::Refused => "bad",
                OrderState::Unknown => "warn",
                _ => "note",
            },
            state: state_words(order.kind, order.state),
            order,
        }
    }
}

/// `GET /labs/{lab}/studies/{study}/orders`
///
/// # Errors
/// When the database does not answer.
pub async fn page(State(app): State<App>, Row(viewer, study): Row<Viewer, Study>) -> WebResult {
    let mut conn = app.pool.acquire().await?;
    let mut orders = payments::store::of_study(&mut conn, study.id).await?;
    let rows = store::of_study(&mut conn, study.lab_id, study.id, None).await?;
    let budget = budget::of(&mut conn, study.id, false).await?;
    drop(conn);
    let names: HashMap<_, _> = rows.into_iter().map(|row| (row.id, row.pseudonym)).collect();
    let pressing = |order: &Order| match order.state {
        OrderState::Refused => 0,
        OrderState::Unknown => 1,
        OrderState::Done => 3,
        _ => 2,
    };
    orders.sort_by_key(|order| (pressing(order), std::cmp::Reverse(order.id)));
    let lines = orders.into_iter().map(|order| {
        let name = names.get(&order.participation_id).cloned().unwrap_or_default();
        OrderLine::of(order, name)
    });
    show(&OrdersPage {
        lines: lines.collect(),
        layout: layout(&viewer, &study, format!("Orders of {}", study.name)).await?,
        path: path(&study),
        budget,
    })
}
