//! The way back of a compensation that a person wants to have back.
//!
//! A HIT that may exist leaves the list first. Who holds it may still hand it in, and is then paid, because the
//! recruiter would pay them anyway. The money is free only when nobody holds it any more.

use chrono::{DateTime, Duration, Utc};

use super::store::Compensation;
use super::walk::{Moved, SETTLING, Seen, look, offered};
use crate::recruiters::{Outcome, Recruiter};

/// A list at the recruiter may lag so much behind a HIT that has just left the list.
const QUIET: Duration = Duration::minutes(10);
/// How often it is looked at.
const AGAIN: Duration = Duration::minutes(1);

/// Why it does not come about.
fn why(it: &Compensation) -> String {
    let words = match it.submitted_after_all {
        true => "The worker handed in the study's own work after all, which is decided in Review.",
        false => "Withdrawn before the worker collected it.",
    };
    words.into()
}

pub(super) async fn step(recruiter: &dyn Recruiter, it: Compensation, now: DateTime<Utc>) -> Moved {
    let Some(hit) = it.hit_id.clone() else { return trace(recruiter, it, now).await };
    if let Outcome::NotNow(words) | Outcome::Unknown(words) = recruiter.expire(&hit).await {
        return Moved::Held(it, words);
    }
    let off = it.expires_at.map_or(now, |at| at.min(now));
    match look(recruiter, Compensation { expires_at: Some(off), ..it }, now).await {
        Seen::Nobody(it, unit) if !unit.live && now - off >= QUIET => {
            let words = why(&it);
            Moved::Over(it, words)
        }
        Seen::Nobody(it, _) => Moved::Rest(it, now + AGAIN),
        Seen::Otherwise(moved) => moved,
    }
}

/// Perhaps it was sent and the answer was lost, or a restored backup does not remember: it is looked for, and never
/// sent again.
async fn trace(recruiter: &dyn Recruiter, it: Compensation, now: DateTime<Utc>) -> Moved {
    let young = it.first_sent_at.is_some_and(|first| now - first < SETTLING);
    match recruiter.find_by_mark(&it.order_id.to_string()).await {
        Ok(Some(found)) => Moved::On(offered(it, found)),
        Ok(None) if young => Moved::Rest(it, now + AGAIN),
        Ok(None) => {
            let words = why(&it);
            Moved::Over(it, words)
        }
        Err(error) => Moved::Held(it, error.to_string()),
    }
}
