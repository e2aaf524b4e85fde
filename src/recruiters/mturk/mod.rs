//! Amazon Mechanical Turk's requester protocol, through the AWS SDK.
//!
//! The same adapter talks to AWS, to its sandbox, to the built-in marketplace and to anything else
//! that speaks the protocol: only the address differs.
//!
//! | part | one idea |
//! | --- | --- |
//! | `client` | one AWS client per account, which never repeats a payment by itself |
//! | `limits` | how fast an account may be called |
//! | `errors` | what a failed call means |
//! | `convert`, `xml`, [`qualifications`] | the protocol's shapes into ours and back |
//! | [`rehearsal`] | the controls that our own marketplace adds |
//! | [`template`] | the researcher's own page, made ready for the frame |
//! | [`fees`] | what it costs |
//! | `owed` | the account's own qualifications, messages |

mod client;
mod convert;
mod errors;
pub mod fees;
mod limits;
mod owed;
pub mod qualifications;
pub mod rehearsal;
pub mod template;
#[cfg(test)]
mod tests;
mod xml;

use std::future::Future;

use async_trait::async_trait;
use aws_sdk_mturk::Client;
use aws_sdk_mturk::config::http::HttpResponse;
use aws_sdk_mturk::error::SdkError;
use aws_sdk_mturk::primitives::DateTime as SdkTime;
use aws_sdk_mturk::types::Hit;
use kernel::money::Cents;

pub use aws_sdk_mturk::config::SharedHttpClient;
pub use client::{Account, checked_http_client, http_client};
pub use limits::Pace;
pub use xml::QUESTION_LIMIT;

use super::{
    AskError, Bonus, BonusPaid, Delivery, Listed, Message, Offer, Outcome, Published, Recruiter, Refusal,
    RefusalKind, Submission, Task, Unit,
};
use errors::{UNREADABLE, Verdict, verdict};
use limits::{Lane, Limits};

/// The largest page the service gives.
const PAGE: i32 = 100;
/// Nobody's turn came; nothing was sent.
const BUSY: &str = "Too many calls are waiting for this recruiter.";

/// One requester account. A call that changes something returns within 20 seconds.
#[derive(Debug)]
pub struct MTurk {
    /// Repeats by itself: for questions and for calls that change nothing when repeated.
    calm: Client,
    /// Sends once: for calls that move money or decide about it.
    once: Client,
    limits: Limits,
}

impl MTurk {
    /// The account's adapter; `http` is shared by all accounts.
    pub fn new(account: &Account, http: SharedHttpClient) -> Self {
        let (calm, once) = client::clients(account, http);
        Self { calm, once, limits: Limits::new(account.pace) }
    }

    /// Sends a question when its turn comes.
    async fn ask<T, E>(&self, call: impl Future<Output = Sent<T, E>> + Send) -> Result<T, AskError>
    where
        E: std::error::Error + 'static,
    {
        self.send(Lane::Read, call).await.map_err(Verdict::into_ask_error)
    }

    /// Sends a change when its turn comes.
    async fn act<T, E>(&self, call: impl Future<Output = Sent<T, E>> + Send) -> Result<T, Verdict>
    where
        E: std::error::Error + 'static,
    {
        self.send(Lane::Write, call).await
    }

    async fn send<T, E>(
        &self,
        lane: Lane,
        call: impl Future<Output = Sent<T, E>> + Send,
    ) -> Result<T, Verdict>
    where
        E: std::error::Error + 'static,
    {
        let Some(_turn) = self.limits.turn(lane).await else {
            return Err(Verdict::NotNow(BUSY.into()));
        };
        call.await.map_err(|error| verdict(&error))
    }

    /// The unit that an earlier call under the same token made.
    async fn made_before(&self, unit_id: Option<String>, mark: &str) -> Outcome<Published> {
        let found = match unit_id {
            Some(id) => self.unit(&id).await,
            None => self.find_by_mark(mark).await,
        };
        match found {
            Ok(Some(unit)) => Outcome::Done(unit),
            Ok(None) => Outcome::Unknown("It was published before, but cannot be found yet.".into()),
            Err(problem) => Outcome::Unknown(format!("It was published before, but: {problem}")),
        }
    }

    async fn hit(&self, unit_id: &str) -> Result<Option<Hit>, AskError> {
        let answer = self.ask(self.calm.get_hit().hit_id(unit_id).send()).await;
        Ok(unless_missing(answer)?.and_then(|answer| answer.hit))
    }
}

type Sent<T, E> = Result<T, SdkError<E, HttpResponse>>;

#[async_trait]
impl Recruiter for MTurk {
    async fn balance(&self) -> Result<Cents, AskError> {
        let answer = self.ask(self.calm.get_account_balance().send()).await?;
        answer.available_balance().and_then(convert::dollars).ok_or_else(unreadable)
    }

    async fn register(&self, offer: &Offer) -> Outcome<String> {
        let requirements = match qualifications::parse(&offer.qualifications) {
            Ok(requirements) => requirements,
            Err(words) => return invalid(words),
        };
        let call = self
            .calm
            .create_hit_type()
            .title(&offer.title)
            .description(&offer.description)
            .set_keywords(Some(offer.keywords.clone()).filter(|words| !words.is_empty()))
            .reward(offer.reward.to_string())
            .assignment_duration_in_seconds(offer.duration_s.into())
            .auto_approval_delay_in_seconds(offer.auto_approve_s.into())
            .set_qualification_requirements(Some(requirements).filter(|list| !list.is_empty()));
        match self.act(call.send()).await {
            Ok(answer) => answer.hit_type_id.map_or_else(unknown, Outcome::Done),
            Err(verdict) => without_value(verdict),
        }
    }

    async fn publish(&self, unit: &Unit) -> Outcome<Published> {
        let question = question(&unit.task);
        if question.len() > QUESTION_LIMIT {
            return invalid(format!(
                "The page is larger than the {QUESTION_LIMIT} bytes the recruiter takes."
            ));
        }
        let call = self
            .once
            .create_hit_with_hit_type()
            .hit_type_id(&unit.offer_id)
            .max_assignments(unit.places)
            .lifetime_in_seconds(unit.lifetime_s.into())
            .question(question)
            .requester_annotation(&unit.mark)
            .unique_request_token(&unit.token);
        match self.act(call.send()).await {
            Ok(answer) => {
                answer.hit.as_ref().and_then(convert::published).map_or_else(unknown, Outcome::Done)
            }
            Err(Verdict::Already(unit_id)) => self.made_before(unit_id, &unit.mark).await,
            Err(verdict) => without_value(verdict),
        }
    }

    async fn find_by_mark(&self, mark: &str) -> Result<Option<Published>, AskError> {
        let mut pages = Pages::default();
        while pages.more() {
            let call = self.calm.list_hits().max_results(PAGE).set_next_token(pages.token());
            let answer = self.ask(call.send()).await?;
            if let Some(hit) = answer.hits().iter().find(|hit| hit.requester_annotation() == Some(mark)) {
                return convert::published(hit).ok_or_else(unreadable).map(Some);
            }
            pages.turn(answer.next_token)?;
        }
        Ok(None)
    }

    async fn units(&self) -> Result<Vec<Listed>, AskError> {
        let mut found = Vec::new();
        let mut pages = Pages::default();
        while pages.more() {
            let call = self.calm.list_hits().max_results(PAGE).set_next_token(pages.token());
            let answer = self.ask(call.send()).await?;
            found.extend(answer.hits().iter().filter_map(convert::listed));
            pages.turn(answer.next_token)?;
        }
        Ok(found)
    }

    async fn unit(&self, unit_id: &str) -> Result<Option<Published>, AskError> {
        match self.hit(unit_id).await? {
            Some(hit) => convert::published(&hit).ok_or_else(unreadable).map(Some),
            None => Ok(None),
        }
    }

    async fn expire(&self, unit_id: &str) -> Outcome<()> {
        let call = self.calm.update_expiration_for_hit().hit_id(unit_id).expire_at(SdkTime::from_secs(0));
        self.act(call.send()).await.map_or_else(Verdict::into_outcome, |_| Outcome::Done(()))
    }

    async fn submissions(&self, unit_id: &str) -> Result<Vec<Submission>, AskError> {
        let mut found = Vec::new();
        let mut pages = Pages::default();
        while pages.more() {
            let call = self.calm.list_assignments_for_hit().hit_id(unit_id).max_results(PAGE);
            let answer = self.ask(call.set_next_token(pages.token()).send()).await?;
            for assignment in answer.assignments() {
                found.push(convert::submission(assignment).ok_or_else(unreadable)?);
            }
            pages.turn(answer.next_token)?;
        }
        Ok(found)
    }

    async fn submission(&self, assignment_id: &str) -> Result<Option<Submission>, AskError> {
        let answer = self.ask(self.calm.get_assignment().assignment_id(assignment_id).send()).await;
        match unless_missing(answer)?.and_then(|answer| answer.assignment) {
            Some(assignment) => convert::submission(&assignment).ok_or_else(unreadable).map(Some),
            None => Ok(None),
        }
    }

    async fn approve(&self, assignment_id: &str, feedback: &str) -> Outcome<()> {
        let feedback = Some(feedback.to_owned()).filter(|words| !words.is_empty());
        let call =
            self.once.approve_assignment().assignment_id(assignment_id).set_requester_feedback(feedback);
        self.act(call.send()).await.map_or_else(Verdict::into_outcome, |_| Outcome::Done(()))
    }

    async fn reject(&self, assignment_id: &str, feedback: &str) -> Outcome<()> {
        let call = self.once.reject_assignment().assignment_id(assignment_id).requester_feedback(feedback);
        self.act(call.send()).await.map_or_else(Verdict::into_outcome, |_| Outcome::Done(()))
    }

    async fn override_rejection(&self, assignment_id: &str, feedback: &str) -> Outcome<()> {
        let feedback = Some(feedback.to_owned()).filter(|words| !words.is_empty());
        let call = self
            .once
            .approve_assignment()
            .assignment_id(assignment_id)
            .set_requester_feedback(feedback)
            .override_rejection(true);
        self.act(call.send()).await.map_or_else(Verdict::into_outcome, |_| Outcome::Done(()))
    }

    async fn bonus(&self, bonus: &Bonus) -> Outcome<()> {
        let call = self
            .once
            .send_bonus()
            .worker_id(&bonus.worker_id)
            .assignment_id(&bonus.assignment_id)
            .bonus_amount(bonus.amount.to_string())
            .reason(&bonus.reason)
            .unique_request_token(&bonus.token);
        self.act(call.send()).await.map_or_else(Verdict::into_outcome, |_| Outcome::Done(()))
    }

    async fn bonuses(&self, assignment_id: &str) -> Result<Vec<BonusPaid>, AskError> {
        let mut found = Vec::new();
        let mut pages = Pages::default();
        while pages.more() {
            let call = self.calm.list_bonus_payments().assignment_id(assignment_id).max_results(PAGE);
            let answer = self.ask(call.set_next_token(pages.token()).send()).await?;
            for payment in answer.bonus_payments() {
                found.push(convert::bonus_paid(payment).ok_or_else(unreadable)?);
            }
            pages.turn(answer.next_token)?;
        }
        Ok(found)
    }

    async fn unit_bonuses(&self, unit_id: &str) -> Result<Vec<BonusPaid>, AskError> {
        let mut found = Vec::new();
        let mut pages = Pages::default();
        while pages.more() {
            let call = self.calm.list_bonus_payments().hit_id(unit_id).max_results(PAGE);
            let answer = self.ask(call.set_next_token(pages.token()).send()).await?;
            for payment in answer.bonus_payments() {
                found.push(convert::bonus_paid(payment).ok_or_else(unreadable)?);
            }
            pages.turn(answer.next_token)?;
        }
        Ok(found)
    }

    async fn make_qualification(&self, name: &str, description: &str) -> Outcome<String> {
        self.make(name, description).await
    }

    async fn find_qualification(&self, name: &str) -> Result<Option<String>, AskError> {
        self.find(name).await
    }

    async fn grant(&self, qualification_id: &str, worker_id: &str) -> Outcome<()> {
        self.give(qualification_id, worker_id, owed::VALUE).await
    }

    async fn rate(&self, qualification_id: &str, worker_id: &str, value: i32) -> Outcome<()> {
        self.give(qualification_id, worker_id, value).await
    }

    async fn delete_qualification(&self, qualification_id: &str) -> Outcome<()> {
        self.delete(qualification_id).await
    }

    async fn notify(&self, message: &Message) -> Outcome<Delivery> {
        self.tell(message).await
    }
}

/// Walks through pages. The service ends a list without a token, or with an empty page after one.
#[derive(Debug, Default)]
struct Pages {
    started: bool,
    next: Option<String>,
}

impl Pages {
    fn more(&self) -> bool {
        !self.started || self.next.is_some()
    }

    fn token(&self) -> Option<String> {
        self.next.clone()
    }

    /// A token that leads back to its own page would never end.
    fn turn(&mut self, next: Option<String>) -> Result<(), AskError> {
        let next = next.filter(|token| !token.is_empty());
        if next.is_some() && next == self.next {
            return Err(unreadable());
        }
        self.started = true;
        self.next = next;
        Ok(())
    }
}

fn question(task: &Task) -> String {
    match task {
        Task::Frame { url, height } => xml::external_question(url, *height),
        Task::Html { html, height } => xml::html_question(html, *height),
    }
}

/// What does not exist, or not in a state to be shown, is an answer too.
fn unless_missing<T>(answer: Result<T, AskError>) -> Result<Option<T>, AskError> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(AskError::Refused(Refusal { kind: RefusalKind::Missing | RefusalKind::State, .. })) => Ok(None),
        Err(other) => Err(other),
    }
}

/// For calls that must bring a value: a repeated token alone does not.
fn without_value<T>(verdict: Verdict) -> Outcome<T> {
    match verdict.into_outcome() {
        Outcome::Done(()) => unknown(),
        Outcome::Refused(refusal) => Outcome::Refused(refusal),
        Outcome::NotNow(words) => Outcome::NotNow(words),
        Outcome::Unknown(words) => Outcome::Unknown(words),
    }
}

fn invalid<T>(words: String) -> Outcome<T> {
    Outcome::Refused(Refusal { kind: RefusalKind::Invalid, words })
}

fn unknown<T>() -> Outcome<T> {
    Outcome::Unknown(UNREADABLE.into())
}

fn unreadable() -> AskError {
    AskError::Unavailable(UNREADABLE.into())
}
