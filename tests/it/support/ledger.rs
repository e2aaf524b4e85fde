//! The ledger against the orders and against the marketplace's journal.

use kernel::money::Cents;
use market::journal::{Effect, Filter};
use otree_hr::ledger::{self, Balances};
use otree_hr::studies::Study;
use sqlx::PgPool;

use super::world::World;

/// Rows whose state says that something was posted for them, and for which nothing was.
const GAPS: &str = "
    SELECT 'batch ' || b.id FROM batch b WHERE b.state IN ('sending', 'open', 'done')
        AND NOT EXISTS (SELECT FROM ledger_entry WHERE cause = b.id AND kind = 'reserve')
    UNION ALL SELECT 'submission ' || p.id FROM participation p WHERE p.submitted_at IS NOT NULL
        AND NOT EXISTS (SELECT FROM ledger_entry WHERE cause = p.id AND kind = 'hand_in')
    UNION ALL SELECT 'rejection ' || p.id FROM participation p WHERE p.rejected_at IS NOT NULL
        AND NOT EXISTS (SELECT FROM ledger_entry WHERE cause = p.id AND kind = 'reject')
    UNION ALL SELECT 'order ' || o.id FROM payment_order o WHERE o.kind NOT IN ('approve', 'reject')
        AND NOT EXISTS (SELECT FROM ledger_entry WHERE cause = o.id AND kind = 'order')
    UNION ALL SELECT 'payment ' || o.id FROM payment_order o WHERE o.kind <> 'reject' AND o.state = 'done'
        AND NOT EXISTS (SELECT FROM ledger_entry WHERE cause = o.id AND kind = 'pay')";

/// Set aside for something although nothing can come of it any more, or less than nothing.
const ODD: &str = "
    SELECT account || ' ' || subject || ' ' || sum(cents) FROM ledger_posting WHERE subject IS NOT NULL
    GROUP BY account, subject HAVING sum(cents) < 0
    UNION ALL SELECT 'settled order ' || o.id FROM payment_order o
    WHERE o.state IN ('done', 'refused') AND ledger_balance('due', o.id) <> 0
    UNION ALL SELECT 'settled person ' || p.id FROM participation p
    WHERE (p.rejected_at IS NOT NULL OR EXISTS (SELECT FROM payment_order o
        WHERE o.participation_id = p.id AND o.kind = 'approve' AND o.state = 'done'))
      AND ledger_balance('due', p.id) <> 0";

/// Checks what must hold at every moment.
pub async fn check(world: &World) {
    let pool = &world.app().pool;
    let sum: i64 = one(pool, "SELECT coalesce(sum(cents), 0)::bigint FROM ledger_posting").await;
    assert_eq!(sum, 0, "the ledger does not sum to zero");
    for (what, sql) in [("without an entry", GAPS), ("odd", ODD)] {
        let found: Vec<String> = sqlx::query_scalar(sql).fetch_all(pool).await.unwrap();
        assert!(found.is_empty(), "{what}: {found:?}");
    }
}

/// Checks that what is paid and charged is what the marketplace paid and charged, to the cent.
pub async fn settled(world: &World) {
    check(world).await;
    let mut truth = Balances::default();
    for effect in [Effect::Approved, Effect::AutoApproved, Effect::BonusSent] {
        let filter = Filter { effect: Some(effect), ..Filter::default() };
        for entry in world.market.journal(&filter).await.unwrap() {
            truth.paid = truth.paid + entry.amount.unwrap();
            truth.fees = truth.fees + entry.fee.unwrap();
        }
    }
    let pool = &world.app().pool;
    let paid = one(pool, "SELECT coalesce(sum(cents), 0)::bigint FROM ledger_posting WHERE account = 'paid'");
    let fees = one(pool, "SELECT coalesce(sum(cents), 0)::bigint FROM ledger_posting WHERE account = 'fees'");
    assert_eq!((Cents(paid.await), Cents(fees.await)), (truth.paid, truth.fees), "ours and the journal's");
}

/// What the ledger says of a study.
pub async fn of(world: &World, study: &Study) -> Balances {
    ledger::store::of_study(&mut world.app().pool.acquire().await.unwrap(), study.id.0).await.unwrap()
}

async fn one(pool: &PgPool, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(pool).await.unwrap()
}

/// Five amounts in the order of the accounts: reserved, due, paid, fees, written off.
pub fn amounts(balances: Balances) -> [i64; 5] {
    let Balances { reserved, due, paid, fees, written_off } = balances;
    [reserved, due, paid, fees, written_off].map(|Cents(cents)| cents)
}
