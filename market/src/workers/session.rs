//! Who is signed in: a cookie with a random token, and extractors that ask for it.

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::request::Parts;
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use chrono::Duration;
use kernel::secret;
use sqlx::PgConnection;

use super::pages::PageError;
use super::{Site, store};
use crate::engine::workers::Worker;

const COOKIE: &str = "market_worker";
/// How long a browser stays signed in.
const LASTS: Duration = Duration::days(30);

/// The worker who is signed in. As an extractor it sends others to the sign-in page.
#[derive(Debug, Clone)]
pub struct SignedIn(pub Worker);

impl FromRequestParts<Site> for SignedIn {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, site: &Site) -> Result<Self, PageError> {
        let worker = current(parts, site).await?;
        worker.map(Self).ok_or_else(|| PageError::SignInFirst { group: group_of(parts.uri.path()) })
    }
}

impl OptionalFromRequestParts<Site> for SignedIn {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, site: &Site) -> Result<Option<Self>, PageError> {
        Ok(current(parts, site).await?.map(Self))
    }
}

/// Signs the worker in: a new session, and the cookie that carries it.
///
/// # Errors
/// When Postgres fails.
pub async fn open(conn: &mut PgConnection, site: &Site, worker_id: &str) -> sqlx::Result<CookieJar> {
    let (token, now) = (secret::token(), site.market.real_now());
    store::open_session(conn, &secret::token_hash(&token), worker_id, now, now + LASTS).await?;
    let mut cookie = cookie(site, token);
    cookie.set_max_age(time::Duration::seconds(LASTS.num_seconds()));
    Ok(CookieJar::new().add(cookie))
}

/// Signs the browser out.
///
/// # Errors
/// When Postgres fails.
pub async fn close(conn: &mut PgConnection, site: &Site, jar: CookieJar) -> sqlx::Result<CookieJar> {
    if let Some(cookie) = jar.get(COOKIE) {
        store::close_session(conn, &secret::token_hash(cookie.value())).await?;
    }
    Ok(jar.remove(cookie(site, String::new())))
}

async fn current(parts: &Parts, site: &Site) -> Result<Option<Worker>, PageError> {
    let jar = CookieJar::from_headers(&parts.headers);
    let Some(cookie) = jar.get(COOKIE) else { return Ok(None) };
    let mut conn = site.market.pool().acquire().await?;
    let token_hash = secret::token_hash(cookie.value());
    Ok(store::session_worker(&mut conn, &token_hash, site.market.real_now()).await?)
}

/// Lax: sent when somebody comes by a link, not with what a requester's frame posts.
fn cookie(site: &Site, token: String) -> Cookie<'static> {
    Cookie::build((COOKIE, token))
        .path(site.links.cookie_path().to_owned())
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(site.links.secure())
        .build()
}

/// The group whose page was asked for, to come back to after signing in.
fn group_of(path: &str) -> Option<String> {
    let (_, rest) = path.split_once("/groups/")?;
    rest.split('/').next().map(str::to_owned)
}
