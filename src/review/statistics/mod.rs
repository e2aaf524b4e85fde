//! How long a study takes, what it pays by the hour, where people stop, and who is worth a second look.

pub mod figures;
pub mod pages;

use std::collections::{BTreeMap, HashMap};

use kernel::money::Cents;
use sqlx::{PgConnection, query};

use super::facts::seconds;
use super::policy;
use crate::participation::{self, Participation, ParticipationId, Stage};
use crate::studies::Study;
use figures::{Bin, Five, Limits, Pace, Strictness};
use pages::{End, Page, Way};

/// A study's statistics.
#[derive(Debug, Clone, Default)]
pub struct Statistics {
    /// Times of those who handed in, from opening oTree to the end, in seconds; none before anybody has.
    pub five: Option<Five>,
    /// How many those are.
    pub timed: usize,
    pub distribution: Vec<Bin>,
    pub limits: Option<Limits>,
    /// The middle of what the reward comes to in an hour.
    pub hourly: Option<Cents>,
    /// The same with bonuses: decided ones, or what oTree's payoff would be.
    pub hourly_with_bonus: Option<Cents>,
    pub pages: Vec<Page>,
    /// Who is worth a second look, and why.
    pub flagged: Vec<Flagged>,
}

/// Somebody worth a second look. Never a reason to reject by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flagged {
    pub pseudonym: String,
    pub stage: Stage,
    pub seconds: Option<i64>,
    pub flags: Vec<Flag>,
}

/// Why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flag {
    TooFast,
    TooSlow,
    /// Came from the same network as these.
    SameNetwork(Vec<String>),
    /// The same, with the same kind of browser.
    SameBrowser(Vec<String>),
}

/// Reads and computes it.
///
/// # Errors
/// When the database does not answer.
pub async fn of_study(
    conn: &mut PgConnection,
    study: &Study,
    strictness: Strictness,
) -> sqlx::Result<Statistics> {
    let rows = participation::store::of_study(conn, study.lab_id, study.id, None).await?;
    let visits = visits(conn, study).await?;
    let marks = marks(conn, study).await?;
    let handed_in: Vec<(&Participation, i64)> = rows
        .iter()
        .filter(|row| row.submitted_at.is_some())
        .filter_map(|row| Some((row, seconds(row)?)))
        .collect();
    let times: Vec<i64> = handed_in.iter().map(|(_, seconds)| *seconds).collect();
    let limits = figures::limits(&times, strictness);
    let paid = || handed_in.iter().filter(|(row, _)| row.rejected_at.is_none());
    let base: Vec<Cents> = paid().filter_map(|(_, s)| figures::hourly(study.reward, *s)).collect();
    let all: Vec<Cents> =
        paid().filter_map(|(row, s)| figures::hourly(study.reward + bonus(study, row), *s)).collect();
    Ok(Statistics {
        five: figures::five(&times),
        timed: times.len(),
        distribution: figures::distribution(&times),
        limits,
        hourly: figures::median(&base),
        hourly_with_bonus: figures::median(&all),
        pages: pages::drop_off(&ways(&rows, visits)),
        flagged: flagged(&rows, limits, &marks),
    })
}

/// What was decided, or what the payoff would be.
fn bonus(study: &Study, row: &Participation) -> Cents {
    let proposed = policy::bonus(row.payoff, row.payoff_problem.as_deref(), study.max_bonus);
    row.bonus.or(proposed.ok()).unwrap_or_default()
}

fn ways(rows: &[Participation], mut visits: HashMap<ParticipationId, Vec<(i32, String)>>) -> Vec<Way> {
    let end = |row: &Participation| match row.stage {
        _ if row.finished_at.is_some() => End::Finished,
        Stage::Admitted | Stage::Working => End::Under,
        _ => End::Left,
    };
    let opened = rows.iter().filter(|row| row.opened_at.is_some());
    opened.map(|row| Way { pages: visits.remove(&row.id).unwrap_or_default(), end: end(row) }).collect()
}

/// By what somebody is known again within the study.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Mark {
    network: String,
    browser: String,
}

fn flagged(
    rows: &[Participation],
    limits: Option<Limits>,
    marks: &HashMap<ParticipationId, Vec<Mark>>,
) -> Vec<Flagged> {
    let names: HashMap<ParticipationId, &str> =
        rows.iter().map(|row| (row.id, row.pseudonym.as_str())).collect();
    let networks = sharing(marks, |mark| mark.network.clone());
    let browsers = sharing(marks, |mark| format!("{} {}", mark.network, mark.browser));
    let others = |all: &BTreeMap<String, Vec<ParticipationId>>, id: ParticipationId| -> Vec<String> {
        let groups = all.values().filter(|group| group.contains(&id)).flatten();
        let mut found: Vec<String> = groups
            .filter(|other| **other != id)
            .filter_map(|other| names.get(other).map(|name| (*name).to_owned()))
            .collect();
        found.sort();
        found.dedup();
        found
    };
    let flags = |row: &Participation| {
        let handed_in = row.submitted_at.and_then(|_| seconds(row));
        let mut flags = match limits.zip(handed_in).map(|(limits, seconds)| limits.pace(seconds)) {
            Some(Pace::TooFast) => vec![Flag::TooFast],
            Some(Pace::TooSlow) => vec![Flag::TooSlow],
            Some(Pace::Usual) | None => Vec::new(),
        };
        let (browser, network) = (others(&browsers, row.id), others(&networks, row.id));
        let rest: Vec<String> = network.into_iter().filter(|name| !browser.contains(name)).collect();
        flags.extend((!browser.is_empty()).then_some(Flag::SameBrowser(browser)));
        flags.extend((!rest.is_empty()).then_some(Flag::SameNetwork(rest)));
        flags
    };
    rows.iter()
        .map(|row| Flagged {
            pseudonym: row.pseudonym.clone(),
            stage: row.stage,
            seconds: seconds(row),
            flags: flags(row),
        })
        .filter(|row| !row.flags.is_empty())
        .collect()
}

/// Groups of at least two people who share something.
fn sharing(
    marks: &HashMap<ParticipationId, Vec<Mark>>,
    of: impl Fn(&Mark) -> String,
) -> BTreeMap<String, Vec<ParticipationId>> {
    let mut groups: BTreeMap<String, Vec<ParticipationId>> = BTreeMap::new();
    for (id, marks) in marks {
        for mark in marks {
            let group = groups.entry(of(mark)).or_default();
            if !group.contains(id) {
                group.push(*id);
            }
        }
    }
    groups.retain(|_, group| group.len() > 1);
    groups
}

async fn visits(
    conn: &mut PgConnection,
    study: &Study,
) -> sqlx::Result<HashMap<ParticipationId, Vec<(i32, String)>>> {
    let rows = query!(
        r#"SELECT v.participation_id AS "id: ParticipationId", v.page_index, v.page
        FROM page_visit v JOIN participation p ON p.id = v.participation_id
        WHERE p.study_id = $1 ORDER BY v.page_index"#,
        study.id.0
    )
    .fetch_all(conn)
    .await?;
    let mut all: HashMap<_, Vec<_>> = HashMap::new();
    for row in rows {
        all.entry(row.id).or_default().push((row.page_index, row.page));
    }
    Ok(all)
}

async fn marks(conn: &mut PgConnection, study: &Study) -> sqlx::Result<HashMap<ParticipationId, Vec<Mark>>> {
    let rows = query!(
        r#"SELECT DISTINCT participation_id AS "id!: ParticipationId", network_mark AS "network!",
            coalesce(browser_mark, '') AS "browser!"
        FROM arrival WHERE study_id = $1 AND participation_id IS NOT NULL AND network_mark IS NOT NULL"#,
        study.id.0
    )
    .fetch_all(conn)
    .await?;
    let mut all: HashMap<_, Vec<_>> = HashMap::new();
    for row in rows {
        all.entry(row.id).or_default().push(Mark { network: row.network, browser: row.browser });
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(network: &str, browser: &str) -> Mark {
        Mark { network: network.into(), browser: browser.into() }
    }

    #[test]
    fn sharing_takes_two_people_not_two_visits() {
        let ids: [ParticipationId; 3] = std::array::from_fn(|_| ParticipationId::new());
        let marks: HashMap<_, _> = [
            (ids[0], vec![mark("n1", "b1"), mark("n1", "b2")]),
            (ids[1], vec![mark("n1", "b2"), mark("n2", "b9")]),
            (ids[2], vec![mark("n3", "b2")]),
        ]
        .into();
        let networks = sharing(&marks, |mark| mark.network.clone());
        assert_eq!(networks.keys().collect::<Vec<_>>(), ["n1"]);
        assert_eq!(networks["n1"].len(), 2);
        let browsers = sharing(&marks, |mark| format!("{} {}", mark.network, mark.browser));
        assert_eq!(
            browsers.keys().collect::<Vec<_>>(),
            ["n1 b2"],
            "the same browser elsewhere is another one"
        );
    }
}
