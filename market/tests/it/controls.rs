//! The control API: every route, every refusal, and nothing of anybody else.

use market::clock::Turn;
use reqwest::{Method, RequestBuilder, StatusCode};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::harness::{Place, http};

/// A call of this control with the place's own keys.
pub fn control(place: &Place, method: Method, path: &str) -> RequestBuilder {
    let secret = place.keys.secret_access_key.expose_secret();
    let url = format!("{}control/v1/{path}", place.url);
    http().request(method, url).basic_auth(&place.keys.access_key_id, Some(secret))
}

pub async fn answer(call: RequestBuilder) -> (StatusCode, Value) {
    let response = call.send().await.unwrap();
    let status = response.status();
    let text = response.text().await.unwrap();
    (status, if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() })
}

pub async fn get(place: &Place, path: &str) -> Value {
    let (status, body) = answer(control(place, Method::GET, path)).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    body
}

pub async fn post(place: &Place, path: &str, body: Value) -> (StatusCode, Value) {
    answer(control(place, Method::POST, path).json(&body)).await
}

/// The refusal's word for programs, after checking its shape.
pub async fn problem(call: RequestBuilder, status: StatusCode) -> String {
    let response = call.send().await.unwrap();
    assert_eq!(response.status(), status);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["status"], status.as_u16());
    assert!(body["detail"].as_str().unwrap().ends_with('.'), "a sentence: {body}");
    body["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_unknown_key_and_a_wrong_secret_are_told_apart() {
    let place = Place::open().await;
    let url = format!("{}control/v1/balance", place.url);
    let own = (&place.keys.access_key_id, place.keys.secret_access_key.expose_secret());
    let unauthorized = StatusCode::UNAUTHORIZED;
    let bare = http().get(&url);
    assert!(bare.try_clone().unwrap().send().await.unwrap().headers().contains_key("www-authenticate"));
    assert_eq!(problem(bare, unauthorized).await, "not_authenticated");
    assert_eq!(problem(http().get(&url).bearer_auth("x"), unauthorized).await, "not_authenticated");
    let unknown = http().get(&url).basic_auth("AKIAUNKNOWN", Some(own.1));
    assert_eq!(problem(unknown, unauthorized).await, "unknown_key");
    for secret in ["", "wrong", &own.1[..39]] {
        let wrong = http().get(&url).basic_auth(own.0, Some(secret));
        assert_eq!(problem(wrong, unauthorized).await, "wrong_secret");
    }
    let other = place.beside().await;
    let mixed = http().get(&url).basic_auth(own.0, Some(other.keys.secret_access_key.expose_secret()));
    assert_eq!(problem(mixed, unauthorized).await, "wrong_secret");
}

#[tokio::test]
async fn who_does_not_rehearse_may_read_their_money_and_use_no_other_control() {
    let place = Place::open().await;
    assert!(place.market.set_rehearsal(&place.keys.requester_id, false).await.unwrap());
    assert!(!place.market.set_rehearsal("ANOBODY", false).await.unwrap());
    for (method, path) in [
        (Method::GET, "clock"),
        (Method::POST, "clock"),
        (Method::GET, "faults"),
        (Method::POST, "faults"),
        (Method::DELETE, "faults"),
        (Method::DELETE, "faults/1"),
        (Method::GET, "faults/strikes"),
        (Method::GET, "bots"),
        (Method::POST, "bots"),
        (Method::DELETE, "bots/1"),
        (Method::GET, "workers"),
        (Method::POST, "workers"),
        (Method::POST, "assignments"),
        (Method::POST, "assignments/3A/return"),
        (Method::POST, "assignments/3A/submit"),
        (Method::GET, "journal"),
        (Method::POST, "deposit"),
        (Method::GET, "behaviour"),
        (Method::PUT, "behaviour"),
    ] {
        let code = problem(control(&place, method, path), StatusCode::FORBIDDEN).await;
        assert_eq!(code, "not_a_rehearsal", "{path}");
    }
    assert_eq!(place.balance().await.0, "1000.00");
    assert_eq!(get(&place, "balance").await["available_cents"], 100_000);
    assert_eq!(get(&place, "statement").await["lines"][0]["kind"], "deposit");
}

#[tokio::test]
async fn a_requester_turns_their_own_clock() {
    let place = Place::open().await;
    let other = place.beside().await;
    let before = (place.own_now().await, other.own_now().await);
    let (status, _) = post(&place, "clock", json!({ "turn": "step", "seconds": 3600 })).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(place.own_now().await, before.0 + chrono::Duration::hours(1));
    assert_eq!(other.own_now().await, before.1);
    let at = before.0 + chrono::Duration::days(40);
    let (_, put) = post(&place, "clock", json!({ "turn": "to", "at": at })).await;
    assert_eq!(put["now"].as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap(), at);
    let (_, runs) = post(&place, "clock", json!({ "turn": "run", "rate": 60 })).await;
    assert_eq!(runs["rate"], json!(60.0));
    let (_, stands) = post(&place, "clock", json!({ "turn": "freeze" })).await;
    assert_eq!(stands["rate"], json!(0.0));
    assert_eq!(get(&place, "clock").await["now"], stands["now"]);
}

#[tokio::test]
async fn a_clock_is_not_turned_by_what_cannot_be() {
    let place = Place::open().await;
    place.turn(Turn::Freeze).await;
    let before = place.own_now().await;
    for wrong in [
        json!({}),
        json!({ "turn": "back" }),
        json!({ "turn": "freeze", "rate": 1 }),
        json!({ "turn": "run" }),
        json!({ "turn": "run", "rate": -1 }),
        json!({ "turn": "run", "rate": 1_000_001 }),
        json!({ "turn": "step", "seconds": 0 }),
        json!({ "turn": "step", "seconds": -5 }),
        json!({ "turn": "step", "seconds": 315_360_001 }),
        json!({ "turn": "step", "minutes": 5 }),
        json!({ "turn": "to", "at": "2020-01-01T00:00:00Z" }),
        json!({ "turn": "to", "at": "2201-01-01T00:00:00Z" }),
        json!({ "turn": "to", "at": "tomorrow" }),
    ] {
        let call = control(&place, Method::POST, "clock").json(&wrong);
        assert_eq!(problem(call, StatusCode::UNPROCESSABLE_ENTITY).await, "invalid", "{wrong}");
    }
    let garbled = control(&place, Method::POST, "clock").header("content-type", "application/json").body("{");
    assert_eq!(problem(garbled, StatusCode::BAD_REQUEST).await, "not_json");
    let form = control(&place, Method::POST, "clock").body("turn=freeze");
    assert_eq!(problem(form, StatusCode::UNSUPPORTED_MEDIA_TYPE).await, "not_json");
    assert_eq!(place.own_now().await, before);
}

#[tokio::test]
async fn a_fault_is_ordered_strikes_and_is_lifted() {
    let place = Place::open().await;
    let other = place.beside().await;
    let order = json!({ "kind": "fail_before", "operation": "ListHITs", "times": 1 });
    let (status, made) = post(&place, "faults", order).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    assert_eq!((&made["remaining"], &made["struck"]), (&json!(1), &json!(0)));
    other.client.list_hits().send().await.unwrap();
    place.client.list_hits().send().await.unwrap_err();
    place.client.list_hits().send().await.unwrap();
    let listed = get(&place, "faults").await;
    assert_eq!((&listed["faults"][0]["remaining"], &listed["faults"][0]["struck"]), (&json!(0), &json!(1)));
    let strikes = get(&place, "faults/strikes").await;
    assert_eq!(strikes["strikes"][0]["fault"], made["id"]);
    assert_eq!(strikes["strikes"][0]["attempt"], 1);
    let after = format!("faults/strikes?after={}", strikes["after"]);
    assert_eq!(get(&place, &after).await["strikes"], json!([]));
    assert_eq!(get(&other, "faults").await["faults"], json!([]));
    assert_eq!(get(&other, "faults/strikes").await["strikes"], json!([]));
    let path = format!("faults/{}", made["id"]);
    for (stranger, path) in [(&other, path.as_str()), (&place, "faults/999999"), (&place, "faults/x")] {
        let call = control(stranger, Method::DELETE, path);
        assert_eq!(problem(call, StatusCode::NOT_FOUND).await, "not_found");
    }
    assert_eq!(answer(control(&place, Method::DELETE, &path)).await.0, StatusCode::NO_CONTENT);
    let order = json!({ "kind": "delay_after", "milliseconds": 10 });
    let (_, delay) = post(&place, "faults", order.clone()).await;
    assert_eq!((&delay["milliseconds"], &delay["remaining"]), (&json!(10), &Value::Null));
    post(&other, "faults", order).await;
    assert_eq!(answer(control(&place, Method::DELETE, "faults")).await.1, json!({ "lifted": 1 }));
    assert_eq!(get(&other, "faults").await["faults"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_fault_that_cannot_be_is_not_ordered() {
    let place = Place::open().await;
    for wrong in [
        json!({}),
        json!({ "kind": "explode" }),
        json!({ "kind": "fail_before", "times": 0 }),
        json!({ "kind": "fail_before", "times": 1_000_001 }),
        json!({ "kind": "fail_before", "times": 1.5 }),
        json!({ "kind": "fail_before", "operation": "SendBonuses" }),
        json!({ "kind": "fail_before", "milliseconds": 5 }),
        json!({ "kind": "fail_before", "requester_id": "A0" }),
        json!({ "kind": "delay_before" }),
        json!({ "kind": "delay_before", "seconds": 5 }),
        json!({ "kind": "delay_before", "milliseconds": 120_001 }),
        json!({ "kind": "throttle_to", "per_second": 0 }),
        json!({ "kind": "throttle_to", "per_second": 1001 }),
        json!({ "kind": "hide", "seconds": 2_592_001 }),
    ] {
        let call = control(&place, Method::POST, "faults").json(&wrong);
        assert_eq!(problem(call, StatusCode::UNPROCESSABLE_ENTITY).await, "invalid", "{wrong}");
    }
    assert_eq!(get(&place, "faults").await["faults"], json!([]));
    for _ in 0..100 {
        post(&place, "faults", json!({ "kind": "hide", "seconds": 1 })).await;
    }
    let call = control(&place, Method::POST, "faults").json(&json!({ "kind": "hide", "seconds": 1 }));
    assert_eq!(problem(call, StatusCode::CONFLICT).await, "too_many");
}

#[tokio::test]
async fn the_journal_is_read_on_and_filtered_and_only_ones_own() {
    let place = Place::open().await;
    let other = place.beside().await;
    other.hit(1).await;
    let hit_id = place.hit(2).await;
    let (worker_id, assignment_id) = place.work("one", &hit_id).await;
    let whole = get(&place, "journal").await;
    let effects: Vec<_> = whole["entries"].as_array().unwrap().iter().map(|entry| &entry["effect"]).collect();
    assert_eq!(effects, ["deposited", "hit_type_created", "hit_created", "accepted", "submitted"]);
    let (mut seen, mut after) = (Vec::new(), 0);
    loop {
        let page = get(&place, &format!("journal?after={after}&limit=2")).await;
        let entries = page["entries"].as_array().unwrap().clone();
        after = page["after"].as_i64().unwrap();
        if entries.is_empty() {
            break;
        }
        seen.extend(entries);
    }
    assert_eq!(json!(seen), whole["entries"]);
    for (query, found) in [
        (format!("hit_id={hit_id}"), 3),
        (format!("assignment_id={assignment_id}"), 2),
        (format!("worker_id={worker_id}&effect=submitted"), 1),
        ("effect=bonus_sent".into(), 0),
    ] {
        let entries = get(&place, &format!("journal?{query}")).await["entries"].clone();
        assert_eq!(entries.as_array().unwrap().len(), found, "{query}");
        assert_eq!(get(&other, &format!("journal?{query}")).await["entries"], json!([]), "{query}");
    }
    for query in ["limit=0", "limit=1001", "after=-1", "after=x", "effect=exploded", "requester_id=A0"] {
        let call = control(&place, Method::GET, &format!("journal?{query}"));
        assert_eq!(problem(call, StatusCode::UNPROCESSABLE_ENTITY).await, "invalid", "{query}");
    }
}

#[tokio::test]
async fn the_journal_is_read_backwards_from_its_end() {
    let place = Place::open().await;
    let other = place.beside().await;
    let hit_id = place.hit(2).await;
    place.work("one", &hit_id).await;
    other.hit(1).await;
    let mut whole = get(&place, "journal").await["entries"].as_array().unwrap().clone();
    whole.reverse();
    let (mut seen, mut query, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = get(&place, &format!("journal?newest_first=true&limit=2{query}")).await;
        seen.extend(page["entries"].as_array().unwrap().clone());
        pages += 1;
        let Some(before) = page["before"].as_i64() else { break };
        query = format!("&before={before}");
    }
    assert_eq!((json!(seen), pages), (json!(whole), 3));
    let one = get(&place, &format!("journal?newest_first=true&effect=accepted&hit_id={hit_id}")).await;
    assert_eq!((one["entries"].as_array().unwrap().len(), &one["before"]), (1, &Value::Null));
    for query in ["newest_first=true&after=1", "before=3", "newest_first=false&before=3", "newest_first=x"] {
        let call = control(&place, Method::GET, &format!("journal?{query}"));
        assert_eq!(problem(call, StatusCode::UNPROCESSABLE_ENTITY).await, "invalid", "{query}");
    }
}

#[tokio::test]
async fn who_reads_the_journal_on_misses_nothing_that_is_being_written() {
    let place = Place::open().await;
    let own = place.keys.requester_id.clone();
    let (mut slow, now) = place.market.begin().await.unwrap();
    let effect = market::journal::Effect::HitTypeCreated;
    market::journal::record(&mut slow, now, effect, &own, market::journal::Note::default()).await.unwrap();
    let (mut quick, _) = place.market.begin().await.unwrap();
    let effect = market::journal::Effect::HitExpired;
    market::journal::record(&mut quick, now, effect, &own, market::journal::Note::default()).await.unwrap();
    quick.commit().await.unwrap();
    let reading = get(&place, "journal");
    tokio::pin!(reading);
    let waited = tokio::time::timeout(std::time::Duration::from_millis(300), &mut reading).await;
    assert!(waited.is_err(), "the first of the two is not written yet");
    slow.commit().await.unwrap();
    assert_eq!(reading.await["entries"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn who_reads_on_with_a_filter_goes_on_after_what_did_not_match() {
    let place = Place::open().await;
    let hit_id = place.hit(2).await;
    let end = get(&place, "journal").await["after"].clone();
    let nothing = get(&place, "journal?effect=approved").await;
    assert_eq!((&nothing["entries"], &nothing["after"]), (&json!([]), &end));
    let (_, assignment_id) = place.work("one", &hit_id).await;
    let submitted = get(&place, &format!("journal?effect=submitted&limit=1&after={end}")).await;
    assert_eq!(submitted["entries"][0]["assignment_id"], json!(assignment_id));
    assert_eq!(submitted["after"], submitted["entries"][0]["seq"], "there may be more");
    assert_eq!(get(&place, "journal?after=1000000").await["after"], 1_000_000);
}

#[tokio::test]
async fn statement_balance_and_deposit_add_up_and_are_ones_own() {
    let place = Place::open().await;
    let other = place.beside().await;
    place.hit(2).await;
    let (status, balance) = post(&place, "deposit", json!({ "cents": 5000 })).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(balance, json!({ "available_cents": 104_760, "on_hold_cents": 240 }));
    assert_eq!(balance, get(&place, "balance").await);
    assert_eq!(get(&other, "balance").await["available_cents"], 100_000);
    let lines = get(&place, "statement").await["lines"].clone();
    let lines = lines.as_array().unwrap();
    let kinds: Vec<_> = lines.iter().map(|line| &line["kind"]).collect();
    assert_eq!(kinds, ["deposit", "hold", "deposit"]);
    let sum = |name: &str| lines.iter().map(|line| line[name].as_i64().unwrap()).sum::<i64>();
    assert_eq!((sum("available_cents"), sum("on_hold_cents")), (104_760, 240));
    let second = get(&place, &format!("statement?after={}&limit=1", lines[0]["seq"])).await;
    assert_eq!(second["lines"], json!([lines[1]]));
    assert_eq!(get(&other, "statement").await["lines"].as_array().unwrap().len(), 1);
    for wrong in [
        json!({}),
        json!({ "cents": 0 }),
        json!({ "cents": -1 }),
        json!({ "cents": 1.5 }),
        json!({ "cents": 100_000_001 }),
        json!({ "cents": 1, "to": "AOTHER" }),
    ] {
        let call = control(&place, Method::POST, "deposit").json(&wrong);
        assert_eq!(problem(call, StatusCode::UNPROCESSABLE_ENTITY).await, "invalid", "{wrong}");
    }
    assert_eq!(get(&place, "balance").await["available_cents"], 104_760);
}

#[tokio::test]
async fn behaviour_is_switched_for_oneself_and_back_to_the_operators() {
    let place = Place::with(|settings| settings.quirks.expiration_makes_a_token = true).await;
    let other = place.beside().await;
    place.hit(1).await;
    let put = |body: Value| answer(control(&place, Method::PUT, "behaviour").json(&body));
    let (status, set) = put(json!({ "empty_last_page": true })).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(set["set"], json!({ "empty_last_page": true }));
    assert_eq!(set["holds"]["empty_last_page"], true);
    assert_eq!(set["holds"]["expiration_makes_a_token"], true, "the operator's");
    assert!(place.client.list_hits().max_results(1).send().await.unwrap().next_token.is_some());
    assert_eq!(get(&other, "behaviour").await["set"], json!({}));
    for wrong in [json!([]), json!({ "empty_last_page": 1 }), json!({ "full_last_page": true })] {
        let call = control(&place, Method::PUT, "behaviour").json(&wrong);
        assert_eq!(problem(call, StatusCode::UNPROCESSABLE_ENTITY).await, "invalid", "{wrong}");
    }
    assert_eq!(get(&place, "behaviour").await, set);
    assert_eq!(put(json!({})).await.1["holds"]["empty_last_page"], false);
}

#[tokio::test]
async fn what_is_not_there_is_said_in_the_same_shape() {
    let place = Place::open().await;
    let missing = control(&place, Method::GET, "nothing");
    assert_eq!(problem(missing, StatusCode::NOT_FOUND).await, "not_found");
    let method = control(&place, Method::PATCH, "clock");
    assert_eq!(problem(method, StatusCode::METHOD_NOT_ALLOWED).await, "method_not_allowed");
    let long = json!({ "turn": "x".repeat(70_000) });
    let call = control(&place, Method::POST, "clock").json(&long);
    assert_eq!(problem(call, StatusCode::PAYLOAD_TOO_LARGE).await, "not_read");
}
