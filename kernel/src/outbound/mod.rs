//! The one HTTP client for addresses that users typed.
//!
//! An address that somebody types can point anywhere: at this machine, at the
//! cloud's metadata service, at a printer. So every connection goes through a
//! [`resolver`] that hands out only addresses which [`reach`] allows; the
//! client connects to exactly those and there is no second look-up to cheat.
//! Redirects are not followed, proxies from the environment are not used, time
//! and size are bounded.

mod address;
mod error;
mod reach;
mod request;
mod resolver;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use url::Url;

pub use address::{AddressError, is_local};
pub use error::OutboundError;
pub use reach::Reach;
pub use request::{Reply, Request};
pub use reqwest::header;
pub use reqwest::{Method, StatusCode};

use resolver::{CheckedResolver, Lookup, SystemLookup};

/// How long a TCP and TLS connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// Shorter than the five seconds after which uvicorn hangs up, so that no request meets a closing connection.
const KEEP_ALIVE: Duration = Duration::from_secs(4);

/// Chooses ring for TLS in this process. Any number of calls, the first one counts.
pub fn install_tls() {
    // The error says only that a provider is already there.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// The client. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct Outbound {
    http: reqwest::Client,
    reach: Arc<Reach>,
}

impl Outbound {
    /// A client that visits public addresses, and private ones only inside `allow`.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(allow: Vec<IpNet>) -> anyhow::Result<Self> {
        Self::with_lookup(allow, SystemLookup)
    }

    /// A client for addresses that the operator set, wherever they lead. Never for one that a user typed.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn unbounded() -> anyhow::Result<Self> {
        Self::new(vec![Ipv4Net::default().into(), Ipv6Net::default().into()])
    }

    fn with_lookup(allow: Vec<IpNet>, lookup: impl Lookup) -> anyhow::Result<Self> {
        install_tls();
        let reach = Arc::new(Reach::new(allow));
        let http = reqwest::Client::builder()
            .dns_resolver(CheckedResolver::new(reach.clone(), lookup))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .connect_timeout(CONNECT)
            .pool_idle_timeout(KEEP_ALIVE)
            .user_agent(concat!("otree-hr/", env!("CARGO_PKG_VERSION")))
            .build()
            .context("cannot set up TLS for outgoing requests")?;
        Ok(Self { http, reach })
    }

    /// Reads a typed address down to scheme, host and port; refuses what can be refused without asking DNS.
    ///
    /// # Errors
    /// [`AddressError`], in words for the person who typed it.
    pub fn check_url(&self, typed: &str) -> Result<Url, AddressError> {
        let url = address::origin(typed)?;
        if address::literal(&url).is_some_and(|ip| !self.reach.allows(ip)) {
            return Err(AddressError::Private);
        }
        Ok(url)
    }

    /// Whether the address is http or https and, where its host is written as a number, within reach. A host with a name
    /// is checked when it is looked up.
    pub fn reaches(&self, url: &Url) -> bool {
        address::acceptable(url).is_ok() && address::literal(url).is_none_or(|ip| self.reach.allows(ip))
    }

    /// A client of somebody's own making that looks hosts up as this one does. It must ask [`Outbound::reaches`] before
    /// every request and must not follow redirects by itself.
    pub fn equip(&self, client: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
        client.dns_resolver(CheckedResolver::new(self.reach.clone(), SystemLookup)).no_proxy()
    }

    /// The addresses of a host that are within reach, for a client that makes its own connections.
    ///
    /// # Errors
    /// [`OutboundError::DnsFailed`] or [`OutboundError::NotAllowed`].
    pub async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, OutboundError> {
        let found = SystemLookup.lookup(host.to_owned()).await.map_err(|_| OutboundError::DnsFailed)?;
        if found.is_empty() {
            return Err(OutboundError::DnsFailed);
        }
        let open: Vec<_> = found.into_iter().filter(|ip| self.reach.allows(*ip)).collect();
        if open.is_empty() { Err(OutboundError::NotAllowed) } else { Ok(open) }
    }

    /// Sends one request, once.
    ///
    /// # Errors
    /// [`OutboundError`]; an HTTP status of any kind is a [`Reply`].
    pub async fn send(&self, request: Request) -> Result<Reply, OutboundError> {
        address::acceptable(request.url()).map_err(|_| OutboundError::NotAllowed)?;
        if address::literal(request.url()).is_some_and(|ip| !self.reach.allows(ip)) {
            return Err(OutboundError::NotAllowed);
        }
        let limit = request.limit();
        match tokio::time::timeout(limit, self.exchange(request)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(OutboundError::Timeout),
        }
    }

    async fn exchange(&self, request: Request) -> Result<Reply, OutboundError> {
        let cap = request.cap();
        let mut answer = self.http.execute(request.into_reqwest()).await.map_err(error::classify)?;
        let (status, headers) = (answer.status(), std::mem::take(answer.headers_mut()));
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(error::classify)? {
            if body.len() + chunk.len() > cap {
                return Err(OutboundError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply { status, headers, body })
    }
}

#[cfg(test)]
mod tests;
