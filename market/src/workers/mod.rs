//! The pages where people find, accept and submit work, and simulated workers who use them.
//!
//! | module | one idea |
//! | --- | --- |
//! | `accounts` | sign up, sign in, sign out, the account page |
//! | `browse` | the list of HITs, a group's preview, accepting |
//! | `search` | which groups the list shows, and in which order |
//! | `queue` | the HITs that were accepted and wait to be done |
//! | `work` | the accepted HIT in its frame or as a form, handing in the form, returning it, "my work" |
//! | `earnings` | what was earned, by day |
//! | `inbox` | what requesters wrote |
//! | `qualifications` | what a worker has and can ask for |
//! | `questions` | a QuestionForm on a page, in tests and in HITs |
//! | `test` | taking the test of a qualification |
//! | `submit` | `/mturk/externalSubmit`, where frames hand in |
//! | `content` | questions whose page we serve ourselves |
//! | `frame` | how a HIT is shown: a frame's address, height and sandbox, or a form |
//! | [`bots`] | simulated workers, ordinary clients of these pages |
//!
//! Every page works without script and at phone width. Pages forbid being framed, except what is shown inside
//! the frame of a HIT.

mod accounts;
pub mod bots;
mod browse;
mod content;
mod earnings;
mod frame;
mod inbox;
mod links;
mod pages;
mod password;
mod qualifications;
mod questions;
mod queue;
mod search;
mod session;
mod statics;
mod store;
mod submit;
mod test;
mod words;
mod work;

use axum::Router;
use axum::http::HeaderValue;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tower_http::csrf::CsrfLayer;

use crate::{Market, panics};
use links::Links;
use pages::PageError;

/// What every handler is given.
#[derive(Debug, Clone)]
struct Site {
    market: Market,
    links: Links,
    policy: HeaderValue,
}

impl Site {
    fn new(market: Market) -> Self {
        let settings = market.settings();
        let links = Links::new(&settings.public_url).with_frame(settings.frame_url.clone());
        let policy = pages::policy(&links);
        Self { market, links, policy }
    }
}

/// The worker site's routes.
pub fn router(market: Market) -> Router {
    let site = Site::new(market);
    let finish = from_fn_with_state(site.clone(), pages::finish);
    let content = match site.market.settings().frame_url {
        Some(_) => Router::new(),
        None => {
            let content = Router::new().route("/content/{hit_id}", get(content::show));
            content.layer(from_fn(pages::without_nul))
        }
    };
    guarded(&site.links)
        .merge(content)
        // What work consists of is never refused for a character in it; what XML cannot carry is dropped there.
        .route("/mturk/externalSubmit", get(submit::opened).post(submit::submit))
        .route("/static/{version}/{name}", get(statics::asset))
        .layer(panics::caught(panicked))
        .layer(finish)
        .with_state(site)
}

fn panicked(words: &str) -> Response {
    PageError::Broken(format!("panic: {words}")).into_response()
}

/// Pages that act for the worker whom the cookie names: only for requests that come from these pages.
fn guarded(links: &Links) -> Router<Site> {
    let pages = Router::new()
        .route("/", get(browse::list))
        .route("/groups/{hit_type_id}", get(browse::preview))
        .route("/groups/{hit_type_id}/accept", post(browse::accept))
        .route("/queue", get(queue::show))
        .route("/earnings", get(earnings::show))
        .route("/work", get(work::mine))
        .route("/work/{assignment_id}", get(work::show))
        .route("/work/{assignment_id}/return", post(work::give_back))
        .route("/inbox", get(inbox::show))
        .route("/qualifications", get(qualifications::show))
        .route("/qualifications/about", post(qualifications::about))
        .route("/qualifications/{id}/ask", post(qualifications::ask))
        .route("/qualifications/{id}/test", get(test::show))
        .route("/qualifications/{id}/test/open", post(test::open))
        .route("/sign-up", get(accounts::sign_up_page).post(accounts::sign_up))
        .route("/sign-in", get(accounts::sign_in_page).post(accounts::sign_in))
        .route("/sign-out", post(accounts::sign_out))
        .route("/account", get(accounts::account))
        .route("/account/password", post(accounts::change_password))
        .layer(from_fn(pages::without_nul))
        .merge(typed());
    let layer = CsrfLayer::new();
    match layer.clone().add_trusted_origin(links.origin()) {
        Ok(layer) => pages.layer(layer.with_rejection_response(refused)),
        Err(_) => pages.layer(layer.with_rejection_response(refused)),
    }
}

/// Forms with what people worked out: like work from a frame never refused for a character in it.
fn typed() -> Router<Site> {
    Router::new()
        .route("/work/{assignment_id}", post(work::hand_in))
        .route("/qualifications/{id}/test", post(test::hand_in))
        .layer(from_fn(pages::address_without_nul))
}

/// The routes of the frame's own origin: requesters' pages and what they load from us, nothing that knows a worker.
/// Empty where the operator has no such origin.
pub fn frame_router(market: Market) -> Router {
    let Some(frame_url) = market.settings().frame_url.clone() else { return Router::new() };
    let routes = Router::new()
        .route("/content/{hit_id}", get(content::show_apart))
        .route("/static/{version}/{name}", get(statics::asset))
        .layer(from_fn(pages::without_nul))
        .layer(panics::caught(panicked))
        .layer(from_fn(pages::finish_plainly))
        .with_state(Site::new(market));
    match frame_url.path().trim_end_matches('/') {
        "" => routes,
        prefix => Router::new().nest(prefix, routes),
    }
}

fn refused(_: tower_http::csrf::ProtectionError) -> Response {
    let text = "This form was sent from another web site. Open the page here and try again.".to_owned();
    let title = "Not accepted";
    PageError::Notice { status: axum::http::StatusCode::FORBIDDEN, title, text }.into_response()
}
