//! Taking a qualification's test on the worker site.

use axum::http::StatusCode;
use chrono::Duration;
use market::clock::Turn;
use market::engine::qualifications::requests;
use market::engine::qualifications::types::{self, NewType, Test};
use market::workers::bots::browser::{Browser, Page};

use crate::world::{World, attribute, form, world};

pub const FORM: &str = r#"<QuestionForm xmlns="http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2017-11-06/QuestionForm.xsd">
 <Overview><Title>The rules</Title><Text>Two people share ten dollars.</Text></Overview>
 <Question><QuestionIdentifier>payoff</QuestionIdentifier><DisplayName>Payoff</DisplayName><IsRequired>true</IsRequired>
  <QuestionContent><Text>What do you get at most?</Text></QuestionContent>
  <AnswerSpecification><SelectionAnswer><StyleSuggestion>radiobutton</StyleSuggestion><Selections>
   <Selection><SelectionIdentifier>five</SelectionIdentifier><Text>$5</Text></Selection>
   <Selection><SelectionIdentifier>ten</SelectionIdentifier><Text>$10</Text></Selection></Selections></SelectionAnswer></AnswerSpecification></Question>
 <Question><QuestionIdentifier>players</QuestionIdentifier><QuestionContent><Text>Who plays?</Text></QuestionContent>
  <AnswerSpecification><SelectionAnswer><MinSelectionCount>1</MinSelectionCount><MaxSelectionCount>2</MaxSelectionCount><Selections>
   <Selection><SelectionIdentifier>me</SelectionIdentifier><Text>Me</Text></Selection>
   <Selection><SelectionIdentifier>you</SelectionIdentifier><Text>You</Text></Selection></Selections></SelectionAnswer></AnswerSpecification></Question>
 <Question><QuestionIdentifier>age</QuestionIdentifier><QuestionContent><Text>How old are you?</Text></QuestionContent>
  <AnswerSpecification><FreeTextAnswer><Constraints><IsNumeric minValue="18" maxValue="99"/></Constraints></FreeTextAnswer></AnswerSpecification></Question>
</QuestionForm>"#;

pub const KEY: &str = r#"<AnswerKey xmlns="http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2005-10-01/AnswerKey.xsd">
 <Question><QuestionIdentifier>payoff</QuestionIdentifier><AnswerOption><SelectionIdentifier>ten</SelectionIdentifier><AnswerScore>1</AnswerScore></AnswerOption></Question>
 <Question><QuestionIdentifier>players</QuestionIdentifier><AnswerOption><SelectionIdentifier>me</SelectionIdentifier><SelectionIdentifier>you</SelectionIdentifier><AnswerScore>1</AnswerScore></AnswerOption></Question>
 <QualificationValueMapping><PercentageMapping><MaximumSummedScore>2</MaximumSummedScore></PercentageMapping></QualificationValueMapping>
</AnswerKey>"#;

/// A type with a test; without a key its requester decides.
pub async fn tested(world: &World, key: Option<&str>, retry_delay: Option<i64>) -> String {
    let (mut tx, now) = world.market.begin().await.unwrap();
    let new = NewType {
        name: format!("Rules {retry_delay:?}"),
        description: "Has understood the game".into(),
        keywords: None,
        active: true,
        retry_delay,
        auto_granted: false,
        auto_granted_value: 1,
        test: Some(Test { form: FORM.into(), key: key.map(Into::into), duration: 600 }),
    };
    let made = types::create(&mut tx, now, &world.requester_id, &new).await.unwrap();
    tx.commit().await.unwrap();
    made.qualification_type_id
}

async fn open(world: &World, browser: &mut Browser, id: &str) -> Page {
    browser.post(&world.at(&format!("qualifications/{id}/test/open")), &[]).await.unwrap()
}

async fn hand_in(world: &World, browser: &mut Browser, id: &str, fields: &[(&str, &str)]) -> Page {
    browser.post(&world.at(&format!("qualifications/{id}/test")), &form(fields)).await.unwrap()
}

const RIGHT: [(&str, &str); 4] = [("q1", "ten"), ("q2", "you"), ("q2", "me"), ("q3", "30")];

#[tokio::test]
async fn a_character_that_no_text_may_have_does_not_cost_a_test() {
    let world = world().await;
    let id = tested(&world, Some(KEY), None).await;
    let (mut ada, _) = world.worker("Ada").await;
    open(&world, &mut ada, &id).await;
    let fields = [("q1", "ten"), ("q2", "you"), ("q2", "me"), ("q3", "3\0")];
    let again = hand_in(&world, &mut ada, &id, &fields).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(attribute(&again, "#q3", "value").as_deref(), Some("3"));
    let done =
        hand_in(&world, &mut ada, &id, &[("q1", "ten"), ("q2", "you"), ("q2", "me"), ("q3", "3\x000")]).await;
    assert_eq!(attribute(&done, &format!("[data-held='{id}']"), "data-value").as_deref(), Some("100"));
}

#[tokio::test]
async fn a_test_with_a_key_is_scored_and_granted_at_once() {
    let world = world().await;
    let id = tested(&world, Some(KEY), None).await;
    let (mut ada, _) = world.worker("Ada").await;
    let list = ada.get(&world.at("qualifications")).await.unwrap();
    let action = attribute(&list, &format!("[data-offered='{id}']"), "action").unwrap();
    assert!(action.ends_with("/test/open"), "{action}");
    let asked = ada.post(&world.at(&format!("qualifications/{id}/ask")), &[]).await.unwrap();
    assert_eq!(asked.status, StatusCode::CONFLICT, "a test cannot be passed by");

    let page = open(&world, &mut ada, &id).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    assert_eq!(attribute(&page, "#left", "data-seconds").as_deref(), Some("600"));
    assert_eq!(attribute(&page, "input[value=ten]", "type").as_deref(), Some("radio"));
    assert_eq!(attribute(&page, "input[value=me]", "type").as_deref(), Some("checkbox"));
    assert_eq!(attribute(&page, "#q3", "max").as_deref(), Some("99"));
    let done = hand_in(&world, &mut ada, &id, &RIGHT).await;
    assert_eq!(attribute(&done, &format!("[data-held='{id}']"), "data-value").as_deref(), Some("100"));

    let (mut bob, _) = world.worker("Bob").await;
    open(&world, &mut bob, &id).await;
    let done = hand_in(&world, &mut bob, &id, &[("q1", "ten"), ("q2", "me")]).await;
    assert_eq!(attribute(&done, &format!("[data-held='{id}']"), "data-value").as_deref(), Some("50"));
}

#[tokio::test]
async fn answers_that_will_not_do_are_told_beside_them_and_kept() {
    let world = world().await;
    let id = tested(&world, Some(KEY), None).await;
    let (mut ada, _) = world.worker("Ada").await;
    open(&world, &mut ada, &id).await;
    let again = hand_in(&world, &mut ada, &id, &[("q2", "me"), ("q3", "12")]).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(again.body.contains("2 answers need"), "{}", again.body);
    assert!(again.body.contains("Please answer this question.") || again.body.contains("Choose"));
    assert!(again.body.contains("at least 18"));
    assert_eq!(attribute(&again, "#q3", "value").as_deref(), Some("12"));
    assert!(attribute(&again, "input[value=me]", "checked").is_some());
    assert!(attribute(&again, "input[value=you]", "checked").is_none());
    let done = hand_in(&world, &mut ada, &id, &RIGHT).await;
    assert!(attribute(&done, &format!("[data-held='{id}']"), "data-value").is_some());
}

#[tokio::test]
async fn a_test_without_a_key_waits_for_the_requester_who_reads_the_answers() {
    let world = world().await;
    let id = tested(&world, None, None).await;
    let (mut ada, worker_id) = world.worker("Ada").await;
    open(&world, &mut ada, &id).await;
    let done = hand_in(&world, &mut ada, &id, &RIGHT).await;
    assert!(done.body.contains("Its requester decides"), "{}", done.body);
    let mut conn = world.market.pool().acquire().await.unwrap();
    let waiting = requests::page(&mut conn, &world.requester_id, None, 0, 10).await.unwrap();
    assert_eq!((waiting.len(), &waiting[0].worker_id), (1, &worker_id));
    let answer = waiting[0].answer.as_deref().unwrap();
    assert!(
        answer.contains("<QuestionIdentifier>age</QuestionIdentifier><FreeText>30</FreeText>"),
        "{answer}"
    );
    assert_eq!(waiting[0].test.as_deref(), Some(FORM));
}

#[tokio::test]
async fn time_runs_out_and_the_delay_decides_about_another_try() {
    let world = world().await;
    for (delay, waits, second) in [(None, 0, StatusCode::CONFLICT), (Some(3600), 3000, StatusCode::OK)] {
        let id = tested(&world, None, delay).await;
        let (mut ada, _) = world.worker(&format!("Ada{waits}")).await;
        open(&world, &mut ada, &id).await;
        world.market.set_clock(Turn::Step(Duration::seconds(601))).await.unwrap();
        let late = hand_in(&world, &mut ada, &id, &RIGHT).await;
        assert!(
            late.status == StatusCode::CONFLICT && late.body.contains("time for this test"),
            "{}",
            late.body
        );
        assert_eq!(open(&world, &mut ada, &id).await.status, StatusCode::CONFLICT);
        world.market.set_clock(Turn::Step(Duration::seconds(waits))).await.unwrap();
        assert_eq!(open(&world, &mut ada, &id).await.status, second, "{delay:?}");
    }
    let (mut eve, _) = world.worker("Eve").await;
    let id = tested(&world, None, Some(1)).await;
    let unopened = hand_in(&world, &mut eve, &id, &RIGHT).await;
    assert_eq!(unopened.status, StatusCode::NOT_FOUND);
}
