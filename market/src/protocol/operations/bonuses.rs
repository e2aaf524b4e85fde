//! Sending bonuses and listing those that were sent.

use serde_json::{Value, json};

use super::{Call, Operation};
use crate::engine::bonuses::{self, Bonus, NewBonus};
use crate::engine::{Refusal, assignments, hits};
use crate::protocol::failure::Failure;
use crate::protocol::fields::Fields;
use crate::protocol::paging::PageRequest;
use crate::protocol::shapes;

pub(crate) struct SendBonus(NewBonus);

impl Operation for SendBonus {
    const NAME: &'static str = "SendBonus";

    fn read(fields: &mut Fields) -> Self {
        let amount = fields.required_amount("BonusAmount");
        if !amount.is_positive() && fields.value("BonusAmount").is_some() {
            fields.wrong(Failure::invalid("BonusAmount", &amount.to_string()));
        }
        Self(NewBonus {
            worker_id: fields.required_worker_id("WorkerId"),
            assignment_id: fields.required_id("AssignmentId"),
            amount,
            reason: fields.required_text("Reason"),
            token: fields.token(),
        })
    }

    async fn run(self, call: &mut Call<'_>) -> Result<Value, Failure> {
        let token = self.0.token.as_deref();
        if call.take_token(token).await?.is_some() {
            return Err(call.repeated(token.unwrap_or_default()));
        }
        let fees = &call.market.settings().fees;
        let largest = call.quirks.largest_bonus;
        if largest > 0 && self.0.amount.0 > largest {
            return Err(Failure::invalid("BonusAmount", &self.0.amount.to_string()));
        }
        let days = call.quirks.bonus_window_days;
        bonuses::in_window(call.conn, call.now, call.requester_id, &self.0.worker_id, days).await?;
        bonuses::send(call.conn, call.now, call.requester_id, fees, &self.0).await?;
        call.settle_token(token, &self.0.assignment_id).await?;
        Ok(json!({}))
    }
}

pub(crate) struct ListBonusPayments {
    hit_id: Option<String>,
    assignment_id: Option<String>,
    page: PageRequest,
}

impl Operation for ListBonusPayments {
    const NAME: &'static str = "ListBonusPayments";

    fn read(fields: &mut Fields) -> Self {
        let (hit_id, assignment_id) = (fields.id("HITId"), fields.id("AssignmentId"));
        match (&hit_id, &assignment_id) {
            (Some(_), Some(_)) => {
                let message = "HITId and AssignmentId cannot be used together.";
                fields.wrong(Failure::client("InvalidParameterCombinationError", message));
            }
            (None, None) => {
                let message = "Either HITId or AssignmentId is needed.";
                fields.wrong(Failure::parameter("AWS.MechanicalTurk.InvalidParameterValue", message));
            }
            _ => {}
        }
        Self { hit_id, assignment_id, page: PageRequest::read(fields) }
    }

    async fn run(self, call: &mut Call<'_>) -> Result<Value, Failure> {
        let (hit_id, assignment_id) = (self.hit_id.as_deref(), self.assignment_id.as_deref());
        check_owner(call, hit_id, assignment_id).await?;
        let list = call.list(hit_id.or(assignment_id).unwrap_or_default());
        let after = self.page.after_number(&list)?;
        let limit = self.page.limit();
        let rows = bonuses::page(call.conn, call.requester_id, hit_id, assignment_id, after, limit).await?;
        Ok(self.page.answer(&list, "BonusPayments", rows, |bonus| bonus.seq.to_string(), payment))
    }
}

/// Payments stay listed after the HIT was deleted: they are what books are held against.
async fn check_owner(
    call: &mut Call<'_>,
    hit_id: Option<&str>,
    assignment_id: Option<&str>,
) -> Result<(), Failure> {
    let mut of_hit = hit_id.map(str::to_owned);
    if let Some(id) = assignment_id {
        let found = assignments::find(call.conn, id).await?;
        of_hit = Some(found.ok_or_else(|| Refusal::NoSuchAssignment(id.into()))?.hit_id);
    }
    let hit_id = of_hit.unwrap_or_default();
    let hit = hits::find(call.conn, &hit_id).await?.filter(|hit| hit.requester_id == call.requester_id);
    match (hit, assignment_id) {
        (Some(_), _) => Ok(()),
        (None, Some(id)) => Err(Refusal::NoSuchAssignment(id.into()).into()),
        (None, None) => Err(Refusal::NoSuchHit(hit_id).into()),
    }
}

fn payment(bonus: &Bonus) -> Value {
    json!({
        "WorkerId": bonus.worker_id,
        "BonusAmount": bonus.amount.to_string(),
        "AssignmentId": bonus.assignment_id,
        "Reason": bonus.reason,
        "GrantTime": shapes::time(bonus.paid_at),
    })
}
