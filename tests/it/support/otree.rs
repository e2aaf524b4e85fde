//! A real oTree server for one test: a copy of the demo project on a free port, gone when dropped.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use kernel::outbound::Outbound;
use kernel::testing::{ProcessGroup, free_port};
use market::workers::bots::browser::{self, Browser};
use market::workers::bots::player::{self, Manner, PlayError, Played};
use otree_hr::otree::{Client, Connector};
use rand::SeedableRng;
use rand::rngs::StdRng;
use secrecy::{ExposeSecret, SecretString};
use tempfile::TempDir;
use tokio::time::Instant;
use url::Url;

/// How long a server may take until it answers, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Which oTree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// The program that `OTREE6_BIN` names, 6.0.15.
    Six,
    /// The program that `OTREE5_BIN` names, 5.11.5.
    Five,
}

impl Release {
    fn program(self) -> PathBuf {
        let name = match self {
            Self::Six => "OTREE6_BIN",
            Self::Five => "OTREE5_BIN",
        };
        std::env::var_os(name)
            .unwrap_or_else(|| panic!("{name} must name an otree program; ./dev test sets it"))
            .into()
    }
}

/// A running server.
#[derive(Debug)]
pub struct Otree {
    /// Where it answers.
    pub base: Url,
    /// Its REST key, made for this server alone.
    pub key: SecretString,
    _process: ProcessGroup,
    folder: TempDir,
}

impl Otree {
    /// A server as a careful researcher runs it: production mode, STUDY, with a REST key.
    pub async fn start(release: Release) -> Self {
        Self::start_with(release, &[]).await
    }

    /// The same with some environment variables changed; an empty value takes one away.
    pub async fn start_with(release: Release, environment: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("demo/otree"), folder.path()).unwrap();
        let (key, port) = (kernel::secret::token(), free_port());
        let mut command = command(release, folder.path(), &key, port);
        for (name, value) in environment {
            if value.is_empty() {
                command.env_remove(name)
            } else {
                command.env(name, value)
            };
        }
        let process = ProcessGroup::spawn(&mut command).unwrap();
        let base = format!("http://127.0.0.1:{port}").parse().unwrap();
        let mut otree = Self { base, key: key.into(), _process: process, folder };
        otree.answers().await;
        otree
    }

    /// A client with the right key.
    pub fn client(&self) -> Client {
        self.client_with(Some(self.key.expose_secret()))
    }

    /// A client with this key.
    pub fn client_with(&self, key: Option<&str>) -> Client {
        connector().client(self.base.clone(), key.map(SecretString::from))
    }

    /// Plays the participant to the last page as a person without script would; `known` are answers by field name.
    pub async fn play(&self, participant_code: &str, known: &[(&str, &str)]) -> Result<Played, PlayError> {
        let start = otree_hr::otree::links::start(&self.base, participant_code, None);
        let mut manner = Manner {
            rng: StdRng::seed_from_u64(7),
            wait_limit: Duration::from_secs(60),
            look_every: Duration::from_millis(100),
            known: known.iter().map(|(field, answer)| ((*field).into(), (*answer).into())).collect(),
        };
        player::play(&mut Browser::new(browser::client().unwrap()), &start, &mut manner).await
    }

    async fn answers(&mut self) {
        let (client, deadline) = (self.client_with(None), Instant::now() + PATIENCE);
        while let Err(otree_hr::otree::ReadError::Unavailable(why)) = client.version(false).await {
            let ended = self._process.ended();
            assert!(ended.is_none() && Instant::now() < deadline, "oTree: {why} {ended:?}\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What the server wrote so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

/// A connector that may visit this machine.
pub fn connector() -> Connector {
    Connector::new(Outbound::new(vec!["127.0.0.0/8".parse().unwrap()]).unwrap())
}

fn command(release: Release, folder: &Path, key: &str, port: u16) -> Command {
    let program = release.program();
    let mut path = program.parent().unwrap().as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let log = std::fs::File::create(folder.join("log")).unwrap();
    let mut command = Command::new(program);
    command
        .args(["prodserver", &port.to_string()])
        .current_dir(folder)
        .env("PATH", path)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("OTREE_REST_KEY", key)
        .env("OTREE_AUTH_LEVEL", "STUDY")
        .env("OTREE_PRODUCTION", "1")
        .env("OTREE_ADMIN_PASSWORD", "admin")
        // Else oTree would use the tests' own database.
        .env_remove("DATABASE_URL")
        .stdin(Stdio::null())
        .stderr(log.try_clone().unwrap())
        .stdout(log);
    command
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        let name = entry.file_name();
        if name == "__pycache__" || name.to_string_lossy().ends_with("sqlite3") {
            continue;
        }
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?
        } else {
            std::fs::copy(entry.path(), target).map(drop)?
        }
    }
    Ok(())
}
