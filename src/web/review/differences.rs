//! Our books beside the recruiter's figures, of a study or of the whole lab, with every difference.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect};
use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::app::App;
use crate::audit;
use crate::labs::LabId;
use crate::payments::reconcile::{Comparison, Difference, Figures, differences, store};
use crate::studies::Study;
use crate::web::error::WebResult;
use crate::web::forms::Form;
use crate::web::guard::{Editor, Owned, Row, Viewer};
use crate::web::page::{Layout, Nav, show};
use crate::web::session::{self, Tone};
use crate::web::studies::{page::layout, path, words};

impl Owned for Difference {
    const PARAM: &'static str = "difference";

    async fn load(conn: &mut PgConnection, lab: LabId, id: Uuid) -> sqlx::Result<Option<Self>> {
        differences::find(conn, lab, id).await
    }
}

#[derive(Template)]
#[template(path = "review/differences.html")]
struct DifferencesPage {
    layout: Layout,
    /// The page of the study, or of the lab.
    up: String,
    /// The lab's own page of differences.
    lab: String,
    heading: &'static str,
    rows: Vec<FigureRow>,
    looks: Vec<Comparison>,
    open: Vec<Difference>,
    past: Vec<Difference>,
    may_edit: bool,
    now: DateTime<Utc>,
}

/// One line of figures.
struct FigureRow {
    what: &'static str,
    ours: String,
    theirs: String,
}

impl DifferencesPage {
    fn away(&self, at: &DateTime<Utc>) -> String {
        words::away(*at, self.now)
    }

    /// What became of one that nobody has to look at.
    fn end(&self, one: &Difference) -> String {
        let note = one.note.as_deref().unwrap_or_default();
        match (one.resolved_at, one.acknowledged_at) {
            (Some(at), None) => format!("the figures agree again since {}", at.format("%-d %b, %H:%M")),
            (_, Some(_)) => format!("acknowledged by {}: {note}", one.who.as_deref().unwrap_or("somebody")),
            _ => String::new(),
        }
    }
}

fn rows(ours: Figures, theirs: Figures) -> Vec<FigureRow> {
    let money = |cents: i64| words::money(kernel::money::Cents(cents));
    let row =
        |what, ours: i64, theirs: i64| FigureRow { what, ours: ours.to_string(), theirs: theirs.to_string() };
    vec![
        row("Submissions", ours.submissions, theirs.submissions),
        row("Approved", ours.approved, theirs.approved),
        row("Rejected", ours.rejected, theirs.rejected),
        row("Bonuses", ours.bonuses, theirs.bonuses),
        FigureRow {
            what: "Sum of bonuses",
            ours: money(ours.bonus_cents),
            theirs: money(theirs.bonus_cents),
        },
    ]
}

/// `GET /labs/{lab}/studies/{study}/differences`
///
/// # Errors
/// When the database does not answer.
pub async fn of_study(State(app): State<App>, Row(viewer, study): Row<Viewer, Study>) -> WebResult {
    let mut conn = app.pool.acquire().await?;
    let all = differences::list(&mut conn, study.lab_id, Some(study.id)).await?;
    let look = store::of_study(&mut conn, study.lab_id, study.id).await?;
    let ours = store::our_figures(&mut conn, study.id).await?;
    drop(conn);
    let compared = look.as_ref().filter(|look| look.compared_at.is_some());
    let (open, past) = all.into_iter().partition(Difference::open);
    show(&DifferencesPage {
        layout: layout(&viewer, &study, format!("Differences of {}", study.name)).await?,
        up: path(&study),
        lab: format!("/labs/{}/differences", study.lab_id),
        heading: "Study",
        rows: compared.map(|look| rows(ours, look.theirs())).unwrap_or_default(),
        looks: look.into_iter().collect(),
        open,
        past,
        may_edit: viewer.may_edit(),
        now: app.clock.now(),
    })
}

/// `GET /labs/{lab}/differences`
///
/// # Errors
/// When the database does not answer.
pub async fn of_lab(State(app): State<App>, viewer: Viewer) -> WebResult {
    let mut conn = app.pool.acquire().await?;
    let all = differences::list(&mut conn, viewer.lab.id, None).await?;
    let looks = store::accounts(&mut conn, viewer.lab.id).await?;
    drop(conn);
    let (open, past) = all.into_iter().partition(Difference::open);
    show(&DifferencesPage {
        layout: Layout::in_lab(&viewer, Nav::Studies, "Differences").await?,
        up: format!("/labs/{}", viewer.lab.id),
        lab: format!("/labs/{}/differences", viewer.lab.id),
        heading: "Studies",
        rows: Vec::new(),
        looks,
        open,
        past,
        may_edit: viewer.may_edit(),
        now: app.clock.now(),
    })
}

/// `POST /labs/{lab}/differences/{difference}`: somebody has looked at it.
///
/// # Errors
/// When the database does not answer.
pub async fn acknowledge(
    State(app): State<App>,
    Row(editor, difference): Row<Editor, Difference>,
    mut form: Form,
) -> WebResult {
    let note = form.text("note", 1..=500);
    let back = match difference.study_id {
        Some(study) => format!("/labs/{}/studies/{study}/differences", difference.lab_id),
        None => format!("/labs/{}/differences", difference.lab_id),
    };
    if !form.is_valid() {
        let words = "Write a note of at most 500 characters: what it is, and why it may stay so.";
        session::flash(&editor.session, Tone::Bad, words).await?;
        return Ok(Redirect::to(&back).into_response());
    }
    let (now, by) = (app.clock.now(), editor.account.id);
    let mut tx = app.pool.begin().await?;
    if differences::acknowledge(&mut tx, &difference, by, &note, now).await? {
        let entry =
            audit::Entry::new(difference.lab_id.0, by.0, "difference.acknowledge").about(difference.id);
        audit::record(&mut tx, now, entry.with(json!({ "note": note, "kind": difference.kind.as_str() })))
            .await?;
        tx.commit().await?;
        session::flash(&editor.session, Tone::Good, "The difference is acknowledged.").await?;
    } else {
        let words = "The difference has changed or is settled meanwhile, so nothing was done.";
        session::flash(&editor.session, Tone::Note, words).await?;
    }
    Ok(Redirect::to(&back).into_response())
}
