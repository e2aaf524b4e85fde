//! Quality scores: made from decisions, once each, and kept as a qualification at the marketplace.

use axum::http::StatusCode;
use chrono::Duration;
use market::faults::FaultKind;
use market::journal::Effect;
use otree_hr::app::App;
use otree_hr::jobs::Reconciler;
use otree_hr::labs::Role;
use otree_hr::participation::Stage;
use otree_hr::review::Decision;
use otree_hr::review::rules::RuleSet;
use otree_hr::review::verdicts::{self, NewRules, Outcome};
use otree_hr::scores::teller::{self, Teller};
use otree_hr::scores::{Keeper, Scale, store};
use otree_hr::studies::Study;
use otree_hr::studies::draft::Typed;

use crate::support::world::{Guest, World};

const SCALE: Scale = Scale { start: 50, up: 5, down: 20, lowest: 0, highest: 100 };

async fn set(world: &World, active: bool, scale: &Scale) {
    let mut tx = world.app().pool.begin().await.unwrap();
    let (now, lab, by) = (world.lab.clock_now(), world.lab.id, world.lab.owner);
    store::set_scale(&mut tx, now, lab, by, active, scale).await.unwrap();
    tx.commit().await.unwrap();
}

fn approve() -> Decision {
    Decision::Approve { feedback: String::new() }
}

fn reject() -> Decision {
    Decision::Reject { reason: "Both checks were wrong".into() }
}

/// Our number for this worker.
async fn score(world: &World, worker: &str) -> Option<i32> {
    sqlx::query_scalar(
        "SELECT s.score FROM worker_score s JOIN worker w ON w.id = s.worker_id WHERE w.external_id = $1",
    )
    .bind(worker)
    .fetch_optional(&world.app().pool)
    .await
    .unwrap()
}

/// The marketplace's number for this worker, in the lab's own qualification.
async fn known(world: &World, worker: &str) -> Option<i64> {
    sqlx::query_scalar(
        "SELECT q.value::bigint FROM market.qualification q
         JOIN market.qualification_type t ON t.qualification_type_id = q.qualification_type_id
         WHERE q.worker_id = $1 AND t.name = $2 AND t.deleted_at IS NULL AND q.revoked_at IS NULL",
    )
    .bind(worker)
    .bind(teller::name(world.lab.id))
    .fetch_optional(&world.app().pool)
    .await
    .unwrap()
}

async fn types(world: &World) -> i64 {
    world.lab.count("SELECT count(*) FROM market.qualification_type WHERE deleted_at IS NULL AND name LIKE 'Quality score%'").await
}

/// Decides and waits until everybody knows.
async fn decide(world: &World, study: &Study, guest: &Guest, decision: &Decision) {
    world.decide(study, std::slice::from_ref(guest), decision).await;
    world.later(Duration::minutes(1)).await;
}

#[tokio::test]
async fn approvals_raise_it_rejections_lower_it_and_the_recruiter_knows() {
    let world = World::new().await;
    set(&world, true, &SCALE).await;
    let study = world.publish(&world.lab.form()).await;
    let guests = world.submitted(&study, 3, "0.70").await;
    assert_eq!(score(&world, &guests[0].worker).await, None, "nothing was decided");
    decide(&world, &study, &guests[0], &approve()).await;
    decide(&world, &study, &guests[1], &reject()).await;
    for (guest, number) in [(&guests[0], 55), (&guests[1], 30)] {
        assert_eq!(score(&world, &guest.worker).await, Some(number));
        assert_eq!(known(&world, &guest.worker).await, Some(i64::from(number)));
    }
    assert_eq!(known(&world, &guests[2].worker).await, None);
    assert_eq!(types(&world).await, 1, "one qualification for all");
    // It counts whoever decides: here the recruiter's own clock.
    world.market.set_clock(market::clock::Turn::Step(Duration::days(8))).await.unwrap();
    world.market.tick().await.unwrap();
    world.later(Duration::minutes(30)).await;
    assert_eq!(world.participation(&guests[2]).await.stage, Stage::Approved);
    assert_eq!(known(&world, &guests[2].worker).await, Some(55));
}

#[tokio::test]
async fn an_overridden_rejection_takes_its_lowering_back() {
    let world = World::new().await;
    set(&world, true, &Scale { start: 10, ..SCALE }).await;
    let study = world.publish(&world.lab.form()).await;
    let guests = world.submitted(&study, 1, "0.70").await;
    decide(&world, &study, &guests[0], &reject()).await;
    assert_eq!(known(&world, &guests[0].worker).await, Some(0), "not below the lowest");
    let at = world.lab.clock_now();
    decide(&world, &study, &guests[0], &Decision::Override { feedback: String::new(), at }).await;
    assert_eq!(world.participation(&guests[0]).await.stage, Stage::Approved);
    assert_eq!(score(&world, &guests[0].worker).await, Some(15), "as if it had been approved at once");
    assert_eq!(known(&world, &guests[0].worker).await, Some(15));
}

#[tokio::test]
async fn a_worker_has_one_score_across_studies() {
    let world = World::new().await;
    set(&world, true, &SCALE).await;
    let first = world.publish(&world.lab.form()).await;
    let guests = world.submitted(&first, 1, "0.70").await;
    decide(&world, &first, &guests[0], &approve()).await;
    // The same person in another study, as far as the books know.
    let second = world.publish(&Typed { title: "Pick a letter".into(), ..world.lab.form() }).await;
    sqlx::query(
        "INSERT INTO participation (id, lab_id, study_id, batch_id, worker_id, code, assignment_id, admitted_at,
            submitted_at, rejected_at)
         SELECT gen_random_uuid(), p.lab_id, $2, b.id, p.worker_id, 'other', 'OTHER', now(), now(), now()
         FROM participation p, batch b WHERE p.id = $1 AND b.study_id = $2 LIMIT 1",
    )
    .bind(guests[0].id.0)
    .bind(second.id.0)
    .execute(&world.app().pool)
    .await
    .unwrap();
    world.quiet().await;
    assert_eq!(score(&world, &guests[0].worker).await, Some(35), "50 + 5 - 20");
}

#[tokio::test]
async fn a_decision_counts_once_however_often_it_is_looked_at_and_by_how_many() {
    let world = World::new().await;
    set(&world, true, &SCALE).await;
    let study = world.publish(&world.lab.form()).await;
    let guests = world.submitted(&study, 2, "0.70").await;
    world.decide(&study, &guests, &approve()).await;
    world.later(Duration::minutes(1)).await;
    // News of the same decisions, over and over, taken by two processes at once.
    let news = "INSERT INTO score_news (lab_id, worker_id)
        SELECT lab_id, worker_id FROM participation, generate_series(1, 200) WHERE approved_at IS NOT NULL";
    sqlx::query(news).execute(&world.app().pool).await.unwrap();
    let other = world.lab.another_process().await;
    let drain = async |app: &App| {
        while world.lab.count("SELECT count(*) FROM score_news").await > 0 {
            Keeper(app.clone()).step().await.unwrap();
        }
    };
    tokio::join!(drain(world.app()), drain(&other));
    for guest in &guests {
        assert_eq!(score(&world, &guest.worker).await, Some(55));
    }
    world.quiet().await;
    let told = world.journal(Effect::QualificationGranted).await.len();
    assert_eq!(told, 2, "what the recruiter knows already is not told again");
}

#[tokio::test]
async fn whatever_becomes_of_the_answer_the_recruiter_has_the_latest_number() {
    let faults = [FaultKind::DropBefore, FaultKind::DropAfter, FaultKind::FailAfter, FaultKind::Throttle];
    for operation in ["CreateQualificationType", "AssociateQualificationWithWorker"] {
        for fault in faults {
            let world = World::new().await;
            set(&world, true, &SCALE).await;
            let study = world.publish(&world.lab.form()).await;
            let guests = world.submitted(&study, 1, "0.70").await;
            world.trouble(fault, operation, 1).await;
            decide(&world, &study, &guests[0], &approve()).await;
            world.later(Duration::minutes(10)).await;
            assert_eq!(known(&world, &guests[0].worker).await, Some(55), "{operation} {fault:?}");
            assert_eq!(types(&world).await, 1, "{operation} {fault:?}: one qualification");
            let waits =
                "SELECT count(*) FROM score_telling WHERE told IS DISTINCT FROM score OR problem IS NOT NULL";
            assert_eq!(world.lab.count(waits).await, 0, "{operation} {fault:?}");
        }
    }
}

#[tokio::test]
async fn a_qualification_made_before_a_crash_is_found_and_a_deleted_one_is_made_again() {
    let world = World::new().await;
    set(&world, true, &SCALE).await;
    let study = world.publish(&world.lab.form()).await;
    let guests = world.submitted(&study, 2, "0.70").await;
    let account = otree_hr::connections::recruiter(world.app(), world.lab.connection).await.unwrap();
    account.make_qualification(&teller::name(world.lab.id), "Made, and then the process died").await;
    decide(&world, &study, &guests[0], &approve()).await;
    assert_eq!((types(&world).await, known(&world, &guests[0].worker).await), (1, Some(55)));

    let id = "SELECT qualification_id FROM score_qualification";
    let old: String = sqlx::query_scalar(id).fetch_one(&world.app().pool).await.unwrap();
    account.delete_qualification(&old).await;
    decide(&world, &study, &guests[1], &approve()).await;
    world.later(Duration::hours(2)).await;
    let new: String = sqlx::query_scalar(id).fetch_one(&world.app().pool).await.unwrap();
    assert_ne!(old, new);
    for guest in &guests {
        assert_eq!(known(&world, &guest.worker).await, Some(55), "everybody is told again");
    }
}

#[tokio::test]
async fn who_overslept_while_telling_makes_it_be_told_again() {
    let world = World::new().await;
    set(&world, true, &SCALE).await;
    let study = world.publish(&world.lab.form()).await;
    let guests = world.submitted(&study, 1, "0.70").await;
    decide(&world, &study, &guests[0], &approve()).await;
    // Another process took the row while this one was between its call and its record.
    let due = "UPDATE score_telling SET told = NULL, next_step_at = now() - interval '1 day'";
    sqlx::query(due).execute(&world.app().pool).await.unwrap();
    world.trouble(FaultKind::DelayAfter(5000), "AssociateQualificationWithWorker", 1).await;
    let step = tokio::spawn({
        let app = world.app().clone();
        async move { Teller(app).step().await.unwrap() }
    });
    let held = "SELECT count(*) FROM score_telling WHERE lease_token IS NOT NULL";
    while world.lab.count(held).await == 0 {
        assert!(!step.is_finished(), "it held the row while it told");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    sqlx::query("UPDATE score_telling SET lease_token = gen_random_uuid()")
        .execute(&world.app().pool)
        .await
        .unwrap();
    step.await.unwrap();
    assert_eq!(world.lab.count("SELECT count(*) FROM score_telling WHERE told IS NULL").await, 1);
    world.quiet().await;
    assert_eq!(world.lab.count("SELECT count(*) FROM score_telling WHERE told = score").await, 1);
}

#[tokio::test]
async fn past_decisions_count_when_scores_are_switched_on_and_other_steps_count_them_anew() {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    let guests = world.submitted(&study, 1, "0.70").await;
    decide(&world, &study, &guests[0], &approve()).await;
    assert_eq!(score(&world, &guests[0].worker).await, None);
    assert_eq!(world.lab.count("SELECT count(*) FROM score_news").await, 0, "nothing piles up");
    set(&world, true, &SCALE).await;
    world.quiet().await;
    assert_eq!(known(&world, &guests[0].worker).await, Some(55));
    set(&world, true, &Scale { up: 7, ..SCALE }).await;
    world.quiet().await;
    assert_eq!(known(&world, &guests[0].worker).await, Some(57));
    set(&world, false, &SCALE).await;
    world.quiet().await;
    assert_eq!(known(&world, &guests[0].worker).await, Some(57), "switched off, it stays");
}

#[tokio::test]
async fn an_account_added_later_learns_everybodys_score() {
    let world = World::new().await;
    set(&world, true, &SCALE).await;
    let study = world.publish(&world.lab.form()).await;
    let guests = world.submitted(&study, 1, "0.70").await;
    decide(&world, &study, &guests[0], &approve()).await;
    let keys = world.market.create_requester("Another account", kernel::money::Cents(100)).await.unwrap();
    let keys =
        otree_hr::connections::Keys { access_key_id: keys.access_key_id, secret: keys.secret_access_key };
    let new = otree_hr::connections::NewConnection {
        name: "Another".into(),
        environment: otree_hr::connections::Environment::Rehearsal,
        custom: None,
        keys,
    };
    let act = otree_hr::connections::Act { lab: world.lab.id, by: None, at: world.lab.clock_now() };
    let mut conn = world.app().pool.acquire().await.unwrap();
    otree_hr::connections::create(&mut conn, &world.app().config.keyring, act, &new).await.unwrap();
    drop(conn);
    world.quiet().await;
    assert_eq!(types(&world).await, 2);
    let values = "SELECT sum(value)::bigint FROM market.qualification";
    assert_eq!(world.lab.count(values).await, 110, "the same number in both");
}

#[tokio::test]
async fn a_rule_asks_for_a_score_and_a_study_lets_in_only_who_has_it() {
    let world = World::new().await;
    set(&world, true, &Scale { start: 40, up: 30, ..SCALE }).await;
    let first = world.publish(&world.lab.form()).await;
    let guests = world.submitted(&first, 2, "0.70").await;
    let rules = RuleSet { finished: true, least_score: Some(60), ..RuleSet::default() };
    let new = NewRules { active: true, rules, undo_s: 1800, digest_s: 0 };
    let mut tx = world.app().pool.begin().await.unwrap();
    verdicts::save(&mut tx, world.lab.clock_now(), &first, world.lab.owner, &new).await.unwrap();
    tx.commit().await.unwrap();
    world.later(Duration::seconds(30)).await;
    let mut conn = world.app().pool.acquire().await.unwrap();
    let said = verdicts::of_study(&mut conn, first.id).await.unwrap().remove(&guests[0].id).unwrap();
    drop(conn);
    assert_eq!(said.outcome, Outcome::Review);
    assert_eq!(said.reasons, ["the worker's quality score is 40, below 60"]);

    decide(&world, &first, &guests[0], &approve()).await;
    decide(&world, &first, &guests[1], &reject()).await;
    let id: String = sqlx::query_scalar("SELECT qualification_id FROM score_qualification")
        .fetch_one(&world.app().pool)
        .await
        .unwrap();
    let requirement = serde_json::json!([{ "QualificationTypeId": id, "Comparator": "GreaterThanOrEqualTo",
        "IntegerValues": [60], "ActionsGuarded": "DiscoverPreviewAndAccept" }]);
    let form = Typed { title: "Next".into(), qualifications: requirement.to_string(), ..world.lab.form() };
    let second = world.publish(&form).await;
    let group = second.hit_type_id.unwrap();
    for (guest, may) in [(&guests[0], true), (&guests[1], false)] {
        let (mut tx, now) = world.market.begin().await.unwrap();
        let wanted = market::engine::assignments::Wanted::Group(&group);
        let taken =
            market::engine::assignments::accept(&mut tx, world.market.settings(), now, &guest.worker, wanted)
                .await;
        assert_eq!(taken.is_ok(), may, "{taken:?}");
    }
}

#[tokio::test]
async fn the_pages_show_who_stands_where_and_keep_what_was_typed() {
    let world = World::new().await;
    let (ada, vera) = (world.lab.browser(world.lab.owner).await, world.lab.member(Role::Viewer).await);
    let scores = format!("{}/scores", world.lab.path());
    assert!(ada.get(&scores).await.body.contains("No scores yet"));
    let typed = [("active", "on"), ("start", "50"), ("up", "5"), ("down", "20"), ("lowest", "0")];
    let wrong = ada.post(&scores, &[&typed[..], &[("highest", "20")]].concat()).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        wrong.body.contains("id=\"start-error\"") && wrong.body.contains("value=\"20\""),
        "{}",
        wrong.body
    );
    assert_eq!(world.lab.count("SELECT count(*) FROM score_scale").await, 0);
    assert_eq!(ada.post(&scores, &[&typed[..], &[("highest", "100")]].concat()).await.location(), scores);
    assert_eq!(world.lab.count("SELECT count(*) FROM audit_event WHERE action = 'scores.set'").await, 1);

    let study = world.publish(&world.lab.form()).await;
    let guests = world.submitted(&study, 1, "0.70").await;
    decide(&world, &study, &guests[0], &approve()).await;
    let shown = ada.get(&scores).await.body;
    assert!(shown.contains("1 worker; half have at most 55") && shown.contains(&guests[0].worker), "{shown}");
    assert!(
        shown.contains("1 worker’s score is known there") && shown.contains("GreaterThanOrEqualTo"),
        "{shown}"
    );
    let theirs = vera.get(&scores).await.body;
    assert!(!theirs.contains(&guests[0].worker) && !theirs.contains("id=\"scale\""), "{theirs}");
    let nobody = ada.get(&format!("{scores}?worker=somebody")).await.body;
    assert!(nobody.contains("Nobody of that name has a score here."), "{nobody}");

    let home = format!("{}/studies/{}", world.lab.path(), study.id);
    assert!(ada.get(&format!("{home}/review")).await.body.contains("score 55"));
    let rules = ada.get(&format!("{home}/rules")).await.body;
    assert!(
        rules.contains("1 worker in rehearsal has a score") && rules.contains("name=\"least_score\""),
        "{rules}"
    );
    let tried = [("finished", "on"), ("pays", "payoff"), ("undo", "30"), ("digest", "0"), ("do", "try")];
    let tried =
        ada.post(&format!("{home}/rules"), &[&tried[..], &[("least_score", "60")]].concat()).await.body;
    assert!(tried.contains("1 of them below 60") && tried.contains("value=\"60\""), "{tried}");
    let file = ada.get(&format!("{home}/participations.csv")).await.body;
    assert!(file.lines().nth(1).unwrap().ends_with(",55"), "{file}");
}
