//! A lab with a site, a connection and studies, on a database of its own. Nothing of it answers from outside.

use std::sync::Arc;

use kernel::clock::{Clock, TestClock};
use kernel::money::Cents;
use otree_hr::MIGRATOR;
use otree_hr::accounts::{ACCOUNT_KEY, AccountId, Sessions};
use otree_hr::app::App;
use otree_hr::config::Config;
use otree_hr::connections::{self, ConnectionId, Environment, Keys, NewConnection};
use otree_hr::labs::{LabId, Role};
use otree_hr::recruiters::Published;
use otree_hr::sites::{self, NewSite, SiteId};
use otree_hr::studies::batches::{self, Batch};
use otree_hr::studies::draft::{self, Typed};
use otree_hr::studies::{self, Study, StudyId, sessions};
use otree_hr::web;
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, PgPool};
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::SessionStore;
use url::Url;

use super::client::Browser;

/// Ends in nothing: no test of this kind calls anybody.
const NOWHERE: &str = "http://127.0.0.1:9";
/// The connection's secret and the site's key, which no page shows.
pub const SECRET: &str = "wJalrXUtnFEMIsecret";
pub const REST_KEY: &str = "rest-key-of-the-site";

/// A lab and the process that serves it.
pub struct Lab {
    pub app: App,
    pub clock: Arc<TestClock>,
    pub id: LabId,
    pub owner: AccountId,
    pub site: SiteId,
    pub connection: ConnectionId,
}

/// Settings as on a developer's machine, with the marketplace at `market`.
pub fn config(market: Url) -> Config {
    super::client::config(|config| {
        config.public_url = "http://localhost:8000".parse().unwrap();
        config.market_url = market;
        config.allow_private = vec!["127.0.0.0/8".parse().unwrap()];
    })
}

/// A database with all tables of the product and of the marketplace.
pub async fn database() -> PgPool {
    kernel::testing::database(&[&MIGRATOR, &market::MIGRATOR]).await
}

/// A further pool on the same database, as another process has.
pub async fn another_pool(pool: &PgPool) -> PgPool {
    let options = pool.connect_options().as_ref().clone();
    PgPoolOptions::new().max_connections(8).connect_with(options).await.unwrap()
}

impl Lab {
    /// A lab on a fresh database.
    pub async fn new() -> Self {
        let clock = TestClock::starting_now();
        let app = App::new(config(NOWHERE.parse().unwrap()), database().await, clock.clone()).unwrap();
        let keys = Keys { access_key_id: "AKIDEXAMPLE".into(), secret: SECRET.into() };
        Self::found(app, clock, "first", NOWHERE, keys).await
    }

    /// Another lab of the same server.
    pub async fn neighbour(&self, name: &str) -> Self {
        let keys = Keys { access_key_id: "AKIDEXAMPLE".into(), secret: SECRET.into() };
        Self::found(self.app.clone(), self.clock.clone(), name, NOWHERE, keys).await
    }

    /// Founds a lab whose site is at `otree` and whose connection leads to the rehearsal marketplace.
    pub async fn found(app: App, clock: Arc<TestClock>, name: &str, otree: &str, keys: Keys) -> Self {
        let mut conn = app.pool.acquire().await.unwrap();
        let (id, owner) = (LabId::new(), account(&app, &format!("{name}@example.org")).await);
        sqlx::query("INSERT INTO lab VALUES ($1, $2, $3)")
            .bind(id.0)
            .bind(name)
            .bind(clock.now())
            .execute(&mut *conn)
            .await
            .unwrap();
        let new =
            NewSite { name: "oTree".into(), base_url: otree.parse().unwrap(), key: Some(REST_KEY.into()) };
        let keyring = &app.config.keyring;
        let site = sites::register(&mut conn, keyring, id, &new, clock.now()).await.unwrap();
        sqlx::query(
            "UPDATE site SET state = 'ok', next_check_at = 'infinity', session_configs = $2 WHERE id = $1",
        )
        .bind(site.0)
        .bind(serde_json::json!([{ "name": "solo", "display_name": "Solo" }]))
        .execute(&mut *conn)
        .await
        .unwrap();
        let new = NewConnection {
            name: "Rehearsal".into(),
            environment: Environment::Rehearsal,
            custom: None,
            keys,
        };
        let act = connections::Act { lab: id, by: None, at: clock.now() };
        let connection = connections::create(&mut conn, keyring, act, &new).await.unwrap();
        drop(conn);
        let lab = Self { app, clock, id, owner, site, connection };
        lab.join(owner, Role::Owner).await;
        lab
    }

    /// Makes the account a member.
    pub async fn join(&self, account: AccountId, role: Role) {
        sqlx::query("INSERT INTO membership VALUES ($1, $2, $3, $4)")
            .bind(self.id.0)
            .bind(account.0)
            .bind(role.as_str())
            .bind(self.clock.now())
            .execute(&self.app.pool)
            .await
            .unwrap();
    }

    /// The time as the product sees it.
    pub fn clock_now(&self) -> chrono::DateTime<chrono::Utc> {
        self.clock.now()
    }

    /// A browser in which this account is logged in.
    pub async fn browser(&self, account: AccountId) -> Browser {
        let session = self.session(account).await;
        let browser = Browser::on(web::router(self.app.clone()));
        browser.plant(&format!("session={session}"));
        browser
    }

    /// The cookie of somebody who is logged in.
    pub async fn session(&self, account: AccountId) -> Id {
        let now = self.clock.now();
        let mut session = Record {
            id: Id::default(),
            data: [(ACCOUNT_KEY.to_owned(), serde_json::json!(account))].into(),
            expiry_date: time::OffsetDateTime::from_unix_timestamp(now.timestamp()).unwrap()
                + Sessions::COOKIE_AGE,
        };
        let sessions = Sessions::new(self.app.pool.clone(), self.app.clock.clone());
        sessions.create(&mut session).await.unwrap();
        session.id
    }

    /// A browser of somebody new with this role in the lab.
    pub async fn member(&self, role: Role) -> Browser {
        self.member_as(&role.to_string(), role).await
    }

    /// The same under a name that no other lab of the server has.
    pub async fn member_as(&self, name: &str, role: Role) -> Browser {
        let account = account(&self.app, &format!("{name}@example.org")).await;
        self.join(account, role).await;
        self.browser(account).await
    }

    /// The path of the lab's pages.
    pub fn path(&self) -> String {
        format!("/labs/{}", self.id)
    }

    /// Everything that the database knows of the lab, as one text to compare.
    pub async fn everything(&self) -> String {
        let tables: Vec<String> = sqlx::query_scalar(
            "SELECT table_name::text FROM information_schema.columns
             WHERE table_schema = 'public' AND column_name = 'lab_id' ORDER BY 1",
        )
        .fetch_all(&self.app.pool)
        .await
        .unwrap();
        let mut all = String::new();
        for table in tables {
            let sql = format!("SELECT t::text FROM {table} t WHERE lab_id = $1 ORDER BY 1");
            let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql))
                .bind(self.id.0)
                .fetch_all(&self.app.pool)
                .await
                .unwrap();
            all.extend(rows.into_iter().map(|row| format!("{table} {row}\n")));
        }
        all
    }

    /// Another process on the same database.
    pub async fn another_process(&self) -> App {
        let pool = another_pool(&self.app.pool).await;
        App::new(self.app.config.clone(), pool, self.clock.clone()).unwrap()
    }

    /// A study's form, filled in sensibly: 4 places in batches of 2, 2 spare seats, one dollar.
    pub fn form(&self) -> Typed {
        Typed {
            name: "Pilot".into(),
            site: self.site.to_string(),
            connection: self.connection.to_string(),
            config: "solo".into(),
            places: "4".into(),
            spares: "2".into(),
            batch_size: "2".into(),
            reward: "1.00".into(),
            max_bonus: "5.00".into(),
            budget: "1000".into(),
            title: "Pick a number".into(),
            description: "Two minutes".into(),
            minutes: "30".into(),
            ..Typed::default()
        }
    }

    /// A draft made from the form.
    pub async fn draft(&self, form: &Typed) -> Study {
        let draft = draft::parse(form).unwrap();
        let budget = draft.budget.unwrap_or(Cents(100_000));
        let (mut conn, now) = (self.app.pool.acquire().await.unwrap(), self.clock.now());
        let id = studies::store::insert(&mut conn, now, self.id, self.owner, "rehearsal", &draft, budget)
            .await
            .unwrap();
        studies::store::get(&mut conn, id).await.unwrap()
    }

    /// An open study with seats and with batches whose HITs exist on paper: `HIT1`, `HIT2`, …
    pub async fn open_study(&self, form: &Typed) -> (Study, Vec<Batch>) {
        let study = self.draft(form).await;
        let (mut tx, now) = (self.app.pool.begin().await.unwrap(), self.clock.now());
        studies::publish(&mut tx, &study, now).await.unwrap();
        let session = sessions::current(&mut tx, study.id).await.unwrap().unwrap();
        let codes: Vec<String> = (0..session.size).map(|n| format!("p{n:07}")).collect();
        sessions::ready(&mut tx, &session, &kernel::secret::code(8), Some("USD"), &codes, now).await.unwrap();
        for batch in batches::of_study(&mut tx, study.id).await.unwrap() {
            let unit_id = format!("HIT{}", batch.position);
            let hit = Published { unit_id, group_id: None, expires_at: None, live: true };
            batches::sending(&mut tx, batch.id, now).await.unwrap();
            assert!(batches::opened(&mut tx, batch.id, &hit, now).await.unwrap());
        }
        set_state(&mut tx, study.id, "open").await;
        let batches = batches::of_study(&mut tx, study.id).await.unwrap();
        tx.commit().await.unwrap();
        (self.study(study.id).await, batches)
    }

    /// The study as it stands.
    pub async fn study(&self, id: StudyId) -> Study {
        studies::store::get(&mut self.app.pool.acquire().await.unwrap(), id).await.unwrap()
    }

    /// One number from the database.
    pub async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.app.pool).await.unwrap()
    }
}

/// An account that nobody can log in to with a password.
pub async fn account(app: &App, email: &str) -> AccountId {
    let id = AccountId::new();
    sqlx::query(
        "INSERT INTO account (id, email, name, password_hash, created_at, password_changed_at)
         VALUES ($1, $2, $2, 'no password', $3, $3)",
    )
    .bind(id.0)
    .bind(email)
    .bind(app.clock.now())
    .execute(&app.pool)
    .await
    .unwrap();
    id
}

/// Puts a study into a state as if by hand.
pub async fn set_state(conn: &mut sqlx::PgConnection, study: StudyId, state: &str) {
    sqlx::query("UPDATE study SET state = $2, next_step_at = 'infinity' WHERE id = $1")
        .bind(study.0)
        .bind(state)
        .execute(conn)
        .await
        .unwrap();
}
