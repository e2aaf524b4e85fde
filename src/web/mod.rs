//! The only home of HTTP for people: routes, guards, forms, pages, the worker's door.
//!
//! A page: a guard lets the right people in and loads what the path names, the form is parsed, one use
//! case runs in one transaction, and the browser is sent on with a message. Pages work without scripts.

mod account;
mod activity;
pub mod address;
pub mod assets;
pub mod connections;
mod csv;
pub mod door;
pub mod error;
pub mod forms;
pub mod guard;
mod health;
mod home;
mod invitations;
mod lab;
mod layers;
mod log_in;
mod members;
pub mod moment;
mod money;
mod operator;
pub mod page;
mod payments;
mod review;
pub mod routes;
mod scores;
pub mod session;
mod sign_up;
mod sites;
mod studies;
pub mod visit;

use axum::Router;
use tower_http::csrf::CsrfLayer;

use crate::app::App;

/// The site, ready to be served. The listener must give each connection's address
/// (`into_make_service_with_connect_info::<SocketAddr>()`).
pub fn router(app: App) -> Router {
    let routes::Table { people, workers, .. } = routes::table();
    // Only people have a session, so only their pages must know where a form came from.
    let people = people.layer(session::layer(&app)).layer(CsrfLayer::new());
    let site = Router::new().merge(people).merge(workers).fallback(|| async { error::Error::NotFound });
    layers::wrap(site, &app).with_state(app)
}
