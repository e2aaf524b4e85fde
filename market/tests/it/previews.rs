//! People who only look at a HIT, told as pending or not.

use aws_sdk_mturk::types::HitStatus;
use chrono::{DateTime, Duration};
use market::Quirks;
use market::behaviour::{self, Overrides};
use market::engine::assignments::Wanted;
use market::workers::bots::browser::{Browser, Page};

use crate::harness::Place;

/// Somebody with a browser.
struct Looker {
    browser: Browser,
    worker_id: String,
}

async fn with(quirks: Quirks) -> Place {
    Place::with(|settings| settings.quirks = quirks).await
}

async fn looker(place: &Place, name: &str) -> Looker {
    let (browser, worker_id) = place.signed_up(name).await;
    Looker { browser, worker_id }
}

impl Looker {
    async fn look(&mut self, place: &Place, hit_id: &str) -> Page {
        let kind = place.look(hit_id).await.hit_type_id.unwrap();
        let page = self.browser.get(&place.page(&format!("groups/{kind}"))).await.unwrap();
        assert!(page.status.is_success(), "{}", page.body);
        assert!(page.body.contains(hit_id), "the HIT is the one that is shown");
        page
    }
}

/// Pending and available, as GetHIT and ListHITs tell alike.
async fn counters(place: &Place, hit_id: &str) -> [i32; 2] {
    let hit = place.look(hit_id).await;
    let listed = place.client.list_hits().send().await.unwrap().hits.unwrap();
    assert!(listed.contains(&hit), "{listed:?}");
    [hit.number_of_assignments_pending().unwrap(), hit.number_of_assignments_available().unwrap()]
}

async fn kept(place: &Place) -> i64 {
    let rows = sqlx::query_scalar("select count(*) from market.preview");
    rows.fetch_one(place.market.pool()).await.unwrap()
}

#[tokio::test]
async fn looking_changes_nothing_unless_it_counts() {
    let place = Place::open().await;
    let hit_id = place.hit(2).await;
    looker(&place, "ada").await.look(&place, &hit_id).await;
    assert_eq!((counters(&place, &hit_id).await, kept(&place).await), ([0, 2], 0));
}

#[tokio::test]
async fn people_who_look_are_told_as_pending_until_their_time_is_over() {
    let place = with(Quirks { previews_pending: 60, ..Quirks::default() }).await;
    let hit_id = place.hit(3).await;
    let (mut ada, mut bob) = (looker(&place, "ada").await, looker(&place, "bob").await);
    ada.look(&place, &hit_id).await;
    assert_eq!(counters(&place, &hit_id).await, [1, 2]);
    place.step(Duration::seconds(10)).await;
    ada.look(&place, &hit_id).await;
    assert_eq!(counters(&place, &hit_id).await, [1, 2], "one person, however often they look");
    let page = bob.look(&place, &hit_id).await;
    assert!(page.body.contains("3 places"), "no place is gone");
    assert_eq!(counters(&place, &hit_id).await, [2, 1]);
    place.step(Duration::seconds(59)).await;
    assert_eq!(counters(&place, &hit_id).await, [2, 1], "both looked less than a minute ago");
    place.market.tick().await.unwrap();
    assert_eq!(kept(&place).await, 2, "the first look is forgotten");
    place.step(Duration::seconds(1)).await;
    assert_eq!(counters(&place, &hit_id).await, [0, 3]);
    place.market.tick().await.unwrap();
    assert_eq!(kept(&place).await, 0);
}

#[tokio::test]
async fn who_takes_the_hit_is_counted_once_and_not_again_after_giving_it_back() {
    let place = with(Quirks { previews_pending: 600, ..Quirks::default() }).await;
    let hit_id = place.hit(3).await;
    let (mut ada, mut bob) = (looker(&place, "ada").await, looker(&place, "bob").await);
    ada.look(&place, &hit_id).await;
    bob.look(&place, &hit_id).await;
    place.step(Duration::seconds(1)).await;
    let taken = place.accept(&ada.worker_id, Wanted::Hit(&hit_id)).await.unwrap().assignment_id;
    assert_eq!(counters(&place, &hit_id).await, [2, 1], "one works, one looks");
    place.step(Duration::seconds(1)).await;
    place.give_back(&ada.worker_id, &taken).await.unwrap();
    assert_eq!(counters(&place, &hit_id).await, [1, 2], "one looks");
    place.step(Duration::seconds(1)).await;
    ada.look(&place, &hit_id).await;
    assert_eq!(counters(&place, &hit_id).await, [2, 1], "both look");
    let taken = place.accept(&bob.worker_id, Wanted::Hit(&hit_id)).await.unwrap().assignment_id;
    place.submit(&taken).await.unwrap();
    assert_eq!(counters(&place, &hit_id).await, [1, 1], "one handed in, one looks");
}

#[tokio::test]
async fn lookers_take_no_place_from_anybody() {
    let place = with(Quirks { previews_pending: 600, ..Quirks::default() }).await;
    let hit_id = place.hit(1).await;
    for name in ["ada", "bob"] {
        looker(&place, name).await.look(&place, &hit_id).await;
    }
    assert_eq!(counters(&place, &hit_id).await, [1, 0], "never more than there are places");
    let hit = place.look(&hit_id).await;
    assert_eq!(hit.hit_status(), Some(&HitStatus::Assignable));
    let carol = place.worker("carol").await;
    let taken = place.accept(&carol, Wanted::Hit(&hit_id)).await.unwrap().assignment_id;
    assert_eq!(counters(&place, &hit_id).await, [1, 0]);
    place.submit(&taken).await.unwrap();
    assert_eq!(counters(&place, &hit_id).await, [0, 0]);
}

#[tokio::test]
async fn counters_that_lag_tell_who_looked_then() {
    let place = with(Quirks { previews_pending: 60, counter_lag: 30, ..Quirks::default() }).await;
    let hit_id = place.hit(2).await;
    place.step(Duration::seconds(100)).await;
    let mut ada = looker(&place, "ada").await;
    ada.look(&place, &hit_id).await;
    let mut told = vec![counters(&place, &hit_id).await];
    for (seconds, takes) in [(30, false), (10, true), (29, false), (1, false)] {
        place.step(Duration::seconds(seconds)).await;
        place.market.tick().await.unwrap();
        if takes {
            place.accept(&ada.worker_id, Wanted::Hit(&hit_id)).await.unwrap();
        }
        told.push(counters(&place, &hit_id).await);
    }
    assert_eq!(told, [[0, 2], [1, 1], [1, 1], [1, 1], [1, 1]], "she looks at 0 and takes it at 40");
    place.step(Duration::seconds(20)).await;
    place.market.tick().await.unwrap();
    assert_eq!((counters(&place, &hit_id).await, kept(&place).await), ([1, 1], 0));
}

#[tokio::test]
async fn one_requesters_switch_is_not_anothers() {
    let place = Place::open().await;
    let other = place.beside().await;
    let own = serde_json::json!({ "previews_pending": 60 });
    let own = Overrides::parse(own.as_object().unwrap().clone()).unwrap();
    let mut conn = place.market.pool().acquire().await.unwrap();
    behaviour::set(&mut conn, DateTime::UNIX_EPOCH, &place.keys.requester_id, &own).await.unwrap();
    drop(conn);
    let (mine, theirs) = (place.hit(1).await, other.hit(1).await);
    let mut ada = looker(&place, "ada").await;
    ada.look(&place, &mine).await;
    ada.look(&other, &theirs).await;
    assert_eq!((counters(&place, &mine).await, counters(&other, &theirs).await), ([1, 0], [0, 1]));
    let off = Overrides::parse(serde_json::Map::new()).unwrap();
    let mut conn = place.market.pool().acquire().await.unwrap();
    behaviour::set(&mut conn, DateTime::UNIX_EPOCH, &place.keys.requester_id, &off).await.unwrap();
    drop(conn);
    assert_eq!(counters(&place, &mine).await, [0, 1], "switched off, nobody is told");
    place.step(Duration::seconds(1)).await;
    place.market.tick().await.unwrap();
    assert_eq!(kept(&place).await, 0);
}
