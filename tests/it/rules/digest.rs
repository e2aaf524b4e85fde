//! Letters about what needs a look: at most one in a while, none lost, none told twice.

use chrono::Duration;
use otree_hr::app::App;
use otree_hr::config::Config;
use otree_hr::jobs::run_until_quiet;
use otree_hr::review::verdicts::NewRules;
use otree_hr::studies::Study;
use serde_json::json;

use super::{at_least, handed_in, save};
use crate::support::smtp::{MailServer, Mood};
use crate::support::world::World;

/// A study in which somebody needs a look, a mail server, and a process that sends mail.
async fn scene(digest_s: i32) -> (World, Study, MailServer, App) {
    let (world, server) = (World::new().await, MailServer::start().await);
    let study = world.publish(&world.lab.form()).await;
    save(&world, &study, &NewRules { digest_s, ..at_least("attention", "2") }).await;
    handed_in(&world, &study, "Anna", json!({ "attention": 1 })).await;
    let config = Config { mail: Some(server.settings()), ..world.app().config.clone() };
    let app = App::new(config, world.app().pool.clone(), world.lab.clock.clone()).unwrap();
    (world, study, server, app)
}

async fn later(world: &World, app: &App, by: Duration) {
    world.lab.clock.advance(by);
    run_until_quiet(&app.reconcilers()).await.unwrap();
}

fn message_id(letter: &str) -> &str {
    letter.lines().find(|line| line.to_lowercase().starts_with("message-id:")).unwrap()
}

#[tokio::test]
async fn owners_are_told_once_and_at_most_so_often() {
    let (world, study, server, app) = scene(3600).await;
    later(&world, &app, Duration::seconds(30)).await;
    let letters = server.letters();
    assert_eq!(letters.len(), 1, "{letters:?}");
    assert!(letters[0].contains("To: first@example.org"), "{}", letters[0]);
    // The text may be folded and encoded; the link and the id are plain in it.
    let stored: String = sqlx::query_scalar("SELECT body FROM mail").fetch_one(&app.pool).await.unwrap();
    assert!(
        stored.contains("it is “1”") && stored.contains(&format!("studies/{}/review", study.id)),
        "{stored}"
    );
    let worker: String =
        sqlx::query_scalar("SELECT external_id FROM worker").fetch_one(&app.pool).await.unwrap();
    assert!(!stored.contains(&worker), "a letter names no worker by the recruiter's id");
    later(&world, &app, Duration::hours(5)).await;
    assert_eq!(server.letters().len(), 1, "nothing new");

    handed_in(&world, &study, "Bert", json!({ "attention": 0 })).await;
    later(&world, &app, Duration::seconds(30)).await;
    assert_eq!(server.letters().len(), 2);
    handed_in(&world, &study, "Carl", json!({ "attention": 0 })).await;
    later(&world, &app, Duration::minutes(20)).await;
    assert_eq!(server.letters().len(), 2, "an hour has not passed");
    later(&world, &app, Duration::minutes(50)).await;
    assert_eq!(server.letters().len(), 3);
}

#[tokio::test]
async fn a_letter_that_is_deferred_or_unanswered_is_sent_again_under_the_same_id() {
    let (world, _, server, app) = scene(3600).await;
    server.next(&[Mood::Defers, Mood::TakesInSilence]);
    for _ in 0..4 {
        later(&world, &app, Duration::minutes(3)).await;
    }
    let letters = server.letters();
    assert_eq!(letters.len(), 2, "taken in silence, then taken");
    assert_eq!(message_id(&letters[0]), message_id(&letters[1]));
    assert_eq!(world.lab.count("SELECT count(*) FROM mail WHERE state = 'sent'").await, 1);
}

#[tokio::test]
async fn a_letter_that_is_refused_for_good_is_given_up_and_said_so() {
    let (world, _, server, app) = scene(3600).await;
    server.next(&[Mood::Refuses]);
    later(&world, &app, Duration::minutes(3)).await;
    later(&world, &app, Duration::hours(2)).await;
    assert!(server.letters().is_empty());
    let mut conn = app.pool.acquire().await.unwrap();
    let trouble = otree_hr::mail::store::trouble(&mut conn, world.lab.id).await.unwrap();
    assert!(trouble.as_ref().is_some_and(|why| why.contains("no such person")), "{trouble:?}");
}

#[tokio::test]
async fn a_process_that_died_while_sending_is_replaced() {
    let (world, _, server, app) = scene(3600).await;
    // Written, held by somebody who never comes back.
    world.lab.clock.advance(Duration::seconds(30));
    let without_mail: Vec<_> =
        app.reconcilers().into_iter().filter(|one| one.name() != otree_hr::mail::NAME).collect();
    run_until_quiet(&without_mail).await.unwrap();
    let lease = otree_hr::jobs::Lease::from(world.lab.clock_now());
    let mut conn = app.pool.acquire().await.unwrap();
    let held = otree_hr::mail::store::claim(&mut conn, world.lab.clock_now(), lease).await.unwrap();
    assert!(held.is_some());
    later(&world, &app, Duration::seconds(30)).await;
    assert!(server.letters().is_empty(), "it is held");
    later(&world, &app, Duration::minutes(3)).await;
    assert_eq!(server.letters().len(), 1);
    // Who overslept changes nothing.
    let late = otree_hr::mail::store::failed(&mut conn, held.unwrap().id, lease, "late", None).await;
    late.unwrap();
    assert_eq!(world.lab.count("SELECT count(*) FROM mail WHERE state = 'sent'").await, 1);
}

#[tokio::test]
async fn without_a_mail_server_or_a_period_nothing_is_written() {
    let (world, ..) = scene(3600).await;
    world.later(Duration::hours(30)).await;
    assert_eq!(world.lab.count("SELECT count(*) FROM mail").await, 0);
    let (world, _, _, app) = scene(0).await;
    later(&world, &app, Duration::hours(30)).await;
    assert_eq!(world.lab.count("SELECT count(*) FROM mail").await, 0);
}
