//! A very small browser: it keeps cookies, follows redirects and sends forms. It runs no script.

use std::collections::HashMap;
use std::time::Duration;

use kernel::outbound::Outbound;
use reqwest::header::{CONTENT_TYPE, COOKIE, HeaderMap, LOCATION, SET_COOKIE};
use reqwest::{Method, StatusCode};
use url::Url;

/// Redirects followed before an address counts as a loop.
const MOST_HOPS: usize = 15;
/// Longest wait for one answer; oTree stands still while it creates a session.
const PATIENCE: Duration = Duration::from_secs(60);
/// Largest page that is read, in bytes.
const LARGEST_PAGE: usize = 8 << 20;

/// How they name themselves: as people at work, since a study gives no seat to a program that only looks at links.
const NAME: &str = "simulated-worker";

/// Why a page could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum BrowseError {
    /// No connection, no answer in time, or an answer cut short.
    #[error("{url} did not answer: {why}")]
    NoAnswer {
        /// The address asked, without its query.
        url: String,
        /// What the network said.
        why: String,
    },
    /// The page is larger than the browser reads.
    #[error("the page at {0} is larger than 8 MB")]
    TooLarge(String),
    /// Redirects without end.
    #[error("{0} redirects in a circle")]
    Circle(String),
    /// A private address that the operator did not allow.
    #[error("{0} is a private address that simulated workers may not visit here")]
    OutOfReach(String),
    /// A redirect or a form that leads nowhere.
    #[error("{0} leads to an address that cannot be used")]
    BadAddress(String),
}

/// One loaded page.
#[derive(Debug, Clone)]
pub struct Page {
    /// Where the redirects ended.
    pub url: Url,
    /// The last answer's status.
    pub status: StatusCode,
    /// The last answer's headers.
    pub headers: HeaderMap,
    /// The text; bytes that are not UTF-8 are replaced.
    pub body: String,
}

impl Page {
    /// An address found in this page, as a browser would resolve it; only http and https.
    pub fn link(&self, href: &str) -> Option<Url> {
        self.url.join(href.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https"))
    }
}

/// The way out: a connection pool that browsers share, and where it may lead.
#[derive(Debug, Clone)]
pub struct Visitor {
    http: reqwest::Client,
    guard: Option<Outbound>,
}

impl Visitor {
    /// Goes wherever a link leads, as a person's browser does. `http` as [`client`] makes it.
    pub fn anywhere(http: reqwest::Client) -> Self {
        Self { http, guard: None }
    }

    /// Goes to public addresses and to those that `guard` allows: for a server that sends bots for others.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn within(guard: Outbound) -> Result<Self, reqwest::Error> {
        let http = guard.equip(settings()).build()?;
        Ok(Self { http, guard: Some(guard) })
    }

    fn check(&self, url: &Url) -> Result<(), BrowseError> {
        match &self.guard {
            Some(guard) if !guard.reaches(url) => Err(BrowseError::OutOfReach(plain(url))),
            _ => Ok(()),
        }
    }
}

/// One person's browser: an own cookie jar on a connection pool that may be shared.
#[derive(Debug)]
pub struct Browser {
    visitor: Visitor,
    jar: Jar,
}

impl Browser {
    /// A browser without cookies.
    ///
    /// `http` must not follow redirects itself (see [`client`]), or cookies set on the way are lost.
    pub fn new(http: reqwest::Client) -> Self {
        Self::on(Visitor::anywhere(http))
    }

    /// A browser without cookies that goes where its visitor may.
    pub fn on(visitor: Visitor) -> Self {
        Self { visitor, jar: Jar::default() }
    }

    /// Loads a page.
    ///
    /// # Errors
    /// [`BrowseError`] when no page comes; a page with an error status is not an error here.
    pub async fn get(&mut self, url: &Url) -> Result<Page, BrowseError> {
        self.go(Method::GET, url.clone(), None).await
    }

    /// Sends a form and loads what it leads to.
    ///
    /// # Errors
    /// As [`Browser::get`].
    pub async fn post(&mut self, url: &Url, form: &[(String, String)]) -> Result<Page, BrowseError> {
        let body = serde_urlencoded::to_string(form).map_err(|_| BrowseError::BadAddress(plain(url)))?;
        self.go(Method::POST, url.clone(), Some(body)).await
    }

    async fn go(
        &mut self,
        mut method: Method,
        start: Url,
        mut body: Option<String>,
    ) -> Result<Page, BrowseError> {
        let mut url = start.clone();
        for _ in 0..MOST_HOPS {
            let page = self.once(&method, &url, body.as_deref()).await?;
            let Some(next) = redirect(&page)? else { return Ok(page) };
            if !matches!(page.status, StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT) {
                (method, body) = (Method::GET, None);
            }
            url = next;
        }
        Err(BrowseError::Circle(plain(&start)))
    }

    async fn once(&mut self, method: &Method, url: &Url, body: Option<&str>) -> Result<Page, BrowseError> {
        let failed = |why: reqwest::Error| BrowseError::NoAnswer { url: plain(url), why: reason(&why) };
        self.visitor.check(url)?;
        let mut request = self.visitor.http.request(method.clone(), url.clone());
        if let Some(cookies) = self.jar.header(url) {
            request = request.header(COOKIE, cookies);
        }
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body.to_owned());
        }
        let mut answer = request.send().await.map_err(failed)?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        self.jar.store(url, &headers);
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > LARGEST_PAGE {
                return Err(BrowseError::TooLarge(plain(url)));
            }
        }
        Ok(Page { url: url.clone(), status, headers, body: String::from_utf8_lossy(&bytes).into_owned() })
    }
}

/// The connection pool that browsers share: no automatic redirects.
///
/// # Errors
/// When the machine gives no certificates to check servers by.
pub fn client() -> Result<reqwest::Client, reqwest::Error> {
    settings().build()
}

fn settings() -> reqwest::ClientBuilder {
    kernel::outbound::install_tls();
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(PATIENCE).user_agent(NAME)
}

fn redirect(page: &Page) -> Result<Option<Url>, BrowseError> {
    if !page.status.is_redirection() {
        return Ok(None);
    }
    let Some(target) = page.headers.get(LOCATION) else { return Ok(None) };
    let bad = || BrowseError::BadAddress(plain(&page.url));
    let target = target.to_str().map_err(|_| bad())?;
    page.link(target).map(Some).ok_or_else(bad)
}

/// The address without query and fragment, which may carry somebody's codes.
fn plain(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}

/// The innermost cause, which names the trouble; reqwest's own text repeats the address.
fn reason(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    if error.is_timeout() { "no answer in time".into() } else { cause.to_string() }
}

/// Cookies by host. Paths and domains are not told apart: every server sees only what it set itself.
#[derive(Debug, Default)]
struct Jar(HashMap<String, HashMap<String, String>>);

impl Jar {
    fn header(&self, url: &Url) -> Option<String> {
        let cookies = self.0.get(&host(url)).filter(|cookies| !cookies.is_empty())?;
        let pairs: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        Some(pairs.join("; "))
    }

    fn store(&mut self, url: &Url, headers: &HeaderMap) {
        let cookies = self.0.entry(host(url)).or_default();
        for line in headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok()) {
            let (pair, rules) = line.split_once(';').unwrap_or((line, ""));
            let Some((name, value)) = pair.split_once('=') else { continue };
            let gone = rules.to_ascii_lowercase().replace(' ', "").contains("max-age=0") || value.is_empty();
            match gone {
                true => cookies.remove(name.trim()),
                false => cookies.insert(name.trim().into(), value.trim().into()),
            };
        }
    }
}

fn host(url: &Url) -> String {
    format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use wiremock::matchers::{body_string, header, method, path};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    async fn browser(server: &MockServer) -> (Browser, Url) {
        (Browser::new(client().unwrap()), server.uri().parse().unwrap())
    }

    #[tokio::test]
    async fn cookies_set_on_a_redirect_are_sent_on() {
        let server = MockServer::start().await;
        let set = ResponseTemplate::new(303)
            .insert_header("location", "/in")
            .insert_header("set-cookie", "s=1; Path=/");
        Mock::given(path("/a"))
            .and(method("POST"))
            .and(body_string("x=a+b"))
            .respond_with(set)
            .mount(&server)
            .await;
        let seen = ResponseTemplate::new(200).set_body_string("hello");
        Mock::given(path("/in"))
            .and(method("GET"))
            .and(header("cookie", "s=1"))
            .respond_with(seen)
            .mount(&server)
            .await;

        let (mut browser, base) = browser(&server).await;
        let form = [("x".to_owned(), "a b".to_owned())];
        let page = browser.post(&base.join("/a").unwrap(), &form).await.unwrap();
        assert_eq!((page.url.path(), page.body.as_str()), ("/in", "hello"));
    }

    #[tokio::test]
    async fn a_temporary_redirect_keeps_the_form() {
        let server = MockServer::start().await;
        let moved = ResponseTemplate::new(307).insert_header("location", "/b");
        Mock::given(path("/a")).respond_with(moved).mount(&server).await;
        Mock::given(path("/b"))
            .and(method("POST"))
            .and(body_string("x=1"))
            .respond_with(ResponseTemplate::new(200))
            .mount(&server)
            .await;

        let (mut browser, base) = browser(&server).await;
        let page = browser.post(&base.join("/a").unwrap(), &[("x".into(), "1".into())]).await.unwrap();
        assert_eq!(page.status, StatusCode::OK);
    }

    #[tokio::test]
    async fn a_circle_of_redirects_is_given_up() {
        let server = MockServer::start().await;
        let moved = ResponseTemplate::new(302).insert_header("location", "/a");
        Mock::given(path("/a")).respond_with(moved).mount(&server).await;

        let (mut browser, base) = browser(&server).await;
        let error = browser.get(&base.join("/a?who=A1").unwrap()).await.unwrap_err();
        assert!(matches!(error, BrowseError::Circle(url) if !url.contains("A1")));
    }

    #[test]
    fn a_removed_cookie_is_no_longer_sent() {
        let url: Url = "http://127.0.0.1:9/".parse().unwrap();
        let mut jar = Jar::default();
        let mut headers = HeaderMap::new();
        headers.insert(SET_COOKIE, "s=1; HttpOnly".parse().unwrap());
        jar.store(&url, &headers);
        assert_eq!(jar.header(&url).as_deref(), Some("s=1"));
        headers.insert(SET_COOKIE, "s=; Max-Age=0".parse().unwrap());
        jar.store(&url, &headers);
        assert_eq!(jar.header(&url), None);
    }

    #[test]
    fn another_port_is_another_host() {
        let mut jar = Jar::default();
        let mut headers = HeaderMap::new();
        headers.insert(SET_COOKIE, "s=1".parse().unwrap());
        jar.store(&"http://127.0.0.1:9/".parse().unwrap(), &headers);
        assert_eq!(jar.header(&"http://127.0.0.1:10/".parse().unwrap()), None);
    }
}
