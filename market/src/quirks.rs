//! Behaviours of the real service that clients met, or that nobody ever established: switches.
//!
//! The operator sets them in [`crate::Settings`]; a requester who rehearses can switch each for themselves by the name
//! of its field ([`crate::behaviour`]). docs/MARKET_SETTINGS.md lists them.

use serde::{Deserialize, Serialize};

use crate::notices::Trouble;

/// One switch a field.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quirks {
    /// A list's full last page carries a token, and the page after it is empty (met by clients; oTree's relies on it).
    pub empty_last_page: bool,
    /// Setting the same expiration twice within a day is refused as a repeated token (Dallinger#3109).
    pub expiration_makes_a_token: bool,
    /// Seconds after its creation for which a HIT refuses another type, more assignments and a later expiration. The
    /// reference says "a few seconds"; 0 is none.
    pub modification_lock: u32,
    /// Days of the longest lifetime that a HIT can be published with; 0 is the documented year. One client met a cap of
    /// two weeks, which nobody else tells of. An expiration that is set later is free of it.
    pub longest_lifetime_days: u32,
    /// Whether an expiration can only be made later, or set to now. One page of the reference says so, the guide says
    /// that it can be made sooner: nobody knows.
    pub expiration_only_grows: bool,
    /// Cents of the largest bonus; 0 is none. The reference names no maximum: nobody knows.
    pub largest_bonus: i64,
    /// Days since a worker last handed in to the requester in which they can get a bonus; 0 is for ever. The guide
    /// says about six months.
    pub bonus_window_days: u32,
    /// Workers that a requester can block (reference: 100,000).
    pub most_blocks: u32,
    /// Whether UpdateHITReviewStatus succeeds on a HIT that has that label already. The model calls it idempotent,
    /// which may mean either: nobody knows.
    pub repeated_review_status: bool,
    /// Whether ListWorkersWithQualificationType without a status lists the revoked, too. The reference does not say.
    pub revoked_listed_too: bool,
    /// Whether NotifyWorkers says SoftFailure. The reference tells the two kinds apart by whether repeating may help,
    /// and not which failure is which.
    pub soft_failures: bool,
    /// Seconds after its creation for which ListQualificationTypes does not find a type (Dallinger polls for it).
    pub search_lag: u32,
    /// Hours for which the name of a deleted qualification type stays taken; the reference says up to 48.
    pub name_kept_hours: u32,
    /// Whether GetAccountBalance always says 10000.00 and nothing is refused for want of money, as in the sandbox. What is
    /// spent is booked all the same, and what is short is put into the account by a line of its own.
    pub constant_balance: bool,
    /// Whether the frame of a preview is told the worker's id. Documented so, and not seen by everybody.
    pub worker_in_preview: bool,
    /// Seconds of the period in which work that nobody reviewed is approved, so that it happens late (mturk-manage
    /// saw minutes); 0 approves at once.
    pub auto_approval_period: u32,
    /// Seconds by which the three NumberOfAssignments counters of a HIT lag behind. Clients saw them lag;
    /// by how much nobody knows.
    pub counter_lag: u32,
    /// Seconds for which somebody who opened a HIT's preview and has not taken it is told as pending, on a place that is
    /// free; 0 is never. So the model words the counter; nobody knows for how long, or whether it was so.
    pub previews_pending: u32,
    /// Whether the next person to take a place that was given up gets the AssignmentId of whoever gave it up (oTree's
    /// code and psiTurk#190 met it).
    pub reuse_assignment_ids: bool,
    /// Whether somebody who gave a HIT up, or let its time run out, cannot take that HIT again. oTree's code tells of
    /// workers who could; nobody knows whether always.
    pub giving_up_is_final: bool,
    /// Days after which a HIT that is over and reviewed is disposed of (model: 120); 0 is never.
    pub disposal_days: u32,
    /// Since when those days count. The model's words leave it open.
    pub disposal_since: DisposalSince,
    /// The TurkErrorCode of a repeated token where the answer names no HIT. Nobody wrote it down; clients go by the
    /// message.
    pub token_code: TokenCode,
    /// Whether a token that comes back with other parameters is told apart from a repeated call. Clients know one answer
    /// to a repeated token; nobody wrote down what other parameters change.
    pub tokens_compare: bool,
    /// Whether the code of a repeated CreateHIT is written HitAlreadyExists, as the reference does, and not
    /// HITAlreadyExists, as clients expect.
    pub reference_spelling: bool,
    /// Whether publishing sets nothing aside, as with an account that is billed afterwards: approval takes the money from
    /// what is free, and what approves by itself waits until there is enough. Holds were seen with prepaid accounts;
    /// nobody knows the rest.
    pub no_holds: bool,
    /// Whether a HIT cannot require a qualification that is not a type here, as on the real service, where a type of the
    /// other environment was an error. Off, so that a rehearsal takes over what a study requires: nobody has such a type.
    pub refuse_unknown_qualifications: bool,
    /// Whether AssociateQualificationWithWorker is refused for a worker who has the qualification, with the code
    /// QualificationAlreadyExists. Clients give a new value in that way; what the code was for nobody wrote down.
    pub associate_once: bool,
    /// Whether AssociateQualificationWithWorker is refused for a type that is inactive, with the code
    /// InvalidQualificationTypeState. The references name the code, and not what it is for.
    pub inactive_types_closed: bool,
    /// Whether an operation on somebody else's object is refused with the code PermissionDeniedException. Otherwise the
    /// object does not exist, as clients met it.
    pub permission_denied: bool,
    /// Whether a HIT may come with review policies, which are kept and have no effect; otherwise they are refused.
    pub accept_review_policies: bool,
    /// What goes wrong with notifications.
    pub notices: Trouble,
}

/// Since when the days until a HIT is disposed of count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisposalSince {
    /// Since it was created; a HIT that is not over by then goes when it is.
    Creation,
    /// Since nothing of it was free and nobody was at work any more.
    #[default]
    Reviewable,
}

/// What a repeated token is answered with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenCode {
    /// No code.
    #[default]
    None,
    /// The code of a value that is not valid.
    InvalidParameterValue,
    /// The code that the repetition of CreateHIT has.
    HitAlreadyExists,
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            empty_last_page: false,
            expiration_makes_a_token: false,
            modification_lock: 0,
            longest_lifetime_days: 0,
            expiration_only_grows: false,
            largest_bonus: 0,
            bonus_window_days: 183,
            most_blocks: 100_000,
            repeated_review_status: false,
            revoked_listed_too: false,
            soft_failures: false,
            search_lag: 0,
            name_kept_hours: 0,
            constant_balance: false,
            worker_in_preview: false,
            auto_approval_period: 0,
            counter_lag: 0,
            previews_pending: 0,
            reuse_assignment_ids: false,
            giving_up_is_final: false,
            disposal_days: 120,
            disposal_since: DisposalSince::Reviewable,
            token_code: TokenCode::None,
            tokens_compare: false,
            reference_spelling: false,
            no_holds: false,
            refuse_unknown_qualifications: false,
            associate_once: false,
            inactive_types_closed: false,
            permission_denied: false,
            accept_review_policies: false,
            notices: Trouble::default(),
        }
    }
}
