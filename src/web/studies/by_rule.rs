//! What a study's rules need from somebody. Pure.

use chrono::{DateTime, Utc};

use super::attention::Attention;
use super::words;
use crate::review::verdicts::Tally;

/// What is to be stopped in time, looked at or mended. `unset` are variables that rules name and that nobody
/// has who finished.
pub fn attention(tally: &Tally, unset: &[String], now: DateTime<Utc>) -> Vec<Attention> {
    let mut list = Vec::new();
    let mut say = |tone, words: String, link, label| list.push(Attention { tone, words, link, label });
    for name in unset {
        let words = format!(
            "The review rules name participant.{name}, which is set for nobody who finished. Is it spelled as in \
             the experiment?"
        );
        say("warn", words, "/rules", "See the rules");
    }
    if tally.held > 0 {
        let people = words::count(tally.held, "approval by rule", "approvals by rule");
        say("bad", format!("{people} could not be ordered."), "/review?stage=review", "See why");
    }
    if tally.review > 0 {
        let people = words::count(tally.review, "submission needs", "submissions need");
        say("warn", format!("{people} your look: a rule does not hold."), "/review?stage=review", "Review");
    }
    if tally.approving > 0 {
        let people = words::count(tally.approving, "submission", "submissions");
        let first =
            tally.next_at.map(|at| format!(", the first {}", words::away(at, now))).unwrap_or_default();
        say("note", format!("{people} will be approved by your rules{first}."), "/rules", "See or stop");
    }
    list
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn rules_that_have_nothing_to_say_are_silent() {
        let waiting = Tally { waiting: 3, ..Tally::default() };
        assert_eq!(attention(&waiting, &[], DateTime::UNIX_EPOCH), []);
    }

    #[test]
    fn each_thing_is_said_once_the_pressing_first() {
        let now = DateTime::UNIX_EPOCH;
        let next_at = Some(now + TimeDelta::minutes(10));
        let tally = Tally { approving: 2, next_at, held: 1, review: 1, waiting: 0 };
        let list = attention(&tally, &["agee".into()], now);
        let said: Vec<(&str, &str)> = list.iter().map(|one| (one.tone, one.words.as_str())).collect();
        assert!(said[0].1.contains("participant.agee"), "{said:?}");
        assert_eq!(said[1], ("bad", "1 approval by rule could not be ordered."));
        assert_eq!(said[2], ("warn", "1 submission needs your look: a rule does not hold."));
        assert_eq!(said[3], ("note", "2 submissions will be approved by your rules, the first in 10 min."));
    }
}
