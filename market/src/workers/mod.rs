//! The pages where people find, accept and submit work, and simulated workers who use them.

pub mod bots;

use axum::Router;

use crate::Market;

/// The worker site's routes.
pub fn router(_market: Market) -> Router {
    Router::new()
}
