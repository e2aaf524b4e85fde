//! What happens by itself as market time passes.
//!
//! Each thing that is due is done in a transaction of its own, and each looks again under its lock,
//! so that any number of processes may step at once and one failure holds up nothing else.

use anyhow::Context;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

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

/// What comes due.
#[derive(Debug, Clone, Copy)]
enum Due {
    /// A worker's deadline.
    Deadline,
    /// The end of a HIT's lifetime.
    Lifetime,
    /// The time to review.
    Review,
}

/// Does what is due now.
///
/// # Errors
/// A failure, after everything else was tried.
pub async fn step(market: &Market) -> anyhow::Result<Report> {
    let now = market.now(&mut *market.pool().acquire().await?).await?;
    let abandoned = each(market, now, Due::Deadline).await.context("missed deadlines");
    let expired = each(market, now, Due::Lifetime).await.context("ended lifetimes");
    let approved = each(market, now, Due::Review).await.context("automatic approvals");
    Ok(Report { abandoned: abandoned?, expired: expired?, approved: approved? })
}

/// Does each in a transaction of its own and counts those that were done; goes on after a failure.
async fn each(market: &Market, now: DateTime<Utc>, due: Due) -> anyhow::Result<usize> {
    let (mut done, mut failure) = (0, None);
    for id in due.list(&mut *market.pool().acquire().await?, now).await? {
        let mut tx = market.pool().begin().await?;
        match due.act(&mut tx, now, &id).await {
            Ok(acted) => {
                tx.commit().await?;
                done += usize::from(acted);
            }
            Err(error) => failure = Some(error),
        }
    }
    failure.map_or(Ok(done), Err)
}

impl Due {
    /// The ids of what is due, longest due first.
    async fn list(self, conn: &mut PgConnection, now: DateTime<Utc>) -> sqlx::Result<Vec<String>> {
        match self {
            Self::Deadline => {
                sqlx::query_scalar!(
                    "select assignment_id from market.assignment where state = 'accepted' and deadline < $1
                      order by deadline limit $2",
                    now,
                    BATCH,
                )
                .fetch_all(conn)
                .await
            }
            Self::Lifetime => {
                sqlx::query_scalar!(
                    "select hit_id from market.hit
                      where closed_at is null and disposed_at is null and expiration <= $1
                      order by expiration limit $2",
                    now,
                    BATCH,
                )
                .fetch_all(conn)
                .await
            }
            Self::Review => {
                sqlx::query_scalar!(
                    "select assignment_id from market.assignment where state = 'submitted' and auto_approval_at <= $1
                      order by auto_approval_at limit $2",
                    now,
                    BATCH,
                )
                .fetch_all(conn)
                .await
            }
        }
    }

    /// Does it, unless it is no longer due.
    async fn act(self, conn: &mut PgConnection, now: DateTime<Utc>, id: &str) -> anyhow::Result<bool> {
        Ok(match self {
            Self::Deadline => assignments::abandon(conn, now, id).await?,
            Self::Review => review::approve_automatically(conn, now, id).await?,
            Self::Lifetime => match hits::lock(conn, id).await? {
                Some(hit) => lifetimes::close(conn, now, &hit).await?,
                None => false,
            },
        })
    }
}
