//! The fault harness: the real program in two processes, real Postgres behind a line that can be cut, the
//! marketplace with its journal, and an oTree that remembers who came. Random schedules by seed, and each fault of
//! the list by name.
//!
//! | part | one idea |
//! | --- | --- |
//! | `rig` | everything that runs, and time that can be put forward |
//! | `replica`, `proxy` | one process that can be killed or stopped; its line to Postgres |
//! | `show` | one study and its people, over HTTP |
//! | `families`, `schedule` | what goes wrong, and one seed of it |
//! | `checker` | three histories compared for the promises |
//! | `scenarios` | one test for each fault of the list |
//!
//! `FAULT_SEEDS` says how many seeds of each family run, `FAULT_SEED` which is the first, `FAULT_FAMILY` which
//! family alone. A seed decides what is tried in which order; how two processes get into each other's way is up to
//! the machine, so a failing seed may need several runs to fail again.

mod checker;
mod families;
mod proxy;
mod replica;
mod rig;
mod scenarios;
mod schedule;
mod show;

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use families::Family;
use futures_util::FutureExt;
use rig::Rig;
use schedule::Counts;

/// A rig's database is not for ever: after so many seeds another one is started.
const SEEDS_IN_A_RIG: u64 = 16;
/// After so many failures a family stops.
const ENOUGH: usize = 5;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Runs a family's seeds and tells what happened in them.
async fn run(family: Family) {
    if std::env::var("FAULT_FAMILY").is_ok_and(|wanted| wanted != family.name()) {
        return;
    }
    let (first, count) = (number("FAULT_SEED", 1), number("FAULT_SEEDS", 3));
    let seeds: Vec<u64> = (first..first + count).collect();
    let (counts, failures) = try_all(family, &seeds).await;
    println!("{}: {} seeds, {} failed; {counts:?}", family.name(), seeds.len(), failures.len());
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    let happened = |what: &str| counts.get(what).copied().unwrap_or(0);
    assert!(count < 20 || happened("bonuses") > 0, "nobody was paid: this proves nothing");
}

async fn try_all(family: Family, seeds: &[u64]) -> (Counts, Vec<String>) {
    let (mut counts, mut failures, mut rig) = (Counts::new(), Vec::new(), None);
    for (number, seed) in (0..).zip(seeds) {
        let started = Instant::now();
        let ready = match rig.take() {
            Some(rig) if number % SEEDS_IN_A_RIG != 0 => rig,
            _ => Rig::start().await,
        };
        let wrong =
            match AssertUnwindSafe(schedule::run(ready, family, *seed, &mut counts)).catch_unwind().await {
                Ok(report) if report.wrong.is_empty() => {
                    rig = Some(report.rig);
                    String::new()
                }
                Ok(report) => {
                    format!(
                        "{}\n--\n{}\n--\n{}",
                        report.wrong.join("\n"),
                        report.trace.join("\n"),
                        report.rig.logs()
                    )
                }
                Err(panic) => panic
                    .downcast_ref::<String>()
                    .cloned()
                    .or_else(|| panic.downcast_ref::<&str>().map(|words| (*words).to_owned()))
                    .unwrap_or("panicked".into()),
            };
        println!("{} {seed}: {} ms", family.name(), started.elapsed().as_millis());
        if !wrong.is_empty() {
            let again = format!("./dev faults --family {} --seed {seed} --seeds 1", family.name());
            println!("FAILED {} {seed}: {wrong}\nAgain: {again}", family.name());
            failures.push(format!("{again}\n{wrong}"));
        }
        if failures.len() >= ENOUGH {
            break;
        }
    }
    (counts, failures)
}

macro_rules! families {
    ($($test:ident: $family:ident),+ $(,)?) => {
        mod seeds {
            use super::{Family, run};
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    run(Family::$family).await;
                }
            )+
        }
    };
}

families! {
    clicks: Clicks,
    answers: Answers,
    crashes: Crashes,
    pauses: Pauses,
    database: Database,
    clocks: Clocks,
    otree: Otree,
    backups: Backups,
    everything: Everything,
}

/// Seeds that once failed; each line of the file names the family and the seed, and why.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn seeds_that_once_failed_do_not_fail_again() {
    let lines = include_str!("failed.txt").lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    for line in lines {
        let mut words = line.split_whitespace();
        let family: Family = words.next().unwrap().parse().unwrap();
        let seed: u64 = words.next().unwrap().parse().unwrap();
        let (_, failures) = try_all(family, &[seed]).await;
        assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    }
}
