//! Payments that wait for money or keys: said on the page, told to the owners once, over with the next payment.

use chrono::Duration;
use kernel::money::Cents;
use otree_hr::app::App;
use otree_hr::config::Config;
use otree_hr::jobs::run_until_quiet;
use otree_hr::participation::Stage;
use otree_hr::payments::standstill;

use super::{patience, stages, with_bonus};
use crate::support::smtp::MailServer;
use crate::support::world::{Guest, World};

/// Three people are to get seventy cents each, and the account has one dollar.
async fn short() -> (World, Vec<Guest>, MailServer, App) {
    let (world, server) = (World::with_balance(Cents(580)).await, MailServer::start().await);
    let study = world.publish(&world.lab.form()).await;
    let guests = world.submitted(&study, 3, "0.70").await;
    let config = Config { mail: Some(server.settings()), ..world.app().config.clone() };
    let app = App::new(config, world.app().pool.clone(), world.lab.clock.clone()).unwrap();
    world.decide(&study, &guests, &with_bonus()).await;
    (world, guests, server, app)
}

async fn later(world: &World, app: &App, by: Duration) {
    world.lab.clock.advance(by);
    run_until_quiet(&app.reconcilers()).await.unwrap();
}

async fn standing(world: &World) -> Vec<standstill::Standstill> {
    standstill::of_lab(&mut world.app().pool.acquire().await.unwrap(), world.lab.id).await.unwrap()
}

#[tokio::test]
async fn owners_are_told_once_and_the_page_says_it_until_it_is_mended() {
    let (world, guests, server, app) = short().await;
    assert_eq!(standing(&world).await, []);
    for _ in 0..4 {
        later(&world, &app, Duration::minutes(6)).await;
    }
    let one = standing(&world).await.pop().unwrap();
    assert_eq!((one.orders, one.sum), (2, Cents(140)));
    let letters = server.letters();
    assert_eq!(letters.len(), 1, "{letters:?}");
    assert!(letters[0].contains("To: first@example.org"), "{}", letters[0]);
    let body: String = sqlx::query_scalar("SELECT body FROM mail").fetch_one(&app.pool).await.unwrap();
    for words in ["2 payments of $1.40", one.name.as_str(), one.words.as_str(), "/money"] {
        assert!(body.contains(words), "{words} is missing in {body}");
    }
    let page =
        world.lab.browser(world.lab.owner).await.get(&format!("{}/money", world.lab.path())).await.body;
    assert!(page.contains("2 payments") && page.contains("have been waiting since"), "{page}");

    world.market.deposit(&world.requester, Cents(1_000)).await.unwrap();
    for _ in 0..3 {
        later(&world, &app, Duration::minutes(6)).await;
    }
    assert_eq!(stages(&world, &guests).await, [Stage::Paid; 3]);
    assert_eq!(standing(&world).await, []);
    assert_eq!(server.letters().len(), 1);
}

#[tokio::test]
async fn what_comes_back_within_a_day_is_shown_and_told_no_second_time() {
    let (world, _, server, app) = short().await;
    for _ in 0..3 {
        later(&world, &app, Duration::minutes(6)).await;
    }
    assert_eq!(server.letters().len(), 1);
    // One payment came through, and the next stands again.
    sqlx::query("UPDATE standstill SET over_at = since").execute(&app.pool).await.unwrap();
    later(&world, &app, Duration::minutes(6)).await;
    later(&world, &app, Duration::minutes(6)).await;
    assert_eq!(standing(&world).await.len(), 1);
    assert_eq!(server.letters().len(), 1, "not twice in a day");
    later(&world, &app, Duration::hours(25)).await;
    assert_eq!(server.letters().len(), 2, "it still stands");
    later(&world, &app, Duration::hours(25)).await;
    assert_eq!(server.letters().len(), 2, "once each");
}

#[tokio::test]
async fn without_a_mail_server_the_page_says_it() {
    let (world, _, _, _) = short().await;
    patience(&world).await;
    assert_eq!(standing(&world).await.len(), 1);
    assert_eq!(world.lab.count("SELECT count(*) FROM mail").await, 0);
    assert_eq!(world.lab.count("SELECT count(*) FROM standstill WHERE told_at IS NULL").await, 1);
}
