//! Telling requesters what happens to their HITs, as they ask for it per HIT type.
//!
//! An event is written into the outbox in the transaction that makes it, so it is told exactly if it happened. What is
//! told leaves from there, outside of any transaction: at least once, in whatever order retries bring about, each
//! with an id by which receivers know it again. Polling stays the truth; this is haste.
//!
//! | module | one idea |
//! | --- | --- |
//! | [`settings`] | what a requester wants to be told, and where |
//! | [`outbox`] | events waiting to be told |
//! | `document` | what is told, and the SNS envelope around it |
//! | [`delivery`] | switches, attempts, retries, lane by lane |
//! | [`couriers`] | delivering all the time, a task for each lane |
//! | `store` | the outbox's rows on their way out |
//! | [`queues`] | queues that are read with the calls of SQS |

pub mod couriers;
pub mod delivery;
mod document;
pub mod outbox;
pub mod queues;
pub mod settings;
mod store;

use serde::{Deserialize, Serialize};

pub use store::order_loss;

/// What can happen, in the protocol's words.
pub const EVENT_TYPES: [&str; 12] = [
    "AssignmentAccepted",
    "AssignmentAbandoned",
    "AssignmentReturned",
    "AssignmentSubmitted",
    "AssignmentRejected",
    "AssignmentApproved",
    "HITCreated",
    "HITExpired",
    "HITReviewable",
    "HITExtended",
    "HITDisposed",
    "Ping",
];

/// How a notification travels. The protocol's third way, e-mail, is not offered: the marketplace sends none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "UPPERCASE")]
pub enum Transport {
    /// An HTTP POST in the envelope that SNS wraps around a message.
    Sns,
    /// A message in a queue of this marketplace.
    Sqs,
}

/// What goes wrong with notifications, on demand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Trouble {
    /// Share of notifications that are lost, 0 to 1.
    pub drop: f64,
    /// Share of notifications that are told twice, 0 to 1.
    pub duplicate: f64,
    /// Whether those that leave together leave the newest first.
    pub reorder: bool,
    /// Market seconds by which each is held back.
    pub delay: u32,
    /// Whether nothing is told of assignments once their HIT's lifetime is over, as Dallinger's maintainers report of
    /// the real service.
    pub stop_after_expiry: bool,
}
