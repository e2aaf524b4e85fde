//! What happened, what it cost, and play money.

use axum::Json;
use axum::extract::State;
use kernel::money::Cents;
use serde::Deserialize;
use serde_json::{Value, json};

use super::caller::{Caller, Requester};
use super::problem::{Body, Params, Problem};
use crate::Market;
use crate::engine::money::{self, Line};
use crate::journal::{self, Effect, Filter, JournalEntry, Part};

/// Rows of an answer at most.
const LONGEST: i64 = 1000;
/// Rows of an answer when nothing was said.
const USUAL: i64 = 100;
/// Cents of one deposit at most: a million dollars.
const MOST_MONEY: i64 = 100_000_000;

/// Which part of a list: rows after a position. Every answer says the position after which to go on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Paging {
    after: Option<i64>,
    limit: Option<i64>,
}

impl Paging {
    /// The position and the count.
    pub(super) fn checked(&self) -> Result<(i64, i64), Problem> {
        let (after, limit) = (self.after.unwrap_or(0), self.limit.unwrap_or(USUAL));
        if after < 0 || !(1..=LONGEST).contains(&limit) {
            return Err(Problem::invalid(format!("after is not negative, and limit is 1 to {LONGEST}.")));
        }
        Ok((after, limit))
    }
}

/// Which entries of the journal.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    after: Option<i64>,
    limit: Option<i64>,
    /// The end of the journal instead of its beginning, backwards.
    newest_first: Option<bool>,
    /// Where to go on backwards.
    before: Option<i64>,
    effect: Option<Effect>,
    hit_id: Option<String>,
    assignment_id: Option<String>,
    worker_id: Option<String>,
}

impl Wanted {
    fn backwards(&self) -> Result<bool, Problem> {
        let backwards = self.newest_first.unwrap_or(false);
        if (backwards && self.after.is_some()) || (!backwards && self.before.is_some()) {
            return Err(Problem::invalid(
                "newest_first goes with before, not with after, and before goes with it.",
            ));
        }
        Ok(backwards)
    }

    fn filter(self, after: i64, limit: i64) -> Filter {
        Filter {
            requester_id: None,
            hit_id: self.hit_id,
            assignment_id: self.assignment_id,
            worker_id: self.worker_id,
            effect: self.effect,
            after,
            up_to: None,
            limit: Some(limit),
        }
    }
}

pub(super) async fn journal(
    caller: Caller,
    State(market): State<Market>,
    Params(wanted): Params<Wanted>,
) -> Result<Json<Value>, Problem> {
    let (after, limit) = Paging { after: wanted.after, limit: wanted.limit }.checked()?;
    if wanted.backwards()? {
        return tail(caller, market, wanted, limit).await;
    }
    let filter = wanted.filter(after, limit);
    let Part { entries, after } = journal::read_on(market.pool(), &caller.requester_id, filter).await?;
    Ok(Json(json!({ "entries": entries.iter().map(entry_shape).collect::<Vec<_>>(), "after": after })))
}

/// One entry more than asked for is read, to say whether there are older ones.
async fn tail(caller: Caller, market: Market, wanted: Wanted, limit: i64) -> Result<Json<Value>, Problem> {
    let (before, filter) = (wanted.before, wanted.filter(0, limit + 1));
    let mut conn = market.pool().acquire().await?;
    let mut entries = journal::latest(&mut conn, &caller.requester_id, before, &filter).await?;
    let more = entries.len() as i64 > limit;
    entries.truncate(limit as usize);
    let older = entries.last().filter(|_| more).map(|entry| entry.seq);
    Ok(Json(json!({ "entries": entries.iter().map(entry_shape).collect::<Vec<_>>(), "before": older })))
}

/// What an entry does not have is left out.
fn entry_shape(entry: &JournalEntry) -> Value {
    let mut shape = json!({ "seq": entry.seq, "at": entry.at, "effect": entry.effect });
    let ids = [
        ("hit_type_id", &entry.hit_type_id),
        ("hit_id", &entry.hit_id),
        ("assignment_id", &entry.assignment_id),
        ("worker_id", &entry.worker_id),
        ("qualification_type_id", &entry.qualification_type_id),
        ("token", &entry.token),
    ];
    for (name, id) in ids.into_iter().filter_map(|(name, id)| Some((name, id.as_ref()?))) {
        shape[name] = id.as_str().into();
    }
    for (name, cents) in [("amount_cents", entry.amount), ("fee_cents", entry.fee)] {
        if let Some(cents) = cents {
            shape[name] = cents.0.into();
        }
    }
    shape
}

pub(super) async fn statement(
    caller: Requester,
    State(market): State<Market>,
    Params(paging): Params<Paging>,
) -> Result<Json<Value>, Problem> {
    let (after, limit) = paging.checked()?;
    let mut conn = market.pool().acquire().await?;
    let lines = money::statement_after(&mut conn, &caller.requester_id, after, Some(limit)).await?;
    let last = lines.last().map_or(after, |line| line.seq);
    Ok(Json(json!({ "lines": lines.iter().map(line_shape).collect::<Vec<_>>(), "after": last })))
}

fn line_shape(line: &Line) -> Value {
    json!({
        "seq": line.seq,
        "at": line.at,
        "kind": line.kind,
        "available_cents": line.available.0,
        "on_hold_cents": line.on_hold.0,
        "hit_id": line.hit_id,
        "assignment_id": line.assignment_id,
    })
}

pub(super) async fn balance(caller: Requester, State(market): State<Market>) -> Result<Json<Value>, Problem> {
    told(&market, &caller.requester_id).await
}

async fn told(market: &Market, requester_id: &str) -> Result<Json<Value>, Problem> {
    let balance = market.balance(requester_id).await?;
    Ok(Json(json!({ "available_cents": balance.available.0, "on_hold_cents": balance.on_hold.0 })))
}

/// Play money.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Deposit {
    cents: i64,
}

pub(super) async fn deposit(
    caller: Caller,
    State(market): State<Market>,
    Body(deposit): Body<Deposit>,
) -> Result<Json<Value>, Problem> {
    if !(1..=MOST_MONEY).contains(&deposit.cents) {
        return Err(Problem::invalid(format!("A deposit is 1 to {MOST_MONEY} cents.")));
    }
    market.deposit(&caller.requester_id, Cents(deposit.cents)).await?;
    told(&market, &caller.requester_id).await
}
