//! Quirks that one requester switches for themselves.

use market::behaviour::{self, Overrides};

use crate::harness::Place;

async fn set(place: &Place, quirk: &str, on: bool) {
    let members = [(quirk.to_owned(), on.into())].into_iter().collect();
    let overrides = Overrides::parse(members).unwrap();
    let mut conn = place.market.pool().acquire().await.unwrap();
    behaviour::set(&mut conn, place.market.real_now(), &place.keys.requester_id, &overrides).await.unwrap();
}

/// Whether a full last page leads on to an empty one.
async fn leads_on(place: &Place) -> bool {
    place.client.list_hits().max_results(1).send().await.unwrap().next_token.is_some()
}

#[tokio::test]
async fn a_requester_switches_a_quirk_for_nobody_else() {
    let place = Place::open().await;
    let other = place.beside().await;
    place.hit(1).await;
    other.hit(1).await;
    set(&place, "empty_last_page", true).await;
    assert!(leads_on(&place).await);
    assert!(!leads_on(&other).await);
    set(&place, "empty_last_page", false).await;
    assert!(!leads_on(&place).await);
}

#[tokio::test]
async fn what_a_requester_did_not_set_follows_the_operator() {
    let place = Place::with(|settings| settings.quirks.empty_last_page = true).await;
    place.hit(1).await;
    set(&place, "expiration_makes_a_token", true).await;
    assert!(leads_on(&place).await, "the operator's");
    set(&place, "empty_last_page", false).await;
    assert!(!leads_on(&place).await, "their own");
}
