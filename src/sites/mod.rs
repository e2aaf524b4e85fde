//! The oTree servers that a lab registered, and what their checks found.
//!
//! A site is an address and a sealed REST key. [`check`] asks the server three questions and [`verdict`]
//! turns the answers into sentences; it happens at registration, on demand and, by the [`checker`], every
//! few minutes. The row keeps the session configs of the last good check, so that pages need no answer
//! from oTree.

mod checker;
mod store;
pub mod verdict;

use std::sync::Arc;

use anyhow::Context;
use chrono::{DateTime, Utc};
use kernel::secret::Keyring;
use secrecy::SecretString;
use sqlx::PgConnection;
use url::Url;

use crate::app::App;
use crate::jobs::Reconciler;
use crate::labs::LabId;
use crate::otree::{Client, SessionConfig};

pub use checker::{CHECKER, check_now};

kernel::typed_id!(
    /// Names one registered oTree site.
    SiteId
);

/// What the last check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum SiteState {
    /// No check is done yet.
    Unchecked,
    /// Sessions can be made and followed.
    Ok,
    /// An oTree too old for its API to be of use: only links work.
    LinksOnly,
    /// It cannot be used as things stand; the problem says why.
    Failed,
}

impl SiteState {
    /// The word for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Unchecked => "being checked",
            Self::Ok => "works",
            Self::LinksOnly => "links only",
            Self::Failed => "problem",
        }
    }
}

/// A registered oTree server. The key is not in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Site {
    /// The row.
    pub id: SiteId,
    /// Whose it is.
    pub lab_id: LabId,
    /// As the lab calls it.
    pub name: String,
    /// Scheme, host and port.
    pub base_url: Url,
    /// Whether a REST key is stored.
    pub has_key: bool,
    /// What the last check found.
    pub state: SiteState,
    /// oTree's version as the server says it.
    pub version: Option<String>,
    /// What is wrong, in words.
    pub problem: Option<String>,
    /// What a researcher should know although it works.
    pub warnings: Vec<String>,
    /// As of the last good check.
    pub configs: Vec<SessionConfig>,
    /// The last check, UTC.
    pub checked_at: Option<DateTime<Utc>>,
    /// The last check that did not fail, UTC.
    pub good_at: Option<DateTime<Utc>>,
    /// UTC.
    pub created_at: DateTime<Utc>,
}

impl Site {
    /// The address as people write it, without the last slash.
    pub fn address(&self) -> &str {
        self.base_url.as_str().trim_end_matches('/')
    }
}

/// What a lab says of a new site.
#[derive(Debug)]
pub struct NewSite {
    /// As the lab calls it.
    pub name: String,
    /// From [`kernel::outbound::Outbound::check_url`].
    pub base_url: Url,
    /// The server's OTREE_REST_KEY.
    pub key: Option<SecretString>,
}

/// What happens to the stored key when a site is edited.
#[derive(Debug)]
pub enum KeyChange {
    /// It stays.
    Keep,
    /// Another one takes its place.
    Replace(SecretString),
    /// The site has none from now on.
    Remove,
}

/// Why a site is not registered.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// One site per address and lab.
    #[error("A site with this address is already registered in this lab.")]
    AddressTaken,
    /// Ours to mend.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Why a site is not deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    /// Studies were published with it, and what they owe to workers hangs on it.
    #[error("This site is used by a study, so it cannot be deleted.")]
    InUse,
    /// Ours to mend.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Registers a site; its first check is due at once.
///
/// # Errors
/// [`RegisterError`].
pub async fn register(
    conn: &mut PgConnection,
    keyring: &Keyring,
    lab: LabId,
    new: &NewSite,
    now: DateTime<Utc>,
) -> Result<SiteId, RegisterError> {
    let id = SiteId::new();
    let sealed = new.key.as_ref().map(|key| keyring.seal(&key_place(lab, id), key));
    store::insert(conn, id, lab, new, sealed, now).await.map_err(|error| match &error {
        sqlx::Error::Database(refused) if refused.is_unique_violation() => RegisterError::AddressTaken,
        _ => error.into(),
    })?;
    Ok(id)
}

/// Renames a site and changes its key; a check is due at once, and one under way counts no more.
/// Returns whether the site was still there.
///
/// # Errors
/// When the database does not answer.
pub async fn edit(
    conn: &mut PgConnection,
    keyring: &Keyring,
    site: &Site,
    name: &str,
    key: &KeyChange,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let place = key_place(site.lab_id, site.id);
    let (keep, sealed) = match key {
        KeyChange::Keep => (true, None),
        KeyChange::Replace(key) => (false, Some(keyring.seal(&place, key))),
        KeyChange::Remove => (false, None),
    };
    store::update(conn, site, name, keep, sealed, now).await
}

/// Deletes a site that no study uses.
///
/// # Errors
/// [`DeleteError`].
pub async fn delete(conn: &mut PgConnection, site: &Site) -> Result<(), DeleteError> {
    store::delete(conn, site).await.map_err(|error| match &error {
        sqlx::Error::Database(refused) if refused.is_foreign_key_violation() => DeleteError::InUse,
        _ => error.into(),
    })
}

/// The lab's sites, by name.
///
/// # Errors
/// When the database does not answer.
pub async fn list(conn: &mut PgConnection, lab: LabId) -> sqlx::Result<Vec<Site>> {
    store::list(conn, lab).await
}

/// The site with this id if this lab owns it.
///
/// # Errors
/// When the database does not answer.
pub async fn find(conn: &mut PgConnection, lab: LabId, id: SiteId) -> sqlx::Result<Option<Site>> {
    store::find(conn, lab, id).await
}

/// A client of the site, with its key.
///
/// # Errors
/// When there is no such site, or its key cannot be opened.
pub async fn client(app: &App, id: SiteId) -> anyhow::Result<Client> {
    let mut conn = app.pool.acquire().await?;
    let access = store::access(&mut conn, id).await?.context("there is no such site")?;
    access.client(app)
}

/// Everything of the sites that keeps itself going.
pub fn reconcilers(app: &App) -> Vec<Arc<dyn Reconciler>> {
    vec![Arc::new(checker::Checker(app.clone()))]
}

/// How to reach a site: its address and its sealed key.
#[derive(Debug)]
struct Access {
    id: SiteId,
    lab_id: LabId,
    base_url: Url,
    key: Option<Vec<u8>>,
}

impl Access {
    fn client(&self, app: &App) -> anyhow::Result<Client> {
        let place = key_place(self.lab_id, self.id);
        let open = |sealed: &Vec<u8>| app.config.keyring.open(&place, sealed);
        let key = self.key.as_ref().map(open).transpose().context("the site's REST key")?;
        Ok(app.otree.client(self.base_url.clone(), key))
    }
}

/// What binds a sealed key to its row and column.
fn key_place(lab: LabId, site: SiteId) -> String {
    format!("{lab}/{site}/rest_key")
}

#[cfg(test)]
mod tests;
