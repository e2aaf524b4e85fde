//! A requester's money: what is free, what is promised, and a statement whose lines add up to both.

use chrono::{DateTime, Utc};
use kernel::money::Cents;
use serde::Serialize;
use sqlx::PgConnection;

use super::hits::Hit;
use super::{Outcome, Refusal};

/// Why money moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, sqlx::Type, Serialize)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Put into the account.
    Deposit,
    /// Put into the account because money never runs out there, to the cent that was short.
    Credit,
    /// Set aside for places that were published.
    Hold,
    /// Free again: nobody will earn it.
    Release,
    /// To a worker, for approved work.
    Reward,
    /// To the market, with a reward.
    Fee,
    /// To a worker, beside the reward.
    Bonus,
    /// To the market, with a bonus.
    BonusFee,
}

/// What a requester has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Balance {
    /// Cents free to spend.
    pub available: Cents,
    /// Cents promised to work that is not reviewed.
    pub on_hold: Cents,
}

/// One line of a requester's statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Position.
    pub seq: i64,
    /// Market time, UTC.
    pub at: DateTime<Utc>,
    /// Why.
    pub kind: Kind,
    /// Change of what is free.
    pub available: Cents,
    /// Change of what is promised.
    pub on_hold: Cents,
    /// The HIT.
    pub hit_id: Option<String>,
    /// The assignment.
    pub assignment_id: Option<String>,
}

/// What a movement concerns.
#[derive(Debug, Clone, Copy, Default)]
pub struct About<'a> {
    /// The HIT.
    pub hit_id: Option<&'a str>,
    /// The assignment.
    pub assignment_id: Option<&'a str>,
}

/// What the requester has.
///
/// # Errors
/// When Postgres fails.
pub async fn balance(conn: &mut PgConnection, requester_id: &str) -> sqlx::Result<Balance> {
    sqlx::query_as!(
        Balance,
        r#"select available as "available: Cents", on_hold as "on_hold: Cents"
             from market.requester where requester_id = $1"#,
        requester_id,
    )
    .fetch_one(conn)
    .await
}

/// The requester's statement, oldest line first.
///
/// # Errors
/// When Postgres fails.
pub async fn statement(conn: &mut PgConnection, requester_id: &str) -> sqlx::Result<Vec<Line>> {
    statement_after(conn, requester_id, 0, None).await
}

/// The requester's lines after the position `after`, oldest first, at most `limit`. A line is written under the lock of
/// its requester, so whoever goes on after the last one they were given misses none.
///
/// # Errors
/// When Postgres fails.
pub async fn statement_after(
    conn: &mut PgConnection,
    requester_id: &str,
    after: i64,
    limit: Option<i64>,
) -> sqlx::Result<Vec<Line>> {
    sqlx::query_as!(
        Line,
        r#"select seq, at, kind as "kind: Kind", available as "available: Cents", on_hold as "on_hold: Cents",
                  hit_id, assignment_id
             from market.statement where requester_id = $1 and seq > $2 order by seq limit $3"#,
        requester_id,
        after,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// Puts money into the account.
///
/// # Errors
/// When Postgres fails.
pub async fn deposit(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    requester_id: &str,
    amount: Cents,
) -> Outcome<()> {
    transfer(conn, now, requester_id, Kind::Deposit, amount, Cents::ZERO, About::default()).await
}

/// Sets aside the cost of `places` places of the HIT, if it holds money at all.
///
/// # Errors
/// [`Refusal::InsufficientFunds`].
pub async fn hold(conn: &mut PgConnection, now: DateTime<Utc>, hit: &Hit, places: i64) -> Outcome<()> {
    if !hit.holds {
        return Ok(());
    }
    let cost = (hit.reward + hit.fee).times(places).ok_or(Refusal::InsufficientFunds)?;
    let about = About { hit_id: Some(&hit.hit_id), assignment_id: None };
    transfer(conn, now, &hit.requester_id, Kind::Hold, -cost, cost, about).await
}

/// Frees what `places` places of the HIT held.
///
/// # Errors
/// When Postgres fails.
pub async fn release(conn: &mut PgConnection, now: DateTime<Utc>, hit: &Hit, places: i64) -> Outcome<()> {
    if !hit.holds {
        return Ok(());
    }
    let cost = (hit.reward + hit.fee).times(places).ok_or(Refusal::InsufficientFunds)?;
    let about = About { hit_id: Some(&hit.hit_id), assignment_id: None };
    transfer(conn, now, &hit.requester_id, Kind::Release, cost, -cost, about).await
}

/// Pays the reward of one assignment and its fee out of what the HIT holds, or else out of what is free.
///
/// # Errors
/// [`Refusal::InsufficientFunds`] when nothing was held and less is free.
pub async fn pay_reward(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    hit: &Hit,
    assignment_id: &str,
) -> Outcome<()> {
    let about = About { hit_id: Some(&hit.hit_id), assignment_id: Some(assignment_id) };
    for (kind, cents) in [(Kind::Reward, hit.reward), (Kind::Fee, hit.fee)] {
        let (available, on_hold) = if hit.holds { (Cents::ZERO, -cents) } else { (-cents, Cents::ZERO) };
        transfer(conn, now, &hit.requester_id, kind, available, on_hold, about).await?;
    }
    Ok(())
}

/// Moves money by the two changes and writes the statement's line; moving nothing writes nothing. Where money never
/// runs out, what is short is put into the account first, by a line of its own.
///
/// # Errors
/// [`Refusal::InsufficientFunds`] when less is there than the changes take.
pub async fn transfer(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    requester_id: &str,
    kind: Kind,
    available: Cents,
    on_hold: Cents,
    about: About<'_>,
) -> Outcome<()> {
    if available == Cents::ZERO && on_hold == Cents::ZERO {
        return Ok(());
    }
    let change = Change { kind, available, on_hold };
    if !book(conn, now, requester_id, change, about).await? {
        let short = shortage(conn, requester_id, available).await?.ok_or(Refusal::InsufficientFunds)?;
        let credit = Change { kind: Kind::Credit, available: short, on_hold: Cents::ZERO };
        let booked = book(conn, now, requester_id, credit, about).await?
            && book(conn, now, requester_id, change, about).await?;
        if !booked {
            return Err(Refusal::InsufficientFunds);
        }
    }
    Ok(())
}

/// Notes whether the requester's money never runs out.
///
/// # Errors
/// When Postgres fails.
pub async fn set_boundless(conn: &mut PgConnection, requester_id: &str, boundless: bool) -> sqlx::Result<()> {
    sqlx::query!(
        "update market.requester set boundless = $2 where requester_id = $1 and boundless <> $2",
        requester_id,
        boundless,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What is missing for this change of what is free, if the account is one in which money never runs out.
async fn shortage(
    conn: &mut PgConnection,
    requester_id: &str,
    available: Cents,
) -> sqlx::Result<Option<Cents>> {
    let free = sqlx::query_scalar!(
        "select available from market.requester where requester_id = $1 and boundless for update",
        requester_id
    );
    let free = free.fetch_optional(conn).await?;
    Ok(free.map(|free| -available - Cents(free)).filter(|short| short.is_positive()))
}

/// One line of a statement to be.
#[derive(Debug, Clone, Copy)]
struct Change {
    kind: Kind,
    available: Cents,
    on_hold: Cents,
}

/// Changes the balance and writes the line, unless less is there than the change takes. Says whether it did.
async fn book(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    requester_id: &str,
    Change { kind, available, on_hold }: Change,
    about: About<'_>,
) -> sqlx::Result<bool> {
    let moved = sqlx::query!(
        "update market.requester set available = available + $2, on_hold = on_hold + $3
          where requester_id = $1 and available + $2 >= 0 and on_hold + $3 >= 0",
        requester_id,
        available.0,
        on_hold.0,
    )
    .execute(&mut *conn)
    .await?;
    if moved.rows_affected() != 1 {
        return Ok(false);
    }
    sqlx::query!(
        "insert into market.statement (requester_id, at, kind, available, on_hold, hit_id, assignment_id)
         values ($1, $2, $3, $4, $5, $6, $7)",
        requester_id,
        now,
        kind as Kind,
        available.0,
        on_hold.0,
        about.hit_id,
        about.assignment_id,
    )
    .execute(conn)
    .await?;
    Ok(true)
}
