//! oTree's addresses, joined to the registered base (pure).
//!
//! Addresses inside oTree's answers are built from the request's Host header and can name an internal host, so
//! only their paths are kept.

use url::Url;

/// `base` with this path; every segment is escaped.
pub(super) fn at(base: &Url, segments: &[&str]) -> Url {
    let mut url = base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.clear().extend(segments);
    }
    url
}

/// The personal start link of one seat. The label is stored by oTree at the first visit only.
pub fn start(base: &Url, participant_code: &str, label: Option<&str>) -> Url {
    labelled(at(base, &["InitializeParticipant", participant_code]), label)
}

/// The session-wide link; every new label takes a seat, so it is never opened to see whether it works.
pub fn join(base: &Url, join_path: &str, label: Option<&str>) -> Url {
    let mut url = base.clone();
    url.set_path(join_path);
    labelled(url, label)
}

/// The path of an address that oTree returned.
pub(super) fn path_of(returned: &str) -> Option<String> {
    match returned.parse::<Url>() {
        Ok(url) => Some(url.path().to_owned()),
        Err(_) => returned
            .starts_with('/')
            .then(|| returned.split(['?', '#']).next().unwrap_or_default().to_owned()),
    }
}

fn labelled(mut url: Url, label: Option<&str>) -> Url {
    if let Some(label) = label {
        url.query_pairs_mut().append_pair("participant_label", label);
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base() -> Url {
        "https://otree.example.org:8443/".parse().unwrap()
    }

    #[test]
    fn a_start_link_carries_code_and_label() {
        let plain = start(&base(), "7bhaqphv", None);
        assert_eq!(plain.as_str(), "https://otree.example.org:8443/InitializeParticipant/7bhaqphv");
        let labelled = start(&base(), "7bhaqphv", Some("p é&x"));
        assert!(labelled.as_str().ends_with("/7bhaqphv?participant_label=p+%C3%A9%26x"), "{labelled}");
    }

    #[test]
    fn a_code_cannot_climb_out_of_its_path() {
        let url = at(&base(), &["api", "participant_vars", "../../admin?x#y"]);
        assert_eq!(url.path(), "/api/participant_vars/..%2F..%2Fadmin%3Fx%23y");
    }

    #[test]
    fn a_returned_address_keeps_only_its_path() {
        assert_eq!(path_of("http://internal:8000/join/ratogase").as_deref(), Some("/join/ratogase"));
        assert_eq!(path_of("/join/ratogase?x=1").as_deref(), Some("/join/ratogase"));
        assert_eq!(path_of("ratogase"), None);
        let joined = join(&base(), "/join/ratogase", Some("w1"));
        assert_eq!(joined.as_str(), "https://otree.example.org:8443/join/ratogase?participant_label=w1");
    }
}
