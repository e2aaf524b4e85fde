//! The second person: orders of one decision above the lab's amount wait, all together, until another editor
//! or owner has confirmed them. So do those by which one worker would get more than that in the study without a
//! second person having seen it: the amount cannot be split over several decisions.

use chrono::{DateTime, Utc};
use kernel::money::Cents;
use sqlx::{PgConnection, query, query_as, query_scalar};

use super::{OrderId, budget, payer, store};
use crate::accounts::AccountId;
use crate::jobs;
use crate::labs::LabId;
use crate::studies::{Study, StudyId};

kernel::typed_id!(
    /// Names orders that wait for a second person together.
    ConfirmationId
);

/// Orders that wait. Times are UTC.
#[derive(Debug, Clone)]
pub struct Waiting {
    pub id: ConfirmationId,
    pub study_id: StudyId,
    pub study: String,
    pub orders: i32,
    /// With fees, at most.
    pub total: Cents,
    /// None when a rule decided, or the account is gone.
    pub asked_by: Option<AccountId>,
    pub asked_by_name: Option<String>,
    pub asked_at: DateTime<Utc>,
}

/// Why nothing was confirmed or declined.
#[derive(Debug, thiserror::Error)]
pub enum ConfirmError {
    /// The second person is the first.
    #[error("You decided this yourself. Another editor or owner of the lab has to confirm it.")]
    Same,
    /// Somebody was faster.
    #[error("Somebody has confirmed or declined this already.")]
    Gone,
    /// The database did not answer.
    #[error("the database did not answer")]
    Database(#[from] sqlx::Error),
}

/// Lets freshly placed orders wait if together they come to more than the lab's amount, or do so for one worker with
/// what was ordered before and no second person confirmed. What the recruiter did by itself is nobody's decision.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn ask_if_large(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    study: &Study,
    by: Option<AccountId>,
    placed: &[OrderId],
) -> sqlx::Result<()> {
    let ids: Vec<uuid::Uuid> = placed.iter().map(|id| id.0).collect();
    let id = ConfirmationId::new();
    let asked = query!(
        "INSERT INTO confirmation (id, lab_id, study_id, orders, total_cents, asked_by, asked_at, state)
         SELECT $1, lab.id, $3, count(*), sum(o.amount_cents + o.fee_cents), $4, $5, 'waiting'
         FROM lab JOIN payment_order o ON o.id = ANY($6)
         WHERE lab.id = $2 GROUP BY lab.id
         HAVING sum(o.amount_cents + o.fee_cents) > lab.second_person_cents OR EXISTS (
            SELECT FROM payment_order each LEFT JOIN confirmation c ON c.id = each.confirmation_id
            WHERE each.participation_id IN (
                SELECT participation_id FROM payment_order WHERE id = ANY($6) AND amount_cents + fee_cents > 0)
              AND each.state <> 'refused' AND each.source <> 'recruiter' AND c.state IS DISTINCT FROM 'confirmed'
            GROUP BY each.participation_id
            HAVING sum(each.amount_cents + each.fee_cents) > lab.second_person_cents)",
        id.0,
        study.lab_id.0,
        study.id.0,
        by.map(|account| account.0),
        now,
        &ids
    )
    .execute(&mut *conn)
    .await?;
    if asked.rows_affected() == 0 {
        return Ok(());
    }
    query!(
        "UPDATE payment_order SET state = 'planned', confirmation_id = $1,
            problem = 'It waits for a second person, under Money.'
         WHERE id = ANY($2) AND state IN ('planned', 'authorised')",
        id.0,
        &ids
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What waits in a lab, oldest first.
///
/// # Errors
/// When the database does not answer.
pub async fn waiting(conn: &mut PgConnection, lab: LabId) -> sqlx::Result<Vec<Waiting>> {
    query_as!(
        Waiting,
        r#"SELECT c.id AS "id: _", c.study_id AS "study_id: _", study.name AS study, c.orders,
            c.total_cents AS "total: _", c.asked_by AS "asked_by: _", a.name AS "asked_by_name?", c.asked_at
        FROM confirmation c JOIN study ON study.id = c.study_id LEFT JOIN account a ON a.id = c.asked_by
        WHERE c.lab_id = $1 AND c.state = 'waiting' ORDER BY c.asked_at, c.id"#,
        lab.0
    )
    .fetch_all(conn)
    .await
}

/// How many decisions of a study wait.
///
/// # Errors
/// When the database does not answer.
pub async fn count(conn: &mut PgConnection, study: StudyId) -> sqlx::Result<i64> {
    query_scalar!(
        r#"SELECT count(*) AS "count!" FROM confirmation WHERE study_id = $1 AND state = 'waiting'"#,
        study.0
    )
    .fetch_one(conn)
    .await
}

/// Confirms waiting orders, or declines them, which anybody may, the first person too. Returns what waited.
///
/// # Errors
/// See [`ConfirmError`].
pub async fn decide(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    lab: LabId,
    id: ConfirmationId,
    by: AccountId,
    yes: bool,
) -> Result<Waiting, ConfirmError> {
    let all = waiting(conn, lab).await?;
    let one = all.into_iter().find(|one| one.id == id).ok_or(ConfirmError::Gone)?;
    if yes && first_person(conn, &one).await? == Some(by) {
        return Err(ConfirmError::Same);
    }
    budget::of(conn, one.study_id, true).await?;
    hold_people(conn, id).await?;
    let decided = query!(
        "UPDATE confirmation SET state = $3, decided_by = $2, decided_at = $4 WHERE id = $1 AND state = 'waiting'",
        id.0,
        by.0,
        if yes { "confirmed" } else { "declined" },
        now
    )
    .execute(&mut *conn)
    .await?;
    if decided.rows_affected() == 0 {
        return Err(ConfirmError::Gone);
    }
    if yes {
        authorise(conn, id, now).await?
    } else {
        decline(conn, id).await?
    }
    Ok(one)
}

/// Who decided first: of what a rule decided, whoever wrote the rule.
async fn first_person(conn: &mut PgConnection, one: &Waiting) -> sqlx::Result<Option<AccountId>> {
    if one.asked_by.is_some() {
        return Ok(one.asked_by);
    }
    let author = query_scalar!(
        r#"SELECT updated_by AS "by: AccountId" FROM review_rules WHERE study_id = $1"#,
        one.study_id.0
    );
    Ok(author.fetch_optional(conn).await?.flatten())
}

/// Locks the people of the orders, as [`store::hold_person`] does for one.
async fn hold_people(conn: &mut PgConnection, id: ConfirmationId) -> sqlx::Result<()> {
    query!(
        "SELECT p.id FROM participation p WHERE p.id IN (
            SELECT participation_id FROM payment_order WHERE confirmation_id = $1)
         ORDER BY p.id FOR NO KEY UPDATE",
        id.0
    )
    .fetch_all(conn)
    .await?;
    Ok(())
}

/// A bonus still waits for the approval that was ordered with it, a compensation for its worker.
async fn authorise(conn: &mut PgConnection, id: ConfirmationId, now: DateTime<Utc>) -> sqlx::Result<()> {
    query!("UPDATE payment_order SET problem = NULL WHERE confirmation_id = $1 AND state = 'planned'", id.0)
        .execute(&mut *conn)
        .await?;
    query!(
        "UPDATE payment_order o SET state = 'authorised', next_step_at = $2 FROM participation p
         WHERE o.confirmation_id = $1 AND o.state = 'planned' AND p.id = o.participation_id
           AND o.kind <> 'compensate' AND (o.kind <> 'bonus' OR p.approved_at IS NOT NULL)",
        id.0,
        now
    )
    .execute(&mut *conn)
    .await?;
    jobs::wake(conn, payer::NAME).await
}

async fn decline(conn: &mut PgConnection, id: ConfirmationId) -> sqlx::Result<()> {
    let declined = query_scalar!(
        r#"UPDATE payment_order SET state = 'refused', problem = 'A second person declined it.'
        WHERE confirmation_id = $1 AND state = 'planned' RETURNING id AS "id: OrderId""#,
        id.0
    )
    .fetch_all(&mut *conn)
    .await?;
    for order in declined {
        store::decide_anew(conn, order).await?;
    }
    Ok(())
}

/// The lab's amount above which a second person is needed; none: never.
///
/// # Errors
/// When the database does not answer.
pub async fn threshold(conn: &mut PgConnection, lab: LabId) -> sqlx::Result<Option<Cents>> {
    query_scalar!(r#"SELECT second_person_cents AS "amount: Cents" FROM lab WHERE id = $1"#, lab.0)
        .fetch_one(conn)
        .await
}

/// Sets it.
///
/// # Errors
/// When the database does not answer.
pub async fn set_threshold(conn: &mut PgConnection, lab: LabId, amount: Option<Cents>) -> sqlx::Result<()> {
    query!("UPDATE lab SET second_person_cents = $2 WHERE id = $1", lab.0, amount.map(|cents| cents.0))
        .execute(conn)
        .await?;
    Ok(())
}
