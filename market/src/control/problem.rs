//! Errors as problem details (RFC 9457), and bodies and queries read strictly.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::Market;
use crate::engine::Refusal;
use crate::protocol::has_nul;

/// Why a control does not do what was asked: a word for programs and a sentence for people.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
}

impl Problem {
    pub(super) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into() }
    }

    /// A value that cannot be.
    pub(super) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail)
    }

    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    pub(super) fn method() -> Self {
        let detail = "This control does not take this method.";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
    }

    /// Trouble on this side; what exactly stays in the log.
    pub(super) fn broken() -> Self {
        let detail = "The marketplace could not do this because of an error of its own.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "broken", detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let title = self.status.canonical_reason().unwrap_or_default();
        let body = json!({
            "title": title, "status": self.status.as_u16(), "code": self.code, "detail": self.detail,
        });
        let kind = [(header::CONTENT_TYPE, "application/problem+json")];
        let mut response = (self.status, kind, body.to_string()).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            let ask = header::HeaderValue::from_static("Basic realm=\"marketplace control\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, ask);
        }
        response
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "A marketplace control failed in the database"
        );
        Self::broken()
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Database(error) => error.into(),
            other => Self::invalid(other.to_string()),
        }
    }
}

/// A JSON body in which every member is known.
#[derive(Debug)]
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Market> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, market: &Market) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let body = Bytes::from_request(Request::new(body), market).await?;
        if serde_json::from_slice::<Value>(&body).is_ok_and(|value| has_nul(&value)) {
            return Err(Problem::invalid("The body has a NUL character in it."));
        }
        let Json(value) = Json::<T>::from_request(Request::from_parts(parts, body.into()), market).await?;
        Ok(Self(value))
    }
}

impl From<axum::extract::rejection::BytesRejection> for Problem {
    fn from(rejection: axum::extract::rejection::BytesRejection) -> Self {
        Self::new(
            rejection.status(),
            "not_read",
            format!("The body was not read: {}.", rejection.body_text()),
        )
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        let text = rejection.body_text();
        match (&rejection, text.split_once(": ")) {
            (JsonRejection::JsonDataError(_), Some((_, what))) => {
                Self::invalid(format!("The body does not fit: {what}."))
            }
            (JsonRejection::JsonSyntaxError(_), _) => {
                Self::new(StatusCode::BAD_REQUEST, "not_json", "The body is not JSON.")
            }
            (JsonRejection::MissingJsonContentType(_), _) => {
                let detail = "Send JSON, and say so with Content-Type: application/json.";
                Self::new(rejection.status(), "not_json", detail)
            }
            _ => Self::new(rejection.status(), "not_read", format!("The body was not read: {text}.")),
        }
    }
}

/// A query in which every name is known.
#[derive(Debug)]
pub(super) struct Params<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<Market> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, market: &Market) -> Result<Self, Problem> {
        if parts.uri.query().is_some_and(|query| query.contains("%00")) {
            return Err(Problem::invalid("The query has a NUL character in it."));
        }
        let Query(value) = Query::<T>::from_request_parts(parts, market).await?;
        Ok(Self(value))
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        let text = rejection.body_text();
        let what = text.split_once(": ").map_or(text.as_str(), |(_, what)| what);
        Self::invalid(format!("The query does not fit: {what}."))
    }
}
