//! `./dev bench`: the query plans of what people wait for in a large marketplace, and how its times compare with a
//! small one's in the same run. Nothing fails here; the suite's test `plans` holds the plans to their indexes.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a measurement that cannot go on ends here")]

#[path = "../tests/it/harness.rs"]
#[expect(dead_code, reason = "what only the tests need")]
mod harness;
#[path = "../tests/it/load.rs"]
#[expect(dead_code, reason = "what only the tests need")]
mod load;

use std::time::{Duration, Instant};

use load::{Loaded, QUESTIONS, Question, Size};

/// Large enough that both answer with whole pages.
const SMALL: Size = Size { hits: 1_000, open: 200 };
const LARGE: Size = Size { hits: 10_000, open: 2_000 };
const TIMES: usize = 30;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (small, large) = (Loaded::open(SMALL).await, Loaded::open(LARGE).await);
    println!("small: {SMALL:?}; large: {LARGE:?}; nine places and five submitted assignments for each HIT\n");
    println!("{:<24} {:>10} {:>10} {:>7}", "median of 30", "small", "large", "ratio");
    for question in QUESTIONS {
        let (one, two) = (median(&small, question).await, median(&large, question).await);
        let ratio = two.as_secs_f64() / one.as_secs_f64();
        println!("{:<24} {one:>10.1?} {two:>10.1?} {ratio:>7.1}", format!("{question:?}"));
    }
    large.tell_plans().await;
    for question in QUESTIONS {
        println!("\n== {question:?}");
        // The driver's own look at the types of Postgres is none of ours.
        for plan in large.plans(question).await.iter().filter(|plan| !plan.contains("pg_catalog.pg_type")) {
            println!("{plan}\n");
        }
    }
}

async fn median(market: &Loaded, question: Question) -> Duration {
    let mut times = Vec::new();
    for _ in 0..TIMES {
        let start = Instant::now();
        market.ask(question).await;
        times.push(start.elapsed());
    }
    times.sort_unstable();
    times[TIMES / 2]
}
