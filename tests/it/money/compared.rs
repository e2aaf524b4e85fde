//! Our books beside the recruiter's figures: what happens there behind our back is found and shown.

use chrono::Duration;
use kernel::money::Cents;
use market::engine::assignments::{self, Wanted};
use market::engine::bonuses::{self, NewBonus};
use market::engine::workers;
use market::journal::Effect;
use otree_hr::connections;
use otree_hr::participation::Stage;
use otree_hr::payments::reconcile::compare::DifferenceKind;
use otree_hr::payments::reconcile::{Difference, differences};
use otree_hr::payments::{Kind, OrderState};
use otree_hr::recruiters::{Offer, Outcome, Task, Unit};
use otree_hr::studies::draft::Typed;
use otree_hr::studies::{Study, batches};

use super::{approve, auto_approve, patience, stages, with_bonus};
use crate::support::ledger;
use crate::support::world::{Guest, World};

async fn found(world: &World) -> Vec<Difference> {
    let mut conn = world.app().pool.acquire().await.unwrap();
    let mut all = differences::list(&mut conn, world.lab.id, None).await.unwrap();
    all.retain(|one| one.resolved_at.is_none());
    all
}

async fn kinds(world: &World) -> Vec<DifferenceKind> {
    found(world).await.into_iter().map(|one| one.kind).collect()
}

/// Somebody takes this HIT at the marketplace and submits it without opening our page.
async fn unseen(world: &World, hit: &str, worker: &str) -> String {
    let (mut tx, now) = world.market.begin().await.unwrap();
    let taken =
        assignments::accept(&mut tx, world.market.settings(), now, worker, Wanted::Hit(hit)).await.unwrap();
    let fields = [("code".to_owned(), "none".to_owned())];
    assignments::submit(&mut tx, now, &taken.assignment_id, None, &fields).await.unwrap();
    tx.commit().await.unwrap();
    taken.assignment_id
}

async fn worker(world: &World, name: &str) -> String {
    let (mut tx, now) = world.market.begin().await.unwrap();
    let worker = workers::create(&mut tx, now, name, "no password").await.unwrap().unwrap();
    tx.commit().await.unwrap();
    worker.worker_id
}

async fn hits(world: &World, study: &Study) -> Vec<String> {
    let mut conn = world.app().pool.acquire().await.unwrap();
    let all = batches::of_study(&mut conn, study.id).await.unwrap();
    all.into_iter().map(|batch| batch.hit_id.unwrap()).collect()
}

async fn bonus_by_hand(world: &World, guest: &Guest, cents: i64) {
    let (mut tx, now) = world.market.begin().await.unwrap();
    let new = NewBonus {
        worker_id: guest.worker.clone(),
        assignment_id: guest.assignment.clone(),
        amount: Cents(cents),
        reason: "By hand".into(),
        token: None,
    };
    bonuses::send(&mut tx, now, &world.requester, &world.market.settings().fees, &new).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn while_the_figures_agree_nothing_is_said() {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    let guests = world.submitted(&study, 3, "0.70").await;
    world.decide(&study, &guests, &with_bonus()).await;
    patience(&world).await;
    assert_eq!(stages(&world, &guests).await, [Stage::Paid; 3]);
    assert_eq!(kinds(&world).await, []);
    let looks = world.lab.count("SELECT count(*) FROM comparison WHERE compared_at IS NOT NULL").await;
    assert_eq!(looks, 2, "the study and its account were compared");
    let browser = world.lab.browser(world.lab.owner).await;
    let page = browser.get(&format!("{}/studies/{}/differences", world.lab.path(), study.id)).await;
    assert!(page.body.contains("Nothing differs") && page.body.contains("$2.10"), "{}", page.body);
    assert!(!page.body.contains("badge warn"), "{}", page.body);
}

#[tokio::test]
async fn a_bonus_paid_by_hand_is_shown_until_somebody_acknowledges_it() {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    let guests = world.submitted(&study, 1, "0.70").await;
    bonus_by_hand(&world, &guests[0], 55).await;
    patience(&world).await;
    let open = found(&world).await;
    let bonus = open.iter().find(|one| one.kind == DifferenceKind::BonusElsewhere).expect("a bonus");
    assert_eq!(bonus.cents, Some(Cents(55)));

    let browser = world.lab.browser(world.lab.owner).await;
    let path = format!("{}/studies/{}", world.lab.path(), study.id);
    let live = browser.get(&format!("{path}/live")).await;
    assert!(live.body.contains("differ from our books"), "a badge on the study: {}", live.body);
    let empty =
        browser.post(&format!("{}/differences/{}", world.lab.path(), bonus.id), &[("note", "")]).await;
    assert!(empty.location().ends_with("/differences"));
    assert!(found(&world).await.iter().any(|one| one.id == bonus.id && one.open()));
    let note = [("note", "Paid on the site, for help.")];
    browser.post(&format!("{}/differences/{}", world.lab.path(), bonus.id), &note).await;
    patience(&world).await;
    assert!(found(&world).await.iter().all(|one| one.id != bonus.id || !one.open()), "the note stands");
    assert_eq!(written_off(&world).await, 55, "what somebody accepted is in the books");

    bonus_by_hand(&world, &guests[0], 20).await;
    patience(&world).await;
    let open = found(&world).await;
    let fresh: Vec<_> =
        open.iter().filter(|one| one.kind == DifferenceKind::BonusElsewhere && one.open()).collect();
    assert_eq!(fresh.len(), 1, "another bonus is another difference: {open:?}");
    assert_eq!(fresh[0].cents, Some(Cents(20)));
    assert_eq!(written_off(&world).await, 55, "nobody has accepted that one");
    let page = browser.get(&format!("{}/money", world.lab.path())).await;
    assert!(page.body.contains("$0.55"), "{}", page.body);
    // The figures agree again, or become others: the note was about what is no more.
    let resolved = "UPDATE difference SET resolved_at = now() WHERE id = $1";
    sqlx::query(resolved).bind(bonus.id).execute(&world.app().pool).await.unwrap();
    assert_eq!(written_off(&world).await, 0);
    ledger::check(&world).await;
}

async fn written_off(world: &World) -> i64 {
    let sql = "SELECT coalesce(sum(cents), 0)::bigint FROM ledger_posting WHERE account = 'written_off'";
    sqlx::query_scalar(sql).fetch_one(&world.app().pool).await.unwrap()
}

#[tokio::test]
async fn a_stranger_is_in_review_and_on_the_books_like_everybody() {
    let world = World::new().await;
    let form = Typed { places: "1".into(), batch_size: "1".into(), ..world.lab.form() };
    let study = world.publish(&form).await;
    let hit = hits(&world, &study).await.remove(0);
    let stranger = worker(&world, "Stranger").await;
    let assignment = unseen(&world, &hit, &stranger).await;
    world.later(Duration::minutes(6)).await;
    assert_eq!(kinds(&world).await, [DifferenceKind::Stranger]);
    let id = world.participation_of(&assignment).await;
    let guests = [Guest { page: String::new(), id, worker: stranger, assignment, hit }];
    assert_eq!(stages(&world, &guests).await, [Stage::SubmittedUnfinished]);
    world.decide(&study, &guests, &approve()).await;
    patience(&world).await;
    assert_eq!(stages(&world, &guests).await, [Stage::Paid]);
    assert_eq!(kinds(&world).await, [], "settled by itself");
    assert_eq!(world.journal(Effect::Approved).await.len(), 1);
}

#[tokio::test]
async fn a_second_submission_is_shown_and_its_cost_is_booked() {
    let world = World::new().await;
    let form = Typed { places: "2".into(), batch_size: "1".into(), ..world.lab.form() };
    let study = world.publish(&form).await;
    let guest = world.submitted(&study, 1, "0.70").await.remove(0);
    let other = hits(&world, &study).await.into_iter().find(|hit| *hit != guest.hit).unwrap();
    unseen(&world, &other, &guest.worker).await;
    auto_approve(&world).await;
    patience(&world).await;
    let open = found(&world).await;
    let second = open.iter().find(|one| one.kind == DifferenceKind::SecondSubmission).expect("a difference");
    assert_eq!(second.cents, Some(Cents(120)));
    let orders = world.orders(&study).await;
    let extra: Vec<_> = orders.iter().filter(|order| order.kind == Kind::Extra).collect();
    assert_eq!((extra.len(), extra[0].state, extra[0].amount), (1, OrderState::Done, Cents(100)));
}

#[tokio::test]
async fn a_hit_that_was_deleted_there_is_noticed_closed_and_polled_no_more() {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    let hit = hits(&world, &study).await.remove(0);
    world.arrive(&study, "Ada").await;
    sqlx::query("UPDATE market.hit SET disposed_at = now() WHERE hit_id = $1")
        .bind(&hit)
        .execute(world.market.pool())
        .await
        .unwrap();
    world.later(Duration::minutes(6)).await;
    let gone = "SELECT count(*) FROM batch WHERE gone_at IS NOT NULL AND state = 'done'";
    assert_eq!(world.lab.count(gone).await, 0, "it may only flicker");
    patience(&world).await;
    assert_eq!(world.lab.count(gone).await, 1);
    assert_eq!(kinds(&world).await, [DifferenceKind::HitGone]);
    let left = "SELECT count(*) FROM participation WHERE stage = 'returned'";
    assert_eq!(world.lab.count(left).await, 1, "nobody can submit to it any more");
    let polled: chrono::DateTime<chrono::Utc> =
        sqlx::query_scalar("SELECT polled_at FROM batch WHERE gone_at IS NOT NULL")
            .fetch_one(&world.app().pool)
            .await
            .unwrap();
    world.later(Duration::hours(2)).await;
    let after: chrono::DateTime<chrono::Utc> =
        sqlx::query_scalar("SELECT polled_at FROM batch WHERE gone_at IS NOT NULL")
            .fetch_one(&world.app().pool)
            .await
            .unwrap();
    assert_eq!(polled, after);
}

#[tokio::test]
async fn a_hit_that_was_taken_off_the_list_there_is_noticed() {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    let hit = hits(&world, &study).await.remove(0);
    let recruiter = connections::recruiter(world.app(), study.connection_id).await.unwrap();
    assert_eq!(recruiter.expire(&hit).await, Outcome::Done(()));
    world.later(Duration::minutes(6)).await;
    world.later(Duration::minutes(6)).await;
    let open = found(&world).await;
    assert_eq!(open.iter().map(|one| one.kind).collect::<Vec<_>>(), [DifferenceKind::HitExpired]);
    assert_eq!(open[0].subject, hit);
}

#[tokio::test]
async fn a_hit_with_our_kind_of_mark_that_nobody_knows_is_found_within_minutes() {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    let recruiter = connections::recruiter(world.app(), study.connection_id).await.unwrap();
    let offer = Offer {
        title: "Lost".into(),
        description: "Lost".into(),
        keywords: String::new(),
        reward: Cents(50),
        duration_s: 600,
        auto_approve_s: 600,
        qualifications: serde_json::json!([]),
    };
    let Outcome::Done(offer_id) = recruiter.register(&offer).await else { panic!("not registered") };
    for mark in [uuid::Uuid::now_v7().to_string(), "a colleague's".to_owned()] {
        let task = Task::Frame { url: world.base.join("/go/x").unwrap().into(), height: 0 };
        let (places, lifetime_s, token) = (3, 600, mark.clone());
        let unit = Unit { offer_id: offer_id.clone(), task, places, lifetime_s, mark, token };
        assert!(matches!(recruiter.publish(&unit).await, Outcome::Done(_)));
    }
    world.later(Duration::minutes(6)).await;
    assert_eq!(kinds(&world).await, [], "told in one place");
    let browser = world.lab.browser(world.lab.owner).await;
    let page = browser.get(&format!("{}/money", world.lab.path())).await;
    assert!(page.body.contains("HITs that this server does not know"), "{}", page.body);
    assert_eq!(page.body.matches("<td>Lost</td>").count(), 1, "not the colleague's: {}", page.body);
}

#[tokio::test]
async fn a_recruiter_that_does_not_answer_is_said_and_asked_again() {
    let world = World::new().await;
    world.publish(&world.lab.form()).await;
    world.trouble(market::faults::FaultKind::FailBefore, "GetAccountBalance", 3).await;
    world.later(Duration::minutes(6)).await;
    let waiting = "SELECT count(*) FROM comparison WHERE problem IS NOT NULL";
    assert_eq!(world.lab.count(waiting).await, 1);
    let browser = world.lab.browser(world.lab.owner).await;
    let page = browser.get(&format!("{}/differences", world.lab.path())).await;
    assert!(page.body.contains("The last look was not answered"), "{}", page.body);
    patience(&world).await;
    assert_eq!(world.lab.count(waiting).await, 0);
}
