//! The server: pages, the door, the marketplace, the background work, in one process or in several.

use std::net::SocketAddr;

use anyhow::Context;
use axum::Router;
use kernel::db::Database;
use market::connections;
use tokio::net::{TcpListener, TcpSocket};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::App;
use crate::config::{Config, FrameOrigin};
use crate::{MIGRATOR, accounts, jobs, web};

/// Connections that may wait to be accepted: a HIT can bring hundreds of people in a second.
const BACKLOG: u32 = 4096;

/// What this process does.
#[derive(Debug, Clone, Copy)]
pub struct Role {
    /// Serve HTTP.
    pub pages: bool,
    /// Publish, follow, pay.
    pub work: bool,
}

/// A server under way.
#[derive(Debug)]
pub struct Running {
    /// Its parts.
    pub app: App,
    database: Database,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// Serves until Ctrl-C or SIGTERM.
///
/// # Errors
/// When a setting is wrong, the database does not answer or an address is taken.
pub async fn run(config: Config, role: Role) -> anyhow::Result<()> {
    let running = start(config, role).await?;
    if role.pages {
        tell(&running.app).await?;
    }
    stop_signal().await?;
    tracing::info!("Stopping: what is under way may finish");
    running.stop().await;
    Ok(())
}

async fn tell(app: &App) -> anyhow::Result<()> {
    println!("oTree HR:    {}", app.config.public_url);
    println!("Worker site: {}", app.config.market_url);
    if let Some(link) = accounts::first_run_link(&app.pool, &app.clock, &app.config).await? {
        println!(
            "\nNobody has an account yet. The first one is the operator's; make it here (good for a day):\n{link}\n"
        );
    }
    Ok(())
}

/// Starts everything that the role asks for.
///
/// # Errors
/// When a setting is wrong, the database does not answer or an address is taken.
pub async fn start(mut config: Config, role: Role) -> anyhow::Result<Running> {
    let frame = if role.pages { frame_listener(&mut config)? } else { None };
    let database = open(&config).await?;
    let app = App::new(config, database.pool.clone(), kernel::clock::of_this_process())?;
    let running = Running { app, database, stop: CancellationToken::new(), tasks: TaskTracker::new() };
    if role.pages {
        accounts::warm_up().await?;
        running.serve(frame).await?;
    }
    if role.work {
        running.work();
    }
    running.tasks.close();
    Ok(running)
}

/// The database, up to date.
///
/// # Errors
/// When it does not answer or a migration fails.
pub async fn open(config: &Config) -> anyhow::Result<Database> {
    let folder = config.data.join("postgres");
    let database =
        Database::open(config.database_url.as_deref(), &folder, config.database_connections).await?;
    kernel::db::migrate(&database.pool, &MIGRATOR).await?;
    market::migrate(&database.pool).await?;
    Ok(database)
}

impl Running {
    async fn serve(&self, frame: Option<TcpListener>) -> anyhow::Result<()> {
        let (config, market) = (&self.app.config, &self.app.market);
        let site = web::router(self.app.clone());
        let split = |router| if frame.is_none() { market.split_by_host(router) } else { router };
        match config.market_listen {
            Some(address) => {
                self.listen(address, split(market.router()))?;
                self.listen(config.listen, site)?;
            }
            None => {
                let both = Router::new().nest_service("/market", market.router()).merge(site);
                self.listen(config.listen, split(both))?;
            }
        }
        if let Some(frame) = frame {
            self.serve_at(frame, market.frame_router());
        }
        Ok(())
    }

    fn listen(&self, address: SocketAddr, router: Router) -> anyhow::Result<()> {
        let listener = listener(address)?;
        tracing::info!("Listening on {address}");
        self.serve_at(listener, router);
        Ok(())
    }

    fn serve_at(&self, listener: TcpListener, router: Router) {
        let stop = self.stop.clone().cancelled_owned();
        let service = connections::service(router);
        let listener = connections::listen(listener);
        self.tasks.spawn(async move {
            if let Err(error) = axum::serve(listener, service).with_graceful_shutdown(stop).await {
                tracing::error!("a server ended: {error}");
            }
        });
    }

    fn work(&self) {
        if self.app.post.is_none() {
            tracing::info!(
                "Mail is off: set SMTP_URL and MAIL_FROM to send what needs a look to labs' owners"
            );
        }
        let app = &self.app;
        let stop = self.stop.clone();
        let run = jobs::run(app.reconcilers(), app.pool.clone(), app.clock.clone(), app.board.clone(), stop);
        self.tasks.spawn(run);
        let (market, stop) = (app.market.clone(), self.stop.clone());
        self.tasks.spawn(async move { market.run(stop).await });
    }

    /// Lets what is under way finish, then closes the database.
    pub async fn stop(self) {
        self.stop.cancel();
        // Open pages that listen for news must not keep us for ever.
        let grace = std::time::Duration::from_secs(20);
        if tokio::time::timeout(grace, self.tasks.wait()).await.is_err() {
            tracing::warn!("some work did not end in time; it is taken up at the next start");
        }
        drop(self.app);
        self.database.close().await;
    }
}

/// The listener of requesters' own pages, where they have one; its address is entered into the settings.
///
/// # Errors
/// When the address is taken.
pub(super) fn frame_listener(config: &mut Config) -> anyhow::Result<Option<TcpListener>> {
    let FrameOrigin::Listener { listen, url } = &mut config.market_frame else { return Ok(None) };
    let listener = listener(*listen).context("MARKET_FRAME_LISTEN")?;
    *listen = listener.local_addr()?;
    if url.is_none() {
        // Another name for this machine is another site to a browser, another port is not.
        let other = if config.market_url.host_str() == Some("localhost") { "127.0.0.1" } else { "localhost" };
        *url = Some(format!("http://{other}:{}", listen.port()).parse()?);
    }
    Ok(Some(listener))
}

pub(super) fn listener(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket
        .bind(address)
        .with_context(|| format!("{address} cannot be used; set LISTEN or PORT to another one"))?;
    Ok(socket.listen(BACKLOG)?)
}

/// Waits for Ctrl-C or SIGTERM.
///
/// # Errors
/// When signals cannot be received.
pub async fn stop_signal() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        done = tokio::signal::ctrl_c() => done?,
        _ = terminate.recv() => {}
    }
    Ok(())
}
