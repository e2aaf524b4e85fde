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
    a_session_of_an_old_server_by_its_link,
    variables_from_the_link,
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

async fn a_session_of_an_old_server_by_its_link(release: Release) {
    let otree = Otree::start_with(release, &[("DEMO_UNADAPTED", "1")]).await;
    let stage = Stage::open(&otree).await;
    stage.wait_for_site_check().await;
    // As the check says of a server before 5.1: from here on nothing is asked over REST.
    sqlx::query("UPDATE site SET state = 'links_only'").execute(&stage.app.pool).await.unwrap();
    let new = otree_hr::otree::NewSession {
        config: "plain".into(),
        participants: 3,
        label: "made by hand".into(),
        changes: serde_json::Map::new(),
    };
    let otree_hr::otree::CreateOutcome::Created { join_path, .. } = otree.client().create(&new).await else {
        panic!("no session")
    };
    let typed = Typed {
        config: "plain".into(),
        adopt: join_path.trim_matches('/').rsplit('/').next().unwrap().to_owned(),
        completion: "last_page".into(),
        last_page: "Thanks".into(),
        ..stage.typed()
    };
    let study = stage.publish(&typed).await;
    for report in stage.play(&study).await {
        assert_eq!(report.outcome, Ok(()), "bot {}", report.bot);
    }
    let submitted = stage.until(&study, Progress::Submitted).await;
    assert!(
        submitted.iter().all(|one| one.payoff.is_none() && one.finished_by == Some(Completion::LastPage))
    );
    stage.close().await;
}

async fn variables_from_the_link(release: Release) {
    let otree = Otree::start(release).await;
    let stage = Stage::open(&otree).await;
    let typed = Typed { variables: "treatment".into(), ..stage.typed() };
    let study = stage.publish(&typed).await;
    let hit = stage.hit(&study).await;
    let door = format!(
        "{}go/{}?assignmentId=3AAA&hitId={hit}&workerId=A1WORKER&treatment=blue&other=red",
        stage.app.config.public_url, study.code
    );
    let page = reqwest::get(&door).await.unwrap();
    assert!(!page.url().as_str().contains("A1WORKER"), "the WorkerId stays out of our pages' addresses");
    // The way to oTree opens once oTree has the variable.
    let open = format!("{}/open", page.url());
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(60);
    loop {
        let landed = reqwest::get(&open).await.unwrap();
        if landed.url().path().starts_with("/p/") {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "{}", landed.text().await.unwrap());
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let person = stage.people(&study).await.remove(0);
    let query = otree_hr::otree::SessionQuery {
        participant_vars: vec!["treatment".into(), "other".into()],
        ..Default::default()
    };
    let info = otree.client().session(&stage.session_code(&study).await, &query).await.unwrap();
    let seat =
        info.participants.iter().find(|one| Some(&one.code) == person.participant_code.as_ref()).unwrap();
    assert_eq!(seat.vars.get("treatment"), Some(&"blue".into()));
    assert_eq!(seat.vars.get("other"), None);
    assert_eq!(seat.label.as_deref(), Some(person.pseudonym.as_str()), "oTree sees the pseudonym");
    stage.close().await;
}
