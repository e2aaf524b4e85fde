//! Live recruiters by connection, kept so that all calls of one account share its limits and retries.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use anyhow::Context;
use kernel::outbound::Outbound;
use kernel::secret::Keyring;
use url::Url;

use super::store::Credentials;
use super::{ConnectionId, Environment, secret_place};
use crate::recruiters::Recruiter;
use crate::recruiters::mturk::{Account, MTurk, Pace, SharedHttpClient, checked_http_client, http_client};

/// The recruiters of this process.
#[derive(Debug)]
pub struct Directory {
    outbound: Outbound,
    market: Url,
    /// The pace of this process's clock.
    hurry: f64,
    /// For servers that we or the operator chose.
    trusted: SharedHttpClient,
    /// For servers that a user chose.
    checked: SharedHttpClient,
    live: Mutex<HashMap<ConnectionId, Live>>,
}

/// A recruiter and what it was made from: other keys make another one.
#[derive(Debug)]
struct Live {
    stored: Credentials,
    recruiter: Arc<dyn Recruiter>,
}

impl Directory {
    /// An empty directory; `market` is the address of the built-in marketplace, `hurry` the
    /// pace of the clock.
    pub fn new(outbound: Outbound, market: Url, hurry: f64) -> Self {
        Self {
            trusted: http_client(),
            checked: checked_http_client(outbound.clone()),
            outbound,
            market,
            hurry,
            live: Mutex::default(),
        }
    }

    /// The recruiter for stored credentials.
    pub(super) fn recruiter(
        &self,
        keyring: &Keyring,
        stored: Credentials,
    ) -> anyhow::Result<Arc<dyn Recruiter>> {
        let mut live = self.live.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(known) = live.get(&stored.id).filter(|known| known.stored == stored) {
            return Ok(known.recruiter.clone());
        }
        let recruiter: Arc<dyn Recruiter> = Arc::new(self.open(keyring, &stored)?);
        live.insert(stored.id, Live { recruiter: recruiter.clone(), stored });
        Ok(recruiter)
    }

    fn open(&self, keyring: &Keyring, stored: &Credentials) -> anyhow::Result<MTurk> {
        let place = stored.place(&self.market).context("a custom connection without its addresses")?;
        let own = stored.environment == Environment::Rehearsal;
        let custom = stored.environment == Environment::Custom;
        if custom {
            self.outbound.check_url(place.endpoint.as_str())?;
        }
        let account = Account {
            name: stored.id.to_string(),
            endpoint: place.endpoint,
            access_key_id: stored.access_key_id.clone(),
            secret: keyring.open(&secret_place(stored.lab_id, stored.id), &stored.secret_sealed)?,
            pace: if own { Pace::BRISK } else { Pace::CAREFUL },
            hurry: self.hurry,
        };
        let http = if custom { &self.checked } else { &self.trusted };
        Ok(MTurk::new(&account, http.clone()))
    }
}
