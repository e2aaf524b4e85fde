//! What a simulated person answers: admissible values, and other ones when the page refuses them.

use std::collections::{HashMap, HashSet};

use rand::rngs::StdRng;
use rand::{RngExt, seq::IndexedRandom};

use super::forms::{Field, Form, Kind};

/// Draws until an untried value comes up; then any value is taken again.
const DRAWS: usize = 40;
/// What people write, and what fields that are picky about text tend to accept.
const TEXTS: [&str; 7] = ["A simulated answer", "1", "10", "yes", "bot@example.org", "50", "0"];

/// A page's answers over several attempts.
#[derive(Debug)]
pub struct Answers<'a> {
    rng: &'a mut StdRng,
    known: &'a HashMap<String, String>,
    tried: HashMap<String, HashSet<String>>,
    last: Vec<Sent>,
}

/// A name and what is sent under it.
type Sent = (String, String);

/// What the page said to the attempt before.
#[derive(Debug, Default)]
pub struct Refusal {
    /// Fields with a complaint beside them; empty when the page complains as a whole.
    pub fields: HashSet<String>,
    /// The complaint's text; numbers in it are taken as hints.
    pub complaint: String,
}

impl<'a> Answers<'a> {
    /// Answers drawn from `rng`; a field named in `known` gets the value given there.
    pub fn new(rng: &'a mut StdRng, known: &'a HashMap<String, String>) -> Self {
        Self { rng, known, tried: HashMap::new(), last: Vec::new() }
    }

    /// Fills the form; after a refusal only what was complained about is answered differently.
    ///
    /// # Errors
    /// In words, when a required field asks for something a bot cannot give.
    pub fn fill(&mut self, form: &Form, refusal: Option<&Refusal>) -> Result<Vec<(String, String)>, String> {
        let mut sent = Vec::new();
        for field in &form.fields {
            let answer = match self.kept(field, refusal) {
                Some(kept) => kept,
                None => self.answer(field, refusal)?,
            };
            sent.extend(answer);
        }
        if let Some(refusal) = refusal.filter(|refusal| refusal.fields.is_empty() && self.rng.random()) {
            balance(form, &mut sent, &numbers(&refusal.complaint), self.rng);
        }
        self.last = sent.clone();
        sent.extend(self.press(form));
        Ok(sent)
    }

    /// The answer given before, when the page complained about other fields only.
    fn kept(&self, field: &Field, refusal: Option<&Refusal>) -> Option<Vec<Sent>> {
        let refusal = refusal.filter(|refusal| !refusal.fields.is_empty())?;
        let is_named = refusal.fields.iter().any(|name| field.sends(name));
        let before = || self.last.iter().filter(|(name, _)| field.sends(name)).cloned().collect();
        (!is_named).then(before)
    }

    fn answer(&mut self, field: &Field, refusal: Option<&Refusal>) -> Result<Vec<Sent>, String> {
        if let Some(known) = self.known.get(&field.name).filter(|_| field.kind != Kind::Hidden) {
            return Ok(vec![(field.name.clone(), known.clone())]);
        }
        let hints = refusal.map(|refusal| numbers(&refusal.complaint)).unwrap_or_default();
        let mut sent = self.draw(field, &hints)?;
        if refusal.is_some_and(|refusal| refusal.fields.is_empty()) {
            return Ok(sent); // it is the combination that was refused, not this value
        }
        for _ in 0..DRAWS {
            let tried = self.tried.entry(field.name.clone()).or_default();
            if tried.insert(written_down(field, &sent)) {
                break;
            }
            sent = self.draw(field, &hints)?;
        }
        Ok(sent)
    }

    fn draw(&mut self, field: &Field, hints: &[f64]) -> Result<Vec<Sent>, String> {
        let value = match &field.kind {
            Kind::Hidden => Some(field.value.clone()),
            Kind::Number { min, max, step } => Some(self.number(*min, *max, *step, hints)),
            Kind::Text { of, shortest, longest } => {
                Some(fitted(self.text(of, &field.name, hints), *shortest, *longest))
            }
            Kind::Choice(values) => values.choose(self.rng).cloned(),
            Kind::Tick(value) => (field.required || self.rng.random()).then(|| value.clone()),
            Kind::Buttons(buttons) => return Ok(buttons.choose(self.rng).cloned().into_iter().collect()),
            Kind::Boxes(values) => return Ok(self.some(&field.name, values)),
            Kind::Beyond(what) if field.required => {
                return Err(format!("the field {} asks for {what}", field.name));
            }
            Kind::Beyond(_) => None,
        };
        Ok(value.map(|value| (field.name.clone(), value)).into_iter().collect())
    }

    /// At least one of the boxes.
    fn some(&mut self, name: &str, values: &[String]) -> Vec<Sent> {
        let count = self.rng.random_range(1..=values.len());
        values.sample(self.rng, count).map(|value| (name.to_owned(), value.clone())).collect()
    }

    fn number(&mut self, min: Option<f64>, max: Option<f64>, step: Option<f64>, hints: &[f64]) -> String {
        let low = min.unwrap_or_else(|| max.map_or(0.0, |max| max.min(0.0)));
        let high = max.unwrap_or(low + 100.0).max(low);
        let fits: Vec<f64> = hints.iter().copied().filter(|hint| (low..=high).contains(hint)).collect();
        if let Some(hint) = fits.choose(self.rng).filter(|_| self.rng.random()) {
            return written(*hint);
        }
        let (start, step) = match step {
            Some(step) => (low, step),
            None if low.ceil() <= high => (low.ceil(), 1.0),
            None => (low, (high - low) / 10.0),
        };
        let steps = if step > 0.0 { ((high - start) / step).floor().clamp(0.0, 1e6) as u32 } else { 0 };
        written(start + step * f64::from(self.rng.random_range(0..=steps)))
    }

    fn text(&mut self, of: &str, name: &str, hints: &[f64]) -> String {
        let fixed = match of {
            "email" => "bot@example.org",
            "url" => "https://example.org/",
            "tel" => "5550100",
            "date" => "2000-01-15",
            "time" => "12:00",
            "month" => "2000-01",
            "week" => "2000-W03",
            "datetime-local" => "2000-01-15T12:00",
            "color" => "#336699",
            _ => return self.free_text(name, hints),
        };
        fixed.to_owned()
    }

    /// The first text that was not refused yet; numbers from the complaint go before the usual ones.
    fn free_text(&mut self, name: &str, hints: &[f64]) -> String {
        let tried = self.tried.get(name);
        let fresh = |text: &String| !tried.is_some_and(|tried| tried.contains(text));
        let hinted = hints.iter().map(|hint| written(*hint));
        let usual = TEXTS.iter().map(|text| (*text).to_owned());
        usual.clone().take(1).chain(hinted).chain(usual).find(fresh).unwrap_or_else(|| TEXTS[0].to_owned())
    }

    /// Name and value of the pressed button, when all buttons carry one (a choice made by buttons).
    fn press(&mut self, form: &Form) -> Option<(String, String)> {
        if form.buttons.iter().any(|button| button.next || button.sends.is_none()) {
            return None;
        }
        let named: Vec<_> = form.buttons.iter().filter_map(|button| button.sends.clone()).collect();
        named.choose(self.rng).cloned()
    }
}

/// What was sent for a field, to know it again: the value of a field with one name, and which of several otherwise.
fn written_down(field: &Field, sent: &[Sent]) -> String {
    let one =
        |(name, value): &Sent| if *name == field.name { value.clone() } else { format!("{name} {value}") };
    let mut all: Vec<_> = sent.iter().map(one).collect();
    all.sort();
    all.join("\n")
}

/// Makes the form's numbers add up to one of the hints, as pages with a total often ask.
fn balance(form: &Form, sent: &mut [(String, String)], hints: &[f64], rng: &mut StdRng) {
    let Some(total) = hints.choose(rng).copied() else { return };
    let bounds = |name: &str| {
        form.fields.iter().find(|field| field.name == name).and_then(|field| match field.kind {
            Kind::Number { min, max, .. } => Some((min.unwrap_or(0.0), max.unwrap_or(total))),
            _ => None,
        })
    };
    let mut parts: Vec<_> =
        sent.iter_mut().filter_map(|(name, value)| Some((bounds(name)?, value))).collect();
    let mut left = total;
    let last = parts.len().saturating_sub(1);
    for (n, ((min, max), value)) in parts.iter_mut().enumerate() {
        let part = if n == last { left } else { (left * rng.random::<f64>()).round() };
        let part = part.clamp(*min, max.max(*min));
        left -= part;
        **value = written(part);
    }
}

/// At most four decimals, none that say nothing.
fn written(number: f64) -> String {
    let text = format!("{number:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Said again and again until it is long enough, and cut where it is too long.
fn fitted(text: String, shortest: Option<usize>, longest: Option<usize>) -> String {
    let (length, least) = (text.chars().count(), shortest.unwrap_or(0));
    let most = longest.unwrap_or(usize::MAX).min(length.max(least));
    text.chars().chain([' ']).cycle().take(most).collect()
}

/// Numbers mentioned in a text.
fn numbers(text: &str) -> Vec<f64> {
    text.split(|c: char| !c.is_ascii_digit() && c != '.' && c != '-')
        .filter_map(|word| word.trim_matches('.').parse::<f64>().ok())
        .filter(|number| number.is_finite())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::SeedableRng;

    fn field(kind: Kind) -> Field {
        Field { name: "f".into(), kind, required: true, value: String::new() }
    }

    fn form(kind: Kind) -> Form {
        Form { action: None, fields: vec![field(kind)], buttons: vec![] }
    }

    fn refusal(complaint: &str) -> Refusal {
        Refusal { fields: HashSet::from(["f".to_owned()]), complaint: complaint.into() }
    }

    #[test]
    fn every_choice_is_tried_before_one_is_repeated() {
        let (mut rng, known) = (StdRng::seed_from_u64(1), HashMap::new());
        let mut answers = Answers::new(&mut rng, &known);
        let form = form(Kind::Choice(["a", "b", "c", "d"].map(String::from).into()));
        let buttons = ["a", "b", "c", "d"].map(|name| (name.to_owned(), "on".to_owned())).into();
        let mut pressed = {
            let form = self::form(Kind::Buttons(buttons));
            let (mut rng, known) = (StdRng::seed_from_u64(1), HashMap::new());
            let mut answers = Answers::new(&mut rng, &known);
            let refused = Refusal { fields: HashSet::from(["a".to_owned()]), complaint: "wrong".into() };
            (0..4)
                .map(|n| answers.fill(&form, (n > 0).then_some(&refused)).unwrap().remove(0).0)
                .collect::<Vec<_>>()
        };
        pressed.sort();
        assert_eq!(pressed, ["a", "b", "c", "d"]);
        let mut seen: Vec<String> = (0..4)
            .map(|n| {
                let refused = refusal("wrong");
                answers.fill(&form, (n > 0).then_some(&refused)).unwrap().remove(0).1
            })
            .collect();
        seen.sort();
        assert_eq!(seen, ["a", "b", "c", "d"]);
    }

    #[test]
    fn numbers_in_a_complaint_are_hints() {
        let (mut rng, known) = (StdRng::seed_from_u64(1), HashMap::new());
        let mut answers = Answers::new(&mut rng, &known);
        let form = form(Kind::Text { of: "text".into(), shortest: None, longest: None });
        assert_eq!(answers.fill(&form, None).unwrap()[0].1, "A simulated answer");
        assert_eq!(answers.fill(&form, Some(&refusal("Write 37, please."))).unwrap()[0].1, "37");
    }

    #[test]
    fn numbers_are_made_to_add_up_to_what_the_page_asks() {
        let (mut rng, known) = (StdRng::seed_from_u64(1), HashMap::new());
        let mut answers = Answers::new(&mut rng, &known);
        let mut form = form(Kind::Number { min: Some(0.0), max: Some(100.0), step: None });
        form.fields.push(Field { name: "g".into(), ..form.fields[0].clone() });
        form.fields.push(Field { name: "h".into(), ..form.fields[0].clone() });
        let refusal = Refusal { complaint: "The three must sum to 100.".into(), ..Refusal::default() };
        let sums =
            |sent: Vec<(String, String)>| sent.iter().map(|(_, v)| v.parse::<f64>().unwrap()).sum::<f64>();
        assert!((0..10).any(|_| sums(answers.fill(&form, Some(&refusal)).unwrap()) == 100.0));
    }

    #[test]
    fn what_was_not_complained_about_stays() {
        let (mut rng, known) = (StdRng::seed_from_u64(5), HashMap::new());
        let mut answers = Answers::new(&mut rng, &known);
        let mut form = form(Kind::Choice(vec!["a".into(), "b".into()]));
        let number = Kind::Number { min: Some(0.0), max: Some(1e6), step: None };
        form.fields.push(Field { name: "g".into(), ..field(number) });
        let first = answers.fill(&form, None).unwrap();
        let second = answers.fill(&form, Some(&refusal("no"))).unwrap();
        assert_ne!(first[0], second[0]);
        assert_eq!(first[1], second[1]);
    }

    #[test]
    fn a_file_is_more_than_a_bot_can_give() {
        let (mut rng, known) = (StdRng::seed_from_u64(1), HashMap::new());
        let mut answers = Answers::new(&mut rng, &known);
        let why = answers.fill(&form(Kind::Beyond("a file".into())), None).unwrap_err();
        assert_eq!(why, "the field f asks for a file");
    }

    #[test]
    fn a_choice_made_by_buttons_presses_one_of_them() {
        let (mut rng, known) = (StdRng::seed_from_u64(1), HashMap::new());
        let button = |value: &str| super::super::forms::Button {
            sends: Some(("take".into(), value.into())),
            enabled: true,
            next: false,
        };
        let form = Form { action: None, fields: vec![], buttons: vec![button("1"), button("2")] };
        let sent = Answers::new(&mut rng, &known).fill(&form, None).unwrap();
        assert_eq!(sent.len(), 1);
        assert!(sent[0].0 == "take" && ["1", "2"].contains(&sent[0].1.as_str()));
    }

    #[test]
    fn of_several_boxes_some_are_ticked_and_others_when_they_are_refused() {
        let (mut rng, known) = (StdRng::seed_from_u64(1), HashMap::new());
        let mut answers = Answers::new(&mut rng, &known);
        let form = form(Kind::Boxes(["a", "b", "c"].map(String::from).into()));
        let mut seen = HashSet::new();
        for n in 0..7 {
            let refused = refusal("Choose other ones.");
            let mut sent = answers.fill(&form, (n > 0).then_some(&refused)).unwrap();
            sent.sort();
            assert!((1..=3).contains(&sent.len()) && sent.iter().all(|(name, _)| name == "f"), "{sent:?}");
            seen.insert(sent);
        }
        assert_eq!(seen.len(), 7, "every set but the empty one");
    }

    #[test]
    fn a_text_is_as_long_as_the_page_wants_it() {
        for (shortest, longest, fits) in [
            (None, None, "ab"),
            (Some(5), None, "ab ab"),
            (None, Some(1), "a"),
            (Some(1), Some(9), "ab"),
            (Some(4), Some(3), "ab "),
        ] {
            assert_eq!(fitted("ab".into(), shortest, longest), fits, "{shortest:?} {longest:?}");
        }
    }

    #[test]
    fn a_known_answer_is_given() {
        let known = HashMap::from([("f".to_owned(), "abc123".to_owned())]);
        let mut rng = StdRng::seed_from_u64(1);
        let form = form(Kind::Text { of: "text".into(), shortest: None, longest: None });
        assert_eq!(Answers::new(&mut rng, &known).fill(&form, None).unwrap()[0].1, "abc123");
    }

    #[test]
    fn what_the_page_hid_in_the_form_goes_back_as_it_came() {
        let known = HashMap::from([("f".to_owned(), "abc123".to_owned())]);
        let mut rng = StdRng::seed_from_u64(1);
        let hidden = Field { value: "the page's own".into(), ..field(Kind::Hidden) };
        let form = Form { action: None, fields: vec![hidden], buttons: vec![] };
        assert_eq!(Answers::new(&mut rng, &known).fill(&form, None).unwrap()[0].1, "the page's own");
    }

    proptest! {
        #[test]
        fn numbers_stay_within_their_bounds(seed in any::<u64>(), low in -50.0..50.0f64, width in 0.0..20.0f64) {
            let (mut rng, known) = (StdRng::seed_from_u64(seed), HashMap::new());
            let (min, max) = (written(low).parse().unwrap(), written(low + width).parse().unwrap());
            let form = form(Kind::Number { min: Some(min), max: Some(max), step: None });
            let sent = Answers::new(&mut rng, &known).fill(&form, None).unwrap().remove(0).1;
            let value: f64 = sent.parse().unwrap();
            prop_assert!(value >= min - 1e-4 && value <= max + 1e-4, "{} is not in {}..{}", value, min, max);
        }
    }
}
