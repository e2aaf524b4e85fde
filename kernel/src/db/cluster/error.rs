//! Why there is no private cluster, in words that say what to do about it.

use std::io;
use std::path::PathBuf;

/// Why no private cluster runs.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// No server binaries on this machine.
    #[error(
        "no PostgreSQL server is installed: apt-get install postgresql, or brew install postgresql@16, \
         or dnf install postgresql-server; OTREE_HR_PG_BIN names another folder with initdb and postgres; \
         with DATABASE_URL set, that database is used instead"
    )]
    NoBinaries,
    /// Root may not run Postgres and there is nobody to run it instead.
    #[error("running as root, and there is neither a user postgres nor nobody to run PostgreSQL as")]
    NoUnprivilegedUser,
    /// The program `id` could not be run.
    #[error("cannot tell which user this is: {0}")]
    WhoAmI(#[source] io::Error),
    /// The socket in this folder would have a longer name than the system allows.
    #[error(
        "the path {folder} is {excess} bytes too long for a database socket; set OTREE_HR_DATA to a shorter one"
    )]
    PathTooLong {
        /// The cluster's folder.
        folder: PathBuf,
        /// By how many bytes.
        excess: usize,
    },
    /// Root's folder that the unprivileged server cannot enter.
    #[error(
        "running as root, PostgreSQL runs as another user, who may not enter {wall} on the way to {folder}; \
         set OTREE_HR_DATA to a folder such as /var/lib/otree-hr"
    )]
    Unreachable {
        /// The cluster's folder.
        folder: PathBuf,
        /// The ancestor that is closed.
        wall: PathBuf,
    },
    /// The folder cannot be made, entered or given away.
    #[error("the database folder {folder} cannot be used: {source}")]
    Folder {
        /// The cluster's folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A program of PostgreSQL could not be run.
    #[error("{program} cannot be run: {source}")]
    Program {
        /// The program.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The data folder could not be filled.
    #[error("PostgreSQL could not set up its data folder:\n{said}")]
    Setup {
        /// The end of what `initdb` said.
        said: String,
    },
    /// The server ended while starting.
    #[error("PostgreSQL ended while starting ({status}); the last lines of {log} are:\n{tail}")]
    Ended {
        /// How it ended.
        status: std::process::ExitStatus,
        /// Its log.
        log: PathBuf,
        /// The last lines of the log.
        tail: String,
    },
    /// The server runs but does not answer.
    #[error("PostgreSQL did not answer within a minute; its log is {log}")]
    TooSlow {
        /// Its log.
        log: PathBuf,
    },
}
