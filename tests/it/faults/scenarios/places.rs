//! Batches and places.

use market::journal::Effect;
use otree_hr::studies::draft::Typed;

use super::super::show::Show;
use super::{count, settled};

fn nine_batches(form: Typed) -> Typed {
    Typed { places: "9".into(), batch_size: "1".into(), ..form }
}

/// How many people the marketplace would take.
async fn open_places(show: &Show) -> i64 {
    sqlx::query_scalar(
        "SELECT coalesce(sum(max_assignments), 0)::bigint FROM market.hit WHERE requester_id = $1",
    )
    .bind(&show.requester)
    .fetch_one(show.rig.market.pool())
    .await
    .unwrap()
}

/// Two publishers at once, one of which dies, stands still or loses answers between publishing and recording.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f19_there_are_never_more_places_than_planned() {
    for trouble in ["publish.batch.call", "stop publish.batch.call", "publish.batch.recorded", "answers"] {
        let mut show = Show::alone(nine_batches).await;
        if trouble == "answers" {
            show.rig.trouble(market::faults::FaultKind::FailAfter, Some("CreateHITWithHITType"), 12).await;
        } else {
            show.rig.replicas[0].told(trouble);
        }
        show.publish().await;
        for _ in 0..20 {
            show.rig.work(40).await;
            show.rig.pass(chrono::Duration::seconds(30)).await;
            assert!(open_places(&show).await <= 9, "{trouble}");
        }
        show.rig.everybody_up().await;
        show.rig.until_sql(show.study.0, "SELECT state = 'open' FROM study WHERE id = $1").await;
        settled(&mut show).await;
        assert_eq!(open_places(&show).await, 9, "{trouble}");
        assert_eq!(count(&show, Effect::HitCreated).await, 9, "{trouble}");
    }
}
