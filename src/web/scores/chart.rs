//! The distribution of scores as a drawing. Pure.

use crate::scores::Scale;
use crate::scores::report::Step;

/// The drawing's own units: as high as this, each bar so wide.
const HEIGHT: i64 = 100;
const STEP: usize = 10;
/// The most bars; a wider scale has several scores in each.
const BARS: i32 = 25;

/// Who stands where on a lab's scale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chart {
    pub bars: Vec<Bar>,
    /// Workers in the highest bar.
    pub most: i64,
    pub workers: i64,
    /// Half of the workers have at most this; `None` without any.
    pub median: Option<i32>,
    /// Workers below the least score that is asked for, and that score.
    pub below: Option<(i64, i32)>,
}

/// One bar of the drawing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bar {
    pub x: usize,
    pub y: i64,
    pub height: i64,
    pub workers: i64,
    /// What it stands for: `40` or `40 to 43`.
    pub words: String,
    /// Colours what lies below the least score.
    pub class: &'static str,
}

impl Chart {
    /// Draws it; `least` is the score that a rule asks for.
    pub fn of(scale: &Scale, found: &[Step], least: Option<i32>) -> Self {
        let workers = found.iter().map(|step| step.workers).sum();
        let width = (scale.highest - scale.lowest) / BARS + 1;
        let bins = (scale.lowest..=scale.highest).step_by(usize::try_from(width).unwrap_or(1));
        let counted: Vec<(i32, i64)> = bins.map(|from| (from, inside(found, from, width))).collect();
        let most = counted.iter().map(|(_, workers)| *workers).max().unwrap_or(0);
        let bar = |(nth, (from, workers)): (usize, (i32, i64))| {
            let (height, to) = (workers * HEIGHT / most.max(1), (from + width - 1).min(scale.highest));
            Bar {
                x: nth * STEP,
                y: HEIGHT - height,
                height,
                workers,
                words: if from == to { from.to_string() } else { format!("{from} to {to}") },
                class: if least.is_some_and(|least| to < least) { "odd" } else { "usual" },
            }
        };
        Self {
            bars: counted.into_iter().enumerate().map(bar).collect(),
            most,
            workers,
            median: median(found, workers),
            below: least.map(|least| (workers_below(found, least), least)),
        }
    }

    /// How wide the drawing is.
    pub fn width(&self) -> usize {
        self.bars.len() * STEP
    }
}

fn inside(found: &[Step], from: i32, width: i32) -> i64 {
    workers_below(found, from + width) - workers_below(found, from)
}

fn workers_below(found: &[Step], score: i32) -> i64 {
    found.iter().filter(|step| step.score < score).map(|step| step.workers).sum()
}

fn median(found: &[Step], workers: i64) -> Option<i32> {
    let mut before = 0;
    let half = (workers + 1) / 2;
    found
        .iter()
        .find(|step| {
            before += step.workers;
            before >= half
        })
        .map(|step| step.score)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(score: i32, workers: i64) -> Step {
        Step { score, workers }
    }

    #[test]
    fn every_worker_is_in_one_bar() {
        for highest in [1, 24, 25, 26, 100, 1000] {
            let scale = Scale { start: 0, lowest: 0, highest, ..Scale::default() };
            let all: Vec<Step> = (0..=highest).map(|score| step(score, 2)).collect();
            let chart = Chart::of(&scale, &all, None);
            assert_eq!(chart.bars.iter().map(|bar| bar.workers).sum::<i64>(), chart.workers, "{highest}");
            assert!(chart.bars.len() <= 26, "{highest}: {}", chart.bars.len());
        }
    }

    #[test]
    fn bars_are_as_high_as_their_workers_and_those_below_stand_out() {
        let scale = Scale { start: 5, lowest: 0, highest: 10, ..Scale::default() };
        let chart = Chart::of(&scale, &[step(0, 1), step(5, 4), step(10, 2)], Some(5));
        let told: Vec<_> = chart.bars.iter().filter(|bar| bar.workers > 0).collect();
        let told: Vec<_> =
            told.iter().map(|bar| (bar.y, bar.height, bar.class, bar.words.as_str())).collect();
        assert_eq!(told, [(75, 25, "odd", "0"), (0, 100, "usual", "5"), (50, 50, "usual", "10")]);
        assert_eq!((chart.median, chart.below, chart.most), (Some(5), Some((1, 5)), 4));
    }

    #[test]
    fn nobody_makes_an_empty_drawing() {
        let chart = Chart::of(&Scale::default(), &[], Some(60));
        assert_eq!((chart.workers, chart.median, chart.below), (0, None, Some((0, 60))));
        assert!(chart.bars.iter().all(|bar| bar.height == 0));
    }
}
