//! Units at the recruiter that this database does not know: from before a backup was restored, or another
//! server's with the same keys. `docs/decisions/amnesia.md` says when they hold something back.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, query, query_as, query_scalar};
use uuid::Uuid;

use super::{Progress, hits};
use crate::app::App;
use crate::connections::ConnectionId;
use crate::jobs::{Reconciler, Step};
use crate::labs::LabId;
use crate::recruiters::{AskError, Listed, Outcome, Recruiter, TOKEN_LIFE};
use crate::studies::Study;
use crate::studies::batches::Batch;

/// A batch about to be sent for the first time as far as we know. Its token cannot be older than its study's
/// publication: while that is young a repeat is harmless, later the recruiter is asked first.
pub(super) async fn sent_before(
    app: &App,
    recruiter: &dyn Recruiter,
    study: &Study,
    batch: &Batch,
) -> anyhow::Result<Option<Progress>> {
    if study.published_at.is_some_and(|at| app.clock.now() - at < TOKEN_LIFE) {
        return Ok(None);
    }
    match recruiter.find_by_mark(&batch.id.to_string()).await {
        Ok(Some(found)) => hits::record(app, batch, Outcome::Done(found)).await.map(Some),
        Ok(None) => Ok(None),
        Err(error) => hits::record(app, batch, Outcome::NotNow(error.to_string())).await.map(Some),
    }
}

/// Before the first batch of a study goes out: why it should not, if the recruiter lists units of the very same
/// offer that nobody here knows and nobody has looked at.
pub(super) async fn of_this_offer(
    app: &App,
    recruiter: &dyn Recruiter,
    study: &Study,
    offer_id: &str,
) -> anyhow::Result<Option<String>> {
    if let Err(error) = look(app, recruiter, study.lab_id, study.connection_id).await? {
        return Ok(Some(error.to_string()));
    }
    let mut conn = app.pool.acquire().await?;
    let unseen = query_scalar!(
        r#"SELECT count(*) AS "count!" FROM stray WHERE connection_id = $1 AND offer_id = $2 AND seen_at IS NULL"#,
        study.connection_id.0,
        offer_id
    )
    .fetch_one(&mut *conn)
    .await?;
    Ok((unseen > 0).then(|| {
        format!(
            "The recruiter has {unseen} HITs of this very offer that this server does not know, perhaps from \
             before a backup was restored. Look at them under Money; then publishing goes on."
        )
    }))
}

/// A unit with this headline that nobody here knows, and whether a person has looked at it.
#[derive(Debug)]
pub struct Unknown {
    pub unit_id: String,
    pub seen: bool,
}

/// Lists the recruiter's units and returns those with this headline that belong to no row here.
pub async fn with_title(
    app: &App,
    recruiter: &dyn Recruiter,
    lab: LabId,
    connection: ConnectionId,
    title: &str,
) -> anyhow::Result<Result<Vec<Unknown>, AskError>> {
    if let Err(error) = look(app, recruiter, lab, connection).await? {
        return Ok(Err(error));
    }
    let unknown = query_as!(
        Unknown,
        r#"SELECT unit_id, seen_at IS NOT NULL AS "seen!" FROM stray WHERE connection_id = $1 AND title = $2"#,
        connection.0,
        title
    )
    .fetch_all(&mut *app.pool.acquire().await?)
    .await?;
    Ok(Ok(unknown))
}

/// Lists the units of every connection a few times a day, whether or not anything is published.
#[derive(Debug)]
pub struct Lookout(pub App);

#[async_trait]
impl Reconciler for Lookout {
    fn name(&self) -> &'static str {
        "lookout"
    }

    fn period(&self) -> std::time::Duration {
        std::time::Duration::from_secs(60)
    }

    async fn step(&self) -> anyhow::Result<Step> {
        let (app, now) = (&self.0, self.0.clock.now());
        let due = query!(
            r#"UPDATE connection SET looked_at = $1 WHERE id = (
                SELECT id FROM connection
                WHERE coalesce(looked_at, created_at + interval '14 hours') + interval '6 hours' <= $1
                ORDER BY looked_at NULLS FIRST LIMIT 1 FOR UPDATE SKIP LOCKED)
            RETURNING id AS "id: ConnectionId", lab_id AS "lab: LabId""#,
            now
        )
        .fetch_optional(&app.pool)
        .await?;
        let Some(due) = due else { return Ok(Step::Idle) };
        // Whoever cannot be asked now is asked again in six hours, and before anything is published.
        match crate::connections::recruiter(app, due.id).await {
            Ok(recruiter) => {
                if let Err(error) = look(app, recruiter.as_ref(), due.lab, due.id).await? {
                    tracing::info!(connection = %due.id, "its units cannot be listed: {error}");
                }
            }
            Err(error) => tracing::warn!(connection = %due.id, "cannot be opened: {error:#}"),
        }
        Ok(Step::Worked)
    }
}

/// Lists the recruiter's units and keeps those that carry a mark like ours and belong to no row here.
pub async fn look(
    app: &App,
    recruiter: &dyn Recruiter,
    lab: LabId,
    connection: ConnectionId,
) -> anyhow::Result<Result<(), AskError>> {
    let listed = match recruiter.units().await {
        Ok(listed) => listed,
        Err(error) => return Ok(Err(error)),
    };
    let mut tx = app.pool.begin().await?;
    note(&mut tx, lab, connection, &listed, app.clock.now()).await?;
    tx.commit().await?;
    Ok(Ok(()))
}

/// Keeps those of the units that carry a mark like ours and belong to no row here.
///
/// # Errors
/// When the database does not answer.
pub async fn note(
    conn: &mut PgConnection,
    lab: LabId,
    connection: ConnectionId,
    listed: &[Listed],
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    let marked = |unit: &Listed| unit.mark.as_deref()?.parse::<Uuid>().ok();
    let marks: Vec<Uuid> = listed.iter().filter_map(marked).collect();
    let ours = known(conn, &marks).await?;
    for unit in listed.iter().filter(|unit| marked(unit).is_some_and(|mark| !ours.contains(&mark))) {
        keep(conn, lab, connection, unit, now).await?;
    }
    Ok(())
}

/// Those of the marks that name a row: a batch, or an order with a unit of its own. A batch that was given up as
/// never published accounts for no unit.
async fn known(conn: &mut PgConnection, marks: &[Uuid]) -> sqlx::Result<Vec<Uuid>> {
    query_scalar!(
        r#"SELECT id AS "id!" FROM batch WHERE id = ANY($1) AND NOT (state = 'refused' AND hit_id IS NULL)
        UNION ALL SELECT id FROM payment_order WHERE id = ANY($1)"#,
        marks
    )
    .fetch_all(conn)
    .await
}

async fn keep(
    conn: &mut PgConnection,
    lab: LabId,
    connection: ConnectionId,
    unit: &Listed,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    query!(
        "INSERT INTO stray (connection_id, lab_id, unit_id, offer_id, title, places, made_at, found_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
        connection.0,
        lab.0,
        unit.unit_id,
        unit.offer_id,
        unit.title,
        unit.places,
        unit.made_at,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A unit that nobody here knows. Times are UTC.
#[derive(Debug, Clone)]
pub struct Stray {
    pub connection: String,
    pub unit_id: String,
    pub title: String,
    pub places: i32,
    pub made_at: Option<DateTime<Utc>>,
    pub found_at: DateTime<Utc>,
}

/// The lab's strays that no person has looked at, oldest first.
///
/// # Errors
/// When the database does not answer.
pub async fn unseen(conn: &mut PgConnection, lab: LabId) -> sqlx::Result<Vec<Stray>> {
    query_as!(
        Stray,
        "SELECT c.name AS connection, s.unit_id, s.title, s.places, s.made_at, s.found_at
         FROM stray s JOIN connection c ON c.id = s.connection_id
         WHERE s.lab_id = $1 AND s.seen_at IS NULL ORDER BY s.made_at, s.unit_id",
        lab.0
    )
    .fetch_all(conn)
    .await
}

/// A person has looked at all strays found so far. Returns how many.
///
/// # Errors
/// When the database does not answer.
pub async fn seen(
    conn: &mut PgConnection,
    lab: LabId,
    by: crate::accounts::AccountId,
    now: DateTime<Utc>,
) -> sqlx::Result<u64> {
    let seen = query!(
        "UPDATE stray SET seen_by = $2, seen_at = $3 WHERE lab_id = $1 AND seen_at IS NULL AND found_at <= $3",
        lab.0,
        by.0,
        now
    )
    .execute(&mut *conn)
    .await?;
    crate::jobs::wake(conn, super::NAME).await?;
    Ok(seen.rows_affected())
}
