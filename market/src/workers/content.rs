//! Questions whose page we serve ourselves (HTMLQuestion), with elements that make their forms submit.
//!
//! The page is the requester's: it may contain any script. It is therefore served from an origin of its own, as on
//! MTurk, where nothing else is: another listener or another host name (`frame_url`). Where the operator has none, it is
//! served from ours with a policy that takes its origin away. Either way it can reach neither our cookies nor our pages,
//! whether framed or opened alone.
//!
//! Amazon's script for the `crowd-` elements is gone; ours stands first in the page, and its address is replaced.

use axum::extract::{Path, State};
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};

use super::browse::question_of;
use super::pages::PageError;
use super::{Site, statics};
use crate::engine::hits;
use crate::engine::question::Question;

/// What the frame's own sandbox allows too, so that a page opened alone can do no more.
const SANDBOX: &str = "sandbox allow-scripts allow-forms allow-popups allow-popups-to-escape-sandbox allow-modals \
                       allow-downloads allow-top-navigation-by-user-activation";
/// What Amazon's script is called, wherever it was loaded from.
const VENDOR: &str = "crowd-html-elements";

/// The page from our own origin: without one.
pub(super) async fn show(site: State<Site>, hit_id: Path<String>) -> Result<Response, PageError> {
    let script = site.links.to(&format!("/static/{}/crowd.js", statics::version()));
    let policy = format!("{SANDBOX}; frame-ancestors 'self'");
    served(site, hit_id, &script, &policy).await
}

/// The page from the frame's own origin, which it keeps.
pub(super) async fn show_apart(site: State<Site>, hit_id: Path<String>) -> Result<Response, PageError> {
    let script = format!("../static/{}/crowd.js", statics::version());
    let policy = format!("{SANDBOX} allow-same-origin; frame-ancestors {}", site.links.origin());
    served(site, hit_id, &script, &policy).await
}

async fn served(
    State(site): State<Site>,
    Path(hit_id): Path<String>,
    script: &str,
    policy: &str,
) -> Result<Response, PageError> {
    let missing = || PageError::not_found("There is no such page.");
    let mut conn = site.market.pool().acquire().await?;
    let hit =
        hits::find(&mut conn, &hit_id).await?.filter(|hit| hit.disposed_at.is_none()).ok_or_else(missing)?;
    let Question::Html { content, .. } = question_of(&site, &hit)? else { return Err(missing()) };
    let headers: [(HeaderName, &str); 2] =
        [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_SECURITY_POLICY, policy)];
    Ok((headers, with_script(&without_vendor(&content), script)).into_response())
}

/// The page without the tag that loads Amazon's script, which browsers would wait for in vain.
fn without_vendor(content: &str) -> String {
    let lower = content.to_ascii_lowercase();
    let mut kept = String::with_capacity(content.len());
    let mut at = 0;
    while let Some(start) = lower[at..].find("<script").map(|found| at + found) {
        let inside = lower[start..].find('>').map_or(lower.len(), |found| start + found + 1);
        let end =
            lower[inside..].find("</script>").map_or(inside, |found| inside + found + "</script>".len());
        let is_vendor = lower[start..inside].contains(VENDOR);
        kept.push_str(&content[at..if is_vendor { start } else { end }]);
        at = end;
    }
    kept + &content[at..]
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
    fn only_amazons_script_is_left_out() {
        let page = "<SCRIPT SRC='https://assets.crowd.aws/crowd-html-elements.js'></SCRIPT><p>a</p>\
                    <script>var own = '<script';</script><script src=/b.js></script>";
        let rest = "<p>a</p><script>var own = '<script';</script><script src=/b.js></script>";
        assert_eq!(without_vendor(page), rest);
        assert_eq!(without_vendor("<p>Ä</p><script src=x/crowd-html-elements.js>"), "<p>Ä</p>");
    }

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
