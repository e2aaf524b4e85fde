//! Arrivals over time as bars, drawn by the server. Pure.

use chrono::{DateTime, DurationRound, TimeDelta, Utc};

/// The drawing's own units: wide as the bars need, stretched by the page.
pub const HEIGHT: i64 = 100;
/// One bar and the gap to the next.
pub const STEP: i64 = 10;
/// The most bars in one chart.
const MOST: i64 = 60;

/// Lengths of time that one bar may stand for, in minutes.
const BUCKETS: [i64; 12] = [1, 2, 5, 10, 15, 30, 60, 180, 360, 720, 1440, 10080];

/// One bar: people who came from `start` on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// UTC.
    pub start: DateTime<Utc>,
    /// How many came.
    pub people: i64,
    /// From the left, in the drawing's units.
    pub x: i64,
    /// From the top.
    pub y: i64,
}

impl Column {
    /// The bar's height.
    pub fn height(&self) -> i64 {
        HEIGHT - self.y
    }
}

/// A drawn chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chart {
    /// All bars, empty ones too.
    pub columns: Vec<Column>,
    /// What one bar stands for, in seconds.
    pub bucket_s: i64,
    /// The most people in one bar.
    pub most: i64,
    /// Everybody.
    pub people: usize,
}

impl Chart {
    /// The drawing's width.
    pub fn width(&self) -> i64 {
        i64::try_from(self.columns.len()).unwrap_or(MOST) * STEP
    }

    /// The bars that count somebody, for the list beneath the drawing.
    pub fn told(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| column.people > 0)
    }

    /// When the last bar ends, UTC.
    pub fn end(&self) -> Option<DateTime<Utc>> {
        self.columns.last().map(|column| column.start + TimeDelta::seconds(self.bucket_s))
    }

    /// The busiest bar.
    pub fn peak(&self) -> Option<&Column> {
        self.columns.iter().find(|column| column.people == self.most)
    }
}

/// Counts moments, which are in order, into bars from the first one until `until`. Nothing for nobody.
pub fn arrivals(moments: &[DateTime<Utc>], until: DateTime<Utc>) -> Option<Chart> {
    let (first, last) = (*moments.first()?, (*moments.last()?).max(until));
    let minutes = (last - first).num_minutes() + 1;
    let bucket = BUCKETS.into_iter().find(|size| minutes / size < MOST)?;
    let bucket = TimeDelta::minutes(bucket);
    let start = first.duration_trunc(bucket).ok()?;
    let slot = |at: DateTime<Utc>| usize::try_from((at - start).num_seconds() / bucket.num_seconds());
    let mut people = vec![0i64; (slot(last).ok()? + 1).max(30)];
    for at in moments {
        if let Some(count) = people.get_mut(slot(*at).ok()?) {
            *count += 1;
        }
    }
    let most = people.iter().copied().max().unwrap_or(1).max(1);
    let columns = (0i64..).zip(people).map(|(nth, people)| Column {
        start: start + bucket * i32::try_from(nth).unwrap_or(i32::MAX),
        people,
        x: nth * STEP,
        y: HEIGHT - people * HEIGHT / most,
    });
    Some(Chart { columns: columns.collect(), bucket_s: bucket.num_seconds(), most, people: moments.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::minutes(minutes)
    }

    #[test]
    fn nobody_makes_no_chart() {
        assert_eq!(arrivals(&[], at(0)), None);
    }

    #[test]
    fn people_are_counted_by_the_minute_in_the_first_hour() {
        let chart = arrivals(&[at(0), at(0), at(2), at(50)], at(55)).unwrap();
        assert_eq!((chart.bucket_s, chart.most, chart.people, chart.columns.len()), (60, 2, 4, 56));
        let told: Vec<_> = chart.told().map(|c| (c.x, c.people, c.height())).collect();
        assert_eq!(told, [(0, 2, 100), (20, 1, 50), (500, 1, 50)]);
    }

    #[test]
    fn long_studies_get_longer_bars_and_never_too_many() {
        for days in [1, 3, 10, 60, 400] {
            let chart = arrivals(&[at(0), at(days * 1440)], at(0)).unwrap();
            assert!(chart.columns.len() <= 61, "{days}: {}", chart.columns.len());
            assert_eq!(chart.told().map(|column| column.people).sum::<i64>(), 2);
        }
    }

    #[test]
    fn a_chart_of_one_moment_is_not_one_block() {
        let chart = arrivals(&[at(7)], at(7)).unwrap();
        assert_eq!((chart.columns.len(), chart.columns[0].start), (30, at(7)));
    }
}
