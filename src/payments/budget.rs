//! What a study has spent and promised, as the ledger says. Checked in the transaction that creates orders.

use kernel::money::Cents;
use sqlx::{PgConnection, query, query_scalar};

use crate::ledger;
use crate::studies::StudyId;

/// A study's money, fees included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// The limit.
    pub limit: Cents,
    /// Confirmed by the recruiter.
    pub paid: Cents,
    /// Handed in and not decided, or ordered and not confirmed.
    pub ordered: Cents,
    /// Set aside for the open places of its batches: whoever takes one is paid.
    pub held: Cents,
}

impl Budget {
    /// What may still be ordered or published.
    pub fn left(&self) -> Cents {
        self.limit - self.bound()
    }

    /// What is spent or promised; the limit cannot be less.
    pub fn bound(&self) -> Cents {
        self.paid + self.ordered + self.held
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
    let limit = query_scalar!(r#"SELECT budget_cents AS "limit: Cents" FROM study WHERE id = $1"#, study.0)
        .fetch_one(&mut *conn)
        .await?;
    let now = ledger::store::of_study(conn, study.0).await?;
    Ok(Budget { limit, paid: now.spent(), ordered: now.due, held: now.reserved })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spent_promised_and_set_aside_is_not_left() {
        let budget = Budget { limit: Cents(1000), paid: Cents(100), ordered: Cents(20), held: Cents(3) };
        assert_eq!((budget.bound(), budget.left()), (Cents(123), Cents(877)));
    }
}
