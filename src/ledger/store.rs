//! The ledger's sums, read from Postgres. The caller owns the transaction.

use kernel::money::Cents;
use sqlx::{PgConnection, query, query_as, query_scalar};
use uuid::Uuid;

use super::Balances;

/// What a study has set aside, owes and has spent.
///
/// # Errors
/// When the database does not answer.
pub async fn of_study(conn: &mut PgConnection, study: Uuid) -> sqlx::Result<Balances> {
    query_as!(
        Balances,
        r#"SELECT coalesce(sum(cents) FILTER (WHERE account = 'reserved'), 0)::bigint AS "reserved!: Cents",
            coalesce(sum(cents) FILTER (WHERE account = 'due'), 0)::bigint AS "due!: Cents",
            coalesce(sum(cents) FILTER (WHERE account = 'paid'), 0)::bigint AS "paid!: Cents",
            coalesce(sum(cents) FILTER (WHERE account = 'fees'), 0)::bigint AS "fees!: Cents",
            coalesce(sum(cents) FILTER (WHERE account = 'written_off'), 0)::bigint AS "written_off!: Cents"
        FROM ledger_entry e JOIN ledger_posting p ON p.entry = e.id WHERE e.study = $1"#,
        study
    )
    .fetch_one(conn)
    .await
}

/// What is in the accounts of one connection or of one study.
#[derive(Debug, Clone)]
pub struct Sums {
    /// The connection's name, or the study's.
    pub name: String,
    /// The study, in a list of studies.
    pub study: Option<Uuid>,
    pub environment: String,
    pub currency: String,
    pub reserved: Cents,
    pub due: Cents,
    pub paid: Cents,
    pub fees: Cents,
    pub written_off: Cents,
}

impl Sums {
    /// The amounts alone.
    pub fn balances(&self) -> Balances {
        let Self { reserved, due, paid, fees, written_off, .. } = *self;
        Balances { reserved, due, paid, fees, written_off }
    }
}

/// The lab's books: one for each connection and currency, by environment.
///
/// # Errors
/// When the database does not answer.
pub async fn of_connections(conn: &mut PgConnection, lab: Uuid) -> sqlx::Result<Vec<Sums>> {
    query_as!(
        Sums,
        r#"SELECT coalesce(c.name, 'A connection that was removed') AS "name!", NULL::uuid AS study,
            b.environment, b.currency,
            coalesce(sum(p.cents) FILTER (WHERE p.account = 'reserved'), 0)::bigint AS "reserved!: Cents",
            coalesce(sum(p.cents) FILTER (WHERE p.account = 'due'), 0)::bigint AS "due!: Cents",
            coalesce(sum(p.cents) FILTER (WHERE p.account = 'paid'), 0)::bigint AS "paid!: Cents",
            coalesce(sum(p.cents) FILTER (WHERE p.account = 'fees'), 0)::bigint AS "fees!: Cents",
            coalesce(sum(p.cents) FILTER (WHERE p.account = 'written_off'), 0)::bigint AS "written_off!: Cents"
        FROM ledger_book b LEFT JOIN connection c ON c.id = b.connection
        LEFT JOIN ledger_entry e ON e.book = b.id LEFT JOIN ledger_posting p ON p.entry = e.id
        WHERE b.lab = $1 GROUP BY b.id, c.name ORDER BY b.environment, c.name, b.currency"#,
        lab
    )
    .fetch_all(conn)
    .await
}

/// The lab's studies that ever committed money, newest first.
///
/// # Errors
/// When the database does not answer.
pub async fn of_studies(conn: &mut PgConnection, lab: Uuid) -> sqlx::Result<Vec<Sums>> {
    query_as!(
        Sums,
        r#"SELECT study.name, study.id AS "study?", study.environment, study.currency,
            coalesce(sum(p.cents) FILTER (WHERE p.account = 'reserved'), 0)::bigint AS "reserved!: Cents",
            coalesce(sum(p.cents) FILTER (WHERE p.account = 'due'), 0)::bigint AS "due!: Cents",
            coalesce(sum(p.cents) FILTER (WHERE p.account = 'paid'), 0)::bigint AS "paid!: Cents",
            coalesce(sum(p.cents) FILTER (WHERE p.account = 'fees'), 0)::bigint AS "fees!: Cents",
            coalesce(sum(p.cents) FILTER (WHERE p.account = 'written_off'), 0)::bigint AS "written_off!: Cents"
        FROM study JOIN ledger_entry e ON e.study = study.id LEFT JOIN ledger_posting p ON p.entry = e.id
        WHERE study.lab_id = $1 GROUP BY study.id ORDER BY study.id DESC"#,
        lab
    )
    .fetch_all(conn)
    .await
}

/// How the recruiter is taken to round its fees: `half_up`, `half_up_each` or `up`.
///
/// # Errors
/// When there is no such lab, or the database does not answer.
pub async fn fee_rounding(conn: &mut PgConnection, lab: Uuid) -> sqlx::Result<String> {
    query_scalar!("SELECT fee_rounding FROM lab WHERE id = $1", lab).fetch_one(conn).await
}

/// Sets it, for payments from now on.
///
/// # Errors
/// When it is none of the three, or the database does not answer.
pub async fn set_fee_rounding(conn: &mut PgConnection, lab: Uuid, rounding: &str) -> sqlx::Result<()> {
    query!("UPDATE lab SET fee_rounding = $2 WHERE id = $1", lab, rounding).execute(conn).await?;
    Ok(())
}
