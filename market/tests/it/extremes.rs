//! Numbers at the end of their range, and characters that no text can hold.

use aws_sdk_mturk::types::QualificationTypeStatus;
use market::engine::qualifications::requests::{self, AskError};
use serde_json::json;

use crate::harness::{Place, QUESTION, refused};

#[tokio::test]
async fn a_retry_delay_longer_than_time_itself_means_never_again() {
    let place = Place::open().await;
    let call = place.client.create_qualification_type().name("Once").description("In a lifetime");
    let call = call.qualification_type_status(QualificationTypeStatus::Active).auto_granted(true);
    let made = call.retry_delay_in_seconds(i64::MAX).send().await.unwrap().qualification_type.unwrap();
    let id = made.qualification_type_id.unwrap();
    let worker_id = place.worker("one").await;
    let (mut tx, now) = place.market.begin().await.unwrap();
    requests::ask(&mut tx, now, &worker_id, &id).await.unwrap();
    tx.commit().await.unwrap();
    let revoke = place.client.disassociate_qualification_from_worker().qualification_type_id(&id);
    revoke.worker_id(&worker_id).send().await.unwrap();
    let (mut tx, now) = place.market.begin().await.unwrap();
    let again = requests::ask(&mut tx, now, &worker_id, &id).await;
    assert!(matches!(again, Err(AskError::TooSoon)), "{again:?}");
}

#[tokio::test]
async fn the_largest_numbers_of_switches_mean_for_ever() {
    let place = Place::with(|settings| {
        settings.quirks.name_kept_hours = u32::MAX;
        settings.quirks.bonus_window_days = u32::MAX;
        settings.quirks.search_lag = u32::MAX;
        settings.quirks.counter_lag = u32::MAX;
        settings.quirks.previews_pending = u32::MAX;
        settings.quirks.longest_lifetime_days = u32::MAX;
        settings.quirks.modification_lock = u32::MAX;
        settings.quirks.notices.delay = u32::MAX;
    })
    .await;
    let id = place.qualification("Kept").await;
    place.client.delete_qualification_type().qualification_type_id(id).send().await.unwrap();
    let call = place.client.create_qualification_type().name("Kept").description("Again");
    let again = call.qualification_type_status(QualificationTypeStatus::Active).send().await;
    refused(again).is("RequestError", "QualificationTypeAlreadyExists", "already created");
    let found = place.client.list_qualification_types().must_be_requestable(true).send().await.unwrap();
    assert_eq!(found.num_results, Some(0), "nothing was indexed yet");
    let hit_id = place.hit(2).await;
    place.look(&hit_id).await;
    let (worker_id, assignment_id) = place.work("one", &hit_id).await;
    let call = place.client.send_bonus().worker_id(worker_id).assignment_id(assignment_id).reason("luck");
    call.bonus_amount("1").send().await.unwrap();
    let grow = place.client.create_additional_assignments_for_hit().hit_id(&hit_id);
    let grown = grow.number_of_additional_assignments(1).send().await;
    refused(grown).is("RequestError", "InvalidHITState", "a moment ago");
    place.publish(1).lifetime_in_seconds(31_536_000).send().await.unwrap();
    place.market.tick().await.unwrap();
}

#[tokio::test]
async fn a_nul_character_is_refused_wherever_it_is() {
    let place = Place::open().await;
    let told = |name: &str| format!("at '{name}' failed to satisfy constraint");
    let title = place.publish(1).title("a\0b").send().await;
    refused(title).is("ValidationException", "", &told("title"));
    let annotation = place.publish(1).requester_annotation("\0").send().await;
    refused(annotation).is("ValidationException", "", &told("requesterAnnotation"));
    let question = place.publish(1).question(QUESTION.replace("go", "g\0o")).send().await;
    refused(question).is("ValidationException", "", &told("question"));
    let token = place.publish(1).unique_request_token("a\0b").send().await;
    refused(token).is("ValidationException", "", &told("uniqueRequestToken"));
    let workers =
        place.client.notify_workers().subject("x").message_text("y").worker_ids("A1\0").send().await;
    refused(workers).is("ValidationException", "", &told("workerIds"));
    let page = place.client.list_hits().next_token("\0").send().await;
    refused(page).is("ValidationException", "", &told("nextToken"));
}

#[tokio::test]
async fn the_controls_refuse_it_too() {
    let place = Place::open().await;
    let (user, secret) = (&place.keys.access_key_id, &place.keys.secret_access_key);
    let secret = secrecy::ExposeSecret::expose_secret(secret);
    let at = |path: &str| format!("{}control/v1/{path}", place.url);
    let http = crate::harness::http();
    let body = json!({ "workers": 1, "name": "a\0b" }).to_string();
    let sent =
        http.post(at("bots")).basic_auth(user, Some(secret)).header("content-type", "application/json");
    let answer = sent.body(body).send().await.unwrap();
    assert_eq!(answer.status(), 422);
    assert!(answer.text().await.unwrap().contains("NUL"));
    for (path, status) in [("journal?hit=%00", 422), ("bots/%00", 404)] {
        let answer = http.get(at(path)).basic_auth(user, Some(secret)).send().await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
    }
    let answer = http.delete(at("bots/%00")).basic_auth(user, Some(secret)).send().await.unwrap();
    assert_eq!(answer.status(), 404);
    let answer = http.get(at("bots")).basic_auth("A\0", Some("b\0")).send().await.unwrap();
    assert_eq!(answer.status(), 401);
}
