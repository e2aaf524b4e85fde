//! Workers whom the requester's own program plays, step by step: made, given a place, made to return or hand in.
//!
//! A requester speaks for the workers they made and for nobody else, and only on their own HITs that are practice: no
//! account of a person and no real money can be reached from here. What is done is done by the engine that the worker
//! site uses, so requirements, deadlines, journal and notifications are the same.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::caller::Caller;
use super::problem::{Body, Problem};
use crate::Market;
use crate::clock::Whose;
use crate::engine::assignments::{self, Assignment, FormError, Wanted, WorkError};
use crate::engine::hit_types;
use crate::engine::hits::{self, Hit};
use crate::engine::qualifications::form::{AnswerKind, QuestionForm};
use crate::engine::qualifications::given::Given;
use crate::engine::question::Question;
use crate::engine::workers::{self, Worker};

/// Workers that one requester makes at most.
const MOST_WORKERS: i64 = 10_000;

/// `POST /workers`: makes a worker.
pub(super) async fn make(
    caller: Caller,
    State(market): State<Market>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let (mut tx, now) = market.begin_of(Whose::Requester(&caller.requester_id)).await?;
    if workers::count_made_by(&mut tx, &caller.requester_id).await? >= MOST_WORKERS {
        let detail = format!("A requester makes at most {MOST_WORKERS} workers.");
        return Err(Problem::new(StatusCode::CONFLICT, "too_many", detail));
    }
    let worker = workers::create_for(&mut tx, now, &caller.requester_id).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(worker_shape(&worker))))
}

/// `GET /workers`: the workers that the requester made, oldest first.
pub(super) async fn list(caller: Caller, State(market): State<Market>) -> Result<Json<Value>, Problem> {
    let mut conn = market.pool().acquire().await?;
    let made = workers::made_by(&mut conn, &caller.requester_id).await?;
    Ok(Json(json!({ "workers": made.iter().map(worker_shape).collect::<Vec<_>>() })))
}

/// Who takes what: one HIT, or the next of a type.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Taking {
    worker_id: String,
    hit_id: Option<String>,
    hit_type_id: Option<String>,
}

impl Taking {
    fn wanted(&self) -> Result<Wanted<'_>, Problem> {
        match (&self.hit_id, &self.hit_type_id) {
            (Some(hit_id), None) => Ok(Wanted::Hit(hit_id)),
            (None, Some(hit_type_id)) => Ok(Wanted::Group(hit_type_id)),
            _ => Err(Problem::invalid("Name either a hit_id or a hit_type_id.")),
        }
    }
}

/// `POST /assignments`: a worker accepts.
pub(super) async fn accept(
    caller: Caller,
    State(market): State<Market>,
    Body(taking): Body<Taking>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let wanted = taking.wanted()?;
    let (mut tx, now) = market.begin_of(Whose::Requester(&caller.requester_id)).await?;
    if !workers::is_made_by(&mut tx, &taking.worker_id, &caller.requester_id).await? {
        return Err(Problem::not_found("You made no such worker."));
    }
    match wanted {
        Wanted::Hit(hit_id) => drop(own_hit(&mut tx, &caller, hit_id).await?),
        Wanted::Group(hit_type_id) => own_group(&mut tx, &caller, hit_type_id).await?,
    }
    let taken = assignments::accept(&mut tx, market.settings(), now, &taking.worker_id, wanted).await?;
    // A group may have HITs from before its requester rehearsed; nothing is taken of those.
    own_hit(&mut tx, &caller, &taken.hit_id).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(assignment_shape(&taken))))
}

/// `POST /assignments/{id}/return`: its worker gives it back.
pub(super) async fn give_back(
    caller: Caller,
    State(market): State<Market>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let (mut tx, now) = market.begin_of(Whose::Requester(&caller.requester_id)).await?;
    let (assignment, _) = own_assignment(&mut tx, &caller, &id).await?;
    assignments::give_back(&mut tx, now, &assignment.worker_id, &id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What is handed in: values by the names of fields, or by the identifiers of a form's questions.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HandingIn {
    fields: BTreeMap<String, Values>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Values {
    One(String),
    Several(Vec<String>),
}

impl Values {
    fn all(self) -> Vec<String> {
        match self {
            Self::One(value) => vec![value],
            Self::Several(values) => values,
        }
    }
}

/// `POST /assignments/{id}/submit`: its worker hands in.
pub(super) async fn hand_in(
    caller: Caller,
    State(market): State<Market>,
    Path(id): Path<String>,
    Body(HandingIn { fields }): Body<HandingIn>,
) -> Result<Json<Value>, Problem> {
    let (mut tx, now) = market.begin_of(Whose::Requester(&caller.requester_id)).await?;
    let (Assignment { worker_id, .. }, hit) = own_assignment(&mut tx, &caller, &id).await?;
    let done = match Question::parse(&hit.question, market.settings().allow_http_questions) {
        Ok(Question::Form(form)) => {
            let given = given(&form, fields)?;
            assignments::answer(&mut tx, now, &id, &worker_id, &form, &given).await?
        }
        _ => {
            let pairs = |(name, values): (String, Values)| {
                values.all().into_iter().map(move |value| (name.clone(), value))
            };
            let fields: Vec<_> = fields.into_iter().flat_map(pairs).collect();
            assignments::submit(&mut tx, now, &id, Some(&worker_id), &fields).await?
        }
    };
    tx.commit().await?;
    Ok(Json(assignment_shape(&done)))
}

/// Values that are on a question's list are selections, and another one is the words beside the list.
fn given(form: &QuestionForm, fields: BTreeMap<String, Values>) -> Result<Vec<Given>, Problem> {
    let answer = |(id, values): (String, Values)| {
        let question = form.question(&id);
        let question =
            question.ok_or_else(|| Problem::invalid(format!("The form has no question {id:?}.")))?;
        let listed = |value: &String| match &question.answer {
            AnswerKind::Text(_) => false,
            AnswerKind::Selection(rule) => rule.selections.iter().any(|(listed, _)| listed == value),
        };
        let (selections, mut words): (Vec<_>, Vec<_>) = values.all().into_iter().partition(listed);
        if words.len() > 1 {
            return Err(Problem::invalid(format!("Question {id:?} takes one text.")));
        }
        Ok(Given { id, selections, text: words.pop() })
    };
    fields.into_iter().map(answer).collect()
}

async fn own_hit(conn: &mut PgConnection, caller: &Caller, hit_id: &str) -> Result<Hit, Problem> {
    let hit = hits::find(conn, hit_id).await?;
    hit.filter(|hit| hit.requester_id == caller.requester_id && hit.practice)
        .ok_or_else(|| Problem::not_found("There is no such HIT of yours that is practice."))
}

async fn own_group(conn: &mut PgConnection, caller: &Caller, hit_type_id: &str) -> Result<(), Problem> {
    let own = hit_types::is_of(conn, hit_type_id, &caller.requester_id).await?;
    own.then_some(()).ok_or_else(|| Problem::not_found("There is no such HIT type of yours."))
}

/// The assignment that one of the requester's own workers has of one of their HITs. No id has a NUL character in it, and
/// Postgres could not look for one.
async fn own_assignment(
    conn: &mut PgConnection,
    caller: &Caller,
    id: &str,
) -> Result<(Assignment, Hit), Problem> {
    let none = || Problem::not_found("None of the workers that you made holds such an assignment.");
    if id.contains('\0') {
        return Err(none());
    }
    let assignment = assignments::find(conn, id).await?.ok_or_else(none)?;
    if !workers::is_made_by(conn, &assignment.worker_id, &caller.requester_id).await? {
        return Err(none());
    }
    let hit = own_hit(conn, caller, &assignment.hit_id).await?;
    Ok((assignment, hit))
}

fn worker_shape(worker: &Worker) -> Value {
    json!({ "worker_id": worker.worker_id, "name": worker.name, "created_at": worker.created_at })
}

fn assignment_shape(assignment: &Assignment) -> Value {
    json!({
        "assignment_id": assignment.assignment_id, "hit_id": assignment.hit_id, "worker_id": assignment.worker_id,
        "accepted_at": assignment.accepted_at, "deadline": assignment.deadline,
        "submitted_at": assignment.submitted_at, "auto_approval_at": assignment.auto_approval_at,
    })
}

impl From<WorkError> for Problem {
    fn from(error: WorkError) -> Self {
        let code = match error {
            WorkError::Database(cause) => return cause.into(),
            WorkError::Books(cause) => {
                tracing::error!(%cause, "A requester's books do not fit");
                return Self::broken();
            }
            WorkError::NoAnswer => return Self::invalid("Hand in at least one field that is an answer."),
            WorkError::NothingLeft => "nothing_left",
            WorkError::AlreadyHeld { .. } => "already_held",
            WorkError::AlreadyDone => "already_done",
            WorkError::GaveUp => "gave_up",
            WorkError::Blocked => "blocked",
            WorkError::NotQualified(_) => "not_qualified",
            WorkError::NotHeld => "not_held",
            WorkError::TooLate => "too_late",
            WorkError::OwnForm => "own_form",
        };
        Self::new(StatusCode::CONFLICT, code, error.to_string())
    }
}

impl From<FormError> for Problem {
    fn from(error: FormError) -> Self {
        match error {
            FormError::Work(error) => error.into(),
            FormError::Unfit(unfit) => {
                let each = unfit.iter().map(|(id, why)| format!("{id}: {why}")).collect::<Vec<_>>();
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "unfit", each.join(" "))
            }
        }
    }
}
