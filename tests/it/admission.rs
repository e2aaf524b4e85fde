//! One person, one seat: at the desk, with two processes at once, and through the door.

use std::collections::{HashMap, HashSet};

use axum::body::Body;
use axum::http::{Method, StatusCode};
use chrono::Duration;
use futures_util::future::join_all;
use otree_hr::app::App;
use otree_hr::participation::admit::{Admission, Arrival};
use otree_hr::participation::{ParticipationId, store};
use otree_hr::studies::Study;
use otree_hr::studies::batches::Batch;
use otree_hr::studies::draft::Typed;
use sqlx::postgres::PgPoolOptions;

use crate::support::door::{get, go, worker};
use crate::support::lab::{Lab, set_state};

fn arrival(study: &Study, batch: &Batch, worker: &str, assignment: &str) -> Arrival {
    Arrival {
        lab_id: study.lab_id,
        study_id: study.id,
        batch_id: batch.id,
        realm: study.realm(),
        worker: worker.into(),
        assignment_id: assignment.into(),
        submit_to: None,
        variables: serde_json::json!({}),
        network_mark: None,
        browser_mark: None,
    }
}

fn participation(admission: Admission) -> Option<ParticipationId> {
    match admission {
        Admission::Admitted(id) | Admission::Again(id) => Some(id),
        Admission::OtherBatch | Admission::Compensated | Admission::Full => None,
    }
}

/// Seats taken, as the seats say and as the participations say.
async fn seats_taken(lab: &Lab) -> i64 {
    let seats = lab.count("SELECT count(*) FROM seat WHERE participation_id IS NOT NULL").await;
    let people = lab.count("SELECT count(DISTINCT seat_number) FROM participation").await;
    assert_eq!(seats, people, "seats and participations disagree");
    seats
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_arrivals_at_two_processes_get_exactly_fifty_seats() {
    let lab = Lab::new().await;
    let form = Typed { places: "40".into(), spares: "10".into(), batch_size: "9".into(), ..lab.form() };
    let (study, batches) = lab.open_study(&form).await;
    let processes = [lab.app.clone(), lab.another_process().await];
    // 150 people; every third comes twice, each time to the other process.
    let knocks = (0..200).map(|n| {
        let who = if n < 150 { n } else { (n - 150) * 3 };
        let batch = &batches[who % batches.len()];
        let arrival = arrival(&study, batch, &format!("W{who}"), &format!("A{who}"));
        let desk = processes[(who + n / 150) % 2].desk.clone();
        tokio::spawn(async move { (who, desk.ask(arrival).await.unwrap()) })
    });
    let answers: Vec<(usize, Admission)> = join_all(knocks).await.into_iter().map(Result::unwrap).collect();

    let admitted = answers.iter().filter(|(_, a)| matches!(a, Admission::Admitted(_))).count();
    assert_eq!(admitted, 50);
    let mut by_person: HashMap<usize, HashSet<Option<ParticipationId>>> = HashMap::new();
    for (who, admission) in &answers {
        assert_ne!(*admission, Admission::OtherBatch);
        by_person.entry(*who).or_default().insert(participation(*admission));
    }
    assert!(by_person.values().all(|ids| ids.len() == 1), "somebody got two answers");
    let seated: HashSet<_> = by_person.values().flatten().flatten().collect();
    assert_eq!(seated.len(), 50);
    assert_eq!(seats_taken(&lab).await, 50);
    assert_eq!(lab.count("SELECT count(*) FROM participation").await, 50);
    assert_eq!(lab.count("SELECT count(DISTINCT worker_id) FROM participation").await, 50);
    assert_eq!(lab.count("SELECT count(*) FROM arrival").await, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_who_comes_through_two_batches_at_once_gets_one_seat() {
    let lab = Lab::new().await;
    let form = Typed { places: "40".into(), batch_size: "9".into(), ..lab.form() };
    let (study, batches) = lab.open_study(&form).await;
    let other = lab.another_process().await;
    for n in 0..20 {
        let who = format!("W{n}");
        let (one, two) = (&lab.app.desk, if n % 2 == 0 { &lab.app.desk } else { &other.desk });
        let (a, b) = tokio::join!(
            one.ask(arrival(&study, &batches[0], &who, "A1")),
            two.ask(arrival(&study, &batches[1], &who, "A2")),
        );
        let (a, b) = (a.unwrap(), b.unwrap());
        let one_seat = matches!(
            (a, b),
            (Admission::Admitted(_), Admission::OtherBatch) | (Admission::OtherBatch, Admission::Admitted(_))
        );
        assert!(one_seat, "{a:?} {b:?}");
    }
    assert_eq!(seats_taken(&lab).await, 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_reloads_at_once_lead_to_one_seat() {
    let lab = Lab::new().await;
    let (study, _) = lab.open_study(&lab.form()).await;
    let other = lab.another_process().await;
    let address = go(&study.code, "HIT1", "WORKER1", "ASSIGNMENT1");
    let opened = (0..100).map(|n| {
        let (app, address): (App, String) =
            (if n % 2 == 0 { lab.app.clone() } else { other.clone() }, address.clone());
        tokio::spawn(async move { get(&app, &address).await })
    });
    let answers = join_all(opened).await.into_iter().map(Result::unwrap);
    let places: HashSet<String> = answers
        .map(|answer| {
            assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
            answer.location()
        })
        .collect();
    assert_eq!(places.len(), 1);
    let place = places.into_iter().next().unwrap();
    assert!(place.starts_with("/w/") && !place.contains("WORKER1"), "{place}");
    assert_eq!(seats_taken(&lab).await, 1);
    assert_eq!(get(&lab.app, &place).await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_a_thousand_people_finds_two_hundred_seats_and_no_error() {
    let lab = Lab::new().await;
    let form = Typed { places: "150".into(), spares: "50".into(), batch_size: "50".into(), ..lab.form() };
    let (study, _) = lab.open_study(&form).await;
    // Every fifth comes twice.
    let knocks = (0..1200).map(|n| {
        let who = if n < 1000 { n } else { (n - 1000) * 5 };
        let (app, address) = (lab.app.clone(), go(&study.code, "HIT1", &format!("W{who}"), "A1"));
        tokio::spawn(async move { (who, get(&app, &address).await) })
    });
    let mut seated: HashMap<usize, String> = HashMap::new();
    for (who, answer) in join_all(knocks).await.into_iter().map(Result::unwrap) {
        if answer.status == StatusCode::SEE_OTHER {
            let place = seated.entry(who).or_insert_with(|| answer.location()).clone();
            assert_eq!(place, answer.location());
        } else {
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
            assert!(answer.body.contains("All places are taken"), "{}", answer.body);
        }
    }
    assert_eq!(seated.len(), 200);
    assert_eq!(seated.values().collect::<HashSet<_>>().len(), 200);
    assert_eq!(seats_taken(&lab).await, 200);
}

#[tokio::test]
async fn an_assignment_that_passes_to_another_worker_seats_both() {
    let lab = Lab::new().await;
    let (study, _) = lab.open_study(&lab.form()).await;
    let first = get(&lab.app, &go(&study.code, "HIT1", "ANNA", "SAME")).await;
    let second = get(&lab.app, &go(&study.code, "HIT1", "BERT", "SAME")).await;
    assert!(first.location().starts_with("/w/") && second.location().starts_with("/w/"));
    assert_ne!(first.location(), second.location());
    assert_eq!(seats_taken(&lab).await, 2);
}

#[tokio::test]
async fn a_seat_that_was_given_back_unopened_goes_to_the_next() {
    let lab = Lab::new().await;
    let form = Typed { places: "1".into(), spares: "0".into(), batch_size: "1".into(), ..lab.form() };
    let (study, batches) = lab.open_study(&form).await;
    let anna = go(&study.code, "HIT1", "ANNA", "A1");
    let bert = go(&study.code, "HIT1", "BERT", "A2");
    let page = get(&lab.app, &anna).await.location();
    assert!(page.starts_with("/w/"));
    assert!(get(&lab.app, &bert).await.body.contains("All places are taken"));

    give_back(&lab, &batches[0]).await;
    assert_eq!(seats_taken(&lab).await, 0);
    let late = get(&lab.app, &format!("{page}/open")).await;
    assert!(late.body.contains("Your place was given back"), "{}", late.body);
    assert!(get(&lab.app, &bert).await.location().starts_with("/w/"));
    assert!(get(&lab.app, &anna).await.body.contains("All places are taken"), "Anna has no seat any more");

    give_back(&lab, &batches[0]).await;
    let again = get(&lab.app, &anna).await;
    assert!(again.location().starts_with("/w/"), "Anna may come again while there is a seat");
    assert_eq!(get(&lab.app, &again.location()).await.status, StatusCode::OK);
    assert_eq!(seats_taken(&lab).await, 1);
}

#[tokio::test]
async fn a_seat_that_was_opened_is_used_up() {
    let lab = Lab::new().await;
    let form = Typed { places: "1".into(), spares: "0".into(), batch_size: "1".into(), ..lab.form() };
    let (study, batches) = lab.open_study(&form).await;
    let page = get(&lab.app, &go(&study.code, "HIT1", "ANNA", "A1")).await.location();
    let open = get(&lab.app, &format!("{page}/open")).await;
    assert!(open.location().contains("/InitializeParticipant/p0000000?participant_label="), "{open:?}");
    assert!(!open.location().contains("ANNA"), "the worker's id stays here");
    give_back(&lab, &batches[0]).await;
    assert!(
        get(&lab.app, &go(&study.code, "HIT1", "BERT", "A2")).await.body.contains("All places are taken")
    );
    assert_eq!(seats_taken(&lab).await, 1);
}

#[tokio::test]
async fn who_comes_back_after_the_time_was_over_keeps_the_new_seat() {
    let lab = Lab::new().await;
    let (study, batches) = lab.open_study(&lab.form()).await;
    get(&lab.app, &go(&study.code, "HIT1", "ANNA", "A1")).await;
    lab.clock.advance(Duration::hours(1));
    assert_eq!(times_up(&lab, &batches[0]).await, 1);
    assert_eq!(seats_taken(&lab).await, 0);

    let page = get(&lab.app, &go(&study.code, "HIT1", "ANNA", "A2")).await.location();
    assert_eq!(times_up(&lab, &batches[0]).await, 0, "the time of the second assignment has just begun");
    assert!(get(&lab.app, &format!("{page}/open")).await.location().contains("/InitializeParticipant/"));
    lab.clock.advance(Duration::hours(1));
    assert_eq!(times_up(&lab, &batches[0]).await, 1);
    let again = get(&lab.app, &go(&study.code, "HIT1", "ANNA", "A3")).await.location();
    assert_eq!(again, page);
    assert_eq!(lab.count("SELECT count(*) FROM participation WHERE stage = 'working'").await, 1);
    assert_eq!(seats_taken(&lab).await, 1);
}

#[tokio::test]
async fn who_returned_one_batch_may_come_back_through_another() {
    let lab = Lab::new().await;
    let (study, batches) = lab.open_study(&lab.form()).await;
    let page = get(&lab.app, &go(&study.code, "HIT1", "ANNA", "A1")).await.location();
    let second = go(&study.code, "HIT2", "ANNA", "A2");
    assert!(get(&lab.app, &second).await.body.contains("You have a place in this study already"));
    give_back(&lab, &batches[0]).await;
    let unused = get(&lab.app, &format!("{page}/open")).await;
    assert!(unused.body.contains("Your place was given back"), "{}", unused.body);
    assert_eq!(get(&lab.app, &second).await.location(), page);
    assert_eq!(seats_taken(&lab).await, 1);
    let moved = "SELECT count(*) FROM participation p JOIN batch b ON b.id = p.batch_id WHERE b.position = 2
        AND p.assignment_id = 'A2' AND p.returned_at IS NULL";
    assert_eq!(lab.count(moved).await, 1);
}

#[tokio::test]
async fn a_link_with_a_letter_that_cannot_be_stored_still_seats() {
    let lab = Lab::new().await;
    let (study, _) = lab.open_study(&Typed { variables: "treatment".into(), ..lab.form() }).await;
    let address = format!("{}&treatment=a%00b", go(&study.code, "HIT1", "ANNA", "A1"));
    let answer = get(&lab.app, &address).await;
    assert!(answer.location().starts_with("/w/"), "{}", answer.body);
    assert_eq!(lab.count("SELECT count(*) FROM participation WHERE variables->>'treatment' = 'ab'").await, 1);
}

#[tokio::test]
async fn who_finished_in_the_frame_submits_though_the_session_is_lost() {
    let lab = Lab::new().await;
    let (study, _) = lab.open_study(&Typed { play: "in_frame".into(), ..lab.form() }).await;
    let open = get(&lab.app, &go(&study.code, "HIT1", "ANNA", "A1")).await.location();
    get(&lab.app, &open).await;
    sqlx::query("UPDATE participation SET finished_at = admitted_at").execute(&lab.app.pool).await.unwrap();
    for trouble in ["UPDATE site SET state = 'failed'", "UPDATE otree_session SET state = 'lost'"] {
        sqlx::query(trouble).execute(&lab.app.pool).await.unwrap();
        let answer = get(&lab.app, &open).await;
        assert_eq!(answer.location(), open.trim_end_matches("/open"), "{trouble}: {}", answer.body);
    }
}

/// As when the tracker looks at a batch on which people may still work. Returns how many are gone.
async fn times_up(lab: &Lab, batch: &Batch) -> u64 {
    let mut conn = lab.app.pool.acquire().await.unwrap();
    store::returned(&mut conn, batch.id, false, lab.app.clock.now()).await.unwrap()
}

/// As when the recruiter says that nobody works on the batch any more.
async fn give_back(lab: &Lab, batch: &Batch) {
    let mut conn = lab.app.pool.acquire().await.unwrap();
    store::returned(&mut conn, batch.id, true, lab.app.clock.now()).await.unwrap();
}

#[tokio::test]
async fn whoever_is_not_a_person_with_an_assignment_takes_no_seat() {
    let lab = Lab::new().await;
    let (study, _) = lab.open_study(&lab.form()).await;
    let accepted = go(&study.code, "HIT1", "WORKER1", "A1");
    let preview = go(&study.code, "HIT1", "WORKER1", "ASSIGNMENT_ID_NOT_AVAILABLE");
    let bare = format!("/go/{}", study.code);
    let odd = go(&study.code, "HIT1", "%3Cscript%3E", "A1");
    let looks: [(Method, &str, &'static str, &str); 9] = [
        (Method::GET, &preview, "user-agent", "Mozilla/5.0"),
        (Method::GET, &bare, "user-agent", "Mozilla/5.0"),
        (Method::GET, &odd, "user-agent", "Mozilla/5.0"),
        (Method::HEAD, &accepted, "user-agent", "Mozilla/5.0"),
        (Method::GET, &accepted, "sec-purpose", "prefetch"),
        (Method::GET, &accepted, "purpose", "prefetch"),
        (Method::GET, &accepted, "x-moz", "prefetch"),
        (Method::GET, &accepted, "user-agent", "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"),
        (Method::GET, &accepted, "user-agent", "curl/8.5.0"),
    ];
    for (method, path, header, value) in looks {
        let visitor = worker(&lab.app).sending(header, value);
        let answer = visitor.send(method.clone(), path, Body::empty()).await;
        assert_eq!(answer.status, StatusCode::OK, "{method} {path} {header}: {value}");
        assert!(method == Method::HEAD || answer.body.contains("Pick a number"), "{path}: {}", answer.body);
        assert!(
            answer.header("content-security-policy").contains("frame-ancestors 'self' http://127.0.0.1:9")
        );
        assert_eq!(answer.header("set-cookie"), "");
    }
    assert_eq!(seats_taken(&lab).await, 0);
    assert_eq!(lab.count("SELECT count(*) FROM worker").await, 0);
    assert_eq!(lab.count("SELECT count(*) FROM arrival").await, 0);
}

#[tokio::test]
async fn programs_that_look_at_the_seat_do_not_open_it() {
    let lab = Lab::new().await;
    let (study, _) = lab.open_study(&lab.form()).await;
    let page = get(&lab.app, &go(&study.code, "HIT1", "WORKER1", "A1")).await.location();
    let open = format!("{page}/open");
    worker(&lab.app).send(Method::HEAD, &open, Body::empty()).await;
    worker(&lab.app).sending("sec-purpose", "prefetch;prerender").get(&open).await;
    assert_eq!(lab.count("SELECT count(opened_at) FROM participation").await, 0);
    get(&lab.app, &open).await;
    assert_eq!(lab.count("SELECT count(opened_at) FROM participation").await, 1);
}

#[tokio::test]
async fn studies_that_take_nobody_say_so_kindly() {
    let lab = Lab::new().await;
    let (study, _) = lab.open_study(&lab.form()).await;
    let address = go(&study.code, "HIT1", "WORKER1", "A1");
    for (state, words) in [("closed", "This study has ended"), ("draft", "One moment")] {
        set_state(&mut lab.app.pool.acquire().await.unwrap(), study.id, state).await;
        let answer = get(&lab.app, &address).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert!(answer.body.contains(words), "{state}: {}", answer.body);
    }
    set_state(&mut lab.app.pool.acquire().await.unwrap(), study.id, "open").await;
    let unknown_hit = get(&lab.app, &go(&study.code, "HIT99", "WORKER1", "A1")).await;
    assert!(unknown_hit.body.contains("does not lead to a study"), "{}", unknown_hit.body);
    let unknown = get(&lab.app, &go("nosuchcode", "HIT1", "WORKER1", "A1")).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    assert!(unknown.body.contains("does not lead to a study"), "{}", unknown.body);
    assert_eq!(seats_taken(&lab).await, 0);
}

#[tokio::test]
async fn who_is_in_a_closed_study_may_go_on() {
    let lab = Lab::new().await;
    let (study, _) = lab.open_study(&lab.form()).await;
    let address = go(&study.code, "HIT1", "WORKER1", "A1");
    let before = get(&lab.app, &address).await;
    set_state(&mut lab.app.pool.acquire().await.unwrap(), study.id, "closed").await;
    let after = get(&lab.app, &address).await;
    assert_eq!((after.status, after.location()), (StatusCode::SEE_OTHER, before.location()));
}

#[tokio::test]
async fn while_the_site_is_down_nobody_new_takes_a_seat() {
    let lab = Lab::new().await;
    let (study, _) = lab.open_study(&lab.form()).await;
    let known = go(&study.code, "HIT1", "KNOWN", "A1");
    let page = get(&lab.app, &known).await.location();
    sqlx::query("UPDATE site SET state = 'failed', problem = 'No answer.'")
        .execute(&lab.app.pool)
        .await
        .unwrap();

    let new = get(&lab.app, &go(&study.code, "HIT1", "NEW", "A2")).await;
    assert_eq!(new.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(new.body.contains("does not answer right now"), "{}", new.body);
    assert_eq!(seats_taken(&lab).await, 1);

    assert_eq!(get(&lab.app, &known).await.location(), page, "who was here keeps the place");
    let open = get(&lab.app, &format!("{page}/open")).await;
    assert_eq!(open.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(lab.count("SELECT count(opened_at) FROM participation").await, 0);

    sqlx::query("UPDATE site SET state = 'ok'").execute(&lab.app.pool).await.unwrap();
    assert!(get(&lab.app, &go(&study.code, "HIT1", "NEW", "A2")).await.location().starts_with("/w/"));
    assert!(get(&lab.app, &format!("{page}/open")).await.location().contains("/InitializeParticipant/"));
}

#[tokio::test]
async fn signed_links_open_nothing_when_changed() {
    let lab = Lab::new().await;
    let (study, _) = lab.open_study(&lab.form()).await;
    let page = get(&lab.app, &go(&study.code, "HIT1", "WORKER1", "A1")).await.location();
    let mut changed = page.clone().into_bytes();
    changed[4] = if changed[4] == b'0' { b'1' } else { b'0' };
    let changed = String::from_utf8(changed).unwrap();
    for path in [changed.clone(), format!("{changed}/status"), format!("{changed}/open"), "/w/nothing".into()]
    {
        assert_eq!(get(&lab.app, &path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    let exit = page.replace("/w/", "/exit/");
    assert_eq!(get(&lab.app, &exit).await.status, StatusCode::NOT_FOUND, "one kind of link is no other");
}

#[tokio::test]
async fn who_comes_while_no_connection_is_free_is_told_to_come_again_in_the_frame() {
    let lab = Lab::new().await;
    let (study, batches) = lab.open_study(&lab.form()).await;
    let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(std::time::Duration::from_secs(3));
    let pool = pool.connect_lazy_with((*lab.app.pool.connect_options()).clone());
    let app = App::new(lab.app.config.clone(), pool, lab.clock.clone()).unwrap();
    let path = go(&study.code, batches[0].hit_id.as_deref().unwrap(), "AWORKER", "3ASSIGNMENT");
    let only = app.pool.acquire().await.unwrap();
    let crowded = get(&app, &path).await;
    assert_eq!(crowded.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(crowded.body.contains("Many people are coming"), "{}", crowded.body);
    assert!(crowded.header("content-security-policy").contains("frame-ancestors https: http:"));
    drop(only);
    let again = get(&app, &path).await;
    assert_eq!(again.status, StatusCode::SEE_OTHER, "{}", again.body);
}
