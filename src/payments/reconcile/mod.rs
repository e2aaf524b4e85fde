//! Compares our books with the recruiter's own figures, and writes down every difference.
//!
//! A study is compared batch by batch, a few in each step; an account as a whole. What the recruiter decided by
//! itself is taken over on the way, also for batches that nobody polls any more. A difference is resolved by
//! itself when the figures agree again; a person may acknowledge one with a note.
//!
//! | part | one idea |
//! | --- | --- |
//! | [`compare`] | both sides of some batches in, differences out; pure |
//! | [`account`] | batches that exist twice, money that left without us; pure |
//! | [`differences`] | the rows and what a person says about them |
//! | [`moved`] | after a restored backup money waits until everything was compared |
//! | `store` | what is compared next, and our side of it |

pub mod account;
pub mod compare;
pub mod differences;
pub mod moved;
pub mod store;

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::app::App;
use crate::connections;
use crate::jobs::{Lease, Reconciler, Step, back_off};
use crate::participation;
use crate::recruiters::{AskError, Recruiter};
use crate::studies::batches::Batch;
use crate::studies::publisher::strays;
use crate::studies::{self, Study};

pub use differences::{Difference, Scope};
pub use store::{Comparison, Figures};

/// Batches compared in one step: three calls each, within the lease at a careful pace.
const AT_A_TIME: i64 = 12;

/// Compares, by and by.
#[derive(Debug)]
pub struct Comparer(pub App);

#[async_trait]
impl Reconciler for Comparer {
    fn name(&self) -> &'static str {
        "comparer"
    }

    fn period(&self) -> Duration {
        Duration::from_secs(20)
    }

    async fn step(&self) -> anyhow::Result<Step> {
        let app = &self.0;
        let now = app.clock.now();
        let lease = Lease::from(now);
        let mut tx = app.pool.begin().await?;
        let claimed = store::claim(&mut tx, now, lease).await?;
        tx.commit().await?;
        let Some(due) = claimed else { return Ok(Step::Idle) };
        let outcome = match due.study_id {
            Some(study) => self.study(&due, lease, study).await?,
            None => self.account(&due, lease).await?,
        };
        if let Err(words) = outcome {
            let mut conn = app.pool.acquire().await?;
            let next = app.clock.now() + back_off(due.failures + 4);
            store::failed(&mut conn, due.id, lease, &words, next).await?;
        }
        Ok(Step::Worked)
    }
}

/// What the recruiter says about one batch.
#[derive(Debug, Clone)]
pub struct Told {
    pub batch: Batch,
    /// Whether the recruiter shows the HIT.
    pub shown: bool,
    pub submissions: Vec<crate::recruiters::Submission>,
    pub bonuses: Vec<crate::recruiters::BonusPaid>,
}

type Words = Result<(), String>;

impl Comparer {
    /// The next batches of a study. `Ok(Err)`: the recruiter did not answer.
    async fn study(&self, due: &Comparison, lease: Lease, id: studies::StudyId) -> anyhow::Result<Words> {
        let app = &self.0;
        let mut conn = app.pool.acquire().await?;
        let study = studies::store::get(&mut conn, id).await?;
        let batches = store::next_batches(&mut conn, id, due.cursor, AT_A_TIME).await?;
        drop(conn);
        let asked_at = app.clock.now();
        let told = match self.ask(&study, batches).await {
            Ok(told) => told,
            Err(words) => return Ok(Err(words)),
        };
        self.record(due, lease, &study, &told, asked_at).await?;
        Ok(Ok(()))
    }

    async fn ask(&self, study: &Study, batches: Vec<Batch>) -> Result<Vec<Told>, String> {
        let recruiter = connections::recruiter(&self.0, study.connection_id).await;
        let recruiter = recruiter.map_err(|error| error.to_string())?;
        let mut told = Vec::new();
        for batch in batches {
            told.push(one(recruiter.as_ref(), batch).await.map_err(|error| error.to_string())?);
        }
        Ok(told)
    }

    async fn record(
        &self,
        due: &Comparison,
        lease: Lease,
        study: &Study,
        told: &[Told],
        asked_at: DateTime<Utc>,
    ) -> anyhow::Result<()> {
        let now = self.0.clock.now();
        let mut tx = self.0.pool.begin().await?;
        // The study first, as everybody does who writes orders.
        super::budget::of(&mut tx, study.id, true).await?;
        for one in told {
            participation::tracker::take_in(&mut tx, one.batch.id, &one.submissions, now).await?;
            for submission in &one.submissions {
                participation::store::submission(&mut tx, one.batch.id, submission, now).await?;
            }
        }
        super::books::complete(&mut tx, study, now).await?;
        let ours = store::ours(&mut tx, study.id).await?;
        for extra in compare::second_submissions(&ours, told) {
            super::books::extra(&mut tx, study, &extra, now).await?;
        }
        let found = compare::differences(compare::Terms::of(study), &ours, told, asked_at);
        // A HIT that is not shown says nothing: what was found before stays as it is.
        let seen = told.iter().filter(|one| one.shown).map(|one| one.batch.id.0).collect();
        let scope = Scope::batches(due, seen);
        differences::keep(&mut tx, &scope, &found, now).await?;
        let complete = i64::try_from(told.len())? < AT_A_TIME;
        let cursor = told.last().filter(|_| !complete).map_or(0, |one| one.batch.position);
        let figures = compare::figures(told);
        let next = if complete { now + store::pause(study, ours.batches, now) } else { now };
        if store::compared(&mut tx, due.id, lease, &figures, cursor, complete.then_some(now), next).await? {
            tx.commit().await?;
        }
        Ok(())
    }

    /// The account: its HITs and its balance.
    async fn account(&self, due: &Comparison, lease: Lease) -> anyhow::Result<Words> {
        let app = &self.0;
        let asked = async {
            let recruiter =
                connections::recruiter(app, due.connection_id).await.map_err(|e| e.to_string())?;
            let units = recruiter.units().await.map_err(|e| e.to_string())?;
            let balance = recruiter.balance().await.map_err(|e| e.to_string())?;
            Ok::<_, String>((units, balance))
        };
        let (units, balance) = match asked.await {
            Ok(told) => told,
            Err(words) => return Ok(Err(words)),
        };
        let now = app.clock.now();
        let mut tx = app.pool.begin().await?;
        let known = store::known_marks(&mut tx, &units).await?;
        strays::note(&mut tx, due.lab_id, due.connection_id, &units, now).await?;
        let mut found = account::published_twice(&units, &known);
        if let (Some(before), Some(since)) = (due.balance, due.compared_at) {
            let spent = store::spent_since(&mut tx, due.connection_id, since).await?;
            found.extend(account::balance(before, balance, spent, since));
        }
        differences::keep(&mut tx, &Scope::account(due), &found, now).await?;
        if store::account_compared(&mut tx, due.id, lease, balance, now).await? {
            tx.commit().await?;
        }
        Ok(Ok(()))
    }
}

async fn one(recruiter: &dyn Recruiter, batch: Batch) -> Result<Told, AskError> {
    let hit = batch.hit_id.clone().unwrap_or_default();
    let (mut submissions, mut bonuses) = (Vec::new(), Vec::new());
    let shown = recruiter.unit(&hit).await?.is_some();
    if shown {
        submissions = recruiter.submissions(&hit).await?;
        bonuses = recruiter.unit_bonuses(&hit).await?;
    }
    Ok(Told { batch, shown, submissions, bonuses })
}
