//! People who look at a HIT before they take it. By the model's wording they count as pending, which is a switch
//! ([`crate::Quirks::previews_pending`]); they take no place from anybody.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::earlier;
use super::hits::Hit;
use crate::Quirks;

/// Notes that the worker opened the HIT's preview.
///
/// # Errors
/// When Postgres fails.
pub async fn note(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    hit: &Hit,
    worker_id: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into market.preview (hit_id, at, worker_id, requester_id) values ($1, $2, $3, $4)
         on conflict do nothing",
        hit.hit_id,
        now,
        worker_id,
        hit.requester_id,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// How many people were looking at each of the HITs at `then`: they had opened it in the `seconds` before, not taken it
/// since, and neither held it nor handed it in. HITs that nobody looked at are left out.
///
/// # Errors
/// When Postgres fails.
pub async fn at(
    conn: &mut PgConnection,
    hits: &[Hit],
    then: DateTime<Utc>,
    seconds: u32,
) -> sqlx::Result<HashMap<String, i64>> {
    let ids: Vec<String> = hits.iter().map(|hit| hit.hit_id.clone()).collect();
    let looking = sqlx::query!(
        r#"select p.hit_id, count(distinct p.worker_id) as "people!"
             from market.preview p
            where p.hit_id = any($1) and p.at > $2 and p.at <= $3
              and not exists (select from market.assignment a
                               where a.hit_id = p.hit_id and a.worker_id = p.worker_id and a.accepted_at <= $3
                                 and (a.accepted_at >= p.at or a.given_up_at is null or a.given_up_at > $3))
            group by p.hit_id"#,
        &ids,
        earlier(then, seconds.into()),
        then,
    );
    Ok(looking.fetch_all(conn).await?.into_iter().map(|row| (row.hit_id, row.people)).collect())
}

/// Forgets previews that count nowhere any more, each requester's by their own time and switches.
///
/// # Errors
/// When Postgres fails.
pub async fn forget(conn: &mut PgConnection, real: DateTime<Utc>, usual: Quirks) -> sqlx::Result<()> {
    let overdue = sqlx::query!(
        r#"select time.requester_id as "requester_id!", kept.since as "since!"
             from market.times($1) as time
             left join market.behaviour own on own.requester_id = time.requester_id
            cross join lateral (
                  select time.now - make_interval(secs => (
                             coalesce((own.overrides ->> 'previews_pending')::bigint, $2)
                             + coalesce((own.overrides ->> 'counter_lag')::bigint, $3))::double precision) as since) as kept
            cross join lateral (
                  select from market.preview p
                   where p.requester_id = time.requester_id and p.at <= kept.since order by p.at limit 1) as old"#,
        real,
        i64::from(usual.previews_pending),
        i64::from(usual.counter_lag),
    );
    for due in overdue.fetch_all(&mut *conn).await? {
        let forget = sqlx::query!(
            "delete from market.preview where requester_id = $1 and at <= $2",
            due.requester_id,
            due.since
        );
        forget.execute(&mut *conn).await?;
    }
    Ok(())
}
