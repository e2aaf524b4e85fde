//! Members, roles, invitations, leaving.

use axum::http::StatusCode;
use chrono::Duration;
use sqlx::PgPool;

use crate::support::client::{Browser, PASSWORD, Site};

/// The newest invitation link of a lab, as a path.
async fn invite(owner: &Browser, lab: &str, role: &str) -> String {
    let answer = owner.post(&format!("{lab}/invitations"), &[("role", role)]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    let page = owner.get(&format!("{lab}/members")).await;
    format!("/invitations/{}", page.between("https://hr.test/invitations/", "\""))
}

async fn account(pool: &PgPool, name: &str) -> String {
    let id: uuid::Uuid = sqlx::query_scalar("SELECT id FROM account WHERE name = $1")
        .bind(name)
        .fetch_one(pool)
        .await
        .unwrap();
    id.to_string()
}

/// Ada's lab with Bob in it.
async fn two(site: &Site, role: &str) -> (Browser, Browser, String) {
    let (ada, lab) = site.person("Ada").await;
    let (bob, _) = site.person("Bob").await;
    let link = invite(&ada, &lab, role).await;
    assert_eq!(bob.post(&link, &[]).await.location(), lab);
    (ada, bob, lab)
}

#[tokio::test]
async fn a_link_lets_one_person_join_once() {
    let site = Site::new().await;
    let (ada, lab) = site.person("Ada").await;
    let (bob, _) = site.person("Bob").await;
    let (eve, _) = site.person("Eve").await;
    let link = invite(&ada, &lab, "viewer").await;
    assert_eq!(bob.get(&lab).await.status, StatusCode::NOT_FOUND);
    assert!(site.browser().get(&link).await.body.contains("Ada’s lab"));
    assert_eq!(bob.post(&link, &[]).await.location(), lab);
    assert_eq!(bob.get(&lab).await.status, StatusCode::OK);
    assert_eq!(eve.post(&link, &[]).await.status, StatusCode::CONFLICT);
    assert_eq!(eve.get(&link).await.status, StatusCode::NOT_FOUND);
    assert_eq!(bob.get(&link).await.location(), lab, "who joined by it finds the lab again");
}

#[tokio::test]
async fn a_member_does_not_use_up_a_link_for_somebody_else() {
    let site = Site::new().await;
    let (ada, bob, lab) = two(&site, "viewer").await;
    let link = invite(&ada, &lab, "owner").await;
    bob.post(&link, &[]).await;
    assert_eq!(bob.post(&format!("{lab}/name"), &[("lab_name", "Mine")]).await.status, StatusCode::FORBIDDEN);
    let (eve, _) = site.person("Eve").await;
    assert_eq!(eve.post(&link, &[]).await.location(), lab);
}

#[tokio::test]
async fn a_newcomer_signs_up_by_the_link_and_is_in_the_lab() {
    let site = Site::new().await;
    let (ada, lab) = site.person("Ada").await;
    let link = invite(&ada, &lab, "editor").await;
    let token = link.strip_prefix("/invitations/").unwrap();
    let bob = site.browser();
    let fields =
        [("name", "Bob"), ("email", "bob@example.org"), ("password", PASSWORD), ("invitation", token)];
    let next = bob.post("/signup", &fields).await.location();
    assert!(next.starts_with("/login?next=%2Finvitations%2F"), "{next}");
    let way = [("email", "bob@example.org"), ("password", PASSWORD), ("next", &*link)];
    let back = bob.post("/login", &way).await.location();
    assert_eq!(bob.get(&back).await.location(), lab);
    assert!(ada.get(&format!("{lab}/activity")).await.body.contains("joined as editor"));
}

#[tokio::test]
async fn links_run_out_and_can_be_taken_back() {
    let site = Site::new().await;
    let (ada, lab) = site.person("Ada").await;
    let (bob, _) = site.person("Bob").await;
    let link = invite(&ada, &lab, "viewer").await;
    let members = format!("{lab}/members");
    let page = ada.get(&members).await;
    let revoke =
        format!("{lab}/invitations/{}/revoke", page.between(&format!("{lab}/invitations/"), "/revoke"));
    assert_eq!(ada.post(&revoke, &[]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(bob.post(&link, &[]).await.status, StatusCode::CONFLICT);
    assert_eq!(ada.post(&revoke, &[]).await.status, StatusCode::NOT_FOUND);

    let link = invite(&ada, &lab, "viewer").await;
    site.clock.advance(Duration::days(7));
    ada.log_in("Ada", PASSWORD).await;
    bob.log_in("Bob", PASSWORD).await;
    assert_eq!(bob.post(&link, &[]).await.status, StatusCode::CONFLICT);
    assert!(!ada.get(&members).await.body.contains("/invitations/0"), "old links are not listed");
}

#[tokio::test]
async fn a_role_decides_what_one_may_do() {
    let site = Site::new().await;
    let (ada, bob, lab) = two(&site, "viewer").await;
    let rename = format!("{lab}/name");
    assert_eq!(bob.get(&format!("{lab}/members")).await.status, StatusCode::OK);
    assert_eq!(bob.post(&rename, &[("lab_name", "Bob’s")]).await.status, StatusCode::FORBIDDEN);
    let role = format!("{lab}/members/{}/role", account(&site.app.pool, "Bob").await);
    assert_eq!(bob.post(&role, &[("role", "owner")]).await.status, StatusCode::FORBIDDEN);
    assert_eq!(ada.post(&role, &[("role", "king")]).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(ada.post(&role, &[("role", "owner")]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(bob.post(&rename, &[("lab_name", "Ours")]).await.status, StatusCode::SEE_OTHER);
    let activity = ada.get(&format!("{lab}/activity")).await.body;
    assert!(activity.contains("made Bob owner") && activity.contains("renamed the lab to “Ours”"));
}

#[tokio::test]
async fn a_lab_always_keeps_an_owner() {
    let site = Site::new().await;
    let (ada, bob, lab) = two(&site, "editor").await;
    let (own, bobs) = (account(&site.app.pool, "Ada").await, account(&site.app.pool, "Bob").await);
    let member = |id: &str, what: &str| format!("{lab}/members/{id}/{what}");
    ada.post(&member(&own, "role"), &[("role", "viewer")]).await;
    assert!(ada.get(&format!("{lab}/members")).await.body.contains("A lab needs an owner."));
    ada.post(&member(&own, "remove"), &[]).await;
    assert_eq!(ada.get(&lab).await.status, StatusCode::OK);
    assert_eq!(ada.post(&format!("{lab}/leave"), &[]).await.status, StatusCode::CONFLICT);
    let delete = ada.post("/account/delete", &[("your_password", PASSWORD)]).await;
    assert_eq!(delete.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(delete.body.contains("the only owner of “Ada’s lab”"), "{}", delete.body);

    ada.post(&member(&bobs, "role"), &[("role", "owner")]).await;
    assert_eq!(ada.post("/account/delete", &[("your_password", PASSWORD)]).await.location(), "/");
    assert_eq!(bob.get(&lab).await.status, StatusCode::OK);
    assert_eq!(ada.get("/account").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn two_owners_cannot_remove_each_other_at_the_same_moment() {
    let site = Site::new().await;
    let (ada, bob, lab) = two(&site, "owner").await;
    let (own, bobs) = (account(&site.app.pool, "Ada").await, account(&site.app.pool, "Bob").await);
    let remove = |id: &str| format!("{lab}/members/{id}/remove");
    let (one, two) = (remove(&bobs), remove(&own));
    tokio::join!(ada.post(&one, &[]), bob.post(&two, &[]));
    let owners: i64 =
        sqlx::query_scalar("SELECT count(*) FROM membership m WHERE role = 'owner' AND lab_id = $1")
            .bind(lab.strip_prefix("/labs/").unwrap().parse::<uuid::Uuid>().unwrap())
            .fetch_one(&site.app.pool)
            .await
            .unwrap();
    assert_eq!(owners, 1);
}

#[tokio::test]
async fn who_was_removed_sees_nothing_any_more() {
    let site = Site::new().await;
    let (ada, bob, lab) = two(&site, "editor").await;
    let bobs = account(&site.app.pool, "Bob").await;
    assert_eq!(ada.post(&format!("{lab}/members/{bobs}/remove"), &[]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(bob.get(&lab).await.status, StatusCode::NOT_FOUND);
    assert_eq!(ada.post(&format!("{lab}/members/{bobs}/remove"), &[]).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_deleted_account_takes_its_own_lab_along_and_needs_the_password() {
    let site = Site::new().await;
    let (ada, _) = site.person("Ada").await;
    let wrong = ada.post("/account/delete", &[("your_password", "not mine at all")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(ada.post("/account/delete", &[("your_password", PASSWORD)]).await.location(), "/");
    let left: i64 = sqlx::query_scalar("SELECT (SELECT count(*) FROM lab) + (SELECT count(*) FROM account)")
        .fetch_one(&site.app.pool)
        .await
        .unwrap();
    assert_eq!(left, 0);
}
