//! The rows of the outbox on their way out. `real` is machine time, `now` the requester's market time.

use chrono::{DateTime, Duration, Utc};
use sqlx::{PgConnection, PgPool};

use super::delivery::Lane;
use super::outbox::Notice;
use super::{Transport, queues};

/// Days for which notices that left, or never will, can still be looked at.
const KEPT_DAYS: i64 = 14;
/// New notices of which one step decides at most, per requester.
const BATCH: i64 = 1000;

/// What becomes of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Never told.
    Lost,
    /// Told from `due_at` (market time) on, perhaps twice.
    Told {
        /// Not before.
        due_at: DateTime<Utc>,
        /// Whether a second one with the same document follows.
        twice: bool,
    },
}

/// The checked query that gives whole notices: what comes before the columns, and what after.
macro_rules! notices {
    ($head:tt, $tail:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            Notice,
            $head
                + r#" seq, requester_id, event_type, at, hit_type_id, hit_group_id, hit_id, assignment_id, worker_id,
                      after_expiry, transport as "transport: Transport", destination, version, doc_id, attempts "#
                + $tail,
            $($argument),*
        )
    };
}

/// Requesters with new notices.
pub async fn with_fresh(conn: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!("select distinct requester_id from market.notice where state = 'fresh'")
        .fetch_all(conn)
        .await
}

/// Lanes with something to tell; some of it may not be due yet in its requester's time.
pub async fn lanes(conn: &mut PgConnection, real: DateTime<Utc>) -> sqlx::Result<Vec<Lane>> {
    sqlx::query_as!(
        Lane,
        "select distinct requester_id, destination from market.notice where state = 'waiting' and try_at <= $1",
        real,
    )
    .fetch_all(conn)
    .await
}

/// New notices, locked; waits for another process that decides of some, so that those that follow do not overtake them.
pub async fn fresh(conn: &mut PgConnection, requester_id: &str) -> sqlx::Result<Vec<Notice>> {
    notices!(
        "select",
        "from market.notice where requester_id = $1 and state = 'fresh'
          order by seq limit $2 for update",
        requester_id,
        BATCH,
    )
    .fetch_all(conn)
    .await
}

/// Uses up one ordered loss, if there is one.
pub async fn take_loss(conn: &mut PgConnection, requester_id: &str) -> sqlx::Result<bool> {
    let taken = sqlx::query!(
        "update market.requester set lose_notices = lose_notices - 1
          where requester_id = $1 and lose_notices > 0",
        requester_id,
    );
    Ok(taken.execute(conn).await?.rows_affected() == 1)
}

/// Orders that the requester's next notices are lost.
pub async fn order_loss(conn: &mut PgConnection, requester_id: &str, next: i64) -> sqlx::Result<()> {
    sqlx::query!("update market.requester set lose_notices = $2 where requester_id = $1", requester_id, next)
        .execute(conn)
        .await?;
    Ok(())
}

/// Settles what becomes of a new notice.
pub async fn decide(
    conn: &mut PgConnection,
    real: DateTime<Utc>,
    notice: &Notice,
    fate: Fate,
) -> sqlx::Result<()> {
    match fate {
        Fate::Lost => settle(conn, real, notice.seq, "lost").await,
        Fate::Told { due_at, twice } => {
            sqlx::query!(
                "update market.notice set state = 'waiting', due_at = $2 where seq = $1 and state = 'fresh'",
                notice.seq,
                due_at,
            )
            .execute(&mut *conn)
            .await?;
            if twice { repeat(conn, notice.seq).await } else { Ok(()) }
        }
    }
}

async fn repeat(conn: &mut PgConnection, seq: i64) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into market.notice (requester_id, event_type, at, hit_type_id, hit_group_id, hit_id, assignment_id,
                                    worker_id, after_expiry, transport, destination, version, doc_id, state, due_at,
                                    try_at)
         select requester_id, event_type, at, hit_type_id, hit_group_id, hit_id, assignment_id, worker_id,
                after_expiry, transport, destination, version, doc_id, state, due_at, try_at
           from market.notice where seq = $1",
        seq,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Stands for the lanes among the database's advisory locks.
const LANES: i32 = 0x4c41_4e45;

/// Notices that are due, claimed for this attempt by whoever holds the [`lock`]; none while another process is on the lane,
/// which would be overtaken. One that failed and waits for its next attempt holds up nobody.
pub async fn claim(
    conn: &mut PgConnection,
    real: DateTime<Utc>,
    now: DateTime<Utc>,
    lane: &Lane,
    claim: Duration,
    limit: i64,
) -> sqlx::Result<Vec<Notice>> {
    notices!(
        "update market.notice set attempts = attempts + 1, try_at = $4, error = null
          where state = 'waiting'
            and seq in (select seq from market.notice
                         where requester_id = $1 and destination = $6 and state = 'waiting'
                           and try_at <= $2 and due_at <= $3
                           and not exists (select from market.notice under_way
                                            where under_way.requester_id = $1 and under_way.destination = $6
                                              and under_way.state = 'waiting' and under_way.attempts > 0
                                              and under_way.error is null and under_way.try_at > $2)
                         order by seq limit $5)
        returning",
        "",
        lane.requester_id,
        real,
        now,
        real + claim,
        limit,
        lane.destination,
    )
    .fetch_all(conn)
    .await
}

/// Lets one process at a time claim on the lane, until the transaction ends.
pub async fn lock(conn: &mut PgConnection, lane: &Lane) -> sqlx::Result<()> {
    let name = format!("{} {}", lane.requester_id, lane.destination);
    sqlx::query!("select pg_advisory_xact_lock($1, hashtext($2)) as lock", LANES, name).execute(conn).await?;
    Ok(())
}

/// Gives claimed notices back that were not tried: the claim was no attempt, and anybody may claim them now.
pub async fn hand_back(conn: &mut PgConnection, real: DateTime<Utc>, seqs: &[i64]) -> sqlx::Result<()> {
    if seqs.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "update market.notice set attempts = attempts - 1, try_at = $2
          where seq = any($1) and state = 'waiting'",
        seqs,
        real,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes that a notice was told.
pub async fn sent(conn: &mut PgConnection, real: DateTime<Utc>, seq: i64) -> sqlx::Result<()> {
    settle(conn, real, seq, "sent").await
}

async fn settle(conn: &mut PgConnection, real: DateTime<Utc>, seq: i64, state: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "update market.notice set state = $2, settled_at = $3, error = null
          where seq = $1 and state in ('fresh', 'waiting')",
        seq,
        state,
        real,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes that an attempt failed; without a time for another one the notice is given up.
pub async fn failed(
    conn: &mut PgConnection,
    real: DateTime<Utc>,
    seq: i64,
    again: Option<DateTime<Utc>>,
    error: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update market.notice
            set error = $2, try_at = coalesce($3, try_at),
                state = case when $3::timestamptz is null then 'failed' else state end,
                settled_at = case when $3::timestamptz is null then $4::timestamptz end
          where seq = $1 and state = 'waiting'",
        seq,
        error,
        again,
        real,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets what was kept long enough.
pub async fn tidy(pool: &PgPool, real: DateTime<Utc>) -> sqlx::Result<()> {
    let mut conn = pool.acquire().await?;
    let kept_since = real - Duration::days(KEPT_DAYS);
    sqlx::query!("delete from market.notice where settled_at < $1", kept_since).execute(&mut *conn).await?;
    queues::tidy(&mut conn, real).await
}
