//! `otree-hr migrate`: for the release phase of a deployment.

use super::serve;
use crate::config::Config;

pub(super) async fn run(config: Config) -> anyhow::Result<()> {
    serve::open(&config).await?.close().await;
    println!("The database is up to date.");
    Ok(())
}
