//! Tests of qualifications as requesters set them.

use aws_sdk_mturk::operation::create_qualification_type::builders::CreateQualificationTypeFluentBuilder;
use aws_sdk_mturk::types::QualificationTypeStatus;
use market::engine::qualifications::form::QuestionForm;
use market::engine::qualifications::given::Given;
use market::engine::qualifications::requests::Asked;
use market::engine::qualifications::testing;

use crate::harness::{Place, refused};

const FORM: &str = r#"<QuestionForm xmlns="http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2005-10-01/QuestionForm.xsd">
 <Question><QuestionIdentifier>q</QuestionIdentifier><QuestionContent><Text>Right?</Text></QuestionContent>
  <AnswerSpecification><SelectionAnswer><Selections><Selection><SelectionIdentifier>yes</SelectionIdentifier><Text>Yes</Text></Selection>
  <Selection><SelectionIdentifier>no</SelectionIdentifier><Text>No</Text></Selection></Selections></SelectionAnswer></AnswerSpecification></Question></QuestionForm>"#;
const KEY: &str = r#"<AnswerKey xmlns="http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2005-10-01/AnswerKey.xsd">
 <Question><QuestionIdentifier>q</QuestionIdentifier><AnswerOption><SelectionIdentifier>yes</SelectionIdentifier><AnswerScore>7</AnswerScore></AnswerOption></Question></AnswerKey>"#;

fn create(place: &Place, name: &str) -> CreateQualificationTypeFluentBuilder {
    let call = place.client.create_qualification_type().name(name).description("Knows it");
    call.qualification_type_status(QualificationTypeStatus::Active)
}

#[tokio::test]
async fn a_test_and_its_key_read_back_to_their_owner_only() {
    let place = Place::open().await;
    let call = create(&place, "tested").test(FORM).answer_key(KEY).test_duration_in_seconds(60);
    let made = call.send().await.unwrap().qualification_type.unwrap();
    assert_eq!((made.test(), made.answer_key()), (Some(FORM), Some(KEY)));
    assert_eq!(made.test_duration_in_seconds, Some(60));
    let id = made.qualification_type_id().unwrap();
    let stranger = place.stranger().await;
    let seen = stranger.get_qualification_type().qualification_type_id(id).send().await.unwrap();
    let seen = seen.qualification_type.unwrap();
    assert_eq!((seen.test(), seen.answer_key()), (None, None));
    assert_eq!(seen.test_duration_in_seconds, Some(60));
}

#[tokio::test]
async fn what_does_not_go_together_is_refused() {
    let place = Place::open().await;
    let (parameter, value) = ("ParameterValidationError", "InvalidParameterValue");
    let alone = create(&place, "a").test(FORM).send().await;
    refused(alone).is(parameter, value, "TestDurationInSeconds");
    let key_alone = create(&place, "b").answer_key(KEY).send().await;
    refused(key_alone).is(parameter, value, "need a Test");
    let duration_alone = create(&place, "c").test_duration_in_seconds(5).send().await;
    refused(duration_alone).is(parameter, value, "need a Test");
    let tested = |name: &str| create(&place, name).test_duration_in_seconds(60);
    let both = tested("d").test(FORM).auto_granted(true).send().await;
    refused(both).is("InvalidParameterCombinationError", "", "AutoGranted");
    let endless = create(&place, "e").test(FORM).test_duration_in_seconds(0).send().await;
    refused(endless).is(parameter, "AWS.ParameterOutOfRange", "TestDurationInSeconds");
    let long = tested("f").test(format!("{FORM}{}", " ".repeat(65_536))).send().await;
    refused(long).is(parameter, "AWS.ParameterOutOfRange", "65535");
    for (form, key) in [
        ("words", KEY),
        ("<QuestionForm/>", KEY),
        (FORM, "words"),
        (FORM, &KEY.replace(">q<", ">other<")),
        (FORM, &KEY.replace(">yes<", ">maybe<")),
    ] {
        let answer = tested("g").test(form).answer_key(key).send().await;
        refused(answer).is(parameter, "XMLParseError", "error parsing the XML");
    }
}

#[tokio::test]
async fn a_test_stays_once_there_is_one_and_a_new_one_drops_the_old_key() {
    let place = Place::open().await;
    let made = create(&place, "plain").auto_granted(true).send().await.unwrap().qualification_type.unwrap();
    let id = made.qualification_type_id().unwrap();
    let update = || place.client.update_qualification_type().qualification_type_id(id);
    let key_first = update().answer_key(KEY).send().await;
    refused(key_first).is("ParameterValidationError", "InvalidParameterValue", "need a Test");
    let still_granted = update().test(FORM).test_duration_in_seconds(60).send().await;
    refused(still_granted).is("InvalidParameterCombinationError", "", "AutoGranted");
    let call = update().test(FORM).test_duration_in_seconds(60).answer_key(KEY).auto_granted(false);
    call.retry_delay_in_seconds(5).send().await.unwrap();
    let kept = update().description("Other words").send().await.unwrap().qualification_type.unwrap();
    assert_eq!((kept.test(), kept.answer_key()), (Some(FORM), Some(KEY)));
    assert_eq!((kept.retry_delay_in_seconds, kept.test_duration_in_seconds), (Some(5), Some(60)));
    let emptied = update().test("").test_duration_in_seconds(60).send().await;
    refused(emptied).is("ParameterValidationError", "XMLParseError", "error parsing the XML");
    let again = update().auto_granted(true).send().await;
    refused(again).is("InvalidParameterCombinationError", "", "AutoGranted");
    let renewed = update().test(FORM).test_duration_in_seconds(90).send().await.unwrap();
    let renewed = renewed.qualification_type.unwrap();
    assert_eq!((renewed.test(), renewed.answer_key()), (Some(FORM), None));
    assert_eq!(renewed.test_duration_in_seconds, Some(90));
}

#[tokio::test]
async fn requests_carry_the_test_and_what_was_answered() {
    let place = Place::open().await;
    let call = create(&place, "tested").test(FORM).test_duration_in_seconds(60).send().await.unwrap();
    let id = call.qualification_type.unwrap().qualification_type_id.unwrap();
    let worker_id = place.worker("one").await;
    let (mut tx, now) = place.market.begin().await.unwrap();
    testing::open(&mut tx, now, &worker_id, &id).await.unwrap();
    let given = Given { id: "q".into(), selections: vec!["no".into()], text: None };
    let asked = testing::hand_in(&mut tx, now, &worker_id, &id, &[given]).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(asked, Asked::Waiting);
    let page = place.client.list_qualification_requests().send().await.unwrap();
    let [request] = page.qualification_requests() else { panic!("one request waits") };
    assert_eq!(request.test(), Some(FORM));
    assert!(request.answer().unwrap().contains("<SelectionIdentifier>no</SelectionIdentifier>"));
}

#[tokio::test]
async fn a_test_from_before_xhtml_was_checked_still_opens_and_can_be_retired() {
    let place = Place::open().await;
    let call = create(&place, "old").test(FORM).test_duration_in_seconds(60);
    let made = call.send().await.unwrap().qualification_type.unwrap();
    let id = made.qualification_type_id().unwrap();
    let text = "<Text>Right?</Text>";
    let loose = FORM.replace(text, "<FormattedContent><![CDATA[Right<br>?]]></FormattedContent>");
    sqlx::query("update market.qualification_type set test = $2 where qualification_type_id = $1")
        .bind(id)
        .bind(&loose)
        .execute(place.market.pool())
        .await
        .unwrap();
    let kind = || place.client.update_qualification_type().qualification_type_id(id);
    kind().qualification_type_status(QualificationTypeStatus::Inactive).send().await.unwrap();
    let again = kind().test(&loose).test_duration_in_seconds(60).send().await;
    refused(again).is("ParameterValidationError", "XHTMLParseError", "XHTML");
    assert_eq!(QuestionForm::parse(&loose).unwrap().questions().count(), 1);
}
