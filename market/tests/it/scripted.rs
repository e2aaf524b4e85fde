//! Workers whom a requester's program plays: what they can do, and whom they cannot touch.

use market::engine::assignments::Wanted;
use market::journal::{Effect, Filter};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::controls::{answer, control, get, post, problem};
use crate::harness::Place;
use crate::question_forms::FORM;

async fn made(place: &Place) -> String {
    let (status, worker) = answer(control(place, Method::POST, "workers")).await;
    assert_eq!(status, StatusCode::CREATED, "{worker}");
    worker["worker_id"].as_str().unwrap().to_owned()
}

/// Accepts; the assignment's id.
async fn accept(place: &Place, worker_id: &str, hit_id: &str) -> String {
    let taking = json!({ "worker_id": worker_id, "hit_id": hit_id });
    let (status, taken) = post(place, "assignments", taking).await;
    assert_eq!(status, StatusCode::CREATED, "{taken}");
    assert_eq!((&taken["hit_id"], &taken["submitted_at"]), (&json!(hit_id), &Value::Null));
    taken["assignment_id"].as_str().unwrap().to_owned()
}

async fn code(place: &Place, path: &str, body: Value, status: StatusCode) -> String {
    problem(control(place, Method::POST, path).json(&body), status).await
}

#[tokio::test]
async fn a_made_worker_accepts_returns_comes_again_and_hands_in() {
    let place = Place::open().await;
    let hit_id = place.hit(2).await;
    let worker_id = made(&place).await;
    let first = accept(&place, &worker_id, &hit_id).await;
    assert_eq!(place.look(&hit_id).await.number_of_assignments_pending(), Some(1));
    let back = control(&place, Method::POST, &format!("assignments/{first}/return"));
    assert_eq!(answer(back).await.0, StatusCode::NO_CONTENT);
    let group = place.look(&hit_id).await.hit_type_id.unwrap();
    let taking = json!({ "worker_id": worker_id, "hit_type_id": group });
    let (_, taken) = post(&place, "assignments", taking.clone()).await;
    let id = taken["assignment_id"].as_str().unwrap();
    let fields = json!({ "fields": { "code": "a<b", "workerId": "ignored", "twice": ["x", "y"] } });
    let submit = format!("assignments/{id}/submit");
    let (status, done) = post(&place, &submit, fields.clone()).await;
    assert_eq!((status, done["submitted_at"].is_string()), (StatusCode::OK, true), "{done}");
    let call = place.client.get_assignment().assignment_id(id).send().await.unwrap();
    let assignment = call.assignment.unwrap();
    assert_eq!(assignment.worker_id(), Some(worker_id.as_str()));
    let xml = assignment.answer.unwrap();
    assert!(xml.contains(">a&lt;b<") && xml.contains(">x<") && !xml.contains("ignored"), "{xml}");
    let filter = Filter { worker_id: Some(worker_id.clone()), ..Filter::default() };
    let effects: Vec<_> =
        place.market.journal(&filter).await.unwrap().iter().map(|entry| entry.effect).collect();
    assert_eq!(effects, [Effect::Accepted, Effect::Returned, Effect::Accepted, Effect::Submitted]);
    let conflict = StatusCode::CONFLICT;
    assert_eq!(code(&place, &submit, fields, conflict).await, "not_held");
    assert_eq!(code(&place, "assignments", taking, conflict).await, "nothing_left");
    let again = json!({ "worker_id": worker_id, "hit_id": hit_id });
    assert_eq!(code(&place, "assignments", again, conflict).await, "already_done");
    assert_eq!(get(&place, "workers").await["workers"][0]["worker_id"], json!(worker_id));
}

#[tokio::test]
async fn what_holds_for_everybody_holds_for_made_workers() {
    let place = Place::open().await;
    let conflict = StatusCode::CONFLICT;
    let kind = place.qualification("Plays well").await;
    let wants = aws_sdk_mturk::types::QualificationRequirement::builder()
        .qualification_type_id(&kind)
        .comparator(aws_sdk_mturk::types::Comparator::Exists)
        .build()
        .unwrap();
    let hit = place.publish(1).qualification_requirements(wants).send().await.unwrap().hit.unwrap();
    let hit_id = hit.hit_id.unwrap();
    let (ada, bob) = (made(&place).await, made(&place).await);
    let taking = |worker: &str| json!({ "worker_id": worker, "hit_id": hit_id });
    assert_eq!(code(&place, "assignments", taking(&ada), conflict).await, "not_qualified");
    for worker in [&ada, &bob] {
        place.grant(&kind, worker, 1).await;
    }
    let id = accept(&place, &ada, &hit_id).await;
    assert_eq!(code(&place, "assignments", taking(&ada), conflict).await, "already_held");
    assert_eq!(code(&place, "assignments", taking(&bob), conflict).await, "nothing_left");
    place.step(chrono::Duration::seconds(601)).await;
    let submit = format!("assignments/{id}/submit");
    let late = code(&place, &submit, json!({ "fields": { "a": "b" } }), conflict).await;
    assert_eq!(late, "too_late");
}

#[tokio::test]
async fn answers_to_a_form_are_held_against_it() {
    let place = Place::open().await;
    let hit = place.publish(1).question(FORM).send().await.unwrap().hit.unwrap();
    let id = accept(&place, &made(&place).await, &hit.hit_id.unwrap()).await;
    let (submit, unfit) = (format!("assignments/{id}/submit"), StatusCode::UNPROCESSABLE_ENTITY);
    for (fields, word) in [
        (json!({ "colour": "green", "games": "trust", "age": "30" }), "unfit"),
        (json!({ "colour": "blue", "games": "trust", "age": "17" }), "unfit"),
        (json!({ "colour": "blue" }), "unfit"),
        (json!({ "shape": "round" }), "invalid"),
        (json!({ "age": ["30", "31"] }), "invalid"),
        (json!({ "age": 30 }), "invalid"),
    ] {
        assert_eq!(code(&place, &submit, json!({ "fields": fields }), unfit).await, word, "{fields}");
    }
    let fields = json!({ "colour": "blue", "games": ["trust", "beauty", "chess"], "age": "30" });
    let (status, done) = post(&place, &submit, json!({ "fields": fields })).await;
    assert_eq!(status, StatusCode::OK, "{done}");
    let call = place.client.get_assignment().assignment_id(&id).send().await.unwrap();
    let xml = call.assignment.unwrap().answer.unwrap();
    for part in ["<SelectionIdentifier>beauty<", "<OtherSelectionText>chess<", "<FreeText>30<"] {
        assert!(xml.contains(part), "{xml}");
    }
}

#[tokio::test]
async fn nobody_speaks_for_people_or_for_anybody_elses_workers_and_hits() {
    let place = Place::open().await;
    let other = place.beside().await;
    let (own_hit, other_hit) = (place.hit(5).await, other.hit(5).await);
    let (own, others, person) = (made(&place).await, made(&other).await, place.worker("ada").await);
    let not_found = StatusCode::NOT_FOUND;
    let other_group = other.look(&other_hit).await.hit_type_id.unwrap();
    for taking in [
        json!({ "worker_id": person, "hit_id": own_hit }),
        json!({ "worker_id": others, "hit_id": own_hit }),
        json!({ "worker_id": "ANOBODY", "hit_id": own_hit }),
        json!({ "worker_id": own, "hit_id": other_hit }),
        json!({ "worker_id": own, "hit_id": "3NONE" }),
        json!({ "worker_id": own, "hit_type_id": other_group }),
    ] {
        assert_eq!(code(&place, "assignments", taking.clone(), not_found).await, "not_found", "{taking}");
    }
    let held = place.accept(&person, Wanted::Hit(&own_hit)).await.unwrap().assignment_id;
    let theirs = accept(&other, &others, &other_hit).await;
    for id in [held.as_str(), &theirs, "3NONE", "%00"] {
        let back = control(&place, Method::POST, &format!("assignments/{id}/return"));
        assert_eq!(problem(back, not_found).await, "not_found", "{id}");
        let fields = json!({ "fields": { "code": "1" } });
        assert_eq!(code(&place, &format!("assignments/{id}/submit"), fields, not_found).await, "not_found");
    }
    let pending = |hit: aws_sdk_mturk::types::Hit| hit.number_of_assignments_pending().unwrap();
    assert_eq!((pending(place.look(&own_hit).await), pending(other.look(&other_hit).await)), (1, 1));
    let listed = get(&place, "workers").await["workers"].as_array().unwrap().clone();
    assert_eq!((listed.len(), &listed[0]["worker_id"]), (1, &json!(own)));
    for wrong in [json!({ "worker_id": own }), json!({ "worker_id": own, "hit_id": "3", "hit_type_id": "3" })]
    {
        let call = code(&place, "assignments", wrong, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(call.await, "invalid");
    }
}

#[tokio::test]
async fn hits_that_pay_are_not_touched_even_by_who_rehearses_again() {
    let place = Place::open().await;
    let rehearse = |on| place.market.set_rehearsal(&place.keys.requester_id, on);
    rehearse(false).await.unwrap();
    let hit_id = place.hit(2).await;
    rehearse(true).await.unwrap();
    let worker_id = made(&place).await;
    let group = place.look(&hit_id).await.hit_type_id.unwrap();
    for taking in [
        json!({ "worker_id": worker_id, "hit_id": hit_id }),
        json!({ "worker_id": worker_id, "hit_type_id": group }),
    ] {
        assert_eq!(code(&place, "assignments", taking, StatusCode::NOT_FOUND).await, "not_found");
    }
    assert_eq!(place.look(&hit_id).await.number_of_assignments_pending(), Some(0));
}

#[tokio::test]
async fn nobody_signs_in_as_a_made_worker() {
    let place = Place::open().await;
    let worker_id = made(&place).await;
    let url = place.page("sign-in");
    for password in ["none", "", "a long enough password"] {
        let form = [("name", worker_id.as_str()), ("password", password)];
        let page = crate::harness::http().post(url.clone()).form(&form).send().await.unwrap();
        assert_eq!(page.status(), StatusCode::UNPROCESSABLE_ENTITY, "{password:?}");
    }
}
