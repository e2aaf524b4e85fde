//! One request from bytes to bytes.

use axum::body::{Body, Bytes};
use axum::extract::{OriginalUri, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::failure::Failure;
use super::operations::{self, Call, Entry};
use super::sigv4::{Authorization, Request, SignatureError};
use super::sqs;
use crate::Market;
use crate::clock::Whose;
use crate::engine::requesters;
use crate::faults::{self, FaultKind};

const CONTENT_TYPE: &str = "application/x-amz-json-1.1";
/// The service in the scope of signatures.
const SERVICE: &str = "mturk-requester";
const TARGET_PREFIX: &str = "MTurkRequesterServiceV20170117.";

/// Answers one request, whatever becomes of it.
pub(super) async fn handle(
    State(market): State<Market>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let request = Request { uri: &uri, headers: &headers, body: &body };
    if let Some(name) = sqs::call(&headers) {
        return sqs::handle(&market, name, request).await;
    }
    let (status, body) = match answer(&market, request).await {
        Ok(value) => (StatusCode::OK, value),
        Err(Failure::Answer(answer)) => (answer.status, answer.body(market.real_now())),
        Err(Failure::Silence) => return silence(),
    };
    let request_id = Uuid::new_v4().to_string();
    let headers = [(header::CONTENT_TYPE.as_str(), CONTENT_TYPE), ("x-amzn-requestid", &request_id)];
    (status, headers, body.to_string()).into_response()
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
    let trouble = faults::strike(&mut *market.pool().acquire().await?, &requester_id, entry.name).await?;
    match trouble {
        Some(FaultKind::FailBefore) => return Err(Failure::service()),
        Some(FaultKind::DropBefore) => return Err(Failure::Silence),
        Some(FaultKind::Throttle) => return Err(Failure::throttled()),
        Some(FaultKind::FailAfter | FaultKind::DropAfter) | None => {}
    }
    let value = perform(market, &requester_id, entry, members).await?;
    match trouble {
        Some(FaultKind::FailAfter) => Err(Failure::service()),
        Some(FaultKind::DropAfter) => Err(Failure::Silence),
        _ => Ok(value),
    }
}

/// The operation in one transaction, kept only if it succeeds.
async fn perform(
    market: &Market,
    requester_id: &str,
    entry: &Entry,
    members: Map<String, Value>,
) -> Result<Value, Failure> {
    let (mut tx, now) = market.begin_of(Whose::Requester(requester_id)).await?;
    let quirks = market.quirks_of(&mut tx, requester_id).await?;
    let mut call = Call::new(market, &mut tx, now, requester_id, quirks, entry.name, &members);
    let value = (entry.run)(&mut call, members).await?;
    tx.commit().await?;
    Ok(value)
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
