//! Why the engine does not do what was asked.

/// What an engine function gives.
pub type Outcome<T> = Result<T, Refusal>;

/// A refusal leaves everything as it was once the caller rolls back.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Unknown, deleted, or somebody else's.
    #[error("Hit {0} does not exist.")]
    NoSuchHit(String),
    /// Unknown or somebody else's.
    #[error("HIT type {0} does not exist.")]
    NoSuchHitType(String),
    /// Unknown, given up, or somebody else's.
    #[error("Assignment {0} does not exist.")]
    NoSuchAssignment(String),
    /// Nobody here has this id.
    #[error("The value \"{0}\" is not valid for the parameter WorkerId.")]
    NoSuchWorker(String),
    /// The HIT's state forbids it; the second text lists the states that allow it.
    #[error(
        "This HIT is currently in the state '{state}'. This operation can be called with a status of: {allowed}"
    )]
    HitState {
        /// The state it is in.
        state: &'static str,
        /// The states that would do.
        allowed: &'static str,
    },
    /// Somebody has accepted the HIT before.
    #[error("The HIT type of HIT {0} cannot be changed: a worker has accepted it.")]
    Accepted(String),
    /// Created a moment ago.
    #[error("HIT {0} was created a moment ago and cannot be changed yet.")]
    TooFresh(String),
    /// Sooner than it is, and not over yet.
    #[error("The expiration of a HIT can be set to now or made later.")]
    Sooner,
    /// The worker handed nothing in to this requester for too long.
    #[error("The worker {0} has completed no assignment of yours in the time in which a bonus can be sent.")]
    BonusWindow(String),
    /// As many blocks as there can be.
    #[error("You have blocked as many workers as can be blocked.")]
    TooManyBlocks,
    /// Handed-in work is waiting for a decision.
    #[error("This HIT has {0} submitted assignments that were not reviewed yet.")]
    UnreviewedWork(i64),
    /// The assignment's state forbids it; the text lists the states that allow it, as the protocol words them.
    #[error("This operation can be called with a status of: {0}")]
    AssignmentState(&'static str),
    /// Thirty days went by since the work was handed in.
    #[error("A rejection can be overridden within 30 days after the assignment was submitted.")]
    TooLateToOverride,
    /// The worker does not hold this assignment.
    #[error("Assignment {assignment_id} does not belong to the worker {worker_id}.")]
    NotTheirAssignment {
        /// The assignment.
        assignment_id: String,
        /// Who does not hold it.
        worker_id: String,
    },
    /// Unknown, deleted, or somebody else's.
    #[error("QualificationType {0} does not exist.")]
    NoSuchQualificationType(String),
    /// The requester has one of this name.
    #[error("You have already created a QualificationType with this name.")]
    QualificationTypeExists,
    /// A document that cannot be read.
    #[error(transparent)]
    Document(#[from] super::xml::XmlError),
    /// A key or a duration without a test.
    #[error("AnswerKey and TestDurationInSeconds need a Test.")]
    NoTest,
    /// Both a test and granting at once.
    #[error("Test and AutoGranted cannot be used together.")]
    TestExcludesGranting,
    /// The worker never had it.
    #[error("The Worker {worker_id} does not have the Qualification {qualification_type_id}.")]
    NoSuchQualification {
        /// The type.
        qualification_type_id: String,
        /// Who does not have it.
        worker_id: String,
    },
    /// The worker has it, and is not given it again.
    #[error("The Worker {worker_id} already has the Qualification {qualification_type_id}.")]
    QualificationExists {
        /// The type.
        qualification_type_id: String,
        /// Who has it.
        worker_id: String,
    },
    /// The type is inactive.
    #[error("This operation can be called with a status of: Active")]
    QualificationTypeState,
    /// The worker's qualification was taken away.
    #[error("This operation can be called with a status of: Granted")]
    QualificationState,
    /// Unknown, or for somebody else's type.
    #[error("QualificationRequest {0} does not exist.")]
    NoSuchQualificationRequest(String),
    /// The request was decided before.
    #[error("This operation can be called with a status of: Submitted")]
    QualificationRequestState,
    /// Nothing was ever set for this HIT type.
    #[error("The HIT type {0} has no notification specification that could be switched.")]
    NoNotification(String),
    /// Nothing can be sent there.
    #[error("The destination \"{0}\" is not one that notifications can be sent to.")]
    InvalidTransportEndpoint(String),
    /// Not enough free money.
    #[error("This Requester has insufficient funds in their account to complete this transaction.")]
    InsufficientFunds,
    /// The token made this HIT before.
    #[error("The HIT with ID \"{0}\" already exists.")]
    HitExists(String),
    /// The token was used before, with the same parameters.
    #[error("The idempotency token \"{0}\" has already been processed.")]
    TokenUsed(String),
    /// The token was used before, for something else.
    #[error("The request token \"{0}\" was used with different parameters.")]
    TokenForAnother(String),
    /// A HIT of fewer than ten assignments stays under ten.
    #[error("A HIT created with fewer than 10 assignments cannot be extended to 10 or more.")]
    Wall,
    /// More than a HIT may have.
    #[error("A HIT can have at most 1000000000 assignments.")]
    TooManyAssignments,
    /// Postgres did not do its part.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}
