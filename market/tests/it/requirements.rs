//! Requirements decide who may take a HIT.

use aws_sdk_mturk::types::{Comparator, HitAccessActions, QualificationRequirement};
use market::engine::assignments::{Wanted, WorkError};
use market::engine::groups;
use market::engine::qualifications::standing::{self, Profile};

use crate::harness::{Place, refused};

fn require(id: &str, comparator: Comparator, values: &[i32]) -> QualificationRequirement {
    let build = QualificationRequirement::builder().qualification_type_id(id).comparator(comparator);
    let values = (!values.is_empty()).then(|| values.to_vec());
    let guard = HitAccessActions::DiscoverPreviewAndAccept;
    build.set_integer_values(values).actions_guarded(guard).build().unwrap()
}

async fn publish(place: &Place, requirement: QualificationRequirement) -> String {
    let call = place.publish(9).qualification_requirements(requirement);
    call.send().await.unwrap().hit.unwrap().hit_id.unwrap()
}

/// Whether the worker sees it and whether they get it, which must agree.
async fn may(place: &Place, worker_id: &str, hit_id: &str) -> bool {
    let type_id = place.look(hit_id).await.hit_type_id.unwrap();
    let mut conn = place.market.pool().acquire().await.unwrap();
    let seen = groups::groups(&mut conn, place.market.settings(), place.market.real_now(), Some(worker_id))
        .await
        .unwrap();
    let sees = seen.iter().any(|group| group.hit_type_id == type_id);
    let gets = match place.accept(worker_id, Wanted::Hit(hit_id)).await {
        Ok(held) => {
            place.give_back(worker_id, &held.assignment_id).await.unwrap();
            true
        }
        Err(WorkError::NotQualified(_)) => false,
        Err(other) => panic!("{other:?}"),
    };
    assert_eq!(sees, gets);
    gets
}

#[tokio::test]
async fn who_was_excluded_neither_sees_nor_gets_the_next_hit() {
    let place = Place::open().await;
    let id = place.qualification("Took part").await;
    let hit_id = publish(&place, require(&id, Comparator::DoesNotExist, &[])).await;
    let (fresh, former) = (place.worker("fresh").await, place.worker("former").await);
    assert!(may(&place, &former, &hit_id).await);
    place.grant(&id, &former, 1).await;
    assert!(!may(&place, &former, &hit_id).await);
    assert!(may(&place, &fresh, &hit_id).await);
    let call = place.client.disassociate_qualification_from_worker().qualification_type_id(&id);
    call.worker_id(&former).send().await.unwrap();
    assert!(may(&place, &former, &hit_id).await);
    place.grant(&id, &former, 1).await;
    place.client.delete_qualification_type().qualification_type_id(&id).send().await.unwrap();
    assert!(may(&place, &former, &hit_id).await, "nobody has a type that was deleted");
}

#[tokio::test]
async fn an_excluded_worker_keeps_the_hit_they_hold() {
    let place = Place::open().await;
    let id = place.qualification("Took part").await;
    let hit_id = publish(&place, require(&id, Comparator::DoesNotExist, &[])).await;
    let worker_id = place.worker("one").await;
    let held = place.accept(&worker_id, Wanted::Hit(&hit_id)).await.unwrap().assignment_id;
    place.grant(&id, &worker_id, 1).await;
    let again = place.accept(&worker_id, Wanted::Hit(&hit_id)).await;
    assert!(matches!(again, Err(WorkError::AlreadyHeld { .. })), "{again:?}");
    place.submit(&held).await.unwrap();
}

#[tokio::test]
async fn the_markets_own_types_come_from_history_and_profile() {
    let place = Place::open().await;
    let experienced =
        publish(&place, require("00000000000000000040", Comparator::GreaterThanOrEqualTo, &[1])).await;
    let reliable =
        publish(&place, require("000000000000000000L0", Comparator::GreaterThanOrEqualTo, &[95])).await;
    let adults = publish(&place, require("00000000000000000060", Comparator::EqualTo, &[1])).await;
    let masters = publish(&place, require("2F1QJWKUDD8XADTFD2Q0G6UTO95ALH", Comparator::Exists, &[])).await;
    let plain = place.hit(2).await;
    let (worker_id, assignment_id) = place.work("one", &plain).await;
    for (hit_id, expected) in [(&experienced, false), (&reliable, true), (&adults, false), (&masters, false)]
    {
        assert_eq!(may(&place, &worker_id, hit_id).await, expected);
    }
    place.client.approve_assignment().assignment_id(assignment_id).send().await.unwrap();
    assert!(may(&place, &worker_id, &experienced).await);
    let profile = Profile { adult: true, masters: true, ..Profile::default() };
    let mut conn = place.market.pool().acquire().await.unwrap();
    standing::set_profile(&mut conn, &worker_id, &profile).await.unwrap();
    assert!(may(&place, &worker_id, &adults).await);
    assert!(may(&place, &worker_id, &masters).await);
    let novice = place.worker("two").await;
    assert!(!may(&place, &novice, &experienced).await);
}

#[tokio::test]
async fn hits_are_listed_by_the_type_they_require() {
    let place = Place::open().await;
    let (id, other) = (place.qualification("One").await, place.qualification("Other").await);
    let mut requiring = Vec::new();
    for _ in 0..3 {
        requiring.push(publish(&place, require(&id, Comparator::Exists, &[])).await);
    }
    publish(&place, require(&other, Comparator::Exists, &[])).await;
    place.hit(1).await;
    let call = place.client.list_hits_for_qualification_type().qualification_type_id(&id).max_results(2);
    let listed = call.into_paginator().send().collect::<Result<Vec<_>, _>>().await.unwrap();
    let listed: Vec<_> =
        listed.iter().flat_map(|page| page.hits()).map(|hit| hit.hit_id().unwrap().to_owned()).collect();
    assert_eq!(listed, requiring);
    let stranger = place.stranger().await;
    let foreign =
        stranger.list_hits_for_qualification_type().qualification_type_id(&id).send().await.unwrap();
    assert_eq!(foreign.num_results, Some(0));
}

#[tokio::test]
async fn a_hit_may_require_what_is_no_type_here_unless_that_is_refused() {
    for refuse_unknown_qualifications in [false, true] {
        let place = Place::with(|settings| {
            settings.quirks.refuse_unknown_qualifications = refuse_unknown_qualifications;
            settings.fees.premium = [("3PREMIUM".to_owned(), 50)].into_iter().collect();
        })
        .await;
        let (here, gone) = (place.qualification("Here").await, place.qualification("Gone").await);
        place.client.delete_qualification_type().qualification_type_id(&gone).send().await.unwrap();
        let requiring = |id: &str| {
            let required = QualificationRequirement::builder().qualification_type_id(id);
            let required = required.comparator(Comparator::DoesNotExist).build().unwrap();
            place.publish(1).qualification_requirements(required).send()
        };
        for known in [here.as_str(), "3PREMIUM", "000000000000000000L0", "2F1QJWKUDD8XADTFD2Q0G6UTO95ALH"] {
            requiring(known).await.unwrap();
        }
        for unknown in [gone.as_str(), "3ELSEWHERE"] {
            let answer = requiring(unknown).await;
            if refuse_unknown_qualifications {
                refused(answer).is("RequestError", "QualificationTypeDoesNotExist", unknown);
            } else {
                answer.unwrap();
            }
        }
    }
}
