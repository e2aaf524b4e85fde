//! Orders of trouble and the log of what they struck.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::FaultKind;
use super::strike::{self, Bucket, Standing, Struck};

/// Which calls are struck; `None` does not restrict.
#[derive(Debug, Clone, Default)]
pub struct Target {
    /// Calls of this requester.
    pub requester_id: Option<String>,
    /// Calls of this operation.
    pub operation: Option<String>,
}

/// An order of trouble.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Its number.
    pub seq: i64,
    /// What goes wrong.
    pub kind: FaultKind,
    /// Only in calls of this operation.
    pub operation: Option<String>,
    /// Calls it will still strike; `None` until it is lifted.
    pub remaining: Option<i64>,
    /// Calls it struck.
    pub struck: i64,
    /// When it was given; machine time, UTC.
    pub ordered_at: DateTime<Utc>,
}

/// One call that a fault struck.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strike {
    /// Position; later strikes have higher ones.
    pub seq: i64,
    /// The order.
    pub fault: i64,
    /// The requester's time, UTC.
    pub at: DateTime<Utc>,
    /// Of which operation the call was.
    pub operation: String,
    /// What went wrong.
    pub kind: String,
    /// The client's name for the call of its caller, the same in each of its attempts.
    pub invocation: Option<String>,
    /// The client's count of its attempts.
    pub attempt: Option<i32>,
}

/// A call that may be struck.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// Whose it is.
    pub requester_id: &'a str,
    /// Of which operation.
    pub operation: &'a str,
    /// What the client says of it, if it says something.
    pub invocation: Option<&'a str>,
    /// Which attempt the client says it is.
    pub attempt: Option<i32>,
}

/// Orders the fault for the next `times` calls that match, or until it is lifted. Gives the order's number.
///
/// # Errors
/// When Postgres fails.
pub async fn order(
    conn: &mut PgConnection,
    real: DateTime<Utc>,
    kind: FaultKind,
    target: &Target,
    times: Option<u32>,
) -> sqlx::Result<i64> {
    let (name, number) = kind.parts();
    sqlx::query_scalar!(
        "insert into market.fault (requester_id, operation, kind, number, remaining, ordered_at)
         values ($1, $2, $3, $4, $5, $6) returning seq",
        target.requester_id,
        target.operation,
        name,
        number.map(i64::from),
        times.map(i64::from),
        real,
    )
    .fetch_one(conn)
    .await
}

/// What was ordered for this requester and not lifted, also what has struck all its calls. Oldest first.
///
/// # Errors
/// When Postgres fails.
pub async fn orders(conn: &mut PgConnection, requester_id: &str) -> sqlx::Result<Vec<Order>> {
    let rows = sqlx::query!(
        "select seq, kind, number, operation, remaining, struck, ordered_at from market.fault
          where requester_id = $1 and lifted_at is null order by seq",
        requester_id,
    );
    let rows = rows.fetch_all(conn).await?;
    let known = rows.into_iter().filter_map(|row| {
        Some(Order {
            seq: row.seq,
            kind: kind(&row.kind, row.number)?,
            operation: row.operation,
            remaining: row.remaining,
            struck: row.struck,
            ordered_at: row.ordered_at,
        })
    });
    Ok(known.collect())
}

/// Lifts one order of the requester's; says whether there was one.
///
/// # Errors
/// When Postgres fails.
pub async fn lift(
    conn: &mut PgConnection,
    real: DateTime<Utc>,
    requester_id: &str,
    seq: i64,
) -> sqlx::Result<bool> {
    let lifted = sqlx::query!(
        "update market.fault set lifted_at = $3 where requester_id = $1 and seq = $2 and lifted_at is null",
        requester_id,
        seq,
        real,
    );
    Ok(lifted.execute(conn).await?.rows_affected() == 1)
}

/// Lifts every order of the requester's; says how many there were.
///
/// # Errors
/// When Postgres fails.
pub async fn lift_all(conn: &mut PgConnection, real: DateTime<Utc>, requester_id: &str) -> sqlx::Result<u64> {
    let lifted = sqlx::query!(
        "update market.fault set lifted_at = $2 where requester_id = $1 and lifted_at is null",
        requester_id,
        real,
    );
    Ok(lifted.execute(conn).await?.rows_affected())
}

/// The strikes on this requester's calls after the position `after`, oldest first, at most `limit`.
///
/// # Errors
/// When Postgres fails.
pub async fn strikes(
    conn: &mut PgConnection,
    requester_id: &str,
    after: i64,
    limit: i64,
) -> sqlx::Result<Vec<Strike>> {
    sqlx::query_as!(
        Strike,
        "select seq, fault, at, operation, kind, invocation, attempt from market.fault_strike
          where requester_id = $1 and seq > $2 order by seq limit $3",
        requester_id,
        after,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// What strikes this call, used up and written down at the requester's time `now`. The caller commits before anything
/// else is done, so that the strike stays when the call fails.
///
/// # Errors
/// When Postgres fails.
pub async fn strike(
    conn: &mut PgConnection,
    real: DateTime<Utc>,
    now: DateTime<Utc>,
    call: Call<'_>,
) -> sqlx::Result<Struck> {
    let standing = standing(conn, call).await?;
    if standing.is_empty() {
        return Ok(Struck::default());
    }
    let verdict = strike::decide(&standing, call.operation, real);
    for (seq, bucket) in &verdict.buckets {
        keep(conn, *seq, *bucket).await?;
    }
    if !verdict.by.is_empty() {
        write_down(conn, now, call, &verdict.by).await?;
    }
    Ok(verdict.struck)
}

/// The orders that may strike the call, locked, oldest first.
async fn standing(conn: &mut PgConnection, call: Call<'_>) -> sqlx::Result<Vec<Standing>> {
    let rows = sqlx::query!(
        "select seq, kind, number, tokens, filled_at from market.fault
          where lifted_at is null and (remaining is null or remaining > 0)
            and (requester_id is null or requester_id = $1) and (operation is null or operation = $2)
          order by seq for update",
        call.requester_id,
        call.operation,
    );
    let rows = rows.fetch_all(conn).await?;
    let known = rows.into_iter().filter_map(|row| {
        let bucket = row.tokens.zip(row.filled_at).map(|(tokens, filled_at)| Bucket { tokens, filled_at });
        Some(Standing { seq: row.seq, kind: kind(&row.kind, row.number)?, bucket })
    });
    Ok(known.collect())
}

fn kind(name: &str, number: Option<i64>) -> Option<FaultKind> {
    FaultKind::from_parts(name, number.and_then(|number| number.try_into().ok()))
}

async fn keep(conn: &mut PgConnection, seq: i64, bucket: Bucket) -> sqlx::Result<()> {
    sqlx::query!(
        "update market.fault set tokens = $2, filled_at = $3 where seq = $1",
        seq,
        bucket.tokens,
        bucket.filled_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

async fn write_down(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    call: Call<'_>,
    by: &[i64],
) -> sqlx::Result<()> {
    sqlx::query!(
        "update market.fault set remaining = remaining - 1, struck = struck + 1 where seq = any($1)",
        by
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "insert into market.fault_strike (fault, at, requester_id, operation, kind, invocation, attempt)
         select seq, $2, $3, $4, kind, $5, $6 from market.fault where seq = any($1) order by seq",
        by,
        now,
        call.requester_id,
        call.operation,
        call.invocation,
        call.attempt,
    )
    .execute(conn)
    .await?;
    Ok(())
}
