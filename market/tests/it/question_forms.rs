//! HITs that come as a QuestionForm: from CreateHIT over the worker's page to GetAssignment.

use axum::http::StatusCode;
use market::engine::assignments::{Wanted, WorkError};
use market::workers::bots::browser::{Browser, Page};
use quick_xml::Reader;
use quick_xml::events::Event;
use scraper::{Html, Selector};

use crate::harness::{Place, refused};

pub const FORM: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<QuestionForm xmlns="http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2017-11-06/QuestionForm.xsd">
 <Overview><Title>About you</Title><FormattedContent><![CDATA[<p>Be <b>honest</b>.</p><script>alert(1)</script>]]></FormattedContent></Overview>
 <Question><QuestionIdentifier>colour</QuestionIdentifier><DisplayName>Colour</DisplayName><IsRequired>true</IsRequired>
  <QuestionContent><Text>Which one?</Text></QuestionContent>
  <AnswerSpecification><SelectionAnswer><StyleSuggestion>radiobutton</StyleSuggestion><Selections>
   <Selection><SelectionIdentifier>red</SelectionIdentifier><Text>Red</Text></Selection>
   <Selection><SelectionIdentifier>blue</SelectionIdentifier><Text>Blue</Text></Selection></Selections></SelectionAnswer></AnswerSpecification></Question>
 <Question><QuestionIdentifier>games</QuestionIdentifier><QuestionContent><Text>Which games do you know?</Text></QuestionContent>
  <AnswerSpecification><SelectionAnswer><MinSelectionCount>1</MinSelectionCount><MaxSelectionCount>3</MaxSelectionCount><StyleSuggestion>checkbox</StyleSuggestion><Selections>
   <Selection><SelectionIdentifier>trust</SelectionIdentifier><Text>Trust</Text></Selection>
   <Selection><SelectionIdentifier>beauty</SelectionIdentifier><Text>Beauty</Text></Selection><OtherSelection/></Selections></SelectionAnswer></AnswerSpecification></Question>
 <Question><QuestionIdentifier>age</QuestionIdentifier><IsRequired>true</IsRequired><QuestionContent><Text>How old are you?</Text></QuestionContent>
  <AnswerSpecification><FreeTextAnswer><Constraints><IsNumeric minValue="18" maxValue="99"/></Constraints></FreeTextAnswer></AnswerSpecification></Question>
 <Question><QuestionIdentifier>why</QuestionIdentifier><QuestionContent><Text>Why?</Text></QuestionContent>
  <AnswerSpecification><FreeTextAnswer><Constraints><Length maxLength="20"/></Constraints><NumberOfLinesSuggestion>3</NumberOfLinesSuggestion></FreeTextAnswer></AnswerSpecification></Question>
</QuestionForm>"#;

/// A form HIT at work: its ids, and the browser of whoever holds it.
struct Work {
    place: Place,
    browser: Browser,
    worker_id: String,
    assignment_id: String,
    page: Page,
}

async fn publish(place: &Place) -> (String, String) {
    let hit = place.publish(2).question(FORM).send().await.unwrap().hit.unwrap();
    assert_eq!(hit.question(), Some(FORM));
    (hit.hit_id.unwrap(), hit.hit_type_id.unwrap())
}

async fn at_work() -> Work {
    let place = Place::open().await;
    let (_, group) = publish(&place).await;
    let (mut browser, worker_id) = place.signed_up("ada").await;
    let page = browser.post(&place.page(&format!("groups/{group}/accept")), &[]).await.unwrap();
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let assignment_id = attribute(&page, "[data-assignment]", "data-assignment").unwrap();
    Work { place, browser, worker_id, assignment_id, page }
}

impl Work {
    async fn hand_in(&mut self, fields: &[(&str, &str)]) -> Page {
        let to = self.place.page(&format!("work/{}", self.assignment_id));
        self.browser.post(&to, &owned(fields)).await.unwrap()
    }

    async fn answer(&self) -> String {
        let call = self.place.client.get_assignment().assignment_id(&self.assignment_id);
        let assignment = call.send().await.unwrap().assignment.unwrap();
        assert_eq!(assignment.worker_id(), Some(self.worker_id.as_str()));
        assignment.answer.unwrap()
    }
}

fn owned(fields: &[(&str, &str)]) -> Vec<(String, String)> {
    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn attribute(page: &Page, selector: &str, name: &str) -> Option<String> {
    let html = Html::parse_document(&page.body);
    html.select(&Selector::parse(selector).unwrap()).next()?.attr(name).map(str::to_owned)
}

fn count(page: &Page, selector: &str) -> usize {
    Html::parse_document(&page.body).select(&Selector::parse(selector).unwrap()).count()
}

/// Elements with text inside an answer document, in its order, as a client's parser goes through it.
fn said(document: &str) -> Vec<(String, String)> {
    let mut reader = Reader::from_str(document);
    let (mut said, mut open, mut text) = (Vec::new(), String::new(), String::new());
    loop {
        match reader.read_event().unwrap() {
            Event::Start(start) => {
                open = String::from_utf8(start.local_name().as_ref().to_vec()).unwrap();
                text.clear();
            }
            Event::Text(part) => text.push_str(&part.xml_content().unwrap()),
            Event::GeneralRef(name) => text.push_str(match name.decode().unwrap().as_ref() {
                "lt" => "<",
                "gt" => ">",
                "amp" => "&",
                other => panic!("{other}"),
            }),
            Event::End(end) if end.local_name().as_ref() == open.as_bytes() => {
                said.push((std::mem::take(&mut open), std::mem::take(&mut text)));
            }
            Event::Eof => return said,
            _ => {}
        }
    }
}

const RIGHT: [(&str, &str); 6] =
    [("q1", "blue"), ("q2", "trust"), ("q2", "beauty"), ("o2", "<chess> & go"), ("q3", " 30 "), ("q4", "")];

#[tokio::test]
async fn the_preview_shows_the_questions_and_takes_no_answers() {
    let place = Place::open().await;
    let (_, group) = publish(&place).await;
    let (mut ada, _) = place.signed_up("ada").await;
    let preview = ada.get(&place.page(&format!("groups/{group}"))).await.unwrap();
    assert_eq!((count(&preview, "iframe"), count(&preview, "fieldset[disabled]")), (0, 4));
    assert_eq!(count(&preview, "fieldset"), 4, "every question is disabled");
    assert_eq!(count(&preview, "form [name=q1]"), 0, "nothing of it can be sent");
    assert!(preview.body.contains("Which games do you know?"));
    assert!(preview.body.contains("<p>Be honest.</p>"), "words only");
    assert!(!preview.body.contains("alert(1)"));
}

#[tokio::test]
async fn what_the_page_would_leave_out_is_refused_when_the_hit_is_published() {
    let place = Place::open().await;
    let (kind, red, asked) = ("ParameterValidationError", "<Text>Red</Text>", "<Text>Why?</Text>");
    for (good, bad, code, why) in [
        (asked, "<Text>Why is <b>this</b> so?</Text>", "XMLParseError", "Text cannot have b"),
        (asked, "<Application><JavaApplet/></Application>", "XMLParseError", "cannot have Application"),
        (asked, "<Binary><DataURL>https://x/</DataURL></Binary>", "XMLParseError", "no AltText"),
        (asked, "<FormattedContent><p>Why?</p></FormattedContent>", "XMLParseError", "CDATA"),
        (asked, "", "XMLParseError", "nothing in it to read"),
        ("<Overview>", "<Overview><Video/>", "XMLParseError", "cannot have Video"),
        (red, "<FormattedContent><![CDATA[<b>Red]]></FormattedContent>", "XHTMLParseError", "XHTML"),
    ] {
        assert!(FORM.contains(good), "{good}");
        let sent = place.publish(1).question(FORM.replacen(good, bad, 1)).send().await;
        refused(sent).is(kind, code, why);
    }
    assert_eq!(place.client.list_hits().send().await.unwrap().num_results(), Some(0));
}

#[tokio::test]
async fn a_hit_that_was_published_before_a_check_was_made_is_still_shown_and_done() {
    let mut work = at_work().await;
    let loose = FORM.replacen("<Text>Why?</Text>", "<Text>Why <b>so</b>?</Text><Colour/>", 1);
    let loose = loose.replacen("<b>honest</b>.", "<b>honest</b>.<br>", 1);
    assert!(work.place.publish(1).question(&loose).send().await.is_err(), "not published any more");
    sqlx::query("update market.hit set question = $1")
        .bind(&loose)
        .execute(work.place.market.pool())
        .await
        .unwrap();
    let page = work.place.page(&format!("work/{}", work.assignment_id));
    let shown = work.browser.get(&page).await.unwrap();
    assert_eq!((shown.status, count(&shown, "form#answers fieldset")), (StatusCode::OK, 4));
    let (mut bob, _) = work.place.signed_up("bob").await;
    let group = work.place.client.list_hits().send().await.unwrap().hits()[0].hit_type_id.clone().unwrap();
    let preview = bob.get(&work.place.page(&format!("groups/{group}"))).await.unwrap();
    assert_eq!((preview.status, count(&preview, "fieldset[disabled]")), (StatusCode::OK, 4));
    work.hand_in(&RIGHT).await;
    assert!(work.answer().await.contains("<SelectionIdentifier>blue</SelectionIdentifier>"));
}

#[tokio::test]
async fn links_and_pictures_of_a_form_are_told_in_words() {
    let place = Place::open().await;
    let told = "<FormattedContent><![CDATA[<p>Open <a href=\"https://lab.example/a\">this page</a>.</p><img src='m.png' alt='A map'/>]]></FormattedContent>";
    let question = FORM.replacen("<Text>Why?</Text>", told, 1);
    let hit = place.publish(1).question(question).send().await.unwrap().hit.unwrap();
    let (mut ada, _) = place.signed_up("ada").await;
    let group = hit.hit_type_id().unwrap();
    let preview = ada.get(&place.page(&format!("groups/{group}"))).await.unwrap();
    assert!(
        preview.body.contains("<p>Open this page (https://lab.example/a). A map</p>"),
        "{}",
        preview.body
    );
}

#[tokio::test]
async fn answers_are_handed_in_on_the_page_and_read_through_the_protocol() {
    let mut work = at_work().await;
    assert_eq!((count(&work.page, "iframe"), count(&work.page, "fieldset[disabled]")), (0, 0));
    assert_eq!(count(&work.page, "form#answers fieldset"), 4);
    let done = work.hand_in(&RIGHT).await;
    assert!(done.url.path().ends_with("/work"), "{}", done.url);
    assert!(done.body.contains("Submitted. The requester will review your work."));
    let state = format!("tr[data-assignment='{}']", work.assignment_id);
    assert_eq!(attribute(&done, &state, "data-state").as_deref(), Some("submitted"));
    let expected = [
        ("QuestionIdentifier", "colour"),
        ("SelectionIdentifier", "blue"),
        ("QuestionIdentifier", "games"),
        ("SelectionIdentifier", "trust"),
        ("SelectionIdentifier", "beauty"),
        ("OtherSelectionText", "<chess> & go"),
        ("QuestionIdentifier", "age"),
        ("FreeText", "30"),
        ("QuestionIdentifier", "why"),
        ("FreeText", ""),
    ];
    let answer = work.answer().await;
    assert_eq!(said(&answer), owned(&expected), "{answer}");
    let hit = work.place.client.list_hits().send().await.unwrap().hits.unwrap().remove(0);
    assert_eq!(
        (hit.number_of_assignments_pending(), hit.number_of_assignments_available()),
        (Some(0), Some(1))
    );

    let again = work.hand_in(&[("q1", "red"), ("q2", "trust"), ("q3", "31")]).await;
    assert!(again.url.path().ends_with("/work") && !again.body.contains("Submitted. The requester"));
    assert_eq!(work.answer().await, answer, "what was handed in first is what counts");
}

#[tokio::test]
async fn wrong_answers_are_told_beside_their_questions_and_all_that_was_typed_is_kept() {
    let mut work = at_work().await;
    let typed = [("q2", "trust"), ("o2", "chess"), ("q3", "17"), ("q4", "longer than it may be, by far")];
    let again = work.hand_in(&typed).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(again.body.contains("3 answers need"), "{}", again.body);
    for why in ["Please answer this question.", "at least 18", "at most 20 characters"] {
        assert_eq!(again.body.matches(why).count(), 1, "{why}");
    }
    assert!(attribute(&again, "input[value=trust]", "checked").is_some());
    assert!(attribute(&again, "input[value=beauty]", "checked").is_none());
    assert_eq!(attribute(&again, "#o2", "value").as_deref(), Some("chess"));
    assert_eq!(attribute(&again, "#q3", "value").as_deref(), Some("17"));
    assert!(again.body.contains("longer than it may be, by far"));
    assert_eq!(attribute(&again, "#left", "data-seconds").as_deref(), Some("600"), "the time goes on");
    let still = work.place.look(&attribute(&again, "[data-hit]", "data-hit").unwrap()).await;
    assert_eq!(still.number_of_assignments_pending(), Some(1));
    work.hand_in(&RIGHT).await;
    assert!(work.answer().await.contains("&lt;chess&gt; &amp; go"));
}

#[tokio::test]
async fn a_character_that_no_text_may_have_does_not_cost_what_was_typed() {
    let mut work = at_work().await;
    let typed = [("q1", "blue"), ("q2", "trust"), ("o2", "che\0ss"), ("q3", "\0"), ("q4", "be\0cause")];
    let again = work.hand_in(&typed).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", again.body);
    assert!(again.body.contains("One answer needs") && again.body.contains("Please answer this question."));
    assert_eq!(attribute(&again, "#o2", "value").as_deref(), Some("chess"));
    assert!(again.body.contains("because"));
    work.hand_in(&[("q1", "blue"), ("q2", "trust"), ("o2", "che\0ss"), ("q3", "30\0"), ("q4", "be\0cause")])
        .await;
    let answer = work.answer().await;
    for kept in [">chess<", ">30<", ">because<"] {
        assert!(answer.contains(kept), "{answer}");
    }
    let address = work.place.page("work/%00");
    let refused = work.browser.post(&address, &owned(&RIGHT)).await.unwrap();
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(refused.body.contains("cannot be stored"), "{}", refused.body);
}

#[tokio::test]
async fn a_form_is_handed_in_on_its_page_only_by_its_holder_and_in_time() {
    let mut work = at_work().await;
    let around = work.place.submit(&work.assignment_id).await;
    assert!(matches!(around, Err(WorkError::OwnForm)), "{around:?}");
    let fields = owned(&[("assignmentId", &work.assignment_id), ("colour", "green")]);
    let outside = work.browser.post(&work.place.page("mturk/externalSubmit"), &fields).await.unwrap();
    assert_eq!(outside.status, StatusCode::BAD_REQUEST);
    assert!(outside.body.contains("the form on its own page"), "{}", outside.body);
    let (mut bob, bob_id) = work.place.signed_up("bob").await;
    let to = work.place.page(&format!("work/{}", work.assignment_id));
    assert_eq!(bob.post(&to, &owned(&RIGHT)).await.unwrap().status, StatusCode::NOT_FOUND);
    let framed = work.place.hit(1).await;
    let other = work.place.accept(&bob_id, Wanted::Hit(&framed)).await.unwrap().assignment_id;
    let plain = bob.post(&work.place.page(&format!("work/{other}")), &owned(&RIGHT)).await.unwrap();
    assert_eq!(plain.status, StatusCode::BAD_REQUEST, "a HIT with a frame has no form here");
    work.place.step(chrono::Duration::seconds(601)).await;
    let late = work.hand_in(&RIGHT).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    assert!(late.body.contains("time allotted"), "{}", late.body);
    let nothing = work.place.client.get_assignment().assignment_id(&work.assignment_id).send().await;
    refused(nothing).is("RequestError", "InvalidAssignmentState", "with a status of");
}
