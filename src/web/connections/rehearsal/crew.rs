//! How far the people of a run came, drawn. Pure.

use std::collections::BTreeMap;

use super::words;
use crate::recruiters::mturk::rehearsal::{Behaviour, Report};
use crate::web::studies::bar::Bar;

/// The stages of a visit, its ends first, and the colours of their parts.
const STAGES: [(&str, &str); 9] = [
    ("submitted", "part-paid"),
    ("returned", "part-returned"),
    ("left", "part-left"),
    ("failed", "part-rejected"),
    ("finished", "part-submitted"),
    ("opened", "part-finished"),
    ("accepted", "part-working"),
    ("signed_in", "part-looking"),
    ("waiting", "part-open"),
];

/// The bars of a run.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Crew {
    /// Everybody.
    pub all: Bar,
    /// By what they are meant to do; empty when everybody is meant to do the same.
    pub kinds: Vec<Kind>,
}

/// Those who are meant to do the same.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kind {
    pub words: &'static str,
    pub people: i64,
    /// As long as there are many of them.
    pub bar: Bar,
}

type Counts<'a> = BTreeMap<&'a str, i64>;

impl Crew {
    pub(super) fn of(report: &Report) -> Self {
        let mut all = Counts::new();
        let mut kinds: BTreeMap<&str, Counts<'_>> = BTreeMap::new();
        for bot in &report.bots {
            *all.entry(&bot.stage).or_default() += 1;
            *kinds.entry(&bot.behaviour).or_default().entry(&bot.stage).or_default() += 1;
        }
        let most = kinds.values().map(|counts| counts.values().sum()).max().unwrap_or(0);
        let known = Behaviour::ALL.iter().filter_map(|one| Some((one, kinds.get(one.name())?)));
        let kinds: Vec<_> = known.map(|(one, counts)| Kind::new(one, counts, most)).collect();
        let people = all.values().sum();
        Self { all: bar(&all, people), kinds: if kinds.len() > 1 { kinds } else { Vec::new() } }
    }
}

impl Kind {
    fn new(behaviour: &Behaviour, counts: &Counts<'_>, most: i64) -> Self {
        let people = counts.values().sum();
        Self { words: words::behaviour(behaviour), people, bar: bar(counts, most) }
    }
}

/// A bar of these counts in which `whole` people would fill the width.
fn bar(counts: &Counts<'_>, whole: i64) -> Bar {
    let present: Vec<_> = STAGES
        .into_iter()
        .filter_map(|(stage, class)| {
            let count = *counts.get(stage)?;
            Some((class, words::stage(stage), count, count.to_string()))
        })
        .collect();
    let told: Vec<_> = present.iter().map(|(_, label, count, _)| format!("{count} {label}")).collect();
    Bar::new(told.join(", "), &present, whole)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn report(bots: &[(&str, &str)]) -> Report {
        let bots: Vec<_> = bots
            .iter()
            .enumerate()
            .map(|(n, (behaviour, stage))| {
                json!({ "number": n + 1, "behaviour": behaviour, "stage": stage, "problem": null, "problem_page": null })
            })
            .collect();
        let run = json!({ "run_id": "R", "state": "running", "started_at": "2026-11-21T15:00:00Z",
            "plan": { "workers": bots.len() } });
        serde_json::from_value(json!({ "run": run, "unfilled_pages": [], "bots": bots })).unwrap()
    }

    #[test]
    fn everybody_is_in_the_bar_at_their_stage() {
        let crew = Crew::of(&report(&[
            ("complete", "opened"),
            ("complete", "submitted"),
            ("complete", "waiting"),
            ("complete", "submitted"),
        ]));
        assert_eq!(crew.all.words, "2 submitted, 1 playing, 1 not there yet");
        let parts: Vec<_> = crew.all.present().map(|part| (part.class, part.x, part.width)).collect();
        assert_eq!(parts, [("part-paid", 0, 500), ("part-finished", 500, 250), ("part-open", 750, 250)]);
        assert!(crew.kinds.is_empty(), "one kind of people is the whole bar again");
    }

    #[test]
    fn each_kind_of_people_has_a_bar_as_long_as_there_are_many() {
        let crew = Crew::of(&report(&[
            ("return", "returned"),
            ("complete", "submitted"),
            ("complete", "submitted"),
            ("complete", "failed"),
            ("complete", "signed_in"),
        ]));
        let kinds: Vec<_> = crew.kinds.iter().map(|kind| (kind.words, kind.people)).collect();
        assert_eq!(kinds, [("Do everything right", 4), ("Give the work back", 1)]);
        let widths = |n: usize| crew.kinds[n].bar.present().map(|part| part.width).sum::<i64>();
        assert_eq!((widths(0), widths(1)), (1000, 250));
    }

    #[test]
    fn every_stage_has_a_colour_of_its_own() {
        let css = include_str!("../../../../static/studies.css");
        for (stage, class) in STAGES {
            assert!(css.contains(&format!(".{class} {{ fill:")), "{stage}");
            assert_eq!(STAGES.iter().filter(|(_, other)| *other == class).count(), 1, "{class}");
        }
    }
}
