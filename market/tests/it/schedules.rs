//! Random schedules: whatever people do in whatever order, places and money add up.

use aws_sdk_mturk::primitives::DateTime;
use chrono::Duration;
use market::engine::assignments::Wanted;
use proptest::prelude::*;

use crate::harness::Place;

/// One thing that somebody does; numbers choose among what there is.
#[derive(Debug, Clone)]
enum Deed {
    Publish(i32),
    Accept { worker: usize, hit: usize },
    GiveBack(usize),
    Submit(usize),
    Approve { work: usize, over: bool },
    Reject(usize),
    Bonus { work: usize, token: u8 },
    Extend { hit: usize, by: i32 },
    Expire(usize),
    Reopen(usize),
    Delete(usize),
    Wait(i64),
    Tick,
}

fn deed() -> impl Strategy<Value = Deed> {
    let some = 0..100usize;
    prop_oneof![
        2 => (1..12i32).prop_map(Deed::Publish),
        6 => (0..5usize, some.clone()).prop_map(|(worker, hit)| Deed::Accept { worker, hit }),
        2 => some.clone().prop_map(Deed::GiveBack),
        5 => some.clone().prop_map(Deed::Submit),
        3 => (some.clone(), any::<bool>()).prop_map(|(work, over)| Deed::Approve { work, over }),
        2 => some.clone().prop_map(Deed::Reject),
        3 => (some.clone(), 0..3u8).prop_map(|(work, token)| Deed::Bonus { work, token }),
        1 => (some.clone(), 1..4i32).prop_map(|(hit, by)| Deed::Extend { hit, by }),
        1 => some.clone().prop_map(Deed::Expire),
        1 => some.clone().prop_map(Deed::Reopen),
        1 => some.prop_map(Deed::Delete),
        2 => prop_oneof![Just(60), Just(601), Just(3600), Just(86_400)].prop_map(Deed::Wait),
        2 => Just(Deed::Tick),
    ]
}

/// What a schedule has brought about so far.
struct Scene {
    place: Place,
    workers: Vec<String>,
    hits: Vec<String>,
    /// Worker and assignment.
    work: Vec<(String, String)>,
}

impl Scene {
    async fn open() -> Self {
        let place = Place::open().await;
        let mut workers = Vec::new();
        for n in 0..5 {
            workers.push(place.worker(&format!("worker {n}")).await);
        }
        Self { place, workers, hits: Vec::new(), work: Vec::new() }
    }

    fn hit(&self, number: usize) -> &str {
        self.hits.get(number % self.hits.len().max(1)).map_or("3NONE", String::as_str)
    }

    fn work(&self, number: usize) -> (&str, &str) {
        let found = self.work.get(number % self.work.len().max(1));
        found.map_or(("A0", "3NONE"), |(worker, work)| (worker, work))
    }

    /// Does it; being refused is part of the game.
    async fn act(&mut self, deed: &Deed) {
        let place = &self.place;
        let client = &place.client;
        match *deed {
            Deed::Publish(places) => {
                if let Ok(made) = place.publish(places).send().await {
                    self.hits.push(made.hit.unwrap().hit_id.unwrap());
                }
            }
            Deed::Accept { worker, hit } => {
                let worker_id = self.workers[worker].clone();
                if let Ok(taken) = place.accept(&worker_id, Wanted::Hit(self.hit(hit))).await {
                    self.work.push((worker_id, taken.assignment_id));
                }
            }
            Deed::GiveBack(work) => {
                let (worker_id, id) = self.work(work);
                place.give_back(worker_id, id).await.ok();
            }
            Deed::Submit(work) => {
                place.submit(self.work(work).1).await.ok();
            }
            Deed::Approve { work, over } => {
                let call = client.approve_assignment().assignment_id(self.work(work).1);
                call.override_rejection(over).send().await.ok();
            }
            Deed::Reject(work) => {
                let call = client.reject_assignment().assignment_id(self.work(work).1);
                call.requester_feedback("no").send().await.ok();
            }
            Deed::Bonus { work, token } => {
                let (worker_id, id) = self.work(work);
                let call = client.send_bonus().worker_id(worker_id).assignment_id(id).bonus_amount("0.37");
                call.reason("x").unique_request_token(format!("token-{token}")).send().await.ok();
            }
            Deed::Extend { hit, by } => {
                let call = client.create_additional_assignments_for_hit().hit_id(self.hit(hit));
                call.number_of_additional_assignments(by).send().await.ok();
            }
            Deed::Expire(hit) => self.expire_at(hit, 0).await,
            Deed::Reopen(hit) => self.expire_at(hit, place.now().await.timestamp() + 1800).await,
            Deed::Delete(hit) => {
                client.delete_hit().hit_id(self.hit(hit)).send().await.ok();
            }
            Deed::Wait(seconds) => place.step(Duration::seconds(seconds)).await,
            Deed::Tick => {
                place.market.tick().await.unwrap();
            }
        }
    }

    async fn expire_at(&self, hit: usize, seconds: i64) {
        let call = self.place.client.update_expiration_for_hit().hit_id(self.hit(hit));
        call.expire_at(DateTime::from_secs(seconds)).send().await.ok();
    }

    /// Every rule as a query that finds what breaks it.
    async fn hold_to_the_rules(&self) {
        let rules = [
            ("counters are the assignments counted", "
                select h.hit_id from market.hit h left join market.assignment a using (hit_id)
                 group by h.hit_id
                having h.pending <> count(*) filter (where a.state = 'accepted')
                    or h.submitted <> count(*) filter (where a.state = 'submitted')
                    or h.approved <> count(*) filter (where a.state = 'approved')
                    or h.rejected <> count(*) filter (where a.state = 'rejected')"),
            ("nobody holds two assignments of a HIT", "
                select hit_id from market.assignment where state not in ('returned', 'abandoned')
                 group by hit_id, worker_id having count(*) > 1"),
            ("what is on hold is what may still be earned", "
                select r.requester_id from market.requester r where r.on_hold <> coalesce((
                    select sum((h.reward + h.fee) * (h.pending + h.submitted + case when h.closed_at is null
                        then h.max_assignments - h.pending - h.submitted - h.approved - h.rejected else 0 end))
                      from market.hit h where h.requester_id = r.requester_id and h.disposed_at is null), 0)"),
            ("the statement adds up to the balance", "
                select r.requester_id from market.requester r join market.statement s using (requester_id)
                 group by r.requester_id
                having r.available <> sum(s.available) or r.on_hold <> sum(s.on_hold)"),
            ("no money appears or vanishes", "
                select r.requester_id from market.requester r
                 where r.available + r.on_hold <> (
                    select sum(case j.effect when 'deposited' then j.amount else -j.amount - j.fee end)
                      from market.journal j where j.requester_id = r.requester_id
                       and j.effect in ('deposited', 'approved', 'auto_approved', 'bonus_sent'))"),
            ("approved work is paid once", "
                select assignment_id from market.journal where effect in ('approved', 'auto_approved')
                 group by assignment_id having count(*) > 1"),
            ("a token acts once a day", "
                select one.token from market.journal one join market.journal two
                    on one.token = two.token and one.seq < two.seq and two.at - one.at < interval '24 hours'
                 where one.effect = 'bonus_sent' and two.effect = 'bonus_sent'"),
        ];
        let all = rules.map(|(rule, query)| format!("select '{rule}: ' || id from ({query}) as broken (id)"));
        let all = sqlx::AssertSqlSafe(all.join(" union all "));
        let broken: Vec<String> = sqlx::query_scalar(all).fetch_all(self.place.market.pool()).await.unwrap();
        assert!(broken.is_empty(), "{broken:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn places_and_money_add_up_after_every_deed(deeds in prop::collection::vec(deed(), 20..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut scene = Scene::open().await;
            scene.act(&Deed::Publish(3)).await;
            for deed in &deeds {
                scene.act(deed).await;
                scene.hold_to_the_rules().await;
            }
        });
    }
}
