//! How long a study takes, what it pays by the hour, where people stop, who is worth a second look.

use askama::Template;
use axum::extract::{Query, State};
use serde::Deserialize;

use crate::app::App;
use crate::review::statistics::figures::{Bin, ENOUGH, Strictness};
use crate::review::statistics::{self, Flag, Flagged, Statistics};
use crate::studies::Study;
use crate::web::error::WebResult;
use crate::web::forms::Form;
use crate::web::guard::{Row, Viewer};
use crate::web::page::{Layout, show};
use crate::web::studies::{page::layout, path};

/// The drawing's own units: as high as this, each bar so wide.
const HEIGHT: usize = 100;
const STEP: usize = 10;

#[derive(Template)]
#[template(path = "review/statistics.html")]
struct StatisticsPage {
    layout: Layout,
    path: String,
    study: Study,
    found: Statistics,
    form: Form,
    bars: Vec<Bar>,
    most: usize,
}

/// One bar of the drawing.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Bar {
    x: usize,
    y: usize,
    height: usize,
    people: usize,
    /// What it stands for: “2 min to 2 min 30 s”.
    words: String,
    /// Colours what is too fast or too slow.
    class: &'static str,
}

/// How strict the flags are; what cannot be read is the default.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    fast: String,
    slow: String,
}

impl Asked {
    fn strictness(&self) -> Strictness {
        let usual = Strictness::default();
        let fast = self.fast.trim().parse().ok().filter(|percent| (1..=99).contains(percent));
        let slow: Option<f64> = self.slow.trim().parse().ok().filter(|times| (0.0..=100.0).contains(times));
        Strictness {
            fast_percent: fast.unwrap_or(usual.fast_percent),
            // The cast cannot cut: it is within bounds.
            slow_tenths: slow.map_or(usual.slow_tenths, |times| (times * 10.0).round() as i64),
        }
    }
}

/// `GET /labs/{lab}/studies/{study}/statistics`
///
/// # Errors
/// When the database does not answer.
pub async fn page(
    State(app): State<App>,
    Row(viewer, study): Row<Viewer, Study>,
    Query(asked): Query<Asked>,
) -> WebResult {
    let strictness = asked.strictness();
    let mut conn = app.pool.acquire().await?;
    let found = statistics::of_study(&mut conn, &study, strictness).await?;
    drop(conn);
    let tenths = strictness.slow_tenths;
    let slow =
        if tenths % 10 == 0 { (tenths / 10).to_string() } else { format!("{}.{}", tenths / 10, tenths % 10) };
    show(&StatisticsPage {
        layout: layout(&viewer, &study, format!("Statistics of {}", study.name)).await?,
        path: path(&study),
        form: Form::new().with("fast", strictness.fast_percent).with("slow", slow),
        bars: bars(&found),
        most: found.distribution.iter().map(|bin| bin.people).max().unwrap_or(0),
        found,
        study,
    })
}

fn bars(found: &Statistics) -> Vec<Bar> {
    let most = found.distribution.iter().map(|bin| bin.people).max().unwrap_or(1).max(1);
    let bar = |(nth, bin): (usize, &Bin)| {
        let height = bin.people * HEIGHT / most;
        Bar {
            x: nth * STEP,
            y: HEIGHT - height,
            height,
            people: bin.people,
            words: range(bin),
            class: class(found, bin),
        }
    };
    found.distribution.iter().enumerate().map(bar).collect()
}

fn class(found: &Statistics, bin: &Bin) -> &'static str {
    match found.limits {
        Some(limits) if bin.to.is_some_and(|to| to <= limits.fast) => "odd",
        Some(limits) if bin.from > limits.slow => "odd",
        _ => "usual",
    }
}

fn range(bin: &Bin) -> String {
    match bin.to {
        Some(to) => format!("{} to {}", time(&bin.from), time(&to)),
        None => format!("{} and more", time(&bin.from)),
    }
}

/// Seconds as `45 s`, `2 min 30 s`, `1 h 5 min`.
fn time(seconds: &i64) -> String {
    let parts = |large: i64, name: &str, small: i64, other: &str| match small {
        0 => format!("{large} {name}"),
        _ => format!("{large} {name} {small} {other}"),
    };
    match *seconds {
        s if s < 60 => format!("{s} s"),
        s if s < 3600 => parts(s / 60, "min", s % 60, "s"),
        s => parts(s / 3600, "h", s % 3600 / 60, "min"),
    }
}

fn flag_words(flag: &Flag) -> String {
    match flag {
        Flag::TooFast => "much faster than the others".into(),
        Flag::TooSlow => "much slower than the others".into(),
        Flag::SameNetwork(others) => format!("same network as {}", listed(others)),
        Flag::SameBrowser(others) => format!("same network and kind of browser as {}", listed(others)),
    }
}

fn listed(names: &[String]) -> String {
    const SHOWN: usize = 5;
    match names.len() {
        n if n > SHOWN => format!("{} and {} more", names[..SHOWN].join(", "), n - SHOWN),
        _ => names.join(", "),
    }
}

impl StatisticsPage {
    fn width(&self) -> usize {
        self.bars.len() * STEP
    }

    fn enough(&self) -> usize {
        ENOUGH
    }

    /// Each remarkable person's flags, in words.
    fn flagged(&self) -> Vec<(&Flagged, Vec<String>)> {
        self.found.flagged.iter().map(|one| (one, one.flags.iter().map(flag_words).collect())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::review::statistics::figures::Limits;

    #[test]
    fn times_are_told_in_two_units() {
        let said = [0, 59, 60, 61, 3599, 3600, 3660, 90_061].map(|s| time(&s));
        assert_eq!(
            said,
            ["0 s", "59 s", "1 min", "1 min 1 s", "59 min 59 s", "1 h", "1 h 1 min", "25 h 1 min"]
        );
    }

    #[test]
    fn strictness_is_what_was_asked_for_within_reason() {
        let asked = |fast: &str, slow: &str| Asked { fast: fast.into(), slow: slow.into() }.strictness();
        let of = |fast_percent, slow_tenths| Strictness { fast_percent, slow_tenths };
        assert_eq!(asked("50", "1.5"), of(50, 15));
        assert_eq!(asked(" 1 ", "0"), of(1, 0));
        for (fast, slow) in [("", ""), ("0", "-1"), ("100", "101"), ("x", "NaN")] {
            assert_eq!(asked(fast, slow), Strictness::default(), "{fast} {slow}");
        }
    }

    #[test]
    fn bars_are_as_high_as_their_people_and_odd_ones_stand_out() {
        let bin = |from, to, people| Bin { from, to, people };
        let found = Statistics {
            distribution: vec![bin(0, Some(10), 1), bin(10, Some(20), 4), bin(20, None, 2)],
            limits: Some(Limits { fast: 10, slow: 19 }),
            ..Statistics::default()
        };
        let told: Vec<_> = bars(&found).into_iter().map(|b| (b.x, b.y, b.height, b.class, b.words)).collect();
        assert_eq!(
            told,
            [
                (0, 75, 25, "odd", "0 s to 10 s".to_owned()),
                (10, 0, 100, "usual", "10 s to 20 s".to_owned()),
                (20, 50, 50, "odd", "20 s and more".to_owned()),
            ]
        );
        assert_eq!(bars(&Statistics::default()), []);
    }

    #[test]
    fn a_long_list_of_others_is_cut() {
        let names: Vec<String> = (1..=7).map(|n| n.to_string()).collect();
        assert_eq!(flag_words(&Flag::SameNetwork(names)), "same network as 1, 2, 3, 4, 5 and 2 more");
        assert_eq!(flag_words(&Flag::SameBrowser(vec!["a".into()])), "same network and kind of browser as a");
    }
}
