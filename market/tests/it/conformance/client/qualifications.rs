//! Kinds of qualifications, who has them and who asks for them.

super::calls! {
    "CreateQualificationType" => create_qualification_type {
        set_name: "Name",
        set_keywords: "Keywords",
        set_description: "Description",
        set_qualification_type_status: "QualificationTypeStatus",
        set_retry_delay_in_seconds: "RetryDelayInSeconds",
        set_test: "Test",
        set_answer_key: "AnswerKey",
        set_test_duration_in_seconds: "TestDurationInSeconds",
        set_auto_granted: "AutoGranted",
        set_auto_granted_value: "AutoGrantedValue",
    }
    "UpdateQualificationType" => update_qualification_type {
        set_qualification_type_id: "QualificationTypeId",
        set_description: "Description",
        set_qualification_type_status: "QualificationTypeStatus",
        set_retry_delay_in_seconds: "RetryDelayInSeconds",
        set_test: "Test",
        set_answer_key: "AnswerKey",
        set_test_duration_in_seconds: "TestDurationInSeconds",
        set_auto_granted: "AutoGranted",
        set_auto_granted_value: "AutoGrantedValue",
    }
    "DeleteQualificationType" => delete_qualification_type { set_qualification_type_id: "QualificationTypeId" }
    "GetQualificationType" => get_qualification_type { set_qualification_type_id: "QualificationTypeId" }
    "ListQualificationTypes" => list_qualification_types {
        set_query: "Query",
        set_must_be_requestable: "MustBeRequestable",
        set_must_be_owned_by_caller: "MustBeOwnedByCaller",
        set_next_token: "NextToken",
        set_max_results: "MaxResults",
    }
    "ListHITsForQualificationType" => list_hits_for_qualification_type {
        set_qualification_type_id: "QualificationTypeId",
        set_next_token: "NextToken",
        set_max_results: "MaxResults",
    }
    "AssociateQualificationWithWorker" => associate_qualification_with_worker {
        set_qualification_type_id: "QualificationTypeId",
        set_worker_id: "WorkerId",
        set_integer_value: "IntegerValue",
        set_send_notification: "SendNotification",
    }
    "DisassociateQualificationFromWorker" => disassociate_qualification_from_worker {
        set_worker_id: "WorkerId",
        set_qualification_type_id: "QualificationTypeId",
        set_reason: "Reason",
    }
    "GetQualificationScore" => get_qualification_score {
        set_qualification_type_id: "QualificationTypeId",
        set_worker_id: "WorkerId",
    }
    "ListWorkersWithQualificationType" => list_workers_with_qualification_type {
        set_qualification_type_id: "QualificationTypeId",
        set_status: "Status",
        set_next_token: "NextToken",
        set_max_results: "MaxResults",
    }
    "ListQualificationRequests" => list_qualification_requests {
        set_qualification_type_id: "QualificationTypeId",
        set_next_token: "NextToken",
        set_max_results: "MaxResults",
    }
    "AcceptQualificationRequest" => accept_qualification_request {
        set_qualification_request_id: "QualificationRequestId",
        set_integer_value: "IntegerValue",
    }
    "RejectQualificationRequest" => reject_qualification_request {
        set_qualification_request_id: "QualificationRequestId",
        set_reason: "Reason",
    }
}
