//! The requester's time.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Duration, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::caller::Caller;
use super::problem::{Body, Problem};
use crate::Market;
use crate::clock::{ClockError, Turn};

/// Seconds of one step at most: ten years.
const LONGEST_STEP: i64 = 315_360_000;

pub(super) async fn show(caller: Caller, State(market): State<Market>) -> Result<Json<Value>, Problem> {
    let (timing, now) = market.clock_of(&caller.requester_id).await?;
    Ok(Json(json!({ "now": now, "rate": timing.rate, "machine": market.real_now() })))
}

/// One turn of the clock: the word, and the value that belongs to it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Turning {
    turn: Word,
    /// Market seconds per machine second.
    rate: Option<f64>,
    /// How far to step.
    seconds: Option<i64>,
    /// Where to put it.
    at: Option<DateTime<Utc>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Freeze,
    Run,
    Step,
    To,
}

impl Turning {
    fn parse(&self) -> Result<Turn, Problem> {
        match (&self.turn, self.rate, self.seconds, self.at) {
            (Word::Freeze, None, None, None) => Ok(Turn::Freeze),
            (Word::Run, Some(rate), None, None) => Ok(Turn::Run(rate)),
            (Word::Step, None, Some(seconds), None) if (1..=LONGEST_STEP).contains(&seconds) => {
                Ok(Turn::Step(Duration::seconds(seconds)))
            }
            (Word::Step, None, Some(_), None) => {
                Err(Problem::invalid(format!("A step is 1 to {LONGEST_STEP} seconds long.")))
            }
            (Word::To, None, None, Some(at)) => Ok(Turn::To(at)),
            _ => Err(Problem::invalid(
                "freeze takes nothing else, run takes a rate, step takes seconds, and to takes at.",
            )),
        }
    }
}

pub(super) async fn turn(
    caller: Caller,
    State(market): State<Market>,
    Body(turning): Body<Turning>,
) -> Result<Json<Value>, Problem> {
    market.set_clock_of(&caller.requester_id, turning.parse()?).await?;
    show(caller, State(market)).await
}

impl From<ClockError> for Problem {
    fn from(error: ClockError) -> Self {
        match error {
            ClockError::Database(error) => error.into(),
            other => Self::invalid(format!("This cannot be: {other}.")),
        }
    }
}
