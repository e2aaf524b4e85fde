//! What a worker has and can ask for, and what they say of themselves.

use askama::Template;
use axum::extract::{Form, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use sqlx::PgConnection;

use super::pages::{Here, PageError, Shell, page};
use super::session::SignedIn;
use super::{Site, words};
use crate::clock::Whose;
use crate::engine::qualifications::grants::{self, Held};
use crate::engine::qualifications::requests::{self, AskError, Asked};
use crate::engine::qualifications::requirements::Standing;
use crate::engine::qualifications::standing::{self, Profile};
use crate::engine::qualifications::types::{self, QualificationType, Search};
use crate::engine::qualifications::{APPROVAL_RATE, APPROVED};

/// Types that can be asked for on one page.
const SHOWN: i64 = 20;

#[derive(Template)]
#[template(path = "workers/qualifications.html")]
struct QualificationsPage {
    shell: Shell,
    said: Option<&'static str>,
    paid: Record,
    practice: Record,
    profile: Profile,
    held: Vec<Held>,
    offered: Vec<Offer>,
    look: Look,
    /// Where the next page of what can be asked for begins.
    next: Option<i64>,
}

impl QualificationsPage {
    /// The query of the next page.
    fn next_query(&self) -> Option<String> {
        let after = self.next?.to_string();
        serde_urlencoded::to_string([("words", self.look.words.as_str()), ("after", &after)]).ok()
    }
}

/// What the market's own types say of a worker.
struct Record {
    approved: i64,
    rate: i64,
}

impl Record {
    fn of(standing: &Standing) -> Self {
        let value = |id: &str| standing.values.get(id).copied().unwrap_or_default();
        Self { approved: value(APPROVED), rate: value(APPROVAL_RATE) }
    }
}

/// A type that can be asked for.
struct Offer {
    kind: QualificationType,
    /// The time for its test, if there is one.
    test: Option<String>,
    /// Whether it was asked for, and its requester has not decided.
    waiting: bool,
}

impl Offer {
    fn new(kind: QualificationType, waiting: &[String]) -> Self {
        let waiting = waiting.contains(&kind.qualification_type_id);
        Self { test: kind.test_duration.map(words::duration), waiting, kind }
    }
}

/// The query: what was done just now, and what is looked for.
#[derive(Debug, Deserialize)]
pub(super) struct Look {
    done: Option<String>,
    /// Words that a type must contain, all of them.
    #[serde(default)]
    words: String,
    /// One type only.
    #[serde(rename = "type")]
    id: Option<String>,
    /// Where this page of types begins.
    after: Option<i64>,
}

impl Look {
    /// Whether the page shows less than all.
    fn narrows(&self) -> bool {
        self.id.is_some() || self.after.is_some() || !self.words.trim().is_empty()
    }

    /// The types that the worker can ask for, and where the next page begins.
    async fn offered(
        &self,
        conn: &mut PgConnection,
        worker_id: &str,
    ) -> sqlx::Result<(Vec<QualificationType>, Option<i64>)> {
        let words: Vec<String> = self.words.split_whitespace().map(str::to_owned).collect();
        let ids = self.id.clone().map(|id| [id]);
        let search = Search {
            requestable: true,
            words: &words,
            ids: ids.as_ref().map(<[String; 1]>::as_slice),
            not_held_by: Some(worker_id),
            ..Search::default()
        };
        let mut found = types::page(conn, &search, self.after.unwrap_or_default(), SHOWN + 1).await?;
        let more = i64::try_from(found.len()).is_ok_and(|found| found > SHOWN);
        if more {
            found.pop();
        }
        let last = found.last().filter(|_| more).map(|kind| kind.seq);
        Ok((found, last))
    }
}

pub(super) async fn show(
    State(site): State<Site>,
    SignedIn(worker): SignedIn,
    Query(look): Query<Look>,
) -> Result<Response, PageError> {
    let mut conn = site.market.pool().acquire().await?;
    let standings = standing::of_worker(&mut conn, site.market.settings(), Some(&worker.worker_id)).await?;
    let held = grants::of_worker(&mut conn, &worker.worker_id).await?;
    let (offered, next) = look.offered(&mut conn, &worker.worker_id).await?;
    let waiting = requests::waiting_of(&mut conn, &worker.worker_id).await?;
    let shown = QualificationsPage {
        said: look.done.as_deref().and_then(said),
        paid: Record::of(standings.for_hits(false)),
        practice: Record::of(standings.for_hits(true)),
        profile: standing::profile(&mut conn, &worker.worker_id).await?,
        shell: Shell::new(&site.links, Some(worker), Here::Qualifications),
        held,
        offered: offered.into_iter().map(|kind| Offer::new(kind, &waiting)).collect(),
        look,
        next,
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
