//! Trouble ordered against the requester's own calls.

use chrono::{DateTime, Utc};
use kernel::outbound::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{ControlError, Controls};

/// The operations that a fault can be ordered for: the requester protocol's.
pub const OPERATIONS: [&str; 39] = [
    "AcceptQualificationRequest",
    "ApproveAssignment",
    "AssociateQualificationWithWorker",
    "CreateAdditionalAssignmentsForHIT",
    "CreateHIT",
    "CreateHITType",
    "CreateHITWithHITType",
    "CreateQualificationType",
    "CreateWorkerBlock",
    "DeleteHIT",
    "DeleteQualificationType",
    "DeleteWorkerBlock",
    "DisassociateQualificationFromWorker",
    "GetAccountBalance",
    "GetAssignment",
    "GetFileUploadURL",
    "GetHIT",
    "GetQualificationScore",
    "GetQualificationType",
    "ListAssignmentsForHIT",
    "ListBonusPayments",
    "ListHITs",
    "ListHITsForQualificationType",
    "ListQualificationRequests",
    "ListQualificationTypes",
    "ListReviewPolicyResultsForHIT",
    "ListReviewableHITs",
    "ListWorkerBlocks",
    "ListWorkersWithQualificationType",
    "NotifyWorkers",
    "RejectAssignment",
    "RejectQualificationRequest",
    "SendBonus",
    "SendTestEventNotification",
    "UpdateExpirationForHIT",
    "UpdateHITReviewStatus",
    "UpdateHITTypeOfHIT",
    "UpdateNotificationSettings",
    "UpdateQualificationType",
];

/// What the number of a fault counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Calls that pass in a second.
    PerSecond,
    /// Of a delay.
    Milliseconds,
    /// Of the requester's time.
    Seconds,
}

impl Unit {
    /// The largest number that can be ordered.
    pub fn most(self) -> u32 {
        match self {
            Self::PerSecond => 1_000,
            Self::Milliseconds => 120_000,
            Self::Seconds => 2_592_000,
        }
    }

    /// The member of the order that holds the number.
    fn member(self) -> &'static str {
        match self {
            Self::PerSecond => "per_second",
            Self::Milliseconds => "milliseconds",
            Self::Seconds => "seconds",
        }
    }
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// Status 500, nothing done.
    FailBefore,
    /// Status 500, although it was done.
    FailAfter,
    /// No answer, nothing done.
    DropBefore,
    /// No answer, although it was done.
    DropAfter,
    /// The connection is reset, nothing done.
    ResetBefore,
    /// The connection is reset, although it was done.
    ResetAfter,
    /// Status 503 with HTML, nothing done.
    HtmlBefore,
    /// Status 503 with HTML, although it was done.
    HtmlAfter,
    /// The keys may not do it.
    Deny,
    /// The keys' account is no requester.
    Unlink,
    /// Throttled, nothing done.
    Throttle,
    /// Throttled beyond so many calls a second.
    ThrottleTo,
    /// Waits before it is done.
    DelayBefore,
    /// Waits after it was done.
    DelayAfter,
    /// What is new does not show.
    Hide,
}

impl FaultKind {
    /// All, what strikes after the effect beside what strikes before it.
    pub const ALL: [Self; 15] = [
        Self::FailAfter,
        Self::FailBefore,
        Self::DropAfter,
        Self::DropBefore,
        Self::ResetAfter,
        Self::ResetBefore,
        Self::HtmlAfter,
        Self::HtmlBefore,
        Self::Deny,
        Self::Unlink,
        Self::Throttle,
        Self::ThrottleTo,
        Self::DelayBefore,
        Self::DelayAfter,
        Self::Hide,
    ];

    /// As the controls name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::FailBefore => "fail_before",
            Self::FailAfter => "fail_after",
            Self::DropBefore => "drop_before",
            Self::DropAfter => "drop_after",
            Self::ResetBefore => "reset_before",
            Self::ResetAfter => "reset_after",
            Self::HtmlBefore => "html_before",
            Self::HtmlAfter => "html_after",
            Self::Deny => "deny",
            Self::Unlink => "unlink",
            Self::Throttle => "throttle",
            Self::ThrottleTo => "throttle_to",
            Self::DelayBefore => "delay_before",
            Self::DelayAfter => "delay_after",
            Self::Hide => "hide",
        }
    }

    /// The kind of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// What its number counts; none for a kind without one.
    pub fn unit(self) -> Option<Unit> {
        match self {
            Self::ThrottleTo => Some(Unit::PerSecond),
            Self::DelayBefore | Self::DelayAfter => Some(Unit::Milliseconds),
            Self::Hide => Some(Unit::Seconds),
            _ => None,
        }
    }
}

/// A fault to be ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFault {
    /// What goes wrong.
    pub kind: FaultKind,
    /// The number of a kind that has one.
    pub number: Option<u32>,
    /// Only this operation; every one when left out.
    pub operation: Option<String>,
    /// So many calls; until it is lifted when left out.
    pub times: Option<u32>,
}

impl NewFault {
    fn body(&self) -> Value {
        let mut body = json!({ "kind": self.kind.name() });
        if let (Some(unit), Some(number)) = (self.kind.unit(), self.number) {
            body[unit.member()] = number.into();
        }
        if let Some(operation) = &self.operation {
            body["operation"] = operation.as_str().into();
        }
        if let Some(times) = self.times {
            body["times"] = times.into();
        }
        body
    }
}

/// A fault that stands.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Fault {
    /// Names it.
    pub id: i64,
    /// See [`FaultKind::name`].
    pub kind: String,
    /// Only this operation.
    pub operation: Option<String>,
    /// When it was ordered, machine time, UTC.
    pub ordered_at: DateTime<Utc>,
    /// Calls that it will still strike; none until it is lifted.
    pub remaining: Option<i64>,
    /// Calls that it struck.
    pub struck: i64,
    per_second: Option<u32>,
    milliseconds: Option<u32>,
    seconds: Option<u32>,
}

impl Fault {
    /// The number of a kind that has one.
    pub fn number(&self) -> Option<u32> {
        self.per_second.or(self.milliseconds).or(self.seconds)
    }
}

#[derive(Deserialize)]
struct Standing {
    faults: Vec<Fault>,
}

#[derive(Deserialize)]
struct Lifted {
    lifted: usize,
}

impl Controls {
    /// The faults that stand, in the order they were given.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn faults(&self) -> Result<Vec<Fault>, ControlError> {
        let standing: Standing = self.ask(&["faults"]).await?;
        Ok(standing.faults)
    }

    /// Orders a fault.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn order(&self, new: &NewFault) -> Result<Fault, ControlError> {
        self.act(Method::POST, &["faults"], Some(new.body())).await
    }

    /// Lifts one fault.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn lift(&self, id: i64) -> Result<(), ControlError> {
        self.act(Method::DELETE, &["faults", &id.to_string()], None).await
    }

    /// Lifts all, and says how many there were.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn lift_all(&self) -> Result<usize, ControlError> {
        let lifted: Lifted = self.act(Method::DELETE, &["faults"], None).await?;
        Ok(lifted.lifted)
    }
}
