//! HITs, their types and what was handed in.

super::calls! {
    "CreateHIT" => create_hit {
        set_title: "Title",
        set_description: "Description",
        set_keywords: "Keywords",
        set_reward: "Reward",
        set_max_assignments: "MaxAssignments",
        set_lifetime_in_seconds: "LifetimeInSeconds",
        set_assignment_duration_in_seconds: "AssignmentDurationInSeconds",
        set_auto_approval_delay_in_seconds: "AutoApprovalDelayInSeconds",
        set_question: "Question",
        set_hit_layout_id: "HITLayoutId",
        set_requester_annotation: "RequesterAnnotation",
        set_qualification_requirements: "QualificationRequirements",
        set_unique_request_token: "UniqueRequestToken",
        set_assignment_review_policy: "AssignmentReviewPolicy",
        set_hit_review_policy: "HITReviewPolicy",
    }
    "CreateHITType" => create_hit_type {
        set_title: "Title",
        set_description: "Description",
        set_keywords: "Keywords",
        set_reward: "Reward",
        set_assignment_duration_in_seconds: "AssignmentDurationInSeconds",
        set_auto_approval_delay_in_seconds: "AutoApprovalDelayInSeconds",
        set_qualification_requirements: "QualificationRequirements",
    }
    "CreateHITWithHITType" => create_hit_with_hit_type {
        set_hit_type_id: "HITTypeId",
        set_max_assignments: "MaxAssignments",
        set_lifetime_in_seconds: "LifetimeInSeconds",
        set_question: "Question",
        set_hit_layout_id: "HITLayoutId",
        set_requester_annotation: "RequesterAnnotation",
        set_unique_request_token: "UniqueRequestToken",
        set_assignment_review_policy: "AssignmentReviewPolicy",
        set_hit_review_policy: "HITReviewPolicy",
    }
    "UpdateHITTypeOfHIT" => update_hit_type_of_hit { set_hit_id: "HITId", set_hit_type_id: "HITTypeId" }
    "CreateAdditionalAssignmentsForHIT" => create_additional_assignments_for_hit {
        set_hit_id: "HITId",
        set_number_of_additional_assignments: "NumberOfAdditionalAssignments",
        set_unique_request_token: "UniqueRequestToken",
    }
    "UpdateExpirationForHIT" => update_expiration_for_hit { set_hit_id: "HITId", set_expire_at: "ExpireAt" }
    "UpdateHITReviewStatus" => update_hit_review_status { set_hit_id: "HITId", set_revert: "Revert" }
    "GetHIT" => get_hit { set_hit_id: "HITId" }
    "DeleteHIT" => delete_hit { set_hit_id: "HITId" }
    "ListHITs" => list_hits { set_next_token: "NextToken", set_max_results: "MaxResults" }
    "ListReviewableHITs" => list_reviewable_hits {
        set_hit_type_id: "HITTypeId",
        set_status: "Status",
        set_next_token: "NextToken",
        set_max_results: "MaxResults",
    }
    "GetAssignment" => get_assignment { set_assignment_id: "AssignmentId" }
    "ListAssignmentsForHIT" => list_assignments_for_hit {
        set_hit_id: "HITId",
        set_assignment_statuses: "AssignmentStatuses",
        set_next_token: "NextToken",
        set_max_results: "MaxResults",
    }
    "ListReviewPolicyResultsForHIT" => list_review_policy_results_for_hit {
        set_hit_id: "HITId",
        set_policy_levels: "PolicyLevels",
        set_retrieve_actions: "RetrieveActions",
        set_retrieve_results: "RetrieveResults",
        set_next_token: "NextToken",
        set_max_results: "MaxResults",
    }
    "GetFileUploadURL" => get_file_upload_url {
        set_assignment_id: "AssignmentId",
        set_question_identifier: "QuestionIdentifier",
    }
}
