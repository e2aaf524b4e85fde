//! What happens by itself as market time passes.
//!
//! Each thing that is due is done in a transaction of its own, and each looks again under its lock,
//! so that any number of processes may step at once and one failure holds up nothing else.

use anyhow::Context;
use chrono::{DateTime, Utc};

use super::{assignments, hits, lifetimes, review};
use crate::Market;

/// At most so many of each kind in one step.
const BATCH: i64 = 1000;

/// What one step did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    /// Assignments taken from workers whose deadline passed.
    pub abandoned: usize,
    /// HITs whose lifetime ended.
    pub expired: usize,
    /// Assignments approved because nobody reviewed them.
    pub approved: usize,
}

/// Does what is due now.
///
/// # Errors
/// The first failure, after everything else was tried.
pub async fn step(market: &Market) -> anyhow::Result<Report> {
    let now = market.now(&mut *market.pool().acquire().await?).await?;
    let abandoned = abandon(market, now).await.context("missed deadlines");
    let expired = expire(market, now).await.context("ended lifetimes");
    let approved = approve(market, now).await.context("automatic approvals");
    Ok(Report { abandoned: abandoned?, expired: expired?, approved: approved? })
}

async fn abandon(market: &Market, now: DateTime<Utc>) -> anyhow::Result<usize> {
    let due = sqlx::query_scalar!(
        "select assignment_id from market.assignment where state = 'accepted' and deadline < $1
          order by deadline limit $2",
        now,
        BATCH,
    );
    let mut done = 0;
    for assignment_id in due.fetch_all(market.pool()).await? {
        let mut tx = market.pool().begin().await?;
        done += usize::from(assignments::abandon(&mut tx, now, &assignment_id).await?);
        tx.commit().await?;
    }
    Ok(done)
}

async fn expire(market: &Market, now: DateTime<Utc>) -> anyhow::Result<usize> {
    let due = sqlx::query_scalar!(
        "select hit_id from market.hit where closed_at is null and disposed_at is null and expiration <= $1
          order by expiration limit $2",
        now,
        BATCH,
    );
    let mut done = 0;
    for hit_id in due.fetch_all(market.pool()).await? {
        let mut tx = market.pool().begin().await?;
        if let Some(hit) = hits::lock(&mut tx, &hit_id).await? {
            lifetimes::close(&mut tx, now, &hit).await?;
            done += 1;
        }
        tx.commit().await?;
    }
    Ok(done)
}

async fn approve(market: &Market, now: DateTime<Utc>) -> anyhow::Result<usize> {
    let due = sqlx::query_scalar!(
        "select assignment_id from market.assignment where state = 'submitted' and auto_approval_at <= $1
          order by auto_approval_at limit $2",
        now,
        BATCH,
    );
    let mut done = 0;
    for assignment_id in due.fetch_all(market.pool()).await? {
        let mut tx = market.pool().begin().await?;
        done += usize::from(review::approve_automatically(&mut tx, now, &assignment_id).await?);
        tx.commit().await?;
    }
    Ok(done)
}
