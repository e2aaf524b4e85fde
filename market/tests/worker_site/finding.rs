//! Searching the list, the queue, earnings by day.

use chrono::Duration;
use kernel::money::Cents;
use market::clock::Turn;
use market::engine::bonuses::{self, NewBonus};
use market::engine::review;
use market::workers::bots::browser::Page;
use scraper::{Html, Selector};

use crate::world::{World, assignment, attribute, external, form, world};

const STUDY: &str = "https://hr.example/go/1";

fn texts(page: &Page, selector: &str) -> Vec<String> {
    let html = Html::parse_document(&page.body);
    let words = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    html.select(&Selector::parse(selector).unwrap()).map(|found| words(found.text().collect())).collect()
}

fn listed(page: &Page) -> Vec<String> {
    let html = Html::parse_document(&page.body);
    let groups = Selector::parse("[data-group]").unwrap();
    html.select(&groups).map(|group| group.attr("data-title").unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_list_shows_what_was_looked_for_in_the_order_asked_for() {
    let world = world().await;
    world.publish("Pick a number", &external(STUDY), 2).await;
    world.publish("Divide a pie", &external(STUDY), 9).await;
    let (mut ada, _) = world.worker("Ada").await;
    let mut look =
        async |query: &str| ada.get(&format!("{}?{query}", world.at("")).parse().unwrap()).await.unwrap();

    assert_eq!(listed(&look("sort=places").await), ["Divide a pie", "Pick a number"]);
    let found = look("words=number+bonus&requester=choice&least=1.50&sort=reward").await;
    assert_eq!(listed(&found), ["Pick a number"]);
    assert_eq!(attribute(&found, "input[name=words]", "value").as_deref(), Some("number bonus"));
    assert_eq!(attribute(&found, "option[selected]", "value").as_deref(), Some("reward"));
    let none = look("words=pictures").await;
    assert!(listed(&none).is_empty() && none.body.contains("None of 2 groups"), "{}", none.body);
    let wrong = look("least=a+lot").await;
    assert_eq!(listed(&wrong).len(), 2);
    assert_eq!(
        texts(&wrong, "#least-error"),
        ["The smallest reward cannot be read: write an amount like 1.50."]
    );
    assert_eq!(attribute(&wrong, "input[name=least]", "aria-describedby").as_deref(), Some("least-error"));
}

#[tokio::test]
async fn who_does_not_qualify_is_told_before_they_try() {
    let world = world().await;
    let adults = serde_json::json!([{ "QualificationTypeId": "00000000000000000060", "Comparator": "EqualTo",
        "IntegerValues": [1] }]);
    let (_, group) = world.publish_for("For adults", &external(STUDY), 1, adults).await;
    let (mut ada, _) = world.worker("Ada").await;
    let list = ada.get(&world.at("")).await.unwrap();
    assert_eq!(texts(&list, ".lacks"), ["You do not qualify for it yet; the preview says why."]);
    let preview = ada.get(&world.at(&format!("groups/{group}"))).await.unwrap();
    assert!(attribute(&preview, "#accept button", "disabled").is_some());
    assert!(texts(&preview, "#missing")[0].starts_with("You do not qualify for this HIT yet:"));

    ada.post(&world.at("qualifications/about"), &form(&[("country", ""), ("adult", "yes")])).await.unwrap();
    let preview = ada.get(&world.at(&format!("groups/{group}"))).await.unwrap();
    assert!(
        attribute(&preview, "#accept button", "disabled").is_none() && texts(&preview, "#missing").is_empty()
    );
}

#[tokio::test]
async fn the_queue_holds_what_is_not_handed_in_until_its_time_is_over() {
    let world = world().await;
    let (_, first) = world.publish("Pick a number", &external(STUDY), 1).await;
    let (_, second) = world.publish("Divide a pie", &external(STUDY), 1).await;
    let (mut ada, _) = world.worker("Ada").await;
    let empty = ada.get(&world.at("queue")).await.unwrap();
    assert!(empty.body.contains("Nothing in your queue"));

    let pick = assignment(&world.accept(&mut ada, &first).await);
    world.clock.advance(Duration::minutes(10));
    world.accept(&mut ada, &second).await;
    let queue = ada.get(&world.at("queue")).await.unwrap();
    assert_eq!(texts(&queue, "[data-assignment] h2"), ["Pick a number", "Divide a pie"]);
    assert!(queue.body.contains("20 minutes</strong> left"), "{}", queue.body);
    world.clock.advance(Duration::minutes(21));
    let queue = ada.get(&world.at("queue")).await.unwrap();
    assert_eq!(texts(&queue, "[data-assignment] h2"), ["Divide a pie"]);
    ada.post(&world.at(&format!("work/{pick}/return")), &[]).await.unwrap();
}

async fn earn(world: &World, ada: &mut market::workers::bots::browser::Browser, worker: &str, bonus: i64) {
    let (_, group) = world.publish(&format!("Task {bonus}"), &external(STUDY), 1).await;
    let id = assignment(&world.accept(ada, &group).await);
    ada.post(&world.at("mturk/externalSubmit"), &form(&[("assignmentId", &id), ("a", "1")])).await.unwrap();
    let (mut tx, now) = world.market.begin().await.unwrap();
    review::approve(&mut tx, now, &world.requester_id, &id, None, false).await.unwrap();
    let bonus = NewBonus {
        worker_id: worker.into(),
        assignment_id: id,
        amount: Cents(bonus),
        reason: "Your payoff".into(),
        token: None,
    };
    bonuses::send(&mut tx, now, &world.requester_id, &world.market.settings().fees, &bonus).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn earnings_are_told_by_day_as_a_chart_and_as_numbers() {
    let world = world().await;
    world.pay_really().await;
    let (mut ada, worker) = world.worker("Ada").await;
    let empty = ada.get(&world.at("earnings")).await.unwrap();
    assert!(empty.body.contains("Nothing earned yet") && texts(&empty, "svg").is_empty());
    earn(&world, &mut ada, &worker, 70).await;
    world.market.set_clock(Turn::Step(Duration::days(2))).await.unwrap();
    earn(&world, &mut ada, &worker, 150).await;

    let page = ada.get(&world.at("earnings")).await.unwrap();
    assert_eq!(texts(&page, ".sums dd"), ["$5.20", "$5.20"]);
    let numbers = texts(&page, "tbody .number");
    assert_eq!(numbers, ["$1.50", "$1.50", "$3.00", "$1.50", "$0.70", "$2.20"]);
    let html = Html::parse_document(&page.body);
    let bars = Selector::parse("svg rect").unwrap();
    let heights: Vec<i64> = html
        .select(&bars)
        .map(|bar| bar.attr("height").unwrap().parse().unwrap())
        .filter(|height| *height > 0)
        .collect();
    assert_eq!(heights, [50, 23, 50, 50], "two days ago 1.50 and 0.70 of 3.00, today 1.50 and 1.50");
    world.market.set_clock(Turn::Step(Duration::days(40))).await.unwrap();
    let later = ada.get(&world.at("earnings")).await.unwrap();
    assert_eq!(texts(&later, ".sums dd"), ["$5.20", "$0.00"]);
}
