//! Review: the table, decisions with a confirmation, orders, the file.

use axum::http::StatusCode;
use otree_hr::labs::Role;
use otree_hr::studies::Study;
use uuid::Uuid;

use super::{member, page, path};
use crate::support::door;
use crate::support::lab::Lab;

/// An open study with three people: two submitted (payoffs 0.70 and 9.00), one who works. Their ids.
async fn three(lab: &Lab) -> (Study, [Uuid; 3]) {
    let (study, _) = lab.open_study(&lab.form()).await;
    let mut ids = [Uuid::nil(); 3];
    for (n, id) in ids.iter_mut().enumerate() {
        let (hit, worker) = (format!("HIT{}", n / 2 + 1), format!("AWORKER{n}"));
        door::get(&lab.app, &door::go(&study.code, &hit, &worker, &format!("ASSIGNMENT{n}"))).await;
        *id = sqlx::query_scalar("SELECT id FROM participation ORDER BY admitted_at DESC, id DESC LIMIT 1")
            .fetch_one(&lab.app.pool)
            .await
            .unwrap();
    }
    for (id, payoff) in [(ids[0], 70i64), (ids[1], 900)] {
        sqlx::query(
            "UPDATE participation SET opened_at = now(), finished_at = now(), submitted_at = now(),
                payoff_cents = $2, auto_approve_at = now() + interval '7 days' WHERE id = $1",
        )
        .bind(id)
        .bind(payoff)
        .execute(&lab.app.pool)
        .await
        .unwrap();
    }
    (study, ids)
}

fn ticked<'a>(decision: &'a str, ids: &'a [String]) -> Vec<(&'a str, &'a str)> {
    let ids = ids.iter().map(|id| ("id", id.as_str()));
    std::iter::once(("decision", decision)).chain(ids).collect()
}

#[tokio::test]
async fn everybody_is_listed_with_what_can_be_decided() {
    let lab = Lab::new().await;
    let (vera, ada) = (member(&lab, "Vera", Role::Viewer).await, member(&lab, "Ada", Role::Editor).await);
    let (study, ids) = three(&lab).await;
    let review = format!("{}/review", path(&lab, &study));
    let body = page(&ada, &review).await;
    for id in &ids[..2] {
        assert!(body.contains(&format!("name=\"id\" value=\"{id}\"")), "{body}");
    }
    assert!(!body.contains(&format!("value=\"{}\"", ids[2])), "who works cannot be ticked");
    assert!(body.contains("above the study&#39;s maximum"), "{body}");
    assert!(body.contains("AWORKER0"));
    let looked = page(&vera, &review).await;
    assert!(!looked.contains("AWORKER0") && !looked.contains("type=\"checkbox\""), "{looked}");
    let filtered = page(&ada, &format!("{review}?stage=working")).await;
    assert_eq!(filtered.matches("<th scope=\"row\">").count(), 1);
}

#[tokio::test]
async fn approving_lists_every_row_and_the_sum_and_then_orders_exactly_that() {
    let lab = Lab::new().await;
    let ada = member(&lab, "Ada", Role::Editor).await;
    let (study, ids) = three(&lab).await;
    let review = format!("{}/review", path(&lab, &study));
    let ids = ids.map(|id| id.to_string());
    let confirm = ada.post(&review, &ticked("approve_with_bonus", &ids)).await;
    assert_eq!(confirm.status, StatusCode::OK, "{}", confirm.body);
    assert_eq!(confirm.body.matches("name=\"id\"").count(), 3);
    assert_eq!(confirm.body.matches("Left out:").count(), 2, "too large a payoff, and still at work");
    // 1.00 + 0.20 for the reward, 0.70 + 0.14 for the bonus.
    assert_eq!(confirm.between("name=\"shown\" value=\"", "\""), "2.04");
    assert_eq!(lab.count("SELECT count(*) FROM payment_order").await, 0);

    let mut fields = ticked("approve_with_bonus", &ids);
    fields.extend([("shown", "2.04"), ("words", "Thank you")]);
    let done = ada.post(&format!("{review}/decide"), &fields).await;
    assert_eq!(done.location(), review, "{}", done.body);
    assert_eq!(lab.count("SELECT count(*) FROM payment_order").await, 2);
    assert_eq!(lab.count("SELECT sum(amount_cents + fee_cents)::bigint FROM payment_order").await, 204);
    let after = page(&ada, &review).await;
    assert!(after.contains("2 orders were placed, $2.04 with fees"), "{after}");
    assert!(!after.contains(&format!("name=\"id\" value=\"{}\"", ids[0])), "its decision is under way");
    assert!(after.contains("approval is about to be sent"));
    // The same once more: nothing is left to decide about that person.
    let again = ada.post(&review, &ticked("approve", &ids[..1])).await;
    assert_eq!(again.status, StatusCode::SEE_OTHER);
    let orders = page(&ada, &format!("{}/orders", path(&lab, &study))).await;
    assert!(orders.contains("waits for the approval") && orders.contains("$0.70"), "{orders}");
    let noted = "SELECT count(*) FROM audit_event WHERE action = 'review.approve_with_bonus'";
    assert_eq!(lab.count(noted).await, 1);
}

#[tokio::test]
async fn a_sum_that_changed_meanwhile_is_refused_and_shown_again() {
    let lab = Lab::new().await;
    let ada = member(&lab, "Ada", Role::Editor).await;
    let (study, ids) = three(&lab).await;
    let ids = [ids[0].to_string()];
    sqlx::query("UPDATE participation SET payoff_cents = 80 WHERE payoff_cents = 70")
        .execute(&lab.app.pool)
        .await
        .unwrap();
    let mut fields = ticked("approve_with_bonus", &ids);
    fields.push(("shown", "2.04"));
    let refused = ada.post(&format!("{}/review/decide", path(&lab, &study)), &fields).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(refused.body.contains("so nothing was done"), "{}", refused.body);
    assert_eq!(refused.between("name=\"shown\" value=\"", "\""), "2.16");
    assert_eq!(lab.count("SELECT count(*) FROM payment_order").await, 0);
}

#[tokio::test]
async fn another_bonus_for_everybody_is_recalculated_before_it_is_ordered() {
    let lab = Lab::new().await;
    let ada = member(&lab, "Ada", Role::Editor).await;
    let (study, ids) = three(&lab).await;
    let review = format!("{}/review", path(&lab, &study));
    let ids = [ids[0].to_string(), ids[1].to_string()];
    let mut fields = ticked("approve_with_bonus", &ids);
    fields.push(("amount", "0.50"));
    let confirm = ada.post(&review, &fields).await;
    assert_eq!(confirm.between("name=\"shown\" value=\"", "\""), "3.60");
    fields.pop();
    fields.push(("amount", "half a dollar"));
    let odd = ada.post(&review, &fields).await;
    assert!(odd.body.contains("id=\"amount-error\"") && odd.body.contains("half a dollar"), "{}", odd.body);
}

#[tokio::test]
async fn a_rejection_needs_a_reason() {
    let lab = Lab::new().await;
    let ada = member(&lab, "Ada", Role::Editor).await;
    let (study, ids) = three(&lab).await;
    let review = format!("{}/review", path(&lab, &study));
    let ids = [ids[0].to_string()];
    assert_eq!(ada.post(&review, &ticked("reject", &ids)).await.status, StatusCode::OK);
    let mut fields = ticked("reject", &ids);
    fields.push(("shown", "0.00"));
    let bare = ada.post(&format!("{review}/decide"), &fields).await;
    assert_eq!(bare.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(bare.body.contains("id=\"words-error\""), "{}", bare.body);
    assert_eq!(lab.count("SELECT count(*) FROM payment_order").await, 0);
    fields.push(("words", "Both attention checks were wrong."));
    ada.post(&format!("{review}/decide"), &fields).await;
    assert_eq!(lab.count("SELECT count(*) FROM payment_order WHERE kind = 'reject'").await, 1);
}

#[tokio::test]
async fn a_viewer_decides_nothing() {
    let lab = Lab::new().await;
    let vera = member(&lab, "Vera", Role::Viewer).await;
    let (study, ids) = three(&lab).await;
    let review = format!("{}/review", path(&lab, &study));
    let ids = [ids[0].to_string()];
    let mut fields = ticked("approve", &ids);
    fields.push(("shown", "1.20"));
    for path in [review.clone(), format!("{review}/decide")] {
        assert_eq!(vera.post(&path, &fields).await.status, StatusCode::FORBIDDEN);
    }
}

#[tokio::test]
async fn people_of_another_study_are_not_decided_about() {
    let lab = Lab::new().await;
    let ada = member(&lab, "Ada", Role::Editor).await;
    let (_, ids) = three(&lab).await;
    let other = lab.draft(&lab.form()).await;
    let ids = [ids[0].to_string()];
    let confirm = ada.post(&format!("{}/review", path(&lab, &other)), &ticked("approve", &ids)).await;
    assert_eq!(confirm.body.matches("name=\"id\"").count(), 0, "{}", confirm.body);
}

#[tokio::test]
async fn an_open_table_learns_that_it_is_out_of_date() {
    let lab = Lab::new().await;
    let ada = member(&lab, "Ada", Role::Editor).await;
    let (study, _) = three(&lab).await;
    let review = format!("{}/review", path(&lab, &study));
    let answer = ada.get(&review).await;
    let seen = answer.between("/review/news?seen=", "&").to_owned();
    let news = format!("{review}/news?seen={seen}");
    assert_eq!(ada.get(&news).await.status, StatusCode::NO_CONTENT);
    door::get(&lab.app, &door::go(&study.code, "HIT2", "ALATE", "ASSIGNMENT9")).await;
    assert!(ada.get(&news).await.body.contains("Something has changed"));
}

#[tokio::test]
async fn the_file_has_everybody_and_tells_viewers_no_ids() {
    let lab = Lab::new().await;
    let (vera, ada) = (member(&lab, "Vera", Role::Viewer).await, member(&lab, "Ada", Role::Editor).await);
    let (study, _) = three(&lab).await;
    sqlx::query("UPDATE participation SET page = '=HYPERLINK(1)', page_index = 1")
        .execute(&lab.app.pool)
        .await
        .unwrap();
    let file = format!("{}/participations.csv", path(&lab, &study));
    let mine = ada.get(&file).await;
    assert!(mine.header("content-disposition").contains("attachment"));
    assert_eq!(mine.body.lines().count(), 4);
    assert!(mine.body.contains("AWORKER1") && mine.body.contains("'=HYPERLINK(1)"), "{}", mine.body);
    let theirs = vera.get(&file).await.body;
    for private in ["AWORKER", "ASSIGNMENT", "p000000"] {
        assert!(!theirs.contains(private), "{private} in {theirs}");
    }
}
