//! Trouble ordered against the requester's own calls, and what it struck.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::caller::Caller;
use super::problem::{Body, Params, Problem};
use super::records::Paging;
use crate::Market;
use crate::faults::{self, FaultKind, Order, Strike, Target};
use crate::protocol;

/// Calls that one order strikes at most.
const MOST_TIMES: u32 = 1_000_000;
/// Orders of one requester that stand at the same time.
const MOST_ORDERS: usize = 100;

/// An order: its kind, the value that belongs to the kind, which calls and how many of them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewOrder {
    kind: String,
    /// Of a delay.
    milliseconds: Option<u32>,
    /// Of a throttle: calls that pass.
    per_second: Option<u32>,
    /// Of hiding.
    seconds: Option<u32>,
    /// Every operation, when left out.
    operation: Option<String>,
    /// Until lifted, when left out.
    times: Option<u32>,
}

/// The member that holds the number of a kind that has one.
fn unit(name: &str) -> Option<&'static str> {
    match name {
        "delay_before" | "delay_after" => Some("milliseconds"),
        "throttle_to" => Some("per_second"),
        "hide" => Some("seconds"),
        _ => None,
    }
}

impl NewOrder {
    fn kind(&self) -> Result<FaultKind, Problem> {
        let given =
            [("milliseconds", self.milliseconds), ("per_second", self.per_second), ("seconds", self.seconds)];
        let unit = unit(&self.kind);
        let foreign = given.iter().find(|(name, number)| number.is_some() && Some(*name) != unit);
        if let Some((name, _)) = foreign {
            return Err(Problem::invalid(format!("{} does not go with {name}.", self.kind)));
        }
        let number = given.iter().find_map(|(_, number)| *number);
        FaultKind::from_parts(&self.kind, number).ok_or_else(unknown_kind)
    }

    fn check(&self) -> Result<(), Problem> {
        if self.times.is_some_and(|times| !(1..=MOST_TIMES).contains(&times)) {
            return Err(Problem::invalid(format!(
                "times is 1 to {MOST_TIMES}; leave it out to go on until lifted."
            )));
        }
        match &self.operation {
            Some(name) if !protocol::operations().any(|known| known == name) => {
                Err(Problem::invalid(format!("There is no operation {name}.")))
            }
            _ => Ok(()),
        }
    }
}

fn unknown_kind() -> Problem {
    Problem::invalid(format!(
        "A fault is fail_before, fail_after, drop_before, drop_after, reset_before, reset_after, html_before, html_after, \
         deny, unlink, throttle, throttle_to with per_second 1 to {}, delay_before or delay_after with milliseconds 1 to {}, \
         or hide with seconds 1 to {}.",
        faults::WIDEST_THROTTLE,
        faults::LONGEST_DELAY,
        faults::LONGEST_HIDING,
    ))
}

fn shape(order: &Order) -> Value {
    let (name, number) = order.kind.parts();
    let mut shape = json!({
        "id": order.seq,
        "kind": name,
        "operation": order.operation,
        "remaining": order.remaining,
        "struck": order.struck,
        "ordered_at": order.ordered_at,
    });
    if let (Some(unit), Some(number)) = (unit(name), number) {
        shape[unit] = number.into();
    }
    shape
}

pub(super) async fn list(caller: Caller, State(market): State<Market>) -> Result<Json<Value>, Problem> {
    let orders = faults::orders(&mut *market.pool().acquire().await?, &caller.requester_id).await?;
    Ok(Json(json!({ "faults": orders.iter().map(shape).collect::<Vec<_>>() })))
}

pub(super) async fn order(
    caller: Caller,
    State(market): State<Market>,
    Body(new): Body<NewOrder>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let kind = new.kind()?;
    new.check()?;
    let mut conn = market.pool().acquire().await?;
    if faults::orders(&mut conn, &caller.requester_id).await?.len() >= MOST_ORDERS {
        let detail = format!("There are {MOST_ORDERS} orders already; lift some.");
        return Err(Problem::new(StatusCode::CONFLICT, "too_many", detail));
    }
    let target = Target { requester_id: Some(caller.requester_id.clone()), operation: new.operation };
    let seq = faults::order(&mut conn, market.real_now(), kind, &target, new.times).await?;
    let orders = faults::orders(&mut conn, &caller.requester_id).await?;
    let made = orders.iter().find(|order| order.seq == seq).ok_or_else(Problem::broken)?;
    Ok((StatusCode::CREATED, Json(shape(made))))
}

pub(super) async fn lift(
    caller: Caller,
    State(market): State<Market>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let missing = || Problem::not_found("You have no such fault, or it was lifted.");
    let id = id.parse().map_err(|_| missing())?;
    let mut conn = market.pool().acquire().await?;
    match faults::lift(&mut conn, market.real_now(), &caller.requester_id, id).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(missing()),
    }
}

pub(super) async fn lift_all(caller: Caller, State(market): State<Market>) -> Result<Json<Value>, Problem> {
    let mut conn = market.pool().acquire().await?;
    let lifted = faults::lift_all(&mut conn, market.real_now(), &caller.requester_id).await?;
    Ok(Json(json!({ "lifted": lifted })))
}

pub(super) async fn strikes(
    caller: Caller,
    State(market): State<Market>,
    Params(paging): Params<Paging>,
) -> Result<Json<Value>, Problem> {
    let (after, limit) = paging.checked()?;
    let mut conn = market.pool().acquire().await?;
    let strikes = faults::strikes(&mut conn, &caller.requester_id, after, limit).await?;
    let last = strikes.last().map_or(after, |strike| strike.seq);
    Ok(Json(json!({ "strikes": strikes.iter().map(strike_shape).collect::<Vec<_>>(), "after": last })))
}

fn strike_shape(strike: &Strike) -> Value {
    json!({
        "seq": strike.seq,
        "fault": strike.fault,
        "at": strike.at,
        "operation": strike.operation,
        "kind": strike.kind,
        "invocation": strike.invocation,
        "attempt": strike.attempt,
    })
}
