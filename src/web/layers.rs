//! What every request passes through: an id, one line in the log, headers that tell browsers to be
//! careful, limits on size and time, and a page instead of a bare error.

use std::any::Any;
use std::time::{Duration, Instant};

use askama::Template;
use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::header::{self, HeaderName};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{Html, IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::timeout::TimeoutLayer;
use tracing::Instrument;

use super::error::{self, Error, Problem};
use crate::app::App;

/// The largest body a page may send: a researcher’s own template fits many times, and a bonus file with its people.
const LARGEST_BODY: usize = 4 * 1024 * 1024;
/// The longest a page may take to answer.
const LONGEST_ANSWER: Duration = Duration::from_secs(30);

/// Pages run no code and show no styles but ours, and nobody may frame them.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Wraps the whole site. A handler that sets one of the headers itself keeps its own value.
pub fn wrap(router: Router<App>, app: &App) -> Router<App> {
    router
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, LONGEST_ANSWER))
        .layer(CatchPanicLayer::custom(caught))
        .layer(from_fn_with_state(app.clone(), frame))
        .layer(CompressionLayer::new())
}

/// Panics are ours to mend, like every other surprise.
fn caught(panic: Box<dyn Any + Send>) -> Response {
    let words = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no words");
    Error::Internal(anyhow::anyhow!("panic: {words}")).into_response()
}

async fn frame(State(app): State<App>, request: Request, next: Next) -> Response {
    let id = kernel::secret::code(12);
    let fragment = error::asked_by_htmx(request.headers());
    // The pattern, not the address: addresses hold invitations and, in their queries, WorkerIds.
    let path = request.extensions().get::<MatchedPath>().map_or("(none)", MatchedPath::as_str).to_owned();
    let method = request.method().clone();
    let span = tracing::info_span!("request", id, %method, path);
    let started = Instant::now();
    let response = next.run(request).instrument(span.clone()).await;
    let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    span.in_scope(|| tracing::info!(status = response.status().as_u16(), milliseconds, "Answered"));
    let mut response = dress(response, &id, fragment);
    protect(response.headers_mut(), app.config.secure());
    response
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    status: u16,
    words: &'a str,
    request_id: &'a str,
}

#[derive(Template)]
#[template(path = "error_fragment.html")]
struct ErrorFragment<'a> {
    words: &'a str,
    request_id: &'a str,
}

/// Gives an error its page, or its fragment when htmx asked.
fn dress(response: Response, id: &str, fragment: bool) -> Response {
    let status = response.status();
    if fragment && let Some(address) = response.headers().get("x-log-in") {
        return (StatusCode::NO_CONTENT, [(HeaderName::from_static("hx-redirect"), address.clone())])
            .into_response();
    }
    if !(status.is_client_error() || status.is_server_error()) || error::has_page(&response) {
        return response;
    }
    let words = response
        .extensions()
        .get::<Problem>()
        .map_or_else(|| error::sentence(status).to_owned(), |p| p.0.clone());
    let page = if fragment {
        ErrorFragment { words: &words, request_id: id }.render()
    } else {
        ErrorPage { status: status.as_u16(), words: &words, request_id: id }.render()
    };
    let (mut parts, _) = response.into_parts();
    for stale in [header::CONTENT_TYPE, header::CONTENT_LENGTH] {
        parts.headers.remove(stale);
    }
    (status, parts.headers, Html(page.unwrap_or(words))).into_response()
}

fn protect(headers: &mut HeaderMap, secure: bool) {
    headers.remove("x-log-in");
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_POLICY));
        headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    }
    let mut unless_set = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    unless_set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    // Not "no-referrer": with that, browsers send "Origin: null" with our own forms, and where TLS is
    // missing there is no Sec-Fetch-Site either, so our own forms would look foreign.
    unless_set(header::REFERRER_POLICY, "same-origin");
    unless_set(header::CACHE_CONTROL, "no-store");
    unless_set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    unless_set(HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()");
    if secure {
        unless_set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
}
