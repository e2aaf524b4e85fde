//! One study: as a draft, what it will be; later, how it goes, on a page that one keeps open.

use askama::Template;
use axum::extract::State;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::attention::{self, Around, Attention};
use super::bar::{self, Bar};
use super::by_rule;
use super::chart::{self, Chart};
use super::cost::Cost;
use super::{path, publish, words};
use crate::app::App;
use crate::connections::{self, Connection};
use crate::participation::{self, tracker};
use crate::payments::budget::{self, Budget};
use crate::review::{self, verdicts};
use crate::sites::{self, Site, SiteState};
use crate::studies::advice::Advice;
use crate::studies::batches::{self, Batch};
use crate::studies::cost::Figures;
use crate::studies::overview::{self, Line};
use crate::studies::sessions::{self, Session};
use crate::studies::{Play, State as Stage, Study};
use crate::web::error::{Error, WebResult};
use crate::web::forms::Form;
use crate::web::guard::{Member, Row, Viewer};
use crate::web::page::{Layout, Nav, show, show_invalid};

#[derive(Template)]
#[template(path = "studies/draft.html")]
struct DraftPage {
    layout: Layout,
    path: String,
    study: Study,
    site: Site,
    connection: Connection,
    cost: Cost,
    advice: Vec<Advice>,
    may_edit: bool,
}

#[derive(Template)]
#[template(path = "studies/page.html")]
struct StudyPage {
    layout: Layout,
    study: Study,
    live: Live,
    may_edit: bool,
    link: String,
    /// The form that changes the budget.
    budget: Form,
}

#[derive(Template)]
#[template(path = "studies/live.html")]
struct LivePart {
    study: Study,
    live: Live,
}

/// Everything on the page that changes by itself.
struct Live {
    path: String,
    line: Line,
    attention: Vec<Attention>,
    places: Bar,
    chart: Option<Chart>,
    money: Bar,
    budget: Budget,
    batches: Vec<Batch>,
    session: Option<Session>,
    seats: (i64, i64),
    turned_away: i64,
    site: Site,
    connection: Connection,
    now: DateTime<Utc>,
}

impl Live {
    async fn load(conn: &mut PgConnection, study: &Study, now: DateTime<Utc>) -> WebResult<Self> {
        let line = overview::of_study(conn, study.lab_id, study.id).await?;
        let (site, connection) = around(conn, study).await?;
        let batches = batches::of_study(conn, study.id).await?;
        let session = sessions::latest(conn, study.id).await?;
        let seats = sessions::seat_count(conn, study.id).await?;
        let turned_away = participation::store::turned_away(conn, study.id).await?;
        let arrivals = participation::store::admissions(conn, study.id).await?;
        let budget = budget::of(conn, study.id, false).await?;
        let mut attention = attention::of(
            &line,
            Around {
                batches: &batches,
                session: session.as_ref(),
                seats,
                site_problem: site.problem.as_deref().filter(|_| site.state == SiteState::Failed),
                connection_problem: connection.trial.as_ref().and_then(|trial| trial.problem.as_deref()),
                turned_away,
                odd_codes: odd_codes(conn, study).await?,
                differences: crate::payments::reconcile::differences::open_of(conn, study.id).await?,
                now,
            },
        );
        let tally = verdicts::tally(conn, study.id).await?;
        let unset = verdicts::unset(conn, study.id).await?;
        attention.extend(by_rule::attention(&tally, &unset, now));
        let until = study.closed_at.unwrap_or(now);
        Ok(Self {
            path: path(study),
            places: bar::places(&line),
            chart: chart::arrivals(&arrivals, until),
            money: bar::budget(&budget),
            line,
            attention,
            budget,
            batches,
            session,
            seats,
            turned_away,
            site,
            connection,
            now,
        })
    }

    /// Seconds until the page asks again: an open study changes quickly, a closed one hardly.
    fn every(&self) -> u32 {
        if self.line.state == Stage::Closed { 20 } else { 4 }
    }

    /// The colour and the words for a batch's state.
    fn batch_state(&self, batch: &Batch) -> (&'static str, &'static str) {
        let over = batch.expires_at.is_some_and(|at| at <= self.now) || batch.expired_at.is_some();
        match batch.state.as_str() {
            "planned" => ("still", "waiting"),
            "sending" => ("note", "being sent"),
            "open" if over => ("still", "off the list"),
            "open" => ("good", "on the list"),
            "refused" => ("bad", "not published"),
            _ => ("still", "done"),
        }
    }
}

/// Completion codes are typed by people only on the researcher's own page.
async fn odd_codes(conn: &mut PgConnection, study: &Study) -> WebResult<i64> {
    let mut odd = 0;
    for stage in review::DECIDABLE.into_iter().filter(|_| study.play == Play::Template) {
        let rows = participation::store::of_study(conn, study.lab_id, study.id, Some(stage)).await?;
        odd += review::odd_codes(study, &rows);
    }
    Ok(odd)
}

/// The study's site and connection.
///
/// # Errors
/// When they are gone (which the table forbids), or the database does not answer.
pub(super) async fn around(conn: &mut PgConnection, study: &Study) -> WebResult<(Site, Connection)> {
    let site = sites::find(conn, study.lab_id, study.site_id).await?.ok_or(Error::NotFound)?;
    let connection = connections::find(conn, study.lab_id, study.connection_id).await?;
    Ok((site, connection.ok_or(Error::NotFound)?))
}

/// `GET /labs/{lab}/studies/{study}`
///
/// # Errors
/// When the database does not answer.
pub async fn page(State(app): State<App>, Row(viewer, study): Row<Viewer, Study>) -> WebResult {
    if study.state == Stage::Draft {
        return draft(&app, &viewer, study).await;
    }
    let budget = Form::new().with("budget", study.budget);
    show(&running(&app, &viewer, study, budget).await?)
}

/// The page again, with what is wrong with the new budget.
pub(super) async fn show_again(app: &App, member: &Member, study: Study, budget: Form) -> WebResult {
    show_invalid(&running(app, member, study, budget).await?)
}

async fn running(app: &App, member: &Member, study: Study, budget: Form) -> WebResult<StudyPage> {
    let now = app.clock.now();
    let mut conn = app.pool.acquire().await?;
    tracker::look_now(&mut conn, study.id, now).await?;
    let live = Live::load(&mut conn, &study, now).await?;
    drop(conn);
    Ok(StudyPage {
        layout: layout(member, &study, study.name.clone()).await?,
        link: app.config.absolute(&format!("/go/{}", study.code)),
        may_edit: member.may_edit(),
        study,
        live,
        budget,
    })
}

/// `GET /labs/{lab}/studies/{study}/live`: the part that changes.
///
/// # Errors
/// When the database does not answer.
pub async fn live(State(app): State<App>, Row(_, study): Row<Viewer, Study>) -> WebResult {
    let mut conn = app.pool.acquire().await?;
    let live = Live::load(&mut conn, &study, app.clock.now()).await?;
    drop(conn);
    show(&LivePart { study, live })
}

/// The frame of a page about one study, in its environment's colour.
pub(in crate::web) async fn layout(member: &Member, study: &Study, title: String) -> WebResult<Layout> {
    Ok(Layout::in_lab(member, Nav::Studies, title).await?.environment(study.environment.clone()))
}

async fn draft(app: &App, viewer: &Member, study: Study) -> WebResult {
    let publish::Ready { site, connection, advice } = publish::ready(app, &study).await?;
    show(&DraftPage {
        layout: layout(viewer, &study, study.name.clone()).await?,
        path: path(&study),
        cost: Cost::of_figures(app, Figures::of(&study), Some(&connection)),
        may_edit: viewer.may_edit(),
        site,
        connection,
        advice,
        study,
    })
}

/// For templates.
fn away(at: &DateTime<Utc>, now: &DateTime<Utc>) -> String {
    words::away(*at, *now)
}
