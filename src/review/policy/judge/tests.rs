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
        compensated: false,
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
    assert_eq!(judge(&RuleSet { code: true, ..RuleSet::default() }, &not), Verdict::Approve, "another rule");
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
        (rule(Source::Payoff, "", Test::More, "0.70"), Some("“the payoff > 0.70” does not hold: it is 0.70")),
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
            reasons: vec!["the answer “fish” is not a valid one".into()], feedback: proposed
        }
    );
    assert_eq!(
        reason(&agree(), &of(Some(&Standing::Split { have: 3 }))),
        "the 3 who answered the same item do not agree"
    );
    for standing in [None, Some(&Standing::NoItem)] {
        assert_eq!(reason(&agree(), &of(standing)), "participant.picture, which names the item, is not set");
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
        assert!(wait(&agree(), &facts(&half, &half)).starts_with("waiting for oTree to tell participant."));
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

#[test]
fn who_is_compensated_for_the_work_is_for_a_person() {
    let (participant, session) = (Map::new(), Map::new());
    let rules = RuleSet { finished: true, ..RuleSet::default() };
    let facts = Facts { compensated: true, ..facts(&participant, &session) };
    let Verdict::Review { reasons, .. } = judge(&rules, &facts) else { panic!("approved") };
    assert_eq!(reasons, ["is being compensated for this work, or was"]);
}
