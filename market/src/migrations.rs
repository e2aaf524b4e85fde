//! The marketplace's tables: a schema of its own, with its own list of applied migrations.

use std::borrow::Cow;
use std::mem::{forget, replace};

use sqlx::PgPool;
use sqlx::migrate::Migrator;

/// Brings the schema `market` up to date.
pub static MIGRATOR: Migrator = {
    let mut migrator = sqlx::migrate!("./migrations");
    forget(replace(&mut migrator.table_name, Cow::Borrowed("market._migrations")));
    forget(replace(&mut migrator.create_schemas, Cow::Borrowed(&[Cow::Borrowed("market")])));
    migrator
};

/// Applies the migrations that are missing.
///
/// # Errors
/// When one fails, or an applied one was changed since.
pub async fn migrate(pool: &PgPool) -> anyhow::Result<()> {
    kernel::db::migrate(pool, &MIGRATOR).await
}
