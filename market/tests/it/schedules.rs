//! Random schedules: whatever people do in whatever order, places and money add up.

use std::collections::HashMap;

use aws_sdk_mturk::error::SdkError;
use aws_sdk_mturk::primitives::DateTime;
use aws_sdk_mturk::types::{Hit, HitStatus};
use chrono::{Duration, Utc};
use market::engine::assignments::Wanted;
use market::{DisposalSince, Quirks};
use proptest::prelude::*;

use crate::harness::{Place, refused};

/// One thing that somebody does; numbers choose among what there is.
#[derive(Debug, Clone)]
enum Deed {
    Publish { places: i32, token: u8 },
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

fn deed() -> impl Strategy<Value = Deed> {
    let some = 0..100usize;
    prop_oneof![
        2 => (1..12i32, 0..5u8).prop_map(|(places, token)| Deed::Publish { places, token }),
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

/// Switches that change what becomes of places and HITs.
fn quirks() -> impl Strategy<Value = Quirks> {
    let since = prop_oneof![Just(DisposalSince::Creation), Just(DisposalSince::Reviewable)];
    let days = prop_oneof![Just(0), Just(3), Just(120)];
    (any::<bool>(), any::<bool>(), any::<bool>(), days, since).prop_map(
        |(no_holds, reuse_assignment_ids, giving_up_is_final, disposal_days, disposal_since)| Quirks {
            no_holds,
            reuse_assignment_ids,
            giving_up_is_final,
            disposal_days,
            disposal_since,
            ..Quirks::default()
        },
    )
}

/// What a schedule has brought about so far.
struct Scene {
    place: Place,
    quirks: Quirks,
    workers: Vec<String>,
    hits: Vec<String>,
    /// Worker and assignment.
    work: Vec<(String, String)>,
    /// When a call with this token last acted.
    tokens: HashMap<String, chrono::DateTime<Utc>>,
    other_type: String,
}

impl Scene {
    async fn open(quirks: Quirks) -> Self {
        let place = Place::with(|settings| settings.quirks = quirks).await;
        let mut workers = Vec::new();
        for n in 0..5 {
            workers.push(place.worker(&format!("worker {n}")).await);
        }
        let other = place.client.create_hit_type().title("Another task").description("Play a longer game");
        let other = other.reward("2.35").assignment_duration_in_seconds(600).send().await.unwrap();
        let other_type = other.hit_type_id.unwrap();
        let (hits, work, tokens) = (Vec::new(), Vec::new(), HashMap::new());
        Self { place, quirks, workers, hits, work, tokens, other_type }
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
            Deed::Publish { places, token } => {
                let token = format!("publish-{token}");
                let made = place.publish(places).unique_request_token(&token).send().await;
                if let Ok(made) = &made {
                    self.hits.push(made.hit().unwrap().hit_id.clone().unwrap());
                }
                self.judge_token(token, made).await;
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
                let token = format!("bonus-{token}");
                let sent = call.reason("x").unique_request_token(&token).send().await;
                self.judge_token(token, sent).await;
            }
            Deed::Extend { hit, by, token } => {
                let call = client.create_additional_assignments_for_hit().hit_id(self.hit(hit));
                let token = format!("extend-{token}");
                let grown =
                    call.number_of_additional_assignments(by).unique_request_token(&token).send().await;
                self.judge_token(token, grown).await;
            }
            Deed::Retype(hit) => {
                let call = client.update_hit_type_of_hit().hit_id(self.hit(hit));
                call.hit_type_id(&self.other_type).send().await.ok();
            }
            Deed::Label { hit, revert } => {
                client.update_hit_review_status().hit_id(self.hit(hit)).revert(revert).send().await.ok();
            }
            Deed::Expire(hit) => self.expire_at(hit, 0).await,
            Deed::Reopen(hit) => self.expire_at(hit, place.now().await.timestamp() + 1800).await,
            Deed::Delete(hit) => {
                client.delete_hit().hit_id(self.hit(hit)).send().await.ok();
            }
            Deed::Wait(seconds) => place.step(Duration::seconds(seconds)).await,
            Deed::Tick => {
                place.market.tick().await.unwrap();
                self.hold_to_the_days().await;
            }
        }
    }

    async fn expire_at(&self, hit: usize, seconds: i64) {
        let call = self.place.client.update_expiration_for_hit().hit_id(self.hit(hit));
        call.expire_at(DateTime::from_secs(seconds)).send().await.ok();
    }

    /// A token acts when it did not act within the last 24 hours, and is refused as used only when it did.
    async fn judge_token<T: std::fmt::Debug, E: std::fmt::Debug>(
        &mut self,
        token: String,
        call: Result<T, SdkError<E>>,
    ) {
        let now = self.place.now().await;
        let recent = self.tokens.get(&token).is_some_and(|at| now - *at < Duration::hours(24));
        if call.is_ok() {
            assert!(!recent, "{token} acted twice within a day");
            self.tokens.insert(token, now);
            return;
        }
        let why = refused(call).message;
        let used = ["already been processed", "already exists", "different parameters"];
        assert_eq!(used.iter().any(|words| why.contains(words)), recent, "{token}: {why}");
    }

    /// What the switches promise.
    async fn hold_to_the_switches(&self) {
        let mut rules = Vec::new();
        if self.quirks.reuse_assignment_ids {
            rules.push(
                "select h.hit_id from market.hit h join market.assignment a using (hit_id) group by h.hit_id
                 having count(distinct a.assignment_id) > h.max_assignments",
            );
        } else {
            rules.push(
                "select assignment_id from market.assignment group by assignment_id having count(*) > 1",
            );
        }
        if self.quirks.giving_up_is_final {
            rules.push("select hit_id from market.assignment group by hit_id, worker_id having count(*) > 1");
        }
        for rule in rules {
            self.nothing_breaks(rule.to_owned()).await;
        }
    }

    /// After a tick no HIT is left whose days are over.
    async fn hold_to_the_days(&self) {
        let Quirks { disposal_days, disposal_since: DisposalSince::Creation, .. } = self.quirks else {
            return;
        };
        if disposal_days > 0 {
            let now = self.place.now().await.to_rfc3339();
            self.nothing_breaks(format!(
                "select hit_id from market.hit where disposed_at is null and pending = 0 and submitted = 0
                    and created_at + interval '{disposal_days} days' <= '{now}'
                    and (expiration <= '{now}' or approved + rejected = max_assignments)"
            ))
            .await;
        }
    }

    async fn nothing_breaks(&self, rule: String) {
        let found = sqlx::query_scalar(sqlx::AssertSqlSafe(rule.clone()));
        let broken: Vec<String> = found.fetch_all(self.place.market.pool()).await.unwrap();
        assert!(broken.is_empty(), "{rule}: {broken:?}");
    }

    /// What the requester is told of each HIT: its places add up, and its status follows from them.
    async fn hold_the_counters(&self) {
        let listed = self.place.client.list_hits().max_results(100).send().await.unwrap();
        let (now, waiting) = (self.place.now().await, self.waiting().await);
        for hit in listed.hits() {
            let waiting = waiting.get(hit.hit_id().unwrap()).copied().unwrap_or(0);
            hold_one(hit, i32::try_from(waiting).unwrap(), now);
        }
    }

    /// How many assignments of each HIT wait for a decision.
    async fn waiting(&self) -> HashMap<String, i64> {
        let query =
            "select hit_id, count(*) from market.assignment where state = 'submitted' group by hit_id";
        let rows: Vec<(String, i64)> =
            sqlx::query_as(query).fetch_all(self.place.market.pool()).await.unwrap();
        rows.into_iter().collect()
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
                    select sum(h.holds::int * (h.reward + h.fee) * (h.pending + h.submitted + case when h.closed_at is null
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
            ("deposits are what is left, promised, paid and charged", "
                select requester_id from market.requester r join market.statement s using (requester_id)
                 group by r.requester_id
                having sum(s.available + s.on_hold) filter (where s.kind = 'deposit') <> r.available + r.on_hold
                     - coalesce(sum(s.available + s.on_hold) filter (where s.kind in ('reward', 'fee', 'bonus', 'bonus_fee')), 0)
                    or sum(s.available + s.on_hold) filter (where s.kind in ('hold', 'release')) <> 0"),
            ("approved work is what was paid for", "
                select h.hit_id from market.hit h left join market.statement s on s.hit_id = h.hit_id and s.kind in ('reward', 'fee')
                 group by h.hit_id
                having h.approved * (h.reward + h.fee) <> -coalesce(sum(s.available + s.on_hold), 0)"),
            ("bonuses are what was paid beside", "
                select assignment_id from (select assignment_id, sum(amount + fee) as cents from market.bonus group by 1) b
                  full join (select assignment_id, -sum(available) as cents from market.statement
                              where kind in ('bonus', 'bonus_fee') group by 1) s using (assignment_id)
                 where b.cents is distinct from s.cents"),
            ("the last word of the journal on an assignment is its state", "
                select a.assignment_id from market.assignment a
                  left join lateral (select case j.effect when 'auto_approved' then 'approved' else j.effect end as effect
                                       from market.journal j
                                      where j.assignment_id = a.assignment_id and j.worker_id = a.worker_id
                                        and j.effect in ('accepted', 'returned', 'abandoned', 'submitted', 'approved',
                                                         'auto_approved', 'rejected')
                                      order by j.seq desc limit 1) j on true
                 where j.effect is distinct from a.state and not exists (
                    select from market.assignment later where later.assignment_id = a.assignment_id
                       and later.worker_id = a.worker_id and later.seq > a.seq)"),
            ("the places in the journal are those of the HIT", "
                select h.hit_id from market.hit h left join market.journal j
                    on j.hit_id = h.hit_id and j.effect in ('hit_created', 'hit_extended')
                 group by h.hit_id
                having count(*) filter (where j.effect = 'hit_created') <> 1
                    or count(*) filter (where j.effect = 'hit_extended') = 0 and h.max_assignments <> h.created_with"),
            ("the journal knows which HITs are gone", "
                select h.hit_id from market.hit h where (h.disposed_at is not null) <> exists (
                    select from market.journal j where j.hit_id = h.hit_id and j.effect = 'hit_disposed')"),
            ("a token acts once a day", "
                select one.token from market.journal one join market.journal two
                    on one.token = two.token and one.effect = two.effect and one.seq < two.seq
                   and two.at - one.at < interval '24 hours'
                 where one.effect in ('bonus_sent', 'hit_created', 'hit_extended')"),
        ];
        let all = rules.map(|(rule, query)| format!("select '{rule}: ' || id from ({query}) as broken (id)"));
        let all = sqlx::AssertSqlSafe(all.join(" union all "));
        let broken: Vec<String> = sqlx::query_scalar(all).fetch_all(self.place.market.pool()).await.unwrap();
        assert!(broken.is_empty(), "{broken:?}");
    }
}

/// The counters of one HIT, of which `waiting` assignments wait for a decision.
fn hold_one(hit: &Hit, waiting: i32, now: chrono::DateTime<Utc>) {
    let count = |counter: Option<i32>| counter.unwrap();
    let (free, pending) =
        (count(hit.number_of_assignments_available), count(hit.number_of_assignments_pending));
    let taken = pending + waiting + count(hit.number_of_assignments_completed);
    let most = count(hit.max_assignments);
    let over = hit.expiration.unwrap().secs() <= now.timestamp();
    assert_eq!(free, if over { 0 } else { most - taken }, "{hit:?}, {waiting} waiting");
    assert!(taken <= most, "{hit:?}, {waiting} waiting");
    let allowed: &[HitStatus] = match (free, pending) {
        (1.., _) => &[HitStatus::Assignable],
        (_, 1..) => &[HitStatus::Unassignable],
        _ => &[HitStatus::Reviewable, HitStatus::Reviewing],
    };
    assert!(allowed.contains(hit.hit_status.as_ref().unwrap()), "{hit:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn places_and_money_add_up_after_every_deed(quirks in quirks(), deeds in prop::collection::vec(deed(), 20..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut scene = Scene::open(quirks).await;
            scene.act(&Deed::Publish { places: 3, token: 0 }).await;
            for deed in &deeds {
                scene.act(deed).await;
                scene.hold_to_the_rules().await;
                scene.hold_to_the_switches().await;
                scene.hold_the_counters().await;
            }
        });
    }
}
