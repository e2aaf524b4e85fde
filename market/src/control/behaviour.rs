//! The quirks that the requester switched.

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};

use super::caller::Caller;
use super::problem::{Body, Problem};
use crate::Market;
use crate::behaviour::{self, Overrides};

pub(super) async fn show(caller: Caller, State(market): State<Market>) -> Result<Json<Value>, Problem> {
    let mut conn = market.pool().acquire().await?;
    let overrides = behaviour::overrides(&mut conn, &caller.requester_id).await?;
    let holds = market.quirks_of(&mut conn, &caller.requester_id).await?;
    Ok(Json(json!({ "holds": holds, "set": overrides.members() })))
}

/// What is not named follows the operator again.
pub(super) async fn set(
    caller: Caller,
    State(market): State<Market>,
    Body(members): Body<Map<String, Value>>,
) -> Result<Json<Value>, Problem> {
    let overrides = Overrides::parse(members)
        .map_err(|error| Problem::invalid(format!("These switches cannot be set: {error}.")))?;
    let mut conn = market.pool().acquire().await?;
    behaviour::set(&mut conn, market.real_now(), &caller.requester_id, &overrides).await?;
    drop(conn);
    show(caller, State(market)).await
}
