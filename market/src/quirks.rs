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
    /// Whether GetAccountBalance always says 10000.00, as the sandbox did. What is spent is booked all the same.
    pub constant_balance: bool,
    /// Whether the frame of a preview is told the worker's id. Documented so, and not seen by everybody.
    pub worker_in_preview: bool,
    /// Seconds of the period in which work that nobody reviewed is approved, so that it happens late (mturk-manage
    /// saw minutes); 0 approves at once.
    pub auto_approval_period: u32,
    /// What goes wrong with notifications.
    pub notices: Trouble,
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            empty_last_page: false,
            expiration_makes_a_token: false,
            modification_lock: 0,
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
            notices: Trouble::default(),
        }
    }
}
