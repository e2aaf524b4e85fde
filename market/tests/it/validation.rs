//! What each member of an input may say, and which kind of error says that it may not.

use aws_sdk_mturk::operation::create_hit::builders::CreateHITFluentBuilder;
use aws_sdk_mturk::types::{Comparator, QualificationRequirement};

use crate::harness::{Place, QUESTION, refused};

type Change = fn(CreateHITFluentBuilder) -> CreateHITFluentBuilder;

#[tokio::test]
async fn limits_of_a_hit_are_kept() {
    let place = Place::open().await;
    let range = "AWS.ParameterOutOfRange";
    let value = "InvalidParameterValue";
    let parameter = "ParameterValidationError";
    let cases: [(&str, Change, &str, &str, &str); 15] = [
        ("title missing", |c| c.set_title(None), "ValidationException", "", "Value null at 'title'"),
        ("title too long", |c| c.title("x".repeat(129)), parameter, range, "Title"),
        ("title blank", |c| c.title(" "), parameter, value, "Title"),
        ("description", |c| c.description("x".repeat(2001)), parameter, range, "Description"),
        ("keywords", |c| c.keywords("x".repeat(1001)), parameter, range, "Keywords"),
        ("reward", |c| c.reward("abc"), "ValidationException", "", "Value 'abc' at 'reward'"),
        ("reward in tenths of cents", |c| c.reward("0.125"), "ValidationException", "", "'0.125'"),
        ("no places", |c| c.max_assignments(0), parameter, range, "MaxAssignments"),
        ("short lifetime", |c| c.lifetime_in_seconds(29), parameter, range, "LifetimeInSeconds"),
        ("long lifetime", |c| c.lifetime_in_seconds(31_536_001), parameter, range, "LifetimeInSeconds"),
        ("duration", |c| c.assignment_duration_in_seconds(29), parameter, range, "AssignmentDuration"),
        ("approval", |c| c.auto_approval_delay_in_seconds(2_592_001), parameter, range, "AutoApproval"),
        ("annotation", |c| c.requester_annotation("x".repeat(256)), parameter, range, "RequesterAnnotation"),
        (
            "token",
            |c| c.unique_request_token("x".repeat(65)),
            "ValidationException",
            "",
            "'uniqueRequestToken'",
        ),
        (
            "layout",
            |c| c.hit_layout_id("3ABC").set_question(None),
            "RequestError",
            "HITLayoutDoesNotExist",
            "3ABC",
        ),
    ];
    for (name, change, kind, code, message) in cases {
        println!("{name}");
        refused(change(place.publish(1)).send().await).is(kind, code, message);
    }
    assert_eq!(place.client.list_hits().send().await.unwrap().num_results, Some(0));
}

#[tokio::test]
async fn what_is_just_within_the_limits_is_taken() {
    let place = Place::open().await;
    let call =
        place.publish(1).title("x".repeat(128)).description("x".repeat(2000)).keywords("x".repeat(1000));
    let call = call.requester_annotation("x".repeat(255)).reward("0").lifetime_in_seconds(31_536_000);
    let call = call.unique_request_token("x".repeat(64)).auto_approval_delay_in_seconds(0);
    let hit = call.send().await.unwrap().hit.unwrap();
    assert_eq!(hit.reward(), Some("0.00"));
    assert_eq!(place.balance().await, ("999.99".into(), "0.01".into()));
}

#[tokio::test]
async fn a_question_must_be_one() {
    let place = Place::open().await;
    let parse = "There was an error parsing the XML question";
    let ask = |question: String| place.publish(1).question(question).send();
    for bad in
        ["<x/>".to_owned(), QUESTION.replace("&amp;", "&"), QUESTION.replace("2006-07-14", "2006-07-15")]
    {
        refused(ask(bad).await).is("ParameterValidationError", "XMLParseError", parse);
    }
    let http = QUESTION.replace("https:", "http:");
    refused(ask(http.clone()).await).is("ParameterValidationError", "InvalidParameterValue", "https");
    let rehearsal = Place::with(|settings| settings.allow_http_questions = true).await;
    rehearsal.publish(1).question(http).send().await.unwrap();
    let missing = place.publish(1).set_question(None).send().await;
    refused(missing).is("ParameterValidationError", "InvalidParameterValue", "Question");
}

#[tokio::test]
async fn ids_and_pages_follow_their_patterns() {
    let place = Place::open().await;
    let client = &place.client;
    for bad in ["", "abc", "3A-B", &"A".repeat(65)] {
        let refusal = refused(client.get_hit().hit_id(bad).send().await);
        refusal.is("ValidationException", "", "at 'hITId' failed to satisfy constraint");
    }
    let missing = refused(client.get_hit().hit_id("3UNKNOWN").send().await);
    missing.is("RequestError", "HITDoesNotExist", "Hit 3UNKNOWN does not exist.");
    for size in [0, 101] {
        let refusal = refused(client.list_hits().max_results(size).send().await);
        refusal.is("ValidationException", "", "'maxResults'");
    }
    let forged = refused(client.list_hits().next_token("5.forged").send().await);
    forged.is("ParameterValidationError", "InvalidParameterValue", "NextToken");
    place.hit(1).await;
    place.hit(1).await;
    let token = client.list_hits().max_results(1).send().await.unwrap().next_token.unwrap();
    let elsewhere = refused(client.list_reviewable_hits().next_token(token).send().await);
    elsewhere.is("ParameterValidationError", "InvalidParameterValue", "NextToken");
}

#[tokio::test]
async fn feedback_is_needed_to_reject_and_has_limits() {
    let place = Place::open().await;
    let hit_id = place.hit(1).await;
    let (_, id) = place.work("one", &hit_id).await;
    let reject = || place.client.reject_assignment().assignment_id(&id);
    refused(reject().send().await).is("ValidationException", "", "Value null at 'requesterFeedback'");
    let long = "x".repeat(1025);
    refused(reject().requester_feedback(long).send().await).is(
        "ParameterValidationError",
        "AWS.ParameterOutOfRange",
        "RequesterFeedback",
    );
    let bell = refused(reject().requester_feedback("no\u{7}").send().await);
    bell.is("ParameterValidationError", "InvalidParameterValue", "RequesterFeedback");
    reject().requester_feedback("").send().await.unwrap();
}

#[tokio::test]
async fn bonus_payments_are_listed_by_one_thing() {
    let place = Place::open().await;
    let list = || place.client.list_bonus_payments();
    refused(list().send().await).is("ParameterValidationError", "InvalidParameterValue", "needed");
    let both = refused(list().hit_id("3A").assignment_id("3B").send().await);
    both.is("InvalidParameterCombinationError", "", "together");
    refused(list().hit_id("3A").send().await).is("RequestError", "HITDoesNotExist", "Hit 3A");
    refused(list().assignment_id("3B").send().await).is("RequestError", "AssignmentDoesNotExist", "3B");
}

#[tokio::test]
async fn requirements_read_back_and_change_the_type() {
    let place = Place::open().await;
    let build = QualificationRequirement::builder().qualification_type_id("3EXCLUDE");
    let requirement = build.comparator(Comparator::DoesNotExist).build().unwrap();
    let plain = place.publish(1).send().await.unwrap().hit.unwrap();
    let call = place.publish(1).qualification_requirements(requirement.clone());
    let guarded = call.send().await.unwrap().hit.unwrap();
    assert_eq!(guarded.qualification_requirements(), [requirement]);
    assert_ne!(plain.hit_type_id, guarded.hit_type_id);
    let build = QualificationRequirement::builder().qualification_type_id("2F1QJWKUDD8XADTFD2Q0G6UTO95ALH");
    let masters = build.comparator(Comparator::Exists).build().unwrap();
    let before = place.balance().await.1;
    place.publish(1).qualification_requirements(masters).send().await.unwrap();
    assert_eq!((before.as_str(), place.balance().await.1.as_str()), ("2.40", "3.65"));
}
