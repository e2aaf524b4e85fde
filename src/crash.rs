//! Named points at which a test may end the process, to prove that the next run completes the work.

/// Ends the process at once, as a crash would, when the environment's `CRASH_AT` names this point.
/// Release builds have no such points.
pub fn point(name: &str) {
    if cfg!(debug_assertions) && std::env::var_os("CRASH_AT").is_some_and(|wanted| wanted == name) {
        tracing::error!("crash point {name} reached");
        std::process::abort();
    }
}
