//! Runs of simulated workers: what each is meant to do is what the journal says happened.

use std::collections::HashSet;
use std::time::Duration;

use market::engine::qualifications::types;
use market::journal::{Effect, Filter, JournalEntry};
use market::workers::bots::runs::{self, BotRow, Run, RunOrder, RunState};
use market::workers::bots::{Behaviour, BotPlan, Home, Shares, run};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::bots::{plan, study};
use crate::world::{World, external, world};

const PATIENCE: Duration = Duration::from_secs(60);

fn order(json: serde_json::Value) -> RunOrder {
    serde_json::from_value(json).unwrap()
}

async fn ended(world: &World, run: &Run) -> (Run, Vec<BotRow>) {
    ended_at_pace(world, run, chrono::Duration::zero()).await
}

/// The same while the clock is put forward by `step` at each look.
async fn ended_at_pace(world: &World, run: &Run, step: chrono::Duration) -> (Run, Vec<BotRow>) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let now = runs::find(&world.market, &world.requester_id, &run.run_id).await.unwrap().unwrap();
        let bots = runs::bots(&world.market, &run.run_id).await.unwrap();
        if now.ended_at.is_some() {
            return (now, bots);
        }
        assert!(Instant::now() < deadline, "the run did not end: {bots:?}");
        world.clock.advance(step);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// What the journal says of this worker.
async fn effects(world: &World, worker_id: &str) -> Vec<Effect> {
    journal(world)
        .await
        .iter()
        .filter(|e| e.worker_id.as_deref() == Some(worker_id))
        .map(|e| e.effect)
        .collect()
}

async fn journal(world: &World) -> Vec<JournalEntry> {
    world.market.journal(&Filter::default()).await.unwrap()
}

#[tokio::test]
async fn every_behaviour_leaves_its_own_trace_in_the_journal() {
    let world = world().await;
    let (base, _) = study().await;
    for _ in 0..2 {
        world.publish("Pick a number", &external(&format!("{base}go/1")), 9).await;
    }
    let shares = json!({ "complete": 1, "slow_starter": 1, "return": 1, "abandon": 1, "submit_unfinished": 1,
        "never_submit": 1, "double_accept": 1, "two_accounts": 1 });
    let asked =
        order(json!({ "workers": 8, "shares": shares, "slow_start_seconds": 1, "wait_limit_seconds": 10 }));
    let run = runs::start(&world.market, &world.requester_id, asked).await.unwrap();
    // The slow starter waits by the market's clock, which moves a second at each look: 60 s of looks stay within
    // the thirty minutes that everybody has.
    let (run, bots) = ended_at_pace(&world, &run, chrono::Duration::seconds(1)).await;
    assert_eq!(run.state, RunState::Finished);
    // Who went away loses the place at the deadline.
    world.clock.advance(chrono::Duration::seconds(1801));
    world.market.tick().await.unwrap();

    assert_eq!(bots.iter().map(|bot| bot.behaviour).collect::<HashSet<_>>(), HashSet::from(Behaviour::ALL));
    for bot in &bots {
        assert_eq!(bot.problem, None, "{bot:?}");
        let (stage, wanted): (&str, Vec<Vec<Effect>>) = match bot.behaviour {
            Behaviour::Complete | Behaviour::SlowStarter | Behaviour::SubmitUnfinished => {
                ("submitted", vec![vec![Effect::Accepted, Effect::Submitted]])
            }
            Behaviour::Return => ("returned", vec![vec![Effect::Accepted, Effect::Returned]]),
            Behaviour::Abandon | Behaviour::NeverSubmit => {
                ("left", vec![vec![Effect::Accepted, Effect::Abandoned]])
            }
            Behaviour::DoubleAccept => {
                let both = [Effect::Accepted, Effect::Accepted, Effect::Submitted, Effect::Submitted];
                ("submitted", vec![both.to_vec()])
            }
            Behaviour::TwoAccounts => {
                let each = vec![Effect::Accepted, Effect::Submitted];
                ("submitted", vec![each.clone(), each])
            }
        };
        assert_eq!(bot.stage, stage, "{bot:?}");
        assert_eq!(bot.worker_ids.len(), wanted.len(), "{bot:?}");
        for (worker_id, wanted) in bot.worker_ids.iter().zip(wanted) {
            assert_eq!(effects(&world, worker_id).await, wanted, "{bot:?}");
        }
        let played =
            !matches!(bot.behaviour, Behaviour::Return | Behaviour::Abandon | Behaviour::SubmitUnfinished);
        assert_eq!(bot.pages.is_some(), played, "{bot:?}");
    }
    let double = bots.iter().find(|bot| bot.behaviour == Behaviour::DoubleAccept).unwrap();
    let hits: HashSet<_> = journal(&world)
        .await
        .into_iter()
        .filter(|e| e.effect == Effect::Accepted && e.worker_id.as_ref() == double.worker_ids.first())
        .map(|e| e.hit_id)
        .collect();
    assert_eq!(hits.len(), 2, "two HITs of one group");
}

#[tokio::test]
async fn a_slow_starter_does_not_start_while_the_market_stands_still() {
    let world = world().await;
    let (base, finished) = study().await;
    world.publish("Pick a number", &external(&format!("{base}go/1")), 1).await;
    let asked = order(json!({ "workers": 1, "shares": { "slow_starter": 1 }, "slow_start_seconds": 3000 }));
    let run = runs::start(&world.market, &world.requester_id, asked).await.unwrap();
    let deadline = Instant::now() + PATIENCE;
    while runs::bots(&world.market, &run.run_id).await.unwrap()[0].stage != "accepted" {
        assert!(Instant::now() < deadline, "nobody accepted");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(finished.lock().unwrap().is_empty());
    // The deadline of thirty minutes passes before they start: too late to submit.
    world.clock.advance(chrono::Duration::seconds(3000));
    let (_, bots) = ended(&world, &run).await;
    assert!(bots[0].problem.as_deref().unwrap().contains("time allotted"), "{bots:?}");
    assert_eq!(finished.lock().unwrap().len(), 1, "the study was played nonetheless");
}

#[tokio::test]
async fn people_come_by_the_markets_clock() {
    let world = world().await;
    let (base, _) = study().await;
    world.publish("Pick a number", &external(&format!("{base}go/1")), 3).await;
    let asked = order(json!({ "workers": 3, "arrivals_per_minute": 0.1 }));
    let run = runs::start(&world.market, &world.requester_id, asked).await.unwrap();
    tokio::time::sleep(Duration::from_millis(600)).await;
    let bots = runs::bots(&world.market, &run.run_id).await.unwrap();
    assert!(bots.iter().all(|bot| bot.stage == "waiting"), "{bots:?}");
    world.clock.advance(chrono::Duration::hours(3));
    let (_, bots) = ended(&world, &run).await;
    assert!(bots.iter().all(|bot| bot.stage == "submitted"), "{bots:?}");
}

#[tokio::test]
async fn a_page_that_no_bot_can_fill_is_in_the_report() {
    let world = world().await;
    let (base, _) = study().await;
    world.publish("Pick a number", &external(&format!("{base}picture")), 1).await;
    let run = runs::start(&world.market, &world.requester_id, order(json!({ "workers": 1 }))).await.unwrap();
    let (run, bots) = ended(&world, &run).await;
    assert_eq!((run.state, bots[0].stage.as_str()), (RunState::Finished, "failed"));
    assert_eq!(bots[0].problem_page.as_deref(), Some("/p/abcd1234/app/Picture/1"));
    assert!(bots[0].problem.as_deref().unwrap().contains("asks for a file"), "{bots:?}");
}

#[tokio::test]
async fn bots_have_the_homes_and_qualifications_of_their_plan() {
    let world = world().await;
    let (base, _) = study().await;
    let (mut tx, now) = world.market.begin().await.unwrap();
    let new = |name: &str, auto_granted: bool| types::NewType {
        name: name.into(),
        description: "For people of the lab".into(),
        keywords: None,
        active: true,
        retry_delay: None,
        auto_granted,
        auto_granted_value: 7,
        test: None,
    };
    let given = types::create(&mut tx, now, &world.requester_id, &new("Given", false)).await.unwrap();
    let asked = types::create(&mut tx, now, &world.requester_id, &new("Asked", true)).await.unwrap();
    let (given, asked) = (given.qualification_type_id, asked.qualification_type_id);
    tx.commit().await.unwrap();
    let requirements = json!([
        { "QualificationTypeId": given, "Comparator": "EqualTo", "IntegerValues": [5] },
        { "QualificationTypeId": asked, "Comparator": "EqualTo", "IntegerValues": [7] },
        { "QualificationTypeId": "00000000000000000071", "Comparator": "EqualTo",
          "LocaleValues": [{ "Country": "US", "Subdivision": "CA" }] },
    ]);
    world.publish_for("Pick a number", &external(&format!("{base}go/1")), 1, requirements).await;
    let order = order(json!({ "workers": 1, "homes": [{ "country": "us", "subdivision": "ca" }],
        "ask_for": [asked], "grant": [{ "qualification_type_id": given, "value": 5 }] }));
    let run = runs::start(&world.market, &world.requester_id, order).await.unwrap();
    let (_, bots) = ended(&world, &run).await;
    assert_eq!(bots[0].stage, "submitted", "{bots:?}");
}

#[tokio::test]
async fn a_run_is_its_requesters_alone_and_takes_their_hits_only() {
    let world = world().await;
    let (base, _) = study().await;
    world.publish("Pick a number", &external(&format!("{base}go/1")), 1).await;
    let keys = world.market.create_requester("Choice Lab", kernel::money::Cents(0)).await.unwrap();
    let asked = order(json!({ "workers": 1, "wait_limit_seconds": 1 }));
    let run = runs::start(&world.market, &keys.requester_id, asked).await.unwrap();
    assert!(runs::find(&world.market, &world.requester_id, &run.run_id).await.unwrap().is_none());
    assert!(!runs::stop(&world.market, &world.requester_id, &run.run_id).await.unwrap());
    let deadline = Instant::now() + PATIENCE;
    while runs::find(&world.market, &keys.requester_id, &run.run_id)
        .await
        .unwrap()
        .unwrap()
        .ended_at
        .is_none()
    {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let accepted = journal(&world).await.into_iter().filter(|entry| entry.effect == Effect::Accepted);
    assert_eq!(accepted.count(), 0, "another requester of the same name has a HIT");
}

#[tokio::test]
async fn a_run_stops_when_asked_and_one_whose_process_ended_shows_as_stopped() {
    let world = world().await;
    let asked = || order(json!({ "workers": 2, "wait_limit_seconds": 3600 }));
    let run = runs::start(&world.market, &world.requester_id, asked()).await.unwrap();
    assert!(runs::stop(&world.market, &world.requester_id, &run.run_id).await.unwrap());
    let (stopped, _) = ended(&world, &run).await;
    assert_eq!(stopped.state, RunState::Stopped);
    assert!(!runs::stop(&world.market, &world.requester_id, &run.run_id).await.unwrap());

    // A row without a process: what a crash leaves.
    let left = runs::start(&world.market, &world.requester_id, asked()).await.unwrap();
    sqlx::query(
        "insert into market.bot_run (run_id, requester_id, plan, started_at, seen_at)
         select 'CRASHED', requester_id, plan, started_at, started_at from market.bot_run where run_id = $1",
    )
    .bind(&left.run_id)
    .execute(world.market.pool())
    .await
    .unwrap();
    world.clock.advance(chrono::Duration::seconds(30));
    let crashed = runs::find(&world.market, &world.requester_id, "CRASHED").await.unwrap().unwrap();
    assert_eq!((crashed.state, crashed.ended_at), (RunState::Stopped, None));
    runs::stop(&world.market, &world.requester_id, &left.run_id).await.unwrap();
    ended(&world, &left).await;
}

#[tokio::test]
async fn bots_of_a_public_marketplace_do_not_visit_this_machine() {
    let world = world().await;
    let settings = market::Settings::new("https://market.example/".parse().unwrap());
    let guard = settings.bots_reach().unwrap();
    let visitor = market::workers::bots::browser::Visitor::within(guard).unwrap();
    let mut browser = market::workers::bots::browser::Browser::on(visitor);
    let refused = browser.get(&world.at("")).await.unwrap_err().to_string();
    assert!(refused.contains("private address"), "{refused}");
}

#[tokio::test]
async fn the_same_seed_gives_the_same_behaviours_to_the_same_bots() {
    let world = world().await;
    let shares = Shares { complete: 1.0, abandon: 1.0, give_back: 1.0, ..Shares::default() };
    let homes = vec![
        Home { country: "US".into(), subdivision: None },
        Home { country: "DE".into(), subdivision: None },
    ];
    let none = |seed| BotPlan {
        seed,
        shares: shares.clone(),
        homes: homes.clone(),
        wait_limit: Duration::ZERO,
        ..plan(&world, 9)
    };
    let crew = |plan: &BotPlan| plan.crew().iter().map(|m| (m.behaviour, m.home.clone())).collect::<Vec<_>>();
    assert_eq!(crew(&none(3)), crew(&none(3)));
    let (events, mut heard) = mpsc::channel(100);
    tokio::spawn(async move { while heard.recv().await.is_some() {} });
    let reports = run(none(3), events).await;
    let behaved: Vec<_> = reports.iter().map(|report| report.behaviour).collect();
    assert_eq!(behaved, crew(&none(3)).iter().map(|(behaviour, _)| *behaviour).collect::<Vec<_>>());
    assert!(reports.iter().all(|report| report.outcome.is_err()), "there is no HIT");
}
