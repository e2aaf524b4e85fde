//! What browsers allow inside the frame of a HIT: no cookies of others, and requesters' own pages on an origin where
//! nothing else is.

use axum::Router;
use axum::http::{HeaderMap, header};
use axum::response::{AppendHeaders, Html, IntoResponse};
use axum::routing::get;
use kernel::money::Cents;
use market::engine::assignments;
use market::engine::hit_types::{self, Properties};
use market::engine::lifetimes::{self, NewHit};
use market::journal::{Effect, Filter};
use otree_hr::app::App;
use url::Url;

use crate::support::browser::{ACCEPTED_FRAME, Driver, Person};
use crate::support::stage::Server;

const SCHEMAS: &str = "http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas";

/// Publishes one HIT with one place under this title.
async fn publish(app: &App, title: &str, question: String) {
    let market = &app.market;
    let requester = market.create_requester("A lab", Cents(10_000)).await.unwrap().requester_id;
    let (mut tx, now) = market.begin().await.unwrap();
    let properties = Properties {
        title: title.into(),
        description: "One page".into(),
        keywords: None,
        reward: Cents(100),
        assignment_duration: 1800,
        auto_approval_delay: 86_400,
        qualification_requirements: serde_json::json!([]),
    };
    let kind = hit_types::register(&mut tx, now, &requester, &properties).await.unwrap();
    let new = NewHit {
        question,
        places: 1,
        lifetime: chrono::Duration::days(1),
        requester_annotation: None,
        token: None,
    };
    lifetimes::create(&mut tx, now, &requester, &market.settings().fees, &kind, &new).await.unwrap();
    tx.commit().await.unwrap();
}

fn external(url: &Url) -> String {
    let schema = format!("{SCHEMAS}/2006-07-14/ExternalQuestion.xsd");
    format!(
        "<ExternalQuestion xmlns=\"{schema}\"><ExternalURL>{url}</ExternalURL><FrameHeight>400</FrameHeight></ExternalQuestion>"
    )
}

fn html(content: &str) -> String {
    let schema = format!("{SCHEMAS}/2011-11-11/HTMLQuestion.xsd");
    format!(
        "<HTMLQuestion xmlns=\"{schema}\"><HTMLContent><![CDATA[{content}]]></HTMLContent><FrameHeight>500</FrameHeight></HTMLQuestion>"
    )
}

/// A researcher's page that sets two cookies and tells which of them came back.
async fn tell_cookies(headers: HeaderMap) -> impl IntoResponse {
    let sent = headers.get(header::COOKIE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut names: Vec<_> =
        sent.split("; ").filter_map(|pair| pair.split_once('=')).map(|(name, _)| name).collect();
    names.sort_unstable();
    let page = format!("<p>Came back: [{}]</p><a href='/task'>Look again</a>", names.join(" "));
    let set = AppendHeaders([
        (header::SET_COOKIE, "usual=1; Path=/"),
        (header::SET_COOKIE, "foreign=1; Path=/; SameSite=None; Secure"),
    ]);
    (set, Html(page))
}

async fn researchers_page() -> Url {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let page = format!("http://127.0.0.1:{}/task", listener.local_addr().unwrap().port());
    tokio::spawn(axum::serve(listener, Router::new().route("/task", get(tell_cookies))).into_future());
    page.parse().unwrap()
}

async fn sign_up_and_accept(worker: &Person, server: &Server, title: &str) {
    worker.open(&format!("{}sign-up", server.market())).await;
    worker.fill("name", "Wilma").await;
    worker.fill("password", super::PASSWORD).await;
    worker.press_button("Sign up").await;
    worker.press(title).await;
    worker.press_button("Accept").await;
    worker.find(ACCEPTED_FRAME).await.enter_frame().await.unwrap();
}

#[tokio::test]
async fn a_cookie_that_a_page_in_the_frame_sets_does_not_come_back() {
    let (server, driver, task) = (Server::start().await, Driver::start(), researchers_page().await);
    publish(server.app(), "Look at cookies", external(&task)).await;
    let worker = driver.person_without_foreign_cookies().await;

    // In a tab of its own the page has both: the test would notice if they never came.
    worker.open(task.as_str()).await;
    worker.press("Look again").await;
    worker.see("Came back: [foreign usual]").await;
    worker.0.delete_all_cookies().await.unwrap();

    sign_up_and_accept(&worker, &server, "Look at cookies").await;
    worker.see("Came back: []").await;
    worker.press("Look again").await;
    worker.see("Came back: []").await;
    worker.leave().await;

    // With a browser of the old kind only what was marked for it comes back.
    let easygoing = driver.person().await;
    worker_of_the_old_kind(&easygoing, &server, &task).await;
    easygoing.leave().await;
    server.stop().await;
}

async fn worker_of_the_old_kind(worker: &Person, server: &Server, task: &Url) {
    publish(server.app(), "Look once more", external(task)).await;
    worker.open(&format!("{}sign-up", server.market())).await;
    worker.fill("name", "Otto").await;
    worker.fill("password", super::PASSWORD).await;
    worker.press_button("Sign up").await;
    worker.press("Look once more").await;
    worker.press_button("Accept").await;
    worker.find(ACCEPTED_FRAME).await.enter_frame().await.unwrap();
    worker.press("Look again").await;
    let seen = worker.page().await;
    assert!(!seen.contains("usual"), "a cookie of the usual kind is not sent across sites: {seen}");
}

/// What oTree publishes (its MTurkHTMLQuestion.html) around the template of its documentation, with more of the elements.
fn otree_template() -> String {
    let template = r#"<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>
<crowd-form>
  <div style="padding: 20px">
    <crowd-instructions link-text="More about it"><short-summary>An academic experiment.</short-summary>
      <detailed-instructions><p>It takes ten minutes.</p></detailed-instructions></crowd-instructions>
    <p>After you have accepted this HIT, the URL to the study will appear here: <b><a class="otree-link">link</a></b>.</p>
    <crowd-checkbox name="device" value="mouse">I use a mouse</crowd-checkbox>
    <crowd-checkbox name="device" value="touch">I use a touch screen</crowd-checkbox>
    <crowd-radio-group>
      <crowd-radio-button name="first" value="yes">My first time</crowd-radio-button>
      <crowd-radio-button name="later" value="yes">Not my first time</crowd-radio-button>
    </crowd-radio-group>
    <crowd-text-area name="remark" label="Remarks" rows="2"></crowd-text-area>
    <crowd-input name="completion_code" label="Enter your completion code here" required></crowd-input>
    <crowd-button form-action="submit">Hand it in</crowd-button>
  </div>
</crowd-form>"#;
    let script = r#"<script>
        var oTreeURL = "http://127.0.0.1:9/MTurkStart/abc";
        function turkGetParam(name) {
            var results = new RegExp("[\?&]" + name + "=([^&#]*)").exec(window.location.href);
            return results == null ? "" : results[1];
        }
        var oTreeAnchors = document.getElementsByClassName('otree-link');
        var assignmentId = turkGetParam('assignmentId');
        if (assignmentId && assignmentId !== 'ASSIGNMENT_ID_NOT_AVAILABLE') {
            for (var anchor of oTreeAnchors) { anchor.target = '_blank'; anchor.href = oTreeURL + window.location.search; }
        }
        document.querySelector('crowd-form').onsubmit = function (event) { localStorage.setItem('sent', 'yes'); };
    </script>"#;
    format!("<!DOCTYPE html>\n<body>\n{template}\n{script}\n</body>\n</html>")
}

#[tokio::test]
async fn a_page_as_otree_publishes_it_works_unchanged_on_an_origin_of_its_own() {
    let (server, driver) = (Server::start().await, Driver::start());
    publish(server.app(), "A study on numbers", html(&otree_template())).await;
    let worker = driver.person_without_foreign_cookies().await;
    worker.open(&format!("{}sign-up", server.market())).await;
    worker.fill("name", "Wilma").await;
    worker.fill("password", super::PASSWORD).await;
    worker.press_button("Sign up").await;
    worker.press("A study on numbers").await;
    worker.find("iframe").await.enter_frame().await.unwrap();
    worker.see("Accept the HIT to submit it").await;
    worker.find("crowd-button button[disabled]").await;
    worker.leave_frame().await;
    worker.picture("crowd-preview").await;

    worker.press_button("Accept").await;
    worker.find(ACCEPTED_FRAME).await.enter_frame().await.unwrap();
    let origin = worker.0.execute("return self.origin", vec![]).await.unwrap();
    let frame = server.app().config.market_frame.url().unwrap().origin().ascii_serialization();
    assert_eq!(origin.as_str(), Some(frame.as_str()));
    assert!(!server.market().starts_with(&frame), "{frame}");
    let link = worker.find("a.otree-link").await.attr("href").await.unwrap().unwrap();
    assert!(link.starts_with("http://127.0.0.1:9/MTurkStart/abc?assignmentId=3"), "{link}");
    // The form insists on the code.
    worker.press("Hand it in").await;
    worker.find("input[name=completion_code]:invalid").await;
    worker.fill("completion_code", "abc-123").await;
    worker.fill("remark", "Fine & good").await;
    worker.tick("input[name=device][value=touch]").await;
    worker.tick("crowd-radio-button:nth-of-type(1) input").await;
    worker.tick("crowd-radio-button:nth-of-type(2) input").await;
    worker.leave_frame().await;
    worker.picture("crowd-filled").await;
    worker.find(ACCEPTED_FRAME).await.enter_frame().await.unwrap();
    worker.press("Hand it in").await;
    worker.leave_frame().await;
    worker.see("Waiting for review").await;
    assert_eq!(
        answers(server.app()).await,
        serde_json::json!([{
            "device": { "mouse": false, "touch": true }, "first": { "yes": false }, "later": { "yes": true },
            "remark": "Fine & good", "completion_code": "abc-123"
        }])
    );
    worker.leave().await;
    server.stop().await;
}

/// What the only submission packed into its one field.
async fn answers(app: &App) -> serde_json::Value {
    let answer = submitted(app).await;
    let (_, packed) =
        answer.split_once("<QuestionIdentifier>taskAnswers</QuestionIdentifier><FreeText>").unwrap();
    let packed = packed.split_once("</FreeText>").unwrap().0.replace("&quot;", "\"").replace("&amp;", "&");
    serde_json::from_str(&packed).unwrap()
}

/// The answer document of the only submission.
async fn submitted(app: &App) -> String {
    let submitted = Filter { effect: Some(Effect::Submitted), ..Filter::default() };
    let [entry] = app.market.journal(&submitted).await.unwrap().try_into().unwrap();
    let mut conn = app.pool.acquire().await.unwrap();
    let assignment = assignments::find(&mut conn, &entry.assignment_id.unwrap()).await.unwrap().unwrap();
    assignment.answer.unwrap()
}
