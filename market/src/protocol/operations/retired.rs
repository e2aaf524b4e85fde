//! Operations whose feature is gone: review policies and uploaded files.

use serde_json::{Value, json};

use super::{Call, Operation};
use crate::engine::{Refusal, assignments, hits, review_policies};
use crate::protocol::failure::Failure;
use crate::protocol::fields::Fields;
use crate::protocol::paging::PageRequest;
use crate::protocol::shapes::object;

/// Nothing is reviewed by a policy here: the report names the policies that came with the HIT, and no result.
pub(crate) struct ListReviewPolicyResultsForHit {
    hit_id: String,
    levels: Vec<String>,
    page: PageRequest,
}

impl Operation for ListReviewPolicyResultsForHit {
    const NAME: &'static str = "ListReviewPolicyResultsForHIT";

    fn read(fields: &mut Fields) -> Self {
        fields.optional_flag("RetrieveActions");
        fields.optional_flag("RetrieveResults");
        let page = PageRequest::read(fields);
        let levels = fields.choices("PolicyLevels", &["Assignment", "HIT"]);
        Self { hit_id: fields.required_id("HITId"), levels, page }
    }

    async fn run(self, call: &mut Call<'_>) -> Result<Value, Failure> {
        let hit = hits::owned(call.conn, call.requester_id, &self.hit_id).await?;
        // There is one page, so nobody ever got a token.
        self.page.after(&call.list(&hit.hit_id))?;
        let policies = review_policies::of_hit(call.conn, &hit.hit_id).await?;
        let asked = |level: &str| self.levels.is_empty() || self.levels.iter().any(|asked| asked == level);
        let (of_assignments, of_hit) =
            (policies.assignment.filter(|_| asked("Assignment")), policies.hit.filter(|_| asked("HIT")));
        let report = || json!({ "ReviewResults": [], "ReviewActions": [] });
        Ok(object([
            ("HITId", Some(json!(hit.hit_id))),
            ("AssignmentReviewReport", of_assignments.as_ref().map(|_| report())),
            ("AssignmentReviewPolicy", of_assignments),
            ("HITReviewReport", of_hit.as_ref().map(|_| report())),
            ("HITReviewPolicy", of_hit),
        ]))
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
