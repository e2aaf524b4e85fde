//! A database that lives elsewhere than before sends no money until the recruiter's figures were compared.

use market::faults::FaultKind;
use market::journal::Effect;
use otree_hr::app::App;
use otree_hr::jobs::{Reconciler, Step};
use otree_hr::participation::Stage;
use otree_hr::payments::payer::Payer;
use otree_hr::payments::reconcile::Comparer;
use otree_hr::payments::reconcile::moved::{self, CatchingUp};
use otree_hr::studies::State;
use otree_hr::studies::draft::Typed;
use otree_hr::studies::publisher::Publisher;

use super::amnesia::{backup, restore};
use super::{patience, stages, with_bonus};
use crate::support::world::World;

async fn catching_up(world: &World) -> Option<CatchingUp> {
    moved::of_lab(&mut world.app().pool.acquire().await.unwrap(), world.lab.id).await.unwrap()
}

async fn waits(world: &World, study: &otree_hr::studies::Study) -> bool {
    let asked = sqlx::query_scalar("SELECT money_waits($1, $2)").bind(world.lab.id.0).bind(study.id.0);
    asked.fetch_one(&world.app().pool).await.unwrap()
}

async fn pay(app: &App) {
    while Payer(app.clone()).step().await.unwrap() == Step::Worked {}
}

/// As if the database had been put somewhere else; its tables stay.
async fn move_away(world: &World) {
    let moved =
        sqlx::query("UPDATE whereabouts SET home = 'elsewhere'").execute(&world.app().pool).await.unwrap();
    assert_eq!(moved.rows_affected(), 1, "it was written down where it lives");
}

#[tokio::test]
async fn after_a_restore_nothing_is_sent_until_everything_was_compared() {
    let mut world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    let guests = world.submitted(&study, 3, "0.70").await;
    assert_eq!(catching_up(&world).await, None, "it is where it always was");
    world.decide(&study, &guests, &with_bonus()).await;
    let dump = backup(&world);
    restore(&mut world, &dump).await;
    let comparer = Comparer(world.app().clone());
    let mut looks = 0;
    loop {
        pay(world.app()).await;
        assert_eq!(world.journal(Effect::Approved).await.len(), 0, "after {looks} looks");
        assert_eq!(comparer.step().await.unwrap(), Step::Worked);
        looks += 1;
        let Some(behind) = catching_up(&world).await else { break };
        assert_eq!((behind.all, behind.unanswered), (2, 0), "the study and its account");
        let browser = world.lab.browser(world.lab.owner).await;
        let page = browser.get(&format!("{}/money", world.lab.path())).await.body;
        assert!(page.contains(&format!("{} of 2 done", behind.done)), "{page}");
        let page = browser.get(&world.lab.path()).await.body;
        assert!(page.contains("Money waits until"), "{page}");
    }
    assert_eq!(looks, 2);
    pay(world.app()).await;
    assert_eq!(world.journal(Effect::Approved).await.len(), 3);
    patience(&world).await;
    assert_eq!(stages(&world, &guests).await, [Stage::Paid; 3]);
}

#[tokio::test]
async fn no_batch_is_published_either() {
    let world = World::new().await;
    world.quiet().await;
    let study = world.press_publish(&Typed { places: "2".into(), ..world.lab.form() }).await;
    let publisher = Publisher(world.app().clone());
    move_away(&world).await;
    while publisher.step().await.unwrap() == Step::Worked {}
    assert_eq!(world.journal(Effect::HitCreated).await.len(), 0);
    let problem = world.lab.study(study.id).await.problem.unwrap();
    assert!(problem.contains("waits for a comparison"), "{problem}");
    patience(&world).await;
    assert_eq!(world.lab.study(study.id).await.state, State::Open);
    assert_eq!(world.journal(Effect::HitCreated).await.len(), 1);
}

#[tokio::test]
async fn whom_the_recruiter_does_not_answer_for_waits_alone() {
    let world = World::new().await;
    let (first, second) = (world.publish(&world.lab.form()).await, world.publish(&world.lab.form()).await);
    let mark = |what: &'static str, failures: i32| {
        let sql = format!("UPDATE comparison SET caught_up = false, failures = $1 WHERE study_id {what}");
        sqlx::query(sqlx::AssertSqlSafe(sql)).bind(failures)
    };
    patience(&world).await;
    sqlx::query("UPDATE whereabouts SET moved_at = now()").execute(&world.app().pool).await.unwrap();
    let pool = &world.app().pool;
    let ids = "= (SELECT id FROM study ORDER BY created_at, id LIMIT 1)";
    mark(ids, 0).execute(pool).await.unwrap();
    assert_eq!([waits(&world, &first).await, waits(&world, &second).await], [true, true]);
    mark(ids, 1).execute(pool).await.unwrap();
    assert_eq!([waits(&world, &first).await, waits(&world, &second).await], [true, false]);
    assert_eq!(catching_up(&world).await.map(|it| (it.done, it.all, it.unanswered)), Some((2, 3, 1)));
    mark("IS NULL", 1).execute(pool).await.unwrap();
    assert_eq!([waits(&world, &first).await, waits(&world, &second).await], [true, true], "their account");
}

#[tokio::test]
async fn a_comparison_that_never_comes_to_its_end_holds_up_nobody_else() {
    let world = World::new().await;
    let (first, second) = (world.publish(&world.lab.form()).await, world.publish(&world.lab.form()).await);
    patience(&world).await;
    // Whoever compared it is gone, and everybody after them.
    let gone = "UPDATE comparison SET caught_up = false, next_at = $2, lease_token = gen_random_uuid(),
        lease_until = $2::timestamptz - interval '1 second' WHERE study_id = $1";
    let now = world.lab.clock_now();
    sqlx::query(gone).bind(first.id.0).bind(now).execute(&world.app().pool).await.unwrap();
    assert!(waits(&world, &second).await);
    world.trouble(FaultKind::FailBefore, "ListAssignmentsForHIT", 3).await;
    assert_eq!(Comparer(world.app().clone()).step().await.unwrap(), Step::Worked);
    let failures = "SELECT failures::bigint FROM comparison WHERE caught_up = false";
    assert_eq!(world.lab.count(failures).await, 2, "the silent one and the refused one");
    assert_eq!([waits(&world, &first).await, waits(&world, &second).await], [true, false]);
}

#[tokio::test]
async fn it_is_asked_again_until_it_answers() {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    let guests = world.submitted(&study, 2, "0.70").await;
    world.decide(&study, &guests, &with_bonus()).await;
    move_away(&world).await;
    world.trouble(FaultKind::FailBefore, "GetAccountBalance", 3).await;
    world.quiet().await;
    assert_eq!(catching_up(&world).await.map(|it| it.unanswered), Some(1));
    assert_eq!(world.journal(Effect::Approved).await.len(), 0);
    patience(&world).await;
    assert_eq!(catching_up(&world).await, None);
    assert_eq!(stages(&world, &guests).await, [Stage::Paid; 2]);
}
