//! What a worker looks for in the list of HITs, and in which order they want it. Pure.

use kernel::money::Cents;
use serde::Deserialize;

use crate::engine::groups::Group;

/// The query of the list: what was typed, as it was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Search {
    /// Words that title, description or keywords must contain, all of them.
    #[serde(default)]
    pub words: String,
    /// A part of the requester's name.
    #[serde(default)]
    pub requester: String,
    /// The smallest reward, in dollars.
    #[serde(default)]
    pub least: String,
    /// The order.
    #[serde(default)]
    pub sort: Sort,
}

/// Which groups come first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sort {
    /// With the newest HIT.
    #[default]
    Newest,
    /// That pay most.
    Reward,
    /// With most free places.
    Places,
}

impl Search {
    /// Whether anything is asked for; the order does not count.
    pub fn asks(&self) -> bool {
        [&self.words, &self.requester, &self.least].iter().any(|typed| !typed.trim().is_empty())
    }

    /// What is wrong with the smallest reward, in words.
    pub fn least_error(&self) -> Option<String> {
        self.least().err()
    }

    /// Whether this order was asked for.
    pub fn sorts(&self, by: &str) -> bool {
        matches!(
            (self.sort, by),
            (Sort::Newest, "newest") | (Sort::Reward, "reward") | (Sort::Places, "places")
        )
    }

    /// The groups asked for, in the order asked for. A reward that is no amount restricts nothing.
    pub fn pick(&self, mut groups: Vec<Group>) -> Vec<Group> {
        let (words, requester) = (self.words.to_lowercase(), self.requester.trim().to_lowercase());
        let least = self.least().ok().flatten().unwrap_or_default();
        groups.retain(|group| {
            let text = [&group.title, &group.description, group.keywords.as_ref().unwrap_or(&String::new())]
                .map(|text| text.to_lowercase())
                .join("\n");
            words.split_whitespace().all(|word| text.contains(word))
                && group.requester.to_lowercase().contains(&requester)
                && group.reward >= least
        });
        match self.sort {
            Sort::Newest => groups.sort_by_key(|group| std::cmp::Reverse(group.newest)),
            Sort::Reward => groups.sort_by_key(|group| std::cmp::Reverse(group.reward)),
            Sort::Places => groups.sort_by_key(|group| std::cmp::Reverse(group.available)),
        }
        groups
    }

    fn least(&self) -> Result<Option<Cents>, String> {
        match self.least.trim().trim_start_matches('$') {
            "" => Ok(None),
            typed => typed.parse().map(Some).map_err(|error: kernel::money::AmountError| error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Duration};

    use super::*;

    fn group(title: &str, requester: &str, cents: i64, places: i64, minutes: i64) -> Group {
        let start = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        Group {
            hit_type_id: title.into(),
            hit_group_id: title.into(),
            title: title.into(),
            description: "Two decisions".into(),
            keywords: Some("bonus, economics".into()),
            requester_id: "R".into(),
            requester: requester.into(),
            reward: Cents(cents),
            practice: false,
            assignment_duration: 60,
            auto_approval_delay: 60,
            hits: 1,
            available: places,
            newest: start + Duration::minutes(minutes),
            expiration: start + Duration::days(1),
            qualification_requirements: serde_json::json!([]),
        }
    }

    fn titles(query: &str) -> Vec<String> {
        let groups = vec![
            group("Pick a number", "Choice Lab", 150, 2, 3),
            group("Divide a pie", "Choice Lab", 300, 9, 1),
            group("Look at pictures", "Vision Group", 20, 40, 2),
        ];
        let search: Search = serde_urlencoded::from_str(query).unwrap();
        search.pick(groups).into_iter().map(|group| group.title).collect()
    }

    #[test]
    fn words_are_looked_for_in_title_description_and_keywords() {
        assert_eq!(titles("words=NUMBER"), ["Pick a number"]);
        assert_eq!(titles("words=pie+economics"), ["Divide a pie"]);
        assert_eq!(titles("words=decisions").len(), 3);
        assert_eq!(titles("words=pie+number"), Vec::<String>::new());
        assert_eq!(titles("requester=vision"), ["Look at pictures"]);
        assert_eq!(titles("least=1.50&requester=").len(), 2);
        assert_eq!(titles("least=%243"), ["Divide a pie"]);
    }

    #[test]
    fn the_order_is_the_one_asked_for() {
        assert_eq!(titles(""), ["Pick a number", "Look at pictures", "Divide a pie"]);
        assert_eq!(titles("sort=reward")[0], "Divide a pie");
        assert_eq!(titles("sort=places")[0], "Look at pictures");
    }

    #[test]
    fn a_reward_that_is_no_amount_is_said_and_restricts_nothing() {
        let search = Search { least: "a lot".into(), ..Search::default() };
        assert_eq!(search.least_error().as_deref(), Some("write an amount like 1.50"));
        assert!(search.asks());
        assert_eq!(titles("least=a+lot").len(), 3);
    }
}
