//! Play money and real money are told apart, and do not count for each other.

use axum::http::StatusCode;
use kernel::money::Cents;
use market::engine::bonuses::{self, NewBonus};
use market::engine::review;
use market::workers::bots::browser::{Browser, Page};
use scraper::{Html, Selector};
use serde_json::json;

use crate::world::{World, assignment, attribute, external, form, world};

const STUDY: &str = "https://hr.example/go/1";
const BADGE: &str = "Practice: pays nothing";

fn texts(page: &Page, selector: &str) -> Vec<String> {
    let html = Html::parse_document(&page.body);
    let words = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    html.select(&Selector::parse(selector).unwrap()).map(|found| words(found.text().collect())).collect()
}

/// Does the group's HIT, is approved and gets a bonus of 70 cents.
async fn earn(world: &World, ada: &mut Browser, worker_id: &str, group: &str) {
    let id = assignment(&world.accept(ada, group).await);
    ada.post(&world.at("mturk/externalSubmit"), &form(&[("assignmentId", &id), ("a", "1")])).await.unwrap();
    let (mut tx, now) = world.market.begin().await.unwrap();
    review::approve(&mut tx, now, &world.requester_id, &id, None, false).await.unwrap();
    let (worker_id, reason) = (worker_id.to_owned(), "Your payoff".to_owned());
    let bonus = NewBonus { worker_id, assignment_id: id, amount: Cents(70), reason, token: None };
    bonuses::send(&mut tx, now, &world.requester_id, &world.market.settings().fees, &bonus).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn every_page_says_which_hits_pay_nothing() {
    let world = world().await;
    let (_, practice) = world.publish("Rehearsed", &external(STUDY), 1).await;
    world.pay_really().await;
    let (_, paid) = world.publish("Paid", &external(STUDY), 1).await;
    let (mut ada, _) = world.worker("Ada").await;
    let badge = |group: &str| format!("[data-group='{group}'] .practice");
    let list = ada.get(&world.at("")).await.unwrap();
    assert_eq!(texts(&list, &badge(&practice)), [BADGE]);
    assert_eq!(texts(&list, &badge(&paid)), [""; 0]);
    for (group, times) in [(&practice, 1), (&paid, 0)] {
        let preview = ada.get(&world.at(&format!("groups/{group}"))).await.unwrap();
        assert_eq!(texts(&preview, ".practice").len(), times);
        let work = world.accept(&mut ada, group).await;
        assert_eq!(texts(&work, ".practice").len(), times);
    }
    for path in ["queue", "work"] {
        let page = ada.get(&world.at(path)).await.unwrap();
        assert_eq!(
            (texts(&page, "[data-assignment]").len(), texts(&page, ".practice").len()),
            (2, 1),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_group_of_both_kinds_is_shown_as_the_hit_that_comes_next() {
    let world = world().await;
    let (_, group) = world.publish("Both", &external(STUDY), 2).await;
    world.pay_really().await;
    let (_, same) = world.publish("Both", &external(STUDY), 1).await;
    assert!(world.market.set_rehearsal(&world.requester_id, true).await.unwrap());
    world.publish("Both", &external(STUDY), 1).await;
    assert_eq!(group, same);
    let (mut ada, _) = world.worker("Ada").await;
    let badge = format!("[data-group='{group}'] .practice");
    let mut seen = Vec::new();
    for _ in 0..3 {
        let list = ada.get(&world.at("")).await.unwrap();
        let preview = ada.get(&world.at(&format!("groups/{group}"))).await.unwrap();
        let work = world.accept(&mut ada, &group).await;
        let told = [texts(&list, &badge), texts(&preview, ".practice"), texts(&work, ".practice")];
        assert!(told[0] == told[1] && told[1] == told[2], "list, preview and work page agree: {told:?}");
        seen.push(told[0].len());
    }
    assert_eq!(seen, [1, 0, 1], "practice, paid, practice again");
    let (mut bob, _) = world.worker("Bob").await;
    let list = bob.get(&world.at("")).await.unwrap();
    assert_eq!(texts(&list, &badge), [BADGE], "the first has a place for Bob");
}

#[tokio::test]
async fn play_money_is_no_part_of_what_was_earned() {
    let world = world().await;
    let (mut ada, worker_id) = world.worker("Ada").await;
    let (_, practice) = world.publish("Rehearsed", &external(STUDY), 1).await;
    earn(&world, &mut ada, &worker_id, &practice).await;
    let earnings = ada.get(&world.at("earnings")).await.unwrap();
    assert_eq!(texts(&earnings, ".sums dd"), ["$0.00", "$0.00"]);
    assert!(earnings.body.contains("Nothing earned yet"));
    assert_eq!(
        texts(&earnings, "#practice"),
        ["Not counted, because practice pays nothing: $2.20 of play money."]
    );
    world.pay_really().await;
    let (_, paid) = world.publish("Paid", &external(STUDY), 1).await;
    earn(&world, &mut ada, &worker_id, &paid).await;
    let earnings = ada.get(&world.at("earnings")).await.unwrap();
    assert_eq!(texts(&earnings, ".sums dd"), ["$2.20", "$2.20"]);
    assert_eq!(texts(&earnings, "tbody .number"), ["$1.50", "$0.70", "$2.20"]);
    let mine = ada.get(&world.at("work")).await.unwrap();
    assert_eq!(texts(&mine, ".sums dd"), ["$2.20", "$1.50", "$0.70", "$0.00"]);
    assert!(texts(&mine, "#practice")[0].contains("$2.20 of play money, and $0.00 waiting"));
}

#[tokio::test]
async fn approvals_count_for_hits_of_their_own_kind() {
    let world = world().await;
    let experienced = json!([{ "QualificationTypeId": "00000000000000000040",
        "Comparator": "GreaterThanOrEqualTo", "IntegerValues": [1], "ActionsGuarded": "DiscoverPreviewAndAccept" }]);
    let (_, practice) = world.publish_for("Rehearsed", &external(STUDY), 9, experienced.clone()).await;
    let (_, first) = world.publish("Rehearsed by all", &external(STUDY), 9).await;
    world.pay_really().await;
    let paid = json!([{ "QualificationTypeId": "00000000000000000040",
        "Comparator": "GreaterThanOrEqualTo", "IntegerValues": [1] }]);
    let (_, paid) = world.publish_for("Paid", &external(STUDY), 9, paid).await;
    let (mut ada, worker_id) = world.worker("Ada").await;
    let sees = |list: &Page, group: &str| {
        attribute(list, &format!("[data-group='{group}']"), "data-title").is_some()
    };
    assert!(!sees(&ada.get(&world.at("")).await.unwrap(), &practice));
    earn(&world, &mut ada, &worker_id, &first).await;
    assert!(sees(&ada.get(&world.at("")).await.unwrap(), &practice), "practice counts for practice");
    let refused = world.accept(&mut ada, &paid).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "and for nothing else");
    let record = ada.get(&world.at("qualifications")).await.unwrap();
    assert_eq!(texts(&record, ".sums dd"), ["0", "100 %"]);
    assert!(texts(&record, ".practice-line")[0].contains("1 approved, 100 %"));
    let (_, second) = world.publish("Paid to all", &external(STUDY), 9).await;
    earn(&world, &mut ada, &worker_id, &second).await;
    assignment(&world.accept(&mut ada, &paid).await);
}

#[tokio::test]
async fn a_long_history_comes_page_by_page() {
    let world = world().await;
    let (mut ada, worker_id) = world.worker("Ada").await;
    for n in 0..53 {
        let (hit_id, _) = world.publish(&format!("Task {n:02}"), &external(STUDY), 1).await;
        let (mut tx, now) = world.market.begin().await.unwrap();
        let wanted = market::engine::assignments::Wanted::Hit(&hit_id);
        let settings = world.market.settings();
        market::engine::assignments::accept(&mut tx, settings, now, &worker_id, wanted).await.unwrap();
        tx.commit().await.unwrap();
    }
    let first = ada.get(&world.at("work")).await.unwrap();
    assert_eq!(texts(&first, "tbody tr").len(), 50);
    let older = attribute(&first, "a[rel=next]", "href").unwrap();
    let second = ada.get(&first.url.join(&older).unwrap()).await.unwrap();
    assert_eq!(texts(&second, "tbody tr a"), ["Task 02", "Task 01", "Task 00"]);
    assert!(attribute(&second, "a[rel=next]", "href").is_none());
    assert_eq!(texts(&second, "nav.actions a"), ["Newest work"]);
}
