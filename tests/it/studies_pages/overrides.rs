//! Rejections overridden together, and saved texts put into place.

use axum::http::StatusCode;
use otree_hr::labs::Role;
use otree_hr::studies::Study;
use uuid::Uuid;

use super::bulk::{press, submitted};
use super::{member, page, path};
use crate::support::client::Browser;
use crate::support::lab::Lab;

/// Three people who are rejected; the last one handed in more than 30 days ago.
async fn rejected(lab: &Lab) -> (Study, Vec<Uuid>) {
    let (study, ids) = submitted(lab, 3).await;
    sqlx::query("UPDATE participation SET rejected_at = now()").execute(&lab.app.pool).await.unwrap();
    sqlx::query("UPDATE participation SET submitted_at = now() - interval '31 days' WHERE id = $1")
        .bind(ids[2])
        .execute(&lab.app.pool)
        .await
        .unwrap();
    (study, ids)
}

async fn words(lab: &Lab) -> Vec<String> {
    let sql = "SELECT words FROM payment_order WHERE kind = 'override' ORDER BY words";
    sqlx::query_scalar(sql).fetch_all(&lab.app.pool).await.unwrap()
}

#[tokio::test]
async fn everybody_rejected_is_approved_after_all_within_the_thirty_days() {
    let lab = Lab::new().await;
    let ada = member(&lab, "Ada", Role::Editor).await;
    let (study, _) = rejected(&lab).await;
    let bulk = format!("{}/bulk", path(&lab, &study));
    let forms = page(&ada, &bulk).await;
    assert!(forms.contains("3 people are rejected; 2 can still be approved after all"), "{forms}");
    assert!(forms.contains("final since") && forms.contains("can be approved after all until"), "{forms}");
    let fields = [("task", "override_list"), ("list", ""), ("words", "We were wrong: {reward}.")];
    let confirm = ada.post(&bulk, &fields).await;
    assert_eq!(confirm.status, StatusCode::OK, "{}", confirm.body);
    assert!(confirm.body.contains("2 people, $2.40 with fees"), "{}", confirm.body);
    assert!(confirm.body.contains("submitted more than 30 days ago"), "{}", confirm.body);
    assert_eq!(confirm.body.matches("can be approved after all until").count(), 2);
    assert_eq!(words(&lab).await.len(), 0, "nothing was done yet");
    press(&ada, &bulk, &confirm, &fields).await;
    let noted = "SELECT count(*) FROM audit_event WHERE action = 'review.override_many'";
    assert_eq!(lab.count(noted).await, 1);
    press(&ada, &bulk, &confirm, &fields).await;
    assert_eq!(words(&lab).await, ["We were wrong: $1.00.", "We were wrong: $1.00."], "once each");
}

#[tokio::test]
async fn a_list_is_overridden_with_words_of_each_and_others_are_left_out() {
    let lab = Lab::new().await;
    let ada = member(&lab, "Ada", Role::Editor).await;
    let (study, ids) = rejected(&lab).await;
    sqlx::query("UPDATE participation SET rejected_at = NULL WHERE id = $1")
        .bind(ids[1])
        .execute(&lab.app.pool)
        .await
        .unwrap();
    let bulk = format!("{}/bulk", path(&lab, &study));
    let unknown = ada.post(&bulk, &[("task", "override_list"), ("list", "NOBODY"), ("words", "")]).await;
    assert_eq!(unknown.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(unknown.body.contains("Line 1.") && unknown.body.contains("NOBODY"), "{}", unknown.body);
    let fields = [("task", "override_list"), ("list", "AWORKER0, Sorry\nAWORKER1"), ("words", "For all")];
    let confirm = ada.post(&bulk, &fields).await;
    assert!(confirm.body.contains("Left out: Is not rejected."), "{}", confirm.body);
    press(&ada, &bulk, &confirm, &fields).await;
    assert_eq!(words(&lab).await, ["Sorry"]);
}

#[tokio::test]
async fn nobody_rejected_is_said_before_and_after() {
    let lab = Lab::new().await;
    let ada = member(&lab, "Ada", Role::Editor).await;
    let (study, _) = submitted(&lab, 1).await;
    let bulk = format!("{}/bulk", path(&lab, &study));
    assert!(page(&ada, &bulk).await.contains("Nobody of this study is rejected."));
    let none = ada.post(&bulk, &[("task", "override_list"), ("list", ""), ("words", "")]).await;
    assert_eq!(none.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(none.body.contains("Nobody is rejected."), "{}", none.body);
}

/// Keeps a text and returns its id.
async fn text(lab: &Lab, browser: &Browser, body: &str) -> String {
    browser.post(&format!("/labs/{}/texts", lab.id), &[("name", "Thanks"), ("body", body)]).await;
    let id: Uuid = sqlx::query_scalar("SELECT id FROM saved_text WHERE lab_id = $1")
        .bind(lab.id.0)
        .fetch_one(&lab.app.pool)
        .await
        .unwrap();
    id.to_string()
}

#[tokio::test]
async fn a_saved_text_is_put_into_place_on_both_pages_and_what_was_typed_elsewhere_stays() {
    let lab = Lab::new().await;
    let ada = member(&lab, "Ada", Role::Editor).await;
    let (study, ids) = submitted(&lab, 1).await;
    let (bulk, review) = (format!("{}/bulk", path(&lab, &study)), format!("{}/review", path(&lab, &study)));
    let id = text(&lab, &ada, "Thanks for {minutes} minutes.").await;
    let insert = ("insert", id.as_str());
    let here = [("task", "approve_all_but"), ("except", "AWORKER9"), ("words", "x"), insert, ("use", "here")];
    let filled = ada.post(&bulk, &here).await;
    assert_eq!(filled.status, StatusCode::OK, "{}", filled.body);
    assert!(filled.body.contains("Thanks for {minutes} minutes.</textarea>"), "{}", filled.body);
    assert!(filled.body.contains("AWORKER9</textarea>"), "{}", filled.body);
    // On the page that shows what it comes to, each person's own words are shown at once.
    let plan = [("task", "approve_all_but"), ("except", ""), ("words", "x"), insert, ("use", "plan")];
    let confirm = ada.post(&bulk, &plan).await;
    assert!(confirm.body.contains("Thanks for 20 minutes."), "{}", confirm.body);

    let one = ids[0].to_string();
    let ticked = [("decision", "approve"), ("id", one.as_str()), ("words", "x"), insert, ("use", "plan")];
    let confirm = ada.post(&review, &ticked).await;
    assert_eq!(confirm.status, StatusCode::OK, "{}", confirm.body);
    assert!(confirm.body.contains("Thanks for {minutes} minutes.</textarea>"), "{}", confirm.body);
    assert_eq!(lab.count("SELECT count(*) FROM payment_order").await, 0);
    // Without pressing that button the choice means nothing.
    let bare = [("decision", "approve"), ("id", one.as_str()), ("words", "mine"), insert];
    assert!(ada.post(&review, &bare).await.body.contains("mine</textarea>"));
}

#[tokio::test]
async fn another_labs_text_is_not_put_into_place() {
    let lab = Lab::new().await;
    let ada = member(&lab, "Ada", Role::Editor).await;
    let (study, _) = submitted(&lab, 1).await;
    let other = lab.neighbour("second").await;
    let theirs = text(&other, &other.browser(other.owner).await, "Secret thanks").await;
    let bulk = format!("{}/bulk", path(&lab, &study));
    let fields = [("task", "approve_all_but"), ("words", "mine"), ("insert", &theirs), ("use", "here")];
    let filled = ada.post(&bulk, &fields).await;
    assert!(
        !filled.body.contains("Secret thanks") && filled.body.contains("mine</textarea>"),
        "{}",
        filled.body
    );
}
