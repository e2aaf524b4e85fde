//! Everything that can go wrong in a request, and the only place where it becomes an answer.
//!
//! A client reads one plain sentence and the request's id. The log has the rest, under the same id.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

/// What handlers answer with.
pub type WebResult<T = Response> = Result<T, Error>;

/// Why a request is not answered as asked.
#[derive(Debug)]
pub enum Error {
    /// There is no such thing, or it belongs to another lab: nobody can tell the two apart.
    NotFound,
    /// The person is known and in this lab, but may not do this.
    Forbidden(&'static str),
    /// Somebody has to log in first; then they come back to this path of ours.
    LogIn(String),
    /// What was sent cannot be understood; a page of ours does not send it.
    BadRequest(&'static str),
    /// It cannot be done as things stand: somebody else was quicker, or a step is missing.
    Conflict(String),
    /// Too often in too short a time.
    TooMany,
    /// Ours to mend.
    Internal(anyhow::Error),
}

impl Error {
    /// Whether there was only too much going on at once: the same request may come again.
    pub fn is_crowd(&self) -> bool {
        matches!(self, Self::Internal(error) if error.chain().any(|cause| {
            matches!(cause.downcast_ref::<sqlx::Error>(), Some(sqlx::Error::PoolTimedOut))
        }))
    }
}

impl<E: Into<anyhow::Error>> From<E> for Error {
    fn from(error: E) -> Self {
        Self::Internal(error.into())
    }
}

/// What the outermost layer turns into a page, where it knows the request's id.
#[derive(Debug, Clone)]
pub struct Problem(pub String);

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let (status, words) = match self {
            Self::LogIn(next) => return to_log_in(&next),
            Self::NotFound => (StatusCode::NOT_FOUND, "There is no such page.".to_owned()),
            Self::Forbidden(words) => (StatusCode::FORBIDDEN, words.to_owned()),
            Self::BadRequest(words) => (StatusCode::BAD_REQUEST, words.to_owned()),
            Self::Conflict(words) => (StatusCode::CONFLICT, words),
            Self::TooMany => (
                StatusCode::TOO_MANY_REQUESTS,
                "There were too many attempts. Wait a few minutes, then try again.".to_owned(),
            ),
            Self::Internal(error) => {
                tracing::error!(error = format!("{error:#}"), "A request failed");
                (StatusCode::INTERNAL_SERVER_ERROR, sentence(StatusCode::INTERNAL_SERVER_ERROR).to_owned())
            }
        };
        let mut response = status.into_response();
        response.extensions_mut().insert(Problem(words));
        response
    }
}

/// Where somebody logs in before coming back to `next`.
pub fn log_in_address(next: &str) -> String {
    let query = serde_urlencoded::to_string([("next", next)]).unwrap_or_default();
    format!("/login?{query}")
}

fn to_log_in(next: &str) -> Response {
    let address = log_in_address(next);
    let mut headers = HeaderMap::new();
    // A fragment cannot show a login page: htmx is told to leave the page instead.
    if let Ok(value) = HeaderValue::from_str(&address) {
        headers.insert("x-log-in", value);
    }
    (headers, Redirect::to(&address)).into_response()
}

/// The sentence for an error that a layer or the router itself gave.
pub fn sentence(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "There is no such page.",
        StatusCode::METHOD_NOT_ALLOWED => "This page cannot be asked for in this way.",
        StatusCode::FORBIDDEN => {
            "This request came from another site, so it was not carried out. Open the page here and try again."
        }
        StatusCode::PAYLOAD_TOO_LARGE => "What was sent is too large.",
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::REQUEST_TIMEOUT => {
            "The server took too long. Try again in a moment."
        }
        status if status.is_client_error() => "This request cannot be understood.",
        _ => "Something went wrong on our side. It was written down; please try again.",
    }
}

/// Whether htmx asked, so that a fragment is wanted and not a page.
pub fn asked_by_htmx(headers: &HeaderMap) -> bool {
    headers.contains_key("hx-request")
}

/// Whether the answer already has a body made for people.
pub fn has_page(response: &Response) -> bool {
    response
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| !value.starts_with("text/plain"))
}
