//! One binary; what it can do is in [`otree_hr::cli`].

use clap::Parser;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    kernel::telemetry::start();
    kernel::outbound::install_tls();
    otree_hr::cli::Cli::parse().run().await
}
