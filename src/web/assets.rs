//! Stylesheets, scripts and icons: compiled into the binary, served under an address that holds their
//! content's hash, so that a browser keeps them for ever and never has an old one.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{Embed, EmbeddedFile};

use super::error::Error;

#[derive(Embed)]
#[folder = "$CARGO_MANIFEST_DIR/static/"]
struct Static;

/// Each file's name and the first characters of its content's SHA-256.
static HASHES: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    Static::iter()
        .filter_map(|name| Static::get(&name).map(|file| (name.into_owned(), short_hash(&file))))
        .collect()
});

/// The address of a file in `static/`, such as `app.css`.
pub fn asset(name: &str) -> String {
    match HASHES.get(name) {
        Some(hash) => format!("/static/{hash}/{name}"),
        None => format!("/static/missing/{name}"),
    }
}

/// The address of one icon of the sprite.
pub fn icon(id: &str) -> String {
    format!("{}#{id}", asset("vendor/icons.svg"))
}

/// `GET /static/{hash}/{*name}`
///
/// # Errors
/// Not found, unless both the name and the hash are ours.
pub async fn serve(
    Path((hash, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let current = HASHES.get(&name).ok_or(Error::NotFound)?;
    if *current != hash {
        return Err(Error::NotFound);
    }
    let tag = format!("\"{current}\"");
    let caching = [
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable".to_owned()),
        (header::ETAG, tag.clone()),
    ];
    if headers.get(header::IF_NONE_MATCH).is_some_and(|seen| seen.as_bytes() == tag.as_bytes()) {
        return Ok((StatusCode::NOT_MODIFIED, caching).into_response());
    }
    let file = Static::get(&name).ok_or(Error::NotFound)?;
    Ok((caching, [(header::CONTENT_TYPE, media_type(&name))], Body::from(file.data)).into_response())
}

fn short_hash(file: &EmbeddedFile) -> String {
    file.metadata.sha256_hash()[..6].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn vendored_files_are_the_ones_that_were_pinned() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/static/vendor");
        let sums = std::fs::read_to_string(format!("{folder}/SHA256SUMS")).unwrap();
        let pinned: BTreeMap<&str, &str> =
            sums.lines().map(|line| line.split_once("  ").map(|(sum, name)| (name, sum)).unwrap()).collect();
        let mut found = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name == "SHA256SUMS" {
                continue;
            }
            let bytes = std::fs::read(format!("{folder}/{name}")).unwrap();
            let sum: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(pinned.get(name.as_str()), Some(&sum.as_str()), "{name}");
            found.push(name);
        }
        assert_eq!(found.len(), pinned.len(), "a pinned file is missing");
    }

    #[test]
    fn an_address_holds_the_hash_of_the_content() {
        let address = asset("app.css");
        assert!(address.starts_with("/static/") && address.ends_with("/app.css"), "{address}");
        assert!(!address.contains("missing"));
    }
}
