//! The faults of the list, each by its number. `docs/PROMISES.md` has the table.

mod answers;
mod people;
mod places;
mod processes;
mod recruiter;

use market::journal::Effect;

use super::checker;
use super::show::Show;

/// The decision that most scenarios are about.
const PAY: &str = "approve_with_bonus";

/// How often the marketplace saw this.
async fn count(show: &Show, effect: Effect) -> usize {
    show.rig.journal(&show.requester).await.iter().filter(|entry| entry.effect == effect).count()
}

/// Waits until nothing is under way, and holds the three histories against each other.
async fn settled(show: &mut Show) {
    show.rig.calm().await;
    let calm =
        show.rig.until(chrono::Duration::seconds(45), 200, async || checker::is_quiet(show).await).await;
    assert!(calm, "{}\n{}\n{}", checker::unquiet(show).await, show.trace.join("\n"), show.rig.logs());
    let wrong = checker::at_rest(show).await;
    assert!(wrong.is_empty(), "{}\n{}\n{}", wrong.join("\n"), show.trace.join("\n"), show.rig.logs());
}

/// Waits until all the trouble that was ordered has struck: what did not happen proves nothing.
async fn struck(show: &Show) {
    let spent = async || {
        let left = "SELECT count(*) FROM market.fault WHERE remaining > 0 AND kind NOT LIKE 'hide%'";
        let left: i64 = sqlx::query_scalar(left).fetch_one(show.rig.market.pool()).await.unwrap();
        left == 0 && show.rig.front.is_clear()
    };
    assert!(show.rig.until(chrono::Duration::seconds(20), 200, spent).await, "the trouble did not come");
}

/// So many people are approved with their bonus, once each.
async fn paid(show: &mut Show, people: usize) {
    settled(show).await;
    assert_eq!(count(show, Effect::Approved).await, people);
    assert_eq!(count(show, Effect::BonusSent).await, people);
    let paid = "SELECT bool_and(stage = 'paid') FROM participation WHERE study_id = $1";
    show.rig.until_sql(show.study.0, paid).await;
}
