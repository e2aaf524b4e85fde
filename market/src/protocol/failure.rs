//! What a requester gets instead of an answer.

use std::ops::RangeInclusive;

use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::engine::Refusal;
use crate::engine::xml::XmlError;

/// An error answer, or none at all.
#[derive(Debug)]
pub(crate) enum Failure {
    /// An error in the protocol's shape.
    Answer(Answer),
    /// A page of HTML instead of the protocol.
    Page,
    /// The connection closes without an answer.
    Silence,
    /// The connection is reset.
    Reset,
}

/// An error in the protocol's shape.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// `__type`.
    pub(crate) kind: &'static str,
    pub(crate) message: String,
    /// `TurkErrorCode`.
    pub(crate) code: Option<&'static str>,
}

impl Failure {
    /// The requester's fault, in the protocol's own terms.
    pub(crate) fn client(kind: &'static str, message: impl Into<String>) -> Self {
        Self::answer(StatusCode::BAD_REQUEST, kind, message, None)
    }

    /// A value that breaks a rule of its domain.
    pub(crate) fn parameter(code: &'static str, message: impl Into<String>) -> Self {
        Self::answer(StatusCode::BAD_REQUEST, "ParameterValidationError", message, Some(code))
    }

    /// A whole number outside of its range.
    pub(crate) fn out_of_range(name: &str, value: i64, range: &RangeInclusive<i64>) -> Self {
        let (least, most) = (range.start(), range.end());
        let message =
            format!("The value {value} of {name} is out of range: it must be between {least} and {most}.");
        Self::parameter("AWS.ParameterOutOfRange", message)
    }

    /// A value that is not valid for the member.
    pub(crate) fn invalid(name: &str, value: &str) -> Self {
        let message = format!("The value \"{value}\" is not valid for the parameter {name}.");
        Self::parameter("AWS.MechanicalTurk.InvalidParameterValue", message)
    }

    /// The object is missing or its state forbids it.
    pub(crate) fn request(code: Option<&'static str>, message: impl Into<String>) -> Self {
        Self::answer(StatusCode::BAD_REQUEST, "RequestError", message, code)
    }

    /// Trouble on this side; repeating may help.
    pub(crate) fn service() -> Self {
        let message = "The service is temporarily unable to process your request.";
        let code = Some("AWS.ServiceUnavailable");
        Self::answer(StatusCode::INTERNAL_SERVER_ERROR, "ServiceFault", message, code)
    }

    /// Keys whose policy does not allow the operation. IAM calls the service by another name than signatures do.
    pub(crate) fn denied(operation: &str) -> Self {
        let who = "User: arn:aws:iam::000000000000:user/requester";
        let message = format!("{who} is not authorized to perform: mechanicalturk:{operation}");
        Self::client("AccessDeniedException", message)
    }

    /// Good keys of an AWS account that no requester was linked to.
    pub(crate) fn unlinked() -> Self {
        let message = "Your AWS account must be linked to your Amazon Mechanical Turk account.";
        Self::request(None, message)
    }

    /// Too many requests.
    pub(crate) fn throttled() -> Self {
        Self::client("ThrottlingException", "Rate exceeded")
    }

    fn answer(
        status: StatusCode,
        kind: &'static str,
        message: impl Into<String>,
        code: Option<&'static str>,
    ) -> Self {
        Self::Answer(Answer { status, kind, message: message.into(), code })
    }
}

impl Answer {
    /// The body. The real service ends its own messages with its epoch milliseconds.
    pub(crate) fn body(&self, now: DateTime<Utc>) -> Value {
        let stamped = matches!(self.kind, "RequestError" | "ParameterValidationError" | "ServiceFault");
        let message = if stamped {
            format!("{} ({} s)", self.message, now.timestamp_millis())
        } else {
            self.message.clone()
        };
        let mut body = json!({ "__type": self.kind, "Message": message });
        if let Some(code) = self.code {
            body["TurkErrorCode"] = code.into();
        }
        body
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "A marketplace request failed in the database"
        );
        Self::service()
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Database(error) => error.into(),
            Refusal::NoSuchWorker(worker_id) => Self::invalid("WorkerId", &worker_id),
            Refusal::InvalidTransportEndpoint(_) => {
                Self::parameter("AWS.MechanicalTurk.InvalidTransportEndpoint", refusal.to_string())
            }
            Refusal::NoNotification(_) => {
                Self::parameter("AWS.MechanicalTurk.InvalidParameterValue", refusal.to_string())
            }
            Refusal::Document(XmlError::Xml(_)) => {
                Self::parameter("AWS.MechanicalTurk.XMLParseError", refusal.to_string())
            }
            Refusal::Document(XmlError::Xhtml(_)) => {
                Self::parameter("AWS.MechanicalTurk.XHTMLParseError", refusal.to_string())
            }
            Refusal::NoTest => {
                Self::parameter("AWS.MechanicalTurk.InvalidParameterValue", refusal.to_string())
            }
            Refusal::TestExcludesGranting => {
                Self::client("InvalidParameterCombinationError", refusal.to_string())
            }
            Refusal::TooManyBlocks => Self::parameter("AWS.ParameterOutOfRange", refusal.to_string()),
            Refusal::TooManyAssignments => Self::parameter("AWS.ParameterOutOfRange", refusal.to_string()),
            other => Self::request(code(&other), other.to_string()),
        }
    }
}

fn code(refusal: &Refusal) -> Option<&'static str> {
    Some(match refusal {
        Refusal::NoSuchHit(_) => "AWS.MechanicalTurk.HITDoesNotExist",
        Refusal::NoSuchHitType(_) => "AWS.MechanicalTurk.HITTypeDoesNotExist",
        Refusal::NoSuchAssignment(_) => "AWS.MechanicalTurk.AssignmentDoesNotExist",
        Refusal::HitState { .. }
        | Refusal::UnreviewedWork(_)
        | Refusal::Accepted(_)
        | Refusal::TooFresh(_)
        | Refusal::Sooner => "AWS.MechanicalTurk.InvalidHITState",
        Refusal::AssignmentState(_) | Refusal::TooLateToOverride | Refusal::BonusWindow(_) => {
            "AWS.MechanicalTurk.InvalidAssignmentState"
        }
        Refusal::NoSuchQualificationType(_) => "AWS.MechanicalTurk.QualificationTypeDoesNotExist",
        Refusal::QualificationTypeExists => "AWS.MechanicalTurk.QualificationTypeAlreadyExists",
        Refusal::NoSuchQualification { .. } => "AWS.MechanicalTurk.QualificationDoesNotExist",
        Refusal::QualificationExists { .. } => "AWS.MechanicalTurk.QualificationAlreadyExists",
        Refusal::QualificationTypeState => "AWS.MechanicalTurk.InvalidQualificationTypeState",
        Refusal::QualificationState => "AWS.MechanicalTurk.InvalidQualificationState",
        Refusal::NoSuchQualificationRequest(_) => "AWS.MechanicalTurk.QualificationRequestDoesNotExist",
        Refusal::QualificationRequestState => "AWS.MechanicalTurk.InvalidQualificationRequestState",
        Refusal::InsufficientFunds => "AWS.MechanicalTurk.InsufficientFunds",
        Refusal::HitExists(_) => "AWS.MechanicalTurk.HITAlreadyExists",
        Refusal::NotTheirAssignment { .. } | Refusal::TokenForAnother(_) => {
            "AWS.MechanicalTurk.InvalidParameterValue"
        }
        Refusal::Wall => "AWS.MechanicalTurk.InvalidMaximumAssignmentsIncrease",
        // The code of a repeated token was never written down; clients go by the message.
        Refusal::TokenUsed(_)
        | Refusal::NoSuchWorker(_)
        | Refusal::TooManyBlocks
        | Refusal::NoNotification(_)
        | Refusal::Document(_)
        | Refusal::NoTest
        | Refusal::TestExcludesGranting
        | Refusal::InvalidTransportEndpoint(_)
        | Refusal::TooManyAssignments
        | Refusal::Database(_) => return None,
    })
}
