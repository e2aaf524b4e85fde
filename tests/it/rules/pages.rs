//! The pages of rules, asked as browsers ask.

use axum::http::StatusCode;
use chrono::Duration;
use otree_hr::labs::Role;
use otree_hr::studies::Study;
use serde_json::json;

use super::{agreement, at_least, finished, handed_in, save};
use crate::support::client::{Answer, Browser};
use crate::support::lab::Lab;
use crate::support::world::World;

fn path(lab: &Lab, study: &Study) -> String {
    format!("/labs/{}/studies/{}", lab.id, study.id)
}

/// A form that asks for nothing but the end; `more` fields after it.
fn form<'a>(wish: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let simple = [("finished", "on"), ("pays", "payoff"), ("undo", "30"), ("digest", "24"), ("do", wish)];
    simple.into_iter().chain(more.iter().copied()).collect()
}

async fn ok(browser: &Browser, path: &str) -> Answer {
    let answer = browser.get(path).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
    answer
}

#[tokio::test]
async fn rules_are_tried_kept_seen_and_stopped() {
    let world = World::new().await;
    let ada = world.lab.browser(world.lab.owner).await;
    let study = world.publish(&world.lab.form()).await;
    let (home, rules) = (path(&world.lab, &study), format!("{}/rules", path(&world.lab, &study)));
    handed_in(&world, &study, "Anna", json!({ "attention": 3 })).await;
    handed_in(&world, &study, "Bert", json!({ "attention": 1 })).await;
    let line = [("source1", "participant"), ("name1", "attention"), ("test1", "at_least"), ("value1", "2")];

    // Tried before it is kept: oTree is asked for the variable there and then.
    let tried = ada.post(&rules, &form("try", &line)).await;
    assert_eq!(tried.status, StatusCode::OK, "{}", tried.body);
    let trial = tried.between("id=\"trial\"", "</article>");
    assert!(trial.contains("approve</span>") && trial.contains("needs your look</span>"), "{trial}");
    assert!(trial.contains("it is “1”"), "{trial}");
    assert!(tried.body.contains("name=\"value1\" value=\"2\""), "what was typed stays");
    assert_eq!(world.lab.count("SELECT count(*) FROM review_rules").await, 0);
    let wrong = [("source1", "participant"), ("name1", "atention"), ("test1", "is_set"), ("value1", "")];
    let tried = ada.post(&rules, &form("try", &wrong)).await;
    assert!(tried.body.contains("participant.atention is set for none of the 2 people"), "{}", tried.body);

    let kept = ada.post(&rules, &form("save", &line)).await;
    assert_eq!(kept.location(), rules, "{}", kept.body);
    world.later(Duration::seconds(30)).await;
    let page = ok(&ada, &rules).await;
    assert!(page.body.contains("1 person to be approved, the first in 30 min"), "{}", page.body);
    assert!(page.body.contains("name=\"name1\" value=\"attention\""));
    let live = ok(&ada, &format!("{home}/live")).await;
    assert!(live.body.contains("1 submission will be approved by your rules"), "{}", live.body);
    assert!(live.body.contains("1 submission needs your look"), "{}", live.body);
    let table = ok(&ada, &format!("{home}/review?stage=review")).await;
    assert!(
        table.body.contains("will be approved at") && table.body.contains("name=\"stop\""),
        "{}",
        table.body
    );

    let who = table.between("name=\"stop\" value=\"", "\"").to_owned();
    ada.post(&format!("{rules}/stop"), &[("stop", &who)]).await;
    let after = ok(&ada, &format!("{home}/review?stage=review")).await;
    assert!(after.body.contains("1 approval stopped") && after.body.contains("approval by rule was stopped"));
    let nothing = ada.post(&format!("{rules}/stop"), &[("stop", "all")]).await;
    assert_eq!(nothing.status, StatusCode::SEE_OTHER);
    let said = ok(&ada, &format!("{home}/review")).await;
    assert!(said.body.contains("Nothing was stopped"), "{}", said.body);

    ada.post(&rules, &form("off", &[])).await;
    let off = ok(&ada, &rules).await;
    assert!(off.body.contains("<span class=\"badge\">off</span>"), "{}", off.body);
    assert!(off.body.contains("name=\"name1\" value=\"attention\""), "the rules stay in the form");
    assert_eq!(world.lab.count("SELECT count(*) FROM review_verdict WHERE state = 'standing'").await, 0);
}

#[tokio::test]
async fn mistakes_keep_what_was_typed_and_nothing_is_saved() {
    let lab = Lab::new().await;
    let ada = lab.browser(lab.owner).await;
    let study = lab.draft(&lab.form()).await;
    let rules = format!("{}/rules", path(&lab, &study));
    let odd = [("source1", "payoff"), ("test1", "more"), ("value1", "<lots>"), ("least", "soon")];
    let answer = ada.post(&rules, &form("save", &odd)).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.body.contains("An amount, such as 1.50.") && answer.body.contains("id=\"least-error\""));
    assert!(answer.body.contains("value=\"&#60;lots&#62;\"") && answer.body.contains("value=\"soon\""));
    let empty = ada.post(&rules, &[("pays", "reward"), ("do", "save")]).await;
    assert!(empty.body.contains("everybody would be approved"), "{}", empty.body);
    assert_eq!(ada.post(&rules, &form("dance", &[])).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(lab.count("SELECT count(*) FROM review_rules").await, 0);
}

#[tokio::test]
async fn an_old_otree_and_a_late_window_are_said_at_once() {
    let lab = Lab::new().await;
    let ada = lab.browser(lab.owner).await;
    let study = lab.draft(&lab.form()).await;
    sqlx::query("UPDATE site SET version = '5.4.0'").execute(&lab.app.pool).await.unwrap();
    sqlx::query("UPDATE study SET auto_approve_s = 1800").execute(&lab.app.pool).await.unwrap();
    let rules = format!("{}/rules", path(&lab, &study));
    let line = [("source1", "participant"), ("name1", "attention"), ("test1", "is_set")];
    ada.post(&rules, &form("save", &line)).await;
    for page in [rules.clone(), path(&lab, &study), format!("{}/publish", path(&lab, &study))] {
        let body = ok(&ada, &page).await.body;
        assert!(body.contains("oTree 5.4.0 does not tell participant.attention"), "{page}: {body}");
        assert!(body.contains("longer than the recruiter waits"), "{page}");
    }
    sqlx::query("UPDATE site SET version = '5.10.0'").execute(&lab.app.pool).await.unwrap();
    assert!(!ok(&ada, &rules).await.body.contains("does not tell"));
}

#[tokio::test]
async fn feedback_is_proposed_to_whoever_rejects() {
    let world = World::new().await;
    let ada = world.lab.browser(world.lab.owner).await;
    let study = world.publish(&world.lab.form()).await;
    save(&world, &study, &agreement()).await;
    let mut guests = Vec::new();
    for (name, label) in [("Anna", "cat"), ("Bert", "cat"), ("Carl", "dog")] {
        let vars = json!({ "picture": 1, "label": label });
        guests.push(handed_in(&world, &study, name, vars).await);
    }
    world.later(Duration::seconds(30)).await;
    let review = format!("{}/review", path(&world.lab, &study));
    let (with, outside) = (guests[0].id.to_string(), guests[2].id.to_string());
    let confirm = ada.post(&review, &[("decision", "reject"), ("id", &outside)]).await;
    assert!(confirm.body.contains("Most others saw something else."), "{}", confirm.body);
    let both = ada.post(&review, &[("decision", "reject"), ("id", &outside), ("id", &with)]).await;
    assert!(!both.body.contains("Most others saw"), "not the same for both");
    let own = ada.post(&review, &[("decision", "reject"), ("id", &outside), ("words", "Mine")]).await;
    assert!(own.body.contains("Mine") && !own.body.contains("Most others saw"));
}

#[tokio::test]
async fn viewers_look_and_change_nothing() {
    let world = World::new().await;
    let vera = world.lab.member(Role::Viewer).await;
    let study = world.publish(&world.lab.form()).await;
    save(&world, &study, &finished()).await;
    handed_in(&world, &study, "Anna", json!({})).await;
    let rules = format!("{}/rules", path(&world.lab, &study));
    let body = ok(&vera, &rules).await.body;
    assert!(body.contains("disabled") && !body.contains("name=\"do\"") && !body.contains("name=\"stop\""));
    for post in [rules.clone(), format!("{rules}/stop")] {
        assert_eq!(vera.post(&post, &form("save", &[])).await.status, StatusCode::FORBIDDEN);
    }
    let table = ok(&vera, &format!("{}/review", path(&world.lab, &study))).await.body;
    assert!(table.contains("will be approved at") && !table.contains("name=\"stop\""), "{table}");
}

#[tokio::test]
async fn another_labs_approvals_are_not_stopped() {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    save(&world, &study, &at_least("x", "1")).await;
    handed_in(&world, &study, "Anna", json!({ "x": 1 })).await;
    let other = world.lab.neighbour("second").await;
    let (own, _) = other.open_study(&other.form()).await;
    let stranger = other.browser(other.owner).await;
    let who: uuid::Uuid = sqlx::query_scalar("SELECT participation_id FROM review_verdict")
        .fetch_one(&world.app().pool)
        .await
        .unwrap();
    stranger.post(&format!("{}/rules/stop", path(&other, &own)), &[("stop", &who.to_string())]).await;
    assert_eq!(world.lab.count("SELECT count(*) FROM review_verdict WHERE state = 'stopped'").await, 0);
}
