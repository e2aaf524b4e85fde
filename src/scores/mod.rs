//! Quality scores: a number for each worker of a lab, raised by approvals and lowered by rejections.
//!
//! | part | one idea |
//! | --- | --- |
//! | [`scale`] | what decisions make of the number (pure) |
//! | [`store`] | the scale, the scores, who has news; [`Keeper`] makes scores again |
//! | [`telling`] | what each account at the recruiter is to know and has confirmed |
//! | [`teller`] | tells it, as a qualification, so that a study can ask for it |
//! | [`report`] | who stands where |
//!
//! A score is never counted up or down in place. It is made again from all decisions about the worker, so each
//! counts once, whatever crashes, and an overridden rejection counts as the approval that it became.

pub mod report;
pub mod scale;
pub mod store;
pub mod teller;
pub mod telling;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

pub use scale::Scale;

use crate::app::App;
use crate::jobs::{self, Reconciler, Step};
use crate::labs::LabId;

/// The name, for wake-ups.
pub const NAME: &str = "scorekeeper";

/// Makes the scores of those about whom something was decided.
#[derive(Debug)]
pub struct Keeper(pub App);

#[async_trait]
impl Reconciler for Keeper {
    fn name(&self) -> &'static str {
        NAME
    }

    fn period(&self) -> Duration {
        Duration::from_secs(10)
    }

    async fn step(&self) -> anyhow::Result<Step> {
        let now = self.0.clock.now();
        let mut tx = self.0.pool.begin().await?;
        // Everybody takes the rows in this order, so that two processes never wait for each other in a circle.
        let news: BTreeSet<_> = store::take_news(&mut tx).await?.into_iter().collect();
        let mut scales: HashMap<LabId, Option<Scale>> = HashMap::new();
        for (lab, worker) in &news {
            let scale = match scales.get(lab) {
                Some(scale) => *scale,
                None => store::held_scale(&mut tx, *lab).await?,
            };
            scales.insert(*lab, scale);
            if let Some(scale) = scale {
                store::make(&mut tx, *lab, *worker, &scale, now).await?;
                telling::ask(&mut tx, *worker, now).await?;
            }
        }
        // A new account is to know everybody's score, too.
        let asked = if news.is_empty() { telling::ask_new_accounts(&mut tx, now).await? } else { 0 };
        if news.is_empty() && asked == 0 {
            return Ok(Step::Idle);
        }
        jobs::wake(&mut tx, teller::NAME).await?;
        tx.commit().await?;
        Ok(Step::Worked)
    }
}

/// What keeps scores.
pub fn reconcilers(app: &App) -> Vec<Arc<dyn Reconciler>> {
    vec![Arc::new(Keeper(app.clone())), Arc::new(teller::Teller(app.clone()))]
}
