//! The lab's quality scores: how they are made, who stands where, what the recruiter knows.

pub mod chart;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::json;

use super::error::WebResult;
use super::forms::Form;
use super::guard::{Editor, Member, Viewer};
use super::page::{Layout, Nav, show_as};
use super::session::{self, Tone};
use crate::app::App;
use crate::audit;
use crate::connections::Environment;
use crate::scores::report::{self, Person, Place};
use crate::scores::{Scale, scale, store};
use chart::Chart;

/// Workers on one page.
const PAGE: i64 = 200;

#[derive(Template)]
#[template(path = "scores/page.html")]
struct ScoresPage {
    layout: Layout,
    path: String,
    may_edit: bool,
    active: bool,
    scale: Scale,
    form: Form,
    /// Where somebody has a score: address word, name for people, whether it is shown.
    realms: Vec<(String, String, bool)>,
    realm: String,
    chart: Chart,
    places: Vec<Place>,
    people: Vec<Person>,
    worker: String,
    number: i64,
    more: bool,
}

/// What the address asks for.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    realm: String,
    worker: String,
    page: String,
}

/// `GET /labs/{lab}/scores`
///
/// # Errors
/// When the database does not answer.
pub async fn page(State(app): State<App>, viewer: Viewer, Query(asked): Query<Asked>) -> WebResult {
    let mut conn = app.pool.acquire().await?;
    let stored = store::scale(&mut conn, viewer.lab.id).await?;
    drop(conn);
    let (active, scale) = stored.unwrap_or((true, Scale::default()));
    render(&app, &viewer, fill(active, &scale), &asked, StatusCode::OK).await
}

/// `POST /labs/{lab}/scores`: sets the scale; everybody's score is made again.
///
/// # Errors
/// When the database does not answer.
pub async fn save(State(app): State<App>, editor: Editor, mut form: Form) -> WebResult {
    let active = form.checked("active");
    let Some(scale) = read(&mut form) else {
        return render(&app, &editor, form, &Asked::default(), StatusCode::UNPROCESSABLE_ENTITY).await;
    };
    let (now, by, lab) = (app.clock.now(), editor.account.id, editor.lab.id);
    let mut tx = app.pool.begin().await?;
    store::set_scale(&mut tx, now, lab, by, active, &scale).await?;
    let action = if active { "scores.set" } else { "scores.off" };
    let entry = audit::Entry::new(lab.0, by.0, action).about(lab.0);
    audit::record(&mut tx, now, entry.with(json!({ "scale": scale }))).await?;
    tx.commit().await?;
    let said = match active {
        true => "Scores are kept. They are being made from all decisions so far.",
        false => "Scores are off. What the recruiter knows stays as it is.",
    };
    session::flash(&editor.session, Tone::Good, said).await?;
    Ok(Redirect::to(&format!("/labs/{lab}/scores")).into_response())
}

/// The form with this scale in it.
fn fill(active: bool, scale: &Scale) -> Form {
    let form = Form::new()
        .with("start", scale.start)
        .with("up", scale.up)
        .with("down", scale.down)
        .with("lowest", scale.lowest)
        .with("highest", scale.highest);
    if active { form.with("active", "on") } else { form }
}

/// Reads what was typed; mistakes are noted in the form.
fn read(form: &mut Form) -> Option<Scale> {
    let mut number = |name: &str| form.number(name, 0..=scale::MOST);
    let read = (number("start"), number("up"), number("down"), number("lowest"), number("highest"));
    let (Some(start), Some(up), Some(down), Some(lowest), Some(highest)) = read else { return None };
    if lowest >= highest {
        form.fail("highest", "This must be more than the lowest score.");
    }
    if !(lowest..=highest).contains(&start) {
        form.fail("start", "Between the lowest and the highest score.");
    }
    if up == 0 && down == 0 {
        form.fail("up", "Without any step nobody's score would ever change.");
    }
    form.is_valid().then_some(Scale { start, up, down, lowest, highest })
}

async fn render(
    app: &App,
    member: &Member,
    form: Form,
    asked: &Asked,
    status: StatusCode,
) -> WebResult<Response> {
    let lab = member.lab.id;
    let number: i64 = asked.page.parse().unwrap_or(1).clamp(1, 1_000_000);
    let worker = asked.worker.trim();
    let named = Some(worker).filter(|name| !name.is_empty());
    let mut conn = app.pool.acquire().await?;
    let (active, scale) = store::scale(&mut conn, lab).await?.unwrap_or((false, Scale::default()));
    let realms = report::realms(&mut conn, lab).await?;
    let realm =
        realms.iter().find(|one| **one == asked.realm).or(realms.first()).cloned().unwrap_or_default();
    let found = report::distribution(&mut conn, lab, &realm).await?;
    let range = ((number - 1) * PAGE, PAGE + 1);
    let mut people = report::people(&mut conn, lab, &realm, named, range).await?;
    let more = people.len() as i64 > PAGE;
    people.truncate(PAGE as usize);
    let places = report::places(&mut conn, lab, &realm).await?;
    drop(conn);
    let page = ScoresPage {
        layout: Layout::in_lab(member, Nav::Studies, "Quality scores").await?,
        path: format!("/labs/{lab}/scores"),
        may_edit: member.may_edit(),
        chart: Chart::of(&scale, &found, None),
        realms: realms.iter().map(|one| (one.clone(), realm_words(one), *one == realm)).collect(),
        worker: worker.to_owned(),
        active,
        scale,
        form,
        realm,
        places,
        people,
        number,
        more,
    };
    show_as(status, &page)
}

/// A realm for people: its environment, or that it is a server of the lab's own choice.
pub fn realm_words(realm: &str) -> String {
    let place = realm.split_once(':').map_or(realm, |(_, place)| place);
    match place.parse::<Environment>() {
        Ok(environment) => environment.to_string(),
        Err(_) => "custom".to_owned(),
    }
}

/// A requirement for a study's form: this score or more.
fn requirement(qualification: &str, least: &i32) -> String {
    json!([{
        "QualificationTypeId": qualification,
        "Comparator": "GreaterThanOrEqualTo",
        "IntegerValues": [least],
        "ActionsGuarded": "DiscoverPreviewAndAccept",
    }])
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_reads_back_as_it_was_written() {
        for scale in [Scale::default(), Scale { start: 0, up: 0, down: 3, lowest: 0, highest: 7 }] {
            let mut form = fill(true, &scale);
            assert!(form.checked("active"));
            assert_eq!(read(&mut form), Some(scale));
        }
    }

    #[test]
    fn mistakes_are_beside_their_fields() {
        for (field, typed, at) in [
            ("start", "101", "start"),
            ("start", "", "start"),
            ("highest", "0", "highest"),
            ("down", "-1", "down"),
            ("highest", "1001", "highest"),
        ] {
            let mut form = fill(false, &Scale::default()).with(field, typed);
            assert_eq!(read(&mut form), None, "{field} {typed}");
            assert!(form.error(at).is_some(), "{field} {typed}");
            assert_eq!(form.value(field), typed);
        }
        let mut form = fill(true, &Scale { up: 0, down: 0, ..Scale::default() });
        assert_eq!(read(&mut form), None);
    }

    #[test]
    fn the_requirement_is_one_that_a_study_takes() {
        let written: serde_json::Value = serde_json::from_str(&requirement("3ABC", &60)).unwrap();
        assert_eq!(crate::recruiters::mturk::qualifications::check(&written), Ok(()));
    }
}
