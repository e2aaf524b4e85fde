//! What could go wrong with a study, said before it is published. Pure.
//!
//! Errors stand in the way of publishing; warnings and notes do not. What depends on how people play and
//! on how we learn that they finished is in [`ending`], what depends on places and money in [`supply`].

mod ending;
mod supply;
#[cfg(test)]
mod tests;

use super::{Completion, Study};
use crate::connections::Connection;
use crate::sites::Site;

/// How serious it is; the most serious first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// The study cannot work: it is not published.
    Error,
    /// The study may not do what is wanted.
    Warning,
    /// Good to know.
    Note,
}

/// One piece of advice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// How serious it is.
    pub weight: Weight,
    /// What it is about, such as “Reward”.
    pub topic: &'static str,
    /// What is wrong and what to do about it.
    pub words: String,
}

/// Whether the experiments of a site tell oTree HR that somebody finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reporting {
    /// A session of the site has the field.
    Reports,
    /// A session of the site lacks the field.
    Silent,
    /// No session could be looked at.
    #[default]
    Unknown,
}

/// What is known around a study.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    /// Where it is played.
    pub site: &'a Site,
    /// Where its people come from.
    pub connection: &'a Connection,
    /// Whether browsers reach us by https.
    pub secure: bool,
    /// What a session of this site showed.
    pub reporting: Reporting,
}

/// Everything worth saying, the most serious first.
pub fn on(study: &Study, around: Circumstances<'_>) -> Vec<Advice> {
    let mut list = List(Vec::new());
    site(&mut list, study, around.site);
    connection(&mut list, around.connection);
    ending::play(&mut list, study, around);
    ending::completion(&mut list, study, around);
    supply::places(&mut list, study);
    supply::money(&mut list, study, around);
    supply::time(&mut list, study);
    list.0.sort_by_key(|advice| advice.weight);
    list.0
}

/// Whether something stands in the way of publishing.
pub fn blocks(advice: &[Advice]) -> bool {
    advice.iter().any(|one| one.weight == Weight::Error)
}

struct List(Vec<Advice>);

impl List {
    fn error(&mut self, topic: &'static str, words: impl Into<String>) {
        self.0.push(Advice { weight: Weight::Error, topic, words: words.into() });
    }

    fn warn(&mut self, topic: &'static str, words: impl Into<String>) {
        self.0.push(Advice { weight: Weight::Warning, topic, words: words.into() });
    }

    fn note(&mut self, topic: &'static str, words: impl Into<String>) {
        self.0.push(Advice { weight: Weight::Note, topic, words: words.into() });
    }
}

fn site(list: &mut List, study: &Study, site: &Site) {
    use crate::sites::SiteState;
    const TOPIC: &str = "oTree site";
    let problem = site.problem.as_deref().unwrap_or("The last check failed.");
    match site.state {
        SiteState::Ok => {}
        SiteState::Unchecked => list.warn(TOPIC, "The site has not been checked yet."),
        SiteState::Failed => list.error(TOPIC, problem),
        SiteState::LinksOnly => links_only(list, study, problem),
    }
    for warning in &site.warnings {
        list.warn(TOPIC, warning.clone());
    }
    let known = site.configs.iter().any(|config| config.name == study.config_name);
    if study.adopt_code.is_none() && !site.configs.is_empty() && !known {
        list.error(
            "Experiment",
            format!("The site does not list a session config named “{}” any more.", study.config_name),
        );
    }
}

/// An oTree before 5.1: a session made by hand can be taken in by its link, and followed by its pages.
fn links_only(list: &mut List, study: &Study, problem: &str) {
    const TOPIC: &str = "oTree site";
    if study.adopt_code.is_none() {
        return list.error(
            TOPIC,
            format!("{problem} Make a session there and take it in by the code at the end of its session-wide link."),
        );
    }
    if matches!(study.completion, Completion::Reported | Completion::ExitDoor) {
        return list.error(
            TOPIC,
            "This oTree tells nothing about its participants. Choose the rule “last page” or “no more pages”.",
        );
    }
    if !study.variable_names.is_empty() {
        // People would wait at the door for variables that never arrive.
        return list.error(TOPIC, "This oTree takes no variables from the link. Leave them out.");
    }
    list.warn(TOPIC, format!("{problem} Bonuses have to be entered by hand."));
}

fn connection(list: &mut List, connection: &Connection) {
    const TOPIC: &str = "Connection";
    match &connection.trial {
        None => list.warn(TOPIC, "The connection has not been tested with these keys. Test it first."),
        Some(trial) => {
            if let Some(problem) = &trial.problem {
                list.error(TOPIC, format!("The last test failed: {problem} Test it again."));
            }
        }
    }
    if connection.environment.is_amazon() {
        list.warn(
            "Mechanical Turk",
            "Amazon announced that it closed Mechanical Turk on 2026-09-30. Publishing there works only where it \
             still answers; a rehearsal connection always does.",
        );
    }
    if connection.environment.is_costly() {
        list.note("Money", "What is paid here may be real money, and it cannot be taken back.");
    }
}
