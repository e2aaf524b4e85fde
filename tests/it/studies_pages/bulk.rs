//! Tasks for many people at once, saved texts, and the pages of who was paid what.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use otree_hr::labs::Role;
use otree_hr::studies::Study;
use uuid::Uuid;

use super::{member, page, path};
use crate::support::client::{Answer, Browser};
use crate::support::door;
use crate::support::lab::Lab;

/// An open study with `n` people who submitted after 20 minutes, with a payoff of 0.70 each.
pub(super) async fn submitted(lab: &Lab, n: usize) -> (Study, Vec<Uuid>) {
    let (study, _) = lab.open_study(&lab.form()).await;
    for n in 0..n {
        let (hit, worker) = (format!("HIT{}", n / 9 + 1), format!("AWORKER{n}"));
        door::get(&lab.app, &door::go(&study.code, &hit, &worker, &format!("ASSIGNMENT{n}"))).await;
    }
    sqlx::query(
        "UPDATE participation SET opened_at = now() - interval '20 minutes', finished_at = now(), submitted_at = now(),
            payoff_cents = 70, auto_approve_at = now() + interval '7 days'",
    )
    .execute(&lab.app.pool)
    .await
    .unwrap();
    let ids = "SELECT p.id FROM participation p JOIN worker w ON w.id = p.worker_id ORDER BY w.external_id";
    (study, sqlx::query_scalar(ids).fetch_all(&lab.app.pool).await.unwrap())
}

/// The same, approved.
async fn approved(lab: &Lab, n: usize) -> (Study, Vec<Uuid>) {
    let (study, ids) = submitted(lab, n).await;
    sqlx::query("UPDATE participation SET approved_at = now()").execute(&lab.app.pool).await.unwrap();
    (study, ids)
}

/// Presses the button of the confirmation page with everything that stands in it.
pub(super) async fn press(
    browser: &Browser,
    bulk: &str,
    confirm: &Answer,
    fields: &[(&str, &str)],
) -> Answer {
    let shown = confirm.between("name=\"shown\" value=\"", "\"").to_owned();
    let parts = confirm.body.split("name=\"id\" value=\"").skip(1);
    let ids: Vec<String> = parts.map(|rest| rest.split('"').next().unwrap().to_owned()).collect();
    let mut all = fields.to_vec();
    all.push(("shown", &shown));
    all.extend(ids.iter().map(|id| ("id", id.as_str())));
    browser.post(&format!("{bulk}/do"), &all).await
}

const ORDERS: &str = "SELECT count(*) FROM payment_order";

#[tokio::test]
async fn everybody_but_a_list_is_approved_with_their_payoff() {
    let lab = Lab::new().await;
    let ada = member(&lab, "Ada", Role::Editor).await;
    let (study, ids) = submitted(&lab, 3).await;
    let bulk = format!("{}/bulk", path(&lab, &study));
    assert!(page(&ada, &bulk).await.contains("Approve everybody who waits"));
    let fields = [
        ("task", "approve_all_but"),
        ("except", "AWORKER1\n"),
        ("with_bonus", "on"),
        ("words", "You won {payoff}."),
    ];
    let confirm = ada.post(&bulk, &fields).await;
    assert_eq!(confirm.status, StatusCode::OK, "{}", confirm.body);
    assert!(confirm.body.contains("You won $0.70."), "{}", confirm.body);
    assert!(!confirm.body.contains(&ids[1].to_string()));
    assert_eq!(lab.count(ORDERS).await, 0, "nothing was done yet");
    let done = press(&ada, &bulk, &confirm, &fields).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
    assert_eq!(
        lab.count("SELECT count(*) FROM payment_order WHERE kind = 'approve' AND words = 'You won $0.70.'")
            .await,
        2
    );
    assert_eq!(
        lab.count("SELECT count(*) FROM payment_order WHERE kind = 'bonus' AND state = 'planned'").await,
        2
    );
    let noted = "SELECT count(*) FROM audit_event WHERE action = 'review.approve_many'";
    assert_eq!(lab.count(noted).await, 1);
}

#[tokio::test]
async fn who_submits_between_the_look_and_the_click_is_not_swept_along() {
    let lab = Lab::new().await;
    let ada = member(&lab, "Ada", Role::Editor).await;
    let (study, ids) = submitted(&lab, 2).await;
    sqlx::query("UPDATE participation SET submitted_at = NULL WHERE id = $1")
        .bind(ids[1])
        .execute(&lab.app.pool)
        .await
        .unwrap();
    let bulk = format!("{}/bulk", path(&lab, &study));
    let fields = [("task", "approve_all_but"), ("except", ""), ("words", "")];
    let confirm = ada.post(&bulk, &fields).await;
    sqlx::query("UPDATE participation SET submitted_at = now()").execute(&lab.app.pool).await.unwrap();
    press(&ada, &bulk, &confirm, &fields).await;
    assert_eq!(lab.count(ORDERS).await, 1, "only the one who was shown");
}

#[tokio::test]
async fn a_list_is_rejected_with_reasons_of_each_or_of_all() {
    let lab = Lab::new().await;
    let ada = member(&lab, "Ada", Role::Editor).await;
    let (study, _) = submitted(&lab, 3).await;
    let bulk = format!("{}/bulk", path(&lab, &study));
    let bare = [("task", "reject_list"), ("list", "AWORKER0, Both checks wrong\nASSIGNMENT2"), ("words", "")];
    let refused = ada.post(&bulk, &bare).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        refused.body.contains("id=\"reject-words-error\"") && refused.body.contains("Both checks wrong"),
        "{}",
        refused.body
    );
    let fields = [bare[0], bare[1], ("words", "Took {minutes} minutes.")];
    let confirm = ada.post(&bulk, &fields).await;
    assert!(confirm.body.contains("stays on the worker’s record"), "{}", confirm.body);
    press(&ada, &bulk, &confirm, &fields).await;
    let words: Vec<String> =
        sqlx::query_scalar("SELECT words FROM payment_order WHERE kind = 'reject' ORDER BY words")
            .fetch_all(&lab.app.pool)
            .await
            .unwrap();
    assert_eq!(words, ["Both checks wrong", "Took 20 minutes."]);
}

#[tokio::test]
async fn a_file_with_mistakes_names_every_line_and_pays_nobody() {
    let lab = Lab::new().await;
    let ada = member(&lab, "Ada", Role::Editor).await;
    let (study, _) = approved(&lab, 2).await;
    let bulk = format!("{}/bulk", path(&lab, &study));
    let file = "worker,amount,reason\nAWORKER0,0.50,Well played\nANOBODY,1,x\nAWORKER1,much,x\n";
    let refused = ada.post(&bulk, &[("task", "bonus_file"), ("file", file)]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.body.contains("<b>Line 3.</b> Nobody in this study is “ANOBODY”"), "{}", refused.body);
    assert!(refused.body.contains("<b>Line 4.</b>") && refused.body.contains("AWORKER0,0.50,Well played"));
    assert_eq!(lab.count(ORDERS).await, 0);
}

#[tokio::test]
async fn the_same_file_twice_pays_once() {
    let lab = Lab::new().await;
    let ada = member(&lab, "Ada", Role::Editor).await;
    let (study, _) = approved(&lab, 2).await;
    let bulk = format!("{}/bulk", path(&lab, &study));
    let file =
        "worker,amount,reason\nAWORKER0,0.50,Well played\nAWORKER0,0.25,Lottery\nASSIGNMENT1,0.25,Lottery\n";
    let fields = [("task", "bonus_file"), ("file", file)];
    let confirm = ada.post(&bulk, &fields).await;
    // 0.50 + 0.10, and twice 0.25 + 0.05.
    assert_eq!(confirm.between("name=\"shown\" value=\"", "\""), "1.20");
    for _ in 0..2 {
        press(&ada, &bulk, &confirm, &fields).await;
    }
    assert_eq!(lab.count("SELECT count(*) FROM payment_order WHERE kind = 'bonus'").await, 3);
    let again = ada.post(&bulk, &fields).await;
    assert_eq!(
        again.body.matches("Left out: This very bonus was ordered before.").count(),
        3,
        "{}",
        again.body
    );
    // A bonus beside the payoff leaves the payoff's own undecided.
    assert_eq!(lab.count("SELECT count(*) FROM participation WHERE bonus_cents IS NULL").await, 2);
}

#[tokio::test]
async fn a_file_can_be_uploaded() {
    let lab = Lab::new().await;
    let ada = member(&lab, "Ada", Role::Editor).await;
    let (study, _) = approved(&lab, 1).await;
    let bulk = format!("{}/bulk", path(&lab, &study));
    let part =
        |head: &str, body: &str| format!("--xyz\r\nContent-Disposition: form-data; {head}\r\n\r\n{body}\r\n");
    let body = [
        part("name=\"task\"", "bonus_file"),
        part("name=\"file\"", "what was typed"),
        part("name=\"file\"; filename=\"b.csv\"", "\u{feff}worker;amount;reason\r\nAWORKER0;0.10;Gruß\r\n"),
        "--xyz--\r\n".to_owned(),
    ]
    .concat();
    let ada = ada.sending("content-type", "multipart/form-data; boundary=xyz");
    let confirm = ada.send(Method::POST, &bulk, Body::from(body)).await;
    assert_eq!(confirm.status, StatusCode::OK, "{}", confirm.body);
    assert!(confirm.body.contains("Gruß"), "{}", confirm.body);
}

#[tokio::test]
async fn everybody_approved_gets_the_same_and_once() {
    let lab = Lab::new().await;
    let ada = member(&lab, "Ada", Role::Editor).await;
    let (study, ids) = approved(&lab, 3).await;
    sqlx::query("UPDATE participation SET approved_at = NULL WHERE id = $1")
        .bind(ids[2])
        .execute(&lab.app.pool)
        .await
        .unwrap();
    let bulk = format!("{}/bulk", path(&lab, &study));
    let fields = [("task", "equal_bonus"), ("amount", "0.30"), ("words", "For the long wait")];
    for _ in 0..2 {
        let confirm = ada.post(&bulk, &fields).await;
        press(&ada, &bulk, &confirm, &fields).await;
    }
    let bonuses = "SELECT sum(amount_cents)::bigint FROM payment_order WHERE kind = 'bonus'";
    assert_eq!(lab.count(bonuses).await, 60);
}

#[tokio::test]
async fn those_below_the_wage_are_topped_up_from_measured_time() {
    let lab = Lab::new().await;
    let ada = member(&lab, "Ada", Role::Editor).await;
    let (study, ids) = approved(&lab, 2).await;
    sqlx::query("UPDATE participation SET opened_at = finished_at - interval '5 minutes' WHERE id = $1")
        .bind(ids[1])
        .execute(&lab.app.pool)
        .await
        .unwrap();
    let bulk = format!("{}/bulk", path(&lab, &study));
    let fields = [("task", "top_up"), ("hourly", "6"), ("most_minutes", "30"), ("words", "To $6 an hour")];
    let confirm = ada.post(&bulk, &fields).await;
    // 20 minutes are worth 2.00, of which 1.00 is the reward; 5 minutes are paid well enough.
    assert_eq!(confirm.body.matches("name=\"id\"").count(), 1, "{}", confirm.body);
    assert_eq!(confirm.between("name=\"shown\" value=\"", "\""), "1.20");
    press(&ada, &bulk, &confirm, &fields).await;
    let again = ada.post(&bulk, &fields).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY, "the top-up counts as earned");
}

#[tokio::test]
async fn texts_are_kept_replaced_and_deleted() {
    let lab = Lab::new().await;
    let (ada, vera) = (member(&lab, "Ada", Role::Editor).await, member(&lab, "Vera", Role::Viewer).await);
    let texts = format!("/labs/{}/texts", lab.id);
    let odd = ada.post(&texts, &[("name", "Thanks"), ("body", "Thanks {name}")]).await;
    assert_eq!(odd.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        odd.body.contains("There is no placeholder {name}") && odd.body.contains("Thanks {name}"),
        "{}",
        odd.body
    );
    for body in ["Thanks for {minutes} minutes", "Thanks!"] {
        ada.post(&texts, &[("name", "Thanks"), ("body", body)]).await;
    }
    let kept = page(&vera, &texts).await;
    assert!(kept.contains("Thanks!") && !kept.contains("Thanks for") && !kept.contains("Delete"), "{kept}");
    let (study, _) = submitted(&lab, 1).await;
    assert!(page(&ada, &format!("{}/bulk", path(&lab, &study))).await.contains(">Thanks</option>"));
    let id: Uuid = sqlx::query_scalar("SELECT id FROM saved_text").fetch_one(&lab.app.pool).await.unwrap();
    ada.post(&format!("{texts}/{id}/delete"), &[]).await;
    assert_eq!(lab.count("SELECT count(*) FROM saved_text").await, 0);
}

#[tokio::test]
async fn payments_are_added_up_filtered_and_written_as_a_file() {
    let lab = Lab::new().await;
    let (ada, vera) = (member(&lab, "Ada", Role::Editor).await, member(&lab, "Vera", Role::Viewer).await);
    let (study, _) = approved(&lab, 2).await;
    let bulk = format!("{}/bulk", path(&lab, &study));
    let file = "worker,amount,reason\nAWORKER0,0.50,=1+1\nAWORKER1,0.25,Lottery\n";
    let fields = [("task", "bonus_file"), ("file", file)];
    let confirm = ada.post(&bulk, &fields).await;
    press(&ada, &bulk, &confirm, &fields).await;
    let payments = format!("/labs/{}/payments", lab.id);
    // The rewards were approved at the recruiter and are in the books.
    let before = page(&ada, &payments).await;
    assert!(before.contains("$2.40") && !before.contains("Lottery"), "ordered is not paid: {before}");
    sqlx::query(
        "UPDATE payment_order SET state = 'done', settled_at = CASE amount_cents
            WHEN 50 THEN '2026-10-31T23:59:59Z' ELSE '2026-11-01T00:00:00Z' END::timestamptz
         WHERE kind = 'bonus'",
    )
    .execute(&lab.app.pool)
    .await
    .unwrap();
    let all = page(&ada, &payments).await;
    assert!(all.contains("$3.30") && all.contains("AWORKER1"), "{all}");
    let october = page(&ada, &format!("{payments}?by=month&month=2026-10")).await;
    assert!(
        october.contains("$0.60") && !october.contains("AWORKER1") && october.contains("2026-10"),
        "{october}"
    );
    let one = page(&ada, &format!("{payments}?by=worker&worker=aworker1&page=x")).await;
    assert!(one.contains("$1.50") && !one.contains("AWORKER0"), "{one}");
    let other = page(&ada, &format!("{payments}?study={}", Uuid::nil())).await;
    assert!(other.contains("No payments here"));
    let file = ada.get(&format!("/labs/{}/payments.csv?month=2026-10", lab.id)).await;
    assert_eq!(file.body.lines().count(), 2, "{}", file.body);
    assert!(file.body.contains(",0.50,0.10,'=1+1"), "{}", file.body);
    let theirs = vera.get(&format!("/labs/{}/payments.csv", lab.id)).await.body;
    assert!(!theirs.contains("AWORKER") && !page(&vera, &payments).await.contains("AWORKER"), "{theirs}");
}
