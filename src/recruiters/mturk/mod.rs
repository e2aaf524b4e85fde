//! Amazon Mechanical Turk's requester protocol, through the AWS SDK.
