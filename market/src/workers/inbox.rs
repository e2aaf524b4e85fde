//! What requesters wrote to this worker.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::pages::{Here, PageError, Shell, page};
use super::session::SignedIn;
use super::{Site, words};
use crate::engine::messages::{self, Message};

/// Messages on the page at most.
const SHOWN: i64 = 200;

#[derive(Template)]
#[template(path = "workers/inbox.html")]
struct InboxPage {
    shell: Shell,
    messages: Vec<Message>,
}

pub(super) async fn show(
    State(site): State<Site>,
    SignedIn(worker): SignedIn,
) -> Result<Response, PageError> {
    let mut conn = site.market.pool().acquire().await?;
    let messages = messages::inbox(&mut conn, &worker.worker_id, SHOWN).await?;
    page(StatusCode::OK, &InboxPage { shell: Shell::new(&site.links, Some(worker), Here::Inbox), messages })
}
