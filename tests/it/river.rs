//! The whole way, both sides watched: publish, arrive, play, submit, follow, approve with bonus, paid.

use chrono::Duration;
use kernel::money::Cents;
use market::faults::FaultKind;
use market::journal::{Effect, Filter};
use market::workers::bots::browser::{Browser, Page, client};
use otree_hr::participation::Stage;
use otree_hr::review::Decision;
use otree_hr::studies::draft::Typed;
use otree_hr::studies::{State, Study, batches, sessions};
use scraper::{Html, Selector};
use serde_json::json;
use url::Url;

use crate::support::books;
use crate::support::door::{get, go};
use crate::support::stand_in;
use crate::support::world::World;

const PASSWORD: &str = "a long enough password";

fn with_bonus() -> Decision {
    Decision::ApproveWithBonus { feedback: "Thank you".into(), amount: None }
}

fn text(fields: &[(&str, &str)]) -> Vec<(String, String)> {
    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The attribute of the first element that matches.
fn attribute(page: &Page, selector: &str, name: &str) -> String {
    let html = Html::parse_document(&page.body);
    let found = html.select(&Selector::parse(selector).unwrap()).next();
    found
        .and_then(|element| element.attr(name))
        .unwrap_or_else(|| panic!("{selector} in {}", page.body))
        .into()
}

/// A person at the worker site: signs up, accepts, opens the frame, plays in the other tab, submits.
async fn work(world: &World, study: &Study, name: &str) {
    let mut browser = Browser::new(client().unwrap());
    let at = |path: &str| -> Url { format!("{}market/{path}", world.base).parse().unwrap() };
    browser.post(&at("sign-up"), &text(&[("name", name), ("password", PASSWORD)])).await.unwrap();
    let group = study.hit_type_id.as_deref().unwrap();
    let accepted = browser.post(&at(&format!("groups/{group}/accept")), &[]).await.unwrap();
    let frame = accepted.link(&attribute(&accepted, "iframe", "src")).unwrap();
    let page = browser.get(&frame).await.unwrap();
    assert_eq!(attribute(&page, "#status", "data-step"), "open");
    let play = browser.get(&page.link(&attribute(&page, "a.otree-link", "href")).unwrap()).await.unwrap();
    assert!(play.url.path().ends_with("/solo/Decide/1"), "{}", play.url);
    world.later(Duration::seconds(30)).await;
    let page = browser.get(&page.url).await.unwrap();
    assert_eq!(attribute(&page, "#status", "data-step"), "play");
    browser.post(&play.url, &[]).await.unwrap();
    world.later(Duration::seconds(30)).await;
    let page = browser.get(&page.url).await.unwrap();
    assert_eq!(attribute(&page, "#status", "data-step"), "submit");
    let action = page.link(&attribute(&page, "form.submit", "action")).unwrap();
    let assignment = attribute(&page, "input[name=assignmentId]", "value");
    let code = attribute(&page, "input[name=completion_code]", "value");
    let fields = text(&[("assignmentId", &assignment), ("completion_code", &code)]);
    let done = browser.post(&action, &fields).await.unwrap();
    assert!(done.body.contains("Submitted"), "{}", done.body);
}

#[tokio::test]
async fn a_study_runs_from_publication_to_the_last_bonus() {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    assert_eq!(world.otree.sessions().len(), 1);
    let back = world.otree.session_var("prolific_completion_url").unwrap();
    assert_eq!(back, json!(format!("{}back/{}", world.base, study.code)));
    assert_eq!(world.journal(Effect::HitCreated).await.len(), 2);

    for name in ["Anna", "Bert", "Carl", "Dora"] {
        work(&world, &study, name).await;
    }
    world.later(Duration::seconds(30)).await;
    let mut conn = world.app().pool.acquire().await.unwrap();
    let people =
        otree_hr::participation::store::of_study(&mut conn, study.lab_id, study.id, None).await.unwrap();
    drop(conn);
    assert_eq!(people.len(), 4);
    for person in &people {
        assert_eq!((person.stage, person.payoff), (Stage::Submitted, Some(Cents(70))));
        assert!(person.auto_approve_at.is_some() && person.finished_at.is_some());
        let answers = person.answers.as_ref().unwrap().to_string();
        assert!(answers.contains(&person.code), "the code came back with the submission: {answers}");
        let seat = person.participant_code.as_deref().unwrap();
        assert_eq!(world.otree.label(seat).as_deref(), Some(&*person.pseudonym));
    }

    let ids: Vec<_> = people.iter().map(|person| person.id.0).collect();
    let (app, owner, shown) = (world.app(), world.lab.owner, Cents(4 * (100 + 20 + 70 + 14)));
    let placed =
        crate::support::world::carry_out(app, &study, owner, &ids, &with_bonus(), shown).await.unwrap();
    assert_eq!(placed, 8);
    world.quiet().await;
    world.later(Duration::seconds(60)).await;
    books::settled(&world, &study).await;

    let paid = world.lab.count("SELECT count(*) FROM participation WHERE stage = 'paid'").await;
    assert_eq!(paid, 4);
    let spent: Cents = Cents(100_000) - world.market.balance(&world.requester).await.unwrap().available;
    assert_eq!(spent, shown);
    for bonus in world.journal(Effect::BonusSent).await {
        assert_eq!(bonus.amount, Some(Cents(70)));
    }
    let mut conn = world.app().pool.acquire().await.unwrap();
    let all = batches::of_study(&mut conn, study.id).await.unwrap();
    assert!(all.iter().all(|batch| batch.state == "done"), "{all:?}");
}

#[tokio::test]
async fn closing_takes_the_hits_off_the_list_and_lets_people_finish() {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    let guest = world.arrive(&study, "Anna").await;
    let mut tx = world.app().pool.begin().await.unwrap();
    assert!(otree_hr::studies::close(&mut tx, &study, world.lab.clock_now()).await.unwrap());
    tx.commit().await.unwrap();
    world.quiet().await;
    assert_eq!(world.journal(Effect::HitExpirationSet).await.len(), 2);
    let late = get(world.app(), &go(&study.code, &guest.hit, "LATE", "A9")).await;
    assert!(late.body.contains("This study has ended"), "{}", late.body);

    world.play(&guest, json!(0.5)).await;
    world.submit(&guest).await;
    world.later(Duration::minutes(1)).await;
    assert_eq!(world.decide(&study, std::slice::from_ref(&guest), &with_bonus()).await, 2);
    world.quiet().await;
    books::settled(&world, &study).await;
    assert_eq!(world.participation(&guest).await.stage, Stage::Paid);
}

#[tokio::test]
async fn who_gives_the_hit_back_is_not_paid_and_the_next_holder_is() {
    let world = World::new().await;
    let form = Typed { places: "1".into(), spares: "1".into(), batch_size: "1".into(), ..world.lab.form() };
    let study = world.publish(&form).await;
    let first = world.arrive(&study, "Anna").await;
    world.play(&first, json!(0.5)).await;
    let (mut tx, now) = world.market.begin().await.unwrap();
    market::engine::assignments::give_back(&mut tx, now, &first.worker, &first.assignment).await.unwrap();
    tx.commit().await.unwrap();
    let second = world.arrive(&study, "Bert").await;
    world.play(&second, json!(0.25)).await;
    world.submit(&second).await;
    world.later(Duration::minutes(1)).await;

    assert_eq!(world.participation(&first).await.stage, Stage::FinishedUnsubmitted);
    assert_eq!(world.participation(&second).await.stage, Stage::Submitted);
    let both = [first.clone(), second.clone()];
    let plan = world.plan(&study, &both, &with_bonus()).await;
    assert_eq!(plan.able(), 1, "who did not submit cannot be approved");
    world.decide(&study, &both, &with_bonus()).await;
    world.quiet().await;
    books::settled(&world, &study).await;
    let bonuses = world.journal(Effect::BonusSent).await;
    assert_eq!(bonuses.len(), 1);
    assert_eq!(bonuses[0].worker_id.as_deref(), Some(&*second.worker));
}

#[tokio::test]
async fn a_lost_session_closes_the_study_and_takes_nothing_from_who_has_submitted() {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    let done = world.submitted(&study, 1, stand_in::PAYOFF).await;
    let playing = world.arrive(&study, "Late").await;
    get(world.app(), &format!("{}/open", playing.page)).await;
    world.otree.forget();
    world.later(Duration::minutes(2)).await;

    let now = world.lab.study(study.id).await;
    assert_eq!(now.state, State::Closed);
    assert!(now.problem.unwrap().contains("does not know this study's session any more"));
    let mut conn = world.app().pool.acquire().await.unwrap();
    let session = sessions::latest(&mut conn, study.id).await.unwrap().unwrap();
    drop(conn);
    assert_eq!(session.state, "lost");
    let open = get(world.app(), &format!("{}/open", playing.page)).await;
    assert!(open.body.contains("This study was interrupted"), "{}", open.body);
    assert_eq!(world.participation(&done[0]).await.payoff, Some(Cents(70)), "the snapshot stays");
    world.decide(&study, &done, &with_bonus()).await;
    world.quiet().await;
    books::settled(&world, &study).await;
    assert_eq!(world.participation(&done[0]).await.stage, Stage::Paid);
}

#[tokio::test]
async fn odd_payoffs_are_never_paid() {
    for (payoff, currency, words) in [
        (json!("NaN"), "USD", "not a number"),
        (json!(1e9), "USD", "above the study's maximum"),
        (json!("7.01"), "USD", "above the study's maximum"),
        (json!(0.7), "EUR", "EUR"),
    ] {
        let world = World::new().await;
        let study = world.publish(&world.lab.form()).await;
        let guest = world.arrive(&study, "Anna").await;
        world.otree.count_in(currency);
        world.play(&guest, payoff.clone()).await;
        world.submit(&guest).await;
        world.later(Duration::minutes(1)).await;
        let plan = world.plan(&study, std::slice::from_ref(&guest), &with_bonus()).await;
        let no = plan.lines[0].orders.as_ref().unwrap_err();
        assert!(no.contains(words), "{payoff}: {no}");
        assert_eq!(world.decide(&study, std::slice::from_ref(&guest), &with_bonus()).await, 0);
        world.quiet().await;
        assert_eq!(world.journal(Effect::BonusSent).await.len(), 0);
        // The reward alone can be paid all the same.
        let approve = Decision::Approve { feedback: String::new() };
        assert_eq!(world.decide(&study, std::slice::from_ref(&guest), &approve).await, 1);
        world.quiet().await;
        books::settled(&world, &study).await;
        assert_eq!(world.participation(&guest).await.stage, Stage::Paid);
    }
}

#[tokio::test]
async fn a_negative_payoff_is_no_bonus() {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    let guests = world.submitted(&study, 1, "-3.00").await;
    assert_eq!(world.decide(&study, &guests, &with_bonus()).await, 1);
    world.quiet().await;
    books::settled(&world, &study).await;
    assert_eq!(world.participation(&guests[0]).await.stage, Stage::Paid);
    let all = world.market.journal(&Filter::default()).await.unwrap();
    assert!(all.iter().all(|entry| entry.effect != Effect::BonusSent));
}

#[tokio::test]
async fn a_site_that_is_down_costs_nobody_anything() {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    let guest = world.arrive(&study, "Anna").await;
    world.play(&guest, json!(0.7)).await;
    world.otree.set_down(true);
    world.later(Duration::minutes(1)).await;
    let waiting = world.participation(&guest).await;
    assert_eq!((waiting.stage, waiting.payoff), (Stage::Working, None));
    world.submit(&guest).await;
    world.later(Duration::minutes(5)).await;
    assert_eq!(world.participation(&guest).await.stage, Stage::SubmittedUnfinished);
    world.otree.set_down(false);
    world.later(Duration::minutes(10)).await;
    let found = world.participation(&guest).await;
    assert_eq!((found.stage, found.payoff), (Stage::Submitted, Some(Cents(70))));
    assert_eq!(world.lab.study(study.id).await.state, State::Open);
}

#[tokio::test]
async fn a_batch_that_cannot_be_taken_off_keeps_no_other_on_the_list() {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    let mut tx = world.app().pool.begin().await.unwrap();
    assert!(otree_hr::studies::close(&mut tx, &study, world.lab.clock_now()).await.unwrap());
    tx.commit().await.unwrap();
    // As often as the client asks by itself.
    world.trouble(FaultKind::FailBefore, "UpdateExpirationForHIT", 3).await;
    world.quiet().await;
    assert_eq!(world.journal(Effect::HitExpirationSet).await.len(), 1, "the other one");
    world.later(Duration::minutes(1)).await;
    assert_eq!(world.journal(Effect::HitExpirationSet).await.len(), 2);
}

#[tokio::test]
async fn a_study_that_is_closed_while_it_is_published_sends_no_further_batch() {
    let world = World::new().await;
    let study = world.press_publish(&world.lab.form()).await;
    let mut tx = world.app().pool.begin().await.unwrap();
    assert!(otree_hr::studies::close(&mut tx, &study, world.lab.clock_now()).await.unwrap());
    // The publisher had read the batch before.
    let batch = batches::of_study(&mut tx, study.id).await.unwrap().remove(0);
    assert!(!batches::sending(&mut tx, batch.id, world.lab.clock_now()).await.unwrap());
    tx.commit().await.unwrap();
    world.quiet().await;
    assert_eq!(world.journal(Effect::HitCreated).await.len(), 0);
}

#[tokio::test]
async fn a_batch_whose_answer_was_lost_before_closing_is_found_and_taken_off() {
    for (fault, found) in [(FaultKind::DropAfter, 1), (FaultKind::DropBefore, 0)] {
        let world = World::new().await;
        let form = Typed { places: "2".into(), ..world.lab.form() };
        world.trouble(fault, "CreateHITWithHITType", 1).await;
        let study = world.press_publish(&form).await;
        world.quiet().await;
        world.trouble(FaultKind::FailBefore, "ListHITs", 3).await;
        let mut tx = world.app().pool.begin().await.unwrap();
        assert!(otree_hr::studies::close(&mut tx, &study, world.lab.clock_now()).await.unwrap());
        tx.commit().await.unwrap();
        for _ in 0..6 {
            world.later(Duration::minutes(6)).await;
        }
        assert_eq!(world.journal(Effect::HitExpirationSet).await.len(), found, "{fault:?}");
        let mut conn = world.app().pool.acquire().await.unwrap();
        let batch = batches::of_study(&mut conn, study.id).await.unwrap().remove(0);
        assert_eq!(batch.state == "refused", found == 0, "{batch:?}");
        assert!(batch.expired_at.is_some() && world.lab.study(study.id).await.problem.is_none());
    }
}

#[tokio::test]
async fn a_site_that_cannot_make_a_session_is_asked_ever_more_seldom() {
    let world = World::new().await;
    world.otree.set_down(true);
    let study = world.press_publish(&world.lab.form()).await;
    for _ in 0..30 {
        world.later(Duration::seconds(2)).await;
    }
    let tries = world.lab.count("SELECT count(*) FROM otree_session WHERE state = 'abandoned'").await;
    assert!((2..=6).contains(&tries), "{tries} tries in a minute");
    world.otree.set_down(false);
    world.later(Duration::minutes(5)).await;
    assert_eq!(world.lab.study(study.id).await.state, State::Open);
}

#[tokio::test]
async fn a_session_of_one_study_is_not_taken_in_by_another() {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    let mut conn = world.app().pool.acquire().await.unwrap();
    let code = sessions::latest(&mut conn, study.id).await.unwrap().unwrap().code.unwrap();
    drop(conn);
    let other = world.press_publish(&Typed { adopt: code, ..world.lab.form() }).await;
    world.quiet().await;
    let other = world.lab.study(other.id).await;
    assert_eq!(other.state, State::Publishing);
    assert!(other.problem.as_deref().unwrap().contains("belongs to another study"), "{:?}", other.problem);
    assert_eq!(world.lab.count("SELECT count(DISTINCT study_id) FROM seat").await, 1);
}
