//! Sign up, sign in, sign out, and the account page.

use askama::Template;
use axum::extract::{Form, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::cookie::CookieJar;
use chrono::Duration;
use kernel::secret;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::pages::{Here, PageError, Shell, page};
use super::session::{self, SignedIn};
use super::{Site, password, store, words};
use crate::engine::workers::{self, Worker};

/// Failed sign-ins with one name before it has to rest.
const MOST_FAILURES: i64 = 10;
/// How long they count.
const FAILURES_COUNT_FOR: Duration = Duration::minutes(15);

/// A sign-up or sign-in form.
#[derive(Debug, Deserialize)]
pub(super) struct Credentials {
    #[serde(default)]
    name: String,
    #[serde(default, deserialize_with = "password::typed")]
    password: SecretString,
    group: Option<String>,
}

/// Where to go after signing in.
#[derive(Debug, Deserialize)]
pub(super) struct Back {
    group: Option<String>,
}

/// What the two forms show.
#[derive(Debug, Default)]
struct Filled {
    name: String,
    group: Option<String>,
    name_error: Option<&'static str>,
    password_error: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "workers/sign_up.html")]
struct SignUpPage {
    shell: Shell,
    filled: Filled,
}

#[derive(Template)]
#[template(path = "workers/sign_in.html")]
struct SignInPage {
    shell: Shell,
    filled: Filled,
}

#[derive(Template)]
#[template(path = "workers/account.html")]
struct AccountPage {
    shell: Shell,
    worker: Worker,
    since: String,
    changed: bool,
    current_error: Option<&'static str>,
    new_error: Option<&'static str>,
}

pub(super) async fn sign_up_page(
    State(site): State<Site>,
    signed_in: Option<SignedIn>,
    Query(back): Query<Back>,
) -> Result<Response, PageError> {
    if signed_in.is_some() {
        return Ok(onward(&site, back.group.as_deref()).into_response());
    }
    let filled = Filled { group: known_group(back.group), ..Filled::default() };
    page(StatusCode::OK, &SignUpPage { shell: shell(&site), filled })
}

pub(super) async fn sign_up(
    State(site): State<Site>,
    Form(given): Form<Credentials>,
) -> Result<Response, PageError> {
    let name = tidy(&given.name);
    let name_error = wrong_name(&name);
    let password_error = wrong_password(&given.password);
    let again = |name_error| {
        let filled = Filled {
            name: name.clone(),
            group: known_group(given.group.clone()),
            name_error,
            password_error,
        };
        page(StatusCode::UNPROCESSABLE_ENTITY, &SignUpPage { shell: shell(&site), filled })
    };
    if name_error.is_some() || password_error.is_some() {
        return again(name_error);
    }
    let hash = password::hash(given.password).await?;
    let (mut tx, now) = site.market.begin().await?;
    let Some(worker) = workers::create(&mut tx, now, &name, &hash).await? else {
        return again(Some("Somebody has this name already. Choose another one."));
    };
    let jar = session::open(&mut tx, &site, &worker.worker_id).await?;
    tx.commit().await?;
    Ok((jar, onward(&site, given.group.as_deref())).into_response())
}

pub(super) async fn sign_in_page(
    State(site): State<Site>,
    signed_in: Option<SignedIn>,
    Query(back): Query<Back>,
) -> Result<Response, PageError> {
    if signed_in.is_some() {
        return Ok(onward(&site, back.group.as_deref()).into_response());
    }
    let filled = Filled { group: known_group(back.group), ..Filled::default() };
    page(StatusCode::OK, &SignInPage { shell: shell(&site), filled })
}

pub(super) async fn sign_in(
    State(site): State<Site>,
    Form(given): Form<Credentials>,
) -> Result<Response, PageError> {
    let name = tidy(&given.name);
    let name_hash = secret::token_hash(&name.to_lowercase());
    let now = site.market.real_now();
    let again = |status, why| {
        let filled = Filled {
            name: name.clone(),
            group: known_group(given.group.clone()),
            password_error: Some(why),
            ..Filled::default()
        };
        page(status, &SignInPage { shell: shell(&site), filled })
    };
    let mut tx = site.market.pool().begin().await?;
    let counted =
        store::note_attempt(&mut tx, &name_hash, now, now - FAILURES_COUNT_FOR, MOST_FAILURES).await?;
    if !counted {
        return again(
            StatusCode::TOO_MANY_REQUESTS,
            "Too many attempts with this name. Try again in fifteen minutes.",
        );
    }
    let worker = called(&mut tx, &name).await?;
    tx.commit().await?;
    let stored = worker.as_ref().map(|worker| worker.password_hash.clone());
    let right = password::verify(given.password, stored).await?;
    let Some(worker) = worker.filter(|_| right) else {
        return again(StatusCode::UNPROCESSABLE_ENTITY, "Name and password do not fit together.");
    };
    let mut tx = site.market.pool().begin().await?;
    store::take_back(&mut tx, &name_hash, now).await?;
    let jar = session::open(&mut tx, &site, &worker.worker_id).await?;
    tx.commit().await?;
    Ok((jar, onward(&site, given.group.as_deref())).into_response())
}

pub(super) async fn sign_out(State(site): State<Site>, jar: CookieJar) -> Result<Response, PageError> {
    let mut conn = site.market.pool().acquire().await?;
    let jar = session::close(&mut conn, &site, jar).await?;
    Ok((jar, onward(&site, None)).into_response())
}

/// The query of the account page.
#[derive(Debug, Deserialize)]
pub(super) struct Changed {
    changed: Option<String>,
}

pub(super) async fn account(
    State(site): State<Site>,
    SignedIn(worker): SignedIn,
    Query(query): Query<Changed>,
) -> Result<Response, PageError> {
    let mut shown = account_page(&site, worker);
    shown.changed = query.changed.is_some();
    page(StatusCode::OK, &shown)
}

/// The form that changes the password.
#[derive(Debug, Deserialize)]
pub(super) struct NewPassword {
    #[serde(default, deserialize_with = "password::typed")]
    current: SecretString,
    #[serde(default, deserialize_with = "password::typed")]
    new: SecretString,
}

pub(super) async fn change_password(
    State(site): State<Site>,
    SignedIn(worker): SignedIn,
    Form(given): Form<NewPassword>,
) -> Result<Response, PageError> {
    let new_error = wrong_password(&given.new);
    let right = password::verify(given.current, Some(worker.password_hash.clone())).await?;
    if !right || new_error.is_some() {
        let current_error = (!right).then_some("This is not your present password.");
        let shown = AccountPage { current_error, new_error, ..account_page(&site, worker) };
        return page(StatusCode::UNPROCESSABLE_ENTITY, &shown);
    }
    let hash = password::hash(given.new).await?;
    let mut tx = site.market.pool().begin().await?;
    store::change_password(&mut tx, &worker.worker_id, &hash).await?;
    let jar = session::open(&mut tx, &site, &worker.worker_id).await?;
    tx.commit().await?;
    Ok((jar, Redirect::to(&site.links.to("/account?changed=yes"))).into_response())
}

fn account_page(site: &Site, worker: Worker) -> AccountPage {
    AccountPage {
        shell: Shell::new(&site.links, Some(worker.clone()), Here::Account),
        since: words::time(&worker.created_at),
        worker,
        changed: false,
        current_error: None,
        new_error: None,
    }
}

/// People sign in by name, or by worker id if that is what they remember.
async fn called(conn: &mut sqlx::PgConnection, name: &str) -> sqlx::Result<Option<Worker>> {
    match workers::by_name(&mut *conn, name).await? {
        Some(worker) => Ok(Some(worker)),
        None => workers::find(conn, &name.to_uppercase()).await,
    }
}

/// One blank between the parts of a name, and none around it, however it was typed.
fn tidy(name: &str) -> String {
    name.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn wrong_name(name: &str) -> Option<&'static str> {
    let length = name.chars().count();
    if !(2..=60).contains(&length) {
        return Some("Choose a name of 2 to 60 characters.");
    }
    name.chars().any(char::is_control).then_some("The name has characters that cannot be shown.")
}

fn wrong_password(password: &SecretString) -> Option<&'static str> {
    let length = password.expose_secret().chars().count();
    (!(10..=200).contains(&length)).then_some("Choose a password of at least 10 characters.")
}

fn shell(site: &Site) -> Shell {
    Shell::new(&site.links, None, Here::Elsewhere)
}

/// Back to the group the person wanted, or to the list.
fn onward(site: &Site, group: Option<&str>) -> Redirect {
    match group.map(str::to_owned).and_then(|group| known_group(Some(group))) {
        Some(group) => Redirect::to(&site.links.to(&format!("/groups/{group}"))),
        None => Redirect::to(site.links.home()),
    }
}

/// A group's id and nothing else, so that no form can send people elsewhere.
fn known_group(group: Option<String>) -> Option<String> {
    let fits = |group: &String| {
        !group.is_empty() && group.len() <= 64 && group.chars().all(|c| c.is_ascii_alphanumeric())
    };
    group.filter(fits)
}
