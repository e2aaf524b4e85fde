//! A list of people, one a line, each with words of its own if wanted: `A1B2C3, Both checks were wrong`. Pure.

use std::collections::HashMap;

use super::people::{LineError, People};
use crate::participation::Participation;
use crate::review::words;

/// One person of the list.
#[derive(Debug, Clone)]
pub struct Listed<'a> {
    pub person: &'a Participation,
    /// What stands behind the first comma, tab or semicolon.
    pub words: Option<String>,
}

/// The people of the list, in its order; empty lines do not count.
///
/// # Errors
/// Every line that names nobody, or somebody who was named before.
pub fn read<'a>(text: &str, people: &People<'a>) -> Result<Vec<Listed<'a>>, Vec<LineError>> {
    let (mut listed, mut errors, mut seen) = (Vec::new(), Vec::new(), HashMap::new());
    for (number, line) in (1..).zip(text.lines()) {
        let (name, words) = split(line);
        if name.is_empty() {
            continue;
        }
        let Some(person) = people.find(name) else {
            errors.push(LineError::nobody(number, name));
            continue;
        };
        if let Some(before) = seen.insert(person.id, number) {
            errors.push(LineError::new(number, format!("Is the same person as line {before}.")));
            continue;
        }
        if let Some(Err(why)) = words.as_deref().map(words::check) {
            errors.push(LineError::new(number, why.to_string()));
            continue;
        }
        listed.push(Listed { person, words });
    }
    if errors.is_empty() { Ok(listed) } else { Err(errors) }
}

fn split(line: &str) -> (&str, Option<String>) {
    match line.split_once([',', '\t', ';']) {
        Some((name, words)) => {
            let words = words.trim();
            (name.trim(), (!words.is_empty()).then(|| words.to_owned()))
        }
        None => (line.trim(), None),
    }
}
