//! What was typed into the page's forms, read. Limits that the marketplace knows it says itself.

use chrono::{DateTime, NaiveDateTime, Utc};
use kernel::money::Cents;

use super::words;
use crate::recruiters::mturk::rehearsal::{Behaviour, FaultKind, NewFault, OPERATIONS, RunOrder, Turn};
use crate::web::forms::Form;
use crate::web::sites::capital;

/// The usual order for simulated workers: ten, as people come to a small study.
pub(super) const USUAL_WORKERS: [(&str, &str); 4] =
    [("workers", "10"), ("arrivals", "6"), ("arrival_clock", "market"), ("share_complete", "1")];

/// The lengths of a step.
pub(super) const UNITS: [(&str, &str); 3] = [("minutes", "minutes"), ("hours", "hours"), ("days", "days")];

/// By which clock simulated workers come.
pub(super) const CLOCKS: [(&str, &str); 2] =
    [("market", "the market’s clock"), ("real", "the time of the day")];

/// Every kind of trouble, for its list.
pub(super) fn kinds() -> [(&'static str, String); 11] {
    FaultKind::ALL.map(|kind| (kind.name(), capital(words::kind(kind))))
}

/// Every operation, for its list.
pub(super) fn operations() -> Vec<(&'static str, &'static str)> {
    std::iter::once(("", "every call")).chain(OPERATIONS.map(|name| (name, name))).collect()
}

/// Whether more is asked for than people who do everything right.
pub(super) fn mixed(form: &Form) -> bool {
    form.error("share_complete").is_some()
        || form.starting("share_").any(|(name, share)| name != "complete" && !share.trim().is_empty())
}

/// Which faults are lifted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lifting {
    One(i64),
    All,
}

/// The form with usual values where nothing was posted at all.
pub(super) fn filled(mut form: Form, usual: &[(&str, &str)]) -> Form {
    for (name, value) in usual {
        if form.all(name).is_empty() {
            form = form.with(name, value);
        }
    }
    form
}

/// A turn of the clock.
pub(super) fn turn(form: &mut Form) -> Option<Turn> {
    match form.value("turn") {
        "freeze" => Some(Turn::Freeze),
        "run" => decimal(form, "rate").map(Turn::Run),
        "step" => step(form),
        "to" => moment(form).map(Turn::To),
        _ => {
            form.fail("", "Choose what the clock should do.");
            None
        }
    }
}

fn step(form: &mut Form) -> Option<Turn> {
    let seconds: Option<i64> = match form.value("unit") {
        "minutes" => Some(60),
        "hours" => Some(3_600),
        "days" => Some(86_400),
        _ => None,
    };
    if seconds.is_none() {
        form.fail("unit", "Choose minutes, hours or days.");
    }
    let amount = form.number("amount", 1..=1_000_000i64);
    Some(Turn::Step(amount? * seconds?))
}

/// A date and a time, as browsers post them and as people write them.
fn moment(form: &mut Form) -> Option<DateTime<Utc>> {
    let text = form.text("at", 1..=40);
    if form.error("at").is_some() {
        return None;
    }
    let ways = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"];
    let read = ways.iter().find_map(|way| NaiveDateTime::parse_from_str(&text, way).ok());
    if read.is_none() {
        form.fail("at", "Write a date and a time like 2027-01-31 09:00.");
    }
    read.map(|naive| naive.and_utc())
}

/// A number with an optional fraction.
fn decimal(form: &mut Form, name: &str) -> Option<f64> {
    let text = form.text(name, 1..=20);
    if form.error(name).is_some() {
        return None;
    }
    let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let number = text.parse().ok().filter(|_| plain);
    if number.is_none() {
        form.fail(name, "A number like 60 or 0.5.");
    }
    number
}

/// A fault to be ordered.
pub(super) fn fault(form: &mut Form) -> Option<NewFault> {
    let kind = FaultKind::named(form.value("kind"));
    if kind.is_none() {
        form.fail("kind", "Choose what goes wrong.");
    }
    let operation = operation(form);
    let times = optional(form, "times");
    let number = kind.and_then(|kind| number(form, kind));
    form.is_valid().then_some(NewFault { kind: kind?, number, operation, times })
}

fn operation(form: &mut Form) -> Option<String> {
    let operation = form.text("operation", 0..=100);
    if !operation.is_empty() && !OPERATIONS.contains(&operation.as_str()) {
        form.fail("operation", "Choose one of the operations, or every one.");
    }
    Some(operation).filter(|name| !name.is_empty())
}

/// The number of a kind that has one, and of no other.
fn number(form: &mut Form, kind: FaultKind) -> Option<u32> {
    if kind.unit().is_some() {
        return form.number("number", 1..=u32::MAX);
    }
    if !form.value("number").trim().is_empty() {
        form.fail("number", "This kind of trouble takes no number; leave it empty.");
    }
    None
}

fn optional(form: &mut Form, name: &str) -> Option<u32> {
    if form.value(name).trim().is_empty() { None } else { form.number(name, 1..=u32::MAX) }
}

/// Which faults are lifted.
pub(super) fn lifting(form: &mut Form) -> Option<Lifting> {
    match form.value("fault") {
        "all" => Some(Lifting::All),
        id => match id.parse() {
            Ok(id) => Some(Lifting::One(id)),
            Err(_) => {
                form.fail("", "Choose a fault of the list.");
                None
            }
        },
    }
}

/// Play money.
pub(super) fn dollars(form: &mut Form) -> Option<Cents> {
    let text = form.text("dollars", 1..=20);
    if form.error("dollars").is_some() {
        return None;
    }
    let amount = text.trim_start_matches('$').parse::<Cents>();
    amount.map_err(|error| form.fail("dollars", capital(&format!("{error}.")))).ok()
}

/// An order for simulated workers.
pub(super) fn workers(form: &mut Form) -> Option<RunOrder> {
    let workers = form.number("workers", 1..=500);
    let title = Some(form.text("title", 0..=128)).filter(|title| !title.is_empty());
    let all_at_once = form.value("arrivals").trim().is_empty();
    let arrivals_per_minute = if all_at_once { None } else { decimal(form, "arrivals") };
    let shares = shares(form);
    let by_machine_clock = form.value("arrival_clock") == "real";
    let workers = workers?;
    form.is_valid().then_some(RunOrder { workers, title, arrivals_per_minute, by_machine_clock, shares })
}

/// The name of a behaviour's field.
pub(super) fn share_field(behaviour: &Behaviour) -> String {
    format!("share_{}", behaviour.name())
}

fn shares(form: &mut Form) -> Vec<(Behaviour, u32)> {
    let mut shares = Vec::new();
    for behaviour in Behaviour::ALL {
        let field = share_field(&behaviour);
        if form.value(&field).trim().is_empty() {
            continue;
        }
        if let Some(share) = form.number(&field, 0..=1_000u32) {
            shares.push((behaviour, share));
        }
    }
    if shares.iter().all(|(_, share)| *share == 0) {
        form.fail("share_complete", "At least one share must be more than nothing.");
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    fn posted(fields: &[(&str, &str)]) -> Form {
        fields.iter().fold(Form::new(), |form, (name, value)| form.with(name, value))
    }

    #[test]
    fn a_turn_of_the_clock_is_read_or_explained_beside_its_field() {
        for (fields, turn_read) in [
            (vec![("turn", "freeze")], Turn::Freeze),
            (vec![("turn", "run"), ("rate", "0.5")], Turn::Run(0.5)),
            (vec![("turn", "step"), ("amount", "3"), ("unit", "days")], Turn::Step(259_200)),
            (
                vec![("turn", "to"), ("at", "1970-01-02T00:01")],
                Turn::To(DateTime::UNIX_EPOCH + chrono::Duration::minutes(1_441)),
            ),
        ] {
            assert_eq!(turn(&mut posted(&fields)), Some(turn_read), "{fields:?}");
        }
        for (fields, field) in [
            (vec![("turn", "backwards")], ""),
            (vec![("turn", "run"), ("rate", "1e3")], "rate"),
            (vec![("turn", "run"), ("rate", "inf")], "rate"),
            (vec![("turn", "run"), ("rate", ".")], "rate"),
            (vec![("turn", "step"), ("amount", "0"), ("unit", "hours")], "amount"),
            (vec![("turn", "step"), ("amount", "1"), ("unit", "years")], "unit"),
            (vec![("turn", "to"), ("at", "tomorrow")], "at"),
        ] {
            let mut form = posted(&fields);
            assert_eq!(turn(&mut form), None, "{fields:?}");
            assert!(form.error(field).is_some(), "{fields:?}");
        }
    }

    #[test]
    fn a_fault_takes_a_number_exactly_when_its_kind_has_one() {
        let order = |kind, number| {
            let mut form = posted(&[("kind", kind), ("number", number), ("times", "")]);
            (fault(&mut form), form.error("number").map(str::to_owned))
        };
        for kind in FaultKind::ALL {
            let (without, with) = (order(kind.name(), ""), order(kind.name(), "7"));
            assert_eq!(without.0.is_some(), kind.unit().is_none(), "{kind:?}");
            assert_eq!(with.0.is_some(), kind.unit().is_some(), "{kind:?}");
            assert_ne!(without.1.is_some(), with.1.is_some(), "{kind:?}");
        }
        assert_eq!(order("hide", "7").0.unwrap().times, None, "an empty count means until lifted");
        assert_eq!(order("explode", "").0, None);
    }

    #[test]
    fn usual_values_stand_only_where_nothing_was_posted() {
        let form = filled(posted(&[("times", "")]), &[("times", "1"), ("kind", "hide")]);
        assert_eq!((form.value("times"), form.value("kind")), ("", "hide"));
    }

    #[test]
    fn shares_that_nobody_has_are_refused() {
        let mut form = filled(posted(&[("share_complete", "0")]), &USUAL_WORKERS);
        assert_eq!(workers(&mut form), None);
        assert!(form.error("share_complete").is_some());
        let mut form = filled(posted(&[("share_return", "2")]), &USUAL_WORKERS);
        let order = workers(&mut form).unwrap();
        assert_eq!(order.shares, [(Behaviour::Complete, 1), (Behaviour::Return, 2)]);
        assert_eq!(order.arrivals_per_minute, Some(6.0));
    }
}
