//! Our books against the marketplace's journal, which is the truth about what happened there.

use std::collections::BTreeMap;

use kernel::money::Cents;
use market::journal::Effect;
use otree_hr::payments::{Kind, Order, OrderState, budget};
use otree_hr::studies::Study;
use otree_hr::studies::batches;

use super::ledger;
use super::world::World;

/// Checks what must hold at every moment: nothing happened twice, nothing happened without a row of ours, and
/// the budget holds.
pub async fn check(world: &World, study: &Study) {
    every_hit_is_one_batch(world, study).await;
    let orders = world.orders(study).await;
    for effect in [Effect::Approved, Effect::Rejected] {
        for (assignment, times) in tally(world, effect).await {
            assert_eq!(times, 1, "{effect:?} {times} times");
            let kind = if effect == Effect::Approved { Kind::Approve } else { Kind::Reject };
            let ours = orders.iter().filter(|o| o.kind == kind && o.assignment_id == assignment);
            assert!(ours.clone().count() >= 1, "{effect:?} without an order");
            assert!(ours.clone().any(|order| order.first_sent_at.is_some()), "{effect:?} before it was sent");
        }
    }
    for bonus in world.journal(Effect::BonusSent).await {
        let order = orders.iter().find(|order| Some(&order.token) == bonus.token.as_ref());
        let order = order.expect("a bonus has an order");
        assert_eq!((order.kind, Some(order.amount)), (Kind::Bonus, bonus.amount));
        assert!(bonus.fee.unwrap() <= order.fee, "the fee is at most what was set aside");
        assert_eq!(bonus.worker_id.as_deref(), Some(&*order.worker));
    }
    let bonuses = tally(world, Effect::BonusSent).await;
    assert!(bonuses.values().all(|times| *times == 1), "somebody got two bonuses: {bonuses:?}");
    let budget = budget::of(&mut world.app().pool.acquire().await.unwrap(), study.id, false).await.unwrap();
    assert!(budget.left() >= Cents::ZERO, "{budget:?}");
    ledger::check(world).await;
}

/// Checks that nothing is left to do and that both sides say the same.
pub async fn settled(world: &World, study: &Study) {
    check(world, study).await;
    ledger::settled(world).await;
    let orders = world.orders(study).await;
    let open: Vec<&Order> =
        orders.iter().filter(|o| !matches!(o.state, OrderState::Done | OrderState::Refused)).collect();
    assert!(open.is_empty(), "{open:?}");
    let done = |kind| orders.iter().filter(move |o| o.kind == kind && o.state == OrderState::Done);
    let sum = |kind| done(kind).map(|order| order.amount).sum::<Cents>();
    let bonuses = world.journal(Effect::BonusSent).await;
    assert_eq!(bonuses.len(), done(Kind::Bonus).count());
    assert_eq!(bonuses.iter().filter_map(|entry| entry.amount).sum::<Cents>(), sum(Kind::Bonus));
    let (by_us, by_itself) = (tally(world, Effect::Approved).await, tally(world, Effect::AutoApproved).await);
    for order in done(Kind::Approve) {
        let assignment = &order.assignment_id;
        assert!(by_us.contains_key(assignment) || by_itself.contains_key(assignment), "{order:?}");
    }
    assert_eq!(tally(world, Effect::Rejected).await.len(), done(Kind::Reject).count());
    facts_agree(world, "approved_at", &[Effect::Approved, Effect::AutoApproved]).await;
    facts_agree(world, "rejected_at", &[Effect::Rejected]).await;
    facts_agree(world, "bonus_paid_at", &[Effect::BonusSent]).await;
}

/// How often each assignment had this effect.
async fn tally(world: &World, effect: Effect) -> BTreeMap<String, usize> {
    let mut tally = BTreeMap::new();
    for entry in world.journal(effect).await {
        *tally.entry(entry.assignment_id.unwrap()).or_default() += 1;
    }
    tally
}

async fn every_hit_is_one_batch(world: &World, study: &Study) {
    let batches = batches::of_study(&mut world.app().pool.acquire().await.unwrap(), study.id).await.unwrap();
    // In one look: a call whose caller died may still be under way.
    let found: Vec<(String, Option<String>, i64)> = sqlx::query_as(
        "SELECT hit_id, requester_annotation, (SELECT count(*) FROM market.journal WHERE effect = 'hit_created')
         FROM market.hit",
    )
    .fetch_all(world.market.pool())
    .await
    .unwrap();
    assert!(found.iter().all(|(_, _, created)| usize::try_from(*created).unwrap() == found.len()));
    let hits: Vec<_> = found.into_iter().map(|(hit, mark, _)| (hit, mark)).collect();
    for batch in &batches {
        let mark = batch.id.to_string();
        let theirs = hits.iter().filter(|(_, annotation)| annotation.as_ref() == Some(&mark));
        assert!(theirs.clone().count() <= 1, "batch {} was published twice", batch.position);
        for (hit, _) in theirs {
            let known = batch.hit_id.as_ref().is_none_or(|ours| ours == hit);
            assert!(known, "batch {} names another HIT", batch.position);
        }
        if let Some(ours) = &batch.hit_id {
            assert!(hits.iter().any(|(hit, _)| hit == ours), "batch {} has no HIT", batch.position);
        }
    }
    let marks: Vec<String> = batches.iter().map(|batch| batch.id.to_string()).collect();
    let orphans = hits.iter().filter(|(_, mark)| mark.as_ref().is_none_or(|mark| !marks.contains(mark)));
    assert_eq!(orphans.count(), 0, "HITs that no batch knows");
}

/// A fact stands on a participation exactly when the marketplace's journal has one of the effects for it.
async fn facts_agree(world: &World, fact: &str, effects: &[Effect]) {
    let sql = format!("SELECT assignment_id FROM participation WHERE {fact} IS NOT NULL ORDER BY 1");
    let ours: Vec<String> =
        sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_all(&world.app().pool).await.unwrap();
    let mut theirs: Vec<String> = Vec::new();
    for effect in effects {
        theirs.extend(tally(world, *effect).await.into_keys());
    }
    theirs.sort();
    assert_eq!(ours, theirs, "{fact}");
}
