//! Pages of a list, and the opaque tokens that lead from one to the next.

use chrono::{DateTime, Utc};
use kernel::secret::Keyring;
use serde_json::{Value, json};

use super::failure::Failure;
use super::fields::Fields;
use crate::engine::assignments::Assignment;
use crate::engine::blocks::Block;
use crate::engine::bonuses::Bonus;
use crate::engine::hits::Hit;
use crate::engine::qualifications::grants::Grant;
use crate::engine::qualifications::requests;
use crate::engine::qualifications::types::QualificationType;

/// Rows on a page when nothing was said.
const USUAL: i64 = 10;

/// Which page is asked for.
#[derive(Debug)]
pub(crate) struct PageRequest {
    size: i64,
    token: Option<String>,
}

/// Whose list it is; a token of one list leads nowhere in another.
#[derive(Debug)]
pub(crate) struct List<'a> {
    pub(crate) keyring: &'a Keyring,
    /// The operation, the requester, and what the list is about.
    pub(crate) scope: String,
    /// Whether a full last page carries a token, and the page after it is empty.
    pub(crate) empty_last_page: bool,
    /// What the list shows.
    pub(crate) seen: Seen,
}

/// Which things a call sees: all, or with an ordered fault only those that came to be by then.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seen {
    pub(crate) until: Option<DateTime<Utc>>,
}

impl Seen {
    /// Whether the call sees the thing.
    pub(crate) fn shows(self, thing: &impl Dated) -> bool {
        self.until.is_none_or(|until| thing.came_to_be().is_none_or(|at| at <= until))
    }
}

/// What can be too new to be seen yet.
pub(crate) trait Dated {
    /// Since when it is there; `None` for what is always seen.
    fn came_to_be(&self) -> Option<DateTime<Utc>>;
}

impl Dated for Hit {
    fn came_to_be(&self) -> Option<DateTime<Utc>> {
        Some(self.created_at)
    }
}

impl Dated for Assignment {
    fn came_to_be(&self) -> Option<DateTime<Utc>> {
        self.submitted_at
    }
}

impl Dated for Bonus {
    fn came_to_be(&self) -> Option<DateTime<Utc>> {
        Some(self.paid_at)
    }
}

impl Dated for QualificationType {
    /// The market's own were always there.
    fn came_to_be(&self) -> Option<DateTime<Utc>> {
        self.requester_id.as_ref().map(|_| self.created_at)
    }
}

impl Dated for Grant {
    fn came_to_be(&self) -> Option<DateTime<Utc>> {
        Some(self.granted_at)
    }
}

impl Dated for requests::Request {
    fn came_to_be(&self) -> Option<DateTime<Utc>> {
        Some(self.submitted_at)
    }
}

impl Dated for Block {
    fn came_to_be(&self) -> Option<DateTime<Utc>> {
        None
    }
}

impl PageRequest {
    pub(crate) fn read(fields: &mut Fields) -> Self {
        let size = fields.limited_integer("MaxResults", 1, 100).unwrap_or(USUAL);
        Self { size, token: fields.short_text("NextToken", 255) }
    }

    /// One row more than the page has, to see whether there is another page.
    pub(crate) fn limit(&self) -> i64 {
        self.size + 1
    }

    /// The key of the last row of the page before.
    pub(crate) fn after(&self, list: &List<'_>) -> Result<Option<String>, Failure> {
        let Some(token) = &self.token else { return Ok(None) };
        match list.keyring.verify(&list.scope, token) {
            Some(key) => Ok(Some(key.to_owned())),
            None => Err(Failure::invalid("NextToken", token)),
        }
    }

    /// The same for rows that are numbered.
    pub(crate) fn after_number(&self, list: &List<'_>) -> Result<i64, Failure> {
        Ok(self.after(list)?.and_then(|key| key.parse().ok()).unwrap_or(0))
    }

    /// The answer: the rows under `name`, their count, and the token if more may come. Rows that stay unseen make the
    /// page shorter, as those of a lagging index do.
    pub(crate) fn answer<T: Dated>(
        &self,
        list: &List<'_>,
        name: &str,
        mut rows: Vec<T>,
        key: impl Fn(&T) -> String,
        shape: impl Fn(&T) -> Value,
    ) -> Value {
        let size = usize::try_from(self.size).unwrap_or(usize::MAX);
        let more = rows.len() > size || (list.empty_last_page && rows.len() == size);
        rows.truncate(size);
        let last = rows.last().filter(|_| more).map(key);
        rows.retain(|row| list.seen.shows(row));
        let mut answer = json!({ "NumResults": rows.len() });
        if let Some(last) = last {
            answer["NextToken"] = list.keyring.sign(&list.scope, &last).into();
        }
        answer[name] = rows.iter().map(shape).collect();
        answer
    }
}
