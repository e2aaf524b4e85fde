//! What a worker answered in a form: held against the form, and written down as a QuestionFormAnswers document.

use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, Event};

use super::form::{AnswerKind, Question, QuestionForm, SelectionRule, TextRule};
use crate::engine::answers;

/// The answer to one question.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given {
    /// The question's identifier.
    pub id: String,
    /// Identifiers of what was selected.
    pub selections: Vec<String>,
    /// Words or a number, also where they stand for another selection.
    pub text: Option<String>,
}

/// What is wrong with an answer, in words for the worker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Nothing where something must be.
    #[error("Please answer this question.")]
    Missing,
    /// Not a whole number.
    #[error("Write a whole number.")]
    NotANumber,
    /// Too small.
    #[error("Write a number that is at least {0}.")]
    TooSmall(i64),
    /// Too large.
    #[error("Write a number that is at most {0}.")]
    TooLarge(i64),
    /// Too short.
    #[error("Write at least {0} characters.")]
    TooShort(usize),
    /// Too long.
    #[error("Write at most {0} characters.")]
    TooLong(usize),
    /// Too few selections.
    #[error("Choose at least {0}.")]
    TooFew(usize),
    /// Too many selections.
    #[error("Choose at most {0}.")]
    TooMany(usize),
    /// Something that is not on the list.
    #[error("Choose from the list.")]
    Unknown,
}

/// The answers that will not do, each by its question's identifier, in the form's order; a question that nothing was
/// said to has an empty answer.
pub fn unfit_in(form: &QuestionForm, given: &[Given]) -> Vec<(String, Unfit)> {
    let none = Given::default();
    let wrong = |question: &Question| {
        let given = given.iter().find(|given| given.id == question.id).unwrap_or(&none);
        Some((question.id.clone(), unfit(question, given)?))
    };
    form.questions().filter_map(wrong).collect()
}

/// What is wrong with an answer to this question; `None` for one that will do.
pub fn unfit(question: &Question, given: &Given) -> Option<Unfit> {
    let empty = given.selections.is_empty() && given.text.as_deref().unwrap_or_default().trim().is_empty();
    match &question.answer {
        AnswerKind::Selection(rule) if !empty || rule.least > 0 => unfit_selection(rule, given),
        _ if empty => question.required.then_some(Unfit::Missing),
        AnswerKind::Text(rule) => unfit_text(rule, given.text.as_deref().unwrap_or_default().trim()),
        AnswerKind::Selection(_) => None,
    }
}

fn unfit_selection(rule: &SelectionRule, given: &Given) -> Option<Unfit> {
    let known = |id: &String| rule.selections.iter().any(|(known, _)| known == id);
    let other = given.text.as_deref().is_some_and(|text| !text.trim().is_empty());
    let chosen = given.selections.len() + usize::from(other);
    match () {
        () if !given.selections.iter().all(known) || (other && !rule.other) => Some(Unfit::Unknown),
        () if chosen < rule.least => Some(Unfit::TooFew(rule.least)),
        () if chosen > rule.most => Some(Unfit::TooMany(rule.most)),
        () => None,
    }
}

fn unfit_text(rule: &TextRule, text: &str) -> Option<Unfit> {
    if rule.numeric {
        let Ok(number) = text.parse::<i64>() else { return Some(Unfit::NotANumber) };
        let small = rule.least.filter(|least| number < *least).map(Unfit::TooSmall);
        return small.or(rule.most.filter(|most| number > *most).map(Unfit::TooLarge));
    }
    let length = text.chars().count();
    let short = rule.shortest.filter(|shortest| length < *shortest).map(Unfit::TooShort);
    short.or(rule.longest.filter(|longest| length > *longest).map(Unfit::TooLong))
}

/// The document of all answers to the form's questions, in the form's order; a question without an answer is there
/// with nothing in it.
pub fn document(form: &QuestionForm, given: &[Given]) -> String {
    let mut writer = Writer::new(Vec::new());
    // Writing to memory does not fail.
    let _ = write(&mut writer, form, given);
    String::from_utf8_lossy(&writer.into_inner()).into_owned()
}

fn write(writer: &mut Writer<Vec<u8>>, form: &QuestionForm, given: &[Given]) -> io::Result<()> {
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), Some("no"))))?;
    let root = BytesStart::new("QuestionFormAnswers").with_attributes([("xmlns", answers::NAMESPACE)]);
    writer.write_event(Event::Start(root))?;
    for question in form.questions() {
        let none = Given::default();
        let given = given.iter().find(|given| given.id == question.id).unwrap_or(&none);
        writer.write_event(Event::Start(BytesStart::new("Answer")))?;
        answers::text(writer, "QuestionIdentifier", &question.id)?;
        for selection in &given.selections {
            answers::text(writer, "SelectionIdentifier", selection)?;
        }
        let words = given.text.as_deref().unwrap_or_default();
        match &question.answer {
            AnswerKind::Text(_) => answers::text(writer, "FreeText", words)?,
            AnswerKind::Selection(_) if !words.is_empty() => {
                answers::text(writer, "OtherSelectionText", words)?;
            }
            AnswerKind::Selection(_) => {}
        }
        writer.write_event(Event::End(BytesEnd::new("Answer")))?;
    }
    writer.write_event(Event::End(BytesEnd::new("QuestionFormAnswers")))
}

#[cfg(test)]
mod tests {
    use super::super::form::tests::FORM;
    use super::*;

    fn given(id: &str, selections: &[&str], text: &str) -> Given {
        let selections = selections.iter().map(|one| (*one).to_owned()).collect();
        Given { id: id.into(), selections, text: Some(text.to_owned()).filter(|text| !text.is_empty()) }
    }

    #[test]
    fn answers_are_held_against_the_rules() {
        let form = QuestionForm::parse(FORM).unwrap();
        for (id, selections, text, expected) in [
            ("payoff", vec!["half"], "", None),
            ("payoff", vec![], "", Some(Unfit::Missing)),
            ("payoff", vec!["half", "all"], "", Some(Unfit::TooMany(1))),
            ("payoff", vec!["none"], "", Some(Unfit::Unknown)),
            ("payoff", vec![], "something else", Some(Unfit::Unknown)),
            ("players", vec![], "", Some(Unfit::TooFew(1))),
            ("players", vec!["a", "b"], "me", None),
            ("players", vec!["a", "b", "c"], "me", Some(Unfit::TooMany(3))),
            ("age", vec![], "", None),
            ("age", vec![], " 18 ", None),
            ("age", vec![], "17", Some(Unfit::TooSmall(18))),
            ("age", vec![], "100", Some(Unfit::TooLarge(99))),
            ("age", vec![], "old", Some(Unfit::NotANumber)),
            ("why", vec![], "x", Some(Unfit::TooShort(2))),
            ("why", vec![], "a very long answer indeed", Some(Unfit::TooLong(20))),
            ("why", vec![], "so", None),
        ] {
            let question = form.question(id).unwrap();
            assert_eq!(
                unfit(question, &given(id, &selections, text)),
                expected,
                "{id} {selections:?} {text}"
            );
        }
    }

    #[test]
    fn the_document_has_every_question() {
        let form = QuestionForm::parse(FORM).unwrap();
        let xml = document(&form, &[given("players", &["a"], "<me>"), given("why", &[], "so & so")]);
        let end = "</SelectionIdentifier><OtherSelectionText>&lt;me&gt;</OtherSelectionText></Answer>";
        assert!(xml.contains("<QuestionIdentifier>payoff</QuestionIdentifier></Answer>"), "{xml}");
        assert!(xml.contains(&format!("<SelectionIdentifier>a{end}")), "{xml}");
        assert!(
            xml.contains("<QuestionIdentifier>why</QuestionIdentifier><FreeText>so &amp; so</FreeText>"),
            "{xml}"
        );
        assert!(xml.contains("<QuestionIdentifier>age</QuestionIdentifier><FreeText></FreeText>"), "{xml}");
    }
}
