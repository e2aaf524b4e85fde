//! Qualification requirements: who may discover, preview and accept.

use serde_json::{Map, Value};

use super::failure::Failure;
use super::fields::Fields;
use super::shapes::object;

const NAME: &str = "QualificationRequirements";
const LOCALE: &str = "00000000000000000071";
const COMPARATORS: [&str; 10] = [
    "LessThan",
    "LessThanOrEqualTo",
    "GreaterThan",
    "GreaterThanOrEqualTo",
    "EqualTo",
    "NotEqualTo",
    "Exists",
    "DoesNotExist",
    "In",
    "NotIn",
];
const ACTIONS: [&str; 3] = ["Accept", "PreviewAndAccept", "DiscoverPreviewAndAccept"];

/// Reads and checks the requirements; what comes out is a list with the known members only.
pub(super) fn read(fields: &mut Fields) -> Value {
    let items = fields.list(NAME);
    if items.len() > 10 {
        let message = "At most 10 qualification requirements are allowed for a HIT type.";
        fields.wrong(Failure::parameter("AWS.ParameterOutOfRange", message));
    }
    let mut requirements = Vec::new();
    for (index, item) in items.into_iter().enumerate() {
        match item {
            Value::Object(members) => requirements.push(requirement(fields, index + 1, members)),
            _ => fields.misshapen(NAME, "a list of objects"),
        }
    }
    Value::Array(requirements)
}

fn requirement(fields: &mut Fields, number: usize, members: Map<String, Value>) -> Value {
    let place = format!("qualificationRequirements.{number}.member");
    let mut given = Given { fields, members: &members };
    let id = given.text("QualificationTypeId");
    let comparator = given.text("Comparator");
    let actions = given.text("ActionsGuarded");
    let preview = given.flag("RequiredToPreview");
    let integers = given.integers();
    let locales = given.locales(&place);
    match &id {
        Some(id) => fields.check_id(&format!("{place}.qualificationTypeId"), id, ""),
        None => fields.broken(&format!("{place}.qualificationTypeId"), None, "Member must not be null"),
    }
    match &comparator {
        Some(word) => fields.check_choice(&format!("{place}.comparator"), word, &COMPARATORS),
        None => fields.broken(&format!("{place}.comparator"), None, "Member must not be null"),
    }
    if let Some(word) = &actions {
        fields.check_choice(&format!("{place}.actionsGuarded"), word, &ACTIONS);
        if preview.is_some() {
            let message = "ActionsGuarded and RequiredToPreview cannot be used together.";
            fields.wrong(Failure::client("InvalidParameterCombinationError", message));
        }
    }
    let counts = (integers.as_deref().unwrap_or_default().len(), locales.as_deref().unwrap_or_default());
    if let Some(why) = wrong_values(id.as_deref(), comparator.as_deref(), counts) {
        fields.wrong(Failure::parameter("AWS.MechanicalTurk.InvalidParameterValue", why));
    }
    object([
        ("QualificationTypeId", id.map(Value::from)),
        ("Comparator", comparator.map(Value::from)),
        ("IntegerValues", integers.map(Value::from)),
        ("LocaleValues", locales.map(Value::from)),
        ("RequiredToPreview", preview.map(Value::from)),
        ("ActionsGuarded", actions.map(Value::from)),
    ])
}

/// The members of one requirement, each read as the type that it must have; null is as good as absent.
struct Given<'a> {
    fields: &'a mut Fields,
    members: &'a Map<String, Value>,
}

impl Given<'_> {
    fn value(&self, name: &str) -> Option<&Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    /// The member by `read`, which says nothing of what is of another type.
    fn typed<T>(&mut self, name: &str, expected: &str, read: impl Fn(&Value) -> Option<T>) -> Option<T> {
        let read = read(self.value(name)?);
        if read.is_none() {
            self.fields.misshapen(&format!("{NAME}.{name}"), expected);
        }
        read
    }

    fn text(&mut self, name: &str) -> Option<String> {
        self.typed(name, "a string", |value| value.as_str().map(str::to_owned))
    }

    fn flag(&mut self, name: &str) -> Option<bool> {
        self.typed(name, "true or false", Value::as_bool)
    }

    /// Values travel as 32-bit integers.
    fn integers(&mut self) -> Option<Vec<i32>> {
        let integer = |item: &Value| item.as_i64().and_then(|integer| i32::try_from(integer).ok());
        self.typed("IntegerValues", "a list of whole numbers of 32 bits", |value| {
            value.as_array()?.iter().map(integer).collect()
        })
    }

    /// Countries, perhaps with a subdivision: two characters each, by the framework's rule.
    fn locales(&mut self, place: &str) -> Option<Vec<Value>> {
        let expected = "a list of objects with a Country and perhaps a Subdivision";
        let locales: Vec<Value> =
            self.typed("LocaleValues", expected, |value| value.as_array()?.iter().map(locale).collect())?;
        for (index, locale) in locales.iter().enumerate() {
            check_locale(self.fields, &format!("{place}.localeValues.{}.member", index + 1), locale);
        }
        Some(locales)
    }
}

/// The known members of a locale, if each is text.
fn locale(value: &Value) -> Option<Value> {
    let members = value.as_object()?;
    let part = |name: &str| members.get(name).filter(|part| !part.is_null());
    let parts = [("Country", part("Country")), ("Subdivision", part("Subdivision"))];
    let fits = parts.iter().all(|(_, part)| part.is_none_or(Value::is_string));
    fits.then(|| object(parts.map(|(name, part)| (name, part.cloned()))))
}

/// The framework's rules of a locale: a country, and two characters in each part.
fn check_locale(fields: &mut Fields, place: &str, locale: &Value) {
    let text = |name: &str| locale.get(name).and_then(Value::as_str);
    if text("Country").is_none() {
        fields.broken(&format!("{place}.country"), None, "Member must not be null");
    }
    for (part, name) in [("country", "Country"), ("subdivision", "Subdivision")] {
        let Some(text) = text(name) else { continue };
        if text.chars().count() != 2 {
            let place = format!("{place}.{part}");
            fields.broken(&place, Some(text), "Member must have length equal to 2");
        }
    }
}

/// What is wrong with the values a requirement compares with, if anything is: how many integers, and which locales.
fn wrong_values(
    id: Option<&str>,
    comparator: Option<&str>,
    (integers, locales): (usize, &[Value]),
) -> Option<&'static str> {
    let comparator = comparator?;
    let several = matches!(comparator, "In" | "NotIn");
    let equality = several || matches!(comparator, "EqualTo" | "NotEqualTo");
    match comparator {
        "Exists" | "DoesNotExist" if integers == 0 && locales.is_empty() => return None,
        "Exists" | "DoesNotExist" => return Some("Values cannot be given with Exists and DoesNotExist."),
        _ => {}
    }
    if id == Some(LOCALE) {
        let most = if several { 30 } else { 1 };
        return match () {
            () if integers > 0 => Some("The locale is compared with LocaleValues."),
            () if !equality => Some("The locale can only be compared for equality."),
            () if locales.is_empty() || locales.len() > most => {
                Some("The number of LocaleValues is not allowed.")
            }
            () if !locales.iter().all(is_locale) => Some("A locale has a two-letter Country."),
            () => None,
        };
    }
    let most = if several { 15 } else { 1 };
    match () {
        () if !locales.is_empty() => Some("LocaleValues are for the locale only."),
        () if integers == 0 || integers > most => Some("The number of IntegerValues is not allowed."),
        () => None,
    }
}

fn is_locale(locale: &Value) -> bool {
    let two_letters = |part: &Value| {
        part.as_str().is_some_and(|text| text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase()))
    };
    locale.get("Country").is_some_and(two_letters) && locale.get("Subdivision").is_none_or(two_letters)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read_one(requirement: Value) -> (Value, Result<(), Failure>) {
        let mut members = Map::new();
        members.insert(NAME.into(), json!([requirement]));
        let mut fields = Fields::new(members);
        let read = read(&mut fields);
        (read, fields.finish())
    }

    fn kind(requirement: Value) -> Option<&'static str> {
        match read_one(requirement).1 {
            Ok(()) => None,
            Err(Failure::Answer(answer)) => Some(answer.kind),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn good_requirements_come_out_as_they_were() {
        for good in [
            json!({"QualificationTypeId": "3ABC", "Comparator": "DoesNotExist",
                   "ActionsGuarded": "DiscoverPreviewAndAccept"}),
            json!({"QualificationTypeId": "000000000000000000L0", "Comparator": "GreaterThanOrEqualTo",
                   "IntegerValues": [95]}),
            json!({"QualificationTypeId": LOCALE, "Comparator": "In",
                   "LocaleValues": [{"Country": "US"}, {"Country": "US", "Subdivision": "CA"}]}),
        ] {
            let (read, verdict) = read_one(good.clone());
            assert!(verdict.is_ok(), "{good}: {verdict:?}");
            assert_eq!(read, json!([good]));
        }
    }

    #[test]
    fn members_of_the_wrong_type_are_told_apart_from_wrong_values() {
        let base = json!({"QualificationTypeId": "3ABC", "Comparator": "EqualTo", "IntegerValues": [1]});
        for (name, value) in [
            ("QualificationTypeId", json!(5)),
            ("Comparator", json!(["EqualTo"])),
            ("ActionsGuarded", json!(true)),
            ("RequiredToPreview", json!("yes")),
            ("IntegerValues", json!("1")),
            ("IntegerValues", json!([1.5])),
            ("IntegerValues", json!(["1"])),
            ("IntegerValues", json!([i64::from(i32::MAX) + 1])),
            ("LocaleValues", json!([null])),
            ("LocaleValues", json!(["US"])),
            ("LocaleValues", json!([{"Country": 5}])),
            ("LocaleValues", json!([{"Country": "US", "Subdivision": ["CA"]}])),
        ] {
            let mut bad = base.clone();
            bad[name] = value;
            assert_eq!(kind(bad.clone()), Some("SerializationException"), "{bad}");
        }
    }

    #[test]
    fn null_is_as_good_as_absent() {
        let given = json!({"QualificationTypeId": LOCALE, "Comparator": "EqualTo", "IntegerValues": null,
                           "LocaleValues": [{"Country": "US", "Subdivision": null}],
                           "ActionsGuarded": "Accept", "RequiredToPreview": null});
        let (read, verdict) = read_one(given);
        assert!(verdict.is_ok(), "{verdict:?}");
        let expected = json!([{"QualificationTypeId": LOCALE, "Comparator": "EqualTo",
                               "LocaleValues": [{"Country": "US"}], "ActionsGuarded": "Accept"}]);
        assert_eq!(read, expected);
    }

    #[test]
    fn each_broken_rule_has_its_own_kind_of_error() {
        let parameter = Some("ParameterValidationError");
        for (bad, expected) in [
            (json!({"QualificationTypeId": "3ABC"}), Some("ValidationException")),
            (json!({"QualificationTypeId": "3ABC", "Comparator": "Like"}), Some("ValidationException")),
            (json!({"QualificationTypeId": "3ABC", "Comparator": "EqualTo"}), parameter),
            (json!({"QualificationTypeId": "3ABC", "Comparator": "Exists", "IntegerValues": [1]}), parameter),
            (
                json!({"QualificationTypeId": "3ABC", "Comparator": "EqualTo", "IntegerValues": [1, 2]}),
                parameter,
            ),
            (
                json!({"QualificationTypeId": LOCALE, "Comparator": "EqualTo", "LocaleValues": [{"Country": "usa"}]}),
                Some("ValidationException"),
            ),
            (
                json!({"QualificationTypeId": LOCALE, "Comparator": "EqualTo", "LocaleValues": [{"Country": "us"}]}),
                parameter,
            ),
            (
                json!({"QualificationTypeId": LOCALE, "Comparator": "LessThan", "LocaleValues": [{"Country": "US"}]}),
                parameter,
            ),
            (
                json!({"QualificationTypeId": "3ABC", "Comparator": "Exists", "RequiredToPreview": true,
                    "ActionsGuarded": "Accept"}),
                Some("InvalidParameterCombinationError"),
            ),
        ] {
            assert_eq!(kind(bad.clone()), expected, "{bad}");
        }
    }
}
