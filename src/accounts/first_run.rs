//! How a fresh server gets its first person: a link on its console, good once.

use chrono::Duration;
use kernel::clock::SharedClock;
use sqlx::PgPool;

use super::store;
use crate::config::Config;

/// How long the link is good; a restart of the server prints another.
const GOOD_FOR: Duration = Duration::hours(24);

/// The address where the first account is made, which becomes the operator's. `None` once there is an account.
///
/// # Errors
/// When the database does not answer.
pub async fn first_run_link(
    pool: &PgPool,
    clock: &SharedClock,
    config: &Config,
) -> anyhow::Result<Option<String>> {
    let mut conn = pool.acquire().await?;
    if store::any(&mut conn).await? {
        return Ok(None);
    }
    let token = kernel::secret::token();
    let now = clock.now();
    store::insert_operator_invitation(&mut conn, &kernel::secret::token_hash(&token), now, now + GOOD_FOR)
        .await?;
    Ok(Some(config.absolute(&format!("/signup?invitation={token}"))))
}
