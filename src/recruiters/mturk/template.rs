//! The researcher's own page (`mturk_template_html`), made ready for the recruiter's frame.
//!
//! oTree projects carry a page with links of class `otree-link` and, usually, a `completion_code`
//! field inside a `crowd-form`. One small script of ours, without anything loaded from elsewhere,
//! hands the frame's parameters on to our door once the assignment is accepted and makes the form post
//! to the recruiter. Amazon's own script for `crowd-` elements is left out: its address is gone.

use scraper::{Html, Selector};

const SCRIPT: &str = include_str!("template.js");
/// What marks Amazon's script, wherever it was loaded from.
const VENDOR: &str = "crowd-html-elements";

/// The page to publish. `door` is where the links lead; `submit_sites` are the addresses that the
/// finished form may be posted to, the connection's own first.
pub fn page(template: &str, door: &str, submit_sites: &[String]) -> String {
    let settings = serde_json::json!({ "door": door, "sites": submit_sites }).to_string();
    let script = SCRIPT.trim_end().replace("\"SETTINGS\"", &settings.replace('<', "\\u003c"));
    let script = format!("<script>\n{script}\n</script>\n");
    let template = with_links(&without_vendor_script(template), door);
    if !has_tag(&template, "<html") {
        let template = in_a_form(template);
        return format!(
            "<!DOCTYPE html>\n<html>\n<head><meta charset=\"utf-8\"></head>\n<body>\n{template}\n{script}</body>\n</html>\n"
        );
    }
    match template.to_ascii_lowercase().rfind("</body") {
        Some(end) => format!("{}{script}{}", &template[..end], &template[end..]),
        None => template + &script,
    }
}

/// What would keep this template from working, in words.
pub fn problems(template: &str) -> Vec<&'static str> {
    let mut problems = Vec::new();
    if !has(template, "a.otree-link") {
        problems.push("The template has no link of class “otree-link”, so workers cannot reach the study.");
    }
    if !asks_for_code(template) {
        problems.push(
            "The template has no field named “completion_code”, so a submission cannot be checked by its code.",
        );
    }
    problems
}

/// Whether the page has a field for the completion code.
pub fn asks_for_code(template: &str) -> bool {
    has(template, "[name=completion_code]")
}

fn has(template: &str, selector: &str) -> bool {
    let page = Html::parse_document(template);
    Selector::parse(selector).is_ok_and(|selector| page.select(&selector).next().is_some())
}

/// Links of class `otree-link` lead to the door even where no script runs.
fn with_links(html: &str, door: &str) -> String {
    let door = door.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
    let lower = html.to_ascii_lowercase();
    let mut kept = String::with_capacity(html.len());
    let mut at = 0;
    for (start, name) in lower.match_indices("<a") {
        let inside = start + name.len();
        let tag = lower[inside..].split('>').next().unwrap_or_default();
        if tag.starts_with(|c: char| c.is_ascii_whitespace()) && tag.contains("otree-link") {
            // Of an attribute that comes twice, browsers take the first.
            kept.push_str(&format!("{} href=\"{door}\" target=\"_blank\"", &html[at..inside]));
            at = inside;
        }
    }
    kept + &html[at..]
}

/// oTree's pages need not bring a form: then the whole page is one.
fn in_a_form(html: String) -> String {
    let has_form = has_tag(&html, "<form") || has_tag(&html, "<crowd-form");
    if has_form { html } else { format!("<crowd-form>\n{html}\n</crowd-form>") }
}

fn has_tag(html: &str, tag: &str) -> bool {
    html.to_ascii_lowercase().contains(tag)
}

fn without_vendor_script(html: &str) -> String {
    let lower = html.to_ascii_lowercase();
    let mut kept = String::with_capacity(html.len());
    let mut at = 0;
    while let Some(start) = lower[at..].find("<script").map(|i| at + i) {
        let tag_end = lower[start..].find('>').map_or(lower.len(), |i| start + i + 1);
        let end = lower[tag_end..].find("</script>").map_or(tag_end, |i| tag_end + i + "</script>".len());
        let vendor = lower[start..tag_end].contains(VENDOR);
        kept.push_str(&html[at..if vendor { start } else { end }]);
        at = end;
    }
    kept + &html[at..]
}

#[cfg(test)]
mod tests {
    use super::*;

    const OTREE: &str = r#"<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>
<crowd-form><p>Go <a class="otree-link">here</a></p>
<crowd-input name="completion_code" label="Code" required></crowd-input></crowd-form>"#;

    fn page_of(template: &str) -> String {
        page(template, "https://hr.example.org/go/abc?x=1", &["https://www.mturk.com".to_owned()])
    }

    #[test]
    fn the_page_knows_the_door_and_where_to_submit() {
        let page = page_of(OTREE);
        assert!(page.contains(r#""door":"https://hr.example.org/go/abc?x=1""#), "{page}");
        assert!(page.contains(r#""sites":["https://www.mturk.com"]"#));
        assert!(!page.contains("SETTINGS"));
    }

    #[test]
    fn study_links_lead_to_the_door_without_any_script() {
        let page = page(
            r#"<a class="otree-link" href="/old">go</a> <a href="/faq">faq</a>"#,
            "https://hr.example.org/go/abc?x=1&y=2",
            &[],
        );
        let door =
            r#"<a href="https://hr.example.org/go/abc?x=1&amp;y=2" target="_blank" class="otree-link""#;
        assert!(page.contains(door), "{page}");
        assert!(page.contains(r#"<a href="/faq">"#));
    }

    #[test]
    fn a_link_is_known_however_it_is_written() {
        for link in ["<A CLASS='otree-link'>", "<a\n  class=otree-link>", "<a\tclass='btn otree-link'>"] {
            let page = with_links(&format!("<abbr>ä</abbr>{link}go</a>"), "https://hr.example.org/go/abc");
            let rest = &link["<a".len()..];
            let start = &link[.."<a".len()];
            let expected = format!(
                "<abbr>ä</abbr>{start} href=\"https://hr.example.org/go/abc\" target=\"_blank\"{rest}go</a>"
            );
            assert_eq!(page, expected);
        }
        let other = "<abbr class='otree-link'>x</abbr><article class=otree-link>y</article>";
        assert_eq!(with_links(other, "https://hr.example.org/go/abc"), other);
    }

    #[test]
    fn a_page_without_a_form_becomes_one() {
        assert!(page_of("<p><input name=completion_code></p>").contains("<crowd-form>\n<p>"));
        assert!(!page_of("<form><input name=completion_code></form>").contains("<crowd-form>"));
        assert_eq!(page_of(OTREE).matches("<crowd-form>").count(), 1);
    }

    #[test]
    fn amazons_script_is_left_out_and_the_researchers_own_are_kept() {
        let page = page_of(&format!("<SCRIPT>let own = 1;</SCRIPT>{OTREE}<script>own += 1</script>"));
        assert!(!page.contains("crowd-html-elements"));
        assert!(page.contains("<SCRIPT>let own = 1;</SCRIPT>") && page.contains("<script>own += 1</script>"));
        assert!(page.contains("<crowd-form>"));
    }

    #[test]
    fn a_whole_document_keeps_its_own_head() {
        let page = page_of("<!doctype html><HTML><head><title>T</title></head><BODY>x</BODY></HTML>");
        assert_eq!(page.matches("<title>").count(), 1);
        assert_eq!(page.to_ascii_lowercase().matches("<html").count(), 1);
        assert!(page.find("<script>").unwrap() < page.find("</BODY>").unwrap());
    }

    #[test]
    fn a_fragment_becomes_a_document() {
        assert!(page_of("<p>x</p>").starts_with("<!DOCTYPE html>"));
    }

    #[test]
    fn an_address_cannot_end_the_script() {
        let page = page("x", "https://hr.example.org/</script><b>", &[]);
        assert_eq!(page.matches("</script>").count(), 1);
    }

    #[test]
    fn an_unfinished_script_tag_loses_nothing_else() {
        assert_eq!(without_vendor_script("<p>ä</p><script src='crowd-html-elements.js'"), "<p>ä</p>");
        assert_eq!(without_vendor_script("<p>ä</p><script>x"), "<p>ä</p><script>x");
    }

    #[test]
    fn a_template_that_cannot_work_is_explained() {
        assert_eq!(problems(OTREE), Vec::<&str>::new());
        assert_eq!(problems("<p>nothing</p>").len(), 2);
        assert_eq!(problems(r#"<a class="x otree-link y">go</a>"#).len(), 1);
    }
}
