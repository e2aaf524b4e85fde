//! The market's own time: it follows the machine until somebody freezes it, steps it or speeds it up.
//!
//! There is one clock for the whole market, and one more for each requester who turned their own. Everything of a
//! requester runs on that requester's time: their HITs, the work on them, tokens, automatic approvals, statement
//! and journal. A requester who never turned it follows the market's; workers' accounts always do.
//!
//! What was decided is one row (machine time, market time at that moment, rate), so that a restart and every
//! other process see the same time. It never runs backwards: deadlines that have passed stay passed.

use chrono::{DateTime, Datelike, Duration, Utc};
use sqlx::PgConnection;

/// How the market's time follows the machine's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Timing {
    /// Machine time at which ...
    pub anchor_real: DateTime<Utc>,
    /// ... it was this time at the market.
    pub anchor_market: DateTime<Utc>,
    /// Market seconds per machine second since then; 0 stands still.
    pub rate: f64,
}

/// A way to turn the clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Turn {
    /// Stop it where it is.
    Freeze,
    /// Let it run this many times as fast as the machine's; 1 is the usual pace.
    Run(f64),
    /// Put it forward by this much, and keep its pace.
    Step(Duration),
    /// Put it forward to this moment, and keep its pace.
    To(DateTime<Utc>),
}

/// Whose time is asked for. What is named need not exist: then it is the market's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose<'a> {
    /// The whole market's.
    Market,
    /// This requester's.
    Requester(&'a str),
    /// That of the requester of this HIT.
    Hit(&'a str),
    /// That of the requester of this HIT type.
    HitType(&'a str),
    /// That of the requester of this assignment.
    Assignment(&'a str),
    /// That of the requester of this kind of qualification.
    QualificationType(&'a str),
}

/// Why the clock was not turned.
#[derive(Debug, thiserror::Error)]
pub enum ClockError {
    /// Backwards.
    #[error("the market's clock cannot be put back")]
    Backwards,
    /// Below zero, endless or beyond a million.
    #[error("the market's clock runs between 0 and 1000000 times as fast as the machine's")]
    Rate,
    /// Centuries ahead.
    #[error("the market's clock cannot be put forward beyond the year 2200")]
    TooFar,
    /// Whose clock it is.
    #[error("there is no such requester")]
    NobodysClock,
    /// Postgres did not do its part.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

/// Microseconds that a clock runs on from its anchor at most, near 8000 years: dates stay within what Postgres holds.
const LONGEST: f64 = 2.5e17;
/// No clock is put beyond this year.
const LAST_YEAR: i32 = 2200;

impl Timing {
    /// The machine's own time.
    fn of_machine(real: DateTime<Utc>) -> Self {
        Self { anchor_real: real, anchor_market: real, rate: 1.0 }
    }

    /// The market's time when the machine's is `real`; `market.times` in the database does the same sum.
    pub fn at(&self, real: DateTime<Utc>) -> DateTime<Utc> {
        let elapsed = (real - self.anchor_real).num_microseconds().unwrap_or(i64::MAX).max(0);
        // A float holds every microsecond of 285 years exactly.
        let run = (elapsed as f64 * self.rate).min(LONGEST);
        self.anchor_market + Duration::microseconds(run as i64)
    }

    /// The timing after the turn, made when the machine's time is `real`.
    ///
    /// # Errors
    /// [`ClockError::Backwards`] or [`ClockError::Rate`].
    pub fn turned(&self, real: DateTime<Utc>, turn: Turn) -> Result<Self, ClockError> {
        let now = self.at(real);
        let (anchor_market, rate) = match turn {
            Turn::Freeze => (now, 0.0),
            Turn::Run(rate) => (now, rate),
            Turn::Step(by) => (now.checked_add_signed(by).ok_or(ClockError::TooFar)?, self.rate),
            Turn::To(moment) => (moment, self.rate),
        };
        if anchor_market < now {
            return Err(ClockError::Backwards);
        }
        if anchor_market.year() > LAST_YEAR {
            return Err(ClockError::TooFar);
        }
        if !(0.0..=1_000_000.0).contains(&rate) {
            return Err(ClockError::Rate);
        }
        Ok(Self { anchor_real: real, anchor_market, rate })
    }
}

/// How the market's time runs; as the machine's when nobody ever turned it.
///
/// # Errors
/// When Postgres fails.
pub async fn timing(conn: &mut PgConnection, real: DateTime<Utc>) -> sqlx::Result<Timing> {
    let row = sqlx::query_as!(Timing, "select anchor_real, anchor_market, rate from market.clock")
        .fetch_optional(conn)
        .await?;
    Ok(row.unwrap_or_else(|| Timing::of_machine(real)))
}

/// How this requester's time runs: by their own clock, or else as the market's.
///
/// # Errors
/// When Postgres fails.
pub async fn timing_of(
    conn: &mut PgConnection,
    real: DateTime<Utc>,
    requester_id: &str,
) -> sqlx::Result<Timing> {
    let row = sqlx::query_as!(
        Timing,
        r#"select anchor_real as "anchor_real!", anchor_market as "anchor_market!", rate as "rate!"
             from (select 1 as choice, anchor_real, anchor_market, rate
                     from market.requester_clock where requester_id = $1
                   union all
                   select 2, anchor_real, anchor_market, rate from market.clock) as clocks
            order by choice limit 1"#,
        requester_id,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.unwrap_or_else(|| Timing::of_machine(real)))
}

/// The time of `whose` when the machine's is `real`.
///
/// # Errors
/// When Postgres fails.
pub async fn now(
    conn: &mut PgConnection,
    real: DateTime<Utc>,
    whose: Whose<'_>,
) -> sqlx::Result<DateTime<Utc>> {
    let timing = match requester_of(conn, whose).await? {
        Some(requester_id) => timing_of(conn, real, &requester_id).await?,
        None => timing(conn, real).await?,
    };
    Ok(timing.at(real))
}

/// Who publishes what is named, if it exists.
///
/// # Errors
/// When Postgres fails.
pub async fn requester_of(conn: &mut PgConnection, whose: Whose<'_>) -> sqlx::Result<Option<String>> {
    match whose {
        Whose::Market => Ok(None),
        Whose::Requester(id) => Ok(Some(id.to_owned())),
        Whose::Hit(id) => {
            let found = sqlx::query_scalar!("select requester_id from market.hit where hit_id = $1", id);
            found.fetch_optional(conn).await
        }
        Whose::HitType(id) => {
            let found =
                sqlx::query_scalar!("select requester_id from market.hit_type where hit_type_id = $1", id);
            found.fetch_optional(conn).await
        }
        Whose::Assignment(id) => {
            let found = sqlx::query_scalar!(
                "select requester_id from market.assignment where assignment_id = $1 order by seq desc limit 1",
                id
            );
            found.fetch_optional(conn).await
        }
        Whose::QualificationType(id) => {
            let found = sqlx::query_scalar!(
                "select requester_id from market.qualification_type where qualification_type_id = $1",
                id
            );
            // The system's own types are nobody's.
            Ok(found.fetch_optional(conn).await?.flatten())
        }
    }
}

/// Turns the market's clock and gives its time after that. Requesters with a clock of their own are not touched.
///
/// # Errors
/// [`ClockError::Backwards`], [`ClockError::Rate`] or [`ClockError::TooFar`].
pub async fn turn(
    conn: &mut PgConnection,
    real: DateTime<Utc>,
    turn: Turn,
) -> Result<DateTime<Utc>, ClockError> {
    let turned = timing(&mut *conn, real).await?.turned(real, turn)?;
    sqlx::query!(
        "insert into market.clock (anchor_real, anchor_market, rate) values ($1, $2, $3)
         on conflict (only_row) do update
            set anchor_real = excluded.anchor_real, anchor_market = excluded.anchor_market, rate = excluded.rate",
        turned.anchor_real,
        turned.anchor_market,
        turned.rate,
    )
    .execute(conn)
    .await?;
    Ok(turned.at(real))
}

/// Turns one requester's clock, which from then on is their own, and gives their time after that.
///
/// # Errors
/// As for [`turn`], and [`ClockError::NobodysClock`].
pub async fn turn_of(
    conn: &mut PgConnection,
    real: DateTime<Utc>,
    requester_id: &str,
    turn: Turn,
) -> Result<DateTime<Utc>, ClockError> {
    // Two turns at once follow one another, so that two steps are two steps.
    let found = sqlx::query_scalar!(
        "select requester_id from market.requester where requester_id = $1 for no key update",
        requester_id
    );
    found.fetch_optional(&mut *conn).await?.ok_or(ClockError::NobodysClock)?;
    let turned = timing_of(&mut *conn, real, requester_id).await?.turned(real, turn)?;
    sqlx::query!(
        "insert into market.requester_clock (requester_id, anchor_real, anchor_market, rate) values ($1, $2, $3, $4)
         on conflict (requester_id) do update
            set anchor_real = excluded.anchor_real, anchor_market = excluded.anchor_market, rate = excluded.rate",
        requester_id,
        turned.anchor_real,
        turned.anchor_market,
        turned.rate,
    )
    .execute(conn)
    .await?;
    Ok(turned.at(real))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usual(real: DateTime<Utc>) -> Timing {
        Timing { anchor_real: real, anchor_market: real, rate: 1.0 }
    }

    #[test]
    fn time_stands_runs_and_leaps() {
        let start = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let minute = Duration::minutes(1);
        let frozen = usual(start).turned(start + minute, Turn::Freeze).unwrap();
        assert_eq!(frozen.at(start + minute * 10), start + minute);
        let fast = frozen.turned(start + minute * 10, Turn::Run(60.0)).unwrap();
        assert_eq!(fast.at(start + minute * 11), start + minute + minute * 60);
        let stepped = frozen.turned(start + minute * 10, Turn::Step(Duration::days(31))).unwrap();
        assert_eq!(stepped.at(start + minute * 99), start + minute + Duration::days(31));
    }

    #[test]
    fn time_is_never_put_back() {
        let start = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        for turn in [Turn::Step(Duration::seconds(-1)), Turn::To(start)] {
            let refused = usual(start).turned(start + Duration::seconds(1), turn);
            assert!(matches!(refused, Err(ClockError::Backwards)), "{turn:?}");
        }
        assert!(matches!(usual(start).turned(start, Turn::Run(f64::NAN)), Err(ClockError::Rate)));
        assert!(matches!(usual(start).turned(start, Turn::Run(-1.0)), Err(ClockError::Rate)));
    }
}
