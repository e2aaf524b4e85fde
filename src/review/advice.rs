//! What could go wrong with rules, said before it does. Pure.

use super::facts::tells_no_variables;
use super::verdicts::NewRules;
use crate::studies::advice::{Advice, Weight};
use crate::studies::{Play, Study};

const TOPIC: &str = "Review rules";

/// Everything worth saying about a study's rules; nothing when they are off. `version` is oTree's, `scores` whether
/// the lab keeps them.
pub fn on(study: &Study, new: &NewRules, version: Option<&str>, scores: bool) -> Vec<Advice> {
    let mut list = Vec::new();
    if !new.active {
        return list;
    }
    let mut say = |weight, words: String| list.push(Advice { weight, topic: TOPIC, words });
    let names = new.rules.participant_vars().into_iter().map(|name| format!("participant.{name}"));
    let names: Vec<String> =
        names.chain(new.rules.session_vars().into_iter().map(|name| format!("session.{name}"))).collect();
    if let Some(version) = tells_no_variables(version).filter(|_| !names.is_empty()) {
        say(
            Weight::Warning,
            format!(
                "oTree {version} does not tell {} over its interface (5.10 and later do), so everybody would need \
                 your look. Use the payoff instead, or a newer oTree.",
                names.join(", ")
            ),
        );
    }
    if new.rules.least_score.is_some() && !scores {
        say(
            Weight::Warning,
            "The lab keeps no quality scores, so everybody would need your look. Switch them on under Quality scores, \
             or leave the least score empty."
                .into(),
        );
    }
    if !new.rules.finished {
        say(
            Weight::Warning,
            "No rule asks that people finished in oTree: who hands in without playing could be approved."
                .into(),
        );
    }
    if new.undo_s >= study.auto_approve_s {
        say(
            Weight::Warning,
            "The time in which you can stop an approval is longer than the recruiter waits before it approves by \
             itself, without a bonus."
                .into(),
        );
    }
    if new.rules.code && study.play != Play::Template {
        say(
            Weight::Note,
            "People submit on our page, which fills in the completion code: that rule always holds here."
                .into(),
        );
    }
    list
}
