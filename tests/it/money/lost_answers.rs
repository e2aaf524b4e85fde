//! Answers that do not arrive, on the same day and on the next.

use chrono::Duration;
use market::faults::FaultKind;
use market::journal::Effect;
use otree_hr::jobs::{Reconciler, Step};
use otree_hr::participation::Stage;
use otree_hr::payments::payer::Payer;
use otree_hr::payments::{Kind, OrderState};
use otree_hr::studies::State;
use otree_hr::studies::draft::Typed;
use otree_hr::studies::publisher::Publisher;

use super::{patience, reject, stages, with_bonus};
use crate::support::books;
use crate::support::world::World;

const ALL_FAULTS: [FaultKind; 6] = [
    FaultKind::FailBefore,
    FaultKind::FailAfter,
    FaultKind::DropBefore,
    FaultKind::DropAfter,
    FaultKind::ResetAfter,
    FaultKind::Throttle,
];

#[tokio::test]
async fn a_publication_whose_answer_is_lost_leaves_one_hit_for_each_batch() {
    for fault in ALL_FAULTS {
        let world = World::new().await;
        world.trouble(fault, "CreateHITWithHITType", 2).await;
        let study = world.press_publish(&world.lab.form()).await;
        world.quiet().await;
        books::check(&world, &study).await;
        patience(&world).await;
        books::settled(&world, &study).await;
        assert_eq!(world.journal(Effect::HitCreated).await.len(), 2, "{fault:?}");
        assert_eq!(world.lab.study(study.id).await.state, State::Open, "{fault:?}");
    }
}

#[tokio::test]
async fn payments_whose_answer_is_lost_are_made_once() {
    for fault in ALL_FAULTS {
        let world = World::new().await;
        let study = world.publish(&world.lab.form()).await;
        let guests = world.submitted(&study, 3, "0.70").await;
        world.trouble(fault, "ApproveAssignment", 2).await;
        world.trouble(fault, "SendBonus", 2).await;
        assert_eq!(world.decide(&study, &guests, &with_bonus()).await, 6);
        world.quiet().await;
        books::check(&world, &study).await;
        patience(&world).await;
        books::settled(&world, &study).await;
        assert_eq!(world.journal(Effect::Approved).await.len(), 3, "{fault:?}");
        assert_eq!(world.journal(Effect::BonusSent).await.len(), 3, "{fault:?}");
        assert_eq!(stages(&world, &guests).await, [Stage::Paid; 3], "{fault:?}");
    }
}

#[tokio::test]
async fn rejections_whose_answer_is_lost_are_made_once() {
    for fault in ALL_FAULTS {
        let world = World::new().await;
        let study = world.publish(&world.lab.form()).await;
        let guests = world.submitted(&study, 2, "0.70").await;
        world.trouble(fault, "RejectAssignment", 1).await;
        assert_eq!(world.decide(&study, &guests, &reject()).await, 2);
        patience(&world).await;
        books::settled(&world, &study).await;
        assert_eq!(world.journal(Effect::Rejected).await.len(), 2, "{fault:?}");
        assert_eq!(stages(&world, &guests).await, [Stage::Rejected; 2], "{fault:?}");
    }
}

#[tokio::test]
async fn a_batch_that_was_sent_yesterday_is_looked_for_and_not_sent_again() {
    for (fault, found) in [(FaultKind::DropAfter, true), (FaultKind::DropBefore, false)] {
        let world = World::new().await;
        let form = Typed { places: "2".into(), ..world.lab.form() };
        // The answer is lost, and nothing can be asked until the next day.
        world.trouble(fault, "CreateHITWithHITType", 1).await;
        let study = world.press_publish(&form).await;
        let publisher = Publisher(world.app().clone());
        while world.lab.count("SELECT count(*) FROM batch WHERE state = 'sending'").await == 0 {
            publisher.step().await.unwrap();
        }
        world.trouble(FaultKind::FailBefore, "ListHITs", 3).await;
        world.quiet().await;
        world.lab.clock.advance(Duration::hours(25));
        patience(&world).await;
        books::check(&world, &study).await;
        assert_eq!(world.journal(Effect::HitCreated).await.len(), usize::from(found), "{fault:?}");
        let now = world.lab.study(study.id).await;
        if found {
            assert_eq!(now.state, State::Open);
        } else {
            assert_eq!(now.state, State::Publishing);
            assert!(now.problem.unwrap().contains("not sent again"), "the researcher reads why");
        }
    }
}

#[tokio::test]
async fn a_bonus_that_was_sent_yesterday_is_left_to_a_person() {
    for (fault, found) in [(FaultKind::DropAfter, true), (FaultKind::DropBefore, false)] {
        let world = World::new().await;
        let study = world.publish(&world.lab.form()).await;
        let guests = world.submitted(&study, 1, "0.70").await;
        world.trouble(fault, "SendBonus", 1).await;
        world.decide(&study, &guests, &with_bonus()).await;
        // The approval, then the bonus, which looks at the list of bonuses before it is sent.
        let payer = Payer(world.app().clone());
        while payer.step().await.unwrap() == Step::Worked {}
        world.trouble(FaultKind::FailBefore, "ListBonusPayments", 3).await;
        world.quiet().await;
        world.lab.clock.advance(Duration::hours(25));
        patience(&world).await;
        books::check(&world, &study).await;
        assert_eq!(world.journal(Effect::BonusSent).await.len(), usize::from(found), "{fault:?}");
        let orders = world.orders(&study).await;
        let bonus = orders.iter().find(|order| order.kind == Kind::Bonus).unwrap();
        if found {
            assert_eq!(bonus.state, OrderState::Done);
        } else {
            assert_eq!(bonus.state, OrderState::Unknown);
            assert!(bonus.problem.as_deref().unwrap().contains("decide"), "{:?}", bonus.problem);
        }
    }
}
