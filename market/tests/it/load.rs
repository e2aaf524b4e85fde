//! A marketplace with a past, and how Postgres goes about the queries that must stay quick in it.

use std::sync::{Arc, Mutex};

use chrono::{DateTime, Duration, Utc};
use market::engine::assignments::Wanted;
use market::engine::{groups, hits, previews, work};
use market::notices::settings::Specification;
use market::notices::{Transport, outbox, queues};
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use crate::harness::{Place, QUESTION};

/// The queue that notifications go to.
const QUEUE: &str = "events";

/// How much there is. Each HIT has nine places and five assignments that were handed in.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub hits: i64,
    /// Those that workers can still take; the others are over.
    pub open: i64,
}

/// A marketplace of that size in the hands of one requester, and where to look in it.
pub struct Loaded {
    pub place: Place,
    pub hit_type_id: String,
    /// A HIT in the middle of the list.
    pub hit_id: String,
    pub worker_id: String,
}

/// What is asked of the market.
#[derive(Debug, Clone, Copy)]
pub enum Question {
    ListAssignmentsForHit,
    ListHits,
    ListHitsFromTheMiddle,
    ListReviewableHits,
    WorkersList,
    Accept,
    Tick,
    Deliver,
    ReceiveMessage,
    MyWork,
    Earnings,
    Lookers,
}

pub const QUESTIONS: [Question; 12] = [
    Question::ListAssignmentsForHit,
    Question::ListHits,
    Question::ListHitsFromTheMiddle,
    Question::ListReviewableHits,
    Question::WorkersList,
    Question::Accept,
    Question::Tick,
    Question::Deliver,
    Question::ReceiveMessage,
    Question::MyWork,
    Question::Earnings,
    Question::Lookers,
];

/// Tables that grow with use; reading one from end to end must not be anybody's plan.
pub const LARGE: [&str; 10] = [
    "assignment",
    "hit",
    "journal",
    "statement",
    "request_token",
    "bonus",
    "worker",
    "notice",
    "queue_message",
    "preview",
];

impl Loaded {
    pub async fn open(size: Size) -> Self {
        let place = Place::open().await;
        let kinds = kinds_of_hit(&place).await;
        fill(&place, &kinds, size).await;
        let hit_id = format!("3LOAD{:08}", size.hits / 2);
        Self { hit_type_id: kinds[0].clone(), hit_id, worker_id: "ALOAD000".into(), place }
    }

    pub async fn ask(&self, question: Question) {
        let (place, client) = (&self.place, &self.place.client);
        let conn = async || place.market.pool().acquire().await.unwrap();
        match question {
            Question::ListAssignmentsForHit => {
                let call = client.list_assignments_for_hit().hit_id(&self.hit_id).max_results(100);
                assert_eq!(call.send().await.unwrap().num_results, Some(5));
            }
            Question::ListHits => {
                client.list_hits().max_results(100).send().await.unwrap();
            }
            Question::ListHitsFromTheMiddle => {
                let middle = hits::find(&mut *conn().await, &self.hit_id).await.unwrap().unwrap().seq;
                let page =
                    hits::page(&mut *conn().await, &place.keys.requester_id, middle, 101).await.unwrap();
                assert!(!page.is_empty());
            }
            Question::ListReviewableHits => {
                let call = client.list_reviewable_hits().hit_type_id(&self.hit_type_id).max_results(100);
                call.send().await.unwrap();
            }
            Question::WorkersList => {
                let (now, settings) = (place.market.real_now(), place.market.settings());
                let seen =
                    groups::groups(&mut *conn().await, settings, now, Some(&self.worker_id)).await.unwrap();
                assert_eq!(seen.len(), 10);
            }
            Question::Accept => self.take_and_return().await,
            Question::Tick => {
                place.market.tick().await.unwrap();
            }
            Question::Deliver => {
                let queue =
                    queues::address(&place.market.settings().public_url, &place.keys.requester_id, QUEUE);
                let to = Specification {
                    transport: Transport::Sqs,
                    destination: queue,
                    version: "2014-08-15".into(),
                    event_types: vec!["Ping".into()],
                };
                let (id, now) = (&place.keys.requester_id, place.now().await);
                outbox::queue_test(&mut *conn().await, now, id, &to, "Ping").await.unwrap();
                assert_eq!(place.market.deliver().await.unwrap(), 1);
            }
            Question::MyWork => {
                work::held(&mut *conn().await, &self.worker_id).await.unwrap();
                let page = work::page(&mut *conn().await, &self.worker_id, None, 51).await.unwrap();
                let ids: Vec<_> = page.into_iter().map(|item| item.assignment_id).collect();
                work::bonuses(&mut *conn().await, &self.worker_id, &ids).await.unwrap();
            }
            Question::Earnings => {
                work::days(&mut *conn().await, &self.worker_id, 366).await.unwrap();
                work::sums(&mut *conn().await, &self.worker_id, true).await.unwrap();
            }
            Question::Lookers => {
                let middle = hits::find(&mut *conn().await, &self.hit_id).await.unwrap().unwrap().seq;
                let id = &place.keys.requester_id;
                let page = hits::page(&mut *conn().await, id, middle, 10).await.unwrap();
                let then = looked_at(place).await;
                let looking = previews::at(&mut *conn().await, &page, then, 600).await.unwrap();
                assert!(page.iter().all(|hit| looking[&hit.hit_id] == 4), "four of five have not done it");
            }
            Question::ReceiveMessage => {
                let (real, id) = (place.market.real_now(), &place.keys.requester_id);
                let queue = queues::by_name(&mut *conn().await, id, QUEUE).await.unwrap().unwrap();
                let hidden = Duration::seconds(30);
                let got = queues::receive(&mut *conn().await, real, &queue, 10, hidden).await.unwrap();
                assert_eq!(got.len(), 10);
                queues::remove(&mut *conn().await, &queue, &got[0].receipt).await.unwrap();
            }
        }
    }

    async fn take_and_return(&self) {
        let wanted = Wanted::Group(&self.hit_type_id);
        let taken = self.place.accept(&self.worker_id, wanted).await.unwrap();
        self.place.give_back(&self.worker_id, &taken.assignment_id).await.unwrap();
    }

    /// The plans that Postgres made for everything that the question needed, with the times it really took.
    pub async fn plans(&self, question: Question) -> Vec<String> {
        let heard = Plans::default();
        let subscriber = tracing_subscriber::registry().with(heard.clone());
        let listening = tracing::subscriber::set_default(subscriber);
        self.ask(question).await;
        drop(listening);
        let plans = heard.0.lock().unwrap();
        assert!(!plans.is_empty(), "{question:?} has a plan");
        plans.clone()
    }

    /// Makes every connection of the pool tell its plans, which takes a server that trusts us, as a test's does.
    pub async fn tell_plans(&self) {
        let pool = self.place.market.pool();
        let mut all = Vec::new();
        for _ in 0..pool.options().get_max_connections() {
            all.push(pool.acquire().await.unwrap());
        }
        for conn in &mut all {
            let orders = "load 'auto_explain'; set auto_explain.log_min_duration = 0; \
                          set auto_explain.log_analyze = on; set client_min_messages = log";
            sqlx::raw_sql(orders).execute(&mut **conn).await.unwrap();
        }
    }
}

/// What the server says beside its answers.
#[derive(Debug, Clone, Default)]
struct Plans(Arc<Mutex<Vec<String>>>);

impl<S: tracing::Subscriber> Layer<S> for Plans {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "sqlx::postgres::notice" {
            let mut message = Message(String::new());
            event.record(&mut message);
            if message.0.contains("plan:") {
                self.0.lock().unwrap().push(message.0);
            }
        }
    }
}

struct Message(String);

impl Visit for Message {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.0 = value.to_owned();
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

/// Ten groups that workers see.
async fn kinds_of_hit(place: &Place) -> Vec<String> {
    let mut kinds = Vec::new();
    for n in 0..10 {
        let call = place.client.create_hit_type().title(format!("Task {n}")).description("Play a short game");
        let made = call.reward("1.00").assignment_duration_in_seconds(600).send().await.unwrap();
        kinds.push(made.hit_type_id.unwrap());
    }
    kinds
}

/// Rows as the engine would have left them, in two statements.
async fn fill(place: &Place, kinds: &[String], size: Size) {
    let (pool, requester_id) = (place.market.pool(), &place.keys.requester_id);
    let now = place.now().await;
    let before = now - Duration::days(7);
    sqlx::query("insert into market.worker (worker_id, name, password_hash, created_at)
                 select 'ALOAD' || lpad(n::text, 3, '0'), 'load ' || n, '', $1 from generate_series(0, 499) n")
        .bind(before).execute(pool).await.unwrap();
    sqlx::query("insert into market.hit (hit_id, requester_id, hit_type_id, question, max_assignments, created_with, reward,
                                         fee, created_at, expiration, closed_at, submitted)
                 select '3LOAD' || lpad(n::text, 8, '0'), $1, ($2::text[])[1 + n % 10], $3, 9, 9, 100, 20, $4,
                        case when n > $5 - $6 then $7 + interval '1 hour' else $4 + interval '1 hour' end,
                        case when n > $5 - $6 then null else $4 + interval '1 hour' end, 5
                   from generate_series(1, $5) n")
        .bind(requester_id).bind(kinds).bind(QUESTION).bind(before).bind(size.hits).bind(size.open).bind(now)
        .execute(pool).await.unwrap();
    sqlx::query("insert into market.assignment (assignment_id, hit_id, worker_id, requester_id, state, accepted_at, deadline,
                                                submitted_at, auto_approval_at, answer)
                 select '3WORK' || lpad((n * 5 + k)::text, 9, '0'), '3LOAD' || lpad(n::text, 8, '0'),
                        'ALOAD' || lpad((1 + (n * 5 + k) % 499)::text, 3, '0'), $1, 'submitted', $2, $2 + interval '10 minutes',
                        $2 + interval '5 minutes', $2 + interval '30 days', '<QuestionFormAnswers/>'
                   from generate_series(1, $3) n, generate_series(1, 5) k")
        .bind(requester_id).bind(before).bind(size.hits).execute(pool).await.unwrap();
    remember(place, before).await;
    look(place, size).await;
    notify(place, size).await;
    for table in [
        "hit",
        "assignment",
        "worker",
        "hit_type",
        "requester",
        "notice",
        "queue_message",
        "preview",
        "journal",
        "statement",
        "request_token",
    ] {
        let analyze = sqlx::AssertSqlSafe(format!("vacuum analyze market.{table}"));
        sqlx::raw_sql(analyze).execute(pool).await.unwrap();
    }
}

/// Each submission stands in the journal and cost something in the statement; each HIT was made under a token.
async fn remember(place: &Place, before: DateTime<Utc>) {
    let pool = place.market.pool();
    for sql in [
        "insert into market.journal (at, effect, requester_id, hit_id, assignment_id, worker_id)
         select $1, 'submitted', requester_id, hit_id, assignment_id, worker_id from market.assignment",
        "insert into market.statement (requester_id, at, kind, available, on_hold, hit_id, assignment_id)
         select requester_id, $1, 'bonus', -37, 0, hit_id, assignment_id from market.assignment",
        "insert into market.request_token (requester_id, operation, token, parameters, result, used_at)
         select requester_id, 'CreateHIT', 'load ' || hit_id, '', hit_id, $1::timestamptz + interval '7 days' from market.hit",
    ] {
        sqlx::query(sql).bind(before).execute(pool).await.unwrap();
    }
}

/// When people look at HITs: ahead of the clock, so that it forgets none of them.
async fn looked_at(place: &Place) -> DateTime<Utc> {
    place.now().await + Duration::hours(1)
}

/// Five people look at each of the HITs, one of whom has done it.
async fn look(place: &Place, size: Size) {
    sqlx::query("insert into market.preview (hit_id, at, worker_id, requester_id)
                 select '3LOAD' || lpad(n::text, 8, '0'), $2, 'ALOAD' || lpad((1 + k * 100 + (n * 5 + 1) % 499)::text, 3, '0'), $1
                   from generate_series(1, $3) n, generate_series(0, 4) k")
        .bind(&place.keys.requester_id).bind(looked_at(place).await).bind(size.hits)
        .execute(place.market.pool()).await.unwrap();
}

/// Each HIT was told of five times: notices that left, and messages that nobody has read yet.
async fn notify(place: &Place, size: Size) {
    let (pool, requester_id, now) = (place.market.pool(), &place.keys.requester_id, place.market.real_now());
    let queue =
        queues::create(&mut pool.acquire().await.unwrap(), now, requester_id, QUEUE, 30).await.unwrap();
    sqlx::query("insert into market.notice (requester_id, event_type, at, hit_type_id, after_expiry, transport, destination,
                                            version, doc_id, state, try_at, settled_at)
                 select $1, 'AssignmentSubmitted', $2, '3LOAD', false, 'SQS', $3, '2014-08-15', n::text, 'sent', $2, $2
                   from generate_series(1, 5 * $4) n")
        .bind(requester_id).bind(now)
        .bind(queues::address(&place.market.settings().public_url, requester_id, QUEUE))
        .bind(size.hits).execute(pool).await.unwrap();
    sqlx::query(
        "insert into market.queue_message (queue_id, message_id, body, sent_at, visible_at)
                 select $1, n::text, '{}', $2, $2 from generate_series(1, 5 * $3) n",
    )
    .bind(queue.queue_id)
    .bind(now)
    .bind(size.hits)
    .execute(pool)
    .await
    .unwrap();
}
