//! Writing to workers, and blocking them.

use serde_json::{Value, json};

use super::{Call, Operation};
use crate::engine::blocks::{self, Block};
use crate::engine::messages;
use crate::protocol::failure::Failure;
use crate::protocol::fields::Fields;
use crate::protocol::paging::PageRequest;

/// Workers one call writes to at most.
const RECIPIENTS: usize = 100;

pub(crate) struct NotifyWorkers {
    subject: String,
    text: String,
    worker_ids: Vec<String>,
}

impl Operation for NotifyWorkers {
    const NAME: &'static str = "NotifyWorkers";

    fn read(fields: &mut Fields) -> Self {
        Self {
            subject: fields.required_bounded_text("Subject", 200),
            text: fields.required_bounded_text("MessageText", 4096),
            worker_ids: recipients(fields),
        }
    }

    async fn run(self, call: &mut Call<'_>) -> Result<Value, Failure> {
        let mut failures = Vec::new();
        let code = if call.quirks.soft_failures { "SoftFailure" } else { "HardFailure" };
        for worker_id in &self.worker_ids {
            let (subject, text) = (&self.subject, &self.text);
            let sent = messages::notify(call.conn, call.now, call.requester_id, worker_id, subject, text);
            if let Err(why) = sent.await? {
                failures.push(json!({
                    "NotifyWorkersFailureCode": code,
                    "NotifyWorkersFailureMessage": why.to_string(),
                    "WorkerId": worker_id,
                }));
            }
        }
        Ok(json!({ "NotifyWorkersFailureStatuses": failures }))
    }
}

/// The workers to write to, each once.
fn recipients(fields: &mut Fields) -> Vec<String> {
    let items = fields.list("WorkerIds");
    if fields.value("WorkerIds").is_none() {
        fields.broken("workerIds", None, "Member must not be null");
    } else if items.is_empty() || items.len() > RECIPIENTS {
        let message = format!("WorkerIds must name 1 to {RECIPIENTS} workers.");
        fields.wrong(Failure::parameter("AWS.ParameterOutOfRange", message));
    }
    let mut worker_ids: Vec<String> = Vec::new();
    for item in items {
        match item {
            Value::String(id) => {
                fields.check_id("workerIds", &id, "A");
                if !worker_ids.contains(&id) {
                    worker_ids.push(id);
                }
            }
            _ => fields.misshapen("WorkerIds", "a list of strings"),
        }
    }
    worker_ids
}

pub(crate) struct CreateWorkerBlock {
    worker_id: String,
    reason: String,
}

impl Operation for CreateWorkerBlock {
    const NAME: &'static str = "CreateWorkerBlock";

    fn read(fields: &mut Fields) -> Self {
        Self { worker_id: fields.required_worker_id("WorkerId"), reason: fields.required_text("Reason") }
    }

    async fn run(self, call: &mut Call<'_>) -> Result<Value, Failure> {
        blocks::room(call.conn, call.requester_id, &self.worker_id, call.quirks.most_blocks).await?;
        blocks::block(call.conn, call.now, call.requester_id, &self.worker_id, &self.reason).await?;
        Ok(json!({}))
    }
}

pub(crate) struct DeleteWorkerBlock(String);

impl Operation for DeleteWorkerBlock {
    const NAME: &'static str = "DeleteWorkerBlock";

    fn read(fields: &mut Fields) -> Self {
        fields.text("Reason");
        Self(fields.required_worker_id("WorkerId"))
    }

    async fn run(self, call: &mut Call<'_>) -> Result<Value, Failure> {
        blocks::unblock(call.conn, call.now, call.requester_id, &self.0).await?;
        Ok(json!({}))
    }
}

pub(crate) struct ListWorkerBlocks(PageRequest);

impl Operation for ListWorkerBlocks {
    const NAME: &'static str = "ListWorkerBlocks";

    fn read(fields: &mut Fields) -> Self {
        Self(PageRequest::read(fields))
    }

    async fn run(self, call: &mut Call<'_>) -> Result<Value, Failure> {
        let list = call.list("");
        let after = self.0.after_number(&list)?;
        let rows = blocks::page(call.conn, call.requester_id, after, self.0.limit()).await?;
        let shape = |block: &Block| json!({ "WorkerId": block.worker_id, "Reason": block.reason });
        Ok(self.0.answer(&list, "WorkerBlocks", rows, |block| block.seq.to_string(), shape))
    }
}
