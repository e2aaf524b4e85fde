//! The style sheet and scripts, compiled in.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

const CSS: &str = include_str!("../../static/workers.css");
const SCRIPT: &str = include_str!("../../static/workers.js");
const CROWD: &str = include_str!("../../static/crowd.js");
const DONE: &str = include_str!("../../static/submitted.js");
const ICON: &str = include_str!("../../static/icon.svg");

static VERSION: LazyLock<String> = LazyLock::new(|| {
    let hash = Sha256::new().chain_update(CSS).chain_update(SCRIPT).chain_update(CROWD).chain_update(DONE);
    hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
});

/// Part of every asset's address, so that browsers may keep what they loaded.
pub fn version() -> &'static str {
    &VERSION
}

/// `/static/{version}/{name}`; whatever version is asked for, the present file is the answer.
pub async fn asset(Path((_, name)): Path<(String, String)>) -> Response {
    let (kind, text) = match name.as_str() {
        "workers.css" => ("text/css; charset=utf-8", CSS),
        "workers.js" => ("text/javascript; charset=utf-8", SCRIPT),
        "crowd.js" => ("text/javascript; charset=utf-8", CROWD),
        "submitted.js" => ("text/javascript; charset=utf-8", DONE),
        "icon.svg" => ("image/svg+xml", ICON),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    let headers: [(HeaderName, &str); 2] =
        [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
    (headers, text).into_response()
}
