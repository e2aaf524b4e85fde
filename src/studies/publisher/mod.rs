//! Brings into being what a published study says: its oTree session, its offer, its batches; and takes
//! them off the list again when it closes.
//!
//! Each step does one thing and writes it down; a crash anywhere leaves rows from which the next step
//! sees what is missing. Calls are made with no transaction open.

mod hits;
mod session;
pub mod strays;

use async_trait::async_trait;

use super::{State, Study, StudyId, store};
use crate::app::App;
use crate::jobs::{Lease, Reconciler, Step, back_off};

/// The publisher's name, for wake-ups.
pub const NAME: &str = "publisher";

/// Publishes studies and closes them.
#[derive(Debug)]
pub struct Publisher(pub App);

/// How one step ended.
#[derive(Debug, PartialEq, Eq)]
enum Progress {
    /// Something was done; go on at once.
    More,
    /// Everything is there.
    Complete,
    /// Something stands in the way, said in words for the researcher; later again.
    Blocked(String),
}

#[async_trait]
impl Reconciler for Publisher {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn step(&self) -> anyhow::Result<Step> {
        let now = self.0.clock.now();
        let lease = Lease::from(now);
        let mut conn = self.0.pool.acquire().await?;
        let Some(id) = store::claim(&mut conn, now, lease).await? else { return Ok(Step::Idle) };
        let study = store::get(&mut conn, id).await?;
        drop(conn);
        let progress = match study.state {
            State::Publishing => self.publish(&study, lease).await,
            _ => hits::take_off(&self.0, &study).await,
        };
        self.note(id, lease, progress).await?;
        Ok(Step::Worked)
    }
}

impl Publisher {
    async fn publish(&self, study: &Study, lease: Lease) -> anyhow::Result<Progress> {
        let created = session::create(&self.0, study).await?;
        if created != Progress::Complete {
            return Ok(created);
        }
        let prepared = session::prepare(&self.0, study).await?;
        if prepared != Progress::Complete {
            return Ok(prepared);
        }
        let Some(offer) = &study.hit_type_id else { return hits::register(&self.0, study).await };
        hits::publish(&self.0, study, offer, lease).await
    }

    /// Lets the study go with what came of the step. Our own errors count as standing in the way, too.
    async fn note(
        &self,
        id: StudyId,
        lease: Lease,
        progress: anyhow::Result<Progress>,
    ) -> anyhow::Result<()> {
        let now = self.0.clock.now();
        let mut tx = self.0.pool.begin().await?;
        match &progress {
            Ok(Progress::More) => store::release(&mut tx, id, lease, now, None).await?,
            Ok(Progress::Complete) => {
                store::opened(&mut tx, id, lease).await?;
                store::release(&mut tx, id, lease, now, None).await?;
            }
            Ok(Progress::Blocked(words)) => {
                let next = now + back_off(store::attempts(&mut tx, id).await?);
                store::release(&mut tx, id, lease, next, Some(words)).await?;
            }
            Err(_) => {
                let next = now + back_off(store::attempts(&mut tx, id).await?);
                let words = "Something went wrong on this server; it is tried again.";
                store::release(&mut tx, id, lease, next, Some(words)).await?;
            }
        }
        tx.commit().await?;
        progress.map(|_| ())
    }
}
