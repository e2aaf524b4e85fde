//! Work on many people at once: a task becomes one wish for each person, which [`super::plan`] checks like any
//! decision.
//!
//! | part | one idea |
//! | --- | --- |
//! | [`people`] | whom a line means |
//! | [`list`] | people one a line, perhaps with words of their own |
//! | [`file`] | bonuses from a CSV file |
//! | [`top_up`] | what is missing to an hourly wage |

pub mod file;
pub mod list;
pub mod people;
#[cfg(test)]
pub(super) mod tests;
pub mod top_up;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use kernel::money::Cents;
use sqlx::PgConnection;
use uuid::Uuid;

use self::list::Listed;
use self::people::{LineError, People};
use super::{Decision, Wish, policy, store, words};
use crate::participation::{self, Participation, ParticipationId, Stage};
use crate::studies::Study;

/// What somebody wants done with many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// Approve everybody who waits for a decision, except those in the list.
    ApproveAllBut { except: String, with_bonus: bool, feedback: String },
    /// Reject those in the list, each with the words behind the name, or with these.
    RejectList { list: String, reason: String },
    /// Approve after all those in the list, or everybody who is rejected, decided at this moment.
    OverrideList { list: String, feedback: String, at: DateTime<Utc> },
    /// Pay the bonuses of a file.
    BonusFile { file: String },
    /// Pay everybody who is approved the same.
    EqualBonus { amount: Cents, words: String },
    /// Bring everybody who is approved to an hourly wage.
    TopUp { hourly: Cents, most_minutes: i64, words: String },
}

/// Everybody of a study, with what tasks need to know of them.
#[derive(Debug)]
pub struct Roll {
    rows: Vec<Participation>,
    workers: HashMap<ParticipationId, String>,
    bonuses: HashMap<Uuid, Cents>,
}

impl Roll {
    /// Reads it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn of(conn: &mut PgConnection, study: &Study) -> sqlx::Result<Self> {
        Ok(Self {
            rows: participation::store::of_study(conn, study.lab_id, study.id, None).await?,
            workers: participation::store::external_ids(conn, study.lab_id, study.id).await?,
            bonuses: store::bonus_sums(conn, study.id).await?,
        })
    }

    /// One wish for each person that the task is about.
    ///
    /// # Errors
    /// Every line of the list or file with a mistake.
    pub fn wishes(&self, study: &Study, task: &Task) -> Result<Vec<Wish>, Vec<LineError>> {
        let people = People::of(&self.rows, &self.workers);
        match task {
            Task::ApproveAllBut { except, with_bonus, feedback } => {
                let except: HashSet<_> =
                    list::read(except, &people)?.into_iter().map(|listed| listed.person.id).collect();
                let decision = approval(*with_bonus, feedback);
                let chosen = self.rows.iter().filter(|row| policy::may_decide(row.stage).is_ok());
                Ok(chosen.filter(|row| !except.contains(&row.id)).map(|row| wish(row, &decision)).collect())
            }
            Task::RejectList { list, reason } => reject(list, reason, &people),
            Task::OverrideList { list, feedback, at } => {
                let decision = Decision::Override { feedback: feedback.clone(), at: *at };
                if list.trim().is_empty() {
                    return Ok(self.rejected().map(|row| wish(row, &decision)).collect());
                }
                let listed = list::read(list, &people)?;
                Ok(listed.into_iter().map(|listed| overturned(listed, &decision)).collect())
            }
            Task::BonusFile { file } => bonuses(file, &people),
            Task::EqualBonus { amount, words } => {
                let source = file::source(*amount, words);
                let decision = Decision::Extra { amount: *amount, words: words.clone(), source };
                Ok(self.approved().map(|row| wish(row, &decision)).collect())
            }
            Task::TopUp { hourly, most_minutes, words } => Ok(self
                .approved()
                .filter_map(|row| {
                    let amount = self.missing(study, row, *hourly, *most_minutes)?;
                    let source = top_up::SOURCE.to_owned();
                    Some(wish(row, &Decision::Extra { amount, words: words.clone(), source }))
                })
                .collect()),
        }
    }

    /// Those who are rejected.
    pub fn rejected(&self) -> impl Iterator<Item = &Participation> {
        self.rows.iter().filter(|row| row.stage == Stage::Rejected)
    }

    fn approved(&self) -> impl Iterator<Item = &Participation> {
        self.rows.iter().filter(|row| matches!(row.stage, Stage::Approved | Stage::Paid))
    }

    /// What this person misses to the wage; `None` when nothing, or when nobody knows how long they took.
    fn missing(&self, study: &Study, row: &Participation, hourly: Cents, most_minutes: i64) -> Option<Cents> {
        let bonuses = self.bonuses.get(&row.id.0).copied().unwrap_or_default();
        let missing = top_up::missing(hourly, words::minutes(row)?, most_minutes, study.reward + bonuses);
        missing.is_positive().then_some(missing)
    }
}

fn wish(row: &Participation, decision: &Decision) -> Wish {
    Wish { participation: row.id.0, decision: decision.clone() }
}

/// Words behind a name take the place of those for all.
fn overturned(listed: Listed<'_>, decision: &Decision) -> Wish {
    let own = match (listed.words, decision) {
        (Some(feedback), Decision::Override { at, .. }) => Some(Decision::Override { feedback, at: *at }),
        _ => None,
    };
    wish(listed.person, own.as_ref().unwrap_or(decision))
}

fn approval(with_bonus: bool, feedback: &str) -> Decision {
    let feedback = feedback.to_owned();
    match with_bonus {
        true => Decision::ApproveWithBonus { feedback, amount: None },
        false => Decision::Approve { feedback },
    }
}

fn reject(text: &str, reason: &str, people: &People<'_>) -> Result<Vec<Wish>, Vec<LineError>> {
    let listed = list::read(text, people)?;
    Ok(listed
        .into_iter()
        .map(|listed| {
            let reason = listed.words.unwrap_or_else(|| reason.to_owned());
            wish(listed.person, &Decision::Reject { reason })
        })
        .collect())
}

/// Somebody with several bonuses in the file gets each: a wish is about one bonus.
fn bonuses(text: &str, people: &People<'_>) -> Result<Vec<Wish>, Vec<LineError>> {
    let entries = file::read(text, people)?;
    Ok(entries
        .into_iter()
        .map(|entry| {
            let source = file::source(entry.amount, &entry.words);
            wish(entry.person, &Decision::Extra { amount: entry.amount, words: entry.words, source })
        })
        .collect())
}
