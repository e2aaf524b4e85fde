//! What a study has spent and promised. Checked in the transaction that creates orders.

use kernel::money::Cents;
use sqlx::{PgConnection, query};

use crate::studies::StudyId;

/// A study's money, fees included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// The limit.
    pub limit: Cents,
    /// Confirmed by the recruiter.
    pub paid: Cents,
    /// Ordered and not refused, but not confirmed.
    pub ordered: Cents,
}

impl Budget {
    /// What may still be ordered.
    pub fn left(&self) -> Cents {
        self.limit - self.paid - self.ordered
    }
}

/// Reads it; with `lock`, nobody else orders for this study until the transaction ends.
///
/// # Errors
/// When there is no such study, or the database does not answer.
pub async fn of(conn: &mut PgConnection, study: StudyId, lock: bool) -> sqlx::Result<Budget> {
    if lock {
        query!("SELECT id FROM study WHERE id = $1 FOR NO KEY UPDATE", study.0).fetch_one(&mut *conn).await?;
    }
    let row = query!(
        r#"SELECT study.budget_cents AS "limit: Cents",
            coalesce(sum(o.amount_cents + o.fee_cents) FILTER (WHERE o.state = 'done'), 0)::bigint
                AS "paid!: Cents",
            coalesce(sum(o.amount_cents + o.fee_cents) FILTER (WHERE o.state NOT IN ('done', 'refused')), 0)::bigint
                AS "ordered!: Cents"
        FROM study LEFT JOIN payment_order o ON o.study_id = study.id
        WHERE study.id = $1 GROUP BY study.id"#,
        study.0
    )
    .fetch_one(conn)
    .await?;
    Ok(Budget { limit: row.limit, paid: row.paid, ordered: row.ordered })
}
