//! The rules of a study as they are stored. What they mean is in [`super::policy`].

use serde::{Deserialize, Serialize};

/// Everything that somebody wants looked at before work is approved without them. Rules never reject.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RuleSet {
    /// oTree shows the end of the experiment.
    pub finished: bool,
    /// Least time between opening oTree and the end, in seconds.
    pub least_s: Option<i32>,
    /// Most time, in seconds.
    pub most_s: Option<i32>,
    /// The completion code is the person's own.
    pub code: bool,
    /// Values of variables and of the payoff.
    pub conditions: Vec<Condition>,
    /// Several workers of the same item give the same answer.
    pub agreement: Option<Agreement>,
    /// Least quality score.
    pub least_score: Option<i32>,
    /// Whether oTree's payoff is paid as a bonus with the approval.
    pub pays_payoff: bool,
    /// What workers read with the approval.
    pub feedback: String,
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A variable of the participant.
    Participant,
    /// A variable of the session, the same for everybody.
    Session,
    /// oTree's payoff.
    Payoff,
}

/// How a value is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    Is,
    IsNot,
    Less,
    AtMost,
    More,
    AtLeast,
    IsSet,
}

/// One value compared with another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    pub source: Source,
    /// The variable's name; empty for the payoff.
    pub name: String,
    pub test: Test,
    /// As typed; empty when the test needs none.
    pub value: String,
}

/// Several workers of the same item, who should say the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreement {
    /// The participant variable that names the item.
    pub item: String,
    /// The participant variable with the answer.
    pub answer: String,
    /// So many must say the same …
    pub same: u32,
    /// … of so many who answer each item.
    pub of: u32,
    /// Whether, once all have answered without enough of them agreeing, more than half will do.
    pub majority: bool,
    /// Which answers count.
    pub valid: Valid,
    /// Proposed to a person for those who say something else.
    pub feedback: String,
}

/// Which answers are answers at all.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Valid {
    /// Everything but nothing.
    #[default]
    Any,
    /// One of these texts.
    OneOf(Vec<String>),
    /// A number from the first to the second; both are written as decimals.
    Between(String, String),
}

impl RuleSet {
    /// Whether it asks for nothing, so that it could only approve everybody.
    pub fn is_empty(&self) -> bool {
        let simple = self.finished || self.code || self.least_s.is_some() || self.most_s.is_some();
        !simple && self.conditions.is_empty() && self.agreement.is_none() && self.least_score.is_none()
    }

    /// The participant variables that it names, each once, in order.
    pub fn participant_vars(&self) -> Vec<String> {
        let conditions = self.names(Source::Participant);
        let agreement = self.agreement.iter().flat_map(|rule| [&rule.item, &rule.answer]);
        sorted(conditions.chain(agreement))
    }

    /// The session variables that it names, each once, in order.
    pub fn session_vars(&self) -> Vec<String> {
        sorted(self.names(Source::Session))
    }

    /// Whether it depends on what oTree tells over REST, beyond that somebody has finished.
    pub fn asks_otree(&self) -> bool {
        self.pays_payoff || self.agreement.is_some() || !self.conditions.is_empty()
    }

    fn names(&self, source: Source) -> impl Iterator<Item = &String> {
        self.conditions.iter().filter(move |one| one.source == source).map(|one| &one.name)
    }
}

fn sorted<'a>(names: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut names: Vec<String> = names.cloned().collect();
    names.sort();
    names.dedup();
    names
}

impl Test {
    /// All of them, in the order of the form.
    pub const ALL: [Self; 7] =
        [Self::Is, Self::IsNot, Self::AtLeast, Self::More, Self::AtMost, Self::Less, Self::IsSet];

    /// The word in forms.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Is => "is",
            Self::IsNot => "is_not",
            Self::Less => "less",
            Self::AtMost => "at_most",
            Self::More => "more",
            Self::AtLeast => "at_least",
            Self::IsSet => "is_set",
        }
    }

    /// For people, before the value.
    pub fn words(self) -> &'static str {
        match self {
            Self::Is => "=",
            Self::IsNot => "≠",
            Self::Less => "<",
            Self::AtMost => "≤",
            Self::More => ">",
            Self::AtLeast => "≥",
            Self::IsSet => "is set",
        }
    }

    /// Whether it compares sizes, for which both sides must be numbers.
    pub fn wants_numbers(self) -> bool {
        matches!(self, Self::Less | Self::AtMost | Self::More | Self::AtLeast)
    }
}

impl Source {
    /// All of them, in the order of the form.
    pub const ALL: [Self; 3] = [Self::Participant, Self::Session, Self::Payoff];

    /// The word in forms.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Participant => "participant",
            Self::Session => "session",
            Self::Payoff => "payoff",
        }
    }
}

impl Condition {
    /// What is compared, for people: `participant.age`, `payoff`.
    pub fn subject(&self) -> String {
        match self.source {
            Source::Participant => format!("participant.{}", self.name),
            Source::Session => format!("session.{}", self.name),
            Source::Payoff => "the payoff".to_owned(),
        }
    }

    /// The whole condition, for people.
    pub fn words(&self) -> String {
        format!("{} {} {}", self.subject(), self.test.words(), self.value).trim_end().to_owned()
    }
}

impl Valid {
    /// As it is typed in the form: `yes, no`, `1 .. 7`, or nothing.
    pub fn typed(&self) -> String {
        match self {
            Self::Any => String::new(),
            Self::OneOf(all) => all.join(", "),
            Self::Between(least, most) => format!("{least} .. {most}"),
        }
    }

    /// Reads what was typed.
    ///
    /// # Errors
    /// What is wrong with a range.
    pub fn parse(typed: &str) -> Result<Self, String> {
        let typed = typed.trim();
        if let Some((least, most)) = typed.split_once("..") {
            let number = |text: &str| text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
            return match (number(least), number(most)) {
                (Some(low), Some(high)) if low <= high => {
                    Ok(Self::Between(least.trim().to_owned(), most.trim().to_owned()))
                }
                (Some(_), Some(_)) => Err("The range is empty: the smaller number comes first.".into()),
                _ => Err("A range has a number on both sides, such as 1 .. 7.".into()),
            };
        }
        let all: Vec<String> =
            typed.split(',').map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned).collect();
        Ok(if all.is_empty() { Self::Any } else { Self::OneOf(all) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(source: Source, name: &str) -> Condition {
        Condition { source, name: name.into(), test: Test::IsSet, value: String::new() }
    }

    fn agreement() -> Agreement {
        Agreement {
            item: "picture".into(),
            answer: "label".into(),
            same: 2,
            of: 3,
            majority: false,
            valid: Valid::Any,
            feedback: String::new(),
        }
    }

    #[test]
    fn every_kind_of_rule_makes_a_set_that_is_not_empty() {
        assert!(RuleSet::default().is_empty());
        assert!(RuleSet { pays_payoff: true, feedback: "Thanks".into(), ..RuleSet::default() }.is_empty());
        for set in [
            RuleSet { finished: true, ..RuleSet::default() },
            RuleSet { code: true, ..RuleSet::default() },
            RuleSet { least_s: Some(1), ..RuleSet::default() },
            RuleSet { most_s: Some(1), ..RuleSet::default() },
            RuleSet { conditions: vec![condition(Source::Payoff, "")], ..RuleSet::default() },
            RuleSet { agreement: Some(agreement()), ..RuleSet::default() },
            RuleSet { least_score: Some(1), ..RuleSet::default() },
        ] {
            assert!(!set.is_empty(), "{set:?}");
        }
    }

    #[test]
    fn the_variables_that_are_named_are_asked_for_once() {
        let set = RuleSet {
            conditions: vec![
                condition(Source::Participant, "label"),
                condition(Source::Session, "wave"),
                condition(Source::Participant, "age"),
                condition(Source::Payoff, ""),
            ],
            agreement: Some(agreement()),
            ..RuleSet::default()
        };
        assert_eq!(set.participant_vars(), ["age", "label", "picture"]);
        assert_eq!(set.session_vars(), ["wave"]);
    }

    #[test]
    fn only_what_comes_over_rest_asks_otree() {
        assert!(!RuleSet { finished: true, code: true, ..RuleSet::default() }.asks_otree());
        assert!(RuleSet { pays_payoff: true, ..RuleSet::default() }.asks_otree());
        assert!(RuleSet { agreement: Some(agreement()), ..RuleSet::default() }.asks_otree());
        let conditions = vec![condition(Source::Payoff, "")];
        assert!(RuleSet { conditions, ..RuleSet::default() }.asks_otree());
    }

    #[test]
    fn valid_answers_are_typed_as_a_list_or_a_range() {
        assert_eq!(Valid::parse("  "), Ok(Valid::Any));
        assert_eq!(Valid::parse("yes, no,"), Ok(Valid::OneOf(vec!["yes".into(), "no".into()])));
        assert_eq!(Valid::parse("1 .. 7"), Ok(Valid::Between("1".into(), "7".into())));
        assert_eq!(Valid::parse("-0.5..-0.5"), Ok(Valid::Between("-0.5".into(), "-0.5".into())));
        for wrong in ["7 .. 1", "1 ..", ".. 2", "a .. b", "1 .. inf"] {
            assert!(Valid::parse(wrong).is_err(), "{wrong}");
        }
        for typed in ["", "yes, no", "1 .. 7"] {
            assert_eq!(Valid::parse(typed).unwrap().typed(), typed);
        }
    }

    #[test]
    fn conditions_read_as_they_are_written() {
        let age = Condition {
            source: Source::Participant,
            name: "age".into(),
            test: Test::AtLeast,
            value: "18".into(),
        };
        assert_eq!(age.words(), "participant.age ≥ 18");
        assert_eq!(condition(Source::Payoff, "").words(), "the payoff is set");
        assert_eq!(condition(Source::Session, "wave").subject(), "session.wave");
    }
}
