//! From the outbox to whoever wants to know.
//!
//! One step decides first what becomes of new notices (the switches of [`Trouble`]), then claims those that are due
//! and sends them with no transaction open. A claim is an attempt that puts the next one ahead, so that a process
//! that dies in the middle costs a delay and perhaps a duplicate, never a loss.
//!
//! What one requester tells one destination is a [`Lane`]: told in order, and by itself. A lane works for a bounded
//! time, far shorter than its claim lasts, and hands back what it did not come to; so a slow receiver delays only
//! itself, and no two processes send the same notice because the first one is slow. One process at a time is on a lane:
//! notices that were claimed and neither left nor failed keep the others off it.

use std::time::Duration as StdDuration;

use anyhow::Context;
use chrono::{DateTime, Duration, Utc};
use futures_util::future::join_all;
use kernel::outbound::header::{CONTENT_TYPE, HeaderName};
use kernel::outbound::{Method, Request};
use tokio::time::Instant;

use super::outbox::Notice;
use super::store::{self, Fate};
use super::{Transport, Trouble, document, queues};
use crate::Market;
use crate::clock::Whose;
use crate::engine::later;

/// Seconds after which a claimed notice may be claimed again.
const CLAIM: i64 = 120;
/// Notices that one lane claims at most.
const BATCH: i64 = 50;
/// How long a lane goes on with what it claimed. The last notice it begins may take [`PATIENCE`] more.
pub const BUDGET: StdDuration = StdDuration::from_secs(20);
/// A notice is given up after so many attempts, which take about two hours.
const ATTEMPTS: i64 = 12;
/// How long a receiver may take to answer.
pub const PATIENCE: StdDuration = StdDuration::from_secs(10);
/// Bytes of an answer that is only looked at for its status.
const ANSWER: usize = 64 * 1024;

/// What one requester tells one destination.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Lane {
    /// Who tells.
    pub requester_id: String,
    /// Where to.
    pub destination: String,
}

/// Tells what is due now, each lane for `budget`, and says how many notices were sent.
///
/// # Errors
/// When Postgres fails, after everything else was tried. What a receiver does is no error.
pub async fn step(market: &Market, budget: StdDuration) -> anyhow::Result<usize> {
    let outcomes = join_all(lanes(market).await?.iter().map(|lane| along(market, lane, budget))).await;
    let mut sent = 0;
    for outcome in outcomes {
        sent += outcome.context("notifications")?;
    }
    Ok(sent)
}

/// Decides what becomes of new notices, forgets old ones, and says which lanes have something to tell.
///
/// # Errors
/// When Postgres fails.
pub async fn lanes(market: &Market) -> anyhow::Result<Vec<Lane>> {
    let real = market.real_now();
    let fresh = store::with_fresh(&mut *market.pool().acquire().await?).await?;
    for outcome in join_all(fresh.iter().map(|id| decide(market, id))).await {
        if let Err(error) = outcome {
            tracing::error!(%error, "Notifications of a requester are left undecided");
        }
    }
    store::tidy(market.pool(), real).await?;
    Ok(store::lanes(&mut *market.pool().acquire().await?, real).await?)
}

async fn decide(market: &Market, requester_id: &str) -> anyhow::Result<()> {
    let (mut tx, _) = market.begin_of(Whose::Requester(requester_id)).await?;
    let trouble = market.quirks_of(&mut tx, requester_id).await?.notices;
    for notice in store::fresh(&mut tx, requester_id).await? {
        let lost = store::take_loss(&mut tx, requester_id).await?;
        let fate = if lost { Fate::Lost } else { fate(&trouble, &notice, rand::random(), rand::random()) };
        store::decide(&mut tx, market.real_now(), &notice, fate).await?;
    }
    Ok(tx.commit().await?)
}

/// Tells what is due on one lane, for `budget` at most, and says how many notices were sent.
///
/// # Errors
/// When Postgres fails.
pub async fn along(market: &Market, lane: &Lane, budget: StdDuration) -> anyhow::Result<usize> {
    let (mut tx, now) = market.begin_of(Whose::Requester(&lane.requester_id)).await?;
    let trouble = market.quirks_of(&mut tx, &lane.requester_id).await?.notices;
    let claim = Duration::seconds(CLAIM);
    // The time is read on the lane: what was handed back while we waited for it comes before what is newer.
    store::lock(&mut tx, lane).await?;
    let mut due = store::claim(&mut tx, market.real_now(), now, lane, claim, BATCH).await?;
    tx.commit().await?;
    due.sort_by_key(|notice| if trouble.reorder { -notice.seq } else { notice.seq });
    in_turn(market, due, Instant::now() + budget).await
}

/// What the switches do to a notice; the rolls are between 0 and 1.
fn fate(trouble: &Trouble, notice: &Notice, drop: f64, duplicate: f64) -> Fate {
    let silenced = trouble.stop_after_expiry && notice.after_expiry && notice.assignment_id.is_some();
    if silenced || drop < trouble.drop {
        return Fate::Lost;
    }
    let due_at = later(notice.at, trouble.delay.into());
    Fate::Told { due_at, twice: duplicate < trouble.duplicate }
}

/// Sends notices for one destination one after the other; after a failure the others wait as long as the failed one.
/// What is not begun by `until`, or before our own database fails, is handed back.
async fn in_turn(market: &Market, notices: Vec<Notice>, until: Instant) -> anyhow::Result<usize> {
    let (mut sent, mut trouble, mut left, mut broken) = (0, None, Vec::new(), None);
    for notice in notices {
        if broken.is_some() || trouble.is_none() && Instant::now() >= until {
            left.push(notice.seq);
            continue;
        }
        if trouble.is_none() {
            match send(market, &notice).await {
                Ok(told) => trouble = told.err(),
                // Perhaps it was sent: its claim runs out by itself.
                Err(error) => {
                    broken = Some(error);
                    continue;
                }
            }
            sent += usize::from(trouble.is_none());
        }
        if let Some(error) = &trouble {
            let real = market.real_now();
            let again = (notice.attempts < ATTEMPTS).then(|| real + backoff(notice.attempts));
            store::failed(&mut *market.pool().acquire().await?, real, notice.seq, again, error).await?;
        }
    }
    store::hand_back(&mut *market.pool().acquire().await?, market.real_now(), &left).await?;
    broken.map_or(Ok(sent), Err)
}

/// 1, 2, 4 … seconds, at most half an hour.
fn backoff(attempts: i64) -> Duration {
    let doublings = u32::try_from(attempts.clamp(1, 12) - 1).unwrap_or_default();
    Duration::seconds((1_i64 << doublings).min(1800))
}

/// Sends it and notes that it was sent; the inner error is the receiver's, in words.
async fn send(market: &Market, notice: &Notice) -> anyhow::Result<Result<(), String>> {
    let real = market.real_now();
    match notice.transport {
        Transport::Sqs => {
            let mut tx = market.pool().begin().await?;
            let queue = queues::by_url(&mut tx, &notice.requester_id, &notice.destination).await?;
            let Some(queue) = queue else { return Ok(Err("the queue does not exist".into())) };
            queues::put(&mut tx, real, &queue, &document::document(notice).to_string()).await?;
            store::sent(&mut tx, real, notice.seq).await?;
            tx.commit().await?;
        }
        Transport::Sns => {
            if let Err(error) = post(market, notice, real).await {
                return Ok(Err(error));
            }
            store::sent(&mut *market.pool().acquire().await?, real, notice.seq).await?;
        }
    }
    Ok(Ok(()))
}

async fn post(market: &Market, notice: &Notice, real: DateTime<Utc>) -> Result<(), String> {
    let outbound = market.settings().outbound.as_ref().ok_or("this marketplace sends nothing to the web")?;
    let url = notice.destination.parse().map_err(|_| "the destination is not an address")?;
    let envelope = document::envelope(notice, real);
    let request = Request::new(Method::POST, url)
        .header(CONTENT_TYPE, "text/plain; charset=UTF-8")
        .header(HeaderName::from_static("x-amz-sns-message-type"), "Notification")
        .header(HeaderName::from_static("x-amz-sns-message-id"), &envelope.message_id)
        .header(HeaderName::from_static("x-amz-sns-topic-arn"), &envelope.topic)
        .text(envelope.body)
        .within(PATIENCE)
        .at_most(ANSWER);
    let reply = outbound.send(request).await.map_err(|error| error.to_string())?;
    if reply.status.is_success() {
        Ok(())
    } else {
        Err(format!("the receiver answered {}", reply.status.as_u16()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(assignment: bool, after_expiry: bool) -> Notice {
        Notice {
            seq: 1,
            requester_id: "A1".into(),
            event_type: "AssignmentSubmitted".into(),
            at: DateTime::UNIX_EPOCH,
            hit_type_id: "3T".into(),
            hit_group_id: None,
            hit_id: None,
            assignment_id: assignment.then(|| "3A".into()),
            worker_id: None,
            after_expiry,
            transport: Transport::Sqs,
            destination: String::new(),
            version: "2014-08-15".into(),
            doc_id: "d".into(),
            attempts: 0,
        }
    }

    #[test]
    fn shares_are_held_against_the_rolls() {
        let trouble = Trouble { drop: 0.25, duplicate: 0.5, delay: 60, ..Trouble::default() };
        let due_at = DateTime::UNIX_EPOCH + Duration::seconds(60);
        let of = |drop, duplicate| fate(&trouble, &notice(true, true), drop, duplicate);
        assert_eq!(of(0.2, 0.9), Fate::Lost);
        assert_eq!(of(0.25, 0.4), Fate::Told { due_at, twice: true });
        assert_eq!(of(0.9, 0.5), Fate::Told { due_at, twice: false });
    }

    #[test]
    fn after_expiry_only_assignments_are_silent_and_only_with_the_switch() {
        let trouble = Trouble { stop_after_expiry: true, ..Trouble::default() };
        let told = |trouble: &Trouble, assignment, after| {
            fate(trouble, &notice(assignment, after), 0.5, 0.5) != Fate::Lost
        };
        assert!(!told(&trouble, true, true));
        assert!(told(&trouble, true, false) && told(&trouble, false, true));
        assert!(told(&Trouble::default(), true, true));
    }

    #[test]
    fn attempts_back_off_up_to_half_an_hour() {
        let seconds: Vec<_> = [1, 2, 3, 11, 12, 99].map(|n| backoff(n).num_seconds()).into();
        assert_eq!(seconds, [1, 2, 4, 1024, 1800, 1800]);
    }
}
