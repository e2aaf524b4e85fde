//! The flat charge of premium qualifications, and what the approval rate is made of.

use aws_sdk_mturk::types::{Comparator, QualificationRequirement};
use kernel::money::Cents;
use market::engine::assignments::Wanted;
use market::engine::money::Kind;
use market::engine::qualifications::{APPROVAL_RATE, standing};

use crate::harness::{Place, refused};

fn requirement(id: &str) -> QualificationRequirement {
    let build = QualificationRequirement::builder().qualification_type_id(id);
    build.comparator(Comparator::DoesNotExist).build().unwrap()
}

/// The requester's lines of these kinds: kind, change of what is free, change of what is promised.
async fn lines(place: &Place) -> Vec<(Kind, Cents, Cents)> {
    let statement = place.market.statement(&place.keys.requester_id).await.unwrap();
    statement.iter().skip(1).map(|line| (line.kind, line.available, line.on_hold)).collect()
}

#[tokio::test]
async fn premium_qualifications_cost_a_flat_charge_each_in_holds_fees_and_the_statement() {
    // Twenty cents of a dollar; fifty and five more for the two that are premium, the first of them required twice.
    for (premium, fee) in [(vec![], 20), (vec![("3AGE", 50), ("3ACCOUNT", 5), ("3OTHER", 100)], 75)] {
        let premium = premium.into_iter().map(|(id, cents): (&str, i64)| (id.to_owned(), cents)).collect();
        let place = Place::with(|settings| settings.fees.premium = premium).await;
        let call = ["3AGE", "3AGE", "3ACCOUNT", "3FREE"]
            .iter()
            .fold(place.publish(1), |call, id| call.qualification_requirements(requirement(id)));
        let hit_id = call.send().await.unwrap().hit.unwrap().hit_id.unwrap();
        let (_, assignment_id) = place.work("one", &hit_id).await;
        place.client.approve_assignment().assignment_id(assignment_id).send().await.unwrap();
        let cost = Cents(100 + fee);
        let expected = [
            (Kind::Hold, -cost, cost),
            (Kind::Reward, Cents::ZERO, Cents(-100)),
            (Kind::Fee, Cents::ZERO, Cents(-fee)),
        ];
        assert_eq!(lines(&place).await, expected);
        let more = place.client.create_additional_assignments_for_hit().hit_id(&hit_id);
        more.number_of_additional_assignments(2).send().await.unwrap();
        assert_eq!(place.market.balance(&place.keys.requester_id).await.unwrap().on_hold, Cents(2 * cost.0));
    }
}

#[tokio::test]
async fn a_hit_that_gets_a_premium_type_holds_its_charge() {
    let place =
        Place::with(|settings| settings.fees.premium = [("3AGE".to_owned(), 90_000)].into_iter().collect())
            .await;
    let plain = place.hit(1).await;
    let dear = place.client.create_hit_type().title("x").description("y").reward("1");
    let dear = dear.assignment_duration_in_seconds(60).qualification_requirements(requirement("3AGE"));
    let dear = dear.send().await.unwrap().hit_type_id.unwrap();
    let retype =
        |hit_id: &str| place.client.update_hit_type_of_hit().hit_id(hit_id).hit_type_id(&dear).send();
    retype(&plain).await.unwrap();
    assert_eq!(place.balance().await, ("98.80".into(), "901.20".into()));
    let second = place.hit(1).await;
    refused(retype(&second).await).is("RequestError", "InsufficientFunds", "");
    assert_eq!(place.balance().await, ("97.60".into(), "902.40".into()));
}

#[tokio::test]
async fn the_approval_rate_counts_what_was_given_up_or_not() {
    for (given_up_counts, counts_from, expected) in [(false, 1, 100), (true, 1, 50), (true, 100, 100)] {
        let place = Place::with(|settings| {
            settings.approval_rate.given_up_counts = given_up_counts;
            settings.approval_rate.counts_from = counts_from;
        })
        .await;
        let (done, returned) = (place.hit(1).await, place.hit(1).await);
        let (worker_id, assignment_id) = place.work("one", &done).await;
        place.client.approve_assignment().assignment_id(assignment_id).send().await.unwrap();
        let taken = place.accept(&worker_id, Wanted::Hit(&returned)).await.unwrap();
        place.give_back(&worker_id, &taken.assignment_id).await.unwrap();
        let mut conn = place.market.pool().acquire().await.unwrap();
        let standing =
            standing::of_worker(&mut conn, place.market.settings(), Some(&worker_id)).await.unwrap();
        assert_eq!(standing.for_hits(true).values[APPROVAL_RATE], expected);
        let fussy = QualificationRequirement::builder().qualification_type_id(APPROVAL_RATE);
        let fussy = fussy.comparator(Comparator::GreaterThan).integer_values(90).build().unwrap();
        let hit_id =
            place.publish(1).qualification_requirements(fussy).send().await.unwrap().hit.unwrap().hit_id;
        let taken = place.accept(&worker_id, Wanted::Hit(&hit_id.unwrap())).await;
        assert_eq!(taken.is_ok(), expected > 90);
    }
}
