//! One process of the real program, which can be killed, stopped and told where to crash.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use kernel::testing::{ProcessGroup, free_port};
use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;
use tokio::time::Instant;
use url::Url;

use super::proxy::Proxy;

/// The key of every process of every rig.
pub const SECRET_KEY: &str = "0123456789abcdef0123456789abcdef";
/// How long a process may take to answer on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// So often a process is started that ends at once.
const STARTS: usize = 3;

/// What all processes of a rig share.
#[derive(Debug, Clone)]
pub struct Surroundings {
    pub server: PgConnectOptions,
    pub database: String,
    pub market: Url,
    pub clock: PathBuf,
    pub folder: PathBuf,
}

/// `otree-hr serve`: pages, door and background work.
pub struct Replica {
    pub base: Url,
    pub proxy: Proxy,
    name: String,
    around: Surroundings,
    process: Option<ProcessGroup>,
    /// Whether it stands still.
    pub stopped: bool,
    /// Whether it was asked to end.
    pub leaving: bool,
    /// What the log said when the last order was given.
    said: usize,
}

impl Replica {
    /// A process under way that answers.
    pub async fn start(name: &str, around: &Surroundings) -> Self {
        let proxy = Proxy::start(&around.server).await;
        let base = format!("http://127.0.0.1:{}", free_port()).parse().unwrap();
        let mut replica = Self {
            base,
            proxy,
            name: name.into(),
            around: around.clone(),
            process: None,
            stopped: false,
            leaving: false,
            said: 0,
        };
        replica.up().await;
        replica
    }

    /// Starts the process; it may take a while to answer.
    fn launch(&mut self) {
        self.told("");
        let around = &self.around;
        let log = std::fs::File::options().create(true).append(true).open(self.log_file()).unwrap();
        let database = self.proxy.options(&around.server, &around.database).to_url_lossy();
        let program = std::env::var("FAULTS_BINARY").unwrap_or(env!("CARGO_BIN_EXE_otree-hr").into());
        let mut command = Command::new(program);
        command
            .arg("serve")
            .env("DATABASE_URL", database.as_str())
            .env("DATABASE_CONNECTIONS", "6")
            .env("SECRET_KEY", SECRET_KEY)
            .env("OTREE_HR_DATA", &around.folder)
            .env("LISTEN", self.base.authority())
            .env("PUBLIC_URL", self.base.as_str())
            .env("MARKET_URL", around.market.as_str())
            .env("ALLOW_PRIVATE_NETWORKS", "127.0.0.0/8")
            .env("OTREE_HR_CLOCK", &around.clock)
            .env("CRASH_FILE", self.crash_file())
            .env("RUST_LOG", "warn")
            .env_remove("CRASH_AT")
            .stdin(Stdio::null())
            .stderr(log.try_clone().unwrap())
            .stdout(log);
        let process = ProcessGroup::spawn(&mut command).unwrap();
        std::fs::write(self.pid_file(), process.id().to_string()).unwrap();
        self.process = Some(process);
        (self.stopped, self.leaving) = (false, false);
    }

    /// Starts it as a supervisor does: on a very busy machine a process may give up while it starts.
    async fn up(&mut self) {
        for _ in 0..STARTS {
            self.launch();
            if self.answers().await {
                return;
            }
        }
        panic!("it does not start:\n{}", self.log());
    }

    /// Waits until it answers; false when it ended instead.
    pub async fn answers(&mut self) -> bool {
        let deadline = Instant::now() + PATIENCE;
        let health = self.base.join("/health").unwrap();
        while reqwest::get(health.clone()).await.is_err() {
            if !self.is_up() {
                return false;
            }
            assert!(Instant::now() < deadline, "{} does not answer:\n{}", self.name, self.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        true
    }

    /// Whether the process exists.
    pub fn is_up(&mut self) -> bool {
        self.process.as_mut().is_some_and(|process| process.ended().is_none())
    }

    /// Ends it without a word.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            // Before its number can be somebody else's.
            let _ = std::fs::remove_file(self.pid_file());
            process.signal("KILL");
            process.stop(Duration::ZERO);
        }
        self.stopped = false;
    }

    /// Asks it to end; it may finish what is under way.
    pub fn terminate(&mut self) {
        self.proceed();
        if let Some(process) = &self.process {
            process.signal("TERM");
            self.leaving = true;
        }
    }

    /// Lets it stand still, as a machine does that sleeps.
    pub fn freeze(&mut self) {
        if let Some(process) = &self.process {
            process.signal("STOP");
            self.stopped = true;
        }
    }

    /// Lets it go on.
    pub fn proceed(&mut self) {
        self.told("");
        if let Some(process) = &self.process {
            process.signal("CONT");
        }
        self.stopped = false;
    }

    /// Tells it to end at the next crash point of this name, or with `stop` before the name to stop there.
    pub fn told(&mut self, point: &str) {
        self.said = self.log().len();
        let fresh = self.crash_file().with_extension("fresh");
        std::fs::write(&fresh, point).unwrap();
        std::fs::rename(fresh, self.crash_file()).unwrap();
    }

    /// Waits until it has ended by itself.
    pub async fn ended(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while self.is_up() {
            assert!(Instant::now() < deadline, "{} goes on:\n{}", self.name, self.log());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let _ = std::fs::remove_file(self.pid_file());
        self.process = None;
    }

    /// Whether it stands still at the point it was told.
    pub fn stands_at(&mut self, point: &str) -> bool {
        let stands = self.log()[self.said..].contains(&format!("stopped at {point}"));
        self.stopped |= stands;
        stands
    }

    /// Waits until it stands still at the point it was told.
    pub async fn stands(&mut self, point: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.stands_at(point) {
            assert!(Instant::now() < deadline, "{} does not reach {point}:\n{}", self.name, self.log());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// A process is there again, on this database, whatever happened to the former one.
    pub async fn restart(&mut self, database: &str) {
        self.kill();
        self.around.database = database.into();
        self.up().await;
    }

    /// Everything it said so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    fn log_file(&self) -> PathBuf {
        self.around.folder.join(format!("{}.log", self.name))
    }

    fn pid_file(&self) -> PathBuf {
        self.around.folder.join(format!("{}.pid", self.name))
    }

    fn crash_file(&self) -> PathBuf {
        self.around.folder.join(format!("{}.crash", self.name))
    }
}

/// Whoever starts processes may be killed before it can end them: a shell reads from us until we are gone, however we
/// went, and then ends every process of the rig and removes its folder.
pub fn watch(folder: &Path) -> std::io::Result<ProcessGroup> {
    let script = "cat >/dev/null; for file in \"$1\"/*.pid; do
        kill -s KILL -- \"-$(cat \"$file\")\"; done; rm -rf \"$1\"";
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh"]).arg(folder);
    ProcessGroup::spawn(command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()))
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.kill();
    }
}
