//! Applies rules: says what would be approved and when, and orders it once the time to stop it is over.
//!
//! One step looks at one study in one transaction, which holds its rules and its row: two processes take turns,
//! and a person's decision comes before or after, never between. Nothing outside is called; the payer sends.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use sqlx::{Connection, PgConnection};

use super::policy::judge::Verdict;
use super::rules::RuleSet;
use super::verdicts::{self, Outcome, Rules, State, Stored};
use super::{Decision, Plan, ReviewError, Wish, facts};
use crate::app::App;
use crate::audit;
use crate::jobs::{Reconciler, Step};
use crate::participation::ParticipationId;
use crate::payments::{self, OrderError};
use crate::studies::{self, Study};

/// The name, for wake-ups.
pub const NAME: &str = "reviewer";
/// How often a study is looked at.
const AGAIN: TimeDelta = TimeDelta::seconds(15);
/// When an order that could not be placed is tried again.
const HELD: TimeDelta = TimeDelta::minutes(10);

/// Applies the rules of studies.
#[derive(Debug)]
pub struct Reviewer(pub App);

#[async_trait]
impl Reconciler for Reviewer {
    fn name(&self) -> &'static str {
        NAME
    }

    fn period(&self) -> Duration {
        Duration::from_secs(5)
    }

    async fn step(&self) -> anyhow::Result<Step> {
        let now = self.0.clock.now();
        let mut tx = self.0.pool.begin().await?;
        let Some(id) = verdicts::claim_due(&mut tx, now).await? else { return Ok(Step::Idle) };
        let study = studies::store::get(&mut tx, id).await?;
        payments::budget::of(&mut tx, id, true).await?;
        if let Some(rules) = verdicts::rules_of(&mut tx, id).await? {
            look(&mut tx, &study, &rules, now).await?;
        }
        tx.commit().await?;
        Ok(Step::Worked)
    }
}

async fn look(
    conn: &mut PgConnection,
    study: &Study,
    rules: &Rules,
    now: DateTime<Utc>,
) -> anyhow::Result<()> {
    let known = facts::of_study(conn, study, &rules.rules, now).await?;
    let before = verdicts::of_study(conn, study.id).await?;
    let mut next = now + AGAIN;
    let mut all_due = Vec::new();
    for judged in known.judge(study, &rules.rules, &before, now) {
        let stored = before.get(&judged.row.id);
        if stored.is_some_and(|stored| stored.state != State::Standing) {
            continue;
        }
        let due = due(stored, &judged.verdict, rules, now);
        verdicts::put(conn, study, judged.row.id, &judged.verdict, rules.version, due, now).await?;
        match due {
            Some(due) if due <= now => all_due.push(judged.row.id),
            Some(due) => next = next.min(due),
            None => {}
        }
    }
    let ordered = approve(conn, study, &rules.rules, &all_due, now).await?;
    if ordered.rest {
        next = now;
    }
    if ordered.people > 0 {
        let entry = audit::Entry::by_itself(study.lab_id.0, "review.by_rule").about(study.id.0);
        let detail = json!({ "name": study.name, "people": ordered.people });
        audit::record(conn, now, entry.with(detail)).await?;
    }
    verdicts::look_again(conn, study.id, next).await?;
    Ok(())
}

/// When an approval is ordered: the time to stop it counts from when these rules first said so.
fn due(
    before: Option<&Stored>,
    verdict: &Verdict,
    rules: &Rules,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    if *verdict != Verdict::Approve {
        return None;
    }
    let said = before.filter(|said| said.outcome == Outcome::Approve && said.version == rules.version);
    said.and_then(|said| said.due_at).or(Some(now + TimeDelta::seconds(rules.undo_s.into())))
}

/// What one look ordered.
#[derive(Debug, Default)]
struct Ordered {
    people: usize,
    /// Whether others are due who were not tried.
    rest: bool,
}

/// Orders what a person would order with the same buttons, all of it in one decision, so that a large sum waits for
/// a second person as a person's would. Where a limit leaves no room for everybody, fewer are tried and the others
/// come at the next look. What cannot be ordered is noted and tried later.
async fn approve(
    conn: &mut PgConnection,
    study: &Study,
    rules: &RuleSet,
    due: &[ParticipationId],
    now: DateTime<Utc>,
) -> anyhow::Result<Ordered> {
    let mut some = due;
    while !some.is_empty() {
        let mut save = conn.begin().await?;
        let error = match order(&mut save, study, rules, some, now).await {
            Ok(people) => {
                save.commit().await?;
                return Ok(Ordered { people, rest: some.len() < due.len() });
            }
            Err(ReviewError::Order(OrderError::Database(error))) => return Err(error.into()),
            Err(error) => error,
        };
        save.rollback().await?;
        if some.len() == 1 {
            return hold(conn, due, &error, now).await;
        }
        some = &some[..some.len() / 2];
    }
    Ok(Ordered::default())
}

/// Not even the first of them can be ordered. What stands in the way does so for all, unless it is this person's own
/// limit: then the others go on without.
async fn hold(
    conn: &mut PgConnection,
    due: &[ParticipationId],
    error: &ReviewError,
    now: DateTime<Utc>,
) -> anyhow::Result<Ordered> {
    let own = matches!(error, ReviewError::Order(OrderError::TooMuchForOne { .. }));
    let held = if own { &due[..1] } else { due };
    for id in held {
        verdicts::hold(conn, *id, &error.to_string(), now + HELD).await?;
    }
    Ok(Ordered { people: 0, rest: held.len() < due.len() })
}

/// Orders for all of them who can be approved, and returns for how many.
async fn order(
    conn: &mut PgConnection,
    study: &Study,
    rules: &RuleSet,
    who: &[ParticipationId],
    now: DateTime<Utc>,
) -> Result<usize, ReviewError> {
    let feedback = rules.feedback.clone();
    let decision = match rules.pays_payoff {
        true => Decision::ApproveWithBonus { feedback, amount: None },
        false => Decision::Approve { feedback },
    };
    let mut wishes = Vec::new();
    for id in who {
        if verdicts::done(conn, *id, now).await? {
            wishes.push(Wish { participation: id.0, decision: decision.clone() });
        }
    }
    let plan = super::plan(conn, study, &wishes).await?;
    let (able, unable): (Vec<_>, Vec<_>) = plan.lines.into_iter().partition(|line| line.orders.is_ok());
    for line in &unable {
        let why = line.orders.as_ref().err().map_or("", String::as_str);
        verdicts::stand_again(conn, line.participation.id, why, now + HELD).await?;
    }
    let people = able.len();
    super::order(conn, now, study, None, &Plan { lines: able }).await?;
    Ok(people)
}

#[cfg(test)]
mod tests {
    use sqlx::types::Json;

    use super::*;

    fn rules(version: i32, undo_s: i32) -> Rules {
        let rules = Json(RuleSet::default());
        Rules { active: true, rules, undo_s, digest_s: 0, version, digest_at: None }
    }

    fn said(outcome: Outcome, version: i32, due_at: Option<DateTime<Utc>>) -> Stored {
        Stored {
            participation_id: ParticipationId::new(),
            outcome,
            state: State::Standing,
            reasons: Vec::new(),
            feedback: String::new(),
            version,
            first_at: DateTime::UNIX_EPOCH,
            due_at,
            problem: None,
        }
    }

    #[test]
    fn the_time_to_stop_counts_from_the_first_word_of_these_rules() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(100);
        let (soon, fresh) = (now + TimeDelta::seconds(7), now + TimeDelta::seconds(60));
        for (before, expected) in [
            (None, fresh),
            (Some(said(Outcome::Approve, 3, Some(soon))), soon),
            (Some(said(Outcome::Approve, 2, Some(soon))), fresh),
            (Some(said(Outcome::Review, 3, None)), fresh),
            (Some(said(Outcome::Wait, 3, None)), fresh),
        ] {
            assert_eq!(
                due(before.as_ref(), &Verdict::Approve, &rules(3, 60), now),
                Some(expected),
                "{before:?}"
            );
            assert_eq!(due(before.as_ref(), &Verdict::Wait(Vec::new()), &rules(3, 60), now), None);
        }
        assert_eq!(due(None, &Verdict::Approve, &rules(1, 0), now), Some(now));
    }
}
