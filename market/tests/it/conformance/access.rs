//! What every operation answers to whom it does not let in, and when the service is in trouble.

use market::faults::FaultKind;

use super::case::Refusal;

#[derive(Debug, Clone, Copy)]
pub(super) struct Trouble {
    pub(super) situation: &'static str,
    pub(super) how: How,
    pub(super) refusal: Refusal,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    UnknownKey,
    WrongSecret,
    OtherRegion,
    Unsigned,
    /// The request's time is long past for the server.
    Late,
    /// The request's time is still to come for the server.
    Early,
    Fault(FaultKind),
}

const fn refusal(kind: &'static str, code: &'static str, says: &'static str) -> Refusal {
    Refusal { kind, code, says }
}

pub(super) const ALL: [Trouble; 10] = [
    Trouble {
        situation: "no signature",
        how: How::Unsigned,
        refusal: refusal("MissingAuthenticationTokenException", "", "Missing Authentication Token"),
    },
    Trouble {
        situation: "an unknown access key",
        how: How::UnknownKey,
        refusal: refusal(
            "UnrecognizedClientException",
            "",
            "The security token included in the request is invalid.",
        ),
    },
    Trouble {
        situation: "a wrong secret",
        how: How::WrongSecret,
        refusal: refusal(
            "InvalidSignatureException",
            "",
            "The request signature we calculated does not match*",
        ),
    },
    Trouble {
        situation: "signed for another region",
        how: How::OtherRegion,
        refusal: refusal("InvalidSignatureException", "", "Credential should be scoped to a valid region*"),
    },
    Trouble {
        situation: "signed an hour ago",
        how: How::Late,
        refusal: refusal("InvalidSignatureException", "", "Signature expired: * is now earlier than *"),
    },
    Trouble {
        situation: "signed an hour ahead",
        how: How::Early,
        refusal: refusal(
            "InvalidSignatureException",
            "",
            "Signature not yet current: * is still later than *",
        ),
    },
    Trouble {
        situation: "keys that may not do this",
        how: How::Fault(FaultKind::Deny),
        refusal: refusal(
            "AccessDeniedException",
            "",
            "User: * is not authorized to perform: mechanicalturk:*",
        ),
    },
    Trouble {
        situation: "keys of an account that is no requester",
        how: How::Fault(FaultKind::Unlink),
        refusal: refusal(
            "RequestError",
            "",
            "Your AWS account must be linked to your Amazon Mechanical Turk account.*",
        ),
    },
    Trouble {
        situation: "too many calls",
        how: How::Fault(FaultKind::Throttle),
        refusal: refusal("ThrottlingException", "", "Rate exceeded"),
    },
    Trouble {
        situation: "trouble at the service",
        how: How::Fault(FaultKind::FailBefore),
        refusal: refusal("ServiceFault", "AWS.ServiceUnavailable", "*temporarily unable*"),
    },
];
