//! `otree-hr work` as a process of its own, which ends where it is told to.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use kernel::testing::ProcessGroup;
use otree_hr::studies::Study;
use sqlx::ConnectOptions;
use tempfile::TempDir;
use tokio::time::Instant;

use crate::support::books;
use crate::support::world::World;

/// How long anything may take on a busy machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// The signal of a process that ends itself.
pub(super) const ABORTED: i32 = 6;

/// `otree-hr work` on the world's database.
pub(super) struct Worker {
    pub(super) process: ProcessGroup,
    folder: TempDir,
}

impl Worker {
    pub(super) fn start(world: &World, crash_at: Option<&str>) -> Self {
        Self::with(world, crash_at, &[])
    }

    /// The same with more settings.
    pub(super) fn with(world: &World, crash_at: Option<&str>, settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_otree-hr"));
        let config = &world.app().config;
        let database = world.app().pool.connect_options().to_url_lossy();
        command
            .arg("work")
            .env("DATABASE_URL", database.as_str())
            .env("SECRET_KEY", "0123456789abcdef0123456789abcdef")
            .env("OTREE_HR_DATA", folder.path())
            .env("PUBLIC_URL", config.public_url.as_str())
            .env("MARKET_URL", config.market_url.as_str())
            .env("ALLOW_PRIVATE_NETWORKS", "127.0.0.0/8")
            .env_remove("CRASH_AT")
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stderr(log.try_clone().unwrap())
            .stdout(log);
        if let Some(point) = crash_at {
            command.env("CRASH_AT", point);
        }
        Self { process: ProcessGroup::spawn(&mut command).unwrap(), folder }
    }

    pub(super) async fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.process.ended() {
                return status;
            }
            assert!(Instant::now() < deadline, "the worker did not reach the point:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

/// A worker comes as far as the point and no further; what had happened until then is sound.
pub(super) async fn crash(world: &World, study: &Study, point: &str) {
    let mut worker = Worker::start(world, Some(point));
    let status = worker.ended().await;
    assert_eq!(status.signal(), Some(ABORTED), "{point}: {status}\n{}", worker.log());
    books::check(world, study).await;
    lapse(world).await;
}

/// Time passes until what dead processes held is free again.
pub(super) async fn lapse(world: &World) {
    let tables = [
        "study",
        "batch",
        "otree_session",
        "payment_order",
        "site",
        "compensation",
        "comparison",
        "mail",
        "score_telling",
    ];
    for table in tables {
        let sql = format!(
            "UPDATE {table} SET lease_until = now() - interval '1 second' WHERE lease_until IS NOT NULL"
        );
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&world.app().pool).await.unwrap();
    }
}

/// Another worker runs until the query says that all is done.
pub(super) async fn complete(world: &World, study: &Study, all_is_done: &'static str) {
    let worker = Worker::start(world, None);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let done: bool =
            sqlx::query_scalar(all_is_done).bind(study.id.0).fetch_one(&world.app().pool).await.unwrap();
        if done {
            break;
        }
        assert!(Instant::now() < deadline, "not completed:\n{}", worker.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    drop(worker);
    books::settled(world, study).await;
}
