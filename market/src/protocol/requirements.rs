//! Qualification requirements: who may discover, preview and accept.

use serde_json::{Map, Value};

use super::failure::Failure;
use super::fields::Fields;

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
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    match text("QualificationTypeId") {
        Some(id) => fields.check_id(&format!("{place}.qualificationTypeId"), id, ""),
        None => fields.broken(&format!("{place}.qualificationTypeId"), None, "Member must not be null"),
    }
    match text("Comparator") {
        Some(word) => fields.check_choice(&format!("{place}.comparator"), word, &COMPARATORS),
        None => fields.broken(&format!("{place}.comparator"), None, "Member must not be null"),
    }
    for (index, locale) in
        members.get("LocaleValues").and_then(Value::as_array).into_iter().flatten().enumerate()
    {
        check_locale(fields, &format!("{place}.localeValues.{}.member", index + 1), locale);
    }
    if let Some(word) = text("ActionsGuarded") {
        fields.check_choice(&format!("{place}.actionsGuarded"), word, &ACTIONS);
        if members.contains_key("RequiredToPreview") {
            let message = "ActionsGuarded and RequiredToPreview cannot be used together.";
            fields.wrong(Failure::client("InvalidParameterCombinationError", message));
        }
    }
    if let Some(why) = wrong_values(&members) {
        fields.wrong(Failure::parameter("AWS.MechanicalTurk.InvalidParameterValue", why));
    }
    known(members)
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

fn known(members: Map<String, Value>) -> Value {
    const KNOWN: [&str; 6] = [
        "QualificationTypeId",
        "Comparator",
        "IntegerValues",
        "LocaleValues",
        "RequiredToPreview",
        "ActionsGuarded",
    ];
    let members =
        members.into_iter().filter(|(name, value)| KNOWN.contains(&name.as_str()) && !value.is_null());
    Value::Object(members.collect())
}

/// What is wrong with the values a requirement compares with, if anything is.
fn wrong_values(members: &Map<String, Value>) -> Option<&'static str> {
    let list =
        |name: &str| members.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let (integers, locales) = (list("IntegerValues"), list("LocaleValues"));
    let comparator = members.get("Comparator")?.as_str()?;
    let locale_type = members.get("QualificationTypeId").and_then(Value::as_str) == Some(LOCALE);
    let several = matches!(comparator, "In" | "NotIn");
    let equality = several || matches!(comparator, "EqualTo" | "NotEqualTo");
    match comparator {
        "Exists" | "DoesNotExist" if integers.is_empty() && locales.is_empty() => return None,
        "Exists" | "DoesNotExist" => return Some("Values cannot be given with Exists and DoesNotExist."),
        _ => {}
    }
    if locale_type {
        let most = if several { 30 } else { 1 };
        return match () {
            () if !integers.is_empty() => Some("The locale is compared with LocaleValues."),
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
        () if integers.is_empty() || integers.len() > most => {
            Some("The number of IntegerValues is not allowed.")
        }
        () if !integers.iter().all(Value::is_i64) => Some("IntegerValues must be whole numbers."),
        () => None,
    }
}

fn is_locale(locale: &Value) -> bool {
    let two_letters = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase());
    let member = |name: &str| locale.get(name).filter(|value| !value.is_null());
    member("Country").and_then(Value::as_str).is_some_and(two_letters)
        && member("Subdivision").is_none_or(|part| part.as_str().is_some_and(two_letters))
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
