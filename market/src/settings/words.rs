//! The operator's settings as words in the environment: `MARKET_ROUNDING`, `MARKET_FEES`, `MARKET_APPROVAL_RATE` and
//! `MARKET_QUIRKS`. docs/MARKET_SETTINGS.md lists what they may say.

use std::collections::BTreeMap;

use kernel::env::SettingError;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use url::Url;

use super::{Fees, Rounding, Settings};

const ROUNDING: &str = "MARKET_ROUNDING";
const FEES: &str = "MARKET_FEES";
const APPROVAL_RATE: &str = "MARKET_APPROVAL_RATE";
const QUIRKS: &str = "MARKET_QUIRKS";

impl Settings {
    /// The usual settings of a marketplace at this address, and over them what the words say, by the variable's name.
    ///
    /// # Errors
    /// Names the variable that cannot be used.
    pub fn from_words(public_url: Url, words: &BTreeMap<&str, String>) -> Result<Self, SettingError> {
        let said = |name: &str| words.get(name).map(String::as_str);
        let fees: Fees = members(FEES, said(FEES))?;
        if !fees.fit() {
            return Err(wrong(FEES, "rates are 0 to 10000 basis points, flat charges 0 to 100000 cents"));
        }
        Ok(Self {
            fees: Fees { rounding: rounding(said(ROUNDING))?, ..fees },
            approval_rate: members(APPROVAL_RATE, said(APPROVAL_RATE))?,
            quirks: members(QUIRKS, said(QUIRKS))?,
            ..Self::new(public_url)
        })
    }
}

fn rounding(word: Option<&str>) -> Result<Rounding, SettingError> {
    match word {
        None | Some("half_up") => Ok(Rounding::HalfUp),
        Some("half_up_each") => Ok(Rounding::HalfUpEach),
        Some("up") => Ok(Rounding::Up),
        Some(_) => Err(wrong(ROUNDING, "write half_up, half_up_each or up")),
    }
}

/// A JSON object, or names, comma-separated, each alone or with a value: `empty_last_page, modification_lock=5`.
fn members<T: DeserializeOwned>(variable: &str, text: Option<&str>) -> Result<T, SettingError> {
    let text = text.unwrap_or_default().trim();
    let members = if text.starts_with('{') {
        serde_json::from_str(text).map_err(|error| wrong(variable, error))?
    } else {
        Value::Object(
            text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(member).collect::<Map<_, _>>(),
        )
    };
    serde_json::from_value(members).map_err(|error| wrong(variable, error))
}

/// A name alone is switched on; what is not JSON is a word.
fn member(item: &str) -> (String, Value) {
    let (name, value) = item.split_once('=').unwrap_or((item, "true"));
    let value = value.trim();
    (name.trim().to_owned(), serde_json::from_str(value).unwrap_or_else(|_| value.into()))
}

fn wrong(name: &str, why: impl ToString) -> SettingError {
    SettingError::Wrong { name: name.into(), why: why.to_string() }
}

#[cfg(test)]
mod tests {
    use super::super::{ApprovalRate, PercentRounding};
    use super::*;
    use crate::{DisposalSince, Quirks};

    fn settings(name: &'static str, text: &str) -> Result<Settings, String> {
        let words = BTreeMap::from([(name, text.to_owned())]);
        Settings::from_words("http://localhost:8000".parse().unwrap(), &words)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn quirks_are_named_with_values_or_without() {
        let quirks = |text: &str| settings(QUIRKS, text).unwrap().quirks;
        let expected = Quirks { empty_last_page: true, modification_lock: 5, ..Quirks::default() };
        assert_eq!(quirks("empty_last_page, modification_lock=5"), expected);
        assert_eq!(quirks(r#"{"empty_last_page": true, "modification_lock": 5}"#), expected);
        assert_eq!(quirks(""), Quirks::default());
        assert_eq!(quirks("disposal_since=creation").disposal_since, DisposalSince::Creation);
        assert!((quirks(r#"{"notices": {"drop": 0.5, "duplicate": 0.25}}"#).notices.drop - 0.5).abs() < 1e-9);
    }

    #[test]
    fn fees_and_the_approval_rate_are_settings_too() {
        let free = settings(FEES, "base=0, large=0, masters=0, minimum=0").unwrap().fees;
        assert_eq!((free.base, free.large, free.masters, free.minimum), (0, 0, 0, 0));
        let premium = settings(FEES, r#"{"premium": {"3AGE": 50}}"#).unwrap().fees;
        assert_eq!((premium.premium["3AGE"], premium.base), (50, 2000));
        let rate = settings(APPROVAL_RATE, "counts_from=1, given_up_counts, rounding=half_up").unwrap();
        let expected =
            ApprovalRate { counts_from: 1, given_up_counts: true, rounding: PercentRounding::HalfUp };
        assert_eq!(rate.approval_rate, expected);
    }

    #[test]
    fn rounding_has_three_words() {
        for (word, expected) in
            [("half_up", Rounding::HalfUp), ("half_up_each", Rounding::HalfUpEach), ("up", Rounding::Up)]
        {
            assert_eq!(settings(ROUNDING, word).unwrap().fees.rounding, expected);
        }
    }

    #[test]
    fn anything_else_is_refused_by_the_variables_name() {
        for (name, bad) in [
            (QUIRKS, "empty_lst_page"),
            (QUIRKS, "empty_last_page=maybe"),
            (QUIRKS, "empty_last_page=5"),
            (QUIRKS, "{\"empty_last_page\""),
            (FEES, "base=-1"),
            (FEES, "rounding=up"),
            (FEES, "minimum=-1"),
            (FEES, "base=10001"),
            (FEES, r#"{"premium": {"3AGE": -5}}"#),
            (APPROVAL_RATE, "counts_from=many"),
            (ROUNDING, "down"),
        ] {
            let why = settings(name, bad).unwrap_err();
            assert!(why.contains(name), "{name}={bad}: {why}");
        }
    }
}
