//! The real worker process dies at the worst moments; the next one completes the work, and nothing happens twice.

mod owed;
mod worker;

use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use kernel::clock::{Clock as _, SystemClock};
use kernel::money::Cents;
use market::clock::Turn;
use market::journal::Effect;
use otree_hr::mail::NewLetter;
use otree_hr::review::Decision;
use otree_hr::scores::{self, Scale};
use otree_hr::studies::draft::Typed;
use otree_hr::studies::{Study, sessions};
use secrecy::ExposeSecret;
use tokio::time::Instant;

use crate::support::books;
use crate::support::smtp::MailServer;
use crate::support::world::{Guest, World};
use worker::{ABORTED, PATIENCE, Worker, complete, crash, lapse};

const PUBLISHED: &str = "SELECT state = 'open' FROM study WHERE id = $1";
const PAID: &str = "SELECT bool_and(stage = 'paid') FROM participation WHERE study_id = $1";
const REJECTED: &str = "SELECT bool_and(stage = 'rejected') FROM participation WHERE study_id = $1";

async fn publication_survives(point: &str, otree_sessions: usize) {
    let world = World::new().await;
    let study = world.press_publish(&world.lab.form()).await;
    crash(&world, &study, point).await;
    complete(&world, &study, PUBLISHED).await;
    assert_eq!(world.journal(Effect::HitTypeCreated).await.len(), 1, "{point}");
    assert_eq!(world.journal(Effect::HitCreated).await.len(), 2, "{point}");
    // An unused session costs nothing, but the seats are those of one session only.
    assert_eq!(world.otree.sessions().len(), otree_sessions, "{point}");
    let mut conn = world.app().pool.acquire().await.unwrap();
    assert_eq!(sessions::seat_count(&mut conn, study.id).await.unwrap(), (6, 0), "{point}");
    drop(conn);
    let current = world.lab.count("SELECT count(*) FROM otree_session WHERE state = 'ready'").await;
    assert_eq!(current, 1, "{point}");
}

#[tokio::test]
async fn a_crash_before_the_session_is_asked_for_leaves_one_session() {
    publication_survives("publish.session.row", 1).await;
}

#[tokio::test]
async fn a_crash_after_the_session_was_created_leaves_one_unused() {
    publication_survives("publish.session.call", 2).await;
}

#[tokio::test]
async fn a_crash_after_the_seats_were_stored_loses_none() {
    publication_survives("publish.session.stored", 1).await;
}

#[tokio::test]
async fn a_crash_after_the_offer_was_registered_registers_no_other() {
    publication_survives("publish.offer.call", 1).await;
}

#[tokio::test]
async fn a_crash_before_a_batch_is_sent_sends_it_once() {
    publication_survives("publish.batch.row", 1).await;
}

#[tokio::test]
async fn a_crash_after_a_batch_was_sent_finds_it_again() {
    publication_survives("publish.batch.call", 1).await;
}

#[tokio::test]
async fn a_crash_after_a_batch_was_recorded_goes_on_with_the_next() {
    publication_survives("publish.batch.recorded", 1).await;
}

async fn two_submitted() -> (World, Study, Vec<Guest>) {
    let world = World::new().await;
    let study = world.publish(&world.lab.form()).await;
    let guests = world.submitted(&study, 2, "0.70").await;
    (world, study, guests)
}

/// Decides. The worker lives by the machine's clock, which is behind the one that is turned here: what was
/// ordered is due at once.
async fn order(world: &World, study: &Study, guests: &[Guest], decision: &Decision) -> usize {
    let placed = world.decide(study, guests, decision).await;
    sqlx::query("UPDATE payment_order SET next_step_at = created_at - interval '1 hour'")
        .execute(&world.app().pool)
        .await
        .unwrap();
    placed
}

async fn approval_survives(point: &str) {
    let (world, study, guests) = two_submitted().await;
    let decision = Decision::ApproveWithBonus { feedback: "Thank you".into(), amount: None };
    assert_eq!(order(&world, &study, &guests, &decision).await, 4);
    crash(&world, &study, point).await;
    assert_eq!(world.journal(Effect::BonusSent).await.len(), 0, "{point}: no bonus before its approval");
    complete(&world, &study, PAID).await;
    assert_eq!(world.journal(Effect::Approved).await.len(), 2, "{point}");
    assert_eq!(world.journal(Effect::BonusSent).await.len(), 2, "{point}");
}

#[tokio::test]
async fn a_crash_before_an_approval_is_sent_approves_once() {
    approval_survives("payer.claimed").await;
}

#[tokio::test]
async fn a_crash_after_an_approval_was_sent_approves_once() {
    approval_survives("payer.sent").await;
}

async fn bonus_survives(point: &str) {
    let (world, study, guests) = two_submitted().await;
    world.market.set_clock(Turn::Step(chrono::Duration::days(8))).await.unwrap();
    world.market.tick().await.unwrap();
    world.later(chrono::Duration::minutes(10)).await;
    let decision = Decision::Bonus { amount: Some(Cents(33)), words: "For your patience".into() };
    assert_eq!(order(&world, &study, &guests, &decision).await, 2);
    crash(&world, &study, point).await;
    complete(&world, &study, PAID).await;
    assert_eq!(world.journal(Effect::BonusSent).await.len(), 2, "{point}");
}

#[tokio::test]
async fn a_crash_before_a_bonus_is_sent_pays_once() {
    bonus_survives("payer.claimed").await;
}

#[tokio::test]
async fn a_crash_between_the_look_and_a_bonus_pays_once() {
    bonus_survives("payer.looked").await;
}

#[tokio::test]
async fn a_crash_after_a_bonus_was_sent_pays_once() {
    bonus_survives("payer.sent").await;
}

#[tokio::test]
async fn a_crash_while_finding_out_what_a_crash_left_pays_once() {
    let (world, study, guests) = two_submitted().await;
    let decision = Decision::ApproveWithBonus { feedback: "Thank you".into(), amount: None };
    order(&world, &study, &guests, &decision).await;
    crash(&world, &study, "payer.sent").await;
    crash(&world, &study, "settler.asked").await;
    complete(&world, &study, PAID).await;
    assert_eq!(world.journal(Effect::Approved).await.len(), 2);
    assert_eq!(world.journal(Effect::BonusSent).await.len(), 2);
}

#[tokio::test]
async fn workers_that_are_stopped_or_killed_at_any_moment_pay_once() {
    let world = World::new().await;
    let form = Typed { places: "9".into(), batch_size: "9".into(), ..world.lab.form() };
    let study = world.publish(&form).await;
    let guests = world.submitted(&study, 9, "0.70").await;
    let decision = Decision::ApproveWithBonus { feedback: "Thank you".into(), amount: None };
    order(&world, &study, &guests, &decision).await;
    let sent =
        async || world.journal(Effect::Approved).await.len() + world.journal(Effect::BonusSent).await.len();
    for (round, signal) in ["KILL", "TERM", "KILL", "TERM", "KILL"].into_iter().enumerate() {
        let mut worker = Worker::start(&world, None);
        let deadline = Instant::now() + PATIENCE;
        // Each is let do a few calls more than the one before.
        while sent().await < (round + 1) * 3 && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        worker.process.signal(signal);
        worker.ended().await;
        books::check(&world, &study).await;
        lapse(&world).await;
    }
    complete(&world, &study, PAID).await;
    assert_eq!(sent().await, 18);
}

#[tokio::test]
async fn a_crash_after_a_rejection_was_sent_rejects_once() {
    let (world, study, guests) = two_submitted().await;
    let decision = Decision::Reject { reason: "The answers are random.".into() };
    assert_eq!(order(&world, &study, &guests, &decision).await, 2);
    crash(&world, &study, "payer.sent").await;
    complete(&world, &study, REJECTED).await;
    assert_eq!(world.journal(Effect::Rejected).await.len(), 2);
}

/// The compensation of somebody who came when the study was full, up to the worker's Submit and the payment. The
/// process dies at the point, whether that is before the worker submits or after.
async fn compensation_survives(point: &str) {
    let world = World::new().await;
    let form = Typed { places: "1".into(), batch_size: "1".into(), spares: "0".into(), ..world.lab.form() };
    let study = world.publish(&form).await;
    let guest = world.arrive(&study, "Ada").await;
    let late = owed::late(&world, &study, &guest).await;
    if point != "compensate.end" {
        crash_at(&world, point).await;
        lapse(&world).await;
    }
    let worker = Worker::start(&world, None);
    let hit = owed::offered(&world, &worker).await;
    if point == "compensate.end" {
        // It may hold the row: it is about to look whether anybody has submitted.
        drop(worker);
        lapse(&world).await;
        owed::collect(&world, &hit, &late).await;
        tokio::select! {
            () = crash_at(&world, point) => {}
            () = owed::hurry_on(&world) => {}
        }
        lapse(&world).await;
        let worker = Worker::start(&world, None);
        owed::ended(&world, &worker, point).await;
        return;
    }
    owed::collect(&world, &hit, &late).await;
    owed::hurry(&world).await;
    owed::ended(&world, &worker, point).await;
}

async fn crash_at(world: &World, point: &str) {
    let mut worker = Worker::start(world, Some(point));
    let status = worker.ended().await;
    assert_eq!(status.signal(), Some(ABORTED), "{point}: {status}\n{}", worker.log());
}

#[tokio::test]
async fn a_crash_while_a_compensation_is_prepared_prepares_it_once() {
    for point in ["compensate.qualification", "compensate.grant", "compensate.offer"] {
        compensation_survives(point).await;
    }
}

#[tokio::test]
async fn a_crash_around_the_hit_of_a_compensation_publishes_it_once() {
    for point in ["compensate.row", "compensate.hit"] {
        compensation_survives(point).await;
    }
}

#[tokio::test]
async fn a_crash_around_the_message_of_a_compensation_pays_it_all_the_same() {
    for point in ["compensate.telling", "compensate.told"] {
        compensation_survives(point).await;
    }
}

#[tokio::test]
async fn a_crash_at_the_end_of_a_compensation_pays_it_once() {
    compensation_survives("compensate.end").await;
}

const TOLD: &str = "SELECT count(*) = 2 AND bool_and(t.told IS NOT DISTINCT FROM t.score)
    FROM score_telling t JOIN participation p ON p.worker_id = t.worker_id WHERE p.study_id = $1";

#[tokio::test]
async fn a_crash_while_a_score_is_told_leaves_one_qualification_with_the_right_numbers() {
    for point in ["score.qualification", "score.told"] {
        let (world, study, guests) = two_submitted().await;
        let scale = Scale { start: 50, up: 5, down: 20, lowest: 0, highest: 100 };
        let mut tx = world.app().pool.begin().await.unwrap();
        let now = world.lab.clock_now();
        scores::store::set_scale(&mut tx, now, world.lab.id, world.lab.owner, true, &scale).await.unwrap();
        tx.commit().await.unwrap();
        order(&world, &study, &guests, &Decision::Approve { feedback: String::new() }).await;
        crash(&world, &study, point).await;
        complete(&world, &study, TOLD).await;
        assert_eq!(world.journal(Effect::QualificationTypeCreated).await.len(), 1, "{point}");
        let right = "SELECT count(*) FROM market.qualification WHERE value = 55 AND revoked_at IS NULL";
        assert_eq!(world.lab.count(right).await, 2, "{point}");
    }
}

#[tokio::test]
async fn a_letter_whose_sender_died_goes_out_again_under_the_same_id() {
    let (world, post) = (World::new().await, MailServer::start().await);
    let mail = post.settings();
    let settings = [("SMTP_URL", mail.url.expose_secret()), ("MAIL_FROM", mail.from.as_str())];
    let letter = NewLetter {
        lab: world.lab.id,
        to: world.lab.owner,
        subject: "Three need a look".into(),
        body: "They are listed.".into(),
    };
    let mut conn = world.app().pool.acquire().await.unwrap();
    otree_hr::mail::store::post(&mut conn, &letter, SystemClock.now()).await.unwrap();
    let mut first = Worker::with(&world, Some("mail-sent"), &settings);
    assert_eq!(first.ended().await.signal(), Some(ABORTED), "{}", first.log());
    assert_eq!(post.letters().len(), 1);
    lapse(&world).await;
    let second = Worker::with(&world, None, &settings);
    let deadline = Instant::now() + PATIENCE;
    while post.letters().len() < 2 {
        assert!(Instant::now() < deadline, "not sent again:\n{}", second.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let id =
        |letter: &String| letter.lines().find(|line| line.starts_with("Message-ID:")).unwrap().to_owned();
    let ids: Vec<_> = post.letters().iter().map(id).collect();
    assert_eq!(ids[0], ids[1]);
}

#[tokio::test]
async fn every_crash_point_in_the_code_is_tried_here() {
    let mut named = Vec::new();
    let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
                continue;
            }
            let text = std::fs::read_to_string(&entry).unwrap();
            named.extend(
                text.split("crash::point(\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()),
            );
        }
    }
    assert!(named.len() >= 10, "{named:?}");
    let here = include_str!("crash.rs");
    // Those of paying and publishing are all tried in `faults`, too, whatever their names.
    let in_faults = |point: &String| ["payer.", "settler."].iter().any(|part| point.starts_with(part));
    for point in named.into_iter().filter(|point| !in_faults(point)) {
        assert!(here.contains(&format!("\"{point}\"")), "nobody tries a crash at {point}");
    }
}
