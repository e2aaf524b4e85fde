//! Finding the person that a line of a list or of a file means. Pure.

use std::collections::HashMap;

use crate::participation::{Participation, ParticipationId};

/// Everybody of a study, under each name that a researcher may write: the recruiter's id of the worker, the
/// assignment, or the pseudonym.
#[derive(Debug, Default)]
pub struct People<'a> {
    by_name: HashMap<String, &'a Participation>,
}

impl<'a> People<'a> {
    /// `workers` are the recruiter's ids.
    pub fn of(rows: &'a [Participation], workers: &HashMap<ParticipationId, String>) -> Self {
        let mut by_name = HashMap::new();
        for row in rows {
            let worker = workers.get(&row.id).map(String::as_str);
            for name in [Some(row.pseudonym.as_str()), Some(row.assignment_id.as_str()), worker] {
                by_name.extend(name.filter(|name| !name.is_empty()).map(|name| (name.to_lowercase(), row)));
            }
        }
        Self { by_name }
    }

    /// The person with this name; capitals and spaces around it do not matter.
    pub fn find(&self, name: &str) -> Option<&'a Participation> {
        self.by_name.get(&name.trim().to_lowercase()).copied()
    }
}

/// What is wrong in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineError {
    /// The line in the list or file, from 1.
    pub line: u64,
    /// What to do about it.
    pub words: String,
}

impl LineError {
    /// At `line`: `words`.
    pub fn new(line: u64, words: impl Into<String>) -> Self {
        Self { line, words: words.into() }
    }

    /// Nobody of the study is meant.
    pub fn nobody(line: u64, name: &str) -> Self {
        let name: String = name.chars().take(80).collect();
        Self::new(
            line,
            format!("Nobody in this study is “{name}”. Write a worker id, an assignment id or a pseudonym."),
        )
    }
}
