//! What a study's rules say of one person. Pure.
//!
//! One thing against approval is enough for a person to look; all of them are told. What oTree has not told
//! yet is waited for, but not for ever. Nothing here rejects anybody.

use kernel::money::Cents;
use serde_json::{Map, Value};

use super::agreement::Standing;
use super::values;
use crate::review::code::CodeCheck;
use crate::review::rules::{Agreement, Condition, RuleSet, Source};

/// So long a rule waits for what oTree should tell any moment, in seconds.
pub const PATIENCE_S: i64 = 15 * 60;

/// What oTree told since the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told<'a> {
    /// Everything that it shows.
    Everything,
    /// Nothing since the end; it is being asked.
    NotYet,
    /// Nothing, and it never will, for this reason.
    Never(&'a str),
}

/// What is known of one person who has handed in.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// Whether oTree shows the end of the experiment.
    pub finished: bool,
    /// From opening oTree to the end, in seconds.
    pub seconds: Option<i64>,
    pub code: &'a CodeCheck,
    pub payoff: Option<Cents>,
    /// The bonus that the payoff means, or why none.
    pub bonus: Result<Cents, String>,
    pub told: Told<'a>,
    /// What oTree told of the variables asked for: null is not set, absent was not asked for yet.
    pub participant: &'a Map<String, Value>,
    pub session: &'a Map<String, Value>,
    /// Where they stand among those of the same item.
    pub standing: Option<&'a Standing>,
    /// Whether somebody may still come or is still at work in the study.
    pub more_may_come: bool,
    /// The worker's quality score; `None` when the lab keeps none.
    pub score: Option<i32>,
    /// Whether they are being paid for this work another way, or were.
    pub compensated: bool,
    /// How long the rules have looked at this person, in seconds.
    pub waited_s: i64,
}

/// What the rules say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing is against it.
    Approve,
    /// A person must look: why, and what could be written to the worker.
    Review { reasons: Vec<String>, feedback: String },
    /// Not decided yet, for these reasons.
    Wait(Vec<String>),
}

/// What the rules say of this person.
pub fn judge(rules: &RuleSet, facts: &Facts<'_>) -> Verdict {
    let mut found = Found::default();
    if rules.is_empty() {
        found.against("no rule is set");
    }
    finished(&mut found, rules, facts);
    time(&mut found, rules, facts);
    if rules.code && *facts.code != CodeCheck::Matches {
        found.against(code(facts.code));
    }
    if rules.asks_otree() {
        otree(&mut found, rules, facts);
    }
    score(&mut found, rules, facts);
    if facts.compensated {
        found.against("is being compensated for this work, or was");
    }
    found.verdict()
}

#[derive(Default)]
struct Found {
    against: Vec<String>,
    waits: Vec<String>,
    feedback: String,
}

impl Found {
    fn against(&mut self, words: impl Into<String>) {
        self.against.push(words.into());
    }

    fn waits(&mut self, words: impl Into<String>) {
        self.waits.push(words.into());
    }

    /// Waits while there is patience; then it is something to look at.
    fn waits_a_while(&mut self, facts: &Facts<'_>, waiting: &str, at_last: &str) {
        match facts.waited_s < PATIENCE_S {
            true => self.waits(waiting),
            false => self.against(at_last),
        }
    }

    fn verdict(self) -> Verdict {
        match (self.against.is_empty(), self.waits.is_empty()) {
            (false, _) => Verdict::Review { reasons: self.against, feedback: self.feedback },
            (true, false) => Verdict::Wait(self.waits),
            (true, true) => Verdict::Approve,
        }
    }
}

fn finished(found: &mut Found, rules: &RuleSet, facts: &Facts<'_>) {
    if rules.finished && !facts.finished {
        found.waits_a_while(
            facts,
            "waiting for oTree to show the end of the experiment",
            "oTree does not show the end of the experiment",
        );
    }
}

fn time(found: &mut Found, rules: &RuleSet, facts: &Facts<'_>) {
    if rules.least_s.is_none() && rules.most_s.is_none() {
        return;
    }
    let Some(seconds) = facts.seconds else {
        return found.against("it is not known how long it took");
    };
    if let Some(least) = rules.least_s.filter(|least| seconds < i64::from(*least)) {
        found.against(format!("took {}, less than {}", minutes(seconds), minutes(least.into())));
    }
    if let Some(most) = rules.most_s.filter(|most| seconds > i64::from(*most)) {
        found.against(format!("took {}, more than {}", minutes(seconds), minutes(most.into())));
    }
}

fn minutes(seconds: i64) -> String {
    match (seconds / 60, seconds % 60) {
        (0, seconds) => format!("{seconds} s"),
        (minutes, 0) => format!("{minutes} min"),
        (minutes, seconds) => format!("{minutes} min {seconds} s"),
    }
}

fn code(check: &CodeCheck) -> String {
    match check {
        CodeCheck::NotAsked => "no completion code was asked for".into(),
        other => other.to_string(),
    }
}

fn otree(found: &mut Found, rules: &RuleSet, facts: &Facts<'_>) {
    match facts.told {
        Told::Everything => {}
        Told::Never(why) => return found.against(why),
        Told::NotYet => {
            return found.waits_a_while(
                facts,
                "waiting for what oTree tells of this person",
                "oTree has told nothing of this person since the end",
            );
        }
    }
    for rule in &rules.conditions {
        condition(found, rule, facts);
    }
    if let Some(rule) = &rules.agreement {
        agreement(found, rule, facts);
    }
    if let Some(why) = facts.bonus.as_ref().err().filter(|_| rules.pays_payoff) {
        found.against(format!("the bonus: {why}"));
    }
}

fn condition(found: &mut Found, rule: &Condition, facts: &Facts<'_>) {
    let passes = match rule.source {
        Source::Payoff => values::amount_passes(rule.test, facts.payoff, &rule.value),
        Source::Participant | Source::Session => {
            let vars = if rule.source == Source::Session { facts.session } else { facts.participant };
            match vars.get(&rule.name) {
                None => return not_asked(found, facts, &rule.subject()),
                Some(value) => values::passes(rule.test, Some(value), &rule.value),
            }
        }
    };
    match passes {
        Ok(true) => {}
        Ok(false) => found.against(format!("{}: {}", expected(rule), actual(rule, facts))),
        Err(why) => found.against(format!("{}: {} {why}", expected(rule), rule.subject())),
    }
}

fn not_asked(found: &mut Found, facts: &Facts<'_>, subject: &str) {
    found.waits_a_while(
        facts,
        &format!("waiting for oTree to tell {subject}"),
        &format!("oTree does not tell {subject}"),
    );
}

fn expected(rule: &Condition) -> String {
    format!("“{}” does not hold", rule.words())
}

fn actual(rule: &Condition, facts: &Facts<'_>) -> String {
    let value = match rule.source {
        Source::Payoff => {
            return facts.payoff.map_or_else(|| "it is not known".into(), |p| format!("it is {p}"));
        }
        Source::Participant => facts.participant.get(&rule.name),
        Source::Session => facts.session.get(&rule.name),
    };
    match value.filter(|value| !value.is_null()) {
        Some(value) => format!("it is {}", values::shown(value)),
        None => "it is not set".into(),
    }
}

fn agreement(found: &mut Found, rule: &Agreement, facts: &Facts<'_>) {
    for name in [&rule.item, &rule.answer] {
        if !facts.participant.contains_key(name) {
            return not_asked(found, facts, &format!("participant.{name}"));
        }
    }
    match facts.standing {
        Some(Standing::With { .. }) => {}
        None | Some(Standing::NoItem) => {
            found.against(format!("participant.{}, which names the item, is not set", rule.item));
        }
        Some(Standing::Invalid(said)) => {
            found.against(format!("the answer {said} is not a valid one"));
            found.feedback.clone_from(&rule.feedback);
        }
        Some(Standing::Outside { said, settled, same, of }) => {
            found.against(format!("answered “{said}”, while {same} of {of} answered “{settled}”"));
            found.feedback.clone_from(&rule.feedback);
        }
        Some(Standing::Open { have }) if facts.more_may_come => {
            found.waits(format!("waiting for other answers to the same item: {have} of {}", rule.of));
        }
        Some(Standing::Open { have }) => {
            found
                .against(format!("only {have} of {} answered the same item, and nobody else comes", rule.of));
        }
        Some(Standing::Split { have }) => {
            found.against(format!("the {have} who answered the same item do not agree"));
        }
    }
}

fn score(found: &mut Found, rules: &RuleSet, facts: &Facts<'_>) {
    let Some(least) = rules.least_score else { return };
    match facts.score {
        Some(score) if score >= least => {}
        Some(score) => found.against(format!("the worker's quality score is {score}, below {least}")),
        None => found.against("the lab keeps no quality scores"),
    }
}

#[cfg(test)]
mod tests;
