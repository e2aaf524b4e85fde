//! The rehearsal behind a connection: its time, ordered faults, play money, simulated workers, and what happened.
//!
//! | module | one idea |
//! | --- | --- |
//! | `controls` | what each form does |
//! | `crew` | how far simulated workers came, drawn |
//! | `typed` | what was typed, read |
//! | `words` | what the marketplace says, in words |
//!
//! Only connections of the rehearsal environment have the page. The marketplace is asked over HTTP each time; when it
//! does not answer the page says so and nothing else is lost.

pub mod controls;
mod crew;
mod typed;
mod words;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::Value;

use super::act;
use crate::app::App;
use crate::connections::{Connection, rehearsal};
use crate::labs::LabId;
use crate::recruiters::mturk::rehearsal::{
    Balance, Behaviour, ControlError, Controls, Fault, Report, Run, Tail, Timing, Wanted,
};
use crate::web::error::{Error, WebResult};
use crate::web::forms::Form;
use crate::web::guard::{Member, Row, Viewer};
use crate::web::page::{Layout, Nav, show, show_invalid};
use crate::web::session::{self, Tone};

/// Entries of the journal on one page.
const TAIL: i64 = 50;
/// Runs beside the one whose report is shown.
const OTHER_RUNS: usize = 5;

/// Which part of the journal, and whose report.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    /// Only entries before this one.
    before: Option<i64>,
    /// The run whose report is shown; usually the newest.
    run: Option<String>,
    /// Only what happened in this way.
    effect: Option<String>,
    /// Only what concerns this HIT.
    hit: Option<String>,
    /// Only what concerns this assignment.
    assignment: Option<String>,
    /// Only what concerns this worker.
    worker: Option<String>,
}

impl Asked {
    /// Without what was left empty, and ids as the marketplace writes them. Who does not see workers does not look for
    /// one either.
    fn cleaned(self, may_edit: bool) -> Self {
        let known = |effect: &String| words::EFFECTS.iter().any(|(name, _)| name == effect);
        Self {
            effect: self.effect.filter(known),
            hit: self.hit.and_then(typed::id),
            assignment: self.assignment.and_then(typed::id),
            worker: self.worker.filter(|_| may_edit).and_then(typed::id),
            ..self
        }
    }

    fn wanted(&self) -> Wanted {
        Wanted {
            effect: self.effect.clone(),
            hit_id: self.hit.clone(),
            assignment_id: self.assignment.clone(),
            worker_id: self.worker.clone(),
            before: self.before,
        }
    }

    /// Whether not all of the journal is asked for.
    fn is_picky(&self) -> bool {
        [&self.effect, &self.hit, &self.assignment, &self.worker].into_iter().any(Option::is_some)
    }

    /// As a query, before another position.
    fn query(&self, before: Option<i64>) -> String {
        let before = before.map(|before| before.to_string());
        let pairs = [
            ("effect", &self.effect),
            ("hit", &self.hit),
            ("assignment", &self.assignment),
            ("worker", &self.worker),
            ("run", &self.run),
            ("before", &before),
        ];
        let pairs: Vec<_> =
            pairs.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?))).collect();
        serde_urlencoded::to_string(pairs).unwrap_or_default()
    }

    /// The form that asks, filled.
    fn form(&self) -> Form {
        let said = |value: &Option<String>| value.clone().unwrap_or_default();
        Form::new()
            .with("effect", said(&self.effect))
            .with("hit", said(&self.hit))
            .with("assignment", said(&self.assignment))
            .with("worker", said(&self.worker))
    }
}

/// The four forms as they were typed; what was not typed has its usual value.
#[derive(Debug, Default)]
struct Forms {
    clock: Form,
    fault: Form,
    deposit: Form,
    workers: Form,
}

/// Which of the four.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Clock,
    Faults,
    Deposit,
    Workers,
}

impl Forms {
    fn of(part: Part, form: Form) -> Self {
        let mut forms = Self::default();
        match part {
            Part::Clock => forms.clock = form,
            Part::Faults => forms.fault = form,
            Part::Deposit => forms.deposit = form,
            Part::Workers => forms.workers = form,
        }
        forms
    }

    /// `now` is the market's time, if it is known.
    fn filled(self, now: Option<&Timing>) -> Self {
        let now = now.map(|timing| timing.now.format("%Y-%m-%dT%H:%M").to_string()).unwrap_or_default();
        let clock = [("rate", "60"), ("amount", "1"), ("unit", "hours"), ("at", &now)];
        Self {
            clock: typed::filled(self.clock, &clock),
            fault: typed::filled(self.fault, &[("kind", "fail_after"), ("times", "1")]),
            deposit: typed::filled(self.deposit, &[("dollars", "100.00")]),
            workers: typed::filled(self.workers, &typed::USUAL_WORKERS),
        }
    }

    /// What is wrong with one of them as a whole.
    fn problem(&self) -> Option<&str> {
        [&self.clock, &self.fault, &self.deposit, &self.workers].into_iter().find_map(Form::problem)
    }
}

/// Everything that the marketplace said.
struct Scene {
    timing: Timing,
    balance: Balance,
    faults: Vec<Fault>,
    runs: Vec<Run>,
    report: Option<Report>,
    journal: Tail,
}

impl Scene {
    async fn load(controls: &Controls, asked: &Asked) -> Result<Self, ControlError> {
        let wanted = asked.wanted();
        let (timing, balance, faults, runs, journal) = tokio::try_join!(
            controls.clock(),
            controls.balance(),
            controls.faults(),
            controls.runs(),
            controls.journal(&wanted, TAIL),
        )?;
        let wanted = runs.iter().find(|run| Some(&run.id) == asked.run.as_ref()).or(runs.first());
        let report = match wanted {
            Some(run) => Some(controls.report(&run.id).await?),
            None => None,
        };
        Ok(Self { timing, balance, faults, runs, report, journal })
    }
}

impl Scene {
    /// Seconds until the page asks again: quickly while people are under way.
    fn every(&self) -> u32 {
        if self.runs.iter().all(Run::is_over) { 10 } else { 3 }
    }

    /// The latest runs whose report is not shown.
    fn others(&self) -> impl Iterator<Item = &Run> {
        let shown = self.report.as_ref().map(|report| &report.run.id);
        self.runs.iter().filter(move |run| Some(&run.id) != shown).take(OTHER_RUNS)
    }
}

/// Everything on the page that changes by itself.
struct Live {
    path: String,
    may_edit: bool,
    asked: Asked,
    scene: Option<Scene>,
    /// Why there is nothing to show.
    trouble: String,
    /// Sent without the page around it.
    alone: bool,
}

impl Live {
    /// Where the page asks for it again.
    fn address(&self) -> String {
        format!("{}/live?{}", self.path, self.asked.query(self.asked.before))
    }

    /// Where the journal begins anew, or goes on.
    fn journal(&self, before: Option<&i64>) -> String {
        format!("{}?{}#journal", self.path, self.asked.query(before.copied()))
    }

    /// Not the newest part of the journal.
    fn is_older(&self) -> bool {
        self.asked.before.is_some()
    }
}

#[derive(Template)]
#[template(path = "connections/rehearsal.html")]
struct RehearsalPage {
    layout: Layout,
    lab: LabId,
    connection: Connection,
    live: Live,
    forms: Forms,
    filter: Form,
}

#[derive(Template)]
#[template(path = "connections/rehearsal/news.html")]
struct News {
    live: Live,
}

/// A member at the rehearsal of a connection.
struct Desk<'a> {
    app: &'a App,
    member: &'a Member,
    connection: Connection,
    controls: Result<Controls, ControlError>,
}

/// What a form did: for the list of activities, and for the person.
struct Done {
    action: &'static str,
    detail: Value,
    words: String,
}

impl<'a> Desk<'a> {
    /// Not found for a connection that is no rehearsal.
    async fn open(app: &'a App, member: &'a Member, connection: Connection) -> WebResult<Self> {
        if !rehearsal::is_one(&connection) {
            return Err(Error::NotFound);
        }
        let controls = rehearsal::controls(app, &connection).await?;
        Ok(Self { app, member, connection, controls })
    }

    fn controls(&self) -> Result<&Controls, ControlError> {
        self.controls.as_ref().map_err(Clone::clone)
    }

    fn path(&self) -> String {
        format!("/labs/{}/connections/{}/rehearsal", self.connection.lab_id, self.connection.id)
    }

    /// What the marketplace says now.
    async fn live(&self, asked: Asked, alone: bool) -> Live {
        let asked = asked.cleaned(self.member.may_edit());
        let scene = match self.controls() {
            Ok(controls) => Scene::load(controls, &asked).await,
            Err(error) => Err(error),
        };
        let (scene, trouble) = match scene {
            Ok(scene) => (Some(scene), String::new()),
            Err(error) => (None, error.to_string()),
        };
        Live { path: self.path(), may_edit: self.member.may_edit(), asked, scene, trouble, alone }
    }

    async fn page(self, forms: Forms, asked: Asked) -> WebResult<RehearsalPage> {
        let live = self.live(asked, false).await;
        let title = format!("Rehearsal of {}", self.connection.name);
        let layout = Layout::in_lab(self.member, Nav::Connections, title).await?;
        Ok(RehearsalPage {
            layout: layout.environment(self.connection.environment.as_str()),
            lab: self.connection.lab_id,
            filter: live.asked.form(),
            forms: forms.filled(live.scene.as_ref().map(|scene| &scene.timing)),
            live,
            connection: self.connection,
        })
    }

    /// The page again, with what is wrong in one of its forms.
    async fn again(self, part: Part, form: Form) -> WebResult {
        show_invalid(&self.page(Forms::of(part, form), Asked::default()).await?)
    }

    /// What came of a form: written down and told, or words beside it.
    async fn told(self, part: Part, mut form: Form, result: Result<Done, ControlError>) -> WebResult {
        match result {
            Ok(done) => self.carried_out(done).await,
            Err(error) => {
                form.fail("", error);
                self.again(part, form).await
            }
        }
    }

    async fn carried_out(self, done: Done) -> WebResult<Response> {
        let mut conn = self.app.pool.acquire().await?;
        let act = act(self.app, self.member);
        rehearsal::record(&mut conn, act, &self.connection, done.action, done.detail).await?;
        drop(conn);
        session::flash(&self.member.session, Tone::Good, done.words).await?;
        Ok(Redirect::to(&self.path()).into_response())
    }
}

/// `GET /labs/{lab}/connections/{connection}/rehearsal`
///
/// # Errors
/// Not found unless it is this lab's, and a rehearsal.
pub async fn page(
    State(app): State<App>,
    Row(viewer, connection): Row<Viewer, Connection>,
    Query(asked): Query<Asked>,
) -> WebResult {
    let desk = Desk::open(&app, &viewer, connection).await?;
    show(&desk.page(Forms::default(), asked).await?)
}

/// `GET /labs/{lab}/connections/{connection}/rehearsal/live`: what changes by itself, for a page that is open.
///
/// # Errors
/// Not found unless it is this lab's, and a rehearsal.
pub async fn live(
    State(app): State<App>,
    Row(viewer, connection): Row<Viewer, Connection>,
    Query(asked): Query<Asked>,
) -> WebResult {
    let desk = Desk::open(&app, &viewer, connection).await?;
    show(&News { live: desk.live(asked, true).await })
}
