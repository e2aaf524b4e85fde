//! How people play, and how we learn that they finished.

use super::{Circumstances, List, Reporting};
use crate::otree::Version;
use crate::recruiters::mturk::template;
use crate::studies::{Completion, Play, Study};

const PLAY: &str = "How people play";
const FINISH: &str = "How we learn that somebody finished";

pub(super) fn play(list: &mut List, study: &Study, around: Circumstances<'_>) {
    match study.play {
        Play::NewTab => {}
        Play::InFrame => in_frame(list, study, around),
        Play::Template => own_template(list, study),
    }
}

fn in_frame(list: &mut List, study: &Study, around: Circumstances<'_>) {
    if around.secure && around.site.base_url.scheme() == "http" {
        list.error(
            PLAY,
            "The site is reached by http, and browsers do not show such pages inside a secure page. Let people \
             play in a new tab, or give the site an https address.",
        );
    }
    if study.completion != Completion::ExitDoor {
        list.error(
            PLAY,
            "Inside the frame, oTree's pages take the place of ours, so people come to the Submit button only \
             through the exit door. Choose the exit door as the completion rule, or let people play in a new tab.",
        );
    }
}

fn own_template(list: &mut List, study: &Study) {
    let html = study.template_html.as_deref().unwrap_or_default();
    for problem in template::problems(html) {
        match problem.contains("otree-link") {
            true => list.error(PLAY, problem),
            false => list.warn(PLAY, problem),
        }
    }
}

pub(super) fn completion(list: &mut List, study: &Study, around: Circumstances<'_>) {
    match study.completion {
        Completion::Reported => reported(list, around),
        Completion::ExitDoor => exit_door(list, study, around),
        Completion::LastPage => last_page(list, study),
        Completion::NoMorePages => list.note(
            FINISH,
            "People count as finished once they press the button on the last page. If your last page has no \
             next button, choose “last page” and write its name.",
        ),
    }
}

fn reported(list: &mut List, around: Circumstances<'_>) {
    let version = around.site.version.as_deref().and_then(Version::parse);
    let forgetful = version.is_some_and(|v| v.to_string().starts_with("6.0.") && below(&v, "6.0.5"));
    match around.reporting {
        Reporting::Reports => {}
        _ if forgetful => list.warn(
            FINISH,
            "This oTree (6.0.0 to 6.0.4) does not report participant.finished by itself, so nobody may ever count \
             as finished. Upgrade oTree, set participant.vars['finished'] = True, or choose another rule.",
        ),
        Reporting::Silent => list.error(
            FINISH,
            "Sessions of this site do not report “finished”: nobody would ever count as finished. Add 'finished' \
             to PARTICIPANT_FIELDS in settings.py and set participant.finished = True on the last page, or choose \
             another rule.",
        ),
        Reporting::Unknown => list.warn(
            FINISH,
            "Make sure that PARTICIPANT_FIELDS in settings.py lists 'finished' and that the experiment sets \
             participant.finished = True at its end. No earlier session of this site could be looked at.",
        ),
    }
}

fn exit_door(list: &mut List, study: &Study, around: Circumstances<'_>) {
    let version = around.site.version.as_deref().and_then(Version::parse);
    if version.is_some_and(|version| !version.has_full_api()) {
        list.error(FINISH, "The exit door needs oTree 5.1 or later: older ones cannot be told where it is.");
        return;
    }
    let config = around.site.configs.iter().find(|config| config.name == study.config_name);
    if config.is_some_and(|config| config.raw.contains_key("exit_url")) {
        return;
    }
    list.warn(
        FINISH,
        "The last page of the experiment must lead to participant.exit_url (a link or a redirect), which oTree HR \
         sets for everybody before they start. Nothing in this session config mentions exit_url; check it.",
    );
}

fn last_page(list: &mut List, study: &Study) {
    match study.last_page.as_deref() {
        None | Some("") => list.error(FINISH, "The name of the last page is missing."),
        Some(page) => list.note(
            FINISH,
            format!(
                "People count as finished when they reach the page “{page}”. The name must be that of its class, and \
                 everybody must come to it."
            ),
        ),
    }
}

fn below(version: &Version, edge: &str) -> bool {
    Version::parse(edge).is_some_and(|edge| *version < edge)
}
