//! A rehearsal as a researcher controls it: simulated workers on a real oTree, the clock, trouble, the journal.

use super::worker_site::faultless;
use super::{PASSWORD, connect, draft_and_publish, register_site, sign_up};
use crate::support::browser::{Driver, Person};
use crate::support::otree::{Otree, Release};
use crate::support::stage::Server;

#[tokio::test]
async fn a_researcher_rehearses_a_study_and_sees_what_happened() {
    let otree = Otree::start(Release::Six).await;
    let server = Server::start().await;
    let driver = Driver::start();
    let person = driver.person().await;
    sign_up(&person, server.site()).await;
    register_site(&person, &otree).await;
    connect(&person).await;
    person.press("Rehearsal").await;
    person.see("nobody was sent yet").await;
    faultless(&person, "rehearsal-empty").await;
    let page = person.address().await;

    draft_and_publish(&person, "4").await;
    person.press("Rehearsal").await;
    send_workers(&person).await;
    look_through_the_journal(&person).await;
    step_the_clock(&person).await;
    order_trouble(&person).await;
    type_nonsense(&person).await;

    for (in_the_dark, name) in [(false, "rehearsal-phone"), (true, "rehearsal-phone-dark")] {
        let phone = driver.person_on_a_telephone(in_the_dark).await;
        phone.open(&format!("{}login", server.site())).await;
        phone.fill("email", "ada@example.org").await;
        phone.fill("password", PASSWORD).await;
        phone.press_button("Log in").await;
        phone.see("Ada’s lab").await;
        phone.open(&page).await;
        phone.see("Trouble that stands").await;
        faultless(&phone, name).await;
        phone.0.execute("document.querySelector('#filter').scrollIntoView()", vec![]).await.unwrap();
        phone.picture(&format!("{name}-journal")).await;
        phone.leave().await;
    }
    person.leave().await;
    server.stop().await;
}

/// Two play to the end, one gives the work back, one goes away. The page tells by itself how far they are.
async fn send_workers(person: &Person) {
    person.fill("workers", "4").await;
    person.fill("arrivals", "").await;
    person.find("main form details > summary").await.click().await.unwrap();
    person.fill("share_complete", "2").await;
    person.fill("share_return", "1").await;
    person.fill("share_abandon", "1").await;
    person.picture("rehearsal-order").await;
    person.press_button("Send them").await;
    person.see("On their way: 4 simulated workers.").await;
    person.picture("rehearsal-under-way").await;
    for words in ["2 submitted", "1 gave it back", "1 went away"] {
        person.see(words).await;
    }
    let journal = person.find("#journal").await.text().await.unwrap();
    assert_eq!(journal.matches("A worker submitted").count(), 2, "{journal}");
    assert_eq!(journal.matches("A worker took a place").count(), 4, "{journal}");
    assert_eq!(journal.matches("A worker gave the place back").count(), 1, "{journal}");
    faultless(person, "rehearsal-done").await;
}

/// Only who took a place, and the whole journal again.
async fn look_through_the_journal(person: &Person) {
    person.choose_containing("effect", "accepted").await;
    person.press_button("Show").await;
    person.find("a[href$='rehearsal#journal']").await;
    let journal = person.find("#journal").await.text().await.unwrap();
    assert_eq!(journal.matches("A worker took a place").count(), 4, "{journal}");
    assert!(!journal.contains("A worker submitted"), "{journal}");
    person.0.execute("document.querySelector('#filter').scrollIntoView()", vec![]).await.unwrap();
    faultless(person, "rehearsal-journal").await;
    person.press("Show everything").await;
    person.find("#journal").await;
}

/// A month later everything is due: who went away has lost the place, and who submitted is paid.
async fn step_the_clock(person: &Person) {
    person.fill("amount", "30").await;
    person.choose_containing("unit", "days").await;
    person.press_button("Step").await;
    person.see("The market’s clock shows").await;
    person.see("Work was approved by itself and paid: $1.00").await;
    let journal = person.find("#journal").await.text().await.unwrap();
    assert!(journal.contains("A worker’s time ran out"), "{journal}");
    person.picture("rehearsal-a-month-later").await;
}

async fn order_trouble(person: &Person) {
    person.choose_containing("kind", "hide").await;
    person.choose_containing("operation", "ListAssignmentsForHIT").await;
    person.fill("times", "").await;
    person.fill("number", "600").await;
    person.press_button("Order it").await;
    person.see("Trouble that stands").await;
    person.see("what is new does not show for 600 s").await;
    faultless(person, "rehearsal-full").await;
}

async fn type_nonsense(person: &Person) {
    person.fill("rate", "fast").await;
    person.press_button("Run").await;
    person.see("A number like 60 or 0.5").await;
    faultless(person, "rehearsal-wrong").await;
}
