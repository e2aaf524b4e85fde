//! Simulated workers for the requester's own HITs: send them, see how far each came, stop them.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::caller::Caller;
use super::problem::{Body, Problem};
use crate::Market;
use crate::workers::bots::runs::{self, BotRow, Run, RunOrder, StartError};

/// `POST /bots`: starts a run.
pub(super) async fn send(
    caller: Caller,
    State(market): State<Market>,
    Body(order): Body<RunOrder>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let run = runs::start(&market, &caller.requester_id, order).await?;
    Ok((StatusCode::CREATED, Json(json!(run))))
}

/// `GET /bots`: the requester's runs, newest first.
pub(super) async fn list(caller: Caller, State(market): State<Market>) -> Result<Json<Value>, Problem> {
    let runs = runs::list(&market, &caller.requester_id).await?;
    Ok(Json(json!({ "runs": runs })))
}

/// `GET /bots/{id}`: a run with its report.
pub(super) async fn show(
    caller: Caller,
    State(market): State<Market>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let run = known(&market, &caller, &id).await?;
    let bots = runs::bots(&market, &run.run_id).await?;
    Ok(Json(report(&run, &bots)))
}

/// `DELETE /bots/{id}`: stops a run. Its bots stay where they are, and its report stays.
pub(super) async fn stop(
    caller: Caller,
    State(market): State<Market>,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    known(&market, &caller, &id).await?;
    runs::stop(&market, &caller.requester_id, &id).await?;
    let run = known(&market, &caller, &id).await?;
    Ok((StatusCode::ACCEPTED, Json(json!(run))))
}

/// The requester's run of this id; none has a NUL character in it, and Postgres could not look for one.
async fn known(market: &Market, caller: &Caller, id: &str) -> Result<Run, Problem> {
    if id.contains('\0') {
        return Err(no_run());
    }
    runs::find(market, &caller.requester_id, id).await?.ok_or_else(no_run)
}

/// The run, how many bots stand where, the pages that none could fill, and each bot.
fn report(run: &Run, bots: &[BotRow]) -> Value {
    let mut stages: BTreeMap<&str, usize> = BTreeMap::new();
    let mut pages: BTreeMap<String, Vec<i32>> = BTreeMap::new();
    for bot in bots {
        *stages.entry(bot.stage.as_str()).or_default() += 1;
        if let Some(page) = &bot.problem_page {
            pages.entry(anyones(page)).or_default().push(bot.number);
        }
    }
    let problem = |bot: i32| bots.iter().find(|one| one.number == bot).and_then(|one| one.problem.as_deref());
    let unfilled: Vec<Value> = pages
        .into_iter()
        .map(|(page, bots)| json!({ "page": page, "why": bots.first().and_then(|bot| problem(*bot)), "bots": bots }))
        .collect();
    json!({ "run": run, "stages": stages, "unfilled_pages": unfilled, "bots": bots })
}

/// The page without whose it is: `/p/abcd1234/app/Page/1` is one page for everybody.
fn anyones(page: &str) -> String {
    let mut parts: Vec<&str> = page.split('/').collect();
    if let ["", "p", code, ..] = parts.as_mut_slice() {
        *code = "*";
    }
    parts.join("/")
}

fn no_run() -> Problem {
    Problem::not_found("There is no such run of yours.")
}

impl From<StartError> for Problem {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Order(error) => Self::invalid(format!("This cannot be: {error}.")),
            StartError::TooMany => Self::new(StatusCode::CONFLICT, "too_many_runs", error.to_string()),
            StartError::NoWayOut(cause) => {
                tracing::error!(cause, "Simulated workers could not be sent out");
                Self::broken()
            }
            StartError::Database(error) => error.into(),
        }
    }
}
