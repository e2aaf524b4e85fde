//! `otree-hr market` as its own program, driven by the scripts that the README shows, word for word.

use std::fs::File;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use kernel::clock::TestClock;
use kernel::testing::ProcessGroup;
use otree_hr::app::App;

use crate::support::lab::{self, database};

/// The address in the README's scripts; the test serves elsewhere.
const SHOWN: &str = "localhost:8000";

#[test]
fn the_readmes_scripts_work_against_a_marketplace_with_a_database_of_its_own() {
    let data = folder();
    let port = kernel::testing::free_port();
    let (ended, told, log) = run_shown_script(data.path(), port);
    assert!(ended.is_some_and(|status| status.success()), "{ended:?}\n{told}\n{log}");
    for expected in ["\"AvailableBalance\": \"10000.00\"", " Assignable 9989.20 dollars left\n"] {
        assert!(told.contains(expected), "{expected} is missing:\n{told}\n{log}");
    }
    assert!(data.path().join("market/postgres").is_dir(), "its database is in a folder of its own");
    assert!(
        !data.path().join("market/postgres/data/postmaster.pid").exists(),
        "the private database still runs"
    );
}

#[tokio::test]
async fn a_named_database_gets_the_marketplaces_tables_only() {
    let (data, port) = (folder(), kernel::testing::free_port());
    let url = kernel::testing::database_url(&[]).await;
    let with_database = |command: &mut Command| {
        command.env("MARKET_DATABASE_URL", &url).env("DATABASE_URL", "postgres://nobody@localhost:1/none");
    };
    let mut without_secret = market(data.path(), port);
    with_database(&mut without_secret);
    let refused = without_secret.output().unwrap();
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("SECRET_KEY"), "{refused:?}");

    let mut command = market(data.path(), port);
    with_database(&mut command);
    command.env("SECRET_KEY", "x".repeat(40));
    let keys = command.args(["--requester", "A lab", "--balance", "12.50"]).output().unwrap();
    let keys = String::from_utf8(keys.stdout).unwrap();
    assert!(keys.starts_with("AWS_ACCESS_KEY_ID=AKIA"), "{keys}");

    let pool = kernel::db::connect(&url, 1).await.unwrap();
    let elsewhere: Vec<String> = sqlx::query_scalar(
        "select table_name::text from information_schema.tables
          where table_schema not in ('market', 'pg_catalog', 'information_schema') and table_name not like '%migrations'",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert_eq!(elsewhere, Vec::<String>::new());
    let balance: i64 =
        sqlx::query_scalar("select available from market.requester").fetch_one(&pool).await.unwrap();
    assert_eq!(balance, 1250);
}

#[tokio::test]
async fn the_operator_pays_into_accounts_and_lists_them() {
    let (data, port) = (folder(), kernel::testing::free_port());
    let url = kernel::testing::database_url(&[]).await;
    let run = |args: &[&str]| {
        let mut command = market(data.path(), port);
        command.env("MARKET_DATABASE_URL", &url).env("SECRET_KEY", "x".repeat(40));
        let output = command.args(args).output().unwrap();
        let told = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        (output.status.success(), told[0].clone(), told[1].clone())
    };
    let (_, keys, _) = run(&["--requester", "A lab", "--live"]);
    let key = keys.lines().next().unwrap().strip_prefix("AWS_ACCESS_KEY_ID=").unwrap().to_owned();
    run(&["--requester", "Another\nlab"]);
    let list = || {
        let lines = run(&["--requesters"]).1;
        let lines: Vec<Vec<String>> =
            lines.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect();
        lines
    };
    let (of_lab, other) = (list()[1].clone(), list()[2].clone());
    assert_eq!(of_lab[1..], [&key, "0.00", "0.00", "live", "A lab"]);
    assert_eq!(other[2..], ["10000.00", "0.00", "rehearsal", "Another lab"]);

    assert_eq!(run(&["--deposit", "12.50", "--to", &key]).1, "12.50 available, 0.00 on hold\n");
    assert_eq!(run(&["--deposit", "0.01", "--to", &of_lab[0]]).1, "12.51 available, 0.00 on hold\n");
    for (args, why) in [
        (vec!["--deposit", "5", "--to", "AKIANOBODY"], "AKIANOBODY"),
        (vec!["--deposit", "0", "--to", &key], "a cent"),
        (vec!["--deposit", "5"], "--to"),
    ] {
        let (worked, _, told) = run(&args);
        assert!(!worked && told.contains(why), "{args:?}: {told}");
    }
    assert_eq!((&list()[1][2], &list()[2][2]), (&"12.51".to_owned(), &"10000.00".to_owned()));
}

#[tokio::test]
async fn the_marketplace_inside_the_site_has_the_operators_settings() {
    let pool = database().await;
    let open = |name: &'static str, text: &str| {
        let mut config = lab::config("http://localhost:8000/market".parse().unwrap());
        config.market_words.insert(name, text.into());
        App::new(config, pool.clone(), TestClock::starting_now())
    };
    let app = open("MARKET_FEES", "base=0, minimum=0").unwrap();
    assert_eq!((app.market.settings().fees.base, app.market.settings().fees.minimum), (0, 0));
    let app = open("MARKET_QUIRKS", "reuse_assignment_ids").unwrap();
    assert!(app.market.settings().quirks.reuse_assignment_ids);
    let refused = open("MARKET_QUIRKS", "empty_lst_page").err().unwrap();
    assert!(refused.to_string().contains("MARKET_QUIRKS"), "{refused}");
}

#[test]
fn a_setting_that_cannot_be_used_is_named() {
    let data = folder();
    for (name, value) in [
        ("MARKET_QUIRKS", "empty_lst_page"),
        ("MARKET_FEES", "base=-1"),
        ("MARKET_APPROVAL_RATE", "counts_from"),
        ("MARKET_ROUNDING", "sideways"),
        ("MARKET_LISTEN", "8000"),
    ] {
        let output = market(data.path(), kernel::testing::free_port()).env(name, value).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && told.contains(name), "{name}={value}: {told}");
    }
}

fn folder() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt;
    let data = tempfile::Builder::new().prefix("hr").tempdir_in("/tmp").unwrap();
    // The database server runs as another user when we are root.
    std::fs::set_permissions(data.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    data
}

/// The program, with nothing of our own settings.
fn market(data: &Path, port: u16) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_otree-hr"));
    clean(&mut command, data, port);
    command.arg("market");
    command
}

fn clean(command: &mut Command, data: &Path, port: u16) {
    for name in ["DATABASE_URL", "MARKET_DATABASE_URL", "SECRET_KEY", "LISTEN", "MARKET_URL", "PUBLIC_URL"] {
        command.env_remove(name);
    }
    command.env("OTREE_HR_DATA", data).env("MARKET_LISTEN", format!("127.0.0.1:{port}")).stdin(Stdio::null());
}

/// Runs the README's shell script, which runs its Python script, beside each other as a reader would.
fn run_shown_script(data: &Path, port: u16) -> (Option<ExitStatus>, String, String) {
    let shown = shown_scripts().map(|script| script.replace(SHOWN, &format!("localhost:{port}")));
    let [shell, python] = shown;
    std::fs::write(data.join("publish.py"), python).unwrap();
    let tools = tempfile::tempdir_in(data).unwrap();
    let boto = std::env::var("BOTO3_PYTHON").expect("BOTO3_PYTHON: a Python that has boto3, see ./dev test");
    let boto = Path::new(&boto).parent().unwrap().to_owned();
    let program = Path::new(env!("CARGO_BIN_EXE_otree-hr"));
    std::os::unix::fs::symlink(program, tools.path().join("otree-hr")).unwrap();
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{}:{path}", tools.path().display(), boto.display());
    let mut command = Command::new("bash");
    clean(&mut command, data, port);
    command.arg("-euc").arg(shell).env("PATH", path).current_dir(data);
    command.env("HOME", data).env("AWS_EC2_METADATA_DISABLED", "true");
    let (told, log) = (data.join("told"), data.join("log"));
    command.stdout(File::create(&told).unwrap()).stderr(File::create(&log).unwrap());
    let mut script = ProcessGroup::spawn(&mut command).unwrap();
    let deadline = Instant::now() + Duration::from_secs(90);
    while script.ended().is_none() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(50));
    }
    let read = |path| std::fs::read_to_string(path).unwrap();
    (script.ended(), read(told), read(log))
}

/// The first shell and the first Python script of the README's section.
fn shown_scripts() -> [String; 2] {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let (_, section) = readme.split_once("### The marketplace alone").expect("the README has the section");
    let script = |language: &str| {
        let (_, script) =
            section.split_once(&format!("```{language}\n")).expect("the section has the script");
        script.split_once("\n```").expect("the script ends").0.to_owned()
    };
    [script("bash"), script("python")]
}
