//! Forms that keep what was typed and say what is wrong beside the field.
//!
//! A handler reads fields through [`Form`], which collects every mistake; when there is one, the same
//! page is shown again (422) with the same form. Secrets are kept apart: a page cannot echo them.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use axum::body::Bytes;
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::header;
use secrecy::SecretString;

use super::error::{Error, WebResult};

/// Fields whose name contains one of these words are secret.
const SECRET_WORDS: [&str; 3] = ["password", "secret", "rest_key"];

/// What was typed, and what is wrong with it.
#[derive(Debug, Clone, Default)]
pub struct Form {
    values: BTreeMap<String, Vec<String>>,
    secrets: BTreeMap<String, SecretString>,
    errors: BTreeMap<String, String>,
}

impl Form {
    /// An empty form, for a page shown the first time.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with `value` in the field `name`: a default, or what is stored.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Display) -> Self {
        self.values.insert(name.to_owned(), vec![value.to_string()]);
        self
    }

    /// What stands in a field, as typed; empty for secrets.
    pub fn value(&self, name: &str) -> &str {
        self.values.get(name).and_then(|values| values.first()).map_or("", String::as_str)
    }

    /// Everything that was posted under one name: the boxes that were ticked.
    pub fn all(&self, name: &str) -> &[String] {
        self.values.get(name).map_or(&[], Vec::as_slice)
    }

    /// Every field whose name starts with `prefix`, as (rest of the name, value), by name.
    pub fn starting<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.values.iter().filter_map(move |(name, values)| {
            Some((name.strip_prefix(prefix)?, values.first().map_or("", String::as_str)))
        })
    }

    /// Whether `value` is the one chosen in the field `name`.
    pub fn chosen(&self, name: &str, value: &str) -> bool {
        self.all(name).iter().any(|chosen| chosen == value)
    }

    /// Whether the box `name` was ticked.
    pub fn checked(&self, name: &str) -> bool {
        matches!(self.value(name), "on" | "true" | "1" | "yes")
    }

    /// What is wrong with a field.
    pub fn error(&self, name: &str) -> Option<&str> {
        self.errors.get(name).map(String::as_str)
    }

    /// What is wrong with the form as a whole.
    pub fn problem(&self) -> Option<&str> {
        self.error("")
    }

    /// Whether nothing is wrong (so far).
    pub fn is_valid(&self) -> bool {
        self.errors.is_empty()
    }

    /// Says what is wrong with a field; the first words stay. An empty name means the whole form.
    pub fn fail(&mut self, name: &str, words: impl Display) {
        self.errors.entry(name.to_owned()).or_insert_with(|| words.to_string());
    }

    /// A text of that many characters, without spaces around it.
    pub fn text(&mut self, name: &str, length: RangeInclusive<usize>) -> String {
        let text = self.value(name).trim().replace("\r\n", "\n");
        match text.chars().count() {
            0 if *length.start() > 0 => self.fail(name, "Please fill this in."),
            n if n < *length.start() => self.fail(name, format!("At least {} characters.", length.start())),
            n if n > *length.end() => {
                self.fail(name, format!("At most {} characters; this has {n}.", length.end()));
            }
            _ if text.contains('\0') => self.fail(name, "This contains a character that cannot be stored."),
            _ => {}
        }
        text
    }

    /// Something that parses itself and says in its error what it wants.
    pub fn parsed<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        let text = self.text(name, 1..=10_000);
        if self.error(name).is_some() {
            return None;
        }
        text.parse().map_err(|error| self.fail(name, error)).ok()
    }

    /// A whole number within bounds.
    pub fn number<N>(&mut self, name: &str, bounds: RangeInclusive<N>) -> Option<N>
    where
        N: FromStr + PartialOrd + Display + Copy,
    {
        let words = format!("A whole number from {} to {}.", bounds.start(), bounds.end());
        let text = self.text(name, 1..=40);
        if self.error(name).is_some() {
            return None;
        }
        let number = text.parse().ok().filter(|number| bounds.contains(number));
        if number.is_none() {
            self.fail(name, words);
        }
        number
    }

    /// A secret, exactly as typed; empty when the field was.
    pub fn secret(&self, name: &str) -> SecretString {
        self.secrets.get(name).cloned().unwrap_or_default()
    }

    /// A form with files: each must be text, and stands in its field as if it had been typed.
    async fn with_files<S: Send + Sync>(request: Request, state: &S) -> WebResult<Self> {
        const BROKEN: Error = Error::BadRequest("What was sent is too large or broke off.");
        let mut parts = Multipart::from_request(request, state).await.map_err(|_| BROKEN)?;
        let mut form = Self::default();
        while let Some(part) = parts.next_field().await.map_err(|_| BROKEN)? {
            let name = part.name().unwrap_or_default().to_owned();
            let is_file = part.file_name().is_some();
            let bytes = part.bytes().await.map_err(|_| BROKEN)?;
            match String::from_utf8(bytes.into()) {
                Ok(text) if is_file => form.put_file(name, text),
                Ok(text) => form.put(name, text),
                Err(_) => form.fail(&name, "This file is not text in UTF-8. Save it as CSV in UTF-8."),
            }
        }
        Ok(form)
    }

    /// A chosen file takes the place of what was typed under the same name; without one that stays.
    fn put_file(&mut self, name: String, text: String) {
        if !text.is_empty() {
            self.values.insert(name, vec![text]);
        }
    }

    fn put(&mut self, name: String, value: String) {
        if SECRET_WORDS.iter().any(|word| name.contains(word)) {
            self.secrets.insert(name, SecretString::from(value));
        } else {
            self.values.entry(name).or_default().push(value);
        }
    }
}

fn is_multipart(request: &Request) -> bool {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("multipart/form-data"))
}

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> WebResult<Self> {
        if is_multipart(&request) {
            return Self::with_files(request, state).await;
        }
        let body = Bytes::from_request(request, state)
            .await
            .map_err(|_| Error::BadRequest("What was sent is too large or broke off."))?;
        let fields: Vec<(String, String)> = serde_urlencoded::from_bytes(&body)
            .map_err(|_| Error::BadRequest("What was sent is not a form of this site."))?;
        let mut form = Self::default();
        for (name, value) in fields {
            form.put(name, value);
        }
        Ok(form)
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn posted(fields: &[(&str, &str)]) -> Form {
        let mut form = Form::new();
        for (name, value) in fields {
            form.put((*name).to_owned(), (*value).to_owned());
        }
        form
    }

    #[test]
    fn what_was_typed_stays_and_the_mistake_is_named() {
        let mut form = posted(&[("places", " twelve "), ("name", "A study")]);
        assert_eq!(form.number("places", 1..=100), None);
        assert_eq!(form.value("places"), " twelve ");
        assert_eq!(form.error("places"), Some("A whole number from 1 to 100."));
        assert_eq!(form.text("name", 1..=80), "A study");
        assert!(!form.is_valid());
    }

    #[test]
    fn bounds_are_inclusive_and_characters_are_counted_not_bytes() {
        let mut form = posted(&[("n", "100"), ("m", "101"), ("word", "äöü"), ("long", "äöüß")]);
        assert_eq!(form.number("n", 1..=100), Some(100));
        assert_eq!(form.number("m", 1..=100), None);
        assert_eq!(form.text("word", 1..=3), "äöü");
        assert!(form.error("word").is_none());
        form.text("long", 1..=3);
        assert!(form.error("long").is_some());
    }

    #[test]
    fn a_secret_is_read_as_typed_but_never_echoed() {
        let form = posted(&[("password", " pass word "), ("secret_access_key", "wJalr")]);
        assert_eq!(form.secret("password").expose_secret(), " pass word ");
        assert_eq!(form.value("password"), "");
        assert_eq!(form.value("secret_access_key"), "");
        assert!(!format!("{form:?}").contains("wJalr"));
    }

    #[test]
    fn the_first_mistake_of_a_field_stays() {
        let mut form = Form::new();
        form.fail("email", "first");
        form.fail("email", "second");
        assert_eq!(form.error("email"), Some("first"));
    }
}
