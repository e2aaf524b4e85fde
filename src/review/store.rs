//! What a decision leaves on a participation. The caller owns the transaction.

use kernel::money::Cents;
use sqlx::{PgConnection, query};

use crate::participation::ParticipationId;

/// Remembers the bonus that was decided; the first decision stands.
pub async fn bonus_decided(conn: &mut PgConnection, id: ParticipationId, bonus: Cents) -> sqlx::Result<()> {
    query!("UPDATE participation SET bonus_cents = $2 WHERE id = $1 AND bonus_cents IS NULL", id.0, bonus.0)
        .execute(conn)
        .await?;
    Ok(())
}
