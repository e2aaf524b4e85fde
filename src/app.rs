//! All parts, built once and shared.

use std::sync::Arc;

use kernel::clock::SharedClock;
use kernel::outbound::Outbound;
use sqlx::PgPool;

use crate::config::Config;
use crate::jobs::{Board, Reconciler};
use crate::otree::Connector;
use crate::participation::desk::Desk;
use crate::{participation, payments, sites, studies};

/// What every handler and every reconciler gets. Cheap to clone.
#[derive(Debug, Clone)]
pub struct App(Arc<Parts>);

/// The parts behind [`App`].
#[derive(Debug)]
pub struct Parts {
    /// The settings.
    pub config: Config,
    /// The database.
    pub pool: PgPool,
    /// The time.
    pub clock: SharedClock,
    /// The way to every address that a user typed.
    pub outbound: Outbound,
    /// The way to every oTree site.
    pub otree: Connector,
    /// Where arrivals get their seats.
    pub desk: Desk,
    /// What the reconcilers of this process last did.
    pub board: Board,
}

impl std::ops::Deref for App {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl App {
    /// Puts the parts together. Needs a running tokio runtime for the desk.
    ///
    /// # Errors
    /// When this machine's TLS roots cannot be read.
    pub fn new(config: Config, pool: PgPool, clock: SharedClock) -> anyhow::Result<Self> {
        let outbound = Outbound::new(config.allow_private.clone())?;
        Ok(Self(Arc::new(Parts {
            otree: Connector::new(outbound.clone()),
            desk: Desk::open(pool.clone(), clock.clone()),
            board: Board::default(),
            outbound,
            config,
            pool,
            clock,
        })))
    }

    /// Everything that keeps itself going.
    pub fn reconcilers(&self) -> Vec<Arc<dyn Reconciler>> {
        let mut all = payments::reconcilers(self);
        all.extend(studies::reconcilers(self));
        all.extend(participation::reconcilers(self));
        all.extend(sites::reconcilers(self));
        all
    }
}
