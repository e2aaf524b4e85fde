//! An older backup is restored: the marketplace remembers, the product does not, and nobody is paid twice.

use std::process::{Command, Stdio};

use chrono::Duration;
use kernel::money::Cents;
use market::journal::Effect;
use otree_hr::participation::Stage;
use otree_hr::payments::amnesia::{self, Answer};
use otree_hr::payments::{Kind, OrderState};
use otree_hr::review::Decision;
use otree_hr::studies::State;
use otree_hr::studies::draft::Typed;
use otree_hr::studies::publisher::strays;
use sqlx::ConnectOptions;

use super::{patience, with_bonus};
use crate::support::world::{Guest, World};
use crate::support::{books, ledger};

fn tool(name: &str, world: &World) -> Command {
    let mut command = Command::new(kernel::db::find_binaries().unwrap().join(name));
    let mut url = world.app().pool.connect_options().to_url_lossy();
    // The tools know fewer words than the library.
    let known: Vec<(String, String)> =
        url.query_pairs().filter(|(key, _)| key == "host").map(|(k, v)| (k.into(), v.into())).collect();
    url.query_pairs_mut().clear().extend_pairs(known);
    command.arg(url.to_string());
    command
}

/// The product's tables as they are now, as `pg_dump` writes them. The marketplace's are not among them.
pub fn backup(world: &World) -> Vec<u8> {
    let dump = tool("pg_dump", world).arg("--schema=public").output().unwrap();
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    dump.stdout
}

/// Puts the tables back, and starts the product again on them.
pub async fn restore(world: &mut World, dump: &[u8]) {
    let gone = "DROP SCHEMA public CASCADE; CREATE SCHEMA public";
    sqlx::raw_sql(gone).execute(world.market.pool()).await.unwrap();
    // The dump may say again that the schema exists.
    let text = String::from_utf8(dump.to_vec()).unwrap().replace("CREATE SCHEMA public;", "");
    let mut psql = tool("psql", world)
        .args(["-qX", "-v", "ON_ERROR_STOP=1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut psql.stdin.take().unwrap(), text.as_bytes()).unwrap();
    assert!(psql.wait().unwrap().success());
    world.lab.app = world.lab.another_process().await;
}

async fn held(world: &World) -> Vec<amnesia::Held> {
    amnesia::held(&mut world.app().pool.acquire().await.unwrap(), world.lab.id).await.unwrap()
}

async fn say(world: &World, held: &amnesia::Held, answer: Answer) {
    let mut tx = world.app().pool.begin().await.unwrap();
    let now = world.lab.clock_now();
    assert!(amnesia::answer(&mut tx, now, world.lab.id, held.id, answer).await.unwrap().is_some());
    assert!(amnesia::answer(&mut tx, now, world.lab.id, held.id, answer).await.unwrap().is_none(), "once");
    tx.commit().await.unwrap();
}

async fn bonuses(world: &World, guest: &Guest) -> usize {
    let all = world.journal(Effect::BonusSent).await;
    all.iter().filter(|entry| entry.assignment_id.as_ref() == Some(&guest.assignment)).count()
}

#[tokio::test]
async fn bonuses_paid_since_the_backup_are_not_paid_again() {
    let mut world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    let guests = world.submitted(&study, 3, "0.70").await;
    let dump = backup(&world);
    assert_eq!(world.decide(&study, &guests, &with_bonus()).await, 6);
    world.quiet().await;
    assert_eq!(world.journal(Effect::BonusSent).await.len(), 3);
    // A day later, when every token is forgotten.
    world.market.set_clock(market::clock::Turn::Step(Duration::hours(25))).await.unwrap();
    world.lab.clock.advance(Duration::hours(25));
    restore(&mut world, &dump).await;
    assert_eq!(world.orders(&study).await.len(), 0, "the restored database knows nothing of it");

    patience(&world).await;
    let bonus = Decision::Bonus { amount: None, words: "Bonus".into() };
    assert_eq!(world.decide(&study, &guests, &bonus).await, 3, "the researcher orders the same again");
    patience(&world).await;
    assert_eq!(world.journal(Effect::BonusSent).await.len(), 3, "nobody is paid twice");
    let waiting = held(&world).await;
    assert_eq!(waiting.len(), 3, "each is shown to a person");
    assert!(waiting.iter().all(|one| one.others == 1 && one.amount == Cents(70)));
    let orders = world.orders(&study).await;
    let problem = orders.iter().find(|o| o.kind == Kind::Bonus).unwrap().problem.clone().unwrap();
    assert!(problem.contains("lists $0.70") && problem.contains("restored"), "{problem}");

    say(&world, &waiting[0], Answer::Same).await;
    say(&world, &waiting[1], Answer::PayToo).await;
    say(&world, &waiting[2], Answer::Drop).await;
    patience(&world).await;
    assert_eq!(held(&world).await.len(), 0);
    let mut times = Vec::new();
    for guest in &guests {
        times.push(bonuses(&world, guest).await);
    }
    times.sort_unstable();
    assert_eq!(times, [1, 1, 2], "one more, because a person said so");
    let states: Vec<OrderState> =
        world.orders(&study).await.iter().filter(|o| o.kind == Kind::Bonus).map(|o| o.state).collect();
    assert_eq!(states, [OrderState::Done, OrderState::Done, OrderState::Refused]);
    ledger::check(&world).await;
}

#[tokio::test]
async fn orders_sent_since_the_backup_are_booked_and_not_sent_again() {
    let mut world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    let guests = world.submitted(&study, 3, "0.70").await;
    world.decide(&study, &guests, &with_bonus()).await;
    let dump = backup(&world);
    world.quiet().await;
    assert_eq!(world.journal(Effect::BonusSent).await.len(), 3);
    world.market.set_clock(market::clock::Turn::Step(Duration::hours(25))).await.unwrap();
    world.lab.clock.advance(Duration::hours(25));
    restore(&mut world, &dump).await;
    assert!(world.orders(&study).await.iter().all(|order| order.first_sent_at.is_none()));

    patience(&world).await;
    assert_eq!(world.journal(Effect::BonusSent).await.len(), 3);
    for guest in &guests {
        assert_eq!(world.participation(guest).await.stage, Stage::Paid);
    }
    books::settled(&world, &study).await;
}

#[tokio::test]
async fn a_bonus_paid_by_hand_holds_ours_until_somebody_has_looked() {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    let guests = world.submitted(&study, 1, "0.70").await;
    world.decide(&study, &guests, &with_bonus()).await;
    let recruiter = otree_hr::connections::recruiter(world.app(), world.lab.connection).await.unwrap();
    let by_hand = otree_hr::recruiters::Bonus {
        worker_id: guests[0].worker.clone(),
        assignment_id: guests[0].assignment.clone(),
        amount: Cents(33),
        reason: "Sorry for the trouble".into(),
        token: "by hand".into(),
    };
    assert_eq!(recruiter.bonus(&by_hand).await, otree_hr::recruiters::Outcome::Done(()));
    patience(&world).await;
    assert_eq!(bonuses(&world, &guests[0]).await, 1);
    let waiting = held(&world).await;
    say(&world, &waiting[0], Answer::PayToo).await;
    patience(&world).await;
    assert_eq!(bonuses(&world, &guests[0]).await, 2);
    assert_eq!(world.participation(&guests[0]).await.stage, Stage::Paid);
}

#[tokio::test]
async fn batches_published_since_the_backup_are_found_and_not_published_again() {
    let mut world = World::new().await;
    let study = world.press_publish(&world.lab.form()).await;
    let dump = backup(&world);
    world.quiet().await;
    assert_eq!(world.journal(Effect::HitCreated).await.len(), 2);
    world.market.set_clock(market::clock::Turn::Step(Duration::hours(25))).await.unwrap();
    world.lab.clock.advance(Duration::hours(25));
    restore(&mut world, &dump).await;
    patience(&world).await;
    assert_eq!(world.journal(Effect::HitCreated).await.len(), 2);
    assert_eq!(world.lab.study(study.id).await.state, State::Open);
    books::check(&world, &study).await;
}

#[tokio::test]
async fn a_study_that_is_a_draft_again_waits_for_a_person_before_it_is_published_twice() {
    let mut world = World::new().await;
    let form = Typed { places: "2".into(), ..world.lab.form() };
    let study = world.lab.draft(&form).await;
    let dump = backup(&world);
    let publish = async |world: &World| {
        let study = world.lab.study(study.id).await;
        let mut tx = world.app().pool.begin().await.unwrap();
        assert!(otree_hr::studies::publish(&mut tx, &study, world.lab.clock_now()).await.unwrap());
        tx.commit().await.unwrap();
        world.quiet().await;
    };
    publish(&world).await;
    assert_eq!(world.journal(Effect::HitCreated).await.len(), 1);
    restore(&mut world, &dump).await;
    publish(&world).await;
    assert_eq!(world.journal(Effect::HitCreated).await.len(), 1, "not a second time");
    let problem = world.lab.study(study.id).await.problem.unwrap();
    assert!(problem.contains("1 HITs of this very offer"), "{problem}");

    let mut tx = world.app().pool.begin().await.unwrap();
    let shown = strays::unseen(&mut tx, world.lab.id).await.unwrap();
    assert_eq!((shown.len(), shown[0].places), (1, 2));
    let now = world.lab.clock_now();
    assert_eq!(strays::seen(&mut tx, world.lab.id, world.lab.owner, now).await.unwrap(), 1);
    tx.commit().await.unwrap();
    patience(&world).await;
    assert_eq!(world.lab.study(study.id).await.state, State::Open);
    assert_eq!(world.journal(Effect::HitCreated).await.len(), 2);
}

#[tokio::test]
async fn strays_are_found_although_nothing_is_published() {
    let mut world = World::new().await;
    let dump = backup(&world);
    world.publish(&world.lab.form()).await;
    restore(&mut world, &dump).await;
    world.quiet().await;
    let unseen = async |world: &World| {
        strays::unseen(&mut world.app().pool.acquire().await.unwrap(), world.lab.id).await.unwrap().len()
    };
    assert_eq!(unseen(&world).await, 0);
    world.later(Duration::hours(21)).await;
    assert_eq!(unseen(&world).await, 2);
}
