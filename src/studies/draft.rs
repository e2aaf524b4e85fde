//! From what somebody typed to a study that cannot be wrong.

use std::collections::BTreeMap;
use std::str::FromStr;

use kernel::money::Cents;
use serde_json::{Map, Value};

pub use super::typed::Typed;

use super::cost::{self, Figures};
use super::{Completion, Play, plan};
use crate::connections::ConnectionId;
use crate::sites::SiteId;

/// What is wrong, by field name, in words to stand beside the field.
pub type Errors = BTreeMap<&'static str, String>;

/// A checked draft. Amounts in cents, times in seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    pub name: String,
    pub site_id: SiteId,
    pub connection_id: ConnectionId,
    pub config_name: String,
    pub config_changes: Map<String, Value>,
    pub adopt_code: Option<String>,
    pub places: i32,
    pub spare_seats: i32,
    pub group_size: i32,
    pub batch_size: i32,
    pub reward: Cents,
    pub max_bonus: Cents,
    /// `None`: what the study can cost at most.
    pub budget: Option<Cents>,
    pub title: String,
    pub description: String,
    pub keywords: String,
    pub duration_s: i32,
    pub lifetime_s: i32,
    pub auto_approve_s: i32,
    pub frame_height: i32,
    pub qualifications: Value,
    pub play: Play,
    pub template_html: Option<String>,
    pub completion: Completion,
    pub last_page: Option<String>,
    pub send_worker_id: bool,
    pub variable_names: Vec<String>,
}

/// Reads the form whole and says everything that is wrong at once.
///
/// # Errors
/// One sentence for each wrong field.
pub fn parse(typed: &Typed) -> Result<Draft, Errors> {
    let mut form = Reader { errors: Errors::new() };
    let figures = form.figures(typed);
    let play = form.choice("play", &typed.play, Play::NewTab);
    let completion = form.choice("completion", &typed.completion, Completion::Reported);
    let draft = Draft {
        name: form.text("name", &typed.name, 1, 200),
        site_id: form.id("site", &typed.site, SiteId::new),
        connection_id: form.id("connection", &typed.connection, ConnectionId::new),
        config_name: form.text("config", &typed.config, 1, 200),
        config_changes: form.changes("changes", &typed.changes),
        adopt_code: form.code("adopt", &typed.adopt),
        places: figures.places,
        spare_seats: figures.spare_seats,
        group_size: figures.group_size,
        batch_size: figures.batch_size,
        reward: figures.reward,
        max_bonus: figures.max_bonus,
        budget: figures.budget,
        title: form.text("title", &typed.title, 1, 128),
        description: form.text("description", &typed.description, 1, 2000),
        keywords: form.text("keywords", &typed.keywords, 0, 1000),
        duration_s: form.number("minutes", &typed.minutes, 60, 1..=525_600) * 60,
        lifetime_s: form.number("hours", &typed.hours, 24, 1..=8760) * 3600,
        auto_approve_s: form.number("approve_hours", &typed.approve_hours, 168, 0..=720) * 3600,
        frame_height: form.number("frame_height", &typed.frame_height, 600, 0..=10_000),
        qualifications: form.json_list("qualifications", &typed.qualifications),
        play,
        template_html: form.template(play, &typed.template_html),
        completion,
        last_page: form.last_page(completion, &typed.last_page),
        send_worker_id: !typed.send_worker_id.is_empty(),
        variable_names: form.names("variables", &typed.variables),
    };
    if form.errors.is_empty() { Ok(draft) } else { Err(form.errors) }
}

/// Reads only the fields that decide about the cost.
///
/// # Errors
/// One sentence for each wrong field.
pub(super) fn figures(typed: &Typed) -> Result<Figures, Errors> {
    let mut form = Reader { errors: Errors::new() };
    let figures = form.figures(typed);
    if form.errors.is_empty() { Ok(figures) } else { Err(form.errors) }
}

struct Reader {
    errors: Errors,
}

impl Reader {
    fn figures(&mut self, typed: &Typed) -> Figures {
        let group_size = self.number("group_size", &typed.group_size, 1, 1..=1000);
        let places = self.number("places", &typed.places, 0, 1..=100_000);
        let spares = plan::default_spares(places);
        let batch_size = plan::default_batch_size(group_size);
        Figures {
            places,
            spare_seats: self.number("spares", &typed.spares, spares, 0..=100_000),
            group_size,
            batch_size: self.number("batch_size", &typed.batch_size, batch_size, 1..=1000),
            reward: self.amount("reward", &typed.reward),
            max_bonus: self.amount("max_bonus", &typed.max_bonus),
            budget: self.optional_amount("budget", &typed.budget),
            masters: cost::wants_masters(&self.json_list("qualifications", &typed.qualifications)),
        }
    }

    fn wrong(&mut self, field: &'static str, words: impl Into<String>) {
        self.errors.entry(field).or_insert(words.into());
    }

    fn text(&mut self, field: &'static str, typed: &str, least: usize, most: usize) -> String {
        let text = typed.trim();
        let length = text.chars().count();
        if length < least {
            self.wrong(field, "Please fill this in.");
        } else if length > most {
            self.wrong(field, format!("At most {most} characters; this has {length}."));
        }
        text.to_owned()
    }

    fn number(
        &mut self,
        field: &'static str,
        typed: &str,
        default: i32,
        range: std::ops::RangeInclusive<i32>,
    ) -> i32 {
        let typed = typed.trim();
        let number = if typed.is_empty() { Some(default) } else { typed.parse().ok() };
        match number.filter(|n| range.contains(n)) {
            Some(number) => number,
            None => {
                self.wrong(field, format!("Write a whole number from {} to {}.", range.start(), range.end()));
                *range.start()
            }
        }
    }

    fn choice<T: FromStr>(&mut self, field: &'static str, typed: &str, default: T) -> T {
        match typed.parse() {
            Ok(chosen) => chosen,
            Err(_) if typed.is_empty() => default,
            Err(_) => {
                self.wrong(field, "Choose one of the options.");
                default
            }
        }
    }

    fn id<T: FromStr>(&mut self, field: &'static str, typed: &str, none: impl Fn() -> T) -> T {
        typed.parse().unwrap_or_else(|_| {
            self.wrong(field, "Choose one.");
            none()
        })
    }

    fn amount(&mut self, field: &'static str, typed: &str) -> Cents {
        let typed = typed.trim();
        let amount = if typed.is_empty() { Ok(Cents::ZERO) } else { typed.parse() };
        amount.unwrap_or_else(|why: kernel::money::AmountError| {
            self.wrong(field, sentence(&why.to_string()));
            Cents::ZERO
        })
    }

    fn optional_amount(&mut self, field: &'static str, typed: &str) -> Option<Cents> {
        (!typed.trim().is_empty()).then(|| self.amount(field, typed))
    }

    /// An oTree session code: letters and digits.
    fn code(&mut self, field: &'static str, typed: &str) -> Option<String> {
        let code = typed.trim();
        if code.is_empty() {
            return None;
        }
        if code.len() > 32 || !code.bytes().all(|b| b.is_ascii_alphanumeric()) {
            self.wrong(field, "A session code is letters and digits, such as 9eotnq0b.");
        }
        Some(code.to_owned())
    }

    /// Lines of `field = value`; a value that reads as JSON is taken as such, anything else as text.
    fn changes(&mut self, field: &'static str, typed: &str) -> Map<String, Value> {
        let mut changes = Map::new();
        for line in typed.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let pair = line.split_once('=').map(|(name, value)| (name.trim(), value.trim()));
            match pair.filter(|(name, _)| is_identifier(name)) {
                Some((name, value)) => {
                    let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
                    changes.insert(name.into(), value);
                }
                None => self.wrong(field, format!("Write one “field = value” in each line, not “{line}”.")),
            }
        }
        changes
    }

    fn json_list(&mut self, field: &'static str, typed: &str) -> Value {
        let typed = typed.trim();
        if typed.is_empty() {
            return Value::Array(Vec::new());
        }
        match serde_json::from_str(typed) {
            Ok(Value::Array(list)) if list.len() <= 10 => Value::Array(list),
            Ok(Value::Array(_)) => {
                self.wrong(field, "At most ten requirements.");
                Value::Null
            }
            _ => {
                self.wrong(field, "Write a JSON list, as MTurk's QualificationRequirements.");
                Value::Null
            }
        }
    }

    fn template(&mut self, play: Play, typed: &str) -> Option<String> {
        if play != Play::Template {
            return None;
        }
        if !typed.contains("otree-link") {
            self.wrong("template_html", "The template needs a link with class=\"otree-link\".");
        }
        Some(typed.to_owned())
    }

    fn last_page(&mut self, completion: Completion, typed: &str) -> Option<String> {
        if completion != Completion::LastPage {
            return None;
        }
        let page = typed.trim();
        if !is_identifier(page) {
            self.wrong("last_page", "Write the page's class name, such as Results.");
        }
        Some(page.to_owned())
    }

    fn names(&mut self, field: &'static str, typed: &str) -> Vec<String> {
        let names: Vec<String> = typed
            .split([',', ' ', '\n'])
            .map(str::trim)
            .filter(|n| !n.is_empty())
            .map(str::to_owned)
            .collect();
        const OURS: [&str; 4] = ["assignmentId", "hitId", "workerId", "turkSubmitTo"];
        if names.iter().any(|name| !is_identifier(name) || OURS.contains(&name.as_str())) {
            self.wrong(field, "Names are letters, digits and underscores, and none of MTurk's own four.");
        }
        names
    }
}

fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
        && name.len() <= 100
}

fn sentence(words: &str) -> String {
    let mut chars = words.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", chars.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed() -> Typed {
        Typed {
            name: "Pilot".into(),
            site: SiteId::new().to_string(),
            connection: ConnectionId::new().to_string(),
            config: "solo".into(),
            places: "12".into(),
            reward: "1.50".into(),
            title: "Pick a number".into(),
            description: "Two minutes".into(),
            ..Typed::default()
        }
    }

    #[test]
    fn a_short_form_gets_sensible_defaults() {
        let draft = parse(&typed()).unwrap();
        assert_eq!((draft.places, draft.spare_seats, draft.batch_size), (12, 3, 9));
        assert_eq!(draft.reward, Cents(150));
        assert_eq!(draft.budget, None);
        assert_eq!((draft.duration_s, draft.play), (3600, Play::NewTab));
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let wrong = Typed {
            places: "many".into(),
            reward: "1.505".into(),
            title: String::new(),
            completion: "last_page".into(),
            variables: "workerId".into(),
            changes: "no equals sign".into(),
            ..typed()
        };
        let errors = parse(&wrong).unwrap_err();
        let fields: Vec<_> = errors.keys().copied().collect();
        assert_eq!(fields, ["changes", "last_page", "places", "reward", "title", "variables"]);
        assert_eq!(errors["reward"], "Use at most two decimals.");
    }

    #[test]
    fn changed_fields_keep_their_types() {
        let changes = "participation_fee = 2.25\ntreatment = blue\ndebug = true";
        let draft = parse(&Typed { changes: changes.into(), ..typed() }).unwrap();
        let read = serde_json::to_string(&draft.config_changes).unwrap();
        assert_eq!(read, r#"{"debug":true,"participation_fee":2.25,"treatment":"blue"}"#);
    }

    #[test]
    fn a_template_without_a_link_is_refused() {
        let template = Typed { play: "template".into(), template_html: "<p>hi</p>".into(), ..typed() };
        assert!(parse(&template).unwrap_err().contains_key("template_html"));
    }
}
