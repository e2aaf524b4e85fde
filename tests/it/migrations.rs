//! From nothing to the present schema, twice; and every row of a lab hangs on its lab.

use std::collections::BTreeSet;

use sqlx::{AssertSqlSafe, PgPool};

use crate::support::door::{get, go};
use crate::support::lab::{Lab, another_pool};

/// Tables that belong to no lab, and why.
const NOBODYS: [(&str, &str); 8] = [
    ("account", "a person, who may be in several labs"),
    ("attempt", "limits on guessing; holds only hashes"),
    ("lab", "the tenant itself"),
    ("ledger_book", "the books outlive their lab; they hold no names"),
    ("ledger_entry", "hangs on its book"),
    ("ledger_posting", "hangs on its entry"),
    ("web_session", "hangs on its account"),
    ("whereabouts", "of the database itself, one row"),
];

/// Tables without a lab of their own, and the table they hang on.
const HANGING: [(&str, &str); 3] = [("arrival", "study"), ("page_visit", "participation"), ("seat", "study")];

async fn empty() -> PgPool {
    kernel::testing::database(&[]).await
}

async fn tables(pool: &PgPool, schema: &str) -> BTreeSet<String> {
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT table_name::text FROM information_schema.tables
         WHERE table_schema = $1 AND table_type = 'BASE TABLE' AND table_name NOT LIKE '\\_%'",
    )
    .bind(schema)
    .fetch_all(pool)
    .await
    .unwrap();
    names.into_iter().collect()
}

async fn columns_named(pool: &PgPool, column: &str, must: bool) -> BTreeSet<String> {
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT table_name::text FROM information_schema.columns
         WHERE table_schema = 'public' AND column_name = $1 AND (NOT $2 OR is_nullable = 'NO')",
    )
    .bind(column)
    .bind(must)
    .fetch_all(pool)
    .await
    .unwrap();
    names.into_iter().collect()
}

#[tokio::test]
async fn an_empty_database_becomes_the_present_one_and_stays_it() {
    let pool = empty().await;
    assert_eq!(tables(&pool, "public").await.len(), 0);
    for _ in 0..2 {
        otree_hr::MIGRATOR.run(&pool).await.unwrap();
        market::migrate(&pool).await.unwrap();
    }
    assert!(tables(&pool, "public").await.contains("payment_order"));
    assert!(tables(&pool, "market").await.contains("journal"));
}

#[tokio::test]
async fn two_processes_may_migrate_at_the_same_moment() {
    let pool = empty().await;
    let other = another_pool(&pool).await;
    let (one, two) = tokio::join!(otree_hr::MIGRATOR.run(&pool), otree_hr::MIGRATOR.run(&other));
    one.unwrap();
    two.unwrap();
    let (one, two) = tokio::join!(market::migrate(&pool), market::migrate(&other));
    one.unwrap();
    two.unwrap();
    assert!(tables(&pool, "market").await.contains("journal"));
}

#[tokio::test]
async fn the_product_and_the_marketplace_come_in_any_order() {
    let pool = empty().await;
    market::migrate(&pool).await.unwrap();
    otree_hr::MIGRATOR.run(&pool).await.unwrap();
    assert!(tables(&pool, "public").await.contains("study"));
}

#[tokio::test]
async fn every_row_of_a_lab_names_its_lab_or_hangs_on_one_that_does() {
    let pool = empty().await;
    otree_hr::MIGRATOR.run(&pool).await.unwrap();
    let with_lab = columns_named(&pool, "lab_id", false).await;
    for table in tables(&pool, "public").await {
        let nobodys = NOBODYS.iter().any(|(name, _)| *name == table);
        let hanging = HANGING.iter().any(|(name, _)| *name == table);
        let kinds = [nobodys, hanging, with_lab.contains(&table)].iter().filter(|kind| **kind).count();
        assert_eq!(kinds, 1, "{table} needs a lab_id, or a line in one of the two lists");
    }
    let surely = columns_named(&pool, "lab_id", true).await;
    // An invitation to sign up belongs to no lab, nor does what the server did by itself or a pause of all of it.
    let perhaps: Vec<&String> = with_lab.difference(&surely).collect();
    assert_eq!(perhaps, ["audit_event", "invitation", "money_pause"]);
    for (table, parent) in HANGING {
        let column = format!("{parent}_id");
        assert!(columns_named(&pool, &column, true).await.contains(table), "{table} hangs on {parent}");
        assert!(with_lab.contains(parent));
    }
}

#[tokio::test]
async fn the_end_of_a_lab_is_the_end_of_its_rows_and_of_no_others() {
    let lab = Lab::new().await;
    let other = lab.neighbour("second").await;
    for lab in [&lab, &other] {
        let (study, _) = lab.open_study(&lab.form()).await;
        get(&lab.app, &go(&study.code, "HIT1", "WORKER1", "A1")).await;
    }
    let pool = &lab.app.pool;
    sqlx::query("DELETE FROM lab WHERE id = $1").bind(lab.id.0).execute(pool).await.unwrap();
    for table in columns_named(pool, "lab_id", false).await {
        let sql = format!("SELECT count(*) FROM {table} WHERE lab_id = $1");
        let left: i64 = sqlx::query_scalar(AssertSqlSafe(sql)).bind(lab.id.0).fetch_one(pool).await.unwrap();
        assert_eq!(left, 0, "{table}");
    }
    assert_eq!(lab.count("SELECT count(*) FROM seat JOIN study ON study.id = study_id").await, 6);
    assert_eq!(lab.count("SELECT count(*) FROM seat").await, 6);
    assert_eq!(lab.count("SELECT count(*) FROM arrival").await, 1);
    assert_eq!(lab.count("SELECT count(*) FROM participation").await, 1);
}
