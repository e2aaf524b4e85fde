//! Everything the requirements need to know about one worker, from real history.

use serde_json::Value;
use sqlx::PgConnection;

use super::requirements::{Action, Locale, Standing, unmet};
use super::{ADULT, APPROVAL_RATE, APPROVED};
use crate::engine::hit_types::MASTERS;
use crate::settings::{ApprovalRate, PercentRounding, Settings};

/// What the worker said of themselves, and what the operator did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// ISO 3166 country, two capital letters.
    pub country: Option<String>,
    /// Two capital letters; only with a country.
    pub subdivision: Option<String>,
    /// Agreed to adult content.
    pub adult: bool,
    /// Named a Master by the operator.
    pub masters: bool,
}

/// Where a worker stands. Number and rate of approvals of HITs that pay count for HITs that pay, and those of practice
/// for practice; everything else is the same for both.
#[derive(Debug, Clone, Default)]
pub struct Standings {
    paid: Standing,
    practice: Standing,
}

impl Standings {
    /// What counts for HITs that pay, or that are practice.
    pub fn for_hits(&self, practice: bool) -> &Standing {
        if practice { &self.practice } else { &self.paid }
    }
}

/// Where the worker stands with every type; nobody has nothing but a clean record.
///
/// # Errors
/// When Postgres fails.
pub async fn of_worker(
    conn: &mut PgConnection,
    settings: &Settings,
    worker_id: Option<&str>,
) -> sqlx::Result<Standings> {
    let worker_id = worker_id.unwrap_or_default();
    let usual = apart_from_history(conn, worker_id).await?;
    let [paid, practice] = histories(conn, worker_id).await?.map(|history| {
        let mut standing = usual.clone();
        standing.values.insert(APPROVED.into(), history.approved);
        standing.values.insert(APPROVAL_RATE.into(), history.rate(&settings.approval_rate));
        standing
    });
    Ok(Standings { paid, practice })
}

async fn apart_from_history(conn: &mut PgConnection, worker_id: &str) -> sqlx::Result<Standing> {
    let mut standing = Standing::default();
    let profile = profile(conn, worker_id).await?;
    if profile.adult {
        standing.values.insert(ADULT.into(), 1);
    }
    if profile.masters {
        standing.values.extend(MASTERS.map(|id| (id.to_owned(), 1)));
    }
    standing.locale = profile.country.map(|country| Locale { country, subdivision: profile.subdivision });
    let granted = sqlx::query!(
        "select q.qualification_type_id, q.value from market.qualification q
           join market.qualification_type t using (qualification_type_id)
          where q.worker_id = $1 and q.revoked_at is null and t.deleted_at is null",
        worker_id,
    )
    .fetch_all(conn)
    .await?;
    standing.values.extend(granted.into_iter().map(|grant| (grant.qualification_type_id, grant.value)));
    Ok(standing)
}

/// How a worker's assignments ended, as counts.
#[derive(Debug, Clone, Copy, Default)]
struct History {
    approved: i64,
    rejected: i64,
    waiting: i64,
    given_up: i64,
}

impl History {
    /// Approved of those that count, in whole percent.
    fn rate(self, rule: &ApprovalRate) -> i64 {
        let handed_in = self.approved + self.rejected + self.waiting;
        let counted = self.approved + self.rejected + if rule.given_up_counts { self.given_up } else { 0 };
        if handed_in < i64::from(rule.counts_from) || counted == 0 {
            return 100;
        }
        match rule.rounding {
            PercentRounding::Down => 100 * self.approved / counted,
            PercentRounding::HalfUp => (200 * self.approved + counted) / (2 * counted),
        }
    }
}

/// Of HITs that pay, and of practice.
async fn histories(conn: &mut PgConnection, worker_id: &str) -> sqlx::Result<[History; 2]> {
    let found = sqlx::query!(
        r#"select a.practice, count(*) filter (where a.state = 'approved') as "approved!",
                  count(*) filter (where a.state = 'rejected') as "rejected!",
                  count(*) filter (where a.state = 'submitted') as "waiting!",
                  count(*) filter (where a.state in ('returned', 'abandoned')) as "given_up!"
             from market.assignment a where a.worker_id = $1 group by a.practice"#,
        worker_id,
    )
    .fetch_all(conn)
    .await?;
    let of = |practice| {
        let row = found.iter().find(|row| row.practice == practice);
        row.map_or(History::default(), |row| History {
            approved: row.approved,
            rejected: row.rejected,
            waiting: row.waiting,
            given_up: row.given_up,
        })
    };
    Ok([of(false), of(true)])
}

/// What keeps the worker from doing this with such a HIT, as a phrase that names each type; `None` when nothing does.
///
/// # Errors
/// When Postgres fails.
pub async fn obstacle(
    conn: &mut PgConnection,
    settings: &Settings,
    worker_id: &str,
    requirements: &Value,
    practice: bool,
    action: Action,
) -> sqlx::Result<Option<String>> {
    if requirements.as_array().is_none_or(Vec::is_empty) {
        return Ok(None);
    }
    let standings = of_worker(conn, settings, Some(worker_id)).await?;
    let mut phrases = Vec::new();
    for requirement in unmet(requirements, action, standings.for_hits(practice)) {
        phrases.push(phrase(conn, requirement).await?);
    }
    Ok((!phrases.is_empty()).then(|| phrases.join("; ")))
}

async fn phrase(conn: &mut PgConnection, requirement: &Value) -> sqlx::Result<String> {
    let id = requirement["QualificationTypeId"].as_str().unwrap_or_default();
    let name = sqlx::query_scalar!(
        "select name from market.qualification_type where qualification_type_id = $1",
        id
    );
    let name = name.fetch_optional(conn).await?.unwrap_or_else(|| id.to_owned());
    let integers = requirement["IntegerValues"].as_array().into_iter().flatten().map(Value::to_string);
    let locales = requirement["LocaleValues"].as_array().into_iter().flatten().map(place);
    let values = integers.chain(locales).collect::<Vec<_>>().join(", ");
    Ok(match requirement["Comparator"].as_str().unwrap_or_default() {
        "Exists" => format!("{name} is needed"),
        "DoesNotExist" => format!("not for those who have {name}"),
        "LessThan" => format!("{name} must be below {values}"),
        "LessThanOrEqualTo" => format!("{name} must be at most {values}"),
        "GreaterThan" => format!("{name} must be above {values}"),
        "GreaterThanOrEqualTo" => format!("{name} must be at least {values}"),
        "NotEqualTo" | "NotIn" => format!("{name} must be none of {values}"),
        _ => format!("{name} must be {values}"),
    })
}

fn place(locale: &Value) -> String {
    let part = |name: &str| locale[name].as_str().map(str::to_owned);
    [part("Country"), part("Subdivision")].into_iter().flatten().collect::<Vec<_>>().join("-")
}

/// What is known about the worker; nothing about nobody.
///
/// # Errors
/// When Postgres fails.
pub async fn profile(conn: &mut PgConnection, worker_id: &str) -> sqlx::Result<Profile> {
    let found = sqlx::query_as!(
        Profile,
        "select country, subdivision, adult, masters from market.worker where worker_id = $1",
        worker_id,
    );
    Ok(found.fetch_optional(conn).await?.unwrap_or_default())
}

/// Sets all of it.
///
/// # Errors
/// When Postgres fails, also when country or subdivision are not two capital letters.
pub async fn set_profile(conn: &mut PgConnection, worker_id: &str, profile: &Profile) -> sqlx::Result<()> {
    sqlx::query!(
        "update market.worker set country = $2, subdivision = $3, adult = $4, masters = $5 where worker_id = $1",
        worker_id,
        profile.country,
        profile.subdivision,
        profile.adult,
        profile.masters,
    )
    .execute(conn)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(rule: ApprovalRate, (approved, rejected, waiting, given_up): (i64, i64, i64, i64)) -> i64 {
        History { approved, rejected, waiting, given_up }.rate(&rule)
    }

    #[test]
    fn the_rate_reads_100_until_a_hundred_were_submitted() {
        for (history, expected) in [
            ((0, 0, 0, 0), 100),
            ((9, 90, 0, 50), 100),
            ((10, 90, 0, 50), 10),
            ((0, 0, 100, 0), 100),
            ((98, 1, 1, 0), 98),
            ((199, 1, 0, 0), 99),
        ] {
            assert_eq!(rate(ApprovalRate::default(), history), expected, "{history:?}");
        }
    }

    #[test]
    fn the_number_from_which_it_counts_is_a_setting() {
        for (counts_from, expected) in [(0, 50), (2, 50), (3, 100)] {
            let rule = ApprovalRate { counts_from, ..ApprovalRate::default() };
            assert_eq!(rate(rule, (1, 1, 0, 0)), expected, "{counts_from}");
        }
    }

    #[test]
    fn what_was_given_up_counts_or_not() {
        for (given_up_counts, expected) in [(false, 100), (true, 80)] {
            let rule = ApprovalRate { given_up_counts, ..ApprovalRate::default() };
            assert_eq!(rate(rule, (200, 0, 0, 50)), expected);
        }
    }

    #[test]
    fn half_a_percent_is_left_out_or_rounds_up() {
        for (rounding, half, less) in [(PercentRounding::Down, 99, 99), (PercentRounding::HalfUp, 100, 99)] {
            let rule = ApprovalRate { rounding, ..ApprovalRate::default() };
            assert_eq!((rate(rule, (199, 1, 0, 0)), rate(rule, (198, 2, 0, 0))), (half, less));
        }
    }
}
