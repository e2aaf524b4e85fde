//! Moments in words.

use chrono::{DateTime, Utc};

/// A moment as people read it, in UTC: `21 Nov 2026, 06:03 UTC`.
pub fn utc(then: DateTime<Utc>) -> String {
    then.format("%-d %b %Y, %H:%M UTC").to_string()
}

/// How long ago a moment was, roughly: `2 minutes ago`.
pub fn ago(now: DateTime<Utc>, then: DateTime<Utc>) -> String {
    let seconds = (now - then).num_seconds().max(0);
    let (count, unit) = match seconds {
        0..60 => return "just now".to_owned(),
        60..3_600 => (seconds / 60, "minute"),
        3_600..86_400 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{} ago", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::*;

    #[test]
    fn a_moment_is_told_roughly_and_exactly() {
        let now = DateTime::from_timestamp(1_795_241_000, 0).unwrap();
        for (seconds, words) in [
            (-5, "just now"),
            (59, "just now"),
            (60, "1 minute ago"),
            (3_599, "59 minutes ago"),
            (7_200, "2 hours ago"),
            (86_400, "1 day ago"),
            (864_000, "10 days ago"),
        ] {
            assert_eq!(ago(now, now - Duration::seconds(seconds)), words);
        }
        assert_eq!(utc(now), "21 Nov 2026, 06:03 UTC");
    }
}
