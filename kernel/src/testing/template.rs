//! One migrated template database per set of migrations, cloned for each test.

use sha2::{Digest, Sha256};
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection, Executor};
use uuid::{NoContext, Timestamp, Uuid};

use crate::clock::{Clock, SystemClock};

/// The lock under which a template is made: one maker at a time.
const MAKING: i64 = 0x6f74_7265_6568_7221;
/// A database that nobody is connected to and that is older than this, seconds, belonged to a finished test.
const LEFTOVER_AGE: i64 = 120;

/// A new clone of the template for these migrations, which is made if nobody did yet.
pub(super) async fn clone(
    server: &PgConnectOptions,
    migrators: &[&'static Migrator],
) -> anyhow::Result<PgConnectOptions> {
    let mut connection = PgConnection::connect_with(server).await?;
    let template = name_of(migrators);
    if !is_template(&mut connection, &template).await? {
        make(&mut connection, server, &template, migrators).await?;
    }
    drop_leftovers(&mut connection).await?;
    let name = format!("test_{}", Uuid::now_v7().simple());
    run(&mut connection, format!("CREATE DATABASE {name} TEMPLATE {template}")).await?;
    connection.close().await?;
    Ok(server.clone().database(&name))
}

/// Named after everything that decides what is in it.
fn name_of(migrators: &[&'static Migrator]) -> String {
    let mut hash = Sha256::new();
    for migrator in migrators {
        hash.update(migrator.table_name.as_bytes());
        for schema in migrator.create_schemas.iter() {
            hash.update(schema.as_bytes());
        }
        for migration in migrator.iter() {
            hash.update(migration.version.to_be_bytes());
            hash.update(&migration.checksum);
        }
    }
    let digest: String = hash.finalize().iter().take(10).map(|byte| format!("{byte:02x}")).collect();
    format!("template_{digest}")
}

async fn is_template(connection: &mut PgConnection, name: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1 AND datistemplate)")
        .bind(name)
        .fetch_one(connection)
        .await
}

/// Makes the template unless somebody else just did; one that a killed test left half made is made again.
async fn make(
    connection: &mut PgConnection,
    server: &PgConnectOptions,
    name: &str,
    migrators: &[&'static Migrator],
) -> anyhow::Result<()> {
    sqlx::query("SELECT pg_advisory_lock($1)").bind(MAKING).execute(&mut *connection).await?;
    if !is_template(connection, name).await? {
        run(connection, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await?;
        run(connection, format!("CREATE DATABASE {name}")).await?;
        migrate(&server.clone().database(name), migrators).await?;
        run(connection, format!("ALTER DATABASE {name} IS_TEMPLATE true ALLOW_CONNECTIONS false")).await?;
    }
    sqlx::query("SELECT pg_advisory_unlock($1)").bind(MAKING).execute(connection).await?;
    Ok(())
}

async fn migrate(database: &PgConnectOptions, migrators: &[&'static Migrator]) -> anyhow::Result<()> {
    let mut connection = PgConnection::connect_with(database).await?;
    for migrator in migrators {
        migrator.run_direct(None, &mut connection, false).await?;
    }
    connection.close().await?;
    Ok(())
}

/// Keeps the server small, above all a long-lived one: each new database takes at most two old ones away.
async fn drop_leftovers(connection: &mut PgConnection) -> sqlx::Result<()> {
    let before = SystemClock.now().timestamp() - LEFTOVER_AGE;
    let oldest_kept =
        Uuid::new_v7(Timestamp::from_unix(NoContext, u64::try_from(before).unwrap_or_default(), 0));
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT datname::text FROM pg_database
         WHERE datname LIKE 'test\\_%' AND datname COLLATE \"C\" < $1
           AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.datname = pg_database.datname)
         ORDER BY datname LIMIT 2",
    )
    .bind(format!("test_{}", oldest_kept.simple()))
    .fetch_all(&mut *connection)
    .await?;
    for name in names.iter().filter(|name| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')) {
        // Two tests may choose the same one, or somebody connects after all; then it simply stays.
        let _ = run(connection, format!("DROP DATABASE IF EXISTS {name}")).await;
    }
    Ok(())
}

/// Runs a statement that cannot have parameters; every name in it was made here.
async fn run(connection: &mut PgConnection, sql: String) -> sqlx::Result<()> {
    connection.execute(AssertSqlSafe(sql)).await.map(|_| ())
}
