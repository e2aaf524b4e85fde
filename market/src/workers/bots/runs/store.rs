//! Rows of runs and of their bots. Machine time, UTC.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;

use super::RunOrder;
use crate::workers::bots::BotEvent;
use crate::workers::bots::plan::{Behaviour, Member};

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum RunState {
    /// Going on.
    Running,
    /// Asked to stop.
    Stopping,
    /// Stopped by somebody, or ended with its process.
    Stopped,
    /// Everybody did their part or failed.
    Finished,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Run {
    /// Its id.
    pub run_id: String,
    /// As it was asked for.
    pub plan: Value,
    /// Where it stands.
    pub state: RunState,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended; none while it goes on, and when it ended with its process.
    pub ended_at: Option<DateTime<Utc>>,
}

/// How far one bot came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BotRow {
    /// Counts from 1.
    pub number: i32,
    /// What it is meant to do.
    pub behaviour: Behaviour,
    /// `waiting`, `signed_in`, `accepted`, `opened`, `finished`, `submitted`, `returned`, `left` or `failed`.
    pub stage: String,
    /// Its accounts, in the order of signing up.
    pub worker_ids: Vec<String>,
    /// The assignments that it accepted.
    pub assignment_ids: Vec<String>,
    /// oTree's codes of its participants.
    pub participant_codes: Vec<String>,
    /// Pages of oTree that it answered.
    pub pages: Option<i32>,
    /// Why it could not go on.
    pub problem: Option<String>,
    /// The page that it could not fill, or that did not work.
    pub problem_page: Option<String>,
}

/// One start at a time for each requester.
pub(super) async fn lock_requester(conn: &mut PgConnection, requester_id: &str) -> sqlx::Result<()> {
    sqlx::query!("select from market.requester where requester_id = $1 for update", requester_id)
        .fetch_one(conn)
        .await?;
    Ok(())
}

/// The requester's runs that go on and were seen since then.
pub(super) async fn alive(
    conn: &mut PgConnection,
    requester_id: &str,
    since: DateTime<Utc>,
) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from market.bot_run
            where requester_id = $1 and state in ('running', 'stopping') and seen_at > $2"#,
        requester_id,
        since,
    )
    .fetch_one(conn)
    .await
}

pub(super) async fn insert(
    conn: &mut PgConnection,
    run_id: &str,
    requester_id: &str,
    order: &RunOrder,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into market.bot_run (run_id, requester_id, plan, started_at, seen_at) values ($1, $2, $3, $4, $4)",
        run_id,
        requester_id,
        sqlx::types::Json(order) as _,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn insert_bots(
    conn: &mut PgConnection,
    run_id: &str,
    crew: &[Member],
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    let behaviours: Vec<Behaviour> = crew.iter().map(|member| member.behaviour).collect();
    sqlx::query!(
        "insert into market.bot (run_id, number, behaviour, changed_at)
         select $1, place, behaviour, $3 from unnest($2::text[]) with ordinality as b (behaviour, place)",
        run_id,
        &behaviours as &[Behaviour],
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The checked query of runs with the given end; `$2` is when a living run must have been seen.
macro_rules! select_runs {
    ($tail:tt, $($argument:expr),*) => {
        sqlx::query_as!(
            Run,
            r#"select run_id, plan, started_at, ended_at,
                      case when state in ('running', 'stopping') and seen_at <= $2 then 'stopped' else state end
                          as "state!: RunState"
                 from market.bot_run "# + $tail,
            $($argument),*
        )
    };
}

pub(super) async fn find(
    conn: &mut PgConnection,
    requester_id: &str,
    run_id: &str,
    seen_since: DateTime<Utc>,
) -> sqlx::Result<Option<Run>> {
    select_runs!("where requester_id = $1 and run_id = $3", requester_id, seen_since, run_id)
        .fetch_optional(conn)
        .await
}

pub(super) async fn list(
    conn: &mut PgConnection,
    requester_id: &str,
    seen_since: DateTime<Utc>,
) -> sqlx::Result<Vec<Run>> {
    select_runs!("where requester_id = $1 order by started_at desc limit 100", requester_id, seen_since)
        .fetch_all(conn)
        .await
}

pub(super) async fn bots(conn: &mut PgConnection, run_id: &str) -> sqlx::Result<Vec<BotRow>> {
    sqlx::query_as!(
        BotRow,
        r#"select number, behaviour as "behaviour: Behaviour", stage, worker_ids, assignment_ids, participant_codes,
                  pages, problem, problem_page
             from market.bot where run_id = $1 order by number"#,
        run_id,
    )
    .fetch_all(conn)
    .await
}

/// Says that the run lives. Whether it should go on.
pub(super) async fn beat(conn: &mut PgConnection, run_id: &str, now: DateTime<Utc>) -> sqlx::Result<bool> {
    let beaten = sqlx::query!(
        "update market.bot_run set seen_at = $2 where run_id = $1 and state = 'running'",
        run_id,
        now
    )
    .execute(conn)
    .await?;
    Ok(beaten.rows_affected() == 1)
}

pub(super) async fn ask_to_stop(
    conn: &mut PgConnection,
    requester_id: &str,
    run_id: &str,
) -> sqlx::Result<bool> {
    let asked = sqlx::query!(
        "update market.bot_run set state = 'stopping'
          where run_id = $2 and requester_id = $1 and state in ('running', 'stopping')",
        requester_id,
        run_id,
    )
    .execute(conn)
    .await?;
    Ok(asked.rows_affected() == 1)
}

pub(super) async fn end(
    conn: &mut PgConnection,
    run_id: &str,
    state: RunState,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update market.bot_run set state = $2, ended_at = $3, seen_at = $3
          where run_id = $1 and state in ('running', 'stopping')",
        run_id,
        state as RunState,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes down what a bot has reached.
pub(super) async fn note(
    conn: &mut PgConnection,
    run_id: &str,
    event: &BotEvent,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    let reached = Reached::of(event);
    sqlx::query!(
        "update market.bot
            set stage = $3, worker_ids = worker_ids || $4::text[], assignment_ids = assignment_ids || $5::text[],
                participant_codes = participant_codes || $6::text[], pages = coalesce(pages + $7, $7, pages),
                problem = coalesce($8, problem), problem_page = coalesce($9, problem_page), changed_at = $10
          where run_id = $1 and number = $2",
        run_id,
        i32::try_from(event.bot()).unwrap_or(i32::MAX),
        reached.stage,
        &one(reached.worker_id),
        &one(reached.assignment_id),
        &one(reached.participant_code),
        reached.pages.map(|pages| i32::try_from(pages).unwrap_or(i32::MAX)),
        reached.problem,
        reached.page,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes down what went wrong beside a bot's way.
pub(super) async fn problem(
    conn: &mut PgConnection,
    run_id: &str,
    bot: usize,
    problem: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update market.bot set problem = $3 where run_id = $1 and number = $2",
        run_id,
        i32::try_from(bot).unwrap_or(i32::MAX),
        problem,
    )
    .execute(conn)
    .await?;
    Ok(())
}

fn one(text: Option<&String>) -> Vec<String> {
    text.into_iter().cloned().collect()
}

/// An event as its row's columns.
#[derive(Default)]
struct Reached<'a> {
    stage: &'static str,
    worker_id: Option<&'a String>,
    assignment_id: Option<&'a String>,
    participant_code: Option<&'a String>,
    pages: Option<usize>,
    problem: Option<&'a String>,
    page: Option<&'a String>,
}

impl<'a> Reached<'a> {
    fn of(event: &'a BotEvent) -> Self {
        let stage = |stage| Self { stage, ..Self::default() };
        match event {
            BotEvent::SignedIn { worker_id, .. } => Self { worker_id: Some(worker_id), ..stage("signed_in") },
            BotEvent::Accepted { assignment_id, .. } => {
                Self { assignment_id: Some(assignment_id), ..stage("accepted") }
            }
            BotEvent::Opened { participant_code, .. } => {
                Self { participant_code: Some(participant_code), ..stage("opened") }
            }
            BotEvent::Finished { pages, .. } => Self { pages: Some(*pages), ..stage("finished") },
            BotEvent::Submitted { .. } => stage("submitted"),
            BotEvent::Returned { .. } => stage("returned"),
            BotEvent::Left { .. } => stage("left"),
            BotEvent::Failed { why, page, .. } => {
                Self { problem: Some(why), page: page.as_ref(), ..stage("failed") }
            }
        }
    }
}
