//! Bonuses from a file: who, how much, what for. The whole file is checked before anything happens. Pure.
//!
//! The same line is the same bonus, in whichever file it comes: what it answers to is made from the amount and
//! the words. To pay somebody the same amount once more, say something else.

use std::collections::HashMap;

use csv::{ReaderBuilder, StringRecord, Trim};
use kernel::money::Cents;
use sha2::{Digest, Sha256};

use super::people::{LineError, People};
use crate::participation::Participation;
use crate::review::words;

/// At most so many lines in one file.
pub const LONGEST: usize = 10_000;

/// One bonus of the file.
#[derive(Debug, Clone)]
pub struct Entry<'a> {
    pub person: &'a Participation,
    pub amount: Cents,
    pub words: String,
}

/// Where the columns are.
#[derive(Debug, Clone, Copy)]
struct Columns {
    person: usize,
    amount: usize,
    reason: usize,
}

/// The bonuses of the file, in its order.
///
/// # Errors
/// Every line with a mistake; then nothing of the file may be used.
pub fn read<'a>(text: &str, people: &People<'a>) -> Result<Vec<Entry<'a>>, Vec<LineError>> {
    let text = text.trim_start_matches('\u{feff}');
    let mut reader = ReaderBuilder::new()
        .flexible(true)
        .trim(Trim::All)
        .delimiter(delimiter(text))
        .from_reader(text.as_bytes());
    let columns =
        reader.headers().map_err(|_| unreadable(1)).and_then(columns).map_err(|error| vec![error])?;
    let (mut entries, mut errors, mut seen) = (Vec::new(), Vec::new(), HashMap::new());
    for record in reader.records().take(LONGEST + 1) {
        let checked = record.map_err(|error| unreadable(error.position().map_or(0, csv::Position::line)));
        let line = checked.as_ref().map_or_else(|error| error.line, line_of);
        match checked.and_then(|record| entry(&record, columns, people)) {
            Ok(entry) => match seen.insert((entry.person.id, source(entry.amount, &entry.words)), line) {
                Some(before) => {
                    errors.push(LineError::new(line, format!("Is the same bonus as line {before}.")))
                }
                None => entries.push(entry),
            },
            Err(error) => errors.push(error),
        }
    }
    match entries.len() + errors.len() {
        0 => errors.push(LineError::new(1, "The file has no lines below its headings.")),
        n if n > LONGEST => {
            errors.push(LineError::new(0, format!("A file can have at most {LONGEST} lines.")))
        }
        _ => {}
    }
    if errors.is_empty() { Ok(entries) } else { Err(errors) }
}

/// What a bonus with this amount and these words answers to.
pub fn source(amount: Cents, words: &str) -> String {
    let digest = Sha256::digest(format!("{amount}\n{words}"));
    let hex: String = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    format!("given:{hex}")
}

/// Spreadsheets of many countries write semicolons.
fn delimiter(text: &str) -> u8 {
    let first = text.lines().next().unwrap_or_default();
    match first {
        _ if first.contains('\t') => b'\t',
        _ if first.contains(';') && !first.contains(',') => b';',
        _ => b',',
    }
}

fn columns(headers: &StringRecord) -> Result<Columns, LineError> {
    let find = |names: &[&str]| {
        headers.iter().position(|header| {
            let plain: String = header.to_lowercase().chars().filter(char::is_ascii_alphabetic).collect();
            names.contains(&plain.as_str())
        })
    };
    let person = find(&["worker", "workerid", "assignment", "assignmentid", "person", "pseudonym"]);
    let amount = find(&["amount", "bonus", "bonusamount"]);
    let reason = find(&["reason", "words", "message"]);
    match (person, amount, reason) {
        (Some(person), Some(amount), Some(reason)) => Ok(Columns { person, amount, reason }),
        _ => Err(LineError::new(
            1,
            "The first line must name the columns: worker (or assignment), amount, reason.",
        )),
    }
}

fn entry<'a>(record: &StringRecord, columns: Columns, people: &People<'a>) -> Result<Entry<'a>, LineError> {
    let line = line_of(record);
    let cell = |at: usize| record.get(at).unwrap_or_default();
    let name = cell(columns.person);
    let person = people.find(name).ok_or_else(|| LineError::nobody(line, name))?;
    let typed = cell(columns.amount).trim_start_matches('$');
    let amount: Cents = typed.parse().map_err(|why| LineError::new(line, format!("“{typed}”: {why}.")))?;
    if !amount.is_positive() {
        return Err(LineError::new(line, "The amount must be more than nothing."));
    }
    let words = cell(columns.reason).to_owned();
    if words.is_empty() {
        return Err(LineError::new(line, "The reason is missing; the worker reads it."));
    }
    words::check(&words).map_err(|why| LineError::new(line, why.to_string()))?;
    Ok(Entry { person, amount, words })
}

fn line_of(record: &StringRecord) -> u64 {
    record.position().map_or(0, csv::Position::line)
}

fn unreadable(line: u64) -> LineError {
    LineError::new(line, "This line cannot be read as text in UTF-8 with columns.")
}
