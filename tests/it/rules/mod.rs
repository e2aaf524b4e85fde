//! Review by rules: what is approved without a person, what is put up for one, who is told.

mod apply;
mod digest;
mod pages;

use chrono::Duration;
use otree_hr::review::rules::{Agreement, Condition, RuleSet, Source, Test, Valid};
use otree_hr::review::verdicts::{self, NewRules, Outcome, Stored};
use otree_hr::studies::Study;
use serde_json::Value;

use crate::support::stand_in;
use crate::support::world::{Guest, World};

/// Finished in oTree; the payoff is paid; half an hour to stop it.
fn finished() -> NewRules {
    let rules =
        RuleSet { finished: true, pays_payoff: true, feedback: "Thank you".into(), ..RuleSet::default() };
    NewRules { active: true, rules, undo_s: 1800, digest_s: 0 }
}

/// The same, and a participant variable must be at least so much.
fn at_least(name: &str, value: &str) -> NewRules {
    let condition = Condition {
        source: Source::Participant,
        name: name.into(),
        test: Test::AtLeast,
        value: value.into(),
    };
    let mut new = finished();
    new.rules.conditions.push(condition);
    new
}

/// Two of three say the same of a picture.
fn agreement() -> NewRules {
    let rule = Agreement {
        item: "picture".into(),
        answer: "label".into(),
        same: 2,
        of: 3,
        majority: false,
        valid: Valid::Any,
        feedback: "Most others saw something else.".into(),
    };
    let mut new = finished();
    new.rules.agreement = Some(rule);
    new
}

async fn save(world: &World, study: &Study, new: &NewRules) {
    let mut tx = world.app().pool.begin().await.unwrap();
    verdicts::save(&mut tx, world.lab.clock_now(), study, world.lab.owner, new).await.unwrap();
    tx.commit().await.unwrap();
}

/// Somebody who plays to the end with these variables and hands in; oTree and the recruiter have been asked.
async fn handed_in(world: &World, study: &Study, name: &str, vars: Value) -> Guest {
    let guest = world.arrive(study, name).await;
    world.play(&guest, serde_json::from_str(stand_in::PAYOFF).unwrap()).await;
    let seat = world.participation(&guest).await.participant_code.unwrap();
    world.otree.set_vars(&seat, &vars);
    world.submit(&guest).await;
    world.later(Duration::seconds(30)).await;
    guest
}

async fn verdict(world: &World, study: &Study, guest: &Guest) -> Option<Stored> {
    let mut conn = world.app().pool.acquire().await.unwrap();
    verdicts::of_study(&mut conn, study.id).await.unwrap().remove(&guest.id)
}

async fn outcome(world: &World, study: &Study, guest: &Guest) -> Option<Outcome> {
    verdict(world, study, guest).await.map(|stored| stored.outcome)
}
