//! One request of a person: the browser session, who it is, and the labs they belong to.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use tower_sessions::Session;

use super::error::{Error, WebResult};
use super::session;
use crate::accounts::{self, Account};
use crate::app::App;
use crate::labs::{self, Membership};

/// What every page knows of whoever looks at it. Loaded once a request.
#[derive(Debug, Clone)]
pub struct Visit {
    /// The browser session.
    pub session: Session,
    /// Who is logged in, if anybody.
    pub account: Option<Account>,
    /// The labs of that account, by name.
    pub memberships: Arc<[Membership]>,
}

impl FromRequestParts<App> for Visit {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> WebResult<Self> {
        if let Some(visit) = parts.extensions.get::<Self>() {
            return Ok(visit.clone());
        }
        let session = Session::from_request_parts(parts, app)
            .await
            .map_err(|(_, words)| Error::Internal(anyhow::anyhow!(words)))?;
        let visit = load(session, app).await?;
        parts.extensions.insert(visit.clone());
        Ok(visit)
    }
}

async fn load(session: Session, app: &App) -> WebResult<Visit> {
    let Some(id) = session::who(&session).await? else {
        return Ok(Visit { session, account: None, memberships: Arc::default() });
    };
    let mut conn = app.pool.acquire().await?;
    let account = accounts::find(&mut conn, id).await?;
    let memberships = match &account {
        Some(account) => labs::of_account(&mut conn, account.id).await?,
        None => Vec::new(),
    };
    Ok(Visit { session, account, memberships: memberships.into() })
}
