//! `otree-hr admin`: what only the operator of this server does.

use std::sync::Arc;

use clap::Subcommand;
use kernel::clock::{SharedClock, SystemClock};

use super::serve;
use crate::accounts;
use crate::config::Config;

#[derive(Debug, Subcommand)]
pub(super) enum Admin {
    /// Print a link for making the first account, if nobody has one yet.
    FirstLink,
}

pub(super) async fn run(config: Config, what: Admin) -> anyhow::Result<()> {
    let database = serve::open(&config).await?;
    let clock: SharedClock = Arc::new(SystemClock);
    match what {
        Admin::FirstLink => match accounts::first_run_link(&database.pool, &clock, &config).await? {
            Some(link) => println!("{link}"),
            None => println!("There are accounts already; an operator can invite more people."),
        },
    }
    database.close().await;
    Ok(())
}
