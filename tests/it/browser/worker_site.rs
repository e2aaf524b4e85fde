//! The worker site as people see it: every page, on a telephone and on a desk, by day and in the dark.

use chrono::Duration;
use kernel::money::Cents;
use market::clock::Turn;
use market::engine::assignments::{self, Wanted};
use market::engine::bonuses::{self, NewBonus};
use market::engine::hit_types::{self, Properties};
use market::engine::lifetimes::{self, NewHit};
use market::engine::{messages, review};
use otree_hr::app::App;
use serde_json::Value;

use crate::support::browser::{Driver, Person};
use crate::support::stage::Server;

/// What is wrong with the page in view: wider than the window, fields without a name, letters that are hard to read.
const FAULTS: &str = r#"
    const faults = [];
    const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
    if (wide > 0) faults.push(`${wide} pixels wider than the window`);
    if (document.querySelectorAll('h1').length !== 1) faults.push('not one heading of the first order');
    for (const field of document.querySelectorAll('input:not([type=hidden]), select, textarea')) {
        const hidden = field.getAttribute('aria-hidden') === 'true';
        if (!hidden && field.labels.length === 0 && !field.getAttribute('aria-label')) faults.push(`${field.name} has no label`);
    }
    const ids = Array.from(document.querySelectorAll('[id]'), (element) => element.id);
    if (new Set(ids).size !== ids.length) faults.push('an id comes twice');
    const parts = (color) => color.match(/[\d.]+/g).map(Number);
    const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
        .map((c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const behind = (element) => {
        for (let at = element; at; at = at.parentElement) {
            const color = parts(getComputedStyle(at).backgroundColor);
            if (color.length === 3 || color[3] > 0) return color;
        }
        return [255, 255, 255];
    };
    for (const element of document.body.querySelectorAll('*')) {
        const words = Array.from(element.childNodes).some((n) => n.nodeType === 3 && n.textContent.trim());
        if (!words || element.closest('.visually-hidden, .skip, svg, :disabled') || element.offsetWidth === 0) continue;
        const [one, other] = [light(parts(getComputedStyle(element).color)), light(behind(element))];
        const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
        if (ratio < 4.5) faults.push(`${element.localName} "${element.textContent.trim().slice(0, 30)}" has contrast ${ratio.toFixed(1)}`);
    }
    return faults;
"#;

pub(super) async fn without_fault(person: &Person, address: &str, name: &str) {
    person.open(address).await;
    person.find("h1").await;
    faultless(person, name).await;
}

/// Takes a picture of the page in view and finds nothing wrong with it.
pub(super) async fn faultless(person: &Person, name: &str) {
    let faults = person.0.execute(FAULTS, vec![]).await.unwrap();
    person.picture(name).await;
    assert_eq!(faults, Value::Array(vec![]), "{name}");
}

/// A HIT of this group with places, that shows nothing of its own.
async fn publish(app: &App, requester: &str, title: &str, cents: i64, requirements: Value) -> String {
    let schema =
        "http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2011-11-11/HTMLQuestion.xsd";
    let content = "<crowd-form><p>Which number do you take?</p><crowd-input name='number' label='A number'></crowd-input></crowd-form>";
    let question = format!(
        "<HTMLQuestion xmlns=\"{schema}\"><HTMLContent><![CDATA[{content}]]></HTMLContent><FrameHeight>300</FrameHeight></HTMLQuestion>"
    );
    publish_asking(app, requester, title, cents, requirements, &question).await
}

/// The same with another question.
pub(super) async fn publish_asking(
    app: &App,
    requester: &str,
    title: &str,
    cents: i64,
    requirements: Value,
    question: &str,
) -> String {
    let market = &app.market;
    let (mut tx, now) = market.begin().await.unwrap();
    let properties = Properties {
        title: title.into(),
        description:
            "You make two decisions with other people, and are paid by what you and they decide. It takes \
                      about ten minutes; please do not take part on a bus."
                .into(),
        keywords: Some("economics, decision, bonus, supercalifragilisticexpialidocious-experiments".into()),
        reward: Cents(cents),
        assignment_duration: 2400,
        auto_approval_delay: 86_400 * 3,
        qualification_requirements: requirements,
    };
    let kind = hit_types::register(&mut tx, now, requester, &properties).await.unwrap();
    let lifetime = Duration::days(300);
    let question = question.to_owned();
    let new = NewHit { question, places: 9, lifetime, requester_annotation: None, token: None };
    lifetimes::create(&mut tx, now, requester, &market.settings().fees, &kind, &new).await.unwrap();
    tx.commit().await.unwrap();
    kind
}

/// Work done, approved or rejected, and paid, on several days.
async fn work(app: &App, requester: &str, worker: &str) -> String {
    let market = &app.market;
    for (n, (bonus, approved)) in [(70, true), (245, true), (0, false), (15, true)].into_iter().enumerate() {
        let kind = publish(app, requester, &format!("Round {}", n + 1), 150, serde_json::json!([])).await;
        let (mut tx, now) = market.begin().await.unwrap();
        let taken = assignments::accept(&mut tx, market.settings(), now, worker, Wanted::Group(&kind))
            .await
            .unwrap()
            .assignment_id;
        assignments::submit(&mut tx, now, &taken, Some(worker), &[("a".into(), "1".into())]).await.unwrap();
        if approved {
            review::approve(
                &mut tx,
                now,
                requester,
                &taken,
                Some("Thank you, that was careful work."),
                false,
            )
            .await
            .unwrap();
        } else {
            review::reject(&mut tx, now, requester, &taken, "You answered after two seconds.").await.unwrap();
        }
        let (worker_id, reason) = (worker.to_owned(), "Your payoff".to_owned());
        if bonus > 0 {
            let new = NewBonus { worker_id, assignment_id: taken, amount: Cents(bonus), reason, token: None };
            bonuses::send(&mut tx, now, requester, &market.settings().fees, &new).await.unwrap();
        }
        tx.commit().await.unwrap();
        market.set_clock(Turn::Step(Duration::days(3))).await.unwrap();
    }
    let kind = publish(app, requester, "Divide a pie among three", 320, serde_json::json!([])).await;
    let (mut tx, now) = market.begin().await.unwrap();
    let taken =
        assignments::accept(&mut tx, market.settings(), now, worker, Wanted::Group(&kind)).await.unwrap();
    tx.commit().await.unwrap();
    taken.assignment_id
}

pub(super) async fn sign_up(person: &Person, server: &Server, name: &str) -> String {
    person.open(&format!("{}sign-up", server.market())).await;
    person.fill("name", name).await;
    person.fill("password", super::PASSWORD).await;
    person.press_button("Sign up").await;
    person.find("[data-worker-id]").await.attr("data-worker-id").await.unwrap().unwrap()
}

#[tokio::test]
async fn every_page_can_be_read_and_used_on_a_telephone_and_in_the_dark() {
    let (server, driver) = (Server::start().await, Driver::start());
    let app = server.app();
    let requester = app.market.create_requester("Choice Lab", Cents(1_000_000)).await.unwrap().requester_id;
    let adults = serde_json::json!([{ "QualificationTypeId": "00000000000000000060", "Comparator": "EqualTo",
        "IntegerValues": [1] }]);
    let guarded = publish(app, &requester, "Rate some pictures (for adults)", 25, adults).await;
    // The first group is practice; what comes from here on pays, so that there is something to show as earned.
    assert!(app.market.set_rehearsal(&requester, false).await.unwrap());
    let group = publish(app, &requester, "Pick a number", 150, serde_json::json!([])).await;
    for (name, person) in [
        ("desk", driver.person().await),
        ("phone", driver.person_on_a_telephone(false).await),
        ("dark", driver.person_on_a_telephone(true).await),
    ] {
        let at = |path: &str| format!("{}{path}", server.market());
        for (page, path) in [("welcome", ""), ("sign-in", "sign-in"), ("sign-up", "sign-up")] {
            without_fault(&person, &at(path), &format!("{name}-{page}")).await;
        }
        let worker = sign_up(&person, &server, &format!("Wilma {name}")).await;
        for page in ["queue", "work", "earnings", "inbox", "qualifications"] {
            without_fault(&person, &at(page), &format!("{name}-{page}-empty")).await;
        }
        let held = work(app, &requester, &worker).await;
        write_to(app, &requester, &worker).await;
        for (page, path) in [
            ("list", String::new()),
            ("search", "?words=pie&least=abc&sort=reward".into()),
            ("nothing", "?words=zebra".into()),
            ("preview", format!("groups/{group}")),
            ("not-qualified", format!("groups/{guarded}")),
            ("work-page", format!("work/{held}")),
            ("queue", "queue".into()),
            ("mine", "work".into()),
            ("earnings", "earnings".into()),
            ("inbox", "inbox".into()),
            ("qualifications", "qualifications".into()),
            ("account", "account".into()),
            ("not-found", "groups/NONE".into()),
        ] {
            without_fault(&person, &at(&path), &format!("{name}-{page}")).await;
        }
        person.leave().await;
    }
    server.stop().await;
}

async fn write_to(app: &App, requester: &str, worker: &str) {
    let (mut tx, now) = app.market.begin().await.unwrap();
    let text = "Thank you for taking part.\n\nThe second session opens on Monday.";
    messages::notify(&mut tx, now, requester, worker, "The second session", text).await.unwrap().unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn the_timer_counts_down_says_the_last_minute_and_when_the_time_is_over() {
    let (server, driver) = (Server::start().await, Driver::start());
    let app = server.app();
    let requester = app.market.create_requester("Choice Lab", Cents(1_000_000)).await.unwrap().requester_id;
    let kind = publish(app, &requester, "Pick a number", 150, serde_json::json!([])).await;
    let person = driver.person().await;
    let worker = sign_up(&person, &server, "Wilma").await;
    let (mut tx, now) = app.market.begin().await.unwrap();
    let taken = assignments::accept(&mut tx, app.market.settings(), now, &worker, Wanted::Group(&kind))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    // Two of the forty minutes are left, and pass in forty seconds: a minute, while the page is loaded and looked at.
    app.market.set_clock(Turn::Step(Duration::seconds(2400 - 120))).await.unwrap();
    app.market.set_clock(Turn::Run(3.0)).await.unwrap();
    person.open(&format!("{}work/{}", server.market(), taken.assignment_id)).await;
    let hidden = async || person.find("#time-over").await.attr("hidden").await.unwrap().is_some();
    assert!(
        hidden().await && person.find("#left[role=timer][aria-live=off]").await.is_displayed().await.unwrap()
    );
    until(&person, "One minute left.").await;
    until(&person, "The time is over.").await;
    assert!(!hidden().await);
    assert_eq!(person.find("#left").await.text().await.unwrap(), "00:00");
    person.leave().await;
    server.stop().await;
}

/// Waits until the page's own voice has said this.
async fn until(person: &Person, words: &str) {
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(90);
    loop {
        let script = "return document.getElementById('time-said').textContent";
        let said = person.0.execute(script, vec![]).await.unwrap();
        if said.as_str() == Some(words) {
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "it said {said}, not {words}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
