//! A form filled from what the experiment already says about itself.

use std::time::Duration;

use serde_json::Value;

use crate::app::App;
use crate::otree::money::cents;
use crate::otree::{SessionConfig, SessionQuery};
use crate::sites::{self, Site, SiteState};
use crate::studies::checkup;
use crate::studies::draft::Typed;

/// The longest that a page waits for oTree.
const PATIENCE: Duration = Duration::from_secs(6);

/// Puts the config's own words and numbers into the form; what the config does not say stays.
pub fn from_config(typed: &mut Typed, config: &SessionConfig) {
    let set = |field: &mut String, value: String| {
        if !value.is_empty() {
            *field = value;
        }
    };
    set(&mut typed.name, config.display_name.clone());
    set(&mut typed.title, config.display_name.clone());
    let fee = config.participation_fee.as_deref().and_then(|text| cents(text).ok());
    set(&mut typed.reward, fee.map(|fee| fee.to_string()).unwrap_or_default());
    let Some(mturk) = &config.mturk else { return };
    set(&mut typed.title, mturk.title.clone());
    set(&mut typed.description, mturk.description.clone());
    set(&mut typed.keywords, mturk.keywords.clone());
    let number = |value: Option<u32>| value.map(|n| n.to_string()).unwrap_or_default();
    set(&mut typed.minutes, number(mturk.minutes_allotted));
    set(&mut typed.hours, number(mturk.expiration_hours));
    set(&mut typed.frame_height, number(mturk.frame_height));
    if !mturk.qualification_requirements.is_empty() {
        let list = serde_json::to_string_pretty(&mturk.qualification_requirements);
        set(&mut typed.qualifications, list.unwrap_or_default());
    }
}

/// What an existing session says: its config, its template, how many seats it has.
#[derive(Debug)]
pub struct Existing {
    /// As it was when the session was made.
    pub config: SessionConfig,
    /// The researcher's MTurk page.
    pub template_html: Option<String>,
    /// Participants whom nobody has entered as yet, where oTree tells.
    pub free: Option<usize>,
}

/// Asks oTree about a session that shall be taken in.
///
/// # Errors
/// A sentence for the researcher.
pub async fn existing(app: &App, site: &Site, code: &str) -> Result<Existing, String> {
    const SILENT: &str = "The site did not answer in time. Try again.";
    let internal = |error: anyhow::Error| {
        tracing::warn!(site = %site.id, "no client for the site: {error:#}");
        "The site cannot be asked now. Check it under Sites.".to_owned()
    };
    if site.state == SiteState::LinksOnly {
        return by_its_link(code);
    }
    let client = sites::client(app, site.id).await.map_err(internal)?;
    let query = SessionQuery::default();
    let read = tokio::time::timeout(PATIENCE, client.session(code, &query)).await;
    let info = read.map_err(|_| SILENT.to_owned())?.map_err(|error| format!("Session {code}: {error}"))?;
    let mut raw = info.config;
    raw.entry("name").or_insert_with(|| Value::String(info.config_name));
    let config =
        SessionConfig::parse(&Value::Object(raw)).ok_or("oTree does not say which config it has.")?;
    let free = info.participants.iter().filter(|one| one.label.is_none()).count();
    Ok(Existing { config, template_html: info.template_html, free: Some(free) })
}

/// An oTree before 5.1 tells nothing about a session; its link is tried when the study is published.
fn by_its_link(code: &str) -> Result<Existing, String> {
    let raw = serde_json::json!({ "name": "by its link", "display_name": format!("Session {code}") });
    let config = SessionConfig::parse(&raw).ok_or("This session cannot be taken in.")?;
    Ok(Existing { config, template_html: None, free: None })
}

/// The researcher's MTurk page as an earlier session of this config shows it, if there is one and oTree answers.
pub async fn template(app: &App, site: &Site, config: &str) -> Option<String> {
    let mut conn = app.pool.acquire().await.ok()?;
    let code = checkup::earlier_session(&mut conn, site.lab_id, site.id, config).await.ok()??;
    drop(conn);
    existing(app, site, &code).await.ok()?.template_html
}

/// Puts what an existing session says into the form.
pub fn from_existing(typed: &mut Typed, existing: &Existing) {
    from_config(typed, &existing.config);
    typed.config = existing.config.name.clone();
    if let Some(free) = existing.free
        && typed.places.trim().is_empty()
    {
        (typed.places, typed.spares) = (free.to_string(), "0".into());
    }
    if let Some(html) = &existing.template_html {
        typed.template_html = html.clone();
        typed.play = "template".into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_config_fills_what_it_knows_and_leaves_the_rest() {
        let config = SessionConfig::parse(&json!({
            "name": "solo", "display_name": "Solo task", "participation_fee": 0.5,
            "mturk_hit_settings": {
                "title": "Pick a number", "description": "", "keywords": ["a", "b"], "frame_height": 500,
                "minutes_allotted_per_assignment": 30, "expiration_hours": 48,
                "qualification_requirements": [{ "Comparator": "Exists" }],
            },
        }));
        let mut typed = Typed { description: "Mine".into(), places: "7".into(), ..Typed::default() };
        from_config(&mut typed, &config.unwrap());
        assert_eq!((typed.name.as_str(), typed.title.as_str()), ("Solo task", "Pick a number"));
        assert_eq!((typed.description.as_str(), typed.places.as_str()), ("Mine", "7"));
        assert_eq!(
            (typed.reward.as_str(), typed.minutes.as_str(), typed.hours.as_str()),
            ("0.50", "30", "48")
        );
        assert_eq!((typed.keywords.as_str(), typed.frame_height.as_str()), ("a, b", "500"));
        assert!(typed.qualifications.contains("Exists"));
    }

    #[test]
    fn a_config_without_settings_gives_its_name_as_title() {
        let config = SessionConfig::parse(&json!({ "name": "pair", "participation_fee": "odd" })).unwrap();
        let mut typed = Typed::default();
        from_config(&mut typed, &config);
        assert_eq!((typed.title.as_str(), typed.reward.as_str()), ("pair", ""));
    }
}
