//! The researcher's own page, as oTree tells it, published and worked through to the last payment.

use std::time::Duration;

use otree_hr::otree::{CreateOutcome, NewSession};
use otree_hr::participation::{Participation, Stage as Progress};
use otree_hr::review::{self, CodeCheck};
use otree_hr::studies::draft::Typed;
use tokio::time::Instant;

use crate::support::browser::{ACCEPTED_FRAME, Driver, Person};
use crate::support::otree::{Otree, Release};
use crate::support::stage::Stage;

use super::on_both_releases;

on_both_releases!(the_participant_code_of_the_last_page_is_accepted, the_code_of_our_exit_page_is_accepted,);

/// How long the end may take to arrive on a busy machine.
const PATIENCE: Duration = Duration::from_secs(40);

/// A session made at oTree by hand, and the page that oTree tells with it.
async fn session(otree: &Otree) -> (String, String) {
    let new = NewSession {
        config: "solo".into(),
        participants: 3,
        label: "made by hand".into(),
        changes: serde_json::Map::new(),
    };
    let CreateOutcome::Created { code, .. } = otree.client().create(&new).await else { panic!("no session") };
    let info = otree.client().session(&code, &Default::default()).await.unwrap();
    (code, info.template_html.unwrap())
}

/// Bots take part, submit a code, and are paid. Every code submitted was the one that `own` picks.
async fn through(stage: &Stage, typed: &Typed, own: fn(&Participation) -> &str) {
    let study = stage.publish(typed).await;
    for report in stage.play(&study).await {
        assert_eq!(report.outcome, Ok(()), "bot {}", report.bot);
    }
    for one in stage.until(&study, Progress::Submitted).await {
        assert_eq!(review::code_check(&study, &one), CodeCheck::Matches, "{:?}", one.answers);
        let pair = serde_json::json!(["completion_code", own(&one)]);
        assert!(one.answers.as_ref().unwrap().as_array().unwrap().contains(&pair), "{:?}", one.answers);
    }
    for one in stage.pay(&study).await {
        assert_eq!(one.bonus, one.payoff, "{:?}", one.payoff_problem);
    }
}

async fn the_participant_code_of_the_last_page_is_accepted(release: Release) {
    let otree = Otree::start(release).await;
    let stage = Stage::open(&otree).await;
    let (adopt, template_html) = session(&otree).await;
    let typed = Typed { play: "template".into(), template_html, adopt, ..stage.typed() };
    through(&stage, &typed, |one| one.participant_code.as_deref().unwrap()).await;
    stage.close().await;
}

async fn the_code_of_our_exit_page_is_accepted(release: Release) {
    let otree = Otree::start(release).await;
    let stage = Stage::open(&otree).await;
    let (_, template_html) = session(&otree).await;
    let completion = "exit_door".into();
    let typed = Typed { play: "template".into(), template_html, completion, ..stage.typed() };
    through(&stage, &typed, |one| &one.code).await;
    stage.close().await;
}

#[tokio::test]
async fn in_a_browser_the_page_opens_the_study_only_for_who_accepted_and_hands_in_their_code() {
    let otree = Otree::start(Release::Six).await;
    let stage = Stage::open(&otree).await;
    let (_, template_html) = session(&otree).await;
    let typed = Typed { play: "template".into(), template_html, places: "1".into(), ..stage.typed() };
    let study = stage.publish(&typed).await;
    let driver = Driver::start();
    let worker = driver.person().await;

    preview(&worker, stage.app.config.market_url.as_str(), &study.title).await;
    let code = play(&worker).await;
    // A slip of the finger is pointed out; it decides nothing.
    submit(&worker, &format!(" {code}x ")).await;
    let one = stage.until(&study, Progress::Submitted).await.remove(0);
    assert_eq!(one.code, code);
    assert_eq!(review::code_check(&study, &one), CodeCheck::Differs(format!("{code}x")));
    assert!(stage.pay(&study).await[0].approved_at.is_some());

    worker.leave().await;
    stage.close().await;
}

/// The link leads nowhere and nothing can be submitted until the HIT is accepted.
async fn preview(person: &Person, market: &str, title: &str) {
    person.open(market).await;
    person.press("Sign up").await;
    person.fill("name", "Wilma").await;
    person.fill("password", "four random words make one").await;
    person.press_button("Sign up").await;
    person.press(title).await;
    person.find("iframe").await.enter_frame().await.unwrap();
    assert_eq!(person.find("a.otree-link[title]").await.attr("href").await.unwrap(), None);
    person.find("button[disabled]").await;
    person.leave_frame().await;
    person.picture("template-preview").await;
    person.press_button("Accept").await;
    person.find(ACCEPTED_FRAME).await.enter_frame().await.unwrap();
}

/// Plays in a new tab, then opens the study once more: our page shows the code.
async fn play(person: &Person) -> String {
    let door = person.find("a.otree-link[href*='/go/']").await.attr("href").await.unwrap().unwrap();
    assert!(door.contains("assignmentId=") && door.contains("workerId="), "{door}");
    person.picture("template-accepted").await;
    person.press("the study").await;
    person.leave_frame().await;
    person.to_new_tab().await;
    person.fill("number", "5").await;
    person.tick("input[name=rule][value=safe]").await;
    person.press("Next").await;
    person.fill("age", "33").await;
    person.tick("input[name=clear][value='3']").await;
    person.fill("reason", "It seemed fair.").await;
    person.press("Next").await;
    person.see("bonus of").await;
    person.picture("template-otree-end").await;
    again_until_the_code_is_shown(person, &door).await;
    person.picture("template-code").await;
    let code = person.find(".code code").await.text().await.unwrap();
    person.press("See the last page").await;
    person.see("bonus of").await;
    person.back_to_first_tab().await;
    code
}

/// Until oTree has told of the end, the link leads to oTree.
async fn again_until_the_code_is_shown(person: &Person, door: &str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        person.open(door).await;
        if person.page().await.contains("Your completion code") {
            return;
        }
        assert!(Instant::now() < deadline, "no code is shown: {}", person.page().await);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

async fn submit(person: &Person, code: &str) {
    person.find(ACCEPTED_FRAME).await.enter_frame().await.unwrap();
    person.fill("completion_code", code).await;
    person.press_button("Submit").await;
    person.leave_frame().await;
    person.see("Waiting for review").await;
}
