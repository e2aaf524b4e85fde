//! A browser without a window: the site in this process, asked as browsers ask, with a cookie jar.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use kernel::clock::TestClock;
use kernel::secret::Keyring;
use otree_hr::app::App;
use otree_hr::config::{Config, FrameOrigin, SignUp};
use tower::ServiceExt;

/// Good enough for every account of a test.
pub const PASSWORD: &str = "fluffy cat on a roof";

/// The site on a database of its own, with a clock that can be turned.
pub struct Site {
    pub app: App,
    pub clock: Arc<TestClock>,
    router: Router,
}

/// Settings for tests; `change` what matters.
pub fn config(change: impl FnOnce(&mut Config)) -> Config {
    let mut config = Config {
        database_url: None,
        database_connections: 8,
        data: "data".into(),
        listen: SocketAddr::from(([127, 0, 0, 1], 8000)),
        public_url: "https://hr.test".parse().unwrap(),
        market_listen: None,
        market_url: "https://hr.test/market".parse().unwrap(),
        market_words: std::collections::BTreeMap::new(),
        market_frame: FrameOrigin::Sandboxed,
        keyring: Keyring::new(&"0123456789abcdef0123456789abcdef".into(), &[]).unwrap(),
        sign_up: SignUp::Open,
        allow_private: Vec::new(),
        mail: None,
        trust_proxy: false,
    };
    change(&mut config);
    config
}

impl Site {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let pool = kernel::testing::database(&[&otree_hr::MIGRATOR]).await;
        let clock = TestClock::starting_now();
        let app = App::new(config(change), pool, clock.clone()).unwrap();
        Self { router: otree_hr::web::router(app.clone()), app, clock }
    }

    /// A browser that was never here.
    pub fn browser(&self) -> Browser {
        Browser::on(self.router.clone())
    }

    /// A browser of somebody who signed up and logged in, and the path of their lab.
    pub async fn person(&self, name: &str) -> (Browser, String) {
        let browser = self.browser();
        browser.sign_up(name, PASSWORD).await;
        browser.log_in(name, PASSWORD).await;
        let lab = browser.get("/").await.location();
        (browser, lab)
    }
}

/// One visitor's browser.
pub struct Browser {
    router: Router,
    cookies: Mutex<BTreeMap<String, String>>,
    address: SocketAddr,
    headers: Vec<(&'static str, String)>,
}

impl Browser {
    /// A browser without cookies that sees this site.
    pub fn on(router: Router) -> Self {
        Self {
            router,
            cookies: Mutex::default(),
            address: SocketAddr::from(([198, 51, 100, 7], 40_000)),
            headers: vec![("sec-fetch-site", "same-origin".to_owned())],
        }
    }

    /// The same with another network address.
    pub fn from(mut self, address: [u8; 4]) -> Self {
        self.address = SocketAddr::from((address, 40_000));
        self
    }

    /// The same, sending one more header (or another value of it).
    pub fn sending(mut self, name: &'static str, value: &str) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        if !value.is_empty() {
            self.headers.push((name, value.to_owned()));
        }
        self
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, Body::empty()).await
    }

    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.send(Method::POST, path, Body::from(serde_urlencoded::to_string(fields).unwrap())).await
    }

    pub async fn send(&self, method: Method, path: &str, body: Body) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, "hr.test");
        if !self.headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let cookies = self.cookie();
        if !cookies.is_empty() {
            request = request.header(header::COOKIE, cookies);
        }
        let mut request = request.body(body).unwrap();
        request.extensions_mut().insert(ConnectInfo(self.address));
        let response = self.router.clone().oneshot(request).await.unwrap();
        self.keep(response.headers());
        let (parts, body) = response.into_parts();
        let stream = parts.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream");
        // A stream of events does not end by itself.
        let body = if stream { Default::default() } else { body.collect().await.unwrap().to_bytes() };
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        }
    }

    /// The Cookie header as it would be sent.
    pub fn cookie(&self) -> String {
        let cookies = self.cookies.lock().unwrap();
        cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    /// Puts a cookie into the jar, as somebody might who wants to know it later.
    pub fn plant(&self, cookie: &str) {
        let (name, value) = cookie.split_once('=').unwrap();
        self.cookies.lock().unwrap().insert(name.to_owned(), value.to_owned());
    }

    fn keep(&self, headers: &HeaderMap) {
        for set in headers.get_all(header::SET_COOKIE) {
            let set = set.to_str().unwrap();
            let (name, value) = set.split(';').next().unwrap().split_once('=').unwrap();
            let mut cookies = self.cookies.lock().unwrap();
            match value {
                "" => cookies.remove(name),
                value => cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
    }

    pub async fn sign_up(&self, name: &str, password: &str) {
        let fields = [("name", name), ("email", &email(name)), ("password", password)];
        assert_eq!(self.post("/signup", &fields).await.status, StatusCode::SEE_OTHER);
    }

    pub async fn log_in(&self, name: &str, password: &str) {
        let answer = self.post("/login", &[("email", &email(name)), ("password", password)]).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    }
}

/// The address of a person of a test.
pub fn email(name: &str) -> String {
    format!("{}@example.org", name.to_lowercase())
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn location(&self) -> String {
        self.header("location")
    }

    /// A header's value; empty when it is missing.
    pub fn header(&self, name: &str) -> String {
        self.headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    }

    /// The first text between two others.
    pub fn between(&self, start: &str, end: &str) -> &str {
        let (_, rest) =
            self.body.split_once(start).unwrap_or_else(|| panic!("no {start:?} in {}", self.body));
        rest.split_once(end).unwrap().0
    }
}
