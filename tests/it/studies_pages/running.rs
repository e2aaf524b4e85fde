//! A study that runs: its page, the parts that change, closing, the budget.

use axum::http::StatusCode;
use otree_hr::labs::Role;
use otree_hr::studies::State;

use super::{member, page, path};
use crate::support::door;
use crate::support::lab::Lab;

#[tokio::test]
async fn the_page_shows_how_far_people_are_and_keeps_itself_up_to_date() {
    let lab = Lab::new().await;
    let vera = member(&lab, "Vera", Role::Viewer).await;
    let (study, _) = lab.open_study(&lab.form()).await;
    let home = path(&lab, &study);
    let before = page(&vera, &home).await;
    assert!(before.contains("4 places: 4 open") && before.contains("Nobody has come yet"), "{before}");
    assert!(!before.contains("Close the study"));

    door::get(&lab.app, &door::go(&study.code, "HIT1", "AWORKER", "ASSIGNMENT1")).await;
    let live = page(&vera, &format!("{home}/live")).await;
    assert!(live.trim_start().starts_with("<div id=\"live\""), "{live}");
    assert!(live.contains("4 places: 1 working, 3 open"), "{live}");
    assert!(live.contains("1 person, counted by 1 minute"), "{live}");
    assert!(!live.contains("AWORKER"));

    let list = page(&vera, &format!("/labs/{}", lab.id)).await;
    assert!(list.contains("4 places: 1 working, 3 open"), "{list}");
}

#[tokio::test]
async fn what_stands_in_the_way_is_said_first() {
    let lab = Lab::new().await;
    let vera = member(&lab, "Vera", Role::Viewer).await;
    let (study, _) = lab.open_study(&lab.form()).await;
    sqlx::query("UPDATE batch SET problem = 'No money is left.' WHERE position = 2")
        .execute(&lab.app.pool)
        .await
        .unwrap();
    let live = page(&vera, &format!("{}/live", path(&lab, &study))).await;
    let (attention, places) = (live.find("No money is left.").unwrap(), live.find("<h2>Places").unwrap());
    assert!(attention < places);
}

#[tokio::test]
async fn closing_is_for_editors_and_happens_once() {
    let lab = Lab::new().await;
    let (vera, ada) = (member(&lab, "Vera", Role::Viewer).await, member(&lab, "Ada", Role::Editor).await);
    let (study, _) = lab.open_study(&lab.form()).await;
    let close = format!("{}/close", path(&lab, &study));
    assert_eq!(vera.post(&close, &[]).await.status, StatusCode::FORBIDDEN);
    assert_eq!(ada.post(&close, &[]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(lab.study(study.id).await.state, State::Closed);
    ada.post(&close, &[]).await;
    assert_eq!(lab.count("SELECT count(*) FROM audit_event WHERE action = 'study.close'").await, 1);
}

#[tokio::test]
async fn the_budget_never_falls_below_what_is_promised() {
    let lab = Lab::new().await;
    let ada = member(&lab, "Ada", Role::Editor).await;
    let (study, _) = lab.open_study(&lab.form()).await;
    let budget = format!("{}/budget", path(&lab, &study));
    door::get(&lab.app, &door::go(&study.code, "HIT1", "AWORKER", "ASSIGNMENT1")).await;
    sqlx::query(
        "INSERT INTO payment_order (id, lab_id, study_id, participation_id, connection_id, kind, source,
            amount_cents, fee_cents, currency, state, next_step_at, created_at)
         SELECT p.id, p.lab_id, p.study_id, p.id, s.connection_id, 'approve', 'review', 100, 20, 'USD', 'done',
            now(), now() FROM participation p JOIN study s ON s.id = p.study_id",
    )
    .execute(&lab.app.pool)
    .await
    .unwrap();
    // Four places are set aside, and one payment has come on top.
    for (typed, kept) in [("5.99", "1000.00"), ("x", "1000.00"), ("$6.00", "6.00"), ("2000", "2000.00")] {
        let answer = ada.post(&budget, &[("budget", typed)]).await;
        let refused = kept == "1000.00";
        assert_eq!(answer.status == StatusCode::UNPROCESSABLE_ENTITY, refused, "{typed}");
        assert_eq!(answer.body.contains(&format!("value=\"{typed}\"")), refused, "{typed}");
        assert_eq!(lab.study(study.id).await.budget.to_string(), kept, "{typed}");
    }
}
