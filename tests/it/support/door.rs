//! The worker's door, knocked at without a network.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use otree_hr::app::App;
use otree_hr::web;
use tower::ServiceExt;

/// What the site answered.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    /// Where a redirect leads; empty for anything else.
    pub fn location(&self) -> &str {
        self.header(header::LOCATION.as_str())
    }

    /// A header's text; empty when it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// Sends one request to the whole site, with every layer.
pub async fn send(app: &App, mut request: Request<Body>) -> Answer {
    request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 40_000))));
    let response = web::router(app.clone()).oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: String::from_utf8_lossy(&bytes).into_owned(),
    }
}

/// A request without a body.
pub fn request(method: Method, path: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).unwrap()
}

/// Opens a page.
pub async fn get(app: &App, path: &str) -> Answer {
    send(app, request(Method::GET, path, &[])).await
}

/// The address that a HIT's frame opens for a worker who has accepted.
pub fn go(code: &str, hit: &str, worker: &str, assignment: &str) -> String {
    format!(
        "/go/{code}?assignmentId={assignment}&hitId={hit}&workerId={worker}&turkSubmitTo=http%3A%2F%2F127.0.0.1%3A9"
    )
}
