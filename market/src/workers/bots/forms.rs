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
        /// Most characters.
        longest: Option<usize>,
    },
    /// One of several values (radio buttons, a drop-down list).
    Choice(Vec<String>),
    /// A box to tick, and what it sends.
    Tick(String),
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

/// What asks something: native controls, and the crowd elements that hold one.
const INPUTS: &str = "input, select, textarea, crowd-input, crowd-text-area, crowd-checkbox, crowd-slider";

/// All forms of a page.
pub fn forms(html: &Html) -> Vec<Form> {
    html.select(&css("form")).map(form).collect()
}

/// Reads the fields and buttons below `element`, a form or what stands for one.
pub fn form(element: ElementRef<'_>) -> Form {
    let mut fields: Vec<Field> = Vec::new();
    for input in element.select(&css(INPUTS)) {
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

/// Radio buttons of one name are one field; of other repeated names the first counts.
fn add(fields: &mut Vec<Field>, new: Field) {
    let Some(old) = fields.iter_mut().find(|old| old.name == new.name) else {
        fields.push(new);
        return;
    };
    if let (Kind::Choice(values), Kind::Choice(more)) = (&mut old.kind, new.kind) {
        values.extend(more);
        old.required |= new.required;
    }
}

fn field(input: ElementRef<'_>) -> Option<Field> {
    let name = input.attr("name").filter(|name| !name.is_empty())?.to_owned();
    if input.attr("disabled").is_some() {
        return None;
    }
    let value = input.attr("value").unwrap_or_default().to_owned();
    let kind = match input.value().name() {
        "select" => Kind::Choice(options(input)),
        "textarea" | "crowd-text-area" => text(input, "textarea"),
        "crowd-checkbox" => Kind::Tick(if value.is_empty() { "on".to_owned() } else { value.clone() }),
        "crowd-slider" => number(input),
        _ => input_kind(input)?,
    };
    Some(Field { name, kind, required: input.attr("required").is_some(), value })
}

fn input_kind(input: ElementRef<'_>) -> Option<Kind> {
    let of = input.attr("type").unwrap_or("text").to_ascii_lowercase();
    let value = || input.attr("value");
    Some(match of.as_str() {
        "submit" | "button" | "reset" | "image" => return None,
        "hidden" => Kind::Hidden,
        "radio" => Kind::Choice(vec![value().unwrap_or("on").to_owned()]),
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
    Kind::Text { of: of.to_owned(), longest: input.attr("maxlength").and_then(|n| n.parse().ok()) }
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
        assert_eq!(form.fields[0].kind, Kind::Choice(vec!["1".into(), "2".into()]));
        assert!(form.fields[0].required);
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
