//! Which participations the table shows. Pure.

use crate::participation::Stage;
use crate::studies::overview::Line;

/// The groups of stages that somebody can choose, in the order of the page.
const GROUPS: [(&str, &str, &[Stage]); 8] = [
    ("", "All", &Stage::ALL),
    ("review", "To review", &[Stage::Submitted, Stage::SubmittedUnfinished]),
    ("working", "Working", &[Stage::Admitted, Stage::Working]),
    ("finished", "Finished", &[Stage::Finished, Stage::FinishedUnsubmitted]),
    ("approved", "Approved", &[Stage::Approved]),
    ("paid", "Paid", &[Stage::Paid]),
    ("rejected", "Rejected", &[Stage::Rejected]),
    ("returned", "Returned", &[Stage::Returned, Stage::WorkedThenReturned]),
];

/// One group, as a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tab {
    /// In the address.
    pub name: &'static str,
    /// For people.
    pub label: &'static str,
    /// How many are in it.
    pub count: i64,
    /// Whether it is the one shown.
    pub current: bool,
}

/// The stages that a word of the address stands for: a group's, or a single stage's; all for any other.
pub fn stages(chosen: &str) -> Vec<Stage> {
    let group = GROUPS.iter().find(|(name, _, _)| *name == chosen).map(|(_, _, stages)| stages.to_vec());
    let single = || chosen.parse().ok().map(|stage| vec![stage]);
    group.or_else(single).unwrap_or_else(|| Stage::ALL.to_vec())
}

/// All groups with their counts.
pub fn tabs(line: &Line, chosen: &str) -> Vec<Tab> {
    let tab = |(name, label, stages): &(&'static str, &'static str, &[Stage])| Tab {
        name,
        label,
        count: stages.iter().map(|stage| count(line, *stage)).sum(),
        current: *name == chosen,
    };
    GROUPS.iter().map(tab).filter(|tab| tab.count > 0 || tab.current || tab.name.is_empty()).collect()
}

fn count(line: &Line, stage: Stage) -> i64 {
    match stage {
        Stage::Admitted => line.admitted,
        Stage::Working => line.working,
        Stage::Finished => line.finished,
        Stage::Returned => line.returned,
        Stage::WorkedThenReturned => line.worked_then_returned,
        Stage::FinishedUnsubmitted => line.finished_unsubmitted,
        Stage::SubmittedUnfinished => line.submitted_unfinished,
        Stage::Submitted => line.submitted,
        Stage::Approved => line.approved,
        Stage::Paid => line.paid,
        Stage::Rejected => line.rejected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stage_is_in_all_and_in_one_group() {
        for stage in Stage::ALL {
            let groups = GROUPS.iter().filter(|(_, _, stages)| stages.contains(&stage)).count();
            assert_eq!(groups, 2, "{stage}");
        }
    }

    #[test]
    fn a_single_stage_can_be_asked_for_too() {
        assert_eq!(stages("finished_unsubmitted"), [Stage::FinishedUnsubmitted]);
        assert_eq!(stages("review"), [Stage::Submitted, Stage::SubmittedUnfinished]);
        assert_eq!(stages("no such thing").len(), Stage::ALL.len());
    }
}
