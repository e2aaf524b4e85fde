//! Named points at which a test may end the process, to prove that the next run completes the work.

/// Ends the process at once, as a crash would, when the environment's `CRASH_AT` names this point.
pub fn point(name: &str) {
    if std::env::var_os("CRASH_AT").is_some_and(|wanted| wanted == name) {
        tracing::error!("crash point {name} reached");
        std::process::abort();
    }
}
