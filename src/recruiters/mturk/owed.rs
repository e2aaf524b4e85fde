//! Qualifications of the account's own, and messages: what pays somebody outside of a study, what keeps a score.

use aws_sdk_mturk::types::QualificationTypeStatus;

use super::{MTurk, PAGE, Pages, Verdict, unknown, without_value};
use crate::recruiters::{AskError, Delivery, Message, Outcome, Refusal, RefusalKind};

/// The value that everybody with a qualification for one has; requirements ask only whether it exists.
pub(super) const VALUE: i32 = 1;

impl MTurk {
    /// Names are unique for each account, so a second type of this name is refused; whoever repeats looks first.
    pub(super) async fn make(&self, name: &str, description: &str) -> Outcome<String> {
        let call = self
            .once
            .create_qualification_type()
            .name(name)
            .description(description)
            .qualification_type_status(QualificationTypeStatus::Active);
        match self.act(call.send()).await {
            Ok(answer) => answer
                .qualification_type
                .and_then(|kind| kind.qualification_type_id)
                .map_or_else(unknown, Outcome::Done),
            Err(verdict) => without_value(verdict),
        }
    }

    /// The search goes by words of the name, so the answer is compared with it.
    pub(super) async fn find(&self, name: &str) -> Result<Option<String>, AskError> {
        let mut pages = Pages::default();
        while pages.more() {
            let call = self
                .calm
                .list_qualification_types()
                .query(name)
                .must_be_requestable(false)
                .must_be_owned_by_caller(true)
                .max_results(PAGE)
                .set_next_token(pages.token());
            let answer = self.ask(call.send()).await?;
            let found = answer.qualification_types().iter().find(|kind| kind.name() == Some(name));
            if let Some(id) = found.and_then(|kind| kind.qualification_type_id()) {
                return Ok(Some(id.to_owned()));
            }
            pages.turn(answer.next_token)?;
        }
        Ok(None)
    }

    /// Says nothing to the worker. Who has the qualification gets the new value (AssociateQualificationWithWorker).
    pub(super) async fn give(&self, qualification_id: &str, worker_id: &str, value: i32) -> Outcome<()> {
        let call = self
            .once
            .associate_qualification_with_worker()
            .qualification_type_id(qualification_id)
            .worker_id(worker_id)
            .integer_value(value)
            .send_notification(false);
        self.act(call.send()).await.map_or_else(Verdict::into_outcome, |_| Outcome::Done(()))
    }

    pub(super) async fn delete(&self, qualification_id: &str) -> Outcome<()> {
        let call = self.calm.delete_qualification_type().qualification_type_id(qualification_id);
        match self.act(call.send()).await.map_or_else(Verdict::into_outcome, |_| Outcome::Done(())) {
            Outcome::Refused(Refusal { kind: RefusalKind::Missing | RefusalKind::State, .. }) => {
                Outcome::Done(())
            }
            other => other,
        }
    }

    /// A failure inside the success is an answer, too.
    pub(super) async fn tell(&self, message: &Message) -> Outcome<Delivery> {
        let call = self
            .once
            .notify_workers()
            .subject(&message.subject)
            .message_text(&message.text)
            .worker_ids(&message.worker_id);
        match self.act(call.send()).await {
            Ok(answer) => Outcome::Done(match answer.notify_workers_failure_statuses().first() {
                None => Delivery::Sent,
                Some(failure) => Delivery::Failed(words(failure.notify_workers_failure_message())),
            }),
            Err(verdict) => without_value(verdict),
        }
    }
}

/// The service's words without the worker's id.
fn words(told: Option<&str>) -> String {
    let told = told.map(super::errors::scrub).filter(|told| !told.trim().is_empty());
    told.unwrap_or_else(|| "The recruiter did not say why.".to_owned())
}
