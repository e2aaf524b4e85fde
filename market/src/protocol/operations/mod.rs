//! The registry of operations: a name, how its input is read and checked, and what it does.
//!
//! To add one: a type that implements [`Operation`] in a file here, and a line in [`REGISTRY`].

mod account;
mod assignments;
mod bonuses;
mod create_hit;
mod hit_types;
mod hit_updates;
mod hits;
mod lifetimes;
mod notifications;
mod qualification_requests;
mod qualification_types;
mod qualifications;
mod retired;
mod review;
mod workers;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use serde_json::{Map, Value};
use sqlx::PgConnection;

use super::failure::Failure;
use super::fields::Fields;
use super::paging::{List, Seen};
use crate::engine::counters::{self, Then};
use crate::engine::hit_types::Properties;
use crate::engine::hits::Hit;
use crate::engine::qualifications::types;
use crate::engine::tokens::{self, Use};
use crate::engine::{Refusal, earlier, previews};
use crate::{Market, Quirks, TokenCode};

/// Every operation there is.
pub(crate) static REGISTRY: &[Entry] = &[
    entry::<account::GetAccountBalance>(),
    entry::<assignments::GetAssignment>(),
    entry::<assignments::ListAssignmentsForHit>(),
    entry::<bonuses::ListBonusPayments>(),
    entry::<bonuses::SendBonus>(),
    entry::<create_hit::CreateHit>(),
    entry::<create_hit::CreateHitWithHitType>(),
    entry::<hit_types::CreateHitType>(),
    entry::<hit_updates::UpdateHitReviewStatus>(),
    entry::<hit_updates::UpdateHitTypeOfHit>(),
    entry::<hits::GetHit>(),
    entry::<hits::ListHits>(),
    entry::<hits::ListReviewableHits>(),
    entry::<lifetimes::CreateAdditionalAssignmentsForHit>(),
    entry::<lifetimes::DeleteHit>(),
    entry::<lifetimes::UpdateExpirationForHit>(),
    entry::<notifications::SendTestEventNotification>(),
    entry::<notifications::UpdateNotificationSettings>(),
    entry::<qualification_requests::AcceptQualificationRequest>(),
    entry::<qualification_requests::ListQualificationRequests>(),
    entry::<qualification_requests::RejectQualificationRequest>(),
    entry::<qualification_types::CreateQualificationType>(),
    entry::<qualification_types::DeleteQualificationType>(),
    entry::<qualification_types::GetQualificationType>(),
    entry::<qualification_types::ListHitsForQualificationType>(),
    entry::<qualification_types::ListQualificationTypes>(),
    entry::<qualification_types::UpdateQualificationType>(),
    entry::<qualifications::AssociateQualificationWithWorker>(),
    entry::<qualifications::DisassociateQualificationFromWorker>(),
    entry::<qualifications::GetQualificationScore>(),
    entry::<qualifications::ListWorkersWithQualificationType>(),
    entry::<review::ApproveAssignment>(),
    entry::<review::RejectAssignment>(),
    entry::<retired::GetFileUploadUrl>(),
    entry::<retired::ListReviewPolicyResultsForHit>(),
    entry::<workers::CreateWorkerBlock>(),
    entry::<workers::DeleteWorkerBlock>(),
    entry::<workers::ListWorkerBlocks>(),
    entry::<workers::NotifyWorkers>(),
];

/// One operation of the protocol; a value of the type is its checked input.
pub(crate) trait Operation: Sized + Send {
    /// As the header names it.
    const NAME: &'static str;

    /// Reads the input; what is wrong with it stays in `fields`.
    fn read(fields: &mut Fields) -> Self;

    /// Does it, in the call's transaction.
    fn run(self, call: &mut Call<'_>) -> impl Future<Output = Result<Value, Failure>> + Send;
}

type Run = for<'a> fn(&'a mut Call<'_>, Map<String, Value>) -> BoxFuture<'a, Result<Value, Failure>>;

/// An operation in the registry.
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(crate) run: Run,
}

const fn entry<O: Operation>() -> Entry {
    Entry { name: O::NAME, run: run::<O> }
}

fn run<'a, O: Operation>(
    call: &'a mut Call<'_>,
    members: Map<String, Value>,
) -> BoxFuture<'a, Result<Value, Failure>> {
    Box::pin(async move {
        let mut fields = Fields::new(members);
        let operation = O::read(&mut fields);
        fields.finish()?;
        operation.run(call).await
    })
}

/// The operation of this name.
pub(crate) fn find(name: &str) -> Option<&'static Entry> {
    REGISTRY.iter().find(|entry| entry.name == name)
}

/// One call: who asks, when, and the transaction it happens in.
pub(crate) struct Call<'c> {
    pub(crate) market: &'c Market,
    pub(crate) conn: &'c mut PgConnection,
    pub(crate) now: DateTime<Utc>,
    pub(crate) requester_id: &'c str,
    /// How the market behaves towards this requester.
    pub(crate) quirks: Quirks,
    /// Which things it sees.
    pub(crate) seen: Seen,
    operation: &'static str,
    parameters: String,
}

impl<'c> Call<'c> {
    pub(crate) fn new(
        market: &'c Market,
        conn: &'c mut PgConnection,
        now: DateTime<Utc>,
        requester_id: &'c str,
        quirks: Quirks,
        operation: &'static str,
        members: &Map<String, Value>,
    ) -> Self {
        let said = members.iter().filter(|(name, _)| *name != "UniqueRequestToken");
        let mut said: Vec<_> = said.map(|(name, value)| format!("{name}={value}")).collect();
        said.sort();
        Self {
            market,
            conn,
            now,
            requester_id,
            quirks,
            seen: Seen::default(),
            operation,
            parameters: said.join("\n"),
        }
    }

    /// Takes the token, if the call has one. A repeated token gives what the first call made, whatever the second says:
    /// clients know one answer to a repeated token.
    pub(crate) async fn take_token(&mut self, token: Option<&str>) -> Result<Option<String>, Failure> {
        let Some(token) = token else { return Ok(None) };
        let call = Use {
            requester_id: self.requester_id,
            operation: self.operation,
            token,
            parameters: &self.parameters,
        };
        match tokens::take(self.conn, self.now, call).await? {
            tokens::Seen::Fresh => Ok(None),
            tokens::Seen::Other(_) if self.quirks.tokens_compare => {
                Err(Refusal::TokenForAnother(token.into()).into())
            }
            tokens::Seen::Done(result) | tokens::Seen::Other(result) => Ok(Some(result)),
        }
    }

    /// Notes what the call with this token made.
    pub(crate) async fn settle_token(&mut self, token: Option<&str>, result: &str) -> Result<(), Failure> {
        let Some(token) = token else { return Ok(()) };
        let call = Use { requester_id: self.requester_id, operation: self.operation, token, parameters: "" };
        Ok(tokens::settle(self.conn, call, result).await?)
    }

    /// The counters to tell of these HITs.
    pub(crate) async fn counters(&mut self, hits: &[Hit]) -> sqlx::Result<Then> {
        let Quirks { counter_lag, previews_pending, .. } = self.quirks;
        let then = earlier(self.now, counter_lag.into());
        let told = match counter_lag {
            0 => Then::default(),
            _ => counters::at(self.conn, hits, then).await?,
        };
        if previews_pending == 0 {
            return Ok(told);
        }
        Ok(told.with_lookers(previews::at(self.conn, hits, then, previews_pending).await?))
    }

    /// Whether workers can have what a HIT of this type requires.
    pub(crate) async fn check_requirements(&mut self, properties: &Properties) -> Result<(), Failure> {
        if !self.quirks.refuse_unknown_qualifications {
            return Ok(());
        }
        let premium = &self.market.settings().fees.premium;
        let required: Vec<_> =
            properties.required().into_iter().filter(|id| !premium.contains_key(*id)).collect();
        match types::unknown(self.conn, &required).await? {
            Some(id) => Err(Refusal::NoSuchQualificationType(id).into()),
            None => Ok(()),
        }
    }

    /// What a repeated token is answered with where there is no HIT to name.
    pub(crate) fn repeated(&self, token: &str) -> Failure {
        let code = match self.quirks.token_code {
            TokenCode::None => None,
            TokenCode::InvalidParameterValue => Some("AWS.MechanicalTurk.InvalidParameterValue"),
            TokenCode::HitAlreadyExists => Some(self.hit_already_exists()),
        };
        Failure::request(code, Refusal::TokenUsed(token.into()).to_string())
    }

    /// What a repeated token is answered with that made this HIT.
    pub(crate) fn repeated_hit(&self, hit_id: String) -> Failure {
        Failure::request(Some(self.hit_already_exists()), Refusal::HitExists(hit_id).to_string())
    }

    fn hit_already_exists(&self) -> &'static str {
        if self.quirks.reference_spelling {
            "AWS.MechanicalTurk.HitAlreadyExists"
        } else {
            "AWS.MechanicalTurk.HITAlreadyExists"
        }
    }

    /// A list of this requester's, about `subject`.
    pub(crate) fn list(&self, subject: &str) -> List<'c> {
        List {
            keyring: self.market.keyring(),
            scope: format!("market/{}/{}/{subject}", self.operation, self.requester_id),
            empty_last_page: self.quirks.empty_last_page,
            seen: self.seen,
        }
    }
}
