//! Time as an argument: production reads the machine, tests turn a [`TestClock`].

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Duration, Utc};

/// Says what time it is, in UTC.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// The present moment, UTC.
    fn now(&self) -> DateTime<Utc>;

    /// How many of this clock's seconds pass in one of the machine's: whoever sleeps divides by it.
    fn pace(&self) -> f64 {
        1.0
    }
}

/// A clock that many parts share.
pub type SharedClock = Arc<dyn Clock>;

/// The machine's own clock, cut to the microseconds that Postgres keeps.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now(&self) -> DateTime<Utc> {
        micros(Utc::now())
    }
}

/// The clock of a program: the machine's, or in debug builds the file's that `OTREE_HR_CLOCK` names.
pub fn of_this_process() -> SharedClock {
    match std::env::var_os("OTREE_HR_CLOCK").filter(|_| cfg!(debug_assertions)) {
        Some(file) => Arc::new(FileClock(file.into())),
        None => Arc::new(SystemClock),
    }
}

/// A clock that a file turns while programs run, for tests of the real program: several processes see the same
/// time, which can run fast and jump. The file is read at every look.
#[derive(Debug, Clone)]
pub struct FileClock(PathBuf);

/// At machine time `real` it was `shown` on the clock, both in microseconds since 1970; `pace` of its seconds
/// pass in one of the machine's.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Turned {
    real: i64,
    shown: i64,
    pace: f64,
}

impl FileClock {
    /// Makes the file: from `now` on the clock runs at `pace`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn create(file: &Path, now: DateTime<Utc>, pace: f64) -> std::io::Result<Self> {
        let clock = Self(file.to_owned());
        clock.write(Turned {
            real: SystemClock.now().timestamp_micros(),
            shown: now.timestamp_micros(),
            pace,
        })?;
        Ok(clock)
    }

    /// Puts it forward by `step` (back when negative).
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn advance(&self, step: Duration) -> std::io::Result<()> {
        let turned = self.read();
        let step = step.num_microseconds().unwrap_or_default();
        self.write(Turned { shown: turned.shown + step, ..turned })
    }

    /// What the file says; the machine's time when there is none.
    fn read(&self) -> Turned {
        let text = std::fs::read_to_string(&self.0).unwrap_or_default();
        let mut words = text.split_whitespace();
        let read = (|| {
            let real = words.next()?.parse().ok()?;
            let shown = words.next()?.parse().ok()?;
            Some(Turned { real, shown, pace: words.next()?.parse().ok()? })
        })();
        read.unwrap_or(Turned { real: 0, shown: 0, pace: 1.0 })
    }

    /// In one motion, so that nobody reads half a file.
    fn write(&self, Turned { real, shown, pace }: Turned) -> std::io::Result<()> {
        let fresh = self.0.with_extension("fresh");
        std::fs::write(&fresh, format!("{real} {shown} {pace}\n"))?;
        std::fs::rename(fresh, &self.0)
    }
}

impl Clock for FileClock {
    fn now(&self) -> DateTime<Utc> {
        let Turned { real, shown, pace } = self.read();
        let elapsed = (SystemClock.now().timestamp_micros() - real) as f64 * pace;
        DateTime::from_timestamp_micros(shown + elapsed as i64).unwrap_or_default()
    }

    fn pace(&self) -> f64 {
        self.read().pace
    }
}

/// A clock that stands still until somebody moves it.
#[derive(Debug)]
pub struct TestClock(Mutex<DateTime<Utc>>);

impl TestClock {
    /// A clock that stands at `now`.
    pub fn at(now: DateTime<Utc>) -> Arc<Self> {
        Arc::new(Self(Mutex::new(micros(now))))
    }

    /// A clock that starts at the present moment and then stands still.
    pub fn starting_now() -> Arc<Self> {
        Self::at(SystemClock.now())
    }

    /// Moves the clock by `step` (backwards when negative).
    pub fn advance(&self, step: Duration) {
        let mut now = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        *now += step;
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

fn micros(t: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(t.timestamp_micros()).unwrap_or(t)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_clock_moves_only_when_told() {
        let clock = TestClock::starting_now();
        let before = clock.now();
        assert_eq!(clock.now(), before);
        clock.advance(Duration::hours(25));
        assert_eq!(clock.now() - before, Duration::hours(25));
    }

    #[test]
    fn a_file_turns_the_clock_of_all_who_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("clock");
        let start = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let clock = FileClock::create(&file, start, 1000.0).unwrap();
        let other = FileClock(file);
        std::thread::sleep(std::time::Duration::from_millis(5));
        assert!(other.now() - start >= Duration::seconds(5));
        assert_eq!(other.pace(), 1000.0);
        clock.advance(Duration::days(3)).unwrap();
        assert!(other.now() - start >= Duration::days(3));
    }

    #[test]
    fn without_its_file_the_clock_shows_the_machines_time() {
        let clock = FileClock("/nowhere/clock".into());
        assert!((clock.now() - SystemClock.now()).abs() < Duration::seconds(5));
    }
}
