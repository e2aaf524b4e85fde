//! A child process and everything it starts, ended as one.
//!
//! A program such as oTree starts further programs, and ending only the first leaves them behind. Each child
//! here leads a process group of its own: the terminal's Ctrl-C does not reach it, and a signal reaches all
//! of it.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A running child with its descendants; all of them are ended when this is dropped.
#[derive(Debug)]
pub struct ProcessGroup(Child);

impl ProcessGroup {
    /// Starts `command` as the leader of a new process group.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn spawn(command: &mut Command) -> io::Result<Self> {
        command.process_group(0).spawn().map(Self)
    }

    /// The leader's process id, which is also the group's.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// How the leader ended, or `None` while it runs.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().ok().flatten()
    }

    /// Sends a signal (`INT`, `TERM`, `KILL`) to the whole group.
    pub fn signal(&self, name: &str) {
        signal(&format!("-{}", self.id()), name);
    }

    /// Asks the group to end, waits up to `grace`, then kills what is left of it.
    pub fn stop(&mut self, grace: Duration) {
        self.signal("TERM");
        let deadline = Instant::now() + grace;
        while self.ended().is_none() && Instant::now() < deadline {
            sleep(Duration::from_millis(20));
        }
        self.signal("KILL");
        let _ = self.0.wait();
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        self.stop(Duration::from_secs(2));
    }
}

/// Signals one process, or with a leading minus a whole group; one that is gone already is no error.
///
/// The shell's own `kill` is used because small container images have no such program.
fn signal(target: &str, name: &str) {
    let _ = Command::new("sh")
        .args(["-c", "kill -s \"$1\" -- \"$2\"", "sh", name, target])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .status();
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};

    use super::*;

    fn exists(process: &str) -> bool {
        let probe = ["-c", "kill -0 \"$1\"", "sh", process];
        Command::new("sh").args(probe).stderr(Stdio::null()).status().unwrap().success()
    }

    /// A shell that starts a program, says its id and waits for it.
    fn family() -> (ProcessGroup, String) {
        let script = "sleep 600 & echo $!; wait";
        let mut group =
            ProcessGroup::spawn(Command::new("sh").args(["-c", script]).stdout(Stdio::piped())).unwrap();
        let mut line = String::new();
        BufReader::new(group.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        (group, line.trim().to_owned())
    }

    fn gone_soon(process: &str) -> bool {
        let deadline = Instant::now() + Duration::from_secs(5);
        while exists(process) && Instant::now() < deadline {
            sleep(Duration::from_millis(10));
        }
        !exists(process)
    }

    #[test]
    fn dropping_a_group_ends_the_grandchildren_too() {
        let (group, grandchild) = family();
        assert!(exists(&grandchild));
        drop(group);
        assert!(gone_soon(&grandchild));
    }

    #[test]
    fn a_group_that_ignores_the_request_is_killed() {
        let script = "trap '' TERM; echo ready; while :; do sleep 600; done";
        let mut group =
            ProcessGroup::spawn(Command::new("sh").args(["-c", script]).stdout(Stdio::piped())).unwrap();
        let mut line = String::new();
        BufReader::new(group.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        group.stop(Duration::from_millis(50));
        assert!(!group.ended().unwrap().success());
    }
}
