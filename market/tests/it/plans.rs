//! Queries that people wait for read no large table from end to end, whatever a market's past, and are not compiled.

use crate::load::{LARGE, Loaded, QUESTIONS, Size};

/// What the planner chooses by itself: sequential scans are not forbidden to it.
#[tokio::test]
async fn no_query_that_people_wait_for_reads_a_large_table_through() {
    let market = Loaded::open(Size { hits: 4000, open: 200 }).await;
    market.tell_plans().await;
    for question in QUESTIONS {
        for plan in market.plans(question).await {
            for table in LARGE {
                let read_through = plan.contains(&format!("Seq Scan on {table} "));
                assert!(!read_through, "{question:?} reads {table} through:\n{plan}");
            }
            assert!(discarded(&plan) < 2000, "{question:?} looks at half of the HITs in vain:\n{plan}");
            assert!(!plan.contains("JIT:"), "{question:?} is thought so long that it is compiled:\n{plan}");
        }
    }
}

/// The most rows that one step of the plan read and threw away.
fn discarded(plan: &str) -> u64 {
    let counts = plan.lines().filter_map(|line| line.trim().strip_prefix("Rows Removed by Filter: "));
    counts.filter_map(|count| count.parse().ok()).max().unwrap_or(0)
}
