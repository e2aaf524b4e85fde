//! Pages of a list, and the opaque tokens that lead from one to the next.

use kernel::secret::Keyring;
use serde_json::{Value, json};

use super::failure::Failure;
use super::fields::Fields;

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

    /// The answer: the rows under `name`, their count, and the token if more may come.
    pub(crate) fn answer<T>(
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
        let mut answer = json!({ "NumResults": rows.len() });
        if let Some(last) = rows.last().filter(|_| more) {
            answer["NextToken"] = list.keyring.sign(&list.scope, &key(last)).into();
        }
        answer[name] = rows.iter().map(shape).collect();
        answer
    }
}
