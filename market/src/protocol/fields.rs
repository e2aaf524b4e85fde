//! Reading the members of an input.
//!
//! Three kinds of rule are told apart as the real service does: a member of the wrong JSON type
//! (SerializationException), a broken framework constraint (ValidationException, all of them in one message, with
//! lower-camel names), and a value that is wrong for its domain (ParameterValidationError). A reader always gives a
//! value, so that an operation reads its whole input first; [`Fields::finish`] then says what is wrong.

use chrono::{DateTime, Utc};
use kernel::money::Cents;
use serde_json::{Map, Value};

use super::failure::Failure;

/// A member's name in the words of the framework: `HITId` is `hITId`, `Title` is `title`.
pub(crate) fn lower_camel(name: &str) -> String {
    let mut characters = name.chars();
    characters.next().map(|first| first.to_lowercase().chain(characters).collect()).unwrap_or_default()
}

/// Whether there is a NUL character in it, which no text of Postgres can hold.
pub(crate) fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(members) => members.iter().any(|(name, value)| name.contains('\0') || has_nul(value)),
        _ => false,
    }
}

/// The input of one call, and what is wrong with it so far.
#[derive(Debug)]
pub(crate) struct Fields {
    members: Map<String, Value>,
    misshapen: Option<String>,
    broken: Vec<String>,
    wrong: Option<Failure>,
}

impl Fields {
    /// The input; a NUL character anywhere in it breaks a constraint of the member it is in.
    pub(crate) fn new(members: Map<String, Value>) -> Self {
        let mut fields = Self { members, misshapen: None, broken: Vec::new(), wrong: None };
        let unfit: Vec<_> = fields.members.iter().filter(|(_, value)| has_nul(value)).collect();
        let places: Vec<_> = unfit.into_iter().map(|(name, _)| lower_camel(name)).collect();
        for place in places {
            let constraint = "Member must satisfy regular expression pattern: [^\\u0000]*";
            fields.broken(&place, Some("..."), constraint);
        }
        fields
    }

    /// The first problem in the order in which the real service looks.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        if let Some(misshapen) = self.misshapen {
            return Err(Failure::client("SerializationException", misshapen));
        }
        if !self.broken.is_empty() {
            let count = self.broken.len();
            let s = if count == 1 { "" } else { "s" };
            let message = format!("{count} validation error{s} detected: {}", self.broken.join("; "));
            return Err(Failure::client("ValidationException", message));
        }
        self.wrong.map_or(Ok(()), Err)
    }

    /// Notes a value that is wrong for its domain; the first one is told.
    pub(crate) fn wrong(&mut self, failure: Failure) {
        self.wrong.get_or_insert(failure);
    }

    /// Notes a broken framework constraint.
    pub(crate) fn broken(&mut self, place: &str, value: Option<&str>, constraint: &str) {
        let value = value.map_or("null".into(), |value| format!("'{value}'"));
        self.broken.push(format!("Value {value} at '{place}' failed to satisfy constraint: {constraint}"));
    }

    /// Notes a member of the wrong JSON type.
    pub(crate) fn misshapen(&mut self, name: &str, expected: &str) {
        self.misshapen.get_or_insert_with(|| format!("The member {name} must be {expected}."));
    }

    /// The member as it came, null and absent being the same.
    pub(crate) fn value(&self, name: &str) -> Option<Value> {
        self.members.get(name).filter(|value| !value.is_null()).cloned()
    }

    /// The given default, and a broken constraint, when the member is missing.
    fn required<T: Default>(&mut self, name: &str, value: Option<T>) -> T {
        value.unwrap_or_else(|| {
            if self.value(name).is_none() {
                self.broken(&lower_camel(name), None, "Member must not be null");
            }
            T::default()
        })
    }

    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        match self.value(name)? {
            Value::String(text) => Some(text),
            _ => {
                self.misshapen(name, "a string");
                None
            }
        }
    }

    pub(crate) fn required_text(&mut self, name: &str) -> String {
        let text = self.text(name);
        self.required(name, text)
    }

    /// Text of at most `longest` characters, by a rule of the domain.
    pub(crate) fn bounded_text(&mut self, name: &str, longest: usize) -> Option<String> {
        let text = self.text(name)?;
        if text.chars().count() > longest {
            let message = format!("The value of {name} must be at most {longest} characters long.");
            self.wrong(Failure::parameter("AWS.ParameterOutOfRange", message));
        }
        Some(text)
    }

    pub(crate) fn required_bounded_text(&mut self, name: &str, longest: usize) -> String {
        let text = self.bounded_text(name, longest);
        self.required(name, text)
    }

    /// Upper-case letters and digits, 1 to 64.
    pub(crate) fn id(&mut self, name: &str) -> Option<String> {
        let id = self.text(name)?;
        self.check_id(&lower_camel(name), &id, "");
        Some(id)
    }

    pub(crate) fn required_id(&mut self, name: &str) -> String {
        let id = self.id(name);
        self.required(name, id)
    }

    pub(crate) fn required_worker_id(&mut self, name: &str) -> String {
        let id = self.text(name);
        if let Some(id) = &id {
            self.check_id(&lower_camel(name), id, "A");
        }
        self.required(name, id)
    }

    pub(crate) fn check_id(&mut self, place: &str, id: &str, prefix: &str) {
        self.check_length(place, id, 64);
        let rest = id.strip_prefix(prefix).unwrap_or_default();
        if rest.is_empty() || !rest.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()) {
            let constraint = format!("Member must satisfy regular expression pattern: ^{prefix}[A-Z0-9]+$");
            self.broken(place, Some(id), &constraint);
        }
    }

    fn check_length(&mut self, place: &str, text: &str, longest: usize) {
        if text.is_empty() {
            self.broken(place, Some(text), "Member must have length greater than or equal to 1");
        } else if text.chars().count() > longest {
            let constraint = format!("Member must have length less than or equal to {longest}");
            self.broken(place, Some(text), &constraint);
        }
    }

    /// Text of 1 to `longest` characters, by the framework's rule.
    pub(crate) fn short_text(&mut self, name: &str, longest: usize) -> Option<String> {
        let text = self.text(name)?;
        self.check_length(&lower_camel(name), &text, longest);
        Some(text)
    }

    /// Dollars as text: digits, an optional point, at most two decimals.
    pub(crate) fn required_amount(&mut self, name: &str) -> Cents {
        let text = self.required_text(name);
        let begins = text.bytes().next().is_some_and(|b| b.is_ascii_digit());
        match text.parse::<Cents>() {
            Ok(amount) if begins => return amount,
            _ if self.value(name).is_none() => {}
            Err(kernel::money::AmountError::TooLarge) => self.wrong(Failure::invalid(name, &text)),
            _ => self.broken(
                &lower_camel(name),
                Some(&text),
                "Member must satisfy regular expression pattern: ^[0-9]+(\\.)?[0-9]{0,2}$",
            ),
        }
        Cents::ZERO
    }

    pub(crate) fn integer(&mut self, name: &str) -> Option<i64> {
        let value = self.value(name)?;
        let integer = value.as_i64();
        if integer.is_none() {
            self.misshapen(name, "a whole number");
        }
        integer
    }

    /// A whole number in a range, by a rule of the domain.
    pub(crate) fn bounded_integer(
        &mut self,
        name: &str,
        range: std::ops::RangeInclusive<i64>,
    ) -> Option<i64> {
        let integer = self.integer(name)?;
        if !range.contains(&integer) {
            self.wrong(Failure::out_of_range(name, integer, &range));
        }
        Some(integer)
    }

    pub(crate) fn required_bounded_integer(
        &mut self,
        name: &str,
        range: std::ops::RangeInclusive<i64>,
    ) -> i64 {
        let integer = self.bounded_integer(name, range);
        self.required(name, integer)
    }

    /// A whole number in a range, by the framework's rule.
    pub(crate) fn limited_integer(&mut self, name: &str, least: i64, most: i64) -> Option<i64> {
        let integer = self.integer(name)?;
        let text = integer.to_string();
        if integer < least {
            let constraint = format!("Member must have value greater than or equal to {least}");
            self.broken(&lower_camel(name), Some(&text), &constraint);
        }
        if integer > most {
            let constraint = format!("Member must have value less than or equal to {most}");
            self.broken(&lower_camel(name), Some(&text), &constraint);
        }
        Some(integer)
    }

    pub(crate) fn optional_flag(&mut self, name: &str) -> Option<bool> {
        match self.value(name)? {
            Value::Bool(flag) => Some(flag),
            _ => {
                self.misshapen(name, "true or false");
                None
            }
        }
    }

    pub(crate) fn flag(&mut self, name: &str) -> bool {
        self.optional_flag(name).unwrap_or(false)
    }

    pub(crate) fn required_flag(&mut self, name: &str) -> bool {
        let flag = self.optional_flag(name);
        self.required(name, flag)
    }

    /// Seconds since the epoch, fractions allowed.
    pub(crate) fn required_time(&mut self, name: &str) -> DateTime<Utc> {
        let value = self.value(name);
        let time = value.as_ref().and_then(Value::as_f64).and_then(|seconds| {
            let micros = seconds * 1e6;
            (micros.abs() < 9e15).then(|| DateTime::from_timestamp_micros(micros as i64)).flatten()
        });
        if time.is_none() && value.is_some() {
            self.misshapen(name, "a time in seconds since the epoch");
        }
        self.required(name, time)
    }

    /// One word of an enumeration.
    pub(crate) fn choice(&mut self, name: &str, allowed: &[&str]) -> Option<String> {
        let word = self.text(name)?;
        self.check_choice(&lower_camel(name), &word, allowed);
        Some(word)
    }

    pub(crate) fn required_choice(&mut self, name: &str, allowed: &[&str]) -> String {
        let word = self.choice(name, allowed);
        self.required(name, word)
    }

    pub(crate) fn check_choice(&mut self, place: &str, word: &str, allowed: &[&str]) {
        if !allowed.contains(&word) {
            let constraint = format!("Member must satisfy enum value set: [{}]", allowed.join(", "));
            self.broken(place, Some(word), &constraint);
        }
    }

    /// A list, empty when it is absent.
    pub(crate) fn list(&mut self, name: &str) -> Vec<Value> {
        match self.value(name) {
            None => Vec::new(),
            Some(Value::Array(items)) => items,
            Some(_) => {
                self.misshapen(name, "a list");
                Vec::new()
            }
        }
    }

    /// Words of an enumeration.
    pub(crate) fn choices(&mut self, name: &str, allowed: &[&str]) -> Vec<String> {
        let mut words = Vec::new();
        for item in self.list(name) {
            match item {
                Value::String(word) => {
                    self.check_choice(&lower_camel(name), &word, allowed);
                    words.push(word);
                }
                _ => self.misshapen(name, "a list of strings"),
            }
        }
        words
    }

    /// The request token, if the call carries one.
    pub(crate) fn token(&mut self) -> Option<String> {
        self.short_text("UniqueRequestToken", 64)
    }
}

#[cfg(test)]
mod tests {
    use super::super::failure::Answer;
    use super::*;

    fn fields(input: serde_json::Value) -> Fields {
        let Value::Object(members) = input else { panic!("an object is wanted") };
        Fields::new(members)
    }

    fn answer(fields: Fields) -> Answer {
        match fields.finish() {
            Err(Failure::Answer(answer)) => answer,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_missing_is_named_in_lower_camel() {
        let mut fields = fields(serde_json::json!({ "Reward": "0.9752" }));
        fields.required_text("Title");
        fields.required_amount("Reward");
        let answer = answer(fields);
        assert_eq!(answer.kind, "ValidationException");
        let expected = "2 validation errors detected: Value null at 'title' failed to satisfy constraint: \
                        Member must not be null; Value '0.9752' at 'reward' failed";
        assert!(answer.message.starts_with(expected), "{}", answer.message);
    }

    #[test]
    fn amounts_follow_the_pattern() {
        for (text, cents) in [("1", 100), ("1.", 100), ("0.5", 50), ("12.34", 1234)] {
            let mut fields = fields(serde_json::json!({ "Reward": text }));
            assert_eq!(fields.required_amount("Reward"), Cents(cents));
            assert!(fields.finish().is_ok(), "{text}");
        }
        for text in ["", ".5", "-1", "abc", "1.234", "1,00"] {
            let mut fields = fields(serde_json::json!({ "Reward": text }));
            fields.required_amount("Reward");
            assert_eq!(answer(fields).kind, "ValidationException", "{text}");
        }
    }

    #[test]
    fn a_wrong_json_type_is_told_before_everything_else() {
        let mut fields = fields(serde_json::json!({ "Title": 5 }));
        fields.required_text("Title");
        fields.required_text("Description");
        assert_eq!(answer(fields).kind, "SerializationException");
    }

    #[test]
    fn worker_ids_begin_with_an_a() {
        for (id, good) in [("A1B2", true), ("bob", false), ("B12", false), ("A", false)] {
            let mut fields = fields(serde_json::json!({ "WorkerId": id }));
            fields.required_worker_id("WorkerId");
            assert_eq!(fields.finish().is_ok(), good, "{id}");
        }
    }
}
