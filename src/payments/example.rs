//! An order for tests.

use chrono::{DateTime, Utc};
use kernel::money::Cents;

use super::{Kind, Order, OrderId, OrderState};
use crate::connections::ConnectionId;
use crate::labs::LabId;
use crate::participation::ParticipationId;
use crate::studies::StudyId;

/// A bonus of 70 cents that is being sent for the first time.
pub fn order(id: OrderId) -> Order {
    Order {
        id,
        lab_id: LabId::new(),
        study_id: StudyId::new(),
        participation_id: ParticipationId::new(),
        connection_id: ConnectionId::new(),
        kind: Kind::Bonus,
        source: "payoff".into(),
        amount: Cents(70),
        fee: Cents(14),
        words: "Thank you".into(),
        state: OrderState::Sending,
        attempt: 1,
        first_sent_at: None,
        sent_at: None,
        problem: None,
        token: "token".into(),
        assignment_id: "A".into(),
        worker: "W".into(),
    }
}

/// An order that was tried so often, first then, and that the recruiter refused with these words.
pub fn tried(kind: Kind, attempt: i32, first_sent_at: Option<DateTime<Utc>>, problem: &str) -> Order {
    let problem = Some(problem.to_owned());
    Order { kind, attempt, first_sent_at, problem, ..order(OrderId::new()) }
}
