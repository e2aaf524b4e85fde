//! Kinds of qualifications.

use serde_json::{Value, json};

use super::lists::pages;
use crate::conformance::case::{
    Case, Refusal, combination, fails, invalid, parameter, range, request, works,
};
use crate::conformance::world::{World, with};

pub(super) const UNKNOWN: Refusal =
    request("QualificationTypeDoesNotExist", "QualificationType * does not exist.");
const APPROVED: &str = "00000000000000000040";

/// The shortest form there is.
pub const FORM: &str = "<QuestionForm xmlns=\"http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2017-11-06/\
    QuestionForm.xsd\"><Question><QuestionIdentifier>q</QuestionIdentifier><QuestionContent><Text>Why?</Text>\
    </QuestionContent><AnswerSpecification><FreeTextAnswer/></AnswerSpecification></Question></QuestionForm>";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = making();
    cases.extend(changing());
    cases.extend(deleting_and_looking());
    cases.extend(listing());
    cases
}

fn new(changes: Value) -> Value {
    let base =
        json!({ "Name": "Plays well", "Description": "Won a game", "QualificationTypeStatus": "Active" });
    with(base, changes)
}

fn making() -> Vec<Case> {
    let operation = "CreateQualificationType";
    let say = |situation, refusal, changes: fn() -> Value| {
        fails(operation, situation, refusal, async move |_: &World| new(changes()))
    };
    vec![
        works(operation, "a kind that the requester grants", async |_: &World| new(json!({})))
            .gives("/QualificationType/QualificationTypeStatus", "Active")
            .gives("/QualificationType/AutoGranted", false),
        works(operation, "a kind that is granted to who asks", async |_: &World| {
            new(json!({ "AutoGranted": true, "AutoGrantedValue": 5, "RetryDelayInSeconds": 60, "Keywords": "game" }))
        })
        .gives("/QualificationType/AutoGrantedValue", 5)
        .gives("/QualificationType/RetryDelayInSeconds", 60),
        fails(
            operation,
            "a name that is taken",
            request("QualificationTypeAlreadyExists", "You have already created a QualificationType with this name."),
            async |world: &World| {
                world.kind().await;
                new(json!({}))
            },
        ),
        say("a blank name", invalid("*Name*"), || json!({ "Name": " " })),
        say("a name of 201 characters", range("*Name*"), || json!({ "Name": "x".repeat(201) })),
        say("a description of 2001 characters", range("*Description*"), || {
            json!({ "Description": "x".repeat(2001) })
        }),
        say("keywords of 1001 characters", range("*Keywords*"), || json!({ "Keywords": "x".repeat(1001) })),
        say("a negative delay", range("*RetryDelayInSeconds*"), || json!({ "RetryDelayInSeconds": -1 })),
        works(operation, "a kind with a test", async |_: &World| {
            new(json!({ "Test": FORM, "TestDurationInSeconds": 60 }))
        })
        .gives("/QualificationType/Test", FORM)
        .gives("/QualificationType/TestDurationInSeconds", 60),
        say("a test that is no QuestionForm", parameter("XMLParseError", "*parsing the XML*"), || {
            json!({ "Test": "words", "TestDurationInSeconds": 60 })
        }),
        say("a test with XHTML that is not well-formed", parameter("XHTMLParseError", "*parsing the XHTML*"), || {
            json!({ "Test": untidy(), "TestDurationInSeconds": 60 })
        }),
        say("a test without a duration", invalid("*TestDurationInSeconds*"), || json!({ "Test": FORM })),
        say("a key without a test", invalid("*need a Test*"), || json!({ "AnswerKey": "<AnswerKey/>" })),
        say("a test of 65536 bytes", range("*Test*65535*"), || {
            json!({ "Test": "x".repeat(65_536), "TestDurationInSeconds": 60 })
        }),
        say("a test and granting at once", combination("*AutoGranted*"), || {
            json!({ "Test": FORM, "TestDurationInSeconds": 60, "AutoGranted": true })
        }),
    ]
}

/// A form whose formatted content opens what it does not close.
fn untidy() -> String {
    let question = "<QuestionContent>";
    assert!(FORM.contains(question), "{FORM}");
    FORM.replace(
        question,
        "<QuestionContent><FormattedContent><![CDATA[<p>One&nbsp;<b>move</p>]]></FormattedContent>",
    )
}

fn changing() -> Vec<Case> {
    let operation = "UpdateQualificationType";
    vec![
        works(operation, "another description and status", async |world: &World| {
            json!({ "QualificationTypeId": world.kind().await, "Description": "Won two games",
                    "QualificationTypeStatus": "Inactive" })
        })
        .gives("/QualificationType/Description", "Won two games")
        .gives("/QualificationType/QualificationTypeStatus", "Inactive"),
        works(operation, "a kind that is granted from now on", async |world: &World| {
            json!({ "QualificationTypeId": world.kind().await, "AutoGranted": true, "AutoGrantedValue": 3 })
        })
        .gives("/QualificationType/AutoGrantedValue", 3),
        fails(operation, "a test that is no QuestionForm", parameter("XMLParseError", "*parsing the XML*"), async |world: &World| {
            json!({ "QualificationTypeId": world.kind().await, "Test": "words", "TestDurationInSeconds": 60 })
        }),
        fails(operation, "a test with XHTML that is not well-formed", parameter("XHTMLParseError", "*parsing the XHTML*"), async |world: &World| {
            json!({ "QualificationTypeId": world.kind().await, "Test": untidy(), "TestDurationInSeconds": 60 })
        }),
        fails(operation, "a key without a test", invalid("*need a Test*"), async |world: &World| {
            json!({ "QualificationTypeId": world.kind().await, "AnswerKey": "<AnswerKey/>" })
        }),
        fails(operation, "a test and granting at once", combination("*AutoGranted*"), async |world: &World| {
            json!({ "QualificationTypeId": world.kind().await, "Test": FORM, "TestDurationInSeconds": 60,
                    "AutoGranted": true })
        }),
        fails(operation, "an unknown kind", UNKNOWN, async |_: &World| json!({ "QualificationTypeId": "3UNKNOWN" })),
        fails(operation, "another requester's kind", UNKNOWN, async |world: &World| {
            json!({ "QualificationTypeId": world.foreign_kind().await, "Description": "Mine" })
        }),
        fails(operation, "a description of 2001 characters", range("*Description*"), async |world: &World| {
            json!({ "QualificationTypeId": world.kind().await, "Description": "x".repeat(2001) })
        }),
        fails(operation, "a negative delay", range("*RetryDelayInSeconds*"), async |world: &World| {
            json!({ "QualificationTypeId": world.kind().await, "RetryDelayInSeconds": -1 })
        }),
    ]
}

fn deleting_and_looking() -> Vec<Case> {
    let id = |id: &str| json!({ "QualificationTypeId": id });
    let deleted = async |world: &World| {
        let kind = world.kind().await;
        world.client.delete_qualification_type().qualification_type_id(&kind).send().await.unwrap();
        kind
    };
    vec![
        works("DeleteQualificationType", "a kind with a holder and a request", async move |world: &World| {
            let kind = world.kind().await;
            world.holder(&kind).await;
            world.asked(&kind).await;
            id(&kind)
        }),
        fails("DeleteQualificationType", "an unknown kind", UNKNOWN, async move |_: &World| id("3UNKNOWN")),
        fails("DeleteQualificationType", "another requester's kind", UNKNOWN, async move |world: &World| {
            id(&world.foreign_kind().await)
        }),
        fails("DeleteQualificationType", "a kind that was deleted", UNKNOWN, async move |world: &World| {
            id(&deleted(world).await)
        }),
        works("GetQualificationType", "a kind of one's own", async move |world: &World| {
            id(&world.kind().await)
        })
        .gives("/QualificationType/Name", "Plays well"),
        works("GetQualificationType", "a kind of the system's", async move |_: &World| id(APPROVED))
            .gives("/QualificationType/Name", "Worker_NumberHITsApproved"),
        fails("GetQualificationType", "an unknown kind", UNKNOWN, async move |_: &World| id("3UNKNOWN")),
        fails("GetQualificationType", "a kind that was deleted", UNKNOWN, async move |world: &World| {
            id(&deleted(world).await)
        }),
    ]
}

fn listing() -> Vec<Case> {
    let mut cases = vec![
        works("ListQualificationTypes", "one's own", async |world: &World| {
            world.kind().await;
            json!({ "MustBeRequestable": true, "MustBeOwnedByCaller": true })
        })
        .gives("/NumResults", 1)
        .gives("/QualificationTypes/0/Name", "Plays well"),
        works(
            "ListQualificationTypes",
            "those whose words match",
            async |_: &World| json!({ "MustBeRequestable": false, "Query": "numberhits" }),
        )
        .gives("/NumResults", 1)
        .gives("/QualificationTypes/0/IsRequestable", false),
        works("ListHITsForQualificationType", "a HIT that requires it", async |world: &World| {
            let kind = world.kind().await;
            requiring(world, &kind).await;
            world.hit(1).await;
            json!({ "QualificationTypeId": kind })
        })
        .gives("/NumResults", 1)
        .gives("/HITs/0/QualificationRequirements/0/Comparator", "Exists"),
        fails(
            "ListHITsForQualificationType",
            "an unknown kind",
            UNKNOWN,
            async |_: &World| json!({ "QualificationTypeId": "3UNKNOWN" }),
        ),
    ];
    cases.extend(pages("ListQualificationTypes", async |world: &World| {
        world.qualification("One").await;
        world.qualification("Two").await;
        json!({ "MustBeRequestable": true, "MustBeOwnedByCaller": true })
    }));
    cases.extend(pages("ListHITsForQualificationType", async |world: &World| {
        let kind = world.kind().await;
        requiring(world, &kind).await;
        requiring(world, &kind).await;
        json!({ "QualificationTypeId": kind })
    }));
    cases
}

async fn requiring(world: &World, kind: &str) {
    use aws_sdk_mturk::types::{Comparator, QualificationRequirement};
    let requirement =
        QualificationRequirement::builder().qualification_type_id(kind).comparator(Comparator::Exists);
    world.publish(1).qualification_requirements(requirement.build().unwrap()).send().await.unwrap();
}
