//! Each completion rule, from publishing to the last bonus, on a real oTree: simulated workers play it.

use kernel::money::Cents;
use otree_hr::participation::{Participation, Stage as Progress};
use otree_hr::studies::Completion;
use otree_hr::studies::draft::Typed;

use crate::support::otree::{Otree, Release};
use crate::support::stage::Stage;

use super::on_both_releases;

on_both_releases!(
    reported_finish_in_a_new_tab,
    exit_door_in_the_frame,
    exit_door_in_a_new_tab,
    last_page_of_an_experiment_that_reports_nothing,
    button_on_the_last_page,
    pairs_that_wait_for_each_other,
    an_existing_session,
);

/// Publishes, plays, pays; everybody is paid their payoff, and finished by the rule.
async fn through(stage: &Stage, typed: &Typed, rule: Completion) -> Vec<Participation> {
    let study = stage.publish(typed).await;
    assert_eq!(study.completion, rule);
    for report in stage.play(&study).await {
        assert_eq!(report.outcome, Ok(()), "bot {}", report.bot);
    }
    stage.until(&study, Progress::Submitted).await;
    let paid = stage.pay(&study).await;
    for one in &paid {
        assert_eq!(one.finished_by, Some(rule));
        assert_eq!(one.bonus, one.payoff, "{:?}", one.payoff_problem);
        assert!(one.payoff.is_some_and(Cents::is_positive), "{:?}", one.payoff);
    }
    let mut seats: Vec<_> = paid.iter().map(|one| one.participant_code.clone().unwrap()).collect();
    seats.sort();
    seats.dedup();
    assert_eq!(seats.len(), paid.len(), "a seat was shared");
    paid
}

async fn reported_finish_in_a_new_tab(release: Release) {
    let otree = Otree::start(release).await;
    let stage = Stage::open(&otree).await;
    through(&stage, &stage.typed(), Completion::Reported).await;
    stage.close().await;
}

async fn exit_door_in_the_frame(release: Release) {
    let otree = Otree::start(release).await;
    let stage = Stage::open(&otree).await;
    let typed = Typed { completion: "exit_door".into(), play: "in_frame".into(), ..stage.typed() };
    through(&stage, &typed, Completion::ExitDoor).await;
    stage.close().await;
}

async fn exit_door_in_a_new_tab(release: Release) {
    let otree = Otree::start(release).await;
    let stage = Stage::open(&otree).await;
    let typed = Typed { completion: "exit_door".into(), ..stage.typed() };
    through(&stage, &typed, Completion::ExitDoor).await;
    stage.close().await;
}

async fn last_page_of_an_experiment_that_reports_nothing(release: Release) {
    let otree = Otree::start_with(release, &[("DEMO_UNADAPTED", "1")]).await;
    let stage = Stage::open(&otree).await;
    let typed = Typed {
        config: "plain".into(),
        completion: "last_page".into(),
        last_page: "Thanks".into(),
        ..stage.typed()
    };
    through(&stage, &typed, Completion::LastPage).await;
    stage.close().await;
}

async fn button_on_the_last_page(release: Release) {
    let otree = Otree::start(release).await;
    let stage = Stage::open(&otree).await;
    let typed = Typed { config: "solo_button".into(), completion: "no_more_pages".into(), ..stage.typed() };
    through(&stage, &typed, Completion::NoMorePages).await;
    stage.close().await;
}

async fn pairs_that_wait_for_each_other(release: Release) {
    let otree = Otree::start(release).await;
    let stage = Stage::open(&otree).await;
    let typed = Typed { config: "pair".into(), places: "4".into(), group_size: "2".into(), ..stage.typed() };
    let paid = through(&stage, &typed, Completion::Reported).await;
    // Both of a pair got half of the same pot and what they kept.
    assert_eq!(paid.len(), 4);
    stage.close().await;
}

async fn an_existing_session(release: Release) {
    let otree = Otree::start(release).await;
    let stage = Stage::open(&otree).await;
    let new = otree_hr::otree::NewSession {
        config: "solo".into(),
        participants: 3,
        label: "made by hand".into(),
        changes: serde_json::Map::new(),
    };
    let otree_hr::otree::CreateOutcome::Created { code, .. } = otree.client().create(&new).await else {
        panic!("no session")
    };
    // One seat is used already, so two are left for two places.
    let info = otree.client().session(&code, &Default::default()).await.unwrap();
    let used = info.participants[0].code.clone();
    let start = otree_hr::otree::links::start(&otree.base, &used, Some("somebody"));
    reqwest::get(start).await.unwrap();
    let typed = Typed { adopt: code, ..stage.typed() };
    let paid = through(&stage, &typed, Completion::Reported).await;
    assert!(paid.iter().all(|one| one.participant_code.as_ref() != Some(&used)));
    stage.close().await;
}
