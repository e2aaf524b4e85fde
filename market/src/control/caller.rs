//! Who asks: a requester's own key pair over HTTP Basic, access key id as the name and secret as the password.
//!
//! As with signed calls, an unknown key and a wrong secret are told apart: access key ids are no secret, and whoever
//! mixed up two pairs is helped by the difference.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use base64::{Engine, engine::general_purpose::STANDARD};
use kernel::secret;
use secrecy::{ExposeSecret, SecretString};

use super::problem::Problem;
use crate::Market;
use crate::engine::requesters;

/// A requester who has shown their key pair, whether they rehearse or not.
#[derive(Debug)]
pub(super) struct Requester {
    pub(super) requester_id: String,
}

/// A requester who has shown their key pair, and rehearses.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) requester_id: String,
}

impl FromRequestParts<Market> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, market: &Market) -> Result<Self, Problem> {
        let Requester { requester_id } = Requester::from_request_parts(parts, market).await?;
        let mut conn = market.pool().acquire().await?;
        if !requesters::rehearses(&mut conn, &requester_id).await? {
            return Err(not_a_rehearsal());
        }
        Ok(Self { requester_id })
    }
}

impl FromRequestParts<Market> for Requester {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, market: &Market) -> Result<Self, Problem> {
        let (access_key_id, given) = pair(&parts.headers).ok_or_else(nobody)?;
        let mut conn = market.pool().acquire().await?;
        let key = requesters::key(&mut conn, &access_key_id).await?.ok_or_else(unknown_key)?;
        let place = requesters::place(&access_key_id);
        let secret = market.keyring().open(&place, &key.secret).map_err(|error| {
            tracing::error!(%error, "A requester's key cannot be opened");
            Problem::broken()
        })?;
        if !secret::same(secret.expose_secret(), given.expose_secret()) {
            return Err(wrong_secret());
        }
        Ok(Self { requester_id: key.requester_id })
    }
}

/// Name and password of the Basic scheme.
fn pair(headers: &HeaderMap) -> Option<(String, SecretString)> {
    let (scheme, encoded) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let decoded = scheme.eq_ignore_ascii_case("basic").then(|| STANDARD.decode(encoded.trim()).ok())??;
    // No key has a NUL character in it, and Postgres could not look for one.
    let text = String::from_utf8(decoded).ok().filter(|text| !text.contains('\0'))?;
    let (name, password) = text.split_once(':')?;
    Some((name.to_owned(), password.to_owned().into()))
}

fn nobody() -> Problem {
    let detail = "Say who you are with HTTP Basic: the access key id as the name, the secret access key as the password.";
    Problem::new(StatusCode::UNAUTHORIZED, "not_authenticated", detail)
}

fn unknown_key() -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "unknown_key", "This marketplace does not know the access key id.")
}

fn wrong_secret() -> Problem {
    let detail = "The secret access key is not the one of this access key id.";
    Problem::new(StatusCode::UNAUTHORIZED, "wrong_secret", detail)
}

fn not_a_rehearsal() -> Problem {
    let detail = "This requester works with real people and real money: only a requester who rehearses may use the controls.";
    Problem::new(StatusCode::FORBIDDEN, "not_a_rehearsal", detail)
}
