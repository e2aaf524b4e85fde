//! Operations whose feature is gone: review policies and uploaded files.

use serde_json::{Value, json};

use super::{Call, Operation};
use crate::engine::{Refusal, assignments, hits};
use crate::protocol::failure::Failure;
use crate::protocol::fields::Fields;
use crate::protocol::paging::PageRequest;

/// No HIT here has review policies, so the report is always an empty one.
pub(crate) struct ListReviewPolicyResultsForHit(String);

impl Operation for ListReviewPolicyResultsForHit {
    const NAME: &'static str = "ListReviewPolicyResultsForHIT";

    fn read(fields: &mut Fields) -> Self {
        fields.choices("PolicyLevels", &["Assignment", "HIT"]);
        fields.optional_flag("RetrieveActions");
        fields.optional_flag("RetrieveResults");
        PageRequest::read(fields);
        Self(fields.required_id("HITId"))
    }

    async fn run(self, call: &mut Call<'_>) -> Result<Value, Failure> {
        let hit = hits::owned(call.conn, call.requester_id, &self.0).await?;
        Ok(json!({ "HITId": hit.hit_id }))
    }
}

/// No question here takes files, so there is never one to fetch.
pub(crate) struct GetFileUploadUrl(String);

impl Operation for GetFileUploadUrl {
    const NAME: &'static str = "GetFileUploadURL";

    fn read(fields: &mut Fields) -> Self {
        fields.required_text("QuestionIdentifier");
        Self(fields.required_id("AssignmentId"))
    }

    async fn run(self, call: &mut Call<'_>) -> Result<Value, Failure> {
        let missing = || Refusal::NoSuchAssignment(self.0.clone());
        let found = assignments::find(call.conn, &self.0).await?.ok_or_else(missing)?;
        hits::owned(call.conn, call.requester_id, &found.hit_id).await.map_err(|_| missing())?;
        let message = "Questions with file uploads are no longer supported.";
        Err(Failure::request(Some("AWS.MechanicalTurk.InvalidParameterValue"), message))
    }
}
