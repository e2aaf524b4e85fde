//! What workers do: many at once, deadlines, groups, their own list.

use std::sync::Arc;

use chrono::Duration;
use futures_util::future::join_all;
use kernel::money::Cents;
use market::engine::assignments::{AssignmentState, Wanted, WorkError};
use market::engine::{groups, work};
use tokio_util::sync::CancellationToken;

use crate::harness::Place;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_who_accept_at_once_fill_nine_places() {
    let place = Arc::new(Place::open().await);
    let hit_id = place.hit(9).await;
    let workers = join_all((0..50).map(|n| {
        let place = Arc::clone(&place);
        async move { place.worker(&format!("worker {n}")).await }
    }))
    .await;
    let takers = workers.into_iter().map(|worker_id| {
        let (place, hit_id) = (Arc::clone(&place), hit_id.clone());
        tokio::spawn(async move { place.accept(&worker_id, Wanted::Hit(&hit_id)).await })
    });
    let taken = join_all(takers).await.into_iter().filter(|taken| match taken.as_ref().unwrap() {
        Ok(_) => true,
        Err(WorkError::NothingLeft) => false,
        Err(other) => panic!("{other:?}"),
    });
    assert_eq!(taken.count(), 9);
    let hit = place.look(&hit_id).await;
    assert_eq!(hit.number_of_assignments_pending, Some(9));
    assert_eq!(hit.number_of_assignments_available, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_group_is_taken_to_the_last_place_by_as_many_as_there_are() {
    let place = Arc::new(Place::open().await);
    for _ in 0..3 {
        place.hit(3).await;
    }
    let hit_type_id =
        place.client.list_hits().send().await.unwrap().hits()[0].hit_type_id().unwrap().to_owned();
    let takers = (0..12).map(|n| {
        let (place, hit_type_id) = (Arc::clone(&place), hit_type_id.clone());
        tokio::spawn(async move {
            let worker_id = place.worker(&format!("worker {n}")).await;
            place.accept(&worker_id, Wanted::Group(&hit_type_id)).await.is_ok()
        })
    });
    let taken = join_all(takers).await.into_iter().filter(|taken| *taken.as_ref().unwrap()).count();
    assert_eq!(taken, 9);
}

#[tokio::test]
async fn one_worker_takes_a_hit_once_in_however_many_tabs() {
    let place = Place::open().await;
    let hit_id = place.hit(5).await;
    let worker_id = place.worker("one").await;
    let tabs = join_all((0..5).map(|_| place.accept(&worker_id, Wanted::Hit(&hit_id)))).await;
    assert_eq!(tabs.iter().filter(|taken| taken.is_ok()).count(), 1);
    let held = tabs.into_iter().find_map(Result::ok).unwrap();
    match place.accept(&worker_id, Wanted::Hit(&hit_id)).await {
        Err(WorkError::AlreadyHeld { assignment_id }) => assert_eq!(assignment_id, held.assignment_id),
        other => panic!("{other:?}"),
    }
    place.submit(&held.assignment_id).await.unwrap();
    assert!(matches!(place.accept(&worker_id, Wanted::Hit(&hit_id)).await, Err(WorkError::AlreadyDone)));
}

#[tokio::test]
async fn after_a_return_a_worker_may_come_again_under_a_new_id() {
    let place = Place::open().await;
    let hit_id = place.hit(1).await;
    let worker_id = place.worker("one").await;
    let first = place.accept(&worker_id, Wanted::Hit(&hit_id)).await.unwrap().assignment_id;
    place.give_back(&worker_id, &first).await.unwrap();
    assert!(matches!(place.give_back(&worker_id, &first).await, Err(WorkError::NotHeld)));
    assert!(matches!(place.submit(&first).await, Err(WorkError::NotHeld)));
    let second = place.accept(&worker_id, Wanted::Hit(&hit_id)).await.unwrap().assignment_id;
    assert_ne!(first, second);
}

#[tokio::test]
async fn nobody_gives_back_what_another_holds() {
    let place = Place::open().await;
    let hit_id = place.hit(1).await;
    let (one, two) = (place.worker("one").await, place.worker("two").await);
    let held = place.accept(&one, Wanted::Hit(&hit_id)).await.unwrap().assignment_id;
    assert!(matches!(place.give_back(&two, &held).await, Err(WorkError::NotHeld)));
    assert_eq!(place.look(&hit_id).await.number_of_assignments_pending, Some(1));
}

#[tokio::test]
async fn a_missed_deadline_opens_the_place_again() {
    let place = Place::open().await;
    let hit_id = place.hit(1).await;
    let worker_id = place.worker("slow").await;
    let held = place.accept(&worker_id, Wanted::Hit(&hit_id)).await.unwrap().assignment_id;
    place.step(Duration::seconds(600)).await;
    assert_eq!(place.market.tick().await.unwrap().abandoned, 0);
    place.step(Duration::seconds(1)).await;
    assert!(matches!(place.submit(&held).await, Err(WorkError::TooLate)));
    assert_eq!(place.market.tick().await.unwrap().abandoned, 1);
    let hit = place.look(&hit_id).await;
    assert_eq!((hit.number_of_assignments_pending, hit.number_of_assignments_available), (Some(0), Some(1)));
    assert!(matches!(place.submit(&held).await, Err(WorkError::NotHeld)));
}

#[tokio::test]
async fn a_worker_sees_one_group_and_only_what_is_left_for_them() {
    let place = Place::open().await;
    let first = place.hit(2).await;
    place.hit(3).await;
    let worker_id = place.worker("one").await;
    let mut conn = place.market.pool().acquire().await.unwrap();
    let now = place.market.real_now();
    let seen = groups::groups(&mut conn, place.market.settings(), now, Some(&worker_id)).await.unwrap();
    assert_eq!(seen.len(), 1);
    assert_eq!((seen[0].hits, seen[0].available, seen[0].reward), (2, 5, Cents(100)));
    assert_eq!(seen[0].requester, "A lab");
    place.accept(&worker_id, Wanted::Hit(&first)).await.unwrap();
    let seen = groups::groups(&mut conn, place.market.settings(), now, Some(&worker_id)).await.unwrap();
    assert_eq!((seen[0].hits, seen[0].available), (1, 3));
    let anybody = groups::groups(&mut conn, place.market.settings(), now, None).await.unwrap();
    assert_eq!((anybody[0].hits, anybody[0].available), (2, 4));
    place.step(Duration::seconds(3600)).await;
    assert!(groups::groups(&mut conn, place.market.settings(), now, None).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_worker_reads_what_they_did_and_earned() {
    let place = Place::open().await;
    let hit_id = place.hit(2).await;
    let (worker_id, assignment_id) = place.work("one", &hit_id).await;
    let approve = place.client.approve_assignment().assignment_id(&assignment_id);
    approve.requester_feedback("well done").send().await.unwrap();
    let send = place.client.send_bonus().worker_id(&worker_id).assignment_id(&assignment_id);
    send.bonus_amount("0.50").reason("luck").send().await.unwrap();
    let mut conn = place.market.pool().acquire().await.unwrap();
    let items = work::page(&mut conn, &worker_id, None, 10).await.unwrap();
    assert_eq!(items.len(), 1);
    assert_eq!(
        (items[0].state, items[0].reward, items[0].bonus),
        (AssignmentState::Approved, Cents(100), Cents(50))
    );
    assert_eq!(items[0].feedback.as_deref(), Some("well done"));
    let bonuses = work::bonuses(&mut conn, &worker_id, &[assignment_id]).await.unwrap();
    assert_eq!((bonuses[0].amount, bonuses[0].reason.as_str()), (Cents(50), "luck"));
}

#[tokio::test]
async fn the_loop_ticks_until_it_is_stopped() {
    let place = Place::open().await;
    let hit_id = place.hit(1).await;
    place.step(Duration::seconds(3600)).await;
    let stop = CancellationToken::new();
    let market = place.market.clone();
    let until = stop.clone();
    let stopped = tokio::spawn(async move { market.run(until).await });
    let closed = async {
        loop {
            let query = "select closed_at is not null from market.hit where hit_id = $1";
            let closed = sqlx::query_scalar(query).bind(&hit_id).fetch_one(place.market.pool());
            if closed.await.unwrap() {
                break;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), closed).await.unwrap();
    stop.cancel();
    stopped.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn everything_at_once_on_a_few_hits_gets_done() {
    let place = Arc::new(Place::open().await);
    for _ in 0..3 {
        place.hit(4).await;
    }
    let hit_type_id =
        place.client.list_hits().send().await.unwrap().hits()[0].hit_type_id().unwrap().to_owned();
    let people = (0..12).map(|n| {
        let (place, hit_type_id) = (Arc::clone(&place), hit_type_id.clone());
        tokio::spawn(async move {
            let worker_id = place.worker(&format!("worker {n}")).await;
            let id = place.accept(&worker_id, Wanted::Group(&hit_type_id)).await.unwrap().assignment_id;
            place.submit(&id).await.unwrap();
            let bonus = place.client.send_bonus().worker_id(&worker_id).assignment_id(&id);
            let bonus = bonus.bonus_amount("0.10").reason("x").send();
            let approve = place.client.approve_assignment().assignment_id(&id).send();
            let (bonus, approve, tick) = tokio::join!(bonus, approve, place.market.tick());
            bonus.unwrap();
            approve.unwrap();
            tick.unwrap();
        })
    });
    for person in join_all(people).await {
        person.unwrap();
    }
    // Twelve times 1.00 and 0.20, and 0.10 and 0.02.
    assert_eq!(place.balance().await, ("984.16".into(), "0.00".into()));
}
