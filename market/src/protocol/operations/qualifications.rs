//! Giving and taking qualifications, and reading who has them.

use serde_json::{Value, json};

use super::qualification_types::VALUES;
use super::{Call, Operation};
use crate::engine::qualifications::grants::{self, Grant};
use crate::engine::qualifications::types;
use crate::engine::{Refusal, messages};
use crate::protocol::failure::Failure;
use crate::protocol::fields::Fields;
use crate::protocol::paging::PageRequest;
use crate::protocol::shapes::time;

pub(crate) struct AssociateQualificationWithWorker {
    id: String,
    worker_id: String,
    value: i64,
    told: bool,
}

impl Operation for AssociateQualificationWithWorker {
    const NAME: &'static str = "AssociateQualificationWithWorker";

    fn read(fields: &mut Fields) -> Self {
        Self {
            id: fields.required_id("QualificationTypeId"),
            worker_id: fields.required_worker_id("WorkerId"),
            value: fields.bounded_integer("IntegerValue", VALUES).unwrap_or(1),
            told: fields.optional_flag("SendNotification").unwrap_or(true),
        }
    }

    async fn run(self, call: &mut Call<'_>) -> Result<Value, Failure> {
        let (id, worker_id) = (&self.id, &self.worker_id);
        if call.quirks.inactive_types_closed {
            grants::open(call.conn, call.requester_id, id, worker_id).await?;
        }
        if call.quirks.associate_once {
            grants::missing(call.conn, call.requester_id, id, worker_id).await?;
        }
        grants::grant(call.conn, call.now, call.requester_id, id, worker_id, self.value).await?;
        if self.told {
            tell(call, id, worker_id, "You have a qualification", "").await?;
        }
        Ok(json!({}))
    }
}

pub(crate) struct DisassociateQualificationFromWorker {
    id: String,
    worker_id: String,
    reason: Option<String>,
}

impl Operation for DisassociateQualificationFromWorker {
    const NAME: &'static str = "DisassociateQualificationFromWorker";

    fn read(fields: &mut Fields) -> Self {
        Self {
            id: fields.required_id("QualificationTypeId"),
            worker_id: fields.required_worker_id("WorkerId"),
            reason: fields.text("Reason"),
        }
    }

    async fn run(self, call: &mut Call<'_>) -> Result<Value, Failure> {
        grants::revoke(call.conn, call.now, call.requester_id, &self.id, &self.worker_id).await?;
        if let Some(reason) = &self.reason {
            tell(call, &self.id, &self.worker_id, "You no longer have a qualification", reason).await?;
        }
        Ok(json!({}))
    }
}

pub(crate) struct GetQualificationScore {
    id: String,
    worker_id: String,
}

impl Operation for GetQualificationScore {
    const NAME: &'static str = "GetQualificationScore";

    fn read(fields: &mut Fields) -> Self {
        Self {
            id: fields.required_id("QualificationTypeId"),
            worker_id: fields.required_worker_id("WorkerId"),
        }
    }

    async fn run(self, call: &mut Call<'_>) -> Result<Value, Failure> {
        let grant = grants::granted(call.conn, call.requester_id, &self.id, &self.worker_id).await?;
        if !call.seen.shows(&grant) {
            let (qualification_type_id, worker_id) = (self.id, self.worker_id);
            return Err(Refusal::NoSuchQualification { qualification_type_id, worker_id }.into());
        }
        Ok(json!({ "Qualification": shape(&grant) }))
    }
}

pub(crate) struct ListWorkersWithQualificationType {
    id: String,
    revoked: Option<bool>,
    page: PageRequest,
}

impl Operation for ListWorkersWithQualificationType {
    const NAME: &'static str = "ListWorkersWithQualificationType";

    fn read(fields: &mut Fields) -> Self {
        let status = fields.choice("Status", &["Granted", "Revoked"]);
        Self {
            id: fields.required_id("QualificationTypeId"),
            revoked: status.map(|status| status == "Revoked"),
            page: PageRequest::read(fields),
        }
    }

    async fn run(self, call: &mut Call<'_>) -> Result<Value, Failure> {
        types::owned(call.conn, call.requester_id, &self.id).await?;
        let usual = if call.quirks.revoked_listed_too { None } else { Some(false) };
        let revoked = self.revoked.or(usual);
        let list = call.list(&format!("{}/{revoked:?}", self.id));
        let after = self.page.after_number(&list)?;
        let rows = grants::page(call.conn, &self.id, revoked, after, self.page.limit()).await?;
        Ok(self.page.answer(&list, "Qualifications", rows, |grant| grant.seq.to_string(), shape))
    }
}

/// Writes to the worker about the type.
async fn tell(call: &mut Call<'_>, id: &str, worker_id: &str, what: &str, body: &str) -> Result<(), Failure> {
    let kind = types::owned(call.conn, call.requester_id, id).await?;
    let subject = format!("{what}: {}", kind.name);
    Ok(messages::deliver(call.conn, call.now, call.requester_id, worker_id, &subject, body).await?)
}

fn shape(grant: &Grant) -> Value {
    json!({
        "QualificationTypeId": grant.qualification_type_id,
        "WorkerId": grant.worker_id,
        "GrantTime": time(grant.granted_at),
        "IntegerValue": grant.value,
        "Status": if grant.revoked_at.is_some() { "Revoked" } else { "Granted" },
    })
}
