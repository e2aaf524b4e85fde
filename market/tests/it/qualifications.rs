//! Kinds of qualifications, who has them, and what workers ask for.

use aws_sdk_mturk::types::{QualificationStatus, QualificationTypeStatus};
use chrono::Duration;
use market::engine::qualifications::requests::{self, AskError, Asked};
use market::journal::{Effect, Filter};

use crate::harness::{Place, refused};

async fn ask(place: &Place, worker_id: &str, id: &str) -> Result<Asked, AskError> {
    let (mut tx, now) = place.market.begin().await?;
    let asked = requests::ask(&mut tx, now, worker_id, id).await?;
    tx.commit().await?;
    Ok(asked)
}

async fn waiting(place: &Place) -> Vec<(String, String)> {
    let page = place.client.list_qualification_requests().send().await.unwrap();
    let shown = page.qualification_requests().iter();
    shown.map(|r| (r.qualification_request_id().unwrap().into(), r.worker_id().unwrap().into())).collect()
}

#[tokio::test]
async fn a_type_reads_back_and_changes_but_for_its_name() {
    let place = Place::open().await;
    let call = place.client.create_qualification_type().name("Danish").description("Speaks Danish");
    let call = call.keywords("language").qualification_type_status(QualificationTypeStatus::Active);
    let call = call.retry_delay_in_seconds(60).auto_granted(true).auto_granted_value(5);
    let made = call.send().await.unwrap().qualification_type.unwrap();
    let id = made.qualification_type_id().unwrap();
    let get = || place.client.get_qualification_type().qualification_type_id(id).send();
    assert_eq!(get().await.unwrap().qualification_type.unwrap(), made);
    assert_eq!((made.auto_granted, made.auto_granted_value), (Some(true), Some(5)));
    assert_eq!((made.is_requestable, made.retry_delay_in_seconds), (Some(true), Some(60)));
    let update = place.client.update_qualification_type().qualification_type_id(id).description("Writes it");
    let update = update.qualification_type_status(QualificationTypeStatus::Inactive).auto_granted(false);
    let changed = update.send().await.unwrap().qualification_type.unwrap();
    assert_eq!((changed.name(), changed.description()), (Some("Danish"), Some("Writes it")));
    assert_eq!(changed.qualification_type_status, Some(QualificationTypeStatus::Inactive));
    assert_eq!((changed.retry_delay_in_seconds, changed.auto_granted_value), (Some(60), None));
    assert_eq!(get().await.unwrap().qualification_type.unwrap(), changed);
}

#[tokio::test]
async fn a_name_is_taken_until_its_type_is_deleted() {
    let place = Place::open().await;
    let id = place.qualification("Danish").await;
    let make = |client: &aws_sdk_mturk::Client| {
        let call = client.create_qualification_type().name("Danish").description("x");
        call.qualification_type_status(QualificationTypeStatus::Active).send()
    };
    let message = "You have already created a QualificationType with this name.";
    refused(make(&place.client).await).is("RequestError", "QualificationTypeAlreadyExists", message);
    make(&place.stranger().await).await.unwrap();
    place.client.delete_qualification_type().qualification_type_id(&id).send().await.unwrap();
    let gone = place.client.get_qualification_type().qualification_type_id(&id).send().await;
    refused(gone).is("RequestError", "QualificationTypeDoesNotExist", "does not exist");
    let again = place.client.delete_qualification_type().qualification_type_id(&id).send().await;
    refused(again).is("RequestError", "QualificationTypeDoesNotExist", "does not exist");
    make(&place.client).await.unwrap();
}

#[tokio::test]
async fn members_of_a_type_have_limits() {
    let place = Place::open().await;
    let make = || {
        let call = place.client.create_qualification_type().name("Danish").description("x");
        call.qualification_type_status(QualificationTypeStatus::Active)
    };
    let (range, value) = ("AWS.ParameterOutOfRange", "InvalidParameterValue");
    let parameter = "ParameterValidationError";
    refused(make().set_name(None).send().await).is("ValidationException", "", "'name'");
    refused(make().set_description(None).send().await).is("ValidationException", "", "'description'");
    refused(make().set_qualification_type_status(None).send().await).is(
        "ValidationException",
        "",
        "Value null at 'qualificationTypeStatus'",
    );
    let unknown = make().qualification_type_status("Asleep".into()).send().await;
    refused(unknown).is("ValidationException", "", "enum value set: [Active, Inactive]");
    refused(make().name(" ").send().await).is(parameter, value, "Name");
    refused(make().description("x".repeat(2001)).send().await).is(parameter, range, "Description");
    refused(make().keywords("x".repeat(1001)).send().await).is(parameter, range, "Keywords");
    refused(make().retry_delay_in_seconds(-1).send().await).is(parameter, range, "RetryDelay");
    refused(make().test("<x/>").send().await).is(parameter, value, "A Test needs TestDurationInSeconds");
    let list = place.client.list_qualification_types().send().await;
    refused(list).is("ValidationException", "", "Value null at 'mustBeRequestable'");
}

#[tokio::test]
async fn types_are_searched_by_owner_words_and_requestability() {
    let place = Place::open().await;
    for name in ["Danish", "German", "Swedish"] {
        place.qualification(name).await;
    }
    let stranger = place.stranger().await;
    let search = |client: &aws_sdk_mturk::Client, requestable, owned, query: Option<&str>| {
        let call = client.list_qualification_types().must_be_requestable(requestable);
        let call = call.must_be_owned_by_caller(owned).set_query(query.map(str::to_owned)).max_results(100);
        async {
            let page = call.send().await.unwrap();
            page.qualification_types().iter().map(|t| t.name().unwrap().to_owned()).collect::<Vec<_>>()
        }
    };
    assert_eq!(search(&place.client, true, true, None).await, ["Danish", "German", "Swedish"]);
    assert_eq!(search(&place.client, false, false, Some("ISH")).await, ["Danish", "Swedish"]);
    assert_eq!(search(&stranger, true, false, Some("man")).await, ["German"]);
    assert!(search(&stranger, false, true, None).await.is_empty());
    let all = search(&stranger, false, false, None).await;
    assert!(all.contains(&"Worker_PercentAssignmentsApproved".to_owned()) && all.len() == 9, "{all:?}");
    assert_eq!(search(&stranger, true, false, None).await.len(), 3, "the market's own are not asked for");
    let call = place.client.list_qualification_types().must_be_requestable(true);
    let pages = call.max_results(2).into_paginator().send().collect::<Result<Vec<_>, _>>().await;
    let sizes: Vec<_> = pages.unwrap().iter().map(|page| page.num_results.unwrap()).collect();
    assert_eq!(sizes, [2, 1]);
}

#[tokio::test]
async fn a_worker_has_it_until_it_is_revoked_and_may_get_it_again() {
    let place = Place::open().await;
    let id = place.qualification("Danish").await;
    let worker_id = place.worker("one").await;
    let score = || {
        let call = place.client.get_qualification_score().qualification_type_id(&id);
        call.worker_id(&worker_id).send()
    };
    let revoke = || {
        let call = place.client.disassociate_qualification_from_worker().qualification_type_id(&id);
        call.worker_id(&worker_id).reason("over").send()
    };
    refused(score().await).is("RequestError", "QualificationDoesNotExist", "does not have");
    refused(revoke().await).is("RequestError", "QualificationDoesNotExist", "does not have");
    place.grant(&id, &worker_id, 3).await;
    place.grant(&id, &worker_id, 80).await;
    let held = score().await.unwrap().qualification.unwrap();
    assert_eq!((held.integer_value, held.status), (Some(80), Some(QualificationStatus::Granted)));
    assert_eq!(held.grant_time.unwrap().secs(), place.now().await.timestamp());
    revoke().await.unwrap();
    let state = "This operation can be called with a status of: Granted";
    refused(score().await).is("RequestError", "InvalidQualificationState", state);
    refused(revoke().await).is("RequestError", "InvalidQualificationState", state);
    let call = place.client.associate_qualification_with_worker().qualification_type_id(&id);
    call.worker_id(&worker_id).send().await.unwrap();
    assert_eq!(score().await.unwrap().qualification.unwrap().integer_value, Some(1));
    for (effect, count) in [(Effect::QualificationGranted, 3), (Effect::QualificationRevoked, 1)] {
        let filter = Filter { effect: Some(effect), ..Filter::default() };
        let entries = place.market.journal(&filter).await.unwrap();
        assert_eq!(entries.len(), count);
        assert_eq!(entries[0].qualification_type_id.as_deref(), Some(id.as_str()));
    }
}

#[tokio::test]
async fn only_known_workers_and_own_types_can_be_paired() {
    let place = Place::open().await;
    let id = place.qualification("Danish").await;
    let worker_id = place.worker("one").await;
    let grant = |client: &aws_sdk_mturk::Client, id: &str, worker_id: &str| {
        let call = client.associate_qualification_with_worker().qualification_type_id(id);
        call.worker_id(worker_id).integer_value(1).send()
    };
    let unknown = grant(&place.client, &id, "A0UNKNOWN").await;
    refused(unknown).is("ParameterValidationError", "InvalidParameterValue", "A0UNKNOWN");
    refused(grant(&place.client, &id, "bob").await).is("ValidationException", "", "'workerId'");
    let stranger = place.stranger().await;
    for (client, id) in
        [(&stranger, id.as_str()), (&place.client, "3UNKNOWN"), (&place.client, "00000000000000000040")]
    {
        let missing = grant(client, id, &worker_id).await;
        refused(missing).is("RequestError", "QualificationTypeDoesNotExist", "does not exist");
    }
    let missing = [
        refused(stranger.update_qualification_type().qualification_type_id(&id).send().await),
        refused(stranger.delete_qualification_type().qualification_type_id(&id).send().await),
        refused(stranger.list_workers_with_qualification_type().qualification_type_id(&id).send().await),
        refused(stranger.list_qualification_requests().qualification_type_id(&id).send().await),
        refused(stranger.list_hits_for_qualification_type().qualification_type_id("3UNKNOWN").send().await),
    ];
    for refusal in missing {
        refusal.is("RequestError", "QualificationTypeDoesNotExist", "does not exist");
    }
}

#[tokio::test]
async fn workers_are_listed_by_what_became_of_it() {
    let place = Place::open().await;
    let id = place.qualification("Danish").await;
    let mut workers = Vec::new();
    for n in 0..3 {
        let worker_id = place.worker(&format!("worker {n}")).await;
        place.grant(&id, &worker_id, n).await;
        workers.push(worker_id);
    }
    let call = place.client.disassociate_qualification_from_worker().qualification_type_id(&id);
    call.worker_id(&workers[1]).send().await.unwrap();
    let list = |status: Option<QualificationStatus>| {
        let call = place.client.list_workers_with_qualification_type().qualification_type_id(&id);
        let call = call.set_status(status).max_results(1).into_paginator().send();
        async {
            let pages = call.collect::<Result<Vec<_>, _>>().await.unwrap();
            let rows = pages.iter().flat_map(|page| page.qualifications());
            rows.map(|row| row.worker_id().unwrap().to_owned()).collect::<Vec<_>>()
        }
    };
    assert_eq!(list(None).await, [workers[0].clone(), workers[2].clone()]);
    assert_eq!(list(Some(QualificationStatus::Revoked)).await, [workers[1].clone()]);
}

#[tokio::test]
async fn requests_wait_for_the_requesters_decision() {
    let place = Place::open().await;
    let id = place.qualification("Danish").await;
    let (one, two) = (place.worker("one").await, place.worker("two").await);
    assert_eq!(ask(&place, &one, &id).await.unwrap(), Asked::Waiting);
    assert!(matches!(ask(&place, &one, &id).await, Err(AskError::AlreadyAsked)));
    ask(&place, &two, &id).await.unwrap();
    let requests = waiting(&place).await;
    assert_eq!(requests.iter().map(|(_, worker)| worker).collect::<Vec<_>>(), [&one, &two]);
    let accept = |request: &str| {
        place.client.accept_qualification_request().qualification_request_id(request).integer_value(42).send()
    };
    let reject = |request: &str| {
        place.client.reject_qualification_request().qualification_request_id(request).reason("no").send()
    };
    let stranger = place.stranger().await;
    let foreign = stranger.accept_qualification_request().qualification_request_id(&requests[0].0).send();
    refused(foreign.await).is("RequestError", "QualificationRequestDoesNotExist", "does not exist");
    accept(&requests[0].0).await.unwrap();
    reject(&requests[1].0).await.unwrap();
    assert!(waiting(&place).await.is_empty());
    let decided = "This operation can be called with a status of";
    let code = "InvalidQualificationRequestState";
    refused(reject(&requests[0].0).await).is("RequestError", code, decided);
    refused(accept(&requests[1].0).await).is("RequestError", code, decided);
    let score = place.client.get_qualification_score().qualification_type_id(&id).worker_id(&one);
    assert_eq!(score.send().await.unwrap().qualification.unwrap().integer_value, Some(42));
    assert!(matches!(ask(&place, &one, &id).await, Err(AskError::AlreadyHeld)));
    assert!(matches!(ask(&place, &two, &id).await, Err(AskError::OnlyOnce)));
}

#[tokio::test]
async fn asking_again_waits_for_the_delay_and_inactive_types_are_not_offered() {
    let place = Place::open().await;
    let id = place.qualification("Danish").await;
    let update = || place.client.update_qualification_type().qualification_type_id(&id);
    update().retry_delay_in_seconds(60).send().await.unwrap();
    let worker_id = place.worker("one").await;
    ask(&place, &worker_id, &id).await.unwrap();
    let request = waiting(&place).await[0].0.clone();
    place.client.reject_qualification_request().qualification_request_id(request).send().await.unwrap();
    place.step(Duration::seconds(59)).await;
    assert!(matches!(ask(&place, &worker_id, &id).await, Err(AskError::TooSoon)));
    place.step(Duration::seconds(1)).await;
    update().qualification_type_status(QualificationTypeStatus::Inactive).send().await.unwrap();
    assert!(matches!(ask(&place, &worker_id, &id).await, Err(AskError::NotOffered)));
    update().qualification_type_status(QualificationTypeStatus::Active).send().await.unwrap();
    ask(&place, &worker_id, &id).await.unwrap();
    place.client.delete_qualification_type().qualification_type_id(&id).send().await.unwrap();
    assert!(waiting(&place).await.is_empty());
    assert!(matches!(ask(&place, &worker_id, &id).await, Err(AskError::NotOffered)));
    assert!(matches!(ask(&place, &worker_id, "00000000000000000040").await, Err(AskError::NotOffered)));
}
