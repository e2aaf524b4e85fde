//! What the operator of a marketplace alone decides about its behaviour: `MARKET_ROUNDING` and `MARKET_QUIRKS`.

use kernel::env::{self, SettingError};
use market::{Fees, Quirks, Rounding, Settings};
use serde_json::{Map, Value};
use url::Url;

/// The usual settings of a marketplace at this address, with the operator's over them.
///
/// # Errors
/// Names the variable that cannot be used.
pub(super) fn from_env(url: Url) -> Result<Settings, SettingError> {
    let fees = Fees { rounding: rounding(env::text("MARKET_ROUNDING").as_deref())?, ..Fees::default() };
    let quirks = quirks(&env::text("MARKET_QUIRKS").unwrap_or_default())?;
    Ok(Settings { fees, quirks, ..Settings::new(url) })
}

fn rounding(word: Option<&str>) -> Result<Rounding, SettingError> {
    match word {
        None | Some("half_up") => Ok(Rounding::HalfUp),
        Some("half_up_each") => Ok(Rounding::HalfUpEach),
        Some("up") => Ok(Rounding::Up),
        Some(_) => Err(wrong("MARKET_ROUNDING", "write half_up, half_up_each or up")),
    }
}

/// Names, comma-separated, each alone or with a value in JSON: `empty_last_page` or `name=5`.
fn quirks(text: &str) -> Result<Quirks, SettingError> {
    let mut members = Map::new();
    for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
        let (name, value) = item.split_once('=').unwrap_or((item, "true"));
        let value = serde_json::from_str(value).map_err(|error| wrong("MARKET_QUIRKS", error))?;
        members.insert(name.to_owned(), value);
    }
    serde_json::from_value(Value::Object(members)).map_err(|error| wrong("MARKET_QUIRKS", error))
}

fn wrong(name: &str, why: impl ToString) -> SettingError {
    SettingError::Wrong { name: name.into(), why: why.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quirks_are_named_and_anything_else_is_refused() {
        let expected = Quirks { empty_last_page: true, expiration_makes_a_token: true, ..Quirks::default() };
        assert_eq!(quirks("empty_last_page, expiration_makes_a_token=true").unwrap(), expected);
        assert_eq!(quirks("").unwrap(), Quirks::default());
        for bad in ["empty_lst_page", "empty_last_page=maybe", "empty_last_page=5"] {
            assert!(quirks(bad).unwrap_err().to_string().contains("MARKET_QUIRKS"), "{bad}");
        }
    }

    #[test]
    fn rounding_has_three_words() {
        assert_eq!(rounding(None).unwrap(), Rounding::HalfUp);
        assert_eq!(rounding(Some("half_up_each")).unwrap(), Rounding::HalfUpEach);
        assert_eq!(rounding(Some("up")).unwrap(), Rounding::Up);
        assert!(rounding(Some("down")).is_err());
    }
}
