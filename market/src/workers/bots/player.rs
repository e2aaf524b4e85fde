//! Plays an oTree participant to the end over plain HTTP.
//!
//! oTree says what a page is by its headers: `oTree-Wait-Page` on wait pages,
//! `oTree-Redisplay-With-Errors` on a page that came back because an answer was
//! not accepted. The last page is the one without a button to go on, or the
//! notice that no more pages are left. What the pages do by script is not
//! played; a page that cannot be answered without it ends as an error.

use std::collections::HashMap;
use std::time::Duration;

use rand::rngs::StdRng;
use reqwest::StatusCode;
use scraper::Html;
use tokio::time::Instant;
use url::Url;

use super::answers::{Answers, Refusal};
use super::browser::{BrowseError, Browser, Page};
use super::forms::{self, Form, css};

/// Pages played before an experiment counts as endless.
const MOST_PAGES: usize = 1000;
/// Attempts at one page before its answers count as impossible.
const MOST_TRIES: usize = 40;

/// How a participant plays.
#[derive(Debug)]
pub struct Manner {
    /// Where answers are drawn from; the same seed gives the same answers to the same pages.
    pub rng: StdRng,
    /// Longest stay on one wait page.
    pub wait_limit: Duration,
    /// Time between two looks at a wait page.
    pub look_every: Duration,
    /// Answers for fields with these names.
    pub known: HashMap<String, String>,
}

/// A participant who came to the end.
#[derive(Debug)]
pub struct Played {
    /// oTree's code of the participant.
    pub participant_code: String,
    /// Pages answered.
    pub answered: usize,
    /// The last page.
    pub end: Page,
}

/// Why a participant did not come to the end. Pages are named by their path.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// A page did not load.
    #[error(transparent)]
    Browse(#[from] BrowseError),
    /// oTree answered with an error page.
    #[error("{path} answered with {status}: {says}")]
    Broken {
        /// The page.
        path: String,
        /// Its status.
        status: StatusCode,
        /// The beginning of its text.
        says: String,
    },
    /// The address is not a participant's page.
    #[error("{0} is not a page of an oTree participant")]
    NotOtree(String),
    /// The page asks for what a bot cannot give.
    #[error("{path} cannot be filled: {why}")]
    Unfillable {
        /// The page.
        path: String,
        /// What is asked.
        why: String,
    },
    /// Every attempt was refused.
    #[error("{path} refused {tries} attempts; it says: {complaint}")]
    Refused {
        /// The page.
        path: String,
        /// Attempts made.
        tries: usize,
        /// The page's own words.
        complaint: String,
    },
    /// A wait page that did not move.
    #[error("{path} did not move for {seconds} s")]
    Stuck {
        /// The page.
        path: String,
        /// The longest wait, in seconds.
        seconds: u64,
    },
    /// More pages than any experiment has.
    #[error("the experiment did not end after {0} pages")]
    Endless(usize),
}

impl PlayError {
    /// The page that could not be filled or did not work.
    pub fn page(&self) -> Option<&str> {
        match self {
            Self::Broken { path, .. }
            | Self::Unfillable { path, .. }
            | Self::Refused { path, .. }
            | Self::Stuck { path, .. } => Some(path),
            Self::Browse(_) | Self::NotOtree(_) | Self::Endless(_) => None,
        }
    }
}

/// What a page wants.
#[derive(Debug, PartialEq)]
pub enum Stage {
    /// Waiting for others.
    Wait,
    /// Nothing to press; a script sends the page when this time is over.
    Timer(Duration),
    /// A form to answer.
    Ask(Form),
    /// The end.
    Last,
}

/// Opens `start` (a start link, a join link or a page) and plays to the end.
///
/// # Errors
/// [`PlayError`], naming the page.
pub async fn play(browser: &mut Browser, start: &Url, manner: &mut Manner) -> Result<Played, PlayError> {
    let page = browser.get(start).await?;
    play_on(browser, page, manner).await
}

/// Plays on from a page that is already open.
///
/// # Errors
/// As [`play`].
pub async fn play_on(
    browser: &mut Browser,
    mut page: Page,
    manner: &mut Manner,
) -> Result<Played, PlayError> {
    sound(&page)?;
    let code = participant_code(&page.url).ok_or_else(|| PlayError::NotOtree(path(&page)))?;
    for answered in 0..MOST_PAGES {
        page = passed_waiting(browser, page, manner).await?;
        let Stage::Ask(form) = stage(&page) else {
            return Ok(Played { participant_code: code, answered, end: page });
        };
        page = answer(browser, page, form, manner).await?;
    }
    Err(PlayError::Endless(MOST_PAGES))
}

/// What this page wants.
pub fn stage(page: &Page) -> Stage {
    if page.headers.contains_key("otree-wait-page") {
        return Stage::Wait;
    }
    if participant_code(&page.url).is_none() || out_of_pages(&page.url) {
        return Stage::Last;
    }
    let html = Html::parse_document(&page.body);
    let asks = |form: &Form| !form.buttons.is_empty();
    match forms::forms(&html).into_iter().find(asks) {
        Some(form) => Stage::Ask(form),
        None => timer(&page.body).map_or(Stage::Last, Stage::Timer),
    }
}

/// The time left on a page with a timeout, as its script has it in seconds.
fn timer(body: &str) -> Option<Duration> {
    let (_, after) = body.split_once("remainingTimeoutSeconds = ")?;
    let seconds: f64 = after.split(';').next()?.trim().parse().ok()?;
    Duration::try_from_secs_f64(seconds.max(0.0)).ok()
}

/// oTree's participant code in an address: `/p/<code>/…`, `/InitializeParticipant/<code>` or the final notice.
pub fn participant_code(url: &Url) -> Option<String> {
    let parts: Vec<&str> = url.path_segments()?.filter(|part| !part.is_empty()).collect();
    let at = parts
        .iter()
        .position(|part| matches!(*part, "p" | "InitializeParticipant" | "OutOfRangeNotification"))?;
    let code = parts.get(at + 1)?;
    code.chars().all(|c| c.is_ascii_alphanumeric()).then(|| (*code).to_owned())
}

fn out_of_pages(url: &Url) -> bool {
    url.path().contains("/OutOfRangeNotification/")
}

/// Where the last page sends people: its exit link, or an address of `back_to`'s origin in a link or in `js_vars`.
pub fn exit(end: &Page, back_to: &Url) -> Option<Url> {
    let html = Html::parse_document(&end.body);
    let ours = |url: &Url| url.origin() == back_to.origin() && url != &end.url;
    let named = links(end, &html, "a#exit-link[href], a.exit-link[href]").into_iter().next();
    named
        .or_else(|| links(end, &html, "a[href]").into_iter().find(ours))
        .or_else(|| js_vars(&html).into_iter().filter_map(|text| text.parse().ok()).find(ours))
}

fn links(page: &Page, html: &Html, selector: &'static str) -> Vec<Url> {
    html.select(&css(selector)).filter_map(|a| page.link(a.attr("href")?)).collect()
}

/// The texts among the values that oTree hands to the page's script.
fn js_vars(html: &Html) -> Vec<String> {
    let selector = css("script");
    let vars = html.select(&selector).find_map(|script| {
        let script: String = script.text().collect();
        let (_, after) = script.split_once("var js_vars =")?;
        serde_json::Deserializer::from_str(after)
            .into_iter::<serde_json::Map<String, serde_json::Value>>()
            .next()?
            .ok()
    });
    vars.into_iter().flatten().filter_map(|(_, value)| value.as_str().map(str::to_owned)).collect()
}

/// Stays on a wait page, or on a page that a timer sends, until it moves.
async fn passed_waiting(browser: &mut Browser, mut page: Page, manner: &Manner) -> Result<Page, PlayError> {
    let since = Instant::now();
    loop {
        let pause = match stage(&page) {
            Stage::Wait => manner.look_every,
            Stage::Timer(left) => left + manner.look_every,
            Stage::Ask(_) | Stage::Last => return Ok(page),
        };
        if since.elapsed() + pause > manner.wait_limit {
            return Err(PlayError::Stuck { path: path(&page), seconds: manner.wait_limit.as_secs() });
        }
        tokio::time::sleep(pause).await;
        page = match stage(&page) {
            Stage::Timer(_) => browser.post(&page.url, &[("timeout_happened".into(), "1".into())]).await?,
            _ => browser.get(&page.url).await?,
        };
        sound(&page)?;
    }
}

/// Answers one page until oTree accepts the answers.
async fn answer(
    browser: &mut Browser,
    page: Page,
    form: Form,
    manner: &mut Manner,
) -> Result<Page, PlayError> {
    let mut answers = Answers::new(&mut manner.rng, &manner.known);
    let mut refusal = None;
    for _ in 0..MOST_TRIES {
        let filled = answers
            .fill(&form, refusal.as_ref())
            .map_err(|why| PlayError::Unfillable { path: path(&page), why })?;
        let next = browser.post(&target(&page, &form)?, &filled).await?;
        sound(&next)?;
        if !next.headers.contains_key("otree-redisplay-with-errors") {
            return moved(&page, next);
        }
        let (fields, complaint) = forms::refused(&Html::parse_document(&next.body));
        refusal = Some(Refusal { fields, complaint });
    }
    let complaint = refusal.unwrap_or_default().complaint;
    Err(PlayError::Refused { path: path(&page), tries: MOST_TRIES, complaint })
}

/// Accepted answers lead to another page; the same page without a complaint wants a script (trials, for example).
fn moved(before: &Page, next: Page) -> Result<Page, PlayError> {
    if next.url == before.url && matches!(stage(&next), Stage::Ask(_)) {
        let why = "it comes back without a complaint; it may need a script".into();
        return Err(PlayError::Unfillable { path: path(before), why });
    }
    Ok(next)
}

fn target(page: &Page, form: &Form) -> Result<Url, PlayError> {
    let Some(action) = &form.action else { return Ok(page.url.clone()) };
    let why = || PlayError::Unfillable { path: path(page), why: "its form is sent by a script".into() };
    page.link(action).ok_or_else(why)
}

fn sound(page: &Page) -> Result<(), PlayError> {
    if page.status.is_success() {
        return Ok(());
    }
    let text: String = Html::parse_document(&page.body).root_element().text().collect();
    let says = text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(120).collect();
    Err(PlayError::Broken { path: path(page), status: page.status, says })
}

fn path(page: &Page) -> String {
    page.url.path().to_owned()
}

#[cfg(test)]
mod tests;
