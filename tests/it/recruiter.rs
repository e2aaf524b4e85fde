//! What the product may expect of every recruiter, held against the built-in marketplace over signed HTTP.

use chrono::Duration;
use kernel::clock::SystemClock;
use kernel::money::Cents;
use kernel::secret::Keyring;
use market::clock::Turn;
use market::engine::assignments::{self, Wanted};
use market::engine::workers;
use market::faults::{FaultKind, Target};
use market::journal::{Effect, Filter};
use market::{Market, Settings};
use otree_hr::recruiters::mturk::{Account, MTurk, Pace, http_client};
use otree_hr::recruiters::{
    AskError, Bonus, Offer, Outcome, Published, Recruiter, Refusal, RefusalKind, SubmissionStatus, Task, Unit,
};
use secrecy::SecretString;
use std::sync::Arc;
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;

/// A marketplace on a port of its own, and a requester's adapter.
struct Place {
    market: Market,
    endpoint: Url,
    recruiter: MTurk,
    _server: DropGuard,
}

impl Place {
    async fn open(balance: Cents) -> Self {
        let pool = kernel::testing::database(&[&market::MIGRATOR]).await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url: Url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let keyring = Keyring::new(&SecretString::from("k".repeat(32)), &[]).unwrap();
        let market = Market::new(pool, Arc::new(SystemClock), keyring, Settings::new(url));
        market.set_clock(Turn::Freeze).await.unwrap();
        let keys = market.create_requester("A lab", balance).await.unwrap();
        let stop = CancellationToken::new();
        let serve =
            axum::serve(listener, market.router()).with_graceful_shutdown(stop.clone().cancelled_owned());
        tokio::spawn(serve.into_future());
        let endpoint = market.endpoint();
        let recruiter = adapter(&endpoint, &keys.access_key_id, keys.secret_access_key);
        Self { market, endpoint, recruiter, _server: stop.drop_guard() }
    }

    async fn publish(&self, token: &str) -> Published {
        let unit = unit(&self.offer_id().await, token);
        match self.recruiter.publish(&unit).await {
            Outcome::Done(published) => published,
            other => panic!("{other:?}"),
        }
    }

    async fn offer_id(&self) -> String {
        match self.recruiter.register(&offer()).await {
            Outcome::Done(id) => id,
            other => panic!("{other:?}"),
        }
    }

    /// A new worker takes a place; their id and the assignment's.
    async fn accept(&self, name: &str, unit_id: &str) -> (String, String) {
        let (mut tx, now) = self.market.begin().await.unwrap();
        let worker = workers::create(&mut tx, now, name, "no password").await.unwrap().unwrap();
        let taken = assignments::accept(
            &mut tx,
            self.market.settings(),
            now,
            &worker.worker_id,
            Wanted::Hit(unit_id),
        )
        .await
        .unwrap();
        tx.commit().await.unwrap();
        (worker.worker_id, taken.assignment_id)
    }

    async fn submit(&self, assignment_id: &str) {
        let fields = [("completion_code".to_owned(), "a & b".to_owned())];
        let (mut tx, now) = self.market.begin().await.unwrap();
        assignments::submit(&mut tx, now, assignment_id, None, &fields).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// A bonus for work that was handed in.
    async fn bonus(&self, token: &str) -> Bonus {
        let unit_id = self.publish("unit").await.unit_id;
        let (worker_id, assignment_id) = self.accept("Ada", &unit_id).await;
        self.submit(&assignment_id).await;
        let reason = format!("Payoff [{token}]");
        Bonus { worker_id, assignment_id, amount: Cents(125), reason, token: token.to_owned() }
    }

    async fn fault(&self, kind: FaultKind, operation: &str) {
        let target = Target { operation: Some(operation.to_owned()), requester_id: None };
        self.market.order_fault(kind, &target, 1).await.unwrap();
    }

    async fn effects(&self, effect: Effect) -> usize {
        let filter = Filter { effect: Some(effect), ..Filter::default() };
        self.market.journal(&filter).await.unwrap().len()
    }
}

fn adapter(endpoint: &Url, access_key_id: &str, secret: SecretString) -> MTurk {
    let account = Account {
        name: access_key_id.to_owned(),
        endpoint: endpoint.clone(),
        access_key_id: access_key_id.to_owned(),
        secret,
        pace: Pace::BRISK,
        hurry: 1.0,
    };
    MTurk::new(&account, http_client())
}

fn offer() -> Offer {
    Offer {
        title: "Pick a number".into(),
        description: "A two minute decision study".into(),
        keywords: "bonus, study".into(),
        reward: Cents(150),
        duration_s: 1800,
        auto_approve_s: 86_400,
        qualifications: serde_json::json!([]),
    }
}

fn unit(offer_id: &str, token: &str) -> Unit {
    Unit {
        offer_id: offer_id.to_owned(),
        task: Task::Frame { url: "https://hr.example.org/go/abc?x=1&y=2".into(), height: 500 },
        places: 9,
        lifetime_s: 3600,
        mark: format!("mark of {token}"),
        token: token.to_owned(),
    }
}

fn kind<T: std::fmt::Debug>(outcome: &Outcome<T>) -> RefusalKind {
    match outcome {
        Outcome::Refused(Refusal { kind, .. }) => *kind,
        other => panic!("not a refusal: {other:?}"),
    }
}

#[tokio::test]
async fn the_same_offer_is_registered_once() {
    let place = Place::open(Cents(100_000)).await;
    assert_eq!(place.recruiter.balance().await, Ok(Cents(100_000)));
    assert_eq!(place.offer_id().await, place.offer_id().await);
}

#[tokio::test]
async fn a_unit_is_published_once_under_its_token_and_found_by_its_mark() {
    let place = Place::open(Cents(100_000)).await;
    let published = place.publish("one").await;
    assert!(published.live && published.group_id.is_some() && published.expires_at.is_some());
    assert_eq!(place.publish("one").await.unit_id, published.unit_id);
    let other = place.publish("two").await;
    assert_ne!(other.unit_id, published.unit_id);
    assert_eq!(place.effects(Effect::HitCreated).await, 2);
    assert_eq!(place.recruiter.find_by_mark("mark of one").await, Ok(Some(published.clone())));
    assert_eq!(place.recruiter.find_by_mark("mark of three").await, Ok(None));
    assert_eq!(place.recruiter.unit(&published.unit_id).await, Ok(Some(published)));
    assert_eq!(place.recruiter.unit("3NONE").await, Ok(None));
}

#[tokio::test]
async fn an_expired_unit_is_no_longer_live_and_may_expire_again() {
    let place = Place::open(Cents(100_000)).await;
    let unit_id = place.publish("one").await.unit_id;
    for _ in 0..2 {
        assert_eq!(place.recruiter.expire(&unit_id).await, Outcome::Done(()));
    }
    assert!(!place.recruiter.unit(&unit_id).await.unwrap().unwrap().live);
    assert_eq!(kind(&place.recruiter.expire("3NONE").await), RefusalKind::Missing);
}

#[tokio::test]
async fn work_shows_once_it_is_submitted_with_what_the_form_said() {
    let place = Place::open(Cents(100_000)).await;
    let unit_id = place.publish("one").await.unit_id;
    let (worker_id, assignment_id) = place.accept("Ada", &unit_id).await;
    assert_eq!(place.recruiter.submission(&assignment_id).await, Ok(None));
    assert_eq!(kind(&place.recruiter.approve(&assignment_id, "").await), RefusalKind::Missing);

    place.submit(&assignment_id).await;
    let submission = place.recruiter.submission(&assignment_id).await.unwrap().unwrap();
    assert_eq!((submission.worker_id.as_str(), submission.unit_id.as_str()), (&*worker_id, &*unit_id));
    assert_eq!(submission.status, SubmissionStatus::Submitted);
    assert_eq!(submission.answers, [("completion_code".to_owned(), "a & b".to_owned())]);
    let approved_by = submission.auto_approve_at.unwrap() - submission.submitted_at.unwrap();
    assert_eq!(approved_by, Duration::days(1));
    assert_eq!(place.recruiter.submissions(&unit_id).await, Ok(vec![submission]));
    let missing = place.recruiter.submissions("3NONE").await.unwrap_err();
    assert!(matches!(missing, AskError::Refused(Refusal { kind: RefusalKind::Missing, .. })));
}

#[tokio::test]
async fn a_decision_is_made_once_and_stays() {
    let place = Place::open(Cents(100_000)).await;
    let unit_id = place.publish("one").await.unit_id;
    let (_, approved) = place.accept("Ada", &unit_id).await;
    let (_, rejected) = place.accept("Bea", &unit_id).await;
    for assignment_id in [&approved, &rejected] {
        place.submit(assignment_id).await;
    }
    let recruiter = &place.recruiter;
    assert_eq!(recruiter.approve(&approved, "Thank you").await, Outcome::Done(()));
    assert_eq!(kind(&recruiter.approve(&approved, "Thank you").await), RefusalKind::State);
    assert_eq!(kind(&recruiter.reject(&approved, "No").await), RefusalKind::State);
    assert_eq!(recruiter.reject(&rejected, "No answer given").await, Outcome::Done(()));
    assert_eq!(kind(&recruiter.reject(&rejected, "No answer given").await), RefusalKind::State);
    let status = |id: String| async move { recruiter.submission(&id).await.unwrap().unwrap().status };
    assert_eq!(status(approved).await, SubmissionStatus::Approved);
    assert_eq!(status(rejected).await, SubmissionStatus::Rejected);
    assert_eq!(place.effects(Effect::Approved).await, 1);
}

#[tokio::test]
async fn a_bonus_is_paid_once_under_its_token() {
    let place = Place::open(Cents(100_000)).await;
    let bonus = place.bonus("order").await;
    for _ in 0..2 {
        assert_eq!(place.recruiter.bonus(&bonus).await, Outcome::Done(()));
    }
    assert_eq!(place.effects(Effect::BonusSent).await, 1);
    let paid = place.recruiter.bonuses(&bonus.assignment_id).await.unwrap();
    assert_eq!(paid.len(), 1);
    assert_eq!((paid[0].amount, paid[0].reason.as_str()), (Cents(125), "Payoff [order]"));
    assert_eq!(paid[0].worker_id, bonus.worker_id);
}

#[tokio::test]
async fn an_answer_lost_after_the_effect_is_unknown_and_the_token_settles_it() {
    for kind in [FaultKind::DropAfter, FaultKind::FailAfter] {
        let place = Place::open(Cents(100_000)).await;
        let bonus = place.bonus("order").await;
        place.fault(kind, "SendBonus").await;
        assert!(matches!(place.recruiter.bonus(&bonus).await, Outcome::Unknown(_)), "{kind:?}");
        assert_eq!(place.effects(Effect::BonusSent).await, 1, "{kind:?}");
        assert_eq!(place.recruiter.bonus(&bonus).await, Outcome::Done(()), "{kind:?}");
        assert_eq!(place.effects(Effect::BonusSent).await, 1, "{kind:?}");

        place.fault(kind, "CreateHITWithHITType").await;
        let unit = unit(&place.offer_id().await, "second");
        assert!(matches!(place.recruiter.publish(&unit).await, Outcome::Unknown(_)), "{kind:?}");
        let Outcome::Done(published) = place.recruiter.publish(&unit).await else { panic!("{kind:?}") };
        assert_eq!(place.recruiter.find_by_mark(&unit.mark).await, Ok(Some(published)), "{kind:?}");
        assert_eq!(place.effects(Effect::HitCreated).await, 2, "{kind:?}");
    }
}

#[tokio::test]
async fn a_lost_approval_is_unknown_and_asking_settles_it() {
    let place = Place::open(Cents(100_000)).await;
    let bonus = place.bonus("order").await;
    place.fault(FaultKind::DropAfter, "ApproveAssignment").await;
    let outcome = place.recruiter.approve(&bonus.assignment_id, "").await;
    assert!(matches!(outcome, Outcome::Unknown(_)));
    let found = place.recruiter.submission(&bonus.assignment_id).await.unwrap().unwrap();
    assert_eq!(found.status, SubmissionStatus::Approved);
    assert_eq!(place.effects(Effect::Approved).await, 1);
}

#[tokio::test]
async fn trouble_before_the_effect_pays_nothing_by_itself() {
    let place = Place::open(Cents(100_000)).await;
    let bonus = place.bonus("order").await;
    place.fault(FaultKind::Throttle, "SendBonus").await;
    assert!(matches!(place.recruiter.bonus(&bonus).await, Outcome::NotNow(_)));
    for kind in [FaultKind::FailBefore, FaultKind::DropBefore] {
        place.fault(kind, "SendBonus").await;
        assert!(matches!(place.recruiter.bonus(&bonus).await, Outcome::Unknown(_)), "{kind:?}");
    }
    assert_eq!(place.effects(Effect::BonusSent).await, 0);
    place.fault(FaultKind::DropBefore, "GetAccountBalance").await;
    assert!(place.recruiter.balance().await.is_ok(), "a question is asked again");
}

#[tokio::test]
async fn too_little_money_is_refused_as_such() {
    let place = Place::open(Cents(200)).await;
    let unit = unit(&place.offer_id().await, "one");
    assert_eq!(kind(&place.recruiter.publish(&unit).await), RefusalKind::Funds);
}

#[tokio::test]
async fn wrong_keys_are_told_apart() {
    let place = Place::open(Cents(200)).await;
    let keys = place.market.create_requester("Another lab", Cents(200)).await.unwrap();
    let secret = SecretString::from("x".repeat(40));
    let words = |adapter: MTurk| async move {
        match adapter.balance().await {
            Err(AskError::Refused(Refusal { kind: RefusalKind::Credentials, words })) => words,
            other => panic!("{other:?}"),
        }
    };
    let wrong_secret = words(adapter(&place.endpoint, &keys.access_key_id, secret.clone())).await;
    assert!(wrong_secret.contains("secret key"), "{wrong_secret}");
    let unknown_key = words(adapter(&place.endpoint, "AKIAUNKNOWNUNKNOWN00", secret)).await;
    assert!(unknown_key.contains("does not know this access key"), "{unknown_key}");
}

#[tokio::test]
async fn the_researchers_own_page_arrives_as_it_was_written() {
    let place = Place::open(Cents(100_000)).await;
    let html = "<!DOCTYPE html><html><body><p>1 < 2 && \"ä\" ]]> end</p></body></html>";
    let task = Task::Html { html: html.into(), height: 600 };
    let unit = Unit { task, ..unit(&place.offer_id().await, "one") };
    let Outcome::Done(published) = place.recruiter.publish(&unit).await else { panic!("published") };
    let page = format!("{}content/{}", place.endpoint.join("/").unwrap(), published.unit_id);
    kernel::outbound::install_tls();
    let shown = reqwest::get(&page).await.unwrap().text().await.unwrap();
    assert!(shown.contains("<p>1 < 2 && \"ä\" ]]> end</p>"), "{shown}");
}
