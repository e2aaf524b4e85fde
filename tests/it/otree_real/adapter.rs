//! The adapter against real servers of two releases.

use std::time::Duration;

use otree_hr::otree::{
    CreateOutcome, KeyProblem, NewSession, ParticipantInfo, ReadError, SessionInfo, SessionQuery, Where,
};
use serde_json::{Map, Value, json};

use super::on_both_releases;
use crate::support::otree::{Otree, Release};

on_both_releases!(
    the_key_decides_who_may_ask,
    a_server_without_a_key_says_so,
    an_open_server_answers_everybody,
    configs_bring_what_was_written_for_mturk,
    a_session_is_created_with_changed_fields,
    a_wrong_number_of_participants_names_the_group_size,
    a_participant_is_followed_to_the_end,
    a_button_on_the_last_page_leads_past_the_end,
    a_pair_meets_on_the_wait_page,
    an_experiment_that_reports_nothing_has_no_finished_key,
    what_was_never_there_is_not_found,
);

fn map(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

async fn create(otree: &Otree, config: &str, participants: u32, changes: Value) -> CreateOutcome {
    let label = format!("try-{config}");
    otree
        .client()
        .create(&NewSession { config: config.into(), participants, label, changes: map(changes) })
        .await
}

async fn created(otree: &Otree, config: &str, participants: u32) -> SessionInfo {
    match create(otree, config, participants, json!({})).await {
        CreateOutcome::Created { code, .. } => read(otree, &code).await,
        other => panic!("{other:?}"),
    }
}

async fn read(otree: &Otree, code: &str) -> SessionInfo {
    otree.client().session(code, &SessionQuery::default()).await.unwrap()
}

fn cents(one: &ParticipantInfo) -> i64 {
    one.payoff.as_ref().unwrap().cents("USD").unwrap().0
}

async fn the_key_decides_who_may_ask(release: Release) {
    let otree = Otree::start(release).await;
    assert_eq!(otree.client().version(false).await, Err(KeyProblem::Missing.into()));
    assert_eq!(otree.client_with(Some("wrong")).version(true).await, Err(KeyProblem::Incorrect.into()));
    let version = otree.client().version(true).await.unwrap();
    let expected = match release {
        Release::Six => "6.0.",
        Release::Five => "5.11.",
    };
    assert!(version.to_string().starts_with(expected), "{version}");
    assert!(version.has_full_api() && version.reads_vars());
}

async fn a_server_without_a_key_says_so(release: Release) {
    let otree = Otree::start_with(release, &[("OTREE_REST_KEY", "")]).await;
    assert_eq!(otree.client().version(true).await, Err(KeyProblem::NotSetOnServer.into()));
}

async fn an_open_server_answers_everybody(release: Release) {
    let otree = Otree::start_with(release, &[("OTREE_AUTH_LEVEL", "")]).await;
    assert!(otree.client().version(false).await.is_ok());
    assert!(otree.client_with(Some("wrong")).version(true).await.is_ok());
}

async fn configs_bring_what_was_written_for_mturk(release: Release) {
    let otree = Otree::start(release).await;
    let configs = otree.client().configs().await.unwrap();
    let names: Vec<_> = configs.iter().map(|config| config.name.as_str()).collect();
    assert_eq!(names, ["solo", "solo_button", "pair", "plain"]);
    let mturk = configs[0].mturk.as_ref().unwrap();
    assert_eq!((mturk.title.as_str(), mturk.minutes_allotted), ("A short decision study", Some(30)));
    assert_eq!(mturk.template.as_deref(), Some("global/mturk_template.html"));
    assert_eq!(configs[2].participation_fee.as_deref(), Some("0.75"));
    assert!(configs[3].mturk.is_none());
}

async fn a_session_is_created_with_changed_fields(release: Release) {
    let otree = Otree::start(release).await;
    let changes = json!({"participation_fee": 2.25, "brand_new": {"a": [1, 2]}});
    let CreateOutcome::Created { code, join_path } = create(&otree, "solo", 4, changes).await else {
        panic!("not created")
    };
    let session = read(&otree, &code).await;
    assert_eq!(session.join_path.as_deref(), Some(join_path.as_str()));
    assert_eq!((session.config_name.as_str(), session.label.as_deref()), ("solo", Some("try-solo")));
    assert_eq!(session.config["brand_new"], json!({"a": [1, 2]}));
    assert_eq!(session.config["participation_fee"].to_string(), "2.25");
    assert_eq!((session.currency.as_str(), session.num_participants), ("USD", 4));
    assert_eq!(session.participants.iter().map(|one| one.id_in_session).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert!(session.participants.iter().all(|one| one.finished == Some(false) && cents(one) == 0));
    assert!(session.template_html.unwrap().contains("otree-link"));
}

async fn a_wrong_number_of_participants_names_the_group_size(release: Release) {
    let otree = Otree::start(release).await;
    let refused = create(&otree, "pair", 3, json!({})).await;
    assert!(matches!(refused, CreateOutcome::Refused { group_size: Some(2), .. }), "{refused:?}");
    for (config, changes, part) in
        [("nope", json!({}), "not found"), ("solo", json!({"app_sequence": []}), "app_sequence")]
    {
        match create(&otree, config, 2, changes).await {
            CreateOutcome::Refused { words, group_size: None } => assert!(words.contains(part), "{words}"),
            other => panic!("{other:?}"),
        }
    }
    let broken = create(&otree, "solo", 2, json!({"participation_fee": "abc"})).await;
    assert!(matches!(broken, CreateOutcome::Unclear(_)), "{broken:?}");
}

async fn a_participant_is_followed_to_the_end(release: Release) {
    let otree = Otree::start(release).await;
    let (client, session) = (otree.client(), created(&otree, "solo", 2).await);
    let code = session.participants[1].code.clone();
    let exit = map(json!({"exit_url": "https://hr.example.org/exit", "n": 5}));
    client.set_participant_vars(&code, exit).await.unwrap();
    client.set_session_vars(&session.code, map(json!({"wave": 2}))).await.unwrap();

    let first = Where::Page { app: "number_task".into(), page: "Decide".into(), index: 1 };
    assert_eq!(client.probe(&code).await, Ok(first));
    let answers = [("number", "7"), ("rule", "safe"), ("age", "30"), ("clear", "3"), ("reason", "why not")];
    let played = otree.play(&code, &answers).await.unwrap();
    assert!(played.end.body.contains("https://hr.example.org/exit"));
    let last = Where::Page { app: "number_task".into(), page: "Results".into(), index: 3 };
    assert_eq!(client.probe(&code).await, Ok(last));

    let query = SessionQuery {
        labels: None,
        participant_vars: vec!["n".into(), "absent".into()],
        session_vars: vec!["wave".into()],
    };
    let session = client.session(&session.code, &query).await.unwrap();
    assert_eq!(session.vars, map(json!({"wave": 2})));
    let [other, one] = &session.participants[..] else { panic!("two participants") };
    assert_eq!((one.finished, cents(one), &one.vars), (Some(true), 50, &map(json!({"n": 5}))));
    assert_eq!((other.finished, cents(other)), (Some(false), 0));
}

async fn a_button_on_the_last_page_leads_past_the_end(release: Release) {
    let otree = Otree::start(release).await;
    let session = created(&otree, "solo_button", 1).await;
    let code = &session.participants[0].code;
    otree.play(code, &[]).await.unwrap();
    assert_eq!(otree.client().probe(code).await, Ok(Where::PastTheEnd));
}

async fn a_pair_meets_on_the_wait_page(release: Release) {
    let otree = Otree::start(release).await;
    let session = created(&otree, "pair", 2).await;
    let codes: Vec<_> = session.participants.iter().map(|one| one.code.as_str()).collect();
    let second = async {
        while !waits(&otree, codes[0]).await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        otree.play(codes[1], &[("given", "0")]).await
    };
    let (one, two) = tokio::join!(otree.play(codes[0], &[("given", "10")]), second);
    assert!(one.is_ok() && two.is_ok());
    let read = read(&otree, &session.code).await;
    let paid: Vec<_> = read.participants.iter().map(|one| (one.finished, cents(one))).collect();
    assert_eq!(paid, [(Some(true), 50), (Some(true), 100)]);
}

async fn waits(otree: &Otree, code: &str) -> bool {
    matches!(otree.client().probe(code).await.unwrap(), Where::Page { page, .. } if page == "WaitForPartner")
}

async fn an_experiment_that_reports_nothing_has_no_finished_key(release: Release) {
    let otree = Otree::start_with(release, &[("DEMO_UNADAPTED", "1")]).await;
    let session = created(&otree, "plain", 1).await;
    assert_eq!(session.participants[0].finished, None);
    let labelled = otree_hr::otree::links::start(&otree.base, &session.participants[0].code, Some("p-1"));
    open(&labelled).await;
    let query = SessionQuery { labels: Some(vec!["p-1".into()]), ..SessionQuery::default() };
    let filtered = otree.client().session(&session.code, &query).await.unwrap();
    assert_eq!(filtered.participants[0].label.as_deref(), Some("p-1"));
    let nobody = SessionQuery { labels: Some(vec!["p-2".into()]), ..SessionQuery::default() };
    assert!(otree.client().session(&session.code, &nobody).await.unwrap().participants.is_empty());
}

async fn open(url: &url::Url) {
    use market::workers::bots::browser::{Browser, client};
    assert!(Browser::new(client().unwrap()).get(url).await.unwrap().status.is_success());
}

async fn what_was_never_there_is_not_found(release: Release) {
    let otree = Otree::start(release).await;
    let client = otree.client();
    let lost = client.session("nosuch", &SessionQuery::default()).await;
    assert_eq!(lost, Err(ReadError::NotFound));
    assert_eq!(client.set_participant_vars("nosuch", map(json!({"a": 1}))).await, Err(ReadError::NotFound));
    assert_eq!(client.set_session_vars("nosuch", map(json!({"a": 1}))).await, Err(ReadError::NotFound));
    assert_eq!(client.probe("nosuch").await, Ok(Where::Gone));
}
