//! A QuestionForm on a page: its questions with their fields, what was typed into them, and what is wrong with it. The
//! tests of qualifications and HITs that come as such a form share it.

use std::collections::{HashMap, HashSet};

use axum::body::Bytes;

use crate::engine::answers;
use crate::engine::qualifications::form::{
    AnswerKind, Content, Part, Question, QuestionForm, SelectionRule, TextRule,
};
use crate::engine::qualifications::given::{Given, Unfit};

/// The form as `workers/questions.html` shows it.
pub(super) struct ShownForm {
    pub(super) parts: Vec<Shown>,
    /// How many answers need another look.
    pub(super) wrong: usize,
    /// Whether it can only be read.
    pub(super) disabled: bool,
}

impl ShownForm {
    /// A form to look at.
    pub(super) fn preview(form: &QuestionForm) -> Self {
        Self { disabled: true, ..Self::empty(form) }
    }

    /// A form that nobody has filled in.
    pub(super) fn empty(form: &QuestionForm) -> Self {
        Self { parts: parts(form, None, &[]), wrong: 0, disabled: false }
    }

    /// The form with what was typed, and what is wrong with it beside each question.
    pub(super) fn again(form: &QuestionForm, given: &[Given], unfit: &[(String, Unfit)]) -> Self {
        Self { parts: parts(form, Some(given), unfit), wrong: unfit.len(), disabled: false }
    }
}

/// One part of the form as the page shows it; a question has one of the two kinds of field.
pub(super) struct Shown {
    pub(super) number: usize,
    pub(super) heading: Option<String>,
    pub(super) content: Vec<Line>,
    pub(super) required: bool,
    pub(super) text: Option<TextField>,
    pub(super) choice: Option<ChoiceField>,
    pub(super) error: Option<String>,
}

/// A piece to read: exactly one of the three.
pub(super) struct Line {
    pub(super) title: Option<String>,
    pub(super) text: Option<String>,
    pub(super) points: Vec<String>,
}

pub(super) struct TextField {
    pub(super) value: String,
    pub(super) lines: usize,
    pub(super) numeric: bool,
    pub(super) least: Option<i64>,
    pub(super) most: Option<i64>,
    pub(super) shortest: Option<usize>,
    pub(super) longest: Option<usize>,
}

impl TextField {
    /// Whether what stands there is no word: a number field would not show a word, so that nobody could mend it.
    pub(super) fn typed_number(&self) -> bool {
        self.value.is_empty() || self.value.parse::<i64>().is_ok()
    }
}

pub(super) struct ChoiceField {
    pub(super) many: bool,
    pub(super) dropdown: bool,
    pub(super) hint: String,
    pub(super) choices: Vec<Choice>,
    pub(super) other: Option<String>,
}

pub(super) struct Choice {
    pub(super) id: String,
    pub(super) text: String,
    pub(super) chosen: bool,
}

/// What a form sent, by the names of its fields: `q` and the question's number, and `o` for words beside a list.
pub(super) struct Posted(HashMap<String, Vec<String>>);

impl Posted {
    /// Goes through the body once. A field with nothing in it that an answer keeps was not filled in.
    pub(super) fn read(body: &Bytes) -> Self {
        let sent: Vec<(String, String)> = serde_urlencoded::from_bytes(body).unwrap_or_default();
        let mut fields: HashMap<String, Vec<String>> = HashMap::new();
        for (name, value) in sent {
            let value = answers::carried(&value);
            if !value.trim().is_empty() {
                fields.entry(name).or_default().push(value.trim().to_owned());
            }
        }
        Self(fields)
    }

    /// The answers to this form's questions.
    pub(super) fn answers(&self, form: &QuestionForm) -> Vec<Given> {
        form.questions().enumerate().map(|(index, question)| self.answer(index + 1, question)).collect()
    }

    fn answer(&self, number: usize, question: &Question) -> Given {
        let values = self.all(&format!("q{number}"));
        let (selections, text) = match &question.answer {
            AnswerKind::Text(_) => (Vec::new(), values.first()),
            AnswerKind::Selection(rule) => (selected(rule, values), self.all(&format!("o{number}")).first()),
        };
        Given { id: question.id.clone(), selections, text: text.cloned() }
    }

    fn all(&self, name: &str) -> &[String] {
        self.0.get(name).map(Vec::as_slice).unwrap_or_default()
    }
}

/// Each selection once, however often it was sent, and at most one that is not on the list: it is refused for that one.
fn selected(rule: &SelectionRule, values: &[String]) -> Vec<String> {
    let known: HashSet<&str> = rule.selections.iter().map(|(id, _)| id.as_str()).collect();
    let mut seen = HashSet::new();
    let each = values.iter().filter(|value| seen.insert(value.as_str()));
    let (mut selected, unknown): (Vec<_>, Vec<_>) =
        each.cloned().partition(|value| known.contains(value.as_str()));
    selected.extend(unknown.into_iter().take(1));
    selected
}

fn parts(form: &QuestionForm, given: Option<&[Given]>, unfit: &[(String, Unfit)]) -> Vec<Shown> {
    let mut number = 0;
    let mut shown = |part: &Part| match part {
        Part::Overview(content) => Shown {
            number: 0,
            heading: None,
            content: lines(content),
            required: false,
            text: None,
            choice: None,
            error: None,
        },
        Part::Question(question) => {
            number += 1;
            let given = given
                .map(|given| given.iter().find(|given| given.id == question.id).cloned().unwrap_or_default());
            let error = unfit.iter().find(|(id, _)| *id == question.id).map(|(_, why)| why.to_string());
            asked(number, question, given, error)
        }
    };
    form.parts.iter().map(&mut shown).collect()
}

fn asked(number: usize, question: &Question, given: Option<Given>, error: Option<String>) -> Shown {
    let (text, choice) = match &question.answer {
        AnswerKind::Text(rule) => (Some(text_field(rule, given)), None),
        AnswerKind::Selection(rule) => (None, Some(choice_field(rule, given.unwrap_or_default()))),
    };
    let content = lines(&question.content);
    let least = matches!(&question.answer, AnswerKind::Selection(rule) if rule.least > 0);
    let required = question.required || least;
    Shown { number, heading: question.name.clone(), content, required, text, choice, error }
}

fn text_field(rule: &TextRule, given: Option<Given>) -> TextField {
    TextField {
        value: given.map_or_else(|| rule.default.clone(), |given| given.text.unwrap_or_default()),
        lines: rule.lines,
        numeric: rule.numeric,
        least: rule.least,
        most: rule.most,
        shortest: rule.shortest,
        longest: rule.longest,
    }
}

fn choice_field(rule: &SelectionRule, given: Given) -> ChoiceField {
    let choice = |(id, text): &(String, String)| Choice {
        id: id.clone(),
        text: text.clone(),
        chosen: given.selections.contains(id),
    };
    let hint = match (rule.least, rule.most) {
        (_, 1) => String::new(),
        (0, most) => format!("Choose up to {most}."),
        (least, most) if least == most => format!("Choose {least}."),
        (least, most) => format!("Choose {least} to {most}."),
    };
    ChoiceField {
        many: rule.most > 1,
        dropdown: rule.dropdown && rule.most == 1,
        hint,
        choices: rule.selections.iter().map(choice).collect(),
        other: rule.other.then(|| given.text.clone().unwrap_or_default()),
    }
}

fn lines(content: &[Content]) -> Vec<Line> {
    let line = |title: Option<&String>, text: Option<&String>, points: &[String]| Line {
        title: title.cloned(),
        text: text.cloned(),
        points: points.to_vec(),
    };
    let one = |content: &Content| match content {
        Content::Title(title) => line(Some(title), None, &[]),
        Content::Text(text) => line(None, Some(text), &[]),
        Content::List(points) => line(None, None, points),
    };
    content.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::qualifications::form::tests::FORM;

    fn answers(form: &QuestionForm, body: impl Into<Bytes>) -> Vec<Given> {
        Posted::read(&body.into()).answers(form)
    }

    #[test]
    fn fields_become_answers() {
        let form = QuestionForm::parse(FORM).unwrap();
        let body = "q1=half&q2=b&q2=a&q2=b&o2=+me%00+&q2=x&q2=y&q3=+17&q3=18&q4=+%00+&assignmentId=3";
        let given = answers(&form, body);
        let read: Vec<_> = given.iter().map(|one| (one.selections.join(" "), one.text.as_deref())).collect();
        let expected = [("half", None), ("b a x", Some("me")), ("", Some("17")), ("", None)];
        assert_eq!(read, expected.map(|(selections, text)| (selections.to_owned(), text)));
        assert!(answers(&form, "").iter().all(|one| one.selections.is_empty() && one.text.is_none()));
    }
}
