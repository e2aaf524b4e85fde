//! The pages of studies and of their review, asked as browsers ask.

mod bulk;
mod drafts;
mod money;
mod overrides;
mod review;
mod running;

use axum::http::StatusCode;
use otree_hr::accounts::AccountId;
use otree_hr::labs::Role;
use otree_hr::studies::Study;
use otree_hr::web;

use crate::support::client::{Browser, PASSWORD};
use crate::support::lab::Lab;

/// A logged-in member of the lab.
async fn member(lab: &Lab, name: &str, role: Role) -> Browser {
    let browser = Browser::on(web::router(lab.app.clone()));
    browser.sign_up(name, PASSWORD).await;
    browser.log_in(name, PASSWORD).await;
    let id: uuid::Uuid = sqlx::query_scalar("SELECT id FROM account WHERE name = $1")
        .bind(name)
        .fetch_one(&lab.app.pool)
        .await
        .unwrap();
    lab.join(AccountId(id), role).await;
    browser
}

/// The study's own path.
fn path(lab: &Lab, study: &Study) -> String {
    format!("/labs/{}/studies/{}", lab.id, study.id)
}

/// A page that must be there.
async fn page(browser: &Browser, path: &str) -> String {
    let answer = browser.get(path).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
    answer.body
}
