//! Delivering all the time: a task for each lane, so that nobody waits for somebody else's receiver.

use std::collections::HashMap;

use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::delivery::{self, Lane};
use crate::Market;
use crate::market::rest;

/// Lanes that somebody is on.
#[derive(Default)]
struct Couriers {
    tasks: JoinSet<anyhow::Result<usize>>,
    lanes: HashMap<Id, Lane>,
}

/// Delivers every second until told to stop, then gives those who are under way the time that a receiver has.
pub async fn run(market: &Market, stop: &CancellationToken) {
    let mut couriers = Couriers::default();
    while !stop.is_cancelled() {
        couriers.welcome();
        rest(stop, couriers.send_out(market).await).await;
    }
    let home = async { while couriers.tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(delivery::PATIENCE, home).await.is_err() {
        tracing::warn!("Notifications were under way when the marketplace stopped; they are told again");
    }
}

impl Couriers {
    /// Sends somebody along each lane that has something to tell and nobody on it.
    async fn send_out(&mut self, market: &Market) -> anyhow::Result<()> {
        for lane in delivery::lanes(market).await? {
            if !self.lanes.values().any(|taken| *taken == lane) {
                let (market, own) = (market.clone(), lane.clone());
                let task =
                    self.tasks.spawn(async move { delivery::along(&market, &own, delivery::BUDGET).await });
                self.lanes.insert(task.id(), lane);
            }
        }
        Ok(())
    }

    /// Takes note of those who are back.
    fn welcome(&mut self) {
        while let Some(back) = self.tasks.try_join_next_with_id() {
            let id = match &back {
                Ok((id, _)) => *id,
                Err(error) => error.id(),
            };
            self.lanes.remove(&id);
            report(back);
        }
    }
}

fn report(back: Result<(Id, anyhow::Result<usize>), JoinError>) {
    match back {
        Ok((_, Ok(_))) => {}
        Ok((_, Err(error))) => {
            tracing::error!(error = format!("{error:#}"), "The marketplace could not deliver notifications");
        }
        Err(error) => tracing::error!(%error, "Delivering notifications broke off"),
    }
}
