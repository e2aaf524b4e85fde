//! Subcommands. All settings come from the environment; see the README's table.

mod admin;
pub mod demo;
mod market;
mod migrate;
pub mod serve;

use clap::{Parser, Subcommand};

use crate::config::Config;

/// Recruit, admit, follow, review and pay the people who take part in oTree experiments.
#[derive(Debug, Parser)]
#[command(name = "otree-hr", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the site, the worker's door and the built-in marketplace, and do the background work.
    Serve {
        /// Serve pages only; run `otree-hr work` elsewhere.
        #[arg(long)]
        no_work: bool,
    },
    /// Do the background work only: publish, follow, pay.
    Work,
    /// Bring the database up to date, then end.
    Migrate,
    /// Serve the built-in marketplace alone, with a database of its own.
    Market(market::Options),
    /// Show the whole product with a real oTree, a demo lab and play money.
    Demo(demo::Options),
    /// What only the operator of this server does.
    Admin {
        #[command(subcommand)]
        what: admin::Admin,
    },
}

impl Cli {
    /// Does what was asked.
    ///
    /// # Errors
    /// In words for whoever typed the command.
    pub async fn run(self) -> anyhow::Result<()> {
        if let Command::Demo(options) = self.command {
            return demo::run(options).await;
        }
        if let Command::Market(options) = self.command {
            return market::run(options).await;
        }
        let config = Config::from_env()?;
        match self.command {
            Command::Serve { no_work } => {
                serve::run(config, serve::Role { pages: true, work: !no_work }).await
            }
            Command::Work => serve::run(config, serve::Role { pages: false, work: true }).await,
            Command::Migrate => migrate::run(config).await,
            Command::Admin { what } => admin::run(config, what).await,
            Command::Demo(_) | Command::Market(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
