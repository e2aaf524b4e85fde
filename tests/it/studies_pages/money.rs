//! The lab's money page: what it shows, and what its buttons do.

use axum::http::StatusCode;
use kernel::money::Cents;
use otree_hr::labs::Role;
use otree_hr::ledger::caps;

use crate::support::lab::Lab;
use crate::support::world::World;

async fn audited(world: &World) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT action FROM audit_event WHERE action LIKE 'money.%' OR action LIKE 'server.%' ORDER BY id",
    )
    .fetch_all(&world.app().pool)
    .await
    .unwrap()
}

#[tokio::test]
async fn the_page_shows_the_ledger() {
    let lab = Lab::new().await;
    let browser = lab.browser(lab.owner).await;
    let path = format!("{}/money", lab.path());
    assert!(browser.get(&path).await.body.contains("No money has moved yet"));
    let (study, _) = lab.open_study(&lab.form()).await;
    let page = browser.get(&path).await.body;
    assert!(page.contains("$4.80 set aside for open places"), "{page}");
    assert!(page.contains(&study.name) && page.contains("play money"));
}

#[tokio::test]
async fn an_owner_sets_limits_and_mistakes_stay_on_the_page() {
    let lab = Lab::new().await;
    let browser = lab.browser(lab.owner).await;
    let path = format!("{}/money", lab.path());
    let settings = format!("{path}/settings");
    let wrong = browser
        .post(&settings, &[("cap_rehearsal", "much"), ("second_person", "5"), ("fee_rounding", "half_up")])
        .await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.body.contains("value=\"much\"") && wrong.body.contains("write an amount like 1.50"));
    let nothing = "SELECT count(*) FROM lab_cap";
    assert_eq!(lab.count(nothing).await, 0, "all or nothing");

    let right = [("cap_rehearsal", "$9.00"), ("second_person", "5"), ("fee_rounding", "up")];
    assert_eq!(browser.post(&settings, &right).await.status, StatusCode::SEE_OTHER);
    let mut conn = lab.app.pool.acquire().await.unwrap();
    assert_eq!(caps::of_lab(&mut conn, lab.id.0).await.unwrap()[0].limit, Cents(900));
    drop(conn);
    lab.open_study(&lab.form()).await;
    let page = browser.get(&path).await.body;
    assert!(page.contains("$4.20 left of the lab’s limit of $9.00"), "{page}");
    assert!(page.contains("name=\"second_person\"") && page.contains("value=\"5.00\""), "{page}");
    let none = [("cap_rehearsal", ""), ("second_person", ""), ("fee_rounding", "half_up")];
    browser.post(&settings, &none).await;
    assert_eq!(lab.count(nothing).await, 0);
}

#[tokio::test]
async fn a_pause_is_on_every_page_until_it_ends() {
    let world = World::new().await;
    let (lab, viewer) = (&world.lab, world.lab.member(Role::Viewer).await);
    let browser = lab.browser(lab.owner).await;
    let path = format!("{}/money", lab.path());
    browser.post(&format!("{path}/pause"), &[("words", "A wrong batch")]).await;
    let members = format!("{}/members", lab.path());
    assert!(viewer.get(&members).await.body.contains("Money is paused"));
    assert!(viewer.get(&path).await.body.contains("A wrong batch"));
    browser.post(&format!("{path}/resume"), &[]).await;
    assert!(!viewer.get(&members).await.body.contains("Money is paused"));

    sqlx::query("UPDATE account SET operator = true WHERE id = $1")
        .bind(lab.owner.0)
        .execute(&world.app().pool)
        .await
        .unwrap();
    browser.post("/operator/money", &[("pause", "yes"), ("words", "Upgrade")]).await;
    assert!(viewer.get(&path).await.body.contains("has paused money in every lab"));
    assert_eq!(browser.post(&format!("{path}/resume"), &[]).await.status, StatusCode::SEE_OTHER);
    assert!(
        viewer.get(&members).await.body.contains("Money is paused"),
        "a lab cannot end the server's pause"
    );
    browser.post("/operator/money", &[]).await;
    assert!(!viewer.get(&members).await.body.contains("Money is paused"));
    assert_eq!(audited(&world).await, ["money.pause", "money.resume", "server.pause", "server.resume"]);
}

#[tokio::test]
async fn a_large_decision_is_confirmed_by_somebody_else() {
    let world = World::new().await;
    let (lab, path) = (&world.lab, format!("{}/money", world.lab.path()));
    let (owner, editor) = (lab.browser(lab.owner).await, lab.member(Role::Editor).await);
    let limits = [("second_person", "1"), ("fee_rounding", "half_up")];
    owner.post(&format!("{path}/settings"), &limits).await;
    let study = world.publish(&lab.form()).await;
    let guests = world.submitted(&study, 1, "0.70").await;
    let id = guests[0].id.to_string();
    let form = [("decision", "approve_with_bonus"), ("shown", "2.04"), ("id", &*id)];
    let review = format!("{}/studies/{}/review", lab.path(), study.id);
    owner.post(&format!("{review}/decide"), &form).await;
    assert!(owner.get(&review).await.body.contains("waits for a second person"));

    let page = owner.get(&path).await.body;
    assert!(page.contains("Waits for a second person") && page.contains("$2.04"), "{page}");
    assert!(!page.contains("value=\"confirm\""), "the first person has no such button");
    let waiting: uuid::Uuid =
        sqlx::query_scalar("SELECT id FROM confirmation").fetch_one(&world.app().pool).await.unwrap();
    let address = format!("{path}/waiting/{waiting}");
    assert_eq!(owner.post(&address, &[("answer", "confirm")]).await.status, StatusCode::CONFLICT);
    assert!(editor.get(&path).await.body.contains("value=\"confirm\""));
    assert_eq!(editor.post(&address, &[]).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(editor.post(&address, &[("answer", "confirm")]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(editor.post(&address, &[("answer", "confirm")]).await.status, StatusCode::NOT_FOUND);
    world.quiet().await;
    assert_eq!(audited(&world).await, ["money.settings", "money.confirm"]);
    assert!(!editor.get(&path).await.body.contains("Waits for a second person"));
}
