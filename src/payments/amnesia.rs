//! The look before each bonus: what does the recruiter list for this assignment already?
//!
//! After an older backup was restored this database does not know what was paid since, and cannot know that it
//! does not. So the guard needs no sign of a restore: no bonus is ever sent before the recruiter was asked.
//! `docs/decisions/amnesia.md` goes through the ways in which a restored database might pay twice.

use chrono::{DateTime, Utc};
use kernel::money::Cents;
use sqlx::{PgConnection, query, query_as, query_scalar};

use super::{Order, OrderId, OrderState, payer, store};
use crate::jobs::{self, Lease};
use crate::labs::LabId;
use crate::recruiters::BonusPaid;

/// What this database knows of the bonuses of an order's person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// The marks of the person's other live bonuses.
    pub marks: Vec<String>,
    /// Payments beside ours that a person has seen and accepted.
    pub seen: i32,
}

/// What the recruiter's list says about an order that is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// It was paid already, under our own mark.
    Paid,
    /// Nothing that we do not know.
    Clear,
    /// So many payments, of so much together, that no order here accounts for.
    Others { count: i32, sum: Cents },
}

/// Compares the recruiter's list with what is known.
pub fn look(order: &Order, known: &Known, paid: &[BonusPaid]) -> Look {
    let mark = order.mark();
    if paid.iter().any(|one| one.reason.contains(&mark)) {
        return Look::Paid;
    }
    let ours = |one: &BonusPaid| known.marks.iter().any(|mark| one.reason.contains(mark));
    let others: Vec<Cents> = paid.iter().filter(|one| !ours(one)).map(|one| one.amount).collect();
    let count = i32::try_from(others.len()).unwrap_or(i32::MAX);
    if count > known.seen {
        return Look::Others { count, sum: others.into_iter().sum() };
    }
    Look::Clear
}

/// Why an order is held, for the researcher.
pub fn words(sum: Cents) -> String {
    format!(
        "The recruiter lists ${sum} in bonuses for this assignment that this server does not know of: paid by hand, \
         or before a backup was restored. So this bonus is held. Say under Money whether it is the same one."
    )
}

/// What is known of the order's person.
///
/// # Errors
/// When the database does not answer.
pub async fn known(conn: &mut PgConnection, order: &Order) -> sqlx::Result<Known> {
    let ids = query_scalar!(
        r#"SELECT id AS "id: OrderId" FROM payment_order
        WHERE participation_id = $1 AND id <> $2 AND kind = 'bonus' AND state <> 'refused'"#,
        order.participation_id.0,
        order.id.0
    )
    .fetch_all(&mut *conn)
    .await?;
    let seen = query_scalar!("SELECT others_seen FROM payment_order WHERE id = $1", order.id.0)
        .fetch_one(conn)
        .await?;
    Ok(Known { marks: ids.into_iter().map(OrderId::mark).collect(), seen })
}

/// Notes how many payments the look found that nobody here accounts for.
///
/// # Errors
/// When the database does not answer.
pub async fn found(conn: &mut PgConnection, order: OrderId, count: i32) -> sqlx::Result<()> {
    query!("UPDATE payment_order SET others_found = $2 WHERE id = $1", order.0, count).execute(conn).await?;
    Ok(())
}

/// An order that waits for a person because of payments that nobody here accounts for.
#[derive(Debug, Clone)]
pub struct Held {
    pub id: OrderId,
    pub study_id: crate::studies::StudyId,
    pub study: String,
    pub pseudonym: String,
    pub amount: Cents,
    pub others: i32,
}

/// The lab's held orders, oldest first.
///
/// # Errors
/// When the database does not answer.
pub async fn held(conn: &mut PgConnection, lab: LabId) -> sqlx::Result<Vec<Held>> {
    query_as!(
        Held,
        r#"SELECT o.id AS "id: _", o.study_id AS "study_id: _", study.name AS study, w.pseudonym,
            o.amount_cents AS "amount: _", o.others_found AS others
        FROM payment_order o JOIN study ON study.id = o.study_id
        JOIN participation p ON p.id = o.participation_id JOIN worker w ON w.id = p.worker_id
        WHERE o.lab_id = $1 AND o.state = 'unknown' AND o.others_found > o.others_seen ORDER BY o.id"#,
        lab.0
    )
    .fetch_all(conn)
    .await
}

/// What a person says about a held order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// What the recruiter lists is this bonus: it counts as paid.
    Same,
    /// What the recruiter lists is something else: this one is paid as well.
    PayToo,
    /// It is not to be paid.
    Drop,
}

/// Carries out what a person said. Whoever has it paid too has seen that it is not in the list, so that its token
/// counts as fresh. Returns the order, or `None` when it is not held any more.
///
/// # Errors
/// When the database does not answer.
pub async fn answer(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    lab: LabId,
    id: OrderId,
    answer: Answer,
) -> sqlx::Result<Option<Order>> {
    let lease = Lease::from(now);
    store::hold_person(conn, id).await?;
    let held = query!(
        "UPDATE payment_order SET lease_token = $3, lease_until = $4,
            others_seen = CASE WHEN $6 THEN others_found ELSE others_seen END,
            first_sent_at = CASE WHEN $6 THEN NULL ELSE first_sent_at END
         WHERE id = $1 AND lab_id = $2 AND state = 'unknown' AND others_found > others_seen
           AND (lease_until IS NULL OR lease_until <= $5)",
        id.0,
        lab.0,
        lease.token,
        lease.until,
        now,
        answer == Answer::PayToo
    )
    .execute(&mut *conn)
    .await?;
    if held.rows_affected() == 0 {
        return Ok(None);
    }
    let order = store::get(conn, id).await?;
    match answer {
        Answer::Same => store::finish(conn, &order, lease, now).await?,
        Answer::PayToo => store::move_on(conn, id, lease, OrderState::Authorised, None, now).await?,
        Answer::Drop => {
            let words = "Somebody of the lab decided that it is not paid.";
            store::move_on(conn, id, lease, OrderState::Refused, Some(words), now).await?
        }
    };
    jobs::wake(conn, payer::NAME).await?;
    Ok(Some(order))
}

#[cfg(test)]
mod tests {
    use super::super::example::order;
    use super::*;

    fn paid(reason: &str, cents: i64) -> BonusPaid {
        BonusPaid {
            assignment_id: "A".into(),
            worker_id: "W".into(),
            amount: Cents(cents),
            reason: reason.into(),
        }
    }

    #[test]
    fn a_bonus_is_sent_only_beside_payments_that_are_accounted_for() {
        let (order, other) = (order(OrderId::new()), OrderId::new());
        let nothing = Known::default();
        let known = Known { marks: vec![other.mark()], seen: 0 };
        let seen = Known { seen: 1, ..known.clone() };
        let ours = paid(&format!("Thanks {}", order.mark()), 70);
        let theirs = paid(&format!("Thanks {}", other.mark()), 30);
        let by_hand = paid("Sorry for the trouble", 55);
        for (known, list, expected) in [
            (&nothing, vec![], Look::Clear),
            (&nothing, vec![ours.clone(), by_hand.clone()], Look::Paid),
            (&nothing, vec![theirs.clone()], Look::Others { count: 1, sum: Cents(30) }),
            (&known, vec![theirs.clone()], Look::Clear),
            (&known, vec![theirs.clone(), by_hand.clone()], Look::Others { count: 1, sum: Cents(55) }),
            (&seen, vec![theirs.clone(), by_hand.clone()], Look::Clear),
            (&seen, vec![theirs, by_hand.clone(), by_hand], Look::Others { count: 2, sum: Cents(110) }),
        ] {
            assert_eq!(look(&order, known, &list), expected);
        }
    }
}
