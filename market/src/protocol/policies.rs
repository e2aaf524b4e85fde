//! Members of a HIT that belong to features of the requester site: review policies and layouts.

use serde_json::Value;

use super::failure::Failure;
use super::fields::{Fields, lower_camel};
use crate::engine::review_policies::ReviewPolicies;

/// Which policies there were, by the reference.
const OF_ASSIGNMENTS: &str = "ScoreMyKnownAnswers/2011-09-01";
const OF_HITS: &str = "SimplePlurality/2011-09-01";

/// Reads and checks the policies of a HIT.
pub(super) fn read(fields: &mut Fields) -> ReviewPolicies {
    ReviewPolicies {
        assignment: policy(fields, "AssignmentReviewPolicy", OF_ASSIGNMENTS),
        hit: policy(fields, "HITReviewPolicy", OF_HITS),
    }
}

fn policy(fields: &mut Fields, name: &str, known: &str) -> Option<Value> {
    let members = match fields.value(name)? {
        Value::Object(members) => members,
        _ => {
            fields.misshapen(name, "an object");
            return None;
        }
    };
    match members.get("PolicyName").and_then(Value::as_str) {
        Some(policy) if policy == known => {}
        Some(policy) => fields.wrong(Failure::invalid(&format!("{name}.PolicyName"), policy)),
        None => {
            let place = format!("{}.policyName", lower_camel(name));
            fields.broken(&place, None, "Member must not be null");
        }
    }
    check_items(fields, members.get("Parameters"), &format!("{name}.Parameters"), &[]);
    Some(Value::Object(members))
}

/// Checks the parameters of a layout, with which nothing can be done: there are no layouts.
pub(super) fn check_layout_parameters(fields: &mut Fields) {
    let parameters = fields.value("HITLayoutParameters");
    check_items(fields, parameters.as_ref(), "HITLayoutParameters", &["Name", "Value"]);
}

/// A list of objects that have each of these members.
fn check_items(fields: &mut Fields, items: Option<&Value>, name: &str, members: &[&str]) {
    let items = match items {
        None | Some(Value::Null) => return,
        Some(Value::Array(items)) if items.iter().all(Value::is_object) => items,
        Some(_) => return fields.misshapen(name, "a list of objects"),
    };
    for (index, item) in items.iter().enumerate() {
        for member in members.iter().filter(|member| !item[**member].is_string()) {
            let place = format!("{}.{}.member.{}", lower_camel(name), index + 1, lower_camel(member));
            fields.broken(&place, None, "Member must not be null");
        }
    }
}
