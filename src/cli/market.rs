//! `otree-hr market`: the built-in marketplace alone, for any tool that speaks the requester protocol.

use std::net::SocketAddr;
use std::sync::Arc;

use kernel::clock::SystemClock;
use kernel::money::Cents;
use kernel::outbound::Outbound;
use market::{Market, Settings};
use secrecy::ExposeSecret;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::serve;
use crate::config::Config;

/// What a new requester may spend: as in Amazon's sandbox.
const PLAY_MONEY: Cents = Cents(1_000_000);

pub(super) async fn run(mut config: Config, requester: Option<String>, live: bool) -> anyhow::Result<()> {
    let frame = if requester.is_none() { serve::frame_listener(&mut config)? } else { None };
    let database = serve::open(&config).await?;
    let address = config.market_listen.unwrap_or(config.listen);
    let settings = Settings {
        allow_http_questions: config.market_url.scheme() != "https",
        frame_url: config.market_frame.url().cloned(),
        private_networks: config.allow_private.clone(),
        outbound: Some(Outbound::new(config.allow_private.clone())?),
        ..Settings::new(config.market_url.clone())
    };
    let market = Market::new(database.pool.clone(), Arc::new(SystemClock), config.keyring.clone(), settings);
    match requester {
        Some(name) => print_keys(&market, &name, live).await?,
        None => listen(&market, address, frame, &config).await?,
    }
    database.close().await;
    Ok(())
}

async fn print_keys(market: &Market, name: &str, live: bool) -> anyhow::Result<()> {
    let keys = market.create_requester(name, PLAY_MONEY).await?;
    market.set_rehearsal(&keys.requester_id, !live).await?;
    println!("AWS_ACCESS_KEY_ID={}", keys.access_key_id);
    println!("AWS_SECRET_ACCESS_KEY={}", keys.secret_access_key.expose_secret());
    Ok(())
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
    let service = site.into_make_service_with_connect_info::<SocketAddr>();
    let ended = async {
        if let Err(error) = serve::stop_signal().await {
            tracing::error!("{error}");
        }
    };
    axum::serve(listener, service).with_graceful_shutdown(ended).await?;
    stop.cancel();
    ticking.await?;
    Ok(())
}
