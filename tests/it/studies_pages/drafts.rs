//! Making a study: choosing, filling in, saving, publishing.

use axum::http::StatusCode;
use otree_hr::labs::Role;
use otree_hr::studies::draft::Typed;
use otree_hr::studies::{State, Study, store};
use serde_json::json;

use super::{member, page, path};
use crate::support::lab::Lab;

/// The lab's site lists one config.
async fn with_config(lab: &Lab) {
    let solo = json!([{
        "name": "solo", "display_name": "Solo task", "participation_fee": 0.5, "exit_url": "",
        "mturk_hit_settings": { "title": "Pick a number", "keywords": ["a", "b"], "expiration_hours": 48,
            "minutes_allotted_per_assignment": 30, "frame_height": 500 },
    }]);
    sqlx::query("UPDATE site SET session_configs = $1, version = '6.0.15'")
        .bind(solo)
        .execute(&lab.app.pool)
        .await
        .unwrap();
}

/// The fields of the form as a browser posts them.
fn fields(lab: &Lab, typed: &Typed) -> Vec<(String, String)> {
    let values = serde_json::to_value(typed).unwrap();
    let mut fields: Vec<(String, String)> = values
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
        .collect();
    fields.push(("pick".into(), format!("{}:{}", lab.site, typed.config)));
    fields
}

fn borrowed(fields: &[(String, String)]) -> Vec<(&str, &str)> {
    fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

async fn only_study(lab: &Lab) -> Study {
    let mut conn = lab.app.pool.acquire().await.unwrap();
    let mut all = store::all(&mut conn, lab.id).await.unwrap();
    assert_eq!(all.len(), 1);
    all.remove(0)
}

#[tokio::test]
async fn a_lab_without_studies_is_told_what_to_do_next() {
    let lab = Lab::new().await;
    let ada = member(&lab, "Ada", Role::Editor).await;
    let body = page(&ada, &format!("/labs/{}", lab.id)).await;
    assert!(body.contains("No study yet") && body.contains("/studies/new"), "{body}");
    // Site and connection are there already.
    assert_eq!(body.matches("<li class=\"done\">").count(), 2);
}

#[tokio::test]
async fn choosing_an_experiment_fills_the_form_with_what_it_says_about_itself() {
    let lab = Lab::new().await;
    with_config(&lab).await;
    let ada = member(&lab, "Ada", Role::Editor).await;
    let first = page(&ada, &format!("/labs/{}/studies/new", lab.id)).await;
    assert!(first.contains(&format!("{}:solo", lab.site)) && !first.contains("name=\"places\""));
    let chosen = format!("?pick={}%3Asolo&connection={}&adopt=", lab.site, lab.connection);
    let form = page(&ada, &format!("/labs/{}/studies/new{chosen}", lab.id)).await;
    for value in ["Pick a number", "a, b", "value=\"48\"", "value=\"30\"", "value=\"500\"", "value=\"0.50\""]
    {
        assert!(form.contains(value), "{value} in {form}");
    }
    // What an unmarked choice would mean is marked.
    for value in ["new_tab", "reported"] {
        assert!(form.contains(&format!("value=\"{value}\" required checked")), "{value} in {form}");
    }
    // Browsers would empty a number field that holds something else.
    assert!(!form.contains("type=\"number\""), "{form}");
    // Enter in a field presses the first button, which must not put the experiment's words over one's own.
    let main = form.split_once("id=\"study\"").unwrap().1;
    assert!(main.split_once("name=\"do\"").unwrap().1.starts_with(" value=\"check\""), "{main}");
    let none = format!("/labs/{}/studies/new?pick=x&connection=y", lab.id);
    assert_eq!(ada.get(&none).await.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_wrong_form_comes_back_as_typed_with_what_is_wrong() {
    let lab = Lab::new().await;
    with_config(&lab).await;
    let ada = member(&lab, "Ada", Role::Editor).await;
    let wrong = Typed {
        places: "many".into(),
        reward: "1.505".into(),
        title: "Kept <b>title</b>".into(),
        changes: "treatment = blue".into(),
        ..lab.form()
    };
    let answer = ada.post(&format!("/labs/{}/studies", lab.id), &borrowed(&fields(&lab, &wrong))).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    for kept in ["value=\"many\"", "value=\"1.505\"", "Kept &#60;b&#62;title", "treatment = blue"] {
        assert!(answer.body.contains(kept), "{kept} in {}", answer.body);
    }
    assert!(answer.between("id=\"places-error\">", "<").contains("whole number"));
    assert!(answer.between("id=\"reward-error\">", "<").contains("two decimals"));
    assert_eq!(lab.count("SELECT count(*) FROM study").await, 0);
}

#[tokio::test]
async fn a_foreign_site_or_connection_cannot_be_chosen() {
    let lab = Lab::new().await;
    with_config(&lab).await;
    let other = lab.neighbour("second").await;
    let ada = member(&lab, "Ada", Role::Editor).await;
    let theirs = Typed { connection: other.connection.to_string(), ..lab.form() };
    let mut posted = fields(&lab, &theirs);
    posted.retain(|(name, _)| name != "pick");
    posted.push(("pick".into(), format!("{}:solo", other.site)));
    let answer = ada.post(&format!("/labs/{}/studies", lab.id), &borrowed(&posted)).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.body.contains("id=\"pick-error\"") && answer.body.contains("id=\"connection-error\""));
}

#[tokio::test]
async fn the_cost_is_told_while_somebody_types() {
    let lab = Lab::new().await;
    let ada = member(&lab, "Ada", Role::Editor).await;
    let cost = format!("/labs/{}/studies/cost", lab.id);
    let typed =
        Typed { places: "20".into(), batch_size: "10".into(), reward: "1".into(), ..Typed::default() };
    let panel = ada.post(&cost, &borrowed(&fields(&lab, &typed))).await.body;
    assert!(panel.contains("$28.00") && panel.contains("In batches of nine the total is $24.00"), "{panel}");
    assert!(!panel.contains("<html"));
    let half = ada.post(&cost, &[("places", "20"), ("reward", "1.")]).await.body;
    assert!(half.contains("Small batches save"), "{half}");
    assert!(ada.post(&cost, &[("reward", "x")]).await.body.contains("Fill in places and reward"));
}

#[tokio::test]
async fn a_draft_is_saved_changed_and_published_for_what_was_shown() {
    let lab = Lab::new().await;
    with_config(&lab).await;
    let ada = member(&lab, "Ada", Role::Editor).await;
    let form = Typed { budget: String::new(), ..lab.form() };
    let saved = ada.post(&format!("/labs/{}/studies", lab.id), &borrowed(&fields(&lab, &form))).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.body);
    let study = only_study(&lab).await;
    let home = path(&lab, &study);
    assert_eq!(saved.location(), home);
    // 4 × (1.00 + 0.20 + 5.00 + 1.00)
    assert_eq!(study.budget.to_string(), "28.80");

    let edit = page(&ada, &format!("{home}/edit")).await;
    assert!(edit.contains("value=\"Pick a number\""));
    let changed = Typed { places: "6".into(), ..form };
    ada.post(&format!("{home}/edit"), &borrowed(&fields(&lab, &changed))).await;
    assert_eq!(only_study(&lab).await.budget.to_string(), "43.20");

    let confirm = page(&ada, &format!("{home}/publish")).await;
    assert!(confirm.contains("3 batches of 2") && confirm.contains("at most $43.20"), "{confirm}");
    let (_, shown) = confirm.split_once("name=\"seen\" value=\"").unwrap();
    let (seen, _) = shown.split_once('"').unwrap();
    let press =
        async |total, seen| ada.post(&format!("{home}/publish"), &[("total", total), ("seen", seen)]).await;
    // The draft was changed since the page was shown: another sum, another place, another experiment.
    let (elsewhere, other) = (seen.replace("rehearsal", "production"), seen.replace("solo", "duo"));
    assert!(elsewhere != seen && other != seen, "{seen}");
    for (total, seen) in [("28.80", seen), ("43.20", &elsewhere), ("43.20", &other), ("43.20", "")] {
        let stale = press(total, seen).await;
        assert_eq!(stale.status, StatusCode::CONFLICT, "{total} {seen}");
        assert_eq!(only_study(&lab).await.state, State::Draft);
    }
    let done = press("43.20", seen).await;
    assert_eq!(done.location(), home, "{}", done.body);
    assert_eq!(only_study(&lab).await.state, State::Publishing);
    assert_eq!(lab.count("SELECT count(*) FROM batch WHERE state = 'planned'").await, 3);
    let noted =
        "SELECT count(*) FROM audit_event WHERE action IN ('study.create', 'study.edit', 'study.publish')";
    assert_eq!(lab.count(noted).await, 3);
    assert_eq!(ada.get(&format!("{home}/edit")).await.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn what_cannot_work_is_not_published() {
    let lab = Lab::new().await;
    with_config(&lab).await;
    let ada = member(&lab, "Ada", Role::Editor).await;
    let study = lab.draft(&Typed { play: "in_frame".into(), ..lab.form() }).await;
    let confirm = format!("{}/publish", path(&lab, &study));
    let shown = page(&ada, &confirm).await;
    assert!(shown.contains("through the exit door") && shown.contains("cannot be published"), "{shown}");
    assert!(!shown.contains("name=\"total\""));
    assert_eq!(ada.post(&confirm, &[("total", "28.80")]).await.location(), confirm);
    assert_eq!(lab.study(study.id).await.state, State::Draft);
}

#[tokio::test]
async fn a_viewer_looks_at_a_draft_but_cannot_publish_it() {
    let lab = Lab::new().await;
    with_config(&lab).await;
    let vera = member(&lab, "Vera", Role::Viewer).await;
    let study = lab.draft(&lab.form()).await;
    let home = path(&lab, &study);
    assert!(!page(&vera, &home).await.contains("Publish…"));
    for action in ["publish", "delete", "edit"] {
        let answer = vera.post(&format!("{home}/{action}"), &[("total", "28.80")]).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{action}");
    }
    assert_eq!(lab.study(study.id).await.state, State::Draft);
}

#[tokio::test]
async fn the_preview_frames_the_door_and_nothing_else() {
    let lab = Lab::new().await;
    let vera = member(&lab, "Vera", Role::Viewer).await;
    let study = lab.draft(&lab.form()).await;
    let answer = vera.get(&format!("{}/preview", path(&lab, &study))).await;
    assert!(answer.body.contains(&format!("src=\"/go/{}\"", study.code)), "{}", answer.body);
    assert!(answer.header("content-security-policy").contains("frame-src 'self'"));
    let html = "<a class=\"otree-link\">go</a><script>alert(1)</script>";
    let own = lab.draft(&Typed { play: "template".into(), template_html: html.into(), ..lab.form() }).await;
    let own = vera.get(&format!("{}/preview/page", path(&lab, &own))).await;
    assert_eq!(own.body, html);
    assert!(own.header("content-security-policy").starts_with("sandbox; default-src 'none'"));
}

#[tokio::test]
async fn a_draft_can_be_thrown_away_and_nothing_else() {
    let lab = Lab::new().await;
    let ada = member(&lab, "Ada", Role::Editor).await;
    let study = lab.draft(&lab.form()).await;
    let gone = ada.post(&format!("{}/delete", path(&lab, &study)), &[]).await;
    assert_eq!(gone.location(), format!("/labs/{}", lab.id));
    assert_eq!(ada.get(&path(&lab, &study)).await.status, StatusCode::NOT_FOUND);
    let (open, _) = lab.open_study(&lab.form()).await;
    let kept = ada.post(&format!("{}/delete", path(&lab, &open)), &[]).await;
    assert_eq!(kept.status, StatusCode::CONFLICT);
}
