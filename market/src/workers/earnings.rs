//! What a worker earned, by day.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{Days, NaiveDate};
use kernel::money::Cents;

use super::Site;
use super::pages::{Here, PageError, Shell, page};
use super::session::SignedIn;
use crate::engine::work::{self, Day};

/// Days in the chart, today included.
const CHARTED: u64 = 30;
/// Days in the table at most.
const LISTED: i64 = 366;
/// The drawing's height, and one bar with its gap, in the drawing's own units.
const HEIGHT: i64 = 100;
const STEP: i64 = 10;

impl Day {
    fn total(&self) -> Cents {
        self.rewards + self.bonuses
    }

    fn name(&self) -> String {
        self.date.format("%-d %b %Y").to_string()
    }
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

/// The days that are listed, and whether there were days before them.
fn listed(mut days: Vec<Day>) -> (Vec<Day>, bool) {
    let most = usize::try_from(LISTED).unwrap_or(usize::MAX);
    let older = days.len() > most;
    days.truncate(most);
    (days, older)
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
    /// Play money, which counts nowhere.
    practice: Cents,
    /// Whether there were days before these.
    older: bool,
}

pub(super) async fn show(
    State(site): State<Site>,
    SignedIn(worker): SignedIn,
) -> Result<Response, PageError> {
    let (mut tx, now) = site.market.begin().await?;
    let (days, older) = listed(work::days(&mut tx, &worker.worker_id, LISTED + 1).await?);
    let total = work::sums(&mut tx, &worker.worker_id, false).await?.earned();
    let practice = work::sums(&mut tx, &worker.worker_id, true).await?.earned();
    // A requester's clock may be ahead of the market's.
    let today = days.first().map_or(now.date_naive(), |last| last.date.max(now.date_naive()));
    let bars = bars(&days, today);
    let shown = EarningsPage {
        shell: Shell::new(&site.links, Some(worker), Here::Earnings),
        width: i64::try_from(bars.len()).unwrap_or(0) * STEP,
        most: bars.iter().map(|bar| bar.total).max().unwrap_or_default(),
        since: bars.first().map(|bar| bar.name.clone()).unwrap_or_default(),
        until: bars.last().map(|bar| bar.name.clone()).unwrap_or_default(),
        month: bars.iter().map(|bar| bar.total).sum(),
        older,
        total,
        practice,
        days,
        bars,
    };
    page(StatusCode::OK, &shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(number: u32, rewards: i64, bonuses: i64) -> Day {
        let date = NaiveDate::from_ymd_opt(2026, 11, number).unwrap();
        Day { date, rewards: Cents(rewards), bonuses: Cents(bonuses) }
    }

    #[test]
    fn the_chart_ends_today_and_the_best_day_fills_it() {
        let bars = bars(&[day(21, 0, 50), day(20, 100, 100)], day(21, 0, 0).date);
        assert_eq!(bars.len(), 30);
        let [.., best, today] = bars.as_slice() else { panic!("no bars") };
        assert_eq!((today.name.as_str(), today.bonuses_height, today.rewards_height), ("21 Nov 2026", 25, 0));
        assert_eq!((best.rewards_height, best.bonuses_height, best.bonuses_y), (50, 50, 0));
        assert_eq!(today.x, 290);
    }

    #[test]
    fn a_year_is_listed_and_older_days_are_mentioned_when_there_are_any() {
        for (known, shown, older) in [(0, 0, false), (365, 365, false), (366, 366, false), (367, 366, true)] {
            let (days, said) = listed(vec![day(1, 1, 0); known]);
            assert_eq!((days.len(), said), (shown, older), "{known}");
        }
    }

    #[test]
    fn who_earned_nothing_has_an_empty_chart() {
        assert!(bars(&[], day(21, 0, 0).date).iter().all(|bar| bar.rewards_height + bar.bonuses_height == 0));
    }
}
