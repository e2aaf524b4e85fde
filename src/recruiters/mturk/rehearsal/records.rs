//! Play money, and what happened.

use chrono::{DateTime, Utc};
use kernel::money::Cents;
use kernel::outbound::Method;
use serde::Deserialize;
use serde_json::json;

use super::{ControlError, Controls};

/// The requester's play money, in dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Balance {
    /// Free to spend.
    #[serde(rename = "available_cents")]
    pub available: Cents,
    /// Set aside for open places.
    #[serde(rename = "on_hold_cents")]
    pub on_hold: Cents,
}

/// One thing that happened at the marketplace; what it does not have is left out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Entry {
    /// Its position.
    pub seq: i64,
    /// Market time, UTC.
    pub at: DateTime<Utc>,
    /// Such as `hit_created`.
    pub effect: String,
    /// The HIT.
    pub hit_id: Option<String>,
    /// The assignment.
    pub assignment_id: Option<String>,
    /// The worker.
    pub worker_id: Option<String>,
    /// Dollars to the worker, held for workers, or deposited.
    #[serde(rename = "amount_cents")]
    pub amount: Option<Cents>,
    /// Dollars to the marketplace.
    #[serde(rename = "fee_cents")]
    pub fee: Option<Cents>,
}

/// A part of the journal, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Tail {
    /// The entries.
    pub entries: Vec<Entry>,
    /// Where older ones begin, if there are any.
    pub before: Option<i64>,
}

/// Which entries of the journal; what is left out does not restrict.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Such as `hit_created`.
    pub effect: Option<String>,
    /// About one HIT.
    pub hit_id: Option<String>,
    /// About one assignment.
    pub assignment_id: Option<String>,
    /// About one worker.
    pub worker_id: Option<String>,
    /// Before this position.
    pub before: Option<i64>,
}

impl Controls {
    /// The play money.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn balance(&self) -> Result<Balance, ControlError> {
        self.ask(&["balance"]).await
    }

    /// Makes play money and gives the balance after it.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn deposit(&self, amount: Cents) -> Result<Balance, ControlError> {
        self.act(Method::POST, &["deposit"], Some(json!({ "cents": amount.0 }))).await
    }

    /// What happened of what is wanted, newest first, at most so many entries.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn journal(&self, wanted: &Wanted, most: i64) -> Result<Tail, ControlError> {
        let mut url = self.at(&["journal"]);
        url.query_pairs_mut().append_pair("newest_first", "true").append_pair("limit", &most.to_string());
        let before = wanted.before.map(|before| before.to_string());
        for (name, value) in [
            ("effect", &wanted.effect),
            ("hit_id", &wanted.hit_id),
            ("assignment_id", &wanted.assignment_id),
            ("worker_id", &wanted.worker_id),
            ("before", &before),
        ] {
            if let Some(value) = value {
                url.query_pairs_mut().append_pair(name, value);
            }
        }
        self.look(url).await
    }
}
