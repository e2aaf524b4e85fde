//! What operations answer where a setting is not as usual, and what time brings by itself.

use aws_sdk_mturk::primitives::DateTime;
use aws_sdk_mturk::types::{QualificationTypeStatus, ReviewPolicy};
use chrono::Duration;
use market::TokenCode;
use market::engine::assignments::Wanted;
use serde_json::{Value, json};

use crate::conformance::case::{Case, Refusal, fails, invalid, range, request, works};
use crate::conformance::world::{Work, World, new_hit};
use crate::harness::QUESTION;

const USED: &str = "The idempotency token \"again\" has already been processed.";

pub(super) fn cases() -> Vec<Case> {
    [tokens(), locks(), limits(), counters(), policies(), disposal(), grants(), permissions()]
        .into_iter()
        .flatten()
        .collect()
}

async fn grown(world: &World) -> Value {
    let hit_id = world.hit(1).await;
    let call = world.client.create_additional_assignments_for_hit().hit_id(&hit_id);
    call.number_of_additional_assignments(1).unique_request_token("again").send().await.unwrap();
    json!({ "HITId": hit_id, "NumberOfAdditionalAssignments": 1, "UniqueRequestToken": "again" })
}

fn bonus(work: &Work, amount: &str) -> Value {
    json!({ "WorkerId": work.worker_id, "AssignmentId": work.assignment_id, "BonusAmount": amount,
            "Reason": "Played well", "UniqueRequestToken": "again" })
}

async fn rewarded(world: &World) -> Value {
    let work = world.handed_in().await;
    let call = world.client.send_bonus().worker_id(&work.worker_id).assignment_id(&work.assignment_id);
    call.bonus_amount("0.50").reason("Played well").unique_request_token("again").send().await.unwrap();
    bonus(&work, "0.50")
}

async fn published(world: &World) -> Value {
    world.publish(1).unique_request_token("again").send().await.unwrap();
    new_hit(json!({ "UniqueRequestToken": "again" }))
}

/// The code of a repeated token, which nobody wrote down, and the two spellings of the one that somebody did.
fn tokens() -> Vec<Case> {
    let situation = "a repeated token, with another code (a setting)";
    vec![
        fails("CreateAdditionalAssignmentsForHIT", situation, request("InvalidParameterValue", USED), grown)
            .with(|settings| settings.quirks.token_code = TokenCode::InvalidParameterValue),
        fails("SendBonus", situation, request("HITAlreadyExists", USED), rewarded)
            .with(|settings| settings.quirks.token_code = TokenCode::HitAlreadyExists),
        fails(
            "CreateHIT",
            "a repeated token, by the reference's spelling (a setting)",
            request("HitAlreadyExists", "The HIT with ID \"*\" already exists."),
            published,
        )
        .with(|settings| settings.quirks.reference_spelling = true),
        fails(
            "CreateHIT",
            "a token of another call, told apart (a setting)",
            request("InvalidParameterValue", "*\"again\"*different parameters*"),
            async |world: &World| {
                world.publish(2).unique_request_token("again").send().await.unwrap();
                new_hit(json!({ "UniqueRequestToken": "again" }))
            },
        )
        .with(|settings| settings.quirks.tokens_compare = true),
        fails(
            "SendBonus",
            "a token of another call, told apart (a setting)",
            request("InvalidParameterValue", "*\"again\"*different parameters*"),
            async |world: &World| {
                rewarded(world).await;
                bonus(&world.handed_in().await, "0.51")
            },
        )
        .with(|settings| settings.quirks.tokens_compare = true),
    ]
}

/// Codes that the references name for qualifications, without saying when.
fn grants() -> Vec<Case> {
    let operation = "AssociateQualificationWithWorker";
    vec![
        fails(
            operation,
            "a worker who has it (a setting)",
            request("QualificationAlreadyExists", "The Worker * already has the Qualification *."),
            async |world: &World| {
                let kind = world.kind().await;
                let worker_id = world.holder(&kind).await;
                json!({ "QualificationTypeId": kind, "WorkerId": worker_id, "IntegerValue": 8 })
            },
        )
        .with(|settings| settings.quirks.associate_once = true),
        fails(
            operation,
            "an inactive kind (a setting)",
            request("InvalidQualificationTypeState", "This operation can be called with a status of: Active"),
            async |world: &World| {
                let kind = world.kind().await;
                let call = world.client.update_qualification_type().qualification_type_id(&kind);
                call.qualification_type_status(QualificationTypeStatus::Inactive).send().await.unwrap();
                json!({ "QualificationTypeId": kind, "WorkerId": world.anybody().await })
            },
        )
        .with(|settings| settings.quirks.inactive_types_closed = true),
    ]
}

/// Somebody else's objects, of each kind.
fn permissions() -> Vec<Case> {
    const DENIED: Refusal = request("PermissionDeniedException", "You do not have permission to access *.");
    let situation = "somebody else's, with the permission denied (a setting)";
    let cases = vec![
        fails(
            "GetHIT",
            situation,
            DENIED,
            async |world: &World| json!({ "HITId": world.elsewhere().await.hit_id }),
        ),
        fails(
            "ApproveAssignment",
            situation,
            DENIED,
            async |world: &World| json!({ "AssignmentId": world.elsewhere().await.assignment_id }),
        ),
        fails("CreateHITWithHITType", situation, DENIED, async |world: &World| {
            let hit_type_id = world.elsewhere_kind_of_hit().await;
            json!({ "HITTypeId": hit_type_id, "LifetimeInSeconds": 3600, "Question": QUESTION })
        }),
        fails(
            "AssociateQualificationWithWorker",
            situation,
            DENIED,
            async |world: &World| json!({ "QualificationTypeId": world.foreign_kind().await, "WorkerId": world.anybody().await }),
        ),
        fails(
            "AcceptQualificationRequest",
            situation,
            DENIED,
            async |world: &World| json!({ "QualificationRequestId": world.foreign_request().await }),
        ),
    ];
    cases.into_iter().map(|case| case.with(|settings| settings.quirks.permission_denied = true)).collect()
}

/// The first seconds of a HIT.
fn locks() -> Vec<Case> {
    const TOO_FRESH: Refusal = request("InvalidHITState", "HIT * was created a moment ago*");
    let situation = "a HIT that is seconds old (a setting)";
    let later = async |world: &World, minutes| (world.now().await + Duration::minutes(minutes)).timestamp();
    let mut cases = vec![
        fails(
            "CreateAdditionalAssignmentsForHIT",
            situation,
            TOO_FRESH,
            async |world: &World| json!({ "HITId": world.hit(1).await, "NumberOfAdditionalAssignments": 1 }),
        ),
        fails(
            "UpdateHITTypeOfHIT",
            situation,
            TOO_FRESH,
            async |world: &World| json!({ "HITId": world.hit(1).await, "HITTypeId": world.hit_type().await }),
        ),
        fails(
            "UpdateExpirationForHIT",
            situation,
            TOO_FRESH,
            async move |world: &World| json!({ "HITId": world.hit(1).await, "ExpireAt": later(world, 90).await }),
        ),
        works(
            "UpdateExpirationForHIT",
            "a HIT that is seconds old ends now (a setting)",
            async |world: &World| json!({ "HITId": world.hit(1).await, "ExpireAt": 0 }),
        ),
    ];
    for case in &mut cases {
        case.settings = Some(|settings| settings.quirks.modification_lock = 5);
    }
    let sooner = request("InvalidHITState", "*can be set to now or made later*");
    cases.push(
        fails("UpdateExpirationForHIT", "a HIT gets less time (a setting)", sooner, async move |world: &World| {
            json!({ "HITId": world.hit(1).await, "ExpireAt": later(world, 30).await })
        })
        .with(|settings| settings.quirks.expiration_only_grows = true),
    );
    cases
}

/// Where the reference is silent or says "about".
fn limits() -> Vec<Case> {
    vec![
        fails(
            "SendBonus",
            "a bonus beyond the largest (a setting)",
            invalid("*BonusAmount*"),
            async |world: &World| bonus(&world.handed_in().await, "5.01"),
        )
        .with(|settings| settings.quirks.largest_bonus = 500),
        fails(
            "SendBonus",
            "a worker who handed nothing in for half a year",
            request("InvalidAssignmentState", "*has completed no assignment of yours*"),
            async |world: &World| {
                let work = world.approved().await;
                world.step(Duration::days(184)).await;
                bonus(&work, "0.50")
            },
        )
        .alone(),
        fails(
            "CreateHIT",
            "a lifetime beyond the cap (a setting)",
            range("*LifetimeInSeconds*between 30 and 1209600*"),
            async |_: &World| new_hit(json!({ "LifetimeInSeconds": 1_209_601 })),
        )
        .with(|settings| settings.quirks.longest_lifetime_days = 14),
        fails(
            "CreateHITWithHITType",
            "a lifetime beyond the cap (a setting)",
            range("*LifetimeInSeconds*between 30 and 1209600*"),
            async |world: &World| {
                let hit_type_id = world.hit_type().await;
                json!({ "HITTypeId": hit_type_id, "LifetimeInSeconds": 1_209_601, "Question": QUESTION })
            },
        )
        .with(|settings| settings.quirks.longest_lifetime_days = 14),
        fails(
            "CreateWorkerBlock",
            "as many as can be blocked (a setting)",
            range("*blocked*"),
            async |world: &World| {
                let blocked = world.anybody().await;
                world.client.create_worker_block().worker_id(blocked).reason("x").send().await.unwrap();
                json!({ "WorkerId": world.anybody().await, "Reason": "x" })
            },
        )
        .with(|settings| settings.quirks.most_blocks = 1),
        works("UpdateHITReviewStatus", "a HIT that is labelled (a setting)", async |world: &World| {
            let hit_id = world.handed_in().await.hit_id;
            world.client.update_hit_review_status().hit_id(&hit_id).send().await.unwrap();
            json!({ "HITId": hit_id })
        })
        .with(|settings| settings.quirks.repeated_review_status = true),
        works("GetAccountBalance", "nothing is set aside (a setting)", async |world: &World| {
            world.approved().await;
            world.hit(9).await;
            json!({})
        })
        .with(|settings| settings.quirks.no_holds = true)
        .gives("/AvailableBalance", "998.80")
        .gives("/OnHoldBalance", "0.00"),
        works("GetAccountBalance", "the sandbox's balance (a setting)", async |world: &World| {
            world.approved().await;
            json!({})
        })
        .with(|settings| settings.quirks.constant_balance = true)
        .gives("/AvailableBalance", "10000.00"),
        works("GetAssignment", "a place that somebody else gave up (a setting)", async |world: &World| {
            let (left, next) = (world.taken().await, world.anybody().await);
            world.give_back(&left.worker_id, &left.assignment_id).await.unwrap();
            let taken = world.accept(&next, Wanted::Hit(&left.hit_id)).await.unwrap();
            assert_eq!(taken.assignment_id, left.assignment_id);
            world.submit(&taken.assignment_id).await.unwrap();
            json!({ "AssignmentId": taken.assignment_id })
        })
        .with(|settings| settings.quirks.reuse_assignment_ids = true)
        .gives("/Assignment/AssignmentStatus", "Submitted"),
    ]
}

/// Counters that are told as they were a minute ago.
fn counters() -> Vec<Case> {
    let situation = "somebody accepted a moment ago (a setting)";
    [("GetHIT", "/HIT"), ("ListHITs", "/HITs/0")]
        .map(|(operation, place)| {
            let [available, pending] = ["NumberOfAssignmentsAvailable", "NumberOfAssignmentsPending"]
                .map(|counter| -> &'static str { format!("{place}/{counter}").leak() });
            let case = works(operation, situation, async move |world: &World| {
                let work = world.taken().await;
                if operation == "GetHIT" { json!({ "HITId": work.hit_id }) } else { json!({}) }
            });
            case.with(|settings| settings.quirks.counter_lag = 60).gives(available, 1).gives(pending, 0)
        })
        .into()
}

/// Review policies, which nothing acts on.
fn policies() -> Vec<Case> {
    vec![
        works("ListReviewPolicyResultsForHIT", "a HIT with a policy (a setting)", async |world: &World| {
            let policy = ReviewPolicy::builder().policy_name("SimplePlurality/2011-09-01").build().unwrap();
            let made = world.publish(1).hit_review_policy(policy).send().await.unwrap();
            json!({ "HITId": made.hit.unwrap().hit_id })
        })
        .with(|settings| settings.quirks.accept_review_policies = true)
        .gives("/HITReviewPolicy/PolicyName", "SimplePlurality/2011-09-01")
        .gives("/HITReviewReport/ReviewResults", json!([])),
    ]
}

/// HITs that are over for 120 days are gone.
fn disposal() -> Vec<Case> {
    let old = async |world: &World| {
        let hit_id = world.hit(1).await;
        let now = DateTime::from_secs(0);
        world.client.update_expiration_for_hit().hit_id(&hit_id).expire_at(now).send().await.unwrap();
        world.step(Duration::days(120)).await;
        world.market.tick().await.unwrap();
        json!({ "HITId": hit_id })
    };
    let missing = request("HITDoesNotExist", "Hit * does not exist.");
    vec![
        fails("GetHIT", "a HIT that has been over for 120 days", missing, old).alone(),
        works("GetHIT", "a HIT that has been over for 120 days (a setting)", old)
            .with(|settings| settings.quirks.disposal_days = 0)
            .gives("/HIT/HITStatus", "Reviewable"),
    ]
}
