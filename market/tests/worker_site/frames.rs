//! Requesters' own pages on an origin of their own: by a listener, or by a host name of the same one.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use kernel::clock::SystemClock;
use kernel::secret::Keyring;
use market::{Market, Settings};
use tower::ServiceExt;

use crate::world::{World, html_question, world};

const SITE: &str = "http://work.example/market";
const FRAME: &str = "http://frames.example/hits";

/// A second market on the same rows, reached by names that no DNS knows.
fn named(world: &World) -> Market {
    let keyring = Keyring::new(&"0123456789abcdef0123456789abcdef".into(), &[]).unwrap();
    let settings =
        Settings { frame_url: Some(FRAME.parse().unwrap()), ..Settings::new(SITE.parse().unwrap()) };
    Market::new(world.market.pool().clone(), Arc::new(SystemClock), keyring, settings)
}

/// Status, policy and body of what this host answers at this path.
async fn ask(router: &Router, host: &str, path: &str) -> (StatusCode, String, String) {
    let request = Request::get(path).header(header::HOST, host).body(Body::empty()).unwrap();
    let answer = router.clone().oneshot(request).await.unwrap();
    let policy = answer.headers().get(header::CONTENT_SECURITY_POLICY);
    let policy = policy.map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    let status = answer.status();
    let body = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    (status, policy, String::from_utf8_lossy(&body).into_owned())
}

#[tokio::test]
async fn one_listener_keeps_the_two_host_names_apart() {
    let world = world().await;
    let (hit, _) = world.publish("Paste a code", &html_question("<crowd-form></crowd-form>"), 1).await;
    let market = named(&world);
    let both = market.split_by_host(Router::new().nest("/market", market.router()));

    let content = format!("/hits/content/{hit}");
    let (status, policy, body) = ask(&both, "frames.example", &content).await;
    assert_eq!(status, StatusCode::OK);
    assert!(
        policy.contains("allow-same-origin") && policy.ends_with("frame-ancestors http://work.example"),
        "{policy}"
    );
    let script = body.split("src=\"../").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let (status, _, script) = ask(&both, "FRAMES.example", &format!("/hits/{script}")).await;
    assert!(status == StatusCode::OK && script.contains("customElements"));

    // The frame's host has nothing of the worker site, and the site nothing of requesters.
    for path in ["/market", "/market/sign-in", "/hits/sign-in", "/hits/work"] {
        assert_eq!(ask(&both, "frames.example", path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(ask(&both, "work.example", "/market").await.0, StatusCode::OK);
    for path in [content, format!("/market/content/{hit}")] {
        assert_eq!(ask(&both, "work.example", &path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_listener_of_its_own_serves_content_and_says_trouble_in_words() {
    let world = world().await;
    let (hit, _) = world.publish("Paste a code", &html_question("<p>hello</p>"), 1).await;
    let frame = named(&world).frame_router();
    let (status, _, body) = ask(&frame, "whatever", &format!("/hits/content/{hit}")).await;
    assert!(status == StatusCode::OK && body.contains("<p>hello</p>"));
    let (status, _, body) = ask(&frame, "whatever", "/hits/content/3NONE").await;
    assert_eq!((status, body.as_str()), (StatusCode::NOT_FOUND, "There is no such page."));
}

#[tokio::test]
async fn amazons_script_is_replaced_by_ours() {
    let world = world().await;
    let page =
        "<script src='https://assets.crowd.aws/crowd-html-elements.js'></script><crowd-form></crowd-form>";
    let (hit, _) = world.publish("Paste a code", &html_question(page), 1).await;
    let frame = named(&world).frame_router();
    let (_, _, body) = ask(&frame, "whatever", &format!("/hits/content/{hit}")).await;
    assert!(!body.contains("crowd.aws") && body.starts_with("<script src=\"../static/"), "{body}");
}
