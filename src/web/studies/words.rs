//! Amounts and times as people read them. Pure.

use chrono::{DateTime, Duration, Utc};
use kernel::money::Cents;

/// An amount or a number of things, also behind the references that templates hand over.
pub trait Figure {
    /// Cents, or how many.
    fn figure(&self) -> i64;
}

impl Figure for Cents {
    fn figure(&self) -> i64 {
        self.0
    }
}

impl Figure for i64 {
    fn figure(&self) -> i64 {
        *self
    }
}

impl Figure for i32 {
    fn figure(&self) -> i64 {
        (*self).into()
    }
}

impl Figure for usize {
    fn figure(&self) -> i64 {
        i64::try_from(*self).unwrap_or(i64::MAX)
    }
}

impl<T: Figure> Figure for &T {
    fn figure(&self) -> i64 {
        (*self).figure()
    }
}

/// `$1.50`, `−$0.30`.
pub fn money(amount: impl Figure) -> String {
    let amount = Cents(amount.figure());
    let sign = if amount.0 < 0 { "−" } else { "" };
    format!("{sign}${}", Cents(amount.0.saturating_abs()))
}

/// A length of time in its two largest units: `1 hour 30 minutes`, `2 days`.
pub fn span(seconds: impl Figure) -> String {
    const UNITS: [(i64, &str); 4] = [(86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")];
    let mut rest = seconds.figure().max(0);
    let mut parts = Vec::new();
    for (size, name) in UNITS {
        let count = rest / size;
        rest %= size;
        if count > 0 {
            parts.push(format!("{count} {name}{}", if count == 1 { "" } else { "s" }));
        } else if !parts.is_empty() {
            break;
        }
        if parts.len() == 2 {
            break;
        }
    }
    if parts.is_empty() { "no time".into() } else { parts.join(" ") }
}

/// How long something has been or will be, roughly: `4 min ago`, `in 3 days`.
pub fn away(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let past = at <= now;
    let text = roughly(if past { now - at } else { at - now });
    match text {
        None => "now".into(),
        Some(text) if past => format!("{text} ago"),
        Some(text) => format!("in {text}"),
    }
}

fn roughly(length: Duration) -> Option<String> {
    let plural = |count: i64, unit: &str| format!("{count} {unit}{}", if count == 1 { "" } else { "s" });
    match length.num_minutes() {
        0 if length.num_seconds() < 30 => None,
        0 => Some("1 min".into()),
        minutes @ 1..60 => Some(format!("{minutes} min")),
        minutes @ 60..2880 => Some(plural(minutes / 60, "hour")),
        minutes => Some(plural(minutes / 1440, "day")),
    }
}

/// `1 place`, `12 places`.
pub fn count(number: impl Figure, one: &str, many: &str) -> String {
    let number = number.figure();
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_has_its_sign_in_front() {
        let said = [150, 5, 0, -30].map(|cents| money(Cents(cents)));
        assert_eq!(said, ["$1.50", "$0.05", "$0.00", "−$0.30"]);
    }

    #[test]
    fn spans_show_their_two_largest_units() {
        for (seconds, words) in [
            (0, "no time"),
            (45, "45 seconds"),
            (3600, "1 hour"),
            (5400, "1 hour 30 minutes"),
            (86_460, "1 day"),
            (604_800, "7 days"),
            (90_000, "1 day 1 hour"),
        ] {
            assert_eq!(span(seconds), words);
        }
    }

    #[test]
    fn times_are_told_from_now() {
        let now = DateTime::UNIX_EPOCH + Duration::days(100);
        for (step, words) in [
            (Duration::seconds(-5), "now"),
            (Duration::seconds(-40), "1 min ago"),
            (Duration::minutes(-90), "1 hour ago"),
            (Duration::hours(-5), "5 hours ago"),
            (Duration::days(3), "in 3 days"),
            (Duration::minutes(59), "in 59 min"),
        ] {
            assert_eq!(away(now + step, now), words);
        }
    }
}
