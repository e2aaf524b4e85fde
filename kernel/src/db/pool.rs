//! The connection pool and what starts it.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use anyhow::Context;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

use super::Cluster;

/// A pool, and the private cluster behind it when we started one.
#[derive(Debug)]
pub struct Database {
    /// The pool that everything shares.
    pub pool: PgPool,
    cluster: Option<Cluster>,
}

impl Database {
    /// Connects to `url`; without one, starts (or adopts) a private cluster in `folder`.
    ///
    /// # Errors
    /// When no server answers, or none can be started; the text says what to install.
    pub async fn open(url: Option<&str>, folder: &Path, connections: u32) -> anyhow::Result<Self> {
        if let Some(url) = url {
            return Ok(Self { pool: connect(url, connections).await?, cluster: None });
        }
        let cluster = Cluster::start(folder).await?;
        let pool = connect(&cluster.url("postgres"), connections).await?;
        Ok(Self { pool, cluster: Some(cluster) })
    }

    /// Closes the pool and stops the cluster if it is ours.
    pub async fn close(self) {
        self.pool.close().await;
        if let Some(cluster) = self.cluster {
            cluster.stop().await;
        }
    }
}

/// A pool of at most `connections`, each with limits that keep a stuck statement from holding it for ever.
///
/// # Errors
/// When the address is malformed or nobody answers.
pub async fn connect(url: &str, connections: u32) -> anyhow::Result<PgPool> {
    let options = PgConnectOptions::from_str(url)
        .context("the database address cannot be read")?
        .application_name("otree-hr")
        .options([
            ("statement_timeout", "30s"),
            ("idle_in_transaction_session_timeout", "60s"),
            // Compiling a query takes longer than any of ours runs.
            ("jit", "off"),
        ]);
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(5))
        .connect_with(options)
        .await
        .context("the database does not answer")
}

/// Applies the migrations that are missing.
///
/// # Errors
/// When one fails, or an applied one was changed since.
pub async fn migrate(pool: &PgPool, migrator: &Migrator) -> anyhow::Result<()> {
    migrator.run(pool).await.context("the database cannot be brought up to date")
}
