//! The requester protocol.

use axum::Router;

use crate::Market;

/// POST `/` and POST `/requester`.
pub fn router(_market: Market) -> Router {
    Router::new()
}
