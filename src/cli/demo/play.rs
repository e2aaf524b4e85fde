//! The simulated workers: they find the HITs, play oTree to the end, submit; then a researcher's decision
//! pays them.

use std::time::Duration;

use anyhow::bail;
use market::workers::bots::{self, BotEvent, BotPlan};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::lab::Scene;
use super::state::State;
use super::table;
use crate::app::App;
use crate::participation::{self, Participation, Stage};
use crate::review::{self, Decision, Wish};
use crate::studies;

/// The longest wait for one stage of the money.
const PATIENCE: Duration = Duration::from_secs(120);

/// Plays the study from the first arrival to the last bonus. Whether everybody was paid.
pub(super) async fn run(app: &App, state: &State, scene: &Scene) -> anyhow::Result<bool> {
    let mut conn = app.pool.acquire().await?;
    let study = studies::store::get(&mut conn, scene.study).await?;
    let places = usize::try_from(study.places)?;
    drop(conn);
    println!("{places} simulated workers look for “{}” …", scene.title);
    let plan = BotPlan {
        group_title: Some(scene.title.clone()),
        seed: state.seed,
        ..BotPlan::new(app.config.market_url.clone(), places)
    };
    let (events, heard) = mpsc::channel(64);
    let (reports, ()) = tokio::join!(bots::run(plan, events), tell(heard, places));
    for report in reports.iter().filter(|report| report.outcome.is_err()) {
        println!("  bot {}: {}", report.bot, report.outcome.as_ref().err().map_or("", String::as_str));
    }
    next_seed(app, state)?;
    wait_for(app, scene, places, "submitted, as the marketplace says", |one| one.submitted_at.is_some())
        .await?;
    decide(app, scene).await?;
    wait_for(app, scene, places, "approved", |one| one.approved_at.is_some()).await?;
    wait_for(app, scene, places, "paid", |one| one.stage == Stage::Paid).await?;
    table::print(app, scene).await
}

/// The next run publishes another study and brings other people.
fn next_seed(app: &App, state: &State) -> anyhow::Result<()> {
    let text = serde_json::to_value(state)?;
    let mut next: State = serde_json::from_value(text)?;
    next.seed += 1;
    next.save(&app.config.data)
}

/// One line whenever a stage moves on.
async fn tell(mut heard: mpsc::Receiver<BotEvent>, places: usize) {
    let mut counts = [0usize; 5];
    const STAGES: [&str; 5] = ["signed in", "accepted", "opened oTree", "finished in oTree", "submitted"];
    while let Some(event) = heard.recv().await {
        let stage = match event {
            BotEvent::SignedIn { .. } => 0,
            BotEvent::Accepted { .. } => 1,
            BotEvent::Opened { .. } => 2,
            BotEvent::Finished { .. } => 3,
            BotEvent::Submitted { .. } => 4,
            BotEvent::Returned { .. } | BotEvent::Left { .. } | BotEvent::Failed { .. } => {
                println!("  {event}");
                continue;
            }
        };
        counts[stage] += 1;
        println!("  {:>2} of {places} {}", counts[stage], STAGES[stage]);
    }
}

async fn people(app: &App, scene: &Scene) -> anyhow::Result<Vec<Participation>> {
    let mut conn = app.pool.acquire().await?;
    Ok(participation::store::of_study(&mut conn, scene.lab, scene.study, None).await?)
}

/// Waits until everybody is so far; says how many are. Gives up after a while: the table shows the rest.
async fn wait_for(
    app: &App,
    scene: &Scene,
    places: usize,
    stage: &str,
    there: impl Fn(&Participation) -> bool,
) -> anyhow::Result<()> {
    let started = tokio::time::Instant::now();
    let mut told = usize::MAX;
    loop {
        let count = people(app, scene).await?.iter().filter(|one| there(one)).count();
        if count != told {
            println!("  {count:>2} of {places} {stage}");
            told = count;
        }
        if count >= places || started.elapsed() > PATIENCE {
            return Ok(());
        }
        let mut conn = app.pool.acquire().await?;
        participation::tracker::look_now(&mut conn, scene.study, app.clock.now()).await?;
        drop(conn);
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

/// Approves everybody who finished and submitted, with oTree's payoff as the bonus: what a researcher does
/// on the review page.
async fn decide(app: &App, scene: &Scene) -> anyhow::Result<()> {
    let able: Vec<Uuid> = people(app, scene)
        .await?
        .iter()
        .filter(|one| one.stage == Stage::Submitted)
        .map(|one| one.id.0)
        .collect();
    if able.is_empty() {
        bail!("nobody has finished and submitted, so there is nobody to pay");
    }
    let decision = Decision::ApproveWithBonus { feedback: "Thank you for taking part.".into(), amount: None };
    let mut tx = app.pool.begin().await?;
    let study = studies::store::get(&mut tx, scene.study).await?;
    let wishes = Wish::alike(&able, &decision);
    let total = review::plan(&mut tx, &study, &wishes).await?.total();
    println!("Approving {} and paying their bonuses: {} {total} with fees …", able.len(), study.currency);
    review::carry_out(&mut tx, app.clock.now(), &study, scene.account, &wishes, total).await?;
    tx.commit().await?;
    Ok(())
}
