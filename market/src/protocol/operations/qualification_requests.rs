//! What workers ask for: listing, granting, refusing.

use serde_json::{Value, json};

use super::qualification_types::VALUES;
use super::{Call, Operation};
use crate::engine::qualifications::requests::{self, Request};
use crate::engine::qualifications::types;
use crate::protocol::failure::Failure;
use crate::protocol::fields::Fields;
use crate::protocol::paging::PageRequest;
use crate::protocol::shapes::{object, time};

pub(crate) struct ListQualificationRequests {
    id: Option<String>,
    page: PageRequest,
}

impl Operation for ListQualificationRequests {
    const NAME: &'static str = "ListQualificationRequests";

    fn read(fields: &mut Fields) -> Self {
        Self { id: fields.id("QualificationTypeId"), page: PageRequest::read(fields) }
    }

    async fn run(self, call: &mut Call<'_>) -> Result<Value, Failure> {
        let id = self.id.as_deref();
        if let Some(id) = id {
            types::owned(call.conn, call.requester_id, id).await?;
        }
        let list = call.list(id.unwrap_or("any"));
        let after = self.page.after_number(&list)?;
        let rows = requests::page(call.conn, call.requester_id, id, after, self.page.limit()).await?;
        Ok(self.page.answer(&list, "QualificationRequests", rows, |row| row.seq.to_string(), shape))
    }
}

pub(crate) struct AcceptQualificationRequest {
    request_id: String,
    value: i64,
}

impl Operation for AcceptQualificationRequest {
    const NAME: &'static str = "AcceptQualificationRequest";

    fn read(fields: &mut Fields) -> Self {
        Self {
            request_id: fields.required_text("QualificationRequestId"),
            value: fields.bounded_integer("IntegerValue", VALUES).unwrap_or(1),
        }
    }

    async fn run(self, call: &mut Call<'_>) -> Result<Value, Failure> {
        requests::accept(call.conn, call.now, call.requester_id, &self.request_id, self.value).await?;
        Ok(json!({}))
    }
}

pub(crate) struct RejectQualificationRequest {
    request_id: String,
    reason: Option<String>,
}

impl Operation for RejectQualificationRequest {
    const NAME: &'static str = "RejectQualificationRequest";

    fn read(fields: &mut Fields) -> Self {
        Self { request_id: fields.required_text("QualificationRequestId"), reason: fields.text("Reason") }
    }

    async fn run(self, call: &mut Call<'_>) -> Result<Value, Failure> {
        let reason = self.reason.as_deref();
        requests::reject(call.conn, call.now, call.requester_id, &self.request_id, reason).await?;
        Ok(json!({}))
    }
}

fn shape(request: &Request) -> Value {
    let text = |text: &Option<String>| text.as_ref().map(|text| json!(text));
    object([
        ("QualificationRequestId", Some(json!(request.request_id))),
        ("QualificationTypeId", Some(json!(request.qualification_type_id))),
        ("WorkerId", Some(json!(request.worker_id))),
        ("Test", text(&request.test).filter(|_| request.answer.is_some())),
        ("Answer", text(&request.answer)),
        ("SubmitTime", Some(time(request.submitted_at))),
    ])
}
