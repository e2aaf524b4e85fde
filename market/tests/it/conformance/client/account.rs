//! Money, reviews, workers and notifications.

super::calls! {
    "GetAccountBalance" => get_account_balance {}
    "ApproveAssignment" => approve_assignment {
        set_assignment_id: "AssignmentId",
        set_requester_feedback: "RequesterFeedback",
        set_override_rejection: "OverrideRejection",
    }
    "RejectAssignment" => reject_assignment {
        set_assignment_id: "AssignmentId",
        set_requester_feedback: "RequesterFeedback",
    }
    "SendBonus" => send_bonus {
        set_worker_id: "WorkerId",
        set_assignment_id: "AssignmentId",
        set_bonus_amount: "BonusAmount",
        set_reason: "Reason",
        set_unique_request_token: "UniqueRequestToken",
    }
    "ListBonusPayments" => list_bonus_payments {
        set_hit_id: "HITId",
        set_assignment_id: "AssignmentId",
        set_next_token: "NextToken",
        set_max_results: "MaxResults",
    }
    "NotifyWorkers" => notify_workers {
        set_subject: "Subject",
        set_message_text: "MessageText",
        set_worker_ids: "WorkerIds",
    }
    "CreateWorkerBlock" => create_worker_block { set_worker_id: "WorkerId", set_reason: "Reason" }
    "DeleteWorkerBlock" => delete_worker_block { set_worker_id: "WorkerId", set_reason: "Reason" }
    "ListWorkerBlocks" => list_worker_blocks { set_next_token: "NextToken", set_max_results: "MaxResults" }
    "UpdateNotificationSettings" => update_notification_settings {
        set_hit_type_id: "HITTypeId",
        set_notification: "Notification",
        set_active: "Active",
    }
    "SendTestEventNotification" => send_test_event_notification {
        set_notification: "Notification",
        set_test_event_type: "TestEventType",
    }
}
