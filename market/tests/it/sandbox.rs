//! Where money never runs out, nothing is refused for want of it, and the books still add up.

use aws_sdk_mturk::primitives::DateTime;
use chrono::Duration;
use kernel::money::Cents;
use market::Quirks;
use market::behaviour::{self, Overrides};
use market::engine::money::Kind;
use serde_json::json;

use crate::harness::{Place, refused};

async fn sandbox(change: impl FnOnce(&mut Quirks)) -> Place {
    Place::with(|settings| {
        settings.quirks.constant_balance = true;
        change(&mut settings.quirks);
    })
    .await
}

/// The statement adds up to the balance, and what was put in beside deposits is this.
async fn credit(place: &Place) -> Cents {
    let id = &place.keys.requester_id;
    let (lines, balance) =
        (place.market.statement(id).await.unwrap(), place.market.balance(id).await.unwrap());
    assert_eq!(lines.iter().map(|line| line.available).sum::<Cents>(), balance.available);
    assert_eq!(lines.iter().map(|line| line.on_hold).sum::<Cents>(), balance.on_hold);
    lines.iter().filter(|line| line.kind == Kind::Credit).map(|line| line.available).sum()
}

#[tokio::test]
async fn holds_bonuses_and_reopening_pass_and_what_was_short_is_a_line_of_its_own() {
    let place = sandbox(|_| {}).await;
    let dear = place.publish(2).reward("700.00").send().await.unwrap().hit.unwrap().hit_id.unwrap();
    // 1000.00 were there; two places cost 1680.00.
    assert_eq!(credit(&place).await, Cents(68_000));
    assert_eq!(place.balance().await, ("10000.00".into(), "0.00".into()));
    let (worker_id, assignment_id) = place.work("one", &dear).await;
    let bonus = place.client.send_bonus().worker_id(&worker_id).assignment_id(&assignment_id).reason("x");
    bonus.bonus_amount("500.00").send().await.unwrap();
    assert_eq!(credit(&place).await, Cents(128_000), "bonus and fee");
    let reject = place.client.reject_assignment().assignment_id(&assignment_id).requester_feedback("no");
    reject.send().await.unwrap();
    let expire =
        |at| place.client.update_expiration_for_hit().hit_id(&dear).expire_at(DateTime::from_secs(at)).send();
    expire(0).await.unwrap();
    place.publish(1).reward("1400.00").send().await.unwrap();
    assert_eq!(credit(&place).await, Cents(128_000), "what was freed pays for it");
    expire(place.now().await.timestamp() + 600).await.unwrap();
    assert_eq!(credit(&place).await, Cents(212_000), "one place of 840.00 again");
    let over = place.client.approve_assignment().assignment_id(&assignment_id).override_rejection(true);
    over.send().await.unwrap();
    assert_eq!(credit(&place).await, Cents(296_000));
    let grow = place.client.create_additional_assignments_for_hit().hit_id(&dear);
    grow.number_of_additional_assignments(1).send().await.unwrap();
    assert_eq!(credit(&place).await, Cents(380_000));
}

#[tokio::test]
async fn what_was_not_set_aside_is_approved_by_hand_and_by_itself() {
    let place = sandbox(|quirks| quirks.no_holds = true).await;
    let dear = place.publish(2).reward("1000.00").send().await.unwrap().hit.unwrap().hit_id.unwrap();
    let (_, first) = place.work("one", &dear).await;
    place.work("two", &dear).await;
    place.client.approve_assignment().assignment_id(first).send().await.unwrap();
    assert_eq!(credit(&place).await, Cents(20_000), "the fee; the reward was there");
    place.step(Duration::days(1)).await;
    assert_eq!(place.market.tick().await.unwrap().approved, 1);
    assert_eq!(credit(&place).await, Cents(140_000));
}

#[tokio::test]
async fn the_switch_is_each_requesters_own_and_ends_when_it_is_set_back() {
    let place = Place::open().await;
    let other = place.beside().await;
    let switch = async |on: bool| {
        let members = json!({ "constant_balance": on }).as_object().cloned().unwrap();
        let (overrides, id) = (Overrides::parse(members).unwrap(), &place.keys.requester_id);
        let mut conn = place.market.pool().acquire().await.unwrap();
        behaviour::set(&mut conn, place.market.real_now(), id, &overrides).await.unwrap();
    };
    let dear = |place: &Place| place.publish(1).reward("2000.00").send();
    switch(true).await;
    dear(&place).await.unwrap();
    refused(dear(&other).await).is("RequestError", "InsufficientFunds", "insufficient funds");
    switch(false).await;
    refused(dear(&place).await).is("RequestError", "InsufficientFunds", "insufficient funds");
    assert_eq!(credit(&place).await, Cents(140_000));
}
