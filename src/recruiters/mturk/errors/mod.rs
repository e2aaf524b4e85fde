//! What a failed call means: done already, refused, certainly not done, or unknown.
//!
//! The order of the questions matters. A repeated token is recognised first, because taking a paid
//! bonus for a refused one would invite a second payment. Then the service's own code, then the
//! stable part of its message, then the names that the SDK's model does not know. What is left is
//! unknown whenever the request may have reached the service.

#[cfg(test)]
mod tests;

use aws_sdk_mturk::config::http::HttpResponse;
use aws_sdk_mturk::error::SdkError;

use crate::recruiters::{AskError, Outcome, Refusal, RefusalKind};

/// What a failed call means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It happened earlier under the same token; the HIT's id when the text names one.
    Already(Option<String>),
    /// A definite no.
    No(Refusal),
    /// Certainly not done; later perhaps.
    NotNow(String),
    /// Nobody knows.
    Unknown(String),
}

impl Verdict {
    /// For calls that return nothing: a repeated token is success.
    pub(super) fn into_outcome(self) -> Outcome<()> {
        match self {
            Self::Already(_) => Outcome::Done(()),
            Self::No(refusal) => Outcome::Refused(refusal),
            Self::NotNow(words) => Outcome::NotNow(words),
            Self::Unknown(words) => Outcome::Unknown(words),
        }
    }

    /// For questions: everything that is not a definite no is "later perhaps".
    pub(super) fn into_ask_error(self) -> AskError {
        match self {
            Self::No(refusal) => AskError::Refused(refusal),
            Self::NotNow(words) | Self::Unknown(words) => AskError::Unavailable(words),
            Self::Already(_) => AskError::Unavailable(UNREADABLE.into()),
        }
    }
}

/// An error answer, as far as it can be read.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    /// The HTTP status.
    pub(super) status: u16,
    /// The exception's name without its namespace; empty when there is none.
    pub(super) name: String,
    /// TurkErrorCode without its prefix; empty when there is none.
    pub(super) code: String,
    /// The message without the service's trailing time stamp.
    pub(super) message: String,
}

pub(super) const UNREADABLE: &str = "The recruiter's answer could not be read.";
const NO_ANSWER: &str = "The recruiter did not answer in time, or the line broke.";
const UNREACHABLE: &str = "The recruiter's server cannot be reached.";
const TROUBLE: &str = "The recruiter reports trouble on its side.";
const THROTTLED: &str = "The recruiter asks us to slow down.";

/// Sorts what the SDK says went wrong.
pub(super) fn verdict<E>(error: &SdkError<E, HttpResponse>) -> Verdict
where
    E: std::error::Error + 'static,
{
    match error {
        SdkError::ConstructionFailure(_) => Verdict::NotNow("The request could not be prepared.".into()),
        SdkError::DispatchFailure(_) if never_connected(error) => Verdict::NotNow(UNREACHABLE.into()),
        _ => match error.raw_response() {
            Some(response) => sort(&read(response)),
            None => Verdict::Unknown(NO_ANSWER.into()),
        },
    }
}

/// Whether the connection never came about, so that the service cannot have seen the request.
fn never_connected(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |e| e.source())
        .filter_map(|e| e.downcast_ref::<hyper_util::client::legacy::Error>())
        .any(hyper_util::client::legacy::Error::is_connect)
}

fn read(response: &HttpResponse) -> Answer {
    let body = response.body().bytes().unwrap_or_default();
    let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |names: &[&str]| names.iter().find_map(|name| body[name].as_str()).unwrap_or_default();
    let name = response.headers().get("x-amzn-errortype").unwrap_or_else(|| text(&["__type", "code"]));
    let code = text(&["TurkErrorCode"]);
    Answer {
        status: response.status().as_u16(),
        name: name.split(':').next().and_then(|n| n.rsplit('#').next()).unwrap_or_default().to_owned(),
        code: code.strip_prefix("AWS.").map_or(code, |c| c.trim_start_matches("MechanicalTurk.")).to_owned(),
        message: without_stamp(text(&["Message", "message"])).to_owned(),
    }
}

/// Cuts the "(1700000000000)" or "(1700000000000 s)" that the service appends.
fn without_stamp(message: &str) -> &str {
    let message = message.trim_end();
    let Some((head, stamp)) = message.strip_suffix(')').and_then(|m| m.rsplit_once('(')) else {
        return message;
    };
    let stamp = stamp.trim_end_matches([' ', 's']);
    let is_stamp = stamp.len() >= 10 && stamp.bytes().all(|b| b.is_ascii_digit());
    if is_stamp { head.trim_end() } else { message }
}

/// The rules, in the order in which they are asked.
pub(super) fn sort(answer: &Answer) -> Verdict {
    if let Some(id) = repeated_token(&answer.message) {
        return Verdict::Already(id);
    }
    if is_throttling(answer) {
        return Verdict::NotNow(THROTTLED.into());
    }
    if answer.status >= 500 || is_trouble(answer) {
        return Verdict::Unknown(TROUBLE.into());
    }
    if !(400..500).contains(&answer.status) || (answer.name.is_empty() && answer.code.is_empty()) {
        return Verdict::Unknown(UNREADABLE.into());
    }
    by_code(answer).or_else(|| by_message(answer)).or_else(|| by_name(answer)).map_or_else(
        || refuse(RefusalKind::Invalid, &not_accepted(&answer.message)),
        |(kind, words)| refuse(kind, &words),
    )
}

fn refuse(kind: RefusalKind, words: &str) -> Verdict {
    Verdict::No(Refusal { kind, words: words.to_owned() })
}

/// `Some` when the text says that this token did its work before.
///
/// Source: Dallinger issue 3109 quotes the first sentence (bonus, added places and expiry); Dallinger's
/// and other clients' code recover the HIT from the second.
fn repeated_token(message: &str) -> Option<Option<String>> {
    if message.starts_with("The idempotency token") && message.contains("has already been processed") {
        return Some(None);
    }
    let rest = message.strip_prefix("The HIT with ID")?;
    rest.contains("already exists").then(|| rest.split('"').nth(1).map(str::to_owned))
}

/// Source: `ThrottlingException` "Rate exceeded" in allenai/amti issue 12; the other names are the
/// SDK's own list of throttling errors. All are sent before the request is looked at.
fn is_throttling(answer: &Answer) -> bool {
    const NAMES: [&str; 7] = [
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestLimitExceeded",
        "TooManyRequestsException",
    ];
    answer.status == 429 || NAMES.contains(&answer.name.as_str()) || answer.message == "Rate exceeded"
}

/// Source: ServiceFault is in the service model; AWS.ServiceUnavailable in its error reference; the
/// rest are common errors of AWS front ends. The request may have been carried out.
fn is_trouble(answer: &Answer) -> bool {
    const NAMES: [&str; 6] = [
        "ServiceFault",
        "InternalFailure",
        "InternalServerError",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "RequestTimeout",
    ];
    NAMES.contains(&answer.name.as_str()) || answer.code == "ServiceUnavailable" || answer.status == 408
}

type Sorted = Option<(RefusalKind, String)>;

const FUNDS: &str =
    "The account at the recruiter has too little money for this. Add funds there, then try again.";
const NOT_ALLOWED: &str = "These keys are not authorised for this. Attach the policy \
    AmazonMechanicalTurkFullAccess to their user, or use other keys.";
const NOT_LINKED: &str = "This AWS account is not linked to a requester account in this environment. \
    Link it on the requester site's developer page.";

/// Source: the error table of the requester API reference (codes), compared without case because the
/// reference itself writes both HITAlreadyExists and HitAlreadyExists.
fn by_code(answer: &Answer) -> Sorted {
    let code = answer.code.to_ascii_lowercase();
    let sorted = match code.as_str() {
        "insufficientfunds" => (RefusalKind::Funds, FUNDS.into()),
        "permissiondeniedexception" | "notauthorized" => (RefusalKind::Credentials, NOT_ALLOWED.into()),
        // A worker who accepted but has not submitted: the state is called null (psiTurk issue 424).
        "invalidassignmentstate" if answer.message.contains("status of: null") => missing(answer),
        "hitalreadypassedreview" | "hittoooldforextension" => state(answer),
        code if code.ends_with("doesnotexist") => missing(answer),
        code if code.starts_with("invalid") && code.ends_with("state") => state(answer),
        code if code.ends_with("alreadyexists") => state(answer),
        "xmlparseerror" | "xhtmlparseerror" => (
            RefusalKind::Invalid,
            format!("The recruiter cannot read the page as it was written: {}", scrub(&answer.message)),
        ),
        "invalidparametervalue"
        | "parameteroutofrange"
        | "invalidmaximumassignmentsincrease"
        | "exceedsmaxassignmentsperworker"
        | "doesnotmeetrequirements" => (RefusalKind::Invalid, not_accepted(&answer.message)),
        _ => return None,
    };
    Some(sorted)
}

/// Source: messages quoted in public issues: aws-cli 6116 (does not exist), Dallinger 1398 (status of),
/// Mephisto's client (funds), AWS's own developer guide (linking).
fn by_message(answer: &Answer) -> Sorted {
    let message = answer.message.to_ascii_lowercase();
    let says = |part: &str| message.contains(part);
    let sorted = if says("insufficient funds") {
        (RefusalKind::Funds, FUNDS.into())
    } else if says("must be linked") {
        (RefusalKind::Credentials, NOT_LINKED.into())
    } else if says("not authorized") {
        (RefusalKind::Credentials, NOT_ALLOWED.into())
    } else if says("does not exist") || says("status of: null") {
        missing(answer)
    } else if says("can be called with a status of") {
        state(answer)
    } else {
        return None;
    };
    Some(sorted)
}

/// Source: ParameterValidationError in aws-sdk-java issue 2055, ValidationException in Dallinger issue
/// 1052, InvalidParameterCombinationError in public issues; the rest are AWS's common errors.
fn by_name(answer: &Answer) -> Sorted {
    let words = match answer.name.as_str() {
        "InvalidSignatureException" | "RequestExpired" if about_time(answer) => {
            "This server's clock is wrong, so the recruiter refuses its signatures. Set the clock."
        }
        "InvalidSignatureException" | "SignatureDoesNotMatch" | "IncompleteSignatureException" => {
            "The secret key does not belong to this access key. Enter both again."
        }
        "UnrecognizedClientException" | "InvalidClientTokenId" | "InvalidAccessKeyId" => {
            "The recruiter does not know this access key. It may be mistyped, deleted or inactive."
        }
        "AccessDenied" | "AccessDeniedException" | "NotAuthorized" => NOT_ALLOWED,
        "OptInRequired" | "SubscriptionRequiredException" => NOT_LINKED,
        "ExpiredToken" | "ExpiredTokenException" => "These keys have expired. Enter new ones.",
        "MissingAuthenticationToken" | "MissingAuthenticationTokenException" => {
            "The recruiter did not accept these keys."
        }
        _ => return None,
    };
    Some((RefusalKind::Credentials, words.to_owned()))
}

fn about_time(answer: &Answer) -> bool {
    let message = answer.message.to_ascii_lowercase();
    answer.name == "RequestExpired" || message.contains("expired") || message.contains("not yet current")
}

fn missing(answer: &Answer) -> (RefusalKind, String) {
    let words = if answer.message.contains("status of: null") {
        "The recruiter has no submission for this yet."
    } else {
        "The recruiter does not know this, or no longer."
    };
    (RefusalKind::Missing, words.to_owned())
}

fn state(answer: &Answer) -> (RefusalKind, String) {
    (
        RefusalKind::State,
        format!("The recruiter says its state does not allow this: {}", scrub(&answer.message)),
    )
}

fn not_accepted(message: &str) -> String {
    format!("The recruiter does not accept this: {}", scrub(message))
}

/// Leaves out what looks like a worker's id, so that no message carries one into a log or a page.
pub(super) fn scrub(message: &str) -> String {
    let mut text = String::with_capacity(message.len());
    for piece in message.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let word = piece.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        if like_worker(word) {
            text.push('…');
            text.push_str(&piece[word.len()..]);
        } else {
            text.push_str(piece);
        }
    }
    text
}

fn like_worker(word: &str) -> bool {
    word.len() >= 8
        && word.starts_with('A')
        && word.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        && word.bytes().any(|b| b.is_ascii_digit())
}
