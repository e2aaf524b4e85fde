//! Every operation of the protocol is there.

use crate::harness::{Place, refused};

const PROTOCOL: [&str; 39] = [
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

#[test]
fn every_operation_of_the_protocol_is_registered() {
    let mut registered: Vec<_> = market::protocol::operations().collect();
    registered.sort_unstable();
    assert_eq!(registered, PROTOCOL);
}

#[tokio::test]
async fn review_policies_report_nothing_and_files_cannot_be_fetched() {
    let place = Place::open().await;
    let hit_id = place.hit(1).await;
    let (_, assignment_id) = place.work("one", &hit_id).await;
    let report = place.client.list_review_policy_results_for_hit().hit_id(&hit_id).send().await.unwrap();
    assert_eq!(report.hit_id(), Some(hit_id.as_str()));
    assert!(report.assignment_review_report().is_none() && report.hit_review_report().is_none());
    let file = |client: &aws_sdk_mturk::Client, id: &str| {
        client.get_file_upload_url().assignment_id(id).question_identifier("q").send()
    };
    let gone = file(&place.client, &assignment_id).await;
    refused(gone).is("RequestError", "InvalidParameterValue", "no longer supported");
    let stranger = place.stranger().await;
    for missing in [file(&stranger, &assignment_id).await, file(&place.client, "3UNKNOWN").await] {
        refused(missing).is("RequestError", "AssignmentDoesNotExist", "does not exist");
    }
    let foreign = stranger.list_review_policy_results_for_hit().hit_id(&hit_id).send().await;
    refused(foreign).is("RequestError", "HITDoesNotExist", "does not exist");
}
