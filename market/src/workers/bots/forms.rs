//! Reading a form from a page: its fields, what they accept, and which of them were refused.

use std::collections::HashSet;

use scraper::{ElementRef, Html, Selector};

/// What a field accepts.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// Sent back as it came.
    Hidden,
    /// A number between two bounds, on a grid.
    Number {
        /// Smallest value.
        min: Option<f64>,
        /// Largest value.
        max: Option<f64>,
        /// Distance of two admissible values.
        step: Option<f64>,
    },
    /// Free text; the input's type tells which (`text`, `email`, `date` …).
    Text {
        /// The `type` attribute, or `textarea`.
        of: String,
        /// Fewest characters.
        shortest: Option<usize>,
        /// Most characters.
        longest: Option<usize>,
    },
    /// One of several values of a drop-down list.
    Choice(Vec<String>),
    /// Buttons that exclude each other: the name and the value of each.
    Buttons(Vec<(String, String)>),
    /// A box to tick, and what it sends.
    Tick(String),
    /// Boxes of one name, and what each sends.
    Boxes(Vec<String>),
    /// Something only a person can give, such as a file.
    Beyond(String),
}

/// One named field.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// The name it is sent under.
    pub name: String,
    /// What it accepts.
    pub kind: Kind,
    /// Whether the page insists on it.
    pub required: bool,
    /// What it holds already.
    pub value: String,
}

impl Field {
    /// What is told as on or off, whichever was chosen: name and value of each box and button.
    pub fn switches(&self) -> Vec<(String, String)> {
        let mine = |value: &String| (self.name.clone(), value.clone());
        match &self.kind {
            Kind::Tick(value) => vec![mine(value)],
            Kind::Boxes(values) => values.iter().map(mine).collect(),
            Kind::Buttons(buttons) => buttons.clone(),
            _ => Vec::new(),
        }
    }

    /// Whether an answer under this name is one of this field.
    pub fn sends(&self, name: &str) -> bool {
        match &self.kind {
            Kind::Buttons(buttons) => buttons.iter().any(|(button, _)| button == name),
            _ => self.name == name,
        }
    }
}

/// A button that sends the form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Button {
    /// Name and value that are sent when this button is the one pressed.
    pub sends: Option<(String, String)>,
    /// Whether it can be pressed.
    pub enabled: bool,
    /// Whether it is oTree's own next button.
    pub next: bool,
}

/// A form.
#[derive(Debug, Clone, PartialEq)]
pub struct Form {
    /// Where it goes, as written; `None` is the page itself.
    pub action: Option<String>,
    /// Its fields, in the page's order, each name once.
    pub fields: Vec<Field>,
    /// Its buttons.
    pub buttons: Vec<Button>,
}

/// A selector known at build time.
pub(super) fn css(selector: &'static str) -> Selector {
    #[expect(clippy::expect_used, reason = "every selector is a literal of this crate, met by its tests")]
    Selector::parse(selector).expect("a valid selector")
}

/// Crowd elements that show something and ask nothing, whatever their names.
const SILENT: [&str; 6] =
    ["crowd-form", "crowd-button", "crowd-instructions", "crowd-alert", "crowd-card", "crowd-radio-group"];

/// All forms of a page.
pub fn forms(html: &Html) -> Vec<Form> {
    html.select(&css("form")).map(form).collect()
}

/// Reads the fields and buttons below `element`, a form or what stands for one.
pub fn form(element: ElementRef<'_>) -> Form {
    let mut fields: Vec<Field> = Vec::new();
    for input in element.descendent_elements() {
        if let Some(field) = field(input) {
            add(&mut fields, field);
        }
    }
    let action = element.attr("action").map(str::trim).filter(|a| !a.is_empty()).map(str::to_owned);
    Form { action, fields, buttons: buttons(element) }
}

/// Names of the fields that the page marks as refused, and the complaint's text.
pub fn refused(html: &Html) -> (HashSet<String>, String) {
    let mut names = HashSet::new();
    let mut complaint = Vec::new();
    for error in html.select(&css(".form-control-errors, .invalid-feedback, .otree-form-errors, .errorlist"))
    {
        complaint.push(error.text().collect::<String>());
        let Some(around) = error.parent().and_then(ElementRef::wrap) else { continue };
        if !around.value().has_class("_formfield", scraper::CaseSensitivity::CaseSensitive) {
            continue;
        }
        names.extend(around.select(&css("[name]")).filter_map(|e| e.attr("name")).map(str::to_owned));
    }
    (names, complaint.join(" ").split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Buttons that exclude each other are one field, and so are boxes of one name; of other repeated names the first counts.
fn add(fields: &mut Vec<Field>, new: Field) {
    let Some(old) = fields.iter_mut().find(|old| old.name == new.name) else {
        fields.push(new);
        return;
    };
    old.required |= new.required;
    match (&mut old.kind, new.kind) {
        (Kind::Buttons(buttons), Kind::Buttons(more)) => buttons.extend(more),
        (Kind::Boxes(values), Kind::Tick(another)) => values.push(another),
        (Kind::Tick(first), Kind::Tick(another)) => {
            old.kind = Kind::Boxes(vec![std::mem::take(first), another]);
        }
        _ => {}
    }
}

fn field(input: ElementRef<'_>) -> Option<Field> {
    if input.attr("disabled").is_some() {
        return None;
    }
    let name = input.attr("name").unwrap_or_default().to_owned();
    let value = input.attr("value").unwrap_or_default().to_owned();
    let on = || if value.is_empty() { "on".to_owned() } else { value.clone() };
    let kind = match input.value().name() {
        "input" | "crowd-input" => input_kind(input)?,
        "select" => Kind::Choice(options(input)),
        "textarea" | "crowd-text-area" => text(input, "textarea"),
        "crowd-checkbox" => Kind::Tick(on()),
        "crowd-slider" => number(input),
        "crowd-radio-button" => return crowd_button(input, (name, on())),
        other => Kind::Beyond(beyond(other)?),
    };
    let required = input.attr("required").is_some() || matches!(kind, Kind::Beyond(_)) && !is_native(input);
    (!name.is_empty()).then_some(Field { name, kind, required, value })
}

fn is_native(input: ElementRef<'_>) -> bool {
    !input.value().name().starts_with("crowd-")
}

/// Amazon had more crowd elements, which only their own script makes into something to fill.
fn beyond(element: &str) -> Option<String> {
    let asks = element.starts_with("crowd-") && !SILENT.contains(&element);
    asks.then(|| format!("what a <{element}> takes"))
}

/// A button excludes the others of its group, whatever their names are; without a group it stands alone.
fn crowd_button(input: ElementRef<'_>, button: (String, String)) -> Option<Field> {
    let group =
        input.ancestors().filter_map(ElementRef::wrap).find(|one| one.value().name() == "crowd-radio-group");
    let name = match group {
        Some(group) => format!("crowd-radio-group {:?}", group.id()),
        None => button.0.clone(),
    };
    let required = input.attr("required").is_some();
    (!button.0.is_empty()).then(|| Field {
        name,
        kind: Kind::Buttons(vec![button]),
        required,
        value: String::new(),
    })
}

fn input_kind(input: ElementRef<'_>) -> Option<Kind> {
    let of = input.attr("type").unwrap_or("text").to_ascii_lowercase();
    let value = || input.attr("value");
    Some(match of.as_str() {
        "submit" | "button" | "reset" | "image" => return None,
        "hidden" => Kind::Hidden,
        "radio" => {
            let name = input.attr("name").unwrap_or_default().to_owned();
            Kind::Buttons(vec![(name, value().unwrap_or("on").to_owned())])
        }
        "checkbox" => Kind::Tick(value().filter(|v| !v.is_empty()).unwrap_or("on").to_owned()),
        "file" => Kind::Beyond("a file".into()),
        "number" | "range" => number(input),
        // oTree writes decimals as text, with an inputmode or with bounds.
        "text" if ["inputmode", "min", "max"].iter().any(|name| input.attr(name).is_some()) => number(input),
        _ => text(input, &of),
    })
}

fn number(input: ElementRef<'_>) -> Kind {
    let read = |name| {
        input.attr(name).and_then(|text: &str| text.trim().parse::<f64>().ok()).filter(|n| n.is_finite())
    };
    let slider = input.attr("type") == Some("range") || input.value().name() == "crowd-slider";
    let bound = |name, default| read(name).or(slider.then_some(default));
    Kind::Number {
        min: bound("min", 0.0),
        max: bound("max", 100.0),
        step: read("step").filter(|step| *step > 0.0),
    }
}

fn text(input: ElementRef<'_>, of: &str) -> Kind {
    let length = |name| input.attr(name).and_then(|n: &str| n.trim().parse().ok());
    Kind::Text { of: of.to_owned(), shortest: length("minlength"), longest: length("maxlength") }
}

fn options(select: ElementRef<'_>) -> Vec<String> {
    select
        .select(&css("option:not([disabled])"))
        .map(|option| option.attr("value").map_or_else(|| option.text().collect(), str::to_owned))
        .filter(|value: &String| !value.is_empty())
        .collect()
}

fn buttons(element: ElementRef<'_>) -> Vec<Button> {
    let selector =
        css("button:not([type]), button[type=submit], input[type=submit], .otree-btn-next, crowd-button");
    element
        .select(&selector)
        .map(|button| {
            let sends = button
                .attr("name")
                .filter(|name| !name.is_empty())
                .map(|name| (name.to_owned(), button.attr("value").unwrap_or_default().to_owned()));
            let next = button.value().has_class("otree-btn-next", scraper::CaseSensitivity::CaseSensitive);
            Button { sends, enabled: button.attr("disabled").is_none(), next }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(html: &str) -> Form {
        let mut all = forms(&Html::parse_document(html));
        assert_eq!(all.len(), 1);
        all.remove(0)
    }

    fn kind_of(input: &str) -> Kind {
        only(&format!("<form>{input}</form>")).fields.remove(0).kind
    }

    #[test]
    fn numbers_are_known_by_type_bounds_or_input_mode() {
        let bounded = Kind::Number { min: Some(0.0), max: Some(10.0), step: None };
        assert_eq!(kind_of("<input type=number name=n min=0 max=10>"), bounded);
        assert_eq!(kind_of("<input type=text inputmode=decimal name=n min=0 max=10>"), bounded);
        let open = Kind::Number { min: None, max: None, step: None };
        assert_eq!(kind_of(r#"<input type="text" inputmode="" name="n">"#), open);
        let slider = Kind::Number { min: Some(0.0), max: Some(100.0), step: Some(5.0) };
        assert_eq!(kind_of("<input type=range name=n step=5>"), slider);
    }

    #[test]
    fn radio_buttons_of_one_name_are_one_choice() {
        let form =
            only("<form><input type=radio name=c value=1 required><input type=radio name=c value=2></form>");
        assert_eq!(form.fields.len(), 1);
        let button = |value: &str| ("c".to_owned(), value.to_owned());
        assert_eq!(form.fields[0].kind, Kind::Buttons(vec![button("1"), button("2")]));
        assert!(form.fields[0].required);
    }

    #[test]
    fn boxes_of_one_name_are_one_field() {
        let boxes: String =
            ["a", "b", "c"].map(|v| format!("<input type=checkbox name=q value={v}>")).concat();
        assert_eq!(kind_of(&boxes), Kind::Boxes(["a", "b", "c"].map(String::from).into()));
        assert_eq!(kind_of("<input type=checkbox name=q value=a>"), Kind::Tick("a".into()));
    }

    #[test]
    fn crowd_buttons_exclude_each_other_within_their_group() {
        let group = |a: &str, b: &str| {
            format!(
                "<crowd-radio-group><crowd-radio-button name={a}>A</crowd-radio-button>
                 <div><crowd-radio-button name={b} value=x>B</crowd-radio-button></div></crowd-radio-group>"
            )
        };
        let form = only(&format!("<form>{}{}</form>", group("a", "b"), group("c", "d")));
        let switches: Vec<_> = form.fields.iter().map(Field::switches).collect();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(switches, [[pair("a", "on"), pair("b", "x")], [pair("c", "on"), pair("d", "x")]]);
        assert!(form.fields[0].sends("b") && !form.fields[0].sends("c"));
    }

    #[test]
    fn a_crowd_element_that_nobody_makes_is_beyond_a_bot() {
        let form = only(
            "<form><crowd-card name=c></crowd-card><crowd-image-classifier name=image></crowd-image-classifier></form>",
        );
        assert_eq!(form.fields.len(), 1);
        let wants = Kind::Beyond("what a <crowd-image-classifier> takes".into());
        assert!(form.fields[0].kind == wants && form.fields[0].required, "{:?}", form.fields[0]);
    }

    #[test]
    fn a_list_offers_its_real_values_only() {
        let list = "<select name=s><option value=''>----</option><option value=a>A</option><option>B</option></select>";
        assert_eq!(kind_of(list), Kind::Choice(vec!["a".into(), "B".into()]));
    }

    #[test]
    fn hidden_inputs_keep_their_value_and_nameless_ones_are_left_out() {
        let form =
            only("<form><input type=hidden name=t value=v><input type=text><input name=d disabled></form>");
        assert_eq!(form.fields.len(), 1);
        assert_eq!((form.fields[0].kind.clone(), form.fields[0].value.as_str()), (Kind::Hidden, "v"));
    }

    #[test]
    fn a_disabled_button_is_not_enabled() {
        let form = only("<form><button disabled>Submit</button><button name=a value=1>A</button></form>");
        assert_eq!(form.buttons.iter().map(|b| b.enabled).collect::<Vec<_>>(), [false, true]);
        assert_eq!(form.buttons[1].sends, Some(("a".into(), "1".into())));
    }

    #[test]
    fn refused_fields_are_those_with_a_complaint_beside_them() {
        let html = Html::parse_document(
            "<div class=otree-form-errors>Please fix the errors.</div><form>
             <div class='mb-3 _formfield'><input name=good></div>
             <div class='mb-3 _formfield'><input name=bad><div class=form-control-errors>At most 7.</div></div></form>",
        );
        let (names, complaint) = refused(&html);
        assert_eq!(names, HashSet::from(["bad".to_owned()]));
        assert_eq!(complaint, "Please fix the errors. At most 7.");
    }
}
