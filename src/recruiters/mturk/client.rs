//! The AWS client of one account: pinned behaviour, bounded time, its own retry budget.

use std::time::Duration;

use aws_sdk_mturk::Client;
use aws_sdk_mturk::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_mturk::config::retry::{RetryConfig, RetryPartition};
use aws_sdk_mturk::config::timeout::TimeoutConfig;
use aws_sdk_mturk::config::{
    BehaviorVersion, ConfigBag, Credentials, Intercept, Region, RuntimeComponents, SharedHttpClient,
};
use aws_sdk_mturk::error::BoxError;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::dns::{DnsFuture, ResolveDns, ResolveDnsError};
use kernel::outbound::Outbound;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::limits::Pace;

/// Questions may be asked this often before the SDK gives up.
const ATTEMPTS: u32 = 3;
const ATTEMPT: Duration = Duration::from_secs(8);
const OPERATION: Duration = Duration::from_secs(30);
/// The SDK's own first pause before a repeat, at most.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// However great the hurry, an answer gets this long.
const LEAST: Duration = Duration::from_secs(1);
/// The protocol's only region.
const REGION: &str = "us-east-1";

/// Whose account, and where.
#[derive(Debug, Clone)]
pub struct Account {
    /// Keeps the retries of one account apart from another's: the connection's id.
    pub name: String,
    /// The requester API's address.
    pub endpoint: Url,
    /// The public half of the key pair.
    pub access_key_id: String,
    /// The secret half.
    pub secret: SecretString,
    /// How fast it may be called.
    pub pace: Pace,
    /// How many times as fast as usual to give up and to try again; 1 wherever time runs as it should.
    pub hurry: f64,
}

/// The connections that all accounts share; TLS by ring, no redirects.
pub fn http_client() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .pool_idle_timeout(Duration::from_secs(30))
        .build_https()
}

/// The same for servers that users chose: connects only to addresses that `outbound` allows.
pub fn checked_http_client(outbound: Outbound) -> SharedHttpClient {
    aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .pool_idle_timeout(Duration::from_secs(30))
        .build_with_resolver(Checked(outbound))
}

/// Finds only addresses within reach; there is no second look-up that could find others.
#[derive(Debug, Clone)]
struct Checked(Outbound);

impl ResolveDns for Checked {
    fn resolve_dns<'a>(&'a self, name: &'a str) -> DnsFuture<'a> {
        DnsFuture::new(async move { self.0.addresses(name).await.map_err(ResolveDnsError::new) })
    }
}

/// The client for questions and for what may safely be repeated, and the one for money, which the
/// SDK must never repeat by itself: a dropped answer may hide a payment that went through.
pub(super) fn clients(account: &Account, http: SharedHttpClient) -> (Client, Client) {
    let build = |retries| Client::from_conf(config(account, http.clone(), retries));
    let retries = RetryConfig::standard().with_max_attempts(ATTEMPTS);
    let retries = retries.with_initial_backoff(FIRST_PAUSE.div_f64(account.hurry));
    (build(retries), build(RetryConfig::disabled()))
}

fn config(account: &Account, http: SharedHttpClient, retries: RetryConfig) -> aws_sdk_mturk::Config {
    let secret = account.secret.expose_secret();
    let soon = |usual: Duration| usual.div_f64(account.hurry).max(LEAST);
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(soon(ATTEMPT))
        .operation_timeout(soon(OPERATION))
        .build();
    aws_sdk_mturk::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::from_static(REGION))
        .endpoint_url(account.endpoint.as_str().trim_end_matches('/'))
        .http_client(http)
        .retry_config(retries)
        .retry_partition(RetryPartition::new(account.name.clone()))
        .timeout_config(timeouts)
        .credentials_provider(Credentials::new(&account.access_key_id, secret, None, None, "connection"))
        .interceptor(OnlyJson)
        .build()
}

/// Several calls answer with nothing, so the SDK does not look at what a 200 brings: a proxy's page
/// would pass for a paid bonus. This looks.
#[derive(Debug)]
struct OnlyJson;

impl Intercept for OnlyJson {
    fn name(&self) -> &'static str {
        "OnlyJson"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        let body = response.body().bytes().unwrap_or_default();
        let readable = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(body).is_ok();
        if response.status().is_success() && !readable {
            return Err("the answer is not a JSON object".into());
        }
        Ok(())
    }
}
