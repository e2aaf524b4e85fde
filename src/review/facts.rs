//! Gathers what rules look at, and lets them look.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use sqlx::PgConnection;
use uuid::Uuid;

use super::policy::agreement::{self, Said, Standing};
use super::policy::judge::{Facts, Told, Verdict, judge};
use super::rules::{Agreement, RuleSet};
use super::verdicts::Stored;
use super::{DECIDABLE, store};
use crate::otree::Version;
use crate::participation::{self, Participation, ParticipationId, Stage};
use crate::scores::store::{self as scores, Scores};
use crate::sites;
use crate::studies::{Completion, State, Study, batches, sessions};

/// What is known of a study's people.
#[derive(Debug)]
pub struct Known {
    /// Everybody who matters to the rules, in the order of their arrival.
    rows: Vec<Participation>,
    /// Those about whom a decision is under way.
    decided: HashSet<Uuid>,
    session: Map<String, Value>,
    /// Why oTree tells no variables, if so.
    silent: Option<String>,
    more_may_come: bool,
    scores: Scores,
}

/// One person whom the rules looked at.
#[derive(Debug)]
pub struct Judged<'a> {
    pub row: &'a Participation,
    pub verdict: Verdict,
}

/// Reads it all.
///
/// # Errors
/// When the database does not answer.
pub async fn of_study(
    conn: &mut PgConnection,
    study: &Study,
    rules: &RuleSet,
    now: DateTime<Utc>,
) -> sqlx::Result<Known> {
    let rows = match rules.agreement {
        Some(_) => participation::store::of_study(conn, study.lab_id, study.id, None).await?,
        None => undecided(conn, study).await?,
    };
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id.0).collect();
    let session = match sessions::told_vars(conn, study.id).await? {
        Some(Value::Object(vars)) => vars,
        _ => Map::new(),
    };
    Ok(Known {
        more_may_come: rules.agreement.is_some() && more_may_come(conn, study, &rows, now).await?,
        decided: store::decided(conn, &ids).await?,
        silent: silent(conn, study).await?,
        scores: scores_of(conn, study, rules, &rows).await?,
        session,
        rows,
    })
}

/// Scores, if a rule asks for them.
async fn scores_of(
    conn: &mut PgConnection,
    study: &Study,
    rules: &RuleSet,
    rows: &[Participation],
) -> sqlx::Result<Scores> {
    if rules.least_score.is_none() {
        return Ok(Scores::default());
    }
    let workers: Vec<Uuid> = rows.iter().map(|row| row.worker_id.0).collect();
    scores::of_workers(conn, study.lab_id, &workers).await
}

async fn undecided(conn: &mut PgConnection, study: &Study) -> sqlx::Result<Vec<Participation>> {
    let mut rows = Vec::new();
    for stage in DECIDABLE {
        rows.extend(participation::store::of_study(conn, study.lab_id, study.id, Some(stage)).await?);
    }
    Ok(rows)
}

/// Whether anybody is at work, or can still come to a place that is free.
async fn more_may_come(
    conn: &mut PgConnection,
    study: &Study,
    rows: &[Participation],
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let at_work = [Stage::Admitted, Stage::Working, Stage::Finished];
    if rows.iter().any(|row| at_work.contains(&row.stage)) {
        return Ok(true);
    }
    let gone = [Stage::Returned, Stage::WorkedThenReturned, Stage::FinishedUnsubmitted];
    let here = rows.iter().filter(|row| !gone.contains(&row.stage)).count();
    let free = i64::try_from(here).unwrap_or(i64::MAX) < i64::from(study.places);
    let open = matches!(study.state, State::Publishing | State::Open);
    let batches = batches::of_study(conn, study.id).await?;
    let listed = batches.iter().any(|batch| match batch.state.as_str() {
        "planned" | "sending" => true,
        "open" => batch.expired_at.is_none() && batch.expires_at.is_none_or(|end| end > now),
        _ => false,
    });
    Ok(open && free && listed)
}

/// Why this study's oTree tells nothing of variables.
async fn silent(conn: &mut PgConnection, study: &Study) -> sqlx::Result<Option<String>> {
    let session = sessions::latest(conn, study.id).await?;
    if session.as_ref().is_some_and(|session| session.state == "lost") {
        return Ok(Some("oTree does not know this study's session any more".into()));
    }
    if session.is_some_and(|session| session.links_only) {
        return Ok(Some("this oTree tells nothing of its participants".into()));
    }
    let version = sites::find(conn, study.lab_id, study.site_id).await?.and_then(|site| site.version);
    Ok(tells_no_variables(version.as_deref())
        .map(|version| format!("oTree {version} tells no variables; 5.10 and later do")))
}

/// The version, if it is one that tells no single variables.
pub fn tells_no_variables(version: Option<&str>) -> Option<&str> {
    version.filter(|version| Version::parse(version).is_some_and(|version| !version.reads_vars()))
}

impl Known {
    /// Takes over variables that were read just now.
    pub fn learn(&mut self, session: Map<String, Value>, people: &HashMap<String, Map<String, Value>>) {
        self.session = session;
        for row in &mut self.rows {
            let said = row.participant_code.as_ref().and_then(|code| people.get(code));
            if let Some(vars) = said {
                row.otree_vars = Some(Value::Object(vars.clone()));
                row.otree_read_at = row
                    .finished_at
                    .or(row.submitted_at)
                    .max(row.otree_read_at)
                    .map(|at| at + chrono::Duration::seconds(1));
            }
        }
    }

    /// Of how many people oTree told this participant variable, and for how many it is set.
    pub fn set(&self, name: &str) -> (usize, usize) {
        let told =
            self.rows.iter().filter(|row| row.finished_at.is_some()).filter_map(|row| vars(row).get(name));
        told.fold((0, 0), |(all, set), value| (all + 1, set + usize::from(!value.is_null())))
    }

    /// Lets the rules look at everybody who waits for a decision.
    pub fn judge(
        &self,
        study: &Study,
        rules: &RuleSet,
        before: &HashMap<ParticipationId, Stored>,
        now: DateTime<Utc>,
    ) -> Vec<Judged<'_>> {
        let standings = rules.agreement.as_ref().map(|rule| self.standings(rule)).unwrap_or_default();
        let waits =
            |row: &&Participation| DECIDABLE.contains(&row.stage) && !self.decided.contains(&row.id.0);
        self.rows
            .iter()
            .filter(waits)
            .map(|row| {
                let since = before.get(&row.id).map_or(now, |stored| stored.first_at);
                let standing = standings.get(&row.id.0);
                Judged {
                    row,
                    verdict: self.judge_one(study, rules, row, standing, (now - since).num_seconds()),
                }
            })
            .collect()
    }

    fn judge_one(
        &self,
        study: &Study,
        rules: &RuleSet,
        row: &Participation,
        standing: Option<&Standing>,
        waited_s: i64,
    ) -> Verdict {
        let facts = Facts {
            finished: row.finished_at.is_some(),
            seconds: seconds(row),
            code: &super::code_check(study, row),
            payoff: row.payoff,
            bonus: super::policy::bonus(row.payoff, row.payoff_problem.as_deref(), study.max_bonus),
            told: self.told(rules, row),
            participant: vars(row),
            session: &self.session,
            standing,
            more_may_come: self.more_may_come,
            score: self.scores.of(row.worker_id),
            compensated: row.compensated,
            waited_s,
        };
        judge(rules, &facts)
    }

    fn told(&self, rules: &RuleSet, row: &Participation) -> Told<'_> {
        let names_variables = !(rules.participant_vars().is_empty() && rules.session_vars().is_empty());
        match &self.silent {
            Some(why) if names_variables => Told::Never(why),
            _ if was_read(row) => Told::Everything,
            Some(why) => Told::Never(why),
            None => Told::NotYet,
        }
    }

    fn standings(&self, rule: &Agreement) -> HashMap<Uuid, Standing> {
        let handed_in =
            self.rows.iter().filter(|row| row.submitted_at.is_some() && row.rejected_at.is_none());
        let said: Vec<Said<'_>> = handed_in
            .filter(|row| vars(row).contains_key(&rule.item))
            .map(|row| Said {
                who: row.id.0,
                item: vars(row).get(&rule.item),
                answer: vars(row).get(&rule.answer),
            })
            .collect();
        agreement::standings(rule, &said)
    }
}

/// From opening oTree to the end, or to handing in where no end was seen. In seconds.
pub fn seconds(row: &Participation) -> Option<i64> {
    let end = row.finished_at.or(row.submitted_at)?;
    Some((end - row.opened_at?).num_seconds())
}

/// Whether oTree was read since the end, or since handing in where no end was seen: before it, the payoff is one of
/// the way. Where one read tells both, the same moment will do.
fn was_read(row: &Participation) -> bool {
    let at_once = matches!(row.finished_by, Some(Completion::Reported | Completion::ExitDoor));
    match (row.otree_read_at, row.finished_at.or(row.submitted_at)) {
        (Some(read), Some(end)) => read > end || at_once && read == end,
        (read, None) => read.is_some(),
        (None, Some(_)) => false,
    }
}

fn vars(row: &Participation) -> &Map<String, Value> {
    static NONE: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    row.otree_vars.as_ref().and_then(Value::as_object).unwrap_or(&NONE)
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Duration};

    use super::*;

    #[test]
    fn a_read_on_the_way_says_nothing_of_the_end() {
        let at = |minutes| Some(DateTime::UNIX_EPOCH + Duration::minutes(minutes));
        let reported = Some(Completion::Reported);
        for (read, finished, by, submitted, right) in [
            (None, None, None, None, false),
            (at(1), None, None, None, true),
            (at(1), None, None, at(2), false),
            (at(3), None, None, at(2), true),
            (at(2), None, None, at(2), false),
            (at(1), at(2), reported, at(3), false),
            (at(2), at(2), reported, at(3), true),
            (at(2), at(2), None, at(3), false),
            (at(3), at(2), None, at(4), true),
            (None, at(2), reported, at(3), false),
        ] {
            let row = Participation {
                otree_read_at: read,
                finished_at: finished,
                finished_by: by,
                submitted_at: submitted,
                ..crate::review::bulk::tests::person(1)
            };
            assert_eq!(was_read(&row), right, "{read:?} {finished:?} {submitted:?}");
        }
    }
}
