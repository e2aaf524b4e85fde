//! Which of the orders strike one call. Pure: the rows are read before and written after.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{FaultKind, milliseconds};

/// What meets one call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Struck {
    /// Before it is done.
    pub delay_before: Duration,
    /// After it was done.
    pub delay_after: Duration,
    /// Seconds for which new things stay unseen.
    pub hide: Option<u32>,
    /// How it ends instead of with its answer.
    pub end: Option<FaultKind>,
}

/// A throttle's bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bucket {
    /// Calls that may pass at once.
    pub tokens: f64,
    /// Machine time of that.
    pub filled_at: DateTime<Utc>,
}

/// An order as it stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Standing {
    pub seq: i64,
    pub kind: FaultKind,
    pub bucket: Option<Bucket>,
}

/// What strikes, and what changes by it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Verdict {
    pub struck: Struck,
    /// The orders that strike.
    pub by: Vec<i64>,
    /// The throttles that were asked, with what they have left.
    pub buckets: Vec<(i64, Bucket)>,
}

/// Decides one call of `operation` at the machine's time `real`. `orders` are in the order in which they were given.
pub(super) fn decide(orders: &[Standing], operation: &str, real: DateTime<Utc>) -> Verdict {
    let mut verdict = Verdict::default();
    for order in orders {
        verdict.ask_throttle(order, real);
    }
    for order in orders {
        verdict.end_by(order);
    }
    for order in orders {
        verdict.slow_or_hide(order, looks(operation));
    }
    verdict
}

/// Whether the operation shows things that may stay unseen.
fn looks(operation: &str) -> bool {
    operation != "GetAccountBalance" && (operation.starts_with("Get") || operation.starts_with("List"))
}

impl Verdict {
    /// Every throttle counts the call; the first that has nothing left ends it.
    fn ask_throttle(&mut self, order: &Standing, real: DateTime<Utc>) {
        let FaultKind::ThrottleTo(calls) = order.kind else { return };
        let mut bucket = filled(order.bucket, calls.into(), real);
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
        } else if self.struck.end.is_none() {
            self.end(order);
        }
        self.buckets.push((order.seq, bucket));
    }

    fn end_by(&mut self, order: &Standing) {
        let ends = !matches!(
            order.kind,
            FaultKind::ThrottleTo(_)
                | FaultKind::DelayBefore(_)
                | FaultKind::DelayAfter(_)
                | FaultKind::Hide(_)
        );
        if ends && self.struck.end.is_none() {
            self.end(order);
        }
    }

    fn end(&mut self, order: &Standing) {
        self.struck.end = Some(order.kind);
        self.by.push(order.seq);
    }

    /// What happens beside the end; nothing comes after a call that was over before anything was done.
    fn slow_or_hide(&mut self, order: &Standing, looks: bool) {
        let done = !self.struck.end.is_some_and(FaultKind::ends_before);
        match order.kind {
            FaultKind::DelayBefore(number) if self.struck.delay_before.is_zero() => {
                self.struck.delay_before = milliseconds(number);
            }
            FaultKind::DelayAfter(number) if done && self.struck.delay_after.is_zero() => {
                self.struck.delay_after = milliseconds(number);
            }
            FaultKind::Hide(seconds) if done && looks && self.struck.hide.is_none() => {
                self.struck.hide = Some(seconds);
            }
            _ => return,
        }
        self.by.push(order.seq);
    }
}

/// The bucket as it is now: full at first, and a second fills it.
fn filled(bucket: Option<Bucket>, calls: f64, real: DateTime<Utc>) -> Bucket {
    let tokens = bucket.map_or(calls, |bucket| {
        let seconds = (real - bucket.filled_at).as_seconds_f64().max(0.0);
        (bucket.tokens + seconds * calls).min(calls)
    });
    Bucket { tokens, filled_at: real }
}

#[cfg(test)]
mod tests {
    use chrono::Duration as Span;

    use super::*;

    fn start() -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000, 0).unwrap()
    }

    fn orders(kinds: &[FaultKind]) -> Vec<Standing> {
        (1..).zip(kinds).map(|(seq, kind)| Standing { seq, kind: *kind, bucket: None }).collect()
    }

    fn verdict(kinds: &[FaultKind], operation: &str) -> Verdict {
        decide(&orders(kinds), operation, start())
    }

    #[test]
    fn of_several_ends_the_first_strikes_and_the_others_wait() {
        let verdict = verdict(&[FaultKind::HtmlAfter, FaultKind::FailBefore], "SendBonus");
        assert_eq!(verdict.struck.end, Some(FaultKind::HtmlAfter));
        assert_eq!(verdict.by, [1]);
    }

    #[test]
    fn delays_come_beside_an_end_unless_it_was_over_before() {
        let delays = [FaultKind::DelayAfter(20), FaultKind::DelayBefore(10), FaultKind::DelayBefore(99)];
        let after = verdict(&[&[FaultKind::FailAfter][..], &delays].concat(), "SendBonus");
        assert_eq!(
            (after.struck.delay_before, after.struck.delay_after),
            (milliseconds(10), milliseconds(20))
        );
        assert_eq!(after.by, [1, 2, 3]);
        let before = verdict(&[&[FaultKind::FailBefore][..], &delays].concat(), "SendBonus");
        assert_eq!(
            (before.struck.delay_before, before.struck.delay_after),
            (milliseconds(10), Duration::ZERO)
        );
        assert_eq!(before.by, [1, 3]);
    }

    #[test]
    fn hiding_concerns_only_calls_that_look() {
        for (operation, hidden) in
            [("ListHITs", true), ("GetAssignment", true), ("SendBonus", false), ("GetAccountBalance", false)]
        {
            let verdict = verdict(&[FaultKind::Hide(60)], operation);
            assert_eq!(verdict.struck.hide.is_some(), hidden, "{operation}");
            assert_eq!(verdict.by.is_empty(), !hidden, "{operation}");
        }
    }

    #[test]
    fn a_throttle_lets_as_many_pass_as_it_says_and_fills_with_time() {
        let mut order = Standing { seq: 1, kind: FaultKind::ThrottleTo(2), bucket: None };
        let mut pass = |milliseconds: i64| {
            let verdict = decide(&[order], "ListHITs", start() + Span::milliseconds(milliseconds));
            order.bucket = Some(verdict.buckets[0].1);
            assert_eq!(verdict.by.is_empty(), verdict.struck.end.is_none());
            verdict.struck.end.is_none()
        };
        let passed: Vec<_> = [0, 0, 0, 400, 500, 999, 1000, 9000, 9000, 9000].map(&mut pass).into();
        assert_eq!(passed, [true, true, false, false, true, false, true, true, true, false]);
    }

    #[test]
    fn a_throttled_call_uses_up_nothing_else() {
        let mut orders = orders(&[FaultKind::FailAfter, FaultKind::ThrottleTo(1)]);
        orders[1].bucket = Some(Bucket { tokens: 0.0, filled_at: start() });
        let verdict = decide(&orders, "SendBonus", start());
        assert_eq!(verdict.struck.end, Some(FaultKind::ThrottleTo(1)));
        assert_eq!(verdict.by, [2]);
    }
}
