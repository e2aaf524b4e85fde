//! Trouble on demand: calls of a requester, an operation or everybody fail as they do with real services.
//!
//! The telling ones strike *after* the effect: the money has moved, and the caller does not learn of it.
//! An order strikes a number of calls or holds until it is lifted; every strike is written down, with the attempt
//! that the client says it was. One call meets at most one delay before, one delay after, one hiding and one end:
//! of each, the order given first. Throttles are asked before every other end.

mod store;
mod strike;

use std::time::Duration;

pub use store::{Call, Order, Strike, Target, lift, lift_all, order, orders, strike, strikes};
pub use strike::Struck;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// ServiceFault with status 500, and nothing was done.
    FailBefore,
    /// ServiceFault with status 500, and it was done.
    FailAfter,
    /// The connection closes without an answer, and nothing was done.
    DropBefore,
    /// The connection closes without an answer, and it was done.
    DropAfter,
    /// The connection is reset (TCP RST), and nothing was done.
    ResetBefore,
    /// The connection is reset (TCP RST), and it was done.
    ResetAfter,
    /// Status 503 with a page of HTML, as proxies send it, and nothing was done.
    HtmlBefore,
    /// Status 503 with a page of HTML, and it was done.
    HtmlAfter,
    /// AccessDeniedException, as for keys whose policy does not allow the operation, and nothing was done.
    Deny,
    /// RequestError, as for an AWS account that was never linked to a requester, and nothing was done.
    Unlink,
    /// ThrottlingException, and nothing was done.
    Throttle,
    /// ThrottlingException for what goes beyond so many calls a second (as many may come at once).
    ThrottleTo(u32),
    /// So many milliseconds pass before it is done.
    DelayBefore(u32),
    /// So many milliseconds pass after it was done, before the answer.
    DelayAfter(u32),
    /// Get and List calls do not show what came to be within so many seconds of the requester's time.
    Hide(u32),
}

/// The longest delay: two minutes, in milliseconds.
pub const LONGEST_DELAY: u32 = 120_000;
/// The most calls a second that a throttle lets pass.
pub const WIDEST_THROTTLE: u32 = 1000;
/// The longest hiding: thirty days, in seconds.
pub const LONGEST_HIDING: u32 = 2_592_000;

impl FaultKind {
    /// Its name, and its number if it has one.
    pub fn parts(self) -> (&'static str, Option<u32>) {
        match self {
            Self::FailBefore => ("fail_before", None),
            Self::FailAfter => ("fail_after", None),
            Self::DropBefore => ("drop_before", None),
            Self::DropAfter => ("drop_after", None),
            Self::ResetBefore => ("reset_before", None),
            Self::ResetAfter => ("reset_after", None),
            Self::HtmlBefore => ("html_before", None),
            Self::HtmlAfter => ("html_after", None),
            Self::Deny => ("deny", None),
            Self::Unlink => ("unlink", None),
            Self::Throttle => ("throttle", None),
            Self::ThrottleTo(calls) => ("throttle_to", Some(calls)),
            Self::DelayBefore(milliseconds) => ("delay_before", Some(milliseconds)),
            Self::DelayAfter(milliseconds) => ("delay_after", Some(milliseconds)),
            Self::Hide(seconds) => ("hide", Some(seconds)),
        }
    }

    /// The kind of this name and number; none when there is no such kind, its number is missing, out of bounds or
    /// not its own.
    pub fn from_parts(name: &str, number: Option<u32>) -> Option<Self> {
        let within = |most: u32| number.filter(|number| (1..=most).contains(number));
        let plain = |kind| number.is_none().then_some(kind);
        match name {
            "fail_before" => plain(Self::FailBefore),
            "fail_after" => plain(Self::FailAfter),
            "drop_before" => plain(Self::DropBefore),
            "drop_after" => plain(Self::DropAfter),
            "reset_before" => plain(Self::ResetBefore),
            "reset_after" => plain(Self::ResetAfter),
            "html_before" => plain(Self::HtmlBefore),
            "html_after" => plain(Self::HtmlAfter),
            "deny" => plain(Self::Deny),
            "unlink" => plain(Self::Unlink),
            "throttle" => plain(Self::Throttle),
            "throttle_to" => within(WIDEST_THROTTLE).map(Self::ThrottleTo),
            "delay_before" => within(LONGEST_DELAY).map(Self::DelayBefore),
            "delay_after" => within(LONGEST_DELAY).map(Self::DelayAfter),
            "hide" => within(LONGEST_HIDING).map(Self::Hide),
            _ => None,
        }
    }

    /// Whether the call is over before anything was done.
    fn ends_before(self) -> bool {
        matches!(
            self,
            Self::FailBefore
                | Self::DropBefore
                | Self::ResetBefore
                | Self::HtmlBefore
                | Self::Deny
                | Self::Unlink
                | Self::Throttle
                | Self::ThrottleTo(_)
        )
    }
}

/// A delay's milliseconds as a duration.
fn milliseconds(number: u32) -> Duration {
    Duration::from_millis(number.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_lead_back_to_the_kind() {
        for kind in [
            FaultKind::FailBefore,
            FaultKind::FailAfter,
            FaultKind::DropBefore,
            FaultKind::DropAfter,
            FaultKind::ResetBefore,
            FaultKind::ResetAfter,
            FaultKind::HtmlBefore,
            FaultKind::HtmlAfter,
            FaultKind::Deny,
            FaultKind::Unlink,
            FaultKind::Throttle,
            FaultKind::ThrottleTo(WIDEST_THROTTLE),
            FaultKind::DelayBefore(1),
            FaultKind::DelayAfter(LONGEST_DELAY),
            FaultKind::Hide(LONGEST_HIDING),
        ] {
            let (name, number) = kind.parts();
            assert_eq!(FaultKind::from_parts(name, number), Some(kind));
            let other = if number.is_some() { None } else { Some(1) };
            assert_eq!(FaultKind::from_parts(name, other), None, "{name}");
        }
        for (name, number) in [("hide", 0), ("hide", LONGEST_HIDING + 1), ("throttle_to", 1001), ("gone", 1)]
        {
            assert_eq!(FaultKind::from_parts(name, Some(number)), None, "{name} {number}");
        }
    }
}
