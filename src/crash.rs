//! Named points at which a test may end or stop the process, to prove that the next run completes the work.

use std::process::{Command, Stdio};

/// Ends the process at once, as a crash would, when the environment's `CRASH_AT` names this point. The file that
/// `CRASH_FILE` names tells a running process the same; with `stop` before the name it is stopped there, as by a
/// machine that sleeps, until somebody continues it. Release builds have no such points.
pub fn point(name: &str) {
    if !cfg!(debug_assertions) {
        return;
    }
    let told = told();
    if told == name || std::env::var_os("CRASH_AT").is_some_and(|wanted| wanted == name) {
        tracing::error!("crash point {name} reached");
        std::process::abort();
    }
    if told.strip_prefix("stop ") == Some(name) {
        // Said by the shell and afterwards: whoever reads it may continue us at once.
        let stop = ["-c", "kill -s STOP \"$PPID\"; echo \"stopped at $1\" >&2", "sh", name];
        let _ = Command::new("sh").args(stop).stdin(Stdio::null()).status();
    }
}

/// What the file says; empty when there is none.
fn told() -> String {
    let file = std::env::var_os("CRASH_FILE");
    file.and_then(|file| std::fs::read_to_string(file).ok()).unwrap_or_default()
}
