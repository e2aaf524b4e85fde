//! What was typed into the page's forms, read. The limits are those of the control API; what depends on the market's
//! own state, such as a moment that is over, it says itself.

use std::ops::RangeInclusive;

use chrono::{DateTime, NaiveDateTime, Utc};
use kernel::money::Cents;

use super::words;
use crate::recruiters::mturk::rehearsal::{
    Behaviour, FaultKind, Grant, Home, NewFault, OPERATIONS, RunOrder, Turn, Unit,
};
use crate::web::forms::Form;
use crate::web::sites::capital;

/// The longest step, in seconds: ten years.
const LONGEST_STEP: i64 = 315_360_000;
/// The fastest clock.
const FASTEST: f64 = 1_000_000.0;
/// Calls that one fault strikes at most.
const MOST_TIMES: u32 = 1_000_000;
/// The largest deposit.
const MOST_MONEY: Cents = Cents(100_000_000);
/// Arrivals a minute at most.
const BUSIEST: f64 = 10_000.0;
/// Simulated workers at the same time at most.
const MOST_AT_ONCE: u32 = 100;
/// The latest of those who start late, and the longest patience, in seconds.
const LATEST: u32 = 86_400;

/// The usual order for simulated workers: ten, as people come to a small study.
pub(super) const USUAL_WORKERS: [(&str, &str); 15] = [
    ("workers", "10"),
    ("arrivals", "6"),
    ("arrival_clock", "market"),
    ("share_complete", "1"),
    ("share_slow_starter", "0"),
    ("share_return", "0"),
    ("share_abandon", "0"),
    ("share_submit_unfinished", "0"),
    ("share_never_submit", "0"),
    ("share_double_accept", "0"),
    ("share_two_accounts", "0"),
    ("late", "60"),
    ("seed", "1"),
    ("at_once", "20"),
    ("patience", "120"),
];

/// The lengths of a step.
pub(super) const UNITS: [(&str, &str); 3] = [("minutes", "minutes"), ("hours", "hours"), ("days", "days")];

/// By which clock simulated workers come.
pub(super) const CLOCKS: [(&str, &str); 2] =
    [("market", "the market’s clock"), ("real", "the time of the day")];

/// Every kind of trouble, for its list.
pub(super) fn kinds() -> [(&'static str, String); 15] {
    FaultKind::ALL.map(|kind| {
        let unit = match kind.unit() {
            Some(Unit::PerSecond) => " (calls a second)",
            Some(Unit::Milliseconds) => " (milliseconds)",
            Some(Unit::Seconds) => " (seconds)",
            None => "",
        };
        (kind.name(), format!("{}{unit}", words::capital(words::kind(kind))))
    })
}

/// Every operation, for its list.
pub(super) fn operations() -> Vec<(&'static str, &'static str)> {
    std::iter::once(("", "every call")).chain(OPERATIONS.map(|name| (name, name))).collect()
}

/// Everything that can happen, for its list.
pub(super) fn effects() -> Vec<(&'static str, &'static str)> {
    std::iter::once(("", "everything")).chain(words::EFFECTS).collect()
}

/// An id as the marketplace writes it; `None` for nothing.
pub(super) fn id(typed: String) -> Option<String> {
    let id: String = typed.chars().filter(char::is_ascii_alphanumeric).take(64).collect();
    Some(id.to_ascii_uppercase()).filter(|id| !id.is_empty())
}

/// Whether more is asked for than people who do everything right.
pub(super) fn mixed(form: &Form) -> bool {
    let usual = |name: &str, share: &str| name == "complete" || ["", "0"].contains(&share.trim());
    let shares = form.starting("share_").any(|(name, share)| !usual(name, share));
    let more = ["share_complete", "late", "homes", "seed", "at_once", "patience", "ask_for", "grant"];
    let wrong = more.iter().any(|name| form.error(name).is_some());
    shares || wrong || ["homes", "ask_for", "grant"].iter().any(|name| !form.value(name).trim().is_empty())
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
        "run" => decimal(form, "rate", FASTEST).map(Turn::Run),
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
    let amount = form.number("amount", 1..=LONGEST_STEP / seconds.unwrap_or(60));
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

/// A number from nothing to `most`, with an optional fraction.
fn decimal(form: &mut Form, name: &str, most: f64) -> Option<f64> {
    let text = form.text(name, 1..=20);
    if form.error(name).is_some() {
        return None;
    }
    let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let number = text.parse().ok().filter(|number| plain && (0.0..=most).contains(number));
    if number.is_none() {
        form.fail(name, format!("A number like 60 or 0.5, at most {most}."));
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
    let times = optional(form, "times", 1..=MOST_TIMES);
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
    if let Some(unit) = kind.unit() {
        return form.number("number", 1..=unit.most());
    }
    if !form.value("number").trim().is_empty() {
        form.fail("number", "This kind of trouble takes no number; leave it empty.");
    }
    None
}

fn optional(form: &mut Form, name: &str, bounds: RangeInclusive<u32>) -> Option<u32> {
    if form.value(name).trim().is_empty() { None } else { form.number(name, bounds) }
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
    let amount = amount.map_err(|error| form.fail("dollars", capital(&error.to_string()))).ok()?;
    if !(Cents(1)..=MOST_MONEY).contains(&amount) {
        form.fail("dollars", format!("An amount from 0.01 to {MOST_MONEY}."));
    }
    form.is_valid().then_some(amount)
}

/// An order for simulated workers.
pub(super) fn workers(form: &mut Form) -> Option<RunOrder> {
    let workers = form.number("workers", 1..=500);
    let title = Some(form.text("title", 0..=128)).filter(|title| !title.is_empty());
    let arrivals_per_minute = arrivals(form);
    let shares = shares(form);
    let by_machine_clock = form.value("arrival_clock") == "real";
    let late = optional(form, "late", 0..=LATEST);
    let seed = optional(form, "seed", 0..=u32::MAX);
    let homes = homes(form);
    let at_once = optional(form, "at_once", 1..=MOST_AT_ONCE);
    let patience = optional(form, "patience", 0..=LATEST);
    let (ask_for, grant) = (ask_for(form), grant(form));
    let workers = workers?;
    form.is_valid().then_some(RunOrder {
        workers,
        title,
        arrivals_per_minute,
        by_machine_clock,
        shares,
        late,
        homes,
        seed,
        at_once,
        patience,
        ask_for,
        grant,
    })
}

/// Qualification types to ask for, in any number.
fn ask_for(form: &mut Form) -> Vec<String> {
    let typed = form.text("ask_for", 0..=2_000);
    let ids: Option<Vec<_>> = apart(&typed).map(type_id).collect();
    if ids.is_none() {
        form.fail("ask_for", "Ids of qualification types, with commas between them.");
    }
    ids.unwrap_or_default()
}

/// Own qualifications to give, as `3ABC=5, 3DEF`; the value is 1 where none is written.
fn grant(form: &mut Form) -> Vec<Grant> {
    let typed = form.text("grant", 0..=2_000);
    let one = |typed: &str| {
        let (id, value) = typed.split_once('=').unwrap_or((typed, "1"));
        Some(Grant { qualification_type_id: type_id(id)?, value: value.parse().ok()? })
    };
    let grants: Option<Vec<_>> = apart(&typed).map(one).collect();
    if grants.is_none() {
        form.fail(
            "grant",
            "Ids of your qualification types, each with a value if it is not 1, like 3ABC=5, 3DEF.",
        );
    }
    grants.unwrap_or_default()
}

/// What was typed with commas, semicolons or blanks in between.
fn apart(typed: &str) -> impl Iterator<Item = &str> {
    typed.split([',', ' ', ';']).filter(|part| !part.is_empty())
}

fn type_id(typed: &str) -> Option<String> {
    let fits = typed.len() <= 64 && typed.bytes().all(|b| b.is_ascii_alphanumeric());
    (fits && !typed.is_empty()).then(|| typed.to_ascii_uppercase())
}

/// How many come in a minute; an empty field lets all come at once.
fn arrivals(form: &mut Form) -> Option<f64> {
    if form.value("arrivals").trim().is_empty() {
        return None;
    }
    let rate = decimal(form, "arrivals", BUSIEST);
    if rate == Some(0.0) {
        form.fail("arrivals", "More than 0, or nobody comes.");
    }
    rate
}

/// Countries and states, as `US, US-CA`.
fn homes(form: &mut Form) -> Vec<Home> {
    let typed = form.text("homes", 0..=500);
    let homes: Option<Vec<_>> = apart(&typed).map(home).collect();
    if homes.is_none() {
        form.fail("homes", "Two letters for each country, like US, and two for a state, like US-CA.");
    }
    homes.unwrap_or_default()
}

fn home(typed: &str) -> Option<Home> {
    let letters = |code: &str| {
        (code.len() == 2 && code.bytes().all(|b| b.is_ascii_alphabetic())).then(|| code.to_ascii_uppercase())
    };
    let (country, subdivision) = match typed.split_once('-') {
        Some((country, state)) => (country, Some(letters(state)?)),
        None => (typed, None),
    };
    Some(Home { country: letters(country)?, subdivision })
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
        if let Some(share) = form.number(&field, 0..=1_000u32).filter(|share| *share > 0) {
            shares.push((behaviour, share));
        }
    }
    if shares.is_empty() {
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
            (vec![("turn", "run"), ("rate", "1000001")], "rate"),
            (vec![("turn", "step"), ("amount", "3651"), ("unit", "days")], "amount"),
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
        assert_eq!((order.arrivals_per_minute, order.late, order.seed), (Some(6.0), Some(60), Some(1)));
    }

    #[test]
    fn qualifications_are_asked_for_and_given_by_their_ids() {
        let order = |ask_for: &str, grant: &str| {
            let mut form = filled(posted(&[("ask_for", ask_for), ("grant", grant)]), &USUAL_WORKERS);
            let order = workers(&mut form).map(|order| (order.ask_for, order.grant));
            order.ok_or([form.error("ask_for").is_some(), form.error("grant").is_some()])
        };
        let give = |id: &str, value| Grant { qualification_type_id: id.into(), value };
        assert_eq!(order("", ""), Ok((vec![], vec![])));
        let asked = vec!["3ABC".to_owned(), "3DEF".to_owned()];
        assert_eq!(order("3abc, 3DEF", "3ABC=5;3def"), Ok((asked, vec![give("3ABC", 5), give("3DEF", 1)])));
        for (ask_for, grant, wrong) in [
            ("plays well?", "", [true, false]),
            ("3ABC=5", "", [true, false]),
            ("", "3ABC=five", [false, true]),
            ("", "3ABC=-1", [false, true]),
            ("", "=5", [false, true]),
        ] {
            assert_eq!(order(ask_for, grant), Err(wrong), "{ask_for} {grant}");
        }
    }

    #[test]
    fn homes_are_countries_and_states() {
        let read = |typed: &str| {
            let mut form = filled(posted(&[("homes", typed)]), &USUAL_WORKERS);
            workers(&mut form).map(|order| order.homes).ok_or(form.error("homes").is_some())
        };
        let home = |country: &str, state: Option<&str>| Home {
            country: country.into(),
            subdivision: state.map(str::to_owned),
        };
        assert_eq!(read(""), Ok(vec![]));
        assert_eq!(
            read(" us, DE;us-ca "),
            Ok(vec![home("US", None), home("DE", None), home("US", Some("CA"))])
        );
        for wrong in ["Denmark", "U1", "US-CAL", "-CA", "US-"] {
            assert_eq!(read(wrong), Err(true), "{wrong}");
        }
    }
}
