//! All parts, built once and shared.

use std::sync::Arc;

use kernel::clock::SharedClock;
use kernel::outbound::Outbound;
use sqlx::PgPool;

use crate::config::Config;
use crate::otree::Connector;

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
    /// The way to oTree sites.
    pub otree: Connector,
}

impl std::ops::Deref for App {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl App {
    /// Puts the parts together.
    ///
    /// # Errors
    /// When outgoing TLS cannot be set up.
    pub fn new(config: Config, pool: PgPool, clock: SharedClock) -> anyhow::Result<Self> {
        let otree = Connector::new(Outbound::new(config.allow_private.clone())?);
        Ok(Self(Arc::new(Parts { config, pool, clock, otree })))
    }
}
