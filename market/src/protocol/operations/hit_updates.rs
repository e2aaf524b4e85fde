//! Changing a HIT's type and its review label.

use serde_json::{Value, json};

use super::{Call, Operation};
use crate::engine::hits::{self, HitStatus};
use crate::engine::{labels, lifetimes};
use crate::protocol::failure::Failure;
use crate::protocol::fields::Fields;

pub(crate) struct UpdateHitTypeOfHit {
    hit_id: String,
    hit_type_id: String,
}

impl Operation for UpdateHitTypeOfHit {
    const NAME: &'static str = "UpdateHITTypeOfHIT";

    fn read(fields: &mut Fields) -> Self {
        Self { hit_id: fields.required_id("HITId"), hit_type_id: fields.required_id("HITTypeId") }
    }

    async fn run(self, call: &mut Call<'_>) -> Result<Value, Failure> {
        let fees = &call.market.settings().fees;
        let (hit_id, hit_type_id) = (&self.hit_id, &self.hit_type_id);
        let lock = call.quirks.modification_lock;
        lifetimes::unlocked(call.conn, call.now, call.requester_id, hit_id, lock).await?;
        lifetimes::change_type(call.conn, call.now, call.requester_id, fees, hit_id, hit_type_id).await?;
        Ok(json!({}))
    }
}

pub(crate) struct UpdateHitReviewStatus {
    hit_id: String,
    revert: bool,
}

impl Operation for UpdateHitReviewStatus {
    const NAME: &'static str = "UpdateHITReviewStatus";

    fn read(fields: &mut Fields) -> Self {
        Self { hit_id: fields.required_id("HITId"), revert: fields.flag("Revert") }
    }

    async fn run(self, call: &mut Call<'_>) -> Result<Value, Failure> {
        if call.quirks.repeated_review_status {
            let wanted = if self.revert { HitStatus::Reviewable } else { HitStatus::Reviewing };
            if hits::owned(call.conn, call.requester_id, &self.hit_id).await?.status(call.now) == wanted {
                return Ok(json!({}));
            }
        }
        labels::set_reviewing(call.conn, call.now, call.requester_id, &self.hit_id, !self.revert).await?;
        Ok(json!({}))
    }
}
