//! What must hold whatever was done: each rule is a query that finds what breaks it.

use std::collections::HashMap;

use aws_sdk_mturk::types::{Hit, HitStatus};
use chrono::Utc;
use market::{DisposalSince, Quirks};

use super::Scene;

impl Scene {
    /// What the switches promise.
    pub async fn hold_to_the_switches(&self) {
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
        if !self.quirks.constant_balance {
            rules.push("select requester_id from market.statement where kind = 'credit'");
        }
        if self.quirks.giving_up_is_final {
            rules.push("select hit_id from market.assignment group by hit_id, worker_id having count(*) > 1");
        }
        for rule in rules {
            self.nothing_breaks(rule.to_owned()).await;
        }
    }

    /// After a tick no HIT is left whose days are over.
    pub async fn hold_to_the_days(&self) {
        let Quirks { disposal_days, disposal_since: DisposalSince::Creation, .. } = self.quirks else {
            return;
        };
        if disposal_days > 0 {
            let now = self.now().await.to_rfc3339();
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
        let broken: Vec<String> = found.fetch_all(self.places[0].market.pool()).await.unwrap();
        assert!(broken.is_empty(), "{rule}: {broken:?}");
    }

    /// What the requesters are told of each HIT: its places add up, and its status follows from them.
    pub async fn hold_the_counters(&self) {
        let (now, waiting) = (self.now().await, self.waiting().await);
        for place in &self.places {
            let listed = place.client.list_hits().max_results(100).send().await.unwrap();
            for hit in listed.hits() {
                let waiting = waiting.get(hit.hit_id().unwrap()).copied().unwrap_or(0);
                hold_one(hit, i32::try_from(waiting).unwrap(), now);
            }
        }
    }

    /// How many assignments of each HIT wait for a decision.
    async fn waiting(&self) -> HashMap<String, i64> {
        let query =
            "select hit_id, count(*) from market.assignment where state = 'submitted' group by hit_id";
        let rows: Vec<(String, i64)> =
            sqlx::query_as(query).fetch_all(self.places[0].market.pool()).await.unwrap();
        rows.into_iter().collect()
    }

    /// Every rule as a query that finds what breaks it.
    pub async fn hold_to_the_rules(&self) {
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
                 where r.available + r.on_hold <> coalesce((
                    select sum(s.available + s.on_hold) from market.statement s
                     where s.requester_id = r.requester_id and s.kind = 'credit'), 0) + (
                    select sum(case j.effect when 'deposited' then j.amount else -j.amount - j.fee end)
                      from market.journal j where j.requester_id = r.requester_id
                       and j.effect in ('deposited', 'approved', 'auto_approved', 'bonus_sent'))"),
            ("approved work is paid once", "
                select assignment_id from market.journal where effect in ('approved', 'auto_approved')
                 group by assignment_id having count(*) > 1"),
            ("nobody has less than nothing", "select requester_id from market.requester where available < 0 or on_hold < 0"),
            ("deposits are what is left, promised, paid and charged", "
                select requester_id from market.requester r join market.statement s using (requester_id)
                 group by r.requester_id
                having sum(s.available + s.on_hold) filter (where s.kind in ('deposit', 'credit')) <> r.available + r.on_hold
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
                    on one.token = two.token and one.requester_id = two.requester_id and one.effect = two.effect
                   and one.seq < two.seq
                   and two.at - one.at < interval '24 hours'
                 where one.effect in ('bonus_sent', 'hit_created', 'hit_extended')"),
        ];
        let all = rules.map(|(rule, query)| format!("select '{rule}: ' || id from ({query}) as broken (id)"));
        let all = sqlx::AssertSqlSafe(all.join(" union all "));
        let broken: Vec<String> =
            sqlx::query_scalar(all).fetch_all(self.places[0].market.pool()).await.unwrap();
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
