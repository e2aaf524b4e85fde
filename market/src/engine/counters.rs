//! The three counters of a HIT, also as they were a while ago: those of the real service lag behind.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::hits::Hit;

/// How many of a HIT's assignments are where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counters {
    /// Accepted, not finished.
    pub pending: i64,
    /// Free to be taken; none once the HIT is over.
    pub available: i64,
    /// Reviewed.
    pub completed: i64,
}

impl Counters {
    /// With so many people told as pending who only look, as far as there are free places for them to stand on.
    fn with_lookers(self, people: i64) -> Self {
        let shown = people.clamp(0, self.available.max(0));
        Self { pending: self.pending + shown, available: self.available - shown, ..self }
    }
}

/// Counters of HITs as they were then; a HIT that is not among them is told as it is.
#[derive(Debug, Clone, Default)]
pub struct Then {
    counters: HashMap<String, Counters>,
    lookers: HashMap<String, i64>,
}

impl Then {
    /// The counters to tell of the HIT.
    pub fn of(&self, hit: &Hit, now: DateTime<Utc>) -> Counters {
        let counters = self.counters.get(&hit.hit_id).copied().unwrap_or_else(|| Counters {
            pending: hit.pending,
            available: hit.available(now),
            completed: hit.completed(),
        });
        counters.with_lookers(self.lookers.get(&hit.hit_id).copied().unwrap_or(0))
    }

    /// The same, with those told as pending who looked at each HIT ([`super::previews`]).
    pub fn with_lookers(self, lookers: HashMap<String, i64>) -> Self {
        Self { lookers, ..self }
    }
}

/// The HITs' counters as they were at `then`, from what is known of each assignment; a HIT that is younger has those it
/// was created with. An expiration counts as it is set now.
///
/// # Errors
/// When Postgres fails.
pub async fn at(conn: &mut PgConnection, hits: &[Hit], then: DateTime<Utc>) -> sqlx::Result<Then> {
    let ids: Vec<String> = hits.iter().map(|hit| hit.hit_id.clone()).collect();
    let counted = sqlx::query!(
        r#"select h.hit_id,
                  h.max_assignments - coalesce((select sum(places) from market.hit_extension e
                                                 where e.hit_id = h.hit_id and e.at > $2), 0)::bigint as "places!",
                  count(*) filter (where coalesce(a.submitted_at, a.given_up_at) > $2
                                      or coalesce(a.submitted_at, a.given_up_at) is null
                                         and a.assignment_id is not null) as "pending!",
                  count(*) filter (where a.submitted_at <= $2) as "handed_in!",
                  count(*) filter (where least(a.approved_at, a.rejected_at) <= $2) as "completed!"
             from market.hit h
             left join market.assignment a on a.hit_id = h.hit_id and a.accepted_at <= $2
            where h.hit_id = any($1) group by h.hit_id"#,
        &ids,
        then,
    );
    let rows = counted.fetch_all(conn).await?.into_iter();
    let mut counters: HashMap<_, _> =
        rows.map(|row| (row.hit_id, (row.places, row.pending, row.handed_in, row.completed))).collect();
    let told = hits.iter().filter_map(|hit| {
        let (places, pending, handed_in, completed) = counters.remove(&hit.hit_id)?;
        let available = if hit.expiration > then { places - pending - handed_in } else { 0 };
        Some((hit.hit_id.clone(), Counters { pending, available, completed }))
    });
    Ok(Then { counters: told.collect(), ..Then::default() })
}

/// Notes that the HIT got more places.
///
/// # Errors
/// When Postgres fails.
pub async fn note_extension(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    hit_id: &str,
    places: i64,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into market.hit_extension (hit_id, at, places) values ($1, $2, $3)",
        hit_id,
        now,
        places
    )
    .execute(conn)
    .await?;
    Ok(())
}
