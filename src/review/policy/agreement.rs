//! Whether the workers of one item agree. Pure.
//!
//! Everybody who has handed in and was not rejected counts, whether decided about or not. As soon as enough of
//! them say the same, and no other answer has as many, the item is settled; once all have answered, more than
//! half of the valid answers settle it too, if the rule says so.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use uuid::Uuid;

use super::values;
use crate::review::rules::Agreement;

/// What one person said about which item.
#[derive(Debug, Clone, Copy)]
pub struct Said<'a> {
    pub who: Uuid,
    pub item: Option<&'a Value>,
    pub answer: Option<&'a Value>,
}

/// Where one person stands among those of the same item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// The variable that names the item is not set.
    NoItem,
    /// What they said is not a valid answer.
    Invalid(String),
    /// With those who settled the item: so many of so many.
    With { same: usize, of: usize },
    /// The item is settled, and they said something else.
    Outside { said: String, settled: String, same: usize, of: usize },
    /// Not settled yet; others of the item have not answered.
    Open { have: usize },
    /// All have answered, and nothing is settled.
    Split { have: usize },
}

/// Where everybody stands.
pub fn standings(rule: &Agreement, all: &[Said<'_>]) -> HashMap<Uuid, Standing> {
    let mut items: BTreeMap<String, Vec<&Said<'_>>> = BTreeMap::new();
    let mut found = HashMap::new();
    for said in all {
        match values::answer(said.item, &crate::review::rules::Valid::Any) {
            Some(item) => items.entry(item).or_default().push(said),
            None => drop(found.insert(said.who, Standing::NoItem)),
        }
    }
    for people in items.values() {
        found.extend(of_item(rule, people));
    }
    found
}

fn of_item(rule: &Agreement, people: &[&Said<'_>]) -> Vec<(Uuid, Standing)> {
    let answers: Vec<Option<String>> =
        people.iter().map(|said| values::answer(said.answer, &rule.valid)).collect();
    let valid = answers.iter().flatten().count();
    let settled = settled(rule, &answers);
    let standing = |said: &Said<'_>, answer: Option<String>| match (answer, &settled) {
        (None, _) => Standing::Invalid(said.answer.map_or_else(|| "nothing".into(), values::shown)),
        (Some(answer), Some((top, same))) if answer == *top => Standing::With { same: *same, of: valid },
        (Some(answer), Some((top, same))) => {
            Standing::Outside { said: answer, settled: top.clone(), same: *same, of: valid }
        }
        (Some(_), None) if people.len() < wanted(rule) => Standing::Open { have: people.len() },
        (Some(_), None) => Standing::Split { have: people.len() },
    };
    people.iter().zip(answers).map(|(said, answer)| (said.who, standing(said, answer))).collect()
}

/// The answer that settles the item and how many gave it.
fn settled(rule: &Agreement, answers: &[Option<String>]) -> Option<(String, usize)> {
    let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
    for answer in answers.iter().flatten() {
        *counts.entry(answer).or_default() += 1;
    }
    let most = counts.values().copied().max()?;
    let mut first = counts.iter().filter(|(_, count)| **count == most);
    let (top, tied) = (first.next()?.0, first.next().is_some());
    let valid: usize = counts.values().sum();
    let enough = most >= usize::try_from(rule.same).unwrap_or(usize::MAX);
    let by_majority = rule.majority && answers.len() >= wanted(rule) && most * 2 > valid && most > 1;
    (!tied && (enough || by_majority)).then(|| ((*top).clone(), most))
}

fn wanted(rule: &Agreement) -> usize {
    usize::try_from(rule.of).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::review::rules::Valid;

    fn rule(same: u32, of: u32, majority: bool) -> Agreement {
        Agreement {
            item: "picture".into(),
            answer: "label".into(),
            same,
            of,
            majority,
            valid: Valid::OneOf(vec!["cat".into(), "dog".into(), "cow".into()]),
            feedback: String::new(),
        }
    }

    /// The standings of workers who give these answers to one item, in a letter each: w(ith), o(utside),
    /// i(nvalid), . (open), s(plit).
    fn told(rule: &Agreement, answers: &[&str]) -> String {
        let item = json!("p1");
        let answers: Vec<Value> = answers.iter().map(|answer| json!(answer)).collect();
        let all: Vec<Said<'_>> = answers
            .iter()
            .map(|answer| Said { who: Uuid::now_v7(), item: Some(&item), answer: Some(answer) })
            .collect();
        let standings = standings(rule, &all);
        let letter = |said: &Said<'_>| match standings[&said.who] {
            Standing::With { .. } => 'w',
            Standing::Outside { .. } => 'o',
            Standing::Invalid(_) => 'i',
            Standing::Open { .. } => '.',
            Standing::Split { .. } => 's',
            Standing::NoItem => '-',
        };
        all.iter().map(letter).collect()
    }

    #[test]
    fn k_of_n_settle_an_item() {
        for (rule, answers, expected) in [
            (rule(2, 3, false), &["cat"][..], "."),
            (rule(2, 3, false), &["cat", "dog"], ".."),
            (rule(2, 3, false), &["cat", "cat"], "ww"),
            (rule(2, 3, false), &["cat", "dog", "cat"], "wow"),
            (rule(2, 3, false), &["cat", "dog", "cow"], "sss"),
            (rule(3, 3, false), &["cat", "cat", "dog"], "sss"),
            (rule(3, 3, false), &["cat", "cat", "cat"], "www"),
            (rule(3, 5, false), &["cat", "dog", "cat", "dog"], "...."),
            (rule(3, 5, false), &["cat", "dog", "cat", "dog", "cat"], "wowow"),
            // More came than were asked for.
            (rule(2, 2, false), &["cat", "dog", "dog"], "oww"),
        ] {
            assert_eq!(told(&rule, answers), expected, "{} of {}: {answers:?}", rule.same, rule.of);
        }
    }

    #[test]
    fn two_answers_with_as_many_settle_nothing() {
        assert_eq!(told(&rule(2, 4, false), &["cat", "cat", "dog", "dog"]), "ssss");
        assert_eq!(told(&rule(2, 5, false), &["cat", "cat", "dog", "dog"]), "....");
        assert_eq!(told(&rule(2, 4, true), &["cat", "cat", "dog", "dog"]), "ssss");
    }

    #[test]
    fn more_than_half_will_do_once_all_have_answered() {
        let strict = rule(4, 4, true);
        assert_eq!(told(&strict, &["cat", "cat", "cat"]), "...", "the fourth has not answered");
        assert_eq!(told(&strict, &["cat", "cat", "cat", "dog"]), "wwwo");
        assert_eq!(told(&strict, &["cat", "cat", "dog", "cow"]), "ssss", "half is not more than half");
        assert_eq!(told(&rule(4, 4, false), &["cat", "cat", "cat", "dog"]), "ssss");
        assert_eq!(told(&rule(5, 5, true), &["cat", "cat", "dog", "cow", "cat"]), "wwoow");
    }

    #[test]
    fn invalid_answers_do_not_count_but_they_came() {
        assert_eq!(told(&rule(2, 3, false), &["fish", "fish", "cat"]), "iis");
        assert_eq!(told(&rule(3, 3, true), &["fish", "cat", "cat"]), "iww");
        assert_eq!(told(&rule(3, 3, true), &["fish", "", "cat"]), "iis", "one alone is no majority");
        assert_eq!(told(&rule(2, 3, false), &["fish", "cat"]), "i.");
    }

    #[test]
    fn the_numbers_behind_a_standing_are_told() {
        let (item, cat, dog) = (json!(7), json!("cat"), json!("dog"));
        let ids: [Uuid; 4] = std::array::from_fn(|_| Uuid::now_v7());
        let said = |n: usize, answer| Said { who: ids[n], item: Some(&item), answer };
        let all = [said(0, Some(&cat)), said(1, Some(&cat)), said(2, Some(&dog)), said(3, None)];
        let found = standings(&rule(2, 3, false), &all);
        assert_eq!(found[&ids[0]], Standing::With { same: 2, of: 3 });
        assert_eq!(
            found[&ids[2]],
            Standing::Outside { said: "dog".into(), settled: "cat".into(), same: 2, of: 3 }
        );
        assert_eq!(found[&ids[3]], Standing::Invalid("nothing".into()));
        assert_eq!(standings(&rule(2, 3, false), &all[..1])[&ids[0]], Standing::Open { have: 1 });
        assert_eq!(standings(&rule(2, 1, false), &all[..1])[&ids[0]], Standing::Split { have: 1 });
    }

    #[test]
    fn items_are_apart_and_must_be_named() {
        let (one, same, other, cat) = (json!(1), json!("1.0"), json!(2), json!("cat"));
        let ids: [Uuid; 4] = std::array::from_fn(|_| Uuid::now_v7());
        let items = [Some(&one), Some(&same), Some(&other), None];
        let all: Vec<Said<'_>> =
            ids.iter().zip(items).map(|(who, item)| Said { who: *who, item, answer: Some(&cat) }).collect();
        let found = standings(&rule(2, 2, false), &all);
        assert_eq!(found[&ids[0]], Standing::With { same: 2, of: 2 });
        assert_eq!(found[&ids[2]], Standing::Open { have: 1 });
        assert_eq!(found[&ids[3]], Standing::NoItem);
    }
}
