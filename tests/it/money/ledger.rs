//! The ledger: what it says at each step of a study, and what the database refuses.

use chrono::Duration;
use kernel::money::Cents;
use market::{Fees, Rounding};
use otree_hr::MIGRATOR;
use otree_hr::recruiters::mturk::fees;
use otree_hr::review::Decision;
use otree_hr::studies;
use otree_hr::studies::draft::Typed;
use sqlx::{AssertSqlSafe, PgPool};

use super::{auto_approve, patience, reject, with_bonus};
use crate::support::books;
use crate::support::lab::Lab;
use crate::support::ledger::{self, amounts};
use crate::support::world::World;

#[tokio::test]
async fn a_study_goes_through_the_accounts() {
    let world = World::new().await;
    // Four places of one dollar, twenty cents of fee each.
    let study = world.publish(&world.lab.form()).await;
    let now = async || amounts(ledger::of(&world, &study).await);
    assert_eq!(now().await, [480, 0, 0, 0, 0], "published");
    let guests = world.submitted(&study, 3, "0.72").await;
    assert_eq!(now().await, [120, 360, 0, 0, 0], "three handed in");

    world.decide(&study, &guests[..1], &with_bonus()).await;
    assert_eq!(now().await, [120, 360 + 87, 0, 0, 0], "the bonus is owed with at most 15 cents of fee");
    world.decide(&study, &guests[1..2], &reject()).await;
    world.quiet().await;
    // The bonus's fee is 14.4 cents: the marketplace charges 14.
    assert_eq!(now().await, [120, 120, 172, 34, 0], "one paid, one rejected, one undecided");

    auto_approve(&world).await;
    world.later(Duration::minutes(10)).await;
    let [reserved, due, paid, fees, off] = now().await;
    assert_eq!([due, paid, fees, off], [0, 272, 54, 0], "the clock approved the third");
    assert_eq!(reserved, 0, "the fourth place ran out with its HIT");
    books::settled(&world, &study).await;
}

#[tokio::test]
async fn what_nobody_used_is_not_set_aside_once_a_study_is_closed() {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    let guests = world.submitted(&study, 1, "0.10").await;
    let mut tx = world.app().pool.begin().await.unwrap();
    assert!(studies::close(&mut tx, &study, world.lab.clock_now()).await.unwrap());
    tx.commit().await.unwrap();
    patience(&world).await;
    assert_eq!(amounts(ledger::of(&world, &study).await), [0, 120, 0, 0, 0], "only the one who handed in");
    world.decide(&study, &guests, &with_bonus()).await;
    patience(&world).await;
    assert_eq!(amounts(ledger::of(&world, &study).await), [0, 0, 110, 22, 0]);
    books::settled(&world, &study).await;
}

#[tokio::test]
async fn a_refused_bonus_is_not_owed() {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    let guests = world.submitted(&study, 1, "0.70").await;
    world.decide(&study, &guests, &with_bonus()).await;
    // Somebody rejects on the recruiter's own site: the approval is refused, and the bonus with it.
    let (mut tx, now) = world.market.begin().await.unwrap();
    let assignment = &guests[0].assignment;
    market::engine::review::reject(&mut tx, now, &world.requester, assignment, "By hand").await.unwrap();
    tx.commit().await.unwrap();
    patience(&world).await;
    assert_eq!(amounts(ledger::of(&world, &study).await), [360, 0, 0, 0, 0]);
    ledger::settled(&world).await;
}

#[tokio::test]
async fn a_payment_beyond_what_was_set_aside_comes_out_of_the_account() {
    let world = World::new().await;
    let study = world.publish(&Typed { places: "2".into(), ..world.lab.form() }).await;
    let guests = world.submitted(&study, 1, "0.70").await;
    // The batch counts as over, and then somebody's submission becomes visible late.
    sqlx::query("UPDATE batch SET over_at = now()").execute(&world.app().pool).await.unwrap();
    assert_eq!(amounts(ledger::of(&world, &study).await), [0, 120, 0, 0, 0]);
    let late = world.arrive(&study, "Late").await;
    world.play(&late, serde_json::json!("0.10")).await;
    world.submit(&late).await;
    world.later(Duration::minutes(6)).await;
    assert_eq!(amounts(ledger::of(&world, &study).await), [0, 240, 0, 0, 0]);
    let both = [guests[0].clone(), late];
    world.decide(&study, &both, &Decision::Approve { feedback: String::new() }).await;
    patience(&world).await;
    books::settled(&world, &study).await;
}

/// Runs statements in one transaction and says why it did not commit.
async fn refusal(pool: &PgPool, sql: &[&str]) -> Option<String> {
    let mut tx = pool.begin().await.unwrap();
    for one in sql {
        if let Err(error) = sqlx::raw_sql(AssertSqlSafe((*one).to_owned())).execute(&mut *tx).await {
            return Some(error.to_string());
        }
    }
    tx.commit().await.err().map(|error| error.to_string())
}

const ENTRY: &str = "INSERT INTO ledger_entry (book, kind, cause, study, at)
    SELECT id, 'write_off', '00000000-0000-0000-0000-000000000001', connection, now() FROM ledger_book";
const LINE: &str = "INSERT INTO ledger_posting (entry, line, account, cents)
    SELECT max(id), 1, 'wallet', -5 FROM ledger_entry";
const OTHER_LINE: &str = "INSERT INTO ledger_posting (entry, line, account, cents)
    SELECT max(id), 2, 'written_off', 5 FROM ledger_entry";

#[tokio::test]
async fn the_database_refuses_what_is_no_bookkeeping() {
    let lab = Lab::new().await;
    lab.open_study(&lab.form()).await;
    let pool = &lab.app.pool;
    let zero = refusal(pool, &[ENTRY, LINE]).await.expect("refused at commit");
    assert!(zero.contains("do not sum to zero"), "{zero}");
    assert_eq!(refusal(pool, &[ENTRY, LINE, OTHER_LINE]).await, None, "balanced");
    let twice = refusal(pool, &[ENTRY]).await.expect("the same cause and kind");
    assert!(twice.contains("ledger_entry_cause_kind_key"), "{twice}");
    let more = ["INSERT INTO ledger_posting (entry, line, account, cents)
        SELECT max(id), l, 'paid', l * 2 - 7 FROM ledger_entry, generate_series(3, 4) l GROUP BY l"];
    let closed = refusal(pool, &more).await.expect("an entry of an earlier transaction");
    assert!(closed.contains("is closed"), "{closed}");
    for table in ["ledger_book", "ledger_entry", "ledger_posting"] {
        for sql in [
            format!("DELETE FROM {table}"),
            format!("TRUNCATE {table} CASCADE"),
            format!("UPDATE {table} SET {} = {0}", if table == "ledger_posting" { "cents" } else { "id" }),
        ] {
            let refused = refusal(pool, &[&sql]).await.unwrap_or_else(|| panic!("{sql} was let through"));
            assert!(
                refused.contains("the ledger only grows") || refused.contains("can only be"),
                "{refused}"
            );
        }
    }
}

#[tokio::test]
async fn the_books_outlive_their_lab_without_a_name() {
    let lab = Lab::new().await;
    lab.open_study(&lab.form()).await;
    let reserved = "SELECT sum(cents)::bigint FROM ledger_posting WHERE account = 'reserved'";
    assert_eq!(lab.count(reserved).await, 480);
    sqlx::query("DELETE FROM lab WHERE id = $1").bind(lab.id.0).execute(&lab.app.pool).await.unwrap();
    assert_eq!(lab.count("SELECT count(*) FROM study").await, 0);
    assert_eq!(lab.count(reserved).await, 480);
}

#[tokio::test]
async fn an_older_database_gets_its_books() {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    let guests = world.submitted(&study, 3, "0.70").await;
    world.decide(&study, &guests[..1], &with_bonus()).await;
    world.decide(&study, &guests[1..2], &reject()).await;
    world.quiet().await;
    let bonus = Decision::ApproveWithBonus { feedback: String::new(), amount: Some(Cents(50)) };
    world.decide(&study, &guests[2..], &bonus).await;
    let before = amounts(ledger::of(&world, &study).await);
    assert_eq!(before, [120, 120 + 60, 170, 34, 0]);
    // As it was before there was a ledger, and the migration again.
    let pool = &world.app().pool;
    let gone = "DROP TABLE ledger_book, ledger_entry, ledger_posting CASCADE;
        DO $$ DECLARE f record; BEGIN
            FOR f IN SELECT oid::regprocedure::text AS name FROM pg_proc
                WHERE proname LIKE 'ledger%' OR proname LIKE 'mturk%'
            LOOP EXECUTE 'DROP FUNCTION ' || f.name || ' CASCADE'; END LOOP;
        END $$;
        ALTER TABLE batch DROP COLUMN over_at;
        ALTER TABLE lab DROP COLUMN fee_rounding;";
    sqlx::raw_sql(gone).execute(pool).await.unwrap();
    let migration = MIGRATOR.iter().find(|one| one.version == 10).unwrap();
    sqlx::raw_sql(AssertSqlSafe(migration.sql.as_str().to_owned())).execute(pool).await.unwrap();
    assert_eq!(amounts(ledger::of(&world, &study).await), before);
    world.quiet().await;
    patience(&world).await;
    books::settled(&world, &study).await;
}

#[tokio::test]
async fn fees_are_those_of_the_marketplace_however_it_rounds() {
    let pool = Lab::new().await.app.pool.clone();
    let words = [(Rounding::HalfUp, "half_up"), (Rounding::HalfUpEach, "half_up_each"), (Rounding::Up, "up")];
    for (amount, places, masters) in cases() {
        let rates: Vec<i32> = [(20, true), (20, places >= 10), (5, masters)]
            .iter()
            .filter_map(|&(rate, applies)| applies.then_some(rate))
            .collect();
        let most: i64 = sqlx::query_scalar("SELECT mturk_fee_at_most($1, $2)")
            .bind(amount)
            .bind(&rates)
            .fetch_one(&pool)
            .await
            .unwrap();
        assert_eq!(Cents(most), fees::fee(Cents(amount), places, masters), "{amount} {places} {masters}");
        for (rounding, word) in words {
            let charged: i64 = sqlx::query_scalar("SELECT mturk_fee($1, $2, $3)")
                .bind(amount)
                .bind(&rates)
                .bind(word)
                .fetch_one(&pool)
                .await
                .unwrap();
            let theirs = Fees { rounding, ..Fees::default() }.of_assignment(Cents(amount), places, masters);
            assert_eq!(Cents(charged), theirs, "{amount} {places} {masters} {word}");
            assert!(charged <= most);
        }
    }
}

fn cases() -> impl Iterator<Item = (i64, i64, bool)> {
    let amounts = [0, 1, 2, 3, 5, 7, 12, 13, 49, 50, 51, 72, 99, 100, 101, 333, 999_999];
    amounts.into_iter().flat_map(|amount| {
        [(9, false), (10, false), (9, true), (10, true)].map(|(places, masters)| (amount, places, masters))
    })
}

#[tokio::test]
async fn masters_are_charged_for_as_masters() {
    let lab = Lab::new().await;
    let masters = serde_json::json!([{ "QualificationTypeId": "2F1QJWKUDD8XADTFD2Q0G6UTO95ALH", "Comparator": "Exists" }]);
    let form = Typed { qualifications: masters.to_string(), ..lab.form() };
    let (study, _) = lab.open_study(&form).await;
    let rates: Vec<Vec<i32>> =
        sqlx::query_scalar("SELECT mturk_rates(study, size) FROM study, unnest('{9,10}'::bigint[]) size WHERE id = $1 ORDER BY size")
            .bind(study.id.0)
            .fetch_all(&lab.app.pool)
            .await
            .unwrap();
    assert_eq!(rates, [vec![20, 5], vec![20, 20, 5]]);
    let held: i64 =
        lab.count("SELECT sum(cents)::bigint FROM ledger_posting WHERE account = 'reserved'").await;
    assert_eq!(held, 4 * 125);
}
