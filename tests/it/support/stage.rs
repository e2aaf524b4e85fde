//! The whole product on free ports of this machine, with a lab that has a real oTree and play money.

use std::net::SocketAddr;
use std::time::Duration;

use kernel::testing::free_port;
use market::workers::bots::{self, BotPlan, BotReport};
use otree_hr::accounts::AccountId;
use otree_hr::app::App;
use otree_hr::cli::serve::{self, Role, Running};
use otree_hr::config::FrameOrigin;
use otree_hr::connections::{self, ConnectionId};
use otree_hr::labs::{self, LabId, Newcomer, SignedUp};
use otree_hr::participation::{self, Participation, Stage as Progress};
use otree_hr::payments;
use otree_hr::review::{self, Decision, Wish};
use otree_hr::sites::{self, NewSite, SiteId};
use otree_hr::studies::draft::{self, Typed};
use otree_hr::studies::{self, State, Study, StudyId};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::client::config;
use super::otree::Otree;

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// A server under way with an empty database, on free ports.
pub struct Server(Running);

impl Server {
    pub async fn start() -> Self {
        kernel::outbound::install_tls();
        Self(serve::start(settings().await, Role { pages: true, work: true }).await.unwrap())
    }

    /// The site's address, with the last slash.
    pub fn site(&self) -> &str {
        self.0.app.config.public_url.as_str()
    }

    pub fn app(&self) -> &App {
        &self.0.app
    }

    /// The worker site's address, with the last slash.
    pub fn market(&self) -> &str {
        self.0.app.config.market_url.as_str()
    }

    pub async fn stop(self) {
        self.0.stop().await;
    }
}

/// A server under way, and its one lab.
pub struct Stage {
    pub app: App,
    pub owner: AccountId,
    pub lab: LabId,
    pub site: SiteId,
    pub connection: ConnectionId,
    server: Server,
}

impl Stage {
    /// Everything started, the site registered with its key.
    pub async fn open(otree: &Otree) -> Self {
        let server = Server::start().await;
        let app = server.0.app.clone();
        let (owner, lab) = people(&app).await;
        let new = NewSite {
            name: "oTree".into(),
            base_url: app.outbound.check_url(otree.base.as_str()).unwrap(),
            key: Some(otree.key.clone()),
        };
        let mut conn = app.pool.acquire().await.unwrap();
        let site = sites::register(&mut conn, &app.config.keyring, lab, &new, app.clock.now()).await.unwrap();
        drop(conn);
        let act = connections::Act { lab, by: None, at: app.clock.now() };
        let connection = connections::create_rehearsal(&app, act, "Rehearsal").await.unwrap();
        Self { app, owner, lab, site, connection, server }
    }

    /// A form for a study of two places, with a reward of a dollar and a bonus of up to five.
    pub fn typed(&self) -> Typed {
        Typed {
            name: "A study".into(),
            site: self.site.to_string(),
            connection: self.connection.to_string(),
            config: "solo".into(),
            places: "2".into(),
            reward: "1.00".into(),
            max_bonus: "5.00".into(),
            budget: "100".into(),
            title: format!("A study {}", kernel::secret::code(6)),
            description: "Two minutes".into(),
            ..Typed::default()
        }
    }

    /// Publishes it and waits until people can come.
    pub async fn publish(&self, typed: &Typed) -> Study {
        let draft = draft::parse(typed).unwrap();
        let now = self.app.clock.now();
        let budget = draft.budget.unwrap();
        let mut tx = self.app.pool.begin().await.unwrap();
        let id = studies::store::insert(&mut tx, now, self.lab, self.owner, "rehearsal", &draft, budget)
            .await
            .unwrap();
        let study = studies::store::get(&mut tx, id).await.unwrap();
        assert!(studies::publish(&mut tx, &study, now).await.unwrap());
        tx.commit().await.unwrap();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let study = self.study(id).await;
            if study.state == State::Open {
                return study;
            }
            assert!(Instant::now() < deadline, "not published: {:?}", study.problem);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until the site's first check is done.
    pub async fn wait_for_site_check(&self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut conn = self.app.pool.acquire().await.unwrap();
            let site = sites::find(&mut conn, self.lab, self.site).await.unwrap().unwrap();
            if site.checked_at.is_some() {
                return;
            }
            assert!(Instant::now() < deadline, "the site was not checked");
            drop(conn);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The HIT of the study's first batch.
    pub async fn hit(&self, study: &Study) -> String {
        let mut conn = self.app.pool.acquire().await.unwrap();
        let batches = studies::batches::of_study(&mut conn, study.id).await.unwrap();
        batches[0].hit_id.clone().unwrap()
    }

    /// oTree's code of the study's session.
    pub async fn session_code(&self, study: &Study) -> String {
        let mut conn = self.app.pool.acquire().await.unwrap();
        studies::sessions::current(&mut conn, study.id).await.unwrap().unwrap().code.unwrap()
    }

    pub async fn study(&self, id: StudyId) -> Study {
        let mut conn = self.app.pool.acquire().await.unwrap();
        studies::store::get(&mut conn, id).await.unwrap()
    }

    /// As many simulated workers as the study has places take part.
    pub async fn play(&self, study: &Study) -> Vec<BotReport> {
        let plan = BotPlan {
            group_title: Some(study.title.clone()),
            wait_limit: PATIENCE,
            ..BotPlan::new(self.app.config.market_url.clone(), usize::try_from(study.places).unwrap())
        };
        let (events, mut heard) = mpsc::channel(64);
        tokio::spawn(async move { while heard.recv().await.is_some() {} });
        bots::run(plan, events).await
    }

    pub async fn people(&self, study: &Study) -> Vec<Participation> {
        let mut conn = self.app.pool.acquire().await.unwrap();
        participation::store::of_study(&mut conn, self.lab, study.id, None).await.unwrap()
    }

    /// Waits until everybody of the study is so far.
    pub async fn until(&self, study: &Study, stage: Progress) -> Vec<Participation> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let people = self.people(study).await;
            if people.len() == usize::try_from(study.places).unwrap()
                && people.iter().all(|one| one.stage == stage)
            {
                return people;
            }
            let stages: Vec<_> = people.iter().map(|one| (one.stage, one.page.clone())).collect();
            assert!(
                Instant::now() < deadline,
                "waiting for {stage}: {stages:?} {:?}",
                self.orders(study).await
            );
            let mut conn = self.app.pool.acquire().await.unwrap();
            participation::tracker::look_now(&mut conn, study.id, self.app.clock.now()).await.unwrap();
            drop(conn);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn orders(&self, study: &Study) -> Vec<(payments::OrderState, Option<String>)> {
        let mut conn = self.app.pool.acquire().await.unwrap();
        let orders = payments::store::of_study(&mut conn, study.id).await.unwrap();
        orders.into_iter().map(|order| (order.state, order.problem)).collect()
    }

    /// Approves everybody with oTree's payoff as the bonus, and waits until all is paid.
    pub async fn pay(&self, study: &Study) -> Vec<Participation> {
        let chosen: Vec<_> = self.people(study).await.iter().map(|one| one.id.0).collect();
        let decision = Decision::ApproveWithBonus { feedback: "Thank you".into(), amount: None };
        let mut tx = self.app.pool.begin().await.unwrap();
        let wishes = Wish::alike(&chosen, &decision);
        let plan = review::plan(&mut tx, study, &wishes).await.unwrap();
        let (now, total) = (self.app.clock.now(), plan.total());
        review::carry_out(&mut tx, now, study, self.owner, &wishes, total).await.unwrap();
        tx.commit().await.unwrap();
        self.until(study, Progress::Paid).await
    }

    /// Ends everything.
    pub async fn close(self) {
        drop(self.app);
        self.server.stop().await;
    }
}

async fn settings() -> otree_hr::config::Config {
    let database = kernel::testing::database_url(&[&otree_hr::MIGRATOR, &market::MIGRATOR]).await;
    let (site, market) = (free_port(), free_port());
    config(|config| {
        config.database_url = Some(database);
        config.listen = SocketAddr::from(([127, 0, 0, 1], site));
        config.public_url = format!("http://127.0.0.1:{site}").parse().unwrap();
        config.market_listen = Some(SocketAddr::from(([127, 0, 0, 1], market)));
        // To browsers another name is another site: what stands in the worker site's frame is a stranger there.
        config.market_url = format!("http://localhost:{market}").parse().unwrap();
        config.market_frame = FrameOrigin::LOCAL;
        config.allow_private = vec!["127.0.0.0/8".parse().unwrap()];
    })
}

async fn people(app: &App) -> (AccountId, LabId) {
    let newcomer = Newcomer {
        email: "owner@example.org".parse().unwrap(),
        name: "Owner".into(),
        // Nobody logs in with it.
        password_hash: "none".into(),
    };
    let mut tx = app.pool.begin().await.unwrap();
    let made = labs::sign_up(&mut tx, app.clock.now(), app.config.sign_up, newcomer, None).await.unwrap();
    tx.commit().await.unwrap();
    match made {
        SignedUp::New(account, lab) => (account, lab),
        SignedUp::Known => panic!("the database was not empty"),
    }
}
