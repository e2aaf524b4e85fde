//! The main job as people do it: a researcher and a worker, each in a browser of their own, on a real
//! oTree. The worker site is another site than ours to their browsers, and the worker's keeps no foreign cookies.

mod frames;
mod money;
mod question_forms;
mod rehearsal;
mod worker_site;

use secrecy::ExposeSecret;

use crate::support::browser::{ACCEPTED_FRAME, Driver, Person};
use crate::support::otree::{Otree, Release};
use crate::support::stage::Server;

const PASSWORD: &str = "four random words make one";

#[tokio::test]
async fn a_researcher_publishes_a_worker_takes_part_and_is_paid() {
    let otree = Otree::start(Release::Six).await;
    let server = Server::start().await;
    let driver = Driver::start();

    let researcher = driver.person().await;
    sign_up(&researcher, server.site()).await;
    register_site(&researcher, &otree).await;
    connect(&researcher).await;
    let study = draft_and_publish(&researcher, "1").await;

    let worker = driver.person_without_foreign_cookies().await;
    accept(&worker, server.market()).await;
    open_and_play(&worker).await;
    submit(&worker).await;

    review(&researcher, &study).await;
    worker.open(&format!("{}work", server.market())).await;
    worker.see_after_reload("Approved").await;
    worker.see("0.40").await;
    worker.picture("worker-paid").await;

    worker.leave().await;
    researcher.leave().await;
    server.stop().await;
}

async fn sign_up(person: &Person, site: &str) {
    person.open(&format!("{site}signup")).await;
    person.fill("name", "Ada").await;
    person.fill("email", "ada@example.org").await;
    person.fill("password", PASSWORD).await;
    person.press("Make the account").await;
    log_in_if_asked(person).await;
    person.see("Ada’s lab").await;
    person.picture("first-page").await;
}

/// Signing up says the same to everybody, so the newcomer logs in.
async fn log_in_if_asked(person: &Person) {
    person.find("form[action=\"/login\"] input[name=email]").await;
    person.fill("email", "ada@example.org").await;
    person.fill("password", PASSWORD).await;
    person.press_button("Log in").await;
}

async fn register_site(person: &Person, otree: &Otree) {
    person.press("Sites").await;
    person.press("Register a site").await;
    person.fill("name", "Lab server").await;
    person.fill("address", otree.base.as_str()).await;
    person.fill("rest_key", otree.key.expose_secret()).await;
    person.press("Register and check").await;
    person.see("6.0.15").await;
    person.picture("site").await;
}

async fn connect(person: &Person) {
    person.press("Connections").await;
    person.press("Make a rehearsal connection").await;
    person.see("Rehearsal").await;
    person.picture("connection").await;
}

/// Returns the study's address.
async fn draft_and_publish(person: &Person, places: &str) -> String {
    person.press("Studies").await;
    person.press("study").await;
    person.choose_containing("pick", ":solo").await;
    person.press("Continue").await;
    person.fill("places", places).await;
    person.fill("reward", "1.00").await;
    person.fill("max_bonus", "2.00").await;
    person.fill("name", "Pilot").await;
    person.picture("form").await;
    person.press("Save the draft").await;
    person.press("Publish…").await;
    person.press("Publish for at most").await;
    person.find_after_reload(".state-open").await;
    person.picture("study-open").await;
    person.address().await
}

async fn accept(person: &Person, market: &str) {
    person.open(market).await;
    person.see("A short decision study").await;
    person.press("Sign up").await;
    person.fill("name", "Wilma").await;
    person.fill("password", PASSWORD).await;
    person.press_button("Sign up").await;
    person.press("A short decision study").await;
    person.find("iframe").await.enter_frame().await.unwrap();
    person.see("Your place in the study is kept only after you accept").await;
    person.leave_frame().await;
    person.picture("preview").await;
    person.press_button("Accept").await;
    person.find(ACCEPTED_FRAME).await;
    person.picture("accepted").await;
}

async fn open_and_play(person: &Person) {
    person.find(ACCEPTED_FRAME).await.enter_frame().await.unwrap();
    person.find("[data-step=open]").await;
    person.press("Open the study").await;
    person.leave_frame().await;
    person.to_new_tab().await;
    // Nothing of the worker's identity at the recruiter goes to oTree.
    assert!(!person.address().await.contains("workerId"));
    person.fill("number", "5").await;
    person.tick("input[name=rule][value=safe]").await;
    person.press("Next").await;
    person.fill("age", "33").await;
    person.tick("input[name=clear][value='3']").await;
    person.fill("reason", "It seemed fair.").await;
    person.press("Next").await;
    person.see("bonus of").await;
    person.picture("otree-end").await;
    person.back_to_first_tab().await;
}

async fn submit(person: &Person) {
    person.find(ACCEPTED_FRAME).await.enter_frame().await.unwrap();
    // The page notices by itself that oTree is done.
    person.find("[data-step=submit]").await;
    person.picture("may-submit").await;
    person.press_button("Submit").await;
    person.leave_frame().await;
    person.see("Waiting for review").await;
}

async fn review(person: &Person, study: &str) {
    person.open(&format!("{study}/review")).await;
    person.see_after_reload("To review 1").await;
    person.see("0.40").await;
    person.tick("tbody input[name=id]").await;
    person.picture("review").await;
    person.press("Approve and pay bonus").await;
    // The confirmation lists the person and the sum with fees: 1.00 + 0.20 and 0.40 + 0.08.
    person.see("1.68").await;
    person.picture("confirm").await;
    person.press("Approve 1 person for").await;
    person.see_after_reload("paid").await;
    person.picture("paid").await;
    person.open(study).await;
    person.picture("study-paid").await;
}
