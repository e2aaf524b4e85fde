//! Who may take part: QualificationRequirements as oTree projects and boto3 scripts write them.

use aws_sdk_mturk::error::BuildError;
use aws_sdk_mturk::types::{Comparator, HitAccessActions, Locale, QualificationRequirement};
use serde::Deserialize;
use serde_json::Value;

/// The Masters qualification: one id in production, another in the sandbox.
const MASTERS: [&str; 2] = ["2F1QJWKUDD8XADTFD2Q0G6UTO95ALH", "2ARFPLSP75KLA8M8DH1HTEQVJT3SY6"];
/// The most requirements one offer may have.
const LIMIT: usize = 10;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Written {
    qualification_type_id: String,
    comparator: String,
    #[serde(default)]
    integer_values: Vec<i32>,
    #[serde(default)]
    locale_values: Vec<WrittenLocale>,
    actions_guarded: Option<String>,
    required_to_preview: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct WrittenLocale {
    country: String,
    subdivision: Option<String>,
}

/// Whether only Masters may take part, which raises the fee.
pub fn masters_required(requirements: &Value) -> bool {
    let ids = requirements.as_array().into_iter().flatten().filter_map(|r| r["QualificationTypeId"].as_str());
    ids.into_iter().any(|id| MASTERS.contains(&id))
}

/// Whether these requirements can be sent; the reason in words when not.
///
/// # Errors
/// A sentence that names the requirement and what is wrong with it.
pub fn check(requirements: &Value) -> Result<(), String> {
    parse(requirements).map(|_| ())
}

/// Reads a list of requirements; no list at all means none.
pub(super) fn parse(requirements: &Value) -> Result<Vec<QualificationRequirement>, String> {
    if requirements.is_null() {
        return Ok(Vec::new());
    }
    let list = requirements.as_array().ok_or("Qualification requirements must be a list.")?;
    if list.len() > LIMIT {
        return Err(format!("At most {LIMIT} qualification requirements are possible."));
    }
    let one = |(at, value): (usize, &Value)| {
        requirement(value).map_err(|problem| format!("Qualification requirement {}: {problem}", at + 1))
    };
    list.iter().enumerate().map(one).collect()
}

fn requirement(value: &Value) -> Result<QualificationRequirement, String> {
    let written = Written::deserialize(value).map_err(|problem| format!("{problem}."))?;
    let comparator = Comparator::try_parse(&written.comparator)
        .map_err(|_| format!("“{}” is not a comparator.", written.comparator))?;
    values_fit(&written, &comparator)?;
    let guarded = guarded(&written)?;
    let locales: Result<Vec<_>, BuildError> = written.locale_values.into_iter().map(locale).collect();
    QualificationRequirement::builder()
        .qualification_type_id(written.qualification_type_id)
        .comparator(comparator)
        .set_integer_values(some(written.integer_values))
        .set_locale_values(some(locales.map_err(|problem| problem.to_string())?))
        .set_actions_guarded(guarded)
        .build()
        .map_err(|problem| problem.to_string())
}

fn values_fit(written: &Written, comparator: &Comparator) -> Result<(), String> {
    let values = written.integer_values.len() + written.locale_values.len();
    match comparator {
        Comparator::Exists | Comparator::DoesNotExist if values > 0 => {
            Err(format!("{comparator} takes no values."))
        }
        Comparator::Exists | Comparator::DoesNotExist => Ok(()),
        _ if values == 0 => Err(format!("{comparator} needs IntegerValues or LocaleValues.")),
        _ => Ok(()),
    }
}

/// `RequiredToPreview` is the older spelling; the service wants only the newer one.
fn guarded(written: &Written) -> Result<Option<HitAccessActions>, String> {
    match (&written.actions_guarded, written.required_to_preview) {
        (Some(_), Some(_)) => Err("Use ActionsGuarded or RequiredToPreview, not both.".into()),
        (Some(text), None) => HitAccessActions::try_parse(text)
            .map(Some)
            .map_err(|_| format!("“{text}” is not one of the actions to guard.")),
        (None, Some(true)) => Ok(Some(HitAccessActions::PreviewAndAccept)),
        (None, Some(false) | None) => Ok(None),
    }
}

fn locale(written: WrittenLocale) -> Result<Locale, BuildError> {
    Locale::builder().country(written.country).set_subdivision(written.subdivision).build()
}

fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn requirements_are_read_as_otree_projects_write_them() {
        let list = parse(&json!([
            {"QualificationTypeId": "00000000000000000071", "Comparator": "EqualTo",
             "LocaleValues": [{"Country": "US", "Subdivision": "CA"}]},
            {"QualificationTypeId": "000000000000000000L0", "Comparator": "GreaterThanOrEqualTo",
             "IntegerValues": [95], "RequiredToPreview": true},
            {"QualificationTypeId": "3AWO4KN9YO3JRSN25G0KTXS4AQW9I6", "Comparator": "DoesNotExist",
             "ActionsGuarded": "DiscoverPreviewAndAccept"},
        ]))
        .unwrap();
        assert_eq!(list[0].locale_values()[0].subdivision(), Some("CA"));
        assert_eq!(list[1].integer_values(), [95]);
        assert_eq!(list[1].actions_guarded(), Some(&HitAccessActions::PreviewAndAccept));
        assert_eq!(list[2].actions_guarded(), Some(&HitAccessActions::DiscoverPreviewAndAccept));
    }

    #[test]
    fn no_requirements_are_none() {
        assert_eq!(parse(&Value::Null), Ok(vec![]));
        assert_eq!(parse(&json!([])), Ok(vec![]));
    }

    #[test]
    fn what_the_recruiter_would_refuse_is_said_in_words() {
        let problem = |value| check(&value).unwrap_err();
        assert!(problem(json!({})).contains("must be a list"));
        assert!(problem(json!([{"Comparator": "Exists"}])).contains("QualificationTypeId"));
        let with = |comparator: &str, values: Value| json!([{"QualificationTypeId": "Q", "Comparator": comparator, "IntegerValues": values}]);
        assert!(problem(with("Bigger", json!([1]))).contains("“Bigger” is not a comparator"));
        assert!(problem(with("Exists", json!([1]))).contains("takes no values"));
        assert!(problem(with("EqualTo", json!([]))).contains("needs IntegerValues"));
        let eleven: Vec<_> = (0..11).map(|_| with("EqualTo", json!([1]))[0].clone()).collect();
        assert!(problem(json!(eleven)).contains("At most 10"));
    }

    #[test]
    fn masters_are_found_in_both_environments() {
        for id in MASTERS {
            assert!(masters_required(&json!([{"QualificationTypeId": id, "Comparator": "Exists"}])));
        }
        assert!(!masters_required(&json!([{"QualificationTypeId": "00000000000000000071"}])));
        assert!(!masters_required(&Value::Null));
    }
}
