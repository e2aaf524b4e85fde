//! Registering HIT types.

use serde_json::{Value, json};

use super::{Call, Operation};
use crate::engine::hit_types::{self, Properties};
use crate::protocol::failure::Failure;
use crate::protocol::fields::Fields;
use crate::protocol::requirements;

/// Seconds in 30 days, after which work is approved at the latest.
const MONTH: i64 = 2_592_000;
/// Seconds in a year.
pub(super) const YEAR: i64 = 31_536_000;

pub(crate) struct CreateHitType(Properties);

impl Operation for CreateHitType {
    const NAME: &'static str = "CreateHITType";

    fn read(fields: &mut Fields) -> Self {
        Self(properties(fields))
    }

    async fn run(self, call: &mut Call<'_>) -> Result<Value, Failure> {
        call.check_requirements(&self.0).await?;
        let id = hit_types::register(call.conn, call.now, call.requester_id, &self.0).await?;
        Ok(json!({ "HITTypeId": id }))
    }
}

/// The members that make a HIT type, also when they come with a HIT.
pub(super) fn properties(fields: &mut Fields) -> Properties {
    let properties = Properties {
        title: fields.required_bounded_text("Title", 128),
        description: fields.required_bounded_text("Description", 2000),
        keywords: fields.bounded_text("Keywords", 1000).filter(|keywords| !keywords.is_empty()),
        reward: fields.required_amount("Reward"),
        assignment_duration: fields.required_bounded_integer("AssignmentDurationInSeconds", 30..=YEAR),
        auto_approval_delay: fields.bounded_integer("AutoApprovalDelayInSeconds", 0..=MONTH).unwrap_or(MONTH),
        qualification_requirements: requirements::read(fields),
    };
    for (name, text) in [("Title", &properties.title), ("Description", &properties.description)] {
        if text.trim().is_empty() {
            fields.wrong(Failure::invalid(name, text));
        }
    }
    properties
}
