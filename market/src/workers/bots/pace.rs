//! Which time people keep: the machine's, or the market's, which can be turned.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::Market;

/// Time between two looks at the market's clock.
const LOOK: Duration = Duration::from_millis(200);

/// The time that arrivals and slow starts are measured in.
#[derive(Debug, Clone)]
pub enum Pace {
    /// The machine's.
    Real,
    /// The market's, as it is for the HITs of one requester: while it is frozen nobody comes.
    Market {
        /// The marketplace.
        market: Market,
        /// Whose clock.
        requester_id: String,
    },
}

/// A moment to count from.
#[derive(Debug, Clone, Copy)]
pub enum Since {
    /// Of the machine.
    Real(tokio::time::Instant),
    /// Of the market.
    Market(DateTime<Utc>),
}

impl Pace {
    /// Now.
    ///
    /// # Errors
    /// When Postgres fails.
    pub async fn now(&self) -> sqlx::Result<Since> {
        Ok(match self {
            Self::Real => Since::Real(tokio::time::Instant::now()),
            Self::Market { market, requester_id } => Since::Market(market_now(market, requester_id).await?),
        })
    }

    /// Waits until `span` has passed since then.
    ///
    /// # Errors
    /// When Postgres fails.
    pub async fn pass(&self, since: Since, span: Duration) -> sqlx::Result<()> {
        match (self, since) {
            (Self::Market { market, requester_id }, Since::Market(since)) => {
                let until = since + span;
                while market_now(market, requester_id).await? < until {
                    tokio::time::sleep(LOOK).await;
                }
            }
            (_, Since::Real(since)) => tokio::time::sleep_until(since + span).await,
            (Self::Real, Since::Market(_)) => tokio::time::sleep(span).await,
        }
        Ok(())
    }
}

async fn market_now(market: &Market, requester_id: &str) -> sqlx::Result<DateTime<Utc>> {
    Ok(market.clock_of(requester_id).await?.1)
}
