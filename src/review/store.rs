//! What a decision leaves on a participation, and which are being carried out. The caller owns the transaction.

use std::collections::{HashMap, HashSet};

use kernel::money::Cents;
use sqlx::{PgConnection, query, query_scalar};
use uuid::Uuid;

use crate::participation::ParticipationId;
use crate::studies::StudyId;

/// Remembers the bonus that was decided; the first decision stands.
pub async fn bonus_decided(conn: &mut PgConnection, id: ParticipationId, bonus: Cents) -> sqlx::Result<()> {
    query!("UPDATE participation SET bonus_cents = $2 WHERE id = $1 AND bonus_cents IS NULL", id.0, bonus.0)
        .execute(conn)
        .await?;
    Ok(())
}

/// Those of the participations for which a decision is ordered and was not refused.
pub async fn decided(conn: &mut PgConnection, among: &[Uuid]) -> sqlx::Result<HashSet<Uuid>> {
    let found = query_scalar!(
        "SELECT participation_id FROM payment_order
         WHERE participation_id = ANY($1) AND kind IN ('approve', 'reject') AND state <> 'refused'",
        among
    )
    .fetch_all(conn)
    .await?;
    Ok(found.into_iter().collect())
}

/// Participation and source of every bonus among them that was ordered and not refused.
pub async fn bonuses(conn: &mut PgConnection, among: &[Uuid]) -> sqlx::Result<HashSet<(Uuid, String)>> {
    let found = query!(
        "SELECT participation_id, source FROM payment_order
         WHERE participation_id = ANY($1) AND kind = 'bonus' AND state <> 'refused'",
        among
    )
    .fetch_all(conn)
    .await?;
    Ok(found.into_iter().map(|row| (row.participation_id, row.source)).collect())
}

/// What each participation of the study was promised in bonuses: ordered and not refused.
pub async fn bonus_sums(conn: &mut PgConnection, study: StudyId) -> sqlx::Result<HashMap<Uuid, Cents>> {
    let found = query!(
        r#"SELECT participation_id, sum(amount_cents)::bigint AS "sum!: Cents" FROM payment_order
         WHERE study_id = $1 AND kind = 'bonus' AND state <> 'refused' GROUP BY participation_id"#,
        study.0
    )
    .fetch_all(conn)
    .await?;
    Ok(found.into_iter().map(|row| (row.participation_id, row.sum)).collect())
}
