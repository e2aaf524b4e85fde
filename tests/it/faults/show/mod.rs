//! One study in a rig, and its people: workers at the marketplace, at our door and in oTree; a researcher with
//! several tabs. Everything they do goes over HTTP to the real processes; whoever gets no answer tries again later.

mod desk;

use std::time::Duration;

use axum::http::StatusCode;
use kernel::money::Cents;
use market::engine::assignments::{self, Wanted};
use market::engine::workers;
use market::journal::JournalEntry;
use otree_hr::payments::{self, Order, OrderState};
use otree_hr::studies::draft::Typed;
use otree_hr::studies::{self, Study, StudyId};
use serde_json::Value;
use sqlx::PgPool;
use url::Url;

use super::rig::Rig;
use crate::support::door::go;
use crate::support::lab::Lab;

/// A person gives up waiting for an answer after so long.
const PATIENCE: Duration = Duration::from_secs(4);

/// How far a person is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// Has accepted and was not let in yet.
    Door,
    /// Has our page.
    Page,
    /// Has reached the end in oTree.
    End,
    Submitted,
    /// Gave the place back, or was turned away.
    Gone,
}

/// A worker with an accepted place.
#[derive(Debug, Clone)]
pub struct Person {
    pub worker: String,
    pub assignment: String,
    pub hit: String,
    pub at: At,
    /// Our page for them, as a path.
    pub page: Option<String>,
    /// oTree's code of the seat they were sent to.
    pub seat: Option<String>,
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub location: String,
    pub body: String,
}

/// A form as some tab shows it.
#[derive(Debug, Clone)]
pub struct Tab {
    path: String,
    fields: Vec<(String, String)>,
}

/// See the module.
pub struct Show {
    pub rig: Rig,
    pub lab: Lab,
    pub requester: String,
    pub study: StudyId,
    pub code: String,
    pub people: Vec<Person>,
    /// What was done, in order.
    pub trace: Vec<String>,
    /// Hours that a restored backup does not know of, as positions in the marketplace's journal: after the first, up
    /// to the second.
    pub lost: Vec<(i64, i64)>,
    /// Whether differences of lost hours must be on a page by now.
    pub compares: bool,
    http: reqwest::Client,
}

impl Show {
    /// A study of which nobody knows yet.
    pub async fn new(mut rig: Rig, balance: Cents, form: impl FnOnce(Typed) -> Typed) -> Self {
        let (lab, requester) = rig.lab(balance).await;
        // Time leaps here, so nobody's may run out.
        let form = form(Typed { minutes: "1200".into(), ..lab.form() });
        let study = lab.draft(&form).await;
        let http = client(PATIENCE);
        let (people, trace, lost, compares) = (Vec::new(), Vec::new(), Vec::new(), false);
        Self {
            rig,
            lab,
            requester,
            study: study.id,
            code: study.code.clone(),
            people,
            trace,
            lost,
            compares,
            http,
        }
    }

    /// The same in a rig of its own.
    pub async fn alone(form: impl FnOnce(Typed) -> Typed) -> Self {
        let mut show = Self::new(Rig::start().await, Cents(100_000), form).await;
        show.http = client(PATIENCE * 4);
        show
    }

    /// The study is open, as after a quiet beginning.
    pub async fn opened(mut self) -> Self {
        self.publish().await;
        self.open().await;
        self
    }

    /// Waits until the study is open.
    pub async fn open(&self) {
        self.rig.until_sql(self.study.0, "SELECT state = 'open' FROM study WHERE id = $1").await;
    }

    /// From now on everybody waits longer: for crowds.
    pub fn patient(&mut self) {
        self.http = client(PATIENCE * 15);
    }

    /// Lends the rig to another study; the function takes it back.
    pub fn pause(self) -> (Rig, impl FnOnce(Rig) -> Self) {
        let Self { rig, lab, requester, study, code, people, trace, lost, compares, http } = self;
        (rig, move |rig| Self { rig, lab, requester, study, code, people, trace, lost, compares, http })
    }

    pub fn pool(&self) -> &PgPool {
        self.rig.pool()
    }

    pub fn note(&mut self, words: impl std::fmt::Display) {
        self.trace.push(format!("{} {words}", self.rig.now().format("%d %H:%M:%S")));
    }

    /// Whether oTree lost its database.
    pub fn forgotten(&self) -> bool {
        self.trace.iter().any(|line| line.ends_with("oTree forgets"))
    }

    /// The position of the marketplace's last entry.
    pub async fn position(&self) -> i64 {
        self.rig.journal(&self.requester).await.last().map_or(0, |entry| entry.seq)
    }

    /// The backup that was made at this position of the journal is restored, which takes some minutes.
    pub async fn restore(&mut self, copy: String, position: i64) {
        // What is under way until the very end belongs to the lost hours, also what the marketplace still has to read.
        self.rig.kill_all();
        self.rig.work(500).await;
        self.lost.push((position, self.position().await));
        self.rig.restore(copy).await;
        self.lab.app = self.rig.app.clone();
        self.rig.pass(chrono::Duration::minutes(5)).await;
        self.note("the backup is restored");
    }

    /// Whether a restored backup knows nothing of it.
    pub fn is_lost(&self, entry: &JournalEntry) -> bool {
        self.lost.iter().any(|(after, until)| entry.seq > *after && entry.seq <= *until)
    }

    pub async fn study(&self) -> Study {
        studies::store::get(&mut self.pool().acquire().await.unwrap(), self.study).await.unwrap()
    }

    pub async fn orders(&self) -> Vec<Order> {
        payments::store::of_study(&mut self.pool().acquire().await.unwrap(), self.study).await.unwrap()
    }

    /// The researcher publishes.
    pub async fn publish(&mut self) {
        let study = self.study().await;
        let mut tx = self.pool().begin().await.unwrap();
        assert!(studies::publish(&mut tx, &study, self.rig.now()).await.unwrap());
        tx.commit().await.unwrap();
        self.note("publishes");
    }

    /// The researcher closes the study.
    pub async fn close(&mut self) {
        let study = self.study().await;
        let mut tx = self.pool().begin().await.unwrap();
        studies::close(&mut tx, &study, self.rig.now()).await.unwrap();
        tx.commit().await.unwrap();
        self.note("closes the study");
    }

    /// Asks a process; `None` when there is no answer.
    pub async fn get(&self, replica: usize, path: &str) -> Option<Reply> {
        let url = self.rig.replicas[replica].base.join(path).unwrap();
        read(self.http.get(url).header("sec-fetch-site", "cross-site")).await
    }

    async fn post(
        &self,
        replica: usize,
        path: &str,
        cookie: &str,
        fields: &[(String, String)],
    ) -> Option<Reply> {
        let url = self.rig.replicas[replica].base.join(path).unwrap();
        let request = self.http.post(url).header("sec-fetch-site", "same-origin").header("cookie", cookie);
        let body = serde_urlencoded::to_string(fields).unwrap();
        read(request.header("content-type", "application/x-www-form-urlencoded").body(body)).await
    }

    /// Somebody new takes a place at the marketplace; returns their number.
    pub async fn accept(&mut self) -> Option<usize> {
        let worker = self.new_worker().await;
        self.accept_as(&worker).await
    }

    pub async fn new_worker(&self) -> String {
        let (mut tx, now) = self.rig.market.begin().await.unwrap();
        let name = kernel::secret::code(10);
        let worker = workers::create(&mut tx, now, &name, "no password").await.unwrap().unwrap().worker_id;
        tx.commit().await.unwrap();
        worker
    }

    /// This worker takes a place, perhaps a second one of the study.
    pub async fn accept_as(&mut self, worker: &str) -> Option<usize> {
        let group: Option<String> = self.hit_type().await;
        let (mut tx, now) = self.rig.market.begin().await.unwrap();
        let (group, settings) = (group?, self.rig.market.settings());
        let taken = assignments::accept(&mut tx, settings, now, worker, Wanted::Group(&group)).await.ok()?;
        tx.commit().await.unwrap();
        let (assignment, hit) = (taken.assignment_id, taken.hit_id);
        let person = Person { worker: worker.into(), assignment, hit, at: At::Door, page: None, seat: None };
        self.people.push(person);
        self.note(format!("person {} accepts", self.people.len() - 1));
        Some(self.people.len() - 1)
    }

    /// The study's offer as the marketplace knows it: people find it there, not with us.
    async fn hit_type(&self) -> Option<String> {
        sqlx::query_scalar("SELECT hit_type_id FROM market.hit WHERE requester_id = $1 ORDER BY seq LIMIT 1")
            .bind(&self.requester)
            .fetch_optional(self.rig.market.pool())
            .await
            .unwrap()
    }

    pub fn door(&self, who: &Person) -> String {
        go(&self.code, &who.hit, &who.worker, &who.assignment)
    }

    /// The person opens the HIT's frame.
    pub async fn knock(&mut self, who: usize, replica: usize) -> Option<Reply> {
        let reply = self.get(replica, &self.door(&self.people[who])).await;
        if let Some(reply) = &reply
            && reply.location.starts_with("/w/")
        {
            self.people[who].page = Some(reply.location.clone());
            self.people[who].at = At::Page;
        }
        self.note(format!("person {who} knocks at {replica}: {}", words(&reply)));
        reply
    }

    /// The person goes on to oTree and plays to the end; whether that worked out.
    pub async fn play(&mut self, who: usize, replica: usize, payoff: Value) -> bool {
        let Some(seat) = self.enter(who, replica).await else { return false };
        self.note(format!("person {who} plays for {payoff}"));
        self.rig.otree.finish(&seat, payoff);
        self.people[who].at = At::End;
        true
    }

    /// The person opens oTree; the participant's code.
    pub async fn enter(&mut self, who: usize, replica: usize) -> Option<String> {
        let page = self.people[who].page.clone()?;
        let reply = self.get(replica, &format!("{page}/open")).await?;
        let seat: Url = reply.location.parse().ok()?;
        let entered = read(self.http.get(seat.clone())).await?;
        if entered.status != StatusCode::FOUND {
            return None;
        }
        let code = seat.path().rsplit('/').next()?.to_owned();
        self.people[who].seat = Some(code.clone());
        Some(code)
    }

    /// The person hands in at the marketplace.
    pub async fn submit(&mut self, who: usize) -> bool {
        let person = &self.people[who];
        let fields = [("assignmentId".into(), person.assignment.clone()), ("code".into(), "done".into())];
        let (mut tx, now) = self.rig.market.begin().await.unwrap();
        let (assignment, worker) = (&person.assignment, Some(&*person.worker));
        let done = assignments::submit(&mut tx, now, assignment, worker, &fields).await.is_ok();
        tx.commit().await.unwrap();
        if done {
            self.people[who].at = At::Submitted;
        }
        self.note(format!("person {who} submits: {done}"));
        done
    }

    /// The person gives the place back.
    pub async fn give_back(&mut self, who: usize) {
        let person = &self.people[who];
        let (mut tx, now) = self.rig.market.begin().await.unwrap();
        let _ = assignments::give_back(&mut tx, now, &person.worker, &person.assignment).await;
        tx.commit().await.unwrap();
        self.people[who].at = At::Gone;
        self.note(format!("person {who} gives it back"));
    }

    /// So many people come, play and submit, and we know of it.
    pub async fn submitted(&mut self, count: usize, payoff: &str) {
        for _ in 0..count {
            let who = self.accept().await.expect("a place at the marketplace");
            self.knock(who, who % 2).await;
            assert!(self.play(who, who % 2, payoff.into()).await, "{:?}", self.people[who]);
            assert!(self.submit(who).await);
        }
        let known = "SELECT bool_and(stage = 'submitted') FROM participation WHERE study_id = $1";
        self.rig.until_sql(self.study.0, known).await;
    }

    /// Everybody who was offered a compensation takes it: accepts its HIT and submits. How many did.
    pub async fn collect(&mut self) -> usize {
        let mut collected = 0;
        for it in self.compensations().await {
            let Some(hit) = it.hit_id.filter(|_| it.state == OrderState::Planned) else { continue };
            let (mut tx, now) = self.rig.market.begin().await.unwrap();
            let settings = self.rig.market.settings();
            let hit = Wanted::Hit(&hit);
            let Ok(taken) = assignments::accept(&mut tx, settings, now, &it.worker, hit).await else {
                continue;
            };
            let fields = [("compensation".to_owned(), "accepted".to_owned())];
            let (assignment, worker) = (&taken.assignment_id, Some(&*it.worker));
            assignments::submit(&mut tx, now, assignment, worker, &fields).await.unwrap();
            tx.commit().await.unwrap();
            collected += 1;
            self.note(format!("{} takes the compensation", it.pseudonym));
        }
        collected
    }
}

fn client(patience: Duration) -> reqwest::Client {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    client.timeout(patience).build().unwrap()
}

/// Status and words for the trace.
fn words(reply: &Option<Reply>) -> String {
    match reply {
        None => "no answer".into(),
        Some(reply) => {
            format!("{} {}", reply.status.as_u16(), reply.location.split('/').nth(1).unwrap_or(""))
        }
    }
}

async fn read(request: reqwest::RequestBuilder) -> Option<Reply> {
    let response = request.send().await.ok()?;
    let location = response.headers().get("location").and_then(|value| value.to_str().ok());
    let location = location.unwrap_or_default().to_owned();
    Some(Reply { status: response.status(), location, body: response.text().await.ok()? })
}
