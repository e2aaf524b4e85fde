//! The rules' form: typed text into rules and back. Pure.

use crate::review::policy::values;
use crate::review::rules::{Agreement, Condition, RuleSet, Source, Test, Valid};
use crate::review::verdicts::{NewRules, Rules};
use crate::review::words;
use crate::web::forms::Form;

/// The most conditions of one study.
pub const MOST: usize = 10;
/// The highest score that a lab's scale can have.
const MOST_SCORE: i32 = crate::scores::scale::MOST;
/// Longest name of a variable and longest value, in characters.
const LONGEST: usize = 100;
/// Proposed to a person for those outside an agreement, until somebody writes something else.
const OUTSIDE: &str =
    "Thank you. Most others answered this item differently, so somebody has looked at your answer.";

/// What a study has before anybody made rules.
pub fn fresh() -> NewRules {
    let rules = RuleSet { finished: true, pays_payoff: true, ..RuleSet::default() };
    NewRules { active: true, rules, undo_s: 3600, digest_s: 24 * 3600 }
}

/// What is stored, as somebody would save it.
pub fn stored(rules: Rules) -> NewRules {
    NewRules { active: rules.active, rules: rules.rules.0, undo_s: rules.undo_s, digest_s: rules.digest_s }
}

/// The form with these rules in it.
pub fn fill(new: &NewRules) -> Form {
    let rules = &new.rules;
    let tick = |form: Form, name: &str, on: bool| if on { form.with(name, "on") } else { form };
    let mut form = Form::new()
        .with("least", rules.least_s.map(minutes).unwrap_or_default())
        .with("most", rules.most_s.map(minutes).unwrap_or_default())
        .with("least_score", rules.least_score.map(|score| score.to_string()).unwrap_or_default())
        .with("pays", if rules.pays_payoff { "payoff" } else { "reward" })
        .with("feedback", &rules.feedback)
        .with("undo", minutes(new.undo_s))
        .with("digest", new.digest_s / 3600);
    form = tick(form, "finished", rules.finished);
    form = tick(form, "code", rules.code);
    for (row, rule) in (1..).zip(&rules.conditions) {
        form = form
            .with(&format!("source{row}"), rule.source.as_str())
            .with(&format!("name{row}"), &rule.name)
            .with(&format!("test{row}"), rule.test.as_str())
            .with(&format!("value{row}"), &rule.value);
    }
    match &rules.agreement {
        None => form.with("same", 2).with("of", 3).with("outside", OUTSIDE),
        Some(rule) => tick(form, "majority", rule.majority)
            .with("item", &rule.item)
            .with("answer", &rule.answer)
            .with("same", rule.same)
            .with("of", rule.of)
            .with("valid", rule.valid.typed())
            .with("outside", &rule.feedback),
    }
}

/// Reads what was typed; mistakes are noted in the form.
pub fn read(form: &mut Form) -> Option<NewRules> {
    let rules = RuleSet {
        finished: form.checked("finished"),
        code: form.checked("code"),
        least_s: span(form, "least", 60, 31_536_000),
        most_s: span(form, "most", 60, 31_536_000),
        conditions: (1..=MOST).filter_map(|row| condition(form, row)).collect(),
        agreement: agreement(form),
        least_score: optional(form, "least_score", |form| form.number("least_score", 0..=MOST_SCORE)),
        pays_payoff: form.value("pays") == "payoff",
        feedback: text(form, "feedback"),
    };
    if rules.least_s.zip(rules.most_s).is_some_and(|(least, most)| least > most) {
        form.fail("most", "This is less than the least time.");
    }
    let undo_s = span(form, "undo", 60, 2_592_000).unwrap_or_default();
    let digest_s = span(form, "digest", 3600, 2_592_000).unwrap_or_default();
    if form.is_valid() && rules.is_empty() {
        form.fail("", "Choose at least one rule: without any, everybody would be approved.");
    }
    form.is_valid().then_some(NewRules { active: true, rules, undo_s, digest_s })
}

/// How many rows of conditions the form shows: those in use and two more.
pub fn rows(form: &Form) -> usize {
    let used = (1..=MOST).rev().find(|row| !form.value(&format!("source{row}")).is_empty());
    (used.unwrap_or(0) + 2).min(MOST)
}

/// Seconds as minutes, with decimals only where they are needed.
fn minutes(seconds: i32) -> String {
    let minutes = f64::from(seconds) / 60.0;
    format!("{}", (minutes * 100.0).round() / 100.0)
}

/// A length of time typed in units of so many seconds; `None` when the field is empty or wrong.
fn span(form: &mut Form, name: &str, unit: i32, most: i32) -> Option<i32> {
    optional(form, name, |form| {
        let typed = values::number(form.value(name));
        let seconds = typed.map(|number| (number * f64::from(unit)).round());
        let within = seconds.filter(|seconds| (0.0..=f64::from(most)).contains(seconds));
        match within {
            // The cast cannot cut: the number is whole and within bounds.
            Some(seconds) => Some(seconds as i32),
            None => {
                form.fail(name, format!("A number from 0 to {}.", most / unit));
                None
            }
        }
    })
}

/// What workers read, perhaps with placeholders.
fn text(form: &mut Form, name: &str) -> String {
    let typed = form.text(name, 0..=1000);
    if let Err(why) = words::check(&typed) {
        form.fail(name, why);
    }
    typed
}

fn optional<T>(form: &mut Form, name: &str, read: impl FnOnce(&mut Form) -> Option<T>) -> Option<T> {
    if form.value(name).trim().is_empty() { None } else { read(form) }
}

fn condition(form: &mut Form, row: usize) -> Option<Condition> {
    let field = |name: &str| format!("{name}{row}");
    let source = Source::ALL.into_iter().find(|one| one.as_str() == form.value(&field("source")))?;
    let test = Test::ALL.into_iter().find(|one| one.as_str() == form.value(&field("test")));
    let test = test.unwrap_or(Test::Is);
    let name = match source {
        Source::Payoff => String::new(),
        _ => form.text(&field("name"), 1..=LONGEST),
    };
    let value = match test {
        Test::IsSet => String::new(),
        _ => form.text(&field("value"), 1..=LONGEST),
    };
    let typed = form.error(&field("value")).is_none() && test != Test::IsSet;
    if typed && source == Source::Payoff && values::amount_of(&value).is_none() {
        form.fail(&field("value"), "An amount, such as 1.50.");
    }
    if typed && source != Source::Payoff && test.wants_numbers() && values::number(&value).is_none() {
        form.fail(&field("value"), "A number, such as 18 or 0.5.");
    }
    Some(Condition { source, name, test, value })
}

fn agreement(form: &mut Form) -> Option<Agreement> {
    if form.value("item").trim().is_empty() && form.value("answer").trim().is_empty() {
        return None;
    }
    let (item, answer) = (form.text("item", 1..=LONGEST), form.text("answer", 1..=LONGEST));
    let (same, of) = (form.number("same", 2..=1000), form.number("of", 2..=1000));
    if same.zip(of).is_some_and(|(same, of)| same > of) {
        form.fail("same", "More than answer each item.");
    }
    let typed = form.text("valid", 0..=1000);
    let valid = Valid::parse(&typed).map_err(|why| form.fail("valid", why)).unwrap_or_default();
    let (majority, feedback) = (form.checked("majority"), text(form, "outside"));
    Some(Agreement { item, answer, same: same?, of: of?, majority, valid, feedback })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn everything() -> NewRules {
        let condition = |source, name: &str, test, value: &str| Condition {
            source,
            name: name.into(),
            test,
            value: value.into(),
        };
        NewRules {
            active: true,
            rules: RuleSet {
                finished: true,
                least_s: Some(90),
                most_s: Some(3600),
                code: true,
                conditions: vec![
                    condition(Source::Participant, "age", Test::AtLeast, "18"),
                    condition(Source::Session, "wave", Test::IsSet, ""),
                    condition(Source::Payoff, "", Test::AtMost, "2.50"),
                ],
                agreement: Some(Agreement {
                    item: "picture".into(),
                    answer: "label".into(),
                    same: 2,
                    of: 3,
                    majority: true,
                    valid: Valid::OneOf(vec!["cat".into(), "dog".into()]),
                    feedback: "Hm.".into(),
                }),
                least_score: Some(40),
                pays_payoff: false,
                feedback: "Thank you".into(),
            },
            undo_s: 1800,
            digest_s: 7200,
        }
    }

    #[test]
    fn rules_read_back_as_they_were_written() {
        for new in [everything(), fresh()] {
            assert_eq!(read(&mut fill(&new)).as_ref(), Some(&new));
        }
        assert_eq!(rows(&fill(&everything())), 5);
        assert_eq!(rows(&fill(&fresh())), 2);
    }

    #[test]
    fn no_rule_at_all_is_a_mistake() {
        let mut form = Form::new().with("undo", 5);
        assert_eq!(read(&mut form), None);
        assert!(form.problem().unwrap().contains("everybody would be approved"));
    }

    #[test]
    fn mistakes_are_beside_their_fields() {
        for (field, typed, words) in [
            ("least", "soon", "A number from"),
            ("least", "-1", "A number from"),
            ("most", "1", "less than the least time"),
            ("name1", "", "fill this in"),
            ("value1", "grown up", "A number, such as"),
            ("value3", "half", "An amount"),
            ("same", "4", "More than answer"),
            ("same", "1", "whole number"),
            ("valid", "7 .. 1", "range is empty"),
            ("item", "", "fill this in"),
            ("undo", "x", "A number from"),
            ("digest", "721", "A number from 0 to 720"),
            ("least_score", "1001", "whole number"),
        ] {
            let mut form = fill(&everything()).with(field, typed);
            assert_eq!(read(&mut form), None, "{field} {typed}");
            assert!(
                form.error(field).is_some_and(|error| error.contains(words)),
                "{field}: {:?}",
                form.error(field)
            );
            assert_eq!(form.value(field), typed);
        }
    }

    #[test]
    fn a_condition_without_a_source_is_none() {
        let mut form = fill(&fresh()).with("name1", "age").with("value1", "18");
        assert_eq!(read(&mut form).unwrap().rules.conditions, []);
    }
}
