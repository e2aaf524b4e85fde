//! One poll of one batch: who submitted, who was approved or rejected, who gave up.

use std::time::Duration;

use async_trait::async_trait;

use super::{SUBMISSIONS, SubmissionTracker, strangers};
use crate::app::App;
use crate::connections;
use crate::jobs::{Lease, Reconciler, Step};
use crate::participation::store;
use crate::recruiters::{AskError, Published, Submission, SubmissionStatus};
use crate::studies::batches::{self, Batch};
use crate::studies::{self};

/// A batch is looked at for so long after it ended: submissions may become visible late.
const AFTERMATH: chrono::Duration = chrono::Duration::hours(1);
/// A HIT that the recruiter has not shown for so long was deleted there.
const GONE_AFTER: chrono::Duration = chrono::Duration::minutes(10);

#[async_trait]
impl Reconciler for SubmissionTracker {
    fn name(&self) -> &'static str {
        SUBMISSIONS
    }

    fn period(&self) -> Duration {
        Duration::from_secs(2)
    }

    fn lanes(&self) -> usize {
        2
    }

    async fn step(&self) -> anyhow::Result<Step> {
        let app = &self.0;
        let now = app.clock.now();
        let lease = Lease::from(now);
        let mut conn = app.pool.acquire().await?;
        let Some(batch) = batches::claim_poll(&mut conn, now, lease).await? else { return Ok(Step::Idle) };
        let study = studies::store::get(&mut conn, batch.study_id).await?;
        drop(conn);
        let recruiter = connections::recruiter(app, study.connection_id).await?;
        let hit = batch.hit_id.as_deref().unwrap_or_default();
        // First whether people still work on it, then the list: nobody can slip in between.
        let unit = recruiter.unit(hit).await;
        let found = match &unit {
            Ok(None) => Ok(Vec::new()),
            Ok(Some(_)) => recruiter.submissions(hit).await,
            Err(error) => Err(error.clone()),
        };
        record(app, &batch, lease, unit, found).await?;
        Ok(Step::Worked)
    }
}

async fn record(
    app: &App,
    batch: &Batch,
    lease: Lease,
    unit: Result<Option<Published>, AskError>,
    found: Result<Vec<Submission>, AskError>,
) -> anyhow::Result<()> {
    let now = app.clock.now();
    let mut tx = app.pool.begin().await?;
    // The study first, as everybody does who writes about several people: nobody waits for each other in a circle.
    studies::store::hold(&mut tx, batch.study_id).await?;
    let (news, done, problem) = match (unit, found) {
        (Ok(unit), Ok(found)) => {
            let sight = see(&mut tx, batch, unit.as_ref(), now).await?;
            let over = sight == Sight::Gone || unit.as_ref().is_some_and(|unit| !unit.live);
            let (news, second) = take_over(&mut tx, batch, &found, now).await?;
            if over {
                batches::over(&mut tx, batch.id, now).await?;
            }
            let left = store::returned(&mut tx, batch.id, over, now).await?;
            let done = sight == Sight::Gone || over && is_done(batch, &found, now);
            (news || left > 0, done, words(sight, second))
        }
        (Err(error), _) | (_, Err(error)) => (false, false, Some(error.to_string())),
    };
    batches::note_problem(&mut tx, batch.id, problem.as_deref()).await?;
    if batches::polled(&mut tx, batch, lease, now, news, done).await? {
        tx.commit().await?;
    }
    Ok(())
}

/// Whether the recruiter shows the HIT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sight {
    Shown,
    /// Not at this moment: a fresh object may not be visible everywhere yet, and an old one may flicker.
    Missing,
    /// Not for so long that it must have been deleted there.
    Gone,
}

async fn see(
    conn: &mut sqlx::PgConnection,
    batch: &Batch,
    unit: Option<&Published>,
    now: chrono::DateTime<chrono::Utc>,
) -> sqlx::Result<Sight> {
    let Some(unit) = unit else {
        let since = batches::missing(conn, batch.id, now).await?;
        if now - since < GONE_AFTER {
            return Ok(Sight::Missing);
        }
        batches::gone(conn, batch.id, now).await?;
        return Ok(Sight::Gone);
    };
    batches::shown(conn, batch.id, unit.expires_at, now).await?;
    Ok(Sight::Shown)
}

/// Whether anything was new, and how many submissions are a second one of somebody who takes part through
/// another batch. Who never came to our door gets a participation without a seat, to be decided about and paid
/// like everybody.
async fn take_over(
    conn: &mut sqlx::PgConnection,
    batch: &Batch,
    found: &[Submission],
    now: chrono::DateTime<chrono::Utc>,
) -> sqlx::Result<(bool, usize)> {
    let mut news = strangers::take_in(conn, batch.id, found, now).await?;
    for submission in found {
        news |= store::submission(conn, batch.id, submission, now).await?;
    }
    let known = store::submitted(conn, batch.id).await?;
    Ok((news, found.len().saturating_sub(usize::try_from(known).unwrap_or(0))))
}

fn is_done(batch: &Batch, found: &[Submission], now: chrono::DateTime<chrono::Utc>) -> bool {
    let decided = found.iter().all(|submission| submission.status != SubmissionStatus::Submitted);
    let full = found.len() >= usize::try_from(batch.places).unwrap_or(0);
    let settled = batch.expires_at.is_none_or(|end| now - end > AFTERMATH);
    decided && (full || settled)
}

fn words(sight: Sight, second: usize) -> Option<String> {
    match sight {
        Sight::Missing => {
            Some("The recruiter does not show this batch at the moment; it is asked again.".into())
        }
        Sight::Gone => Some("The recruiter does not know this batch any more; it was deleted there.".into()),
        Sight::Shown => (second > 0).then(|| {
            format!(
                "{second} submissions are second ones, by people who take part through another batch. \
                 The recruiter approves them by itself after the time that the study says."
            )
        }),
    }
}
