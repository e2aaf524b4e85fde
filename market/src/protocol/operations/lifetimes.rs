//! Growing, ending and deleting HITs.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{Call, Operation};
use crate::engine::{Refusal, lifetimes};
use crate::protocol::failure::Failure;
use crate::protocol::fields::Fields;

pub(crate) struct CreateAdditionalAssignmentsForHit {
    hit_id: String,
    places: i64,
    token: Option<String>,
}

impl Operation for CreateAdditionalAssignmentsForHit {
    const NAME: &'static str = "CreateAdditionalAssignmentsForHIT";

    fn read(fields: &mut Fields) -> Self {
        Self {
            hit_id: fields.required_id("HITId"),
            places: fields.required_bounded_integer("NumberOfAdditionalAssignments", 1..=1_000_000_000),
            token: fields.token(),
        }
    }

    async fn run(self, call: &mut Call<'_>) -> Result<Value, Failure> {
        let token = self.token.as_deref();
        if call.take_token(token).await?.is_some() {
            return Err(call.repeated(token.unwrap_or_default()));
        }
        let lock = call.quirks.modification_lock;
        lifetimes::unlocked(call.conn, call.now, call.requester_id, &self.hit_id, lock).await?;
        lifetimes::extend(call.conn, call.now, call.requester_id, &self.hit_id, self.places, token).await?;
        call.settle_token(token, &self.hit_id).await?;
        Ok(json!({}))
    }
}

pub(crate) struct UpdateExpirationForHit {
    hit_id: String,
    expire_at: DateTime<Utc>,
}

impl Operation for UpdateExpirationForHit {
    const NAME: &'static str = "UpdateExpirationForHIT";

    fn read(fields: &mut Fields) -> Self {
        Self { hit_id: fields.required_id("HITId"), expire_at: fields.required_time("ExpireAt") }
    }

    async fn run(self, call: &mut Call<'_>) -> Result<Value, Failure> {
        if call.quirks.expiration_makes_a_token {
            let token = format!("{}{}", self.hit_id, self.expire_at.format("%a %b %d %H:%M:%S UTC %Y"));
            if call.take_token(Some(&token)).await?.is_some() {
                return Err(call.repeated(&token));
            }
        }
        if self.expire_at > call.now {
            let lock = call.quirks.modification_lock;
            let hit = lifetimes::unlocked(call.conn, call.now, call.requester_id, &self.hit_id, lock).await?;
            if call.quirks.expiration_only_grows && self.expire_at < hit.expiration {
                return Err(Refusal::Sooner.into());
            }
        }
        lifetimes::set_expiration(call.conn, call.now, call.requester_id, &self.hit_id, self.expire_at)
            .await?;
        Ok(json!({}))
    }
}

pub(crate) struct DeleteHit(String);

impl Operation for DeleteHit {
    const NAME: &'static str = "DeleteHIT";

    fn read(fields: &mut Fields) -> Self {
        Self(fields.required_id("HITId"))
    }

    async fn run(self, call: &mut Call<'_>) -> Result<Value, Failure> {
        lifetimes::dispose(call.conn, call.now, call.requester_id, &self.0).await?;
        Ok(json!({}))
    }
}
