//! Limits on what may be committed: a study's budget, and the lab's own limit for each environment.
//!
//! Whoever commits money reads the [`Room`] before and after, in one transaction that holds the study and the
//! lab, and rolls back on a [`Breach`]. What is committed already is never held up by a limit.

use kernel::money::Cents;
use sqlx::{PgConnection, query, query_as};
use uuid::Uuid;

/// What may still be committed for a study.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// Of the study's budget. Less than nothing when the recruiter did more than was planned.
    pub budget: Cents,
    /// Of the lab's limit; `None` without one.
    pub lab: Option<Cents>,
    /// The environment that the lab's limit is for.
    pub environment: String,
}

/// A limit that stands in the way. Amounts with fees, at most.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Breach {
    /// The study's budget.
    #[error(
        "This would cost {wanted} with fees, but only {left} of the study's budget is left. \
         Raise the budget first"
    )]
    Budget { wanted: Cents, left: Cents },
    /// The lab's limit.
    #[error(
        "This would cost {wanted} with fees, but only {left} of the lab's limit for {environment} is left. \
         An owner can raise it under Money"
    )]
    Lab { wanted: Cents, left: Cents, environment: String },
}

/// Reads what may still be committed. Until the transaction ends nobody else commits money for this study,
/// nor, where the lab has a limit, for the lab.
///
/// # Errors
/// When there is no such study, or the database does not answer.
pub async fn room(conn: &mut PgConnection, study: Uuid) -> sqlx::Result<Room> {
    query!("SELECT id FROM study WHERE id = $1 FOR NO KEY UPDATE", study).fetch_one(&mut *conn).await?;
    query!(
        "SELECT lab.id FROM study JOIN lab_cap cap USING (lab_id, environment, currency)
         JOIN lab ON lab.id = lab_id WHERE study.id = $1 FOR NO KEY UPDATE OF lab",
        study
    )
    .fetch_optional(&mut *conn)
    .await?;
    query_as!(
        Room,
        r#"SELECT study.environment,
            study.budget_cents + coalesce((
                SELECT sum(l.cents) FROM ledger_entry e JOIN ledger_posting l ON l.entry = e.id
                WHERE e.study = study.id AND l.account = 'wallet'), 0)::bigint AS "budget!: Cents",
            (SELECT cap.limit_cents + coalesce(sum(l.cents), 0)::bigint
                FROM lab_cap cap
                LEFT JOIN ledger_book b ON b.lab = cap.lab_id AND b.environment = cap.environment
                    AND b.currency = cap.currency
                LEFT JOIN ledger_entry e ON e.book = b.id
                LEFT JOIN ledger_posting l ON l.entry = e.id AND l.account = 'wallet'
                WHERE cap.lab_id = study.lab_id AND cap.environment = study.environment
                  AND cap.currency = study.currency
                GROUP BY cap.limit_cents) AS "lab: Cents"
        FROM study WHERE study.id = $1"#,
        study
    )
    .fetch_one(conn)
    .await
}

impl Room {
    /// The limit that stands in the way of what was done between this and `after`, if one does.
    pub fn breach(&self, after: &Self) -> Option<Breach> {
        let wanted = self.budget - after.budget;
        if !wanted.is_positive() {
            return None;
        }
        if after.budget < Cents::ZERO {
            return Some(Breach::Budget { wanted, left: self.budget });
        }
        match (self.lab, after.lab) {
            (Some(left), Some(now)) if now < Cents::ZERO => {
                Some(Breach::Lab { wanted, left, environment: self.environment.clone() })
            }
            _ => None,
        }
    }
}

/// A lab's limit for one environment and currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cap {
    pub environment: String,
    pub currency: String,
    pub limit: Cents,
}

/// The lab's limits.
///
/// # Errors
/// When the database does not answer.
pub async fn of_lab(conn: &mut PgConnection, lab: Uuid) -> sqlx::Result<Vec<Cap>> {
    query_as!(
        Cap,
        r#"SELECT environment, currency, limit_cents AS "limit: Cents" FROM lab_cap
        WHERE lab_id = $1 ORDER BY environment, currency"#,
        lab
    )
    .fetch_all(conn)
    .await
}

/// Sets a limit, or takes it away.
///
/// # Errors
/// When the database does not answer.
pub async fn set(
    conn: &mut PgConnection,
    lab: Uuid,
    environment: &str,
    currency: &str,
    limit: Option<Cents>,
) -> sqlx::Result<()> {
    match limit {
        Some(limit) => query!(
            "INSERT INTO lab_cap (lab_id, environment, currency, limit_cents) VALUES ($1, $2, $3, $4)
             ON CONFLICT (lab_id, environment, currency) DO UPDATE SET limit_cents = excluded.limit_cents",
            lab,
            environment,
            currency,
            limit.0
        ),
        None => query!(
            "DELETE FROM lab_cap WHERE lab_id = $1 AND environment = $2 AND currency = $3",
            lab,
            environment,
            currency
        ),
    }
    .execute(conn)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(budget: i64, lab: Option<i64>) -> Room {
        Room { budget: Cents(budget), lab: lab.map(Cents), environment: "production".into() }
    }

    #[test]
    fn a_limit_stands_in_the_way_of_new_money_only() {
        let before = room(100, Some(60));
        assert_eq!(before.breach(&room(50, Some(10))), None);
        assert_eq!(before.breach(&room(0, Some(0))), None, "to the last cent");
        let budget = Breach::Budget { wanted: Cents(101), left: Cents(100) };
        assert_eq!(before.breach(&room(-1, Some(-41))), Some(budget));
        let lab = Breach::Lab { wanted: Cents(61), left: Cents(60), environment: "production".into() };
        assert_eq!(before.breach(&room(39, Some(-1))), Some(lab));
        // Beyond the limits already: what costs nothing more goes on.
        let beyond = room(-5, Some(-5));
        assert_eq!(beyond.breach(&beyond), None);
        assert_eq!(beyond.breach(&room(10, Some(10))), None);
        assert!(beyond.breach(&room(-6, None)).is_some());
    }
}
