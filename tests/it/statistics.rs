//! Statistics of a study: what the page computes from what was seen at the door and in oTree.

use axum::http::StatusCode;
use chrono::Duration;
use otree_hr::labs::Role;
use otree_hr::studies::Study;
use otree_hr::studies::draft::Typed;
use serde_json::json;

use crate::support::client::Browser;
use crate::support::door;
use crate::support::lab::Lab;
use crate::support::world::World;

fn path(lab: &Lab, study: &Study) -> String {
    format!("/labs/{}/studies/{}/statistics", lab.id, study.id)
}

async fn page(browser: &Browser, path: &str) -> String {
    let answer = browser.get(path).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
    answer.body
}

/// Somebody at the door from this address with this browser.
async fn come(lab: &Lab, study: &Study, n: u8, address: [u8; 4], agent: &str) {
    let browser = door::worker(&lab.app).from(address).sending("user-agent", agent);
    let hit = format!("HIT{}", n / 2 + 1);
    browser.get(&door::go(&study.code, &hit, &format!("AWORKER{n}"), &format!("ASSIGNMENT{n}"))).await;
}

/// An open study of eight whose people took so many seconds.
async fn study_with_times(lab: &Lab, times: &[i32]) -> Study {
    let form = Typed { places: "8".into(), ..lab.form() };
    let (study, _) = lab.open_study(&form).await;
    for (n, seconds) in (0..).zip(times) {
        let (address, agent) = match n {
            0 | 1 => ([198, 51, 100, 1], "Firefox"),
            2 => ([198, 51, 100, 1], "Chrome"),
            _ => ([198, 51, 100, 10 + n], "Firefox"),
        };
        come(lab, &study, n, address, agent).await;
        sqlx::query(
            "UPDATE participation SET opened_at = admitted_at, submitted_at = admitted_at,
                finished_at = admitted_at + make_interval(secs => $2), payoff_cents = 50
             WHERE assignment_id = $1",
        )
        .bind(format!("ASSIGNMENT{n}"))
        .bind(f64::from(*seconds))
        .execute(&lab.app.pool)
        .await
        .unwrap();
    }
    study
}

#[tokio::test]
async fn times_pay_and_remarkable_people_are_told() {
    let lab = Lab::new().await;
    let vera = lab.member(Role::Viewer).await;
    let study = study_with_times(&lab, &[600, 600, 620, 580, 100, 3000]).await;
    let body = page(&vera, &path(&lab, &study)).await;
    assert!(body.contains("Times of 6 people"), "{body}");
    assert!(body.contains("<dd class=\"figure\">10 min</dd>"), "{body}");
    // One dollar in ten minutes; one and a half with the payoff.
    assert!(body.contains("<dd>$6.00</dd>") && body.contains("<dd>$9.00</dd>"), "{body}");
    assert_eq!(body.matches("much faster than the others").count(), 1);
    assert_eq!(body.matches("much slower than the others").count(), 1);
    assert_eq!(body.matches("same network and kind of browser as").count(), 2);
    assert_eq!(body.matches("same network as").count(), 3, "the third is with the first two: {body}");
    assert!(body.contains("<svg") && body.contains("class=\"odd\""), "{body}");
    // Less strict: nobody is slow; more strict: more are fast.
    let lenient = page(&vera, &format!("{}?fast=1&slow=100", path(&lab, &study))).await;
    assert!(!lenient.contains("than the others") && lenient.contains("value=\"100\""), "{lenient}");
    let strict = page(&vera, &format!("{}?fast=99&slow=3", path(&lab, &study))).await;
    assert_eq!(strict.matches("much faster than the others").count(), 2);
}

#[tokio::test]
async fn a_study_without_people_says_so() {
    let lab = Lab::new().await;
    let vera = lab.member(Role::Viewer).await;
    let study = lab.draft(&lab.form()).await;
    let body = page(&vera, &path(&lab, &study)).await;
    assert!(body.contains("No times yet") && !body.contains("<svg viewBox=\"0 0 0"), "{body}");
}

#[tokio::test]
async fn neither_the_address_nor_the_browser_is_kept() {
    let lab = Lab::new().await;
    let (one, _) = lab.open_study(&lab.form()).await;
    come(&lab, &one, 0, [198, 51, 100, 77], "Mozilla/5.0 Unmistakable").await;
    let (other, _) = lab.open_study(&lab.form()).await;
    come(&lab, &other, 0, [198, 51, 100, 77], "Mozilla/5.0 Unmistakable").await;
    let rows: Vec<String> =
        sqlx::query_scalar("SELECT a::text FROM arrival a").fetch_all(&lab.app.pool).await.unwrap();
    assert_eq!(rows.len(), 2);
    for row in &rows {
        assert!(!row.contains("198.51") && !row.contains("Unmistakable"), "{row}");
    }
    let marks = "SELECT count(DISTINCT network_mark) + count(DISTINCT browser_mark) FROM arrival";
    assert_eq!(lab.count(marks).await, 4, "nobody is followed from study to study");
    assert_eq!(lab.count("SELECT count(*) FROM arrival WHERE network_mark IS NULL").await, 0);
}

#[tokio::test]
async fn pages_on_which_people_stop_are_counted() {
    let world = World::new().await;
    let vera = world.lab.member(Role::Viewer).await;
    let study = world.publish(&world.lab.form()).await;
    let stays = world.arrive(&study, "Anna").await;
    world.begin(&stays).await;
    let done = world.arrive(&study, "Bert").await;
    world.begin(&done).await;
    world.later(Duration::seconds(30)).await;
    world.play(&done, json!(0.5)).await;
    world.later(Duration::seconds(30)).await;
    let body = page(&vera, &path(&world.lab, &study)).await;
    let pages = body.split("Where people stop").nth(1).unwrap();
    assert!(pages.contains("<th scope=\"row\">Decide</th><td class=\"num\">2</td>"), "{pages}");
}
