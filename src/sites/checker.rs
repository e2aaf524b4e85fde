//! Asks sites how they are: the one whose turn it is, or the one a person is looking at.

use std::time::Duration;

use async_trait::async_trait;

use super::verdict::{self, Answers, Verdict};
use super::{SiteId, store};
use crate::app::App;
use crate::jobs::{Lease, Reconciler, Step};
use crate::otree::Client;

/// The name to wake the checker by.
pub const CHECKER: &str = "site checker";

/// How long somebody who looks at a page waits; the checker takes over after that.
const PATIENCE: Duration = Duration::from_secs(12);

/// Checks each site every few minutes.
#[derive(Debug)]
pub(super) struct Checker(pub(super) App);

#[async_trait]
impl Reconciler for Checker {
    fn name(&self) -> &'static str {
        CHECKER
    }

    fn period(&self) -> Duration {
        Duration::from_secs(15)
    }

    fn lanes(&self) -> usize {
        2
    }

    async fn step(&self) -> anyhow::Result<Step> {
        let now = self.0.clock.now();
        let lease = Lease::from(now);
        let due = store::claim_due(&mut *self.0.pool.acquire().await?, lease, now).await?;
        let Some(site) = due else { return Ok(Step::Idle) };
        check(&self.0, site, lease).await?;
        Ok(Step::Worked)
    }
}

/// Checks this site while somebody waits. Returns whether there is a result; when the site takes too long, the
/// checker carries on.
///
/// # Errors
/// When the database does not answer or the key cannot be opened.
pub async fn check_now(app: &App, site: SiteId) -> anyhow::Result<bool> {
    let lease = Lease::from(app.clock.now());
    if !store::claim(&mut *app.pool.acquire().await?, site, lease).await? {
        return Ok(false);
    }
    match tokio::time::timeout(PATIENCE, check(app, site, lease)).await {
        Ok(done) => done,
        Err(_) => {
            let mut conn = app.pool.acquire().await?;
            store::release(&mut conn, site, lease).await?;
            crate::jobs::wake(&mut conn, CHECKER).await?;
            Ok(false)
        }
    }
}

/// Asks with no transaction open, then writes down what was found unless somebody else took the site meanwhile.
async fn check(app: &App, site: SiteId, lease: Lease) -> anyhow::Result<bool> {
    let access = store::access(&mut *app.pool.acquire().await?, site).await?;
    let Some(access) = access else { return Ok(false) };
    let verdict = match access.client(app) {
        Ok(client) => examine(app, &client, access.key.is_some()).await,
        Err(error) => {
            tracing::warn!(%site, "The REST key of site {site} cannot be opened: {error:#}");
            Verdict::key_unreadable()
        }
    };
    let mut conn = app.pool.acquire().await?;
    Ok(store::record(&mut conn, site, lease, &verdict, app.clock.now()).await?)
}

async fn examine(app: &App, client: &Client, has_key: bool) -> Verdict {
    let anonymous = client.version(false).await;
    let with_key = if has_key { Some(client.version(true).await) } else { None };
    let may_ask = with_key.as_ref().unwrap_or(&anonymous).is_ok();
    let configs = if may_ask { Some(client.configs().await) } else { None };
    verdict::on(&Answers { anonymous, with_key, configs }, client.base(), app.config.secure())
}
