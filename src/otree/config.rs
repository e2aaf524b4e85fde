//! The session configs that a site offers, read leniently: everything in them is the researcher's own.

use kernel::outbound::Method;
use serde_json::{Map, Value};

use super::client::{Call, Client};
use super::problem::{self, ReadError};

/// One entry of SESSION_CONFIGS, merged with the site's defaults.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionConfig {
    /// Its name in the site's settings.
    pub name: String,
    /// What people call it; the name when it has no other.
    pub display_name: String,
    /// How many people its demo has; often the group size or a multiple of it.
    pub num_demo_participants: Option<u32>,
    /// The decimal text of what participants get for coming (see [`super::money::cents`]).
    pub participation_fee: Option<String>,
    /// The researcher's remarks.
    pub doc: String,
    /// What the researcher already wrote for MTurk.
    pub mturk: Option<MturkSettings>,
    /// All fields, as they came.
    pub raw: Map<String, Value>,
}

/// `mturk_hit_settings` of a session config.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MturkSettings {
    /// The HIT's title.
    pub title: String,
    /// The HIT's description.
    pub description: String,
    /// Keywords, separated by commas.
    pub keywords: String,
    /// Pixels.
    pub frame_height: Option<u32>,
    /// Minutes that a worker has.
    pub minutes_allotted: Option<u32>,
    /// Hours until the HIT expires.
    pub expiration_hours: Option<u32>,
    /// The MTurk template's name in the project.
    pub template: Option<String>,
    /// As in MTurk's own protocol.
    pub qualification_requirements: Vec<Value>,
}

impl SessionConfig {
    /// Reads one config; `None` when it has no name.
    pub fn parse(value: &Value) -> Option<Self> {
        let raw = value.as_object()?.clone();
        let name = text(&raw, "name").filter(|name| !name.is_empty())?;
        Some(Self {
            display_name: text(&raw, "display_name").unwrap_or_else(|| name.clone()),
            num_demo_participants: whole(&raw, "num_demo_participants"),
            participation_fee: decimal(raw.get("participation_fee")),
            doc: text(&raw, "doc").unwrap_or_default(),
            mturk: raw.get("mturk_hit_settings").and_then(Value::as_object).map(MturkSettings::parse),
            name,
            raw,
        })
    }

    /// Reads a list of configs, such as the one stored with a site; leaves out what is none.
    pub fn parse_all(value: &Value) -> Vec<Self> {
        value.as_array().into_iter().flatten().filter_map(Self::parse).collect()
    }
}

impl MturkSettings {
    fn parse(raw: &Map<String, Value>) -> Self {
        Self {
            title: text(raw, "title").unwrap_or_default(),
            description: text(raw, "description").unwrap_or_default(),
            keywords: keywords(raw.get("keywords")),
            frame_height: whole(raw, "frame_height"),
            minutes_allotted: whole(raw, "minutes_allotted_per_assignment"),
            expiration_hours: whole(raw, "expiration_hours"),
            template: text(raw, "template"),
            qualification_requirements: raw
                .get("qualification_requirements")
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default(),
        }
    }
}

/// The text of a number, or of a text that holds one.
pub(super) fn decimal(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.trim().to_owned()),
        _ => None,
    }
}

fn text(raw: &Map<String, Value>, field: &str) -> Option<String> {
    Some(raw.get(field)?.as_str()?.trim().to_owned())
}

/// A whole number, rounded up, also out of `30.5` or `"30"`.
fn whole(raw: &Map<String, Value>, field: &str) -> Option<u32> {
    let number: f64 = decimal(raw.get(field))?.parse().ok()?;
    (0.0..=f64::from(u32::MAX)).contains(&number).then_some(number.ceil() as u32)
}

fn keywords(value: Option<&Value>) -> String {
    match value {
        Some(Value::Array(words)) => {
            words.iter().filter_map(Value::as_str).map(str::trim).collect::<Vec<_>>().join(", ")
        }
        Some(Value::String(words)) => words.trim().to_owned(),
        _ => String::new(),
    }
}

impl Client {
    /// The site's session configs, in its own order.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn configs(&self) -> Result<Vec<SessionConfig>, ReadError> {
        let reply = self.send(Call::new(Method::GET, &["api", "session_configs"], None)).await?;
        let answer = problem::understand(&reply)?;
        if !answer.is_array() {
            return Err(ReadError::Odd("The server answered, but not as oTree does.".into()));
        }
        Ok(SessionConfig::parse_all(&answer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_config_with_mturk_settings_is_read_whole() {
        let config = SessionConfig::parse(&json!({
            "name": "solo", "display_name": "Solo task", "num_demo_participants": 1, "participation_fee": 1.5,
            "doc": "", "app_sequence": ["solo_task"],
            "mturk_hit_settings": {
                "keywords": ["bonus", " study"], "title": "Pick a number", "description": "Short",
                "frame_height": 500, "template": "global/mturk_template.html",
                "minutes_allotted_per_assignment": 30, "expiration_hours": 0.5, "qualification_requirements": [{"a": 1}],
            },
        }))
        .unwrap();
        assert_eq!((config.name.as_str(), config.display_name.as_str()), ("solo", "Solo task"));
        assert_eq!(config.participation_fee.as_deref(), Some("1.5"));
        assert_eq!(config.raw["app_sequence"], json!(["solo_task"]));
        let mturk = config.mturk.unwrap();
        assert_eq!(mturk.keywords, "bonus, study");
        assert_eq!((mturk.minutes_allotted, mturk.expiration_hours), (Some(30), Some(1)));
        assert_eq!(mturk.qualification_requirements, [json!({"a": 1})]);
    }

    #[test]
    fn odd_fields_cost_only_themselves() {
        let config = SessionConfig::parse(&json!({
            "name": "odd", "num_demo_participants": "two", "participation_fee": null,
            "mturk_hit_settings": {"keywords": "a, b", "frame_height": -5, "title": 3, "qualification_requirements": "x"},
        }))
        .unwrap();
        assert_eq!(config.display_name, "odd");
        assert_eq!((config.num_demo_participants, config.participation_fee), (None, None));
        let mturk = config.mturk.unwrap();
        assert_eq!(mturk, MturkSettings { keywords: "a, b".into(), ..MturkSettings::default() });
    }

    #[test]
    fn what_has_no_name_is_left_out() {
        let all = SessionConfig::parse_all(&json!([{"name": "a"}, {"display_name": "b"}, "c", {"name": ""}]));
        assert_eq!(all.len(), 1);
    }
}
