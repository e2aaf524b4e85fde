//! People who worked without being able to submit, or came when the study was full, are paid once, to the end.

use axum::http::StatusCode;
use chrono::Duration;
use futures_util::future::join_all;
use kernel::money::Cents;
use market::clock::Turn;
use market::engine::assignments::{self, Wanted};
use market::engine::workers;
use market::faults::FaultKind;
use market::journal::Effect;
use otree_hr::participation::{Stage, WorkerId};
use otree_hr::payments::compensation::{self, CompensateError, Compensation, store};
use otree_hr::payments::{Order, OrderState, budget};
use otree_hr::studies::Study;
use otree_hr::studies::draft::Typed;

use super::{approve, patience};
use crate::support::client::Answer;
use crate::support::door::{get, go};
use crate::support::world::{Guest, World};

/// A study whose first worker finished in oTree and let the time to submit pass.
pub(super) async fn unsubmitted() -> (World, Study, Guest) {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    let guest = world.arrive(&study, "Ada").await;
    world.play(&guest, serde_json::json!("0.70".parse::<f64>().unwrap())).await;
    world.later(Duration::seconds(30)).await;
    world.later(Duration::hours(3)).await;
    assert_eq!(world.participation(&guest).await.stage, Stage::FinishedUnsubmitted);
    (world, study, guest)
}

pub(super) async fn worker_of(world: &World, external: &str) -> WorkerId {
    let id = sqlx::query_scalar("SELECT id FROM worker WHERE external_id = $1")
        .bind(external)
        .fetch_one(&world.app().pool)
        .await
        .unwrap();
    WorkerId(id)
}

pub(super) async fn order(
    world: &World,
    study: &Study,
    worker: WorkerId,
    cents: i64,
) -> Result<(), CompensateError> {
    let mut tx = world.app().pool.begin().await?;
    let (now, owner) = (world.lab.clock_now(), world.lab.owner);
    compensation::order(&mut tx, now, study, owner, worker, Cents(cents), "Thank you for your time").await?;
    tx.commit().await?;
    Ok(())
}

pub(super) async fn only(world: &World, study: &Study) -> Compensation {
    let mut conn = world.app().pool.acquire().await.unwrap();
    let mut all = store::of_study(&mut conn, study.id).await.unwrap();
    assert_eq!(all.len(), 1);
    all.remove(0)
}

/// The worker takes the HIT, sees its page, and submits.
pub(super) async fn collect(world: &World, study: &Study, worker: &str) {
    let it = only(world, study).await;
    let hit = it.hit_id.clone().expect("an offered HIT");
    let (mut tx, now) = world.market.begin().await.unwrap();
    let taken =
        assignments::accept(&mut tx, world.market.settings(), now, worker, Wanted::Hit(&hit)).await.unwrap();
    let site = world.app().config.market_url.to_string();
    let asked = serde_urlencoded::to_string([
        ("assignmentId", taken.assignment_id.as_str()),
        ("turkSubmitTo", site.trim_end_matches('/')),
    ]);
    let page = get(world.app(), &format!("/owed/{}?{}", it.code, asked.unwrap())).await;
    assert!(
        page.body.contains("externalSubmit") && page.body.contains(&taken.assignment_id),
        "{}",
        page.body
    );
    let fields = [("compensation".to_owned(), "accepted".to_owned())];
    assignments::submit(&mut tx, now, &taken.assignment_id, Some(worker), &fields).await.unwrap();
    tx.commit().await.unwrap();
}

pub(super) async fn money(world: &World, study: &Study) -> (Cents, Cents) {
    let mut conn = world.app().pool.acquire().await.unwrap();
    let budget = budget::of(&mut conn, study.id, false).await.unwrap();
    (budget.paid, budget.ordered)
}

async fn orders(world: &World, study: &Study) -> Vec<Order> {
    world.orders(study).await
}

async fn press(world: &World, study: &Study, worker: WorkerId, amount: &str) -> Answer {
    let browser = world.lab.browser(world.lab.owner).await;
    let path = format!("{}/studies/{}/compensate", world.lab.path(), study.id);
    let form = browser.get(&format!("{path}?worker={worker}")).await;
    assert_eq!(form.status, StatusCode::OK);
    let worker = worker.to_string();
    browser.post(&path, &[("worker", &worker), ("amount", amount), ("message", "For your time")]).await
}

#[tokio::test]
async fn who_finished_without_submitting_is_paid_in_two_clicks() {
    let (world, study, guest) = unsubmitted().await;
    let browser = world.lab.browser(world.lab.owner).await;
    let list = format!("{}/studies/{}/compensations", world.lab.path(), study.id);
    assert!(browser.get(&list).await.body.contains("finished, never submitted"));
    let worker = worker_of(&world, &guest.worker).await;
    assert_eq!(press(&world, &study, worker, "1.50").await.location(), list);
    assert_eq!(money(&world, &study).await, (Cents(0), Cents(180)), "held from the first moment");
    world.quiet().await;

    // Nothing of this worker was reviewed before, so the recruiter passes no message on.
    let shown = browser.get(&list).await.body;
    assert!(shown.contains("the worker was not told") && shown.contains("The link, to pass on"), "{shown}");
    let (mut tx, now) = world.market.begin().await.unwrap();
    let other = workers::create(&mut tx, now, "Other", "no password").await.unwrap().unwrap().worker_id;
    let hit = only(&world, &study).await.hit_id.unwrap();
    assert!(
        assignments::accept(&mut tx, world.market.settings(), now, &other, Wanted::Hit(&hit)).await.is_err(),
        "for one person only"
    );
    drop(tx);

    collect(&world, &study, &guest.worker).await;
    world.later(Duration::minutes(2)).await;
    world.later(Duration::minutes(2)).await;
    let owed = get(world.app(), &format!("/owed/{}", only(&world, &study).await.code)).await;
    assert!(owed.body.contains("This payment was made"), "{}", owed.body);
    assert_eq!(orders(&world, &study).await[0].state, OrderState::Done);
    assert_eq!(money(&world, &study).await, (Cents(180), Cents(0)));
    let approved = world.journal(Effect::Approved).await;
    assert_eq!((approved.len(), approved[0].amount), (1, Some(Cents(150))));
    assert_eq!(world.journal(Effect::QualificationTypeDeleted).await.len(), 1);
    assert!(only(&world, &study).await.ended_at.is_some());
    assert!(browser.get(&list).await.body.contains("badge good"));
}

#[tokio::test]
async fn who_was_reviewed_before_gets_a_message_with_the_link() {
    let (world, first, ada) = unsubmitted().await;
    let second = world.publish(&Typed { title: "Another study".into(), ..world.lab.form() }).await;
    // The same person submits in the second study, and that work is approved.
    let (mut tx, now) = world.market.begin().await.unwrap();
    let group = Wanted::Group(second.hit_type_id.as_deref().unwrap());
    let taken = assignments::accept(&mut tx, world.market.settings(), now, &ada.worker, group).await.unwrap();
    tx.commit().await.unwrap();
    get(world.app(), &go(&second.code, &taken.hit_id, &ada.worker, &taken.assignment_id)).await;
    let id = world.participation_of(&taken.assignment_id).await;
    let (assignment, hit) = (taken.assignment_id, taken.hit_id);
    let again = Guest { page: String::new(), id, worker: ada.worker.clone(), assignment, hit };
    world.submit(&again).await;
    world.later(Duration::seconds(30)).await;
    world.decide(&second, &[again], &approve()).await;
    world.quiet().await;

    order(&world, &first, worker_of(&world, &ada.worker).await, 100).await.unwrap();
    world.quiet().await;
    let it = only(&world, &first).await;
    assert!(it.told_at.is_some() && it.tell_problem.is_none(), "{it:?}");
    let text: String = sqlx::query_scalar("SELECT body FROM market.message ORDER BY seq DESC LIMIT 1")
        .fetch_one(world.market.pool())
        .await
        .unwrap();
    assert!(text.contains(&it.offer_id.unwrap()) && text.contains("$1.00"), "{text}");
    assert_eq!(world.journal(Effect::WorkerNotified).await.len(), 1);
}

#[tokio::test]
async fn who_came_when_the_study_was_full_is_paid_for_coming() {
    let world = World::new().await;
    let form = Typed { places: "1".into(), batch_size: "1".into(), spares: "0".into(), ..world.lab.form() };
    let study = world.publish(&form).await;
    let guest = world.arrive(&study, "Ada").await;
    let (mut tx, now) = world.market.begin().await.unwrap();
    let late = workers::create(&mut tx, now, "Late", "no password").await.unwrap().unwrap().worker_id;
    tx.commit().await.unwrap();
    let told = get(world.app(), &go(&study.code, &guest.hit, &late, "3LATE")).await;
    assert!(told.body.contains("All places are taken"), "{}", told.body);
    let worker = worker_of(&world, &late).await;
    assert!(
        order(&world, &study, worker_of(&world, &guest.worker).await, 25).await.is_err(),
        "who has a seat"
    );
    order(&world, &study, worker, 25).await.unwrap();
    world.quiet().await;
    collect(&world, &study, &late).await;
    world.later(Duration::minutes(2)).await;
    world.later(Duration::minutes(2)).await;
    assert_eq!(money(&world, &study).await, (Cents(30), Cents(0)));
    let stage = "SELECT count(*) FROM participation WHERE stage = 'returned' AND seat_number IS NULL";
    assert_eq!(world.lab.count(stage).await, 1, "a person of the study, without a seat");
}

/// One compensation to its end, for each way in which the answer to the first call of this operation is lost.
async fn one_of_everything(operation: &str) {
    for fault in [FaultKind::DropAfter, FaultKind::FailAfter, FaultKind::DropBefore, FaultKind::Throttle] {
        let (world, study, guest) = unsubmitted().await;
        world.trouble(fault, operation, 1).await;
        order(&world, &study, worker_of(&world, &guest.worker).await, 100).await.unwrap();
        patience(&world).await;
        collect(&world, &study, &guest.worker).await;
        patience(&world).await;
        let what = format!("{operation} {fault:?}");
        assert_eq!(money(&world, &study).await, (Cents(120), Cents(0)), "{what}");
        for (effect, times) in [
            (Effect::QualificationTypeCreated, 1),
            (Effect::HitCreated, 3),
            (Effect::Approved, 1),
            (Effect::QualificationTypeDeleted, 1),
        ] {
            assert_eq!(world.journal(effect).await.len(), times, "{what} {effect:?}");
        }
        assert!(world.journal(Effect::WorkerNotified).await.len() <= 1, "{what}");
        assert!(only(&world, &study).await.ended_at.is_some(), "{what}");
    }
}

#[tokio::test]
async fn a_lost_answer_leaves_one_qualification() {
    one_of_everything("CreateQualificationType").await;
}

#[tokio::test]
async fn a_lost_answer_grants_it_once() {
    one_of_everything("AssociateQualificationWithWorker").await;
}

#[tokio::test]
async fn a_lost_answer_leaves_one_offer() {
    one_of_everything("CreateHITType").await;
}

#[tokio::test]
async fn a_lost_answer_leaves_one_hit() {
    one_of_everything("CreateHITWithHITType").await;
}

#[tokio::test]
async fn a_lost_answer_leaves_one_message_at_most() {
    one_of_everything("NotifyWorkers").await;
}

#[tokio::test]
async fn a_lost_answer_pays_once() {
    one_of_everything("ApproveAssignment").await;
}

#[tokio::test]
async fn a_lost_answer_takes_the_qualification_away_once() {
    one_of_everything("DeleteQualificationType").await;
}

#[tokio::test]
async fn what_nobody_collects_ends_and_its_money_is_free_again() {
    let (world, study, guest) = unsubmitted().await;
    order(&world, &study, worker_of(&world, &guest.worker).await, 100).await.unwrap();
    world.quiet().await;
    world.market.set_clock(Turn::Step(Duration::days(15))).await.unwrap();
    world.market.tick().await.unwrap();
    world.lab.clock.advance(Duration::days(15));
    world.quiet().await;
    let order = orders(&world, &study).await.remove(0);
    assert_eq!(order.state, OrderState::Refused);
    assert!(order.problem.unwrap().contains("did not collect"));
    assert_eq!(money(&world, &study).await, (Cents(0), Cents(0)));
    assert_eq!(world.journal(Effect::Approved).await.len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_clicks_are_one_compensation() {
    let (world, study, guest) = unsubmitted().await;
    let worker = worker_of(&world, &guest.worker).await;
    let clicks = (0..20).map(|_| order(&world, &study, worker, 100));
    let placed = join_all(clicks).await.into_iter().filter(Result::is_ok).count();
    assert_eq!(placed, 1);
    let again = press(&world, &study, worker, "1.00").await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert!(again.body.contains("being compensated already"), "{}", again.body);
    world.quiet().await;
    assert_eq!(world.journal(Effect::QualificationTypeCreated).await.len(), 1);
}

#[tokio::test]
async fn limits_hold_and_other_labs_find_nobody() {
    let (world, study, guest) = unsubmitted().await;
    let worker = worker_of(&world, &guest.worker).await;
    let large = press(&world, &study, worker, "6.01").await;
    assert_eq!(large.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(large.body.contains("id=\"amount-error\"") && large.body.contains("6.01"), "{}", large.body);
    let said = async |cents, words: &str| {
        let mut tx = world.app().pool.begin().await.unwrap();
        let (now, owner) = (world.lab.clock_now(), world.lab.owner);
        compensation::order(&mut tx, now, &study, owner, worker, Cents(cents), words).await.map(drop)
    };
    let (longest, longer) = ("x".repeat(compensation::LONGEST), "x".repeat(compensation::LONGEST + 1));
    assert!(said(600, &longest).await.is_ok(), "reward and largest bonus, and the longest message");
    assert!(matches!(said(601, "Hello").await, Err(CompensateError::Amount(_))));
    assert!(matches!(said(0, "Hello").await, Err(CompensateError::Amount(_))));
    for words in [longer.as_str(), "  ", ""] {
        assert!(
            matches!(said(100, words).await, Err(CompensateError::Message)),
            "{} characters",
            words.len()
        );
    }
    sqlx::query("UPDATE study SET budget_cents = 100").execute(&world.app().pool).await.unwrap();
    let poor = world.lab.study(study.id).await;
    assert_eq!(press(&world, &poor, worker, "1.00").await.status, StatusCode::CONFLICT);

    let neighbour = world.lab.neighbour("second").await;
    let theirs = neighbour.draft(&neighbour.form()).await;
    let browser = neighbour.browser(neighbour.owner).await;
    let fields = [("worker", worker.to_string()), ("amount", "1.00".into()), ("message", "Hello".into())];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let path = format!("{}/studies/{}/compensate", neighbour.path(), theirs.id);
    assert_eq!(browser.post(&path, &fields).await.status, StatusCode::BAD_REQUEST);
    let path = format!("{}/studies/{}/compensate", world.lab.path(), study.id);
    assert_eq!(browser.post(&path, &fields).await.status, StatusCode::NOT_FOUND);
    assert_eq!(world.lab.count("SELECT count(*) FROM payment_order").await, 0);
}

#[tokio::test]
async fn without_accepting_the_page_offers_nothing_to_press() {
    let (world, study, guest) = unsubmitted().await;
    order(&world, &study, worker_of(&world, &guest.worker).await, 100).await.unwrap();
    let it = only(&world, &study).await;
    let site = "turkSubmitTo=http%3A%2F%2Fevil.example";
    for query in ["", "?assignmentId=ASSIGNMENT_ID_NOT_AVAILABLE", &format!("?assignmentId=3A&{site}")] {
        let page = get(world.app(), &format!("/owed/{}{query}", it.code)).await;
        assert!(page.body.contains("Accept this HIT first") && !page.body.contains("<form"), "{}", page.body);
    }
    assert_eq!(get(world.app(), "/owed/nothing").await.status, StatusCode::NOT_FOUND);
}
