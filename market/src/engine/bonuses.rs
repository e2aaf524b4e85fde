//! Bonuses: money to a worker beside the reward, for work that was handed in.

use chrono::{DateTime, Utc};
use kernel::money::Cents;
use sqlx::PgConnection;

use super::assignments::{self, Assignment, AssignmentState};
use super::hits::Hit;
use super::money::{self, About, Kind};
use super::{Outcome, Refusal, later, workers};
use crate::journal::{self, Effect, Note};
use crate::settings::Fees;

/// Seconds.
const DAY: i64 = 86_400;

/// What to send.
#[derive(Debug, Clone)]
pub struct NewBonus {
    /// To whom.
    pub worker_id: String,
    /// For which work.
    pub assignment_id: String,
    /// Cents to the worker.
    pub amount: Cents,
    /// What the worker reads.
    pub reason: String,
    /// The request token, for the journal.
    pub token: Option<String>,
}

/// A bonus that was paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bonus {
    /// Position in the order of payment.
    pub seq: i64,
    /// For which work.
    pub assignment_id: String,
    /// To whom.
    pub worker_id: String,
    /// Cents to the worker.
    pub amount: Cents,
    /// Cents to the market.
    pub fee: Cents,
    /// What the worker reads.
    pub reason: String,
    /// When.
    pub paid_at: DateTime<Utc>,
}

/// Pays a bonus and its fee out of the free balance.
///
/// # Errors
/// [`Refusal::NoSuchWorker`], [`Refusal::NoSuchAssignment`] (also when nothing was handed in yet),
/// [`Refusal::NotTheirAssignment`] or [`Refusal::InsufficientFunds`].
pub async fn send(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    requester_id: &str,
    fees: &Fees,
    new: &NewBonus,
) -> Outcome<()> {
    let (hit, assignment) = recipient(conn, requester_id, new).await?;
    let fee = fees.of_bonus(new.amount);
    let about = About { hit_id: Some(&hit.hit_id), assignment_id: Some(&assignment.assignment_id) };
    money::transfer(conn, now, requester_id, Kind::Bonus, -new.amount, Cents::ZERO, about).await?;
    money::transfer(conn, now, requester_id, Kind::BonusFee, -fee, Cents::ZERO, about).await?;
    insert(conn, now, &hit, new, fee).await?;
    let note = Note {
        hit_type_id: Some(&hit.hit_type_id),
        hit_id: Some(&hit.hit_id),
        assignment_id: Some(&new.assignment_id),
        worker_id: Some(&new.worker_id),
        amount: Some(new.amount),
        fee: Some(fee),
        token: new.token.as_deref(),
        ..Note::default()
    };
    Ok(journal::record(conn, now, Effect::BonusSent, requester_id, note).await?)
}

/// Whether the worker handed in to the requester within `days`, or never: then what is wrong is another thing.
///
/// # Errors
/// [`Refusal::BonusWindow`].
pub async fn in_window(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    requester_id: &str,
    worker_id: &str,
    days: u32,
) -> Outcome<()> {
    if days == 0 {
        return Ok(());
    }
    let last = sqlx::query_scalar!(
        "select max(submitted_at) from market.assignment where worker_id = $1 and requester_id = $2",
        worker_id,
        requester_id,
    );
    match last.fetch_one(conn).await? {
        Some(last) if later(last, i64::from(days) * DAY) < now => Err(Refusal::BonusWindow(worker_id.into())),
        _ => Ok(()),
    }
}

async fn recipient(
    conn: &mut PgConnection,
    requester_id: &str,
    new: &NewBonus,
) -> Outcome<(Hit, Assignment)> {
    if workers::find(conn, &new.worker_id).await?.is_none() {
        return Err(Refusal::NoSuchWorker(new.worker_id.clone()));
    }
    let found = assignments::with_locked_hit(conn, &new.assignment_id).await?;
    let (hit, assignment) = found
        .filter(|(hit, assignment)| {
            hit.requester_id == requester_id && assignment.state != AssignmentState::Accepted
        })
        .ok_or_else(|| Refusal::NoSuchAssignment(new.assignment_id.clone()))?;
    if assignment.worker_id != new.worker_id {
        let (assignment_id, worker_id) = (new.assignment_id.clone(), new.worker_id.clone());
        return Err(Refusal::NotTheirAssignment { assignment_id, worker_id });
    }
    Ok((hit, assignment))
}

async fn insert(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    hit: &Hit,
    new: &NewBonus,
    fee: Cents,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into market.bonus (requester_id, hit_id, assignment_id, worker_id, amount, fee, reason, paid_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        hit.requester_id,
        hit.hit_id,
        new.assignment_id,
        new.worker_id,
        new.amount.0,
        fee.0,
        new.reason,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The requester's bonuses for one HIT or one assignment after position `after`, in order of payment.
///
/// # Errors
/// When Postgres fails.
pub async fn page(
    conn: &mut PgConnection,
    requester_id: &str,
    hit_id: Option<&str>,
    assignment_id: Option<&str>,
    after: i64,
    limit: i64,
) -> sqlx::Result<Vec<Bonus>> {
    sqlx::query_as!(
        Bonus,
        r#"select seq, assignment_id, worker_id, amount as "amount: Cents", fee as "fee: Cents", reason, paid_at
             from market.bonus
            where requester_id = $1 and ($2::text is null or hit_id = $2)
              and ($3::text is null or assignment_id = $3) and seq > $4
            order by seq limit $5"#,
        requester_id,
        hit_id,
        assignment_id,
        after,
        limit,
    )
    .fetch_all(conn)
    .await
}
