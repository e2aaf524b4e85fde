//! Looking at what was handed in.

use chrono::DateTime;
use serde_json::{Value, json};

use super::{Call, Operation};
use crate::engine::assignments::{self, Assignment, AssignmentState};
use crate::engine::{Refusal, hits};
use crate::protocol::failure::Failure;
use crate::protocol::fields::Fields;
use crate::protocol::paging::PageRequest;
use crate::protocol::shapes;

const SHOWN: [AssignmentState; 3] =
    [AssignmentState::Submitted, AssignmentState::Approved, AssignmentState::Rejected];

pub(crate) struct GetAssignment(String);

impl Operation for GetAssignment {
    const NAME: &'static str = "GetAssignment";

    fn read(fields: &mut Fields) -> Self {
        Self(fields.required_id("AssignmentId"))
    }

    async fn run(self, call: &mut Call<'_>) -> Result<Value, Failure> {
        let missing = || Refusal::NoSuchAssignment(self.0.clone());
        let assignment = assignments::find(call.conn, &self.0).await?.ok_or_else(missing)?;
        let hit = hits::owned(call.conn, call.requester_id, &assignment.hit_id).await;
        let hit = hit.map_err(|refusal| match refusal {
            Refusal::NoSuchHit(_) => missing(),
            other => other,
        })?;
        if !SHOWN.contains(&assignment.state) || !call.seen.shows(&assignment) {
            return Err(Refusal::AssignmentState("Reviewable,Approved,Rejected").into());
        }
        let then = call.counters(std::slice::from_ref(&hit)).await?;
        let hit = shapes::hit(&hit, call.now, &then);
        Ok(json!({ "Assignment": shapes::assignment(&assignment), "HIT": hit }))
    }
}

pub(crate) struct ListAssignmentsForHit {
    hit_id: String,
    states: Vec<AssignmentState>,
    page: PageRequest,
}

impl Operation for ListAssignmentsForHit {
    const NAME: &'static str = "ListAssignmentsForHIT";

    fn read(fields: &mut Fields) -> Self {
        let words = fields.choices("AssignmentStatuses", &["Submitted", "Approved", "Rejected"]);
        let asked = |state: &AssignmentState| {
            let word = shapes::assignment_status(*state);
            words.is_empty() || words.iter().any(|asked| Some(asked.as_str()) == word)
        };
        Self {
            hit_id: fields.required_id("HITId"),
            states: SHOWN.into_iter().filter(asked).collect(),
            page: PageRequest::read(fields),
        }
    }

    async fn run(self, call: &mut Call<'_>) -> Result<Value, Failure> {
        hits::owned(call.conn, call.requester_id, &self.hit_id).await?;
        let list = call.list(&format!("{}/{:?}", self.hit_id, self.states));
        let after = self.page.after(&list)?.as_deref().and_then(position).unwrap_or((0, 0));
        let after = (DateTime::from_timestamp_micros(after.0).unwrap_or_default(), after.1);
        let rows = assignments::page(call.conn, &self.hit_id, &self.states, after, self.page.limit()).await?;
        Ok(self.page.answer(&list, "Assignments", rows, key, shapes::assignment))
    }
}

/// Order of submission: microseconds, and the row's number between equals.
fn key(assignment: &Assignment) -> String {
    let micros = assignment.submitted_at.unwrap_or_default().timestamp_micros();
    format!("{micros}-{}", assignment.seq)
}

fn position(key: &str) -> Option<(i64, i64)> {
    let (micros, seq) = key.split_once('-')?;
    Some((micros.parse().ok()?, seq.parse().ok()?))
}
