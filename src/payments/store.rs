//! Orders in Postgres. The caller owns the transaction.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, query, query_as, query_scalar};

use super::{Kind, NewOrder, Order, OrderError, OrderId, OrderState, PAYOFF, books, budget, confirm, limit};
use crate::accounts::AccountId;
use crate::jobs::{self, Lease};
use crate::labs::LabId;
use crate::ledger::caps;
use crate::participation::ParticipationId;
use crate::studies::{Study, StudyId};

macro_rules! orders {
    ($tail:literal $(, $arg:expr)* $(,)?) => {
        query_as!(
            Order,
            r#"SELECT o.id AS "id: _", o.lab_id AS "lab_id: _", o.study_id AS "study_id: _",
                o.participation_id AS "participation_id: _", o.connection_id AS "connection_id: _",
                o.kind AS "kind: _", o.source, o.amount_cents AS "amount: _", o.fee_cents AS "fee: _", o.words,
                o.state AS "state: _", o.attempt, o.first_sent_at, o.sent_at, o.problem,
                coalesce(o.token, o.id::text) AS "token!",
                CASE WHEN o.kind = 'compensate' THEN coalesce(o.assignment_id, '')
                    ELSE coalesce(o.assignment_id, p.assignment_id) END AS "assignment_id!",
                w.external_id AS worker
            FROM payment_order o
            JOIN participation p ON p.id = o.participation_id
            JOIN worker w ON w.id = p.worker_id "# + $tail
            $(, $arg)*
        )
    };
}

/// Places orders if every limit allows all of them; what is ordered already is left alone. Large decisions wait
/// for a second person.
/// Returns how many are new.
///
/// # Errors
/// A limit stands in the way ([`OrderError`]); then nothing may be committed.
pub async fn place(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    study: &Study,
    by: Option<AccountId>,
    wanted: &[NewOrder],
) -> Result<usize, OrderError> {
    budget::of(conn, study.id, true).await?;
    books::complete(conn, study, now).await?;
    let before = caps::room(conn, study.id.0).await?;
    let mut placed = Vec::new();
    for order in wanted {
        placed.extend(insert(conn, now, study, by, order).await?);
    }
    let after = caps::room(conn, study.id.0).await?;
    if let Some(breach) = before.breach(&after) {
        return Err(breach.into());
    }
    limit::each_person(conn, study, &placed).await?;
    confirm::ask_if_large(conn, now, study, by, &placed).await?;
    jobs::wake(conn, super::payer::NAME).await?;
    Ok(placed.len())
}

async fn insert(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    study: &Study,
    by: Option<AccountId>,
    order: &NewOrder,
) -> sqlx::Result<Option<OrderId>> {
    let state = if order.after_approval { "planned" } else { "authorised" };
    let id = OrderId::new();
    let done = query!(
        "INSERT INTO payment_order (id, lab_id, study_id, participation_id, connection_id, kind, source,
            amount_cents, fee_cents, currency, words, state, next_step_at, created_by, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $13)
         ON CONFLICT DO NOTHING",
        id.0,
        study.lab_id.0,
        study.id.0,
        order.participation_id.0,
        study.connection_id.0,
        order.kind.as_str(),
        order.source,
        order.amount.0,
        order.fee.0,
        study.currency,
        order.words,
        state,
        now,
        by.map(|account| account.0),
    )
    .execute(conn)
    .await?;
    Ok((done.rows_affected() == 1).then_some(id))
}

/// Claims the next order to send and commits it as `sending` (when the caller commits). Takes nothing while
/// money is paused, and nothing of a connection that keeps two lanes busy: a slow recruiter holds up its own lab only.
///
/// # Errors
/// When the database does not answer.
pub async fn claim_to_send(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    lease: Lease,
) -> sqlx::Result<Option<Order>> {
    let claimed = query_scalar!(
        r#"UPDATE payment_order SET state = 'sending', attempt = attempt + 1, sent_at = $1,
            first_sent_at = coalesce(first_sent_at, $1), lease_token = $2, lease_until = $3
        WHERE id = (
            SELECT id FROM payment_order o WHERE state = 'authorised' AND next_step_at <= $1
              AND NOT (SELECT database_moved()) AND NOT money_waits(lab_id, study_id)
              AND (SELECT count(*) FROM payment_order busy WHERE busy.connection_id = o.connection_id
                AND busy.state = 'sending' AND busy.lease_until > $1) < 2
            ORDER BY next_step_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
        RETURNING id"#,
        now,
        lease.token,
        lease.until,
    )
    .fetch_optional(&mut *conn)
    .await?;
    match claimed {
        Some(id) => get(conn, OrderId(id)).await.map(Some),
        None => Ok(None),
    }
}

/// Claims the next order whose outcome nobody knows: marked so, or sent by a process that never came back. One of
/// each connection at a time.
///
/// # Errors
/// When the database does not answer.
pub async fn claim_to_settle(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    lease: Lease,
) -> sqlx::Result<Option<Order>> {
    let claimed = query_scalar!(
        r#"UPDATE payment_order SET state = 'unknown', lease_token = $2, lease_until = $3
        WHERE id = (
            SELECT id FROM payment_order o
            WHERE (state = 'unknown' AND next_step_at <= $1 AND (lease_until IS NULL OR lease_until <= $1)
                OR state = 'sending' AND lease_until <= $1)
              AND NOT EXISTS (SELECT FROM payment_order busy WHERE busy.connection_id = o.connection_id
                AND busy.state = 'unknown' AND busy.lease_until > $1)
            ORDER BY next_step_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
        RETURNING id"#,
        now,
        lease.token,
        lease.until,
    )
    .fetch_optional(&mut *conn)
    .await?;
    match claimed {
        Some(id) => get(conn, OrderId(id)).await.map(Some),
        None => Ok(None),
    }
}

/// One order by id.
///
/// # Errors
/// When there is none, or the database does not answer.
pub async fn get(conn: &mut PgConnection, id: OrderId) -> sqlx::Result<Order> {
    orders!("WHERE o.id = $1", id.0).fetch_one(conn).await
}

/// One order of this lab.
///
/// # Errors
/// When the database does not answer.
pub async fn find(conn: &mut PgConnection, lab: LabId, id: OrderId) -> sqlx::Result<Option<Order>> {
    orders!("WHERE o.lab_id = $1 AND o.id = $2", lab.0, id.0).fetch_optional(conn).await
}

/// The study's orders, oldest first.
///
/// # Errors
/// When the database does not answer.
pub async fn of_study(conn: &mut PgConnection, study: StudyId) -> sqlx::Result<Vec<Order>> {
    orders!("WHERE o.study_id = $1 ORDER BY o.id", study.0).fetch_all(conn).await
}

/// Locks the person of an order. Whoever changes an order and then its person takes the person first, as decisions
/// do: those would wait for the order, since there is one of its kind, while they hold the person.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn hold_person(conn: &mut PgConnection, id: OrderId) -> sqlx::Result<()> {
    query!(
        "SELECT p.id FROM participation p JOIN payment_order o ON o.participation_id = p.id
         WHERE o.id = $1 FOR NO KEY UPDATE OF p",
        id.0
    )
    .fetch_optional(conn)
    .await?;
    Ok(())
}

/// Moves an order on, if this process still holds it, with what follows from a refusal. Returns whether it did.
/// An attempt that certainly brought nothing does not count for the age of the token.
///
/// # Errors
/// When the database does not answer.
pub async fn move_on(
    conn: &mut PgConnection,
    id: OrderId,
    lease: Lease,
    to: OrderState,
    problem: Option<&str>,
    next_step_at: DateTime<Utc>,
) -> sqlx::Result<bool> {
    hold_person(conn, id).await?;
    let moved = query!(
        "UPDATE payment_order SET state = $3, problem = $4, next_step_at = $5,
            first_sent_at = CASE WHEN $3 = 'authorised' AND state = 'sending' AND first_sent_at = sent_at
                THEN NULL ELSE first_sent_at END,
            lease_token = NULL, lease_until = NULL
         WHERE id = $1 AND lease_token = $2 AND state IN ('sending', 'unknown')",
        id.0,
        lease.token,
        to.as_str(),
        problem,
        next_step_at,
    )
    .execute(&mut *conn)
    .await?;
    if moved.rows_affected() == 1 && to == OrderState::Refused {
        decide_anew(conn, id).await?;
    }
    Ok(moved.rows_affected() == 1)
}

/// After a refusal: a bonus that waited for the approval is refused with it, and where no bonus is ordered
/// any more there is none decided, so that the researcher can decide again. What a rule had ordered needs a look.
pub(super) async fn decide_anew(conn: &mut PgConnection, refused: OrderId) -> sqlx::Result<()> {
    query!(
        "UPDATE payment_order SET state = 'refused', problem = 'The approval that it waited for was refused.'
         WHERE kind = 'bonus' AND state = 'planned' AND participation_id = (
            SELECT participation_id FROM payment_order WHERE id = $1 AND kind = 'approve')",
        refused.0
    )
    .execute(&mut *conn)
    .await?;
    query!(
        "UPDATE review_verdict v SET state = 'stopped', done_at = NULL, told_at = NULL, problem = refused.problem
         FROM payment_order refused WHERE refused.id = $1 AND refused.kind = 'approve'
           AND v.participation_id = refused.participation_id AND v.state = 'done'",
        refused.0
    )
    .execute(&mut *conn)
    .await?;
    query!(
        "UPDATE participation p SET bonus_cents = NULL FROM payment_order refused
         WHERE refused.id = $1 AND p.id = refused.participation_id AND p.bonus_paid_at IS NULL
           AND (refused.kind = 'approve' OR refused.kind = 'bonus' AND refused.source = 'payoff')
           AND NOT EXISTS (SELECT FROM payment_order
            WHERE participation_id = p.id AND kind = 'bonus' AND source = 'payoff' AND state <> 'refused')",
        refused.0
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Ends an order as done, with the facts that follow for its participation. Returns whether this
/// process still held it.
///
/// # Errors
/// When the database does not answer.
pub async fn finish(
    conn: &mut PgConnection,
    order: &Order,
    lease: Lease,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    hold_person(conn, order.id).await?;
    let moved = query!(
        "UPDATE payment_order SET state = 'done', problem = NULL, settled_at = $3,
            lease_token = NULL, lease_until = NULL
         WHERE id = $1 AND lease_token = $2 AND state IN ('sending', 'unknown')",
        order.id.0,
        lease.token,
        now,
    )
    .execute(&mut *conn)
    .await?;
    if moved.rows_affected() == 1 {
        note_fact(conn, order, now).await?;
        return Ok(true);
    }
    Ok(false)
}

async fn note_fact(conn: &mut PgConnection, order: &Order, now: DateTime<Utc>) -> sqlx::Result<()> {
    let participation = order.participation_id.0;
    match order.kind {
        Kind::Approve => {
            query!(
                "UPDATE participation SET approved_at = coalesce(approved_at, $2), feedback = $3 WHERE id = $1",
                participation,
                now,
                order.words
            )
            .execute(&mut *conn)
            .await?;
            release_bonuses(conn, order.participation_id, now).await
        }
        Kind::Override => {
            query!(
                "UPDATE participation SET approved_at = coalesce(approved_at, $2), rejected_at = NULL, feedback = $3
                 WHERE id = $1",
                participation,
                now,
                order.words
            )
            .execute(conn)
            .await?;
            Ok(())
        }
        Kind::Compensate | Kind::Extra => Ok(()),
        Kind::Reject => {
            query!(
                "UPDATE participation SET rejected_at = coalesce(rejected_at, $2), feedback = $3 WHERE id = $1",
                participation,
                now,
                order.words
            )
            .execute(conn)
            .await?;
            Ok(())
        }
        // A bonus beside the payoff's says nothing about the payoff's.
        Kind::Bonus if order.source != PAYOFF => Ok(()),
        Kind::Bonus => {
            query!("UPDATE participation SET bonus_paid_at = $2 WHERE id = $1", participation, now)
                .execute(conn)
                .await?;
            Ok(())
        }
    }
}

/// Lets bonuses go that waited for the approval, unless they wait for a second person, too.
///
/// # Errors
/// When the database does not answer.
pub async fn release_bonuses(
    conn: &mut PgConnection,
    participation: ParticipationId,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    query!(
        "UPDATE payment_order SET state = 'authorised', next_step_at = $2
         WHERE participation_id = $1 AND kind = 'bonus' AND state = 'planned' AND NOT EXISTS (
            SELECT FROM confirmation c WHERE c.id = confirmation_id AND c.state = 'waiting')",
        participation.0,
        now
    )
    .execute(&mut *conn)
    .await?;
    jobs::wake(conn, super::payer::NAME).await
}
