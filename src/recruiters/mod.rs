//! Recruiters: where participants come from. One trait, one folder for each.
//!
//! An adapter is stateless: it turns our words into the recruiter's and back, and says of every
//! call that changes something whether it is [`Outcome::Done`], refused, certainly not done, or
//! unknown. It never decides what to do about it.

pub mod mturk;

use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use kernel::money::Cents;

/// How long a request token is trusted to make a repeat harmless. MTurk keeps them for 24 hours; this is
/// within the margin.
pub const TOKEN_LIFE: Duration = Duration::hours(20);

/// What came of a call that changes something at the recruiter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome<T> {
    /// It happened (now, or earlier under the same token).
    Done(T),
    /// The recruiter said no; asking again the same way brings the same answer.
    Refused(Refusal),
    /// It certainly did not happen, but may later: throttled, or refused before it was looked at.
    NotNow(String),
    /// Nobody knows: no answer, or one that cannot be read. Ask before doing it again.
    Unknown(String),
}

/// A definite no, sorted by what a researcher can do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What kind of no.
    pub kind: RefusalKind,
    /// A sentence for the researcher, without ids of workers.
    pub words: String,
}

/// Kinds of refusals that lead to different next steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// Not enough money in the account: add money, then again.
    Funds,
    /// Keys wrong, expired or without permission: mend the connection, then again.
    Credentials,
    /// The object is in a state that does not allow this (already reviewed, say): look first.
    State,
    /// The object does not exist (yet).
    Missing,
    /// The request itself is not acceptable.
    Invalid,
}

/// Why a question could not be answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// The recruiter said no.
    #[error("{}", .0.words)]
    Refused(Refusal),
    /// Nobody answered in a way that can be read; later perhaps.
    #[error("{0}")]
    Unavailable(String),
}

/// What workers see before they accept; identical offers form one group at the recruiter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Headline, at most 128 characters.
    pub title: String,
    /// At most 2000 characters.
    pub description: String,
    /// Comma-separated, at most 1000 characters.
    pub keywords: String,
    /// Paid on approval.
    pub reward: Cents,
    /// How long one worker may take, in seconds.
    pub duration_s: i32,
    /// Approved by itself this many seconds after submission.
    pub auto_approve_s: i32,
    /// Who may take part, as the recruiter's API spells it (MTurk: QualificationRequirements).
    pub qualifications: serde_json::Value,
}

/// What a worker sees inside the recruiter's frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// A page of ours at this address, in a frame this many pixels high (0: fill the window).
    Frame { url: String, height: i32 },
    /// The researcher's own HTML, already pointing to our door.
    Html { html: String, height: i32 },
}

/// One batch as it goes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// The offer's id from [`Recruiter::register`].
    pub offer_id: String,
    /// What workers see.
    pub task: Task,
    /// How many workers.
    pub places: i32,
    /// How long it stays listed, in seconds.
    pub lifetime_s: i32,
    /// Our mark, by which we find it again (MTurk: RequesterAnnotation).
    pub mark: String,
    /// Makes a repeat harmless for 24 hours.
    pub token: String,
}

/// A unit as the recruiter knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// MTurk: HITId.
    pub unit_id: String,
    /// MTurk: HITGroupId.
    pub group_id: Option<String>,
    /// When it leaves the list.
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether workers can still accept or are still working on it.
    pub live: bool,
}

/// A unit in the account's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// MTurk: HITId.
    pub unit_id: String,
    /// What was registered for it (MTurk: HITTypeId).
    pub offer_id: Option<String>,
    /// Ours, or whatever another tool wrote (MTurk: RequesterAnnotation).
    pub mark: Option<String>,
    /// Headline.
    pub title: String,
    /// How many workers.
    pub places: i32,
    /// When it was made, UTC.
    pub made_at: Option<DateTime<Utc>>,
    /// What each worker is paid; `None` when the recruiter does not say.
    pub reward: Option<Cents>,
    /// Whether workers can still accept or are still working on it.
    pub live: bool,
}

/// Where a submission stands at the recruiter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubmissionStatus {
    /// Waiting for a decision.
    Submitted,
    /// Approved, by us or by the clock.
    Approved,
    /// Rejected.
    Rejected,
}

/// One worker's submitted work, in the recruiter's own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// MTurk: AssignmentId.
    pub assignment_id: String,
    /// MTurk: HITId.
    pub unit_id: String,
    /// The recruiter's id of the worker; never logged.
    pub worker_id: String,
    /// Where it stands.
    pub status: SubmissionStatus,
    /// When the worker pressed submit.
    pub submitted_at: Option<DateTime<Utc>>,
    /// When the recruiter approves by itself.
    pub auto_approve_at: Option<DateTime<Utc>>,
    /// When it was approved.
    pub approved_at: Option<DateTime<Utc>>,
    /// When it was rejected.
    pub rejected_at: Option<DateTime<Utc>>,
    /// What the worker's form said, in order.
    pub answers: Vec<(String, String)>,
}

/// A bonus that the recruiter says it paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BonusPaid {
    /// For which assignment.
    pub assignment_id: String,
    /// To whom.
    pub worker_id: String,
    /// How much.
    pub amount: Cents,
    /// The reason as sent; ends with our mark.
    pub reason: String,
}

/// A message to one worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// To whom.
    pub worker_id: String,
    /// At most 200 characters.
    pub subject: String,
    /// At most 4096 characters.
    pub text: String,
}

/// What became of a message that the recruiter took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// It is on its way.
    Sent,
    /// This worker does not get it, and why.
    Failed(String),
}

/// A bonus as it goes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bonus {
    /// To whom.
    pub worker_id: String,
    /// For which assignment.
    pub assignment_id: String,
    /// How much; positive.
    pub amount: Cents,
    /// What the worker reads; contains our mark, by which we find it again.
    pub reason: String,
    /// Makes a repeat harmless for 24 hours.
    pub token: String,
}

/// A recruiter, seen by one connection.
#[async_trait]
pub trait Recruiter: Send + Sync + std::fmt::Debug {
    /// Money available to this account.
    async fn balance(&self) -> Result<Cents, AskError>;
    /// Registers the offer; the same offer gives the same id.
    async fn register(&self, offer: &Offer) -> Outcome<String>;
    /// Publishes one unit under its token.
    async fn publish(&self, unit: &Unit) -> Outcome<Published>;
    /// The unit that carries our mark, if there is one.
    async fn find_by_mark(&self, mark: &str) -> Result<Option<Published>, AskError>;
    /// Every unit of the account that still exists.
    async fn units(&self) -> Result<Vec<Listed>, AskError>;
    /// The unit as it stands.
    async fn unit(&self, unit_id: &str) -> Result<Option<Published>, AskError>;
    /// Takes the unit off the list; who works on it may go on.
    async fn expire(&self, unit_id: &str) -> Outcome<()>;
    /// Everything submitted to the unit so far, whatever its status.
    async fn submissions(&self, unit_id: &str) -> Result<Vec<Submission>, AskError>;
    /// One submission; `None` while it was not submitted (or is not visible yet).
    async fn submission(&self, assignment_id: &str) -> Result<Option<Submission>, AskError>;
    /// Approves and so pays the reward.
    async fn approve(&self, assignment_id: &str, feedback: &str) -> Outcome<()>;
    /// Rejects; the feedback is shown to the worker.
    async fn reject(&self, assignment_id: &str, feedback: &str) -> Outcome<()>;
    /// Approves what was rejected, and so pays the reward after all. MTurk allows it within 30 days of the
    /// submission and while the unit is not deleted.
    async fn override_rejection(&self, assignment_id: &str, feedback: &str) -> Outcome<()>;
    /// Pays a bonus under its token.
    async fn bonus(&self, bonus: &Bonus) -> Outcome<()>;
    /// The bonuses paid for one assignment.
    async fn bonuses(&self, assignment_id: &str) -> Result<Vec<BonusPaid>, AskError>;
    /// The bonuses paid for all assignments of one unit.
    async fn unit_bonuses(&self, unit_id: &str) -> Result<Vec<BonusPaid>, AskError>;
    /// Makes a qualification of this name, which must be the account's only one; returns its id. The
    /// description is shown to workers.
    async fn make_qualification(&self, name: &str, description: &str) -> Outcome<String>;
    /// The account's qualification of this name. A new one may take a while to be found.
    async fn find_qualification(&self, name: &str) -> Result<Option<String>, AskError>;
    /// Gives the worker the qualification, without telling them; a repeat is harmless.
    async fn grant(&self, qualification_id: &str, worker_id: &str) -> Outcome<()>;
    /// Gives the worker the qualification with this value, or the value to who has it, without telling them; a
    /// repeat is harmless, and the value that was set last counts.
    async fn rate(&self, qualification_id: &str, worker_id: &str, value: i32) -> Outcome<()>;
    /// Deletes the qualification; one that is gone already is gone.
    async fn delete_qualification(&self, qualification_id: &str) -> Outcome<()>;
    /// Writes to one worker. There is no token: a repeat is a second message.
    async fn notify(&self, message: &Message) -> Outcome<Delivery>;
}
