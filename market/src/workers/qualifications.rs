//! What a worker has and can ask for, and what they say of themselves.

use askama::Template;
use axum::extract::{Form, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::pages::{Here, PageError, Shell, page};
use super::session::SignedIn;
use super::{Site, words};
use crate::clock::Whose;
use crate::engine::qualifications::grants::{self, Held};
use crate::engine::qualifications::requests::{self, AskError, Asked};
use crate::engine::qualifications::standing::{self, Profile};
use crate::engine::qualifications::types::{self, QualificationType, Search};
use crate::engine::qualifications::{APPROVAL_RATE, APPROVED};

/// Types on the page at most.
const SHOWN: i64 = 200;

#[derive(Template)]
#[template(path = "workers/qualifications.html")]
struct QualificationsPage {
    shell: Shell,
    said: Option<&'static str>,
    approved: i64,
    rate: i64,
    profile: Profile,
    held: Vec<Held>,
    offered: Vec<Offer>,
}

/// A type that can be asked for.
struct Offer {
    kind: QualificationType,
    /// The time for its test, if there is one.
    test: Option<String>,
}

impl From<QualificationType> for Offer {
    fn from(kind: QualificationType) -> Self {
        Self { test: kind.test_duration.map(words::duration), kind }
    }
}

/// The query: what was done just now.
#[derive(Debug, Deserialize)]
pub(super) struct Done {
    done: Option<String>,
}

pub(super) async fn show(
    State(site): State<Site>,
    SignedIn(worker): SignedIn,
    Query(query): Query<Done>,
) -> Result<Response, PageError> {
    let mut conn = site.market.pool().acquire().await?;
    let standing = standing::of_worker(&mut conn, site.market.settings(), Some(&worker.worker_id)).await?;
    let held = grants::of_worker(&mut conn, &worker.worker_id).await?;
    let search = Search { requestable: true, ..Search::default() };
    let mut offered = types::page(&mut conn, &search, 0, SHOWN).await?;
    offered.retain(|kind| held.iter().all(|held| held.qualification_type_id != kind.qualification_type_id));
    let value = |id: &str| standing.values.get(id).copied().unwrap_or_default();
    let shown = QualificationsPage {
        said: query.done.as_deref().and_then(said),
        approved: value(APPROVED),
        rate: value(APPROVAL_RATE),
        profile: standing::profile(&mut conn, &worker.worker_id).await?,
        shell: Shell::new(&site.links, Some(worker), Here::Qualifications),
        held,
        offered: offered.into_iter().map(Offer::from).collect(),
    };
    page(StatusCode::OK, &shown)
}

fn said(done: &str) -> Option<&'static str> {
    match done {
        "granted" => Some("You have the qualification now."),
        "waiting" => Some("You asked for the qualification. Its requester decides."),
        "saved" => Some("Saved."),
        _ => None,
    }
}

pub(super) async fn ask(
    State(site): State<Site>,
    SignedIn(worker): SignedIn,
    Path(id): Path<String>,
) -> Result<Response, PageError> {
    let (mut tx, now) = site.market.begin_of(Whose::QualificationType(&id)).await?;
    let asked = requests::ask(&mut tx, now, &worker.worker_id, &id).await?;
    tx.commit().await?;
    Ok(back(&site, if asked == Asked::Granted { "granted" } else { "waiting" }))
}

impl From<AskError> for PageError {
    fn from(error: AskError) -> Self {
        let status = match error {
            AskError::Database(cause) => return cause.into(),
            AskError::NotOffered => StatusCode::NOT_FOUND,
            AskError::NoTest | AskError::NotOpen => StatusCode::NOT_FOUND,
            AskError::TestFirst | AskError::TestOver => StatusCode::CONFLICT,
            AskError::AlreadyHeld | AskError::AlreadyAsked | AskError::OnlyOnce | AskError::TooSoon => {
                StatusCode::CONFLICT
            }
        };
        Self::Notice { status, title: "This did not work", text: error.to_string() }
    }
}

/// What workers say of themselves.
#[derive(Debug, Deserialize)]
pub(super) struct About {
    #[serde(default)]
    country: String,
    #[serde(default)]
    subdivision: String,
    adult: Option<String>,
}

pub(super) async fn about(
    State(site): State<Site>,
    SignedIn(worker): SignedIn,
    Form(form): Form<About>,
) -> Result<Response, PageError> {
    let (country, subdivision) = (letters(&form.country)?, letters(&form.subdivision)?);
    if country.is_none() && subdivision.is_some() {
        return Err(unfit("Tell the country, too."));
    }
    let mut tx = site.market.pool().begin().await?;
    let before = standing::profile(&mut tx, &worker.worker_id).await?;
    let profile = Profile { country, subdivision, adult: form.adult.is_some(), ..before };
    standing::set_profile(&mut tx, &worker.worker_id, &profile).await?;
    tx.commit().await?;
    Ok(back(&site, "saved"))
}

/// Two letters as capitals; nothing typed is nothing said.
fn letters(typed: &str) -> Result<Option<String>, PageError> {
    let code = typed.trim().to_ascii_uppercase();
    match code.len() {
        0 => Ok(None),
        2 if code.bytes().all(|b| b.is_ascii_uppercase()) => Ok(Some(code)),
        _ => Err(unfit("Write country and state as two letters each, like US and CA.")),
    }
}

fn unfit(text: &str) -> PageError {
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    PageError::Notice { status, title: "Not saved", text: text.into() }
}

/// The page again, saying what was done.
pub(super) fn back(site: &Site, done: &str) -> Response {
    Redirect::to(&site.links.to(&format!("/qualifications?done={done}"))).into_response()
}
