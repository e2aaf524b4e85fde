//! Decisions in two steps: a page that lists every row and the sum, then the orders.

use std::collections::HashSet;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect};
use chrono::{DateTime, Utc};
use kernel::money::Cents;
use serde_json::json;
use uuid::Uuid;

use super::{person, table, texts};
use crate::app::App;
use crate::audit;
use crate::payments::{self, Kind, OrderError, budget, confirm};
use crate::review::templates::{self, Saved};
use crate::review::{self, CodeCheck, Decision, Plan, ReviewError, verdicts};
use crate::studies::Study;
use crate::web::error::{Error, WebResult};
use crate::web::forms::Form;
use crate::web::guard::{Editor, Row};
use crate::web::page::{Layout, show, show_as};
use crate::web::session::{self, Tone};
use crate::web::studies::{page::layout, path, words};

#[derive(Template)]
#[template(path = "review/confirm.html")]
struct ConfirmPage {
    layout: Layout,
    path: String,
    study: Study,
    kind: Choice,
    form: Form,
    plan: Plan,
    /// Left out because a decision about them is under way.
    under_way: usize,
    /// What the budget has left before this.
    left: Cents,
    saved: Vec<Saved>,
}

/// The buttons of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    Approve,
    ApproveWithBonus,
    Bonus,
    Reject,
    Override,
}

impl Choice {
    fn parse(word: &str) -> Option<Self> {
        [Self::Approve, Self::ApproveWithBonus, Self::Bonus, Self::Reject, Self::Override]
            .into_iter()
            .find(|one| one.as_str() == word)
    }

    /// In forms, and after `review.` in the list of what happened.
    fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::ApproveWithBonus => "approve_with_bonus",
            Self::Bonus => "bonus",
            Self::Reject => "reject",
            Self::Override => "override",
        }
    }

    fn action(self) -> &'static str {
        match self {
            Self::Approve => "review.approve",
            Self::ApproveWithBonus => "review.approve_with_bonus",
            Self::Bonus => "review.bonus",
            Self::Reject => "review.reject",
            Self::Override => "review.override",
        }
    }

    fn heading(self) -> &'static str {
        match self {
            Self::Approve => "Approve, without a bonus",
            Self::ApproveWithBonus => "Approve and pay the bonus",
            Self::Bonus => "Pay a bonus",
            Self::Reject => "Reject",
            Self::Override => "Approve after all",
        }
    }

    fn pays_bonus(self) -> bool {
        matches!(self, Self::ApproveWithBonus | Self::Bonus)
    }

    fn approves(self) -> bool {
        matches!(self, Self::Approve | Self::ApproveWithBonus | Self::Override)
    }

    /// Whether it is a first decision, of which there is one.
    fn decides(self) -> bool {
        !matches!(self, Self::Bonus | Self::Override)
    }

    fn rejects(self) -> bool {
        self == Self::Reject
    }

    /// The decision that the form describes; mistakes are noted in it.
    fn decision(self, form: &mut Form, now: DateTime<Utc>) -> Decision {
        let words = form.text("words", 0..=1000);
        if let Err(why) = review::words::check(&words) {
            form.fail("words", why);
        }
        let amount = if self.pays_bonus() { amount(form) } else { None };
        match self {
            Self::Approve => Decision::Approve { feedback: words },
            Self::ApproveWithBonus => Decision::ApproveWithBonus { feedback: words, amount },
            Self::Bonus => Decision::Bonus { amount, words },
            Self::Reject => Decision::Reject { reason: words },
            Self::Override => Decision::Override { feedback: words, at: now },
        }
    }
}

fn amount(form: &mut Form) -> Option<Cents> {
    let typed = form.value("amount").trim().trim_start_matches('$').to_owned();
    if typed.is_empty() {
        return None;
    }
    typed.parse().map_err(|why: kernel::money::AmountError| form.fail("amount", format!("{why}."))).ok()
}

/// What was ticked and what is wanted.
struct Wish {
    choice: Choice,
    decision: Decision,
    ids: Vec<Uuid>,
    under_way: usize,
}

/// `POST /labs/{lab}/studies/{study}/review`: the confirmation page; changes nothing.
///
/// # Errors
/// When no decision is named, or the database does not answer.
pub async fn confirm(
    State(app): State<App>,
    Row(editor, study): Row<Editor, Study>,
    mut form: Form,
) -> WebResult {
    if form.chosen("use", "plan") {
        form = texts::insert(&app, study.lab_id, form).await?;
    }
    let wish = wish(&app, &study, &mut form).await?;
    if wish.ids.is_empty() {
        let words = match wish.under_way {
            0 => "Nobody was ticked, so there is nothing to decide.",
            _ => "A decision about them is under way already.",
        };
        session::flash(&editor.session, Tone::Note, words).await?;
        return Ok(Redirect::to(&format!("{}/review", path(&study))).into_response());
    }
    if !form.is_valid() {
        return refuse(&app, &editor, &study, &wish, form, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    let wish = propose(&app, &study, wish, &mut form).await?;
    // A rejection's reason is asked for on the page that follows.
    let checked = match &wish.decision {
        Decision::Reject { reason } if reason.is_empty() => Decision::Reject { reason: "-".into() },
        other => other.clone(),
    };
    let page = page(&app, &editor, &study, &wish, &checked, form).await?;
    show(&page)
}

/// Puts the feedback that the rules propose into an empty form, if they propose the same for all who are ticked.
async fn propose(app: &App, study: &Study, wish: Wish, form: &mut Form) -> WebResult<Wish> {
    if form.value("words").trim().is_empty() && !wish.choice.pays_bonus() {
        let mut conn = app.pool.acquire().await?;
        if let Some(words) = verdicts::proposed(&mut conn, study.id, &wish.ids).await? {
            *form = form.clone().with("words", words);
        }
    }
    Ok(wish)
}

/// `POST /labs/{lab}/studies/{study}/review/decide`: orders what the page showed.
///
/// # Errors
/// When no decision is named, or the database does not answer.
pub async fn decide(
    State(app): State<App>,
    Row(editor, study): Row<Editor, Study>,
    mut form: Form,
) -> WebResult {
    let wish = wish(&app, &study, &mut form).await?;
    let shown: Option<Cents> = form.value("shown").parse().ok();
    if wish.choice.rejects() {
        form.text("words", 1..=1000);
    }
    let shown = match shown {
        Some(shown) if form.is_valid() && !wish.ids.is_empty() => shown,
        _ => return refuse(&app, &editor, &study, &wish, form, StatusCode::UNPROCESSABLE_ENTITY).await,
    };
    let now = app.clock.now();
    let mut tx = app.pool.begin().await?;
    let by = editor.account.id;
    let waited = confirm::count(&mut tx, study.id).await?;
    let wishes = review::Wish::alike(&wish.ids, &wish.decision);
    let ordered = review::carry_out(&mut tx, now, &study, by, &wishes, shown).await;
    match ordered {
        Ok(done) => {
            let detail = json!({ "name": study.name, "people": done.people, "total": shown.to_string() });
            let entry = audit::Entry::new(study.lab_id.0, by.0, wish.choice.action()).about(study.id.0);
            audit::record(&mut tx, now, entry.with(detail)).await?;
            let waits = confirm::count(&mut tx, study.id).await? > waited;
            tx.commit().await?;
            let said = told(done.orders, shown, waits);
            session::flash(&editor.session, Tone::Good, said).await?;
            Ok(Redirect::to(&format!("{}/review", path(&study))).into_response())
        }
        Err(ReviewError::Order(OrderError::Database(error))) => Err(error.into()),
        Err(error) => {
            tx.rollback().await?;
            form.fail("", error);
            refuse(&app, &editor, &study, &wish, form, StatusCode::CONFLICT).await
        }
    }
}

pub(super) fn told(orders: usize, total: Cents, waits: bool) -> String {
    match orders {
        _ if waits => waits_words(total),
        0 => "Nothing new was ordered: it was under way already.".to_owned(),
        _ => format!(
            "{}, {} with fees. They are being sent now.",
            words::count(orders, "order was placed", "orders were placed"),
            words::money(total)
        ),
    }
}

/// Said of what the lab lets nobody decide alone.
pub(super) fn waits_words(total: Cents) -> String {
    format!(
        "{} waits for a second person: another editor or owner confirms it under Money. Until then nothing is sent.",
        words::money(total)
    )
}

async fn wish(app: &App, study: &Study, form: &mut Form) -> WebResult<Wish> {
    let choice = Choice::parse(form.value("decision"));
    let choice = choice.ok_or(Error::BadRequest("Choose what to do with the people you ticked."))?;
    let decision = choice.decision(form, app.clock.now());
    let ticked: Vec<Uuid> = form.all("id").iter().filter_map(|id| id.parse().ok()).collect();
    let mut conn = app.pool.acquire().await?;
    let orders = payments::store::of_study(&mut conn, study.id).await?;
    drop(conn);
    let decided: HashSet<Uuid> = table::group(&orders)
        .into_iter()
        .filter(|(_, orders)| choice.decides() && person::under_way(orders))
        .map(|(id, _)| id.0)
        .collect();
    let all = ticked.len();
    let ids: Vec<Uuid> = ticked.into_iter().filter(|id| !decided.contains(id)).collect();
    Ok(Wish { choice, decision, under_way: all - ids.len(), ids })
}

async fn page(
    app: &App,
    editor: &Editor,
    study: &Study,
    wish: &Wish,
    decision: &Decision,
    form: Form,
) -> WebResult<ConfirmPage> {
    let mut tx = app.pool.begin().await?;
    let plan = match review::plan(&mut tx, study, &review::Wish::alike(&wish.ids, decision)).await {
        Ok(plan) => plan,
        Err(ReviewError::Order(OrderError::Database(error))) => return Err(error.into()),
        Err(error) => return Err(Error::Conflict(error.to_string())),
    };
    let left = budget::of(&mut tx, study.id, false).await?.left();
    let saved = templates::of_lab(&mut tx, study.lab_id).await?;
    tx.rollback().await?;
    Ok(ConfirmPage {
        layout: layout(editor, study, wish.choice.heading().to_owned()).await?,
        path: path(study),
        study: study.clone(),
        kind: wish.choice,
        under_way: wish.under_way,
        form,
        plan,
        left,
        saved,
    })
}

/// The page again, with what stands in the way.
async fn refuse(
    app: &App,
    editor: &Editor,
    study: &Study,
    wish: &Wish,
    form: Form,
    status: StatusCode,
) -> WebResult {
    let checked = match &wish.decision {
        Decision::Reject { .. } => Decision::Reject { reason: "-".into() },
        Decision::Approve { .. } => Decision::Approve { feedback: String::new() },
        Decision::ApproveWithBonus { amount, .. } => {
            Decision::ApproveWithBonus { feedback: String::new(), amount: *amount }
        }
        Decision::Bonus { amount, .. } => Decision::Bonus { amount: *amount, words: String::new() },
        Decision::Override { at, .. } => Decision::Override { feedback: String::new(), at: *at },
        other => other.clone(),
    };
    show_as(status, &page(app, editor, study, wish, &checked, form).await?)
}

impl ConfirmPage {
    fn bonuses(&self) -> Cents {
        self.plan.lines.iter().map(|line| line.amount(Kind::Bonus)).sum()
    }

    fn rewards(&self) -> Cents {
        self.plan.lines.iter().map(ConfirmPage::reward).sum()
    }

    /// What a line pays for the work itself.
    fn reward(line: &review::Line) -> Cents {
        line.amount(Kind::Approve) + line.amount(Kind::Override)
    }

    fn fees(&self) -> Cents {
        self.plan.lines.iter().map(review::Line::fees).sum()
    }

    /// What is odd about the completion code of a line; `None` when nothing.
    fn odd_code(&self, line: &review::Line) -> Option<CodeCheck> {
        Some(review::code_check(&self.study, &line.participation)).filter(CodeCheck::is_odd)
    }

    /// The last button's words.
    fn button(&self) -> String {
        let people = words::count(self.plan.able(), "person", "people");
        match self.kind {
            Choice::Reject => format!("Reject {people}"),
            Choice::Bonus => format!("Pay {} to {people}", words::money(self.plan.total())),
            _ => format!("Approve {people} for {}", words::money(self.plan.total())),
        }
    }
}
