//! What a bot reads from the worker site's pages and from a HIT's frame.

use std::collections::HashSet;
use std::time::Duration;

use scraper::{ElementRef, Html};
use serde_json::json;
use url::Url;

use super::answers::Refusal;
use super::browser::Page;
use super::forms::{self, Form, css};

/// A group in the list of HITs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Listed {
    pub title: String,
    pub requester_id: String,
    pub preview: Url,
    /// Ids of the qualifications that somebody lacks for accepting.
    pub missing: Vec<String>,
}

/// The accepted HIT as its work page shows it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// The frame's address; the work page's own for a HIT that is a form of the site.
    pub src: Url,
    pub hit_id: String,
    pub assignment_id: String,
    /// Whether it is such a form.
    pub own_form: bool,
}

/// The groups listed on the page.
pub(super) fn groups(page: &Page) -> Vec<Listed> {
    let html = Html::parse_document(&page.body);
    let selector = css("[data-group]");
    let listed = html.select(&selector).filter_map(|group| {
        let link = group.select(&css("a[href]")).next()?.attr("href")?;
        let text = |name: &str| group.attr(name).unwrap_or_default().to_owned();
        Some(Listed {
            title: text("data-title"),
            requester_id: text("data-requester-id"),
            preview: page.link(link)?,
            missing: text("data-missing").split_whitespace().map(str::to_owned).collect(),
        })
    });
    listed.collect()
}

/// The signed-in worker's id.
pub(super) fn worker_id(page: &Page) -> Option<String> {
    let html = Html::parse_document(&page.body);
    html.select(&css("[data-worker-id]")).next()?.attr("data-worker-id").map(str::to_owned)
}

/// Where the page's form with this id goes, if it has such a form.
pub(super) fn form_target(page: &Page, id: &str) -> Option<Url> {
    let html = Html::parse_document(&page.body);
    let form = html.select(&css("form[id][action]")).find(|form| form.attr("id") == Some(id))?;
    page.link(form.attr("action")?)
}

/// The frame of a work page; none on a page where nothing was accepted.
pub(super) fn frame(page: &Page) -> Option<Frame> {
    let html = Html::parse_document(&page.body);
    if let Some(form) = own_form(page, &html) {
        return Some(form);
    }
    let src = page.link(html.select(&css("iframe#task[src]")).next()?.attr("src")?)?;
    let query = |name: &str| src.query_pairs().find(|(n, _)| n == name).map(|(_, value)| value.into_owned());
    let (hit_id, assignment_id) = (query("hitId")?, query("assignmentId")?);
    let frame = Frame { src, hit_id, assignment_id, own_form: false };
    (frame.assignment_id != "ASSIGNMENT_ID_NOT_AVAILABLE").then_some(frame)
}

/// A work page whose task is a form of the site.
fn own_form(page: &Page, html: &Html) -> Option<Frame> {
    html.select(&css("form#answers[action]")).next()?;
    let held = html.select(&css("[data-assignment][data-hit]")).next()?;
    let text = |name: &str| held.attr(name).map(str::to_owned);
    let (hit_id, assignment_id) = (text("data-hit")?, text("data-assignment")?);
    Some(Frame { src: page.url.clone(), hit_id, assignment_id, own_form: true })
}

/// The link that opens the study. As the scripts around such links do, it hands on the frame's own parameters
/// when the link has none.
pub(super) fn study_link(page: &Page) -> Option<Url> {
    let html = Html::parse_document(&page.body);
    let (named, tabs) = (css("a.otree-link[href]"), css("a[target=_blank][href]"));
    let href = html.select(&named).chain(html.select(&tabs)).find_map(|a| a.attr("href"))?;
    let mut link = page.link(href)?;
    if !link.query_pairs().any(|(name, _)| name == "assignmentId") {
        link.query_pairs_mut().extend_pairs(page.url.query_pairs());
    }
    Some(link)
}

/// How long a page asks to wait before it is loaded again.
pub(super) fn again_in(page: &Page) -> Option<Duration> {
    let html = Html::parse_document(&page.body);
    let content = html.select(&css("meta[http-equiv=refresh][content]")).next()?.attr("content")?;
    content.split(';').next()?.trim().parse().ok().map(Duration::from_secs)
}

/// Where the page's button asks for this qualification, if it is offered.
pub(super) fn offer_target(page: &Page, id: &str) -> Option<Url> {
    let html = Html::parse_document(&page.body);
    let offers = css("form[data-offered][action]");
    page.link(html.select(&offers).find(|form| form.attr("data-offered") == Some(id))?.attr("action")?)
}

/// What somebody lacks for the HIT, as its preview says it.
pub(super) fn lacks(page: &Page) -> Option<String> {
    let html = Html::parse_document(&page.body);
    let text: String = html.select(&css("#missing")).next()?.text().collect();
    Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// The site's own form, a qualification's test or a HIT, if the page has one, and the answers that it did not take. Words
/// beside a list stand for one more choice of it; choosing from the list will do.
pub(super) fn questions(page: &Page) -> Option<(Form, Refusal)> {
    let html = Html::parse_document(&page.body);
    let mut form = forms::form(html.select(&css("form.questions[action]")).next()?);
    form.fields.retain(|field| !field.name.starts_with('o'));
    let (mut fields, mut complaint) = (HashSet::new(), Vec::new());
    for error in html.select(&css("form.questions fieldset .error")) {
        complaint.extend(error.text());
        let question =
            error.ancestors().filter_map(ElementRef::wrap).find(|one| one.value().name() == "fieldset");
        let names = question.iter().flat_map(|one| forms::form(*one).fields).map(|field| field.name);
        fields.extend(names);
    }
    Some((form, Refusal { fields, complaint: complaint.join(" ") }))
}

/// How a form of the frame is handed in.
pub(super) struct Submission {
    pub form: Form,
    pub target: Url,
    crowd: Option<Crowd>,
}

/// What a `crowd-form`'s own script does with the answers.
struct Crowd {
    assignment_id: String,
    flat: bool,
}

impl Submission {
    /// What is sent of the filled form: as it is, or as the script of a `crowd-form` sends it.
    pub(super) fn sent(&self, filled: Vec<(String, String)>) -> Vec<(String, String)> {
        match &self.crowd {
            Some(crowd) => crowd.sent(&self.form, &filled),
            None => filled,
        }
    }
}

impl Crowd {
    /// Boxes and buttons are told as on or off, whichever was chosen; everything else as it was filled.
    fn sent(&self, form: &Form, filled: &[(String, String)]) -> Vec<(String, String)> {
        let (mut said, mut flat) = (serde_json::Map::new(), Vec::new());
        for field in &form.fields {
            let switches = field.switches();
            for switch in &switches {
                let on = filled.contains(switch);
                let (name, value) = switch;
                flat.push((format!("{name}.{value}"), on.to_string()));
                said.entry(name.clone()).or_insert_with(|| json!({}))[value] = on.into();
            }
            let own = filled.iter().find(|(name, _)| switches.is_empty() && *name == field.name);
            if let Some((name, value)) = own {
                flat.push((name.clone(), value.clone()));
                said.insert(name.clone(), value.as_str().into());
            }
        }
        let mut pairs = match (form.fields.is_empty(), self.flat) {
            (true, _) => vec![("submitted".to_owned(), "true".to_owned())],
            (false, true) => flat,
            (false, false) => vec![("taskAnswers".to_owned(), json!([said]).to_string())],
        };
        pairs.push(("assignmentId".to_owned(), self.assignment_id.clone()));
        pairs
    }
}

/// The form that hands the HIT in, once it can be pressed.
pub(super) fn submission(page: &Page) -> Option<Submission> {
    let html = Html::parse_document(&page.body);
    let pressable = |form: &Form| form.buttons.is_empty() || form.buttons.iter().any(|button| button.enabled);
    let own = forms::forms(&html).into_iter().filter(pressable).find_map(|form| {
        let target = page.link(form.action.as_deref()?)?;
        let submits = target.path().ends_with("/mturk/externalSubmit");
        submits.then_some(Submission { form, target, crowd: None })
    });
    own.or_else(|| crowd_form(page, &html)).or_else(|| scripted_form(page, &html))
}

fn crowd_form(page: &Page, html: &Html) -> Option<Submission> {
    let crowd = html.select(&css("crowd-form")).next()?;
    // Without a field it is a button below the work: a study that is linked is played first.
    let form =
        Some(forms::form(crowd)).filter(|form| !form.fields.is_empty() || study_link(page).is_none())?;
    let flat = crowd.attr("answer-format") == Some("flatten-objects");
    let crowd = Crowd { assignment_id: told(&page.url, "assignmentId")?, flat };
    Some(Submission { form, target: submit_target(&page.url)?, crowd: Some(crowd) })
}

/// A form with fields and no address is sent by a script to where the frame was told.
fn scripted_form(page: &Page, html: &Html) -> Option<Submission> {
    let with_fields = |form: &Form| !form.fields.is_empty();
    let mut form = html.select(&css("form:not([action])")).map(forms::form).find(with_fields)?;
    form.fields.push(forms::Field {
        name: "assignmentId".into(),
        kind: forms::Kind::Hidden,
        required: true,
        value: told(&page.url, "assignmentId")?,
    });
    Some(Submission { form, target: submit_target(&page.url)?, crowd: None })
}

/// Where a frame with this address hands in.
pub(super) fn submit_target(frame: &Url) -> Option<Url> {
    let site = told(frame, "turkSubmitTo")?;
    Url::parse(&format!("{}/mturk/externalSubmit", site.trim_end_matches('/'))).ok()
}

/// A parameter of the frame's address.
fn told(frame: &Url, name: &str) -> Option<String> {
    frame.query_pairs().find(|(n, _)| n == name).map(|(_, value)| value.into_owned())
}

/// The completion code that the page shows, if it shows one.
pub(super) fn shown_code(page: &Page) -> Option<String> {
    let html = Html::parse_document(&page.body);
    let code: String = html.select(&css(".code code, code")).next()?.text().collect();
    let code = code.trim();
    (!code.is_empty() && code.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')).then(|| code.to_owned())
}

/// What "my work" says of the assignment.
pub(super) fn work_state(page: &Page, assignment_id: &str) -> Option<String> {
    let html = Html::parse_document(&page.body);
    let row = html
        .select(&css("[data-assignment]"))
        .find(|row| row.attr("data-assignment") == Some(assignment_id))?;
    row.attr("data-state").map(str::to_owned)
}

/// The page's heading and first words, to quote in a report.
pub(super) fn says(page: &Page) -> String {
    let html = Html::parse_document(&page.body);
    let main = html.select(&css("main")).next().unwrap_or_else(|| html.root_element());
    let text: String = main.text().collect::<Vec<_>>().join(" ");
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(160).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(url: &str, body: &str) -> Page {
        let status = reqwest::StatusCode::OK;
        Page { url: url.parse().unwrap(), status, headers: Default::default(), body: body.into() }
    }

    #[test]
    fn the_study_link_hands_on_the_frames_parameters_once() {
        let frame =
            "https://m.example/q?assignmentId=1&hitId=2&workerId=A3&turkSubmitTo=https%3A%2F%2Fm.example";
        let link =
            |href: &str| study_link(&page(frame, &format!("<a target=_blank href='{href}'>go</a>"))).unwrap();
        assert_eq!(link("https://hr.example/go").query(), frame.split_once('?').map(|(_, query)| query));
        assert_eq!(link("https://hr.example/go?assignmentId=9").query(), Some("assignmentId=9"));
    }

    #[test]
    fn a_submit_button_that_is_disabled_is_waited_for() {
        let form = |button: &str| {
            format!(
                "<form method=post action='/mturk/externalSubmit'><input type=hidden name=assignmentId value=1>{button}</form>"
            )
        };
        let url = "https://m.example/frame";
        assert!(submission(&page(url, &form("<button disabled>Submit</button>"))).is_none());
        let found = submission(&page(url, &form("<button>Submit</button>"))).unwrap();
        assert_eq!(found.target.as_str(), "https://m.example/mturk/externalSubmit");
    }

    #[test]
    fn a_crowd_form_is_sent_as_its_script_sends_it() {
        let url = "https://m.example/q?assignmentId=1&turkSubmitTo=https%3A%2F%2Fm.example%2Fpool%2F";
        let sent = |attributes: &str| {
            let html = format!(
                "<crowd-form {attributes}><crowd-input name=completion_code></crowd-input></crowd-form>"
            );
            let found = submission(&page(url, &html)).unwrap();
            assert_eq!(found.target.as_str(), "https://m.example/pool/mturk/externalSubmit");
            found.sent(vec![("completion_code".into(), "x".into())])
        };
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            sent(""),
            [pair("taskAnswers", "[{\"completion_code\":\"x\"}]"), pair("assignmentId", "1")]
        );
        let flat = [pair("completion_code", "x"), pair("assignmentId", "1")];
        assert_eq!(sent("answer-format=flatten-objects"), flat);
    }

    #[test]
    fn a_box_of_a_crowd_form_is_told_ticked_or_not() {
        let url = "https://m.example/q?assignmentId=1&turkSubmitTo=https%3A%2F%2Fm.example";
        let sent = |format: &str, filled: &[(&str, &str)]| {
            let html = format!(
                "<crowd-form {format}><crowd-checkbox name=seen value=red></crowd-checkbox></crowd-form>"
            );
            let filled =
                filled.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            submission(&page(url, &html)).unwrap().sent(filled).remove(0)
        };
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(sent("", &[("seen", "red")]), pair("taskAnswers", r#"[{"seen":{"red":true}}]"#));
        assert_eq!(sent("", &[]), pair("taskAnswers", r#"[{"seen":{"red":false}}]"#));
        assert_eq!(sent("answer-format=flatten-objects", &[]), pair("seen.red", "false"));
    }

    #[test]
    fn buttons_and_boxes_of_a_crowd_form_are_told_each_by_itself() {
        let url = "https://m.example/q?assignmentId=1&turkSubmitTo=https%3A%2F%2Fm.example";
        let html = "<crowd-form><crowd-radio-group><crowd-radio-button name=good></crowd-radio-button>
            <crowd-radio-button name=bad></crowd-radio-button></crowd-radio-group>
            <input type=radio name=age value=young><input type=radio name=age value=old>
            <input type=checkbox name=seen value=a><input type=checkbox name=seen value=b></crowd-form>";
        let filled = [("bad", "on"), ("age", "young"), ("seen", "a"), ("seen", "b")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let sent = submission(&page(url, html)).unwrap().sent(filled.into()).remove(0).1;
        let said: serde_json::Value = serde_json::from_str(&sent).unwrap();
        let wanted = json!([{ "good": { "on": false }, "bad": { "on": true },
            "age": { "young": true, "old": false }, "seen": { "a": true, "b": true } }]);
        assert_eq!(said, wanted);
    }

    #[test]
    fn a_crowd_form_that_asks_nothing_is_submitted_unless_a_study_is_linked() {
        let url = "https://m.example/q?assignmentId=1&turkSubmitTo=https%3A%2F%2Fm.example";
        let button = "<crowd-button form-action=submit>Done</crowd-button>";
        let found = submission(&page(url, &format!("<crowd-form>{button}</crowd-form>"))).unwrap();
        assert_eq!(found.sent(vec![]).remove(0), ("submitted".to_owned(), "true".to_owned()));
        let linked = format!("<crowd-form><a class=otree-link href=/go>Go</a>{button}</crowd-form>");
        assert!(submission(&page(url, &linked)).is_none());
    }

    #[test]
    fn a_form_without_an_address_is_sent_by_script_once_it_asks_something() {
        let url = "https://m.example/q?assignmentId=1&turkSubmitTo=https%3A%2F%2Fm.example";
        assert!(
            submission(&page(url, "<form><button type=button disabled>Submit</button></form>")).is_none()
        );
        let found = submission(&page(url, "<form><input name=completion_code></form>")).unwrap();
        assert_eq!(found.form.fields.len(), 2);
    }

    #[test]
    fn a_page_that_asks_for_patience_says_how_much() {
        let again = |body: &str| again_in(&page("https://hr.example/open", body));
        assert_eq!(again("<meta http-equiv='refresh' content='5'>"), Some(Duration::from_secs(5)));
        assert_eq!(again("<p>Full</p>"), None);
    }

    #[test]
    fn the_code_to_paste_is_the_one_shown() {
        let shown = |body: &str| shown_code(&page("https://o.example/p/a/b/c/1", body));
        assert_eq!(shown("<p>Your code is <code> abc-123 </code>.</p>").as_deref(), Some("abc-123"));
        assert_eq!(shown("<p>Thank you. <code>a = 1;</code></p>"), None);
    }

    #[test]
    fn a_preview_is_not_an_accepted_frame() {
        let url = "https://m.example/groups/1";
        let src = |id: &str| {
            format!("<iframe id=task src='https://a.example/?assignmentId={id}&hitId=H'></iframe>")
        };
        assert!(frame(&page(url, &src("ASSIGNMENT_ID_NOT_AVAILABLE"))).is_none());
        assert_eq!(frame(&page(url, &src("AB"))).unwrap().assignment_id, "AB");
    }
}
