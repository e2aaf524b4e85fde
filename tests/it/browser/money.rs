//! Money as people handle it in a browser: many approvals at once, an order that nobody knows, a file of bonuses.
//! Real marketplace; its journal is the truth about what was paid.

use chrono::Duration;
use fantoccini::Locator;
use kernel::money::Cents;
use market::faults::FaultKind;
use market::journal::Effect;
use otree_hr::jobs::{Reconciler, Step};
use otree_hr::participation::Stage;
use otree_hr::payments::payer::Payer;
use otree_hr::payments::{Kind, OrderState};
use otree_hr::review::Decision;
use otree_hr::studies::Study;
use otree_hr::studies::draft::Typed;

use super::worker_site::without_fault;
use crate::support::books;
use crate::support::browser::{Driver, Person};
use crate::support::ledger;
use crate::support::world::World;

const ORDERS: &str = "SELECT count(*) FROM payment_order";

/// The lab's owner, at this page of the study.
async fn owner(driver: &Driver, world: &World, study: &Study, page: &str) -> Person {
    let person = driver.person().await;
    let session = world.lab.session(world.lab.owner).await;
    person.log_in_with(world.base.as_str(), &session.to_string()).await;
    person.open(&address(world, study, page)).await;
    person
}

fn address(world: &World, study: &Study, page: &str) -> String {
    let path = format!("{}/studies/{}{page}", world.lab.path(), study.id);
    world.base.join(&path).unwrap().to_string()
}

async fn sent(world: &World) -> (usize, Cents) {
    let bonuses = world.journal(Effect::BonusSent).await;
    (bonuses.len(), bonuses.iter().filter_map(|entry| entry.amount).sum())
}

#[tokio::test]
async fn fifty_people_are_approved_and_paid_after_a_confirmation() {
    let world = World::with_balance(Cents(1_000_000)).await;
    let form = Typed { places: "50".into(), batch_size: "9".into(), ..world.lab.form() };
    let study = world.publish(&form).await;
    let guests = world.submitted(&study, 50, "0.70").await;
    let driver = Driver::start();
    let ada = owner(&driver, &world, &study, "/review").await;
    ada.press("Many at once").await;
    ada.tick("#approve_all_but input[name=with_bonus]").await;
    ada.picture("bulk").await;
    ada.click("#approve_all_but button.secondary").await;

    // Everybody and the sum before anything is done: fifty times 1.00 + 0.20 and 0.70 + 0.14.
    ada.see("50 people, $102.00 with fees. Nothing has been done yet.").await;
    assert_eq!(ada.count("tbody tr").await, 50);
    ada.picture("bulk-confirm").await;
    // Somebody else has come as far.
    let bert = owner(&driver, &world, &study, "/bulk").await;
    bert.tick("#approve_all_but input[name=with_bonus]").await;
    bert.click("#approve_all_but button.secondary").await;
    bert.see("50 people, $102.00 with fees. Nothing has been done yet.").await;
    assert_eq!(world.lab.count(ORDERS).await, 0);
    ada.press("Approve 50 people for $102.00").await;
    ada.see("100 orders were placed, $102.00 with fees").await;
    assert_eq!(world.lab.count(ORDERS).await, 100);
    bert.press("Approve 50 people for $102.00").await;
    bert.see("so nothing was done. Please look again.").await;
    bert.leave().await;
    assert_eq!(world.lab.count(ORDERS).await, 100);

    for _ in 0..3 {
        world.later(Duration::minutes(6)).await;
    }
    books::settled(&world, &study).await;
    assert_eq!(world.journal(Effect::Approved).await.len(), 50);
    assert_eq!(sent(&world).await, (50, Cents(3500)));
    for guest in &guests {
        assert_eq!(world.participation(guest).await.stage, Stage::Paid);
    }
    ada.open(&address(&world, &study, "/review?stage=paid")).await;
    assert_eq!(ada.count("table.people tbody tr").await, 50);
    ada.picture("bulk-paid").await;
    ada.leave().await;
}

/// A bonus whose answer was lost, at a recruiter that did not tell what became of it.
async fn unknown_bonus(world: &World) -> Study {
    let study = world.publish(&world.lab.form()).await;
    let guests = world.submitted(&study, 1, "0.70").await;
    world.trouble(FaultKind::DropAfter, "SendBonus", 1).await;
    let decision = Decision::ApproveWithBonus { feedback: String::new(), amount: None };
    world.decide(&study, &guests, &decision).await;
    let payer = Payer(world.app().clone());
    while payer.step().await.unwrap() == Step::Worked {}
    world.trouble(FaultKind::FailBefore, "ListBonusPayments", 3).await;
    world.quiet().await;
    study
}

#[tokio::test]
async fn an_order_that_nobody_knows_is_settled_by_a_person_who_sees_both_facts() {
    let world = World::new().await;
    let study = unknown_bonus(&world).await;
    let order = world.orders(&study).await.into_iter().find(|order| order.kind == Kind::Bonus).unwrap();
    assert_eq!(order.state, OrderState::Unknown);
    let driver = Driver::start();
    let ada = owner(&driver, &world, &study, "/orders").await;
    ada.press("Settle it").await;
    // What we sent, and beside it what the recruiter says at this moment.
    ada.see("What we sent").await;
    ada.see(&order.token).await;
    ada.see("$0.70, and at most $0.14 fee").await;
    ada.see("It lists this bonus: $0.70 paid.").await;
    ada.picture("settle").await;

    // The recruiter denies the wrong choice; what was typed stays.
    ada.tick("input[name=choice][value='send again']").await;
    ada.fill("confirm", "send again").await;
    ada.press_button("Settle it").await;
    ada.see("The recruiter says otherwise").await;
    ada.picture("settle-refused").await;
    assert_eq!(sent(&world).await, (1, Cents(70)));

    ada.tick("input[name=choice][value='book it']").await;
    ada.fill("confirm", "book it").await;
    ada.press_button("Settle it").await;
    ada.see_after_reload("done").await;
    world.later(Duration::minutes(6)).await;
    books::settled(&world, &study).await;
    assert_eq!(sent(&world).await, (1, Cents(70)), "paid once");
    ada.leave().await;
}

#[tokio::test]
async fn a_file_of_bonuses_is_mended_line_by_line_and_pays_once_though_it_is_sent_twice() {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    let guests = world.submitted(&study, 3, "0").await;
    world.decide(&study, &guests, &Decision::Approve { feedback: String::new() }).await;
    world.later(Duration::minutes(6)).await;
    let driver = Driver::start();
    let ada = owner(&driver, &world, &study, "/bulk").await;
    let [a, b, c] = [&guests[0].worker, &guests[1].assignment, &guests[2].worker];
    let wrong =
        format!("worker,amount,reason\n{a},0.50,Well played\nANOBODY,1,x\n{b},much,Lottery\n{c},0.25,\n");
    ada.fill("file", &wrong).await;
    ada.click("#bonus_file button.secondary").await;
    for line in ["Line 3. Nobody in this study is “ANOBODY”", "Line 4. ", "Line 5. "] {
        ada.see(line).await;
    }
    ada.picture("file-wrong").await;
    assert_eq!(sent(&world).await.0, 0);

    // Mended and chosen as a file, as spreadsheets write it.
    let right = format!(
        "\u{feff}worker;amount;reason\r\n{a};0.50;Well played\r\n{b};0.30;Lottery\r\n{c};0.25;Thanks\r\n"
    );
    let file = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
    std::fs::write(file.path(), right).unwrap();
    for time in 1..=2 {
        ada.open(&address(&world, &study, "/bulk")).await;
        let chosen = ada.find("#bonus_file input[type=file]").await;
        chosen.send_keys(file.path().to_str().unwrap()).await.unwrap();
        ada.click("#bonus_file button.secondary").await;
        if time == 1 {
            ada.see("3 people, $1.26 with fees").await;
            ada.press("Pay 3 people $1.26").await;
            ada.see("3 orders were placed").await;
        } else {
            ada.see("Left out: This very bonus was ordered before.").await;
            assert_eq!(ada.count("tr.unable").await, 3);
            assert_eq!(ada.count("form.wide button:not(.secondary)").await, 0, "nothing can be ordered");
            ada.picture("file-again").await;
        }
        world.later(Duration::minutes(6)).await;
        assert_eq!(sent(&world).await, (3, Cents(105)), "time {time}");
    }
    ledger::settled(&world).await;
    ada.leave().await;
}

/// Somebody approved, somebody rejected, and a lab that keeps scores and a saved text.
async fn decided() -> (World, Study) {
    let world = World::new().await;
    let mut tx = world.app().pool.begin().await.unwrap();
    let (now, lab, by) = (world.lab.clock_now(), world.lab.id, world.lab.owner);
    let scale = otree_hr::scores::Scale::default();
    otree_hr::scores::store::set_scale(&mut tx, now, lab, by, true, &scale).await.unwrap();
    otree_hr::review::templates::keep(&mut tx, lab, now, "Sorry", "We were wrong.").await.unwrap();
    tx.commit().await.unwrap();
    let study = world.publish(&world.lab.form()).await;
    let guests = world.submitted(&study, 2, "0.70").await;
    world.decide(&study, &guests[..1], &Decision::Approve { feedback: String::new() }).await;
    world.decide(&study, &guests[1..], &Decision::Reject { reason: "Both checks were wrong".into() }).await;
    world.later(Duration::minutes(6)).await;
    (world, study)
}

#[tokio::test]
async fn scores_and_overrides_can_be_read_on_a_desk_on_a_telephone_and_in_the_dark() {
    let (world, study) = decided().await;
    let (new, bulk) = (World::new().await, address(&world, &study, "/bulk"));
    let driver = Driver::start();
    let people = [
        (driver.person().await, "desk"),
        (driver.person_on_a_telephone(false).await, "telephone"),
        (driver.person_on_a_telephone(true).await, "dark"),
    ];
    for (person, name) in people {
        for world in [&new, &world] {
            let session = world.lab.session(world.lab.owner).await;
            person.log_in_with(world.base.as_str(), &session.to_string()).await;
            let scores = world.base.join(&format!("{}/scores", world.lab.path())).unwrap();
            let kind = if world.base == new.base { "empty" } else { "full" };
            without_fault(&person, scores.as_str(), &format!("scores-{kind}-{name}")).await;
        }
        without_fault(&person, &address(&world, &study, "/rules"), &format!("rules-{name}")).await;
        without_fault(&person, &address(&world, &study, "/compensations"), &format!("owed-{name}")).await;
        person.open(&bulk).await;
        person.picture(&format!("overrides-{name}")).await;
        person.click("#override_list .actions button").await;
        person.see("1 person, $1.20 with fees").await;
        person
            .0
            .find(Locator::Css("select[name=insert]"))
            .await
            .unwrap()
            .select_by_label("Sorry")
            .await
            .unwrap();
        person.press_button("Use this text").await;
        person.see("We were wrong.").await;
        person.picture(&format!("override-confirm-{name}")).await;
        person.leave().await;
    }
    assert_eq!(world.lab.count("SELECT count(*) FROM payment_order WHERE kind = 'override'").await, 0);
}
