//! Both sides of some batches in, differences out. Pure.
//!
//! What is on its way is not a difference: an order that is being sent, or a fact of ours that is so young that
//! the recruiter's lists may not show it yet.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Duration, Utc};
use kernel::money::Cents;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::Told;
use crate::participation::ParticipationId;
use crate::payments::{Kind, Order, OrderState};
use crate::recruiters::mturk::fees;
use crate::recruiters::{BonusPaid, Submission, SubmissionStatus};
use crate::studies::batches::Batch;
use crate::studies::{BatchId, State, Study, cost};

/// A list at the recruiter may lag so much behind what we know.
const SETTLING: Duration = Duration::minutes(10);

/// What differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum DifferenceKind {
    /// Somebody submitted who never came to our door.
    Stranger,
    /// Somebody submitted twice in one study.
    SecondSubmission,
    /// We know a submission that the recruiter does not list.
    SubmissionMissing,
    /// A submission is approved, rejected or open here, and something else there.
    Decision,
    /// The assignment is somebody else's.
    Owner,
    /// A bonus without our mark: paid elsewhere.
    BonusElsewhere,
    /// A bonus of ours that the recruiter does not list.
    BonusMissing,
    /// A bonus of ours with another amount, or for another assignment.
    BonusOther,
    /// A bonus of ours that we count as not paid.
    BonusUnexpected,
    /// A bonus of ours that is listed twice.
    BonusTwice,
    /// A HIT was deleted at the recruiter.
    HitGone,
    /// A HIT was taken off the list at the recruiter.
    HitExpired,
    /// A batch that exists twice.
    HitTwice,
    /// Money left the account without us.
    Balance,
}

impl DifferenceKind {
    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stranger => "stranger",
            Self::SecondSubmission => "second_submission",
            Self::SubmissionMissing => "submission_missing",
            Self::Decision => "decision",
            Self::Owner => "owner",
            Self::BonusElsewhere => "bonus_elsewhere",
            Self::BonusMissing => "bonus_missing",
            Self::BonusOther => "bonus_other",
            Self::BonusUnexpected => "bonus_unexpected",
            Self::BonusTwice => "bonus_twice",
            Self::HitGone => "hit_gone",
            Self::HitExpired => "hit_expired",
            Self::HitTwice => "hit_twice",
            Self::Balance => "balance",
        }
    }

    /// What it is, for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Stranger => "Submitted without coming to us",
            Self::SecondSubmission => "Second submission by one person",
            Self::SubmissionMissing => "Submission not listed",
            Self::Decision => "Other decision",
            Self::Owner => "Somebody else’s assignment",
            Self::BonusElsewhere => "Bonus paid elsewhere",
            Self::BonusMissing => "Bonus not listed",
            Self::BonusOther => "Bonus differs",
            Self::BonusUnexpected => "Bonus paid after all",
            Self::BonusTwice => "Bonus listed twice",
            Self::HitGone => "HIT deleted at the recruiter",
            Self::HitExpired => "HIT taken off the list at the recruiter",
            Self::HitTwice => "Batch published twice",
            Self::Balance => "Money left the account",
        }
    }

    /// Whether it is about a moment that passes: it stays until somebody acknowledges it.
    pub fn stays(self) -> bool {
        self == Self::Balance
    }
}

/// A difference as found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub kind: DifferenceKind,
    pub batch: Option<BatchId>,
    /// What it is about at the recruiter: an assignment, a HIT, a moment.
    pub subject: String,
    pub ours: String,
    pub theirs: String,
    /// Money at the recruiter that our books do not have.
    pub cents: Option<Cents>,
}

/// Somebody of the study, as we know them.
#[derive(Debug, Clone)]
pub struct Person {
    pub id: ParticipationId,
    pub batch_id: BatchId,
    pub assignment_id: String,
    /// The recruiter's id; never logged.
    pub worker: String,
    pub uninvited: bool,
    pub submitted_at: Option<DateTime<Utc>>,
    pub approved_at: Option<DateTime<Utc>>,
    pub rejected_at: Option<DateTime<Utc>>,
}

impl Person {
    fn status(&self) -> Option<SubmissionStatus> {
        match (self.submitted_at, self.rejected_at, self.approved_at) {
            (None, ..) => None,
            (_, Some(_), _) => Some(SubmissionStatus::Rejected),
            (_, _, Some(_)) => Some(SubmissionStatus::Approved),
            _ => Some(SubmissionStatus::Submitted),
        }
    }

    /// When we last learnt something about the submission.
    fn changed_at(&self) -> Option<DateTime<Utc>> {
        self.submitted_at.max(self.approved_at).max(self.rejected_at)
    }
}

/// What of the study decides about differences.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    reward: Cents,
    masters: bool,
    closed: bool,
}

impl Terms {
    /// The terms of a study.
    pub fn of(study: &Study) -> Self {
        let masters = cost::wants_masters(&study.qualifications);
        Self { reward: study.reward, masters, closed: study.state == State::Closed }
    }
}

/// An order with when it ended.
#[derive(Debug, Clone)]
pub struct Booked {
    pub order: Order,
    pub settled_at: Option<DateTime<Utc>>,
}

impl Booked {
    fn is_moving(&self, asked_at: DateTime<Utc>) -> bool {
        !matches!(self.order.state, OrderState::Done | OrderState::Refused)
            || self.settled_at.is_some_and(|at| at > asked_at - SETTLING)
    }
}

/// Our side of a study.
#[derive(Debug, Clone, Default)]
pub struct Ours {
    pub people: Vec<Person>,
    pub orders: Vec<Booked>,
    /// How many batches the study has at the recruiter.
    pub batches: i64,
}

impl Ours {
    fn person(&self, batch: BatchId, worker: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.batch_id == batch && person.worker == worker)
    }

    fn elsewhere(&self, worker: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.worker == worker)
    }
}

/// A further submission of somebody who takes part through another batch, approved at the recruiter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extra {
    pub participation: ParticipationId,
    pub assignment_id: String,
    pub places: i32,
    pub approved_at: Option<DateTime<Utc>>,
}

/// Approved second submissions, for the books.
pub fn second_submissions(ours: &Ours, told: &[Told]) -> Vec<Extra> {
    let mut found = Vec::new();
    for one in told {
        for submission in one.submissions.iter().filter(|s| s.status == SubmissionStatus::Approved) {
            if ours.person(one.batch.id, &submission.worker_id).is_none()
                && let Some(person) = ours.elsewhere(&submission.worker_id)
                && person.submitted_at.is_some()
            {
                found.push(Extra {
                    participation: person.id,
                    assignment_id: submission.assignment_id.clone(),
                    places: one.batch.places,
                    approved_at: submission.approved_at,
                });
            }
        }
    }
    found
}

/// Everything that differs in these batches.
pub fn differences(terms: Terms, ours: &Ours, told: &[Told], asked_at: DateTime<Utc>) -> Vec<Found> {
    let mut found = Vec::new();
    for one in told {
        let look = Look { terms, ours, one, asked_at };
        look.hit(&mut found);
        look.submissions(&mut found);
        if one.shown {
            look.missing(&mut found);
            look.bonuses(&mut found);
        }
    }
    found
}

/// One batch, seen from both sides.
struct Look<'a> {
    terms: Terms,
    ours: &'a Ours,
    one: &'a Told,
    asked_at: DateTime<Utc>,
}

impl Look<'_> {
    fn batch(&self) -> &Batch {
        &self.one.batch
    }

    fn found(
        &self,
        kind: DifferenceKind,
        subject: &str,
        ours: impl Into<String>,
        theirs: impl Into<String>,
    ) -> Found {
        let (batch, subject) = (Some(self.batch().id), subject.to_owned());
        Found { kind, batch, subject, ours: ours.into(), theirs: theirs.into(), cents: None }
    }

    fn hit(&self, found: &mut Vec<Found>) {
        let batch = self.batch();
        let hit = batch.hit_id.as_deref().unwrap_or_default();
        let ours = format!("Batch {}, {} places.", batch.position, batch.places);
        if batch.gone_at.is_some() {
            let theirs = "The HIT does not exist any more. Nobody can submit to it.";
            found.push(self.found(DifferenceKind::HitGone, hit, ours, theirs));
        } else if batch.cut_short_at.is_some() && !self.terms.closed {
            let theirs = "The HIT left the list before its time, though the study is open.";
            found.push(self.found(DifferenceKind::HitExpired, hit, ours, theirs));
        }
    }

    fn submissions(&self, found: &mut Vec<Found>) {
        for submission in &self.one.submissions {
            match self.ours.person(self.batch().id, &submission.worker_id) {
                Some(person) => self.known(found, person, submission),
                None if self.ours.elsewhere(&submission.worker_id).is_some() => {
                    let ours = "This person takes part through another batch of the study.";
                    found.push(Found {
                        cents: self.cost(submission),
                        ..self.found(
                            DifferenceKind::SecondSubmission,
                            &submission.assignment_id,
                            ours,
                            format!("Lists this submission, too: {}.", word(submission.status)),
                        )
                    });
                }
                // Taken in before this.
                None => {}
            }
        }
    }

    /// What an approved submission cost, fee included.
    fn cost(&self, submission: &Submission) -> Option<Cents> {
        let Terms { reward, masters, .. } = self.terms;
        let fee = fees::fee(reward, self.batch().places.into(), masters);
        (submission.status == SubmissionStatus::Approved).then(|| reward + fee)
    }

    fn known(&self, found: &mut Vec<Found>, person: &Person, submission: &Submission) {
        let subject = &submission.assignment_id;
        if person.uninvited && person.status() == Some(SubmissionStatus::Submitted) {
            let ours = "Never came to the study’s link; is in Review like everybody.";
            let theirs = "Lists a submission that waits for a decision.";
            found.push(self.found(DifferenceKind::Stranger, subject, ours, theirs));
        }
        if person.assignment_id != submission.assignment_id {
            let (ours, theirs) = ("This person holds another assignment.", "This person submitted this one.");
            found.push(self.found(DifferenceKind::Owner, subject, ours, theirs));
        }
        if person.status() != Some(submission.status) && !self.is_moving(person) {
            let ours = person.status().map_or("Not submitted.".to_owned(), |s| format!("It is {}.", word(s)));
            let theirs = format!("It is {}.", word(submission.status));
            let cents = self.cost(submission);
            found.push(Found { cents, ..self.found(DifferenceKind::Decision, subject, ours, theirs) });
        }
    }

    fn is_moving(&self, person: &Person) -> bool {
        let decides = |kind| matches!(kind, Kind::Approve | Kind::Reject | Kind::Override);
        person.changed_at().is_some_and(|at| at > self.asked_at - SETTLING)
            || self.ours.orders.iter().any(|booked| {
                booked.order.participation_id == person.id
                    && decides(booked.order.kind)
                    && booked.is_moving(self.asked_at)
            })
    }

    fn missing(&self, found: &mut Vec<Found>) {
        let listed: BTreeSet<&str> = self.one.submissions.iter().map(|s| s.worker_id.as_str()).collect();
        let ours = self.ours.people.iter().filter(|person| person.batch_id == self.batch().id);
        for person in ours.filter(|person| person.submitted_at.is_some() && !self.is_moving(person)) {
            if !listed.contains(person.worker.as_str()) {
                let (ours, theirs) = ("It was submitted.", "Does not list it.");
                found.push(self.found(
                    DifferenceKind::SubmissionMissing,
                    &person.assignment_id,
                    ours,
                    theirs,
                ));
            }
        }
    }

    fn bonuses(&self, found: &mut Vec<Found>) {
        let mut seen: BTreeSet<Uuid> = BTreeSet::new();
        let mut unmarked: BTreeMap<&str, usize> = BTreeMap::new();
        for paid in &self.one.bonuses {
            match self
                .ours
                .orders
                .iter()
                .find(|b| b.order.kind == Kind::Bonus && paid.reason.contains(&b.order.mark()))
            {
                None => {
                    let nth = unmarked.entry(&paid.assignment_id).or_default();
                    *nth += 1;
                    found.push(self.elsewhere(paid, *nth));
                }
                Some(booked) if seen.insert(booked.order.id.0) => found.extend(self.marked(booked, paid)),
                Some(booked) => found.push(Found {
                    cents: Some(paid.amount),
                    ..self.found(
                        DifferenceKind::BonusTwice,
                        &booked.order.mark(),
                        format!("Ordered once: ${}.", booked.order.amount),
                        format!("Lists it again: ${}.", paid.amount),
                    )
                }),
            }
        }
        self.unlisted(found, &seen);
    }

    fn elsewhere(&self, paid: &BonusPaid, nth: usize) -> Found {
        let subject = format!("{}#{nth}", paid.assignment_id);
        let theirs = format!("Paid ${} without our mark.", paid.amount);
        let found = self.found(DifferenceKind::BonusElsewhere, &subject, "Not ordered here.", theirs);
        Found { cents: (!self.counted(paid)).then_some(paid.amount), ..found }
    }

    /// Whether a bonus of ours counts as paid with this one, as a person says who is shown it after a restore: its own
    /// mark is not in the list.
    fn counted(&self, paid: &BonusPaid) -> bool {
        let listed = |mark: &str| self.one.bonuses.iter().any(|one| one.reason.contains(mark));
        self.ours.orders.iter().map(|booked| &booked.order).any(|order| {
            order.kind == Kind::Bonus
                && order.state == OrderState::Done
                && (&order.assignment_id, order.amount) == (&paid.assignment_id, paid.amount)
                && !listed(&order.mark())
        })
    }

    fn marked(&self, booked: &Booked, paid: &BonusPaid) -> Option<Found> {
        let order = &booked.order;
        let same = order.amount == paid.amount && order.assignment_id == paid.assignment_id;
        let kind = match order.state {
            OrderState::Refused => DifferenceKind::BonusUnexpected,
            _ if !same => DifferenceKind::BonusOther,
            _ => return None,
        };
        let work = if order.assignment_id == paid.assignment_id { "" } else { " for other work" };
        let ours = format!("${}: {}.", order.amount, order.state.as_str());
        let theirs = format!("${}{work}: paid.", paid.amount);
        let more =
            if kind == DifferenceKind::BonusUnexpected { paid.amount } else { paid.amount - order.amount };
        Some(Found { cents: Some(more), ..self.found(kind, &order.mark(), ours, theirs) })
    }

    /// Bonuses that we count as paid and the recruiter does not list.
    fn unlisted(&self, found: &mut Vec<Found>, seen: &BTreeSet<Uuid>) {
        let here: BTreeSet<&str> = self.one.submissions.iter().map(|s| s.assignment_id.as_str()).collect();
        for booked in &self.ours.orders {
            let order = &booked.order;
            let due = order.kind == Kind::Bonus
                && order.state == OrderState::Done
                && !booked.is_moving(self.asked_at);
            if due && here.contains(order.assignment_id.as_str()) && !seen.contains(&order.id.0) {
                let ours = format!("Paid ${}.", order.amount);
                found.push(self.found(
                    DifferenceKind::BonusMissing,
                    &order.mark(),
                    ours,
                    "Does not list it.",
                ));
            }
        }
    }
}

fn word(status: SubmissionStatus) -> &'static str {
    match status {
        SubmissionStatus::Submitted => "submitted, undecided",
        SubmissionStatus::Approved => "approved",
        SubmissionStatus::Rejected => "rejected",
    }
}

/// What the recruiter says of each batch, in numbers.
pub fn figures(told: &[Told]) -> Value {
    let count = |one: &Told, status| one.submissions.iter().filter(|s| s.status == status).count();
    let each = told.iter().filter(|one| one.shown).map(|one| {
        let numbers = json!({
            "submissions": one.submissions.len(),
            "approved": count(one, SubmissionStatus::Approved),
            "rejected": count(one, SubmissionStatus::Rejected),
            "bonuses": one.bonuses.len(),
            "bonus_cents": one.bonuses.iter().map(|bonus| bonus.amount.0).sum::<i64>(),
        });
        (one.batch.id.to_string(), numbers)
    });
    Value::Object(each.collect::<Map<_, _>>())
}
