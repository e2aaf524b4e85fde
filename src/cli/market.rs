//! `otree-hr market`: the built-in marketplace alone, for any tool that speaks the requester protocol.

mod requesters;

use std::net::SocketAddr;
use std::sync::Arc;

use kernel::clock::SystemClock;
use kernel::db::Database;
use kernel::money::Cents;
use kernel::outbound::Outbound;
use market::{Market, Settings, connections};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::serve;
use crate::config::Config;

/// What the sandbox gave everybody, in cents.
const PLAY_MONEY: Cents = Cents(1_000_000);

/// Without options it serves.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Make a requester of this name with play money, print its keys, and end.
    #[arg(long, value_name = "NAME")]
    requester: Option<String>,
    /// What that requester may spend; by default as much as in Amazon's sandbox, and nothing with --live.
    #[arg(long, value_name = "DOLLARS", requires = "requester")]
    balance: Option<Cents>,
    /// This requester works with real people: no play controls (clock, faults, money) for them.
    #[arg(long, requires = "requester")]
    live: bool,
    /// Pay so much into a requester's account, and end.
    #[arg(long, value_name = "DOLLARS", requires = "to", conflicts_with = "requester")]
    deposit: Option<Cents>,
    /// Whose account --deposit pays into: a requester's id or access key id.
    #[arg(long, value_name = "ID", requires = "deposit")]
    to: Option<String>,
    /// List the requesters and their money, and end.
    #[arg(long, conflicts_with_all = ["requester", "deposit"])]
    requesters: bool,
}

impl Options {
    /// What a new requester begins with: play money, unless real money was named.
    fn balance(&self) -> Cents {
        let usual = if self.live { Cents::ZERO } else { PLAY_MONEY };
        self.balance.unwrap_or(usual)
    }

    fn serves(&self) -> bool {
        self.requester.is_none() && self.deposit.is_none() && !self.requesters
    }
}

pub(super) async fn run(options: Options) -> anyhow::Result<()> {
    let mut config = Config::of_market_alone()?;
    let frame = if options.serves() { serve::frame_listener(&mut config)? } else { None };
    let address = config.market_listen.unwrap_or(config.listen);
    let settings = Settings {
        allow_http_questions: config.market_url.scheme() != "https",
        frame_url: config.market_frame.url().cloned(),
        private_networks: config.allow_private.clone(),
        outbound: Some(Outbound::new(config.allow_private.clone())?),
        ..Settings::from_words(config.market_url.clone(), &config.market_words)?
    };
    let database = open(&config).await?;
    let market = Market::new(database.pool.clone(), Arc::new(SystemClock), config.keyring.clone(), settings);
    match (&options.requester, options.deposit.zip(options.to.as_deref())) {
        (Some(name), _) => requesters::create(&market, name, options.balance(), options.live).await?,
        (None, Some((amount, id))) => requesters::deposit(&market, id, amount).await?,
        (None, None) if options.requesters => requesters::list(&market).await?,
        (None, None) => listen(&market, address, frame, &config).await?,
    }
    database.close().await;
    Ok(())
}

/// The marketplace's own database, up to date; the product's tables are not in it.
async fn open(config: &Config) -> anyhow::Result<Database> {
    let folder = config.data.join("postgres");
    let database =
        Database::open(config.database_url.as_deref(), &folder, config.database_connections).await?;
    market::migrate(&database.pool).await?;
    Ok(database)
}

async fn listen(
    market: &Market,
    address: SocketAddr,
    frame: Option<TcpListener>,
    config: &Config,
) -> anyhow::Result<()> {
    let listener = serve::listener(address)?;
    println!("Worker site:       {}", config.market_url);
    println!("Requester address: {}/requester", config.market_url.as_str().trim_end_matches('/'));
    let stop = CancellationToken::new();
    let ticking = tokio::spawn({
        let (market, stop) = (market.clone(), stop.clone());
        async move { market.run(stop).await }
    });
    let site = match frame {
        Some(frame) => {
            tokio::spawn(axum::serve(frame, market.frame_router()).into_future());
            market.router()
        }
        None => market.split_by_host(market.router()),
    };
    let service = connections::service(site);
    let ended = async {
        if let Err(error) = serve::stop_signal().await {
            tracing::error!("{error}");
        }
    };
    axum::serve(connections::listen(listener), service).with_graceful_shutdown(ended).await?;
    stop.cancel();
    ticking.await?;
    Ok(())
}
