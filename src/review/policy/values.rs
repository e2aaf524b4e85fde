//! Comparing what oTree told with what was typed into a rule. Pure.

use kernel::money::Cents;
use serde_json::Value;

use crate::review::rules::{Test, Valid};

/// Whether the value passes; `None` is a variable that is not set, as `null` is.
///
/// # Errors
/// Why the two cannot be compared, in a few words.
pub fn passes(test: Test, value: Option<&Value>, typed: &str) -> Result<bool, String> {
    let value = value.filter(|value| !value.is_null());
    if test == Test::IsSet {
        return Ok(value.is_some());
    }
    let Some(value) = value else { return Err("is not set".into()) };
    if test.wants_numbers() {
        let (Some(left), Some(right)) = (number(&text(value)), number(typed)) else {
            return Err(format!("is {}, which is not a number", shown(value)));
        };
        return Ok(ordered(test, left, right));
    }
    Ok(equal(value, typed) == (test == Test::Is))
}

/// The same for an amount; `typed` is an amount too.
///
/// # Errors
/// When `typed` is no amount.
pub fn amount_passes(test: Test, amount: Option<Cents>, typed: &str) -> Result<bool, String> {
    if test == Test::IsSet {
        return Ok(amount.is_some());
    }
    let Some(amount) = amount else { return Err("is not known".into()) };
    let Some(limit) = amount_of(typed) else {
        return Err("cannot be compared: the rule has no amount".into());
    };
    Ok(match test {
        Test::Is => amount == limit,
        Test::IsNot => amount != limit,
        Test::Less => amount < limit,
        Test::AtMost => amount <= limit,
        Test::More => amount > limit,
        Test::AtLeast | Test::IsSet => amount >= limit,
    })
}

/// An amount as rules have it, which may be negative.
pub fn amount_of(typed: &str) -> Option<Cents> {
    let typed = typed.trim();
    match typed.strip_prefix('-') {
        Some(rest) => rest.trim_start_matches('$').parse().ok().map(|amount: Cents| Cents(-amount.0)),
        None => typed.trim_start_matches('$').parse().ok(),
    }
}

fn ordered(test: Test, left: f64, right: f64) -> bool {
    match test {
        Test::Less => left < right,
        Test::AtMost => left <= right,
        Test::More => left > right,
        _ => left >= right,
    }
}

/// Numbers are equal when their values are, truth values however they are spelled, texts letter by letter.
fn equal(value: &Value, typed: &str) -> bool {
    if let Value::Bool(value) = value {
        return truth(typed) == Some(*value);
    }
    let said = text(value);
    match (number(&said), number(typed)) {
        (Some(left), Some(right)) => left == right,
        _ => said == typed.trim(),
    }
}

fn truth(typed: &str) -> Option<bool> {
    match typed.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" => Some(true),
        "false" | "no" | "0" => Some(false),
        _ => None,
    }
}

/// A finite decimal.
pub fn number(text: &str) -> Option<f64> {
    text.trim().parse::<f64>().ok().filter(|number| number.is_finite())
}

/// A value as one text: what is compared.
pub fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.trim().to_owned(),
        other => other.to_string(),
    }
}

/// A value for people, cut to a readable length.
pub fn shown(value: &Value) -> String {
    const LONGEST: usize = 40;
    let text = text(value);
    match text.chars().count() {
        0 => "empty".into(),
        length if length > LONGEST => format!("“{}…”", text.chars().take(LONGEST).collect::<String>()),
        _ => format!("“{text}”"),
    }
}

/// An answer as it is counted, or `None` when it is none: numbers by their value, so that 1 and 1.0 agree.
pub fn answer(value: Option<&Value>, valid: &Valid) -> Option<String> {
    let said = text(value.filter(|value| !value.is_null())?);
    let said = number(&said).map_or(said, |number| number.to_string());
    let counts = match valid {
        Valid::Any => !said.is_empty(),
        Valid::OneOf(all) => {
            all.iter().any(|one| number(one).map_or_else(|| one.clone(), |one| one.to_string()) == said)
        }
        Valid::Between(least, most) => match (number(&said), number(least), number(most)) {
            (Some(said), Some(least), Some(most)) => said >= least && said <= most,
            _ => false,
        },
    };
    counts.then_some(said)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sizes_are_compared_at_their_edges() {
        for (test, below, at, above) in [
            (Test::Less, true, false, false),
            (Test::AtMost, true, true, false),
            (Test::More, false, false, true),
            (Test::AtLeast, false, true, true),
        ] {
            for (value, expected) in
                [(json!(2), below), (json!(3), at), (json!("3.0"), at), (json!(3.5), above)]
            {
                assert_eq!(passes(test, Some(&value), " 3 "), Ok(expected), "{value} {test:?} 3");
            }
        }
    }

    #[test]
    fn equality_knows_numbers_truth_and_text() {
        for (value, typed, same) in [
            (json!(3), "3.0", true),
            (json!("3"), "3.00", true),
            (json!(3), "4", false),
            (json!("red"), " red ", true),
            (json!(" red"), "red", true),
            (json!("Red"), "red", false),
            (json!(true), "True", true),
            (json!(true), "1", true),
            (json!(true), "yes", true),
            (json!(true), "false", false),
            (json!(false), "No", true),
            (json!(false), "0", true),
            (json!(false), "false", true),
            (json!(false), "maybe", false),
            (json!(true), "maybe", false),
            (json!([1, 2]), "[1,2]", true),
        ] {
            assert_eq!(passes(Test::Is, Some(&value), typed), Ok(same), "{value} = {typed}");
            assert_eq!(passes(Test::IsNot, Some(&value), typed), Ok(!same), "{value} ≠ {typed}");
        }
    }

    #[test]
    fn what_is_not_set_is_not_compared() {
        for value in [None, Some(json!(null))] {
            assert_eq!(passes(Test::IsSet, value.as_ref(), ""), Ok(false));
            for test in [Test::Is, Test::IsNot, Test::Less, Test::AtMost, Test::More, Test::AtLeast] {
                assert_eq!(passes(test, value.as_ref(), "3"), Err("is not set".into()));
            }
        }
        for set in [json!(0), json!(""), json!(false)] {
            assert_eq!(passes(Test::IsSet, Some(&set), ""), Ok(true));
        }
    }

    #[test]
    fn only_numbers_have_a_size() {
        let said = passes(Test::Less, Some(&json!("many")), "3").unwrap_err();
        assert_eq!(said, "is “many”, which is not a number");
        for odd in [json!("NaN"), json!("inf"), json!(true), json!("")] {
            assert!(passes(Test::AtLeast, Some(&odd), "3").is_err(), "{odd}");
        }
        assert!(passes(Test::AtLeast, Some(&json!(3)), "three").is_err());
    }

    #[test]
    fn amounts_are_compared_to_the_cent() {
        let all = [Test::Is, Test::IsNot, Test::Less, Test::AtMost, Test::More, Test::AtLeast];
        for (cents, expected) in [
            (149, [false, true, true, true, false, false]),
            (150, [true, false, false, true, false, true]),
            (151, [false, true, false, false, true, true]),
        ] {
            for (test, expected) in all.into_iter().zip(expected) {
                assert_eq!(
                    amount_passes(test, Some(Cents(cents)), "$1.50"),
                    Ok(expected),
                    "{cents} {test:?}"
                );
            }
        }
        assert_eq!(amount_passes(Test::IsSet, None, ""), Ok(false));
        assert_eq!(amount_passes(Test::IsSet, Some(Cents(0)), ""), Ok(true));
        assert!(amount_passes(Test::Is, None, "1").is_err());
        assert!(amount_passes(Test::Is, Some(Cents(1)), "one").is_err());
    }

    #[test]
    fn an_amount_may_be_negative() {
        assert_eq!(amount_of(" -$0.30"), Some(Cents(-30)));
        assert_eq!(amount_of("$2"), Some(Cents(200)));
        assert_eq!(amount_of("2.5x"), None);
    }

    #[test]
    fn long_values_are_cut_for_people() {
        assert_eq!(shown(&json!("x".repeat(40))), format!("“{}”", "x".repeat(40)));
        assert_eq!(shown(&json!("x".repeat(41))), format!("“{}…”", "x".repeat(40)));
        assert_eq!(shown(&json!("  ")), "empty");
        assert_eq!(shown(&json!(7)), "“7”");
    }

    #[test]
    fn answers_count_when_they_are_valid() {
        let one_of = Valid::OneOf(vec!["cat".into(), "1.0".into()]);
        let between = Valid::Between("1".into(), "7".into());
        for (value, any, listed, ranged) in [
            (json!("cat"), Some("cat"), Some("cat"), None),
            (json!(" cat "), Some("cat"), Some("cat"), None),
            (json!("dog"), Some("dog"), None, None),
            (json!(1), Some("1"), Some("1"), Some("1")),
            (json!("1.00"), Some("1"), Some("1"), Some("1")),
            (json!(7), Some("7"), None, Some("7")),
            (json!(0.99), Some("0.99"), None, None),
            (json!(7.01), Some("7.01"), None, None),
            (json!(""), None, None, None),
            (json!(null), None, None, None),
        ] {
            let counted = |valid: &Valid| answer(Some(&value), valid);
            assert_eq!(counted(&Valid::Any).as_deref(), any, "{value}");
            assert_eq!(counted(&one_of).as_deref(), listed, "{value}");
            assert_eq!(counted(&between).as_deref(), ranged, "{value}");
        }
        assert_eq!(answer(None, &Valid::Any), None);
    }
}
