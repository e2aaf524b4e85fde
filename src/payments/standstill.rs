//! Payments that wait until a person mends something: money in the recruiter's account, or keys.
//!
//! The payer notes it with the order it concerns, and that it is over with the last one that comes through. The
//! lab's owners are told by mail, once for each standstill and at most once a day; the page of money says it always.

use std::fmt::Write as _;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use kernel::money::Cents;
use sqlx::{PgConnection, query, query_as, query_scalar};

use super::Order;
use crate::app::App;
use crate::connections::ConnectionId;
use crate::jobs::{Reconciler, Step};
use crate::labs::{self, LabId, Role};
use crate::mail::{self, NewLetter};
use crate::recruiters::{Outcome, Refusal, RefusalKind};

/// A standstill younger than this is told nobody: perhaps somebody is just mending it.
const GRACE: TimeDelta = TimeDelta::minutes(2);
/// Owners are not written to more often about one connection.
const LETTERS: TimeDelta = TimeDelta::days(1);

/// A connection whose payments wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standstill {
    pub connection_id: ConnectionId,
    /// The connection's name.
    pub name: String,
    /// What the recruiter said last.
    pub words: String,
    /// Since when, UTC.
    pub since: DateTime<Utc>,
    /// The payments that wait, and their amounts without fees.
    pub orders: i64,
    pub sum: Cents,
}

/// What the answer to an order says about the account that pays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sign {
    /// It pays.
    Pays,
    /// Somebody has to mend this.
    Stands(String),
    /// Nothing: it was about the order.
    Nothing,
}

/// Reads the sign in an outcome.
pub fn sign(outcome: &Outcome<()>) -> Sign {
    match outcome {
        Outcome::Done(()) => Sign::Pays,
        Outcome::Refused(Refusal { kind: RefusalKind::Funds | RefusalKind::Credentials, words }) => {
            Sign::Stands(words.clone())
        }
        Outcome::Refused(_) | Outcome::NotNow(_) | Outcome::Unknown(_) => Sign::Nothing,
    }
}

/// Writes down what was seen with an order, as it was claimed, after its own record.
///
/// # Errors
/// When the database does not answer.
pub async fn note(
    conn: &mut PgConnection,
    order: &Order,
    sign: Sign,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    match sign {
        Sign::Nothing => Ok(()),
        Sign::Pays => over(conn, order, now).await,
        Sign::Stands(words) => stands(conn, order, &words, now).await,
    }
}

/// One that stood before with nobody waiting any more is another standstill.
async fn stands(conn: &mut PgConnection, order: &Order, words: &str, now: DateTime<Utc>) -> sqlx::Result<()> {
    query!(
        "INSERT INTO standstill AS s (connection_id, lab_id, words, since)
         SELECT id, lab_id, $2, $3 FROM connection WHERE id = $1
         ON CONFLICT (connection_id) DO UPDATE SET words = excluded.words, over_at = NULL,
            since = CASE WHEN s.over_at IS NULL AND ($5 OR EXISTS (SELECT FROM payment_order o
                WHERE o.connection_id = $1 AND o.id <> $4 AND o.state IN ('authorised', 'sending')
                    AND o.problem IS NOT NULL)) THEN s.since ELSE excluded.since END",
        order.connection_id.0,
        words,
        now,
        order.id.0,
        order.problem.is_some(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Over when nothing waits any more: an approval can come through while bonuses have to wait for money.
async fn over(conn: &mut PgConnection, order: &Order, now: DateTime<Utc>) -> sqlx::Result<()> {
    query!(
        "UPDATE standstill SET over_at = $2 WHERE connection_id = $1 AND over_at IS NULL
            AND NOT EXISTS (SELECT FROM payment_order o WHERE o.connection_id = $1 AND o.id <> $3
                AND o.state IN ('authorised', 'sending') AND o.problem IS NOT NULL)",
        order.connection_id.0,
        now,
        order.id.0
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The lab's connections whose payments wait, the longest first.
///
/// # Errors
/// When the database does not answer.
pub async fn of_lab(conn: &mut PgConnection, lab: LabId) -> sqlx::Result<Vec<Standstill>> {
    query_as!(
        Standstill,
        r#"SELECT s.connection_id AS "connection_id: _", c.name, s.words, s.since, w.orders AS "orders!",
            w.sum AS "sum!: Cents"
        FROM standstill s JOIN connection c ON c.id = s.connection_id
        CROSS JOIN LATERAL (SELECT count(*) AS orders, coalesce(sum(o.amount_cents), 0)::bigint AS sum
            FROM payment_order o
            WHERE o.connection_id = s.connection_id AND o.state IN ('authorised', 'sending') AND o.problem IS NOT NULL) w
        WHERE s.lab_id = $1 AND s.over_at IS NULL AND w.orders > 0 ORDER BY s.since, c.name"#,
        lab.0
    )
    .fetch_all(conn)
    .await
}

/// Writes to the owners.
#[derive(Debug)]
pub struct Alarm(pub App);

#[async_trait]
impl Reconciler for Alarm {
    fn name(&self) -> &'static str {
        "alarm"
    }

    fn period(&self) -> Duration {
        Duration::from_secs(60)
    }

    async fn step(&self) -> anyhow::Result<Step> {
        let app = &self.0;
        if app.post.is_none() {
            return Ok(Step::Idle);
        }
        let now = app.clock.now();
        let mut tx = app.pool.begin().await?;
        let Some(lab) = claim(&mut tx, now).await? else { return Ok(Step::Idle) };
        let standing = of_lab(&mut tx, lab).await?;
        let link = app.config.absolute(&format!("/labs/{lab}/money"));
        write(&mut tx, lab, &standing, &link, now).await?;
        tx.commit().await?;
        Ok(Step::Worked)
    }
}

/// A lab whose owners are to be told now; counts as told. Whoever asks at the same moment waits, and finds it told.
async fn claim(conn: &mut PgConnection, now: DateTime<Utc>) -> sqlx::Result<Option<LabId>> {
    let lab = query_scalar!(
        r#"SELECT lab_id AS "lab: LabId" FROM standstill s WHERE over_at IS NULL AND since <= $1
            AND (told_at IS NULL OR told_at < since AND told_at <= $2)
            AND EXISTS (SELECT FROM payment_order o WHERE o.connection_id = s.connection_id
                AND o.state IN ('authorised', 'sending') AND o.problem IS NOT NULL)
        ORDER BY since, connection_id LIMIT 1 FOR UPDATE OF s"#,
        now - GRACE,
        now - LETTERS
    )
    .fetch_optional(&mut *conn)
    .await?;
    if let Some(lab) = lab {
        query!("UPDATE standstill SET told_at = $2 WHERE lab_id = $1 AND over_at IS NULL", lab.0, now)
            .execute(conn)
            .await?;
    }
    Ok(lab)
}

async fn write(
    conn: &mut PgConnection,
    lab: LabId,
    standing: &[Standstill],
    link: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    let people = labs::people(conn, lab).await?;
    for owner in people.into_iter().filter(|person| person.role == Role::Owner) {
        let subject = "Payments to your participants are waiting".to_owned();
        let letter = NewLetter { lab, to: owner.id, subject, body: body(standing, link) };
        mail::store::post(conn, &letter, now).await?;
    }
    Ok(())
}

fn body(standing: &[Standstill], link: &str) -> String {
    let mut text = String::from("The recruiter refuses to pay until something is mended.\n\n");
    for one in standing {
        let _ = writeln!(text, "- {}: {}", one.name, one.words);
        let _ = writeln!(
            text,
            "  {} payments of ${} together wait since {} UTC.",
            one.orders,
            one.sum,
            one.since.format("%Y-%m-%d %H:%M")
        );
    }
    let _ = writeln!(text, "\nNothing is lost: they go out by themselves as soon as it is mended.\n{link}\n");
    text
}
