//! FormattedContent, XHTML in a CDATA section: whether it can be shown, and the words that are shown of it.

use scraper::node::Element as Tag;
use scraper::{Html, Node};

use crate::engine::xml::{Element, XmlError};

const XHTML: &str = "http://www.w3.org/1999/xhtml";
/// What has nothing to read in it, and could only be left out.
const UNSHOWN: [&str; 12] = [
    "applet", "audio", "button", "canvas", "embed", "iframe", "input", "object", "select", "svg", "textarea",
    "video",
];

/// Whether formatted content is well-formed and says in words all that it says. Entities of XHTML's own are
/// characters, whichever they are.
///
/// # Errors
/// [`XmlError::Xhtml`].
pub(super) fn check(content: &str) -> Result<(), XmlError> {
    let mut known = String::new();
    for (n, part) in content.split('&').enumerate() {
        let named = part
            .split_once(';')
            .filter(|(name, _)| n > 0 && !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric()));
        match named {
            Some((_, rest)) => known.push_str(rest),
            None if n > 0 => known.extend(["&", part]),
            None => known.push_str(part),
        }
    }
    let whole = format!("<body xmlns=\"{XHTML}\">{known}</body>");
    let body = Element::parse(&whole, "body", XHTML);
    body.and_then(|body| check_shown(&body)).map_err(|error| XmlError::Xhtml(error.reason().to_owned()))
}

fn check_shown(element: &Element) -> Result<(), XmlError> {
    for child in &element.children {
        let name = child.name.to_ascii_lowercase();
        if UNSHOWN.contains(&name.as_str()) {
            return Err(XmlError::Xhtml(format!("{name} cannot be shown by this marketplace")));
        }
        if name == "img" && !child.attributes.iter().any(|(name, _)| name == "alt") {
            return Err(XmlError::Xhtml("img needs alt, of which words are shown".to_owned()));
        }
        check_shown(child)?;
    }
    Ok(())
}

/// The words, a blank wherever one block of text ends and another begins. A link is followed by its address, since
/// somebody told to open it has to know what to open, and a picture is its alternative text.
pub(super) fn words(html: &str) -> String {
    let fragment = Html::parse_fragment(html);
    let (mut words, mut block) = (String::new(), None);
    let mut link: Option<(_, &str)> = None;
    for node in fragment.root_element().descendants() {
        link = link.filter(|(inside, address)| {
            let goes_on = node.ancestors().any(|one| one.id() == *inside);
            if !goes_on {
                tell(&mut words, address);
            }
            goes_on
        });
        match node.value() {
            Node::Text(text) => {
                let around = node.ancestors().find(|one| !is_inline(one.value()));
                if around.is_some_and(|one| is_unread(one.value())) {
                    continue;
                }
                let around = around.map(|one| one.id());
                if around != block {
                    words.push(' ');
                }
                block = around;
                words.push_str(text);
            }
            Node::Element(tag) if tag.name() == "br" => words.push(' '),
            Node::Element(tag) if tag.name() == "img" => {
                words.extend([" ", tag.attr("alt").unwrap_or_default(), " "]);
            }
            Node::Element(tag) => link = address(tag).map(|address| (node.id(), address)).or(link),
            _ => {}
        }
    }
    if let Some((_, address)) = link {
        tell(&mut words, address);
    }
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Where a link leads, if that can be opened from elsewhere.
fn address(tag: &Tag) -> Option<&str> {
    let href = tag.attr("href").filter(|_| tag.name() == "a")?.trim();
    let start = href.get(..8).unwrap_or(href).to_ascii_lowercase();
    (start.starts_with("http://") || start.starts_with("https://")).then_some(href)
}

/// Adds the address of a link whose words have just ended, unless they were the address.
fn tell(words: &mut String, address: &str) {
    if !words.trim_end().ends_with(address) {
        words.truncate(words.trim_end().len());
        words.extend([" (", address, ")"]);
    }
}

/// Elements within a line.
fn is_inline(node: &Node) -> bool {
    const INLINE: [&str; 17] = [
        "a", "abbr", "b", "big", "cite", "code", "em", "font", "i", "q", "small", "span", "strong", "sub",
        "sup", "tt", "u",
    ];
    node.as_element().is_some_and(|element| INLINE.contains(&element.name()))
}

/// Elements whose text nobody reads.
fn is_unread(node: &Node) -> bool {
    node.as_element().is_some_and(|element| matches!(element.name(), "script" | "style"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formatted_content_is_read_as_words() {
        for (html, read) in [
            ("<p>Be <b>honest</b>.</p><p>It <i>is</i> short</p>", "Be honest. It is short"),
            ("one<br/>two <ul><li>three</li><li>four</li></ul>five", "one two three four five"),
            ("x<sup>2</sup> &amp; <script>alert(1)</script>y<style>p{}</style>", "x2 & y"),
        ] {
            assert_eq!(words(html), read);
        }
    }

    #[test]
    fn links_are_read_with_their_address_and_pictures_as_their_words() {
        for (html, read) in [
            (
                "<p>Open <a href=\"https://lab.example/a?b=1&amp;c=2\">this <b>page</b></a>, please.</p>",
                "Open this page (https://lab.example/a?b=1&c=2), please.",
            ),
            (
                "<a href=\"HTTP://a.example\">one</a><a href=\"http://b.example/\">two </a><p>x</p>",
                "one (HTTP://a.example)two (http://b.example/) x",
            ),
            ("See <a href='https://a.example/'>https://a.example/</a>.", "See https://a.example/."),
            (
                "<a href='https://a.example/'><img src='x.png' alt='The map'/></a>",
                "The map (https://a.example/)",
            ),
            ("a<img src='x.png' alt='two doors'/>b <img alt=''/>c", "a two doors b c"),
            ("<a href='javascript:alert(1)'>no</a> <a name='x'>mark</a>", "no mark"),
        ] {
            assert_eq!(words(html), read, "{html}");
        }
    }

    #[test]
    fn what_could_only_be_left_out_is_refused() {
        for fine in ["a &nbsp; b", "<p>a<br/><img src='x' alt=''/></p>", "<script>x()</script>"] {
            assert_eq!(check(fine), Ok(()), "{fine}");
        }
        for bad in
            ["<p>a<br></p>", "<p><img src='x'/></p>", "<div><iframe src='x'></iframe></div>", "<input/>"]
        {
            assert!(matches!(check(bad), Err(XmlError::Xhtml(_))), "{bad}");
        }
    }
}
