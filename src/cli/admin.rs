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
    /// Give somebody who forgot their password a random one, and print it.
    ResetPassword {
        /// The address they log in with.
        email: accounts::Email,
    },
    /// Make somebody an operator of this server.
    Appoint {
        /// The address they log in with.
        email: accounts::Email,
    },
}

const UNKNOWN: &str = "Nobody has an account with this address.";

pub(super) async fn run(config: Config, what: Admin) -> anyhow::Result<()> {
    let database = serve::open(&config).await?;
    let clock: SharedClock = Arc::new(SystemClock);
    match what {
        Admin::FirstLink => match accounts::first_run_link(&database.pool, &clock, &config).await? {
            Some(link) => println!("{link}"),
            None => println!("There are accounts already; an operator can invite more people."),
        },
        Admin::ResetPassword { email } => {
            match accounts::reset_password(&database.pool, &clock, &email).await? {
                Some(password) => println!("The new password, to be changed soon: {password}"),
                None => println!("{UNKNOWN}"),
            }
        }
        Admin::Appoint { email } => match accounts::appoint(&database.pool, &clock, &email).await? {
            true => println!("{} runs this server now.", email.as_str()),
            false => println!("{UNKNOWN}"),
        },
    }
    database.close().await;
    Ok(())
}
