//! A run of simulated workers of every kind on a published study: what the product knows of each afterwards is what the
//! marketplace's journal says.

use std::collections::HashMap;
use std::time::Duration;

use market::clock::Turn;
use market::journal::{Effect, Filter};
use market::workers::bots::Behaviour;
use market::workers::bots::runs::{self, BotRow, RunOrder, RunState};
use otree_hr::participation::{self, Stage as Progress};
use otree_hr::studies::Study;
use otree_hr::studies::draft::Typed;
use tokio::time::Instant;

use crate::support::otree::{Otree, Release};
use crate::support::stage::Stage;

const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test]
async fn the_product_knows_of_everybody_what_the_journal_says() {
    let otree = Otree::start(Release::Six).await;
    let stage = Stage::open(&otree).await;
    // Three HITs: whoever takes two finds another, even where the rest of them have filled the first.
    let typed = Typed { places: "18".into(), batch_size: "6".into(), spares: "12".into(), ..stage.typed() };
    let study = stage.publish(&typed).await;
    let bots = run_to_the_end(&stage, &study).await;
    assert!(bots.iter().all(|bot| bot.problem.is_none()), "{bots:?}");
    let happened = journal(&stage).await;
    everything_is_over(&stage).await;
    let deadline = Instant::now() + PATIENCE;
    while let Err(why) = agrees(&stage, &study, &bots, &happened).await {
        assert!(Instant::now() < deadline, "{why}");
        let mut conn = stage.app.pool.acquire().await.unwrap();
        participation::tracker::look_now(&mut conn, study.id, stage.app.clock.now()).await.unwrap();
        drop(conn);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    stage.close().await;
}

async fn requester(stage: &Stage) -> String {
    sqlx::query_scalar("SELECT requester_id FROM market.requester").fetch_one(&stage.app.pool).await.unwrap()
}

async fn run_to_the_end(stage: &Stage, study: &Study) -> Vec<BotRow> {
    let requester = requester(stage).await;
    let order: RunOrder = serde_json::from_value(serde_json::json!({
        "workers": 8, "title": study.title, "slow_start_seconds": 2, "wait_limit_seconds": 90,
        "shares": { "complete": 1, "slow_starter": 1, "return": 1, "abandon": 1, "submit_unfinished": 1,
            "never_submit": 1, "double_accept": 1, "two_accounts": 1 },
    }))
    .unwrap();
    let market = &stage.app.market;
    let run = runs::start(market, &requester, order).await.unwrap();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let bots = runs::bots(market, &run.run_id).await.unwrap();
        match runs::find(market, &requester, &run.run_id).await.unwrap().unwrap().state {
            RunState::Finished => return bots,
            state => assert!(Instant::now() < deadline, "{state:?}: {bots:?}"),
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// The last effect on each assignment, before anything ends by itself.
async fn journal(stage: &Stage) -> HashMap<String, Effect> {
    let entries = stage.app.market.journal(&Filter::default()).await.unwrap();
    entries.into_iter().filter_map(|entry| Some((entry.assignment_id?, entry.effect))).collect()
}

/// Puts the marketplace behind the end of all HITs: nobody works any more.
async fn everything_is_over(stage: &Stage) {
    let end: chrono::DateTime<chrono::Utc> = sqlx::query_scalar("SELECT max(expiration) FROM market.hit")
        .fetch_one(&stage.app.pool)
        .await
        .unwrap();
    stage.app.market.set_clock(Turn::To(end + chrono::Duration::minutes(1))).await.unwrap();
}

/// Whether the product's stages are what they should be.
async fn agrees(
    stage: &Stage,
    study: &Study,
    bots: &[BotRow],
    happened: &HashMap<String, Effect>,
) -> Result<(), String> {
    let people = stage.people(study).await;
    let expected: usize = bots.iter().map(|bot| bot.worker_ids.len()).sum();
    assert_eq!(people.len(), expected, "one participation for each worker who came: {people:?}");
    for bot in bots {
        let theirs: Vec<_> =
            people.iter().filter(|one| bot.assignment_ids.contains(&one.assignment_id)).collect();
        assert_eq!(theirs.len(), bot.worker_ids.len(), "{bot:?}");
        for one in theirs {
            let (effect, right) = (happened[&one.assignment_id], meant(bot.behaviour));
            if (effect, one.stage) != right {
                return Err(format!("{:?}: {effect:?} and {:?}, not {right:?}", bot.behaviour, one.stage));
            }
        }
        if bot.behaviour == Behaviour::DoubleAccept {
            // The study told them to give the second HIT back, and they did.
            assert_eq!(happened[&bot.assignment_ids[1]], Effect::Returned, "{bot:?}");
        }
    }
    Ok(())
}

/// The journal's last word before the end of the HITs, and the product's after it.
fn meant(behaviour: Behaviour) -> (Effect, Progress) {
    match behaviour {
        Behaviour::Complete | Behaviour::SlowStarter | Behaviour::TwoAccounts | Behaviour::DoubleAccept => {
            (Effect::Submitted, Progress::Submitted)
        }
        Behaviour::SubmitUnfinished => (Effect::Submitted, Progress::SubmittedUnfinished),
        Behaviour::Return => (Effect::Returned, Progress::WorkedThenReturned),
        Behaviour::Abandon => (Effect::Accepted, Progress::WorkedThenReturned),
        Behaviour::NeverSubmit => (Effect::Accepted, Progress::FinishedUnsubmitted),
    }
}
