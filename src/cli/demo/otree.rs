//! A real oTree server beside us, with the demo's project, ended together with us.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use kernel::process::ProcessGroup;

use super::state::State;
use crate::app::App;

/// The project's working copy in the data folder; oTree keeps its database in it.
pub(super) const FOLDER: &str = "otree";
/// The longest that oTree may take to answer for the first time.
const PATIENCE: Duration = Duration::from_secs(60);

/// The running server; ends when dropped, whatever it started included.
#[derive(Debug)]
pub(super) struct Server {
    process: ProcessGroup,
    log: PathBuf,
}

/// Starts it and waits until it answers.
pub(super) async fn start(app: &App, state: &State, bin: &Path, project: &Path) -> anyhow::Result<Server> {
    let bin = bin.canonicalize().with_context(|| format!("there is no oTree at {}", bin.display()))?;
    let folder = app.config.data.join(FOLDER);
    copy(project, &folder).with_context(|| format!("the project {} cannot be copied", project.display()))?;
    let log = app.config.data.join("otree.log");
    let output = std::fs::File::create(&log)?;
    let venv = bin.parent().unwrap_or(Path::new("/"));
    let path = format!("{}:{}", venv.display(), std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new(&bin);
    command
        .args(["prodserver", &format!("127.0.0.1:{}", state.otree_port)])
        .current_dir(&folder)
        .env("PATH", path)
        .env("OTREE_REST_KEY", &state.otree_key)
        .env("OTREE_ADMIN_PASSWORD", &state.otree_password)
        .env("OTREE_AUTH_LEVEL", "STUDY")
        .env("OTREE_PRODUCTION", "1")
        .env_remove("DATABASE_URL")
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output);
    let process = ProcessGroup::spawn(&mut command).context("oTree cannot be started")?;
    let mut server = Server { process, log };
    server.wait(app, state).await?;
    Ok(server)
}

impl Server {
    async fn wait(&mut self, app: &App, state: &State) -> anyhow::Result<()> {
        let client = app.otree.client(state.otree_url().parse()?, Some(state.otree_key.clone().into()));
        let started = tokio::time::Instant::now();
        while client.version(true).await.is_err() {
            if self.process.ended().is_some() || started.elapsed() > PATIENCE {
                bail!("oTree did not start:\n{}", self.last_words());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    /// Waits for its end, which is not expected.
    pub async fn watch(&mut self) -> anyhow::Result<()> {
        while self.process.ended().is_none() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        bail!("oTree ended:\n{}", self.last_words())
    }

    fn last_words(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }
}

/// Copies a folder over another one; what only the other one has (oTree's database) stays.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_name() == "db.sqlite3" || entry.file_name() == "__pycache__" {
            continue;
        }
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}
