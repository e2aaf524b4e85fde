//! One running marketplace: its database, its time, its routes.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use kernel::clock::SharedClock;
use kernel::money::Cents;
use kernel::secret::Keyring;
use secrecy::SecretString;
use sqlx::{PgConnection, PgPool, Postgres, Transaction};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use url::Url;

use crate::clock::{self, ClockError, Timing, Turn, Whose};
use crate::engine::money::{self, Balance, Line};
use crate::engine::tick::{self, Report};
use crate::engine::{Outcome, requesters};
use crate::faults::{self, FaultKind, Target};
use crate::journal::{self, Filter, JournalEntry};
use crate::notices::{self, couriers, delivery};
use crate::{Quirks, Settings, behaviour, control, protocol, workers};

/// How often the market looks for what is due.
const PERIOD: Duration = Duration::from_secs(1);

/// One marketplace; clones share everything.
#[derive(Clone)]
pub struct Market(Arc<Inner>);

struct Inner {
    pool: PgPool,
    clock: SharedClock,
    keyring: Keyring,
    settings: Settings,
}

/// What a requester signs requests with.
#[derive(Debug, Clone)]
pub struct RequesterKeys {
    /// Who they are.
    pub requester_id: String,
    /// The public half.
    pub access_key_id: String,
    /// The secret half; shown this once.
    pub secret_access_key: SecretString,
}

impl std::fmt::Debug for Market {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Market").field("settings", &self.0.settings).finish_non_exhaustive()
    }
}

/// Logs a step that failed and waits for the next one.
pub(crate) async fn rest(stop: &CancellationToken, outcome: anyhow::Result<()>) {
    if let Err(error) = outcome {
        tracing::error!(error = format!("{error:#}"), "The marketplace's step failed");
    }
    tokio::select! {
        () = stop.cancelled() => {}
        () = tokio::time::sleep(PERIOD) => {}
    }
}

impl Market {
    /// A marketplace on a migrated database. `clock` is the machine's; the market's own runs on it.
    pub fn new(pool: PgPool, clock: SharedClock, keyring: Keyring, settings: Settings) -> Self {
        Self(Arc::new(Inner { pool, clock, keyring, settings }))
    }

    /// The requester protocol (POST `/` and POST `/requester`), the controls of a rehearsal and the worker site.
    pub fn router(&self) -> Router {
        protocol::router(self.clone())
            .merge(control::router(self.clone()))
            .merge(workers::router(self.clone()))
    }

    /// What the frame's own origin serves, for a listener of its own.
    pub fn frame_router(&self) -> Router {
        workers::frame_router(self.clone())
    }

    /// `site`, with requests for the frame's host answered by the frame's routes and nothing else: for one listener that
    /// both host names reach. Without a frame's origin, `site` as it is.
    pub fn split_by_host(&self, site: Router) -> Router {
        let Some(frame_url) = &self.0.settings.frame_url else { return site };
        let frame = (authority(frame_url), self.frame_router());
        site.layer(from_fn_with_state(frame, by_host))
    }

    /// Where requests are sent, for clients that take an endpoint.
    pub fn endpoint(&self) -> Url {
        let mut endpoint = self.0.settings.public_url.clone();
        endpoint.set_path(&format!("{}/requester", endpoint.path().trim_end_matches('/')));
        endpoint
    }

    /// The database.
    pub fn pool(&self) -> &PgPool {
        &self.0.pool
    }

    /// What the operator decided.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// What seals and signs.
    pub fn keyring(&self) -> &Keyring {
        &self.0.keyring
    }

    /// The machine's time: signatures are held against it.
    pub fn real_now(&self) -> DateTime<Utc> {
        self.0.clock.now()
    }

    /// The market's time.
    ///
    /// # Errors
    /// When Postgres fails.
    pub async fn now(&self, conn: &mut PgConnection) -> sqlx::Result<DateTime<Utc>> {
        self.now_of(conn, Whose::Market).await
    }

    /// The time of `whose`.
    ///
    /// # Errors
    /// When Postgres fails.
    pub async fn now_of(&self, conn: &mut PgConnection, whose: Whose<'_>) -> sqlx::Result<DateTime<Utc>> {
        clock::now(conn, self.real_now(), whose).await
    }

    /// A transaction and the market's time in it.
    ///
    /// # Errors
    /// When Postgres fails.
    pub async fn begin(&self) -> sqlx::Result<(Transaction<'static, Postgres>, DateTime<Utc>)> {
        self.begin_of(Whose::Market).await
    }

    /// A transaction and the time of `whose` in it.
    ///
    /// # Errors
    /// When Postgres fails.
    pub async fn begin_of(
        &self,
        whose: Whose<'_>,
    ) -> sqlx::Result<(Transaction<'static, Postgres>, DateTime<Utc>)> {
        let mut tx = self.0.pool.begin().await?;
        let now = self.now_of(&mut tx, whose).await?;
        Ok((tx, now))
    }

    /// Makes a requester with a key pair and `balance` to spend.
    ///
    /// # Errors
    /// When Postgres fails.
    pub async fn create_requester(&self, name: &str, balance: Cents) -> Outcome<RequesterKeys> {
        let (mut tx, now) = self.begin().await?;
        let keys = requesters::create(&mut tx, now, &self.0.keyring, name, balance).await?;
        tx.commit().await?;
        Ok(keys)
    }

    /// Decides whether a requester rehearses: who does may turn their own clock, order faults and mint play money. New
    /// requesters do. Says whether there is such a requester.
    ///
    /// # Errors
    /// When Postgres fails.
    pub async fn set_rehearsal(&self, requester_id: &str, rehearsal: bool) -> sqlx::Result<bool> {
        requesters::set_rehearsal(&mut *self.0.pool.acquire().await?, requester_id, rehearsal).await
    }

    /// Puts money into a requester's account.
    ///
    /// # Errors
    /// When there is no such requester, or Postgres fails.
    pub async fn deposit(&self, requester_id: &str, amount: Cents) -> Outcome<()> {
        let (mut tx, now) = self.begin_of(Whose::Requester(requester_id)).await?;
        requesters::deposit(&mut tx, now, requester_id, amount).await?;
        Ok(tx.commit().await?)
    }

    /// What a requester has.
    ///
    /// # Errors
    /// When there is no such requester, or Postgres fails.
    pub async fn balance(&self, requester_id: &str) -> sqlx::Result<Balance> {
        money::balance(&mut *self.0.pool.acquire().await?, requester_id).await
    }

    /// A requester's statement, oldest line first.
    ///
    /// # Errors
    /// When Postgres fails.
    pub async fn statement(&self, requester_id: &str) -> sqlx::Result<Vec<Line>> {
        money::statement(&mut *self.0.pool.acquire().await?, requester_id).await
    }

    /// One step of what happens by itself: missed deadlines, ended lifetimes, automatic approvals.
    ///
    /// # Errors
    /// When Postgres fails; what was done before stays done.
    pub async fn tick(&self) -> anyhow::Result<Report> {
        tick::step(self).await
    }

    /// Sends the notifications that are due now, and says how many were sent. Receivers may be slow.
    ///
    /// # Errors
    /// When Postgres fails; a receiver that does not take a notification is no error.
    pub async fn deliver(&self) -> anyhow::Result<usize> {
        self.deliver_for(delivery::BUDGET).await
    }

    /// The same, with so much time for each destination of each requester; what they do not come to waits.
    ///
    /// # Errors
    /// As for [`Market::deliver`].
    pub async fn deliver_for(&self, budget: Duration) -> anyhow::Result<usize> {
        delivery::step(self, budget).await
    }

    /// Orders that the requester's next `next` notifications are lost.
    ///
    /// # Errors
    /// When Postgres fails.
    pub async fn lose_notices(&self, requester_id: &str, next: u32) -> sqlx::Result<()> {
        notices::order_loss(&mut *self.0.pool.acquire().await?, requester_id, next.into()).await
    }

    /// Ticks and sends notifications every second until told to stop, the one without waiting for the other. A step
    /// that fails is logged and tried again.
    pub async fn run(&self, stop: CancellationToken) {
        tokio::join!(self.keep_ticking(&stop), couriers::run(self, &stop));
    }

    async fn keep_ticking(&self, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            rest(stop, self.tick().await.map(drop)).await;
        }
    }

    /// How the market's time runs, and what it is now.
    ///
    /// # Errors
    /// When Postgres fails.
    pub async fn clock(&self) -> sqlx::Result<(Timing, DateTime<Utc>)> {
        let real = self.real_now();
        let timing = clock::timing(&mut *self.0.pool.acquire().await?, real).await?;
        Ok((timing, timing.at(real)))
    }

    /// Turns the market's clock and gives its time after that; a requester's own clock is not touched.
    ///
    /// # Errors
    /// [`ClockError::Backwards`], [`ClockError::Rate`] or [`ClockError::TooFar`].
    pub async fn set_clock(&self, turn: Turn) -> Result<DateTime<Utc>, ClockError> {
        let mut tx = self.0.pool.begin().await?;
        let now = clock::turn(&mut tx, self.real_now(), turn).await?;
        tx.commit().await?;
        Ok(now)
    }

    /// How a requester's time runs, and what it is now.
    ///
    /// # Errors
    /// When Postgres fails.
    pub async fn clock_of(&self, requester_id: &str) -> sqlx::Result<(Timing, DateTime<Utc>)> {
        let real = self.real_now();
        let timing = clock::timing_of(&mut *self.0.pool.acquire().await?, real, requester_id).await?;
        Ok((timing, timing.at(real)))
    }

    /// Turns one requester's clock and gives their time after that; nobody else's is touched.
    ///
    /// # Errors
    /// As for [`Market::set_clock`], and [`ClockError::NobodysClock`].
    pub async fn set_clock_of(&self, requester_id: &str, turn: Turn) -> Result<DateTime<Utc>, ClockError> {
        let mut tx = self.0.pool.begin().await?;
        let now = clock::turn_of(&mut tx, self.real_now(), requester_id, turn).await?;
        tx.commit().await?;
        Ok(now)
    }

    /// How the market behaves towards a requester: the operator's quirks, and over them what the requester set.
    ///
    /// # Errors
    /// When Postgres fails.
    pub async fn quirks_of(&self, conn: &mut PgConnection, requester_id: &str) -> sqlx::Result<Quirks> {
        behaviour::of(conn, self.0.settings.quirks, requester_id).await
    }

    /// What happened, oldest first.
    ///
    /// # Errors
    /// When Postgres fails.
    pub async fn journal(&self, filter: &Filter) -> sqlx::Result<Vec<JournalEntry>> {
        journal::entries(&mut *self.0.pool.acquire().await?, filter).await
    }

    /// Orders a fault for the next `times` calls that match.
    ///
    /// # Errors
    /// When Postgres fails.
    pub async fn order_fault(&self, kind: FaultKind, target: &Target, times: u32) -> sqlx::Result<()> {
        let mut conn = self.0.pool.acquire().await?;
        faults::order(&mut conn, self.real_now(), kind, target, Some(times)).await.map(drop)
    }
}

/// Host and, where it is not the usual one, port: what browsers send as `Host`.
fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

async fn by_host(State((host, frame)): State<(String, Router)>, request: Request, next: Next) -> Response {
    let sent = request.headers().get(header::HOST).and_then(|value| value.to_str().ok());
    let asked = sent.or_else(|| request.uri().authority().map(|authority| authority.as_str()));
    if asked.is_some_and(|asked| asked.eq_ignore_ascii_case(&host)) {
        return frame.oneshot(request).await.into_response();
    }
    next.run(request).await
}
