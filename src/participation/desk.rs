//! The desk behind the door: arrivals that wait at the same time share one transaction.
//!
//! A group never waits for company: whoever comes while no transaction is under way goes alone;
//! whoever comes meanwhile forms the next group. Nobody is answered before the commit.

use kernel::clock::SharedClock;
use sqlx::PgPool;
use tokio::sync::{mpsc, oneshot};

use super::admit::{Admission, Arrival, admit};

/// The most arrivals in one transaction.
const GROUP: usize = 256;
/// The most that may wait; beyond it the door says so at once.
const QUEUE: usize = 4096;

/// Why nobody was admitted; the same request may simply come again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DeskError {
    /// Too many wait already.
    #[error("too many people are arriving at once")]
    Crowded,
    /// The database did not answer.
    #[error("the desk cannot be reached")]
    Closed,
}

type Ticket = (Arrival, oneshot::Sender<Admission>);

/// Where the door asks for a seat. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Desk(mpsc::Sender<Ticket>);

impl Desk {
    /// Opens the desk; it closes when the last clone is gone.
    pub fn open(pool: PgPool, clock: SharedClock) -> Self {
        let (tickets, waiting) = mpsc::channel(QUEUE);
        tokio::spawn(serve(pool, clock, waiting));
        Self(tickets)
    }

    /// A seat for this arrival, or why not.
    ///
    /// # Errors
    /// When it is too crowded or the database does not answer.
    pub async fn ask(&self, arrival: Arrival) -> Result<Admission, DeskError> {
        let (answer, admission) = oneshot::channel();
        self.0.try_send((arrival, answer)).map_err(|_| DeskError::Crowded)?;
        admission.await.map_err(|_| DeskError::Closed)
    }
}

async fn serve(pool: PgPool, clock: SharedClock, mut waiting: mpsc::Receiver<Ticket>) {
    let mut group = Vec::new();
    while waiting.recv_many(&mut group, GROUP).await > 0 {
        let (arrivals, answers): (Vec<_>, Vec<_>) = group.drain(..).unzip();
        match decide(&pool, &clock, &arrivals).await {
            Ok(admissions) => {
                for (answer, admission) in answers.into_iter().zip(admissions) {
                    // Somebody who has left meanwhile keeps the seat: it is theirs when they come again.
                    let _ = answer.send(admission);
                }
            }
            Err(error) => tracing::error!("a group of {} arrivals was not admitted: {error}", arrivals.len()),
        }
    }
}

async fn decide(pool: &PgPool, clock: &SharedClock, arrivals: &[Arrival]) -> sqlx::Result<Vec<Admission>> {
    let mut tx = pool.begin().await?;
    let admissions = admit(&mut tx, clock.now(), arrivals).await?;
    tx.commit().await?;
    Ok(admissions)
}
