//! The worker's addresses (pure): where they go, how they come back, where they submit.

use kernel::secret::Keyring;
use url::Url;

use super::ParticipationId;
use crate::studies::StudyId;

/// Purposes of signed links: one is no good for another.
const SEAT: &str = "worker page";
const EXIT: &str = "exit door";

/// Our page for one participation; the signature keeps others out, and no WorkerId is in it.
pub fn page_path(keyring: &Keyring, participation: ParticipationId) -> String {
    format!("/w/{}", keyring.sign(SEAT, &participation.0.simple().to_string()))
}

/// Reads the signed part of [`page_path`].
pub fn read_page(keyring: &Keyring, signed: &str) -> Option<ParticipationId> {
    keyring.verify(SEAT, signed)?.parse().ok()
}

/// The way back that oTree gives the participant of one seat.
pub fn exit_path(keyring: &Keyring, study: StudyId, seat: i32) -> String {
    format!("/exit/{}", keyring.sign(EXIT, &format!("{}-{seat}", study.0.simple())))
}

/// Reads the signed part of [`exit_path`].
pub fn read_exit(keyring: &Keyring, signed: &str) -> Option<(StudyId, i32)> {
    let (study, seat) = keyring.verify(EXIT, signed)?.split_once('-')?;
    Some((study.parse().ok()?, seat.parse().ok()?))
}

/// The way back for everybody of a study, for experiments that have one address for all.
pub fn back_path(code: &str) -> String {
    format!("/back/{code}")
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

    fn ring() -> Keyring {
        Keyring::new(&"0123456789abcdef0123456789abcdef".into(), &[]).unwrap()
    }

    #[test]
    fn signed_paths_read_back_and_do_not_mix() {
        let (id, study) = (ParticipationId::new(), StudyId::new());
        let page = page_path(&ring(), id);
        let exit = exit_path(&ring(), study, 7);
        assert_eq!(read_page(&ring(), page.trim_start_matches("/w/")), Some(id));
        assert_eq!(read_exit(&ring(), exit.trim_start_matches("/exit/")), Some((study, 7)));
        assert_eq!(read_exit(&ring(), page.trim_start_matches("/w/")), None);
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
