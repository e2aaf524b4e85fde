//! Whether a worker may discover, preview or accept, by the requirements of a HIT type.

use std::collections::HashMap;

use serde_json::Value;

use super::LOCALE;

/// What a worker wants to do with a HIT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// See it in the list.
    Discover,
    /// Look at it.
    Preview,
    /// Take it.
    Accept,
}

/// Where a worker lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locale {
    /// Two letters.
    pub country: String,
    /// Two letters, if told.
    pub subdivision: Option<String>,
}

/// What a worker has; somebody who is not signed in has nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Values of qualifications by type, the market's own included.
    pub values: HashMap<String, i64>,
    /// Where they live, if they told.
    pub locale: Option<Locale>,
}

/// The requirements (as a requester sent them) that keep the worker from doing this.
pub fn unmet<'r>(requirements: &'r Value, action: Action, standing: &Standing) -> Vec<&'r Value> {
    let all = requirements.as_array().into_iter().flatten();
    all.filter(|one| guards(one, action) && !meets(one, standing)).collect()
}

/// Whoever must not discover a HIT must not preview it either, and nobody accepts whom a guard keeps from previewing.
fn guards(requirement: &Value, action: Action) -> bool {
    match text(requirement, "ActionsGuarded") {
        Some("DiscoverPreviewAndAccept") => true,
        Some("PreviewAndAccept") => action != Action::Discover,
        Some(_) => action == Action::Accept,
        None if requirement["RequiredToPreview"] == true => action != Action::Discover,
        None => action == Action::Accept,
    }
}

fn meets(requirement: &Value, standing: &Standing) -> bool {
    let Some(id) = text(requirement, "QualificationTypeId") else { return false };
    let comparator = text(requirement, "Comparator").unwrap_or_default();
    if id == LOCALE {
        return lives(comparator, requirement, standing.locale.as_ref());
    }
    let wanted: Vec<i64> = list(requirement, "IntegerValues").filter_map(Value::as_i64).collect();
    compares(comparator, standing.values.get(id).copied(), &wanted)
}

/// A worker without the qualification meets `DoesNotExist` and nothing else.
fn compares(comparator: &str, value: Option<i64>, wanted: &[i64]) -> bool {
    let Some(value) = value else { return comparator == "DoesNotExist" };
    let first = wanted.first().copied();
    let against = |holds: fn(&i64, &i64) -> bool| first.is_some_and(|first| holds(&value, &first));
    match comparator {
        "Exists" => true,
        "LessThan" => against(i64::lt),
        "LessThanOrEqualTo" => against(i64::le),
        "GreaterThan" => against(i64::gt),
        "GreaterThanOrEqualTo" => against(i64::ge),
        "EqualTo" | "In" => wanted.contains(&value),
        "NotEqualTo" | "NotIn" => !wanted.contains(&value),
        _ => false,
    }
}

fn lives(comparator: &str, requirement: &Value, locale: Option<&Locale>) -> bool {
    let Some(locale) = locale else { return comparator == "DoesNotExist" };
    let there = list(requirement, "LocaleValues").any(|wanted| covers(wanted, locale));
    match comparator {
        "Exists" => true,
        "EqualTo" | "In" => there,
        "NotEqualTo" | "NotIn" => !there,
        _ => false,
    }
}

/// A country covers all its subdivisions.
fn covers(wanted: &Value, locale: &Locale) -> bool {
    text(wanted, "Country") == Some(&locale.country)
        && text(wanted, "Subdivision").is_none_or(|part| locale.subdivision.as_deref() == Some(part))
}

fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name).and_then(Value::as_str)
}

fn list<'v>(value: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    value.get(name).and_then(Value::as_array).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn with(value: Option<i64>) -> Standing {
        let values = value.map(|value| ("3Q".to_owned(), value)).into_iter().collect();
        Standing { values, locale: None }
    }

    #[test]
    fn comparators_compare() {
        for (comparator, wanted, below, equal, above, without) in [
            ("LessThan", json!([5]), true, false, false, false),
            ("LessThanOrEqualTo", json!([5]), true, true, false, false),
            ("GreaterThan", json!([5]), false, false, true, false),
            ("GreaterThanOrEqualTo", json!([5]), false, true, true, false),
            ("EqualTo", json!([5]), false, true, false, false),
            ("NotEqualTo", json!([5]), true, false, true, false),
            ("In", json!([5, 6]), false, true, true, false),
            ("NotIn", json!([5, 6]), true, false, false, false),
            ("Exists", json!([]), true, true, true, false),
            ("DoesNotExist", json!([]), false, false, false, true),
        ] {
            let requirement =
                json!([{"QualificationTypeId": "3Q", "Comparator": comparator, "IntegerValues": wanted}]);
            let may = |value| unmet(&requirement, Action::Accept, &with(value)).is_empty();
            let found = (may(Some(4)), may(Some(5)), may(Some(6)), may(None));
            assert_eq!(found, (below, equal, above, without), "{comparator}");
        }
    }

    #[test]
    fn a_country_covers_its_subdivisions_and_an_unknown_home_meets_nothing() {
        let lives_in = |country: &str, subdivision: Option<&str>| Standing {
            locale: Some(Locale { country: country.into(), subdivision: subdivision.map(Into::into) }),
            ..Standing::default()
        };
        let may = |comparator: &str, wanted: Value, standing: &Standing| {
            let all =
                json!([{"QualificationTypeId": LOCALE, "Comparator": comparator, "LocaleValues": wanted}]);
            unmet(&all, Action::Accept, standing).is_empty()
        };
        let (us, california) = (json!([{"Country": "US"}]), json!([{"Country": "US", "Subdivision": "CA"}]));
        assert!(may("EqualTo", us.clone(), &lives_in("US", Some("CA"))));
        assert!(may("EqualTo", california.clone(), &lives_in("US", Some("CA"))));
        assert!(!may("EqualTo", california.clone(), &lives_in("US", None)));
        assert!(!may("NotEqualTo", us.clone(), &lives_in("US", None)));
        assert!(may("NotIn", california, &lives_in("US", Some("NY"))));
        assert!(may("In", json!([{"Country": "DE"}, {"Country": "US"}]), &lives_in("US", None)));
        for comparator in ["EqualTo", "NotEqualTo"] {
            assert!(!may(comparator, us.clone(), &Standing::default()), "{comparator}");
        }
    }

    #[test]
    fn guards_are_as_strict_as_they_say() {
        use Action::{Accept, Discover, Preview};
        for (guard, guarded) in [
            (json!({}), vec![Accept]),
            (json!({"ActionsGuarded": "Accept"}), vec![Accept]),
            (json!({"ActionsGuarded": "PreviewAndAccept"}), vec![Preview, Accept]),
            (json!({"RequiredToPreview": true}), vec![Preview, Accept]),
            (json!({"RequiredToPreview": false}), vec![Accept]),
            (json!({"ActionsGuarded": "DiscoverPreviewAndAccept"}), vec![Discover, Preview, Accept]),
        ] {
            let mut requirement = json!({"QualificationTypeId": "3Q", "Comparator": "Exists"});
            requirement.as_object_mut().unwrap().extend(guard.as_object().unwrap().clone());
            let all = json!([requirement]);
            let kept = [Discover, Preview, Accept]
                .into_iter()
                .filter(|action| !unmet(&all, *action, &Standing::default()).is_empty());
            assert_eq!(kept.collect::<Vec<_>>(), guarded, "{guard}");
        }
    }
}
