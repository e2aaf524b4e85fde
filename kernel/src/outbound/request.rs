//! One request and its answer, whole in memory.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// How long an exchange may take unless the caller says otherwise.
const LIMIT: Duration = Duration::from_secs(20);
/// How many bytes an answer may have, after decompression, unless the caller says otherwise.
const CAP: usize = 8 * 1024 * 1024;

/// A request to an address that somebody typed.
#[derive(Debug, Clone)]
pub struct Request {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Vec<u8>,
    limit: Duration,
    cap: usize,
}

impl Request {
    /// A request without headers and body.
    pub fn new(method: Method, url: Url) -> Self {
        Self { method, url, headers: HeaderMap::new(), body: Vec::new(), limit: LIMIT, cap: CAP }
    }

    /// Adds a header that logs never show. A value that cannot be a header is left out.
    #[must_use]
    pub fn secret_header(mut self, name: HeaderName, value: &SecretString) -> Self {
        if let Ok(mut value) = HeaderValue::from_str(value.expose_secret()) {
            value.set_sensitive(true);
            self.headers.insert(name, value);
        }
        self
    }

    /// Adds a header. A value that cannot be a header is left out.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    /// Sends this text as it is; the caller says with a header what it is.
    #[must_use]
    pub fn text(mut self, body: impl Into<String>) -> Self {
        self.body = body.into().into_bytes();
        self
    }

    /// Sends this JSON.
    #[must_use]
    pub fn json(mut self, body: &serde_json::Value) -> Self {
        self.headers.insert(reqwest::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.body = body.to_string().into_bytes();
        self
    }

    /// Bounds the whole exchange, look-up and body included.
    #[must_use]
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Bounds the answer's size in bytes.
    #[must_use]
    pub fn at_most(mut self, cap: usize) -> Self {
        self.cap = cap;
        self
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    pub(super) fn limit(&self) -> Duration {
        self.limit
    }

    pub(super) fn cap(&self) -> usize {
        self.cap
    }

    pub(super) fn into_reqwest(self) -> reqwest::Request {
        let mut request = reqwest::Request::new(self.method, self.url);
        *request.headers_mut() = self.headers;
        if !self.body.is_empty() {
            *request.body_mut() = Some(self.body.into());
        }
        request
    }
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status, whatever it is.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body, decompressed.
    pub body: Vec<u8>,
}

impl Reply {
    /// The body as text; what is not UTF-8 is replaced.
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// A header's text, if it is there and readable.
    pub fn header(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}
