//! The worker's addresses (pure): where they go and where they submit. How they come back is known to
//! [`crate::studies::way_back`].

use kernel::secret::Keyring;
use url::Url;

use super::ParticipationId;

/// The purpose of these signed links, which are no good for another.
const SEAT: &str = "worker page";

/// Our page for one participation; the signature keeps others out, and no WorkerId is in it.
pub fn page_path(keyring: &Keyring, participation: ParticipationId) -> String {
    format!("/w/{}", keyring.sign(SEAT, &participation.0.simple().to_string()))
}

/// Reads the signed part of [`page_path`].
pub fn read_page(keyring: &Keyring, signed: &str) -> Option<ParticipationId> {
    keyring.verify(SEAT, signed)?.parse().ok()
}

/// Where the form of an accepted assignment goes, if the recruiter's parameter names the connection's own
/// worker site. The parameter stands in the worker's address bar: any other value is ignored.
pub fn submit_action(turk_submit_to: &str, worker_site: &str) -> Option<String> {
    let (told, ours) = (site(turk_submit_to)?, site(worker_site)?);
    (told == ours).then(|| format!("{ours}/mturk/externalSubmit"))
}

/// Origin and path without the last slash; nothing with a query, a fragment or a user.
fn site(text: &str) -> Option<String> {
    let url: Url = text.parse().ok()?;
    let plain = matches!(url.scheme(), "http" | "https")
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    plain.then(|| format!("{}{}", url.origin().ascii_serialization(), url.path().trim_end_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::studies::{StudyId, way_back};

    fn ring() -> Keyring {
        Keyring::new(&"0123456789abcdef0123456789abcdef".into(), &[]).unwrap()
    }

    #[test]
    fn signed_paths_read_back_and_do_not_mix() {
        let id = ParticipationId::new();
        let page = page_path(&ring(), id);
        let exit = way_back::of_seat(&ring(), StudyId::new(), 7);
        assert_eq!(read_page(&ring(), page.trim_start_matches("/w/")), Some(id));
        assert_eq!(read_page(&ring(), exit.trim_start_matches("/exit/")), None);
        assert_eq!(way_back::read(&ring(), page.trim_start_matches("/w/")), None);
        assert_eq!(read_page(&ring(), &format!("{}x", page.trim_start_matches("/w/"))), None);
    }

    #[test]
    fn only_the_connections_own_site_gets_the_submission() {
        let ours = "https://www.mturk.com";
        for told in ["https://www.mturk.com", "https://www.mturk.com/", "HTTPS://WWW.MTURK.COM"] {
            assert_eq!(
                submit_action(told, ours).as_deref(),
                Some("https://www.mturk.com/mturk/externalSubmit"),
                "{told}"
            );
        }
        for told in [
            "https://www.mturk.com.evil.example",
            "https://evil.example/https://www.mturk.com",
            "https://www.mturk.com@evil.example",
            "http://www.mturk.com",
            "https://www.mturk.com/other",
            "https://www.mturk.com?x",
            "javascript:alert(1)",
            "",
        ] {
            assert_eq!(submit_action(told, ours), None, "{told}");
        }
        let nested = "http://localhost:8000/market";
        assert_eq!(
            submit_action("http://localhost:8000/market/", nested).as_deref(),
            Some("http://localhost:8000/market/mturk/externalSubmit")
        );
    }
}
