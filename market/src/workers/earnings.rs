//! What a worker earned, by day.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, Days, NaiveDate, Utc};
use kernel::money::Cents;

use super::Site;
use super::pages::{Here, PageError, Shell, page};
use super::session::SignedIn;
use crate::engine::assignments::AssignmentState;
use crate::engine::groups;

/// Days in the chart, today included.
const CHARTED: u64 = 30;
/// The drawing's height, and one bar with its gap, in the drawing's own units.
const HEIGHT: i64 = 100;
const STEP: i64 = 10;

/// One day, UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Day {
    date: NaiveDate,
    rewards: Cents,
    bonuses: Cents,
}

impl Day {
    fn total(&self) -> Cents {
        self.rewards + self.bonuses
    }

    fn name(&self) -> String {
        self.date.format("%-d %b %Y").to_string()
    }
}

/// Something earned: when, how much, and whether it was a bonus.
type Earned = (DateTime<Utc>, Cents, bool);

/// The days on which something was earned, newest first.
fn by_day(earned: &[Earned]) -> Vec<Day> {
    let mut days: Vec<Day> = Vec::new();
    let mut sorted = earned.to_vec();
    sorted.sort_by_key(|(at, ..)| std::cmp::Reverse(*at));
    for (at, cents, is_bonus) in sorted {
        let date = at.date_naive();
        if days.last().is_none_or(|day| day.date != date) {
            days.push(Day { date, rewards: Cents(0), bonuses: Cents(0) });
        }
        if let Some(day) = days.last_mut() {
            let sum = if is_bonus { &mut day.bonuses } else { &mut day.rewards };
            *sum = *sum + cents;
        }
    }
    days
}

/// One bar of the chart; heights in the drawing's units.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Bar {
    name: String,
    total: Cents,
    x: i64,
    rewards_y: i64,
    rewards_height: i64,
    bonuses_y: i64,
    bonuses_height: i64,
}

/// The last days, oldest first, the tallest filling the height.
fn bars(days: &[Day], today: NaiveDate) -> Vec<Bar> {
    let of = |date: NaiveDate| {
        let found = days.iter().find(|day| day.date == date).cloned();
        found.unwrap_or(Day { date, rewards: Cents(0), bonuses: Cents(0) })
    };
    let shown: Vec<Day> =
        (0..CHARTED).rev().filter_map(|back| today.checked_sub_days(Days::new(back))).map(of).collect();
    let most = shown.iter().map(|day| day.total().0).max().unwrap_or(0).max(1);
    let bar = |(n, day): (usize, &Day)| {
        let height = |cents: Cents| cents.0.saturating_mul(HEIGHT) / most;
        let (rewards, bonuses) = (height(day.rewards), height(day.bonuses));
        Bar {
            name: day.name(),
            total: day.total(),
            x: i64::try_from(n).unwrap_or(0) * STEP,
            rewards_y: HEIGHT - rewards,
            rewards_height: rewards,
            bonuses_y: HEIGHT - rewards - bonuses,
            bonuses_height: bonuses,
        }
    };
    shown.iter().enumerate().map(bar).collect()
}

#[derive(Template)]
#[template(path = "workers/earnings.html")]
struct EarningsPage {
    shell: Shell,
    days: Vec<Day>,
    bars: Vec<Bar>,
    width: i64,
    most: Cents,
    since: String,
    until: String,
    total: Cents,
    month: Cents,
}

pub(super) async fn show(
    State(site): State<Site>,
    SignedIn(worker): SignedIn,
) -> Result<Response, PageError> {
    let (mut tx, now) = site.market.begin().await?;
    let mut earned: Vec<Earned> = Vec::new();
    for item in groups::work_of(&mut tx, &worker.worker_id).await? {
        if let (AssignmentState::Approved, Some(at)) = (item.state, item.reviewed_at) {
            earned.push((at, item.reward, false));
        }
    }
    let bonuses = groups::bonuses_of(&mut tx, &worker.worker_id).await?;
    earned.extend(bonuses.iter().map(|bonus| (bonus.paid_at, bonus.amount, true)));
    let shell = Shell::new(&site.links, Some(worker), Here::Earnings);
    // A requester's clock may be ahead of the market's.
    let today = earned.iter().map(|(at, ..)| *at).max().map_or(now, |last| last.max(now)).date_naive();
    page(StatusCode::OK, &earnings_page(shell, &earned, today))
}

fn earnings_page(shell: Shell, earned: &[Earned], today: NaiveDate) -> EarningsPage {
    let days = by_day(earned);
    let bars = bars(&days, today);
    EarningsPage {
        width: i64::try_from(bars.len()).unwrap_or(0) * STEP,
        most: bars.iter().map(|bar| bar.total).max().unwrap_or_default(),
        since: bars.first().map(|bar| bar.name.clone()).unwrap_or_default(),
        until: bars.last().map(|bar| bar.name.clone()).unwrap_or_default(),
        total: days.iter().map(Day::total).sum(),
        month: bars.iter().map(|bar| bar.total).sum(),
        shell,
        days,
        bars,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: u32, hour: u32) -> DateTime<Utc> {
        NaiveDate::from_ymd_opt(2026, 11, day).unwrap().and_hms_opt(hour, 0, 0).unwrap().and_utc()
    }

    #[test]
    fn what_was_earned_on_one_day_is_one_line() {
        let days = by_day(&[
            (at(3, 1), Cents(100), false),
            (at(4, 23), Cents(50), true),
            (at(3, 22), Cents(70), true),
            (at(3, 5), Cents(30), false),
        ]);
        let told: Vec<_> = days.iter().map(|day| (day.name(), day.rewards.0, day.bonuses.0)).collect();
        assert_eq!(told, [("4 Nov 2026".into(), 0, 50), ("3 Nov 2026".into(), 130, 70)]);
    }

    #[test]
    fn the_chart_ends_today_and_the_best_day_fills_it() {
        let days = by_day(&[
            (at(20, 1), Cents(100), false),
            (at(20, 2), Cents(100), true),
            (at(21, 1), Cents(50), true),
        ]);
        let bars = bars(&days, at(21, 0).date_naive());
        assert_eq!(bars.len(), 30);
        let [.., best, today] = bars.as_slice() else { panic!("no bars") };
        assert_eq!((today.name.as_str(), today.bonuses_height, today.rewards_height), ("21 Nov 2026", 25, 0));
        assert_eq!((best.rewards_height, best.bonuses_height, best.bonuses_y), (50, 50, 0));
        assert_eq!(today.x, 290);
    }

    #[test]
    fn who_earned_nothing_has_an_empty_chart() {
        assert!(
            bars(&[], at(21, 0).date_naive()).iter().all(|bar| bar.rewards_height + bar.bonuses_height == 0)
        );
    }
}
