use chrono::DateTime;
use kernel::money::Cents;
use serde_json::json;
use sqlx::types::Json;

use super::*;
use crate::connections::{ConnectionId, Environment, Trial};
use crate::labs::LabId;
use crate::otree::SessionConfig;
use crate::sites::{SiteId, SiteState};
use crate::studies::{Completion, Play, State, StudyId};

struct World {
    study: Study,
    site: Site,
    connection: Connection,
    secure: bool,
    reporting: Reporting,
}

impl World {
    /// Nothing to say about it.
    fn quiet() -> Self {
        Self {
            study: study(),
            site: site(),
            connection: connection(),
            secure: true,
            reporting: Reporting::Reports,
        }
    }

    fn advice(&self) -> Vec<Advice> {
        let World { site, connection, secure, reporting, .. } = self;
        on(&self.study, Circumstances { site, connection, secure: *secure, reporting: *reporting })
    }
}

fn study() -> Study {
    let then = DateTime::UNIX_EPOCH;
    Study {
        id: StudyId::new(),
        lab_id: LabId::new(),
        code: "abc".into(),
        name: "Pilot".into(),
        site_id: SiteId::new(),
        connection_id: ConnectionId::new(),
        environment: "rehearsal".into(),
        state: State::Draft,
        config_name: "solo".into(),
        config_changes: Json(serde_json::Map::new()),
        adopt_code: None,
        places: 12,
        spare_seats: 3,
        group_size: 1,
        batch_size: 9,
        currency: "USD".into(),
        reward: Cents(100),
        max_bonus: Cents(50),
        budget: Cents(2160),
        title: "A study".into(),
        description: "Short".into(),
        keywords: String::new(),
        duration_s: 3600,
        lifetime_s: 86400,
        auto_approve_s: 604_800,
        frame_height: 600,
        qualifications: json!([]),
        play: Play::NewTab,
        template_html: None,
        completion: Completion::Reported,
        last_page: None,
        send_worker_id: false,
        variable_names: Vec::new(),
        hit_type_id: None,
        problem: None,
        created_at: then,
        published_at: None,
        closed_at: None,
    }
}

fn site() -> Site {
    let solo = json!({ "name": "solo", "participation_fee": 1.0, "exit_url": "" });
    Site {
        id: SiteId::new(),
        lab_id: LabId::new(),
        name: "Lab server".into(),
        base_url: "https://otree.example.org".parse().unwrap(),
        has_key: true,
        state: SiteState::Ok,
        version: Some("6.0.15".into()),
        problem: None,
        warnings: Vec::new(),
        configs: SessionConfig::parse_all(&json!([solo])),
        checked_at: None,
        good_at: None,
        created_at: DateTime::UNIX_EPOCH,
    }
}

fn connection() -> Connection {
    let trial = Trial { checked_at: DateTime::UNIX_EPOCH, problem: None, balance: Some(Cents(100_000)) };
    Connection {
        id: ConnectionId::new(),
        lab_id: LabId::new(),
        name: "Rehearsal".into(),
        environment: Environment::Rehearsal,
        custom: None,
        key_hint: "ABCD".into(),
        trial: Some(trial),
        studies: 0,
        created_at: DateTime::UNIX_EPOCH,
    }
}

#[test]
fn a_sound_study_gets_no_advice() {
    assert_eq!(World::quiet().advice(), []);
}

type Change = fn(&mut World);

#[test]
fn each_mistake_is_noticed_and_weighed() {
    use Weight::{Error, Note, Warning};
    let cases: &[(&str, Weight, &str, Change)] = &[
        ("site failed", Error, "no answer", |w| {
            w.site.state = SiteState::Failed;
            w.site.problem = Some("There was no answer.".into());
        }),
        ("links only", Error, "older than 5.1", |w| {
            w.site.state = SiteState::LinksOnly;
            w.site.problem = Some("This oTree is older than 5.1.".into());
        }),
        ("unchecked", Warning, "not been checked", |w| w.site.state = SiteState::Unchecked),
        ("site warns", Warning, "open to everybody", |w| {
            w.site.warnings.push("It is open to everybody.".into());
        }),
        ("config gone", Error, "“other”", |w| w.study.config_name = "other".into()),
        ("bad keys", Error, "Wrong signature.", |w| {
            w.connection.trial.as_mut().unwrap().problem = Some("Wrong signature.".into());
        }),
        ("untested", Warning, "not been tested", |w| w.connection.trial = None),
        ("sandbox", Warning, "2026-09-30", |w| w.connection.environment = Environment::Sandbox),
        ("custom", Note, "real money", |w| w.connection.environment = Environment::Custom),
        ("silent", Error, "PARTICIPANT_FIELDS", |w| w.reporting = Reporting::Silent),
        ("not known", Warning, "PARTICIPANT_FIELDS", |w| w.reporting = Reporting::Unknown),
        ("6.0.2", Warning, "6.0.0 to 6.0.4", |w| {
            w.site.version = Some("6.0.2".into());
            w.reporting = Reporting::Silent;
        }),
        ("old exit", Error, "5.1", |w| {
            w.study.completion = Completion::ExitDoor;
            w.site.version = Some("5.0.8".into());
        }),
        ("exit unheard of", Warning, "exit_url", |w| {
            w.study.completion = Completion::ExitDoor;
            w.site.configs = SessionConfig::parse_all(&json!([{ "name": "solo" }]));
        }),
        ("no name", Error, "last page", |w| w.study.completion = Completion::LastPage),
        ("a name", Note, "“Results”", |w| {
            w.study.completion = Completion::LastPage;
            w.study.last_page = Some("Results".into());
        }),
        ("no more pages", Note, "button", |w| w.study.completion = Completion::NoMorePages),
        ("frame without a way back", Error, "exit door", |w| w.study.play = Play::InFrame),
        ("http in a frame", Error, "http", |w| {
            w.study.play = Play::InFrame;
            w.study.completion = Completion::ExitDoor;
            w.site.base_url = "http://otree.example.org".parse().unwrap();
        }),
        ("template without a link", Error, "otree-link", |w| {
            w.study.play = Play::Template;
            w.study.template_html = Some("<input name=completion_code>".into());
        }),
        ("template without a code", Warning, "completion_code", |w| {
            w.study.play = Play::Template;
            w.study.template_html = Some("<a class=otree-link>go</a>".into());
        }),
        ("odd groups", Warning, "groups of 5", |w| w.study.group_size = 5),
        ("large batches", Warning, "$2.40 more", |w| {
            w.study.batch_size = 12;
            w.study.budget = Cents(9999);
        }),
        ("no spares", Warning, "spare seats", |w| w.study.spare_seats = 0),
        ("poor", Warning, "Not all batches", |w| {
            w.connection.trial.as_mut().unwrap().balance = Some(Cents(1439));
        }),
        ("poor for bonuses", Warning, "largest bonuses", |w| {
            w.connection.trial.as_mut().unwrap().balance = Some(Cents(1440));
        }),
        ("small budget", Warning, "$21.60", |w| w.study.budget = Cents(2159)),
        ("no reward", Warning, "nothing", |w| w.study.reward = Cents::ZERO),
        ("no bonus", Note, "largest bonus", |w| w.study.max_bonus = Cents::ZERO),
        ("another fee", Note, "participation_fee is 2.25", |w| {
            w.study.config_changes.0.insert("participation_fee".into(), json!(2.25));
        }),
        ("no review", Warning, "the moment", |w| w.study.auto_approve_s = 0),
        ("short life", Note, "leaves the list", |w| w.study.lifetime_s = 1800),
    ];
    for (case, weight, words, change) in cases {
        let mut world = World::quiet();
        change(&mut world);
        let advice = world.advice();
        let found = advice.iter().find(|one| one.words.contains(words));
        assert_eq!(found.map(|one| one.weight), Some(*weight), "{case}: {advice:?}");
        assert_eq!(blocks(&advice), *weight == Error, "{case}: {advice:?}");
    }
}

#[test]
fn inside_the_frame_works_with_the_exit_door() {
    let mut world = World::quiet();
    world.study.play = Play::InFrame;
    world.study.completion = Completion::ExitDoor;
    assert_eq!(world.advice(), []);
    // Over plain http everything is as plain as the site, so a browser shows both.
    world.secure = false;
    world.site.base_url = "http://localhost:8001".parse().unwrap();
    assert_eq!(world.advice(), []);
}

#[test]
fn a_session_that_is_taken_in_needs_no_listed_config() {
    let mut world = World::quiet();
    world.study.config_name = "other".into();
    world.study.adopt_code = Some("abcd1234".into());
    assert!(!blocks(&world.advice()));
}

#[test]
fn what_blocks_comes_first() {
    let mut world = World::quiet();
    world.study.spare_seats = 0;
    world.study.max_bonus = Cents::ZERO;
    world.reporting = Reporting::Silent;
    let weights: Vec<Weight> = world.advice().iter().map(|one| one.weight).collect();
    assert_eq!(weights, [Weight::Error, Weight::Warning, Weight::Note]);
}

#[test]
fn an_old_otree_gets_no_variables_from_the_link() {
    let mut world = World::quiet();
    world.site.state = SiteState::LinksOnly;
    world.study.adopt_code = Some("ratogase".into());
    world.study.completion = Completion::NoMorePages;
    assert!(!blocks(&world.advice()), "without variables it works");
    world.study.variable_names = vec!["treatment".into()];
    assert!(blocks(&world.advice()));
}
