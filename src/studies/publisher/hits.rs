//! The study's offer and batches at the recruiter: registered, published, taken off the list.

use super::{Progress, strays};
use crate::app::App;
use crate::connections;
use crate::jobs::Lease;
use crate::ledger::{caps, pause};
use crate::recruiters::{
    Offer, Outcome, Published, Recruiter, Refusal, RefusalKind, TOKEN_LIFE, Task, Unit, mturk,
};
use crate::studies::batches::{self, Batch};
use crate::studies::{Play, Study, store};

/// Batches under way at the same time in one step.
const AT_ONCE: usize = 8;
/// A batch that the recruiter has not listed so long after it was sent does not exist.
const SHOWS_WITHIN: chrono::Duration = chrono::Duration::minutes(10);

/// Registers the offer; the same offer gives the same id, so a repeat is harmless.
pub(super) async fn register(app: &App, study: &Study) -> anyhow::Result<Progress> {
    let recruiter = connections::recruiter(app, study.connection_id).await?;
    let outcome = recruiter.register(&offer(study)).await;
    crate::crash::point("publish.offer.call");
    let id = match outcome {
        Outcome::Done(id) => id,
        Outcome::Refused(refusal) => return Ok(Progress::Blocked(refusal.words)),
        Outcome::NotNow(words) | Outcome::Unknown(words) => return Ok(Progress::Blocked(words)),
    };
    let mut conn = app.pool.acquire().await?;
    store::registered(&mut conn, study.id, &id).await?;
    Ok(Progress::More)
}

/// What workers are offered.
pub(crate) fn offer(study: &Study) -> Offer {
    Offer {
        title: study.title.clone(),
        description: study.description.clone(),
        keywords: study.keywords.clone(),
        reward: study.reward,
        duration_s: study.duration_s,
        auto_approve_s: study.auto_approve_s,
        qualifications: study.qualifications.clone(),
    }
}

/// Publishes the next batches that are not out yet.
pub(super) async fn publish(
    app: &App,
    study: &Study,
    offer_id: &str,
    lease: Lease,
) -> anyhow::Result<Progress> {
    let mut conn = app.pool.acquire().await?;
    let all = batches::of_study(&mut conn, study.id).await?;
    drop(conn);
    let due: Vec<&Batch> =
        all.iter().filter(|b| matches!(b.state.as_str(), "planned" | "sending")).take(AT_ONCE).collect();
    if due.is_empty() {
        return Ok(Progress::Complete);
    }
    let recruiter = connections::recruiter(app, study.connection_id).await?;
    if all.iter().all(|batch| batch.first_sent_at.is_none())
        && let Some(words) = strays::of_this_offer(app, recruiter.as_ref(), study, offer_id).await?
    {
        return Ok(Progress::Blocked(words));
    }
    let task = task(app, study).await?;
    let each = due.into_iter().map(|batch| {
        let unit = unit(study, offer_id, task.clone(), batch);
        one(app, study, recruiter.as_ref(), batch, unit, lease)
    });
    let mut progress = Progress::More;
    for outcome in futures_util::future::join_all(each).await {
        if let Progress::Blocked(words) = outcome? {
            progress = Progress::Blocked(words);
        }
    }
    Ok(progress)
}

/// What became of the intent to send a batch.
enum Committed {
    /// It is written down and set aside: send it.
    Sending,
    /// The study was closed meanwhile.
    NotWanted,
    /// Money is paused, or a limit would be exceeded.
    Stopped(String),
}

/// Commits that the batch is about to be sent, with its money set aside, if every limit allows it.
async fn commit(app: &App, study: &Study, batch: &Batch) -> anyhow::Result<Committed> {
    let mut tx = app.pool.begin().await?;
    let before = caps::room(&mut tx, study.id.0).await?;
    // Under the study's lock, for which a while may have been waited.
    if pause::holds(&mut tx, study.lab_id.0, study.id.0).await? {
        let words = "Money is paused or waits for a comparison, so no further batch is published. See Money.";
        return Ok(Committed::Stopped(words.into()));
    }
    if !batches::sending(&mut tx, batch.id, app.clock.now()).await? {
        return Ok(Committed::NotWanted);
    }
    if let Some(breach) = before.breach(&caps::room(&mut tx, study.id.0).await?) {
        let words = format!("Batch {} is not published. {breach}, or close the study.", batch.position);
        return Ok(Committed::Stopped(words));
    }
    tx.commit().await?;
    Ok(Committed::Sending)
}

async fn one(
    app: &App,
    study: &Study,
    recruiter: &dyn Recruiter,
    batch: &Batch,
    unit: Unit,
    lease: Lease,
) -> anyhow::Result<Progress> {
    if batch.state == "sending"
        && let Some(progress) = look(app, recruiter, batch).await?
    {
        return Ok(progress);
    }
    match commit(app, study, batch).await? {
        Committed::Sending => {}
        Committed::NotWanted => return Ok(Progress::More),
        Committed::Stopped(words) => return Ok(Progress::Blocked(words)),
    }
    crate::crash::point("publish.batch.row");
    if batch.state != "sending"
        && let Some(progress) = strays::sent_before(app, recruiter, study, batch).await?
    {
        return Ok(progress);
    }
    // Who overslept sends nothing: somebody else has taken over, and the recruiter forgets tokens after a day.
    if lease.lapsed(app.clock.now()) {
        tracing::warn!(batch = %batch.id, "a batch was not sent: the lease lapsed before the call");
        return Ok(Progress::More);
    }
    let outcome = recruiter.publish(&unit).await;
    crate::crash::point("publish.batch.call");
    let progress = record(app, batch, outcome).await;
    crate::crash::point("publish.batch.recorded");
    progress
}

/// Looks for a batch whose answer was lost. `None`: it is not there, and sending it again under the same
/// token is safe.
async fn look(app: &App, recruiter: &dyn Recruiter, batch: &Batch) -> anyhow::Result<Option<Progress>> {
    match recruiter.find_by_mark(&batch.id.to_string()).await {
        Ok(Some(found)) => record(app, batch, Outcome::Done(found)).await.map(Some),
        Ok(None) if token_alive(app, batch) => Ok(None),
        Ok(None) => Ok(Some(Progress::Blocked(format!(
            "Batch {} was sent long ago and the recruiter does not list it. It is not sent again, since it \
             might then exist twice; close this study if it stays so.",
            batch.position
        )))),
        Err(error) => Ok(Some(Progress::Blocked(error.to_string()))),
    }
}

fn token_alive(app: &App, batch: &Batch) -> bool {
    batch.first_sent_at.is_none_or(|first| app.clock.now() - first < TOKEN_LIFE)
}

pub(super) async fn record(
    app: &App,
    batch: &Batch,
    outcome: Outcome<Published>,
) -> anyhow::Result<Progress> {
    let now = app.clock.now();
    let mut conn = app.pool.acquire().await?;
    let (state, words) = match outcome {
        Outcome::Done(published) => {
            batches::opened(&mut conn, batch.id, &published, now).await?;
            return Ok(Progress::More);
        }
        // An earlier attempt may have come about: it is looked for before the next one.
        Outcome::Refused(Refusal { words, .. }) | Outcome::NotNow(words) if batch.state == "sending" => {
            ("sending", words)
        }
        Outcome::Refused(Refusal { words, .. }) | Outcome::NotNow(words) => ("planned", words),
        Outcome::Unknown(words) => ("sending", words),
    };
    batches::held_up(&mut conn, batch.id, state, &words).await?;
    Ok(Progress::Blocked(words))
}

fn unit(study: &Study, offer_id: &str, task: Task, batch: &Batch) -> Unit {
    Unit {
        offer_id: offer_id.to_owned(),
        task,
        places: batch.places,
        lifetime_s: study.lifetime_s,
        mark: batch.id.to_string(),
        token: batch.request_token.clone(),
    }
}

/// What a worker sees in the recruiter's frame.
pub(crate) async fn task(app: &App, study: &Study) -> anyhow::Result<Task> {
    let door = app.config.absolute(&format!("/go/{}", study.code));
    let height = study.frame_height;
    let sites = connections::place(app, study.connection_id).await?.submit_sites;
    Ok(match (study.play, &study.template_html) {
        (Play::Template, Some(html)) => {
            Task::Html { html: mturk::template::page(html, &door, &sites), height }
        }
        _ => Task::Frame { url: door, height },
    })
}

/// Takes the batches of a closed study off the list; who works on one may go on. One that cannot be taken
/// off keeps none of the others on it.
pub(super) async fn take_off(app: &App, study: &Study) -> anyhow::Result<Progress> {
    let mut conn = app.pool.acquire().await?;
    let all = batches::of_study(&mut conn, study.id).await?;
    drop(conn);
    let recruiter = connections::recruiter(app, study.connection_id).await?;
    let mut progress = Progress::More;
    for batch in all.iter().filter(|b| b.expired_at.is_none()) {
        let one = match (batch.state.as_str(), &batch.hit_id) {
            ("sending", _) => find_late(app, recruiter.as_ref(), study, batch).await?,
            ("open", Some(hit)) => expire(recruiter.as_ref(), hit).await,
            _ => continue,
        };
        match one {
            Progress::Complete => {
                let mut conn = app.pool.acquire().await?;
                batches::expired(&mut conn, batch.id, app.clock.now()).await?;
            }
            Progress::Blocked(words) => progress = Progress::Blocked(words),
            Progress::More => {}
        }
    }
    Ok(progress)
}

async fn expire(recruiter: &dyn Recruiter, hit: &str) -> Progress {
    match recruiter.expire(hit).await {
        Outcome::Done(()) | Outcome::Refused(Refusal { kind: RefusalKind::Missing, .. }) => {
            Progress::Complete
        }
        Outcome::Refused(Refusal { words, .. }) | Outcome::NotNow(words) | Outcome::Unknown(words) => {
            Progress::Blocked(words)
        }
    }
}

/// A batch whose answer was lost before the study was closed: looked for until it would have shown up. It may have
/// been tried until the study was closed.
async fn find_late(
    app: &App,
    recruiter: &dyn Recruiter,
    study: &Study,
    batch: &Batch,
) -> anyhow::Result<Progress> {
    let last = batch.first_sent_at.map(|first| study.closed_at.map_or(first, |closed| closed.max(first)));
    match recruiter.find_by_mark(&batch.id.to_string()).await {
        Ok(Some(found)) => record(app, batch, Outcome::Done(found)).await,
        Ok(None) if last.is_some_and(|sent| app.clock.now() - sent < SHOWS_WITHIN) => {
            Ok(Progress::Blocked(format!(
                "Batch {} may have gone out just before the study was closed; the recruiter is being asked.",
                batch.position
            )))
        }
        Ok(None) => {
            let mut conn = app.pool.acquire().await?;
            let words = "It never reached the recruiter before the study was closed.";
            batches::held_up(&mut conn, batch.id, "refused", words).await?;
            Ok(Progress::Complete)
        }
        Err(error) => Ok(Progress::Blocked(error.to_string())),
    }
}
