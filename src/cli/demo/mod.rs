//! `otree-hr demo`: the whole product on one machine, with a real oTree, play money and, on request,
//! simulated workers who play it to the end.
//!
//! | part | one idea |
//! | --- | --- |
//! | `state` | what a second run must find again: addresses, log-in, keys |
//! | `otree` | a real oTree server beside us |
//! | `lab` | the demo's account, site, connection and study |
//! | `play` | the simulated workers, the review, the payment |
//! | `table` | who got what, at the end |

mod lab;
mod otree;
mod play;
mod state;
mod table;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use kernel::db::Database;

use super::serve::{self, Role, Running};
use crate::config::Config;
use state::State;

/// What `demo` can be told.
#[derive(Debug, Args)]
pub struct Options {
    /// Let simulated workers take part, approve and pay them, print who got what, and end.
    #[arg(long)]
    bots: bool,
    /// Forget everything of earlier demos first.
    #[arg(long)]
    fresh: bool,
    /// The oTree program of a virtual environment.
    #[arg(long, value_name = "FILE")]
    otree_bin: PathBuf,
    /// The oTree project to show.
    #[arg(long, value_name = "FOLDER", default_value = "demo/otree")]
    otree_project: PathBuf,
}

/// Runs the demo until Ctrl-C, or with `--bots` until everybody is paid.
///
/// # Errors
/// When something cannot be started, or with `--bots` when somebody was not paid.
pub async fn run(options: Options) -> anyhow::Result<()> {
    let mut config = Config::from_env()?;
    std::fs::create_dir_all(&config.data)?;
    let _alone = lock(&config.data)?;
    if options.fresh {
        forget(&config).await?;
    }
    let state = State::load_or_make(&config.data)?;
    state.configure(&mut config)?;
    println!("Starting oTree HR …");
    let running = serve::start(config, Role { pages: true, work: true }).await?;
    let outcome = show(&options, &state, &running).await;
    running.stop().await;
    outcome
}

/// Shows it, and stops early when somebody presses Ctrl-C.
async fn show(options: &Options, state: &State, running: &Running) -> anyhow::Result<()> {
    tokio::select! {
        outcome = scenes(options, state, running) => outcome,
        stopped = serve::stop_signal() => {
            println!("\nStopping …");
            stopped
        }
    }
}

async fn scenes(options: &Options, state: &State, running: &Running) -> anyhow::Result<()> {
    println!("Starting oTree …");
    let app = &running.app;
    let mut server = otree::start(app, state, &options.otree_bin, &options.otree_project).await?;
    let scene = lab::set_up(app, state).await?;
    lab::wait_until_open(app, &scene).await?;
    announce(state, &scene, app);
    if options.bots {
        let all_paid = play::run(app, state, &scene).await?;
        if !all_paid {
            bail!("not everybody was paid; the table says who");
        }
        return Ok(());
    }
    println!("Press Ctrl-C to stop. `./dev demo --bots` lets simulated workers take part.");
    server.watch().await
}

fn announce(state: &State, scene: &lab::Scene, app: &crate::app::App) {
    println!();
    println!("  Dashboard    {}", app.config.public_url);
    println!("    log in as  {}   password  {}", state.email, state.password);
    println!("  Study        {}", app.config.absolute(&scene.path()));
    println!("  Worker site  {}   (sign up as a worker, accept “{}”)", app.config.market_url, scene.title);
    println!("  oTree        {}   admin / {}", state.otree_url(), state.otree_password);
    println!();
}

/// One demo per data folder.
fn lock(data: &Path) -> anyhow::Result<std::fs::File> {
    let file = std::fs::File::create(data.join("demo.lock"))?;
    if file.try_lock().is_err() {
        bail!("a demo is running already with the data in {}", data.display());
    }
    Ok(file)
}

/// Empties the private database and removes the demo's files. Somebody's own database is left alone.
async fn forget(config: &Config) -> anyhow::Result<()> {
    if config.database_url.is_some() {
        bail!("--fresh would empty the database of DATABASE_URL; unset it, or empty it yourself");
    }
    let database = Database::open(None, &config.data.join("postgres"), 2).await?;
    sqlx::raw_sql("DROP SCHEMA IF EXISTS market CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        .execute(&database.pool)
        .await
        .context("the demo's database cannot be emptied")?;
    database.close().await;
    let _ = std::fs::remove_file(config.data.join(state::FILE));
    let _ = std::fs::remove_dir_all(config.data.join(otree::FOLDER));
    Ok(())
}
