//! All parts, built once and shared.

use std::sync::Arc;

use kernel::clock::SharedClock;
use sqlx::PgPool;

use crate::config::Config;

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
}

impl std::ops::Deref for App {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl App {
    /// Puts the parts together.
    pub fn new(config: Config, pool: PgPool, clock: SharedClock) -> Self {
        Self(Arc::new(Parts { config, pool, clock }))
    }
}
