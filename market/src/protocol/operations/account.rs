//! The requester's account.

use serde_json::{Value, json};

use super::{Call, Operation};
use crate::engine::money;
use crate::protocol::failure::Failure;
use crate::protocol::fields::Fields;

/// What the sandbox said to everybody.
const SANDBOX: &str = "10000.00";

pub(crate) struct GetAccountBalance;

impl Operation for GetAccountBalance {
    const NAME: &'static str = "GetAccountBalance";

    fn read(_fields: &mut Fields) -> Self {
        Self
    }

    async fn run(self, call: &mut Call<'_>) -> Result<Value, Failure> {
        if call.quirks.constant_balance {
            return Ok(json!({ "AvailableBalance": SANDBOX, "OnHoldBalance": "0.00" }));
        }
        let balance = money::balance(call.conn, call.requester_id).await?;
        Ok(json!({
            "AvailableBalance": balance.available.to_string(),
            "OnHoldBalance": balance.on_hold.to_string(),
        }))
    }
}
