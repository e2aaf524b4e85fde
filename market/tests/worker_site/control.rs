//! Simulated workers over the control API: sent, reported and stopped by the requester whose HITs they take.

use std::time::Duration;

use market::RequesterKeys;
use market::workers::bots::browser::client;
use reqwest::{Method, StatusCode};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::bots::study;
use crate::world::{World, external, world};

/// Calls a control with these keys.
async fn call(
    world: &World,
    keys: &RequesterKeys,
    method: Method,
    path: &str,
    body: Value,
) -> (StatusCode, Value) {
    let url = world.at(&format!("control/v1/{path}"));
    let call = client().unwrap().request(method, url);
    let call = call.basic_auth(&keys.access_key_id, Some(keys.secret_access_key.expose_secret()));
    let call = call.header("content-type", "application/json");
    let answer = if body.is_null() { call } else { call.body(body.to_string()) }.send().await.unwrap();
    let status = answer.status();
    (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap())
}

async fn report(world: &World, id: &str) -> Value {
    let (status, report) = call(world, &world.keys, Method::GET, &format!("bots/{id}"), Value::Null).await;
    assert_eq!(status, StatusCode::OK, "{report}");
    report
}

async fn until_it_is(world: &World, id: &str, state: &str) -> Value {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let report = report(world, id).await;
        if report["run"]["state"] == state {
            return report;
        }
        assert!(Instant::now() < deadline, "{report}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_run_is_sent_and_its_report_names_the_page_that_nobody_could_fill() {
    let world = world().await;
    let (base, _) = study().await;
    world.publish("Pick a number", &external(&format!("{base}go/1")), 2).await;
    world.publish("Show a picture", &external(&format!("{base}picture")), 2).await;

    let order = json!({ "workers": 2, "title": "Pick a number", "shares": { "complete": 1, "return": 1 } });
    let (status, run) = call(&world, &world.keys, Method::POST, "bots", order.clone()).await;
    assert_eq!((status, run["plan"]["workers"].as_u64()), (StatusCode::CREATED, Some(2)), "{run}");
    let done = until_it_is(&world, run["run_id"].as_str().unwrap(), "finished").await;
    assert_eq!(done["stages"], json!({ "returned": 1, "submitted": 1 }));
    assert_eq!(done["unfilled_pages"], json!([]));

    let order = json!({ "workers": 2, "title": "Show a picture" });
    let (_, run) = call(&world, &world.keys, Method::POST, "bots", order).await;
    let done = until_it_is(&world, run["run_id"].as_str().unwrap(), "finished").await;
    let why = "/p/abcd1234/app/Picture/1 cannot be filled: the field picture asks for a file";
    assert_eq!(done["unfilled_pages"], json!([{ "page": "/p/*/app/Picture/1", "why": why, "bots": [1, 2] }]));
    assert_eq!(done["bots"][0]["stage"], "failed");

    let (_, runs) = call(&world, &world.keys, Method::GET, "bots", Value::Null).await;
    assert_eq!(runs["runs"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_run_can_be_stopped_by_nobody_else_and_orders_without_sense_are_refused() {
    let world = world().await;
    let order = json!({ "workers": 1, "wait_limit_seconds": 3600 });
    let (_, run) = call(&world, &world.keys, Method::POST, "bots", order.clone()).await;
    let path = format!("bots/{}", run["run_id"].as_str().unwrap());
    let other = world.market.create_requester("Another Lab", kernel::money::Cents(0)).await.unwrap();
    for method in [Method::GET, Method::DELETE] {
        let (status, problem) = call(&world, &other, method, &path, Value::Null).await;
        assert_eq!((status, problem["code"].as_str()), (StatusCode::NOT_FOUND, Some("not_found")));
    }
    let (_, none) = call(&world, &other, Method::GET, "bots", Value::Null).await;
    assert_eq!(none, json!({ "runs": [] }));

    for order in [json!({ "workers": 0 }), json!({ "workers": 1, "shares": {} }), json!({ "bots": 3 })] {
        let (status, problem) = call(&world, &world.keys, Method::POST, "bots", order).await;
        assert_eq!((status, problem["code"].as_str()), (StatusCode::UNPROCESSABLE_ENTITY, Some("invalid")));
    }
    for _ in 0..2 {
        let (status, _) = call(&world, &world.keys, Method::POST, "bots", order.clone()).await;
        assert_eq!(status, StatusCode::CREATED);
    }
    let (status, problem) = call(&world, &world.keys, Method::POST, "bots", order).await;
    assert_eq!((status, problem["code"].as_str()), (StatusCode::CONFLICT, Some("too_many_runs")));

    let (_, runs) = call(&world, &world.keys, Method::GET, "bots", Value::Null).await;
    for run in runs["runs"].as_array().unwrap() {
        let id = run["run_id"].as_str().unwrap();
        let (status, _) = call(&world, &world.keys, Method::DELETE, &format!("bots/{id}"), Value::Null).await;
        assert_eq!(status, StatusCode::ACCEPTED);
        until_it_is(&world, id, "stopped").await;
    }
}
