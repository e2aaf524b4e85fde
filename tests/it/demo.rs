//! `otree-hr demo --bots` from an empty folder: a private database, a real oTree, twelve people paid.

use std::process::{Command, Output};

#[test]
fn the_demo_pays_twelve_simulated_workers_and_a_second_run_twelve_more() {
    let data = tempfile::Builder::new().prefix("hr").tempdir_in("/tmp").unwrap();
    // The database server runs as another user when we are root.
    open_to_all(data.path());
    for run in ["first", "second"] {
        let output = demo(data.path());
        let told = String::from_utf8_lossy(&output.stdout);
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{run} run: {}\n{told}\n{log}", output.status);
        assert!(told.contains("12 of 12 places paid"), "{told}");
        assert_eq!(told.lines().filter(|line| line.ends_with("  paid")).count(), 12, "{told}");
    }
    assert_nothing_is_left(data.path());
}

fn demo(data: &std::path::Path) -> Output {
    let otree = std::env::var_os("OTREE6_BIN").expect("OTREE6_BIN must name an otree program");
    Command::new(env!("CARGO_BIN_EXE_otree-hr"))
        .args(["demo", "--bots", "--otree-bin"])
        .arg(otree)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("OTREE_HR_DATA", data)
        .env_remove("DATABASE_URL")
        .env_remove("SECRET_KEY")
        .output()
        .unwrap()
}

fn open_to_all(folder: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// No server of the demo outlives it: each has the folder in its command line or is Postgres' lock file's.
fn assert_nothing_is_left(data: &std::path::Path) {
    assert!(!data.join("postgres/data/postmaster.pid").exists(), "the private database still runs");
    let state = std::fs::read_to_string(data.join("demo.json")).unwrap();
    let state: serde_json::Value = serde_json::from_str(&state).unwrap();
    for port in ["port", "market_port", "otree_port"] {
        let port = u16::try_from(state[port].as_u64().unwrap()).unwrap();
        assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err(), "port {port} still answers");
    }
}
