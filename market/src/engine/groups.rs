//! The marketplace as a worker sees it: groups of HITs to take from.

use chrono::{DateTime, Utc};
use kernel::money::Cents;
use serde_json::Value;
use sqlx::PgConnection;

use super::qualifications::requirements::{Action, unmet};
use super::qualifications::standing;
use crate::settings::Settings;

/// All HITs of one type that this worker could take.
#[derive(Debug, Clone)]
pub struct Group {
    /// The type, by which the group is taken from.
    pub hit_type_id: String,
    /// The group's own id.
    pub hit_group_id: String,
    /// Title.
    pub title: String,
    /// Description.
    pub description: String,
    /// Keywords.
    pub keywords: Option<String>,
    /// Who publishes it.
    pub requester_id: String,
    /// The same by name.
    pub requester: String,
    /// Cents per approved assignment.
    pub reward: Cents,
    /// Whether the HIT that this worker would get next pays with play money.
    pub practice: bool,
    /// Seconds from accept to deadline.
    pub assignment_duration: i64,
    /// Seconds from submit to automatic approval.
    pub auto_approval_delay: i64,
    /// HITs of the group with a place for this worker.
    pub hits: i64,
    /// Free places in them.
    pub available: i64,
    /// When the newest of them was published.
    pub newest: DateTime<Utc>,
    /// When the last of them expires.
    pub expiration: DateTime<Utc>,
    /// As the requester sent them.
    pub qualification_requirements: Value,
}

/// The groups this worker could take from and may discover, those with the newest HITs first. Without a worker: all
/// that have a place and that anybody may discover. `real` is the machine's time: each requester's HITs run by their
/// own clock.
///
/// # Errors
/// When Postgres fails.
pub async fn groups(
    conn: &mut PgConnection,
    settings: &Settings,
    real: DateTime<Utc>,
    worker_id: Option<&str>,
) -> sqlx::Result<Vec<Group>> {
    let mut groups = with_places(conn, settings, real, worker_id).await?;
    let standings = standing::of_worker(conn, settings, worker_id).await?;
    let sees = |group: &Group| {
        let standing = standings.for_hits(group.practice);
        unmet(&group.qualification_requirements, Action::Discover, standing).is_empty()
    };
    groups.retain(sees);
    Ok(groups)
}

async fn with_places(
    conn: &mut PgConnection,
    settings: &Settings,
    real: DateTime<Utc>,
    worker_id: Option<&str>,
) -> sqlx::Result<Vec<Group>> {
    sqlx::query_as!(
        Group,
        r#"select t.hit_type_id, t.hit_group_id, t.title, t.description, t.keywords, t.requester_id, r.name as requester,
                  t.reward as "reward: Cents", t.assignment_duration, t.auto_approval_delay,
                  t.qualification_requirements, count(*) as "hits!",
                  sum(h.max_assignments - h.pending - h.submitted - h.approved - h.rejected)::bigint as "available!",
                  max(h.created_at) as "newest!", max(h.expiration) as "expiration!", (array_agg(h.practice order by h.seq))[1] as "practice!"
             from market.hit h
             join market.hit_type t using (hit_type_id)
             join market.requester r on r.requester_id = h.requester_id
             join market.times($1) time on time.requester_id = h.requester_id
             left join market.behaviour own on own.requester_id = h.requester_id
            where h.disposed_at is null and h.closed_at is null and h.expiration > time.now
              and h.pending + h.submitted + h.approved + h.rejected < h.max_assignments
              and not exists (select from market.assignment a
                               where a.hit_id = h.hit_id and a.worker_id = $2
                                 and (coalesce((own.overrides ->> 'giving_up_is_final')::boolean, $3)
                                      or a.state not in ('returned', 'abandoned')))
              and not exists (select from market.worker_block b
                               where b.requester_id = h.requester_id and b.worker_id = $2)
            group by t.hit_type_id, r.name
            order by max(h.created_at) desc, t.hit_type_id"#,
        real,
        worker_id,
        settings.quirks.giving_up_is_final,
    )
    .fetch_all(conn)
    .await
}
