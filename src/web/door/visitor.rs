//! Who asks: a person, or a program that fetches links to look at them.

use axum::http::{HeaderMap, Method};

/// Names of programs that open links without a person behind them. Whole names, since parts of them are
/// also parts of the names of telephones ("Cubot").
const PROGRAMS: [&str; 16] = [
    "googlebot",
    "bingbot",
    "slackbot",
    "twitterbot",
    "linkedinbot",
    "discordbot",
    "telegrambot",
    "applebot",
    "facebookexternalhit",
    "skypeuripreview",
    "linkchecker",
    "uptimerobot",
    "curl/",
    "wget/",
    "python-requests/",
    "go-http-client/",
];

/// Whether this request may take a seat or open one: not a HEAD, not a prefetch, not a link checker.
pub fn is_person(method: &Method, headers: &HeaderMap) -> bool {
    method != Method::HEAD && !is_prefetch(headers) && !is_program(headers)
}

fn is_prefetch(headers: &HeaderMap) -> bool {
    ["sec-purpose", "purpose", "x-moz", "x-purpose"].iter().any(|name| {
        headers.get(*name).and_then(|value| value.to_str().ok()).is_some_and(|value| {
            let value = value.to_ascii_lowercase();
            value.contains("prefetch") || value.contains("preview") || value.contains("prerender")
        })
    })
}

fn is_program(headers: &HeaderMap) -> bool {
    let agent = headers.get("user-agent").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let agent = agent.to_ascii_lowercase();
    PROGRAMS.iter().any(|word| agent.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_browser_is_a_person() {
        let firefox = headers(&[("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:149.0) Gecko/20100101")]);
        assert!(is_person(&Method::GET, &firefox));
        let telephone = headers(&[("user-agent", "Mozilla/5.0 (Linux; Android 13; CUBOT NOTE 40)")]);
        assert!(is_person(&Method::GET, &telephone));
        assert!(is_person(&Method::GET, &HeaderMap::new()));
    }

    #[test]
    fn programs_and_prefetches_take_no_seat() {
        assert!(!is_person(&Method::HEAD, &HeaderMap::new()));
        for pair in [
            ("sec-purpose", "prefetch;prerender"),
            ("purpose", "prefetch"),
            ("x-moz", "prefetch"),
            ("user-agent", "Slackbot-LinkExpanding 1.0"),
            ("user-agent", "facebookexternalhit/1.1"),
            ("user-agent", "curl/8.5.0"),
        ] {
            assert!(!is_person(&Method::GET, &headers(&[pair])), "{pair:?}");
        }
    }
}
