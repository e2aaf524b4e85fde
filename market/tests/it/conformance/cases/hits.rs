//! Publishing HITs and registering their types.

use serde_json::{Value, json};

use super::qualification_types::FORM;
use crate::conformance::case::{Case, combination, fails, invalid, parameter, range, request, works};
use crate::conformance::world::{World, kind_of_hit, new_hit, place_of_hit, with};
use crate::harness::QUESTION;

const MASTERS: &str = "2F1QJWKUDD8XADTFD2Q0G6UTO95ALH";
const LOCALE: &str = "00000000000000000071";
const FUNDS: &str = "This Requester has insufficient funds in their account to complete this transaction.";
const XML: &str = "There was an error parsing the XML question or answer data in your request.*";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = publishing();
    cases.extend(of_a_type());
    cases.extend(members("CreateHIT", new_hit));
    cases.extend(members("CreateHITType", kind_of_hit));
    cases.extend(questions("CreateHIT", async |_: &World| new_hit(json!({}))));
    cases.extend(questions("CreateHITWithHITType", typed));
    cases
}

/// A HIT of a type that is registered.
async fn typed(world: &World) -> Value {
    with(place_of_hit(json!({})), json!({ "HITTypeId": world.hit_type().await }))
}

fn publishing() -> Vec<Case> {
    vec![
        works("CreateHIT", "a HIT with one place", async |_: &World| new_hit(json!({})))
            .gives("/HIT/HITStatus", "Assignable")
            .gives("/HIT/HITReviewStatus", "NotReviewed")
            .gives("/HIT/Reward", "1.00")
            .gives("/HIT/NumberOfAssignmentsAvailable", 1)
            .gives("/HIT/NumberOfAssignmentsPending", 0)
            .gives("/HIT/NumberOfAssignmentsCompleted", 0),
        works("CreateHIT", "places and approval delay left to their defaults", async |_: &World| {
            new_hit(json!({ "MaxAssignments": null, "AutoApprovalDelayInSeconds": null, "Keywords": null }))
        })
        .gives("/HIT/MaxAssignments", 1)
        .gives("/HIT/AutoApprovalDelayInSeconds", 2_592_000),
        works("CreateHIT", "every requirement that workers can be asked to meet", async |_: &World| {
            new_hit(json!({ "QualificationRequirements": requirements(), "RequesterAnnotation": "batch 1" }))
        })
        .gives("/HIT/RequesterAnnotation", "batch 1")
        .gives("/HIT/QualificationRequirements", requirements()),
        works("CreateHIT", "an HTMLQuestion", async |_: &World| new_hit(json!({ "Question": html() })))
            .gives("/HIT/Question", html()),
        works("CreateHIT", "a QuestionForm", async |_: &World| new_hit(json!({ "Question": FORM })))
            .gives("/HIT/Question", FORM),
        fails(
            "CreateHIT",
            "more than the account can pay",
            request("InsufficientFunds", FUNDS),
            async |_: &World| new_hit(json!({ "Reward": "900.00" })),
        ),
        fails(
            "CreateHIT",
            "a repeated token",
            request("HITAlreadyExists", "The HIT with ID \"*\" already exists."),
            async |world: &World| {
                world.publish(1).unique_request_token("batch-1").send().await.unwrap();
                new_hit(json!({ "UniqueRequestToken": "batch-1" }))
            },
        ),
        fails(
            "CreateHIT",
            "a token of another call",
            request("HITAlreadyExists", "The HIT with ID \"*\" already exists."),
            async |world: &World| {
                world.publish(2).unique_request_token("batch-1").send().await.unwrap();
                new_hit(json!({ "UniqueRequestToken": "batch-1" }))
            },
        ),
        works("CreateHITType", "a new type", async |_: &World| kind_of_hit(json!({}))),
        works("CreateHITType", "the type of a HIT that is there", async |world: &World| {
            world.hit(1).await;
            kind_of_hit(json!({}))
        }),
    ]
}

fn of_a_type() -> Vec<Case> {
    let operation = "CreateHITWithHITType";
    let missing = request("HITTypeDoesNotExist", "*HIT*type*does not exist.");
    vec![
        works(operation, "a HIT of a registered type", typed)
            .gives("/HIT/Title", "Another task")
            .gives("/HIT/HITStatus", "Assignable"),
        fails(operation, "an unknown type", missing, async |_: &World| {
            place_of_hit(json!({ "HITTypeId": "3UNKNOWN" }))
        }),
        fails(operation, "another requester's type", missing, async |world: &World| {
            let other = World(world.beside().await);
            typed(&other).await
        }),
        fails(
            operation,
            "more than the account can pay",
            request("InsufficientFunds", FUNDS),
            async |world: &World| {
                let hit_type_id = world.hit_type_paying("900.00").await;
                place_of_hit(json!({ "HITTypeId": hit_type_id }))
            },
        ),
        fails(
            operation,
            "a repeated token",
            request("HITAlreadyExists", "The HIT with ID \"*\" already exists."),
            async |world: &World| {
                let input = with(typed(world).await, json!({ "UniqueRequestToken": "batch-1" }));
                let call =
                    world.client.create_hit_with_hit_type().lifetime_in_seconds(3600).max_assignments(1);
                let call = call.hit_type_id(input["HITTypeId"].as_str().unwrap()).question(QUESTION);
                call.unique_request_token("batch-1").send().await.unwrap();
                input
            },
        ),
        fails(operation, "a lifetime of 29 seconds", range("*LifetimeInSeconds*"), async |world: &World| {
            with(typed(world).await, json!({ "LifetimeInSeconds": 29 }))
        }),
        fails(operation, "no place", range("*MaxAssignments*"), async |world: &World| {
            with(typed(world).await, json!({ "MaxAssignments": 0 }))
        }),
        fails(
            operation,
            "an annotation of 256 characters",
            range("*RequesterAnnotation*"),
            async |world: &World| with(typed(world).await, json!({ "RequesterAnnotation": "x".repeat(256) })),
        ),
        fails(
            operation,
            "an annotation beyond ASCII",
            invalid("*RequesterAnnotation*"),
            async |world: &World| with(typed(world).await, json!({ "RequesterAnnotation": "größer" })),
        ),
    ]
}

/// Limits and rules of the members that make a type.
fn members(operation: &'static str, input: fn(Value) -> Value) -> Vec<Case> {
    let say = |situation, refusal, changes: fn() -> Value| {
        fails(operation, situation, refusal, async move |_: &World| input(changes()))
    };
    let mut cases = vec![
        say("a title of 129 characters", range("*Title*"), || json!({ "Title": "x".repeat(129) })),
        say("a blank title", invalid("*Title*"), || json!({ "Title": " " })),
        say(
            "a description of 2001 characters",
            range("*Description*"),
            || json!({ "Description": "x".repeat(2001) }),
        ),
        say("a blank description", invalid("*Description*"), || json!({ "Description": " " })),
        say("keywords of 1001 characters", range("*Keywords*"), || json!({ "Keywords": "x".repeat(1001) })),
        say(
            "29 seconds to work",
            range("*AssignmentDurationInSeconds*"),
            || json!({ "AssignmentDurationInSeconds": 29 }),
        ),
        say(
            "more than a year to work",
            range("*AssignmentDurationInSeconds*"),
            || json!({ "AssignmentDurationInSeconds": 31_536_001 }),
        ),
        say(
            "more than 30 days to review",
            range("*AutoApprovalDelayInSeconds*"),
            || json!({ "AutoApprovalDelayInSeconds": 2_592_001 }),
        ),
        say("eleven requirements", range("*10 qualification requirements*"), || {
            let one = json!({ "QualificationTypeId": MASTERS, "Comparator": "Exists" });
            json!({ "QualificationRequirements": vec![one; 11] })
        }),
        say(
            "both ways to say when a requirement counts",
            combination("*ActionsGuarded*RequiredToPreview*"),
            || {
                requirement(
                    json!({ "Comparator": "Exists", "ActionsGuarded": "Accept", "RequiredToPreview": true }),
                )
            },
        ),
        say(
            "an unknown type of qualification (a setting)",
            request("QualificationTypeDoesNotExist", "QualificationType 3UNKNOWN does not exist."),
            || requirement(json!({ "QualificationTypeId": "3UNKNOWN", "Comparator": "Exists" })),
        )
        .with(|settings| settings.quirks.refuse_unknown_qualifications = true),
        say("a value with Exists", invalid("*Exists*"), || {
            requirement(json!({ "Comparator": "Exists", "IntegerValues": [1] }))
        }),
        say("no value to compare with", invalid("*IntegerValues*"), || {
            requirement(json!({ "Comparator": "EqualTo" }))
        }),
        say("two values with EqualTo", invalid("*IntegerValues*"), || {
            requirement(json!({ "Comparator": "EqualTo", "IntegerValues": [1, 2] }))
        }),
        say("sixteen values with In", invalid("*IntegerValues*"), || {
            requirement(json!({ "Comparator": "In", "IntegerValues": (0..16).collect::<Vec<_>>() }))
        }),
        say("a place for another type than the locale", invalid("*locale*"), || {
            requirement(json!({ "Comparator": "EqualTo", "LocaleValues": [{ "Country": "US" }] }))
        }),
        say("the locale by LessThan", invalid("*equality*"), || {
            requirement(json!({ "QualificationTypeId": LOCALE, "Comparator": "LessThan",
                                "LocaleValues": [{ "Country": "US" }] }))
        }),
        say("two places with EqualTo", invalid("*LocaleValues*"), || {
            requirement(json!({ "QualificationTypeId": LOCALE, "Comparator": "EqualTo",
                                "LocaleValues": [{ "Country": "US" }, { "Country": "CA" }] }))
        }),
        say("31 places with In", invalid("*LocaleValues*"), || {
            requirement(json!({ "QualificationTypeId": LOCALE, "Comparator": "In",
                                "LocaleValues": vec![json!({ "Country": "US" }); 31] }))
        }),
        say("a country in small letters", invalid("*Country*"), || {
            requirement(json!({ "QualificationTypeId": LOCALE, "Comparator": "EqualTo",
                                "LocaleValues": [{ "Country": "us" }] }))
        }),
    ];
    if operation == "CreateHIT" {
        cases.extend([
            say(
                "a lifetime of 29 seconds",
                range("*LifetimeInSeconds*"),
                || json!({ "LifetimeInSeconds": 29 }),
            ),
            say(
                "a lifetime of more than a year",
                range("*LifetimeInSeconds*"),
                || json!({ "LifetimeInSeconds": 31_536_001 }),
            ),
            say("no place", range("*MaxAssignments*"), || json!({ "MaxAssignments": 0 })),
            say(
                "more than a thousand million places",
                range("*MaxAssignments*"),
                || json!({ "MaxAssignments": 1_000_000_001 }),
            ),
            say(
                "an annotation of 256 characters",
                range("*RequesterAnnotation*"),
                || json!({ "RequesterAnnotation": "x".repeat(256) }),
            ),
        ]);
    }
    cases
}

/// What can be wrong with what a worker is shown.
fn questions(operation: &'static str, base: impl AsyncFn(&World) -> Value + Copy + 'static) -> Vec<Case> {
    let say = |situation, refusal, changes: fn() -> Value| {
        fails(operation, situation, refusal, async move |world: &World| with(base(world).await, changes()))
    };
    vec![
        say(
            "an address with a bare ampersand",
            parameter("XMLParseError", XML),
            || json!({ "Question": QUESTION.replace("&amp;", "&") }),
        ),
        say(
            "another schema",
            parameter("XMLParseError", XML),
            || json!({ "Question": QUESTION.replace("2006-07-14", "2006-07-15") }),
        ),
        say("something that is not XML", parameter("XMLParseError", XML), || json!({ "Question": "hello" })),
        say(
            "a QuestionForm with XHTML that is not well-formed",
            parameter("XHTMLParseError", "*parsing the XHTML*"),
            || json!({ "Question": FORM.replace("<Text>Why?</Text>", "<FormattedContent><![CDATA[<p>Why?]]></FormattedContent>") }),
        ),
        say(
            "a QuestionForm that wants a file",
            parameter("XMLParseError", "*parsing the XML*file uploads*"),
            || json!({ "Question": FORM.replace("<FreeTextAnswer/>", "<FileUploadAnswer/>") }),
        ),
        say(
            "an address without TLS",
            invalid("*https*"),
            || json!({ "Question": QUESTION.replace("https:", "http:") }),
        ),
        say(
            "a question of more than 65535 bytes",
            range("*65535 bytes*"),
            || json!({ "Question": QUESTION.replace("study.example", &"x".repeat(65_535)) }),
        ),
        say("neither question nor layout", invalid("*Question*HITLayoutId*"), || json!({ "Question": null })),
        say(
            "an unknown layout",
            request("HITLayoutDoesNotExist", "*HITLayout 3UNKNOWN does not exist.*"),
            || json!({ "Question": null, "HITLayoutId": "3UNKNOWN" }),
        ),
        say(
            "both question and layout",
            combination("*Question*HITLayoutId*"),
            || json!({ "HITLayoutId": "3UNKNOWN" }),
        ),
    ]
}

fn requirement(changes: Value) -> Value {
    json!({ "QualificationRequirements": [with(json!({ "QualificationTypeId": MASTERS }), changes)] })
}

fn requirements() -> Value {
    json!([
        { "QualificationTypeId": MASTERS, "Comparator": "Exists", "ActionsGuarded": "DiscoverPreviewAndAccept" },
        { "QualificationTypeId": "00000000000000000040", "Comparator": "GreaterThanOrEqualTo", "IntegerValues": [100] },
        { "QualificationTypeId": "000000000000000000L0", "Comparator": "NotIn", "IntegerValues": [1, 2, 3],
          "RequiredToPreview": true },
        { "QualificationTypeId": LOCALE, "Comparator": "In",
          "LocaleValues": [{ "Country": "US", "Subdivision": "CA" }, { "Country": "DE" }] },
    ])
}

fn html() -> String {
    "<HTMLQuestion xmlns=\"http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2011-11-11/\
     HTMLQuestion.xsd\"><HTMLContent><![CDATA[<!DOCTYPE html><p>Play</p>]]></HTMLContent>\
     <FrameHeight>0</FrameHeight></HTMLQuestion>"
        .to_owned()
}
