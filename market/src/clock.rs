//! The market's own time: it follows the machine until somebody freezes it, steps it or speeds it up.
//!
//! What was decided is one row (machine time, market time at that moment, rate), so that a restart and every
//! other process see the same time. It never runs backwards: deadlines that have passed stay passed.

use chrono::{DateTime, Duration, Utc};
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

/// Why the clock was not turned.
#[derive(Debug, thiserror::Error)]
pub enum ClockError {
    /// Backwards.
    #[error("the market's clock cannot be put back")]
    Backwards,
    /// Below zero, endless or beyond a million.
    #[error("the market's clock runs between 0 and 1000000 times as fast as the machine's")]
    Rate,
    /// Postgres did not do its part.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

impl Timing {
    /// The market's time when the machine's is `real`.
    pub fn at(&self, real: DateTime<Utc>) -> DateTime<Utc> {
        let elapsed = (real - self.anchor_real).num_microseconds().unwrap_or(i64::MAX).max(0);
        // A float holds every microsecond of 285 years exactly.
        self.anchor_market + Duration::microseconds((elapsed as f64 * self.rate) as i64)
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
            Turn::Step(by) => (now + by, self.rate),
            Turn::To(moment) => (moment, self.rate),
        };
        if anchor_market < now {
            return Err(ClockError::Backwards);
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
    Ok(row.unwrap_or(Timing { anchor_real: real, anchor_market: real, rate: 1.0 }))
}

/// The market's time when the machine's is `real`.
///
/// # Errors
/// When Postgres fails.
pub async fn now(conn: &mut PgConnection, real: DateTime<Utc>) -> sqlx::Result<DateTime<Utc>> {
    let row = sqlx::query_as!(Timing, "select anchor_real, anchor_market, rate from market.clock")
        .fetch_optional(conn)
        .await?;
    Ok(row.map_or(real, |timing| timing.at(real)))
}

/// Turns the clock and gives the market's time after that.
///
/// # Errors
/// [`ClockError::Backwards`] or [`ClockError::Rate`].
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
