//! Approving and rejecting.

use serde_json::{Value, json};

use super::{Call, Operation};
use crate::engine::review;
use crate::protocol::failure::Failure;
use crate::protocol::fields::Fields;

pub(crate) struct ApproveAssignment {
    assignment_id: String,
    feedback: Option<String>,
    override_rejection: bool,
}

impl Operation for ApproveAssignment {
    const NAME: &'static str = "ApproveAssignment";

    fn read(fields: &mut Fields) -> Self {
        Self {
            assignment_id: fields.required_id("AssignmentId"),
            feedback: feedback(fields),
            override_rejection: fields.flag("OverrideRejection"),
        }
    }

    async fn run(self, call: &mut Call<'_>) -> Result<Value, Failure> {
        let (feedback, over) = (self.feedback.as_deref(), self.override_rejection);
        review::approve(call.conn, call.now, call.requester_id, &self.assignment_id, feedback, over).await?;
        Ok(json!({}))
    }
}

pub(crate) struct RejectAssignment {
    assignment_id: String,
    feedback: String,
}

impl Operation for RejectAssignment {
    const NAME: &'static str = "RejectAssignment";

    fn read(fields: &mut Fields) -> Self {
        let assignment_id = fields.required_id("AssignmentId");
        let feedback = feedback(fields);
        if feedback.is_none() {
            fields.required_text("RequesterFeedback");
        }
        Self { assignment_id, feedback: feedback.unwrap_or_default() }
    }

    async fn run(self, call: &mut Call<'_>) -> Result<Value, Failure> {
        review::reject(call.conn, call.now, call.requester_id, &self.assignment_id, &self.feedback).await?;
        Ok(json!({}))
    }
}

/// Words to the worker: at most 1024 characters, and of control characters only those that lay out text.
fn feedback(fields: &mut Fields) -> Option<String> {
    let feedback = fields.bounded_text("RequesterFeedback", 1024)?;
    if feedback.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r')) {
        let shown = feedback.escape_default().to_string();
        fields.wrong(Failure::invalid("RequesterFeedback", &shown));
    }
    Some(feedback)
}
