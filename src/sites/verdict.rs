//! What the answers of an oTree server mean for the researcher (pure).

use url::{Host, Url};

use super::SiteState;
use crate::otree::{KeyProblem, ReadError, SessionConfig, Version};

/// What a server said.
#[derive(Debug)]
pub struct Answers {
    /// Its version, asked without the key.
    pub anonymous: Result<Version, ReadError>,
    /// Its version, asked with the key, if there is one.
    pub with_key: Option<Result<Version, ReadError>>,
    /// Its session configs, if one of the above was answered.
    pub configs: Option<Result<Vec<SessionConfig>, ReadError>>,
}

/// What is written on the site's row.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Whether it can be used, and for what.
    pub state: SiteState,
    /// As the server says; `None` leaves what was known.
    pub version: Option<String>,
    /// What is wrong or missing.
    pub problem: Option<String>,
    /// What to know although it works.
    pub warnings: Vec<String>,
    /// `None` leaves what was known.
    pub configs: Option<Vec<SessionConfig>>,
}

impl Verdict {
    /// The key was sealed with a secret that this server was not given.
    pub(super) fn key_unreadable() -> Self {
        Self::plain(SiteState::Failed, sentence("The stored REST key cannot be opened. Enter it again."))
    }

    fn plain(state: SiteState, problem: impl Into<Option<String>>) -> Self {
        Self { state, version: None, problem: problem.into(), warnings: Vec::new(), configs: None }
    }
}

/// Weighs the answers of the server at `base`; `secure` says whether we ourselves are reached by https.
pub fn on(answers: &Answers, base: &Url, secure: bool) -> Verdict {
    let version = match answers.with_key.as_ref().unwrap_or(&answers.anonymous) {
        Ok(version) => version,
        Err(ReadError::Old) => return Verdict::plain(SiteState::LinksOnly, sentence(TOO_OLD)),
        Err(error) => return Verdict::plain(SiteState::Failed, explain(error)),
    };
    let mut verdict = with_version(version, answers);
    verdict.version = Some(version.to_string());
    if answers.anonymous.is_ok() {
        verdict.warnings.push(OPEN.into());
    }
    if secure && base.scheme() == "http" && !is_this_machine(base) {
        verdict.warnings.push(PLAIN_HTTP.into());
    }
    verdict.warnings.extend(of_version(version).map(str::to_owned));
    verdict
}

const TOO_OLD: &str = "This oTree is older than 5.1. Only links work: people can be sent to a session that you made \
    in oTree yourself and followed by the page they are on, but oTree HR cannot make sessions or read payoffs. Upgrade \
    oTree for the rest.";

const OPEN: &str = "This site is open to everybody: OTREE_AUTH_LEVEL is not set on it, so whoever knows the address can \
    see and change everything, with any REST key or none. Set OTREE_AUTH_LEVEL=STUDY on the oTree server.";

const PLAIN_HTTP: &str = "This site is reached by http, so browsers do not show it inside a recruiter's page and the \
    answers of participants travel unprotected. Participants can play in a new tab. Better: give the site an https \
    address and register that.";

const NO_CONFIGS: &str = "This site has no session configs. Add one to SESSION_CONFIGS in its settings.py.";

fn with_version(version: &Version, answers: &Answers) -> Verdict {
    if !version.has_full_api() {
        return Verdict::plain(SiteState::LinksOnly, sentence(TOO_OLD));
    }
    match &answers.configs {
        Some(Ok(configs)) => {
            let mut verdict = Verdict::plain(SiteState::Ok, None);
            verdict.configs = Some(configs.clone());
            verdict.warnings.extend(configs.is_empty().then(|| NO_CONFIGS.to_owned()));
            verdict
        }
        Some(Err(error)) => Verdict::plain(SiteState::Failed, explain(error)),
        None => Verdict::plain(SiteState::Failed, sentence("The site did not tell its session configs.")),
    }
}

/// What is known of single versions.
fn of_version(version: &Version) -> impl Iterator<Item = &'static str> {
    let between = |from: &str, before: &str| {
        let edge = |text| Version::parse(text).is_some_and(|edge| *version >= edge);
        edge(from) && !edge(before)
    };
    let finished = between("6.0.0", "6.0.5").then_some(
        "oTree 6.0.0 to 6.0.4 does not report participant.finished on its own. Upgrade to 6.0.5 or later.",
    );
    let exports = between("5.0", "6.0").then_some(
        "oTree 5 shows its page times and chats (/ExportPageTimes, /chat_export) to whoever knows the address, with the \
         participant codes of all sessions in them. oTree 6 asks for a login.",
    );
    finished.into_iter().chain(exports)
}

fn explain(error: &ReadError) -> Option<String> {
    let words = match error {
        ReadError::Key(KeyProblem::Missing) => {
            "This site needs its REST key: the value of OTREE_REST_KEY on the oTree server.".to_owned()
        }
        ReadError::Key(KeyProblem::Incorrect) => {
            "The REST key is not the one that this site has. Compare it with OTREE_REST_KEY on the oTree server.".to_owned()
        }
        ReadError::Key(KeyProblem::NotSetOnServer) => {
            "This site has no REST key yet. Set OTREE_REST_KEY on the oTree server, restart it, and enter the same key here."
                .to_owned()
        }
        other => other.to_string(),
    };
    Some(words)
}

fn sentence(words: &str) -> Option<String> {
    Some(words.to_owned())
}

/// Browsers trust their own machine also by http.
fn is_this_machine(base: &Url) -> bool {
    match base.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn version(text: &str) -> Result<Version, ReadError> {
        Ok(Version::parse(text).unwrap())
    }

    fn one_config() -> Option<Result<Vec<SessionConfig>, ReadError>> {
        Some(Ok(SessionConfig::parse_all(&json!([{"name": "solo"}]))))
    }

    /// A site as it should be.
    fn good(text: &str) -> Answers {
        Answers {
            anonymous: Err(KeyProblem::Missing.into()),
            with_key: Some(version(text)),
            configs: one_config(),
        }
    }

    fn judged(answers: &Answers) -> Verdict {
        on(answers, &"https://otree.example.org".parse().unwrap(), true)
    }

    #[test]
    fn a_site_as_it_should_be_has_no_warnings() {
        let verdict = judged(&good("6.0.15"));
        assert_eq!((verdict.state, verdict.version.as_deref()), (SiteState::Ok, Some("6.0.15")));
        assert_eq!((verdict.problem, verdict.warnings), (None, vec![]));
        assert_eq!(verdict.configs.unwrap()[0].name, "solo");
    }

    #[test]
    fn each_problem_of_the_key_has_its_own_words() {
        for (problem, words) in [
            (KeyProblem::Incorrect, "not the one"),
            (KeyProblem::NotSetOnServer, "has no REST key yet"),
            (KeyProblem::Missing, "needs its REST key"),
        ] {
            let verdict =
                judged(&Answers { with_key: Some(Err(problem.into())), configs: None, ..good("6.0.15") });
            assert_eq!(verdict.state, SiteState::Failed);
            assert!(verdict.problem.as_ref().unwrap().contains(words), "{verdict:?}");
            assert_eq!(verdict.configs, None, "what was known stays");
        }
    }

    #[test]
    fn a_site_without_a_stored_key_is_asked_for_it() {
        let verdict = judged(&Answers { with_key: None, configs: None, ..good("6.0.15") });
        assert!(verdict.problem.unwrap().contains("needs its REST key"));
    }

    #[test]
    fn an_open_site_works_but_is_warned_of() {
        for with_key in [None, Some(version("6.0.15"))] {
            let verdict = judged(&Answers { anonymous: version("6.0.15"), with_key, configs: one_config() });
            assert_eq!(verdict.state, SiteState::Ok);
            assert_eq!(verdict.warnings, [OPEN]);
        }
    }

    #[test]
    fn http_is_warned_of_only_where_it_matters() {
        for (base, secure, warned) in [
            ("http://otree.example.org", true, true),
            ("https://otree.example.org", true, false),
            ("http://otree.example.org", false, false),
            ("http://localhost:8000", true, false),
            ("http://127.0.0.1:8000", true, false),
            ("http://192.168.1.4:8000", true, true),
        ] {
            let verdict = on(&good("6.0.15"), &base.parse().unwrap(), secure);
            assert_eq!(verdict.warnings.iter().any(|words| words == PLAIN_HTTP), warned, "{base} {secure}");
        }
    }

    #[test]
    fn versions_decide_what_works() {
        for (text, state, warnings) in [
            ("6.0.15", SiteState::Ok, 0),
            ("6.0.5", SiteState::Ok, 0),
            ("6.0.4", SiteState::Ok, 1),
            ("5.11.5", SiteState::Ok, 1),
            ("5.1.0", SiteState::Ok, 1),
            ("5.0.8", SiteState::LinksOnly, 1),
            ("3.4.0", SiteState::LinksOnly, 0),
        ] {
            let verdict = judged(&good(text));
            assert_eq!((verdict.state, verdict.warnings.len()), (state, warnings), "{text}");
        }
        let answers = Answers { with_key: Some(Err(ReadError::Old)), configs: None, ..good("6.0.15") };
        assert_eq!(judged(&answers).state, SiteState::LinksOnly);
    }

    #[test]
    fn other_failures_are_told_in_their_own_words() {
        let down = ReadError::Unavailable("Nothing answers at this address.".into());
        let verdict =
            judged(&Answers { anonymous: Err(down.clone()), with_key: Some(Err(down)), configs: None });
        assert_eq!(verdict.problem.as_deref(), Some("Nothing answers at this address."));
        let odd = Some(Err(ReadError::Odd("A session config holds …".into())));
        let verdict = judged(&Answers { configs: odd, ..good("5.11.5") });
        assert_eq!((verdict.state, verdict.version.as_deref()), (SiteState::Failed, Some("5.11.5")));
    }

    #[test]
    fn a_site_without_configs_says_what_to_do() {
        let verdict = judged(&Answers { configs: Some(Ok(vec![])), ..good("6.0.15") });
        assert_eq!(verdict.warnings, [NO_CONFIGS]);
    }
}
