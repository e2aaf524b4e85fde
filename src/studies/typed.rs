//! The form of a study as typed, and a stored study as it would be typed.

use kernel::money::Cents;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Study;
use super::cost::Figures;

/// The form as typed. Kept whole, so that a wrong field costs nobody the others.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Typed {
    pub name: String,
    pub site: String,
    pub connection: String,
    pub config: String,
    pub changes: String,
    pub adopt: String,
    pub places: String,
    pub spares: String,
    pub group_size: String,
    pub batch_size: String,
    pub reward: String,
    pub max_bonus: String,
    pub budget: String,
    pub title: String,
    pub description: String,
    pub keywords: String,
    pub minutes: String,
    pub hours: String,
    pub approve_hours: String,
    pub frame_height: String,
    pub qualifications: String,
    pub play: String,
    pub template_html: String,
    pub completion: String,
    pub last_page: String,
    pub send_worker_id: String,
    pub variables: String,
}

impl Typed {
    /// A stored draft, as somebody would type it.
    pub fn of(study: &Study) -> Self {
        let total = Figures::of(study).estimate().cost.total;
        Self {
            name: study.name.clone(),
            site: study.site_id.to_string(),
            connection: study.connection_id.to_string(),
            config: study.config_name.clone(),
            changes: changes(&study.config_changes),
            adopt: study.adopt_code.clone().unwrap_or_default(),
            places: study.places.to_string(),
            spares: study.spare_seats.to_string(),
            group_size: study.group_size.to_string(),
            batch_size: study.batch_size.to_string(),
            reward: study.reward.to_string(),
            max_bonus: study.max_bonus.to_string(),
            // The total is what an empty field means, and it changes with the other figures.
            budget: Some(study.budget)
                .filter(|b| *b != total)
                .as_ref()
                .map(Cents::to_string)
                .unwrap_or_default(),
            title: study.title.clone(),
            description: study.description.clone(),
            keywords: study.keywords.clone(),
            minutes: (study.duration_s / 60).to_string(),
            hours: (study.lifetime_s / 3600).to_string(),
            approve_hours: (study.auto_approve_s / 3600).to_string(),
            frame_height: study.frame_height.to_string(),
            qualifications: qualifications(&study.qualifications),
            play: study.play.to_string(),
            template_html: study.template_html.clone().unwrap_or_default(),
            completion: study.completion.to_string(),
            last_page: study.last_page.clone().unwrap_or_default(),
            send_worker_id: if study.send_worker_id { "on".into() } else { String::new() },
            variables: study.variable_names.join(", "),
        }
    }
}

/// One `field = value` in each line. A text is quoted only if it would read as something else.
fn changes(changes: &Map<String, Value>) -> String {
    let text = |value: &Value| match value {
        Value::String(text) if serde_json::from_str::<Value>(text).is_err() => text.clone(),
        other => other.to_string(),
    };
    changes.iter().map(|(name, value)| format!("{name} = {}", text(value))).collect::<Vec<_>>().join("\n")
}

fn qualifications(list: &Value) -> String {
    match list.as_array() {
        Some(some) if !some.is_empty() => serde_json::to_string_pretty(list).unwrap_or_default(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn changed_fields_are_written_as_they_are_read() {
        let Value::Object(map) = json!({ "a": 1.5, "b": "blue", "c": "true", "d": [1], "e": true }) else {
            panic!("an object")
        };
        assert_eq!(changes(&map), "a = 1.5\nb = blue\nc = \"true\"\nd = [1]\ne = true");
    }
}
