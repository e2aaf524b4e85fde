//! The errors that each operation documents, beside those that every operation has (`access`) and those that follow
//! from the service model (`model.py`): what clients of the real service met and what its references name.

use std::collections::BTreeSet;
use std::path::Path;

use super::case::Refusal;

/// As the lists below write an error: kind and code.
pub(super) fn name(refusal: Refusal) -> String {
    format!("{} {}", refusal.kind, refusal.code).trim_end().to_owned()
}

const NO_HIT: &str = "RequestError HITDoesNotExist";
const NO_HIT_TYPE: &str = "RequestError HITTypeDoesNotExist";
const NO_LAYOUT: &str = "RequestError HITLayoutDoesNotExist";
const NO_ASSIGNMENT: &str = "RequestError AssignmentDoesNotExist";
const NO_TYPE: &str = "RequestError QualificationTypeDoesNotExist";
const NO_QUALIFICATION: &str = "RequestError QualificationDoesNotExist";
const NO_REQUEST: &str = "RequestError QualificationRequestDoesNotExist";
const NAME_TAKEN: &str = "RequestError QualificationTypeAlreadyExists";
const HIT_STATE: &str = "RequestError InvalidHITState";
const ASSIGNMENT_STATE: &str = "RequestError InvalidAssignmentState";
const QUALIFICATION_STATE: &str = "RequestError InvalidQualificationState";
const REQUEST_STATE: &str = "RequestError InvalidQualificationRequestState";
const WALL: &str = "RequestError InvalidMaximumAssignmentsIncrease";
const FUNDS: &str = "RequestError InsufficientFunds";
const HIT_EXISTS: &str = "RequestError HITAlreadyExists";
/// A repeated token has no code of its own that anybody wrote down.
const TOKEN_USED: &str = "RequestError";
/// … so it can be chosen, and the spelling of the one that is written down, too.
const CHOSEN_CODE: &str = "RequestError InvalidParameterValue";
const REFERENCE_SPELLING: &str = "RequestError HitAlreadyExists";
/// A token of another call, a worker who does not hold the assignment, a feature that is gone.
const MISMATCH: &str = "RequestError InvalidParameterValue";
const RANGE: &str = "ParameterValidationError AWS.ParameterOutOfRange";
const VALUE: &str = "ParameterValidationError InvalidParameterValue";
const XML: &str = "ParameterValidationError XMLParseError";
const ENDPOINT: &str = "ParameterValidationError InvalidTransportEndpoint";
const COMBINATION: &str = "InvalidParameterCombinationError";

const HAS_IT: &str = "RequestError QualificationAlreadyExists";
const TYPE_STATE: &str = "RequestError InvalidQualificationTypeState";
const XHTML: &str = "ParameterValidationError XHTMLParseError";
/// Somebody else's object, with a switch; otherwise it does not exist.
const DENIED: &str = "RequestError PermissionDeniedException";

/// By operation, in order.
pub(super) const ERRORS: &[(&str, &[&str])] = &[
    ("AcceptQualificationRequest", &[NO_REQUEST, REQUEST_STATE, DENIED]),
    ("ApproveAssignment", &[NO_ASSIGNMENT, ASSIGNMENT_STATE, DENIED, FUNDS, RANGE, VALUE]),
    ("AssociateQualificationWithWorker", &[NO_TYPE, HAS_IT, TYPE_STATE, DENIED, VALUE]),
    ("CreateAdditionalAssignmentsForHIT", &[NO_HIT, HIT_STATE, WALL, TOKEN_USED, CHOSEN_CODE, FUNDS, RANGE]),
    (
        "CreateHIT",
        &[
            NO_TYPE,
            NO_LAYOUT,
            FUNDS,
            HIT_EXISTS,
            REFERENCE_SPELLING,
            MISMATCH,
            RANGE,
            VALUE,
            XML,
            XHTML,
            COMBINATION,
        ],
    ),
    ("CreateHITType", &[NO_TYPE, RANGE, VALUE, COMBINATION]),
    (
        "CreateHITWithHITType",
        &[NO_HIT_TYPE, NO_LAYOUT, DENIED, FUNDS, HIT_EXISTS, RANGE, VALUE, XML, XHTML, COMBINATION],
    ),
    ("CreateQualificationType", &[NAME_TAKEN, RANGE, VALUE, XML, XHTML, COMBINATION]),
    ("CreateWorkerBlock", &[RANGE, VALUE]),
    ("DeleteHIT", &[NO_HIT, HIT_STATE]),
    ("DeleteQualificationType", &[NO_TYPE]),
    ("DeleteWorkerBlock", &[VALUE]),
    ("DisassociateQualificationFromWorker", &[NO_TYPE, NO_QUALIFICATION, QUALIFICATION_STATE, VALUE]),
    ("GetAccountBalance", &[]),
    ("GetAssignment", &[NO_ASSIGNMENT, ASSIGNMENT_STATE]),
    ("GetFileUploadURL", &[NO_ASSIGNMENT, MISMATCH]),
    ("GetHIT", &[NO_HIT, DENIED]),
    ("GetQualificationScore", &[NO_TYPE, NO_QUALIFICATION, QUALIFICATION_STATE, VALUE]),
    ("GetQualificationType", &[NO_TYPE]),
    ("ListAssignmentsForHIT", &[NO_HIT, VALUE]),
    ("ListBonusPayments", &[NO_HIT, NO_ASSIGNMENT, VALUE, COMBINATION]),
    ("ListHITs", &[VALUE]),
    ("ListHITsForQualificationType", &[NO_TYPE, VALUE]),
    ("ListQualificationRequests", &[NO_TYPE, VALUE]),
    ("ListQualificationTypes", &[VALUE]),
    ("ListReviewPolicyResultsForHIT", &[NO_HIT, VALUE]),
    ("ListReviewableHITs", &[VALUE]),
    ("ListWorkerBlocks", &[VALUE]),
    ("ListWorkersWithQualificationType", &[NO_TYPE, VALUE]),
    ("NotifyWorkers", &[RANGE]),
    ("RejectAssignment", &[NO_ASSIGNMENT, ASSIGNMENT_STATE, RANGE, VALUE]),
    ("RejectQualificationRequest", &[NO_REQUEST, REQUEST_STATE]),
    ("SendBonus", &[NO_ASSIGNMENT, ASSIGNMENT_STATE, TOKEN_USED, HIT_EXISTS, MISMATCH, FUNDS, VALUE]),
    ("SendTestEventNotification", &[ENDPOINT, VALUE]),
    ("UpdateExpirationForHIT", &[NO_HIT, HIT_STATE, FUNDS, TOKEN_USED]),
    ("UpdateHITReviewStatus", &[NO_HIT, HIT_STATE]),
    ("UpdateHITTypeOfHIT", &[NO_HIT, NO_HIT_TYPE, HIT_STATE, FUNDS]),
    ("UpdateNotificationSettings", &[NO_HIT_TYPE, ENDPOINT, VALUE]),
    ("UpdateQualificationType", &[NO_TYPE, RANGE, VALUE, XML, XHTML, COMBINATION]),
];

/// The error codes that the server's source can answer with.
pub(super) fn codes_in_the_source() -> BTreeSet<String> {
    let mut codes = BTreeSet::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/protocol")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let source = std::fs::read_to_string(path).unwrap();
            // SQS has names of its own; the requester protocol's are meant here.
            let own = |text: &&str| text.starts_with("AWS.") && !text.starts_with("AWS.SimpleQueueService.");
            let texts = source.split('"').filter(own).filter(|text| !text.contains(' '));
            codes.extend(texts.map(str::to_owned));
        }
    }
    assert!(codes.len() > 10, "the source was read: {codes:?}");
    codes
}
