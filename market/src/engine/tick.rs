//! What happens by itself as market time passes, requester by requester, each at their own time.
//!
//! Each thing that is due is done in a transaction of its own, and each looks again under its lock,
//! so that any number of processes may step at once and one failure holds up nothing else.

use anyhow::Context;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{assignments, hits, lifetimes, money, previews, review};
use crate::{DisposalSince, Market, Quirks};

/// At most so many of each kind in one step, requester by requester, so that nobody's backlog keeps others waiting.
const BATCH: i64 = 200;

/// What one step did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    /// Assignments taken from workers whose deadline passed.
    pub abandoned: usize,
    /// HITs whose lifetime ended.
    pub expired: usize,
    /// Assignments approved because nobody reviewed them.
    pub approved: usize,
    /// HITs disposed of because they are old.
    pub disposed: usize,
}

/// What comes due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    /// A worker's deadline.
    Deadline,
    /// The end of a HIT's lifetime.
    Lifetime,
    /// The time to review.
    Review,
    /// The days for which a HIT that is over is kept.
    Keeping,
}

/// Does what is due now.
///
/// # Errors
/// A failure, after everything else was tried.
pub async fn step(market: &Market) -> anyhow::Result<Report> {
    let real = market.real_now();
    let abandoned = each(market, real, Due::Deadline).await.context("missed deadlines");
    let expired = each(market, real, Due::Lifetime).await.context("ended lifetimes");
    let approved = each(market, real, Due::Review).await.context("automatic approvals");
    let disposed = each(market, real, Due::Keeping).await.context("automatic disposal");
    let mut conn = market.pool().acquire().await?;
    previews::forget(&mut conn, real, market.settings().quirks).await.context("old previews")?;
    Ok(Report { abandoned: abandoned?, expired: expired?, approved: approved?, disposed: disposed? })
}

/// Does each in a transaction of its own and counts those that were done; goes on after a failure.
async fn each(market: &Market, real: DateTime<Utc>, due: Due) -> anyhow::Result<usize> {
    let (mut done, mut failure) = (0, None);
    for mut item in due.list(market, real).await? {
        if due == Due::Review {
            let mut conn = market.pool().acquire().await?;
            let quirks = market.quirks_of(&mut conn, &item.requester_id).await?;
            money::set_boundless(&mut conn, &item.requester_id, quirks.constant_balance).await?;
            item.now = last_run(item.now, quirks.auto_approval_period);
        }
        let mut tx = market.pool().begin().await?;
        match due.act(&mut tx, item.now, &item.id).await {
            Ok(acted) => {
                tx.commit().await?;
                done += usize::from(acted);
            }
            Err(error) => failure = Some(error),
        }
    }
    failure.map_or(Ok(done), Err)
}

/// When a job of this period (seconds) last ran; one without a period runs all the time.
fn last_run(now: DateTime<Utc>, period: u32) -> DateTime<Utc> {
    let period = i64::from(period);
    let late = if period == 0 { 0 } else { now.timestamp().rem_euclid(period) };
    now - chrono::Duration::seconds(late)
}

/// Something that is due at its requester's time.
#[derive(Debug)]
struct Item {
    id: String,
    now: DateTime<Utc>,
    requester_id: String,
}

impl Due {
    /// What is due when the machine's time is `real`, longest due first. Each requester has a time of their own, so
    /// each is looked up by itself in an index that begins with the requester.
    async fn list(self, market: &Market, real: DateTime<Utc>) -> sqlx::Result<Vec<Item>> {
        let conn = &mut *market.pool().acquire().await?;
        match self {
            Self::Keeping => old(conn, real, market.settings().quirks).await,
            Self::Deadline => {
                let due = sqlx::query_as!(
                    Item,
                    r#"select due.assignment_id as id, time.now as "now!", time.requester_id as "requester_id!"
                         from market.times($1) as time
                        cross join lateral (
                              select assignment_id, deadline from market.assignment
                               where requester_id = time.requester_id and state = 'accepted' and deadline < time.now
                               order by deadline limit $2) as due
                        order by due.deadline"#,
                    real,
                    BATCH,
                );
                due.fetch_all(conn).await
            }
            Self::Lifetime => {
                let due = sqlx::query_as!(
                    Item,
                    r#"select due.hit_id as id, time.now as "now!", time.requester_id as "requester_id!"
                         from market.times($1) as time
                        cross join lateral (
                              select hit_id, expiration from market.hit
                               where requester_id = time.requester_id and closed_at is null and disposed_at is null
                                 and expiration <= time.now
                               order by expiration limit $2) as due
                        order by due.expiration"#,
                    real,
                    BATCH,
                );
                due.fetch_all(conn).await
            }
            Self::Review => unreviewed(conn, real, market.settings().quirks.constant_balance).await,
        }
    }

    /// Does it, unless it is no longer due.
    async fn act(self, conn: &mut PgConnection, now: DateTime<Utc>, id: &str) -> anyhow::Result<bool> {
        Ok(match self {
            Self::Deadline => assignments::abandon(conn, now, id).await?,
            Self::Review => review::approve_automatically(conn, now, id).await?,
            Self::Keeping => lifetimes::dispose_of_old(conn, now, id).await?,
            Self::Lifetime => match hits::lock(conn, id).await? {
                Some(hit) => lifetimes::close(conn, now, &hit).await?,
                None => false,
            },
        })
    }
}

/// Work that nobody reviewed in time and that can be paid now: its HIT set the money aside, or enough is free, or money
/// never runs out (`boundless`, unless the requester switched otherwise).
async fn unreviewed(
    conn: &mut PgConnection,
    real: DateTime<Utc>,
    boundless: bool,
) -> sqlx::Result<Vec<Item>> {
    let due = sqlx::query_as!(
        Item,
        r#"select due.assignment_id as id, time.now as "now!", time.requester_id as "requester_id!"
             from market.times($1) as time
             join market.requester r on r.requester_id = time.requester_id
             left join market.behaviour own on own.requester_id = time.requester_id
            cross join lateral (
                  select a.assignment_id, a.auto_approval_at
                    from market.assignment a join market.hit h on h.hit_id = a.hit_id
                   where a.requester_id = time.requester_id and a.state = 'submitted'
                     and a.auto_approval_at <= time.now
                     and (h.holds or r.available >= h.reward + h.fee
                          or coalesce((own.overrides ->> 'constant_balance')::boolean, $3))
                   order by a.auto_approval_at limit $2) as due
            order by due.auto_approval_at"#,
        real,
        BATCH,
        boundless,
    );
    due.fetch_all(conn).await
}

/// HITs that are over, reviewed and old enough to go, each by its requester's switches. A HIT is over since its
/// expiration, unless it was full, or since the last of its workers handed in or gave up, if that was later.
async fn old(conn: &mut PgConnection, real: DateTime<Utc>, usual: Quirks) -> sqlx::Result<Vec<Item>> {
    let due = sqlx::query_as!(
        Item,
        r#"select due.hit_id as id, time.now as "now!", time.requester_id as "requester_id!"
             from market.times($1) as time
             left join market.behaviour own on own.requester_id = time.requester_id
            cross join lateral (
                  select least(coalesce((own.overrides ->> 'disposal_days')::bigint, $2), 36500)::integer as days,
                         coalesce(own.overrides ->> 'disposal_since' = 'creation', $3) as since_creation) as rule
            cross join lateral (
                  select h.hit_id, h.created_at from market.hit h
                   where h.requester_id = time.requester_id and h.disposed_at is null
                     and h.pending = 0 and h.submitted = 0 and rule.days > 0
                     and h.created_at <= time.now - make_interval(days => rule.days)
                     and (h.expiration <= time.now or h.approved + h.rejected = h.max_assignments)
                     and (rule.since_creation
                          or greatest(case when h.approved + h.rejected < h.max_assignments then h.expiration end,
                                      (select max(coalesce(a.submitted_at, a.given_up_at))
                                         from market.assignment a where a.hit_id = h.hit_id))
                             <= time.now - make_interval(days => rule.days))
                   order by h.created_at limit $4) as due
            order by due.created_at"#,
        real,
        i64::from(usual.disposal_days),
        usual.disposal_since == DisposalSince::Creation,
        BATCH,
    );
    due.fetch_all(conn).await
}
