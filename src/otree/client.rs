//! How a call is sent: the key in its header, JSON in the body, nothing followed, nothing repeated.

use std::sync::Arc;
use std::time::Duration;

use kernel::outbound::header::HeaderName;
use kernel::outbound::{Method, Outbound, OutboundError, Reply, Request};
use secrecy::SecretString;
use serde_json::Value;
use url::Url;

use super::connector::Shared;
use super::links;

const KEY_HEADER: HeaderName = HeaderName::from_static("otree-rest-key");

/// A client of one oTree site; made by [`Connector::client`](super::Connector::client).
#[derive(Debug, Clone)]
pub struct Client {
    outbound: Outbound,
    base: Url,
    key: Option<SecretString>,
    shared: Arc<Shared>,
}

/// One request, before it meets the site's address and key.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub method: Method,
    pub path: &'a [&'a str],
    pub query: &'a [(&'a str, &'a str)],
    pub body: Option<Value>,
    pub with_key: bool,
    pub limit: Duration,
}

impl<'a> Call<'a> {
    /// An API call with the key and the usual time limit.
    pub(super) fn new(method: Method, path: &'a [&'a str], body: Option<Value>) -> Self {
        Self { method, path, query: &[], body, with_key: true, limit: Duration::from_secs(20) }
    }
}

impl Client {
    pub(super) fn new(outbound: Outbound, base: Url, key: Option<SecretString>, shared: Arc<Shared>) -> Self {
        Self { outbound, base, key, shared }
    }

    /// The site's address: scheme, host and port.
    pub fn base(&self) -> &Url {
        &self.base
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Waits for a turn at this site, then sends.
    pub(super) async fn send(&self, call: Call<'_>) -> Result<Reply, OutboundError> {
        let mut url = links::at(&self.base, call.path);
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(call.query);
        }
        let mut request = Request::new(call.method, url).within(call.limit);
        if let Some(key) = self.key.as_ref().filter(|_| call.with_key) {
            request = request.secret_header(KEY_HEADER, key);
        }
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        let _turn = self.shared.turns.acquire().await.map_err(|_| OutboundError::Broken)?;
        self.outbound.send(request).await
    }
}
