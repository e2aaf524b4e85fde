//! Running the server's programs: setting up the data folder, starting, stopping.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use super::owner::Owner;
use super::{ClusterError, PATIENCE, PORT, answers, binaries, wait_until};

/// How long a server that was killed may keep its lock file before we give up.
const LOCK_PATIENCE: Duration = Duration::from_secs(10);
/// What a server says when another one still holds the data folder, or is only just letting go of it.
const STILL_HELD: [&str; 2] =
    ["lock file \"postmaster.pid\" already exists", "pre-existing shared memory block"];

/// The programs for one folder, and whom they run as.
#[derive(Debug)]
pub(super) struct Programs {
    bin: PathBuf,
    owner: Owner,
    folder: PathBuf,
    data: PathBuf,
}

impl Programs {
    /// Finds the binaries, chooses whom to run as, and makes the folder.
    pub(super) fn find(folder: &Path) -> Result<Self, ClusterError> {
        let data = folder.join("data");
        let major = fs::read_to_string(data.join("PG_VERSION")).ok().and_then(|v| v.trim().parse().ok());
        let bin = binaries::find_for(major).ok_or(ClusterError::NoBinaries)?;
        let owner = Owner::choose(&data)?;
        owner.take(folder)?;
        Ok(Self { bin, owner, folder: folder.to_owned(), data })
    }

    /// Sets the data folder up on the first run, then starts the server and waits until it answers.
    pub(super) async fn start(&self, folder: &Path, settings: &[&str]) -> Result<Child, ClusterError> {
        if !self.data.exists() {
            self.set_up()?;
        }
        let retry_until = Instant::now() + LOCK_PATIENCE;
        loop {
            match self.start_once(folder, settings).await {
                Err(ClusterError::Ended { tail, .. }) if held(&tail) && Instant::now() < retry_until => {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                outcome => return outcome,
            }
        }
    }

    /// Asks the server to end its connections and go, and waits for that.
    pub(super) fn stop(&self) {
        let mut command = self.command("pg_ctl");
        command.args(["stop", "--silent", "--wait", "--mode=fast", "--pgdata"]).arg(&self.data);
        match command.output() {
            Ok(output) if output.status.success() => {}
            Ok(output) => {
                tracing::warn!(said = %tail(&output.stderr), "The private Postgres was not stopped");
            }
            Err(error) => tracing::warn!(%error, "The private Postgres was not stopped"),
        }
    }

    /// Fills a folder beside the final one and renames it, so that a crash leaves no half-made data folder.
    fn set_up(&self) -> Result<(), ClusterError> {
        let failed = |source| ClusterError::Folder { folder: self.folder.clone(), source };
        let draft = self.folder.join("data.new");
        if draft.exists() {
            fs::remove_dir_all(&draft).map_err(failed)?;
        }
        let mut command = self.command("initdb");
        command.args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]);
        let program = self.bin.join("initdb");
        let output = command
            .arg("--pgdata")
            .arg(&draft)
            .output()
            .map_err(|source| ClusterError::Program { program, source })?;
        if !output.status.success() {
            return Err(ClusterError::Setup { said: tail(&output.stderr) });
        }
        fs::rename(&draft, &self.data).map_err(failed)
    }

    async fn start_once(&self, folder: &Path, settings: &[&str]) -> Result<Child, ClusterError> {
        let mut child = self.spawn(settings)?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Ok(Some(status)) = child.try_wait() {
                return Err(self.ended(status));
            }
            if answers(folder).await {
                return Ok(child);
            }
            if let Err(error) = wait_until(deadline, folder).await {
                self.stop();
                let _ = child.wait();
                return Err(error);
            }
        }
    }

    fn spawn(&self, settings: &[&str]) -> Result<Child, ClusterError> {
        let log_failed = |source| ClusterError::Folder { folder: self.folder.clone(), source };
        let log = File::create(log_path(&self.folder)).map_err(log_failed)?;
        let mut command = self.command("postgres");
        command.arg("-D").arg(&self.data).arg("-k").arg(&self.folder).args(["-p", &PORT.to_string()]);
        for setting in ["listen_addresses=", "max_connections=200"].iter().chain(settings) {
            command.args(["-c", setting]);
        }
        command.stdout(log.try_clone().map_err(log_failed)?).stderr(log);
        let program = self.bin.join("postgres");
        command.spawn().map_err(|source| ClusterError::Program { program, source })
    }

    fn command(&self, program: &str) -> Command {
        self.owner.command(&self.bin.join(program), &self.folder)
    }

    fn ended(&self, status: ExitStatus) -> ClusterError {
        let log = log_path(&self.folder);
        let tail = tail(&fs::read(&log).unwrap_or_default());
        ClusterError::Ended { status, log, tail }
    }
}

/// The server's log, in the cluster's folder.
pub(super) fn log_path(folder: &Path) -> PathBuf {
    folder.join("log")
}

fn held(log: &str) -> bool {
    STILL_HELD.iter().any(|words| log.contains(words))
}

/// The last dozen lines.
fn tail(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(12)..].join("\n")
}
