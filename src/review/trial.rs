//! What rules would say now, before they are kept: oTree is asked at once for the variables that they name.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::facts::{self, Known};
use super::policy::judge::Verdict;
use super::rules::RuleSet;
use super::verdicts;
use crate::app::App;
use crate::otree::SessionQuery;
use crate::participation::Participation;
use crate::sites;
use crate::studies::{Study, sessions};

/// The longest that a page waits for oTree.
const PATIENCE: Duration = Duration::from_secs(6);

/// What rules would say.
#[derive(Debug, Default)]
pub struct Trial {
    /// Everybody who waits for a decision.
    pub lines: Vec<(Participation, Verdict)>,
    /// Named participant variables that are set for nobody who has finished, and how many have.
    pub unset: Vec<(String, usize)>,
    /// Why oTree could not be asked just now.
    pub problem: Option<String>,
}

/// Lets rules look without keeping anything.
///
/// # Errors
/// When the database does not answer. What oTree does not answer is told in the trial.
pub async fn of(app: &App, study: &Study, rules: &RuleSet, now: DateTime<Utc>) -> anyhow::Result<Trial> {
    let mut conn = app.pool.acquire().await?;
    let mut known = facts::of_study(&mut conn, study, rules, now).await?;
    let before = verdicts::of_study(&mut conn, study.id).await?;
    let session = sessions::current(&mut conn, study.id).await?;
    drop(conn);
    let code = session.filter(|session| !session.links_only).and_then(|session| session.code);
    let problem = match code {
        Some(code) if rules.asks_otree() => ask(app, study, rules, &code, &mut known).await?,
        _ => None,
    };
    let unset = rules.participant_vars().into_iter().filter_map(|name| match known.set(&name) {
        (all, 0) if all > 0 => Some((name, all)),
        _ => None,
    });
    let unset = unset.collect();
    let judged = known.judge(study, rules, &before, now);
    let lines = judged.into_iter().map(|one| (one.row.clone(), one.verdict)).collect();
    Ok(Trial { lines, unset, problem })
}

async fn ask(
    app: &App,
    study: &Study,
    rules: &RuleSet,
    code: &str,
    known: &mut Known,
) -> anyhow::Result<Option<String>> {
    let query = SessionQuery {
        labels: None,
        participant_vars: rules.participant_vars(),
        session_vars: rules.session_vars(),
    };
    let client = sites::client(app, study.site_id).await?;
    let info = match tokio::time::timeout(PATIENCE, client.session(code, &query)).await {
        Ok(Ok(info)) => info,
        Ok(Err(error)) => return Ok(Some(error.to_string())),
        Err(_) => return Ok(Some("oTree took too long to answer.".into())),
    };
    let people: HashMap<String, Map<String, Value>> = info
        .participants
        .iter()
        .map(|one| (one.code.clone(), complete(&query.participant_vars, &one.vars)))
        .collect();
    known.learn(complete(&query.session_vars, &info.vars), &people);
    Ok(None)
}

/// What was asked for, with null for what is not set.
fn complete(names: &[String], vars: &Map<String, Value>) -> Map<String, Value> {
    names.iter().map(|name| (name.clone(), vars.get(name).cloned().unwrap_or_default())).collect()
}
