//! A private Postgres cluster from the installed server binaries.
//!
//! It listens on a unix socket inside its own folder and on nothing else, so there is no port to clash and
//! nothing for the network to see. One process owns a folder (it holds the lock file) and stops the server;
//! any other process on the same folder is a guest. A server that outlived its owner, because the owner was
//! killed, is adopted by the next one.

mod binaries;
mod error;
mod owner;
mod server;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

pub use binaries::find_binaries;
pub use error::ClusterError;
use server::Programs;

/// How long a start may take, recovery after a crash included.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a server that is starting is asked again.
const PAUSE: Duration = Duration::from_millis(20);
/// The port that names the socket; never opened on the network.
const PORT: u16 = 5432;
/// The longest path of a socket, which the system's address structure fixes.
const LONGEST_SOCKET: usize = if cfg!(target_os = "macos") { 103 } else { 107 };

/// A running private cluster.
#[derive(Debug)]
pub struct Cluster {
    folder: PathBuf,
    owned: Option<Owned>,
}

/// What the owner of a folder holds: the lock, the means to stop the server, the child if we started it.
#[derive(Debug)]
struct Owned {
    _lock: File,
    programs: Programs,
    child: Option<Child>,
}

impl Cluster {
    /// Starts or adopts the cluster in `folder`, which is made on the first run.
    ///
    /// # Errors
    /// When no server is installed, the folder cannot be used, or the server ends; the text says what to do.
    pub async fn start(folder: &Path) -> Result<Self, ClusterError> {
        Self::start_with(folder, &[]).await
    }

    /// Like [`Cluster::start`], with server settings such as `fsync=off` for a cluster that is thrown away.
    ///
    /// # Errors
    /// As [`Cluster::start`].
    pub async fn start_with(folder: &Path, settings: &[&str]) -> Result<Self, ClusterError> {
        let folder = std::path::absolute(folder)
            .map_err(|source| ClusterError::Folder { folder: folder.to_owned(), source })?;
        check_socket_path(&folder)?;
        let programs = Programs::find(&folder)?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(lock) = try_lock(&folder)? {
                return Self::own(folder, lock, programs, settings).await;
            }
            if answers(&folder).await {
                return Ok(Self { folder, owned: None });
            }
            wait_until(deadline, &folder).await?;
        }
    }

    /// The address of one of its databases.
    pub fn url(&self, database: &str) -> String {
        url(&self.folder, database)
    }

    /// Where it keeps its data, its socket and its log.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Stops the server if this process owns it, and waits until it is down.
    pub async fn stop(mut self) {
        let Some(mut owned) = self.owned.take() else { return };
        let stopped = tokio::task::spawn_blocking(move || owned.stop()).await;
        if let Err(error) = stopped {
            tracing::warn!(%error, "The private Postgres was not stopped");
        }
    }

    async fn own(
        folder: PathBuf,
        lock: File,
        programs: Programs,
        settings: &[&str],
    ) -> Result<Self, ClusterError> {
        let child =
            if answers(&folder).await { None } else { Some(programs.start(&folder, settings).await?) };
        if child.is_none() {
            tracing::info!(folder = %folder.display(), "Adopted a private Postgres that was still running");
        }
        Ok(Self { folder, owned: Some(Owned { _lock: lock, programs, child }) })
    }
}

impl Owned {
    fn stop(&mut self) {
        self.programs.stop();
        if let Some(mut child) = self.child.take() {
            let _ = child.wait();
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(mut owned) = self.owned.take() {
            owned.stop();
        }
    }
}

/// Takes the folder's lock if no living process has it; it goes when the process ends, however it ends.
fn try_lock(folder: &Path) -> Result<Option<File>, ClusterError> {
    let failed = |source| ClusterError::Folder { folder: folder.to_owned(), source };
    let file =
        File::options().create(true).truncate(false).write(true).open(folder.join("lock")).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(std::fs::TryLockError::WouldBlock) => Ok(None),
        Err(std::fs::TryLockError::Error(source)) => Err(failed(source)),
    }
}

async fn wait_until(deadline: Instant, folder: &Path) -> Result<(), ClusterError> {
    if Instant::now() > deadline {
        return Err(ClusterError::TooSlow { log: server::log_path(folder) });
    }
    tokio::time::sleep(PAUSE).await;
    Ok(())
}

async fn answers(folder: &Path) -> bool {
    use sqlx::Connection;
    match sqlx::PgConnection::connect(&url(folder, "postgres")).await {
        Ok(connection) => connection.close().await.is_ok(),
        Err(_) => false,
    }
}

fn url(folder: &Path, database: &str) -> String {
    let host: String = url::form_urlencoded::byte_serialize(folder.as_os_str().as_encoded_bytes()).collect();
    format!("postgres://postgres@localhost:{PORT}/{database}?host={host}")
}

fn check_socket_path(folder: &Path) -> Result<(), ClusterError> {
    let length = folder.join(format!(".s.PGSQL.{PORT}")).as_os_str().len();
    if length > LONGEST_SOCKET {
        let excess = length - LONGEST_SOCKET;
        return Err(ClusterError::PathTooLong { folder: folder.to_owned(), excess });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
