//! What people do, and doing it.

use aws_sdk_mturk::error::SdkError;
use aws_sdk_mturk::primitives::DateTime;
use chrono::Duration;
use market::engine::assignments::Wanted;
use market::{DisposalSince, Quirks};
use proptest::prelude::*;

use super::Scene;
use crate::harness::{Place, refused};

/// One thing that somebody does; numbers choose among what there is.
#[derive(Debug, Clone)]
pub enum Deed {
    Publish { requester: usize, places: i32, token: u8 },
    Accept { worker: usize, hit: usize },
    GiveBack(usize),
    Submit(usize),
    Approve { work: usize, over: bool },
    Reject(usize),
    Bonus { work: usize, token: u8 },
    Extend { hit: usize, by: i32, token: u8 },
    Retype(usize),
    Label { hit: usize, revert: bool },
    Expire(usize),
    Reopen(usize),
    Delete(usize),
    Wait(i64),
    Tick,
}

pub fn deed() -> impl Strategy<Value = Deed> {
    let some = 0..100usize;
    prop_oneof![
        2 => (0..2usize, 1..12i32, 0..5u8).prop_map(|(requester, places, token)| Deed::Publish { requester, places, token }),
        6 => (0..5usize, some.clone()).prop_map(|(worker, hit)| Deed::Accept { worker, hit }),
        2 => some.clone().prop_map(Deed::GiveBack),
        5 => some.clone().prop_map(Deed::Submit),
        3 => (some.clone(), any::<bool>()).prop_map(|(work, over)| Deed::Approve { work, over }),
        2 => some.clone().prop_map(Deed::Reject),
        3 => (some.clone(), 0..3u8).prop_map(|(work, token)| Deed::Bonus { work, token }),
        1 => (some.clone(), 1..4i32, 0..3u8).prop_map(|(hit, by, token)| Deed::Extend { hit, by, token }),
        1 => some.clone().prop_map(Deed::Retype),
        1 => (some.clone(), any::<bool>()).prop_map(|(hit, revert)| Deed::Label { hit, revert }),
        1 => some.clone().prop_map(Deed::Expire),
        1 => some.clone().prop_map(Deed::Reopen),
        1 => some.prop_map(Deed::Delete),
        2 => prop_oneof![Just(60), Just(601), Just(3600), Just(86_399), Just(86_400), Just(2_592_001)].prop_map(Deed::Wait),
        2 => Just(Deed::Tick),
    ]
}

/// Deeds that several people may do at the same moment; time moves between those moments only.
pub fn moment() -> impl Strategy<Value = Vec<Deed>> {
    let timeless = deed().prop_filter("time stands still", |deed| !matches!(deed, Deed::Wait(_)));
    let many = prop::collection::vec(timeless, 2..7);
    let rush = (0..100usize, 2..5usize).prop_map(|(hit, workers)| {
        let takes = |n: usize| Deed::Accept { worker: n % 3, hit };
        (0..workers * 2).map(takes).collect()
    });
    let wait = deed().prop_map(|deed| vec![deed]);
    prop_oneof![6 => many, 2 => rush, 1 => wait]
}

/// Switches that change what becomes of places and HITs.
pub fn quirks() -> impl Strategy<Value = Quirks> {
    let since = prop_oneof![Just(DisposalSince::Creation), Just(DisposalSince::Reviewable)];
    let days = prop_oneof![Just(0), Just(3), Just(120)];
    let money = (any::<bool>(), prop_oneof![3 => Just(false), 1 => Just(true)]);
    (money, any::<bool>(), any::<bool>(), days, since).prop_map(
        |(money, reuse_assignment_ids, giving_up_is_final, disposal_days, disposal_since)| Quirks {
            no_holds: money.0,
            constant_balance: money.1,
            reuse_assignment_ids,
            giving_up_is_final,
            disposal_days,
            disposal_since,
            ..Quirks::default()
        },
    )
}

/// What came of a deed.
#[derive(Debug)]
pub enum Done {
    /// A requester published a HIT.
    Published { requester: usize, hit_id: String },
    /// A worker has a place: worker and assignment.
    Took { requester: usize, worker_id: String, assignment_id: String },
    /// Nothing to remember.
    Nothing,
}

/// What came of a deed, and of its token if it had one: the refusal's words, unless it acted.
#[derive(Debug)]
pub struct Outcome {
    pub done: Done,
    pub token: Option<(String, Result<(), String>)>,
}

impl Outcome {
    fn nothing() -> Self {
        Self { done: Done::Nothing, token: None }
    }

    fn of_token<T: std::fmt::Debug, E: std::fmt::Debug>(
        requester: usize,
        token: &str,
        call: Result<T, SdkError<E>>,
    ) -> Self {
        let said = match call {
            Ok(_) => Ok(()),
            Err(error) => Err(refused(Err::<(), _>(error)).message),
        };
        Self { done: Done::Nothing, token: Some((format!("{requester}/{token}"), said)) }
    }
}

impl Scene {
    fn place(&self, requester: usize) -> &Place {
        &self.places[requester]
    }

    /// Does it; being refused is part of the game.
    pub async fn act(&self, deed: &Deed) -> Outcome {
        match *deed {
            Deed::Publish { .. } | Deed::Bonus { .. } | Deed::Extend { .. } => self.act_once(deed).await,
            Deed::Accept { worker, hit } => self.take(self.workers[worker].clone(), hit).await,
            Deed::GiveBack(work) => {
                let (requester, worker_id, id) = self.work(work);
                self.place(requester).give_back(worker_id, id).await.ok();
                Outcome::nothing()
            }
            Deed::Submit(work) => {
                let (requester, _, id) = self.work(work);
                self.place(requester).submit(id).await.ok();
                Outcome::nothing()
            }
            Deed::Wait(seconds) => {
                self.places[0].step(Duration::seconds(seconds)).await;
                Outcome::nothing()
            }
            Deed::Tick => {
                self.places[0].market.tick().await.unwrap();
                Outcome::nothing()
            }
            _ => {
                self.manage(deed).await;
                Outcome::nothing()
            }
        }
    }

    async fn take(&self, worker_id: String, hit: usize) -> Outcome {
        let (requester, hit_id) = self.hit(hit);
        match self.place(requester).accept(&worker_id, Wanted::Hit(hit_id)).await {
            Ok(taken) => {
                let assignment_id = taken.assignment_id;
                Outcome { done: Done::Took { requester, worker_id, assignment_id }, token: None }
            }
            Err(_) => Outcome::nothing(),
        }
    }

    /// Calls that carry a token.
    async fn act_once(&self, deed: &Deed) -> Outcome {
        match *deed {
            Deed::Publish { requester, places, token } => {
                let token = format!("publish-{token}");
                let made = self.place(requester).publish(places).unique_request_token(&token).send().await;
                let hit_id = made.as_ref().ok().and_then(|made| made.hit()?.hit_id.clone());
                let done = hit_id.map_or(Done::Nothing, |hit_id| Done::Published { requester, hit_id });
                Outcome { done, ..Outcome::of_token(requester, &token, made) }
            }
            Deed::Bonus { work, token } => {
                let (requester, worker_id, id) = self.work(work);
                let call = self.place(requester).client.send_bonus().worker_id(worker_id).assignment_id(id);
                let token = format!("bonus-{token}");
                let sent = call.bonus_amount("0.37").reason("x").unique_request_token(&token).send().await;
                Outcome::of_token(requester, &token, sent)
            }
            Deed::Extend { hit, by, token } => {
                let (requester, hit_id) = self.hit(hit);
                let call = self.place(requester).client.create_additional_assignments_for_hit();
                let token = format!("extend-{token}");
                let call = call.hit_id(hit_id).number_of_additional_assignments(by);
                Outcome::of_token(requester, &token, call.unique_request_token(&token).send().await)
            }
            _ => Outcome::nothing(),
        }
    }

    /// What a requester does about a HIT or an assignment.
    async fn manage(&self, deed: &Deed) {
        match *deed {
            Deed::Approve { work, over } => {
                let (requester, _, id) = self.work(work);
                let call = self.place(requester).client.approve_assignment().assignment_id(id);
                call.override_rejection(over).send().await.ok();
            }
            Deed::Reject(work) => {
                let (requester, _, id) = self.work(work);
                let call = self.place(requester).client.reject_assignment().assignment_id(id);
                call.requester_feedback("no").send().await.ok();
            }
            Deed::Retype(hit) => {
                let (requester, hit_id) = self.hit(hit);
                let call = self.place(requester).client.update_hit_type_of_hit().hit_id(hit_id);
                call.hit_type_id(&self.other_types[requester]).send().await.ok();
            }
            Deed::Label { hit, revert } => {
                let (requester, hit_id) = self.hit(hit);
                let call = self.place(requester).client.update_hit_review_status().hit_id(hit_id);
                call.revert(revert).send().await.ok();
            }
            Deed::Expire(hit) => self.expire_at(hit, 0).await,
            Deed::Reopen(hit) => self.expire_at(hit, self.now().await.timestamp() + 1800).await,
            Deed::Delete(hit) => {
                let (requester, hit_id) = self.hit(hit);
                self.place(requester).client.delete_hit().hit_id(hit_id).send().await.ok();
            }
            _ => {}
        }
    }

    async fn expire_at(&self, hit: usize, seconds: i64) {
        let (requester, hit_id) = self.hit(hit);
        let call = self.place(requester).client.update_expiration_for_hit().hit_id(hit_id);
        call.expire_at(DateTime::from_secs(seconds)).send().await.ok();
    }
}
