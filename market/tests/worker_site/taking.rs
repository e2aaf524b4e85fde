//! Find, accept, work, submit, return.

use axum::http::StatusCode;
use chrono::Duration;
use kernel::money::Cents;
use market::engine::bonuses::{self, NewBonus};
use market::engine::{assignments, review};
use market::workers::bots::browser::{Browser, Page, client};
use scraper::{Html, Selector};

use crate::world::{World, assignment, attribute, browser, external, form, html_question, world, world_with};

const STUDY: &str = "https://hr.example/go/1?lang=en&arm=2";

async fn submit(world: &World, browser: &mut Browser, fields: &[(&str, &str)]) -> Page {
    browser.post(&world.at("mturk/externalSubmit"), &form(fields)).await.unwrap()
}

async fn state(world: &World, browser: &mut Browser, assignment_id: &str) -> Option<String> {
    let mine = browser.get(&world.at("work")).await.unwrap();
    attribute(&mine, &format!("tr[data-assignment='{assignment_id}']"), "data-state")
}

#[tokio::test]
async fn a_worker_accepts_submits_and_sees_what_they_earned() {
    let world = world().await;
    world.pay_really().await;
    let (hit_id, group) = world.publish("Pick a number", &external(STUDY), 3).await;
    let (mut browser, worker_id) = world.worker("Ada").await;

    let list = browser.get(&world.at("")).await.unwrap();
    assert_eq!(attribute(&list, "[data-group]", "data-title").as_deref(), Some("Pick a number"));
    let preview = browser.get(&world.at(&format!("groups/{group}"))).await.unwrap();
    let src = attribute(&preview, "iframe", "src").unwrap();
    assert!(src.contains("assignmentId=ASSIGNMENT_ID_NOT_AVAILABLE"), "{src}");

    let work = world.accept(&mut browser, &group).await;
    let assignment_id = assignment(&work);
    let submit_to = world.at("").to_string().replace(':', "%3A").replace('/', "%2F");
    let parameters =
        format!("assignmentId={assignment_id}&hitId={hit_id}&workerId={worker_id}&turkSubmitTo={submit_to}");
    assert_eq!(attribute(&work, "iframe", "src").unwrap(), format!("{STUDY}&{parameters}"));
    assert_eq!(attribute(&work, "iframe", "height").as_deref(), Some("600"));
    assert_eq!(state(&world, &mut browser, &assignment_id).await.as_deref(), Some("accepted"));

    let done = submit(&world, &mut browser, &[("assignmentId", &assignment_id), ("code", "xyz")]).await;
    assert_eq!(done.status, StatusCode::OK);
    let policy = done.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("frame-ancestors 'self'"), "the answer is shown in the frame: {policy}");
    assert_eq!(state(&world, &mut browser, &assignment_id).await.as_deref(), Some("submitted"));

    let (mut tx, now) = world.market.begin().await.unwrap();
    review::approve(&mut tx, now, &world.requester_id, &assignment_id, Some("Well done"), false)
        .await
        .unwrap();
    let bonus = NewBonus {
        worker_id,
        assignment_id: assignment_id.clone(),
        amount: Cents(70),
        reason: "Your payoff".into(),
        token: None,
    };
    let fees = &world.market.settings().fees;
    bonuses::send(&mut tx, now, &world.requester_id, fees, &bonus).await.unwrap();
    tx.commit().await.unwrap();
    let mine = browser.get(&world.at("work")).await.unwrap();
    for text in ["Approved", "Well done", "Bonus $0.70: Your payoff", "<dd>$2.20</dd>"] {
        assert!(mine.body.contains(text), "{text} is missing in {}", mine.body);
    }
}

#[tokio::test]
async fn what_was_submitted_is_what_the_requester_reads() {
    let world = world().await;
    let (_, group) = world.publish("Pick a number", &external(STUDY), 1).await;
    let (mut browser, _) = world.worker("Ada").await;
    let id = assignment(&world.accept(&mut browser, &group).await);
    submit(&world, &mut browser, &[("assignmentId", &id), ("code", "a & b"), ("hitId", "x")]).await;
    let mut conn = world.market.pool().acquire().await.unwrap();
    let answer = assignments::find(&mut conn, &id).await.unwrap().unwrap().answer.unwrap();
    assert!(answer.contains("a &amp; b") && !answer.contains("hitId"), "{answer}");
}

#[tokio::test]
async fn a_character_that_no_text_may_have_does_not_cost_the_work() {
    let world = world().await;
    let (_, group) = world.publish("Pick a number", &external(STUDY), 1).await;
    let (mut browser, _) = world.worker("Ada").await;
    let id = assignment(&world.accept(&mut browser, &group).await);
    let refused = submit(&world, &mut browser, &[("assignmentId", "\0"), ("code", "1")]).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(refused.body.contains("not one of ours"), "{}", refused.body);
    let fields = [("assignmentId", id.as_str()), ("workerId", "\0"), ("code", "x\0y")];
    assert_eq!(submit(&world, &mut browser, &fields).await.status, StatusCode::OK);
    let mut conn = world.market.pool().acquire().await.unwrap();
    let answer = assignments::find(&mut conn, &id).await.unwrap().unwrap().answer.unwrap();
    assert!(answer.contains(">xy<"), "{answer}");
}

#[tokio::test]
async fn submissions_that_do_not_fit_are_refused_in_words() {
    let world = world().await;
    let (_, group) = world.publish("Pick a number", &external(STUDY), 3).await;
    let (mut browser, _) = world.worker("Ada").await;
    let id = assignment(&world.accept(&mut browser, &group).await);
    for (fields, status, words) in [
        (vec![("code", "1")], StatusCode::BAD_REQUEST, "did not say which assignment"),
        (
            vec![("assignmentId", "ASSIGNMENT_ID_NOT_AVAILABLE"), ("code", "1")],
            StatusCode::BAD_REQUEST,
            "This was a preview",
        ),
        (
            vec![("assignmentId", id.as_str()), ("hitId", "1")],
            StatusCode::BAD_REQUEST,
            "at least one other field",
        ),
        (vec![("assignmentId", "3UNKNOWN"), ("code", "1")], StatusCode::NOT_FOUND, "not working on this HIT"),
    ] {
        let page = submit(&world, &mut browser, &fields).await;
        assert_eq!(page.status, status, "{fields:?}");
        assert!(page.body.contains(words), "{fields:?}: {}", page.body);
    }
    assert_eq!(state(&world, &mut browser, &id).await.as_deref(), Some("accepted"));
}

#[tokio::test]
async fn work_is_handed_in_once_in_time_and_by_who_holds_it() {
    let world = world().await;
    let (_, group) = world.publish("Pick a number", &external(STUDY), 3).await;
    let (mut ada, _) = world.worker("Ada").await;
    let (mut bob, _) = world.worker("Bob").await;
    let adas = assignment(&world.accept(&mut ada, &group).await);
    let bobs = assignment(&world.accept(&mut bob, &group).await);

    let forged = submit(&world, &mut bob, &[("assignmentId", &adas), ("code", "1")]).await;
    assert_eq!(forged.status, StatusCode::NOT_FOUND);
    let elses = [("assignmentId", adas.as_str()), ("workerId", "AEARLIERHOLDER"), ("code", "1")];
    let former = submit(&world, &mut browser(), &elses).await;
    assert_eq!(former.status, StatusCode::NOT_FOUND, "an id that another person has now");
    let without_cookie = submit(&world, &mut browser(), &[("assignmentId", &adas), ("code", "1")]).await;
    assert_eq!(without_cookie.status, StatusCode::OK, "a frame of another site has no cookie");
    let again = submit(&world, &mut ada, &[("assignmentId", &adas), ("code", "2")]).await;
    assert!(again.status == StatusCode::CONFLICT && again.body.contains("submitted before"));

    world.clock.advance(Duration::seconds(1801));
    let late = submit(&world, &mut bob, &[("assignmentId", &bobs), ("code", "1")]).await;
    assert!(late.status == StatusCode::CONFLICT && late.body.contains("time allotted"), "{}", late.body);
}

#[tokio::test]
async fn accepting_twice_holds_one_place_and_returning_gives_it_back() {
    let world = world().await;
    let (hit_id, group) = world.publish("Pick a number", &external(STUDY), 1).await;
    let (mut ada, _) = world.worker("Ada").await;
    let (mut bob, _) = world.worker("Bob").await;
    let accept = world.at(&format!("groups/{group}/accept"));
    let first = assignment(&ada.post(&accept, &form(&[("hit_id", &hit_id)])).await.unwrap());
    let second = assignment(&ada.post(&accept, &form(&[("hit_id", &hit_id)])).await.unwrap());
    assert_eq!(first, second);

    let none = world.accept(&mut bob, &group).await;
    assert!(none.status == StatusCode::NOT_FOUND && none.body.contains("No HIT left"));
    let stranger = bob.post(&world.at(&format!("work/{first}/return")), &[]).await.unwrap();
    assert_eq!(stranger.status, StatusCode::NOT_FOUND);
    ada.post(&world.at(&format!("work/{first}/return")), &[]).await.unwrap();
    let work = world.accept(&mut bob, &group).await;
    assert_ne!(assignment(&work), first);
}

#[tokio::test]
async fn who_may_return_a_hit_reads_what_that_means_here() {
    let none = "it does not count against you";
    for (counts, is_final, expected) in [
        (false, false, vec![none]),
        (true, false, vec!["your approval rate goes down"]),
        (false, true, vec![none, "you cannot take it again"]),
        (true, true, vec!["your approval rate goes down", "you cannot take it again"]),
    ] {
        let world = world_with(|settings| {
            settings.approval_rate.given_up_counts = counts;
            settings.quirks.giving_up_is_final = is_final;
        })
        .await;
        let (_, group) = world.publish("Pick a number", &external(STUDY), 2).await;
        let (mut ada, _) = world.worker("Ada").await;
        let work = world.accept(&mut ada, &group).await;
        let queue = ada.get(&world.at("queue")).await.unwrap();
        for page in [&work.body, &queue.body] {
            let told = [none, "your approval rate goes down", "you cannot take it again"];
            let told: Vec<_> = told.into_iter().filter(|words| page.contains(words)).collect();
            assert_eq!(told, expected);
        }
        ada.post(&world.at(&format!("work/{}/return", assignment(&work))), &[]).await.unwrap();
        let list = ada.get(&world.at("")).await.unwrap();
        assert_eq!(list.body.contains("Pick a number"), !is_final);
        let again = world.accept(&mut ada, &group).await;
        assert_eq!(again.status, if is_final { StatusCode::NOT_FOUND } else { StatusCode::OK });
    }
}

#[tokio::test]
async fn somebody_elses_work_page_is_not_found() {
    let world = world().await;
    let (_, group) = world.publish("Pick a number", &external(STUDY), 1).await;
    let (mut ada, _) = world.worker("Ada").await;
    let (mut bob, _) = world.worker("Bob").await;
    let id = assignment(&world.accept(&mut ada, &group).await);
    let page = bob.get(&world.at(&format!("work/{id}"))).await.unwrap();
    assert_eq!(page.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn html_content_is_served_without_an_origin_and_with_the_crowd_script() {
    let world = world().await;
    let content = "<html><head></head><body><crowd-form><crowd-input name='code'></crowd-input></crowd-form></body></html>";
    let (hit_id, group) = world.publish("Paste a code", &html_question(content), 1).await;
    let (mut ada, _) = world.worker("Ada").await;
    let work = world.accept(&mut ada, &group).await;
    let src = attribute(&work, "iframe", "src").unwrap();
    assert!(src.starts_with(&format!("/market/content/{hit_id}?assignmentId=")), "{src}");
    assert!(!attribute(&work, "iframe", "sandbox").unwrap().contains("allow-same-origin"));
    let frame = ada.get(&work.url.join(&src).unwrap()).await.unwrap();
    let policy = frame.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("sandbox ") && !policy.contains("allow-same-origin"), "{policy}");
    let script = attribute(&frame, "script", "src").unwrap();
    let script = ada.get(&frame.url.join(&script).unwrap()).await.unwrap();
    assert!(script.status.is_success() && script.body.contains("crowd-form"));
}

#[tokio::test]
async fn only_our_own_pages_may_act_for_a_worker() {
    let world = world().await;
    let (_, group) = world.publish("Pick a number", &external(STUDY), 1).await;
    let (_, _) = world.worker("Ada").await;
    let foreign = |path: &str, body: &'static str| {
        let request = client().unwrap().post(world.at(path)).header("origin", "https://evil.example");
        request.header("content-type", "application/x-www-form-urlencoded").body(body).send()
    };
    let accept = foreign(&format!("groups/{group}/accept"), "").await.unwrap();
    assert_eq!(accept.status(), StatusCode::FORBIDDEN);
    assert!(accept.text().await.unwrap().contains("another web site"));
    let frame = foreign("mturk/externalSubmit", "assignmentId=3UNKNOWN&a=1").await.unwrap();
    assert_eq!(frame.status(), StatusCode::NOT_FOUND, "frames post from other sites");
}

#[tokio::test]
async fn pages_refuse_to_be_framed_and_every_link_keeps_the_prefix() {
    let world = world().await;
    let (_, group) = world.publish("Pick a number", &external(STUDY), 1).await;
    let (mut ada, _) = world.worker("Ada").await;
    world.accept(&mut ada, &group).await;
    world.publish("Another one", &external(STUDY), 1).await;
    for path in ["", "work", "account", "groups/NONE", &format!("groups/{group}")] {
        let page = ada.get(&world.at(path)).await.unwrap();
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(page.headers["x-content-type-options"], "nosniff");
        let html = Html::parse_document(&page.body);
        for name in ["href", "action", "src"] {
            for element in html.select(&Selector::parse(&format!("[{name}]")).unwrap()) {
                let link = element.attr(name).unwrap();
                assert!(link.starts_with("/market") || link == "#main", "{path}: {link}");
            }
        }
    }
}
