//! Looking at HITs.

use serde_json::{Value, json};

use super::{Call, Operation};
use crate::engine::Refusal;
use crate::engine::hits::{self, Hit};
use crate::protocol::failure::Failure;
use crate::protocol::fields::Fields;
use crate::protocol::paging::PageRequest;
use crate::protocol::shapes;

pub(crate) struct GetHit(String);

impl Operation for GetHit {
    const NAME: &'static str = "GetHIT";

    fn read(fields: &mut Fields) -> Self {
        Self(fields.required_id("HITId"))
    }

    async fn run(self, call: &mut Call<'_>) -> Result<Value, Failure> {
        let hit = hits::owned(call.conn, call.requester_id, &self.0).await?;
        if !call.seen.shows(&hit) {
            return Err(Refusal::NoSuchHit(self.0).into());
        }
        let then = call.counters(std::slice::from_ref(&hit)).await?;
        Ok(json!({ "HIT": shapes::hit(&hit, call.now, &then) }))
    }
}

pub(crate) struct ListHits(PageRequest);

impl Operation for ListHits {
    const NAME: &'static str = "ListHITs";

    fn read(fields: &mut Fields) -> Self {
        Self(PageRequest::read(fields))
    }

    async fn run(self, call: &mut Call<'_>) -> Result<Value, Failure> {
        let (list, now) = (call.list(""), call.now);
        let after = self.0.after_number(&list)?;
        let rows = hits::page(call.conn, call.requester_id, after, self.0.limit()).await?;
        let (then, key) = (call.counters(&rows).await?, |hit: &Hit| hit.seq.to_string());
        Ok(self.0.answer(&list, "HITs", rows, key, |hit| shapes::hit(hit, now, &then)))
    }
}

pub(crate) struct ListReviewableHits {
    hit_type_id: Option<String>,
    reviewing: bool,
    page: PageRequest,
}

impl Operation for ListReviewableHits {
    const NAME: &'static str = "ListReviewableHITs";

    fn read(fields: &mut Fields) -> Self {
        let status = fields.choice("Status", &["Reviewable", "Reviewing"]);
        Self {
            hit_type_id: fields.id("HITTypeId"),
            reviewing: status.as_deref() == Some("Reviewing"),
            page: PageRequest::read(fields),
        }
    }

    async fn run(self, call: &mut Call<'_>) -> Result<Value, Failure> {
        let hit_type_id = self.hit_type_id.as_deref();
        let (list, now) =
            (call.list(&format!("{}/{}", hit_type_id.unwrap_or("any"), self.reviewing)), call.now);
        let after = self.page.after_number(&list)?;
        let (requester_id, limit) = (call.requester_id, self.page.limit());
        let rows =
            hits::page_reviewable(call.conn, now, requester_id, hit_type_id, self.reviewing, after, limit);
        let rows = rows.await?;
        let (then, key) = (call.counters(&rows).await?, |hit: &Hit| hit.seq.to_string());
        Ok(self.page.answer(&list, "HITs", rows, key, |hit| shapes::hit(hit, now, &then)))
    }
}
