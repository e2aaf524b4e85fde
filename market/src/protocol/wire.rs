//! One request from bytes to bytes.

use std::time::Duration;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, OriginalUri, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use chrono::TimeDelta;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::failure::Failure;
use super::foreign::Named;
use super::operations::{self, Call, Entry};
use super::sigv4::{Authorization, Request, SignatureError};
use super::sqs;
use crate::Market;
use crate::clock::Whose;
use crate::connections::Peer;
use crate::engine::{money, requesters};
use crate::faults::{self, FaultKind, Struck};

const CONTENT_TYPE: &str = "application/x-amz-json-1.1";
/// The service in the scope of signatures.
const SERVICE: &str = "mturk-requester";
/// What proxies send when what is behind them does not answer.
const PAGE: &str = "<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n</body></html>\n";
const TARGET_PREFIX: &str = "MTurkRequesterServiceV20170117.";

/// Answers one request, whatever becomes of it. A client that hangs up does not undo what it asked for.
pub(super) async fn handle(
    State(market): State<Market>,
    OriginalUri(uri): OriginalUri,
    peer: Option<Extension<ConnectInfo<Peer>>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let real_now = market.real_now();
    if let Some(name) = sqs::call(&headers) {
        return sqs::handle(&market, name, Request { uri: &uri, headers: &headers, body: &body }).await;
    }
    let work = tokio::spawn(async move {
        let request = Request { uri: &uri, headers: &headers, body: &body };
        answer(&market, request).await
    });
    let answer = work.await.unwrap_or_else(|error| {
        tracing::error!(%error, "A marketplace request broke off");
        Err(Failure::service())
    });
    match answer {
        Ok(value) => json(StatusCode::OK, &value),
        Err(Failure::Answer(answer)) => json(answer.status, &answer.body(real_now)),
        Err(Failure::Page) => page(),
        Err(Failure::Silence) => silence(),
        Err(Failure::Reset) => {
            if let Some(Extension(ConnectInfo(peer))) = peer {
                peer.order_reset();
            }
            silence()
        }
    }
}

/// What is answered instead of a panic.
pub(super) fn broken(market: &Market) -> Response {
    match Failure::service() {
        Failure::Answer(answer) => json(answer.status, &answer.body(market.real_now())),
        _ => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn json(status: StatusCode, body: &Value) -> Response {
    let request_id = Uuid::new_v4().to_string();
    let headers = [(header::CONTENT_TYPE.as_str(), CONTENT_TYPE), ("x-amzn-requestid", &request_id)];
    (status, headers, body.to_string()).into_response()
}

/// What a proxy says when what is behind it does not answer.
pub(super) fn page() -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, Html(PAGE)).into_response()
}

/// A body that breaks before its first byte makes the server close the connection without a word.
pub(super) fn silence() -> Response {
    let broken =
        futures_util::stream::once(async { Err::<Bytes, _>(std::io::Error::other("dropped on purpose")) });
    Body::from_stream(broken).into_response()
}

async fn answer(market: &Market, request: Request<'_>) -> Result<Value, Failure> {
    let requester_id = authenticate(market, request, SERVICE).await?;
    let entry = operation(request.headers)?;
    let members = members(request.body)?;
    let struck = strike(market, &requester_id, entry.name, request.headers).await?;
    wait(struck.delay_before).await;
    match struck.end {
        Some(FaultKind::FailBefore) => return Err(Failure::service()),
        Some(FaultKind::DropBefore) => return Err(Failure::Silence),
        Some(FaultKind::ResetBefore) => return Err(Failure::Reset),
        Some(FaultKind::HtmlBefore) => return Err(Failure::Page),
        Some(FaultKind::Deny) => return Err(Failure::denied(entry.name)),
        Some(FaultKind::Unlink) => return Err(Failure::unlinked()),
        Some(FaultKind::Throttle | FaultKind::ThrottleTo(_)) => return Err(Failure::throttled()),
        _ => {}
    }
    let answer = perform(market, &requester_id, entry, struck.hide, members).await;
    wait(struck.delay_after).await;
    match struck.end {
        Some(FaultKind::FailAfter) => Err(Failure::service()),
        Some(FaultKind::DropAfter) => Err(Failure::Silence),
        Some(FaultKind::ResetAfter) => Err(Failure::Reset),
        Some(FaultKind::HtmlAfter) => Err(Failure::Page),
        _ => answer,
    }
}

async fn wait(delay: Duration) {
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
}

/// What was ordered against this call. It is used up and written down before anything else is done.
async fn strike(
    market: &Market,
    requester_id: &str,
    operation: &str,
    headers: &HeaderMap,
) -> Result<Struck, Failure> {
    let (mut tx, now) = market.begin_of(Whose::Requester(requester_id)).await?;
    let call = faults::Call {
        requester_id,
        operation,
        invocation: text(headers, "amz-sdk-invocation-id").filter(|id| id.len() <= 64),
        attempt: text(headers, "amz-sdk-request").and_then(attempt),
    };
    let struck = faults::strike(&mut tx, market.real_now(), now, call).await?;
    tx.commit().await?;
    Ok(struck)
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// `attempt=2; max=3` says the second.
fn attempt(said: &str) -> Option<i32> {
    said.split(';').find_map(|part| part.trim().strip_prefix("attempt="))?.parse().ok()
}

/// The operation in one transaction, kept only if it succeeds. What came to be within `hide` seconds stays unseen.
async fn perform(
    market: &Market,
    requester_id: &str,
    entry: &Entry,
    hide: Option<u32>,
    members: Map<String, Value>,
) -> Result<Value, Failure> {
    let mut conn = market.pool().acquire().await?;
    let quirks = market.quirks_of(&mut conn, requester_id).await?;
    money::set_boundless(&mut conn, requester_id, quirks.constant_balance).await?;
    drop(conn);
    let (mut tx, now) = market.begin_of(Whose::Requester(requester_id)).await?;
    let mut call = Call::new(market, &mut tx, now, requester_id, quirks, entry.name, &members);
    call.seen.until = hide.map(|seconds| now - TimeDelta::seconds(seconds.into()));
    let named = quirks.permission_denied.then(|| Named::read(&members));
    match ((entry.run)(&mut call, members).await, named) {
        (Ok(value), _) => {
            tx.commit().await?;
            Ok(value)
        }
        (Err(failure), Some(named)) => {
            tx.rollback().await?;
            Err(named.told(&mut *market.pool().acquire().await?, requester_id, failure).await)
        }
        (Err(failure), None) => Err(failure),
    }
}

/// Who signed the request, as the requester whose key it was, for this service.
pub(super) async fn authenticate(
    market: &Market,
    request: Request<'_>,
    service: &'static str,
) -> Result<String, Failure> {
    let authorization = Authorization::read(request.headers)?;
    let access_key_id = authorization.access_key_id;
    let key = requesters::key(&mut *market.pool().acquire().await?, access_key_id).await?;
    let key = key.ok_or(SignatureError::UnknownKey)?;
    let secret = market.keyring().open(&requesters::place(access_key_id), &key.secret).map_err(|error| {
        tracing::error!(%error, "A requester's key cannot be opened");
        Failure::service()
    })?;
    authorization.verify(request, service, &secret, market.real_now())?;
    Ok(key.requester_id)
}

fn operation(headers: &HeaderMap) -> Result<&'static Entry, Failure> {
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let name = target.strip_prefix(TARGET_PREFIX).unwrap_or_default();
    operations::find(name).ok_or_else(|| {
        let message = format!("The operation {target} is not known.");
        Failure::client("UnknownOperationException", message)
    })
}

/// The input's members; an empty body is an empty input.
fn members(body: &[u8]) -> Result<Map<String, Value>, Failure> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    let wrong = |_| Failure::client("SerializationException", "The request is not a JSON object.");
    serde_json::from_slice(body).map_err(wrong)
}

impl From<SignatureError> for Failure {
    fn from(error: SignatureError) -> Self {
        let kind = match error {
            SignatureError::Missing => "MissingAuthenticationTokenException",
            SignatureError::Incomplete(_) => "IncompleteSignatureException",
            SignatureError::UnknownKey => "UnrecognizedClientException",
            SignatureError::Scope(_)
            | SignatureError::Expired { .. }
            | SignatureError::NotYetCurrent { .. }
            | SignatureError::Mismatch => "InvalidSignatureException",
        };
        Self::client(kind, error.to_string())
    }
}
