//! What workers read beside a decision: texts with placeholders, filled in for each person. Pure.

use kernel::money::Cents;

use crate::participation::Participation;
use crate::payments::Kind;
use crate::studies::Study;

/// The longest feedback, reason or message that goes out with a decision, in characters. MTurk takes 1024.
pub const LONGEST: usize = 1000;

/// What can stand in braces, and what it becomes.
pub const PLACEHOLDERS: [(&str, &str); 6] = [
    ("study", "the study’s title"),
    ("reward", "the reward"),
    ("payoff", "the payoff in oTree"),
    ("bonus", "the bonus that is paid with this message"),
    ("minutes", "how many minutes the person took"),
    ("code", "the completion code"),
];

/// Why a text cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A placeholder that means nothing here.
    #[error("There is no placeholder {{{0}}}. Known are {known}.", known = known())]
    Unknown(String),
    /// A brace that does not belong to a placeholder.
    #[error("A brace is open or closed without its partner. Write placeholders as {{bonus}}.")]
    Brace,
}

fn known() -> String {
    PLACEHOLDERS.map(|(name, _)| format!("{{{name}}}")).join(", ")
}

/// What a text may be filled with for one person.
#[derive(Debug, Clone)]
pub struct Facts {
    study: String,
    reward: Cents,
    payoff: Option<Cents>,
    bonus: Option<Cents>,
    minutes: Option<i64>,
    code: String,
}

impl Facts {
    /// What is known about this person, when an order of `kind` pays `amount`.
    pub fn of(study: &Study, person: &Participation, amount: Cents, kind: Kind) -> Self {
        Self {
            study: study.title.clone(),
            reward: study.reward,
            payoff: person.payoff,
            bonus: if kind == Kind::Bonus { Some(amount) } else { person.bonus.or(person.payoff) },
            minutes: minutes(person),
            code: person.code.clone(),
        }
    }

    fn value(&self, name: &str) -> Option<String> {
        let money = |amount: Cents| format!("${amount}");
        match name {
            "study" => Some(self.study.clone()),
            "reward" => Some(money(self.reward)),
            "payoff" => self.payoff.map(money),
            "bonus" => self.bonus.map(money),
            "minutes" => self.minutes.map(|minutes| minutes.to_string()),
            "code" => Some(self.code.clone()),
            _ => None,
        }
    }
}

/// How long somebody took from opening oTree to the end, in whole minutes, rounded up.
pub fn minutes(person: &Participation) -> Option<i64> {
    let took = person.finished_at.or(person.submitted_at)? - person.opened_at?;
    Some((took.num_seconds().max(0) + 59) / 60)
}

/// Whether every brace belongs to a placeholder that exists.
///
/// # Errors
/// The first that does not.
pub fn check(text: &str) -> Result<(), TemplateError> {
    for piece in pieces(text)? {
        if let Piece::Placeholder(name) = piece
            && !PLACEHOLDERS.iter().any(|(known, _)| *known == name)
        {
            return Err(TemplateError::Unknown(name.to_owned()));
        }
    }
    Ok(())
}

/// The text with everything filled in.
///
/// # Errors
/// A sentence: something is not known of this person, or the text has become too long.
pub fn fill(text: &str, facts: &Facts) -> Result<String, String> {
    let mut filled = String::new();
    for piece in pieces(text).map_err(|error| error.to_string())? {
        match piece {
            Piece::Plain(text) => filled.push_str(text),
            Piece::Placeholder(name) => {
                let value = facts.value(name);
                filled.push_str(&value.ok_or(format!("The text has {{{name}}}, which is not known here."))?);
            }
        }
    }
    match filled.chars().count() {
        length if length > LONGEST => Err(format!("The text would have {length} characters; {LONGEST} fit.")),
        _ => Ok(filled),
    }
}

enum Piece<'a> {
    Plain(&'a str),
    Placeholder(&'a str),
}

fn pieces(text: &str) -> Result<Vec<Piece<'_>>, TemplateError> {
    let (mut pieces, mut rest) = (Vec::new(), text);
    while let Some(open) = rest.find('{') {
        pieces.push(plain(&rest[..open])?);
        let (name, after) = rest[open + 1..].split_once('}').ok_or(TemplateError::Brace)?;
        if name.contains('{') {
            return Err(TemplateError::Brace);
        }
        pieces.push(Piece::Placeholder(name.trim()));
        rest = after;
    }
    pieces.push(plain(rest)?);
    Ok(pieces)
}

fn plain(text: &str) -> Result<Piece<'_>, TemplateError> {
    if text.contains('}') { Err(TemplateError::Brace) } else { Ok(Piece::Plain(text)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts {
            study: "A game".into(),
            reward: Cents(150),
            payoff: None,
            bonus: Some(Cents(70)),
            minutes: Some(12),
            code: "K3Z".into(),
        }
    }

    #[test]
    fn placeholders_become_this_persons_figures() {
        let text = "{study}: {reward} and { bonus } for {minutes} minutes, code {code}.";
        assert_eq!(fill(text, &facts()).unwrap(), "A game: $1.50 and $0.70 for 12 minutes, code K3Z.");
        assert_eq!(fill("Thank you", &facts()).unwrap(), "Thank you");
        assert_eq!(fill("", &facts()).unwrap(), "");
    }

    #[test]
    fn what_is_not_known_of_a_person_is_no_blank() {
        assert!(fill("You won {payoff}", &facts()).unwrap_err().contains("{payoff}"));
    }

    #[test]
    fn odd_texts_are_refused_before_anything_happens() {
        assert_eq!(check("Thanks {name}"), Err(TemplateError::Unknown("name".into())));
        for text in ["{bonus", "bonus}", "{{bonus}}", "a } b { c"] {
            assert_eq!(check(text), Err(TemplateError::Brace), "{text}");
        }
        for (name, _) in PLACEHOLDERS {
            assert_eq!(check(&format!("a {{{name}}} b")), Ok(()));
        }
        assert!(TemplateError::Unknown("x".into()).to_string().contains("{bonus}, {minutes}"));
    }

    #[test]
    fn a_text_that_grows_too_long_is_refused_for_that_person() {
        let text = format!("{}{{reward}}", "x".repeat(LONGEST - 5));
        assert_eq!(fill(&text, &facts()).unwrap().chars().count(), LONGEST);
        assert!(fill(&format!("x{text}"), &facts()).unwrap_err().contains("1001"));
    }
}
