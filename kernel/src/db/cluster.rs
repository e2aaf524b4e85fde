//! A private Postgres cluster from the installed server binaries.

use std::path::{Path, PathBuf};

/// A running private cluster.
#[derive(Debug)]
pub struct Cluster;

/// Why no private cluster runs.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// No server binaries on this machine.
    #[error(
        "no PostgreSQL server is installed: apt-get install postgresql, or brew install postgresql@16, or set DATABASE_URL"
    )]
    NoBinaries,
}

/// Where `initdb` and `postgres` are.
pub fn find_binaries() -> Option<PathBuf> {
    None
}

impl Cluster {
    /// Starts or adopts the cluster in `folder`.
    pub async fn start(_folder: &Path) -> Result<Self, ClusterError> {
        Err(ClusterError::NoBinaries)
    }
    /// The address of one of its databases.
    pub fn url(&self, _database: &str) -> String {
        String::new()
    }
    /// Stops the server if this process started it.
    pub async fn stop(self) {}
}
