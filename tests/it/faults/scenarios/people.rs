//! People who click twice, come twice, share links, storm in, or are not people.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use market::journal::Effect;
use otree_hr::payments::{Kind, Order, OrderState};
use otree_hr::studies::draft::Typed;

use super::super::show::{At, Show};
use super::{PAY, count, paid, settled};
use crate::support::door::go;

fn places(number: &'static str) -> impl FnOnce(Typed) -> Typed {
    move |form| Typed { places: number.into(), batch_size: number.into(), spares: "0".into(), ..form }
}

async fn seats(show: &Show) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM seat WHERE study_id = $1 AND participation_id IS NOT NULL")
        .bind(show.study.0)
        .fetch_one(show.pool())
        .await
        .unwrap()
}

/// Fifty clicks at once on two tabs, at both processes: one payment each.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f03_fifty_clicks_pay_once() {
    let mut show = Show::alone(places("2")).await.opened().await;
    show.submitted(2, "0.70").await;
    show.patient();
    let rows = show.rows().await;
    let both = show.open_tab(0, PAY, &rows, &[]).await.unwrap();
    let one = show.open_tab(1, PAY, &rows[..1], &[]).await.unwrap();
    // Three buttons, so that each is pressed at both processes.
    let replies = show.press_all(&[&both, &one, &both], 17).await;
    let ordered = replies.iter().filter(|reply| reply.status == StatusCode::SEE_OTHER).count();
    assert!(ordered >= 1);
    for reply in replies {
        let fine = [StatusCode::SEE_OTHER, StatusCode::CONFLICT, StatusCode::UNPROCESSABLE_ENTITY];
        assert!(fine.contains(&reply.status), "{}", reply.status);
    }
    // Whose sum had changed meanwhile was told so, and asks again.
    show.decide(PAY, &rows, &[]).await;
    paid(&mut show, 2).await;
}

/// Approve and reject from two tabs at the same moment: the first wins, the second is told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f21_of_two_decisions_in_stale_tabs_the_first_stands() {
    let mut show = Show::alone(places("4")).await.opened().await;
    show.submitted(4, "0.70").await;
    show.patient();
    for row in show.rows().await {
        let rows = [row];
        let approve = show.open_tab(0, PAY, &rows, &[]).await.unwrap();
        let reject = show.open_tab(1, "reject", &rows, &[("words", "Not done")]).await.unwrap();
        let before = decisions(&show).await;
        let mut replies = show.press_all(&[&approve, &reject], 1).await;
        // Whoever comes later still changes nothing either.
        replies.extend(show.press(&reject, &[0]).await.into_iter().flatten());
        replies.extend(show.press(&approve, &[1]).await.into_iter().flatten());
        assert!(replies.iter().all(|reply| !reply.status.is_server_error()), "{replies:?}");
        assert_eq!(decisions(&show).await, before + 1, "the first stands: {replies:?}");
    }
    settled(&mut show).await;
    let (approved, rejected) = (count(&show, Effect::Approved).await, count(&show, Effect::Rejected).await);
    assert_eq!(approved + rejected, 4);
    assert_eq!(count(&show, Effect::BonusSent).await, approved);
}

/// How many first decisions stand.
async fn decisions(show: &Show) -> usize {
    let orders = show.orders().await;
    let decides = |order: &&Order| matches!(order.kind, Kind::Approve | Kind::Reject);
    orders.iter().filter(decides).filter(|order| order.state != OrderState::Refused).count()
}

/// A hundred requests with the same parameters get one seat; somebody else with the same assignment another, and
/// only whom the marketplace lists is payable.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f14_a_link_opened_a_hundred_times_is_one_seat() {
    let mut show = Show::alone(places("3")).await.opened().await;
    show.patient();
    let who = show.accept().await.unwrap();
    let door = show.door(&show.people[who]);
    let replies = join_all((0..100).map(|n| show.get(n % 2, &door))).await;
    let pages: Vec<String> = replies.into_iter().map(|reply| reply.unwrap().location).collect();
    assert!(pages.iter().all(|page| *page == pages[0] && page.starts_with("/w/")), "{pages:?}");
    assert_eq!(seats(&show).await, 1);
    show.knock(who, 1).await;

    let stranger = super::super::show::Person { worker: show.new_worker().await, ..show.people[who].clone() };
    show.get(0, &show.door(&stranger)).await;
    assert!(seats(&show).await <= 2, "never the same seat");
    show.play(who, 0, "0.70".into()).await;
    assert!(show.submit(who).await);
    let known = "SELECT count(submitted_at) = 1 FROM participation WHERE study_id = $1";
    show.rig.until_sql(show.study.0, known).await;
    let rows = show.rows().await;
    show.decide(PAY, &rows, &[]).await;
    settled(&mut show).await;
    let bonuses = show.rig.journal(&show.requester).await;
    let paid: Vec<_> = bonuses.iter().filter(|entry| entry.effect == Effect::BonusSent).collect();
    assert_eq!(paid.len(), 1);
    assert_eq!(paid[0].worker_id.as_deref(), Some(&*show.people[who].worker));
}

/// Previews, link checkers and their like take no seat.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f15_what_is_no_worker_takes_no_seat() {
    let mut show = Show::alone(places("2")).await.opened().await;
    let who = show.accept().await.unwrap();
    let (code, door) = (show.code.clone(), show.door(&show.people[who]));
    let previews = [
        format!("/go/{code}"),
        format!("/go/{code}?assignmentId=ASSIGNMENT_ID_NOT_AVAILABLE&hitId=H&workerId=A1"),
        format!("/go/{code}?assignmentId=ASSIGNMENT_ID_NOT_AVAILABLE&hitId={}", show.people[who].hit),
        format!("/go/{code}?assignmentId=&hitId=&workerId="),
        format!("/go/{code}?assignmentId=A%27--&hitId=H&workerId=A1"),
    ];
    for preview in &previews {
        let reply = show.get(0, preview).await.unwrap();
        assert!(!reply.location.starts_with("/w/"), "{preview}");
    }
    let http = reqwest::Client::new();
    let url = show.rig.replicas[0].base.join(&door).unwrap();
    let head = http.head(url.clone()).send().await.unwrap();
    assert!(head.status().is_success());
    for (name, value) in [("sec-purpose", "prefetch"), ("user-agent", "Slackbot-LinkExpanding 1.0")] {
        http.get(url.clone()).header(name, value).send().await.unwrap();
    }
    assert_eq!(seats(&show).await, 0);
    show.knock(who, 0).await;
    assert_eq!(seats(&show).await, 1, "the worker still gets it");
}

/// Somebody gives the place back and another worker gets it under the same assignment id: two people, two seats,
/// and only who submitted can be paid.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f16_an_assignment_id_that_comes_back_is_another_persons() {
    let mut show = Show::alone(places("2")).await.opened().await;
    let first = show.accept().await.unwrap();
    show.knock(first, 0).await;
    // Plays to the end, but gives the HIT back instead of submitting.
    assert!(show.play(first, 0, "0.90".into()).await);
    show.give_back(first).await;
    let second = show.accept().await.unwrap();
    let (old, new) = (show.people[first].assignment.clone(), show.people[second].assignment.clone());
    sqlx::query("UPDATE market.assignment SET assignment_id = $1 WHERE assignment_id = $2")
        .bind(&old)
        .bind(&new)
        .execute(show.rig.market.pool())
        .await
        .unwrap();
    show.people[second].assignment = old;
    show.knock(second, 1).await;
    assert!(show.play(second, 1, "0.30".into()).await);
    assert!(show.submit(second).await);
    assert_ne!(show.people[first].seat, show.people[second].seat);
    let known = "SELECT count(submitted_at) = 1 FROM participation WHERE study_id = $1";
    show.rig.until_sql(show.study.0, known).await;
    let rows = show.rows().await;
    show.decide(PAY, &rows, &[]).await;
    show.rig
        .until_sql(show.study.0, "SELECT bool_or(stage = 'paid') FROM participation WHERE study_id = $1")
        .await;
    let journal = show.rig.journal(&show.requester).await;
    let bonuses: Vec<_> = journal.iter().filter(|entry| entry.effect == Effect::BonusSent).collect();
    assert_eq!(bonuses.len(), 1);
    assert_eq!(bonuses[0].worker_id.as_deref(), Some(&*show.people[second].worker));
    assert_eq!(bonuses[0].amount, Some(kernel::money::Cents(30)));
    // When the time for it is over, who worked without submitting stands there to be compensated.
    show.rig.pass(chrono::Duration::hours(50)).await;
    let kept = "SELECT bool_or(stage IN ('finished_unsubmitted', 'worked_then_returned')) FROM participation WHERE study_id = $1";
    show.rig.until_sql(show.study.0, kept).await;
}

/// Far more people than seats, a fifth of them twice, at both processes within a moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f17_a_storm_fills_every_seat_once() {
    const PEOPLE: usize = 1000;
    let mut show = Show::alone(places("200")).await.opened().await;
    show.patient();
    let hit: String = sqlx::query_scalar("SELECT hit_id FROM batch WHERE study_id = $1")
        .bind(show.study.0)
        .fetch_one(show.pool())
        .await
        .unwrap();
    let doors = (0..PEOPLE + PEOPLE / 5).map(|n| {
        let who = n % PEOPLE;
        go(&show.code, &hit, &format!("ASTORM{who}"), &format!("STORM{who}"))
    });
    let started = std::time::Instant::now();
    let doors: Vec<String> = doors.collect();
    // As many at a time as a machine lets one process have sockets.
    let visits = doors.iter().enumerate().map(|(n, door)| show.get(n % 2, door));
    let replies: Vec<_> = stream::iter(visits).buffered(300).collect().await;
    let took = started.elapsed();
    let pages = replies.iter().flatten().map(|reply| &reply.location);
    let let_in: BTreeSet<&String> = pages.filter(|page| page.starts_with("/w/")).collect();
    assert_eq!(let_in.len(), 200);
    assert!(replies.iter().all(|reply| reply.as_ref().is_some_and(|r| !r.status.is_server_error())));
    assert_eq!(seats(&show).await, 200);
    let distinct: i64 = sqlx::query_scalar(
        "SELECT count(DISTINCT (worker_id, seat_number)) FROM participation WHERE study_id = $1",
    )
    .bind(show.study.0)
    .fetch_one(show.pool())
    .await
    .unwrap();
    assert_eq!(distinct, 200);
    println!("{PEOPLE} people in {} ms", took.as_millis());
    let cookie = show.log_in().await;
    assert!(cookie.is_some(), "the pages still work");
}

/// The same worker takes places of two batches, one after the other and at the same moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f18_a_worker_with_two_batches_takes_part_once() {
    let mut show =
        Show::alone(|form| Typed { places: "6".into(), batch_size: "1".into(), ..form }).await.opened().await;
    let first = show.accept().await.unwrap();
    show.knock(first, 0).await;
    let worker = show.people[first].worker.clone();
    let second = show.accept_as(&worker).await.unwrap();
    assert_ne!(show.people[first].hit, show.people[second].hit);
    let reply = show.knock(second, 1).await.unwrap();
    assert_eq!(reply.location, "", "refused before a seat: {}", reply.body);
    assert_eq!(seats(&show).await, 1);
    show.give_back(second).await;

    // Nobody before, and both at once.
    let worker = show.new_worker().await;
    let (a, b) = (show.accept_as(&worker).await.unwrap(), show.accept_as(&worker).await.unwrap());
    let doors = [show.door(&show.people[a]), show.door(&show.people[b])];
    let (one, other) = tokio::join!(show.get(0, &doors[0]), show.get(1, &doors[1]));
    let let_in = [one, other].into_iter().flatten().filter(|reply| reply.location.starts_with("/w/"));
    assert_eq!(let_in.count(), 1);
    assert_eq!(seats(&show).await, 2);
    let rejected = count(&show, Effect::Rejected).await;
    assert_eq!(rejected, 0, "nobody gets a bad mark for it");
    show.people[second].page = None;
    assert_eq!(show.people[second].at, At::Gone);
}

/// Somebody's browser is slow on the way from our page to oTree: our own look at where they are must not come first,
/// since whoever opens a start link first gives the seat its label.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_slow_to_reach_otree_still_counts_as_finished() {
    let mut show = Show::alone(places("2")).await.opened().await;
    let who = show.accept().await.unwrap();
    show.knock(who, 0).await;
    let open = format!("{}/open", show.people[who].page.clone().unwrap());
    assert!(show.get(0, &open).await.unwrap().location.contains("participant_label"));
    for _ in 0..8 {
        show.rig.work(100).await;
        show.rig.pass(chrono::Duration::seconds(20)).await;
    }
    assert!(show.play(who, 0, "0.70".into()).await);
    assert!(show.submit(who).await);
    let finished = "SELECT bool_and(stage = 'submitted') FROM participation WHERE study_id = $1";
    show.rig.until_sql(show.study.0, finished).await;
}
