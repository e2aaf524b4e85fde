//! From a connection to the controls of its rehearsal, and the notes of who used them.

use serde_json::Value;
use sqlx::PgConnection;

use super::{Act, Connection, Environment, secret_place, store, trial};
use crate::app::App;
use crate::audit::{self, Entry};
use crate::recruiters::mturk::rehearsal::{ControlError, Controls};

/// Whether there is anything to control.
pub fn is_one(connection: &Connection) -> bool {
    connection.environment == Environment::Rehearsal
}

/// The controls of this connection's rehearsal, with its own keys.
///
/// # Errors
/// Words inside when the stored keys cannot be opened; outside when the connection is gone, is no rehearsal, or the
/// database does not answer.
pub async fn controls(app: &App, connection: &Connection) -> anyhow::Result<Result<Controls, ControlError>> {
    anyhow::ensure!(is_one(connection), "only a rehearsal has controls");
    let mut conn = app.pool.acquire().await?;
    let stored = store::credentials(&mut conn, connection.id).await?;
    let stored = stored.ok_or_else(|| anyhow::anyhow!("there is no such connection"))?;
    let place = secret_place(stored.lab_id, stored.id);
    let secret = match app.config.keyring.open(&place, &stored.secret_sealed) {
        Ok(secret) => secret,
        Err(error) => {
            let error = error.into();
            let words = trial::unusable(&error).ok_or(error)?;
            return Ok(Err(ControlError::Refused(words)));
        }
    };
    let market = &app.config.market_url;
    Ok(Ok(Controls::new(app.trusted.clone(), market, &stored.access_key_id, &secret)))
}

/// Writes down who did what to a rehearsal. It is done already: the marketplace is asked outside of any transaction.
///
/// # Errors
/// When the database does not answer.
pub async fn record(
    conn: &mut PgConnection,
    act: Act,
    connection: &Connection,
    action: &'static str,
    mut detail: Value,
) -> sqlx::Result<()> {
    detail["name"] = connection.name.as_str().into();
    let entry = Entry {
        lab: Some(act.lab.0),
        account: act.by.map(|account| account.0),
        action,
        subject: Some(connection.id.0),
        detail,
    };
    audit::record(conn, act.at, entry).await
}
