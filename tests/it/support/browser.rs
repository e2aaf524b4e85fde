//! A person with a browser of their own: headless Chromium, driven over WebDriver.

use std::process::{Command, Stdio};
use std::time::Duration;

use fantoccini::elements::Element;
use fantoccini::error::CmdError;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use kernel::testing::{ProcessGroup, free_port};
use tokio::time::Instant;

/// How long a page may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// Flags for a machine without a screen or a way out: nothing is fetched in the background.
const FLAGS: [&str; 11] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--disable-popup-blocking",
    "--window-size=1280,1000",
];

/// The frame of an accepted HIT. A preview's has the same id, and stays for a moment after Accept is pressed.
pub const ACCEPTED_FRAME: &str = "iframe#task:not([src*=ASSIGNMENT_ID_NOT_AVAILABLE])";

/// The driver; one for all persons of a test. Ends with everything it started when dropped.
pub struct Driver {
    address: String,
    _process: ProcessGroup,
}

impl Driver {
    /// Starts Debian's chromedriver, which `./dev test` installs.
    pub fn start() -> Self {
        let port = free_port();
        let mut command = Command::new("chromedriver");
        command
            .arg(format!("--port={port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let process = ProcessGroup::spawn(&mut command).expect("chromedriver is installed by ./dev test");
        Self { address: format!("http://127.0.0.1:{port}"), _process: process }
    }

    /// A person with an empty browser: no cookie of anybody else.
    pub async fn person(&self) -> Person {
        self.person_with(&[], serde_json::json!({})).await
    }

    /// The same with third-party cookies blocked, as browsers do more and more.
    pub async fn person_without_foreign_cookies(&self) -> Person {
        let preferences = serde_json::json!({ "profile.cookie_controls_mode": 1 });
        self.person_with(&[], serde_json::json!({ "prefs": preferences })).await
    }

    /// Somebody with a telephone, 390 pixels wide, who prefers dark pages or does not.
    pub async fn person_on_a_telephone(&self, in_the_dark: bool) -> Person {
        let metrics = serde_json::json!({ "width": 390, "height": 844, "pixelRatio": 1.0 });
        let scheme: &[&str] = if in_the_dark { &["--blink-settings=preferredColorScheme=0"] } else { &[] };
        self.person_with(scheme, serde_json::json!({ "mobileEmulation": { "deviceMetrics": metrics } })).await
    }

    async fn person_with(&self, flags: &[&str], mut options: serde_json::Value) -> Person {
        options["args"] = FLAGS.iter().chain(flags).copied().collect();
        let deadline = Instant::now() + PATIENCE;
        let capabilities = serde_json::json!({
            "goog:chromeOptions": options,
        });
        loop {
            let mut builder = ClientBuilder::new(HttpConnector::new());
            builder.capabilities(capabilities.as_object().unwrap().clone());
            match builder.connect(&self.address).await {
                Ok(client) => return Person(client),
                // The driver needs a moment until it listens.
                Err(error) => assert!(Instant::now() < deadline, "no browser: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Somebody who looks and clicks.
pub struct Person(pub Client);

impl Person {
    pub async fn open(&self, address: &str) {
        self.0.goto(address).await.unwrap();
    }

    pub async fn address(&self) -> String {
        self.0.current_url().await.unwrap().to_string()
    }

    /// Waits for an element.
    pub async fn find(&self, css: &str) -> Element {
        match self.0.wait().at_most(PATIENCE).for_element(Locator::Css(css)).await {
            Ok(element) => element,
            Err(error) => panic!("no {css}: {error}\n{}", self.page().await),
        }
    }

    pub async fn fill(&self, field: &str, text: &str) {
        let element = self.find(&format!("[name=\"{field}\"]")).await;
        element.clear().await.unwrap();
        element.send_keys(text).await.unwrap();
    }

    /// Ticks a box or a radio button, found by name and, if given, value.
    pub async fn tick(&self, css: &str) {
        let element = self.find(css).await;
        if !element.is_selected().await.unwrap() {
            self.click_element(element).await;
        }
    }

    /// Presses the button or follows the link with these words.
    pub async fn press(&self, words: &str) {
        let path = format!(
            "//*[self::button or self::a or @role='button'][contains(normalize-space(.), \"{words}\")][not(@disabled)]"
        );
        match self.0.wait().at_most(PATIENCE).for_element(Locator::XPath(&path)).await {
            Ok(element) => self.click_element(element).await,
            Err(error) => panic!("no “{words}”: {error}\n{}", self.page().await),
        }
    }

    /// Presses a button, not a link, with exactly these words.
    pub async fn press_button(&self, words: &str) {
        let path = format!("//button[normalize-space(.)=\"{words}\"][not(@disabled)]");
        match self.0.wait().at_most(PATIENCE).for_element(Locator::XPath(&path)).await {
            Ok(element) => self.click_element(element).await,
            Err(error) => panic!("no button “{words}”: {error}\n{}", self.page().await),
        }
    }

    /// Chooses the option whose value ends so.
    pub async fn choose_containing(&self, field: &str, ending: &str) {
        let css = format!("select[name=\"{field}\"] option[value$=\"{ending}\"]");
        let value = self.find(&css).await.attr("value").await.unwrap().unwrap();
        self.find(&format!("select[name=\"{field}\"]")).await.select_by_value(&value).await.unwrap();
    }

    pub async fn leave_frame(&self) {
        self.0.enter_parent_frame().await.unwrap();
    }

    /// To the tab that was opened last.
    pub async fn to_new_tab(&self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let tabs = self.0.windows().await.unwrap();
            if let [_, .., newest] = tabs.as_slice() {
                return self.0.switch_to_window(newest.clone()).await.unwrap();
            }
            assert!(Instant::now() < deadline, "no new tab was opened");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub async fn back_to_first_tab(&self) {
        let tabs = self.0.windows().await.unwrap();
        self.0.switch_to_window(tabs[0].clone()).await.unwrap();
    }

    /// Presses what is found by this selector.
    pub async fn click(&self, css: &str) {
        let element = self.find(css).await;
        self.click_element(element).await;
    }

    /// How many elements there are.
    pub async fn count(&self, css: &str) -> usize {
        self.0.find_all(Locator::Css(css)).await.unwrap().len()
    }

    /// Comes back to a site as somebody whom it knows by this cookie.
    pub async fn log_in_with(&self, site: &str, session: &str) {
        self.open(&format!("{site}health")).await;
        let cookie = format!("session={session}; path=/");
        self.0.execute("document.cookie = arguments[0]", vec![cookie.into()]).await.unwrap();
    }

    async fn click_element(&self, element: Element) {
        let script = "arguments[0].scrollIntoView({block: 'center'})";
        self.0.execute(script, vec![serde_json::to_value(&element).unwrap()]).await.unwrap();
        element.click().await.unwrap();
    }

    /// Waits until the page shows these words.
    pub async fn see(&self, words: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.page().await.contains(words) {
            assert!(Instant::now() < deadline, "“{words}” is not on the page:\n{}", self.page().await);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Reloads until the page has such an element.
    pub async fn find_after_reload(&self, css: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.0.find(Locator::Css(css)).await.is_err() {
            assert!(Instant::now() < deadline, "no {css}:\n{}", self.page().await);
            tokio::time::sleep(Duration::from_millis(500)).await;
            self.0.refresh().await.unwrap();
        }
    }

    /// Reloads until the page shows these words.
    pub async fn see_after_reload(&self, words: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.page().await.contains(words) {
            assert!(Instant::now() < deadline, "“{words}” is not on the page:\n{}", self.page().await);
            tokio::time::sleep(Duration::from_millis(500)).await;
            self.0.refresh().await.unwrap();
        }
    }

    /// The words on the page; empty while it is being replaced.
    pub async fn page(&self) -> String {
        let text: Result<_, CmdError> = self.0.execute("return document.body.innerText", vec![]).await;
        text.ok().and_then(|text| text.as_str().map(str::to_owned)).unwrap_or_default()
    }

    /// A picture of the window, for whoever sets `SCREENSHOTS` to a folder.
    pub async fn picture(&self, name: &str) {
        if let Some(folder) = std::env::var_os("SCREENSHOTS") {
            std::fs::create_dir_all(&folder).unwrap();
            let file = std::path::Path::new(&folder).join(format!("{name}.png"));
            std::fs::write(file, self.0.screenshot().await.unwrap()).unwrap();
        }
    }

    /// Closes the browser.
    pub async fn leave(self) {
        self.0.close().await.unwrap();
    }
}
