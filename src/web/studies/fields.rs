//! The choices that a study's form offers, with an explanation for each.

use crate::studies::{Completion, Play};

/// Value, label, explanation.
pub type Option3 = (&'static str, &'static str, &'static str);

/// For the template, which cannot name constants.
#[derive(Debug)]
pub struct Fields;

impl Fields {
    /// How workers get to oTree.
    pub fn play(&self) -> [Option3; 3] {
        [
            (
                "new_tab",
                "In a new tab",
                "Recommended. Our page stays in the marketplace's frame, shows how far they are, and lets them \
                 submit at the end.",
            ),
            (
                "in_frame",
                "Inside the marketplace's frame",
                "oTree takes the place of our page. Needs an https site and the exit door as completion rule.",
            ),
            (
                "template",
                "On your own MTurk page",
                "The mturk_template.html of your oTree project, with its otree-link and its completion_code field.",
            ),
        ]
    }

    /// How we learn that somebody finished.
    pub fn completion(&self) -> [Option3; 4] {
        [
            (
                "reported",
                "The experiment reports it",
                "'finished' is in PARTICIPANT_FIELDS, and the last page sets participant.finished = True.",
            ),
            (
                "exit_door",
                "The exit door",
                "The last page leads to participant.exit_url, which oTree HR sets for everybody. Brings them back \
                 by themselves. oTree 5.1 or later.",
            ),
            (
                "last_page",
                "They reach the last page",
                "No change to the experiment: oTree HR looks where everybody is and waits for the page you name.",
            ),
            (
                "no_more_pages",
                "They press the button on the last page",
                "No change to the experiment, if its last page has a next button.",
            ),
        ]
    }
}

/// How workers get to oTree, in a few words.
pub fn play_label(play: &Play) -> &'static str {
    label(&Fields.play(), play.as_str())
}

/// How we learn that somebody finished, in a few words.
pub fn completion_label(completion: &Completion) -> &'static str {
    label(&Fields.completion(), completion.as_str())
}

fn label(options: &[Option3], value: &str) -> &'static str {
    options.iter().find(|(name, _, _)| *name == value).map_or("", |(_, label, _)| label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_choice_of_the_form_is_one_that_is_understood() {
        assert!(Fields.play().iter().all(|(value, _, _)| value.parse::<Play>().is_ok()));
        assert!(Fields.completion().iter().all(|(value, _, _)| value.parse::<Completion>().is_ok()));
    }
}
