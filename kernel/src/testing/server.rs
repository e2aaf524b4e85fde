//! The server that a test process uses.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;
use tokio::sync::OnceCell;

use crate::db::Cluster;
use crate::env;
use crate::process::ProcessGroup;

/// Nothing that a test writes must survive a crash of the machine.
const FAST: [&str; 3] = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"];

/// The private server of this process and what removes it; never dropped, so the process's end is what counts.
struct Throwaway {
    cluster: Cluster,
    _watchdog: ProcessGroup,
}

static THROWAWAY: OnceCell<Throwaway> = OnceCell::const_new();

/// How to reach the server's maintenance database.
#[expect(clippy::expect_used, reason = "a test without a server ends here")]
pub(super) async fn options() -> PgConnectOptions {
    let url = match env::text("TEST_DATABASE_URL").or_else(|| env::text("DATABASE_URL")) {
        Some(url) => url,
        None => THROWAWAY.get_or_init(throw_away).await.cluster.url("postgres"),
    };
    PgConnectOptions::from_str(&url).expect("the database address can be read").database("postgres")
}

#[expect(clippy::expect_used, reason = "a test without a server ends here")]
async fn throw_away() -> Throwaway {
    let folder = std::env::temp_dir().join(format!("otree-hr-{}", uuid::Uuid::new_v4().simple()));
    let cluster = Cluster::start_with(&folder, &FAST).await.expect("a private Postgres for the tests");
    let watchdog = watch(&folder).expect("a watchdog for the private Postgres");
    Throwaway { cluster, _watchdog: watchdog }
}

/// A shell that reads from us until we are gone, however we went, and then removes the server and its folder.
fn watch(folder: &Path) -> std::io::Result<ProcessGroup> {
    let pid = folder.join("data/postmaster.pid");
    let script = "cat >/dev/null; kill -s QUIT \"$(head -n 1 \"$1\")\"; \
                  while [ -e \"$1\" ]; do sleep 0.1; done; rm -rf \"$2\"";
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh"]).args([pid, PathBuf::from(folder)]);
    ProcessGroup::spawn(command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()))
}
