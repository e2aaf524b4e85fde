//! How a HIT is shown: as a form on our own page, or in a frame with its address and the four parameters, its height,
//! its sandbox.

use url::Url;

use super::links::Links;
use super::questions::ShownForm;
use crate::engine::question::Question;

/// What stands for the assignment before one was accepted.
pub const NOT_ACCEPTED: &str = "ASSIGNMENT_ID_NOT_AVAILABLE";

/// A requester's own page lives on its own origin and keeps it, as on MTurk.
const OUTSIDE: &str = "allow-scripts allow-forms allow-same-origin allow-popups allow-popups-to-escape-sandbox \
                       allow-modals allow-downloads allow-top-navigation-by-user-activation";
/// A page that we serve for a requester must not act as one of ours. Where it has no origin of its own to be served
/// from, it gets no origin at all.
const INSIDE: &str = "allow-scripts allow-forms allow-popups allow-popups-to-escape-sandbox allow-modals \
                      allow-downloads allow-top-navigation-by-user-activation";

/// Who looks at a HIT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Viewer<'a> {
    /// Somebody who has not accepted it.
    Preview {
        /// The worker, where previews are told.
        worker_id: Option<&'a str>,
    },
    /// The worker who holds this assignment.
    Holder {
        /// The assignment.
        assignment_id: &'a str,
        /// The worker.
        worker_id: &'a str,
    },
}

/// What the worker works on.
pub enum Task {
    /// A page in a frame.
    Frame(TaskFrame),
    /// Questions on our own page.
    Form(ShownForm),
}

impl Task {
    /// The question as this viewer sees it; a form nobody can fill in yet in a preview.
    pub fn new(question: &Question, hit_id: &str, viewer: Viewer<'_>, links: &Links) -> Self {
        let (src, height, sandbox) = match question {
            Question::Form(form) => {
                return Self::Form(match viewer {
                    Viewer::Preview { .. } => ShownForm::preview(form),
                    Viewer::Holder { .. } => ShownForm::empty(form),
                });
            }
            Question::External { url, frame_height } => {
                (joined(url.clone(), hit_id, viewer, links).into(), *frame_height, OUTSIDE)
            }
            Question::Html { frame_height, .. } => match links.framed(hit_id) {
                Some(own) => (joined(own, hit_id, viewer, links).into(), *frame_height, OUTSIDE),
                None => (content_link(hit_id, viewer, links), *frame_height, INSIDE),
            },
        };
        Self::Frame(TaskFrame { src, height, sandbox })
    }

    /// Whether it wants all the room there is.
    pub fn is_frame(&self) -> bool {
        matches!(self, Self::Frame(_))
    }
}

/// What the page needs to show the frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskFrame {
    /// The frame's address, parameters included.
    pub src: String,
    /// Height in pixels; 0 fills the window.
    pub height: u32,
    /// The `sandbox` attribute.
    pub sandbox: &'static str,
}

/// The address with the four parameters behind whatever query it has.
fn joined(mut url: Url, hit_id: &str, viewer: Viewer<'_>, links: &Links) -> Url {
    let mut query = url.query_pairs_mut();
    match viewer {
        Viewer::Preview { worker_id } => {
            query.append_pair("assignmentId", NOT_ACCEPTED).append_pair("hitId", hit_id);
            if let Some(worker_id) = worker_id {
                query.append_pair("workerId", worker_id);
            }
            &mut query
        }
        Viewer::Holder { assignment_id, worker_id } => query
            .append_pair("assignmentId", assignment_id)
            .append_pair("hitId", hit_id)
            .append_pair("workerId", worker_id),
    };
    query.append_pair("turkSubmitTo", &links.submit_to());
    drop(query);
    url
}

/// Our own page with a requester's content, by path so that it stays on the host the worker came to.
fn content_link(hit_id: &str, viewer: Viewer<'_>, links: &Links) -> String {
    let base = format!("{}{}", links.origin(), links.to(&format!("/content/{hit_id}")));
    match Url::parse(&base) {
        Ok(url) => {
            let url = joined(url, hit_id, viewer, links);
            url[url::Position::BeforePath..].to_owned()
        }
        Err(_) => base,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(question: &Question, links: &Links) -> TaskFrame {
        let Task::Frame(frame) = Task::new(question, "3HIT", HOLDER, links) else { panic!("a frame") };
        frame
    }

    fn src(external: &str, viewer: Viewer<'_>) -> String {
        let links = Links::new(&"https://m.example/market/".parse().unwrap());
        let question = Question::External { url: external.parse().unwrap(), frame_height: 600 };
        let Task::Frame(frame) = Task::new(&question, "3HIT", viewer, &links) else { panic!("a frame") };
        frame.src
    }

    const HOLDER: Viewer<'_> = Viewer::Holder { assignment_id: "3ASG", worker_id: "A1" };
    const FOUR: &str =
        "assignmentId=3ASG&hitId=3HIT&workerId=A1&turkSubmitTo=https%3A%2F%2Fm.example%2Fmarket";

    #[test]
    fn the_parameters_are_joined_to_whatever_the_address_has() {
        for (external, joined) in [
            ("https://a.example/go", format!("https://a.example/go?{FOUR}")),
            ("https://a.example/go?", format!("https://a.example/go?{FOUR}")),
            ("https://a.example/go?x=1&y=%20", format!("https://a.example/go?x=1&y=%20&{FOUR}")),
            ("https://a.example/go?x=1#part", format!("https://a.example/go?x=1&{FOUR}#part")),
            ("https://a.example", format!("https://a.example/?{FOUR}")),
        ] {
            assert_eq!(src(external, HOLDER), joined, "{external}");
        }
    }

    #[test]
    fn a_preview_names_neither_assignment_nor_worker() {
        let preview = src("https://a.example/go", Viewer::Preview { worker_id: None });
        assert!(
            preview.contains("assignmentId=ASSIGNMENT_ID_NOT_AVAILABLE&hitId=3HIT&turkSubmitTo="),
            "{preview}"
        );
        assert!(!preview.contains("workerId"));
        let told = src("https://a.example/go", Viewer::Preview { worker_id: Some("A1") });
        assert!(told.contains("hitId=3HIT&workerId=A1&turkSubmitTo="), "{told}");
    }

    #[test]
    fn content_is_framed_from_an_origin_of_its_own_where_there_is_one() {
        let links = Links::new(&"https://m.example/market".parse().unwrap());
        let links = links.with_frame(Some("https://frames.example/hits/".parse().unwrap()));
        let question = Question::Html { content: "<p>".into(), frame_height: 0 };
        let frame = framed(&question, &links);
        assert_eq!(frame.src, format!("https://frames.example/hits/content/3HIT?{FOUR}"));
        assert!(frame.sandbox.contains("allow-same-origin"));
    }

    #[test]
    fn our_own_content_is_framed_without_an_origin() {
        let links = Links::new(&"https://m.example/market".parse().unwrap());
        let question = Question::Html { content: "<p>".into(), frame_height: 0 };
        let frame = framed(&question, &links);
        assert_eq!(frame.src, format!("/market/content/3HIT?{FOUR}"));
        assert!(!frame.sandbox.contains("same-origin"));
    }
}
