//! Whether this server can do its work, for load balancers and scripts.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::app::App;

/// `GET /health`: 200 while the database answers, else 503.
pub async fn show(State(app): State<App>) -> Response {
    match sqlx::query_scalar!("SELECT 1 AS \"one!\"").fetch_one(&app.pool).await {
        Ok(_) => (StatusCode::OK, axum::Json(serde_json::json!({ "status": "ok" }))).into_response(),
        Err(error) => {
            tracing::error!(%error, "The database does not answer");
            let status = serde_json::json!({ "status": "database unreachable" });
            (StatusCode::SERVICE_UNAVAILABLE, axum::Json(status)).into_response()
        }
    }
}
