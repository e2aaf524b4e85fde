//! Holds, fees, bonuses, and a statement that adds up.

use aws_sdk_mturk::primitives::DateTime;
use chrono::Duration;
use kernel::money::Cents;
use market::engine::assignments::Wanted;
use market::engine::money::Kind;
use market::journal::{Effect, Filter};

use crate::harness::{Place, refused};

async fn bonus(place: &Place, worker_id: &str, assignment_id: &str, amount: &str) {
    let call = place.client.send_bonus().worker_id(worker_id).assignment_id(assignment_id);
    call.bonus_amount(amount).reason("your decisions").send().await.unwrap();
}

/// The statement's columns add up to the balance, to the cent.
async fn books_balance(place: &Place) {
    let id = &place.keys.requester_id;
    let lines = place.market.statement(id).await.unwrap();
    let balance = place.market.balance(id).await.unwrap();
    assert_eq!(lines.iter().map(|line| line.available).sum::<Cents>(), balance.available);
    assert_eq!(lines.iter().map(|line| line.on_hold).sum::<Cents>(), balance.on_hold);
}

fn pair(available: &str, on_hold: &str) -> (String, String) {
    (available.into(), on_hold.into())
}

#[tokio::test]
async fn publishing_holds_reward_and_fee_of_every_place() {
    let place = Place::open().await;
    assert_eq!(place.balance().await, pair("1000.00", "0.00"));
    place.hit(9).await;
    assert_eq!(place.balance().await, pair("989.20", "10.80"));
    place.hit(90).await;
    assert_eq!(place.balance().await, pair("863.20", "136.80"));
    books_balance(&place).await;
}

#[tokio::test]
async fn approval_spends_the_hold_and_rejection_frees_it() {
    let place = Place::open().await;
    let hit_id = place.hit(3).await;
    let (_, first) = place.work("one", &hit_id).await;
    let (_, second) = place.work("two", &hit_id).await;
    place.client.approve_assignment().assignment_id(&first).send().await.unwrap();
    assert_eq!(place.balance().await, pair("996.40", "2.40"));
    let reject = place.client.reject_assignment().assignment_id(&second).requester_feedback("no");
    reject.send().await.unwrap();
    assert_eq!(place.balance().await, pair("997.60", "1.20"));
    let over = place.client.approve_assignment().assignment_id(&second).override_rejection(true);
    over.send().await.unwrap();
    assert_eq!(place.balance().await, pair("996.40", "1.20"));
    books_balance(&place).await;
    let lines = place.market.statement(&place.keys.requester_id).await.unwrap();
    let rewards = lines.iter().filter(|line| line.kind == Kind::Reward).count();
    let fees = lines.iter().filter(|line| line.kind == Kind::Fee).count();
    assert_eq!((rewards, fees), (2, 2));
}

#[tokio::test]
async fn expiry_frees_what_nobody_can_earn_any_more() {
    let place = Place::open().await;
    let hit_id = place.hit(4).await;
    let (at_work, handed_in) = (place.worker("at work").await, place.worker("done").await);
    let taken = place.accept(&at_work, Wanted::Hit(&hit_id)).await.unwrap().assignment_id;
    let done = place.accept(&handed_in, Wanted::Hit(&hit_id)).await.unwrap().assignment_id;
    place.submit(&done).await.unwrap();
    let expire = |secs| {
        place.client.update_expiration_for_hit().hit_id(&hit_id).expire_at(DateTime::from_secs(secs)).send()
    };
    expire(0).await.unwrap();
    assert_eq!(place.balance().await, pair("997.60", "2.40"));
    expire(1).await.unwrap();
    assert_eq!(place.balance().await, pair("997.60", "2.40"));
    place.give_back(&at_work, &taken).await.unwrap();
    assert_eq!(place.balance().await, pair("998.80", "1.20"));
    expire(place.now().await.timestamp() + 60).await.unwrap();
    assert_eq!(place.balance().await, pair("995.20", "4.80"));
    let grow = place.client.create_additional_assignments_for_hit().hit_id(&hit_id);
    grow.number_of_additional_assignments(1).send().await.unwrap();
    assert_eq!(place.balance().await, pair("994.00", "6.00"));
    books_balance(&place).await;
}

#[tokio::test]
async fn a_deadline_missed_after_expiry_frees_the_place_too() {
    let place = Place::open().await;
    let hit_id = place.publish(1).lifetime_in_seconds(60).send().await.unwrap().hit.unwrap().hit_id.unwrap();
    let worker_id = place.worker("one").await;
    place.accept(&worker_id, Wanted::Hit(&hit_id)).await.unwrap();
    place.step(Duration::seconds(601)).await;
    let report = place.market.tick().await.unwrap();
    assert_eq!((report.abandoned, report.expired), (1, 1));
    assert_eq!(place.balance().await, pair("1000.00", "0.00"));
    books_balance(&place).await;
}

#[tokio::test]
async fn a_bonus_costs_its_fee_and_is_listed() {
    let place = Place::open().await;
    let hit_id = place.hit(1).await;
    let (worker_id, assignment_id) = place.work("one", &hit_id).await;
    bonus(&place, &worker_id, &assignment_id, "2.53").await;
    bonus(&place, &worker_id, &assignment_id, "0.01").await;
    // 2.53 and a fifth of it, 0.506, which is 0.51; a cent and the least fee.
    assert_eq!(place.balance().await, pair("995.74", "1.20"));
    books_balance(&place).await;
    let of_hit = place.client.list_bonus_payments().hit_id(&hit_id).send().await.unwrap();
    let of_assignment =
        place.client.list_bonus_payments().assignment_id(&assignment_id).send().await.unwrap();
    assert_eq!(of_hit.bonus_payments, of_assignment.bonus_payments);
    let amounts: Vec<_> = of_hit.bonus_payments().iter().map(|b| b.bonus_amount().unwrap()).collect();
    assert_eq!(amounts, ["2.53", "0.01"]);
    let first = &of_hit.bonus_payments()[0];
    assert_eq!(first.worker_id(), Some(worker_id.as_str()));
    assert_eq!(first.reason(), Some("your decisions"));
    assert_eq!(first.grant_time().unwrap().secs(), place.now().await.timestamp());
}

#[tokio::test]
async fn nobody_spends_what_they_do_not_have() {
    let place = Place::open().await;
    let broke = "InsufficientFunds";
    let refusal = refused(place.publish(834).send().await);
    refusal.is("RequestError", broke, "insufficient funds");
    assert_eq!(place.client.list_hits().send().await.unwrap().num_results, Some(0));
    let hit_id = place.publish(1).reward("830.00").send().await.unwrap().hit.unwrap().hit_id.unwrap();
    let (worker_id, assignment_id) = place.work("one", &hit_id).await;
    assert_eq!(place.balance().await, pair("4.00", "996.00"));
    let send = place.client.send_bonus().worker_id(&worker_id).assignment_id(&assignment_id).reason("x");
    refused(send.clone().bonus_amount("3.34").send().await).is("RequestError", broke, "insufficient funds");
    assert_eq!(place.balance().await, pair("4.00", "996.00"));
    send.bonus_amount("3.33").send().await.unwrap();
    assert_eq!(place.balance().await, pair("0.00", "996.00"));
    place.client.approve_assignment().assignment_id(&assignment_id).send().await.unwrap();
    assert_eq!(place.balance().await, pair("0.00", "0.00"));
    books_balance(&place).await;
}

#[tokio::test]
async fn a_bonus_needs_its_own_worker() {
    let place = Place::open().await;
    let hit_id = place.hit(1).await;
    let (_, assignment_id) = place.work("one", &hit_id).await;
    let other = place.worker("two").await;
    let send = |worker: &str, amount: &str| {
        let call = place.client.send_bonus().worker_id(worker).assignment_id(&assignment_id);
        call.bonus_amount(amount).reason("x").send()
    };
    refused(send(&other, "1").await).is("RequestError", "InvalidParameterValue", "does not belong");
    let unknown = refused(send("A0000000000000", "1").await);
    let message = "The value \"A0000000000000\" is not valid for the parameter WorkerId";
    unknown.is("ParameterValidationError", "InvalidParameterValue", message);
    refused(send("bob", "1").await).is("ValidationException", "", "at 'workerId' failed");
    refused(send(&other, "0.00").await).is(
        "ParameterValidationError",
        "InvalidParameterValue",
        "BonusAmount",
    );
}

#[tokio::test]
async fn the_journal_tells_every_movement_once() {
    let place = Place::open().await;
    let hit_id =
        place.publish(1).unique_request_token("t1").send().await.unwrap().hit.unwrap().hit_id.unwrap();
    let (worker_id, assignment_id) = place.work("one", &hit_id).await;
    place.client.approve_assignment().assignment_id(&assignment_id).send().await.unwrap();
    bonus(&place, &worker_id, &assignment_id, "2.00").await;
    let filter = Filter { requester_id: Some(place.keys.requester_id.clone()), ..Filter::default() };
    let entries = place.market.journal(&filter).await.unwrap();
    let told: Vec<_> =
        entries.iter().map(|e| (e.effect, e.amount.map(|c| c.0), e.fee.map(|c| c.0))).collect();
    let expected = [
        (Effect::Deposited, Some(100_000), None),
        (Effect::HitTypeCreated, Some(100), None),
        (Effect::HitCreated, Some(100), Some(20)),
        (Effect::Accepted, None, None),
        (Effect::Submitted, None, None),
        (Effect::Approved, Some(100), Some(20)),
        (Effect::BonusSent, Some(200), Some(40)),
    ];
    assert_eq!(told, expected);
    assert_eq!(entries[2].token.as_deref(), Some("t1"));
    assert_eq!(entries[6].worker_id.as_deref(), Some(worker_id.as_str()));
}

#[tokio::test]
async fn publishing_holds_money_or_approval_takes_it_from_what_is_free() {
    for (no_holds, published, reviewed) in [
        (false, pair("997.60", "2.40"), pair("998.80", "0.00")),
        (true, pair("1000.00", "0.00"), pair("998.80", "0.00")),
    ] {
        let place = Place::with(|settings| settings.quirks.no_holds = no_holds).await;
        let hit_id = place.hit(2).await;
        assert_eq!(place.balance().await, published);
        let ((_, first), (_, second)) = (place.work("one", &hit_id).await, place.work("two", &hit_id).await);
        place.client.approve_assignment().assignment_id(&first).send().await.unwrap();
        let reject = place.client.reject_assignment().assignment_id(&second).requester_feedback("no");
        reject.send().await.unwrap();
        assert_eq!(place.balance().await, reviewed);
        books_balance(&place).await;
    }
}

#[tokio::test]
async fn without_holds_approval_needs_the_money_and_waits_for_it() {
    let place = Place::with(|settings| settings.quirks.no_holds = true).await;
    let dear = place.publish(2).reward("700.00").send().await.unwrap().hit.unwrap().hit_id.unwrap();
    let ((_, first), (_, second)) = (place.work("one", &dear).await, place.work("two", &dear).await);
    place.client.approve_assignment().assignment_id(&first).send().await.unwrap();
    assert_eq!(place.balance().await, pair("160.00", "0.00"));
    let broke = place.client.approve_assignment().assignment_id(&second).send().await;
    refused(broke).is("RequestError", "InsufficientFunds", "insufficient funds");
    place.step(Duration::days(1)).await;
    assert_eq!(place.market.tick().await.unwrap().approved, 0, "nothing to pay it with, and no error");
    assert_eq!(place.balance().await, pair("160.00", "0.00"));
    place.market.deposit(&place.keys.requester_id, Cents(68_000)).await.unwrap();
    assert_eq!(place.market.tick().await.unwrap().approved, 1);
    assert_eq!(place.balance().await, pair("0.00", "0.00"));
    books_balance(&place).await;
}
