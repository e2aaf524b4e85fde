//! How durations, times and states read on a page.

use chrono::{DateTime, Utc};

use crate::engine::assignments::AssignmentState;

/// `90` seconds read `1 minute 30 seconds`; at most the two largest units.
pub fn duration(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let units = [
        (seconds / 86_400, "day"),
        (seconds / 3600 % 24, "hour"),
        (seconds / 60 % 60, "minute"),
        (seconds % 60, "second"),
    ];
    let mut parts = units.iter().skip_while(|(count, _)| *count == 0).take(2).filter(|(count, _)| *count > 0);
    match (parts.next(), parts.next()) {
        (Some(first), Some(second)) => format!("{} {}", counted(first), counted(second)),
        (Some(only), None) => counted(only),
        _ => "0 seconds".into(),
    }
}

fn counted((count, unit): &(i64, &str)) -> String {
    plural(*count, unit)
}

/// `1 HIT`, `2 HITs`.
pub fn plural(count: i64, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

/// `21 Nov 2026, 14:05 UTC`.
pub fn time(moment: &DateTime<Utc>) -> String {
    moment.format("%-d %b %Y, %H:%M UTC").to_string()
}

/// What it means to return a HIT: whether it lowers the approval rate, and whether the worker may take it again.
pub fn returning(counts: bool, is_final: bool) -> &'static str {
    match (counts, is_final) {
        (false, false) => {
            "Somebody else gets the place. You are not paid for it, and it does not count against you."
        }
        (true, false) => {
            "Somebody else gets the place. You are not paid for it, and your approval rate goes down."
        }
        (false, true) => {
            "Somebody else gets the place, and you cannot take it again. You are not paid for it, and it does not count \
             against you."
        }
        (true, true) => {
            "Somebody else gets the place, and you cannot take it again. You are not paid for it, and your approval \
             rate goes down."
        }
    }
}

/// The state as the worker is told.
pub fn state(state: AssignmentState) -> &'static str {
    match state {
        AssignmentState::Accepted => "In progress",
        AssignmentState::Returned => "Returned",
        AssignmentState::Abandoned => "Out of time",
        AssignmentState::Submitted => "Waiting for review",
        AssignmentState::Approved => "Approved",
        AssignmentState::Rejected => "Rejected",
    }
}

/// The state in one word, for style sheets and programs.
pub fn state_key(state: AssignmentState) -> &'static str {
    match state {
        AssignmentState::Accepted => "accepted",
        AssignmentState::Returned => "returned",
        AssignmentState::Abandoned => "abandoned",
        AssignmentState::Submitted => "submitted",
        AssignmentState::Approved => "approved",
        AssignmentState::Rejected => "rejected",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_say_them() {
        for (seconds, words) in [
            (0, "0 seconds"),
            (-5, "0 seconds"),
            (1, "1 second"),
            (90, "1 minute 30 seconds"),
            (1800, "30 minutes"),
            (3600, "1 hour"),
            (5400, "1 hour 30 minutes"),
            (86_400 * 3 + 60, "3 days"),
            (86_400 * 3 + 7200 + 59, "3 days 2 hours"),
        ] {
            assert_eq!(duration(seconds), words);
        }
    }

    #[test]
    fn times_say_that_they_are_utc() {
        assert_eq!(time(&DateTime::from_timestamp(1_795_219_395, 0).unwrap()), "21 Nov 2026, 00:03 UTC");
    }
}
