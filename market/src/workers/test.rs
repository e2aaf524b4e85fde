//! The test of a qualification: opening it, its page, handing it in.

use askama::Template;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{DateTime, Utc};

use super::pages::{Here, PageError, Shell, page};
use super::qualifications::back;
use super::session::SignedIn;
use super::{Site, words};
use crate::clock::Whose;
use crate::engine::qualifications::form::{AnswerKind, Content, Part, Question, SelectionRule, TextRule};
use crate::engine::qualifications::given::{Given, Unfit};
use crate::engine::qualifications::requests::Asked;
use crate::engine::qualifications::testing::{self, HandInError, Run};
use crate::engine::workers::Worker;

#[derive(Template)]
#[template(path = "workers/test.html")]
struct TestPage {
    shell: Shell,
    id: String,
    name: String,
    wrong: usize,
    parts: Vec<Shown>,
    deadline: String,
    deadline_iso: String,
    left: String,
    seconds_left: i64,
    rate: f64,
}

/// One part of the form as the page shows it; a question has one of the two kinds of field.
struct Shown {
    number: usize,
    heading: Option<String>,
    content: Vec<Line>,
    required: bool,
    text: Option<TextField>,
    choice: Option<ChoiceField>,
    error: Option<String>,
}

/// A piece to read: exactly one of the three.
struct Line {
    title: Option<String>,
    text: Option<String>,
    points: Vec<String>,
}

struct TextField {
    value: String,
    lines: usize,
    numeric: bool,
    least: Option<i64>,
    most: Option<i64>,
    shortest: Option<usize>,
    longest: Option<usize>,
}

impl TextField {
    /// Whether what stands there is no word: a number field would not show a word, so that nobody could mend it.
    fn typed_number(&self) -> bool {
        self.value.is_empty() || self.value.parse::<i64>().is_ok()
    }
}

struct ChoiceField {
    many: bool,
    dropdown: bool,
    hint: String,
    choices: Vec<Choice>,
    other: Option<String>,
}

struct Choice {
    id: String,
    text: String,
    chosen: bool,
}

pub(super) async fn open(
    State(site): State<Site>,
    SignedIn(worker): SignedIn,
    Path(id): Path<String>,
) -> Result<Response, PageError> {
    let (mut tx, now) = site.market.begin_of(Whose::QualificationType(&id)).await?;
    testing::open(&mut tx, now, &worker.worker_id, &id).await?;
    tx.commit().await?;
    Ok(Redirect::to(&site.links.to(&format!("/qualifications/{id}/test"))).into_response())
}

pub(super) async fn show(
    State(site): State<Site>,
    SignedIn(worker): SignedIn,
    Path(id): Path<String>,
) -> Result<Response, PageError> {
    let (mut tx, now) = site.market.begin_of(Whose::QualificationType(&id)).await?;
    let run = testing::current(&mut tx, now, &worker.worker_id, &id).await?;
    tx.commit().await?;
    render(&site, worker, StatusCode::OK, now, &run, None, &[]).await
}

pub(super) async fn hand_in(
    State(site): State<Site>,
    SignedIn(worker): SignedIn,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, PageError> {
    let fields: Vec<(String, String)> = serde_urlencoded::from_bytes(&body).unwrap_or_default();
    let (mut tx, now) = site.market.begin_of(Whose::QualificationType(&id)).await?;
    let run = testing::current(&mut tx, now, &worker.worker_id, &id).await?;
    let given = read(&run, &fields);
    match testing::hand_in(&mut tx, now, &worker.worker_id, &id, &given).await {
        Ok(asked) => {
            tx.commit().await?;
            Ok(back(&site, if asked == Asked::Granted { "granted" } else { "waiting" }))
        }
        Err(HandInError::Unfit(unfit)) => {
            drop(tx);
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            render(&site, worker, status, now, &run, Some(given.as_slice()), &unfit).await
        }
        Err(HandInError::Ask(error)) => Err(error.into()),
    }
}

/// The answers in the fields: `q` and the question's number, and `o` for words beside a list.
fn read(run: &Run, fields: &[(String, String)]) -> Vec<Given> {
    let all = |name: &str| -> Vec<String> {
        let matching = fields.iter().filter(|(field, value)| field == name && !value.trim().is_empty());
        matching.map(|(_, value)| value.trim().to_owned()).collect()
    };
    let given = |(index, question): (usize, &Question)| {
        let (values, other) = (all(&format!("q{}", index + 1)), all(&format!("o{}", index + 1)));
        let (selections, text) = match question.answer {
            AnswerKind::Text(_) => (Vec::new(), values.into_iter().next()),
            AnswerKind::Selection(_) => (values, other.into_iter().next()),
        };
        Given { id: question.id.clone(), selections, text }
    };
    run.form.questions().enumerate().map(given).collect()
}

async fn render(
    site: &Site,
    worker: Worker,
    status: StatusCode,
    now: DateTime<Utc>,
    run: &Run,
    given: Option<&[Given]>,
    unfit: &[(String, Unfit)],
) -> Result<Response, PageError> {
    let requester_id = run.kind.requester_id.as_deref().unwrap_or_default();
    let (timing, _) = site.market.clock_of(requester_id).await?;
    let seconds_left = (run.deadline - now).num_seconds();
    let shown = TestPage {
        shell: Shell::new(&site.links, Some(worker), Here::Qualifications),
        id: run.kind.qualification_type_id.clone(),
        name: run.kind.name.clone(),
        wrong: unfit.len(),
        parts: parts(run, given, unfit),
        deadline: words::time(&run.deadline),
        deadline_iso: run.deadline.to_rfc3339(),
        left: words::duration(seconds_left),
        seconds_left,
        rate: timing.rate,
    };
    page(status, &shown)
}

fn parts(run: &Run, given: Option<&[Given]>, unfit: &[(String, Unfit)]) -> Vec<Shown> {
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
    run.form.parts.iter().map(&mut shown).collect()
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
