//! What all pages share: the shell around them, and how trouble is shown.

use askama::Template;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};

use super::links::Links;
use super::{Site, statics};
use crate::engine::assignments::WorkError;
use crate::engine::workers::Worker;

/// Which entry of the navigation is the current page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Here {
    /// The list of HITs.
    Hits,
    /// The queue of accepted HITs.
    Queue,
    /// My work.
    Work,
    /// Earnings.
    Earnings,
    /// Qualifications.
    Qualifications,
    /// Inbox.
    Inbox,
    /// Account.
    Account,
    /// None of them.
    Elsewhere,
}

/// The frame of every page: links, style sheet, who is signed in.
#[derive(Debug, Clone)]
pub struct Shell {
    /// What every link begins with.
    pub base: String,
    /// The list of HITs.
    pub home: String,
    /// Changes when the style sheet or script does.
    pub version: &'static str,
    /// Who is signed in.
    pub worker: Option<Worker>,
    here: Here,
}

impl Shell {
    /// The shell of a page.
    pub fn new(links: &Links, worker: Option<Worker>, here: Here) -> Self {
        Self {
            base: links.base().to_owned(),
            home: links.home().to_owned(),
            version: statics::version(),
            worker,
            here,
        }
    }

    /// The `aria-current` value of a navigation entry.
    pub fn current(&self, entry: &str) -> &'static str {
        let here = match self.here {
            Here::Hits => "hits",
            Here::Queue => "queue",
            Here::Work => "work",
            Here::Earnings => "earnings",
            Here::Qualifications => "qualifications",
            Here::Inbox => "inbox",
            Here::Account => "account",
            Here::Elsewhere => "",
        };
        if here == entry { "page" } else { "false" }
    }
}

/// Why a page cannot be shown.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PageError {
    /// The page is for workers who are signed in; the group to come back to, if any.
    #[error("not signed in")]
    SignInFirst {
        /// Where the person wanted to go.
        group: Option<String>,
    },
    /// Something to tell the person in words.
    #[error("{title}: {text}")]
    Notice {
        /// The answer's status.
        status: StatusCode,
        /// The heading.
        title: &'static str,
        /// What to do now.
        text: String,
    },
    /// Our own trouble; the words go to the log only.
    #[error("{0}")]
    Broken(String),
}

impl PageError {
    /// Nothing is at this address.
    pub fn not_found(text: &str) -> Self {
        Self::Notice { status: StatusCode::NOT_FOUND, title: "Not found", text: text.to_owned() }
    }
}

impl From<sqlx::Error> for PageError {
    fn from(error: sqlx::Error) -> Self {
        Self::Broken(error.to_string())
    }
}

impl From<askama::Error> for PageError {
    fn from(error: askama::Error) -> Self {
        Self::Broken(error.to_string())
    }
}

impl From<super::password::HashError> for PageError {
    fn from(error: super::password::HashError) -> Self {
        Self::Broken(error.to_string())
    }
}

impl From<WorkError> for PageError {
    fn from(error: WorkError) -> Self {
        let status = match error {
            // What Postgres says without its details, which may name a worker.
            WorkError::Database(cause) => return Self::Broken(cause.to_string()),
            WorkError::Books(cause) => {
                return Self::Broken(format!("the requester's books do not fit: {cause}"));
            }
            WorkError::NothingLeft | WorkError::NotHeld => StatusCode::NOT_FOUND,
            WorkError::NotQualified(_) | WorkError::Blocked => StatusCode::FORBIDDEN,
            WorkError::NoAnswer | WorkError::OwnForm => StatusCode::BAD_REQUEST,
            WorkError::AlreadyHeld { .. }
            | WorkError::AlreadyDone
            | WorkError::GaveUp
            | WorkError::TooLate => StatusCode::CONFLICT,
        };
        Self::Notice { status, title: "This did not work", text: error.to_string() }
    }
}

impl IntoResponse for PageError {
    /// Leaves the page to [`finish`], which knows the links.
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// A page of this site, with a status.
///
/// # Errors
/// When the template fails.
pub fn page(status: StatusCode, template: &impl Template) -> Result<Response, PageError> {
    Ok((status, Html(template.render()?)).into_response())
}

#[derive(Template)]
#[template(path = "workers/notice.html")]
struct NoticePage<'a> {
    shell: Shell,
    title: &'a str,
    text: &'a str,
}

/// The longest form that is read.
const LONGEST_FORM: usize = 2 * 1024 * 1024;

/// Refuses addresses and forms that have a NUL character in them: no text here can hold one.
pub(super) async fn without_nul(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    if has_nul(&parts.uri) {
        return nul().into_response();
    }
    let Ok(body) = axum::body::to_bytes(body, LONGEST_FORM).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    if body.windows(3).any(|part| part == b"%00") || body.contains(&0) {
        return nul().into_response();
    }
    next.run(Request::from_parts(parts, body.into())).await
}

/// The same for addresses only: the handler drops such characters from what was typed.
pub(super) async fn address_without_nul(request: Request, next: Next) -> Response {
    if has_nul(request.uri()) { nul().into_response() } else { next.run(request).await }
}

fn has_nul(address: &Uri) -> bool {
    address.path_and_query().is_some_and(|asked| asked.as_str().contains("%00"))
}

fn nul() -> PageError {
    let text = "What was sent has a character in it that cannot be stored (NUL). Take it out and try again.";
    PageError::Notice { status: StatusCode::BAD_REQUEST, title: "Not accepted", text: text.into() }
}

/// What to say where a request was refused before a page of ours saw it.
fn in_words(status: StatusCode) -> Option<PageError> {
    let (title, text) = match status {
        StatusCode::METHOD_NOT_ALLOWED => (
            "Not here",
            "This address is not opened in that way. Go back and use the buttons and links of the page.",
        ),
        StatusCode::PAYLOAD_TOO_LARGE => ("Too much", "What was sent is larger than this site takes."),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => (
            "Not understood",
            "What was sent is not a form of this site. Go back and use the form of the page.",
        ),
        status if status.is_client_error() => (
            "Not understood",
            "Something in this address or form is not what this page expects. Go back and try again.",
        ),
        _ => return None,
    };
    Some(PageError::Notice { status, title, text: text.into() })
}

/// The refusal of an extractor or a route, which says it in bare text for programmers, or not at all.
fn bare(response: &Response) -> Option<PageError> {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if kind.is_none_or(|kind| kind.starts_with("text/plain")) { in_words(response.status()) } else { None }
}

/// Turns errors into pages and adds the headers that every page of the site has.
pub(super) async fn finish(State(site): State<Site>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if let Some(error) = response.extensions_mut().remove::<PageError>().or_else(|| bare(&response)) {
        response = shown(&site, error);
    }
    let headers = response.headers_mut();
    let defaults = [
        (header::CONTENT_SECURITY_POLICY, site.policy.clone()),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    for (name, value) in defaults {
        headers.entry(name).or_insert(value);
    }
    response
}

/// The same for the frame's own origin, which has no pages of ours: trouble is told in plain text.
pub(super) async fn finish_plainly(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    match response.extensions_mut().remove::<PageError>() {
        None => response,
        Some(PageError::Notice { status, text, .. }) => (status, text).into_response(),
        Some(error) => {
            tracing::error!(error = %error, "A page of the frame's origin failed");
            (StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong on our side.").into_response()
        }
    }
}

fn shown(site: &Site, error: PageError) -> Response {
    match error {
        PageError::SignInFirst { group } => {
            let query = group.map(|group| format!("?group={group}")).unwrap_or_default();
            Redirect::to(&site.links.to(&format!("/sign-in{query}"))).into_response()
        }
        PageError::Notice { status, title, text } => notice(site, status, title, &text),
        PageError::Broken(error) => {
            tracing::error!(error, "A page of the worker site failed");
            let text =
                "Something went wrong on our side. What you did may not have been saved; please try again.";
            notice(site, StatusCode::INTERNAL_SERVER_ERROR, "Sorry", text)
        }
    }
}

fn notice(site: &Site, status: StatusCode, title: &str, text: &str) -> Response {
    let shell = Shell::new(&site.links, None, Here::Elsewhere);
    match (NoticePage { shell, title, text }).render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(_) => (status, text.to_owned()).into_response(),
    }
}

/// The policy of the site's own pages. Frames may show any https page, because a question's page may
/// redirect; a site that is itself plain http (a rehearsal) also shows plain http.
pub(super) fn policy(links: &Links) -> HeaderValue {
    HeaderValue::from_static(if links.secure() {
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; frame-src 'self' https:; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    } else {
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; frame-src 'self' https: http:; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    })
}
