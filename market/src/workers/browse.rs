//! The list of HITs, a group's preview, and accepting.

use askama::Template;
use axum::extract::{Form, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use kernel::money::Cents;
use serde::Deserialize;
use serde_json::Value;
use sqlx::PgConnection;

use super::frame::{Task, Viewer};
use super::pages::{Here, PageError, Shell, page};
use super::search::Search as Sought;
use super::session::SignedIn;
use super::{Site, words};
use crate::clock::Whose;
use crate::engine::assignments::{self, Wanted, WorkError};
use crate::engine::groups::{self, Group};
use crate::engine::hits::{self, Hit};
use crate::engine::previews;
use crate::engine::qualifications::requirements::{Action, Standing, unmet};
use crate::engine::qualifications::standing::{self, Standings};
use crate::engine::qualifications::types::{self, QualificationType, Search};
use crate::engine::question::Question;
use crate::engine::work::{self, WorkItem};

/// Requirements of a HIT at most.
const MOST_REQUIRED: i64 = 10;

/// A group as the list and the preview show it.
pub(super) struct ShownGroup {
    hit_type_id: String,
    title: String,
    description: String,
    keywords: Option<String>,
    requester: String,
    reward: Cents,
    practice: bool,
    hits: String,
    time_allotted: String,
    review_within: String,
    expires: String,
    published: String,
    places: i64,
    requester_id: String,
    /// Ids of the qualifications that somebody lacks for accepting, with spaces between them.
    missing: String,
}

impl ShownGroup {
    /// The group as somebody with this standing sees it.
    fn new(group: Group, standings: &Standings) -> Self {
        Self {
            missing: missing(&group.qualification_requirements, standings.for_hits(group.practice)),
            practice: group.practice,
            hits: words::plural(group.hits, "HIT"),
            published: words::time(&group.newest),
            places: group.available,
            requester_id: group.requester_id,
            time_allotted: words::duration(group.assignment_duration),
            review_within: words::duration(group.auto_approval_delay),
            expires: words::time(&group.expiration),
            hit_type_id: group.hit_type_id,
            title: group.title,
            description: group.description,
            keywords: group.keywords,
            requester: group.requester,
            reward: group.reward,
        }
    }
}

fn missing(requirements: &Value, standing: &Standing) -> String {
    let lacking = unmet(requirements, Action::Accept, standing).into_iter();
    lacking.filter_map(|one| one["QualificationTypeId"].as_str()).collect::<Vec<_>>().join(" ")
}

#[derive(Template)]
#[template(path = "workers/list.html")]
struct ListPage {
    shell: Shell,
    groups: Vec<ShownGroup>,
    in_progress: Vec<WorkItem>,
    search: Sought,
    all: usize,
}

pub(super) async fn list(
    State(site): State<Site>,
    signed_in: Option<SignedIn>,
    Query(search): Query<Sought>,
) -> Result<Response, PageError> {
    let worker = signed_in.map(|SignedIn(worker)| worker);
    let mut tx = site.market.pool().begin().await?;
    let worker_id = worker.as_ref().map(|worker| worker.worker_id.as_str());
    let groups = groups::groups(&mut tx, site.market.settings(), site.market.real_now(), worker_id).await?;
    let in_progress = match worker_id {
        Some(worker_id) => work::held(&mut tx, worker_id).await?,
        None => Vec::new(),
    };
    let standings = standing::of_worker(&mut tx, site.market.settings(), worker_id).await?;
    let all = groups.len();
    let picked = search.pick(groups).into_iter();
    let groups = picked.map(|group| ShownGroup::new(group, &standings)).collect();
    let shell = Shell::new(&site.links, worker, Here::Hits);
    page(StatusCode::OK, &ListPage { shell, groups, in_progress, search, all })
}

#[derive(Template)]
#[template(path = "workers/preview.html")]
struct PreviewPage {
    shell: Shell,
    group: ShownGroup,
    hit_id: String,
    task: Task,
    missing: Option<String>,
    /// Types among the missing that can be asked for.
    ways: Vec<QualificationType>,
}

/// Which of the missing types this worker can ask for.
async fn ways(
    conn: &mut PgConnection,
    worker_id: &str,
    missing: &str,
) -> sqlx::Result<Vec<QualificationType>> {
    let ids: Vec<String> = missing.split_whitespace().map(str::to_owned).collect();
    let search =
        Search { requestable: true, ids: Some(&ids), not_held_by: Some(worker_id), ..Search::default() };
    types::page(conn, &search, 0, MOST_REQUIRED).await
}

pub(super) async fn preview(
    State(site): State<Site>,
    SignedIn(worker): SignedIn,
    Path(hit_type_id): Path<String>,
) -> Result<Response, PageError> {
    let (mut tx, now) = site.market.begin_of(Whose::HitType(&hit_type_id)).await?;
    let listed =
        groups::groups(&mut tx, site.market.settings(), site.market.real_now(), Some(&worker.worker_id))
            .await?;
    let group = listed.into_iter().find(|group| group.hit_type_id == hit_type_id).ok_or_else(nothing_left)?;
    let requirements = &group.qualification_requirements.clone();
    let (settings, practice) = (site.market.settings(), group.practice);
    let obstacle =
        standing::obstacle(&mut tx, settings, &worker.worker_id, requirements, practice, Action::Preview)
            .await?;
    if let Some(why) = obstacle {
        return Err(WorkError::NotQualified(why).into());
    }
    let next =
        assignments::next_of_group(&mut tx, site.market.settings(), now, &worker.worker_id, &hit_type_id)
            .await?;
    let hit = hits::find(&mut tx, &next.ok_or_else(nothing_left)?).await?.ok_or_else(nothing_left)?;
    let question = question_of(&site, &hit)?;
    let standings = standing::of_worker(&mut tx, site.market.settings(), Some(&worker.worker_id)).await?;
    let quirks = site.market.quirks_of(&mut tx, &hit.requester_id).await?;
    if quirks.previews_pending > 0 {
        previews::note(&mut tx, now, &hit, &worker.worker_id).await?;
    }
    let known = worker.worker_id.clone();
    let viewer = Viewer::Preview { worker_id: quirks.worker_in_preview.then_some(known.as_str()) };
    let group = ShownGroup { practice: hit.practice, ..ShownGroup::new(group, &standings) };
    let shown = PreviewPage {
        ways: ways(&mut tx, &worker.worker_id, &group.missing).await?,
        missing: standing::obstacle(
            &mut tx,
            settings,
            &worker.worker_id,
            requirements,
            hit.practice,
            Action::Accept,
        )
        .await?,
        task: Task::new(&question, &hit.hit_id, viewer, &site.links),
        shell: Shell::new(&site.links, Some(worker), Here::Hits),
        group,
        hit_id: hit.hit_id,
    };
    tx.commit().await?;
    page(StatusCode::OK, &shown)
}

/// The accept form: the HIT that was previewed, so that pressing twice does not take two.
#[derive(Debug, Deserialize)]
pub(super) struct Accept {
    hit_id: Option<String>,
}

pub(super) async fn accept(
    State(site): State<Site>,
    SignedIn(worker): SignedIn,
    Path(hit_type_id): Path<String>,
    Form(form): Form<Accept>,
) -> Result<Response, PageError> {
    let (mut tx, now) = site.market.begin_of(Whose::HitType(&hit_type_id)).await?;
    let seen = own_hit(&mut tx, form.hit_id, &hit_type_id).await?;
    let wanted = seen.as_deref().map_or(Wanted::Group(&hit_type_id), Wanted::Hit);
    let taken =
        match assignments::accept(&mut tx, site.market.settings(), now, &worker.worker_id, wanted).await {
            // The previewed HIT is gone, another one of the group does as well.
            Err(WorkError::NothingLeft) => {
                assignments::accept(
                    &mut tx,
                    site.market.settings(),
                    now,
                    &worker.worker_id,
                    Wanted::Group(&hit_type_id),
                )
                .await
            }
            taken => taken,
        };
    let assignment_id = match taken {
        Ok(assignment) => {
            tx.commit().await?;
            assignment.assignment_id
        }
        Err(WorkError::AlreadyHeld { assignment_id }) => assignment_id,
        Err(WorkError::NothingLeft) => return Err(nothing_left()),
        Err(error) => return Err(error.into()),
    };
    Ok(Redirect::to(&site.links.to(&format!("/work/{assignment_id}"))).into_response())
}

/// The HIT that the form names, if it belongs to the group.
async fn own_hit(
    conn: &mut PgConnection,
    hit_id: Option<String>,
    hit_type_id: &str,
) -> sqlx::Result<Option<String>> {
    let Some(hit_id) = hit_id else { return Ok(None) };
    let hit = hits::find(conn, &hit_id).await?;
    Ok(hit.filter(|hit| hit.hit_type_id == hit_type_id).map(|hit| hit.hit_id))
}

/// The HIT's question, which the engine checked when the HIT was made.
pub(super) fn question_of(site: &Site, hit: &Hit) -> Result<Question, PageError> {
    Question::parse(&hit.question, site.market.settings().allow_http_questions)
        .map_err(|error| PageError::Broken(format!("the question of {} does not parse: {error}", hit.hit_id)))
}

fn nothing_left() -> PageError {
    let text = "All places of these HITs are taken at the moment, you have done them, or they have expired. \
                A place comes back when somebody returns it.";
    PageError::Notice { status: StatusCode::NOT_FOUND, title: "No HIT left", text: text.into() }
}
