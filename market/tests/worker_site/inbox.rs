//! What requesters write to workers, on the workers' page.

use market::engine::blocks;

use crate::world::{external, world};

#[tokio::test]
async fn a_worker_reads_what_was_written_to_them_and_nobody_else_does() {
    let world = world().await;
    let (_, group) = world.publish("Pick a number", &external("https://hr.example/go/1"), 2).await;
    let (mut ada, ada_id) = world.worker("Ada").await;
    let (mut bob, _) = world.worker("Bob").await;
    let empty = ada.get(&world.at("inbox")).await.unwrap();
    assert!(empty.body.contains("No messages"), "{}", empty.body);
    let (mut tx, now) = world.market.begin().await.unwrap();
    blocks::block(&mut tx, now, &world.requester_id, &ada_id, "a secret reason").await.unwrap();
    tx.commit().await.unwrap();
    let inbox = ada.get(&world.at("inbox")).await.unwrap();
    assert!(inbox.body.contains("You were blocked") && inbox.body.contains("Choice Lab"), "{}", inbox.body);
    assert!(!inbox.body.contains("a secret reason"));
    assert!(bob.get(&world.at("inbox")).await.unwrap().body.contains("No messages"));
    let refused = world.accept(&mut ada, &group).await;
    assert!(refused.body.contains("does not let you accept"), "{}", refused.body);
    assert!(world.accept(&mut bob, &group).await.status.is_success());
}
