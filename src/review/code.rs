//! Whether the code that came with a submission is the person's own. Pure.
//!
//! oTree's last page often shows its participant code, our exit page the participation's: either will do.
//! Another code, or none, is something to look at and never a reason to refuse by itself.

use serde_json::Value;

/// The field that carries the code.
const FIELD: &str = "completion_code";
/// Longest wrong code that is repeated to a researcher, in characters.
const LONGEST: usize = 60;

/// What became of the completion code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CodeCheck {
    /// One of the codes this person was shown.
    Matches,
    /// Another text, as given and cut to a readable length.
    Differs(String),
    /// Asked for, but nothing was given.
    Missing,
    /// Nothing is submitted yet, or no code was asked for.
    NotAsked,
}

impl CodeCheck {
    /// Compares the submitted `answers`, a list of pairs of name and value, with the codes `shown`.
    /// `None` for the answers: nothing is submitted.
    pub fn of(answers: Option<&Value>, shown: &[&str]) -> Self {
        let Some(pairs) = answers.and_then(Value::as_array) else { return Self::NotAsked };
        let given: Vec<&str> = pairs
            .iter()
            .filter(|pair| pair[0] == FIELD)
            .filter_map(|pair| pair[1].as_str())
            .map(str::trim)
            .filter(|given| !given.is_empty())
            .collect();
        let right = |given: &&str| shown.iter().any(|code| same(given, code));
        match given.first() {
            None => Self::Missing,
            Some(_) if given.iter().any(right) => Self::Matches,
            Some(other) => Self::Differs(other.chars().take(LONGEST).collect()),
        }
    }

    /// Whether a researcher should look before deciding.
    pub fn is_odd(&self) -> bool {
        matches!(self, Self::Differs(_) | Self::Missing)
    }

    /// The word in files; empty when nothing was asked.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Matches => "matches",
            Self::Differs(_) => "differs",
            Self::Missing => "missing",
            Self::NotAsked => "",
        }
    }
}

impl std::fmt::Display for CodeCheck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Matches => f.write_str("the code is right"),
            Self::Differs(given) => write!(f, "another code: “{given}”"),
            Self::Missing => f.write_str("no code was entered"),
            Self::NotAsked => Ok(()),
        }
    }
}

fn same(given: &str, code: &str) -> bool {
    !code.is_empty() && given.eq_ignore_ascii_case(code.trim())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SHOWN: [&str; 2] = ["abcd1234", "KX7-Q2M"];

    fn of(answers: Value) -> CodeCheck {
        CodeCheck::of(Some(&answers), &SHOWN)
    }

    #[test]
    fn either_code_will_do_however_it_was_typed() {
        for typed in ["abcd1234", "ABCD1234", "  kx7-q2m\n", "KX7-Q2M"] {
            assert_eq!(of(json!([["age", "30"], ["completion_code", typed]])), CodeCheck::Matches, "{typed}");
        }
        let twice = json!([["completion_code", "first try"], ["completion_code", "abcd1234"]]);
        assert_eq!(of(twice), CodeCheck::Matches);
    }

    #[test]
    fn another_code_is_repeated_as_given() {
        let differs = |given: &str| CodeCheck::Differs(given.into());
        for typed in ["abcd12345", "abcd", "done", "ABCD 1234"] {
            assert_eq!(of(json!([["completion_code", typed]])), differs(typed));
        }
        assert_eq!(of(json!([["completion_code", "ä".repeat(500)]])), differs(&"ä".repeat(60)));
    }

    #[test]
    fn no_code_is_missing_only_once_something_was_submitted() {
        for answers in [json!([]), json!([["completion_code", "  "]]), json!([["code", "abcd1234"]])] {
            assert_eq!(of(answers.clone()), CodeCheck::Missing, "{answers}");
        }
        assert_eq!(CodeCheck::of(None, &SHOWN), CodeCheck::NotAsked);
    }

    #[test]
    fn nobody_has_the_empty_code() {
        let answers = json!([["completion_code", ""]]);
        assert_eq!(CodeCheck::of(Some(&answers), &["", "abcd1234"]), CodeCheck::Missing);
        let answers = json!([["completion_code", "x"]]);
        assert_eq!(CodeCheck::of(Some(&answers), &[]), CodeCheck::Differs("x".into()));
    }

    #[test]
    fn answers_that_are_no_pairs_are_no_code() {
        for answers in
            [json!(["completion_code"]), json!([["completion_code"]]), json!([["completion_code", 5]])]
        {
            assert_eq!(of(answers), CodeCheck::Missing);
        }
        assert_eq!(of(json!({ "completion_code": "abcd1234" })), CodeCheck::NotAsked);
    }

    #[test]
    fn only_what_differs_or_is_missing_needs_a_look() {
        assert!(CodeCheck::Missing.is_odd() && CodeCheck::Differs("x".into()).is_odd());
        assert!(!CodeCheck::Matches.is_odd() && !CodeCheck::NotAsked.is_odd());
    }
}
