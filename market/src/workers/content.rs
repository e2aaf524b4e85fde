//! Questions whose page we serve ourselves (HTMLQuestion), with elements that make their forms submit.
//!
//! The page is the requester's: it may contain any script. It is therefore sent with a policy that takes its
//! origin away, so that it can reach neither our cookies nor our pages, whether framed or opened alone.

use axum::extract::{Path, State};
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};

use super::browse::question_of;
use super::pages::PageError;
use super::{Site, statics};
use crate::engine::hits;
use crate::engine::question::Question;

const POLICY: &str = "sandbox allow-scripts allow-forms allow-popups allow-popups-to-escape-sandbox allow-modals \
                      allow-downloads allow-top-navigation-by-user-activation; frame-ancestors 'self'";

pub(super) async fn show(
    State(site): State<Site>,
    Path(hit_id): Path<String>,
) -> Result<Response, PageError> {
    let missing = || PageError::not_found("There is no such page.");
    let mut conn = site.market.pool().acquire().await?;
    let hit =
        hits::find(&mut conn, &hit_id).await?.filter(|hit| hit.disposed_at.is_none()).ok_or_else(missing)?;
    let Question::Html { content, .. } = question_of(&site, &hit)? else { return Err(missing()) };
    let script = site.links.to(&format!("/static/{}/crowd.js", statics::version()));
    let headers: [(HeaderName, &str); 2] =
        [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_SECURITY_POLICY, POLICY)];
    Ok((headers, with_script(&content, &script)).into_response())
}

/// The page with our script before any of its own: after the opening tag of the head, else as early as can be.
fn with_script(content: &str, script: &str) -> String {
    let at = ["<head", "<html", "<!doctype"].iter().find_map(|tag| after_tag(content, tag)).unwrap_or(0);
    let (before, after) = content.split_at(at);
    format!("{before}<script src=\"{script}\"></script>{after}")
}

/// The position behind the first such tag.
fn after_tag(content: &str, tag: &str) -> Option<usize> {
    let lower = content.to_ascii_lowercase();
    let is_tag =
        |at: &usize| lower[at + tag.len()..].starts_with(|c: char| c == '>' || c.is_ascii_whitespace());
    let at = lower.match_indices(tag).map(|(at, _)| at).find(is_tag)?;
    lower[at..].find('>').map(|end| at + end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_comes_first_wherever_the_page_begins() {
        let script = "<script src=\"/c.js\"></script>";
        for (content, before) in [
            (
                "<!DOCTYPE html><html><head lang=en><title>x</title></head></html>",
                "<!DOCTYPE html><html><head lang=en>",
            ),
            ("<!DOCTYPE html><body><header>x</header></body>", "<!DOCTYPE html>"),
            ("\n<HTML><body></body>", "\n<HTML>"),
            ("<p>bare</p>", ""),
        ] {
            let expected = format!("{before}{script}{}", &content[before.len()..]);
            assert_eq!(with_script(content, "/c.js"), expected);
        }
    }
}
