//! Tasks for many people: a page of forms, a page that shows what one comes to, then the orders.

use std::collections::HashSet;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect};
use chrono::{DateTime, Utc};
use kernel::money::Cents;
use serde_json::json;
use uuid::Uuid;

use super::person::overturn_words;
use super::{decide, texts};
use crate::app::App;
use crate::audit;
use crate::labs::LabId;
use crate::participation::Participation;
use crate::payments::{OrderError, budget, confirm};
use crate::review::bulk::people::LineError;
use crate::review::bulk::{Roll, Task};
use crate::review::templates::{self, Saved};
use crate::review::words::{LONGEST, PLACEHOLDERS};
use crate::review::{self, Plan, ReviewError, Wish, overturn};
use crate::studies::Study;
use crate::web::error::{Error, WebResult};
use crate::web::forms::Form;
use crate::web::guard::{Editor, Row};
use crate::web::page::{Layout, show, show_as, show_invalid};
use crate::web::session::{self, Tone};
use crate::web::studies::{page::layout, path, words as words_for};

/// The longest list or file, in characters: what a page may send, with room for the rest.
const LONGEST_LIST: usize = 900_000;

#[derive(Template)]
#[template(path = "review/bulk.html")]
struct BulkPage {
    layout: Layout,
    lab: LabId,
    path: String,
    form: Form,
    /// The form that was sent, if one was.
    sent: Option<Kind>,
    errors: Vec<LineError>,
    saved: Vec<Saved>,
    /// Who is rejected: name, until when that can be overridden, and whether it still can.
    rejected: Vec<(String, String, bool)>,
}

#[derive(Template)]
#[template(path = "review/bulk_confirm.html")]
struct ConfirmPage {
    layout: Layout,
    path: String,
    kind: Kind,
    form: Form,
    plan: Plan,
    left: Cents,
    saved: Vec<Saved>,
    now: DateTime<Utc>,
}

/// The forms of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    ApproveAllBut,
    RejectList,
    OverrideList,
    BonusFile,
    EqualBonus,
    TopUp,
}

impl Kind {
    const ALL: [Self; 6] = [
        Self::ApproveAllBut,
        Self::RejectList,
        Self::OverrideList,
        Self::BonusFile,
        Self::EqualBonus,
        Self::TopUp,
    ];

    fn parse(word: &str) -> WebResult<Self> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == word);
        found.ok_or(Error::BadRequest("Choose one of the tasks on the page."))
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::ApproveAllBut => "approve_all_but",
            Self::RejectList => "reject_list",
            Self::OverrideList => "override_list",
            Self::BonusFile => "bonus_file",
            Self::EqualBonus => "equal_bonus",
            Self::TopUp => "top_up",
        }
    }

    /// In the list of what happened.
    fn action(self) -> &'static str {
        match self {
            Self::ApproveAllBut => "review.approve_many",
            Self::RejectList => "review.reject_many",
            Self::OverrideList => "review.override_many",
            Self::BonusFile => "review.bonus_file",
            Self::EqualBonus => "review.equal_bonus",
            Self::TopUp => "review.top_up",
        }
    }

    fn heading(self) -> &'static str {
        match self {
            Self::ApproveAllBut => "Approve everybody who waits",
            Self::RejectList => "Reject a list of people",
            Self::OverrideList => "Override rejections",
            Self::BonusFile => "Pay the bonuses of a file",
            Self::EqualBonus => "Pay everybody the same bonus",
            Self::TopUp => "Top up to an hourly wage",
        }
    }

    fn rejects(self) -> bool {
        self == Self::RejectList
    }

    fn overrides(self) -> bool {
        self == Self::OverrideList
    }

    /// Whether there is one text for all, for which a saved one can be taken.
    fn has_words(self) -> bool {
        self.fields().contains(&"words")
    }

    /// The fields that the confirmation page sends again.
    fn fields(self) -> &'static [&'static str] {
        match self {
            Self::ApproveAllBut => &["except", "with_bonus", "words"],
            Self::RejectList | Self::OverrideList => &["list", "words"],
            Self::BonusFile => &["file"],
            Self::EqualBonus => &["amount", "words"],
            Self::TopUp => &["hourly", "most_minutes", "words"],
        }
    }

    /// The task that the form describes; mistakes are noted in it.
    fn task(self, form: &mut Form, now: DateTime<Utc>) -> Task {
        match self {
            Self::ApproveAllBut => Task::ApproveAllBut {
                except: form.text("except", 0..=LONGEST_LIST),
                with_bonus: form.checked("with_bonus"),
                feedback: words(form, 0),
            },
            Self::RejectList => {
                Task::RejectList { list: form.text("list", 1..=LONGEST_LIST), reason: words(form, 0) }
            }
            Self::OverrideList => Task::OverrideList {
                list: form.text("list", 0..=LONGEST_LIST),
                feedback: words(form, 0),
                at: now,
            },
            Self::BonusFile => Task::BonusFile { file: form.text("file", 1..=LONGEST_LIST) },
            Self::EqualBonus => Task::EqualBonus { amount: amount(form, "amount"), words: words(form, 1) },
            Self::TopUp => Task::TopUp {
                hourly: amount(form, "hourly"),
                most_minutes: form.number("most_minutes", 1..=525_600).unwrap_or_default(),
                words: words(form, 1),
            },
        }
    }
}

fn words(form: &mut Form, least: usize) -> String {
    let text = form.text("words", least..=LONGEST);
    if let Err(error) = review::words::check(&text) {
        form.fail("words", error);
    }
    text
}

fn amount(form: &mut Form, name: &str) -> Cents {
    let typed = form.value(name).trim().trim_start_matches('$').to_owned();
    match typed.parse::<Cents>() {
        Ok(amount) if amount.is_positive() => return amount,
        Ok(_) => form.fail(name, "The amount must be more than nothing."),
        Err(why) => form.fail(name, format!("{why}.")),
    }
    Cents::ZERO
}

/// `GET /labs/{lab}/studies/{study}/bulk`
///
/// # Errors
/// When the database does not answer.
pub async fn page(State(app): State<App>, Row(editor, study): Row<Editor, Study>) -> WebResult {
    let minutes = (study.duration_s / 60).max(1);
    let form = Form::new().with("most_minutes", minutes);
    show(&forms(&app, &editor, &study, form, None, Vec::new()).await?)
}

/// `POST /labs/{lab}/studies/{study}/bulk`: what the task comes to; changes nothing.
///
/// # Errors
/// When no task is named, or the database does not answer.
pub async fn confirm(
    State(app): State<App>,
    Row(editor, study): Row<Editor, Study>,
    mut form: Form,
) -> WebResult {
    let kind = Kind::parse(form.value("task"))?;
    if form.chosen("use", "here") || form.chosen("use", "plan") {
        form = texts::insert(&app, study.lab_id, form).await?;
    }
    if form.chosen("use", "here") {
        return show(&forms(&app, &editor, &study, form, Some(kind), Vec::new()).await?);
    }
    let wishes = match wishes(&app, &study, kind, &mut form).await? {
        Ok(wishes) => wishes,
        Err(errors) => {
            return show_invalid(&forms(&app, &editor, &study, form, Some(kind), errors).await?);
        }
    };
    if wishes.is_empty() {
        form.fail("", nobody(kind));
        return show_invalid(&forms(&app, &editor, &study, form, Some(kind), Vec::new()).await?);
    }
    show_plan(&app, &editor, &study, kind, form, &wishes, StatusCode::OK).await
}

/// `POST /labs/{lab}/studies/{study}/bulk/do`: orders what the page showed, for the people it showed.
///
/// # Errors
/// When no task is named, or the database does not answer.
pub async fn carry_out(
    State(app): State<App>,
    Row(editor, study): Row<Editor, Study>,
    mut form: Form,
) -> WebResult {
    let kind = Kind::parse(form.value("task"))?;
    let shown: Cents = form.value("shown").parse().map_err(|_| Error::BadRequest("The sum is missing."))?;
    let mut wishes = match wishes(&app, &study, kind, &mut form).await? {
        Ok(wishes) => wishes,
        Err(errors) => {
            return show_invalid(&forms(&app, &editor, &study, form, Some(kind), errors).await?);
        }
    };
    let agreed: HashSet<Uuid> = form.all("id").iter().filter_map(|id| id.parse().ok()).collect();
    wishes.retain(|wish| agreed.contains(&wish.participation));
    let (now, by) = (app.clock.now(), editor.account.id);
    let mut tx = app.pool.begin().await?;
    let waited = confirm::count(&mut tx, study.id).await?;
    match review::carry_out(&mut tx, now, &study, by, &wishes, shown).await {
        Ok(done) => {
            let detail = json!({ "name": study.name, "people": done.people, "total": shown.to_string() });
            let entry = audit::Entry::new(study.lab_id.0, by.0, kind.action()).about(study.id.0);
            audit::record(&mut tx, now, entry.with(detail)).await?;
            let waits = confirm::count(&mut tx, study.id).await? > waited;
            tx.commit().await?;
            session::flash(&editor.session, Tone::Good, decide::told(done.orders, shown, waits)).await?;
            Ok(Redirect::to(&format!("{}/review", path(&study))).into_response())
        }
        Err(ReviewError::Order(OrderError::Database(error))) => Err(error.into()),
        Err(error) => {
            tx.rollback().await?;
            form.fail("", error);
            show_plan(&app, &editor, &study, kind, form, &wishes, StatusCode::CONFLICT).await
        }
    }
}

/// The wishes that the form comes to, or every line with a mistake; without any when a field has one.
async fn wishes(
    app: &App,
    study: &Study,
    kind: Kind,
    form: &mut Form,
) -> WebResult<Result<Vec<Wish>, Vec<LineError>>> {
    let task = kind.task(form, app.clock.now());
    if !form.is_valid() {
        return Ok(Err(Vec::new()));
    }
    let mut conn = app.pool.acquire().await?;
    let roll = Roll::of(&mut conn, study).await?;
    let wishes = roll.wishes(study, &task);
    let unexplained =
        |wish: &Wish| matches!(&wish.decision, review::Decision::Reject { reason } if reason.is_empty());
    if wishes.as_ref().is_ok_and(|wishes| wishes.iter().any(unexplained)) {
        form.fail("words", "Somebody in the list has no reason behind the name, so one is needed here.");
        return Ok(Err(Vec::new()));
    }
    Ok(wishes)
}

fn nobody(kind: Kind) -> &'static str {
    match kind {
        Kind::ApproveAllBut => "Nobody else waits for a decision.",
        Kind::RejectList | Kind::BonusFile => "Nobody is named.",
        Kind::OverrideList => "Nobody is rejected.",
        Kind::EqualBonus => "Nobody is approved yet.",
        Kind::TopUp => "Everybody who is approved, and whose time is known, reaches that wage already.",
    }
}

async fn forms(
    app: &App,
    editor: &Editor,
    study: &Study,
    form: Form,
    sent: Option<Kind>,
    errors: Vec<LineError>,
) -> WebResult<BulkPage> {
    let mut conn = app.pool.acquire().await?;
    let saved = templates::of_lab(&mut conn, study.lab_id).await?;
    let roll = Roll::of(&mut conn, study).await?;
    drop(conn);
    let rejected = roll.rejected().map(|row| window(row, app.clock.now())).collect();
    Ok(BulkPage {
        layout: layout(editor, study, format!("Many at once, {}", study.name)).await?,
        lab: study.lab_id,
        path: path(study),
        form,
        sent,
        errors,
        saved,
        rejected,
    })
}

/// Somebody who is rejected, until when that can be overridden, and whether it still can.
fn window(row: &Participation, now: DateTime<Utc>) -> (String, String, bool) {
    let until = overturn::until(row);
    let words = until.map(|until| overturn_words(until, now)).unwrap_or_default();
    (row.pseudonym.clone(), words, until.is_some_and(|until| now < until))
}

async fn show_plan(
    app: &App,
    editor: &Editor,
    study: &Study,
    kind: Kind,
    form: Form,
    wishes: &[Wish],
    status: StatusCode,
) -> WebResult {
    let mut tx = app.pool.begin().await?;
    let plan = match review::plan(&mut tx, study, wishes).await {
        Ok(plan) => plan,
        Err(ReviewError::Order(OrderError::Database(error))) => return Err(error.into()),
        Err(error) => return Err(Error::Conflict(error.to_string())),
    };
    let left = budget::of(&mut tx, study.id, false).await?.left();
    let saved = templates::of_lab(&mut tx, study.lab_id).await?;
    tx.rollback().await?;
    let (layout, now) = (layout(editor, study, kind.heading().to_owned()).await?, app.clock.now());
    show_as(status, &ConfirmPage { layout, path: path(study), kind, form, plan, left, saved, now })
}

impl BulkPage {
    /// What the form of this kind starts with: what was sent, or the defaults.
    fn form(&self, kind: &Kind) -> Form {
        match self.sent {
            Some(sent) if sent == *kind => self.form.clone(),
            _ => Form::new().with("most_minutes", self.form.value("most_minutes")),
        }
    }
}

impl BulkPage {
    /// How many rejections can still be overridden.
    fn open(&self) -> usize {
        self.rejected.iter().filter(|(_, _, open)| *open).count()
    }

    /// The lines with mistakes, in the form that was sent.
    fn mistakes(&self, kind: &Kind) -> &[LineError] {
        if self.sent == Some(*kind) { &self.errors } else { &[] }
    }
}

impl ConfirmPage {
    /// Until when the rejection of a line can be overridden.
    fn window(&self, line: &review::Line) -> String {
        window(&line.participation, self.now).1
    }

    /// What the confirmation sends again, as (name, value).
    fn echoed(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.kind.fields().iter().map(|name| (*name, self.form.value(name)))
    }

    /// How many people something would be ordered for; a file may have several lines for one.
    fn people(&self) -> usize {
        let able = self.plan.lines.iter().filter(|line| line.orders.is_ok());
        able.map(|line| line.participation.id).collect::<HashSet<_>>().len()
    }

    fn button(&self) -> String {
        let people = words_for::count(self.people(), "person", "people");
        let sum = words_for::money(self.plan.total());
        match self.kind {
            Kind::RejectList => format!("Reject {people}"),
            Kind::ApproveAllBut | Kind::OverrideList => format!("Approve {people} for {sum}"),
            Kind::BonusFile | Kind::EqualBonus | Kind::TopUp => format!("Pay {people} {sum}"),
        }
    }
}
