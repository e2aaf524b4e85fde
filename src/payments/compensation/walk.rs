//! The way of a compensation, one step at a time: qualification, grant, HIT, message, submission, end.
//!
//! Each step is written down under the row's lease; what can be found again is looked for before it is made again:
//! the qualification by its name, the HIT by its mark. The message cannot be found, so it is sent at most once.
//! A restored backup may not know of the compensation that a worker was offered since: before a HIT first goes out,
//! those that nobody here knows are looked through.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::json;

use super::store::Compensation;
use super::{back, end, store};
use crate::app::App;
use crate::connections;
use crate::jobs::{Lease, Reconciler, Step, back_off};
use crate::payments::OrderState;
use crate::recruiters::{
    AskError, Delivery, Message, Offer, Outcome, Published, Recruiter, Refusal, RefusalKind,
    SubmissionStatus, TOKEN_LIFE, Task, Unit,
};
use crate::studies::publisher::strays;

/// The name, for wake-ups.
pub const NAME: &str = "compensator";

/// How long the HIT is on the list.
const LIFETIME: chrono::Duration = chrono::Duration::days(14);
/// How long a worker who accepted it may take.
const DURATION: chrono::Duration = chrono::Duration::hours(1);
/// A list at the recruiter may lag so much.
pub(super) const SETTLING: chrono::Duration = chrono::Duration::hours(1);
/// The recruiter approves by itself, should this server be gone, after so many seconds.
const AUTO_APPROVE_S: i32 = 86_400;
/// How tall the page is in the frame, in pixels.
const HEIGHT: i32 = 420;
/// A message that the recruiter does not take now is tried so often.
const TELL_TRIES: i32 = 5;

/// Goes on with compensations.
#[derive(Debug)]
pub struct Compensator(pub App);

/// What is to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Qualify,
    Grant,
    Register,
    Publish,
    Tell,
    /// The process died while the message was being sent.
    GiveUpTelling,
    Watch,
    /// A person wants it back.
    Withdraw,
    /// Submitted: the payer is at work.
    Wait,
    CleanUp,
}

fn next(it: &Compensation) -> Next {
    match it.state {
        OrderState::Done | OrderState::Refused => return Next::CleanUp,
        OrderState::Planned if it.withdrawn_at.is_some() || it.submitted_after_all => return Next::Withdraw,
        OrderState::Planned => {}
        _ => return Next::Wait,
    }
    let told = it.told_at.is_some() || it.tell_problem.is_some();
    match it {
        _ if it.qualification_id.is_none() => Next::Qualify,
        _ if it.granted_at.is_none() => Next::Grant,
        _ if it.offer_id.is_none() => Next::Register,
        _ if it.hit_id.is_none() => Next::Publish,
        _ if !told && it.telling_at.is_some() => Next::GiveUpTelling,
        _ if !told => Next::Tell,
        _ => Next::Watch,
    }
}

/// How a step ended, with the row as it then is.
pub(super) enum Moved {
    /// Go on at once.
    On(Compensation),
    /// Nothing more until then.
    Rest(Compensation, DateTime<Utc>),
    /// Something stands in the way, in words; later again.
    Held(Compensation, String),
    /// The worker has submitted this assignment.
    Submitted(Compensation, String),
    /// It does not come about, and why.
    Over(Compensation, String),
    /// Refused here, and paid by the recruiter's clock or by hand after all.
    PaidAfterAll(Compensation, String),
    /// Another process has the row.
    Lost,
}

#[async_trait]
impl Reconciler for Compensator {
    fn name(&self) -> &'static str {
        NAME
    }

    fn period(&self) -> Duration {
        Duration::from_secs(5)
    }

    async fn step(&self) -> anyhow::Result<Step> {
        let now = self.0.clock.now();
        let lease = Lease::from(now);
        let mut tx = self.0.pool.begin().await?;
        let claimed = store::claim(&mut tx, now, lease).await?;
        tx.commit().await?;
        let Some(it) = claimed else { return Ok(Step::Idle) };
        let moved = match connections::recruiter(&self.0, it.connection_id).await {
            Ok(recruiter) => self.go(recruiter.as_ref(), it, lease).await?,
            Err(error) => Moved::Held(it, error.to_string()),
        };
        self.record(lease, moved).await?;
        Ok(Step::Worked)
    }
}

impl Compensator {
    async fn go(&self, recruiter: &dyn Recruiter, it: Compensation, lease: Lease) -> anyhow::Result<Moved> {
        let now = self.0.clock.now();
        // Something stands in the way: perhaps all of it was done in hours that a restored backup does not know of.
        if it.hit_id.is_none()
            && it.failures > 0
            && it.state == OrderState::Planned
            && let Ok(Some(found)) = recruiter.find_by_mark(&it.order_id.to_string()).await
        {
            return Ok(Moved::On(offered(it, found)));
        }
        Ok(match next(&it) {
            Next::Qualify => qualify(recruiter, it).await,
            Next::Grant => grant(recruiter, it, now).await,
            Next::Register => register(recruiter, it).await,
            Next::Publish => self.publish(recruiter, it, lease).await?,
            Next::Tell => self.tell(recruiter, it, lease).await?,
            Next::GiveUpTelling => {
                let words = "It is not known whether the message went out. Pass the link on yourself.";
                Moved::On(Compensation { tell_problem: Some(words.into()), ..it })
            }
            Next::Watch => watch(recruiter, it, now).await,
            Next::Withdraw => back::step(recruiter, it, now).await,
            Next::Wait => Moved::Rest(it, now + chrono::Duration::minutes(1)),
            Next::CleanUp => end::clean_up(recruiter, it, now).await,
        })
    }

    /// Publishes the HIT. One that may have gone out is looked for first, and never sent again when its token
    /// is too old.
    async fn publish(
        &self,
        recruiter: &dyn Recruiter,
        it: Compensation,
        lease: Lease,
    ) -> anyhow::Result<Moved> {
        let now = self.0.clock.now();
        // Also before the first attempt, of which a restored backup may not know.
        match recruiter.find_by_mark(&it.order_id.to_string()).await {
            Ok(Some(found)) => return Ok(Moved::On(offered(it, found))),
            Ok(None) if it.first_sent_at.is_none_or(|first| now - first < TOKEN_LIFE) => {}
            Ok(None) => {
                let words =
                    "It was sent long ago and the recruiter does not list it, so it is not sent again.";
                return Ok(Moved::Held(it, words.into()));
            }
            Err(error) => return Ok(Moved::Held(it, error.to_string())),
        }
        let fresh = it.first_sent_at.is_none();
        let it = match self.offered_before(recruiter, it).await? {
            Moved::On(it) => it,
            other => return Ok(other),
        };
        let it = Compensation { first_sent_at: it.first_sent_at.or(Some(now)), ..it };
        if !self.hold(&it, lease).await? {
            return Ok(Moved::Lost);
        }
        crate::crash::point("compensate.row");
        let outcome = recruiter.publish(&self.unit(&it)).await;
        crate::crash::point("compensate.hit");
        Ok(match outcome {
            Outcome::Done(published) => Moved::On(offered(it, published)),
            // Certainly nothing came of the only attempt: the token's age counts from the next.
            Outcome::Refused(Refusal { words, .. }) | Outcome::NotNow(words) if fresh => {
                Moved::Held(Compensation { first_sent_at: None, ..it }, words)
            }
            Outcome::Refused(Refusal { words, .. }) | Outcome::NotNow(words) | Outcome::Unknown(words) => {
                Moved::Held(it, words)
            }
        })
    }

    /// Goes on unless this worker has a compensation of this study that nobody here knows, or may have one: offered
    /// before a backup was restored, it would be the second.
    async fn offered_before(&self, recruiter: &dyn Recruiter, it: Compensation) -> anyhow::Result<Moved> {
        if it.first_sent_at.is_some() {
            return Ok(Moved::On(it));
        }
        let title = title(&it);
        let unknown = strays::with_title(&self.0, recruiter, it.lab_id, it.connection_id, &title).await?;
        let unknown = match unknown {
            Ok(unknown) => unknown,
            Err(error) => return Ok(Moved::Held(it, error.to_string())),
        };
        for unit in &unknown {
            match recruiter.submissions(&unit.unit_id).await {
                Ok(list) if list.iter().any(|one| one.worker_id == it.worker) => {
                    let words = "The recruiter lists a compensation of this worker that this server does not know, \
                                 from before a backup was restored. So there is no second one.";
                    return Ok(Moved::Over(it, words.into()));
                }
                // One that it does not show any more is for whoever looks at it under Money.
                Ok(_) | Err(AskError::Refused(Refusal { kind: RefusalKind::Missing, .. })) => {}
                Err(error) => return Ok(Moved::Held(it, error.to_string())),
            }
        }
        let unseen = unknown.iter().filter(|unit| !unit.seen).count();
        if unseen == 0 {
            return Ok(Moved::On(it));
        }
        let words = format!(
            "The recruiter has {unseen} compensations of this study that this server does not know, perhaps from \
             before a backup was restored. Look at them under Money; then this goes on."
        );
        Ok(Moved::Held(it, words))
    }

    /// Writes to the worker, at most once.
    async fn tell(&self, recruiter: &dyn Recruiter, it: Compensation, lease: Lease) -> anyhow::Result<Moved> {
        let now = self.0.clock.now();
        let link = link(&self.0, &it).await?;
        let it = Compensation { telling_at: Some(now), ..it };
        if !self.hold(&it, lease).await? {
            return Ok(Moved::Lost);
        }
        crate::crash::point("compensate.telling");
        let outcome = recruiter.notify(&message(&it, &link)).await;
        crate::crash::point("compensate.told");
        Ok(match outcome {
            Outcome::Done(Delivery::Sent) => Moved::On(Compensation { told_at: Some(now), ..it }),
            Outcome::NotNow(words) if it.failures < TELL_TRIES => {
                Moved::Held(Compensation { telling_at: None, ..it }, words)
            }
            Outcome::Done(Delivery::Failed(words))
            | Outcome::Refused(Refusal { words, .. })
            | Outcome::NotNow(words)
            | Outcome::Unknown(words) => Moved::On(Compensation { tell_problem: Some(words), ..it }),
        })
    }

    /// Commits the row before a call. `false`: another process has taken it, or may have by now.
    async fn hold(&self, it: &Compensation, lease: Lease) -> anyhow::Result<bool> {
        let mut conn = self.0.pool.acquire().await?;
        let held = store::save(&mut conn, it, lease, None).await?;
        Ok(held && self.0.clock.now() < lease.until)
    }

    fn unit(&self, it: &Compensation) -> Unit {
        let url = self.0.config.absolute(&format!("/owed/{}", it.code));
        Unit {
            offer_id: it.offer_id.clone().unwrap_or_default(),
            task: Task::Frame { url, height: HEIGHT },
            places: 1,
            lifetime_s: i32::try_from(LIFETIME.num_seconds()).unwrap_or(i32::MAX),
            mark: it.order_id.to_string(),
            token: it.order_id.to_string(),
        }
    }

    async fn record(&self, lease: Lease, moved: Moved) -> anyhow::Result<()> {
        let now = self.0.clock.now();
        let mut tx = self.0.pool.begin().await?;
        let (it, at) = match moved {
            Moved::Lost => return Ok(()),
            Moved::On(it) => (well(it), now),
            Moved::Rest(it, at) => (well(it), at),
            Moved::Held(it, words) => {
                let at = now + back_off(it.failures + 1);
                (Compensation { problem: Some(words), failures: it.failures + 1, ..it }, at)
            }
            Moved::Submitted(it, assignment) => {
                store::pay(&mut tx, it.order_id, &assignment, now).await?;
                (Compensation { submitted_at: Some(now), ..well(it) }, now + chrono::Duration::seconds(10))
            }
            Moved::PaidAfterAll(it, assignment) => {
                store::paid_after_all(&mut tx, it.order_id, &assignment, now).await?;
                (well(it), now)
            }
            Moved::Over(it, words) => {
                store::refuse(&mut tx, it.order_id, &words).await?;
                (well(it), now)
            }
        };
        if store::save(&mut tx, &it, lease, Some(at)).await? {
            tx.commit().await?;
        }
        Ok(())
    }
}

fn well(it: Compensation) -> Compensation {
    Compensation { problem: None, failures: 0, ..it }
}

pub(super) fn offered(it: Compensation, published: Published) -> Compensation {
    Compensation {
        hit_id: Some(published.unit_id),
        hit_group_id: published.group_id,
        expires_at: published.expires_at,
        ..it
    }
}

/// The name of the qualification: by it the type is found again.
fn name(it: &Compensation) -> String {
    format!("Thank you {}", it.order_id.0.simple())
}

async fn qualify(recruiter: &dyn Recruiter, it: Compensation) -> Moved {
    let name = name(&it);
    let known = match recruiter.find_qualification(&name).await {
        Ok(known) => known,
        Err(error) => return Moved::Held(it, error.to_string()),
    };
    let outcome = match known {
        Some(id) => Outcome::Done(id),
        None => recruiter.make_qualification(&name, "Given to one person, to receive a payment.").await,
    };
    crate::crash::point("compensate.qualification");
    match outcome {
        Outcome::Done(id) => Moved::On(Compensation { qualification_id: Some(id), ..it }),
        // Perhaps it exists and cannot be found as yet: the next try looks again.
        Outcome::Refused(Refusal { words, .. }) | Outcome::NotNow(words) | Outcome::Unknown(words) => {
            Moved::Held(it, words)
        }
    }
}

async fn grant(recruiter: &dyn Recruiter, it: Compensation, now: DateTime<Utc>) -> Moved {
    let outcome = recruiter.grant(it.qualification_id.as_deref().unwrap_or_default(), &it.worker).await;
    crate::crash::point("compensate.grant");
    match outcome {
        Outcome::Done(()) => Moved::On(Compensation { granted_at: Some(now), ..it }),
        Outcome::Refused(Refusal { words, .. }) | Outcome::NotNow(words) | Outcome::Unknown(words) => {
            Moved::Held(it, words)
        }
    }
}

/// The same offer gives the same id, so a repeat is harmless.
async fn register(recruiter: &dyn Recruiter, it: Compensation) -> Moved {
    let outcome = recruiter.register(&offer(&it)).await;
    crate::crash::point("compensate.offer");
    match outcome {
        Outcome::Done(id) => Moved::On(Compensation { offer_id: Some(id), ..it }),
        Outcome::Refused(Refusal { words, .. }) | Outcome::NotNow(words) | Outcome::Unknown(words) => {
            Moved::Held(it, words)
        }
    }
}

/// The headline of its HIT.
fn title(it: &Compensation) -> String {
    format!("Payment for “{}”", it.title).chars().take(128).collect()
}

fn offer(it: &Compensation) -> Offer {
    Offer {
        title: title(it),
        description: "Only you can see this. Accept it and press Submit to receive the payment.".into(),
        keywords: "payment, compensation".into(),
        reward: it.amount,
        duration_s: i32::try_from(DURATION.num_seconds()).unwrap_or(i32::MAX),
        auto_approve_s: AUTO_APPROVE_S,
        qualifications: json!([{
            "QualificationTypeId": it.qualification_id.clone().unwrap_or_default(),
            "Comparator": "Exists",
            "ActionsGuarded": "DiscoverPreviewAndAccept",
        }]),
    }
}

/// Where the worker finds the HIT.
///
/// # Errors
/// When the connection is gone, or the database does not answer.
pub async fn link(app: &App, it: &Compensation) -> anyhow::Result<String> {
    let place = connections::place(app, it.connection_id).await?;
    let site = place.worker_site.as_str().trim_end_matches('/').to_owned();
    let group = it.hit_group_id.as_deref().unwrap_or_default();
    Ok(match it.environment.as_str() {
        "production" | "sandbox" => format!("{site}/mturk/preview?groupId={group}"),
        _ => format!("{site}/groups/{}", it.offer_id.as_deref().unwrap_or_default()),
    })
}

fn message(it: &Compensation, link: &str) -> Message {
    let subject: String = format!("Payment for “{}”", it.title).chars().take(200).collect();
    let text = format!(
        "{}\n\nYou receive ${} here: open this, accept it, and press Submit.\n{link}",
        it.words, it.amount
    );
    Message { worker_id: it.worker.clone(), subject, text: text.chars().take(4096).collect() }
}

async fn watch(recruiter: &dyn Recruiter, it: Compensation, now: DateTime<Utc>) -> Moved {
    match look(recruiter, it, now).await {
        Seen::Nobody(it, unit) => not_yet(it, &unit, now),
        Seen::Otherwise(moved) => moved,
    }
}

/// What the recruiter shows of an offered HIT.
pub(super) enum Seen {
    /// Nobody has submitted.
    Nobody(Compensation, Published),
    /// Something that decides what comes next.
    Otherwise(Moved),
}

pub(super) async fn look(recruiter: &dyn Recruiter, it: Compensation, now: DateTime<Utc>) -> Seen {
    let hit = it.hit_id.clone().unwrap_or_default();
    let unit = match recruiter.unit(&hit).await {
        Ok(unit) => unit,
        Err(error) => return Seen::Otherwise(Moved::Held(it, error.to_string())),
    };
    let Some(unit) = unit else { return Seen::Otherwise(missing(it, now)) };
    match recruiter.submissions(&hit).await {
        Ok(list) => match list.into_iter().find(|submission| submission.worker_id == it.worker) {
            Some(one) if one.status == SubmissionStatus::Rejected => {
                Seen::Otherwise(Moved::Over(it, "It was rejected on the recruiter's own pages.".into()))
            }
            Some(one) => Seen::Otherwise(Moved::Submitted(it, one.assignment_id)),
            None => Seen::Nobody(it, unit),
        },
        Err(error) => Seen::Otherwise(Moved::Held(it, error.to_string())),
    }
}

/// Nobody has submitted. It is over when nobody can any more.
fn not_yet(it: Compensation, unit: &Published, now: DateTime<Utc>) -> Moved {
    let end = unit.expires_at.or(it.expires_at);
    if !unit.live && end.is_some_and(|end| now > end + DURATION + SETTLING) {
        return Moved::Over(it, "The worker did not collect it before it left the list.".into());
    }
    let asked = it.telling_at.unwrap_or(now);
    let often = if now - asked < chrono::Duration::hours(2) { 1 } else { 10 };
    Moved::Rest(it, now + chrono::Duration::minutes(often))
}

/// A HIT that is not shown for long was deleted there.
fn missing(it: Compensation, now: DateTime<Utc>) -> Moved {
    let young = it.first_sent_at.is_some_and(|at| now - at < SETTLING);
    if young || it.failures < 6 {
        return Moved::Held(it, "The recruiter does not show its HIT at the moment.".into());
    }
    Moved::Over(it, "Its HIT was deleted at the recruiter.".into())
}
