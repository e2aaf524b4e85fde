//! The rehearsal page of a connection, against the real marketplace behind HTTP.

use std::time::Duration;

use axum::http::StatusCode;
use kernel::clock::{Clock, TestClock};
use market::engine::qualifications::types::{self, NewType};
use otree_hr::app::App;
use otree_hr::connections::{self, Act, Custom, Environment, Keys, NewConnection};
use otree_hr::labs::Role;
use otree_hr::recruiters::mturk::rehearsal::{Behaviour, FaultKind, OPERATIONS, Unit};
use tokio::time::Instant;

use crate::support::client::{Answer, Browser};
use crate::support::lab::{Lab, config, database};
use crate::support::world::World;

/// How long simulated workers may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A world and an editor at its rehearsal page.
struct Place {
    world: World,
    editor: Browser,
    path: String,
}

impl Place {
    async fn open() -> Self {
        let world = World::new().await;
        let editor = world.lab.member(Role::Editor).await;
        let path = of(&world.lab);
        Self { world, editor, path }
    }

    /// The page as the editor sees it.
    async fn page(&self) -> String {
        let answer = self.editor.get(&self.path).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        answer.body
    }

    async fn post(&self, form: &str, fields: &[(&str, &str)]) -> Answer {
        self.editor.post(&format!("{}/{form}", self.path), fields).await
    }

    /// A form that works: the page after it.
    async fn done(&self, form: &str, fields: &[(&str, &str)]) -> String {
        let answer = self.post(form, fields).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{form} {fields:?}: {}", answer.body);
        assert!(answer.location().starts_with(&self.path), "{}", answer.location());
        self.page().await
    }

    /// A form that is wrong: the words beside the field, or above the form for the field "".
    async fn wrong(&self, form: &str, fields: &[(&str, &str)], field: &str) -> String {
        let answer = self.post(form, fields).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{form} {fields:?}");
        for (name, value) in fields.iter().filter(|(name, _)| !["turn", "fault", "run"].contains(name)) {
            let kept = answer.body.contains(&format!("name=\"{name}\" value=\"{value}\""))
                || answer.body.contains(&format!("<option value=\"{value}\" selected>"));
            assert!(kept || value.is_empty() || is_choice(name), "{name}={value} is kept: {}", answer.body);
        }
        match field {
            "" => answer.between("class=\"flash bad\" role=\"alert\"", "</p>").to_owned(),
            field => answer.between(&format!("id=\"{field}-error\">"), "</small>").to_owned(),
        }
    }

    async fn activity(&self) -> String {
        self.editor.get(&format!("{}/activity", self.world.lab.path())).await.body
    }

    async fn market_time(&self) -> chrono::DateTime<chrono::Utc> {
        self.world.market.clock_of(&self.world.requester).await.unwrap().1
    }
}

/// A list shows no value that it does not have.
fn is_choice(name: &str) -> bool {
    ["kind", "operation", "unit", "arrival_clock"].contains(&name)
}

/// The rehearsal page of the lab's connection.
fn of(lab: &Lab) -> String {
    format!("{}/connections/{}/rehearsal", lab.path(), lab.connection)
}

#[tokio::test]
async fn the_page_shows_time_money_and_an_empty_list_of_everything() {
    let place = Place::open().await;
    let page = place.page().await;
    for words in [
        "$1000.00",
        "On hold",
        "runs like any other",
        "none is ordered",
        "nobody was sent yet",
        "Play money was put in: $1000.00",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let connection = place.editor.get(place.path.trim_end_matches("/rehearsal")).await;
    assert!(connection.body.contains(&format!("href=\"{}\"", place.path)), "{}", connection.body);
    let study = place.world.publish(&place.world.lab.form()).await;
    let study = place.editor.get(&format!("{}/studies/{}", place.world.lab.path(), study.id)).await;
    assert!(study.body.contains(&format!("href=\"{}\"", place.path)), "{}", study.body);
}

#[tokio::test]
async fn the_clock_is_frozen_run_stepped_and_put_forward() {
    let place = Place::open().await;
    let page = place.done("clock", &[("turn", "freeze")]).await;
    assert!(page.contains("stands still"), "{page}");
    let frozen = place.market_time().await;
    place.done("clock", &[("turn", "step"), ("amount", "3"), ("unit", "hours")]).await;
    assert_eq!(place.market_time().await - frozen, chrono::Duration::hours(3));
    place.done("clock", &[("turn", "to"), ("at", "2150-01-31T09:30")]).await;
    assert_eq!(place.market_time().await.to_rfc3339(), "2150-01-31T09:30:00+00:00");
    let page = place.done("clock", &[("turn", "run"), ("rate", "60.5")]).await;
    assert!(page.contains("runs 60.5 times as fast") && page.contains("31 Jan 2150, 09:"), "{page}");
    let (timing, _) = place.world.market.clock_of(&place.world.requester).await.unwrap();
    assert_eq!(timing.rate, 60.5);
    let activity = place.activity().await;
    for what in
        ["frozen", "forward by 3 hours", "put to 31 Jan 2150, 09:30 UTC", "running 60.5 times as fast"]
    {
        assert!(activity.contains(what), "{what}: {activity}");
    }
}

#[tokio::test]
async fn a_turn_that_cannot_be_is_explained_and_nothing_moves() {
    let place = Place::open().await;
    place.done("clock", &[("turn", "freeze")]).await;
    let before = place.market_time().await;
    for (fields, field, words) in [
        (vec![("turn", "run"), ("rate", "fast")], "rate", "A number"),
        (vec![("turn", "step"), ("amount", "0"), ("unit", "days")], "amount", "A whole number"),
        (vec![("turn", "step"), ("amount", "2"), ("unit", "years")], "unit", "Choose minutes"),
        (vec![("turn", "to"), ("at", "soon")], "at", "Write a date"),
        (vec![("turn", "sideways")], "", "Choose what the clock"),
        // What only the marketplace knows is said in its words.
        (vec![("turn", "run"), ("rate", "5000000")], "rate", "at most 1000000"),
        (vec![("turn", "step"), ("amount", "900000"), ("unit", "days")], "amount", "from 1 to 3650"),
        (vec![("turn", "to"), ("at", "2020-01-01T00:00")], "", "This cannot be"),
    ] {
        let said = place.wrong("clock", &fields, field).await;
        assert!(said.contains(words), "{fields:?}: {said}");
    }
    assert_eq!(place.market_time().await, before);
    assert_eq!(
        place.activity().await.matches("turned the clock").count(),
        1,
        "only what was done is written down"
    );
}

#[tokio::test]
async fn every_kind_of_fault_is_ordered_seen_striking_and_lifted() {
    let place = Place::open().await;
    for kind in FaultKind::ALL {
        let number = if kind.unit().is_some() { "5" } else { "" };
        let fields =
            [("kind", kind.name()), ("operation", "NotifyWorkers"), ("number", number), ("times", "")];
        place.done("faults", &fields).await;
    }
    let (page, all) = (place.page().await, FaultKind::ALL.len());
    assert_eq!(page.matches("<code>NotifyWorkers</code>").count(), all);
    assert_eq!(page.matches("until lifted</td>").count(), all);
    let page = place.done("faults/lift", &[("fault", "all")]).await;
    assert!(page.contains(&format!("Lifted {all} faults.")) && page.contains("none is ordered"), "{page}");

    let order = [("kind", "fail_before"), ("operation", "GetAccountBalance"), ("times", "2"), ("number", "")];
    place.done("faults", &order).await;
    place.editor.post(&format!("{}/test", place.path.trim_end_matches("/rehearsal")), &[]).await;
    let page = place.page().await;
    let (_, row) = page.split_once("<code>GetAccountBalance</code>").expect("it stands");
    let numbers: Vec<_> =
        row.split("<td class=\"num\">").skip(1).map(|cell| cell.split('<').next().unwrap()).collect();
    assert_eq!(numbers, ["2", "0"], "struck, still to strike");
    let id = row.split_once("name=\"fault\" value=\"").unwrap().1.split('"').next().unwrap();
    assert!(place.done("faults/lift", &[("fault", id)]).await.contains("Lifted 1 fault."));
    let again = place.wrong("faults/lift", &[("fault", id)], "").await;
    assert!(again.contains("no such fault"), "{again}");
    let activity = place.activity().await;
    assert!(
        activity.contains("ordered a fault") && activity.contains(&format!("lifted {all} faults")),
        "{activity}"
    );
}

#[tokio::test]
async fn a_fault_that_cannot_be_is_explained_beside_its_field() {
    let place = Place::open().await;
    for (fields, field, words) in [
        (vec![("kind", "explode"), ("times", "1")], "kind", "Choose what goes wrong"),
        (
            vec![("kind", "fail_after"), ("operation", "PayTwice")],
            "operation",
            "Choose one of the operations",
        ),
        (vec![("kind", "fail_after"), ("times", "none")], "times", "A whole number"),
        (vec![("kind", "fail_after"), ("number", "5")], "number", "takes no number"),
        (vec![("kind", "hide"), ("number", "")], "number", "fill this in"),
        (vec![("kind", "throttle_to"), ("number", "4000")], "number", "from 1 to 1000."),
        (vec![("kind", "delay_before"), ("number", "120001")], "number", "from 1 to 120000."),
        (vec![("kind", "fail_after"), ("times", "2000000")], "times", "from 1 to 1000000."),
    ] {
        let said = place.wrong("faults", &fields, field).await;
        assert!(said.contains(words), "{fields:?}: {said}");
    }
    assert!(place.wrong("faults/lift", &[("fault", "both")], "").await.contains("Choose a fault"));
    assert!(place.page().await.contains("none is ordered"));
}

#[tokio::test]
async fn play_money_is_deposited() {
    let place = Place::open().await;
    let page = place.done("deposit", &[("dollars", "250.5")]).await;
    assert!(page.contains("$1250.50") && page.contains("Play money was put in: $250.50"), "{page}");
    assert!(place.activity().await.contains("put $250.50 of play money"));
    for (typed, field, words) in [
        ("", "dollars", "fill this in"),
        ("-5", "dollars", "Write an amount like 1.50."),
        ("1.234", "dollars", "at most two decimals."),
        ("0", "dollars", "from 0.01 to 1000000.00"),
        ("2000000", "dollars", "from 0.01 to 1000000.00"),
    ] {
        let said = place.wrong("deposit", &[("dollars", typed)], field).await;
        assert!(said.contains(words), "{typed}: {said}");
    }
    let balance = place.world.market.balance(&place.world.requester).await.unwrap();
    assert_eq!(balance.available.0, 125_050);
}

#[tokio::test]
async fn simulated_workers_are_sent_and_the_page_that_broke_is_named() {
    let place = Place::open().await;
    place.world.publish(&place.world.lab.form()).await;
    place.world.otree.set_down(true);
    let page = place.done("workers", &[("workers", "1"), ("arrivals", ""), ("share_complete", "1")]).await;
    assert!(page.contains("1 simulated worker <span"), "{page}");
    let page = until(&place, |page| page.contains("</b> could not go on")).await;
    let (_, broken) = page.split_once("<caption>Who could not go on").expect(&page);
    assert!(broken.contains("<code>/InitializeParticipant/") || broken.contains("<code>/p/*/"), "{broken}");
    assert!(page.contains("<th scope=\"row\">A worker took a place"), "{page}");
    assert!(place.activity().await.contains("sent 1 simulated worker into"));
}

#[tokio::test]
async fn simulated_workers_are_stopped() {
    let place = Place::open().await;
    // Nothing is published, so they look for work until they are stopped.
    let page = place
        .done(
            "workers",
            &[("workers", "2"), ("arrivals", ""), ("share_return", "1"), ("share_complete", "1")],
        )
        .await;
    let (_, run) = page.split_once("name=\"run\" value=\"").expect(&page);
    let run = run.split('"').next().unwrap().to_owned();
    place.done("workers/stop", &[("run", &run)]).await;
    until(&place, |page| page.contains(">stopped</span>")).await;
    assert!(place.activity().await.contains("stopped the simulated workers"));
    assert!(place.wrong("workers/stop", &[("run", "../deposit")], "").await.contains("no such"));
    for (fields, field, words) in [
        (vec![("workers", "0")], "workers", "from 1 to 500"),
        (vec![("workers", "5"), ("arrivals", "often")], "arrivals", "A number"),
        (
            vec![("workers", "5"), ("arrivals", "6"), ("share_complete", "0")],
            "share_complete",
            "At least one share",
        ),
        (vec![("workers", "5"), ("arrivals", "20000"), ("share_return", "1")], "arrivals", "at most 10000"),
        (vec![("workers", "5"), ("arrivals", "0"), ("share_return", "1")], "arrivals", "nobody comes"),
        (vec![("workers", "5"), ("homes", "Denmark"), ("share_return", "1")], "homes", "Two letters"),
    ] {
        let said = place.wrong("workers", &fields, field).await;
        assert!(said.contains(words), "{fields:?}: {said}");
    }
}

/// Reloads until the page is as it should be.
async fn until(place: &Place, right: impl Fn(&str) -> bool) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let page = place.page().await;
        if right(&page) {
            return page;
        }
        assert!(Instant::now() < deadline, "{page}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn the_journal_is_told_fifty_at_a_time_newest_first() {
    let place = Place::open().await;
    for cents in 1..=60 {
        place.world.market.deposit(&place.world.requester, kernel::money::Cents(cents)).await.unwrap();
    }
    let page = place.page().await;
    assert_eq!(page.matches("Play money was put in:").count(), 50);
    let newest = page.find("put in: $0.60<").unwrap();
    assert!(newest < page.find("put in: $0.59<").unwrap() && !page.contains("put in: $0.10<"));
    let (_, link) = page.rsplit_once("rehearsal?before=").expect(&page);
    let older = format!("{}?before={}", place.path, link.split('#').next().unwrap());
    let older = place.editor.get(&older).await.body;
    assert_eq!(older.matches("Play money was put in:").count(), 11);
    assert!(older.contains("put in: $0.10<") && older.contains("put in: $1000.00<"), "{older}");
    assert!(!older.contains("rehearsal?before=") && older.contains(">Newest</a>"));
}

/// What the rows of the journal say happened.
fn happened(page: &str) -> Vec<&str> {
    let (_, journal) = page.split_once("id=\"journal\"").expect(page);
    journal.split("<th scope=\"row\">").skip(1).map(|row| row.split('<').next().unwrap()).collect()
}

#[tokio::test]
async fn the_journal_is_looked_through_and_goes_on_with_what_was_asked() {
    let place = Place::open().await;
    let study = place.world.publish(&place.world.lab.form()).await;
    let (wendy, walt) = (place.world.arrive(&study, "Wendy").await, place.world.arrive(&study, "Walt").await);
    for cents in 1..=60 {
        place.world.market.deposit(&place.world.requester, kernel::money::Cents(cents)).await.unwrap();
    }
    let asked = async |query: &str| {
        let answer = place.editor.get(&format!("{}?{query}", place.path)).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        answer.body
    };
    let taken = asked("effect=accepted&hit=&assignment=&worker=").await;
    assert_eq!(happened(&taken), ["A worker took a place"; 2]);
    assert!(taken.contains("<option value=\"accepted\" selected>"), "what was asked stays in the form");
    assert!(taken.contains("/live?effect=accepted\""), "and the page goes on asking for it");
    for query in [format!("worker={}", wendy.worker), format!("assignment={}", wendy.assignment)] {
        let hers = asked(&format!("effect=accepted&{query}")).await;
        assert_eq!(happened(&hers), ["A worker took a place"], "{query}");
        assert!(hers.contains(&wendy.assignment) && !hers.contains(&walt.assignment), "{query}");
    }
    let hit = &wendy.hit;
    let of_the_hit = asked(&format!("hit=%20{}", hit.to_lowercase())).await;
    assert!(happened(&of_the_hit).contains(&"A worker took a place"), "blanks and small letters are mended");
    assert!(!happened(&of_the_hit).iter().any(|row| row.starts_with("Play money")), "{of_the_hit}");
    assert!(of_the_hit.contains(&format!("name=\"hit\" value=\"{hit}\"")));

    let deposits = asked("effect=deposited").await;
    assert_eq!(happened(&deposits).len(), 50);
    let (_, link) = deposits.rsplit_once("rehearsal?effect=deposited&").expect(&deposits);
    let link = link.trim_start_matches("amp;").trim_start_matches("#38;").split('#').next().unwrap();
    let older = asked(&format!("effect=deposited&{link}")).await;
    assert_eq!(happened(&older).len(), 11, "{link}");
    assert!(older.contains("rehearsal?effect=deposited#journal"), "the newest of these: {older}");
    let nothing = asked("effect=bonus_sent").await;
    assert!(happened(&nothing).is_empty() && nothing.contains("Nothing of that yet."), "{nothing}");
    assert_eq!(happened(&asked("effect=explode").await).len(), 50, "what nobody knows restricts nothing");
}

#[tokio::test]
async fn qualifications_pace_and_patience_of_simulated_workers_are_ordered() {
    let place = Place::open().await;
    let (mut tx, now) = place.world.market.begin().await.unwrap();
    let new = NewType {
        name: "Plays well".into(),
        description: "Has played before".into(),
        keywords: None,
        active: true,
        retry_delay: None,
        auto_granted: true,
        auto_granted_value: 3,
        test: None,
    };
    let asked =
        types::create(&mut tx, now, &place.world.requester, &new).await.unwrap().qualification_type_id;
    let given = NewType { name: "Was invited".into(), auto_granted: false, ..new };
    let given =
        types::create(&mut tx, now, &place.world.requester, &given).await.unwrap().qualification_type_id;
    tx.commit().await.unwrap();
    let grant = format!("{given}=7");
    let order = [
        ("workers", "1"),
        ("arrivals", ""),
        ("share_complete", "1"),
        ("at_once", "1"),
        ("patience", "1"),
        ("ask_for", asked.as_str()),
        ("grant", grant.as_str()),
    ];
    place.done("workers", &order).await;
    until(&place, |page| page.contains("</b> could not go on")).await;
    let granted = place.editor.get(&format!("{}?effect=qualification_granted", place.path)).await.body;
    assert_eq!(
        happened(&granted),
        ["A worker got a qualification"; 2],
        "nothing is published, so that is all"
    );
    for (field, typed, words) in [
        ("at_once", "101", "from 1 to 100"),
        ("patience", "100000", "from 0 to 86400"),
        ("ask_for", "plays-well", "Ids of qualification types"),
        ("grant", "3ABC=many", "like 3ABC=5"),
    ] {
        let said =
            place.wrong("workers", &[("workers", "5"), ("share_complete", "1"), (field, typed)], field).await;
        assert!(said.contains(words), "{field}: {said}");
    }
}

#[tokio::test]
async fn an_open_page_asks_for_what_changed_and_gets_no_more() {
    let place = Place::open().await;
    let fragment = async |query: &str| {
        let answer = place.editor.get(&format!("{}/live?{query}", place.path)).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        assert!(!answer.body.contains("<html") && !answer.body.contains("<input"), "{}", answer.body);
        answer.body
    };
    let first = fragment("").await;
    assert!(first.contains("id=\"live\"") && first.contains("id=\"journal\" hx-swap-oob"), "{first}");
    assert!(!place.page().await.contains("hx-swap-oob"), "the page itself is whole");
    place.done("deposit", &[("dollars", "1")]).await;
    let next = fragment("").await;
    assert!(next.contains("$1001.00") && next.contains("put in: $1.00<"), "{next}");
    let older = fragment("before=2").await;
    assert!(older.contains("/live?before=2\"") && !older.contains("put in: $1.00<"), "it stays where it was");
    // A message for the person waits for the next page.
    place.post("deposit", &[("dollars", "2")]).await;
    fragment("").await;
    assert!(place.page().await.contains("$2.00 of play money is in"));
    assert!(fragment("run=a%22b").await.contains("/live?run=a%22b\""));
}

#[tokio::test]
async fn viewers_look_without_forms_and_worker_ids_and_strangers_find_nothing() {
    let place = Place::open().await;
    let study = place.world.publish(&place.world.lab.form()).await;
    let guest = place.world.arrive(&study, "Wendy").await;
    assert!(place.page().await.contains(&guest.worker));
    let viewer = place.world.lab.member(Role::Viewer).await;
    for path in [place.path.clone(), format!("{}/live", place.path)] {
        let page = viewer.get(&path).await;
        assert!(
            page.status == StatusCode::OK && page.body.contains("<th scope=\"row\">A worker took a place"),
            "{}",
            page.body
        );
        assert!(
            !page.body.contains(&guest.worker)
                && !page.body.contains(&format!("method=\"post\" action=\"{}", place.path))
        );
        let looked_for = viewer.get(&format!("{path}?worker={}", guest.worker)).await.body;
        assert!(!looked_for.contains(&guest.worker), "nor can they look for one");
        assert!(looked_for.contains("Play money was put in:"), "{looked_for}");
    }
    let stranger = place.world.lab.neighbour("stranger").await;
    let outsider = stranger.member_as("outsider", Role::Owner).await;
    let under_their_own = format!("{}/connections/{}/rehearsal", stranger.path(), place.world.lab.connection);
    let forms = ["clock", "faults", "faults/lift", "deposit", "workers", "workers/stop"];
    for path in [&place.path, &under_their_own] {
        assert_eq!(outsider.get(path).await.status, StatusCode::NOT_FOUND);
        assert_eq!(outsider.get(&format!("{path}/live")).await.status, StatusCode::NOT_FOUND);
        for form in forms {
            let answer = outsider.post(&format!("{path}/{form}"), &[("turn", "freeze")]).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}/{form}");
        }
    }
    for form in forms {
        let answer = viewer.post(&format!("{}/{form}", place.path), &[("turn", "freeze")]).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{form}");
    }
}

#[tokio::test]
async fn no_other_environment_has_the_page() {
    let place = Place::open().await;
    let lab = &place.world.lab;
    for environment in [Environment::Sandbox, Environment::Production, Environment::Custom] {
        let custom = (environment == Environment::Custom)
            .then(|| Custom { endpoint: place.world.base.clone(), worker_site: place.world.base.clone() });
        let keys = Keys { access_key_id: "AKIDEXAMPLE".into(), secret: "wJalrXUtnFEMI".into() };
        let new = NewConnection { name: environment.to_string(), environment, custom, keys };
        let act = Act { lab: lab.id, by: None, at: lab.clock.now() };
        let mut conn = lab.app.pool.acquire().await.unwrap();
        let id = connections::create(&mut conn, &lab.app.config.keyring, act, &new).await.unwrap();
        drop(conn);
        let connection = format!("{}/connections/{id}", lab.path());
        assert!(!place.editor.get(&connection).await.body.contains("/rehearsal\""), "{environment}");
        assert_eq!(place.editor.get(&format!("{connection}/rehearsal")).await.status, StatusCode::NOT_FOUND);
        let posted = place.editor.post(&format!("{connection}/rehearsal/clock"), &[("turn", "freeze")]).await;
        assert_eq!(posted.status, StatusCode::NOT_FOUND, "{environment}");
    }
}

#[tokio::test]
async fn a_market_that_does_not_answer_gives_a_calm_page_that_keeps_what_was_typed() {
    let clock = TestClock::starting_now();
    let nobody = format!("http://127.0.0.1:{}/market", kernel::testing::free_port());
    let app = App::new(config(nobody.parse().unwrap()), database().await, clock.clone()).unwrap();
    let keys = Keys { access_key_id: "AKIDEXAMPLE".into(), secret: "wJalrXUtnFEMI".into() };
    let lab = Lab::found(app, clock, "first", &nobody, keys).await;
    let editor = lab.member(Role::Editor).await;
    let page = editor.get(&of(&lab)).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("does not answer: nothing answers at this address"), "{}", page.body);
    let answer = editor.post(&format!("{}/deposit", of(&lab)), &[("dollars", "77.00")]).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.body.contains("value=\"77.00\""), "{}", answer.body);
    assert!(answer.between("class=\"flash bad\" role=\"alert\"", "</p>").contains("does not answer"));
    assert_eq!(lab.count("SELECT count(*) FROM audit_event WHERE action LIKE 'rehearsal.%'").await, 0);
}

#[tokio::test]
async fn keys_that_the_market_does_not_know_are_told_in_its_words() {
    let place = Place::open().await;
    let stranger = place.world.lab.neighbour("keyless").await;
    let page = stranger.member_as("keyless-editor", Role::Editor).await.get(&of(&stranger)).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("does not know the access key id"), "{}", page.body);
}

#[test]
fn the_lists_of_the_page_are_the_marketplaces_own() {
    let known: std::collections::BTreeSet<_> = market::protocol::operations().collect();
    assert_eq!(std::collections::BTreeSet::from(OPERATIONS), known);
    for kind in FaultKind::ALL {
        let theirs = |number| market::faults::FaultKind::from_parts(kind.name(), number);
        let number = kind.unit().map(Unit::most);
        assert_eq!(theirs(number).map(|theirs| theirs.parts()), Some((kind.name(), number)));
        assert!(number.is_none_or(|most| theirs(Some(most + 1)).is_none()), "{kind:?}");
    }
    for (ours, theirs) in Behaviour::ALL.into_iter().zip(market::workers::bots::plan::Behaviour::ALL) {
        assert_eq!(serde_json::json!(theirs), ours.name());
    }
}
