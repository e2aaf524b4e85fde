//! A worker's own work, and what they earned by it. What pays with play money is practice, and is summed up by itself.

use chrono::{DateTime, NaiveDate, Utc};
use kernel::money::Cents;
use sqlx::PgConnection;

use super::assignments::AssignmentState;

/// One assignment in a worker's own list.
#[derive(Debug, Clone)]
pub struct WorkItem {
    /// Position in the order of accepting.
    pub seq: i64,
    /// The assignment.
    pub assignment_id: String,
    /// Its HIT.
    pub hit_id: String,
    /// Title.
    pub title: String,
    /// Who published it, by name.
    pub requester: String,
    /// Where it stands.
    pub state: AssignmentState,
    /// Cents when approved.
    pub reward: Cents,
    /// Whether those are play money.
    pub practice: bool,
    /// Cents of bonuses so far.
    pub bonus: Cents,
    /// When it was taken.
    pub accepted_at: DateTime<Utc>,
    /// When it must be handed in.
    pub deadline: DateTime<Utc>,
    /// When it was handed in.
    pub submitted_at: Option<DateTime<Utc>>,
    /// When it will be approved without a review.
    pub auto_approval_at: Option<DateTime<Utc>>,
    /// When it was approved or rejected.
    pub reviewed_at: Option<DateTime<Utc>>,
    /// The requester's words.
    pub feedback: Option<String>,
}

/// A bonus as its worker sees it.
#[derive(Debug, Clone)]
pub struct BonusReceived {
    /// For which work.
    pub assignment_id: String,
    /// Cents.
    pub amount: Cents,
    /// The requester's words.
    pub reason: String,
    /// When.
    pub paid_at: DateTime<Utc>,
}

/// What a worker's work brought.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    /// Cents of approved work.
    pub rewards: Cents,
    /// Cents of bonuses.
    pub bonuses: Cents,
    /// Cents of work that waits for a review.
    pub waiting: Cents,
}

impl Sums {
    /// Rewards and bonuses.
    pub fn earned(&self) -> Cents {
        self.rewards + self.bonuses
    }
}

/// What was earned on one day, UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Day {
    /// The day of the approval, or of the bonus.
    pub date: NaiveDate,
    /// Cents of approved work.
    pub rewards: Cents,
    /// Cents of bonuses.
    pub bonuses: Cents,
}

/// The checked query of a worker's assignments with the given condition and end.
macro_rules! select_work {
    ($tail:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            WorkItem,
            r#"select a.seq, a.assignment_id, a.hit_id, t.title, r.name as requester, a.state as "state: AssignmentState",
                      h.reward as "reward: Cents", h.practice,
                      coalesce((select sum(b.amount) from market.bonus b
                                 where b.assignment_id = a.assignment_id and b.worker_id = a.worker_id), 0)::bigint
                          as "bonus!: Cents",
                      a.accepted_at, a.deadline, a.submitted_at, a.auto_approval_at,
                      coalesce(a.approved_at, a.rejected_at) as reviewed_at, a.feedback
                 from market.assignment a
                 join market.hit h using (hit_id)
                 join market.hit_type t using (hit_type_id)
                 join market.requester r on r.requester_id = h.requester_id "# + $tail,
            $($argument),*
        )
    };
}

/// The worker's work before position `before`, newest first, at most `limit`; what was returned or abandoned is left
/// out.
///
/// # Errors
/// When Postgres fails.
pub async fn page(
    conn: &mut PgConnection,
    worker_id: &str,
    before: Option<i64>,
    limit: i64,
) -> sqlx::Result<Vec<WorkItem>> {
    select_work!(
        "where a.worker_id = $1 and a.state not in ('returned', 'abandoned') and a.seq < $2
         order by a.seq desc limit $3",
        worker_id,
        before.unwrap_or(i64::MAX),
        limit,
    )
    .fetch_all(conn)
    .await
}

/// What the worker is at, newest first.
///
/// # Errors
/// When Postgres fails.
pub async fn held(conn: &mut PgConnection, worker_id: &str) -> sqlx::Result<Vec<WorkItem>> {
    select_work!("where a.worker_id = $1 and a.state = 'accepted' order by a.seq desc", worker_id)
        .fetch_all(conn)
        .await
}

/// The worker's bonuses for these assignments, newest first.
///
/// # Errors
/// When Postgres fails.
pub async fn bonuses(
    conn: &mut PgConnection,
    worker_id: &str,
    assignment_ids: &[String],
) -> sqlx::Result<Vec<BonusReceived>> {
    sqlx::query_as!(
        BonusReceived,
        r#"select assignment_id, amount as "amount: Cents", reason, paid_at
             from market.bonus where assignment_id = any($2) and worker_id = $1 order by seq desc"#,
        worker_id,
        assignment_ids,
    )
    .fetch_all(conn)
    .await
}

/// What all of the worker's work brought: the practice, or the rest.
///
/// # Errors
/// When Postgres fails.
pub async fn sums(conn: &mut PgConnection, worker_id: &str, practice: bool) -> sqlx::Result<Sums> {
    sqlx::query_as!(
        Sums,
        r#"select coalesce(sum(h.reward) filter (where a.state = 'approved'), 0)::bigint as "rewards!: Cents",
                  coalesce(sum(h.reward) filter (where a.state = 'submitted'), 0)::bigint as "waiting!: Cents",
                  (select coalesce(sum(b.amount), 0)::bigint
                     from market.bonus b join market.hit paid using (hit_id)
                    where b.worker_id = $1 and paid.practice = $2) as "bonuses!: Cents"
             from market.assignment a join market.hit h using (hit_id)
            where a.worker_id = $1 and a.state in ('approved', 'submitted') and h.practice = $2"#,
        worker_id,
        practice,
    )
    .fetch_one(conn)
    .await
}

/// The days on which the worker earned something, newest first, at most `limit`; practice is left out.
///
/// # Errors
/// When Postgres fails.
pub async fn days(conn: &mut PgConnection, worker_id: &str, limit: i64) -> sqlx::Result<Vec<Day>> {
    sqlx::query_as!(
        Day,
        r#"select date as "date!", sum(reward)::bigint as "rewards!: Cents", sum(bonus)::bigint as "bonuses!: Cents"
             from (select (a.approved_at at time zone 'UTC')::date as date, h.reward, 0::bigint as bonus
                     from market.assignment a join market.hit h using (hit_id)
                    where a.worker_id = $1 and a.state = 'approved' and not h.practice
                    union all
                   select (b.paid_at at time zone 'UTC')::date, 0::bigint, b.amount
                     from market.bonus b join market.hit h using (hit_id)
                    where b.worker_id = $1 and not h.practice) as earned
            group by date order by date desc limit $2"#,
        worker_id,
        limit,
    )
    .fetch_all(conn)
    .await
}
