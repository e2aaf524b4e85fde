//! Money moves once, whatever goes wrong between us and the marketplace. Its journal is the truth.

mod after_all;
mod amnesia;
mod at_once;
mod by_hand;
mod compared;
mod compensated;
mod guards;
mod ledger;
mod lost_answers;
mod moved;
mod overturned;
mod refusals;
mod schedules;
mod second_person;
mod standstill;
mod withdrawn;

use chrono::Duration;
use market::clock::Turn;
use otree_hr::participation::Stage;
use otree_hr::review::Decision;

use crate::support::world::{Guest, World};

pub fn with_bonus() -> Decision {
    Decision::ApproveWithBonus { feedback: "Thank you".into(), amount: None }
}

pub fn approve() -> Decision {
    Decision::Approve { feedback: String::new() }
}

pub fn reject() -> Decision {
    Decision::Reject { reason: "The answers are random.".into() }
}

/// Time enough for every back-off, step by step.
pub async fn patience(world: &World) {
    for _ in 0..8 {
        world.later(Duration::minutes(6)).await;
    }
}

pub async fn stages(world: &World, guests: &[Guest]) -> Vec<Stage> {
    let mut stages = Vec::new();
    for guest in guests {
        stages.push(world.participation(guest).await.stage);
    }
    stages
}

/// The marketplace approves by itself what is submitted and not decided.
pub async fn auto_approve(world: &World) {
    world.market.set_clock(Turn::Step(Duration::days(8))).await.unwrap();
    world.market.tick().await.unwrap();
}
