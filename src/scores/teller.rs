//! Tells recruiters of scores. A qualification has the value that was set last, so telling twice is harmless; the
//! row's lease keeps two processes from telling at the same time.

use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;

use super::telling::{self, Telling};
use crate::app::App;
use crate::connections;
use crate::jobs::{Lease, Reconciler, Step, back_off};
use crate::labs::LabId;
use crate::recruiters::{Outcome, Recruiter, RefusalKind};

/// The name, for wake-ups.
pub const NAME: &str = "scoreteller";
/// What workers read about the qualification.
const WORDS: &str = "A number that follows from how earlier work for this requester was reviewed.";
/// When something that was refused is tried again: somebody may have mended it.
const REFUSED: TimeDelta = TimeDelta::hours(1);

/// Tells one score after the other.
#[derive(Debug)]
pub struct Teller(pub App);

/// Why something could not be told, in words, and when it is tried again.
struct Later(String, TimeDelta);

#[async_trait]
impl Reconciler for Teller {
    fn name(&self) -> &'static str {
        NAME
    }

    fn period(&self) -> Duration {
        Duration::from_secs(15)
    }

    fn lanes(&self) -> usize {
        2
    }

    async fn step(&self) -> anyhow::Result<Step> {
        let lease = Lease::from(self.0.clock.now());
        let mut tx = self.0.pool.begin().await?;
        let claimed = telling::claim(&mut tx, self.0.clock.now(), lease).await?;
        tx.commit().await?;
        let Some(it) = claimed else { return Ok(Step::Idle) };
        let said = self.tell(&it, lease).await?;
        let now = self.0.clock.now();
        let mut conn = self.0.pool.acquire().await?;
        match said {
            Ok(()) => telling::told(&mut conn, &it, lease, now).await?,
            Err(Later(problem, after)) => {
                telling::failed(&mut conn, &it, lease, &problem, now + after).await?;
            }
        }
        Ok(Step::Worked)
    }
}

impl Teller {
    async fn tell(&self, it: &Telling, lease: Lease) -> anyhow::Result<Result<(), Later>> {
        let soon = |words| Later(words, back_off(it.failures));
        let recruiter = match connections::recruiter(&self.0, it.connection_id).await {
            Ok(recruiter) => recruiter,
            Err(error) => return Ok(Err(soon(error.to_string()))),
        };
        let qualification = match self.qualification(it, recruiter.as_ref()).await? {
            Ok(id) => id,
            Err(later) => return Ok(Err(later)),
        };
        if lease.lapsed(self.0.clock.now()) {
            return Ok(Err(soon("It took too long.".into())));
        }
        let outcome = recruiter.rate(&qualification, &it.worker, it.score).await;
        crate::crash::point("score.told");
        Ok(match outcome {
            Outcome::Done(()) => Ok(()),
            Outcome::Refused(refusal) if refusal.kind == RefusalKind::Missing => {
                let mut conn = self.0.pool.acquire().await?;
                telling::forget(&mut conn, it, &qualification).await?;
                Err(soon(refusal.words))
            }
            Outcome::Refused(refusal) => Err(Later(refusal.words, REFUSED)),
            Outcome::NotNow(words) | Outcome::Unknown(words) => Err(soon(words)),
        })
    }

    /// The account's qualification, made on first use. One that was made before and not written down is found by
    /// its name; a second of that name the recruiter refuses.
    async fn qualification(
        &self,
        it: &Telling,
        recruiter: &dyn Recruiter,
    ) -> anyhow::Result<Result<String, Later>> {
        if let Some(id) = &it.qualification_id {
            return Ok(Ok(id.clone()));
        }
        let (name, soon) = (name(it.lab_id), back_off(it.failures));
        let found = match recruiter.find_qualification(&name).await {
            Ok(Some(id)) => Ok(id),
            Ok(None) => match recruiter.make_qualification(&name, WORDS).await {
                Outcome::Done(id) => Ok(id),
                // A list may lag: perhaps it exists and cannot be found yet.
                Outcome::Refused(refusal) => Err(Later(refusal.words, soon)),
                Outcome::NotNow(words) | Outcome::Unknown(words) => Err(Later(words, soon)),
            },
            Err(error) => Err(Later(error.to_string(), soon)),
        };
        crate::crash::point("score.qualification");
        if let Ok(id) = &found {
            telling::keep(&mut *self.0.pool.acquire().await?, it, id).await?;
        }
        Ok(found)
    }
}

/// What the qualification is called. Names are unique within an account, which two labs may share; the end of a
/// lab's id tells them apart.
pub fn name(lab: LabId) -> String {
    let id = lab.0.simple().to_string();
    format!("Quality score (oTree HR {})", &id[id.len() - 12..])
}
