//! The worker's door, knocked at without a network.

use otree_hr::app::App;
use otree_hr::web;

use super::client::{Answer, Browser};

/// A worker's browser: it comes from a recruiter's page.
pub fn worker(app: &App) -> Browser {
    Browser::on(web::router(app.clone())).sending("sec-fetch-site", "cross-site")
}

/// Opens a page as a worker.
pub async fn get(app: &App, path: &str) -> Answer {
    worker(app).get(path).await
}

/// The address that a HIT's frame opens for a worker who has accepted.
pub fn go(code: &str, hit: &str, worker: &str, assignment: &str) -> String {
    format!(
        "/go/{code}?assignmentId={assignment}&hitId={hit}&workerId={worker}&turkSubmitTo=http%3A%2F%2F127.0.0.1%3A9"
    )
}
