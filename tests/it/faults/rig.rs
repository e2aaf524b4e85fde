//! Two processes of the real program on one database, a marketplace with its journal, an oTree that remembers.
//!
//! Time runs [`PACE`] times as fast as the machine's for the processes and for the marketplace, and is put
//! forward, so that leases lapse, back-offs end and days pass in moments. Signatures live by the machine's clock.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{Html, IntoResponse, Response};
use chrono::{DateTime, Duration, Utc};
use kernel::clock::{Clock, FileClock, SystemClock, TestClock};
use kernel::money::Cents;
use kernel::secret::Keyring;
use kernel::testing::ProcessGroup;
use market::clock::Turn;
use market::faults::{FaultKind, Target};
use market::journal::{Filter, JournalEntry};
use market::{Market, RequesterKeys, Settings};
use otree_hr::app::App;
use otree_hr::config::Config;
use otree_hr::connections::Keys;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, PgPool};
use tempfile::TempDir;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use super::replica::{Replica, SECRET_KEY, Surroundings, watch};
use crate::support::lab::{self, Lab};
use crate::support::stand_in::StandIn;

/// Seconds of the rig's time in one of the machine's.
pub const PACE: f64 = 4.0;

/// No call takes longer than this.
const LONGEST_CALL: Duration = Duration::minutes(10);
/// Whoever stands still while this passes has lost the transactions in which it stood.
const IDLE_LIMIT: Duration = Duration::seconds(30);

/// So many times 50 milliseconds somebody may be at work before time passes nevertheless.
const LONGEST_STEP: usize = 25;

/// See the module.
pub struct Rig {
    /// This process's own way into the product's database; it does no background work.
    pub app: App,
    pub clock: FileClock,
    /// By what the marketplace checks signatures.
    pub market_clock: FileClock,
    pub market: Market,
    pub front: Front,
    pub otree: StandIn,
    pub replicas: Vec<Replica>,
    around: Surroundings,
    labs: usize,
    pub read_only: bool,
    _market: DropGuard,
    _watchdog: ProcessGroup,
    _folder: TempDir,
}

impl Rig {
    /// Everything started.
    pub async fn start() -> Self {
        kernel::outbound::install_tls();
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        let clock = FileClock::create(&file("clock"), SystemClock.now(), PACE).unwrap();
        let market_clock = FileClock::create(&file("market-clock"), SystemClock.now(), 1.0).unwrap();
        let pool = lab::database().await;
        let server = pool.connect_options().as_ref().clone();
        let (market, front, stop) = serve_market(&market_clock).await;
        let around = Surroundings {
            database: server.get_database().unwrap().to_owned(),
            server,
            market: market.settings().public_url.clone(),
            clock: file("clock"),
            folder: folder.path().to_owned(),
        };
        // Every process plans each of its statements once, not five times: a third of the server's work.
        let database = &around.database;
        admin(&around, format!("ALTER DATABASE {database} SET plan_cache_mode = force_generic_plan")).await;
        let watchdog = watch(folder.path()).unwrap();
        let (a, b) = tokio::join!(Replica::start("a", &around), Replica::start("b", &around));
        Self {
            app: App::new(config(&around), pool, Arc::new(clock.clone())).unwrap(),
            clock,
            market_clock,
            market,
            front,
            otree: StandIn::start().await,
            replicas: vec![a, b],
            around,
            labs: 0,
            read_only: false,
            _market: stop,
            _watchdog: watchdog,
            _folder: folder,
        }
    }

    /// A lab of its own with so much play money; also the requester's id.
    pub async fn lab(&mut self, balance: Cents) -> (Lab, String) {
        self.labs += 1;
        let name = format!("lab{}", self.labs);
        let keys: RequesterKeys = self.market.create_requester(&name, balance).await.unwrap();
        let pair = Keys { access_key_id: keys.access_key_id, secret: keys.secret_access_key };
        let clock = TestClock::at(self.clock.now());
        let lab = Lab::found(self.app.clone(), clock, &name, self.otree.base.as_str(), pair).await;
        (lab, keys.requester_id)
    }

    pub fn pool(&self) -> &PgPool {
        &self.app.pool
    }

    /// The product's time.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Time passes at once, for the processes and for the marketplace.
    pub async fn pass(&self, by: Duration) {
        if by > LONGEST_CALL {
            self.front.quiet().await;
        }
        self.market.set_clock(Turn::Step(by)).await.unwrap();
        self.market.tick().await.unwrap();
        self.clock.advance(by).unwrap();
        if by >= IDLE_LIMIT && self.replicas.iter().any(|replica| replica.stopped) {
            self.end_idle_transactions().await;
        }
        self.wake().await;
    }

    /// Postgres ends a transaction in which nothing has happened for a minute (`kernel::db`), and does not know that
    /// a minute has passed: somebody who stands still in one would keep its locks for longer than anywhere else.
    async fn end_idle_transactions(&self) {
        let database = &self.around.database;
        self.admin(format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'
                AND state LIKE 'idle in transaction%' AND state_change < clock_timestamp() - interval '1 second'"
        ))
        .await;
    }

    /// Who has something due now looks at it now, not after the next period; everybody else keeps their period.
    async fn wake(&self) {
        let due = "SELECT pg_notify('otree_hr', name) FROM (VALUES
            ('settler', true),
            ('comparer', true),
            ('payer', EXISTS (SELECT FROM payment_order WHERE state = 'authorised' AND next_step_at <= $1)),
            ('publisher', EXISTS (SELECT FROM study WHERE next_step_at <= $1)),
            ('compensator', EXISTS (SELECT FROM compensation WHERE ended_at IS NULL AND next_step_at <= $1)),
            ('submission-tracker', EXISTS (SELECT FROM batch WHERE state = 'open' AND next_poll_at <= $1)),
            ('session-tracker', EXISTS (SELECT FROM otree_session WHERE state = 'ready' AND next_poll_at <= $1))
            ) AS job (name, due) WHERE due";
        // A database that takes no writes takes no wake-up either.
        let _ = sqlx::query(due).bind(self.now()).execute(self.pool()).await;
    }

    /// Lets the processes work for so many milliseconds of the machine's time.
    pub async fn work(&self, milliseconds: u64) {
        tokio::time::sleep(std::time::Duration::from_millis(milliseconds)).await;
    }

    /// Waits until `found` says so, while time passes in steps; false when it never did. Who is at work may finish:
    /// on a busy machine time would otherwise pass faster than anybody can work.
    pub async fn until(&self, step: Duration, rounds: usize, found: impl AsyncFn() -> bool) -> bool {
        for _ in 0..rounds {
            if found().await {
                return true;
            }
            self.work(50).await;
            for _ in 0..LONGEST_STEP {
                if !self.at_work().await {
                    break;
                }
                self.work(50).await;
            }
            self.pass(step).await;
        }
        found().await
    }

    /// Whether somebody holds a lease; who died with one seems to.
    async fn at_work(&self) -> bool {
        let held = "SELECT EXISTS (
            SELECT 1 FROM study WHERE lease_until > $1 UNION ALL SELECT 1 FROM batch WHERE lease_until > $1
            UNION ALL SELECT 1 FROM otree_session WHERE lease_until > $1
            UNION ALL SELECT 1 FROM comparison WHERE lease_until > $1
            UNION ALL SELECT 1 FROM compensation WHERE lease_until > $1
            UNION ALL SELECT 1 FROM payment_order WHERE lease_until > $1)";
        sqlx::query_scalar(held).bind(self.now()).fetch_one(self.pool()).await.unwrap_or(false)
    }

    /// Waits until the query gives true.
    pub async fn until_sql(&self, id: Uuid, sql: &'static str) {
        let found = async || sqlx::query_scalar(sql).bind(id).fetch_one(self.pool()).await.unwrap_or(false);
        let came = self.until(Duration::seconds(30), 120, found).await;
        assert!(came, "never true: {sql}\n{}\n{}", self.rows(id).await, self.logs());
    }

    /// What the database knows of a study, for a person to read.
    async fn rows(&self, study: Uuid) -> String {
        let mut all = Vec::new();
        for table in ["otree_session", "batch", "participation", "payment_order"] {
            let sql = format!("SELECT to_jsonb(t)::text FROM {table} t WHERE study_id = $1");
            let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql))
                .bind(study)
                .fetch_all(self.pool())
                .await
                .unwrap_or_default();
            all.extend(rows.into_iter().map(|row| format!("{table} {row}")));
        }
        all.join("\n")
    }

    /// Orders trouble at the marketplace for one operation, or for all.
    pub async fn trouble(&self, kind: FaultKind, operation: Option<&str>, times: u32) {
        let target = Target { operation: operation.map(str::to_owned), ..Target::default() };
        self.market.order_fault(kind, &target, times).await.unwrap();
    }

    /// What happened at the marketplace to this requester.
    pub async fn journal(&self, requester: &str) -> Vec<JournalEntry> {
        let filter = Filter { requester_id: Some(requester.to_owned()), ..Filter::default() };
        self.market.journal(&filter).await.unwrap()
    }

    /// Makes the product's database refuse to write, or no longer.
    pub async fn set_read_only(&mut self, read_only: bool) {
        if self.read_only == read_only {
            return;
        }
        self.read_only = read_only;
        let word = if read_only { "on" } else { "off" };
        let database = &self.around.database;
        self.admin(format!("ALTER DATABASE {database} SET default_transaction_read_only = {word}")).await;
        self.disconnect().await;
    }

    /// Copies the product's database while it runs; returns the copy. It can be restored once.
    pub async fn back_up(&self) -> String {
        let (database, copy) = (&self.around.database, format!("test_{}", Uuid::now_v7().simple()));
        // A template must have no visitors; whoever knocks meanwhile tries again.
        self.admin(format!("ALTER DATABASE {database} ALLOW_CONNECTIONS false")).await;
        self.disconnect().await;
        self.admin(format!("CREATE DATABASE {copy} TEMPLATE {database}")).await;
        self.admin(format!("ALTER DATABASE {database} ALLOW_CONNECTIONS true")).await;
        copy
    }

    /// Nobody is there any more, without a word.
    pub fn kill_all(&mut self) {
        self.replicas.iter_mut().for_each(Replica::kill);
    }

    /// The product's database is as it was; the marketplace and oTree are not.
    pub async fn restore(&mut self, copy: String) {
        self.kill_all();
        self.around.database = copy;
        let options = self.around.server.clone().database(&self.around.database);
        let pool = PgPoolOptions::new().max_connections(4).connect_with(options).await.unwrap();
        self.app = App::new(config(&self.around), pool, Arc::new(self.clock.clone())).unwrap();
        self.everybody_up().await;
    }

    /// Ends every connection to the product's database, so that new ones see what was set.
    async fn disconnect(&self) {
        let database = &self.around.database;
        self.admin(format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"
        ))
        .await;
    }

    /// One statement as the database server's owner, on another connection than the product's.
    async fn admin(&self, sql: String) {
        admin(&self.around, sql).await;
    }

    /// Who is dead is there again; who stands still does so.
    pub async fn revive(&mut self) {
        let database = self.around.database.clone();
        for replica in self.replicas.iter_mut().filter(|replica| !replica.stopped) {
            if !replica.is_up() {
                replica.restart(&database).await;
            }
        }
    }

    /// This process is there again.
    pub async fn restart(&mut self, replica: usize) {
        let database = self.around.database.clone();
        self.replicas[replica].restart(&database).await;
    }

    /// Every process is there, goes on and answers.
    pub async fn everybody_up(&mut self) {
        let database = self.around.database.clone();
        for replica in &mut self.replicas {
            replica.proceed();
            if replica.leaving {
                replica.ended().await;
            }
            // It may just be dying of what it was told.
            if !replica.is_up() || !replica.answers().await {
                replica.restart(&database).await;
            }
        }
    }

    /// No trouble any more: the world is as it should be, and everybody is there.
    pub async fn calm(&mut self) {
        sqlx::query("DELETE FROM market.fault").execute(self.market.pool()).await.unwrap();
        self.front.clear();
        self.otree.set_down(false);
        self.replicas.iter().for_each(|replica| replica.proxy.disarm());
        self.set_read_only(false).await;
        self.everybody_up().await;
    }

    /// The last words of every process.
    pub fn logs(&self) -> String {
        let last = |replica: &Replica| {
            let log = replica.log();
            let lines: Vec<&str> = log.lines().collect();
            lines[lines.len().saturating_sub(25)..].join("\n")
        };
        self.replicas.iter().map(last).collect::<Vec<_>>().join("\n-- other process --\n")
    }
}

async fn admin(around: &Surroundings, sql: String) {
    let options: PgConnectOptions = around.server.clone().database("postgres");
    let mut conn: PgConnection = options.connect().await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
}

fn config(around: &Surroundings) -> Config {
    lab::config(around.market.clone())
}

async fn serve_market(clock: &FileClock) -> (Market, Front, DropGuard) {
    let pool = kernel::testing::database(&[&market::MIGRATOR]).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/market", listener.local_addr().unwrap()).parse().unwrap();
    let settings = Settings { allow_http_questions: true, ..Settings::new(url) };
    let keyring = Keyring::new(&SECRET_KEY.into(), &[]).unwrap();
    let market = Market::new(pool, Arc::new(clock.clone()), keyring, settings);
    market.set_clock(Turn::Run(PACE)).await.unwrap();
    let (front, stop) = (Front::default(), CancellationToken::new());
    let site = market.router().layer(from_fn_with_state(front.clone(), before));
    let serve = axum::serve(listener, Router::new().nest("/market", site))
        .with_graceful_shutdown(stop.clone().cancelled_owned());
    tokio::spawn(serve.into_future());
    let ticking = market.clone();
    let until = stop.clone();
    tokio::spawn(async move { ticking.run(until).await });
    (market, front, stop.drop_guard())
}

/// A captive proxy in front of the marketplace: it answers with a page and status 200.
#[derive(Debug, Clone, Default)]
pub struct Front {
    pages: Arc<Mutex<Vec<Page>>>,
    /// Calls that the marketplace has not answered yet.
    under_way: Arc<AtomicUsize>,
}

/// One answer with a page.
#[derive(Debug, Clone)]
pub struct Page {
    /// The end of the operation's name.
    pub operation: String,
    /// Whether the request reached the marketplace nevertheless.
    pub after: bool,
}

impl Front {
    /// The next call of the operation gets a page.
    pub fn page(&self, operation: &str, after: bool) {
        self.pages.lock().unwrap().push(Page { operation: operation.into(), after });
    }

    /// Whether nothing is left to be struck.
    pub fn is_clear(&self) -> bool {
        self.pages.lock().unwrap().is_empty()
    }

    pub fn clear(&self) {
        self.pages.lock().unwrap().clear();
    }

    /// Waits until no call is under way: none takes hours. Who is about to make one is not waited for.
    async fn quiet(&self) {
        for _ in 0..200 {
            if self.under_way.load(Ordering::SeqCst) == 0 {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    fn strike(&self, target: &str) -> Option<Page> {
        let mut pages = self.pages.lock().unwrap();
        let which = pages.iter().position(|page| target.ends_with(&page.operation))?;
        Some(pages.remove(which))
    }
}

/// A call that is being answered.
struct UnderWay(Arc<AtomicUsize>);

impl UnderWay {
    fn new(front: &Front) -> Self {
        front.under_way.fetch_add(1, Ordering::SeqCst);
        Self(front.under_way.clone())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn before(State(front): State<Front>, request: Request, next: Next) -> Response {
    let target =
        request.headers().get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let page = front.strike(target);
    if page.as_ref().is_none_or(|page| page.after) {
        // Also when the caller hangs up meanwhile.
        let _under_way = UnderWay::new(&front);
        let answer = next.run(request).await;
        if page.is_none() {
            return answer;
        }
    }
    Html("<html><h1>Welcome to the airport's network</h1></html>").into_response()
}
