//! One worker in one study, from arrival to paid.
//!
//! [`admit`] gives each person one seat; [`desk`] lets a storm of arrivals share transactions;
//! [`tracker`] follows them in oTree and at the recruiter; [`redirect`] knows the addresses;
//! [`view`] is what the worker's own page needs.

pub mod admit;
pub mod desk;
pub mod redirect;
pub mod store;
pub mod tracker;
pub mod view;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use kernel::money::Cents;

use crate::app::App;
use crate::jobs::Reconciler;
use crate::labs::LabId;
use crate::studies::{BatchId, Completion, StudyId};

kernel::typed_id!(
    /// Names one participation.
    ParticipationId
);
kernel::typed_id!(
    /// Names one worker of one lab.
    WorkerId
);

/// How far a participation is. Follows from its facts; computed by the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Stage {
    Admitted,
    Working,
    Finished,
    Returned,
    WorkedThenReturned,
    FinishedUnsubmitted,
    SubmittedUnfinished,
    Submitted,
    Approved,
    Paid,
    Rejected,
}

impl Stage {
    /// All of them, in the order of a participation's life.
    pub const ALL: [Self; 11] = [
        Self::Admitted,
        Self::Working,
        Self::Finished,
        Self::Returned,
        Self::WorkedThenReturned,
        Self::FinishedUnsubmitted,
        Self::SubmittedUnfinished,
        Self::Submitted,
        Self::Approved,
        Self::Paid,
        Self::Rejected,
    ];

    /// The word in the database and in addresses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admitted => "admitted",
            Self::Working => "working",
            Self::Finished => "finished",
            Self::Returned => "returned",
            Self::WorkedThenReturned => "worked_then_returned",
            Self::FinishedUnsubmitted => "finished_unsubmitted",
            Self::SubmittedUnfinished => "submitted_unfinished",
            Self::Submitted => "submitted",
            Self::Approved => "approved",
            Self::Paid => "paid",
            Self::Rejected => "rejected",
        }
    }

    /// The word for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Admitted => "arrived",
            Self::Working => "working",
            Self::Finished => "finished, not submitted",
            Self::Returned => "returned",
            Self::WorkedThenReturned => "worked, then returned",
            Self::FinishedUnsubmitted => "finished, never submitted",
            Self::SubmittedUnfinished => "submitted, not finished",
            Self::Submitted => "submitted",
            Self::Approved => "approved",
            Self::Paid => "paid",
            Self::Rejected => "rejected",
        }
    }

    /// One sentence that tells a researcher what it means.
    pub fn explanation(self) -> &'static str {
        match self {
            Self::Admitted => "Has a seat and sees our page; has not opened oTree yet.",
            Self::Working => "Is in oTree.",
            Self::Finished => "Reached the end in oTree and can press Submit; nothing to decide yet.",
            Self::Returned => "Gave the assignment back without opening oTree; the seat is free again.",
            Self::WorkedThenReturned => {
                "Opened oTree, then gave the assignment back or ran out of time; the seat is used up."
            }
            Self::FinishedUnsubmitted => {
                "Finished in oTree but the recruiter has no submission: it cannot be approved there."
            }
            Self::SubmittedUnfinished => {
                "Pressed submit at the recruiter, but oTree does not show the end of the experiment."
            }
            Self::Submitted => "Finished and submitted: waiting for your decision.",
            Self::Approved => "Approved; the reward is paid. The bonus is not settled yet.",
            Self::Paid => "Approved, and everything that was decided is paid.",
            Self::Rejected => "Rejected; nothing is paid.",
        }
    }
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Stage {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|stage| stage.as_str() == text).ok_or(())
    }
}

/// A participation as stored. Times are UTC, amounts in the study's currency.
#[derive(Debug, Clone)]
pub struct Participation {
    pub id: ParticipationId,
    pub lab_id: LabId,
    pub study_id: StudyId,
    pub batch_id: BatchId,
    pub worker_id: WorkerId,
    pub seat_number: Option<i32>,
    /// Shown to the worker and posted with the submission.
    pub code: String,
    pub assignment_id: String,
    pub submit_to: Option<String>,
    pub admitted_at: DateTime<Utc>,
    pub opened_at: Option<DateTime<Utc>>,
    pub page: Option<String>,
    pub page_index: Option<i32>,
    pub finished_at: Option<DateTime<Utc>>,
    pub finished_by: Option<Completion>,
    pub payoff: Option<Cents>,
    pub payoff_problem: Option<String>,
    pub submitted_at: Option<DateTime<Utc>>,
    pub auto_approve_at: Option<DateTime<Utc>>,
    pub answers: Option<serde_json::Value>,
    pub returned_at: Option<DateTime<Utc>>,
    pub approved_at: Option<DateTime<Utc>>,
    pub rejected_at: Option<DateTime<Utc>>,
    pub feedback: Option<String>,
    pub bonus: Option<Cents>,
    pub bonus_paid_at: Option<DateTime<Utc>>,
    /// The variables that rules name, as oTree told them; null is not set, absent was not asked for.
    pub otree_vars: Option<serde_json::Value>,
    /// When oTree last told something new of this person, or was first asked after the end.
    pub otree_read_at: Option<DateTime<Utc>>,
    /// Paid for their work by a compensation, or about to be.
    pub compensated: bool,
    /// Submitted at the recruiter without ever coming to our door.
    pub uninvited: bool,
    pub stage: Stage,
    /// What oTree sees as the participant label.
    pub pseudonym: String,
    /// The batch's number in the study, from 1.
    pub batch_position: i32,
    /// oTree's participant code of the seat.
    pub participant_code: Option<String>,
}

/// What follows people.
pub fn reconcilers(app: &App) -> Vec<Arc<dyn Reconciler>> {
    vec![Arc::new(tracker::SessionTracker(app.clone())), Arc::new(tracker::SubmissionTracker(app.clone()))]
}
