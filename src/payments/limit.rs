//! The most that one person gets in bonuses of a study, whatever they are for.

use sqlx::{PgConnection, query};

use super::{OrderError, OrderId};
use crate::studies::Study;

/// Adds up the bonuses of everybody for whom one was just placed. The caller holds the study's row.
///
/// # Errors
/// [`OrderError::TooMuchForOne`] names the first; or the database does not answer.
pub(super) async fn each_person(
    conn: &mut PgConnection,
    study: &Study,
    placed: &[OrderId],
) -> Result<(), OrderError> {
    let ids: Vec<uuid::Uuid> = placed.iter().map(|id| id.0).collect();
    let beyond = query!(
        r#"SELECT w.pseudonym, sum(o.amount_cents)::bigint AS "wanted!: kernel::money::Cents"
        FROM payment_order o JOIN participation p ON p.id = o.participation_id JOIN worker w ON w.id = p.worker_id
        WHERE o.kind = 'bonus' AND o.state <> 'refused' AND o.participation_id IN (
            SELECT participation_id FROM payment_order WHERE id = ANY($1) AND kind = 'bonus')
        GROUP BY p.id, w.pseudonym HAVING sum(o.amount_cents)::bigint > $2 ORDER BY p.id LIMIT 1"#,
        &ids,
        study.max_bonus.0
    )
    .fetch_optional(conn)
    .await?;
    match beyond {
        Some(one) => Err(OrderError::TooMuchForOne {
            pseudonym: one.pseudonym,
            wanted: one.wanted,
            most: study.max_bonus,
        }),
        None => Ok(()),
    }
}
