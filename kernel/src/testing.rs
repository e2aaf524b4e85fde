//! Databases for tests, each its own and made in some thirty milliseconds.
//!
//! All migrations run once into a template; a test gets a clone of it. The server is the one that
//! `TEST_DATABASE_URL` or `DATABASE_URL` names, else a private one that lives as long as the test process.

mod server;
mod template;

use std::net::TcpListener;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::postgres::{PgPool, PgPoolOptions};

pub use crate::process::ProcessGroup;

/// A pool on a new, empty, migrated database that no other test sees.
///
/// # Panics
/// When there is no server or a migration fails: a test cannot go on without.
#[expect(clippy::expect_used, reason = "a test that has no database ends here")]
pub async fn database(migrators: &[&'static Migrator]) -> PgPool {
    let server = server::options().await;
    let clone = template::clone(&server, migrators).await.expect("a database for this test");
    PgPoolOptions::new()
        .max_connections(8)
        .acquire_timeout(Duration::from_secs(20))
        .connect_with(clone)
        .await
        .expect("the database of this test answers")
}

/// The address of a new, empty, migrated database, for a program under test that opens its own pool.
///
/// # Panics
/// As [`database`].
#[expect(clippy::expect_used, reason = "a test that has no database ends here")]
pub async fn database_url(migrators: &[&'static Migrator]) -> String {
    use sqlx::ConnectOptions;
    let server = server::options().await;
    let clone = template::clone(&server, migrators).await.expect("a database for this test");
    clone.to_url_lossy().to_string()
}

/// A port of the loopback interface that was free a moment ago.
///
/// # Panics
/// When the machine has none.
#[expect(clippy::expect_used, reason = "a test that has no port ends here")]
pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("a bound listener has an address").port()
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use sqlx::migrate::{Migration, MigrationType};

    use super::*;

    fn migrator(table: &'static str, sql: &'static str) -> Migrator {
        let kind = MigrationType::Simple;
        let mut migrator = Migrator::with_migrations(vec![Migration::new(
            1,
            "first".into(),
            kind,
            sqlx::SqlStr::from_static(sql),
            false,
        )]);
        migrator.dangerous_set_table_name(table);
        migrator
    }

    static ONE: LazyLock<Migrator> =
        LazyLock::new(|| migrator("_one", "CREATE TABLE one (n int PRIMARY KEY)"));
    static TWO: LazyLock<Migrator> =
        LazyLock::new(|| migrator("_two", "CREATE TABLE two (n int REFERENCES one)"));

    async fn count(pool: &PgPool) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM one").fetch_one(pool).await.unwrap()
    }

    #[tokio::test]
    async fn tests_at_the_same_time_see_only_their_own_rows() {
        let both: [&'static Migrator; 2] = [&ONE, &TWO];
        let (a, b) = tokio::join!(database(&both), database(&both));
        sqlx::query("INSERT INTO one VALUES (1)").execute(&a).await.unwrap();
        sqlx::query("INSERT INTO two VALUES (1)").execute(&a).await.unwrap();
        assert_eq!((count(&a).await, count(&b).await), (1, 0));
    }

    #[tokio::test]
    async fn other_migrations_get_another_template() {
        let pool = database(&[&ONE]).await;
        assert_eq!(count(&pool).await, 0);
        assert!(sqlx::query("SELECT n FROM two").execute(&pool).await.is_err());
    }

    #[tokio::test]
    async fn an_address_leads_to_a_database_of_its_own() {
        let url = database_url(&[&ONE]).await;
        let pool = crate::db::connect(&url, 1).await.unwrap();
        assert_eq!(count(&pool).await, 0);
    }
}
