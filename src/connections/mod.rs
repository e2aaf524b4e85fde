//! A lab's credentials at a recruiter, and the way from them to a [`Recruiter`].
//!
//! The secret is sealed for its lab and row; pages see the end of the access key id only. Where the
//! addresses of an environment are known to us they are not stored, so that they cannot go stale.

mod directory;
mod environment;
pub mod rehearsal;
mod store;
#[cfg(test)]
mod tests;
mod trial;
mod typed;

use std::sync::Arc;

use anyhow::Context;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use kernel::money::Cents;
use kernel::secret::Keyring;
use secrecy::SecretString;
use sqlx::PgConnection;
use url::Url;

use crate::accounts::AccountId;
use crate::app::App;
use crate::audit::{self, Entry};
use crate::labs::LabId;
use crate::recruiters::Recruiter;

pub use directory::Directory;
pub use environment::{Custom, Environment, EnvironmentError, Place};
pub use trial::{Trial, test};
pub use typed::{AccessKeyId, KeyError, address, secret};

kernel::typed_id!(
    /// Names one connection.
    ConnectionId
);

/// A connection as pages show it; no part of it opens anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// The row.
    pub id: ConnectionId,
    /// Whose it is.
    pub lab_id: LabId,
    /// As the lab calls it.
    pub name: String,
    /// Where it leads.
    pub environment: Environment,
    /// The addresses of a custom environment.
    pub custom: Option<Custom>,
    /// The end of the access key id.
    pub key_hint: String,
    /// What the last test found, if there was one with these keys.
    pub trial: Option<Trial>,
    /// How many studies use it.
    pub studies: i64,
    /// When it was made, UTC.
    pub created_at: DateTime<Utc>,
}

impl Connection {
    /// Its addresses; `market` is that of the built-in marketplace.
    ///
    /// # Errors
    /// `None` for a row that the table's checks do not allow.
    pub fn place(&self, market: &Url) -> Option<Place> {
        Place::of(self.environment, self.custom.as_ref(), market)
    }

    /// What the last test found wrong.
    pub fn problem(&self) -> Option<&str> {
        self.trial.as_ref()?.problem.as_deref()
    }
}

/// A connection to be made.
#[derive(Debug, Clone)]
pub struct NewConnection {
    /// As the lab calls it; unique there.
    pub name: String,
    /// Where it leads.
    pub environment: Environment,
    /// The addresses of a custom environment, and only of one.
    pub custom: Option<Custom>,
    /// The keys.
    pub keys: Keys,
}

/// A key pair.
#[derive(Debug, Clone)]
pub struct Keys {
    /// The public half.
    pub access_key_id: String,
    /// The secret half.
    pub secret: SecretString,
}

/// Makes keys at the built-in marketplace.
#[async_trait]
pub trait RehearsalKeys: Send + Sync + std::fmt::Debug {
    /// A requester of that name with play money to spend.
    ///
    /// # Errors
    /// When the marketplace does not answer.
    async fn create(&self, name: &str) -> anyhow::Result<Keys>;
}

/// Why a connection is not made or changed.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// The lab has another one of this name.
    #[error("This lab already has a connection of this name.")]
    NameTaken,
    /// Studies need it, to pay their workers for example.
    #[error("Studies use this connection, so it must stay.")]
    InUse,
    /// It is not there, or not this lab's.
    #[error("There is no such connection.")]
    Missing,
    /// The database does not answer.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    /// The marketplace does not answer.
    #[error("The rehearsal marketplace does not answer.")]
    Rehearsal(#[source] anyhow::Error),
}

/// What the secret is sealed to.
fn secret_place(lab: LabId, id: ConnectionId) -> String {
    format!("{lab}/{id}/secret")
}

/// Who changes something, in which lab, and when.
#[derive(Debug, Clone, Copy)]
pub struct Act {
    /// The lab whose connections are meant.
    pub lab: LabId,
    /// The person; none for the server itself.
    pub by: Option<AccountId>,
    /// Now, UTC.
    pub at: DateTime<Utc>,
}

impl Act {
    async fn record(
        self,
        conn: &mut PgConnection,
        action: &'static str,
        id: ConnectionId,
        name: &str,
    ) -> sqlx::Result<()> {
        let detail = serde_json::json!({ "name": name });
        let entry = Entry {
            lab: Some(self.lab.0),
            account: self.by.map(|account| account.0),
            action,
            subject: Some(id.0),
            detail,
        };
        audit::record(conn, self.at, entry).await
    }
}

/// Makes a connection, in the caller's transaction.
///
/// # Errors
/// [`ConnectionError::NameTaken`], or the database's.
pub async fn create(
    conn: &mut PgConnection,
    keyring: &Keyring,
    act: Act,
    new: &NewConnection,
) -> Result<ConnectionId, ConnectionError> {
    let id = ConnectionId::new();
    let sealed = keyring.seal(&secret_place(act.lab, id), &new.keys.secret);
    store::insert(conn, id, act.lab, new, &sealed, act.at).await?;
    act.record(conn, "connection.make", id, &new.name).await?;
    Ok(id)
}

/// Makes a requester at the built-in marketplace and a connection to it.
///
/// # Errors
/// [`ConnectionError::NameTaken`], [`ConnectionError::Rehearsal`], or the database's.
pub async fn create_rehearsal(app: &App, act: Act, name: &str) -> Result<ConnectionId, ConnectionError> {
    let mut conn = app.pool.acquire().await?;
    if store::name_taken(&mut conn, act.lab, name).await? {
        return Err(ConnectionError::NameTaken);
    }
    drop(conn);
    let keys = app.rehearsal.create(name).await.map_err(ConnectionError::Rehearsal)?;
    let new =
        NewConnection { name: name.to_owned(), environment: Environment::Rehearsal, custom: None, keys };
    let mut tx = app.pool.begin().await?;
    let id = create(&mut tx, &app.config.keyring, act, &new).await?;
    tx.commit().await?;
    Ok(id)
}

/// The connections of a lab, by name.
///
/// # Errors
/// When the database does not answer.
pub async fn list(conn: &mut PgConnection, lab: LabId) -> sqlx::Result<Vec<Connection>> {
    store::list(conn, lab).await
}

/// One connection of a lab.
///
/// # Errors
/// When the database does not answer.
pub async fn find(conn: &mut PgConnection, lab: LabId, id: ConnectionId) -> sqlx::Result<Option<Connection>> {
    store::find(conn, lab, id).await
}

/// Gives a connection another name.
///
/// # Errors
/// [`ConnectionError::NameTaken`], [`ConnectionError::Missing`], or the database's.
pub async fn rename(
    conn: &mut PgConnection,
    act: Act,
    id: ConnectionId,
    name: &str,
) -> Result<(), ConnectionError> {
    store::rename(conn, act.lab, id, name).await?;
    Ok(act.record(conn, "connection.rename", id, name).await?)
}

/// Puts other keys in the place of the old ones; the last test no longer counts.
///
/// # Errors
/// [`ConnectionError::Missing`], or the database's.
pub async fn replace_keys(
    conn: &mut PgConnection,
    keyring: &Keyring,
    act: Act,
    id: ConnectionId,
    keys: &Keys,
) -> Result<(), ConnectionError> {
    let sealed = keyring.seal(&secret_place(act.lab, id), &keys.secret);
    let name = store::replace_keys(conn, act.lab, id, &keys.access_key_id, &sealed).await?;
    Ok(act.record(conn, "connection.rekey", id, &name).await?)
}

/// Removes a connection that no study uses.
///
/// # Errors
/// [`ConnectionError::InUse`], [`ConnectionError::Missing`], or the database's.
pub async fn remove(conn: &mut PgConnection, act: Act, id: ConnectionId) -> Result<(), ConnectionError> {
    let name = store::remove(conn, act.lab, id).await?;
    Ok(act.record(conn, "connection.remove", id, &name).await?)
}

/// The recruiter behind a connection. Calls through it share the connection's limits.
///
/// # Errors
/// When there is no such connection, its secret cannot be opened, or the database does not answer.
pub async fn recruiter(app: &App, id: ConnectionId) -> anyhow::Result<Arc<dyn Recruiter>> {
    let mut conn = app.pool.acquire().await?;
    let stored = store::credentials(&mut conn, id).await?.context("there is no such connection")?;
    drop(conn);
    app.recruiters.recruiter(&app.config.keyring, stored)
}

/// The addresses of a connection.
///
/// # Errors
/// When there is no such connection, or the database does not answer.
pub async fn place(app: &App, id: ConnectionId) -> anyhow::Result<Place> {
    let mut conn = app.pool.acquire().await?;
    let stored = store::credentials(&mut conn, id).await?.context("there is no such connection")?;
    stored.place(&app.config.market_url).context("a custom connection without its addresses")
}

/// What is known of the account behind a stored test.
fn trial(checked_at: Option<DateTime<Utc>>, problem: Option<String>, balance: Option<i64>) -> Option<Trial> {
    Some(Trial { checked_at: checked_at?, problem, balance: balance.map(Cents) })
}
