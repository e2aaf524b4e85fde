//! The pages where people find, accept and submit work, and simulated workers who use them.
//!
//! | module | one idea |
//! | --- | --- |
//! | `accounts` | sign up, sign in, sign out, the account page |
//! | `browse` | the list of HITs, a group's preview, accepting |
//! | `work` | the accepted HIT in its frame, returning it, "my work" |
//! | `inbox` | what requesters wrote |
//! | `qualifications` | what a worker has and can ask for |
//! | `submit` | `/mturk/externalSubmit`, where frames hand in |
//! | `content` | questions whose page we serve ourselves |
//! | `frame` | a frame's address, height and sandbox |
//! | [`bots`] | simulated workers, ordinary clients of these pages |
//!
//! Every page works without script and at phone width. Pages forbid being framed, except what is shown inside
//! the frame of a HIT.

mod accounts;
pub mod bots;
mod browse;
mod content;
mod frame;
mod inbox;
mod links;
mod pages;
mod password;
mod qualifications;
mod session;
mod statics;
mod store;
mod submit;
mod words;
mod work;

use axum::Router;
use axum::http::HeaderValue;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tower_http::csrf::CsrfLayer;

use crate::Market;
use links::Links;
use pages::PageError;

/// What every handler is given.
#[derive(Debug, Clone)]
struct Site {
    market: Market,
    links: Links,
    policy: HeaderValue,
}

/// The worker site's routes.
pub fn router(market: Market) -> Router {
    let links = Links::new(&market.settings().public_url);
    let policy = pages::policy(&links);
    let site = Site { market, links, policy };
    let finish = from_fn_with_state(site.clone(), pages::finish);
    guarded(&site.links)
        .merge(framed())
        .route("/static/{version}/{name}", get(statics::asset))
        .layer(finish)
        .with_state(site)
}

/// Pages that act for the worker whom the cookie names: only for requests that come from these pages.
fn guarded(links: &Links) -> Router<Site> {
    let pages = Router::new()
        .route("/", get(browse::list))
        .route("/groups/{hit_type_id}", get(browse::preview))
        .route("/groups/{hit_type_id}/accept", post(browse::accept))
        .route("/work", get(work::mine))
        .route("/work/{assignment_id}", get(work::show))
        .route("/work/{assignment_id}/return", post(work::give_back))
        .route("/inbox", get(inbox::show))
        .route("/qualifications", get(qualifications::show))
        .route("/qualifications/about", post(qualifications::about))
        .route("/qualifications/{id}/ask", post(qualifications::ask))
        .route("/sign-up", get(accounts::sign_up_page).post(accounts::sign_up))
        .route("/sign-in", get(accounts::sign_in_page).post(accounts::sign_in))
        .route("/sign-out", post(accounts::sign_out))
        .route("/account", get(accounts::account))
        .route("/account/password", post(accounts::change_password));
    let layer = CsrfLayer::new();
    match layer.clone().add_trusted_origin(links.origin()) {
        Ok(layer) => pages.layer(layer.with_rejection_response(refused)),
        Err(_) => pages.layer(layer.with_rejection_response(refused)),
    }
}

/// What is shown or received inside the frame of a HIT, from whatever origin.
fn framed() -> Router<Site> {
    Router::new()
        .route("/content/{hit_id}", get(content::show))
        .route("/mturk/externalSubmit", get(submit::opened).post(submit::submit))
}

fn refused(_: tower_http::csrf::ProtectionError) -> Response {
    let text = "This form was sent from another web site. Open the page here and try again.".to_owned();
    let title = "Not accepted";
    PageError::Notice { status: axum::http::StatusCode::FORBIDDEN, title, text }.into_response()
}
