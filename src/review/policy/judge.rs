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
mod tests {
    use serde_json::json;

    use super::*;
    use crate::review::rules::{Test, Valid};

    /// Somebody against whom nothing can be said.
    fn facts<'a>(vars: &'a Map<String, Value>, session: &'a Map<String, Value>) -> Facts<'a> {
        Facts {
            finished: true,
            seconds: Some(300),
            code: &CodeCheck::Matches,
            payoff: Some(Cents(70)),
            bonus: Ok(Cents(70)),
            told: Told::Everything,
            participant: vars,
            session,
            standing: None,
            more_may_come: true,
            score: Some(50),
            waited_s: 0,
        }
    }

    fn vars(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    fn rule(source: Source, name: &str, test: Test, value: &str) -> RuleSet {
        let condition = Condition { source, name: name.into(), test, value: value.into() };
        RuleSet { conditions: vec![condition], ..RuleSet::default() }
    }

    fn agree() -> RuleSet {
        let rule = Agreement {
            item: "picture".into(),
            answer: "label".into(),
            same: 2,
            of: 3,
            majority: false,
            valid: Valid::Any,
            feedback: "Most others saw something else.".into(),
        };
        RuleSet { agreement: Some(rule), ..RuleSet::default() }
    }

    fn finished_rule() -> RuleSet {
        RuleSet { finished: true, ..RuleSet::default() }
    }

    /// The only reason for which a person must look.
    fn reason(rules: &RuleSet, facts: &Facts<'_>) -> String {
        match judge(rules, facts) {
            Verdict::Review { reasons, .. } => {
                assert_eq!(reasons.len(), 1, "{reasons:?}");
                reasons.into_iter().next().unwrap()
            }
            other => panic!("{other:?}"),
        }
    }

    fn wait(rules: &RuleSet, facts: &Facts<'_>) -> String {
        match judge(rules, facts) {
            Verdict::Wait(reasons) => reasons.join("; "),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn no_rule_approves_nobody() {
        let none = Map::new();
        assert_eq!(reason(&RuleSet::default(), &facts(&none, &none)), "no rule is set");
    }

    #[test]
    fn the_end_is_waited_for_and_then_looked_at() {
        let none = Map::new();
        let there = facts(&none, &none);
        assert_eq!(judge(&finished_rule(), &there), Verdict::Approve);
        let not = Facts { finished: false, ..there };
        assert!(wait(&finished_rule(), &not).contains("waiting for oTree to show the end"));
        let at_the_edge = Facts { waited_s: PATIENCE_S - 1, ..not.clone() };
        assert!(matches!(judge(&finished_rule(), &at_the_edge), Verdict::Wait(_)));
        let too_long = Facts { waited_s: PATIENCE_S, ..not.clone() };
        assert_eq!(reason(&finished_rule(), &too_long), "oTree does not show the end of the experiment");
        assert_eq!(
            judge(&RuleSet { code: true, ..RuleSet::default() }, &not),
            Verdict::Approve,
            "another rule"
        );
    }

    #[test]
    fn time_is_compared_to_the_second() {
        let none = Map::new();
        let of = |seconds| Facts { seconds, ..facts(&none, &none) };
        let rules = RuleSet { least_s: Some(60), most_s: Some(630), ..RuleSet::default() };
        for seconds in [60, 61, 630] {
            assert_eq!(judge(&rules, &of(Some(seconds))), Verdict::Approve, "{seconds}");
        }
        assert_eq!(reason(&rules, &of(Some(59))), "took 59 s, less than 1 min");
        assert_eq!(reason(&rules, &of(Some(631))), "took 10 min 31 s, more than 10 min 30 s");
        assert_eq!(reason(&rules, &of(None)), "it is not known how long it took");
        let least = RuleSet { least_s: Some(60), ..RuleSet::default() };
        assert_eq!(judge(&least, &of(Some(9999))), Verdict::Approve);
        assert_eq!(reason(&least, &of(None)), "it is not known how long it took");
        let most = RuleSet { most_s: Some(60), ..RuleSet::default() };
        assert_eq!(judge(&most, &of(Some(0))), Verdict::Approve);
        assert_eq!(reason(&most, &of(None)), "it is not known how long it took");
        assert_eq!(judge(&RuleSet { code: true, ..RuleSet::default() }, &of(None)), Verdict::Approve);
    }

    #[test]
    fn only_the_right_code_passes() {
        let none = Map::new();
        let rules = RuleSet { code: true, ..RuleSet::default() };
        assert_eq!(judge(&rules, &facts(&none, &none)), Verdict::Approve);
        for (code, words) in [
            (CodeCheck::Missing, "no code was entered"),
            (CodeCheck::Differs("x".into()), "another code: “x”"),
            (CodeCheck::NotAsked, "no completion code was asked for"),
        ] {
            let with = Facts { code: &code, ..facts(&none, &none) };
            assert_eq!(reason(&rules, &with), words);
            assert_eq!(judge(&finished_rule(), &with), Verdict::Approve);
        }
    }

    #[test]
    fn conditions_hold_or_say_what_is_wrong() {
        let (participant, session) = (vars(json!({ "age": 17, "gone": null })), vars(json!({ "wave": 2 })));
        let facts = facts(&participant, &session);
        for (rules, words) in [
            (rule(Source::Participant, "age", Test::AtLeast, "17"), None),
            (
                rule(Source::Participant, "age", Test::AtLeast, "18"),
                Some("“participant.age ≥ 18” does not hold: it is “17”"),
            ),
            (
                rule(Source::Participant, "gone", Test::IsSet, ""),
                Some("“participant.gone is set” does not hold: it is not set"),
            ),
            (
                rule(Source::Participant, "gone", Test::Is, "1"),
                Some("“participant.gone = 1” does not hold: participant.gone is not set"),
            ),
            (rule(Source::Session, "wave", Test::Is, "2"), None),
            (
                rule(Source::Session, "wave", Test::IsNot, "2"),
                Some("“session.wave ≠ 2” does not hold: it is “2”"),
            ),
            (rule(Source::Payoff, "", Test::AtMost, "0.70"), None),
            (
                rule(Source::Payoff, "", Test::More, "0.70"),
                Some("“the payoff > 0.70” does not hold: it is 0.70"),
            ),
        ] {
            match words {
                None => assert_eq!(judge(&rules, &facts), Verdict::Approve, "{rules:?}"),
                Some(words) => assert_eq!(reason(&rules, &facts), words),
            }
        }
        let unknown = Facts { payoff: None, ..facts };
        assert_eq!(
            reason(&rule(Source::Payoff, "", Test::IsSet, ""), &unknown),
            "“the payoff is set” does not hold: it is not known"
        );
    }

    #[test]
    fn a_variable_that_was_not_asked_for_yet_is_waited_for() {
        let (participant, session) = (vars(json!({ "x": 1 })), vars(json!({ "y": 1 })));
        let facts = facts(&participant, &session);
        let rules = rule(Source::Participant, "y", Test::IsSet, "");
        assert_eq!(wait(&rules, &facts), "waiting for oTree to tell participant.y");
        let late = Facts { waited_s: PATIENCE_S, ..facts.clone() };
        assert_eq!(reason(&rules, &late), "oTree does not tell participant.y");
        assert_eq!(
            wait(&rule(Source::Session, "x", Test::IsSet, ""), &facts),
            "waiting for oTree to tell session.x"
        );
        assert_eq!(judge(&rule(Source::Session, "y", Test::IsSet, ""), &facts), Verdict::Approve);
    }

    #[test]
    fn what_otree_has_not_told_since_the_end_is_waited_for() {
        let vars = vars(json!({ "x": 1 }));
        let not_yet = Facts { told: Told::NotYet, ..facts(&vars, &vars) };
        let rules = rule(Source::Participant, "x", Test::IsSet, "");
        assert_eq!(wait(&rules, &not_yet), "waiting for what oTree tells of this person");
        let late = Facts { waited_s: PATIENCE_S, ..not_yet.clone() };
        assert_eq!(reason(&rules, &late), "oTree has told nothing of this person since the end");
        let never = Facts { told: Told::Never("the session is gone"), ..not_yet.clone() };
        assert_eq!(reason(&rules, &never), "the session is gone");
        assert_eq!(judge(&finished_rule(), &never), Verdict::Approve, "which asks nothing of oTree");
        let pays = RuleSet { pays_payoff: true, ..finished_rule() };
        assert!(matches!(judge(&pays, &not_yet), Verdict::Wait(_)), "a payoff may still change");
    }

    #[test]
    fn a_payoff_that_is_no_bonus_needs_a_look_only_where_it_is_paid() {
        let none = Map::new();
        let odd = Facts { bonus: Err("too large".into()), ..facts(&none, &none) };
        assert_eq!(judge(&finished_rule(), &odd), Verdict::Approve);
        let pays = RuleSet { pays_payoff: true, ..finished_rule() };
        assert_eq!(reason(&pays, &odd), "the bonus: too large");
        assert_eq!(judge(&pays, &facts(&none, &none)), Verdict::Approve);
    }

    #[test]
    fn agreement_approves_those_with_the_others_only() {
        let vars = vars(json!({ "picture": 1, "label": "cat" }));
        let of = |standing| Facts { standing, ..facts(&vars, &vars) };
        let with = Standing::With { same: 2, of: 3 };
        assert_eq!(judge(&agree(), &of(Some(&with))), Verdict::Approve);
        let outside = Standing::Outside { said: "dog".into(), settled: "cat".into(), same: 2, of: 3 };
        let proposed = "Most others saw something else.".to_owned();
        assert_eq!(
            judge(&agree(), &of(Some(&outside))),
            Verdict::Review {
                reasons: vec!["answered “dog”, while 2 of 3 answered “cat”".into()],
                feedback: proposed.clone()
            }
        );
        let invalid = Standing::Invalid("“fish”".into());
        assert_eq!(
            judge(&agree(), &of(Some(&invalid))),
            Verdict::Review {
                reasons: vec!["the answer “fish” is not a valid one".into()],
                feedback: proposed
            }
        );
        assert_eq!(
            reason(&agree(), &of(Some(&Standing::Split { have: 3 }))),
            "the 3 who answered the same item do not agree"
        );
        for standing in [None, Some(&Standing::NoItem)] {
            assert_eq!(
                reason(&agree(), &of(standing)),
                "participant.picture, which names the item, is not set"
            );
        }
    }

    #[test]
    fn agreement_waits_while_somebody_may_come() {
        let known = vars(json!({ "picture": 1, "label": "cat" }));
        let open = Standing::Open { have: 1 };
        let coming = Facts { standing: Some(&open), waited_s: 999_999, ..facts(&known, &known) };
        assert_eq!(wait(&agree(), &coming), "waiting for other answers to the same item: 1 of 3");
        let over = Facts { more_may_come: false, ..coming };
        assert_eq!(reason(&agree(), &over), "only 1 of 3 answered the same item, and nobody else comes");
        for half in [json!({ "picture": 1 }), json!({ "label": 1 })] {
            let half = vars(half);
            assert!(
                wait(&agree(), &facts(&half, &half)).starts_with("waiting for oTree to tell participant.")
            );
        }
    }

    #[test]
    fn a_score_must_be_reached() {
        let none = Map::new();
        let rules = RuleSet { least_score: Some(50), ..RuleSet::default() };
        let of = |score| Facts { score, ..facts(&none, &none) };
        assert_eq!(judge(&rules, &of(Some(50))), Verdict::Approve);
        assert_eq!(reason(&rules, &of(Some(49))), "the worker's quality score is 49, below 50");
        assert_eq!(reason(&rules, &of(None)), "the lab keeps no quality scores");
        assert_eq!(judge(&finished_rule(), &of(None)), Verdict::Approve);
    }

    #[test]
    fn everything_that_is_against_it_is_told_and_comes_before_waiting() {
        let none = Map::new();
        let rules = RuleSet {
            least_s: Some(600),
            code: true,
            conditions: rule(Source::Participant, "x", Test::IsSet, "").conditions,
            ..finished_rule()
        };
        let bad = Facts { finished: false, code: &CodeCheck::Missing, ..facts(&none, &none) };
        let Verdict::Review { reasons, feedback } = judge(&rules, &bad) else { panic!("no review") };
        assert_eq!(reasons, ["took 5 min, less than 10 min", "no code was entered"]);
        assert_eq!(feedback, "");
    }
}
