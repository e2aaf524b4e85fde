//! Addresses of the worker site, all made from the public address the operator set.

use url::Url;

/// Makes links below the site's path prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Links {
    origin: String,
    prefix: String,
    frame: Option<Url>,
}

impl Links {
    /// Links of the site that people reach at `public_url`.
    pub fn new(public_url: &Url) -> Self {
        Self {
            origin: public_url.origin().ascii_serialization(),
            prefix: public_url.path().trim_end_matches('/').to_owned(),
            frame: None,
        }
    }

    /// The same, with questions that are HTML served from an origin of their own, if there is one.
    pub fn with_frame(self, frame: Option<Url>) -> Self {
        Self { frame, ..self }
    }

    /// The page of a question that is HTML at the frame's own origin, if there is one.
    pub fn framed(&self, hit_id: &str) -> Option<Url> {
        let mut url = self.frame.clone()?;
        url.set_path(&format!("{}/content/{hit_id}", url.path().trim_end_matches('/')));
        Some(url)
    }

    /// The path prefix, empty or like `/market`; `{base}/work` is a link.
    pub fn base(&self) -> &str {
        &self.prefix
    }

    /// The list of HITs: the prefix itself, which works however the router is mounted.
    pub fn home(&self) -> &str {
        if self.prefix.is_empty() { "/" } else { &self.prefix }
    }

    /// The link to a path that begins with a slash.
    pub fn to(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }

    /// Scheme, host and port, as browsers send them in `Origin`.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The `turkSubmitTo` parameter: what `/mturk/externalSubmit` is appended to.
    pub fn submit_to(&self) -> String {
        format!("{}{}", self.origin, self.prefix)
    }

    /// Whether people come over https.
    pub fn secure(&self) -> bool {
        self.origin.starts_with("https:")
    }

    /// The path that cookies are good for.
    pub fn cookie_path(&self) -> &str {
        if self.prefix.is_empty() { "/" } else { &self.prefix }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(public_url: &str) -> Links {
        Links::new(&public_url.parse().unwrap())
    }

    #[test]
    fn links_keep_the_prefix() {
        for public_url in ["https://m.example/market", "https://m.example/market/"] {
            let links = links(public_url);
            assert_eq!(links.to("/work"), "/market/work");
            assert_eq!(links.submit_to(), "https://m.example/market");
            assert_eq!((links.cookie_path(), links.home()), ("/market", "/market"));
        }
    }

    #[test]
    fn without_a_prefix_links_start_at_the_root() {
        let links = links("http://127.0.0.1:8000");
        assert_eq!((links.to("/"), links.submit_to()), ("/".into(), "http://127.0.0.1:8000".into()));
        assert_eq!((links.cookie_path(), links.secure()), ("/", false));
    }
}
