//! Headers of pages that stand in a recruiter's frame.

use axum::http::{HeaderValue, header};
use axum::response::Response;

use crate::app::App;
use crate::connections::{self, ConnectionId};

/// Lets the connection's worker site frame the page and take its form; everybody else, not.
///
/// # Errors
/// When the database does not answer.
pub async fn allow(app: &App, connection: ConnectionId, mut response: Response) -> anyhow::Result<Response> {
    let place = connections::place(app, connection).await?;
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
         base-uri 'none'; form-action 'self' {}; frame-ancestors 'self' {}",
        origins(&place.submit_sites),
        origins(&place.frame_ancestors),
    );
    let value = HeaderValue::from_str(&policy)?;
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, value);
    // The address holds a signed link: it stays here.
    response.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    Ok(response)
}

/// Lets anybody frame a page without a form or a secret, when nobody can be asked who may.
pub fn anywhere(mut response: Response) -> Response {
    let policy = "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; \
                  frame-ancestors https: http:";
    let value = HeaderValue::from_static(policy);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, value);
    response.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// Addresses as sources of a policy: paths would not survive a redirect, so origins only.
fn origins(addresses: &[String]) -> String {
    let origins: Vec<String> = addresses
        .iter()
        .filter_map(|address| url::Url::parse(address).ok())
        .map(|url| url.origin().ascii_serialization())
        .collect();
    origins.join(" ")
}
