//! What the rules say of one person, in words. Pure.

use chrono::{DateTime, Utc};

use crate::review::verdicts::{Outcome, State, Stored};
use crate::web::studies::words::away;

/// A line of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByRule {
    pub tone: &'static str,
    pub words: String,
    /// Whether there is an approval to be stopped.
    pub may_stop: bool,
}

/// The words; nothing once it was ordered.
pub fn words(stored: &Stored, now: DateTime<Utc>) -> Option<ByRule> {
    let line = |tone, words: String| Some(ByRule { tone, words, may_stop: false });
    let reasons = stored.reasons.join("; ");
    match (stored.state, stored.outcome, stored.due_at) {
        (State::Done, _, _) => None,
        (State::Stopped, _, _) => line("warn", "the approval by rule was stopped".into()),
        (_, Outcome::Review, _) => line("warn", format!("needs your look: {reasons}")),
        (_, Outcome::Wait, _) => line("still", reasons),
        (_, Outcome::Approve, due) => {
            let due = due.unwrap_or(now);
            let words = match &stored.problem {
                Some(why) => format!("could not be approved by rule: {why} Tried again {}.", away(due, now)),
                None => format!("will be approved at {} UTC, {}", due.format("%H:%M"), away(due, now)),
            };
            Some(ByRule {
                tone: if stored.problem.is_some() { "bad" } else { "note" },
                words,
                may_stop: true,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::participation::ParticipationId;

    fn stored(state: State, outcome: Outcome) -> Stored {
        Stored {
            participation_id: ParticipationId::new(),
            outcome,
            state,
            reasons: vec!["took 3 s".into(), "no code".into()],
            feedback: String::new(),
            version: 1,
            first_at: DateTime::UNIX_EPOCH,
            due_at: Some(DateTime::UNIX_EPOCH + TimeDelta::minutes(65)),
            problem: None,
        }
    }

    #[test]
    fn each_verdict_has_its_words() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::minutes(5);
        let said = |stored: &Stored| words(stored, now).map(|said| (said.tone, said.words, said.may_stop));
        assert_eq!(said(&stored(State::Done, Outcome::Approve)), None);
        assert_eq!(
            said(&stored(State::Standing, Outcome::Approve)),
            Some(("note", "will be approved at 01:05 UTC, in 1 hour".into(), true))
        );
        let held = Stored { problem: Some("No budget.".into()), ..stored(State::Standing, Outcome::Approve) };
        assert_eq!(
            said(&held),
            Some(("bad", "could not be approved by rule: No budget. Tried again in 1 hour.".into(), true))
        );
        assert_eq!(
            said(&stored(State::Standing, Outcome::Review)),
            Some(("warn", "needs your look: took 3 s; no code".into(), false))
        );
        assert_eq!(
            said(&stored(State::Standing, Outcome::Wait)),
            Some(("still", "took 3 s; no code".into(), false))
        );
        let stopped = said(&stored(State::Stopped, Outcome::Approve)).unwrap();
        assert_eq!((stopped.0, stopped.2), ("warn", false));
    }
}
