//! Makes clients, and remembers per site what all its clients share.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};

use kernel::outbound::Outbound;
use secrecy::SecretString;
use tokio::sync::Semaphore;
use url::Url;

use super::client::Client;

/// Calls under way at one site at the same time; oTree serves them one after another anyway.
const AT_ONCE: usize = 2;

/// The way to every oTree site. Cheap to clone; clones share the limits.
#[derive(Debug, Clone)]
pub struct Connector {
    outbound: Outbound,
    sites: Arc<Mutex<HashMap<String, Arc<Shared>>>>,
}

impl Connector {
    /// Goes out through `outbound`.
    pub fn new(outbound: Outbound) -> Self {
        Self { outbound, sites: Arc::default() }
    }

    /// A client of the site at `base` (scheme, host and port), with its REST key if it has one.
    pub fn client(&self, base: Url, key: Option<SecretString>) -> Client {
        let origin = base.origin().ascii_serialization();
        let mut sites = self.sites.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let shared = sites.entry(origin).or_default().clone();
        Client::new(self.outbound.clone(), base, key, shared)
    }
}

/// What the clients of one site share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) turns: Semaphore,
    dialect: AtomicU8,
}

impl Default for Shared {
    fn default() -> Self {
        Self { turns: Semaphore::new(AT_ONCE), dialect: AtomicU8::new(Dialect::New as u8) }
    }
}

/// How a server lets sessions be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Dialect {
    /// 5.10 and later: `POST /api/get_session/<code>`, with variables.
    New,
    /// 5.1 to 5.9: `GET /api/sessions/<code>`, labels only.
    Middle,
}

impl Dialect {
    /// The other one.
    pub(super) fn other(self) -> Self {
        match self {
            Self::New => Self::Middle,
            Self::Middle => Self::New,
        }
    }
}

impl Shared {
    /// The dialect that worked last; a guess that a wrong answer corrects.
    pub(super) fn dialect(&self) -> Dialect {
        if self.dialect.load(Ordering::Relaxed) == Dialect::Middle as u8 {
            Dialect::Middle
        } else {
            Dialect::New
        }
    }

    pub(super) fn remember(&self, dialect: Dialect) {
        self.dialect.store(dialect as u8, Ordering::Relaxed);
    }
}
