//! Decisions: approve, approve and pay the bonus, pay a bonus, reject. People decide, or a study's [`rules`],
//! which never reject and can be stopped ([`auto`]).
//!
//! A decision is planned first ([`plan`]): every chosen participation with what would be ordered for it,
//! or why nothing can be. The confirmation page shows the plan; [`carry_out`] makes it again in one
//! transaction, refuses if the sum has changed meanwhile, and places the orders.

pub mod advice;
pub mod auto;
pub mod bulk;
pub mod code;
mod digest;
mod facts;
pub mod overturn;
pub mod policy;
pub mod rules;
pub mod statistics;
mod store;
pub mod templates;
pub mod trial;
pub mod verdicts;
pub mod words;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use kernel::money::Cents;
use sqlx::PgConnection;
use uuid::Uuid;

pub use code::CodeCheck;

use crate::accounts::AccountId;
use crate::app::App;
use crate::audit;
use crate::jobs::Reconciler;
use crate::participation::{self, Participation, Stage};
use crate::payments::{self, Kind, NewOrder, OrderError, PAYOFF};
use crate::recruiters::mturk::{fees, template};
use crate::studies::{Play, Study, batches, cost};

/// What somebody wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Approve; no bonus.
    Approve { feedback: String },
    /// Approve and pay a bonus: oTree's payoff, or this amount for each.
    ApproveWithBonus { feedback: String, amount: Option<Cents> },
    /// Pay a bonus for work that is approved already.
    Bonus { amount: Option<Cents>, words: String },
    /// Pay this on top of everything else, once for each `source`.
    Extra { amount: Cents, words: String, source: String },
    /// Reject; the worker reads the reason.
    Reject { reason: String },
    /// Approve what was rejected, decided at this moment.
    Override { feedback: String, at: DateTime<Utc> },
}

/// A decision about one participation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    pub participation: Uuid,
    pub decision: Decision,
}

impl Wish {
    /// The same decision about each, once.
    pub fn alike(chosen: &[Uuid], decision: &Decision) -> Vec<Self> {
        let mut seen = HashSet::new();
        let once = chosen.iter().filter(|id| seen.insert(**id));
        once.map(|id| Self { participation: *id, decision: decision.clone() }).collect()
    }
}

/// One line of a plan.
#[derive(Debug, Clone)]
pub struct Line {
    pub participation: Participation,
    /// What is wanted for this person.
    pub decision: Decision,
    /// What would be ordered, or why nothing can be.
    pub orders: Result<Vec<NewOrder>, String>,
}

impl Line {
    /// The sum of its orders of one kind, without fees.
    pub fn amount(&self, kind: Kind) -> Cents {
        self.orders.iter().flatten().filter(|order| order.kind == kind).map(|order| order.amount).sum()
    }

    /// The sum of its orders, without fees.
    pub fn sum(&self) -> Cents {
        self.orders.iter().flatten().map(|order| order.amount).sum()
    }

    /// The fees of its orders, at most.
    pub fn fees(&self) -> Cents {
        self.orders.iter().flatten().map(|order| order.fee).sum()
    }
}

/// What a decision comes to.
#[derive(Debug, Clone)]
pub struct Plan {
    pub lines: Vec<Line>,
}

impl Plan {
    /// Rewards, bonuses and fees together.
    pub fn total(&self) -> Cents {
        self.lines.iter().flat_map(|line| line.orders.iter().flatten()).map(|o| o.amount + o.fee).sum()
    }

    /// How many participations something would be ordered for.
    pub fn able(&self) -> usize {
        self.lines.iter().filter(|line| line.orders.is_ok()).count()
    }
}

/// Why a decision was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ReviewError {
    /// Something changed between the confirmation page and the click.
    #[error("This comes to {now} now, not {shown} as shown, so nothing was done. Please look again.")]
    Changed {
        /// The sum on the page.
        shown: Cents,
        /// The sum now.
        now: Cents,
    },
    /// A rejection needs a reason.
    #[error("A rejection needs a reason, which the worker will read.")]
    NoReason,
    /// The text is longer than the recruiter takes.
    #[error("At most {0} characters.")]
    TooLong(usize),
    /// The text asks for something that nobody knows.
    #[error(transparent)]
    Template(#[from] words::TemplateError),
    /// The budget or the database.
    #[error(transparent)]
    Order(#[from] OrderError),
}

impl From<sqlx::Error> for ReviewError {
    fn from(error: sqlx::Error) -> Self {
        Self::Order(error.into())
    }
}

/// What the decisions would order. Locks their participations until the transaction ends; those of another
/// study are left out.
///
/// # Errors
/// When a reason is missing or a text cannot be used, or the database does not answer.
pub async fn plan(conn: &mut PgConnection, study: &Study, wishes: &[Wish]) -> Result<Plan, ReviewError> {
    wishes.iter().try_for_each(|wish| check_words(&wish.decision))?;
    let chosen: Vec<Uuid> = wishes.iter().map(|wish| wish.participation).collect();
    let sizes = batches::of_study(conn, study.id).await?;
    let rows = participation::store::chosen(conn, study.lab_id, study.id, &chosen).await?;
    let known = Known {
        study,
        decided: store::decided(conn, &chosen).await?,
        bonuses: store::bonuses(conn, &chosen).await?,
    };
    let rows: HashMap<Uuid, Participation> = rows.into_iter().map(|row| (row.id.0, row)).collect();
    let lines = wishes.iter().filter_map(|Wish { participation, decision }| {
        let participation = rows.get(participation)?.clone();
        let batch = sizes.iter().find(|b| b.id == participation.batch_id);
        let places = batch.map_or(1, |b| b.places);
        let orders = overturn::check(decision, &participation, batch)
            .and_then(|()| known.orders(&participation, i64::from(places), decision));
        Some(Line { participation, decision: decision.clone(), orders })
    });
    Ok(Plan { lines: lines.collect() })
}

/// What was carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CarriedOut {
    /// Orders that are new.
    pub orders: usize,
    /// People for whom something could be ordered.
    pub people: usize,
}

/// Plans again and orders all of it, if it still comes to what was `shown`.
///
/// # Errors
/// See [`ReviewError`]; then nothing was ordered.
pub async fn carry_out(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    study: &Study,
    by: AccountId,
    wishes: &[Wish],
    shown: Cents,
) -> Result<CarriedOut, ReviewError> {
    // The study first, as the worker's door does: two transactions never wait for each other in a circle.
    payments::budget::of(conn, study.id, true).await?;
    let plan = plan(conn, study, wishes).await?;
    if plan.total() != shown {
        return Err(ReviewError::Changed { shown, now: plan.total() });
    }
    let orders = order(conn, now, study, Some(by), &plan).await?;
    Ok(CarriedOut { orders, people: plan.able() })
}

/// Orders what the plan says; `by` nobody when a rule decided. The caller holds the study's row.
async fn order(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    study: &Study,
    by: Option<AccountId>,
    plan: &Plan,
) -> Result<usize, OrderError> {
    let orders: Vec<NewOrder> =
        plan.lines.iter().flat_map(|line| line.orders.iter().flatten().cloned()).collect();
    let placed = payments::store::place(conn, now, study, by, &orders).await?;
    for line in plan.lines.iter().filter(|line| line.orders.is_ok()) {
        if line.decision.settles_the_bonus() {
            store::bonus_decided(conn, line.participation.id, line.amount(Kind::Bonus)).await?;
        }
    }
    Ok(placed)
}

impl Decision {
    /// Whether the bonus for the payoff is decided with it, perhaps as none.
    fn settles_the_bonus(&self) -> bool {
        matches!(self, Self::Approve { .. } | Self::ApproveWithBonus { .. } | Self::Bonus { .. })
    }
}

/// What is known while decisions become orders.
struct Known<'a> {
    study: &'a Study,
    /// Approved or rejected already, or about to be.
    decided: HashSet<Uuid>,
    /// The sources of bonuses that were ordered and not refused.
    bonuses: HashSet<(Uuid, String)>,
}

impl Known<'_> {
    fn orders(
        &self,
        participation: &Participation,
        places: i64,
        decision: &Decision,
    ) -> Result<Vec<NewOrder>, String> {
        policy::may_order(participation.stage, self.decided.contains(&participation.id.0))?;
        let orders = self.wanted(participation, places, decision)?;
        orders.into_iter().map(|order| self.in_their_words(participation, order)).collect()
    }

    fn wanted(
        &self,
        participation: &Participation,
        places: i64,
        decision: &Decision,
    ) -> Result<Vec<NewOrder>, String> {
        let study = self.study;
        let approval = |feedback: &str| approval(study, participation, places, feedback);
        match decision {
            Decision::Approve { feedback } => {
                policy::may_decide(participation.stage)?;
                Ok(vec![approval(feedback)])
            }
            Decision::ApproveWithBonus { feedback, amount } => {
                policy::may_decide(participation.stage)?;
                let bonus = bonus(study, participation, *amount, "", true)?;
                Ok(std::iter::once(approval(feedback)).chain(bonus).collect())
            }
            Decision::Bonus { amount, words } => {
                policy::may_pay_bonus(participation.stage, participation.bonus)?;
                Ok(bonus(study, participation, *amount, words, false)?.into_iter().collect())
            }
            Decision::Extra { amount, words, source } => {
                let ordered = self.bonuses.contains(&(participation.id.0, source.clone()));
                policy::may_pay_extra(participation.stage, ordered)?;
                Ok(vec![extra(study, participation, *amount, words, source)?])
            }
            Decision::Override { feedback, .. } => {
                Ok(vec![NewOrder { kind: Kind::Override, ..approval(feedback) }])
            }
            Decision::Reject { reason } => {
                policy::may_decide(participation.stage)?;
                let nothing = Cents::ZERO;
                Ok(vec![NewOrder { kind: Kind::Reject, amount: nothing, fee: nothing, ..approval(reason) }])
            }
        }
    }

    /// The order with its text filled in for this person.
    fn in_their_words(&self, participation: &Participation, order: NewOrder) -> Result<NewOrder, String> {
        let facts = words::Facts::of(self.study, participation, order.amount, order.kind);
        Ok(NewOrder { words: words::fill(&order.words, &facts)?, ..order })
    }
}

fn approval(study: &Study, participation: &Participation, places: i64, feedback: &str) -> NewOrder {
    NewOrder {
        participation_id: participation.id,
        kind: Kind::Approve,
        source: "review".into(),
        amount: study.reward,
        fee: fees::fee(study.reward, places, cost::wants_masters(&study.qualifications)),
        words: feedback.to_owned(),
        after_approval: false,
    }
}

fn extra(
    study: &Study,
    participation: &Participation,
    amount: Cents,
    words: &str,
    source: &str,
) -> Result<NewOrder, String> {
    let amount = policy::bonus(Some(amount), None, study.max_bonus)?;
    Ok(NewOrder {
        participation_id: participation.id,
        kind: Kind::Bonus,
        source: source.to_owned(),
        amount,
        fee: fees::bonus_fee(amount),
        words: bonus_words(study, words),
        after_approval: false,
    })
}

/// A bonus needs words: the worker reads them beside the amount.
fn bonus_words(study: &Study, words: &str) -> String {
    match words {
        "" => format!("Bonus for “{}”", study.title),
        words => words.to_owned(),
    }
}

fn bonus(
    study: &Study,
    participation: &Participation,
    amount: Option<Cents>,
    words: &str,
    after_approval: bool,
) -> Result<Option<NewOrder>, String> {
    let proposal = policy::bonus(
        amount.or(participation.payoff),
        participation.payoff_problem.as_deref().filter(|_| amount.is_none()),
        study.max_bonus,
    )?;
    Ok(proposal.is_positive().then(|| NewOrder {
        participation_id: participation.id,
        kind: Kind::Bonus,
        source: PAYOFF.into(),
        amount: proposal,
        fee: fees::bonus_fee(proposal),
        words: bonus_words(study, words),
        after_approval,
    }))
}

fn check_words(decision: &Decision) -> Result<(), ReviewError> {
    let (text, required) = match decision {
        Decision::Approve { feedback }
        | Decision::ApproveWithBonus { feedback, .. }
        | Decision::Override { feedback, .. } => (feedback, false),
        Decision::Bonus { words, .. } | Decision::Extra { words, .. } => (words, false),
        Decision::Reject { reason } => (reason, true),
    };
    words::check(text)?;
    match text.chars().count() {
        0 if required => Err(ReviewError::NoReason),
        length if length > words::LONGEST => Err(ReviewError::TooLong(words::LONGEST)),
        _ => Ok(()),
    }
}

/// What the review table proposes as the bonus, or why it proposes none.
///
/// # Errors
/// A sentence: oTree's payoff is missing, odd, or above the study's maximum.
pub fn proposed_bonus(study: &Study, participation: &Participation) -> Result<Cents, String> {
    if let Some(decided) = participation.bonus {
        return Ok(decided);
    }
    policy::bonus(participation.payoff, participation.payoff_problem.as_deref(), study.max_bonus)
}

/// Whether the completion code that came with the submission is this person's. The researcher's own page may
/// ask for none; every other page of the study is ours and always sends one.
pub fn code_check(study: &Study, participation: &Participation) -> CodeCheck {
    let seat = participation.participant_code.as_deref();
    let shown: Vec<&str> = seat.into_iter().chain([participation.code.as_str()]).collect();
    let check = CodeCheck::of(participation.answers.as_ref(), &shown);
    let template = study.template_html.as_deref().filter(|_| study.play == Play::Template);
    match template {
        Some(html) if check == CodeCheck::Missing && !template::asks_for_code(html) => CodeCheck::NotAsked,
        _ => check,
    }
}

/// How many undecided submissions have a completion code that somebody should look at.
pub fn odd_codes(study: &Study, rows: &[Participation]) -> i64 {
    let odd = rows.iter().filter(|row| DECIDABLE.contains(&row.stage) && code_check(study, row).is_odd());
    i64::try_from(odd.count()).unwrap_or(i64::MAX)
}

/// The stages in which the researcher has something to decide.
pub const DECIDABLE: [Stage; 2] = [Stage::Submitted, Stage::SubmittedUnfinished];

/// Which of the approvals that rules announced are to be stopped.
#[derive(Debug, Clone, Copy)]
pub enum Stop<'a> {
    /// All that are not ordered yet.
    All,
    /// These people's.
    These(&'a [Uuid]),
}

/// Stops approvals by rule, and notes who did. Returns how many; what was ordered before is not among them.
///
/// # Errors
/// When the database does not answer.
pub async fn stop_rules(
    conn: &mut PgConnection,
    study: &Study,
    which: Stop<'_>,
    by: AccountId,
    now: DateTime<Utc>,
) -> sqlx::Result<u64> {
    let who = match which {
        Stop::All => None,
        Stop::These(ids) => Some(ids),
    };
    let stopped = verdicts::stop(conn, study.lab_id, study.id, who, by, now).await?;
    if stopped > 0 {
        let entry = audit::Entry::new(study.lab_id.0, by.0, "review.stop").about(study.id.0);
        let detail = serde_json::json!({ "name": study.name, "people": stopped });
        audit::record(conn, now, entry.with(detail)).await?;
    }
    Ok(stopped)
}

/// What reviews by itself.
pub fn reconcilers(app: &App) -> Vec<Arc<dyn Reconciler>> {
    vec![Arc::new(auto::Reviewer(app.clone())), Arc::new(digest::Digester(app.clone()))]
}
