//! A whole world in one process: the site, the marketplace behind signed HTTP, a stand-in for oTree, a lab.
//!
//! The product's clock is turned by the test; the marketplace runs by the machine's, as another server would.

use std::sync::Arc;

use axum::Router;
use chrono::Duration;
use kernel::clock::{SystemClock, TestClock};
use kernel::money::Cents;
use market::engine::assignments::{self, Wanted};
use market::engine::workers;
use market::faults::{FaultKind, Target};
use market::journal::{Effect, Filter, JournalEntry};
use market::{Market, Settings, connections};
use otree_hr::app::App;
use otree_hr::connections::Keys;
use otree_hr::jobs::run_until_quiet;
use otree_hr::participation::{self, Participation, ParticipationId};
use otree_hr::payments::{self, Order};
use otree_hr::review::{self, Decision, ReviewError, Wish};
use otree_hr::studies::draft::Typed;
use otree_hr::studies::{self, State, Study};
use otree_hr::web;
use serde_json::Value;
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;
use uuid::Uuid;

use super::door::{get, go};
use super::lab::{Lab, config, database};
use super::stand_in::StandIn;

/// Enough for every test that does not say otherwise.
const PLENTY: Cents = Cents(100_000);

pub struct World {
    pub lab: Lab,
    pub market: Market,
    pub otree: StandIn,
    /// Where the site answers; the marketplace is below `/market`.
    pub base: Url,
    pub requester: String,
    _server: DropGuard,
}

impl World {
    pub async fn new() -> Self {
        Self::with_balance(PLENTY).await
    }

    /// A world whose requester has this much play money.
    pub async fn with_balance(balance: Cents) -> Self {
        let (pool, clock, otree) = (database().await, TestClock::starting_now(), StandIn::start().await);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base: Url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let mut config = config(base.join("/market").unwrap());
        config.public_url = base.clone();
        let settings = Settings { allow_http_questions: true, ..Settings::new(config.market_url.clone()) };
        let market = Market::new(pool.clone(), Arc::new(SystemClock), config.keyring.clone(), settings);
        let keys = market.create_requester("A lab", balance).await.unwrap();
        let app = App::new(config, pool, clock.clone()).unwrap();
        let stop = CancellationToken::new();
        let site = Router::new().nest("/market", market.router()).merge(web::router(app.clone()));
        let serve = axum::serve(connections::listen(listener), connections::service(site))
            .with_graceful_shutdown(stop.clone().cancelled_owned());
        tokio::spawn(serve.into_future());
        let pair = Keys { access_key_id: keys.access_key_id, secret: keys.secret_access_key };
        let lab = Lab::found(app, clock, "first", otree.base.as_str(), pair).await;
        Self { lab, market, otree, base, requester: keys.requester_id, _server: stop.drop_guard() }
    }

    pub fn app(&self) -> &App {
        &self.lab.app
    }

    /// Lets everything happen that happens by itself.
    pub async fn quiet(&self) {
        run_until_quiet(&self.app().reconcilers()).await.unwrap();
    }

    /// Lets time pass at the product, and what is due then happen.
    pub async fn later(&self, by: Duration) {
        self.lab.clock.advance(by);
        self.quiet().await;
    }

    /// Presses the publish button.
    pub async fn press_publish(&self, form: &Typed) -> Study {
        let study = self.lab.draft(form).await;
        let mut tx = self.app().pool.begin().await.unwrap();
        assert!(studies::publish(&mut tx, &study, self.lab.clock_now()).await.unwrap());
        tx.commit().await.unwrap();
        study
    }

    /// Publishes a study and waits until it is open.
    pub async fn publish(&self, form: &Typed) -> Study {
        let study = self.press_publish(form).await;
        self.quiet().await;
        let study = self.lab.study(study.id).await;
        assert_eq!(study.state, State::Open, "{:?}", study.problem);
        study
    }

    /// A worker who accepts a place of the study and comes to our door: worker and assignment.
    pub async fn arrive(&self, study: &Study, name: &str) -> Guest {
        let (mut tx, now) = self.market.begin().await.unwrap();
        let worker = workers::create(&mut tx, now, name, "no password").await.unwrap().unwrap().worker_id;
        let group = Wanted::Group(study.hit_type_id.as_deref().unwrap());
        let taken = assignments::accept(&mut tx, self.market.settings(), now, &worker, group).await.unwrap();
        tx.commit().await.unwrap();
        let answer = get(self.app(), &go(&study.code, &taken.hit_id, &worker, &taken.assignment_id)).await;
        let page = answer.location();
        assert!(page.starts_with("/w/"), "{}", answer.body);
        let id = self.participation_of(&taken.assignment_id).await;
        Guest { page, id, worker, assignment: taken.assignment_id, hit: taken.hit_id }
    }

    /// The participation of who shows this assignment.
    pub async fn participation_of(&self, assignment: &str) -> ParticipationId {
        let id = sqlx::query_scalar("SELECT id FROM participation WHERE assignment_id = $1")
            .bind(assignment)
            .fetch_one(&self.app().pool)
            .await
            .unwrap();
        ParticipationId(id)
    }

    /// The worker opens oTree and is on its first page. Returns the participant's code.
    pub async fn begin(&self, guest: &Guest) -> String {
        let open = get(self.app(), &format!("{}/open", guest.page)).await;
        let seat: Url = open.location().parse().unwrap_or_else(|_| panic!("no way to oTree: {}", open.body));
        // Following the link is what gives the seat its label.
        market::workers::bots::browser::Browser::new(market::workers::bots::browser::client().unwrap())
            .get(&seat)
            .await
            .unwrap();
        seat.path().rsplit('/').next().unwrap().to_owned()
    }

    /// The worker opens oTree and reaches the end there with this payoff.
    pub async fn play(&self, guest: &Guest, payoff: Value) {
        let code = self.begin(guest).await;
        self.otree.finish(&code, payoff);
    }

    /// The worker hands in at the marketplace.
    pub async fn submit(&self, guest: &Guest) {
        let fields = [("assignmentId".into(), guest.assignment.clone()), ("code".into(), "done".into())];
        let (mut tx, now) = self.market.begin().await.unwrap();
        assignments::submit(&mut tx, now, &guest.assignment, Some(&guest.worker), &fields).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// So many workers who arrive, play and submit; we know of it.
    pub async fn submitted(&self, study: &Study, count: usize, payoff: &str) -> Vec<Guest> {
        let mut guests = Vec::new();
        for number in 0..count {
            let guest = self.arrive(study, &format!("Worker {number}")).await;
            self.play(&guest, serde_json::from_str(payoff).unwrap()).await;
            self.submit(&guest).await;
            guests.push(guest);
        }
        self.later(Duration::seconds(30)).await;
        for guest in &guests {
            assert_eq!(self.participation(guest).await.stage, participation::Stage::Submitted);
        }
        guests
    }

    pub async fn participation(&self, guest: &Guest) -> Participation {
        let mut conn = self.app().pool.acquire().await.unwrap();
        participation::store::get(&mut conn, guest.id).await.unwrap().unwrap()
    }

    /// What the confirmation page would show.
    pub async fn plan(&self, study: &Study, guests: &[Guest], decision: &Decision) -> review::Plan {
        let mut tx = self.app().pool.begin().await.unwrap();
        review::plan(&mut tx, study, &Wish::alike(&ids(guests), decision)).await.unwrap()
    }

    /// Presses the confirmation's button on a page that shows `shown`.
    pub async fn confirm(
        &self,
        study: &Study,
        guests: &[Guest],
        decision: &Decision,
        shown: Cents,
    ) -> Result<usize, ReviewError> {
        carry_out(self.app(), study, self.lab.owner, &ids(guests), decision, shown).await
    }

    /// Looks at the confirmation page and presses its button. Nothing is sent yet.
    pub async fn decide(&self, study: &Study, guests: &[Guest], decision: &Decision) -> usize {
        let shown = self.plan(study, guests, decision).await.total();
        self.confirm(study, guests, decision, shown).await.unwrap()
    }

    pub async fn orders(&self, study: &Study) -> Vec<Order> {
        payments::store::of_study(&mut self.app().pool.acquire().await.unwrap(), study.id).await.unwrap()
    }

    /// Orders trouble for the next calls of this operation.
    pub async fn trouble(&self, kind: FaultKind, operation: &str, times: u32) {
        let target = Target { operation: Some(operation.into()), ..Target::default() };
        self.market.order_fault(kind, &target, times).await.unwrap();
    }

    /// What happened at the marketplace, of one kind.
    pub async fn journal(&self, effect: Effect) -> Vec<JournalEntry> {
        self.market.journal(&Filter { effect: Some(effect), ..Filter::default() }).await.unwrap()
    }
}

/// Presses the confirmation's button in some process.
pub async fn carry_out(
    app: &App,
    study: &Study,
    by: otree_hr::accounts::AccountId,
    ids: &[Uuid],
    decision: &Decision,
    shown: Cents,
) -> Result<usize, ReviewError> {
    let mut tx = app.pool.begin().await?;
    let wishes = Wish::alike(ids, decision);
    let placed = review::carry_out(&mut tx, app.clock.now(), study, by, &wishes, shown).await?.orders;
    tx.commit().await?;
    Ok(placed)
}

fn ids(guests: &[Guest]) -> Vec<Uuid> {
    guests.iter().map(|guest| guest.id.0).collect()
}

/// Somebody who came to our door.
#[derive(Debug, Clone)]
pub struct Guest {
    /// Our page for them.
    pub page: String,
    pub id: ParticipationId,
    pub worker: String,
    pub assignment: String,
    pub hit: String,
}
