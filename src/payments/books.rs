//! What the recruiter did by itself, written into the books: an approval by its clock or by hand pays the
//! reward, so it counts against the study's budget like our own. So does one that overturns our rejection.

use chrono::{DateTime, Utc};
use kernel::money::Cents;
use sqlx::{PgConnection, query, query_scalar};

use super::OrderId;
use super::reconcile::compare::Extra;
use crate::recruiters::mturk::fees;
use crate::studies::{Study, StudyId, cost};

/// A study in which somebody is approved without an order of ours.
///
/// # Errors
/// When the database does not answer.
pub async fn incomplete(conn: &mut PgConnection) -> sqlx::Result<Option<StudyId>> {
    query_scalar!(
        r#"SELECT p.study_id AS "id: StudyId" FROM participation p
        WHERE p.approved_at IS NOT NULL AND p.bonus_cents IS NULL AND NOT EXISTS (
            SELECT FROM payment_order o WHERE o.participation_id = p.id AND (
                o.kind IN ('approve', 'override') AND o.state <> 'refused'
                OR o.kind = 'reject' AND o.state NOT IN ('refused', 'done')))
        LIMIT 1"#
    )
    .fetch_optional(conn)
    .await
}

/// Writes an order that is done for everybody of the study whom the recruiter approved by itself. The caller
/// holds the study's row.
///
/// # Errors
/// When the database does not answer.
pub async fn complete(conn: &mut PgConnection, study: &Study, now: DateTime<Utc>) -> sqlx::Result<()> {
    let approved = query!(
        r#"SELECT p.id, p.approved_at, b.places, CASE WHEN EXISTS (
                SELECT FROM payment_order o WHERE o.participation_id = p.id AND o.kind = 'reject' AND o.state = 'done')
                THEN 'override' ELSE 'approve' END AS "kind!"
         FROM participation p JOIN batch b ON b.id = p.batch_id
         WHERE p.study_id = $1 AND p.approved_at IS NOT NULL AND p.bonus_cents IS NULL AND NOT EXISTS (
            SELECT FROM payment_order o WHERE o.participation_id = p.id AND (
                o.kind IN ('approve', 'override') AND o.state <> 'refused'
                OR o.kind = 'reject' AND o.state NOT IN ('refused', 'done')))"#,
        study.id.0
    )
    .fetch_all(&mut *conn)
    .await?;
    let masters = cost::wants_masters(&study.qualifications);
    for one in approved {
        let fee: Cents = fees::fee(study.reward, i64::from(one.places), masters);
        query!(
            "INSERT INTO payment_order (id, lab_id, study_id, participation_id, connection_id, kind, source,
                amount_cents, fee_cents, currency, state, next_step_at, created_at, settled_at)
             VALUES ($1, $2, $3, $4, $5, $11, 'recruiter', $6, $7, $8, 'done', $9, $9, $10)
             ON CONFLICT DO NOTHING",
            OrderId::new().0,
            study.lab_id.0,
            study.id.0,
            one.id,
            study.connection_id.0,
            study.reward.0,
            fee.0,
            study.currency,
            now,
            one.approved_at,
            one.kind,
        )
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

/// Writes a line for a further submission of the same person that the recruiter approved. Once each.
///
/// # Errors
/// When the database does not answer.
pub async fn extra(
    conn: &mut PgConnection,
    study: &Study,
    extra: &Extra,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    let masters = cost::wants_masters(&study.qualifications);
    query!(
        "INSERT INTO payment_order (id, lab_id, study_id, participation_id, connection_id, kind, source,
            amount_cents, fee_cents, currency, state, next_step_at, created_at, settled_at, assignment_id)
         VALUES ($1, $2, $3, $4, $5, 'extra', 'recruiter', $6, $7, $8, 'done', $9, $9, $10, $11)
         ON CONFLICT DO NOTHING",
        OrderId::new().0,
        study.lab_id.0,
        study.id.0,
        extra.participation.0,
        study.connection_id.0,
        study.reward.0,
        fees::fee(study.reward, extra.places.into(), masters).0,
        study.currency,
        now,
        extra.approved_at.unwrap_or(now),
        extra.assignment_id,
    )
    .execute(conn)
    .await?;
    Ok(())
}
