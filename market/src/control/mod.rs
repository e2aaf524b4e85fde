//! The controls of a rehearsal: JSON under `/control/v1/`, described in `docs/MARKET_CONTROL.md`.
//!
//! | module | one idea |
//! | --- | --- |
//! | `caller` | who asks: a requester's own key pair over HTTP Basic, one who rehearses where more than money is read |
//! | `clock` | the requester's time: freeze, run, step, put forward |
//! | `faults` | trouble ordered against the requester's calls, and what it struck |
//! | `records` | journal, statement, balance, and play money |
//! | `bots` | simulated workers: sent, reported, stopped |
//! | `people` | workers whom the requester's own program plays, step by step |
//! | `behaviour` | the quirks the requester switched |
//! | `problem` | errors as problem details, and bodies and queries read strictly |
//!
//! Each handler takes the caller first and touches nothing of anybody else. To add a group of controls: a file here
//! and its lines in [`router`].

mod behaviour;
mod bots;
mod caller;
mod clock;
mod faults;
mod people;
mod problem;
mod records;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::response::IntoResponse;
use axum::routing::{delete, get, post};

use crate::{Market, panics};
use problem::Problem;

/// Bytes of a body at most.
const LONGEST_BODY: usize = 65_536;

/// The controls' routes.
pub fn router(market: Market) -> Router {
    let controls = Router::new()
        .route("/clock", get(clock::show).post(clock::turn))
        .route("/faults", get(faults::list).post(faults::order).delete(faults::lift_all))
        .route("/faults/strikes", get(faults::strikes))
        .route("/faults/{id}", delete(faults::lift))
        .route("/bots", get(bots::list).post(bots::send))
        .route("/bots/{id}", get(bots::show).delete(bots::stop))
        .route("/workers", get(people::list).post(people::make))
        .route("/assignments", post(people::accept))
        .route("/assignments/{id}/return", post(people::give_back))
        .route("/assignments/{id}/submit", post(people::hand_in))
        .route("/journal", get(records::journal))
        .route("/statement", get(records::statement))
        .route("/balance", get(records::balance))
        .route("/deposit", post(records::deposit))
        .route("/behaviour", get(behaviour::show).put(behaviour::set))
        .fallback(async || Problem::not_found("There is no such control."))
        .method_not_allowed_fallback(async || Problem::method())
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
        .layer(panics::caught(|_: &str| Problem::broken().into_response()))
        .with_state(market);
    Router::new().nest("/control/v1", controls)
}
