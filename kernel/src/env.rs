//! Settings from the environment, read once at start.

use std::fmt::Display;
use std::str::FromStr;

/// A setting that is missing or cannot be read; the text names the variable, never its value.
#[derive(Debug, thiserror::Error)]
pub enum SettingError {
    /// Nothing was set.
    #[error("set {0} in the environment")]
    Missing(String),
    /// Something was set that does not fit.
    #[error("the setting {name} cannot be used: {why}")]
    Wrong {
        /// The variable.
        name: String,
        /// What is wrong with it.
        why: String,
    },
}

/// The variable's text; empty counts as not set.
pub fn text(name: &str) -> Option<String> {
    std::env::var(name).ok().map(|v| v.trim().to_owned()).filter(|v| !v.is_empty())
}

/// The variable's text.
///
/// # Errors
/// [`SettingError::Missing`] when it is not set.
pub fn required(name: &str) -> Result<String, SettingError> {
    text(name).ok_or_else(|| SettingError::Missing(name.into()))
}

/// The variable parsed, or `default` when it is not set.
///
/// # Errors
/// [`SettingError::Wrong`] when it is set and does not parse.
pub fn parsed<T>(name: &str, default: T) -> Result<T, SettingError>
where
    T: FromStr,
    T::Err: Display,
{
    match text(name) {
        None => Ok(default),
        Some(value) => value
            .parse()
            .map_err(|why: T::Err| SettingError::Wrong { name: name.into(), why: why.to_string() }),
    }
}

/// The variable as a comma-separated list; not set is the empty list.
///
/// # Errors
/// [`SettingError::Wrong`] when one of the items does not parse.
pub fn list<T>(name: &str) -> Result<Vec<T>, SettingError>
where
    T: FromStr,
    T::Err: Display,
{
    text(name)
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .map(|item| {
            item.parse()
                .map_err(|why: T::Err| SettingError::Wrong { name: name.into(), why: why.to_string() })
        })
        .collect()
}
