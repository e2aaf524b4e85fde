//! HITs that are not for everybody, and how a worker gets to them.

use std::collections::HashSet;

use axum::http::StatusCode;
use market::engine::qualifications::types::{self, NewType};
use market::workers::bots::browser::Page;
use scraper::{Html, Selector};
use serde_json::json;

use crate::world::{World, assignment, attribute, external, form, world};

const STUDY: &str = "https://hr.example/go/1";

async fn kind(world: &World, name: &str, auto_granted: bool) -> String {
    let (mut tx, now) = world.market.begin().await.unwrap();
    let new = NewType {
        name: name.into(),
        description: "Speaks it well".into(),
        keywords: None,
        active: true,
        retry_delay: None,
        auto_granted,
        auto_granted_value: 7,
        test: None,
    };
    let made = types::create(&mut tx, now, &world.requester_id, &new).await.unwrap();
    tx.commit().await.unwrap();
    made.qualification_type_id
}

#[tokio::test]
async fn each_guard_shuts_as_much_as_it_says() {
    let world = world().await;
    let id = kind(&world, "Speaks Danish", false).await;
    let guarded = async |title: &str, actions: &str| {
        let requirement =
            json!([{"QualificationTypeId": id, "Comparator": "Exists", "ActionsGuarded": actions}]);
        world.publish_for(title, &external(STUDY), 1, requirement).await.1
    };
    let hidden = guarded("Hidden", "DiscoverPreviewAndAccept").await;
    let closed = guarded("Closed", "PreviewAndAccept").await;
    let shown = guarded("Shown", "Accept").await;
    let (mut ada, _) = world.worker("Ada").await;

    let list = ada.get(&world.at("")).await.unwrap();
    let listed = |group: &str| attribute(&list, &format!("[data-group='{group}']"), "data-title");
    assert_eq!(listed(&hidden), None);
    assert_eq!((listed(&closed).as_deref(), listed(&shown).as_deref()), (Some("Closed"), Some("Shown")));

    let mut preview = async |group: &str| ada.get(&world.at(&format!("groups/{group}"))).await.unwrap();
    assert_eq!(preview(&hidden).await.status, StatusCode::NOT_FOUND);
    let refused = preview(&closed).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.body.contains("Speaks Danish is needed"), "{}", refused.body);
    assert_eq!(preview(&shown).await.status, StatusCode::OK);

    for group in [&hidden, &closed, &shown] {
        let refused = world.accept(&mut ada, group).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.body);
        assert!(refused.body.contains("You do not qualify for this HIT"), "{}", refused.body);
    }
}

#[tokio::test]
async fn a_qualification_granted_on_request_opens_the_hit() {
    let world = world().await;
    let id = kind(&world, "Read the rules", true).await;
    let requirement = json!([{"QualificationTypeId": id, "Comparator": "EqualTo", "IntegerValues": [7]}]);
    let (_, group) = world.publish_for("For readers", &external(STUDY), 1, requirement).await;
    let (mut ada, _) = world.worker("Ada").await;
    assert_eq!(world.accept(&mut ada, &group).await.status, StatusCode::FORBIDDEN);
    let page = ada.get(&world.at("qualifications")).await.unwrap();
    assert!(attribute(&page, &format!("[data-offered='{id}']"), "action").is_some());
    let asked = ada.post(&world.at(&format!("qualifications/{id}/ask")), &[]).await.unwrap();
    assert_eq!(attribute(&asked, &format!("[data-held='{id}']"), "data-value").as_deref(), Some("7"));
    assert!(attribute(&asked, &format!("[data-offered='{id}']"), "action").is_none());
    let again = ada.post(&world.at(&format!("qualifications/{id}/ask")), &[]).await.unwrap();
    assert!(again.status == StatusCode::CONFLICT && again.body.contains("already"), "{}", again.body);
    assignment(&world.accept(&mut ada, &group).await);
}

#[tokio::test]
async fn workers_say_where_they_live() {
    let world = world().await;
    let requirement = json!([{"QualificationTypeId": "00000000000000000071", "Comparator": "In",
        "LocaleValues": [{"Country": "DK"}, {"Country": "US", "Subdivision": "CA"}]}]);
    let (_, group) = world.publish_for("At home", &external(STUDY), 2, requirement).await;
    let (mut ada, _) = world.worker("Ada").await;
    let mut tell = async |country: &str, subdivision: &str| {
        let fields = form(&[("country", country), ("subdivision", subdivision)]);
        ada.post(&world.at("qualifications/about"), &fields).await.unwrap()
    };
    for (country, subdivision) in [("Denmark", ""), ("1A", ""), ("", "CA")] {
        let refused = tell(country, subdivision).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{country} {subdivision}");
    }
    tell("us", "ny").await;
    let (mut other, _) = world.worker("Bob").await;
    let refused = world.accept(&mut other, &group).await;
    assert!(refused.body.contains("Worker_Locale must be DK, US-CA"), "{}", refused.body);
    let saved = tell(" us ", "ca").await;
    assert_eq!(attribute(&saved, "#country", "value").as_deref(), Some("US"));
    assignment(&world.accept(&mut ada, &group).await);
}

#[tokio::test]
async fn every_type_can_be_reached_by_words_by_pages_and_from_the_preview() {
    let world = world().await;
    for n in 0..45 {
        kind(&world, &format!("Language {n:02}"), false).await;
    }
    let last = kind(&world, "Reads Danish & Dutch", false).await;
    let requirement = json!([{"QualificationTypeId": last, "Comparator": "Exists"}]);
    let (_, group) = world.publish_for("For readers", &external(STUDY), 1, requirement).await;
    let (mut ada, _) = world.worker("Ada").await;
    let offered = |page: &Page| -> Vec<String> {
        let html = Html::parse_document(&page.body);
        let forms = Selector::parse("[data-offered] strong").unwrap();
        html.select(&forms).map(|name| name.text().collect()).collect()
    };

    let mut page = ada.get(&world.at("qualifications")).await.unwrap();
    let (mut names, mut pages) = (offered(&page), 1);
    while let Some(next) = attribute(&page, "a[rel=next]", "href") {
        page = ada.get(&page.url.join(&next).unwrap()).await.unwrap();
        names.extend(offered(&page));
        pages += 1;
    }
    assert_eq!((names.len(), pages), (46, 3));
    assert_eq!(names.iter().collect::<HashSet<_>>().len(), 46, "each once");

    let found = ada.get(&world.at("qualifications?words=dutch+reads")).await.unwrap();
    assert_eq!(offered(&found), ["Reads Danish & Dutch"]);
    assert_eq!(attribute(&found, "#words", "value").as_deref(), Some("dutch reads"));
    let none = ada.get(&world.at("qualifications?words=greek")).await.unwrap();
    assert!(offered(&none).is_empty() && none.body.contains("Nothing that you looked for"));

    let preview = ada.get(&world.at(&format!("groups/{group}"))).await.unwrap();
    let way = attribute(&preview, "#missing a", "href").unwrap();
    let page = ada.get(&preview.url.join(&way).unwrap()).await.unwrap();
    assert_eq!(offered(&page), ["Reads Danish & Dutch"], "straight to the type that is missing");
    let asked = ada.post(&world.at(&format!("qualifications/{last}/ask")), &[]).await.unwrap();
    assert!(asked.body.contains("You asked for the qualification"));
    let page = ada.get(&preview.url.join(&way).unwrap()).await.unwrap();
    assert!(
        page.body.contains("has not decided yet")
            && attribute(&page, "[data-offered] button", "class").is_none()
    );
}
